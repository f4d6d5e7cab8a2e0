"""Measured hours of a load from the user's CSV, laid on the civil year of the weather."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from siting.vocabulary import AlignmentError, Parameters, TimeZone, UnitsError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

#: Hours from new year to the end of 28 February.
_BEFORE_LEAP_DAY = 59 * 24
_LARGEST_MW = 20_000


class LoadFile(Parameters):
    """A CSV file with the columns ``time`` and ``load``: every hour of one year, stamped at its start."""

    path: str = Field(min_length=1, description="CSV file beside the study.")
    unit: Literal["kW", "MW"] = Field(description="Unit of the column load.")
    timezone: TimeZone = Field(description="IANA zone of the stamps: UTC, or a civil time such as Asia/Shanghai.")
    leap_day: Literal["refuse", "adapt"] = Field(
        "refuse",
        description="Where file and weather differ by a leap day: refuse, or adapt (28 February twice, or 29 February left out).",
    )

    _folder: Path | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any) -> None:
        """Remember the folder of the study, which the reader passes as context."""
        if isinstance(context, Mapping) and "folder" in context:
            # workers may run in another folder
            self._folder = Path(context["folder"]).resolve()

    def open(self) -> pd.Series:
        """Hours of the file [MW] on their UTC stamps; see :func:`siting.catalog.hourly.open_hourly`."""
        from siting.catalog.hourly import open_hourly

        series = open_hourly(self.path, "load", timezone=self.timezone, folder=self._folder)
        power = series / 1e3 if self.unit == "kW" else series
        if power.mean() > _LARGEST_MW:
            raise UnitsError(f"{self.path}: expected a mean of at most {_LARGEST_MW:,} MW, found {power.mean():,.0f}; fix: check the unit.")
        return power

    def on(self, hours: pd.DatetimeIndex) -> tuple[Floats, float]:
        """Load on an axis of another or the same year, and the mean of the file.

        An hour of the axis takes the value of the hour with the same distance from new year in the file's own time zone;
        weekdays are not moved to fit.

        Parameters
        ----------
        hours : DatetimeIndex, shape (time,)
            Starts of the hours [UTC].

        Returns
        -------
        series : ndarray, shape (time,)
            Load [MW].
        mean : float
            Mean of the file [MW].

        Raises
        ------
        AlignmentError
            If file and axis differ by a leap day, unless ``leap_day`` is ``adapt``; if they are of different years in a zone
            with daylight saving.
        """
        measured = self.open()
        year = measured.index[0].tz_convert(self.timezone).year
        local = hours.tz_localize("UTC").tz_convert(self.timezone)
        place = np.empty(hours.size, np.int64)
        for each in np.unique(local.year):
            here = np.asarray(local.year) == each
            place[here] = self._places(hours[here], int(each), year, measured.size)
        return measured.to_numpy()[place], float(measured.mean())

    def _places(self, hours: pd.DatetimeIndex, year: int, file_year: int, count: int) -> NDArray[np.int64]:
        """Rows of the file for the hours of one civil year."""
        start = _new_year(year, self.timezone)
        place = np.asarray((hours.tz_localize("UTC") - start).total_seconds() // 3600, np.int64)
        hours_in_year = (_new_year(year + 1, self.timezone) - start).total_seconds() // 3600
        later = place >= _BEFORE_LEAP_DAY
        # a UTC year ends up to 14 hours off the civil year: these hours belong to either end of the file
        inside = later & (place < hours_in_year - 14)
        if inside.any() and year != file_year and _saves_daylight(self.timezone):
            raise AlignmentError(
                f"{self.path}: expected the load of {year}, the year of the weather, as {self.timezone} saves daylight, "
                f"found {file_year}; fix: give that year, or stamps in UTC."
            )
        if hours_in_year != count and inside.any() and self.leap_day == "refuse":
            raise AlignmentError(
                f"{self.path}: expected {hours_in_year:,.0f} hours as in the weather of {year}, found {count:,} of {file_year}; "
                "fix: choose a weather year of that length, or write leap_day: adapt."
            )
        return np.where(later, place + count - int(hours_in_year), place)


def _new_year(year: int, timezone: str) -> pd.Timestamp:
    """Moment at which a civil year begins [UTC]."""
    import pandas as pd

    return pd.Timestamp(year=year, month=1, day=1, tz=timezone).tz_convert("UTC")


def _saves_daylight(timezone: str) -> bool:
    """Whether the zone's distance from UTC changes within a year of our time (2000 on)."""
    import pandas as pd

    months = pd.date_range("2000-01-01", "2030-12-01", freq="MS", tz="UTC").tz_convert(timezone)
    return len({stamp.utcoffset() for stamp in months}) > 1
