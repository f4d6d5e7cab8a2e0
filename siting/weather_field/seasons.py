"""Regional habits of wind and sun between the anchor points, and the calendar that spreads months over days."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from siting.weather_field.anchors import Anchor

EARTH_RADIUS_KM = 6371.0


class Habits(NamedTuple):
    """Regional habits at n places: ``season`` is the logarithm of the ratio, the daily cycle comes as cosine and sine part."""

    monsoon: NDArray[np.float64]
    weibull_shape: NDArray[np.float64]
    diurnal_cosine: NDArray[np.float64]
    diurnal_sine: NDArray[np.float64]
    season: NDArray[np.float64]
    wind_sun: NDArray[np.float64]


class MonthBlend(NamedTuple):
    """How the days of a year lie between the middles of the months: ``(1 - part) * value[low] + part * value[high]``.

    Day 0 is the last day before the year and the last one the first day after it, so that local days fit any longitude.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    part: NDArray[np.float64]


def great_circle_km(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], to_latitude: NDArray[np.float64], to_longitude: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance on the sphere [km] between coordinates [degree], broadcast."""
    phi, to_phi = np.radians(latitude), np.radians(to_latitude)
    half_north = np.sin((phi - to_phi) / 2.0)
    half_east = np.sin(np.radians(longitude - to_longitude) / 2.0)
    chord = half_north * half_north + np.cos(phi) * np.cos(to_phi) * half_east * half_east
    distance: NDArray[np.float64] = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return distance


def habits(latitude: NDArray[np.float64], longitude: NDArray[np.float64], anchors: tuple[Anchor, ...], blend_km: float) -> Habits:
    """Habits of the anchors, blended with Gaussian weights of the distance.

    Parameters
    ----------
    latitude, longitude : (n,) array
        Places [degree].
    anchors : tuple of Anchor
        At least one.
    blend_km : float
        Standard deviation of the weights [km].

    Returns
    -------
    Habits
        Arrays of shape (n,), (n, 12) for ``season`` and (n, 4) for ``wind_sun``.
    """
    table = np.array([_row(anchor) for anchor in anchors])
    points = np.array([(anchor.latitude, anchor.longitude) for anchor in anchors])
    distance = great_circle_km(latitude[:, None], longitude[:, None], points[:, 0], points[:, 1])
    # relative to the nearest anchor, so that the weights of far places don't vanish together
    exponent = (distance**2 - distance.min(axis=1, keepdims=True) ** 2) / (2.0 * blend_km**2)
    weight = np.exp(-exponent)
    blended, total = np.zeros((len(latitude), table.shape[1])), np.zeros((len(latitude), 1))
    for k in range(len(anchors)):  # in the order of the table, whatever the number of places
        blended += weight[:, k : k + 1] * table[k]
        total += weight[:, k : k + 1]
    blended /= total
    return Habits(blended[:, 0], blended[:, 1], blended[:, 2], blended[:, 3], blended[:, 4:16], blended[:, 16:20])


def _row(anchor: Anchor) -> list[float]:
    """Blendable figures of an anchor: the season as logarithm about a mean of one, the daily cycle as a vector."""
    angle = 2.0 * np.pi * anchor.diurnal_peak / 24.0
    season = np.log(np.array(anchor.season) / (sum(anchor.season) / 12.0))
    cycle = (anchor.diurnal_amplitude * np.cos(angle), anchor.diurnal_amplitude * np.sin(angle))
    return [anchor.monsoon, anchor.weibull_shape, *cycle, *season, *anchor.wind_sun]


def days_in_year(year: int) -> int:
    """365, or 366 in a leap year."""
    return 366 if calendar.isleap(year) else 365


def month_blend(year: int, middles: int = 12) -> MonthBlend:
    """Position of each day of the year (one more at either end) between the middles of ``middles`` equal or calendar parts.

    Twelve parts are the calendar months; four are the seasons about mid-January, mid-April, mid-July and mid-October.
    """
    days = days_in_year(year)
    lengths = np.array([calendar.monthrange(year, month)[1] for month in range(1, 13)], dtype=np.float64)
    middle = (np.cumsum(lengths) - lengths / 2.0)[:: 12 // middles]
    padded = np.concatenate([[middle[-1] - days], middle, [middle[0] + days]])
    noon = np.arange(-1, days + 1) + 0.5
    segment = np.searchsorted(padded, noon, side="right") - 1
    part = (noon - padded[segment]) / (padded[segment + 1] - padded[segment])
    return MonthBlend((segment - 1) % middles, segment % middles, part)


def blend_months(values: NDArray[np.float64], blend: MonthBlend) -> NDArray[np.float64]:
    """Daily values, shape (n, days + 2), linear between monthly or seasonal ones, shape (n, 12) or (n, 4)."""
    daily: NDArray[np.float64] = values[:, blend.low] * (1.0 - blend.part) + values[:, blend.high] * blend.part
    return daily


def mean_preserving(values: NDArray[np.float64], year: int) -> NDArray[np.float64]:
    """Monthly control values, shape (n, 12), whose linear daily blend has the monthly means ``values``."""
    blend = month_blend(year)
    share = np.zeros((12, 12))
    lengths = [calendar.monthrange(year, month)[1] for month in range(1, 13)]
    for day, month in enumerate((each for each in range(12) for _ in range(lengths[each])), start=1):
        share[month, blend.low[day]] += (1.0 - blend.part[day]) / lengths[month]
        share[month, blend.high[day]] += blend.part[day] / lengths[month]
    inverse = np.linalg.inv(share)
    control = np.zeros(values.shape)
    for month in range(12):  # in fixed order: a matrix product might add differently for another number of sites
        control += inverse[:, month] * values[:, month : month + 1]
    return control


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def local_hours(hour: int, longitude: float) -> float:
    """Local mean solar time [h] since the start of the local year at the middle of an hour of the year in UTC."""
    return hour + 0.5 + longitude / 15.0


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def local_day(hour: int, longitude: float) -> int:
    """Index of the local solar day of an hour of the year in UTC, in arrays of days + 2 that start a day early."""
    return int(np.floor(local_hours(hour, longitude) / 24.0)) + 1
