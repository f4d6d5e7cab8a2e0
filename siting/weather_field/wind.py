"""Synthetic hours of the wind."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from siting.weather_field.lattice import Component, add_relaxed, smooth_noise
from siting.weather_field.seasons import blend_months, local_day, local_hours, mean_preserving, month_blend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from siting.weather_field.parameters import FieldParameters
    from siting.weather_field.seasons import Habits

#: Weibull shape to coefficient of variation: CV = shape**-0.9208 (Justus et al.).
_CV_POWER = 0.9208
#: Bits of one pass of the radix sort.
_DIGIT = 11


def time_scales(field: FieldParameters, monsoon: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Time scales [h] and shares of the variance of the fast, synoptic and slow parts, each (3, n), for a regime of 0 to 1."""
    pairs = (
        (field.fast_hours, field.fast_hours_monsoon),
        (field.synoptic_hours, field.synoptic_hours_monsoon),
        (field.slow_hours, field.slow_hours_monsoon),
    )
    hours = np.stack([middle * (tropical / middle) ** monsoon for middle, tropical in pairs])
    fast = field.fast_weight + (field.fast_weight_monsoon - field.fast_weight) * monsoon
    slow = np.full_like(fast, field.slow_weight)
    return hours, np.stack([fast, 1.0 - fast - slow, slow])


def wind_factor(
    field: FieldParameters, key: tuple[int, int], latitude: NDArray[np.float64], longitude: NDArray[np.float64],
    monsoon: NDArray[np.float64], hours: int,
) -> NDArray[np.float64]:  # fmt: skip
    """Gaussian factor of the wind, shape (n, hours): mean 0, variance 1, correlated in space and time.

    ``key`` is (seed, year); ``monsoon`` the regime of each place, 0 to 1.
    """
    scales, shares = time_scales(field, monsoon)
    lengths = (field.fast_length_km, field.slow_length_km, field.slow_length_km)
    total = np.zeros((len(latitude), hours))
    for component in (Component.FAST, Component.SYNOPTIC, Component.SLOW):
        noise = smooth_noise(latitude, longitude, lengths[component], hours, (*key, int(component)))
        add_relaxed(total, noise, np.exp(-1.0 / scales[component]), np.sqrt(shares[component]))
    return total


def daily_mean_std(field: FieldParameters, monsoon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread (standard deviation) of the factor's mean over 24 hours, shape (n,)."""
    scales, shares = time_scales(field, monsoon)
    memory = np.exp(-1.0 / scales)
    variance = np.zeros_like(monsoon)
    for component in range(3):
        pairs = np.full_like(monsoon, 24.0)
        for lag in range(1, 24):
            pairs += 2.0 * (24 - lag) * memory[component] ** lag
        variance += shares[component] * pairs / 576.0
    std: NDArray[np.float64] = np.sqrt(variance)
    return std


def wind_hours(
    level: NDArray[np.float64], factor: NDArray[np.float64], habits: Habits, longitude: NDArray[np.float64], year: int
) -> NDArray[np.float64]:
    """Hourly wind speeds whose ranks follow season, time of day and factor, and whose values are a Weibull distribution.

    Parameters
    ----------
    level : (n,) array
        Mean of the year [m s-1]; NaN gives NaN.
    factor : (n, time) array
        Gaussian factor of the hours of one year in UTC.
    habits : Habits
        Regional habits of the n places.
    longitude : (n,) array
        [degree], for the local solar time.
    year : int
        Calendar year.

    Returns
    -------
    (n, time) array
        Wind speed [m s-1].

    Notes
    -----
    Within a season and time of day the score is Weibull too, with the shape that leaves the whole year's variance right:
    1 + CV^2 of the year is the product of those of the season, the daily cycle and the rest, where CV = shape**-0.9208
    (Justus et al.). Ranking then hardly moves the scores, and the declared seasons come out.

    References
    ----------
    C. G. Justus et al., "Methods for estimating wind speed frequency distributions", Journal of Applied Meteorology 17,
    350-353, 1978.
    """
    season = blend_months(mean_preserving(habits.season, year), month_blend(year))
    amplitude = habits.diurnal_cosine**2 + habits.diurnal_sine**2
    spread = (1.0 + habits.weibull_shape ** (-2.0 * _CV_POWER)) / (1.0 + amplitude / 2.0)
    speed = np.empty(factor.shape)
    _fill_wind(speed, level, factor, season, habits, longitude, spread, *_weibull_logs())
    return speed


@functools.lru_cache(maxsize=1)
def _weibull_logs() -> tuple[float, NDArray[np.float64]]:
    """Step of a grid from -8 to 8, and there the logarithm of the standard Weibull quantile of shape one at a normal score."""
    from scipy.special import log_ndtr

    score = np.linspace(-8.0, 8.0, 1025)
    return score[1] - score[0], np.log(-log_ndtr(-score))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill_wind(
    speed: NDArray[np.float64], level: NDArray[np.float64], factor: NDArray[np.float64], season: NDArray[np.float64], habits: Habits,
    longitude: NDArray[np.float64], spread: NDArray[np.float64], step: float, logs: NDArray[np.float64],
) -> None:  # fmt: skip
    """Wind speeds of all sites into ``speed``; ``spread`` is what the daily cycle leaves of 1 + CV^2."""
    hours = factor.shape[1]
    scores, cycle, quantile, order = np.empty(hours), np.empty(24), np.empty(hours), np.empty(hours, dtype=np.uint32)
    for site in range(factor.shape[0]):
        for hour in range(24):
            angle = 2.0 * np.pi * local_hours(hour, longitude[site]) / 24.0
            cycle[hour] = np.log(1.0 + habits.diurnal_cosine[site] * np.cos(angle) + habits.diurnal_sine[site] * np.sin(angle))
        shape = _hourly_shape(season[site], spread[site])
        for hour in range(hours):
            place = (factor[site, hour] + 8.0) / step
            node = min(max(int(place), 0), len(logs) - 2)
            log_quantile = logs[node] + (place - node) * (logs[node + 1] - logs[node])
            scores[hour] = season[site, local_day(hour, longitude[site])] + cycle[hour % 24] + log_quantile / shape
        ascending(scores, order)
        mean = _weibull(quantile, habits.weibull_shape[site])
        for rank in range(hours):
            speed[site, order[rank]] = quantile[rank] / mean * level[site]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _hourly_shape(season: NDArray[np.float64], spread: float) -> float:
    """Weibull shape within a season, where the logarithms ``season`` (days + 2,) take their part of the spread 1 + CV^2."""
    mean, square, days = 0.0, 0.0, len(season) - 2
    for day in range(1, days + 1):
        ratio = np.exp(season[day])
        mean, square = mean + ratio / days, square + ratio * ratio / days
    # a season stronger than the whole spread would leave nothing for the hours
    rest = max(spread * mean * mean / square - 1.0, 0.03)
    return float(rest ** (-0.5 / _CV_POWER))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _weibull(quantile: NDArray[np.float64], shape: float) -> float:
    """Quantiles of a Weibull distribution of scale one at the middles of equal shares, and their mean."""
    total, count = 0.0, len(quantile)
    for rank in range(count):
        quantile[rank] = (-np.log(1.0 - (rank + 0.5) / count)) ** (1.0 / shape)
        total += quantile[rank]
    return total / count


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def ascending(scores: NDArray[np.float64], order: NDArray[np.uint32]) -> None:
    """Positions of ``scores`` from the lowest to the highest into ``order``; equals (to 32 bits of the range) stay in sequence.

    A radix sort: faster here than a comparing one, and no processor's instruction set can change the order of equals.
    """
    count, digits = len(scores), 1 << _DIGIT
    lowest, highest = scores[0], scores[0]
    for k in range(count):
        lowest, highest = min(lowest, scores[k]), max(highest, scores[k])
    width = 4294967295.0 / (highest - lowest) if highest > lowest else 0.0
    keys, other = np.empty(count, dtype=np.uint32), np.empty(count, dtype=np.uint32)
    for k in range(count):
        keys[k], order[k] = np.uint32((scores[k] - lowest) * width), k
    for shift in range(0, 32, _DIGIT):
        starts = np.zeros(digits + 1, dtype=np.int64)
        for k in range(count):
            starts[((keys[k] >> shift) & (digits - 1)) + 1] += 1
        for digit in range(digits):
            starts[digit + 1] += starts[digit]
        for k in range(count):
            digit = (keys[order[k]] >> shift) & (digits - 1)
            other[starts[digit]] = order[k]
            starts[digit] += 1
        order[:] = other
