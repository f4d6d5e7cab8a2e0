"""Files of one place: EPW, PVGIS, NASA POWER, and tables with wind at several heights."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.catalog.files import local_file
from siting.vocabulary import AlignmentError, CatalogError, UnitsError
from siting.weather_files.place import IRRADIANCES, Fill, Place, Series, Stamps, as_place, place_year, to_unit
from siting.weather_hours import year_hours

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

#: Columns of tables with wind at several heights, as hybrid plants are designed with: variable -> (column, unit).
MULTI_HEIGHT: dict[str, tuple[str, str]] = {
    "ghi": ("ghi", "W m-2"),
    "dni": ("dni", "W m-2"),
    "dhi": ("dhi", "W m-2"),
    "temp_air": ("temp_air_1", "K"),
    "wind_speed_50m": ("WS_50", "m s-1"),
    "wind_speed_100m": ("WS_100", "m s-1"),
}

#: Parameters of NASA POWER: variable -> name.
_POWER = {
    "ghi": "ALLSKY_SFC_SW_DWN",
    "dni": "ALLSKY_SFC_SW_DNI",
    "dhi": "ALLSKY_SFC_SW_DIFF",
    "temp_air": "T2M",
    "wind_speed_10m": "WS10M",
    "wind_speed_50m": "WS50M",
}
#: Units as NASA POWER writes them.
_POWER_UNITS = {"Wh/m^2": "Wh m-2", "W/m^2": "W m-2", "MJ/hr": "MJ m-2", "kW-hr/m^2": "kWh m-2", "C": "degC", "K": "K", "m/s": "m s-1"}
_POWER_FILL = -999.0


def unit_of(variable: str) -> str:
    """Name the unit of the toolkit for a variable of a series; winds may be of any height."""
    if variable in IRRADIANCES:
        return "W m-2"
    return "m s-1" if variable.startswith("wind_speed_") else "degC"


def read_epw(path: str | Path, year: int | None = None) -> xr.Dataset:
    """Year of an EnergyPlus weather file.

    Parameters
    ----------
    path : str or Path
        File ending in .epw.
    year : int, optional
        Calendar year that a typical year, whose months come from several years, is to stand for; one of 365 days. A file of
        one year keeps its own.

    Returns
    -------
    Dataset
        As :func:`siting.weather_files.place_year`. Wind at 100 m comes from that at 10 m. A typical year is a ring: the hours that
        its time zone moves beyond the year come back at its other end.
    """
    from pvlib.iotools import read_epw as read

    file = local_file(path, (".epw",))
    try:
        table, header = read(io.StringIO(_text(file)))
    except (ValueError, KeyError, IndexError) as error:
        raise CatalogError(f"Expected an EnergyPlus weather file in {file.name}, found other content ({error}); check it.") from error
    place = as_place(header["latitude"], header["longitude"], header["altitude"], file.name)
    years = np.unique(table["year"])
    year = year if year is not None else (int(years[0]) if years.size == 1 else None)
    if year is None:
        text = f"Expected the year that {file.name} is to stand for, its months come from {years.size} years; pass year=, one of 365 days."
        raise AlignmentError(text)
    local = year_hours(year)
    calendar = np.stack([_calendar(local, unit) for unit in ("month", "day", "hour")])
    found = np.stack([table["month"], table["day"], table["hour"] - 1])
    if found.shape != calendar.shape or (found != calendar).any():
        text = f"Expected the {local.size} hours of {year} in {file.name}, found {len(table)} others; pass a year of 365 days."
        raise AlignmentError(text)
    values = {name: to_unit(table[name], "W m-2", "W m-2", name) for name in IRRADIANCES}
    # the format's own codes for missing values
    values = {name: np.where(each >= 9999.0, np.nan, each) for name, each in values.items()}
    values["temp_air"] = np.where(table["temp_air"] >= 99.9, np.nan, table["temp_air"].astype(float))
    values["wind_speed_10m"] = np.where(table["wind_speed"] >= 999.0, np.nan, table["wind_speed"].astype(float))
    utc: NDArray[np.datetime64] = np.add(local.astype("datetime64[s]"), np.timedelta64(-round(header["TZ"] * 3600), "s"))
    title, notes = f"{header['city']} ({file.name})", () if years.size == 1 else (f"a typical year put on the calendar of {year}",)
    return place_year(Series(place, utc, values, "start", title, ring=True, notes=notes), year)


def _text(file: Path) -> str:
    """Text of a file in UTF-8, or in Latin-1, in which many EPW files spell their cities."""
    content = file.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _calendar(times: NDArray[np.datetime64], unit: str) -> NDArray[np.int64]:
    """Month 1 to 12, day 1 to 31, or hour 0 to 23 of times."""
    coarse, fine = {"month": ("Y", "M"), "day": ("M", "D"), "hour": ("D", "h")}[unit]
    count = times.astype(f"datetime64[{fine}]") - times.astype(f"datetime64[{coarse}]").astype(f"datetime64[{fine}]")
    numbers: NDArray[np.int64] = count.astype(np.int64) + (0 if unit == "hour" else 1)
    return numbers


def read_pvgis(path: str | Path, year: int | None = None, fill: Fill = "refuse") -> xr.Dataset:
    """Year of a file of PVGIS hourly data on the horizontal plane, with its components.

    Parameters
    ----------
    path : str or Path
        File ending in .csv or .json.
    year : int, optional
        Calendar year; may be left out where the file has only one.
    fill : {"refuse", "nan", "day_before"}
        As :func:`siting.weather_files.place_year`.

    Notes
    -----
    Stamps half past the hour are the middles of hourly means (reanalyses). Others are the moments of satellite images, and stand for
    the hour around them.
    """
    from pvlib.iotools import read_pvgis_hourly

    file = local_file(path, (".csv", ".json"))
    try:
        table, meta = read_pvgis_hourly(file)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise CatalogError(f"Expected hourly data of PVGIS in {file.name}, found other content ({error}); check it.") from error
    inputs = meta["inputs"]
    where = inputs.get("location", inputs)
    place = as_place(where.get("latitude"), where.get("longitude"), where.get("elevation"), file.name)
    beam, sky = "poa_direct", "poa_sky_diffuse"
    if not {beam, sky, "temp_air", "wind_speed"} <= set(table.columns):
        text = f"Expected Gb(i), Gd(i), T2m and WS10m in {file.name}, found {', '.join(table.columns)}; ask PVGIS for radiation components."
        raise CatalogError(text)
    ground = np.asarray(table.get("poa_ground_diffuse", 0.0), dtype=float)
    if np.any(ground > 0.0):
        raise UnitsError(f"Expected irradiance on the horizontal plane in {file.name}, found light from the ground; ask PVGIS for slope 0.")
    direct, diffuse = (to_unit(table[name], "W m-2", "W m-2", name) for name in (beam, sky))
    values = {
        "ghi": direct + diffuse,
        "dhi": diffuse,
        "temp_air": table["temp_air"].to_numpy(dtype=float),
        "wind_speed_10m": table["wind_speed"].to_numpy(dtype=float),
    }
    times = _utc(table.index)
    minute = int(times[0].astype("datetime64[m]").astype(int) % 60) if times.size else 0
    stamps: Stamps = "middle" if minute == 30 else "instant"
    return place_year(Series(place, times, values, stamps, f"PVGIS ({file.name})"), year, fill)


def _utc(index: pd.Index[Any]) -> NDArray[np.datetime64]:
    """Index of a table with time zone as moments in UTC."""
    import pandas as pd

    moments = pd.DatetimeIndex(index)
    return (moments.tz_convert("UTC").tz_localize(None) if moments.tz is not None else moments).to_numpy().astype("datetime64[s]")


def read_nasa_power(path: str | Path, year: int | None = None, fill: Fill = "refuse") -> xr.Dataset:
    """Year of a file of the hourly point service of NASA POWER, JSON or CSV, in UTC.

    Parameters
    ----------
    path : str or Path
        File ending in .json or .csv.
    year : int, optional
        Calendar year; may be left out where the file has only one.
    fill : {"refuse", "nan", "day_before"}
        As :func:`siting.weather_files.place_year`; values of -999 are unknown and stay so.

    Notes
    -----
    Labels are the starts of hours. The wind at 100 m comes from 50 m, with the shear between the means at 10 and 50 m.
    """
    file = local_file(path, (".json", ".csv"))
    columns, units, times, place, standard = _power_json(file) if file.suffix.lower() == ".json" else _power_csv(file)
    if standard != "UTC":
        raise AlignmentError(f"Expected UTC in {file.name}, found the time standard {standard!r}; fetch it with time-standard=utc.")
    values = {}
    for name, parameter in _POWER.items():
        if parameter in columns:
            raw = np.asarray(columns[parameter], dtype=float)
            unit = units.get(parameter, "")
            values[name] = to_unit(np.where(raw == _POWER_FILL, np.nan, raw), _POWER_UNITS.get(unit, unit), unit_of(name), parameter)
    return place_year(Series(place, times, values, "start", f"NASA POWER ({file.name})"), year, fill)


_Power = tuple[Mapping[str, Any], dict[str, str], "NDArray[np.datetime64]", Place, str]


def _power_json(file: Path) -> _Power:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        columns = content["properties"]["parameter"]
        labels = list(next(iter(columns.values())))
        units = {name: about["units"] for name, about in content["parameters"].items()}
        longitude, latitude, altitude = content["geometry"]["coordinates"]
        standard = str(content["header"]["time_standard"])
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise CatalogError(f"Expected hourly data of NASA POWER in {file.name}, found other content ({error!r}); check it.") from error
    times = np.array([f"{label[:4]}-{label[4:6]}-{label[6:8]}T{label[8:10]}" for label in labels], dtype="datetime64[s]")
    series = {name: [each.get(label, np.nan) for label in labels] for name, each in columns.items()}
    return series, units, times, as_place(latitude, longitude, altitude, file.name), standard


def _power_csv(file: Path) -> _Power:
    import re

    import pandas as pd

    text = file.read_text(encoding="utf-8")
    header, mark, rows = text.partition("-END HEADER-")
    number = r"[^\n]*?[\s:](-?\d+(?:\.\d+)?)"
    numbers = {name: re.search(name + number, header) for name in ("latitude", "longitude")}
    height = re.search(r"elevation[^\n]*=\s*(-?\d+(?:\.\d+)?)", header)
    if not mark or height is None or None in numbers.values():
        raise CatalogError(f"Expected the header of NASA POWER in {file.name}, found another one; download the file with its header.")
    table = pd.read_csv(_stream(rows))
    units = dict(re.findall(r"^(\w+) +.*\(([^()\n]+)\) *$", header, flags=re.MULTILINE))
    parts = [table[name] for name in ("YEAR", "MO", "DY", "HR")] if {"YEAR", "MO", "DY", "HR"} <= set(table.columns) else []
    if not parts:
        raise CatalogError(f"Expected columns YEAR, MO, DY and HR in {file.name}, found {', '.join(table.columns)}; download hourly data.")
    times = np.array([f"{y:04d}-{m:02d}-{d:02d}T{h:02d}" for y, m, d, h in zip(*parts, strict=True)], dtype="datetime64[s]")
    standard = "LST" if re.search(r"\bLST\b", header) else "UTC"
    latitude, longitude = (match.group(1) for match in numbers.values() if match)
    return {name: table[name] for name in table.columns}, units, times, as_place(latitude, longitude, height.group(1), file.name), standard


def _stream(text: str) -> Any:
    import io

    return io.StringIO(text.lstrip("\n"))


def read_table(
    path: str | Path,
    columns: Mapping[str, tuple[str, str]],
    *,
    place: Place,
    stamps: Stamps,
    time: str | int = 0,
    year: int | None = None,
    fill: Fill = "refuse",
    missing: float | None = None,
) -> xr.Dataset:
    """Year of a table with one row per hour in UTC.

    Parameters
    ----------
    path : str or Path
        File ending in .csv or .csv.gz.
    columns : mapping
        Variable -> (column, unit); variables are ``ghi``, ``dni``, ``dhi``, ``temp_air`` and winds such as ``wind_speed_50m``.
        :data:`MULTI_HEIGHT` is one.
    place : Place
        Latitude and longitude [degree] and altitude [m].
    stamps : {"start", "middle", "end", "instant"}
        What the time labels mean: they must be in UTC.
    time : str or int
        Column of the times, by name or number.
    year : int, optional
        Calendar year; may be left out where the file has only one.
    fill : {"refuse", "nan", "day_before"}
        As :func:`siting.weather_files.place_year`.
    missing : float, optional
        Value that means unknown.

    Raises
    ------
    CatalogError
        If a column is missing.
    UnitsError, AlignmentError
        As :func:`siting.weather_files.place_year`.
    """
    import pandas as pd

    file = local_file(path, (".csv", ".gz"))
    table = pd.read_csv(file)
    lacking = sorted({column for column, _ in columns.values()} - set(table.columns))
    if lacking or (isinstance(time, str) and time not in table.columns):
        raise CatalogError(
            f"Expected columns {', '.join(lacking or [str(time)])} in {file.name}, found {', '.join(table.columns)}; name them."
        )
    labels = table[time] if isinstance(time, str) else table.iloc[:, time]
    try:
        times = _utc(pd.DatetimeIndex(pd.to_datetime(labels, format="ISO8601")))
    except (ValueError, TypeError) as error:
        found = str(error).splitlines()[0]
        raise AlignmentError(f"Expected times in UTC in {file.name}, found others ({found}); write them as 2013-01-01T00:00Z.") from error
    values = {}
    for name, (column, unit) in columns.items():
        raw = table[column].to_numpy(dtype=float)
        values[name] = to_unit(np.where(raw == missing, np.nan, raw) if missing is not None else raw, unit, unit_of(name), column)
    return place_year(Series(place, times, values, stamps, file.name), year, fill)
