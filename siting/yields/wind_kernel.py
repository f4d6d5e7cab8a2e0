"""Compiled loops from wind and air temperature to output, in tiles of hours that stay in the fastest cache.

The curve is cut into even bins with at most one point of the curve in each, so that a bin's number leads straight to the
point and to the slopes on its two sides: the look-up is exact, whatever the number of points. All else runs in vector
registers. Every hour is computed by the same operations wherever its site stands in a block. A turbine that stands still is
one at a speed of 0, where every curve is 0; a missing number goes through all steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.vocabulary import UnitsError
from siting.yields.ahead import LINE, ask_for
from siting.yields.air_density import Root, inverse_cube_root
from siting.yields.curves import FUSED, INLINE, JIT
from siting.yields.effective_speed import Rise, normalise_speeds, unstretch_speeds
from siting.yields.quick_look import may_leave, may_stray
from siting.yields.stretched_curve import Curve, look_up_stretched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Hours of a tile: in float32 its rows fill two thirds of a 32 KB cache.
_TILE = 1024
#: Finest bins of a curve [m s-1]; points that lie closer are refused.
_FINEST_BIN = 0.002
_ZERO = np.float32(0)
#: Numbers that hold two of the working precision.
_PAIR = {np.dtype(np.float32): np.uint64, np.dtype(np.float64): np.complex128}

#: Ways of correcting for density.
NONE, IEC, SVENNINGSEN, SVENNINGSEN_EXACT = 0, 1, 2, 3


class Bins(NamedTuple):
    """A power curve by even bins of speed.

    Per bin ``table`` holds a point of the curve [m s-1], the output there, the slope before it and its change. If all points
    lie on the edges of bins, ``lines`` holds the straight line of each bin, its offset and slope side by side in one number of
    twice the length, so that one look-up brings both; else it is empty. The curve is 0 below ``start`` and flat from ``end`` on.
    """

    table: NDArray[Any]
    lines: NDArray[Any]
    per_bin: Any
    start: Any
    end: Any


class Settings(NamedTuple):
    """Scalars of the kernel in the precision of the data.

    ``warmth_per_degree`` and ``warmth_at_zero`` lead from degC to kelvin at the hub over 250 K; ``coldest`` is in that unit,
    ``cut_out`` in m s-1 at the hub; the limits are those of plausible weather.
    """

    warmth_per_degree: Any
    warmth_at_zero: Any
    coldest: Any
    cut_out: Any
    speed_limit: Any
    lowest_temperature: Any
    highest_temperature: Any


class Site(NamedTuple):
    """Numbers of the sites; density over the reference density is ``reference`` over the warmth.

    ``speed_factor`` is wind at the hub over the given wind, the others are the cube root of ``reference``, minus its logarithm
    and one over it.
    """

    speed_factor: NDArray[Any]
    root: NDArray[Any]
    logarithm: NDArray[Any]
    inverse: NDArray[Any]


def cut_into_bins(wind_speed: Floats, output: Floats, dtype: np.dtype[Any]) -> Bins:
    """Bins of a curve that is 0 below its first speed and holds its last output.

    Raises
    ------
    UnitsError
        If points of the curve lie closer than 0.002 m/s.
    """
    gaps = np.diff(wind_speed[wind_speed > 0], prepend=0.0)
    width = gaps.min()
    if width < _FINEST_BIN:
        raise UnitsError(f"Expected points of the power curve at least {_FINEST_BIN:g} m s-1 apart, found {width:g}; thin them out.")
    slopes = np.diff(output) / np.diff(wind_speed)
    before, after = np.concatenate([[0.0], slopes]), np.concatenate([slopes, [0.0]])
    # rounding may put a speed into the next bin: a bin's point is the first from its start on, and lines go on beyond the bin
    starts = np.arange(int(wind_speed[-1] / width) + 2) * width
    point = np.minimum(np.searchsorted(wind_speed, starts - 1e-9 * width), wind_speed.size - 1)
    piece = np.maximum(np.searchsorted(wind_speed, starts + 1e-9 * width, side="right") - 1, 0)
    lines = [output[piece] - after[piece] * wind_speed[piece], after[piece]]
    table = np.stack([wind_speed[point], output[point], before[point], after[point] - before[point]], axis=1)
    idle = starts + (1 - 1e-9) * width <= wind_speed[0]
    table[idle, 1:] = lines[0][idle] = lines[1][idle] = 0.0
    scalars = (dtype.type(value) for value in (1.0 / width, wind_speed[0], wind_speed[-1]))
    even = np.allclose(wind_speed / width, np.round(wind_speed / width), rtol=0, atol=1e-9)
    pairs: NDArray[Any] = np.stack(lines, axis=1).astype(dtype).view(_PAIR[dtype])[:, 0]
    return Bins(table.ravel().astype(dtype), pairs if even else pairs[:0], *scalars)


@njit(**JIT)  # type: ignore[untyped-decorator]
def fill_output(
    wind_speed: Any, temp_air: Any, thinning: Any, correction: int, settings: Settings, site: Site, bins: Bins, root: Root,
    rise: Rise, curve: Curve, output: Any,
) -> int:  # fmt: skip
    """Write the output of all sites and hours into the last array; return how many hours are beyond the limits of weather.

    Parameters
    ----------
    wind_speed, temp_air : (n, time) array
        Wind speed [m s-1] at the height that ``site.speed_factor`` starts from, and air temperature at 2 m [degC].
    thinning : (n, time) array or None
        Pressure at the hub that the site's constants stand for, over that of the hour.
    correction : int
        NONE, IEC, SVENNINGSEN or SVENNINGSEN_EXACT.
    settings, site, bins, root, rise, curve
        Constants in the precision of the data. SVENNINGSEN needs ``rise`` and is as exact as float32; SVENNINGSEN_EXACT needs ``curve``.
    output : (n, time) array
        Net output [1]; 0 above the cut-out and below the coldest temperature, NaN where an input is NaN.
    """
    speed, warmth, number = np.empty(_TILE, output.dtype), np.empty(_TILE, output.dtype), np.empty(_TILE, np.uint32)
    lines = np.empty(_TILE, bins.lines.dtype)
    hours, beyond = output.shape[1], 0
    for i in range(output.shape[0]):
        if np.isnan(site.speed_factor[i] + site.root[i]):
            output[i] = np.nan
            continue
        for first in range(0, hours, _TILE):
            m = min(_TILE, hours - first)
            part = slice(first, first + m)
            wind, air, u, x, tile = wind_speed[i, part], temp_air[i, part], speed[:m], warmth[:m], output[i, part]
            if correction == IEC and thinning is None:
                _prepare_normalised(wind, air, site.speed_factor[i], site.root[i], settings, root, u)
            else:
                _prepare(wind, air, site.speed_factor[i], settings, u, x)
                if thinning is not None:
                    _thin(thinning[i, part], x, u)
                if correction == IEC:
                    normalise_speeds(x, site.root[i], root, u)
                elif correction == SVENNINGSEN:
                    unstretch_speeds(x, site.root[i], site.logarithm[i], root, rise, u)
            if correction == SVENNINGSEN_EXACT:
                look_up_stretched(u, x, site.inverse[i], curve, tile)
            else:
                _number_bins(bins, u, number[:m])
                if bins.lines.size:
                    _fetch(bins.lines, number[:m], lines[:m], (wind_speed, temp_air, output), i * hours + first + _TILE)
                    _follow(lines[:m].view(output.dtype), u, tile)
                else:
                    _look_up(u, number[:m], bins, tile)
            beyond += _count_beyond(wind, air, settings)
    return beyond


@njit(**JIT)  # type: ignore[untyped-decorator]
def _count_beyond(wind_speed: Any, temp_air: Any, settings: Settings) -> int:
    """Number of hours that are beyond the limits of weather."""
    if not (may_leave(wind_speed, settings.speed_limit) or may_stray(temp_air, settings.highest_temperature)):
        return 0
    beyond = 0
    for j in range(wind_speed.size):
        v, t = wind_speed[j], temp_air[j]
        beyond += (v < _ZERO) | (v > settings.speed_limit) | (t < settings.lowest_temperature) | (t > settings.highest_temperature)
    return beyond


@njit(**FUSED)  # type: ignore[untyped-decorator]
def _prepare(wind_speed: Any, temp_air: Any, factor: Any, settings: Settings, speed: Any, warmth: Any) -> None:
    """Speed at the hub, 0 where the turbine stands still, and temperature there over 250 K."""
    for j in range(speed.size):
        w, x = wind_speed[j] * factor, temp_air[j] * settings.warmth_per_degree + settings.warmth_at_zero
        speed[j] = _ZERO * (w + x) if (w > settings.cut_out) | (x <= settings.coldest) else w + _ZERO * x
        warmth[j] = x


@njit(**FUSED)  # type: ignore[untyped-decorator]
def _prepare_normalised(wind_speed: Any, temp_air: Any, factor: Any, scale: Any, settings: Settings, root: Root, speed: Any) -> None:
    """Do :func:`_prepare` and :func:`normalise_speeds` in one loop; ``factor`` brings the wind to the hub."""
    for j in range(speed.size):
        w, x = wind_speed[j] * factor, temp_air[j] * settings.warmth_per_degree + settings.warmth_at_zero
        normal = w * (inverse_cube_root(x, root) * scale)
        speed[j] = _ZERO * (w + x) if (w > settings.cut_out) | (x <= settings.coldest) else normal


@njit(**JIT)  # type: ignore[untyped-decorator]
def _thin(thinning: Any, warmth: Any, speed: Any) -> None:
    for j in range(warmth.size):
        warmth[j] *= thinning[j]
        speed[j] += _ZERO * thinning[j]


@njit(**JIT)  # type: ignore[untyped-decorator]
def _number_bins(bins: Bins, speed: Any, number: Any) -> None:
    """Bin of each speed, the first where it is missing or below the curve, which is 0 there; speeds beyond the curve go to its end."""
    for j in range(speed.size):
        u = bins.end if speed[j] > bins.end else speed[j]
        held = u if u >= bins.start else _ZERO
        speed[j], number[j] = u, np.uint32(np.int32(held * bins.per_bin))


@njit(**JIT)  # type: ignore[untyped-decorator]
def _look_up(speed: Any, number: Any, bins: Bins, output: Any) -> None:
    """Output of the curve at speeds within it."""
    table = bins.table
    for j in range(speed.size):
        i = number[j] << np.uint32(2)
        distance = speed[j] - table[i]
        found = table[i + np.uint32(1)] + table[i + np.uint32(2)] * distance
        output[j] = _at_least_nothing(found + table[i + np.uint32(3)] * (distance if distance > _ZERO else _ZERO))


@njit(**JIT)  # type: ignore[untyped-decorator]
def _fetch(table: Any, number: Any, lines: Any, to_come: tuple[Any, Any, Any], ahead: int) -> None:
    """Look up the line of each hour, and meanwhile ask for the numbers of the arrays ``to_come`` from number ``ahead`` on."""
    whole = number.size // LINE * LINE
    for first in range(0, whole, LINE):
        for array in to_come:
            ask_for(array, ahead + first)
        for j in range(first, first + LINE):
            lines[j] = table[number[j]]
    for j in range(whole, number.size):
        lines[j] = table[number[j]]


@njit(**FUSED)  # type: ignore[untyped-decorator]
def _follow(lines: Any, speed: Any, output: Any) -> None:
    """Output on the lines, whose offsets and slopes take turns."""
    for j in range(speed.size):
        output[j] = _at_least_nothing(lines[2 * j] + lines[2 * j + 1] * speed[j])


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _at_least_nothing(output: Any) -> Any:
    """Take what rounding puts below 0 to 0; missing stays missing."""
    return _ZERO if output < _ZERO else output
