"""Compiled loops from wind and air temperature to output, in short groups of hours that stay in the fastest cache.

Every hour is computed by the same operations wherever it stands in a block. A turbine that stands still is one at a speed of 0,
where every curve is 0; a missing number goes through all steps. Places in long rows are unsigned numbers, for else Numba would
look whether each is counted from the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.ahead import LINE, ask_for
from siting.yields.air_density import Root, inverse_cube_root
from siting.yields.bins import Bins, binned, number_bins, read_curve
from siting.yields.curves import FUSED_INLINE, INLINE, JIT
from siting.yields.effective_speed import Rise, normalise_speeds, unstretch_speeds
from siting.yields.quick_look import bits
from siting.yields.registers import HOURS
from siting.yields.stretched_curve import Curve, look_up_stretched

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Hours ahead of which memory is asked for weather and output.
_AHEAD = 512
_ZERO = np.float32(0)

#: Ways of correcting for density.
NONE, IEC, SVENNINGSEN, SVENNINGSEN_EXACT = 0, 1, 2, 3


class Settings(NamedTuple):
    """Scalars of the kernel in the precision of the data.

    ``warmth_per_degree`` and ``warmth_at_zero`` lead from degC to kelvin at the hub over 250 K; ``coldest`` is in that unit,
    ``cut_out`` in m s-1 at the hub; up to ``speed_limit`` and ``temperature_limit``, by its distance from 0 degC, weather is surely
    plausible.
    """

    warmth_per_degree: Any
    warmth_at_zero: Any
    coldest: Any
    cut_out: Any
    speed_limit: Any
    temperature_limit: Any


class Site(NamedTuple):
    """Numbers of the sites, or of one; density over the reference density is ``reference`` over the warmth.

    ``speed_factor`` is wind at the hub over the given wind, the others are the cube root of ``reference``, minus its logarithm
    and one over it.
    """

    speed_factor: NDArray[Any]
    root: NDArray[Any]
    logarithm: NDArray[Any]
    inverse: NDArray[Any]


@njit(**JIT)  # type: ignore[untyped-decorator]
def fill_output(
    wind_speed: Any, temp_air: Any, thinning: Any, correction: int, settings: Settings, site: Site, bins: Bins, lines: Any, root: Root,
    rise: Rise, curve: Curve, output: Any,
) -> bool:  # fmt: skip
    """Write the output of all sites and hours into the last array; return whether any hour may be beyond the limits of weather.

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
    lines : pair of arrays or None
        Lines of ``bins`` by :func:`lines_in_registers`.
    output : (n, time) array
        Net output [1]; 0 above the cut-out and below the coldest temperature, NaN where an input is NaN.
    """
    hours = output.shape[1]
    whole = hours // HOURS * HOURS
    # plausible wind, temperature, thinning and room for output, of which the rest of a row takes the first hours
    rest, strange = np.ones((4, HOURS), output.dtype), False
    for i in range(output.shape[0]):
        if np.isnan(site.speed_factor[i] + site.root[i]):
            output[i] = np.nan
            continue
        here = Site(site.speed_factor[i], site.root[i], site.logarithm[i], site.inverse[i])
        wind, air, found = wind_speed[i], temp_air[i], output[i]
        thin = None if thinning is None else thinning[i]
        strange |= _fill_groups(wind, air, thin, correction, settings, here, bins, lines, root, rise, curve, found[:whole])
        if whole < hours:
            count = hours - whole
            rest[0, :count], rest[1, :count] = wind[whole:], air[whole:]
            if thinning is not None:
                rest[2, :count] = thinning[i, whole:]
            thin = None if thinning is None else rest[2]
            strange |= _fill_groups(rest[0], rest[1], thin, correction, settings, here, bins, lines, root, rise, curve, rest[3])
            found[whole:] = rest[3, :count]
    return strange


@njit(**JIT)  # type: ignore[untyped-decorator]
def _fill_groups(
    wind_speed: Any, temp_air: Any, thinning: Any, correction: int, settings: Settings, site: Site, bins: Bins, lines: Any, root: Root,
    rise: Rise, curve: Curve, output: Any,
) -> bool:  # fmt: skip
    """Do :func:`fill_output` for one site's hours in groups of ``HOURS``; return whether any of them may be beyond the limits."""
    speed, warmth, number = np.empty(HOURS, output.dtype), np.empty(HOURS, output.dtype), np.empty(HOURS, np.uint32)
    pairs, strange = np.empty(HOURS, bins.lines.dtype), False
    room = pairs, pairs.view(output.dtype)
    for first in range(0, output.size, HOURS):
        for line in range(0, HOURS, LINE):
            for array in (wind_speed, temp_air, output):
                ask_for(array, first + line + _AHEAD)
        if correction == IEC and thinning is None:
            strange |= _prepare_normalised(wind_speed, temp_air, first, site, settings, root, bins, speed, number)
        else:
            strange |= _prepare(wind_speed, temp_air, first, site.speed_factor, settings, speed, warmth)
            if thinning is not None:
                _thin(thinning, first, warmth, speed)
            _correct(correction, site, root, rise, warmth, speed)
            if correction != SVENNINGSEN_EXACT:
                number_bins(bins, speed, number)
        if correction == SVENNINGSEN_EXACT:
            look_up_stretched(speed, warmth, site.inverse, curve, output[first : first + HOURS])
        else:
            read_curve(bins, lines, speed, number, room, output, first)
    return strange


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _may_be_beyond(most: Any, farthest: Any, settings: Settings) -> bool:
    """Whether an hour with the highest bits of wind speed and of the temperature's distance from 0 may be beyond the limits."""
    return bool((most > bits(settings.speed_limit)) | (farthest > bits(settings.temperature_limit)))


@njit(**FUSED_INLINE)  # type: ignore[untyped-decorator]
def _prepare(wind_speed: Any, temp_air: Any, first: int, factor: Any, settings: Settings, speed: Any, warmth: Any) -> bool:
    """Speed at the hub, 0 where the turbine stands still, and warmth there over 250 K; return whether weather may be beyond the limits."""
    most = farthest = bits(_ZERO * settings.speed_limit)
    for j in range(HOURS):
        at = np.uintp(first + j)
        v, t = wind_speed[at], temp_air[at]
        most, farthest = max(most, bits(v)), max(farthest, bits(abs(t)))
        w, x = v * factor, t * settings.warmth_per_degree + settings.warmth_at_zero
        speed[j] = _ZERO * (w + x) if (w > settings.cut_out) | (x <= settings.coldest) else w + _ZERO * x
        warmth[j] = x
    return bool(_may_be_beyond(most, farthest, settings))


@njit(**FUSED_INLINE)  # type: ignore[untyped-decorator]
def _prepare_normalised(
    wind_speed: Any, temp_air: Any, first: int, site: Site, settings: Settings, root: Root, bins: Bins, speed: Any, number: Any
) -> bool:
    """Do :func:`_prepare`, :func:`normalise_speeds` and :func:`number_bins` in one loop."""
    most = farthest = bits(_ZERO * settings.speed_limit)
    for j in range(HOURS):
        at = np.uintp(first + j)
        v, t = wind_speed[at], temp_air[at]
        most, farthest = max(most, bits(v)), max(farthest, bits(abs(t)))
        w, x = v * site.speed_factor, t * settings.warmth_per_degree + settings.warmth_at_zero
        normal = w * (inverse_cube_root(x, root) * site.root)
        speed[j], number[j] = binned(_ZERO * (w + x) if (w > settings.cut_out) | (x <= settings.coldest) else normal, bins)
    return bool(_may_be_beyond(most, farthest, settings))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _correct(correction: int, site: Site, root: Root, rise: Rise, warmth: Any, speed: Any) -> None:
    """Replace speeds by those in reference air, if the curve itself isn't stretched."""
    if correction == IEC:
        normalise_speeds(warmth, site.root, root, speed)
    elif correction == SVENNINGSEN:
        unstretch_speeds(warmth, site.root, site.logarithm, root, rise, speed)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _thin(thinning: Any, first: int, warmth: Any, speed: Any) -> None:
    for j in range(HOURS):
        warmth[j] *= thinning[np.uintp(first + j)]
        speed[j] += _ZERO * thinning[np.uintp(first + j)]
