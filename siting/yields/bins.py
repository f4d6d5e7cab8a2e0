"""Power curves cut into even bins of speed, and the look-up of an hour's output by the number of its bin.

With at most one point of the curve in each bin, its number leads straight to the point and to the slopes on its two sides: the
look-up is exact, whatever the number of points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.vocabulary import UnitsError
from siting.yields.curves import FUSED_INLINE, INLINE
from siting.yields.registers import ENTRIES, HOURS, follow_lines, holds_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Finest bins of a curve [m s-1]; points that lie closer are refused.
_FINEST_BIN = 0.002
_ZERO = np.float32(0)
#: Numbers that hold two of the working precision.
_PAIR = {np.dtype(np.float32): np.uint64, np.dtype(np.float64): np.complex128}


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


def cut_into_bins(wind_speed: Floats, output: Floats, dtype: np.dtype[Any]) -> Bins:
    """Bins of a curve that is 0 below its first speed and holds its last output.

    Raises
    ------
    UnitsError
        If points of the curve, up to its last change, lie closer than 0.002 m/s.
    """
    # from its last change on the curve is flat, and its bins would all be alike
    last = 1 + int(np.flatnonzero(output != output[-1]).max(initial=0))
    wind_speed, output = wind_speed[: last + 1], output[: last + 1]
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


def lines_in_registers(bins: Bins) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Offsets and slopes of the lines, each (ENTRIES,), if kernels can hold them in registers; else None."""
    if bins.table.dtype != np.float32 or not 0 < bins.lines.size <= ENTRIES or not holds_tables():
        return None
    pairs = np.zeros((ENTRIES, 2), np.float32)
    pairs[: bins.lines.size] = bins.lines.view(np.float32).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


@njit(**INLINE)  # type: ignore[untyped-decorator]
def number_bins(bins: Bins, speed: Any, number: Any) -> None:
    """Write :func:`binned` of each speed into the two arrays."""
    for j in range(HOURS):
        speed[j], number[j] = binned(speed[j], bins)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def binned(speed: Any, bins: Bins) -> tuple[Any, Any]:
    """Speed, at most the curve's end, and its bin; the first where it is missing or below the curve, which is 0 there."""
    u = bins.end if speed > bins.end else speed
    held = u if u >= bins.start else _ZERO
    return u, np.uint32(np.int32(held * bins.per_bin))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def read_curve(bins: Bins, in_registers: Any, speed: Any, number: Any, room: Any, output: Any, first: int) -> None:
    """Write the output of ``HOURS`` speeds in their bins into an array from ``first`` on.

    ``in_registers`` is from :func:`lines_in_registers`; ``room`` takes as many lines, and is the same once more as single numbers.
    """
    if in_registers is not None:
        follow_lines(*in_registers, number, speed, output, first)
    elif bins.lines.size:
        _fetch(bins.lines, number, room[0])
        _follow(room[1], speed, output, first)
    else:
        _look_up(speed, number, bins, output, first)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _look_up(speed: Any, number: Any, bins: Bins, output: Any, first: int) -> None:
    """Output of the curve at speeds within it."""
    table = bins.table
    for j in range(HOURS):
        i = number[j] << np.uint32(2)
        distance = speed[j] - table[i]
        found = table[i + np.uint32(1)] + table[i + np.uint32(2)] * distance
        output[np.uintp(first + j)] = _at_least_nothing(found + table[i + np.uint32(3)] * (distance if distance > _ZERO else _ZERO))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _fetch(table: Any, number: Any, lines: Any) -> None:
    """Look up the line of each hour."""
    for j in range(HOURS):
        lines[j] = table[number[j]]


@njit(**FUSED_INLINE)  # type: ignore[untyped-decorator]
def _follow(lines: Any, speed: Any, output: Any, first: int) -> None:
    """Output on the lines, whose offsets and slopes take turns."""
    for j in range(HOURS):
        output[np.uintp(first + j)] = _at_least_nothing(lines[2 * j] + lines[2 * j + 1] * speed[j])


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _at_least_nothing(output: Any) -> Any:
    """Take what rounding puts below 0 to 0; missing stays missing."""
    return _ZERO if output < _ZERO else output
