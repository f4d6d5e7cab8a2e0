"""The store of ERA5 in its own conventions: energy of the hour before, states at the hour, latitudes from the north, longitudes to 360."""

import functools
import io
import warnings

import numpy as np
import pytest
import xarray as xr
from fetch import copies
from zarr.storage import MemoryStore

from siting import catalog
from siting.catalog.cache import Area
from siting.fetch import Item, Job, _transport
from siting.fetch import fetch as fetch_items
from siting.vocabulary import FetchError, UnitsError
from siting.weather_hours import year_hours
from siting.weather_store import open_store

YEAR = copies.YEAR
PATH = "/gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3"
QINGHAI, GREENWICH = (100.0, 36.0, 100.5, 36.5), (-0.25, 51.25, 0.25, 51.75)


@functools.cache
def stored(zarr_format, bounds, energy=3600.0):
    """Files of the store around a box, with a cell more on each side; the hours are those of the other copies."""
    west, south, east, north = bounds
    latitude = np.arange(north + 0.25, south - 0.3, -0.25)
    longitude = np.sort(np.arange(west - 0.25, east + 0.3, 0.25) % 360.0)
    labels = np.append(year_hours(YEAR), year_hours(YEAR)[-1] + np.timedelta64(1, "h"))
    arrays = {name: np.empty((len(labels), len(latitude), len(longitude)), np.float32) for name in ("ghi", "temp", "u", "v")}
    for row, lat in enumerate(latitude):
        for col, lon in enumerate(longitude):
            hours = copies.hours(float(lat), float((lon + 180.0) % 360.0 - 180.0))
            arrays["ghi"][:, row, col] = np.append(-1e-3, hours["ghi"] * energy)
            arrays["temp"][:, row, col] = np.append(hours["temp"], hours["temp"][-1]) + 273.15
            wind = np.append(hours["wind50"], hours["wind50"][-1])
            arrays["u"][:, row, col], arrays["v"][:, row, col] = 0.6 * wind, -0.8 * wind
    names = {"ghi": "surface_solar_radiation_downwards", "temp": "2m_temperature"}
    names |= {part: f"100m_{part}_component_of_wind" for part in ("u", "v")}
    dims = ("time", "latitude", "longitude")
    axes = dict(zip(dims, (labels, latitude, longitude), strict=True))
    grid = xr.Dataset({names[key]: (dims, values) for key, values in arrays.items()}, axes)
    store = MemoryStore()
    encoding = {name: {"chunks": (744, len(latitude), len(longitude))} for name in grid.data_vars}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
        grid.to_zarr(store, zarr_format=zarr_format, encoding=encoding, consolidated=True)
    return {f"{PATH}/{key}": value.to_bytes() for key, value in store._store_dict.items()}


@pytest.fixture
def job(server, quick, monkeypatch):
    monkeypatch.setenv("SITING_TIMEOUT", "5")
    monkeypatch.setenv("SITING_URL_ARCO_ERA5", server.url)
    entry = catalog.remote_entry("arco_era5")

    def of(bounds, zarr_format=2, **changes):
        server.files |= stored(zarr_format, bounds, **changes)
        return Job(entry, Area(bounds, (), 0.1), (YEAR,), quick, _transport(entry))

    return of


def fetch(job):
    (folder,) = fetch_items([Item(job, tuple(job.pieces), complete=False)])
    return open_store(folder / "store")


@pytest.mark.parametrize(("zarr_format", "bounds"), [(2, QINGHAI), (3, QINGHAI)])
def test_store_gives_the_hours(job, zarr_format, bounds):
    cells = fetch(job(bounds, zarr_format))
    assert cells.sizes["cell"] == 9
    assert (float(cells.longitude.min()), float(cells.longitude.max())) == (bounds[0], bounds[2])
    assert (float(cells.latitude.min()), float(cells.latitude.max())) == (bounds[1], bounds[3])
    for cell in range(9):
        place = cells.isel(cell=cell)
        hours = copies.hours(float(place.latitude), float(place.longitude))
        # the energy of an hour is labelled with its end, and is the mean of this hour
        assert np.abs(place["ghi"].values - hours["ghi"]).max() < 0.1
        # states at both ends of an hour make its mean
        for name, key in (("temp_air", "temp"), ("wind_speed_100m", "wind50")):
            means = 0.5 * (hours[key] + np.append(hours[key][1:], hours[key][-1]))
            assert np.abs(place[name].values - means).max() < 0.01


def test_both_sides_of_the_first_meridian_are_kept_and_nothing_between(job):
    with np.load(io.BytesIO(job(GREENWICH, 3).pieces[0].load())) as arrays:
        assert sorted(arrays["2m_temperature/longitude"]) == [-0.25, 0.0, 0.25]
        assert list(arrays["2m_temperature/latitude"]) == [51.75, 51.5, 51.25]
        for col, east in enumerate(arrays["2m_temperature/longitude"]):
            expected = copies.hours(51.5, float(east))["temp"][:744] + 273.15
            assert np.abs(arrays["2m_temperature"][:, 1, col] - expected).max() < 1e-3


def test_only_chunks_of_the_year_are_asked_for(job, server):
    fetch(job(QINGHAI))
    chunks = [path for path in server.log if "/2m_temperature/" in path and not path.rsplit("/", 1)[-1].startswith(".z")]
    assert len(set(chunks)) == 12


def test_watts_under_the_name_of_joules_are_refused(job):
    with pytest.raises(UnitsError, match=r"arco_era5: .*expected a year's mean ghi"):
        fetch(job(QINGHAI, energy=1.0))


def test_store_without_the_label_of_new_year_is_refused(job, server):
    given = job(QINGHAI)
    last = max((path for path in server.files if "/surface_solar_radiation_downwards/" in path and "/.z" not in path), key=len)
    del server.files[last]
    with pytest.raises(FetchError, match="Expected the chunk surface_solar_radiation_downwards"):
        fetch(given)
