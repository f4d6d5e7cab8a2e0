"""Synthetic hours of the sun: the clearness of each local day, the clear sky's shape within it, beam and diffuse parts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from siting.solar_position import Observers, SunHours, horizon_vector, observers, sun_hours
from siting.vocabulary import AlignmentError
from siting.weather_field.lattice import Component, add_relaxed, smooth_noise
from siting.weather_field.seasons import blend_months, local_day, month_blend
from siting.weather_field.wind import daily_mean_std

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from siting.weather_field.parameters import FieldParameters
    from siting.weather_field.seasons import Habits, MonthBlend

#: Bounds of the exponent that fits the days to the year's level; beyond them all days are scaled alike.
_EXPONENTS = (0.15, 12.0)
#: The darkest day keeps this share of the clear sky.
_DARKEST = 0.02


class SunYear(NamedTuple):
    """Irradiance [W m-2], each (n, time), and the clearness of the local days, (n, days + 2), over the clear sky."""

    ghi: NDArray[np.float64]
    dni: NDArray[np.float64]
    dhi: NDArray[np.float64]
    clearness: NDArray[np.float64]


def cloud_factor(
    field: FieldParameters, key: tuple[int, int], latitude: NDArray[np.float64], longitude: NDArray[np.float64], days: int
) -> NDArray[np.float64]:
    """Gaussian factor of the clearness that owes nothing to the wind, shape (n, days), with day-to-day persistence."""
    noise = smooth_noise(latitude, longitude, field.cloud_length_km, days, (*key, int(Component.CLOUD)))
    total = np.zeros_like(noise)
    add_relaxed(total, noise, np.full(len(latitude), field.cloud_persistence), np.ones(len(latitude)))
    return total


def day_scores(
    field: FieldParameters, key: tuple[int, int], year: int, latitude: NDArray[np.float64], longitude: NDArray[np.float64],
    habits: Habits, wind: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Score (normal) of the clearness of each local day, shape (n, days + 2), correlated with the day's wind factor as declared."""
    correlation = blend_months(habits.wind_sun, month_blend(year, 4))
    scores = cloud_factor(field, key, latitude, longitude, correlation.shape[1])
    windy = _daily_means(wind, longitude, correlation.shape[1]) / daily_mean_std(field, habits.monsoon)[:, None]
    mixed: NDArray[np.float64] = correlation * windy + np.sqrt(1.0 - correlation**2) * scores
    return mixed


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _daily_means(hourly: NDArray[np.float64], longitude: NDArray[np.float64], days: int) -> NDArray[np.float64]:
    """Means over local solar days, (n, days); 0 where a day has no hour in the year."""
    means = np.zeros((hourly.shape[0], days))
    for site in range(hourly.shape[0]):
        hours = np.zeros(days)
        for hour in range(hourly.shape[1]):
            day = local_day(hour, longitude[site])
            means[site, day] += hourly[site, hour]
            hours[day] += 1.0
        for day in range(days):
            means[site, day] /= max(hours[day], 1.0)
    return means


def local_quantiles(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], grid_latitude: NDArray[np.float64],
    grid_longitude: NDArray[np.float64], quantiles: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Quantiles of the daily irradiation at n places, bilinear between the cells of the coarse grid.

    Parameters
    ----------
    latitude, longitude : (n,) array
        Places [degree].
    grid_latitude, grid_longitude : (rows,), (columns,) array
        Ascending centres of the coarse grid [degree].
    quantiles : (rows, columns, month, quantile) array
        [kWh m-2]; NaN over the sea.

    Returns
    -------
    (n, month, quantile) array
        A corner without data has no say; a place without any corner gets NaN.

    Raises
    ------
    AlignmentError
        If a place lies outside the coarse grid.
    """
    for name, place, grid in (("latitude", latitude, grid_latitude), ("longitude", longitude, grid_longitude)):
        outside = (place < grid[0]) | (place > grid[-1])
        if outside.any():
            raise AlignmentError(
                f"Expected sites within the daily irradiation's {name} {grid[0]:g} to {grid[-1]:g}, "
                f"found {place[outside][0]:g}; shrink the region to the weather grid."
            )
    row = np.clip(np.searchsorted(grid_latitude, latitude, side="right") - 1, 0, len(grid_latitude) - 2)
    column = np.clip(np.searchsorted(grid_longitude, longitude, side="right") - 1, 0, len(grid_longitude) - 2)
    north = (latitude - grid_latitude[row]) / (grid_latitude[row + 1] - grid_latitude[row])
    east = (longitude - grid_longitude[column]) / (grid_longitude[column + 1] - grid_longitude[column])
    total, weights = np.zeros((len(latitude), *quantiles.shape[2:])), np.zeros((len(latitude), 1, 1))
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        corner = quantiles[row + i, column + j]
        weight = (np.where(i, north, 1.0 - north) * np.where(j, east, 1.0 - east))[:, None, None]
        weight = np.where(np.isnan(corner).any(axis=(1, 2), keepdims=True), 0.0, weight)
        total += weight * np.nan_to_num(corner)
        weights += weight
    known: NDArray[np.float64] = np.where(weights > 0, total / np.where(weights > 0, weights, 1.0), np.nan)
    return known


def relative_clearness(
    scores: NDArray[np.float64], quantiles: NDArray[np.float64], probabilities: NDArray[np.float64], clear_share: float, blend: MonthBlend
) -> NDArray[np.float64]:
    """Irradiation of each day over that of a cloudless day of its month, at most 1.

    Parameters
    ----------
    scores : (n, days + 2) array
        Normal scores of the days.
    quantiles : (n, 12, quantile) array
        Quantiles of the daily irradiation, at ascending ``probabilities`` (quantile,). Scores beyond the first or last
        probability get the outermost quantile.
    probabilities : (quantile,) array
        Ascending, 0 to 1.
    clear_share : float
        Share of a month's days that count as cloudless.
    blend : MonthBlend
        Calendar of the year.

    Returns
    -------
    (n, days + 2) array
        Relative clearness, at least 0.02.
    """
    node = min(max(int(np.searchsorted(probabilities, 1.0 - clear_share, side="right")) - 1, 0), len(probabilities) - 2)
    part = (1.0 - clear_share - probabilities[node]) / (probabilities[node + 1] - probabilities[node])
    cloudless = quantiles[:, :, node] + part * (quantiles[:, :, node + 1] - quantiles[:, :, node])
    clearness = np.empty(scores.shape)
    _pick_quantiles(clearness, scores, np.minimum(quantiles / cloudless[:, :, None], 1.0), probabilities, blend)
    return clearness


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _pick_quantiles(
    clearness: NDArray[np.float64], scores: NDArray[np.float64], quantiles: NDArray[np.float64],
    probabilities: NDArray[np.float64], blend: MonthBlend,
) -> None:  # fmt: skip
    """Quantiles at the normal ``scores``, linear in probability and between the middles of the months."""
    last = len(probabilities) - 2
    for site in range(scores.shape[0]):
        for day in range(scores.shape[1]):
            chance = 0.5 * math.erfc(-scores[site, day] / math.sqrt(2.0))
            chance = min(max(chance, probabilities[0]), probabilities[-1])
            node = min(max(np.searchsorted(probabilities, chance, side="right") - 1, 0), last)
            part = (chance - probabilities[node]) / (probabilities[node + 1] - probabilities[node])
            low, high = quantiles[site, blend.low[day]], quantiles[site, blend.high[day]]
            value_low = low[node] + part * (low[node + 1] - low[node])
            value_high = high[node] + part * (high[node + 1] - high[node])
            clearness[site, day] = max(value_low + blend.part[day] * (value_high - value_low), _DARKEST)


def sun_year(
    times: NDArray[np.datetime64], latitude: NDArray[np.float64], longitude: NDArray[np.float64], altitude: NDArray[np.float64],
    level: NDArray[np.float64], turbidity: NDArray[np.float64], clearness: NDArray[np.float64], cap: float,
) -> SunYear:  # fmt: skip
    """Hourly irradiance of a year from the relative clearness of its days.

    Parameters
    ----------
    times : (time,) array of datetime64
        Starts of all hours of one year in UTC.
    latitude, longitude, altitude : (n,) array
        Places [degree, m].
    level : (n,) array
        Global irradiation of the year [kWh m-2]; NaN, here or in another input, gives NaN.
    turbidity, clearness : (n, days + 2) array
        Linke turbidity and relative clearness (0 to 1) of the local days.
    cap : float
        Largest hourly irradiance over the extraterrestrial one.

    Returns
    -------
    SunYear
        The year's sum is ``level`` unless every day is at the cap; ghi = dni * cos(zenith) + dhi, and 0 at night.

    Notes
    -----
    A day of relative clearness c gets c**exponent of the clear sky (Ineichen and Perez), with the one exponent per place that
    meets the level: clear days stay clear, and a lower level means darker dull days. Erbs et al. split off the diffuse part.

    References
    ----------
    P. Ineichen and R. Perez, "A new airmass independent formulation for the Linke turbidity coefficient", Solar Energy 73,
    151-157, 2002. D. G. Erbs, S. A. Klein and J. A. Duffie, "Estimation of the diffuse radiation fraction for hourly, daily
    and monthly-average global radiation", Solar Energy 28, 293-302, 1982.
    """
    from pvlib.atmosphere import alt2pres
    from pvlib.irradiance import get_extra_radiation

    middle = times.astype("datetime64[s]") + np.timedelta64(1800, "s")
    day_of_year = (middle.astype("datetime64[D]") - middle.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    extra = np.asarray(get_extra_radiation(day_of_year), dtype=np.float64)
    shape = (len(latitude), len(times))
    year = SunYear(np.empty(shape), np.empty(shape), np.empty(shape), np.empty(clearness.shape))
    places = observers(latitude, longitude, altitude)
    _fill_sun(sun_hours(middle), places, longitude, altitude, alt2pres(altitude) / 101325.0, level, turbidity, clearness, extra, cap, year)
    return year


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill_sun(
    hours: SunHours, places: Observers, longitude: NDArray[np.float64], altitude: NDArray[np.float64], pressure: NDArray[np.float64],
    level: NDArray[np.float64], turbidity: NDArray[np.float64], clearness: NDArray[np.float64], extra: NDArray[np.float64],
    cap: float, year: SunYear,
) -> None:  # fmt: skip
    """Irradiance of all sites and hours and the clearness of all days, written into ``year``."""
    count, days = len(extra), clearness.shape[1]
    clear, height = np.empty(count), np.empty(count)
    for site in range(len(longitude)):
        if np.isnan(level[site] + altitude[site] + np.sum(turbidity[site]) + np.sum(clearness[site])):
            year.ghi[site], year.dni[site], year.dhi[site], year.clearness[site] = np.nan, np.nan, np.nan, np.nan
            continue
        energy = np.zeros(days)
        slope, depth, near, far = sky_terms(altitude[site])
        for hour in range(count):
            day = local_day(hour, longitude[site])
            height[hour] = max(horizon_vector(hours, places, site, hour)[2], 0.0)
            clear[hour] = 0.0
            if height[hour] > 0.0:
                sky = clear_sky(height[hour], pressure[site], slope, depth, near + far * (turbidity[site, day] - 1.0), extra[hour])
                clear[hour] = min(sky, cap * extra[hour] * height[hour])
            energy[day] += clear[hour] / 1000.0
        fit_days(energy, clearness[site], level[site], year.clearness[site])
        for hour in range(count):
            ghi = min(clear[hour] * year.clearness[site, local_day(hour, longitude[site])], cap * extra[hour] * height[hour])
            year.ghi[site, hour] = ghi
            year.dni[site, hour], year.dhi[site, hour] = split_erbs(ghi, height[hour], extra[hour])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def sky_terms(altitude: float) -> tuple[float, float, float, float]:
    """Slope, depth, and near and far part of the turbidity in the clear sky of Ineichen and Perez at an altitude [m]."""
    return 5.09e-5 * altitude + 0.868, 3.92e-5 * altitude + 0.0387, np.exp(-altitude / 8000.0), np.exp(-altitude / 1250.0)


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def clear_sky(height: float, pressure: float, slope: float, depth: float, haze: float, extra: float) -> float:
    """Clear-sky global irradiance [W m-2] (Ineichen and Perez) while the sun is up.

    ``height`` is the sine of the sun's true elevation, ``pressure`` the air pressure over the standard one, ``haze`` the near
    part of :func:`sky_terms` plus the far one times the turbidity above one.
    """
    elevation = np.degrees(np.arcsin(height))
    # refraction at 12 degC as in the solar position algorithm, relative air mass of Kasten and Young
    lift = pressure * 1013.25 / 1010.0 * 283.0 / 285.0 * 1.02 / 60.0 / np.tan(np.radians(elevation + 10.3 / (elevation + 5.11)))
    seen = elevation + lift
    sine = np.sin(np.radians(seen))
    mass = pressure / (sine + 0.50572 * (6.07995 + seen) ** -1.6364)
    return float(slope * extra * sine * np.exp(-depth * mass * haze))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def fit_days(energy: NDArray[np.float64], relative: NDArray[np.float64], level: float, clearness: NDArray[np.float64]) -> None:
    """Raise ``relative`` to the one exponent with which the sum of energy times clearness is ``level``.

    The sum falls with the exponent and is convex in it, so Newton's steps from the lower bound never overshoot.
    """
    logs = np.log(relative)
    exponent = _EXPONENTS[0]
    for _ in range(60):
        total, slope = 0.0, 0.0
        for day in range(len(energy)):
            part = energy[day] * np.exp(exponent * logs[day])
            total, slope = total + part, slope + part * logs[day]
        if total - level <= 1e-9 * level or exponent >= _EXPONENTS[1] or slope == 0.0 or np.isnan(total):
            break
        exponent = min(exponent - (total - level) / slope, _EXPONENTS[1])
    for day in range(len(energy)):
        clearness[day] = np.exp(exponent * logs[day]) * (level / total)


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def split_erbs(ghi: float, height: float, extra: float) -> tuple[float, float]:
    """Beam and diffuse irradiance (dni, dhi) [W m-2] of a global irradiance (Erbs et al.).

    As in pvlib there is no beam below 3 degrees of elevation, and the clearness index is taken at no less than 3.7 degrees.
    """
    index = min(ghi / (extra * max(height, 0.065)), 1.0)
    if index <= 0.22:
        diffuse = 1.0 - 0.09 * index
    elif index <= 0.8:
        diffuse = 0.9511 - 0.1604 * index + 4.388 * index**2 - 16.638 * index**3 + 12.336 * index**4
    else:
        diffuse = 0.165
    if height < math.cos(math.radians(87.0)):
        return 0.0, ghi
    return ghi * (1.0 - diffuse) / height, ghi * diffuse
