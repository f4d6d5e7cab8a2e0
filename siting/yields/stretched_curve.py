"""Output from a power curve whose points are stretched for thin air, exactly as windpowerlib draws it: for proof, in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.effective_speed import correction_exponent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Step [m s-1] of the table that leads from a speed to its bracket of the power curve.
_BRACKET_STEP = 0.125


class Curve(NamedTuple):
    """Points of the curve: speed [m s-1], output [1], exponent of the stretch; and the bracket in which each step begins."""

    speeds: Floats
    outputs: Floats
    exponents: Floats
    brackets: NDArray[np.int64]


def find_brackets(wind_speed: Floats, output: Floats) -> Curve:
    """Curve for :func:`look_up_stretched` from its points up to the cut-out."""
    starts = np.arange(0.0, wind_speed[-1], _BRACKET_STEP)
    brackets = np.clip(np.searchsorted(wind_speed, starts, side="right") - 1, 0, wind_speed.size - 2)
    return Curve(wind_speed, output, correction_exponent(wind_speed), brackets)


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def look_up_stretched(speed: Any, warmth: Any, per_reference: Any, curve: Curve, output: Any) -> None:
    """Write the output at wind speeds [m s-1] into the last array.

    ``warmth`` is the inverse of the density in a unit that ``per_reference`` takes to the reference density over the density.
    """
    # a tuple's arrays are counted references: taken out of it hour by hour they would double the time
    speeds, outputs, exponents, brackets = curve.speeds, curve.outputs, curve.exponents, curve.brackets
    for hour in range(speed.size):
        output[hour] = _curve_output(speed[hour], warmth[hour] * per_reference, speeds, exponents, outputs, brackets)


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _curve_output(speed: float, ratio: float, speeds: Floats, exponents: Floats, outputs: Floats, brackets: Any) -> Any:
    """Output from the curve with its speeds multiplied by powers of the density ratio; missing for a missing speed.

    The bracket is looked for where a linear guess of the stretch puts it, so that few powers have to be taken.
    """
    last = len(speeds) - 1
    root = _cube_root(ratio)
    share = min(max((speed - 7.5) / 5.0, 0.0), 1.0)
    guess = speed / (root + share * (root * root - root))
    if not guess >= 0.0:
        return 0.0 * guess
    i = brackets[min(int(guess / _BRACKET_STEP), len(brackets) - 1)]
    low, high = speeds[i] * _stretch(ratio, root, exponents[i]), speeds[i + 1] * _stretch(ratio, root, exponents[i + 1])
    while low > speed and i > 0:
        i, high = i - 1, low
        low = speeds[i] * _stretch(ratio, root, exponents[i])
    while high <= speed and i < last - 1:
        i, low = i + 1, high
        high = speeds[i + 1] * _stretch(ratio, root, exponents[i + 1])
    if speed < low:
        return 0.0
    if speed >= high:
        return outputs[last]
    return outputs[i] + (outputs[i + 1] - outputs[i]) / (high - low) * (speed - low)


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _cube_root(x: float) -> Any:
    """Cube root to the last bits for x from 0.2 to 5."""
    y = (0.5 + x) / (1.0 + 0.5 * x)
    for _ in range(3):
        cube = y * y * y
        y *= (cube + 2.0 * x) / (2.0 * cube + x)
    return y


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def _stretch(ratio: float, root: float, exponent: float) -> Any:
    """Power of the density ratio; its cube root is given, because most exponents are 1/3 or 2/3."""
    if exponent <= 1.0 / 3.0:
        return root
    if exponent >= 2.0 / 3.0:
        return root * root
    return np.exp(exponent * np.log(ratio))
