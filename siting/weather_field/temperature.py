"""Synthetic hours of the air temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from siting.weather_field.seasons import blend_months, local_hours, mean_preserving, month_blend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from siting.weather_field.parameters import FieldParameters

#: Local solar hours of the lowest and highest temperature.
_COLDEST, _WARMEST = 5.0, 15.0


def temperature_hours(
    field: FieldParameters, year: int, longitude: NDArray[np.float64], monthly: NDArray[np.float64],
    precipitation: NDArray[np.float64], clearness: NDArray[np.float64], hours: int,
) -> NDArray[np.float64]:  # fmt: skip
    """Hourly air temperature: the months' means and a daily range that is wide in arid places and on clear days.

    Parameters
    ----------
    field : FieldParameters
        Daily ranges.
    year : int
        Calendar year.
    longitude : (n,) array
        [degree], for the local solar time.
    monthly, precipitation : (n, 12) array
        Monthly mean temperature [degC] and precipitation [mm].
    clearness : (n, days + 2) array
        Clearness of the local days; NaN, here or in another input, gives NaN.
    hours : int
        Hours of the year in UTC.

    Returns
    -------
    (n, hours) array
        Air temperature [degC]. Beyond the daily range no day differs from its neighbours: there are no cold spells.
    """
    daily = blend_months(mean_preserving(monthly, year), month_blend(year))
    rain = np.zeros(len(longitude))
    for month in range(12):
        rain += precipitation[:, month]
    usual = field.humid_range_k + (field.arid_range_k - field.humid_range_k) * np.exp(-rain / field.range_rain_mm)
    temperature = np.empty((len(longitude), hours))
    _fill_temperature(temperature, longitude, daily, usual, clearness, field.range_follows_clearness)
    return temperature


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill_temperature(
    temperature: NDArray[np.float64], longitude: NDArray[np.float64], daily: NDArray[np.float64], usual: NDArray[np.float64],
    clearness: NDArray[np.float64], share: float,
) -> None:  # fmt: skip
    """Daily means and ranges, linear between noons, and half a cosine up and one down within the day."""
    days, shape = clearness.shape[1], np.empty(24)
    for site in range(temperature.shape[0]):
        for hour in range(24):
            shape[hour] = _shape(local_hours(hour, longitude[site]) % 24.0)
        mean = 0.0
        for day in range(days):
            mean += clearness[site, day] / days
        for hour in range(temperature.shape[1]):
            since_noon = (local_hours(hour, longitude[site]) - 12.0) / 24.0 + 1.0
            day = int(np.floor(since_noon))
            part = since_noon - day
            level = daily[site, day] + part * (daily[site, day + 1] - daily[site, day])
            clear = clearness[site, day] + part * (clearness[site, day + 1] - clearness[site, day])
            swing = 0.5 * usual[site] * (1.0 - share + share * clear / mean)
            temperature[site, hour] = level + swing * shape[hour % 24]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _shape(hour: float) -> float:
    """Course of the temperature over a local solar day: -1 at the coldest and 1 at the warmest hour, mean 0."""
    if _COLDEST <= hour <= _WARMEST:
        return float(-np.cos(np.pi * (hour - _COLDEST) / (_WARMEST - _COLDEST)))
    return float(np.cos(np.pi * ((hour - _WARMEST) % 24.0) / (24.0 - _WARMEST + _COLDEST)))
