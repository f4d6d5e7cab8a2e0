"""Wind speed in reference air that gives the output which thin or dense air gives at the actual speed.

Both ways of correcting a power curve for density come down to such a speed u:

* IEC 61400-12-1 normalises it: u = v (rho/rho0)^(1/3).
* Svenningsen's proposal, which windpowerlib follows, stretches every point V of the curve to V (rho0/rho)^e, where e rises from
  1/3 at 7.5 m/s to 2/3 at 12.5 m/s, and draws straight lines between the stretched points.

The first is exact here. The second is exact outside 7.5 to 12.5 m/s. Between, u solves u (rho0/rho)^e(u) = v, and a
second-order term takes it to the chord between the curve's points; what is left is of third order in their distance.

References
----------
L. Svenningsen, "Proposal of an improved power curve correction", EMD International, 2010.
IEC 61400-12-1:2017, section 9.1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.air_density import inverse_cube_root
from siting.yields.curves import FUSED, FUSED_INLINE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Speeds [m s-1] at which the exponent of the density ratio begins and ends to rise from 1/3 to 2/3.
RISE_START, RISE_END = 7.5, 12.5
#: Largest distance [m s-1] of curve points for which the second-order term is good enough.
_WIDEST_STEP = 1.05

_F = np.float32
_ONE, _HALF, _FIVE, _TEN, _FIFTEEN, _FIFTEENTH = _F(1), _F(0.5), _F(5), _F(10), _F(15), _F(1 / 15)
_MAGIC = _F(1.5 * 2**23)


def correction_exponent(wind_speed: Floats) -> Floats:
    """Exponent of the density correction at speeds of the power curve [m s-1]: 1/3 up to 7.5, 2/3 from 12.5, linear between.

    References
    ----------
    L. Svenningsen, "Proposal of an improved power curve correction", EMD International, 2010.
    """
    return np.interp(wind_speed, [RISE_START, RISE_END], [1 / 3, 2 / 3])


class Rise(NamedTuple):
    """Points of a curve around the rise of the exponent [m s-1]: the last before it, the first and last in it, the first after.

    ``step`` is the distance of the points within.
    """

    before: np.float32
    first: np.float32
    last: np.float32
    after: np.float32
    step: np.float32


def find_rise(wind_speed: Floats) -> Rise | None:
    """Points around the rise of the exponent; None if they are too few, too far apart or unevenly spread for the fast way."""
    below, above = wind_speed[wind_speed <= RISE_START], wind_speed[wind_speed >= RISE_END]
    within = wind_speed[(wind_speed >= RISE_START) & (wind_speed <= RISE_END)]
    if not (below.size and above.size and within.size > 1):
        return None
    steps = np.diff(within)
    if steps.max() > _WIDEST_STEP or np.ptp(steps) > 1e-6:
        return None
    return Rise(*(np.float32(value) for value in (below[-1], within[0], within[-1], above[0], steps[0])))


@njit(**FUSED)  # type: ignore[untyped-decorator]
def normalise_speeds(warmth: Any, scale: Any, root: Any, speed: Any) -> None:
    """Replace speeds by those of IEC 61400-12-1.

    Parameters
    ----------
    warmth : (m,) array
        Inverse density in some unit near 1, at most 0.62 to 1.55.
    scale : float
        Cube root of the density times ``warmth``, over the reference density.
    root : Root
        Numbers of the cube root, in the precision of the data.
    speed : (m,) array
        Wind speed at the hub [m s-1], overwritten.
    """
    for j in range(speed.size):
        speed[j] *= inverse_cube_root(warmth[j], root) * scale


@njit(**FUSED)  # type: ignore[untyped-decorator]
def unstretch_speeds(warmth: Any, scale: Any, logarithm: Any, root: Any, rise: Any, speed: Any) -> None:
    """Replace speeds by those at which the unstretched curve gives what Svenningsen's stretched one gives, in float32.

    Parameters
    ----------
    warmth, scale, root, speed
        As for :func:`normalise_speeds`.
    logarithm : float
        Logarithm of the reference density over the density times ``warmth``.
    rise : Rise
        Points of the curve around the rise of the exponent.
    """
    per_step, square = _ONE / rise.step, rise.step * rise.step
    low_rise, high_rise = (rise.first - _F(RISE_START)) / _FIFTEEN, (_F(RISE_END) - rise.last) / _FIFTEEN
    low_gap, high_gap = rise.first - rise.before, rise.after - rise.last
    if low_gap == 0 and high_gap == 0:
        for j in range(speed.size):
            c = inverse_cube_root(warmth[j], root) * scale
            slope = (_logarithm(warmth[j]) + logarithm) * _FIFTEENTH
            low, high = speed[j] * c, speed[j] * (c * c)
            u = _rising_speed(speed[j] * (c * np.sqrt(c)), slope, rise.first, per_step, square)
            u = low if low <= rise.first else u
            speed[j] = high if high >= rise.last else u
        return
    for j in range(speed.size):
        c = inverse_cube_root(warmth[j], root) * scale
        ratio = _logarithm(warmth[j]) + logarithm
        low, high = speed[j] * c, speed[j] * (c * c)
        low_edge, high_edge = rise.first * _exponential(low_rise * ratio), rise.last * _exponential(-high_rise * ratio)
        u = _rising_speed(speed[j] * (c * np.sqrt(c)), ratio * _FIFTEENTH, rise.first, per_step, square)
        entering = rise.before + (low - rise.before) * low_gap / (low_edge - rise.before)
        leaving = rise.last + (high - high_edge) * high_gap / (rise.after - high_edge)
        u = entering if low <= low_edge else u
        u = leaving if high >= high_edge else u
        u = low if low <= rise.before else u
        speed[j] = high if high >= rise.after else u


@njit(**FUSED_INLINE)  # type: ignore[untyped-decorator]
def _rising_speed(g: Any, slope: Any, first: Any, per_step: Any, square: Any) -> Any:
    """Solve u exp(slope (u - 10)) = g, then go to the chord between the curve's points."""
    ease = _ONE / (_ONE + _TEN * slope)
    d = (g - _TEN) * ease
    d -= slope * (_ONE + _FIVE * slope) * ease * (d * d)
    pull = g * _exponential(-slope * d)
    ease = _ONE / (_ONE + slope * pull)
    u = _TEN + d
    u -= (u - pull) * ease
    t = (u - first) * per_step
    t = abs(t - ((t + _MAGIC) - _MAGIC))
    return u - (square * slope) * (_ONE + _HALF * u * slope) * ease * (t * (_ONE - t))


@njit(**FUSED_INLINE)  # type: ignore[untyped-decorator]
def _logarithm(x: Any) -> Any:
    """Logarithm for x from 0.62 to 1.55, to 6e-7."""
    y = (x - _ONE) / (x + _ONE)
    q = y * y
    return y * (_F(2.0) + q * (_F(2 / 3) + q * (_F(0.4) + q * _F(2 / 7))))


@njit(**FUSED_INLINE)  # type: ignore[untyped-decorator]
def _exponential(x: Any) -> Any:
    """Exponential for x from -0.25 to 0.25, to 4e-7."""
    return _ONE + x * (_ONE + x * (_HALF + x * (_F(1 / 6) + x * (_F(1 / 24) + x * _F(1 / 120)))))
