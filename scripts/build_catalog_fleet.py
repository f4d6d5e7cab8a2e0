"""Hours of the wind and solar fleets of each province: this toolkit's own yields on one fixed, weighted set of places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from siting import catalog
from siting.region import PROVINCES
from siting.resource import Weather, add_weather
from siting.yields.pv import PVSystem, add_pv_yield
from siting.yields.wind import WindFarm, add_wind_yield

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: The synthetic year of a study that names none, so that plants of such a study and the fleets share their weather.
WEATHER = Weather()
PLANT, FARM = PVSystem(precision="float64"), WindFarm(precision="float64")
#: Share of a province's places, the windiest, on which its wind farms stand, and the least number of them.
WINDY_SHARE, FEWEST = 0.25, 3
#: Weight of a named wind or solar base against that of a town: a stand-in for a register of plants.
BASE_WEIGHT = 3.0
#: Places whose year is modelled at once.
BLOCK = 80


def place_sites(places: pd.DataFrame) -> xr.Dataset:
    """Places as sites with all that weather and yields need."""
    here = {name: xr.DataArray(places[name].to_numpy(), dims="site") for name in ("latitude", "longitude")}
    columns: dict[str, Any] = {name: ("site", places[name].to_numpy()) for name in ("wind_speed_100m_mean", "annual_ghi", "annual_dni")}
    for entry in ("climate", "linke_turbidity", "altitude"):
        for name, values in catalog.open_entry(entry).data_vars.items():
            near = values.sel(here, method="nearest").drop_vars(("latitude", "longitude"))
            columns[str(name)] = near.transpose("site", ...)
    sites = xr.Dataset(columns, coords={**here, "site": np.arange(len(places))})
    return sites.assign(catalog.open_entry("daily_ghi")[["daily_ghi_quantile"]])


def weights(places: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of a province's wind and of its solar capacity that stand at each of its places, (province, place)."""
    wind, solar = np.zeros((2, len(PROVINCES), len(places)))
    base = np.where(places["kind"] == "town", 1.0, BASE_WEIGHT)
    for row, code in enumerate(PROVINCES):
        inside = np.flatnonzero(places["iso_3166_2"] == code)
        speed = places["wind_speed_100m_mean"].to_numpy()[inside]
        count = min(len(inside), max(FEWEST, round(WINDY_SHARE * len(inside))))
        windy = inside[np.argsort(-speed, kind="stable")[:count]]
        wind[row, windy], solar[row, inside] = base[windy], base[inside]
    return wind / wind.sum(axis=1, keepdims=True), solar / solar.sum(axis=1, keepdims=True)


def build_fleet_profiles() -> xr.Dataset:
    """Output per capacity of the fleets in each hour of the weather's year, (province, hour)."""
    places = catalog.open_entry("places")
    # an islet in the sea has no altitude, hence no yield
    places = places[~np.isnan(place_sites(places)["altitude"].to_numpy())].reset_index(drop=True)
    shares = dict(zip(("wind", "solar"), weights(places), strict=True))
    sites = place_sites(places)
    hours = len(np.arange(f"{WEATHER.year}-01-01", f"{WEATHER.year + 1}-01-01", dtype="datetime64[h]"))
    profiles = {name: np.zeros((len(PROVINCES), hours)) for name in shares}
    for start in range(0, len(places), BLOCK):
        part = slice(start, start + BLOCK)
        block = add_wind_yield(add_pv_yield(add_weather(sites.isel(site=part), WEATHER), PLANT), FARM)
        for name, factor in (("wind", "wind_capacity_factor"), ("solar", "pv_capacity_factor")):
            profiles[name] += shares[name][:, part] @ block[factor].transpose("site", "time").to_numpy()
    coords = {"grid_zone": np.arange(len(PROVINCES), dtype="i4"), "hour": np.arange(hours, dtype="i4")}
    return xr.Dataset({f"{name}_profile": (("grid_zone", "hour"), values) for name, values in profiles.items()}, coords=coords)
