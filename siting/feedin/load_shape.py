"""Hourly shape of a province's load: harmonics of the day and the year, fitted to hourly loads, put on any calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Harmonics of the year, and of the day; those of the day change with the season.
YEAR_HARMONICS, DAY_HARMONICS = 3, 4

#: Civil time of China, in which loads keep their day.
CHINA_TIME = np.timedelta64(8, "h")

#: First day of the lunar year by calendar year; other years take its mean date.
_LUNAR_NEW_YEAR = {
    2011: "02-03", 2012: "01-23", 2013: "02-10", 2014: "01-31", 2015: "02-19", 2016: "02-08", 2017: "01-28", 2018: "02-16",
    2019: "02-05", 2020: "01-25", 2021: "02-12", 2022: "02-01", 2023: "01-22", 2024: "02-10", 2025: "01-29", 2026: "02-17",
    2027: "02-06", 2028: "01-26", 2029: "02-13", 2030: "02-03",
}  # fmt: skip
_MEAN_NEW_YEAR = "02-04"
#: Days from the start of the festival week to its middle, and the width of the dip.
_FESTIVAL_MIDDLE, _FESTIVAL_WIDTH = 2.5, 7.0


def term_names() -> list[str]:
    """Names of the terms of :func:`design`, in its order."""
    yearly = [f"year_{part}{k}" for k in range(1, YEAR_HARMONICS + 1) for part in ("cos", "sin")]
    seasons = ("", "_year_cos1", "_year_sin1")
    daily = [f"day_{part}{k}{season}" for k in range(1, DAY_HARMONICS + 1) for part in ("cos", "sin") for season in seasons]
    return [*yearly, *daily, "saturday", "sunday", "festival"]


def design(times: NDArray[np.datetime64]) -> Floats:
    """Terms of the logarithm of the load in each hour, (time, term).

    Parameters
    ----------
    times : (time,) array of datetime64
        Starts of hours [UTC].
    """
    local: NDArray[np.datetime64] = np.add(times.astype("datetime64[h]"), CHINA_TIME)
    days = local.astype("datetime64[D]")
    years = local.astype("datetime64[Y]").astype("datetime64[D]")
    hour = (local - days).astype(np.float64) + 0.5
    phase = 2.0 * np.pi * ((days - years).astype(np.float64) + hour / 24.0) / 365.2425
    yearly = [turn(k * phase) for k in range(1, YEAR_HARMONICS + 1) for turn in (np.cos, np.sin)]
    seasons = (np.ones_like(phase), np.cos(phase), np.sin(phase))
    daily = [
        turn(2.0 * np.pi * k * hour / 24.0) * season for k in range(1, DAY_HARMONICS + 1) for turn in (np.cos, np.sin) for season in seasons
    ]
    # 1970-01-01 was a Thursday
    weekday = (days.astype(np.int64) + 3) % 7
    rest = [(weekday == 5).astype(np.float64), (weekday == 6).astype(np.float64), festival(local)]
    return np.column_stack([*yearly, *daily, *rest])


def festival(local: NDArray[np.datetime64]) -> Floats:
    """Nearness of the middle of the spring festival, 0 to 1, at hours of civil time."""
    nearness = np.zeros(local.shape)
    for year in np.unique(local.astype("datetime64[Y]").astype(np.int64) + 1970):
        start = np.datetime64(f"{year}-{_LUNAR_NEW_YEAR.get(int(year), _MEAN_NEW_YEAR)}", "h")
        distance = (local - start).astype(np.float64) / 24.0 - _FESTIVAL_MIDDLE
        nearness = np.maximum(nearness, np.exp(-((distance / _FESTIVAL_WIDTH) ** 2)))
    return nearness


def load_shape(coefficients: Floats, times: NDArray[np.datetime64]) -> Floats:
    """Share of the hours' load that falls on each, (province, time); each row sums to 1.

    Parameters
    ----------
    coefficients : (province, term) array
        Fitted coefficients, terms as in :func:`term_names`.
    times : (time,) array of datetime64
        Starts of hours [UTC].
    """
    level = np.exp(coefficients @ design(times).T)
    shape: Floats = level / level.sum(axis=1, keepdims=True)
    return shape
