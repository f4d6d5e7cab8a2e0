"""Hourly series of one year from a user's CSV: declared time zone, every hour once, no value missing."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING

from siting.catalog.files import local_file
from siting.vocabulary import AlignmentError, CatalogError, UnitsError

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_FILE = 5_000_000


def open_hourly(path: str | Path, column: str, *, timezone: str, folder: Path | None = None) -> pd.Series:
    """Hours of one year from the columns ``time`` and ``column`` of a CSV file.

    Parameters
    ----------
    path : str or Path
        CSV file in UTF-8 with a header and no other columns.
    column : str
        Name of the column of values, which are 0 or more.
    timezone : str
        IANA zone of the stamps, which carry no offset themselves and mark the starts of the hours.
    folder : Path, optional
        Folder of the study.

    Returns
    -------
    pandas.Series
        Values on their UTC stamps: the 8,760 or 8,784 hours of one calendar year of the zone.

    Raises
    ------
    CatalogError
        If the file is missing, too large, or no CSV file with the two columns.
    AlignmentError
        If a stamp can't be read, lies in the hour that daylight saving skips, or stands alone for an hour that comes twice; if
        an hour is missing or doubled; if the hours are not one calendar year.
    UnitsError
        If a value is missing, no number or negative, or if all are zero.
    """
    import pandas as pd

    file = local_file(path, (".csv",), folder)
    stamps, values = _columns(file, column)
    return pd.Series(_values(file.name, column, stamps, values), index=_in_utc(file.name, stamps, timezone), name=column)


def _columns(file: Path, column: str) -> tuple[list[str], list[str]]:
    """The two columns as text; line 2 of the file is their first item."""
    if file.stat().st_size > _LARGEST_FILE:
        raise CatalogError(f"{file.name}: expected at most {_LARGEST_FILE:,} bytes, found more; fix: give the hours of one year.")
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(f"{file.name}: expected CSV in UTF-8, found other bytes ({error}); fix: save it as CSV UTF-8.") from None
    header = [name.strip() for name in rows[0]] if rows else []
    if header != ["time", column]:
        raise CatalogError(f"{file.name}:1: expected the columns time,{column}, found {','.join(header)[:80]!r}; fix: name them so.")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 2:
            raise CatalogError(f"{file.name}:{number}: expected two columns, found {len(row)}; fix: complete the line or remove it.")
    if len(rows) == 1:
        raise CatalogError(f"{file.name}: expected the hours of one year, found none; fix: add them.")
    return [row[0].strip() for row in rows[1:]], [row[1].strip() for row in rows[1:]]


def _values(name: str, column: str, stamps: list[str], texts: list[str]) -> list[float]:
    """Numbers of 0 or more."""
    values = []
    for number, (stamp, text) in enumerate(zip(stamps, texts, strict=True), 2):
        try:
            value = float(text) if text else math.nan
        except ValueError:
            raise UnitsError(f"{name}:{number}: expected a number, found {text[:40]!r} at {stamp}; fix: write a bare number.") from None
        if not math.isfinite(value):
            found = repr(text) if text else "nothing"
            raise UnitsError(f"{name}:{number}: expected a {column} in every hour, found {found} at {stamp}; fix: fill the gap.")
        if value < 0:
            raise UnitsError(f"{name}:{number}: expected a {column} of 0 or more, found {value:g} at {stamp}; fix: leave generation out.")
        values.append(value)
    if not any(values):
        raise UnitsError(f"{name}: expected a {column} above 0 in some hour, found 0 in all {len(values):,}; fix: check the column.")
    return values


def _in_utc(name: str, texts: list[str], timezone: str) -> pd.DatetimeIndex:
    """UTC stamps of one calendar year of the zone, every hour once."""
    import pandas as pd

    stamps = pd.to_datetime(pd.Series(texts), format="ISO8601", errors="coerce", utc=True)
    naive = stamps.dt.tz_localize(None)
    for number, (text, stamp) in enumerate(zip(texts, naive, strict=True), 2):
        # a date and a time have 16 to 19 characters; an offset makes more
        if pd.isna(stamp) or len(text) not in (16, 19) or stamp != stamp.floor("h"):
            raise AlignmentError(
                f"{name}:{number}: expected the start of an hour such as 2023-01-01 08:00, found {text[:40]!r}; "
                "fix: write stamps without offset, and their zone in the study."
            )
    utc = _localized(name, pd.DatetimeIndex(naive), timezone)
    _check_hours(name, utc, timezone)
    return utc


def _localized(name: str, stamps: pd.DatetimeIndex, timezone: str) -> pd.DatetimeIndex:
    """Stamps of civil time as moments; each hour that a zone skips or doubles must be written as it was."""
    import numpy as np
    import pandas as pd

    skipped = pd.isna(stamps.tz_localize(timezone, nonexistent="NaT", ambiguous=np.zeros(stamps.size, bool)))
    if skipped.any():
        stamp, line = stamps[skipped][0], int(np.argmax(skipped)) + 2
        raise AlignmentError(
            f"{name}:{line}: expected an hour that {timezone} has, found {stamp:%Y-%m-%d %H:%M}, which daylight saving skips (a day of 23 "
            "hours); fix: leave it out, or declare the zone of the stamps, such as UTC."
        )
    doubled = pd.isna(stamps.tz_localize(timezone, ambiguous="NaT"))
    first = np.ones(stamps.size, bool)
    for stamp in stamps[doubled].unique():
        places = np.flatnonzero(stamps == stamp)
        if places.size != 2:
            raise AlignmentError(
                f"{name}:{places[0] + 2}: expected {stamp:%Y-%m-%d %H:%M} twice, as the day has 25 hours in {timezone}, found it "
                f"{'once' if places.size == 1 else f'{places.size} times'}; fix: add the hour, or declare the zone of the stamps."
            )
        first[places[1]] = False
    return stamps.tz_localize(timezone, ambiguous=first).tz_convert("UTC")


def _check_hours(name: str, utc: pd.DatetimeIndex, timezone: str) -> None:
    """Refuse doubled, disordered and missing hours, and other spans than one calendar year."""
    import numpy as np
    import pandas as pd

    local = utc.tz_convert(timezone)
    gaps = np.diff(utc.to_numpy()) / np.timedelta64(1, "h")
    if (gaps != 1).any():
        place = int(np.argmax(gaps != 1))
        gap, before, after = gaps[place], *(stamp.strftime("%Y-%m-%d %H:%M") for stamp in local[place : place + 2])
        found = f"{after} twice" if gap == 0 else f"{after} after {before}" + (f", {gap - 1:.0f} hours missing" if gap > 0 else "")
        fix = {True: "fill the gap", False: "sort the hours and keep each once"}[bool(gap > 0)]
        raise AlignmentError(f"{name}:{place + 3}: expected every hour once in order, found {found}; fix: {fix}.")
    year = local[0].year
    start, end = (pd.Timestamp(year=each, month=1, day=1, tz=timezone) for each in (year, year + 1))
    if local[0] != start or local[-1] != end - pd.Timedelta(hours=1):
        wanted = (end - start) / pd.Timedelta(hours=1)
        raise AlignmentError(
            f"{name}: expected the {wanted:,.0f} hours of a calendar year in {timezone}, found {utc.size:,} from {local[0]:%Y-%m-%d %H:%M}"
            f" to {local[-1]:%Y-%m-%d %H:%M}; fix: give whole hours from 1 January 00:00 to 31 December 23:00."
        )
    if start.tz_convert("UTC").minute:
        raise AlignmentError(f"{name}: expected a zone whole hours away from UTC, found {timezone}; fix: give the hours in UTC.")
