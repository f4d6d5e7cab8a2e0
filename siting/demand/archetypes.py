"""Shapes of industrial loads in local civil time: shifts, weekends, maintenance, the lunar new year, heats of an arc furnace."""

from __future__ import annotations

import difflib
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.vocabulary import StudyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

Floats = NDArray[np.float64]

#: First year of the table below.
_FIRST_YEAR = 1940
#: Month and day of the lunar new year (Chinese calendar) from 1940 to 2060, as the package lunardate 0.2 computes them.
_NEW_YEARS = (
    "208 127 215 205 125 213 202 122 210 129 217 206 127 214 203 124 212 131 218 208 128 215 205 125 213 202 121 209 130 217 "
    "206 127 215 203 123 211 131 218 207 128 216 205 125 213 202 220 209 129 217 206 127 215 204 123 210 131 219 207 128 216 "
    "205 124 212 201 122 209 129 218 207 126 214 203 123 210 131 219 208 128 216 205 125 212 201 122 210 129 217 206 126 213 "
    "203 123 211 131 219 208 128 215 204 124 212 201 122 210 130 217 206 126 214 202 123 211 201 219 208 128 215 204 124 212 "
    "202"
)
#: Days before the new year on which the dip begins: workers leave before the feast.
_DAYS_BEFORE = 3


class Archetype(NamedTuple):
    """Shape and specific electricity of an industry, with source and confidence; the columns of the catalog entry ``archetypes``.

    Levels are shares of full production, days are civil days, and figures of specific electricity are in ``electricity_unit``
    (NaN for the bare shapes).
    """

    profile: str
    name: str
    name_zh: str
    day_level: float
    night_level: float
    weekend_level: float
    maintenance_days: int
    maintenance_level: float
    maintenance_start: str
    new_year_dip: float
    new_year_days: int
    heat_minutes: int
    power_on_minutes: int
    electricity_low: float
    electricity: float
    electricity_high: float
    electricity_unit: str
    minimum_load: float
    shiftable_share: float
    shape_confidence: str
    electricity_confidence: str
    source: str


@cache
def archetypes() -> Mapping[str, Archetype]:
    """All archetypes of the catalog by the name of their profile."""
    from siting import catalog

    table = catalog.open_entry("archetypes")[list(Archetype._fields)]
    return MappingProxyType({row.profile: Archetype(*row) for row in table.itertuples(index=False)})


def check_profile(name: str) -> str:
    """Refuse the name of an archetype that the catalog lacks; the text names the nearest one."""
    known = archetypes()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else "choose one of them"
        raise ValueError(f"expected a profile among {', '.join(known)}, found {name!r}; {fix}")
    return name


def shape(hours: pd.DatetimeIndex, profile: str, timezone: str) -> Floats:
    """Load of each hour relative to the mean of its calendar year (UTC).

    Parameters
    ----------
    hours : DatetimeIndex, shape (time,)
        Starts of the hours [UTC].
    profile, timezone : str
        Name of an archetype, IANA zone.

    Returns
    -------
    ndarray, shape (time,)
        Relative load [1], read-only; its mean over each whole calendar year is 1.
    """
    return _shape(hours.to_numpy().astype("datetime64[s]").tobytes(), profile, timezone)


@lru_cache(maxsize=32)
def _shape(seconds: bytes, profile: str, timezone: str) -> Floats:
    """Do :func:`shape`, remembered because every block of sites asks for the same."""
    import pandas as pd

    hours = pd.DatetimeIndex(np.frombuffer(seconds, dtype="datetime64[s]"))
    result = np.empty(hours.size)
    for year in np.unique(hours.year):
        whole = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", inclusive="left")
        levels = _levels(whole, archetypes()[profile], timezone)
        here = np.asarray(hours.year) == year
        result[here] = _levels(hours[here], archetypes()[profile], timezone) / (levels.sum() / levels.size)
    result.flags.writeable = False
    return result


def _levels(hours: pd.DatetimeIndex, archetype: Archetype, timezone: str) -> Floats:
    """Level of each hour; quarters are averaged, for zones that are not whole hours away from UTC."""
    import pandas as pd

    quarters = [_level((hours + pd.Timedelta(minutes=m)).tz_localize("UTC").tz_convert(timezone), archetype) for m in (0, 15, 30, 45)]
    return (quarters[0] + quarters[1] + quarters[2] + quarters[3]) / 4.0 * _power_on(hours, archetype)


def _level(local: pd.DatetimeIndex, archetype: Archetype) -> Floats:
    """Level at moments of civil time."""
    weekday = np.where(np.asarray(local.hour) >= 8, archetype.day_level, archetype.night_level)
    level = np.where(np.asarray(local.day_of_week) >= 5, archetype.weekend_level, weekday).astype(np.float64)
    if archetype.maintenance_days:
        starts = [np.datetime64(f"{year}-{archetype.maintenance_start}") for year in np.unique(local.year)]
        level[_within(local, starts, archetype.maintenance_days)] *= archetype.maintenance_level
    if archetype.new_year_days:
        starts = [lunar_new_year(int(year)) - np.timedelta64(_DAYS_BEFORE, "D") for year in np.unique(local.year)]
        level[_within(local, starts, archetype.new_year_days)] *= 1.0 - archetype.new_year_dip
    return level


def _within(local: pd.DatetimeIndex, starts: list[np.datetime64], days: int) -> NDArray[np.bool_]:
    """Whether a moment lies in one of the spans of civil days."""
    date = local.tz_localize(None).to_numpy().astype("datetime64[D]")
    spans = [(date >= start) & (date < start + np.timedelta64(days, "D")) for start in starts]
    return np.asarray(np.any(spans, axis=0))


def lunar_new_year(year: int) -> np.datetime64:
    """First day of the Chinese lunar year that begins in a calendar year.

    Raises
    ------
    StudyError
        If the year is not in 1940 to 2060.
    """
    days = _NEW_YEARS.split()
    last = _FIRST_YEAR + len(days) - 1
    if not _FIRST_YEAR <= year <= last:
        raise StudyError(f"Expected a year of {_FIRST_YEAR} to {last} for the lunar new year, found {year}; choose a profile without one.")
    month_day = int(days[year - _FIRST_YEAR])
    return np.datetime64(f"{year}-{month_day // 100:02d}-{month_day % 100:02d}")


def _power_on(hours: pd.DatetimeIndex, archetype: Archetype) -> Floats:
    """Share of each hour in which the arc burns: heats follow each other without a pause from 1970 on, so the phase is fixed."""
    if not archetype.heat_minutes:
        return np.ones(hours.size)
    minute = hours.to_numpy().astype("datetime64[m]").astype(np.int64)
    heat, on = archetype.heat_minutes, archetype.power_on_minutes
    burnt = [(end // heat) * on + np.minimum(end % heat, on) for end in (minute, minute + 60)]
    return (burnt[1] - burnt[0]) / 60.0
