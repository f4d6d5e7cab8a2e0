"""The atlas rasters that the places were read from, where the folder is at hand."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from siting import catalog

FOLDER = Path(os.environ.get("SITING_TRIAL_DATA", ""))

pytestmark = [
    pytest.mark.trial,
    pytest.mark.skipif("SITING_TRIAL_DATA" not in os.environ, reason="SITING_TRIAL_DATA is not set"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]


@pytest.mark.parametrize(
    ("file", "variable", "unit", "quantum"),
    [
        ("gwa3_wind_speed_100m.tif", "wind_speed_100m_mean", "m s-1", 0.006),
        ("gsa2_ghi.tif", "annual_ghi", "kWh m-2 day-1", 0.006 * 365.25),
        ("gsa2_dni.tif", "annual_dni", "kWh m-2 day-1", 0.006 * 365.25),
    ],
)
def test_places_were_read_from_the_atlas(file, variable, unit, quantum):
    places = catalog.open_entry("places")
    raster = catalog.open_raster(FOLDER / "atlas" / file, unit=unit, variable=variable)
    here = raster.sel(x=xr.DataArray(places.longitude), y=xr.DataArray(places.latitude), method="nearest").to_numpy()
    assert (np.abs(here - places[variable]) <= quantum).mean() > 0.98


def test_elevation_with_the_sea_is_read():
    raster = catalog.open_raster(FOLDER / "samples" / "gebco_2025_CN.tif", unit="m", variable="altitude")
    assert float(raster.sel(x=101.76, y=36.6, method="nearest")) == pytest.approx(2397, abs=100)
