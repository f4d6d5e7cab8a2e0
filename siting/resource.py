"""Weather at the sites: a synthetic year of hours that meets the real long-run levels, or a year of a weather store."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from siting.catalog import remote_entry
from siting.catalog.cache import Area, product_folder
from siting.catalog.fetched import named_entry
from siting.catalog.units import HOURS_PER_YEAR
from siting.vocabulary import AlignmentError, CatalogError, Parameters, UnitsError, check, step
from siting.weather_field.parameters import FieldParameters
from siting.weather_hours import HOURLY, INTERVAL_START, year_hours

if TYPE_CHECKING:
    from typing import Self

    import xarray as xr
    from numpy.typing import NDArray

    from siting.weather_store import StoredYear

_PER_SITE = ("latitude", "longitude", "altitude", "wind_speed_100m_mean", "annual_ghi")
_PER_MONTH = ("temp_air_monthly", "precipitation_monthly", "linke_turbidity")
_LEVELS = ("annual_ghi", "wind_speed_100m_mean")

#: Years that the synthetic field can draw.
SYNTHETIC_YEARS = range(2011, 2021)

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

    Synthetic hours have real long-run levels and real distributions of daily irradiation, but no hour of any year was
    measured: ``year`` sets the calendar and, with ``seed``, the draw; it does not stand for the weather of that year. Hours of a
    store are those that were written into it, of the year that is named. With ``years`` a supply is sized for all of them together.
    """

    source: Literal["synthetic", "store"] = Field("synthetic", description="Where the hours come from.")
    years: tuple[Annotated[int, Field(ge=1940, le=2100)], ...] = Field(
        (), description="Calendar years that one sizing serves together, ascending, in place of year; what is annual is their mean."
    )
    year: int = Field(
        default_factory=lambda given: (given.get("years") or (2013,))[0],
        ge=1940,
        le=2100,
        description="Calendar year of the hours, 2013 by default; synthetic ones are 2011 to 2020, each another draw.",
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the synthetic field; results differ between seeds, so try several.")
    field: FieldParameters = Field(FieldParameters(), description="Every number of the synthetic field.")
    path: str | None = Field(None, min_length=1, description="Folder of the weather store, relative to the study.")
    dataset: str | None = Field(None, description="Id of hourly weather that `siting fetch` puts into the cache, in place of a path.")
    reach_km: float | None = Field(None, gt=0, le=500, description="Farthest a site may lie from its cell in km; else the store's own.")
    lapse_rate_k_per_km: float = Field(6.5, ge=0, le=10, description="Fall of the air temperature from the cell's altitude to the site's.")
    scale_to_levels: bool = Field(False, description="Whether hours of wind and sun are scaled to the long-run levels of the layers.")
    level_years: tuple[int, ...] = Field((), description="Years of the store that stand for the long run; none is the year itself.")
    level_factor_min: float = Field(0.4, gt=0, le=1, description="Smallest factor of the scaling; a smaller one is refused.")
    level_factor_max: float = Field(2.5, ge=1, le=10, description="Largest factor of the scaling; a larger one is refused.")
    _folder: Path | None = PrivateAttr(default=None)
    _fetched: Path | None = PrivateAttr(default=None)

    @field_validator("year")
    @classmethod
    def _drawn(cls, year: int, info: ValidationInfo) -> int:
        if info.data.get("source") == "synthetic" and year not in SYNTHETIC_YEARS:
            first, last = SYNTHETIC_YEARS[0], SYNTHETIC_YEARS[-1]
            raise ValueError(f"expected a year of {first} to {last} for synthetic weather, found {year}; choose one of them")
        return year

    @field_validator("years")
    @classmethod
    def _in_order(cls, years: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if any(a >= b for a, b in itertools.pairwise(years)):
            raise ValueError(f"expected ascending years without repeats, found {', '.join(map(str, years))}; sort them")
        for year in years:
            cls._drawn(year, info)
        return years

    @field_validator("path")
    @classmethod
    def _path_of_a_store(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is not None and info.data.get("source") == "synthetic":
            raise ValueError("expected no path for synthetic weather, found one; write source: store, or remove the path")
        return path

    @field_validator("dataset")
    @classmethod
    def _hourly(cls, dataset: str | None, info: ValidationInfo) -> str | None:
        if dataset is None:
            return dataset
        if info.data.get("source") == "synthetic":
            raise ValueError("expected no dataset for synthetic weather, found one; write source: store, or remove the dataset")
        if info.data.get("path") is not None:
            raise ValueError("expected a path or a dataset, found both; remove one of them")
        if not named_entry(dataset).hourly:
            raise ValueError(f"expected a dataset of hourly weather, found rasters in {dataset}; name it as a layer")
        return dataset

    @model_validator(mode="after")
    def _year_or_years(self) -> Self:
        if self.years and self.year != self.years[0]:
            raise ValueError(f"expected year or years, found both ({self.year} and {', '.join(map(str, self.years))}); remove one of them")
        return self

    @model_validator(mode="after")
    def _store_is_named(self, info: ValidationInfo) -> Self:
        if self.source == "store" and self.path is None and self.dataset is None:
            raise ValueError("expected the path of a weather store, found none; name its folder or a dataset, or write source: synthetic")
        if self.path is not None and info.context and "folder" in info.context:
            # workers may run in another folder
            self._folder = Path(info.context["folder"]).resolve()
        return self

    @property
    def calendar_years(self) -> tuple[int, ...]:
        """Years whose hours the sites get, one after the other."""
        return self.years or (self.year,)

    def each_year(self) -> list[Weather]:
        """The weather of each year alone, with the long-run level of all."""
        if not self.years:
            return [self]
        level = self.level_years or self.years
        return [self.model_copy(update={"year": year, "years": (), "level_years": level}) for year in self.years]

    def placed(self, area: Area) -> Weather:
        """The weather of a region; a dataset's store lies in the cache."""
        copy = self.model_copy()
        if self.dataset is not None:
            # workers may have another cache
            copy._fetched = product_folder(remote_entry(self.dataset), area) / "store"
        return copy

    @property
    def store(self) -> Path:
        """Folder of the store.

        Raises
        ------
        CatalogError
            If there is none at the path.
        """
        from siting.catalog.files import local_folder

        if self.dataset is not None:
            if self._fetched is None or not self._fetched.is_dir():
                raise CatalogError(
                    f"Expected {self.dataset} for this region in the cache, found none; fix: run `siting fetch` on the study."
                )
            return self._fetched
        return local_folder(self.path or "", self._folder)


@step(needs=["latitude", "longitude", "altitude"], adds=(*HOURLY, "weather_distance", "ghi_level_factor", "wind_level_factor"))
def add_weather(sites: xr.Dataset, weather: Weather) -> xr.Dataset:
    """Hourly irradiance, temperature and wind of one year, or of several, at the sites.

    Parameters
    ----------
    sites : Dataset
        Sites with their coordinates and altitude, lazy or loaded. Synthetic weather also needs their levels and monthly
        climate, and scaling to levels needs the levels.
    weather : Weather
        Source, year and parameters.

    Returns
    -------
    Dataset
        The sites with ghi, dni, dhi [W m-2], temp_air [degC] and wind_speed_100m [m s-1], (site, time). Stamps are the starts
        of hours in UTC, values are means over the hour. Lazy input gives lazy output of the same bits. Beside them stand the
        distance to the weather cell [km] and the factors of the scaling to levels, which are 0 and 1 for synthetic weather. The
        coarse grid of ``daily_ghi_quantile`` ends here.

    Raises
    ------
    MissingVariableError
        If a level or the climate is missing that the source needs.
    UnitsError
        If a value is implausible in its declared unit.
    AlignmentError
        If a coordinate is unknown, a site lies outside the grid of ``daily_ghi_quantile`` or beyond the reach of its weather
        cell, or a factor of the scaling is out of bounds.
    CatalogError
        If there is no such store or year.
    IntegrityError
        If the year is incomplete in the store, or bytes differ from their checksum.

    Notes
    -----
    No other step opens a file. The weather store is the one sanctioned exception: hourly weather never travels with the
    sites, so that each block reads its cells where it runs, from a path that all workers must see.
    """
    added = _joined([_from_store(sites, each) if each.source == "store" else _from_field(sites, each) for each in weather.each_year()])
    hourly = [name for name in ("weather_latitude", "weather_longitude", "quantile") if name in sites.dims]
    stamps = np.concatenate([year_hours(year) for year in weather.calendar_years])
    # at once and without coordinates, as each assignment copies and aligns the whole table
    variables = {"time": ("time", stamps, {"stamps": INTERVAL_START})} | {name: values.variable for name, values in added.items()}
    return note_weather(sites.drop_dims(hourly).assign(variables), weather)


def _joined(years: list[dict[str, xr.DataArray]]) -> dict[str, xr.DataArray]:
    """Hours of years one after the other; of the distances to their cells the largest, and their common factors."""
    import xarray as xr

    if len(years) == 1:
        return years[0]
    joined = {name: xr.concat([each[name] for each in years], "time") for name in HOURLY}
    joined = {name: hours.chunk(time=-1) if hours.chunks else hours for name, hours in joined.items()}
    distance = xr.concat([each["weather_distance"] for each in years], "year").max("year", skipna=False)
    return {**years[0], **joined, "weather_distance": distance}


def _from_field(sites: xr.Dataset, weather: Weather) -> dict[str, xr.DataArray]:
    import xarray as xr

    check(sites, [*_PER_SITE, *_PER_MONTH, "daily_ghi_quantile"], "add_weather")
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
        output_core_dims=[["time"]] * len(HOURLY),
        output_dtypes=[np.float64] * len(HOURLY),
        dask="parallelized",
        dask_gufunc_kwargs={"output_sizes": {"time": len(year_hours(weather.year))}, "allow_rechunk": True},
        keep_attrs=False,
    )
    nothing = xr.zeros_like(sites["altitude"], dtype=np.float64).drop_attrs()
    exact = {"weather_distance": nothing, "ghi_level_factor": nothing + 1.0, "wind_level_factor": nothing + 1.0}
    return dict(zip(HOURLY, hours, strict=True)) | exact


def _from_store(sites: xr.Dataset, weather: Weather) -> dict[str, xr.DataArray]:
    import xarray as xr

    if weather.scale_to_levels:
        check(sites, _LEVELS, "add_weather with scale_to_levels")
    unknown = xr.full_like(sites["altitude"], np.nan, dtype=np.float64)
    given = [sites[name] if weather.scale_to_levels else unknown for name in _LEVELS]
    added = xr.apply_ufunc(
        stored_year,
        *(sites[name] for name in ("latitude", "longitude", "altitude")),
        *given,
        kwargs={"weather": weather},
        input_core_dims=[[]] * 5,
        output_core_dims=[["time"]] * len(HOURLY) + [[]] * 3,
        output_dtypes=[np.float32] * len(HOURLY) + [np.float64] * 3,
        dask="parallelized",
        dask_gufunc_kwargs={"output_sizes": {"time": len(year_hours(weather.year))}},
        keep_attrs=False,
    )
    return dict(zip((*HOURLY, "weather_distance", "ghi_level_factor", "wind_level_factor"), added, strict=True))


def stored_year(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], altitude: NDArray[np.float64], annual_ghi: NDArray[np.float64],
    wind_mean: NDArray[np.float64], *, weather: Weather,
) -> tuple[NDArray[np.floating[Any]], ...]:  # fmt: skip
    """One year of a weather store at n places: the hours of the nearest cell, brought to the place.

    Parameters
    ----------
    latitude, longitude, altitude : (n,) array
        Places [degree, m]. The temperature follows the altitude by the lapse rate; an unknown altitude gives no temperature.
    annual_ghi, wind_mean : (n,) array
        Long-run levels [kWh m-2, m s-1], read only for scaling to levels.
    weather : Weather
        Store, year and parameters.

    Returns
    -------
    tuple of array
        ghi, dni, dhi [W m-2], temp_air [degC] and wind_speed_100m [m s-1], (n, time), float32; then the distance to the cell [km] and the
        factors on irradiance and on wind, (n,).

    Raises
    ------
    AlignmentError, CatalogError, IntegrityError
        As :func:`add_weather`.

    Notes
    -----
    Scaling multiplies all hours of a place by ``level / mean``, the mean being that of the cell over ``level_years``. One factor
    serves the three irradiances, so that they still close.
    """
    from siting.weather_store import open_year

    stored = open_year(weather.store, weather.year)
    cell, distance = stored.locate(latitude, longitude, weather.reach_km)
    hours = stored.hours(cell)
    climb = np.asarray(altitude, dtype=np.float64) - stored.columns["altitude"][cell]
    hours["temp_air"] -= (climb * (weather.lapse_rate_k_per_km / 1000.0))[:, None]
    sun, wind = np.ones(len(cell)), np.ones(len(cell))
    if weather.scale_to_levels:
        years = [open_year(weather.store, year) for year in weather.level_years or (weather.year,)]
        sun = _level_factor("ghi", annual_ghi * 1000.0 / HOURS_PER_YEAR, years, (latitude, longitude), weather)
        wind = _level_factor("wind_speed_100m", wind_mean, years, (latitude, longitude), weather)
        for name in ("ghi", "dni", "dhi"):
            hours[name] *= sun[:, None]
        hours["wind_speed_100m"] *= wind[:, None]
    return (*(hours[name] for name in HOURLY), distance, sun, wind)


def _level_factor(
    name: str, level: NDArray[np.float64], years: Sequence[StoredYear], place: tuple[Any, Any], weather: Weather
) -> NDArray[np.float64]:  # fmt: skip
    """Factor from the mean of the cells over some years to the level, refused out of its bounds; NaN for an unknown level."""
    means = [year.columns[f"{name}_year_mean"][year.locate(*place, weather.reach_km)[0]] for year in years]
    total = means[0]
    for mean in means[1:]:
        total = total + mean
    factor = np.asarray(level / (total / len(means)), dtype=np.float64)
    wrong = np.flatnonzero((factor < weather.level_factor_min) | (factor > weather.level_factor_max))
    if wrong.size:
        raise AlignmentError(
            f"Expected factors of {weather.level_factor_min:g} to {weather.level_factor_max:g} from the hours of {name} to their level, "
            f"found {factor[wrong[0]]:.2f} at {place[0][wrong[0]]:.3f} N, {place[1][wrong[0]]:.3f} E ({wrong.size} in all); check the "
            "units of the layer and of the store, or widen the bounds."
        )
    return factor


def weather_blocks(sites: xr.Dataset, weather: Weather, block_sites: int = 250) -> list[NDArray[np.int64]]:
    """Positions of the sites, block by block, so that each weather cell is read for one block only.

    Sites are ordered by weather cell, and a block holds whole cells; a cell with more than ``block_sites`` sites is cut, and
    its parts follow each other, so that its chunk is remembered between them. Synthetic weather is cut in the order of the
    sites. Every site is in exactly one block; to get the order of the sites back, sort the results by the joined positions.

    Parameters
    ----------
    sites : Dataset
        Sites with latitude and longitude.
    weather : Weather
        Source of the hours.
    block_sites : int
        Most sites of a block with one year of hours; with several it holds fewer, as many hours.

    Raises
    ------
    AlignmentError, CatalogError, IntegrityError
        As :func:`add_weather`.
    """
    count, block_sites = sites.sizes["site"], max(block_sites // len(weather.calendar_years), 1)
    if weather.source != "store":
        return [np.arange(start, min(start + block_sites, count)) for start in range(0, count, block_sites)]
    from siting.weather_store import open_year

    cell, _ = open_year(weather.store, weather.year).locate(sites["latitude"].values, sites["longitude"].values, weather.reach_km)
    order = np.argsort(cell, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(cell[order])) + 1) if count else []
    blocks: list[list[NDArray[np.int64]]] = [[]]
    for group in groups:
        for part in np.split(group, range(block_sites, len(group), block_sites)):
            if sum(map(len, blocks[-1])) + len(part) > block_sites:
                blocks.append([])
            blocks[-1].append(part)
    return [np.concatenate(block) for block in blocks if block]


def other_years(weather: Weather, count: int) -> list[Weather]:
    """Draw or live the same weather again: other seeds of the synthetic field, or the other years of the store, each alone.

    Parameters
    ----------
    weather : Weather
        The weather of a study.
    count : int
        How many at most, the study's own not among them.
    """
    if weather.source == "synthetic":
        return [weather.model_copy(update={"seed": weather.seed + n}) for n in range(1, count + 1)]
    from siting.weather_store import store_years

    others = [year for year in store_years(weather.store) if year not in weather.calendar_years]
    return [weather.model_copy(update={"year": year, "years": ()}) for year in others[:count]]


def note_weather(dataset: xr.Dataset, weather: Weather) -> xr.Dataset:
    """Say in the attributes ``sources`` and ``warnings`` of a dataset, once, where the hours come from."""
    notes = [_note_store(each) for each in weather.each_year()] if weather.source == "store" else [_note_field(weather)]
    warnings = dict.fromkeys(warning for _, listed in notes for warning in listed)
    return dataset.assign_attrs(
        sources=_with(dataset, "sources", [source for source, _ in notes]), warnings=_with(dataset, "warnings", warnings)
    )


def _note_field(weather: Weather) -> tuple[dict[str, Any], list[str]]:
    draw = f"{'years' if weather.years else 'year'} {', '.join(map(str, weather.calendar_years))}, seed {weather.seed}"
    source = {
        "id": "weather_field",
        "title": f"Synthetic weather field ({draw})",
        "kind": "synthetic",
        "licence": "BSD-3-Clause",
        "citation": "this toolkit, siting.weather_field",
        "sha256": "",
        "note": "Seasons, time scales and correlations are declared parameters of low to medium confidence.",
        "variables": list(HOURLY),
    }
    return source, [
        f"Hours of wind, sun and temperature are synthetic ({draw}): long-run levels and daily irradiation follow real data, "
        "but no hour was measured.",
        "Storage and costs on synthetic hours differ between seeds: smaller differences are ties, and matched shares of 95 % or more "
        "need real weather.",
    ]


def _note_store(weather: Weather) -> tuple[dict[str, Any], list[str]]:
    from siting.weather_store import open_year

    stored = open_year(weather.store, weather.year)
    about = {name: str(stored.attrs.get(name, "")) for name in ("title", "kind", "licence", "citation", "note")}
    source = {"id": f"weather_store_{weather.year}", **about, "sha256": stored.record_sha256, "variables": list(HOURLY)}
    source["title"] = f"{about['title']} ({weather.year})"
    warnings = []
    if about["kind"] == "synthetic":
        warnings.append(f"Hours of wind, sun and temperature are synthetic ({about['title']}, {weather.year}): no hour was measured.")
    if weather.scale_to_levels:
        warnings.append("Hours of wind and irradiance are scaled to the long-run levels of the layers; each site has its factors.")
    return source, warnings


def _with(dataset: xr.Dataset, attribute: str, items: Iterable[Any]) -> str:
    """JSON list of an attribute with the items that it lacked."""
    listed: list[Any] = json.loads(dataset.attrs.get(attribute, "[]"))
    return json.dumps(listed + [item for item in items if item not in listed], ensure_ascii=False)


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
