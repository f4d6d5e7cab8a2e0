"""The hours of a calendar year, and what hourly weather must satisfy before it is believed.

A check says in words what is wrong with a place; nothing is mended here.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from siting.solar_position import Observers, SunHours, horizon_vector, observers, sun_hours
from siting.vocabulary import AlignmentError, MissingVariableError, SitingError, UnitsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.datetime64]

#: What a place needs of every hour, in the order in which everything stores it.
HOURLY = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")

#: Value of the attribute ``stamps`` of a time coordinate whose labels are the first moments of the hours.
INTERVAL_START = "interval_start"

#: Irradiance above the atmosphere at the sun's mean distance [W m-2].
SOLAR_CONSTANT = 1361.1

#: Lowest and highest hourly mean, and the usual reason for values beyond.
LIMITS: dict[str, tuple[float, float, str]] = {
    "ghi": (0.0, 2000.0, "energy per hour in J m-2 is divided by 3600, fill values become NaN"),
    "dni": (0.0, 1500.0, "energy per hour in J m-2 is divided by 3600, fill values become NaN"),
    "dhi": (0.0, 1500.0, "energy per hour in J m-2 is divided by 3600, fill values become NaN"),
    "temp_air": (-90.0, 70.0, "kelvin less 273.15, or Fahrenheit less 32 times 5/9, is degC; fill values become NaN"),
    "wind_speed_100m": (0.0, 60.0, "km h-1 is divided by 3.6, knots by 1.944, fill values become NaN"),
}
#: Plausible annual figures: mean GHI [W m-2] of 300 to 3000 kWh m-2, mean temperature [degC], mean wind [m s-1].
_YEARS: dict[str, tuple[float, float, str]] = {
    "ghi": (34.2, 342.3, "kWh m-2 times 1000, kJ m-2 divided by 3.6 is W m-2"),
    "temp_air": (-60.0, 40.0, "degrees Fahrenheit less 32, times 5/9, are degC"),
    "wind_speed_100m": (0.3, 20.0, "km h-1 is divided by 3.6, knots by 1.944"),
}

#: GHI may pass the irradiance above the atmosphere by this factor, light from the sides of clouds, and by this margin [W m-2], since
#: some models interpolate across sunrise.
_CLOUD_FACTOR, _TWILIGHT_MARGIN = 1.5, 75.0
#: Share of the light above the atmosphere that the clearest hour of a year reaches everywhere, with the sun well up [W m-2]: clear
#: skies let through 0.7 and more, and even the cloudiest basins have such an hour.
_CLEAREST, _HIGH_SUN = 0.4, 300.0
#: Share of the year's irradiation that may come in hours without sun.
_DARK_SHARE = 1e-3
#: Hours by which the middle of the clear days may differ from that of the sun's own: half an hour is found, mountains with
#: cloudy afternoons (0.1 h at Hatton) pass.
NOON_OFFSET = 0.35
#: Days over which the brightest hour of each time of day is taken for a clear one.
_CLEAR_DAYS = 15
#: Moments per hour at which the sun is looked for.
_MOMENTS = 6
#: Altitude of the sun's middle [degree] at sunrise.
_SUNRISE = -0.833
_HOUR = np.timedelta64(3600, "s")


class Fault(NamedTuple):
    """What is wrong with a place, as "expected, found; fix", and the error that says so."""

    error: type[SitingError]
    text: str


class Sunlight(NamedTuple):
    """What the sun alone allows, (n, time): mean irradiance on the horizontal above the atmosphere, and whether it never rises."""

    irradiance: Floats
    dark: NDArray[np.bool_]


def year_hours(year: int) -> Times:
    """First moments of all hours of a calendar year in UTC, as datetime64[ns]: 8760, or 8784 in a leap year."""
    return np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[h]").astype("datetime64[ns]")


def calendar_years(times: ArrayLike) -> tuple[int, ...]:
    """Calendar years (UTC) that times are the hours of, each whole and one after the other; none if they are anything else."""
    stamps = np.asarray(times).astype("datetime64[s]")
    if stamps.size == 0 or np.isnat(stamps).any():
        return ()
    years = tuple(1970 + int(year) for year in np.unique(stamps.astype("datetime64[Y]")).astype(np.int64))
    return years if np.array_equal(stamps, np.concatenate([year_hours(year) for year in years])) else ()


def require_hours(times: ArrayLike, what: str = "the file") -> Times:
    """Give times as datetime64[s], if they are regular hours.

    Raises
    ------
    AlignmentError
        If there are none, or any is missing, repeated or out of order; the text says at which moment and what may be behind it.
    """
    stamps = np.asarray(times).astype("datetime64[s]")
    if stamps.size == 0 or np.isnat(stamps).any():
        raise AlignmentError(f"Expected hours in {what}, found {'a missing time' if stamps.size else 'none'}; complete the time axis.")
    steps = np.diff(stamps)
    odd = np.flatnonzero(steps != _HOUR)
    if odd.size:
        step, after = steps[odd[0]], stamps[odd[0]]
        kind, fix = _oddity(step, odd.size)
        raise AlignmentError(f"Expected one value per hour in {what}, found {kind} after {after} UTC ({odd.size} in all); {fix}.")
    return stamps


def _oddity(step: np.timedelta64, count: int) -> tuple[str, str]:
    """Name an odd step of the time axis, and how it is mended."""
    if step == np.timedelta64(0, "s"):
        return "the same hour again", "drop duplicates; with summer time, write the file in UTC"
    if step < np.timedelta64(0, "s"):
        return "an earlier hour", "sort the file; with summer time, write it in UTC"
    if step < _HOUR:
        return f"a step of {step.astype(int) // 60} minutes", "take means over the hours"
    hours = step / _HOUR
    cause = "with summer time, write it in UTC" if hours == 2 and count <= 2 else "complete the file with NaN, or declare how to fill"
    return f"a gap of {hours:g} hours", cause


def require_year(times: ArrayLike, year: int, what: str = "the hours") -> Times:
    """Hours of a calendar year, if ``times`` are exactly these.

    Raises
    ------
    AlignmentError
        If an hour is missing, repeated or of another year.
    """
    wanted, stamps = year_hours(year), require_hours(times, what)
    if stamps.size != wanted.size or stamps[0] != wanted[0]:
        raise AlignmentError(
            f"Expected the {wanted.size} hours of {year} in UTC in {what}, found {stamps.size} from {stamps[0]} to {stamps[-1]}; "
            f"{'was 29 February dropped? ' if stamps.size == 8760 and wanted.size == 8784 else ''}select or complete the year."
        )
    return wanted


def sunlight(year: int, latitude: ArrayLike, longitude: ArrayLike) -> Sunlight:
    """Light that the sun allows in each hour of a year.

    Parameters
    ----------
    year : int
        Calendar year.
    latitude, longitude : (n,) array
        Places [degree].
    """
    moments = np.arange(f"{year}-01-01T00:00", f"{year + 1}-01-01T00:01", 60 // _MOMENTS, dtype="datetime64[m]")
    east = np.atleast_1d(np.asarray(longitude, dtype=np.float64))
    places = observers(np.atleast_1d(latitude), east, np.zeros(len(east)))
    shape = (len(east), (len(moments) - 1) // _MOMENTS)
    light = Sunlight(np.empty(shape), np.empty(shape, dtype=np.bool_))
    hours = sun_hours(moments)
    _fill_sunlight(hours, normal_irradiance(hours), places, np.sin(np.radians(_SUNRISE)), light.irradiance, light.dark)
    return light


def sun_heights(hours: SunHours, latitude: ArrayLike, longitude: ArrayLike) -> Floats:
    """Sine of the sun's altitude at places [degree] and moments, (n, moments), without refraction."""
    east = np.atleast_1d(np.asarray(longitude, dtype=np.float64))
    heights = np.empty((len(east), len(hours.parallax)))
    _fill_heights(hours, observers(np.atleast_1d(latitude), east, np.zeros(len(east))), heights)
    return heights


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill_heights(hours: SunHours, places: Observers, heights: Floats) -> None:
    for site in range(heights.shape[0]):
        for k in range(heights.shape[1]):
            _, _, heights[site, k] = horizon_vector(hours, places, site, k)


def normal_irradiance(hours: SunHours) -> Floats:
    """Irradiance above the atmosphere towards the sun [W m-2], from its distance."""
    inverse_distance = hours.parallax / np.sin(np.radians(8.794 / 3600.0))
    irradiance: Floats = SOLAR_CONSTANT * inverse_distance * inverse_distance
    return irradiance


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill_sunlight(hours: SunHours, normal: Floats, places: Observers, sunrise: float, irradiance: Floats, dark: NDArray[np.bool_]) -> None:
    """Trapezoidal means over the moments of each hour, written into the last two arrays."""
    moments = (len(normal) - 1) // irradiance.shape[1]
    for site in range(irradiance.shape[0]):
        _, _, up = horizon_vector(hours, places, site, 0)
        for hour in range(irradiance.shape[1]):
            before, highest, total = max(up, 0.0) * normal[hour * moments], up, 0.0
            for k in range(hour * moments + 1, (hour + 1) * moments + 1):
                _, _, up = horizon_vector(hours, places, site, k)
                now = max(up, 0.0) * normal[k]
                total += 0.5 * (before + now)
                before, highest = now, max(highest, up)
            irradiance[site, hour] = total / moments
            dark[site, hour] = highest < sunrise


def known_means(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Mean over the known hours of each row, (n,), and how many these are; NaN where none is.

    Summed in the order of time, so that the bits don't depend on the rows beside.
    """
    means, counts = np.empty(len(values)), np.empty(len(values), dtype=np.int64)
    _fill_means(np.ascontiguousarray(values, dtype=np.float64), means, counts)
    return means, counts


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill_means(values: Floats, means: Floats, counts: NDArray[np.int64]) -> None:
    for row in range(values.shape[0]):
        total, count = 0.0, 0
        for column in range(values.shape[1]):
            if not np.isnan(values[row, column]):
                total += values[row, column]
                count += 1
        means[row] = total / count if count else np.nan
        counts[row] = count


def find_faults(hours: Mapping[str, Floats], year: int, light: Sunlight) -> list[Fault | None]:
    """Find what is wrong with a year of weather, place by place.

    Parameters
    ----------
    hours : mapping of (n, time) arrays
        The variables of :data:`HOURLY` in their units. NaN is a missing hour, which is no fault by itself.
    year : int
        Calendar year.
    light : Sunlight
        What the sun allows at the places.

    Returns
    -------
    list of Fault or None
        For each place the first fault that was found, if any.

    Raises
    ------
    MissingVariableError
        If a variable is missing.
    AlignmentError
        If an array is not of shape (n, time).
    """
    rows, stamps = len(light.dark), year_hours(year)
    missing = [name for name in HOURLY if name not in hours]
    if missing:
        raise MissingVariableError(f"Expected {', '.join(HOURLY)}, found no {', '.join(missing)}; add what is missing.")
    for name in HOURLY:
        if hours[name].shape != (rows, len(stamps)):
            raise AlignmentError(f"Expected {name} of shape {(rows, len(stamps))} for {year}, found {hours[name].shape}; select the year.")
    found: list[Fault | None] = [None] * rows
    if rows == 0:
        return found
    for error, faults in (
        (UnitsError, _beyond_limits(hours, ("ghi", "temp_air", "wind_speed_100m"))),
        (AlignmentError, _in_the_dark(hours["ghi"], light)),
        (AlignmentError, _off_noon(hours["ghi"], light.irradiance)),
        # after the stamps, since a dni that was derived with wrong ones is wrong too
        (UnitsError, _beyond_limits(hours, ("dni", "dhi"))),
        (UnitsError, _beyond_years(hours)),
        (UnitsError, _beyond_sun(hours["ghi"], light, stamps)),
        (UnitsError, _never_clear(hours["ghi"], light)),
    ):
        for row, text in faults.items():
            found[row] = found[row] or Fault(error, text)
    return found


def darken(hours: MutableMapping[str, Floats], light: Sunlight) -> Floats:
    """Take the light out of hours without sun, in place; gives the share of the year's irradiation that it was, (n,).

    Models that interpolate across sunrise leave such a trace, which :func:`find_faults` lets pass up to 0.1 %.
    """
    total, _ = known_means(hours["ghi"])
    dark = light.dark & ~np.isnan(hours["ghi"])
    night, _ = known_means(np.where(dark, hours["ghi"], 0.0))
    for name in ("ghi", "dni", "dhi"):
        hours[name] = np.where(dark & ~np.isnan(hours[name]), 0.0, hours[name])
    share: Floats = np.divide(night, total, out=np.zeros_like(total), where=total > 0.0)
    return share


def _beyond_limits(hours: Mapping[str, Floats], names: tuple[str, ...]) -> dict[int, str]:
    faults: dict[int, str] = {}
    for name in names:
        lowest, highest, fix = LIMITS[name]
        smallest, largest = np.fmin.reduce(hours[name], axis=1), np.fmax.reduce(hours[name], axis=1)
        for row in np.flatnonzero((smallest < lowest) | (largest > highest)):
            worst = smallest[row] if smallest[row] < lowest else largest[row]
            faults.setdefault(int(row), f"expected {name} of {lowest:g} to {highest:g}, found {worst:g}; fix the unit: {fix}")
    return faults


def _beyond_years(hours: Mapping[str, Floats]) -> dict[int, str]:
    faults: dict[int, str] = {}
    for name, (lowest, highest, fix) in _YEARS.items():
        mean, known = known_means(hours[name])
        enough = known > 0.9 * hours[name].shape[1]
        for row in np.flatnonzero(enough & ((mean < lowest) | (mean > highest))):
            text = f"expected a year's mean {name} of {lowest:g} to {highest:g}, found {mean[row]:g}; fix the unit: {fix}"
            faults.setdefault(int(row), text)
    return faults


def _in_the_dark(ghi: Floats, light: Sunlight) -> dict[int, str]:
    """Light without a sun."""
    total, _ = known_means(ghi)
    night, _ = known_means(np.where(light.dark, ghi, 0.0 * ghi))
    share = np.divide(night, total, out=np.zeros_like(total), where=total > 0.0)
    return {
        int(row): (
            f"expected at most {100 * _DARK_SHARE:g} % of the irradiation in hours without sun, found {100 * share[row]:.2f} %; "
            "fix the time zone (UTC), the stamps (start, middle or end of the hour) or the longitude"
        )
        for row in np.flatnonzero(share > _DARK_SHARE)
    }


def _beyond_sun(ghi: Floats, light: Sunlight, stamps: Times) -> dict[int, str]:
    """More light than the sun gives."""
    faults = {}
    excess = ghi - _CLOUD_FACTOR * light.irradiance
    for row in np.flatnonzero(np.fmax.reduce(excess, axis=1) > _TWILIGHT_MARGIN):
        hour = int(np.nanargmax(excess[row]))
        faults[int(row)] = (
            f"expected ghi of at most {_CLOUD_FACTOR:g} times the {light.irradiance[row, hour]:.0f} W m-2 above the atmosphere at "
            f"{stamps[hour].astype('datetime64[m]')} UTC, found {ghi[row, hour]:.0f}; fix the unit (J m-2 per hour / 3600) or the stamps"
        )
    return faults


def _never_clear(ghi: Floats, light: Sunlight) -> dict[int, str]:
    """No hour of a year in which the sky is half clear, nowhere the case: energy in a larger unit than was declared."""
    high = np.where(light.irradiance > _HIGH_SUN, light.irradiance, np.nan)
    clearest = np.fmax.reduce(ghi / high, axis=1)
    enough = np.isfinite(ghi).mean(axis=1) > 0.9
    return {
        int(row): (
            f"expected some hour of the year with {100 * _CLEAREST:g} % of the light above the atmosphere, found "
            f"{100 * clearest[row]:.0f} % at most; fix the unit (kJ m-2 and W m-2 differ by 3.6)"
        )
        for row in np.flatnonzero(enough & (clearest < _CLEAREST))
    }


def _off_noon(ghi: Floats, irradiance: Floats) -> dict[int, str]:
    """Clear days whose middle is not the sun's noon: stamps that are half an hour off."""
    offset = noon_offset(ghi, irradiance)
    return {
        int(row): (
            f"expected the middle of the clear days at the sun's noon, found it {offset[row]:+.2f} h off; "
            "fix the stamps (start, middle or end of the hour), the time zone (UTC) or the longitude"
        )
        for row in np.flatnonzero(np.abs(offset) > NOON_OFFSET)
    }


def noon_offset(ghi: Floats, irradiance: Floats) -> Floats:
    """Middles of the clear days after the sun's noon [h], (n,), from ghi and the sun's light on the horizontal, (n, time) of any unit."""
    return _centre(ghi, irradiance) - _centre(irradiance, irradiance)


def _centre(values: Floats, irradiance: Floats) -> Floats:
    """Energy-weighted middle [h after the darkest hour] of the brightest days, (n,)."""
    rows, days = len(values), values.shape[1] // 24
    hours = values[:, : days * 24].reshape(rows, days, 24)
    clear = sum(np.fmax.reduce(hours[:, start : start + _CLEAR_DAYS], axis=1) for start in range(0, days, _CLEAR_DAYS))
    # the day is cut opposite to its brightest hour
    sun = np.add.reduce(irradiance[:, : days * 24].reshape(rows, days, 24), axis=1)
    midnight = (sun.argmax(axis=1) + 12) % 24
    clock = (np.arange(24)[None, :] - midnight[:, None]) % 24
    energy = np.add.reduce(clear, axis=1)
    centre: Floats = np.divide(np.add.reduce(clear * clock, axis=1), energy, out=np.full(rows, np.nan), where=energy > 0.0)
    return centre
