"""Wind at hub height from one or two other heights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from siting.vocabulary import UnitsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

#: Exponents of the power law that a year of wind over land or sea can have; beyond, the heights or units are wrong.
_EXPONENTS = (-0.1, 0.8)


def power_law(height: float, hub_height: ArrayLike, exponent: ArrayLike) -> Floats:
    """Wind at the hub over wind at a height by the power law (Hellman).

    Parameters
    ----------
    height, hub_height : float or array
        Heights above ground [m].
    exponent : float or array
        Shear exponent [1].

    Returns
    -------
    array
        Ratio of the wind speeds [1].

    Examples
    --------
    >>> float(power_law(100.0, 140.0, 1 / 7).round(4))
    1.0492
    """
    ratio: Floats = (np.asarray(hub_height, dtype=np.float64) / height) ** np.asarray(exponent, dtype=np.float64)
    return ratio


def log_law(height: float, hub_height: ArrayLike, roughness_length: ArrayLike) -> Floats:
    """Wind at the hub over wind at a height by the logarithmic law for neutral air.

    Parameters
    ----------
    height, hub_height : float or array
        Heights above ground [m].
    roughness_length : float or array
        Roughness length of the ground [m]; NaN gives NaN.

    Returns
    -------
    array
        Ratio of the wind speeds [1].

    Raises
    ------
    UnitsError
        If a roughness length is not positive, or not below both heights.

    References
    ----------
    E. Hau, "Windkraftanlagen", 4th ed., Springer, 2008, p. 515.

    Examples
    --------
    >>> float(log_law(10.0, 100.0, 0.1).round(4))
    1.5
    """
    rough, hub = np.asarray(roughness_length, dtype=np.float64), np.asarray(hub_height, dtype=np.float64)
    lowest = min(height, float(hub.min()))
    wrong = (rough <= 0) | (rough >= lowest)
    if wrong.any():
        raise UnitsError(
            f"Expected roughness lengths above 0 and below the heights, {lowest:g} m, found {rough[wrong].flat[0]:g} m; fix the unit: "
            "cm are divided by 100, fill values become NaN."
        )
    ratio: Floats = np.log(hub / rough) / np.log(height / rough)
    return ratio


def fitted_exponent(low_wind: Floats, high_wind: Floats, low_height: float, high_height: float) -> Floats:
    """Exponent of the power law through the mean winds at two heights.

    Parameters
    ----------
    low_wind, high_wind : (n, time) array
        Wind speeds at the two heights [m s-1].
    low_height, high_height : float
        Heights above ground [m].

    Returns
    -------
    (n,) array
        Exponents [1] from the means over the hours that have both; NaN where none has.

    Raises
    ------
    UnitsError
        If heights don't ascend, or an exponent is beyond -0.1 to 0.8: calm years, other units or swapped heights.
    """
    if not 0 < low_height < high_height:
        raise UnitsError(f"Expected two heights that ascend from above 0 m, found {low_height:g} and {high_height:g} m; swap them.")
    means = np.empty((2, len(low_wind)))
    _paired_means(low_wind, high_wind, means[0], means[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent: Floats = np.log(means[1] / means[0]) / np.log(high_height / low_height)
    calm = (means == 0).any(axis=0)
    wrong = calm | (exponent < _EXPONENTS[0]) | (exponent > _EXPONENTS[1])
    if wrong.any():
        low, high = means[:, wrong][:, 0]
        raise UnitsError(
            f"Expected mean winds at {low_height:g} and {high_height:g} m with an exponent of {_EXPONENTS[0]:g} to {_EXPONENTS[1]:g}, "
            f"found {low:.3g} and {high:.3g} m s-1; fix the heights or units."
        )
    return exponent


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _paired_means(low: Any, high: Any, low_mean: Floats, high_mean: Floats) -> None:
    """Means over the hours in which both winds are known, summed in the order of the hours."""
    for site in range(low.shape[0]):
        low_sum, high_sum, count = 0.0, 0.0, 0
        for hour in range(low.shape[1]):
            if not np.isnan(low[site, hour] + high[site, hour]):
                low_sum += low[site, hour]
                high_sum += high[site, hour]
                count += 1
        low_mean[site] = low_sum / count if count else np.nan
        high_mean[site] = high_sum / count if count else np.nan
