"""Weather at the sites: one synthetic year of hours that meets the real long-run levels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from siting.vocabulary import Parameters, UnitsError, step
from siting.weather_field.parameters import FieldParameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr
    from numpy.typing import NDArray

_PER_SITE = ("latitude", "longitude", "altitude", "wind_speed_100m_mean", "annual_ghi")
_PER_MONTH = ("temp_air_monthly", "precipitation_monthly", "linke_turbidity")
_ADDED = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")

#: Plausible values of the inputs: name -> (lowest, highest, the likely slip).
_PLAUSIBLE: dict[str, tuple[float, float, str]] = {
    "latitude": (-90.0, 90.0, "metres instead of degrees"),
    "longitude": (-180.0, 180.0, "metres, or 0 to 360, instead of -180 to 180 degrees"),
    "altitude": (-500.0, 9000.0, "feet instead of m"),
    "wind_speed_100m_mean": (0.0, 25.0, "km/h instead of m s-1"),
    "annual_ghi": (300.0, 3000.0, "kWh m-2 per day, or MJ, instead of kWh m-2 per year"),
    "temp_air_monthly": (-70.0, 60.0, "kelvin instead of degC"),
    "precipitation_monthly": (0.0, 5000.0, "a rate instead of mm per month"),
    "linke_turbidity": (0.5, 20.0, "values scaled by 20"),
    "daily_ghi_quantile": (0.0, 15.0, "W m-2 or MJ instead of kWh m-2"),
}


class Weather(Parameters):
    """Which year of weather the sites get.

    The hours are synthetic: real long-run levels and real distributions of daily irradiation, but no hour of any year was
    measured. ``year`` sets the calendar and, with ``seed``, the draw; it does not stand for the weather of that year.
    """

    source: Literal["synthetic"] = Field("synthetic", description="Where the hours come from.")
    year: int = Field(2013, ge=2011, le=2020, description="Calendar year of the hours; each year is another draw of the synthetic field.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the synthetic field; results differ between seeds, so try several.")
    field: FieldParameters = Field(FieldParameters(), description="Every number of the synthetic field.")


@step(needs=[*_PER_SITE, *_PER_MONTH, "daily_ghi_quantile"], adds=_ADDED)
def add_weather(sites: xr.Dataset, weather: Weather) -> xr.Dataset:
    """Hourly irradiance, temperature and wind of one year at the sites.

    Parameters
    ----------
    sites : Dataset
        Sites with their coordinates, levels and monthly climate; lazy or loaded.
    weather : Weather
        Year, seed and parameters of the synthetic field.

    Returns
    -------
    Dataset
        The sites with ghi, dni, dhi [W m-2], temp_air [degC] and wind_speed_100m [m s-1], (site, time). Stamps are the starts
        of hours in UTC, values are means over the hour. Lazy input gives lazy output of the same bits. The
        coarse grid of ``daily_ghi_quantile`` ends here.

    Raises
    ------
    UnitsError
        If a value is implausible in its declared unit.
    AlignmentError
        If a coordinate is unknown, or a site lies outside the grid of ``daily_ghi_quantile``.
    """
    import xarray as xr

    times = year_hours(weather.year)
    climate = sites["daily_ghi_quantile"].transpose("weather_latitude", "weather_longitude", "month", "quantile")
    hours = xr.apply_ufunc(
        synthetic_year,
        *(sites[name] for name in (*_PER_SITE, *_PER_MONTH)),
        climate,
        kwargs={
            "grid_latitude": climate["weather_latitude"].to_numpy(),
            "grid_longitude": climate["weather_longitude"].to_numpy(),
            "probabilities": climate["quantile"].to_numpy(),
            "weather": weather,
        },
        input_core_dims=[[]] * len(_PER_SITE) + [["month"]] * len(_PER_MONTH) + [list(climate.dims)],
        output_core_dims=[["time"]] * len(_ADDED),
        output_dtypes=[np.float64] * len(_ADDED),
        dask="parallelized",
        dask_gufunc_kwargs={"output_sizes": {"time": len(times)}, "allow_rechunk": True},
        keep_attrs=False,
    )
    local = sites.drop_dims(["weather_latitude", "weather_longitude", "quantile"])
    return note_weather(local.assign_coords(time=times).assign(dict(zip(_ADDED, hours, strict=True))), weather)


def note_weather(dataset: xr.Dataset, weather: Weather) -> xr.Dataset:
    """Say in the attributes ``sources`` and ``warnings`` of a dataset, once, that the hours are synthetic."""
    draw = f"year {weather.year}, seed {weather.seed}"
    source = {
        "id": "weather_field",
        "title": f"Synthetic weather field ({draw})",
        "kind": "synthetic",
        "licence": "BSD-3-Clause",
        "citation": "this toolkit, siting.weather_field",
        "sha256": "",
        "note": "Seasons, time scales and correlations are declared parameters of low to medium confidence.",
        "variables": list(_ADDED),
    }
    warnings = (
        f"Hours of wind, sun and temperature are synthetic ({draw}): long-run levels and daily irradiation follow real data, "
        "but no hour was measured.",
        "Storage and costs on synthetic hours differ between seeds: smaller differences are ties, and matched shares of 95 % or more "
        "need real weather.",
    )
    return dataset.assign_attrs(sources=_with(dataset, "sources", [source]), warnings=_with(dataset, "warnings", warnings))


def _with(dataset: xr.Dataset, attribute: str, items: Iterable[Any]) -> str:
    """JSON list of an attribute with the items that it lacked."""
    listed: list[Any] = json.loads(dataset.attrs.get(attribute, "[]"))
    return json.dumps(listed + [item for item in items if item not in listed], ensure_ascii=False)


def year_hours(year: int) -> NDArray[np.datetime64]:
    """First moments of all hours of a calendar year in UTC, as datetime64[ns]: 8760, or 8784 in a leap year."""
    return np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[h]").astype("datetime64[ns]")


def synthetic_year(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], altitude: NDArray[np.float64], wind_mean: NDArray[np.float64],
    annual_ghi: NDArray[np.float64], temperature: NDArray[np.float64], precipitation: NDArray[np.float64],
    turbidity: NDArray[np.float64], quantiles: NDArray[np.float64], *, grid_latitude: NDArray[np.float64],
    grid_longitude: NDArray[np.float64], probabilities: NDArray[np.float64], weather: Weather,
) -> tuple[NDArray[np.float64], ...]:  # fmt: skip
    """One synthetic year at n places.

    Parameters
    ----------
    latitude, longitude, altitude, wind_mean, annual_ghi : (n,) array
        Places [degree, m] and their long-run mean wind speed [m s-1] and annual irradiation [kWh m-2]. NaN gives NaN.
    temperature, precipitation, turbidity : (n, 12) array
        Monthly mean air temperature [degC], precipitation [mm] and Linke turbidity.
    quantiles : (rows, columns, 12, quantile) array
        Quantiles of the daily irradiation [kWh m-2] on the coarse grid.
    grid_latitude, grid_longitude, probabilities : array
        Axes of ``quantiles``, ascending.
    weather : Weather
        Year, seed and parameters of the field.

    Returns
    -------
    tuple of (n, time) array
        ghi, dni, dhi [W m-2], temp_air [degC] and wind_speed_100m [m s-1].

    Raises
    ------
    UnitsError, AlignmentError
        As :func:`add_weather`.
    """
    from siting.weather_field.lattice import Component, year_anomaly
    from siting.weather_field.seasons import blend_months, habits, month_blend
    from siting.weather_field.sun import day_scores, local_quantiles, relative_clearness, sun_year
    from siting.weather_field.temperature import temperature_hours
    from siting.weather_field.wind import wind_factor, wind_hours

    given = (latitude, longitude, altitude, wind_mean, annual_ghi, temperature, precipitation, turbidity, quantiles)
    names = (*_PER_SITE, *_PER_MONTH, "daily_ghi_quantile")
    for name, values in zip(names, given, strict=True):
        _check_plausible(name, values)
    latitude, longitude, altitude, wind_mean, annual_ghi, temperature, precipitation, turbidity, quantiles = (
        np.ascontiguousarray(values, dtype=np.float64) for values in given
    )
    field, year, key = weather.field, weather.year, (weather.seed, weather.year)
    times, blend = year_hours(year), month_blend(year)
    local = habits(latitude, longitude, field.anchors, field.anchor_blend_km)
    factor = wind_factor(field, key, latitude, longitude, local.monsoon, len(times))
    scores = day_scores(field, key, year, latitude, longitude, local, factor)
    known = local_quantiles(latitude, longitude, grid_latitude, grid_longitude, quantiles)
    clearness = relative_clearness(scores, known, probabilities, field.clear_day_share, blend)
    level = annual_ghi * year_anomaly(field, key, Component.SUN_YEAR, latitude, longitude)
    sun = sun_year(times, latitude, longitude, altitude, level, blend_months(turbidity, blend), clearness, field.clearness_cap)
    warmth = temperature_hours(field, year, longitude, temperature, precipitation, sun.clearness, len(times))
    speed = wind_mean * year_anomaly(field, key, Component.WIND_YEAR, latitude, longitude)
    return sun.ghi, sun.dni, sun.dhi, warmth, wind_hours(speed, factor, local, longitude, year)


def _check_plausible(name: str, values: NDArray[np.float64]) -> None:
    """Refuse values that can't be meant in the declared unit; NaN passes."""
    lowest, highest, slip = _PLAUSIBLE[name]
    wrong = (values < lowest) | (values > highest)
    if wrong.any():
        raise UnitsError(f"Expected {name} between {lowest:g} and {highest:g}, found {values[wrong][0]:g}; is it {slip}?")
