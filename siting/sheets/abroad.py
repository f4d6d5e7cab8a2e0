"""A place outside the embedded data, on hours that were fetched for it; what nobody has said of its land and its grid stays unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from siting import catalog, runner
from siting.catalog.cache import Area
from siting.catalog.units import HOURS_PER_YEAR
from siting.fetch import plan_dataset
from siting.region import PROVINCES
from siting.resource import Weather
from siting.vocabulary import StudyError, with_warnings

if TYPE_CHECKING:
    import xarray as xr

    from siting.fetch import Item
    from siting.study import Study

#: Half the edge of the box that holds one point of a dataset [degree].
_NEAR = 1e-3


class Hours(NamedTuple):
    """Hourly weather that is fetched: a dataset of points, and a year of it."""

    dataset: str = "nasa_power_points"
    year: int = 2019


class Grid(NamedTuple):
    """Factor of a country's grid [kg/kWh], NaN where none is cited, its year, and where it comes from."""

    factor: float
    year: int | str
    said: str


def point_item(longitude: float, latitude: float, hours: Hours) -> Item:
    """What is missing of the hours at a place; nothing is asked of any server.

    Raises
    ------
    CatalogError
        If there is no such dataset.
    StudyError
        If the dataset is not one of points, or has no such year.
    """
    return plan_dataset(hours.dataset, (hours.year,), _area(longitude, latitude, hours))


def _area(longitude: float, latitude: float, hours: Hours) -> Area:
    """Box around the point of the dataset that is nearest to a place."""
    entry = catalog.remote_entry(hours.dataset)
    if entry.step is None or not entry.hourly:
        raise StudyError(f"Expected hourly weather at points for a single place, found {hours.dataset}; fix: take nasa_power_points.")
    north, east = (round(value / step) * step for value, step in zip((latitude, longitude), entry.step, strict=True))
    return Area((east - _NEAR, north - _NEAR, east + _NEAR, north + _NEAR), (), 0.0)


def country_grid(country: str) -> Grid:
    """Cited factor of a country's grid; unknown where none is, never 0."""
    table = catalog.open_entry("country_grids")
    if country not in table.index:
        return Grid(float("nan"), "unknown", "no cited factor of the country's grid is embedded: unknown, never 0")
    row = table.loc[country]
    said = f"{row['source']}; {row['counts']}; confidence {row['confidence']}"
    return Grid(float(row["grid_emission_factor"]), int(row["year"]), said)


def rate_abroad(longitude: float, latitude: float, study: Study, hours: Hours, grid: Grid) -> xr.Dataset:
    """Row of the site table of a place whose hours are in the cache, rated by the study's own steps.

    Parameters
    ----------
    longitude, latitude : float
        Place [degree].
    study : Study
        All assumptions; its weather, region and rules don't count.
    hours : Hours
        Fetched weather.
    grid : Grid
        Factor of the country's grid.

    Returns
    -------
    Dataset
        One site. Land is open but for the usable shares of the study; prices, distances and the hours of the grid are unknown, and
        so is all that leans on them.

    Raises
    ------
    CatalogError
        If the hours are not in the cache.
    """
    weather = Weather(source="store", dataset=hours.dataset, year=hours.year).placed(_area(longitude, latitude, hours))
    local = study.model_copy(update={"weather": weather, "policy": None})
    site = _site(longitude, latitude, local, grid)
    rated = runner.rate(runner.evaluate(site, local), local)
    for name in ("scope2_location", "avoided_emissions"):
        rated[name].attrs.update(year=grid.year, factor=grid.said)
    rated["scope2_market"].attrs["factor"] = "no residual mix of the country is embedded: unknown"
    return rated


def _site(longitude: float, latitude: float, study: Study, grid: Grid) -> xr.Dataset:
    """Site table before the weather: levels of the fetched hours, the altitude of their point."""
    import xarray as xr

    from siting.weather_store import open_year

    stored = open_year(study.weather.store, study.weather.year)
    cell, _ = stored.locate(np.array([latitude]), np.array([longitude]), study.weather.reach_km)
    known = {name: stored.columns[name][cell] for name in ("altitude", "ghi_year_mean", "wind_speed_100m_year_mean")}
    unknown = ("grid_carbon_free_share", "grid_energy_price", "distance_to_city", "distance_to_place")
    columns: dict[str, Any] = {
        **dict.fromkeys(unknown, np.nan),
        "altitude": known["altitude"],
        "annual_ghi": known["ghi_year_mean"] * HOURS_PER_YEAR / 1e3,
        "wind_speed_100m_mean": known["wind_speed_100m_year_mean"],
        "grid_emission_factor": grid.factor,
        "cell_area": study.grid.resolution_km**2,
        "pv_land_fraction": study.land.pv_usable_share,
        "wind_land_fraction": study.land.wind_usable_share,
    }
    table = xr.Dataset({name: ("site", np.full(1, value, dtype=np.float64)) for name, value in columns.items()})
    table["province"] = ("site", np.array([-1], dtype=np.int16), {"iso_3166_2": " ".join(PROVINCES)})
    table["load_allowed"] = ("site", np.array([True]))
    entry = catalog.remote_entry(study.weather.dataset or "")
    sentence = (
        f"Hours of {entry.title}, {study.weather.year} ({entry.citation}; {entry.licence}). Land is not screened: all of it is taken to be "
        f"open but for the usable shares. The price and the hours of the grid are unknown. Plants and battery cost what the "
        f"cost book says, which is Chinese. The load keeps the civil time of {study.load.timezone}."
    )
    placed = table.assign_coords(site=[0], latitude=("site", [latitude]), longitude=("site", [longitude]))
    return with_warnings(placed, [sentence, *entry.known_weaknesses])
