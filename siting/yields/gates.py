"""Physical limits of the hourly weather that the yield steps read: a wrong unit is refused, not computed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from siting.vocabulary import UnitsError, describe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Lowest and highest plausible hourly mean, and the usual reason for values beyond.
LIMITS: dict[str, tuple[float, float, str]] = {
    "ghi": (0.0, 1500.0, "energy per hour in J m-2 is divided by 3600, fill values become NaN"),
    "dni": (0.0, 1500.0, "energy per hour in J m-2 is divided by 3600, fill values become NaN"),
    "dhi": (0.0, 1500.0, "energy per hour in J m-2 is divided by 3600, fill values become NaN"),
    "temp_air": (-90.0, 70.0, "kelvin less 273.15 is degC, fill values become NaN"),
    "wind_speed_100m": (0.0, 60.0, "km h-1 is divided by 3.6, knots by 1.944, fill values become NaN"),
    "wind_speed_10m": (0.0, 60.0, "km h-1 is divided by 3.6, knots by 1.944, fill values become NaN"),
    "surface_pressure": (40_000.0, 110_000.0, "hPa times 100 is Pa, fill values become NaN"),
    "altitude": (-500.0, 9000.0, "feet times 0.3048 is m, fill values become NaN"),
}


def plausible(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Values of a variable as float64, refused if any lies beyond its physical limits; NaN passes.

    Raises
    ------
    UnitsError
        If any value lies beyond :data:`LIMITS`.
    """
    array = np.asarray(values, dtype=np.float64)
    lowest, highest, fix = LIMITS[name]
    smallest, largest = np.fmin.reduce(array, axis=None, initial=np.inf), np.fmax.reduce(array, axis=None, initial=-np.inf)
    if smallest < lowest or largest > highest:
        found = smallest if smallest < lowest else largest
        raise UnitsError(f"Expected {name} of {lowest:g} to {highest:g} {describe(name).unit}, found {found:g}; fix the unit: {fix}.")
    return array


def look_closely(name: str, hourly: NDArray[np.floating]) -> None:
    """Refuse hourly values (n, time) as :func:`plausible` does, at the speed of memory where there is nothing to refuse."""
    from siting.yields.quick_look import any_beyond

    lowest, highest = (hourly.dtype.type(limit) for limit in LIMITS[name][:2])
    if any_beyond(hourly, lowest, highest):
        plausible(name, hourly)


def surely_plausible(name: str) -> float:
    """Distance from 0 up to which values are within the limits, negative ones too where 0 isn't the lowest."""
    lowest, highest, _ = LIMITS[name]
    if lowest > 0:
        raise ValueError(f"Expected a variable that may be 0, found {name} from {lowest:g} on; compare it with both limits.")
    return min(highest, -lowest) if lowest else highest
