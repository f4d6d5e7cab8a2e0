"""Grid feed-in by province and hour: carbon-free share, renewable share and emission factor. Modelled, not measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, PrivateAttr

from siting import catalog
from siting.feedin import figures
from siting.feedin.hours import calendar_hours, counted, delivered_share, generation_hours
from siting.feedin.load_shape import load_shape, term_names
from siting.region import PROVINCES
from siting.vocabulary import AlignmentError, Parameters, StudyError, step, with_warnings
from siting.weather_hours import calendar_years, require_year

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_Scale = Annotated[float, Field(ge=0, le=20)]

#: Output of hydro power in a dry year against the year of the figures; 2022 cost Sichuan and Hubei about as much.
DROUGHTS: dict[str, float] = {"none": 1.0, "moderate": 0.85, "severe": 0.7}


class Feedin(Parameters):
    """Which power the public grid is taken to bring, hour by hour."""

    year: Literal[2021, 2022, 2023] = Field(2022, description="Year of the generation figures; a scenario scales it.")
    boundary: figures.Boundary = Field("province", description="Whose mix a site draws: province, regional_grid or country.")
    count_hydro: bool = Field(True, description="Whether hydro counts as carbon-free; legacy hydro can't be bought, so false is stricter.")
    count_nuclear: bool = Field(True, description="Whether nuclear power counts as carbon-free.")
    claimed_share: float = Field(0.0, ge=0, lt=1, description="Share of wind and solar that others have claimed; it leaves the mix.")
    drought: Literal["none", "moderate", "severe"] = Field("none", description="Dry year: hydro 15 % or 30 % below the figures.")
    wind_scale: _Scale = Field(1.0, description="Wind capacity against the year of the figures.")
    solar_scale: _Scale = Field(1.0, description="Solar capacity against the year of the figures.")
    hydro_scale: _Scale = Field(1.0, description="Hydro capacity against the year of the figures.")
    nuclear_scale: _Scale = Field(1.0, description="Nuclear capacity against the year of the figures.")
    demand_scale: float = Field(1.0, gt=0, le=20, description="Generation and consumption against the year of the figures.")
    hydro_flexibility: float = Field(
        0.5, ge=0, le=1, description="Share of a month's hydro that follows the rest of the load. Low confidence."
    )
    minimum_thermal: float = Field(0.3, ge=0, le=0.9, description="Least thermal output against its mean. Low confidence.")
    share_error: float = Field(0.04, ge=0, le=0.5, description="Error of the annual shares of the statistics; about 4 points.")
    path: str | None = Field(None, min_length=1, description="The user's own hours, CSV or NetCDF, in place of the modelled ones.")
    _folder: Path | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any) -> None:
        """Remember the folder of the study, which the reader passes as context."""
        if isinstance(context, Mapping) and "folder" in context:
            self._folder = Path(context["folder"]).resolve()

    @property
    def folder(self) -> Path | None:
        """Folder that a relative path starts in."""
        return self._folder

    @property
    def sources(self) -> tuple[figures.Source, ...]:
        """Sources that count as carbon-free."""
        counts = {"hydro": self.count_hydro, "nuclear": self.count_nuclear}
        return tuple(source for source in figures.SOURCES if counts.get(source, True))


class Hours(NamedTuple):
    """Hours of the zones, (grid_zone, time), and their annual figures, (grid_zone,)."""

    zones: tuple[str, ...]
    carbon_free: Floats
    renewable: Floats
    factor: Floats
    error: Floats
    annual_carbon_free: Floats
    annual_renewable: Floats
    annual_factor: Floats


@step(
    needs=("province",),
    adds=(
        "grid_zone_index",
        "grid_carbon_free_share_hourly",
        "grid_renewable_share_hourly",
        "grid_emission_factor_hourly",
        "grid_carbon_free_share_error_hourly",
        "feedin_carbon_free_share",
        "feedin_renewable_share",
        "feedin_emission_factor",
        "feedin_share_error",
    ),
)
def add_feedin(sites: xr.Dataset, feedin: Feedin) -> xr.Dataset:
    """Hours of the public grid at the sites, looked up by province.

    Parameters
    ----------
    sites : Dataset
        Has the province (an index) and a time axis of one calendar year (UTC), or of several.
    feedin : Feedin
        Year, boundary and switches, or the user's own hours.

    Returns
    -------
    Dataset
        The hours stand once per zone of the grid, (grid_zone, time), and ``grid_zone_index`` names the row of each site; so
        31 rows serve any number of sites. The annual figures, weighted by consumption, stand per site: means over the years.

    Raises
    ------
    AlignmentError
        If the time axis is not every hour of calendar years, or the user's hours are of other hours.
    StudyError
        If a scenario leaves no room for its carbon-free power.
    CatalogError, UnitsError
        If the user's file can't be read, or a share lies outside 0 to 1.
    """
    if "time" not in sites.coords:
        raise AlignmentError("add_feedin expects a time axis of one calendar year, found none; add the weather first.")
    times = np.asarray(sites["time"].values)
    years = calendar_years(times)
    if not years:
        require_year(times, int(times[0].astype("datetime64[Y]").astype(np.int64)) + 1970 if times.size else 0, "the sites")
    hours = _hours(feedin, years, feedin.folder)
    listed = sites["province"].attrs.get("iso_3166_2")
    if listed is not None and listed.split(" ") != list(PROVINCES):
        raise AlignmentError("Expected provinces indexed in the order of their codes, found another order; open the layers anew.")
    province = sites["province"].to_numpy().astype(np.int64)
    _, member = figures.zones("province" if feedin.path else feedin.boundary)
    index = np.where(province >= 0, member[np.maximum(province, 0)], -1)
    added: dict[str, Any] = {"grid_zone_index": ("site", index, {"grid_zones": " ".join(hours.zones)})}
    hourly = ("carbon_free_share", "renewable_share", "emission_factor", "carbon_free_share_error")
    for name, values in zip(hourly, hours[1:5], strict=True):
        added[f"grid_{name}_hourly"] = (("grid_zone", "time"), values)
    annual = {"carbon_free_share": 5, "renewable_share": 6, "emission_factor": 7}
    for name, place in annual.items():
        added[f"feedin_{name}"] = ("site", np.where(index >= 0, hours[place][index], np.nan))
    added["feedin_share_error"] = ("site", np.full(sites.sizes["site"], feedin.share_error if not feedin.path else np.nan))
    served = sites.assign(added)
    return _with_sources(with_warnings(served, _warnings(feedin)), feedin) if (index >= 0).any() else served


@lru_cache(maxsize=8)
def _hours(feedin: Feedin, years: tuple[int, ...], folder: Path | None) -> Hours:
    """Hours of calendar years one after the other; read-only, since blocks share them."""
    parts = []
    for year in years:
        times = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[h]")
        parts.append(_own_hours(feedin, times, folder) if feedin.path else model_hours(feedin, times))
    hours = parts[0]
    if len(parts) > 1:
        rows = {name: np.concatenate([getattr(part, name) for part in parts], axis=1) for name in Hours._fields[1:5]}
        annual = {name: np.mean([getattr(part, name) for part in parts], axis=0) for name in Hours._fields[5:]}
        hours = Hours(hours.zones, **rows, **annual)
    for values in hours[1:]:
        values.flags.writeable = False
    return hours


def generation(
    feedin: Feedin, times: NDArray[np.datetime64], *, load: Floats | None = None
) -> tuple[figures.Year, Floats, dict[str, Floats]]:
    """Energies of a scenario, share of the load in each hour, and output by source [TWh] in each hour, (province, time).

    Parameters
    ----------
    feedin : Feedin
        Year and scenario.
    times : (time,) array of datetime64
        Every hour of one calendar year [UTC].
    load : (province, time) array, optional
        Another load than the fitted one.
    """
    scales: dict[figures.Source, float] = {
        "hydro": feedin.hydro_scale * DROUGHTS[feedin.drought],
        "nuclear": feedin.nuclear_scale,
        "wind": feedin.wind_scale,
        "solar": feedin.solar_scale,
    }
    year = figures.scaled_year(figures.official_year(feedin.year), scales, feedin.demand_scale)
    if load is None:
        coefficients = catalog.open_entry("load_shapes").reindex(list(PROVINCES))[term_names()].to_numpy(dtype=np.float64)
        load = load_shape(coefficients, times)
    fleet, number = catalog.open_entry("fleet_profiles"), calendar_hours(times)
    profiles: dict[figures.Source, Floats] = {
        "wind": fleet["wind_profile"].values[:, number],
        "solar": fleet["solar_profile"].values[:, number],
    }
    month = times.astype("datetime64[M]").astype(np.int64) % 12
    hours = generation_hours(
        year,
        load,
        profiles,
        (figures.hydro_months(), month),
        hydro_flexibility=feedin.hydro_flexibility,
        minimum_thermal=feedin.minimum_thermal,
    )
    return year, load, hours


def model_hours(feedin: Feedin, times: NDArray[np.datetime64]) -> Hours:
    """Modelled hours of the zones in one calendar year.

    Notes
    -----
    The hourly generation sums to the statistics of the year. The factor of an hour is proportional to the share that is not
    carbon-free, so scaled that the consumption of the unchanged year has the published factor; hydro and nuclear power that
    don't count still emit nothing. Where no factor of the year is published, that of 2022 is brought on by the change of the
    fossil factor. The error is that of the annual share and of four other assumptions about the hours, in quadrature.
    """
    names, _ = figures.zones(feedin.boundary)
    share, load = _shares(feedin, times)
    error = np.full_like(share["carbon_free"], feedin.share_error**2)
    for change in ({"hydro_flexibility": 0.0}, {"hydro_flexibility": 1.0}, {"minimum_thermal": 0.0}, {"minimum_thermal": 0.6}):
        other, _ = _shares(feedin.model_copy(update=change), times)
        error += (other["carbon_free"] - share["carbon_free"]) ** 2 / 2.0
    factor = _intensity(feedin, times)[:, None] * (1.0 - share["physical"])
    weight = load / load.sum(axis=1, keepdims=True)
    annual = [(values * weight).sum(axis=1) for values in (share["carbon_free"], share["renewable"], factor)]
    return Hours(names, share["carbon_free"], share["renewable"], factor, np.sqrt(error), annual[0], annual[1], annual[2])


def _shares(feedin: Feedin, times: NDArray[np.datetime64]) -> tuple[dict[str, Floats], Floats]:
    """Shares in what the zones deliver, and their consumption, (grid_zone, time)."""
    year, load, hours = generation(feedin, times)
    names, member = figures.zones(feedin.boundary)
    weights = figures.import_weights(year) if feedin.boundary == "province" else np.zeros((len(names), len(names)))
    consumption = _gather(year.consumption[:, None] * load, member)
    everything = figures.SOURCES
    wanted = {
        "carbon_free": feedin.sources,
        "renewable": tuple(s for s in feedin.sources if s in figures.RENEWABLE),
        "physical": everything,
    }
    shares = {}
    for name, sources in wanted.items():
        kept, total = counted(hours, sources, feedin.claimed_share)
        shares[name] = delivered_share(_gather(kept, member), _gather(total, member), consumption, weights)
    return shares, consumption


def _gather(values: Floats, member: NDArray[np.int64]) -> Floats:
    """Sums of provinces by zone."""
    gathered = np.zeros((int(member.max()) + 1, values.shape[1]))
    np.add.at(gathered, member, values)
    return gathered


def _intensity(feedin: Feedin, times: NDArray[np.datetime64]) -> Floats:
    """Emissions per kWh of a zone's power that is not carbon-free [kg/kWh], (grid_zone,); NaN where no factor is published."""
    published, base = figures.official_factors(feedin.year, feedin.boundary), feedin.year
    change = 1.0
    if np.isnan(published).all():
        base, change = 2022, figures.NATIONAL[feedin.year]["fossil"] / figures.NATIONAL[2022]["fossil"]
        published = figures.official_factors(base, feedin.boundary)
    plain = Feedin(year=base, boundary=feedin.boundary, hydro_flexibility=feedin.hydro_flexibility, minimum_thermal=feedin.minimum_thermal)
    share, consumption = _shares(plain, times)
    dirty = ((1.0 - share["physical"]) * consumption).sum(axis=1) / consumption.sum(axis=1)
    intensity: Floats = published * change / dirty
    return intensity


def _own_hours(feedin: Feedin, times: NDArray[np.datetime64], folder: Path | None) -> Hours:
    """The user's hours; zones that the file lacks are unknown."""
    from siting.catalog.series import open_series

    series = open_series(feedin.path or "", folder)
    year = int(times[0].astype("datetime64[Y]").astype(np.int64)) + 1970
    require_year(series["time"].values, year, f"{feedin.path}")
    unknown = sorted({str(zone) for zone in series["grid_zone"].values} - set(PROVINCES))
    if unknown:
        raise StudyError(
            f"Expected grid zones among the codes of provinces in {feedin.path}, found {unknown[0]!r}; write codes such as CN-QH."
        )
    series = series.reindex(grid_zone=list(PROVINCES))
    empty = np.full((len(PROVINCES), times.size), np.nan)
    values = [
        series[name].values.astype(np.float64) if name in series else empty.copy()
        for name in ("carbon_free_share", "renewable_share", "emission_factor")
    ]
    annual = [rows.mean(axis=1) for rows in values]
    return Hours(tuple(PROVINCES), values[0], values[1], values[2], empty, annual[0], annual[1], annual[2])


def _warnings(feedin: Feedin) -> list[str]:
    if feedin.path:
        return [f"Hours of the public grid are the user's own ({feedin.path})."]
    dry = "" if feedin.drought == "none" else f" Dry year: hydro at {DROUGHTS[feedin.drought]:.0%}."
    late = " No provincial factors of 2023 are embedded: those of 2022 are brought on." if feedin.year == 2023 else ""
    return [
        f"Hours of the public grid ({feedin.year}) are modelled, not measured: annual shares of the statistics, monthly hydro, synthetic "
        f"wind and sun of one fixed year, a fitted load.{dry}{late} Weather of the plants and of the grid agree only for synthetic weather "
        "of 2013, seed 0."
    ]


def _with_sources(dataset: xr.Dataset, feedin: Feedin) -> xr.Dataset:
    """Dataset whose attribute ``sources`` names the entries that the feed-in leans on, each once."""
    if feedin.path:
        return dataset
    listed: list[Any] = json.loads(dataset.attrs.get("sources", "[]"))
    new = [catalog.entry(name).source() for name in ("power_mix", "load_shapes", "fleet_profiles")]
    known = {item.get("id") for item in listed}
    return dataset.assign_attrs(sources=json.dumps(listed + [item for item in new if item["id"] not in known], ensure_ascii=False))
