"""Expected output of a wind farm from the distribution of the wind alone: no hour is needed, a raster of the mean is enough.

With Weibull-distributed wind the output is expected in closed form. Let S(v) = exp(-(v/A)^k) be the share of the time with more wind
than v and G(v) its integral from 0, A Gamma(1 + 1/k) P(1/k, (v/A)^k) with the regularised incomplete gamma function P. A curve of
straight pieces with slopes m_j between x_j and x_j+1, which stops at U, then gives on average

    sum over j of m_j [G(x_j+1) - G(x_j) - S(U) (x_j+1 - x_j)],

and a jump p at its first speed adds p [S(x_0) - S(U)].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from siting.vocabulary import StudyError, UnitsError
from siting.yields.air_density import REFERENCE_DENSITY
from siting.yields.effective_speed import correction_exponent
from siting.yields.hub_wind import log_law, power_law
from siting.yields.machine import WIND_HEIGHT, Machine

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from siting.yields.wind import WindFarm

    Floats = NDArray[np.float64]

#: Plausible inputs: lowest, highest, unit, and the fix.
_LIMITS = {
    "weibull_scale": (0.0, 30.0, " m s-1", "km h-1 is divided by 3.6"),
    "weibull_shape": (1.0, 6.0, "", "use 2 if only the mean is known"),
    "air_density": (0.4, 1.8, " kg m-3", "give the density at the hub"),
}
#: Bins per scale parameter of the table of G, and its reach; beyond it G is complete to 1e-13 for all shapes but the flattest.
_PER_SCALE, _REACH = 256, 32
#: Scale [m s-1] below which no turbine ever turns, so that no division overflows.
_STILL = 1e-3


def weibull_scale(mean: ArrayLike, shape: ArrayLike = 2.0) -> Floats:
    """Scale parameter A [m s-1] of Weibull-distributed wind from its mean [m s-1] and shape; a shape of 2 is Rayleigh's.

    Examples
    --------
    >>> float(weibull_scale(7.0).round(3))
    7.899
    """
    from scipy.special import gamma

    scale: Floats = np.asarray(mean, dtype=np.float64) / gamma(1.0 + 1.0 / np.asarray(shape, dtype=np.float64))
    return scale


def expected_capacity_factor(
    scale: ArrayLike,
    shape: ArrayLike,
    air_density: ArrayLike,
    *,
    wind: WindFarm,
    height: float = WIND_HEIGHT,
    roughness_length: ArrayLike | None = None,
) -> Floats:
    """Net output per nominal power that the Weibull parameters of the wind let expect.

    Parameters
    ----------
    scale : array
        Scale parameter A of the wind at ``height`` [m s-1]; :func:`weibull_scale` makes it from the mean.
    shape : float or array
        Shape parameter k [1]: 2 (Rayleigh) if only the mean is known. One value for all cells is about twenty times as fast.
    air_density : float or array
        Density of air at the hub [kg m-3].
    wind : WindFarm
        The farm; of several turbines each cell takes the best, as in the hourly model. ``cold_shutdown`` is left out, since no
        temperatures are known.
    height : float
        Height of the given wind above ground [m].
    roughness_length : float or array, optional
        Roughness length [m], for the extrapolation ``log_law`` of a farm that has none.

    Returns
    -------
    array
        Output [1] in the common shape of the arrays; NaN wherever an input is NaN.

    Raises
    ------
    UnitsError
        If an input lies beyond its physical limits.
    StudyError
        If the farm's extrapolation needs what is not given.
    """
    given = (_plausible("weibull_scale", scale), _plausible("weibull_shape", shape), _plausible("air_density", air_density))
    rough = np.nan if roughness_length is None else np.asarray(roughness_length, dtype=np.float64)
    cells = np.broadcast_arrays(*given, rough)
    a, k, density, rough = (np.ascontiguousarray(values).ravel() for values in cells)
    best, value = np.full(a.size, np.nan), np.full(a.size, -np.inf)
    machines = wind.machines()
    sturdiest = int(np.argmax([machine.design_wind_speed for machine in machines]))
    for number, machine in enumerate(machines):
        at_hub = a * _hub_factor(wind, machine.hub_height, height, rough)
        output = _expect(machine, at_hub, given[1] if given[1].size == 1 else k, density, wind.density_correction)
        loads = at_hub * _mean_over_scale(k) * np.sqrt(density / REFERENCE_DENSITY)
        promise = np.where(loads <= machine.design_wind_speed, output / machine.relative_cost, 0.0 if number == sturdiest else -1.0)
        better = promise > value
        best[better], value[better] = output[better], promise[better]
    best[np.isnan(a + k + density)] = np.nan
    return best.reshape(cells[0].shape)


def _plausible(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    lowest, highest, unit, fix = _LIMITS[name]
    wrong = (array < lowest) | (array > highest)
    if wrong.any():
        raise UnitsError(f"Expected {name} of {lowest:g} to {highest:g}{unit}, found {array[wrong].flat[0]:g}; {fix}.")
    return array


def _mean_over_scale(shape: Floats) -> Floats:
    from scipy.special import gamma

    mean: Floats = gamma(1.0 + 1.0 / shape)
    return mean


def _hub_factor(wind: WindFarm, hub_height: float, height: float, rough: Floats) -> Floats:
    if wind.extrapolation == "log_law":
        if wind.roughness_length is None and np.isnan(rough).all():
            raise StudyError("Expected roughness_length for the extrapolation 'log_law', found none; give it or choose another.")
        return log_law(height, hub_height, rough if wind.roughness_length is None else wind.roughness_length)
    if wind.extrapolation == "two_heights":
        raise StudyError("Expected the extrapolation power_law or log_law for a raster of the wind, found 'two_heights'; choose one.")
    return power_law(height, hub_height, wind.shear_exponent)


def _expect(machine: Machine, scale: Floats, shape: Floats, density: Floats, correction: str) -> Floats:
    """Output of one machine that the wind at its hub lets expect."""
    speeds, rises = machine.wind_speed, np.diff(machine.output)
    exponents = {"svenningsen": correction_exponent(speeds), "iec": np.full(speeds.size, 1 / 3), "none": np.zeros(speeds.size)}[correction]
    stretch = np.log(REFERENCE_DENSITY / density)
    if shape.size > 1:
        return _expect_by_gamma(machine, exponents, scale, shape, stretch)
    k = float(shape.flat[0])
    expected = np.empty(scale.size)
    if math.isnan(k):
        return expected + np.nan
    first, last = np.flatnonzero(rises)[[0, -1]] + [0, 1]
    if machine.output[0] > 0:
        first = 0
    part = slice(first, last + 1)
    jump = float(machine.output[first])
    _fill_expected(scale, k, stretch, speeds[part], exponents[part], rises[first:last], jump, machine.cut_out, *_table(k), expected)
    return expected


def _table(shape: float) -> tuple[Floats, Floats]:
    """G and its slope S for a scale of 1."""
    from scipy.special import gamma, gammainc

    z = np.arange(_REACH * _PER_SCALE + 2) / _PER_SCALE
    whole = gamma(1.0 + 1.0 / shape) * gammainc(1.0 / shape, z**shape)
    return whole, np.exp(-(z**shape))


def _expect_by_gamma(machine: Machine, exponents: Floats, scale: Floats, shape: Floats, stretch: Floats) -> Floats:
    """Output to expect where every cell has its own shape."""
    from scipy.special import gamma, gammainc

    still = scale < _STILL
    scale = np.where(still, 1.0, scale)

    def more(speed: Floats | float) -> Any:
        return np.exp(-((speed / scale) ** shape))

    whole, stopped = scale * gamma(1.0 + 1.0 / shape), more(machine.cut_out)

    def point(number: int) -> tuple[Floats, Floats]:
        x = machine.wind_speed[number] * np.exp(exponents[number] * stretch)
        held = np.minimum(x, machine.cut_out)
        return x, whole * gammainc(1.0 / shape, (held / scale) ** shape) - stopped * held

    rises = np.diff(machine.output)
    low = high = point(0)
    expected = machine.output[0] * (more(np.minimum(low[0], machine.cut_out)) - stopped)
    for number in np.flatnonzero(rises).tolist():
        low = point(number) if number == 0 or rises[number - 1] == 0 else high
        high = point(number + 1)
        expected = expected + rises[number] / (high[0] - low[0]) * (high[1] - low[1])
    return np.asarray(np.where(still, 0.0, expected))


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _fill_expected(
    scale: Floats, shape: float, stretch: Floats, speeds: Floats, exponents: Floats, rises: Floats, jump: float, cut_out: float,
    whole: Floats, more: Floats, expected: Floats,
) -> None:  # fmt: skip
    """Write the output to expect of cells that share one shape; ``whole`` and ``more`` are tables of G and S for a scale of 1."""
    last = len(speeds) - 1
    for cell in range(scale.size):
        a, log_ratio = scale[cell], stretch[cell]
        if not a >= _STILL or np.isnan(log_ratio):
            expected[cell] = 0.0 * (a + log_ratio)
            continue
        stopped, third = np.exp(-((cut_out / a) ** shape)), np.exp(log_ratio / 3.0)
        total = low = before = 0.0
        for j in range(last + 1):
            if exponents[j] == 1.0 / 3.0:
                x = speeds[j] * third
            elif exponents[j] == 2.0 / 3.0:
                x = speeds[j] * third * third
            else:
                x = speeds[j] * np.exp(exponents[j] * log_ratio)
            held = min(x, cut_out)
            after = a * _integral(held / a, whole, more) - stopped * held
            if j > 0:
                total += rises[j - 1] / (x - low) * (after - before)
            elif jump > 0.0:
                total = jump * (np.exp(-((held / a) ** shape)) - stopped)
            low, before = x, after
        expected[cell] = total


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _integral(z: float, whole: Floats, more: Floats) -> Any:
    """G for a scale of 1 by cubic interpolation with its known slopes."""
    z *= _PER_SCALE
    i = min(int(z), _REACH * _PER_SCALE)
    t = min(z - i, 1.0)
    rise, low, high = whole[i + 1] - whole[i], more[i] / _PER_SCALE, more[i + 1] / _PER_SCALE
    bend = t * (t - 1.0) * ((low - rise) * (t - 1.0) + (high - rise) * t)
    return whole[i] + t * rise + bend
