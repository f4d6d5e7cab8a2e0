"""Hourly load of a park: shapes in local civil time, put on the UTC time axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import available_timezones

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from siting.vocabulary import AlignmentError, Parameters

if TYPE_CHECKING:
    import pandas as pd

Profile = Literal["flat", "two_shift", "three_shift"]

#: Level by profile relative to full production: day (08-24 h) and night of weekdays, weekend. Expert values, medium confidence.
LEVELS: dict[Profile, tuple[float, float, float]] = {
    "flat": (1.0, 1.0, 1.0),
    "two_shift": (1.0, 0.25, 0.3),
    "three_shift": (1.0, 1.0, 0.6),
}


class Load(Parameters):
    """Electricity that a park draws. Maintenance weeks, holidays and growth are left out."""

    mean_mw: float = Field(100.0, gt=0, le=20_000, description="Annual mean of the load [MW].")
    profile: Profile = Field("flat", description="Hourly shape: flat, two_shift (08-24 h on weekdays) or three_shift (weekdays).")
    timezone: str = Field("Asia/Shanghai", description="IANA zone of the park's civil time, in which the shifts are kept.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"expected an IANA time zone such as Asia/Shanghai, found {name!r}")
        return name


def hourly_load(load: Load, time: Any) -> NDArray[np.float64]:
    """Load in each hour of a UTC time axis.

    Parameters
    ----------
    load : Load
        Mean, shape and civil time of the load.
    time : array_like of datetime64, shape (time,)
        Starts of the hours [UTC].

    Returns
    -------
    ndarray, shape (time,)
        Mean load of each hour [MW]. Over a whole calendar year (UTC) its mean is ``load.mean_mw``; an axis that covers part
        of a year gets the same values as in the whole year.

    Raises
    ------
    AlignmentError
        If the time axis is empty or has a gap in place of a stamp.
    """
    import pandas as pd

    hours = pd.DatetimeIndex(np.asarray(time))
    if hours.size == 0 or hours.hasnans:
        raise AlignmentError("hourly_load expects the UTC start of each hour, found an empty axis or a missing stamp; pass `sites.time`.")
    year = pd.date_range(f"{hours[0].year}-01-01", f"{hours[-1].year + 1}-01-01", freq="h", inclusive="left")
    reference = _shape(year, load)
    return load.mean_mw * _shape(hours, load) / (math.fsum(reference) / reference.size)


def _shape(hours: pd.DatetimeIndex, load: Load) -> NDArray[np.float64]:
    """Level of each hour; quarters are averaged, for zones that are not whole hours away from UTC."""
    import pandas as pd

    quarters = [
        _level((hours + pd.Timedelta(minutes=m)).tz_localize("UTC").tz_convert(load.timezone), load.profile) for m in (0, 15, 30, 45)
    ]
    return (quarters[0] + quarters[1] + quarters[2] + quarters[3]) / 4.0


def _level(local: pd.DatetimeIndex, profile: Profile) -> NDArray[np.float64]:
    """Level of a profile at moments of civil time."""
    day, night, weekend = LEVELS[profile]
    weekday = np.where(np.asarray(local.hour) >= 8, day, night)
    return np.where(np.asarray(local.day_of_week) >= 5, weekend, weekday).astype(np.float64)
