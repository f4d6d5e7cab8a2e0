"""Compiled loops from wind and air temperature to output, in tiles of hours that stay in the fastest cache.

The curve is cut into even bins with at most one point of the curve in each, so that a bin's number leads straight to the
point and to the slopes on its two sides: the look-up is exact, whatever the number of points. All else runs in vector
registers. Every hour is computed by the same operations wherever its site stands in a block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.vocabulary import UnitsError
from siting.yields.air_density import Root, inverse_cube_root
from siting.yields.effective_speed import Rise, normalise_speeds, unstretch_speeds
from siting.yields.stretched_curve import Curve, look_up_stretched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Hours of a tile: four rows of them fill half of a 32 KB cache in float32.
_TILE = 1024
#: Finest bins of a curve [m s-1]; points that lie closer are refused.
_FINEST_BIN = 0.002
_ZERO, _ONE = np.float32(0), np.float32(1)

#: Ways of correcting for density.
NONE, IEC, SVENNINGSEN, SVENNINGSEN_EXACT = 0, 1, 2, 3


class Bins(NamedTuple):
    """A power curve by even bins of speed.

    Per bin ``table`` holds a point of the curve [m s-1], the output there, the slope before it and its change. If all points
    lie on the edges of bins, ``offsets`` and ``slopes`` hold the straight line of each bin; else they are empty. The curve is
    0 below ``start`` and flat from ``end`` on.
    """

    table: NDArray[Any]
    offsets: NDArray[Any]
    slopes: NDArray[Any]
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
    return Bins(table.ravel().astype(dtype), *(line[: line.size * even].astype(dtype) for line in lines), *scalars)


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
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
    speed, warmth, running = np.empty(_TILE, output.dtype), np.empty(_TILE, output.dtype), np.empty(_TILE, output.dtype)
    hours, beyond = output.shape[1], 0
    for i in range(output.shape[0]):
        if np.isnan(site.speed_factor[i] + site.root[i]):
            output[i] = np.nan
            continue
        for first in range(0, hours, _TILE):
            m = min(_TILE, hours - first)
            part = slice(first, first + m)
            u, x, tile = speed[:m], warmth[:m], output[i, part]
            if correction == IEC and thinning is None:
                factors = site.speed_factor[i], site.root[i]
                beyond += _prepare_normalised(wind_speed[i, part], temp_air[i, part], factors, settings, root, u, running)
            else:
                beyond += _prepare(wind_speed[i, part], temp_air[i, part], site.speed_factor[i], settings, u, x, running)
            if thinning is not None:
                _thin(thinning[i, part], x, running)
            if correction == SVENNINGSEN_EXACT:
                look_up_stretched(u, x, site.inverse[i], curve, tile)
            else:
                if correction == IEC and thinning is not None:
                    normalise_speeds(x, site.root[i], root, u)
                elif correction == SVENNINGSEN:
                    unstretch_speeds(x, site.root[i], site.logarithm[i], root, rise, u)
                _hold_within(bins.start, bins.end, u)
                _look_up(u, bins, tile)
            _multiply(tile, running)
    return beyond


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _prepare(wind_speed: Any, temp_air: Any, factor: Any, settings: Settings, speed: Any, warmth: Any, running: Any) -> int:
    """Speed at the hub, temperature there over 250 K, and 1 where the turbine runs, else 0 or NaN; count implausible hours."""
    beyond = 0
    for j in range(speed.size):
        v, t = wind_speed[j], temp_air[j]
        beyond += (v < _ZERO) | (v > settings.speed_limit) | (t < settings.lowest_temperature) | (t > settings.highest_temperature)
        w, x = v * factor, t * settings.warmth_per_degree + settings.warmth_at_zero
        speed[j], warmth[j] = w, x
        running[j] = _ONE if (w <= settings.cut_out) & (x > settings.coldest) else (w + x) * _ZERO
    return beyond


@njit(nogil=True, cache=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _prepare_normalised(
    wind_speed: Any, temp_air: Any, factors: tuple[Any, Any], settings: Settings, root: Root, speed: Any, running: Any
) -> int:
    """Do :func:`_prepare` and :func:`normalise_speeds` in one loop, of the same bits; ``factors`` bring the wind to the hub and scale."""
    beyond, (factor, scale) = 0, factors
    for j in range(speed.size):
        v, t = wind_speed[j], temp_air[j]
        beyond += (v < _ZERO) | (v > settings.speed_limit) | (t < settings.lowest_temperature) | (t > settings.highest_temperature)
        w, x = v * factor, t * settings.warmth_per_degree + settings.warmth_at_zero
        running[j] = _ONE if (w <= settings.cut_out) & (x > settings.coldest) else (w + x) * _ZERO
        speed[j] = w * (inverse_cube_root(x, root) * scale)
    return beyond


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _thin(thinning: Any, warmth: Any, running: Any) -> None:
    for j in range(warmth.size):
        warmth[j] *= thinning[j]
        running[j] *= _ONE + _ZERO * thinning[j]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _multiply(values: Any, factors: Any) -> None:
    """Multiply by 1, 0 or NaN, and take what rounding puts below 0 to 0."""
    for j in range(values.size):
        product = values[j] * factors[j]
        values[j] = _ZERO if product < _ZERO else product


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _hold_within(start: Any, end: Any, speed: Any) -> None:
    """Take speeds that are missing or below the curve to 0, where it is 0, and those beyond it to its end."""
    for j in range(speed.size):
        u = speed[j] if speed[j] >= start else _ZERO
        speed[j] = u if u < end else end


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _look_up(speed: Any, bins: Bins, output: Any) -> None:
    """Output of the curve at speeds within it."""
    table, offsets, slopes, per_bin = bins.table, bins.offsets, bins.slopes, bins.per_bin
    if offsets.size:
        for j in range(speed.size):
            i = np.uint32(np.int32(speed[j] * per_bin))
            output[j] = offsets[i] + slopes[i] * speed[j]
        return
    for j in range(speed.size):
        i = np.uint32(np.int32(speed[j] * per_bin)) << np.uint32(2)
        distance = speed[j] - table[i]
        output[j] = table[i + np.uint32(1)] + table[i + np.uint32(2)] * distance
        output[j] += table[i + np.uint32(3)] * (distance if distance > _ZERO else _ZERO)
