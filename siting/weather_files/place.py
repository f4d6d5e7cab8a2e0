"""From the series of one place to a checked year of weather: time axis, stamps, units, what is derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from siting.vocabulary import AlignmentError, MissingVariableError, UnitsError, stamp
from siting.weather_files.irradiance import direct_normal, hour_means_by_sun, split_ghi
from siting.weather_hours import HOURLY, INTERVAL_START, darken, find_faults, require_hours, sunlight, year_hours

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.datetime64]

#: What a time label means: the first moment, the middle or the last moment of an hour, or the moment of a measurement.
Stamps = Literal["start", "middle", "end", "instant"]
#: What to do about hours that a file lacks: refuse it, leave them unknown, or repeat the day before (or after).
Fill = Literal["refuse", "nan", "day_before"]

IRRADIANCES = ("ghi", "dni", "dhi")
#: Exponent of the power law that leads from the wind at 10 m to that at 100 m where nothing better is known.
SHEAR_EXPONENT = 1 / 7

#: unit of the toolkit -> unit of a file -> (factor, offset).
UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "W m-2": {
        "W m-2": (1.0, 0.0),
        "Wh m-2": (1.0, 0.0),
        "kWh m-2": (1000.0, 0.0),
        "J m-2": (1 / 3600, 0.0),
        "kJ m-2": (1 / 3.6, 0.0),
        "MJ m-2": (1000 / 3.6, 0.0),
    },
    "degC": {"degC": (1.0, 0.0), "K": (1.0, -273.15), "degF": (5 / 9, -160 / 9)},
    "m s-1": {"m s-1": (1.0, 0.0), "km h-1": (1 / 3.6, 0.0), "knot": (0.514444, 0.0)},
    "m": {"m": (1.0, 0.0), "m2 s-2": (1 / 9.80665, 0.0)},
}
#: Irradiance above minus this [W m-2] is the rounding of packed files and becomes 0.
_ROUNDING = 0.1
#: Most hours of a year that may be filled.
_FILLED_HOURS = 48
_HOUR = np.timedelta64(3600, "s")
_LEADS: dict[str, int] = {"start": 0, "middle": 1800, "end": 3600, "instant": 1800}


@dataclass(frozen=True)
class Place:
    """Where a series holds: degrees and metres."""

    latitude: float
    longitude: float
    altitude: float


@dataclass(frozen=True)
class Series:
    """Hourly series of one place as a file has them, in the toolkit's units.

    ``values`` holds ``ghi``, ``dni``, ``dhi``, ``temp_air`` and winds named ``wind_speed_10m``, ``wind_speed_50m`` ...; ``stamps``
    says what the labels ``times`` (UTC) mean. A typical year is a ring: its first hour follows its last.
    """

    place: Place
    times: Times
    values: Mapping[str, Floats]
    stamps: Stamps
    title: str
    ring: bool = False
    notes: tuple[str, ...] = field(default=())


def to_unit(values: ArrayLike, unit: str, to: str, what: str) -> Floats:
    """Values in the unit ``to``; irradiance a rounding error below 0 becomes 0.

    Raises
    ------
    UnitsError
        If the unit is unknown.
    """
    known = UNITS[to]
    if unit not in known:
        raise UnitsError(f"Expected {what} in one of: {', '.join(known)}; found the unit {unit!r}; state the unit of the file.")
    factor, offset = known[unit]
    converted = np.asarray(values, dtype=np.float64) * factor + offset
    if to == "W m-2":
        converted = np.where((converted < 0.0) & (converted > -_ROUNDING), 0.0, converted)
    return converted


def place_year(series: Series, year: int | None = None, fill: Fill = "refuse") -> xr.Dataset:
    """One checked year of weather at one place.

    Parameters
    ----------
    series : Series
        The series of a file.
    year : int, optional
        Calendar year; may be left out where the series covers only one.
    fill : {"refuse", "nan", "day_before"}
        What to do about hours of the year that the file lacks: refuse it, leave them unknown (so is then the year's yield), or
        give them the hours of the day before, or of the day after at the start of the year; at most 48, and noted.

    Returns
    -------
    Dataset
        Dimensions (site, time) with one site: ghi, dni, dhi [W m-2], temp_air [degC], wind_speed_100m [m s-1], starts of hours in
        UTC; latitude, longitude, altitude; attributes ``title`` and ``notes``, a list of what was done.

    Raises
    ------
    AlignmentError
        If hours are missing, repeated, out of order or not to be filled, or the light doesn't follow the sun.
    UnitsError
        If values are implausible. Light in hours without sun is taken out up to 0.1 % of the year's, and noted.
    MissingVariableError
        If the file has no wind, no temperature or no irradiance.
    """
    times, values, notes = _to_hours(series)
    year = year if year is not None else _only_year(times, series.title)
    taken, missing = _select(times, values, year)
    notes += _filled(taken, missing, year, fill, series.title)
    if "ghi" not in taken or "temp_air" not in taken:
        raise MissingVariableError(f"Expected ghi and temp_air in {series.title}, found {', '.join(taken)}; choose another file.")
    notes += _split(taken, year, series.place)
    taken["wind_speed_100m"] = _wind_at_100_m(taken, notes, series.title)
    hours = {name: taken[name][None] for name in HOURLY}
    light = sunlight(year, [series.place.latitude], [series.place.longitude])
    (fault,) = find_faults(hours, year, light)
    if fault:
        raise fault.error(f"{series.title}: {fault.text}.")
    (share,) = darken(hours, light)
    if share > 0.0:
        notes.append(f"light in hours without sun was taken out: {100 * share:.3f} % of the year's irradiation")
    return _dataset(hours, year, series, notes)


def _split(values: dict[str, Floats], year: int, place: Place) -> list[str]:
    """Add the direct and the diffuse light where a file lacks one of them, and say how."""
    if {"dni", "dhi"} <= values.keys():
        return []
    if "dhi" in values:
        dni, dhi = direct_normal(values["ghi"][None], values["dhi"][None], year, [place.latitude], [place.longitude])
        note = "dni is derived from ghi less dhi and the mean height of the sun"
    else:
        dni, dhi = split_ghi(values["ghi"][None], year, [place.latitude], [place.longitude], [place.altitude])
        note = "dni and dhi are derived from ghi (Erbs)"
    values["dni"], values["dhi"] = dni[0], dhi[0]
    return [note]


def _dataset(hours: dict[str, Floats], year: int, series: Series, notes: list[str]) -> xr.Dataset:
    import xarray as xr

    place = series.place
    dataset = xr.Dataset(
        {name: (("site", "time"), hours[name]) for name in HOURLY} | {"altitude": ("site", [place.altitude])},
        coords={
            "site": [0],
            "time": ("time", year_hours(year), {"stamps": INTERVAL_START}),
            "latitude": ("site", [place.latitude]),
            "longitude": ("site", [place.longitude]),
        },
        attrs={"title": series.title, "notes": notes},
    )
    return stamp(dataset, HOURLY, "place_year")


def _to_hours(series: Series) -> tuple[Times, dict[str, Floats], list[str]]:
    """Series on hours that start at full hours of UTC, and what was done to get there."""
    stamps = require_hours(series.times, series.title)
    starts = stamps - np.timedelta64(_LEADS[series.stamps], "s")
    values, notes = {name: np.asarray(each, dtype=np.float64) for name, each in series.values.items()}, list(series.notes)
    if series.ring:
        # a day is added at both ends, so that a shift finds what it needs
        starts = np.concatenate([starts[:24] - 24 * _HOUR, starts, starts[-24:] + 24 * _HOUR])
        values = {name: np.concatenate([each[-24:], each, each[:24]]) for name, each in values.items()}
    late = (starts - starts.astype("datetime64[h]")).astype("timedelta64[s]")[0].astype(int)
    if late == 0:
        return starts, values, notes
    whole = starts.astype("datetime64[h]")
    hours = np.arange(whole[0] + 1, whole[-1], dtype="datetime64[h]").astype("datetime64[s]")
    notes.append(f"hours began {late // 60} minutes past the full hour: irradiance was shared out by the sun, the rest interpolated")
    light = hour_means_by_sun({name: values.pop(name) for name in IRRADIANCES if name in values}, starts, hours, series.place)
    return hours, light | {name: _between(each, late) for name, each in values.items()}, notes


def _between(values: Floats, late: int) -> Floats:
    """Values at the middles of full hours, between those of hours that begin ``late`` seconds past them."""
    share = late / 3600.0
    mixed: Floats = share * values[:-2] + (1.0 - share) * values[1:-1]
    return mixed


def _only_year(times: Times, title: str) -> int:
    years, counts = np.unique(times.astype("datetime64[Y]").astype(int) + 1970, return_counts=True)
    most = years[counts > 8000]
    if most.size != 1:
        raise AlignmentError(f"Expected one whole year in {title}, found {most.size} in {times[0]} to {times[-1]}; name the year.")
    return int(most[0])


def _select(times: Times, values: Mapping[str, Floats], year: int) -> tuple[dict[str, Floats], NDArray[np.bool_]]:
    """Values at the hours of a year, by their stamps, and which hours the file lacks."""
    wanted = year_hours(year).astype("datetime64[s]")
    at = ((wanted - times[0]) / _HOUR).astype(np.int64)
    there = (at >= 0) & (at < len(times))
    safe = np.where(there, at, 0)
    return {name: np.where(there, each[safe], np.nan) for name, each in values.items()}, ~there


def _filled(values: dict[str, Floats], missing: NDArray[np.bool_], year: int, fill: Fill, title: str) -> list[str]:
    """Fill the missing hours by the named policy, and say so."""
    count = int(missing.sum())
    if count == 0:
        return []
    first = year_hours(year)[missing.argmax()].astype("datetime64[m]")
    if fill == "refuse" or (fill == "day_before" and count > _FILLED_HOURS):
        limit = f" {_FILLED_HOURS} at most can be filled;" if fill == "day_before" else ""
        raise AlignmentError(
            f"Expected the {missing.size} hours of {year} in {title}, found {count} missing from {first} UTC on;{limit} complete it, or "
            "declare fill='nan' or fill='day_before'."
        )
    if fill == "nan":
        return [f"{count} hours of the year are missing and stay unknown"]
    for each in values.values():
        for hour in np.flatnonzero(missing):
            each[hour] = each[hour - 24] if hour >= 24 else np.nan
        for hour in np.flatnonzero(missing[:24])[::-1]:
            each[hour] = each[hour + 24]
    return [f"{count} missing hours ({100 * count / missing.size:.2f} %) from {first} UTC on repeat the day beside them"]


def _wind_at_100_m(values: Mapping[str, Floats], notes: list[str], title: str) -> Floats:
    """Wind at 100 m: as it is, or by a power law from the highest below, with the exponent of two heights if there are two."""
    heights = sorted(int(name.removeprefix("wind_speed_").removesuffix("m")) for name in values if name.startswith("wind_speed_"))
    if not heights:
        raise MissingVariableError(f"Expected a wind speed in {title}, found none; choose a file with wind.")
    if 100 in heights:
        return values["wind_speed_100m"]
    highest = values[f"wind_speed_{heights[-1]}m"]
    exponent, basis = SHEAR_EXPONENT, "assumed"
    if len(heights) > 1:
        lower = values[f"wind_speed_{heights[0]}m"]
        exponent = float(np.log(np.nanmean(highest) / np.nanmean(lower)) / np.log(heights[-1] / heights[0]))
        basis = f"from the means at {heights[0]} and {heights[-1]} m"
        if not -0.1 <= exponent <= 0.6:
            text = f"Expected a shear exponent of -0.1 to 0.6 from the winds of {title}, found {exponent:.2f}; check their units."
            raise UnitsError(text)
    notes.append(f"wind at 100 m from {heights[-1]} m by a power law with exponent {exponent:.3f} ({basis})")
    scaled: Floats = highest * (100.0 / heights[-1]) ** exponent
    return scaled


def as_place(latitude: Any, longitude: Any, altitude: Any, title: str) -> Place:
    """Place from a file's header or the caller.

    Raises
    ------
    UnitsError
        If a coordinate is missing or no number, or out of range.
    """
    try:
        place = Place(float(latitude), float(longitude), float(altitude))
    except (TypeError, ValueError):
        text = f"Expected latitude, longitude and altitude of {title}, found {latitude!r}, {longitude!r}, {altitude!r}; pass numbers."
        raise UnitsError(text) from None
    if not (abs(place.latitude) <= 90.0 and -180.0 <= place.longitude <= 360.0 and -500.0 <= place.altitude <= 9000.0):
        raise UnitsError(f"Expected degrees and metres for {title}, found {place}; check their order.")
    return place if place.longitude <= 180.0 else Place(place.latitude, place.longitude - 360.0, place.altitude)
