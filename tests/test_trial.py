"""The same study on embedded levels and on the real atlas rasters."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import siting
from siting.grid import Grid
from siting.layers import UserLayer
from siting.region import Region
from siting.study import Robustness, Study

FOLDER = os.environ.get("SITING_TRIAL_DATA", "")
pytestmark = [pytest.mark.trial, pytest.mark.slow, pytest.mark.skipif(not FOLDER, reason="SITING_TRIAL_DATA names no folder")]

RASTERS = {
    "wind_speed_100m_mean": ("gwa3_wind_speed_100m.tif", "m s-1"),
    "annual_ghi": ("gsa2_ghi.tif", "kWh m-2 day-1"),
    "annual_dni": ("gsa2_dni.tif", "kWh m-2 day-1"),
}


@pytest.fixture(scope="module")
def pair():
    region = Region(provinces=("CN-QH", "CN-NM", "CN-GS", "CN-NX"))
    embedded = Study(region=region, grid=Grid(resolution_km=50), robustness=Robustness(seeds=1))
    own = {name: UserLayer(path=str(Path(FOLDER) / "atlas" / file), unit=unit) for name, (file, unit) in RASTERS.items()}
    return siting.run(embedded), siting.run(embedded.model_copy(update={"layers": own}))


def test_the_road_is_the_same_on_real_rasters(pair, capsys):
    embedded, atlas = pair
    common = np.intersect1d(embedded.sites["site"], atlas.sites["site"])
    assert common.size >= 0.95 * embedded.sites.sizes["site"]
    first, second = embedded.sites.sel(site=common), atlas.sites.sel(site=common)
    both = ((first["rank"] > 0) & (second["rank"] > 0)).to_numpy()
    cost = [table["delivered_cost"].sel(target=0.9).to_numpy()[both] for table in (first, second)]
    places = [np.argsort(np.argsort(table["rank"].to_numpy()[both])) for table in (first, second)]
    leading = [set(common[both][order < both.sum() // 10]) for order in places]
    spearman = float(np.corrcoef(*places)[0, 1])
    overlap = len(leading[0] & leading[1]) / len(leading[0])
    with capsys.disabled():
        error = np.sqrt(np.mean((cost[0] - cost[1]) ** 2))
        print(
            f"\nembedded beside atlas rasters, {both.sum()} cells of 50 km: cost {cost[0].mean():.3f} and {cost[1].mean():.3f} CNY/kWh, "
            f"RMSE {error:.3f}, rank correlation {spearman:.2f}, best tenth shared {overlap:.0%}"
        )
    assert spearman > 0.3
    assert abs(cost[0].mean() - cost[1].mean()) < 0.1


def test_warnings_go_with_what_they_warn_of(pair):
    embedded, atlas = pair
    assert any("Interpolated between 555 places" in warning for warning in embedded.report["warnings"])
    assert not any("Interpolated between 555 places" in warning for warning in atlas.report["warnings"])
    assert [source["kind"] for source in atlas.report["sources"] if "annual_ghi" in source["variables"]] == ["user"]
