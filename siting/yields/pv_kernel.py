"""The PV chain for blocks of sites and hours, serial and without the interpreter's lock.

The commonest chain is a single loop. The steps of the others go over tiles of hours that stay in the processor's nearest memory,
so that each step is a simple loop that runs on vectors and the weather is read once. Every value depends on its own site and hour
alone, and sums over time have one fixed order within a site: results don't depend on how sites are cut into blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.curves import INLINE, JIT, ZERO, choose, fma
from siting.yields.mounts import (
    Places,
    Planes,
    Stand,
    SunPath,
    Tracker,
    above_plane,
    aim_fixed,
    aim_tracker,
    during,
    stand,
    true_height,
    true_sine,
)
from siting.yields.power import Plant, faiman_power, faiman_temperature, net_output, sapm_power
from siting.yields.quick_look import bits
from siting.yields.transposition import Sky, add_rear, hay_davies, hay_davies_plane, isotropic, perez, reflect, split_erbs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

#: Hours of a tile, a power of two, and those of them that are looked at for the clock; hours between rows of the scratch
#: memory, which keep rows from competing for the same lines of the nearest memory.
TILE, CLOCK_HOURS, _GAP = 2048, 256, 48
#: Sine of the elevation below which no light can come within the hour: half an hour moves the sun by 7.5 degrees at most.
_DARK = np.float32(-0.1478)
#: Rows of the scratch memory.
_HEIGHT, _FACING, _COS_TILT, _SIN_TILT, _PLANE, _LOST, _TRUE, _DNI, _DHI, _DARKEST, _LATE, _ENERGY = range(12)
_ROWS = 12


class Weather(NamedTuple):
    """Hourly weather, each (n, time) in working precision; without beam and diffuse irradiance these are empty."""

    ghi: Floats
    dni: Floats
    dhi: Floats
    temp_air: Floats
    wind: Floats


class Hours(NamedTuple):
    """What the kernels need of each hour, each (time,): extraterrestrial irradiance, one over it, and the share that losses leave."""

    path: SunPath
    extra: Floats
    clear: Floats
    kept: Floats


class Chain(NamedTuple):
    """Choices of the chain.

    ``plain`` if it is the one that has its own loop; the sky model is 0 (isotropic), 1 (Hay and Davies) or 2 (Perez).
    """

    plain: bool
    decompose: bool
    track: bool
    sky_model: int
    rear: bool
    reflect: bool
    sapm: bool
    stop_at_plane: bool


class Findings(NamedTuple):
    """What the gates look at.

    ``strange`` (1,): whether any value of the block may be beyond its limits. Over the hours that are looked at for the clock,
    ``darkest`` (1,): the most light in the dark; and per site (n,) the light of hours in whose middle the sun is down, after
    noon less before noon, and all light.
    """

    strange: NDArray[np.bool_]
    darkest: Floats
    late: Floats
    energy: Floats


class Limits(NamedTuple):
    """Light [W m-2], wind [m s-1] and distance of temperatures from 0 degC [K] up to which weather is surely plausible."""

    light: Any
    wind: Any
    temperature: Any


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _higher(seen: tuple[Any, Any, Any], ghi: Any, dni: Any, dhi: Any, temp_air: Any, wind: Any) -> tuple[Any, Any, Any]:
    """Highest bits of light, wind and temperatures' distance from 0, of those seen before and of an hour."""
    light, windy, far = seen
    light = max(max(max(light, bits(ghi)), bits(dni)), bits(dhi))
    return light, max(windy, bits(wind)), max(far, bits(abs(temp_air)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _may_be_beyond(limits: Limits, seen: tuple[Any, Any, Any]) -> bool:
    """Whether hours with these highest bits may be beyond the limits."""
    light, windy, far = seen
    return bool((light > bits(limits.light)) | (windy > bits(limits.wind)) | (far > bits(limits.temperature)))


@njit(**JIT)  # type: ignore[untyped-decorator]
def _look_at_limits(limits: Limits, ghi: Floats, dni: Floats, dhi: Floats, temp_air: Floats, wind: Floats) -> bool:
    """Whether any hour may be beyond the limits."""
    nothing = bits(ZERO * limits.light)
    seen = nothing, nothing, nothing
    for hour in range(len(ghi)):
        seen = _higher(seen, ghi[hour], dni[hour], dhi[hour], temp_air[hour], wind[hour])
    return bool(_may_be_beyond(limits, seen))


@njit(**JIT)  # type: ignore[untyped-decorator]
def _look_at_the_clock(scratch: Floats, ghi: Floats, path: SunPath, here: Stand, east: Any, north: Any) -> None:
    """Add up the light of hours in whose middle the sun is down, and all light; ``east`` and ``north`` lead to the hour angle.

    The first ``CLOCK_HOURS`` of every ``TILE`` are looked at.
    """
    dark, late, energy = scratch[_DARKEST], scratch[_LATE], scratch[_ENERGY]
    for first in range(0, len(ghi), TILE):
        for lane in range(min(CLOCK_HOURS, len(ghi) - first)):
            hour = np.uintp(first + lane)
            height, light = true_sine(path, hour, here), max(ZERO, ghi[hour])
            below = choose(height < ZERO, light, ZERO)
            # without the sum the compiler would store only where a value changes, which is slow
            dark[lane] = max(dark[lane], choose(height < _DARK, light, ZERO)) + ZERO
            late[lane] = late[lane] + choose(fma(east, path.greenwich[hour], north * path.west[hour]) > ZERO, -below, below)
            energy[lane] = energy[lane] + light


@njit(**JIT)  # type: ignore[untyped-decorator]
def _folded(lanes: Floats) -> Any:
    """Sum of the lanes of a tile, halves on halves; the lanes are used up."""
    width = len(lanes) // 2
    while width > 0:
        for lane in range(width):
            lanes[lane] += lanes[lane + width]
        width //= 2
    return lanes[0]


@njit(**JIT)  # type: ignore[untyped-decorator]
def _light(chain: Chain, sky: Sky, hours: Hours, first: int, scratch: Floats, ghi: Floats, dni: Floats, dhi: Floats) -> None:
    """Light in the plane of a tile, and what the glass turns away, from the sun's height and the plane's angles."""
    size = len(ghi)
    height, facing, plane = scratch[_HEIGHT, :size], scratch[_FACING, :size], scratch[_PLANE, :size]
    cos_tilt, sin_tilt, clear = scratch[_COS_TILT, :size], scratch[_SIN_TILT, :size], hours.clear[first : first + size]
    if chain.sky_model == 0:
        isotropic(sky, ghi, dni, dhi, height, facing, cos_tilt, plane)
    elif chain.sky_model == 1:
        hay_davies(sky, ghi, dni, dhi, height, facing, cos_tilt, clear, plane)
    else:
        perez(sky, ghi, dni, dhi, height, facing, cos_tilt, sin_tilt, clear, plane)
    if chain.rear:
        add_rear(sky, ghi, dhi, cos_tilt, plane)
    if chain.reflect:
        reflect(sky, dni, height, facing, scratch[_LOST, :size])


@njit(**JIT)  # type: ignore[untyped-decorator]
def _plain(
    path: SunPath, here: Stand, sky: Sky, plant: Plant, limits: Limits, ghi: Floats, dni: Floats, dhi: Floats, temp_air: Floats,
    wind: Floats, clear: Floats, kept: Floats, output: Floats,
) -> bool:  # fmt: skip
    """Run the commonest chain in one loop: fixed planes, Hay and Davies, Faiman, and :func:`_look_at_limits`.

    The numbers are those of the steps.
    """
    nothing = bits(ZERO * limits.light)
    seen = nothing, nothing, nothing
    for hour in range(len(output)):
        seen = _higher(seen, ghi[hour], dni[hour], dhi[hour], temp_air[hour], wind[hour])
        height, facing = above_plane(path, hour, here)
        plane = hay_davies_plane(sky, ghi[hour], dni[hour], dhi[hour], height, facing, here.cos_tilt, clear[hour])
        cell = faiman_temperature(plant, plane, temp_air[hour], wind[hour])
        output[hour] = net_output(plant, plane, cell, kept[hour])
    return bool(_may_be_beyond(limits, seen))


@njit(**JIT)  # type: ignore[untyped-decorator]
def _stepwise(
    chain: Chain, path: SunPath, here: Stand, tracker: Tracker, sky: Sky, plant: Plant, hours: Hours, first: int, scratch: Floats,
    ghi: Floats, dni: Floats, dhi: Floats, temp_air: Floats, wind: Floats, output: Floats,
) -> None:  # fmt: skip
    """Any chain, one step after the other over a tile."""
    size = len(ghi)
    height, facing = scratch[_HEIGHT, :size], scratch[_FACING, :size]
    if chain.decompose:
        true_height(path, here, scratch[_TRUE, :size])
        split_erbs(sky, ghi, scratch[_TRUE, :size], hours.extra[first : first + size], dni, dhi)
    if chain.track:
        aim_tracker(path, here, tracker, height, facing, scratch[_COS_TILT, :size], scratch[_SIN_TILT, :size])
    else:
        aim_fixed(path, here, height, facing)
    _light(chain, sky, hours, first, scratch, ghi, dni, dhi)
    plane, lost, kept = scratch[_PLANE, :size], scratch[_LOST, :size], hours.kept[first : first + size]
    if chain.stop_at_plane:
        output[:] = plane
    elif chain.sapm:
        sapm_power(plant, plane, lost, temp_air, wind, kept, output)
    else:
        faiman_power(plant, plane, lost, temp_air, wind, kept, output)


@njit(**JIT)  # type: ignore[untyped-decorator]
def _by_tiles(
    chain: Chain, weather: Weather, hours: Hours, site: int, here: Stand, tracker: Tracker, sky: Sky, plant: Plant, limits: Limits,
    scratch: Floats, output: Floats,
) -> bool:  # fmt: skip
    """Run :func:`_stepwise` over all hours of a site, and :func:`_look_at_limits`."""
    strange, end = False, len(output)
    for first in range(0, end, TILE):
        last = min(first + TILE, end)
        ghi, temp_air, wind = weather.ghi[site, first:last], weather.temp_air[site, first:last], weather.wind[site, first:last]
        if chain.decompose:
            dni, dhi = scratch[_DNI, : last - first], scratch[_DHI, : last - first]
            strange |= _look_at_limits(limits, ghi, ghi, ghi, temp_air, wind)
        else:
            dni, dhi = weather.dni[site, first:last], weather.dhi[site, first:last]
            strange |= _look_at_limits(limits, ghi, dni, dhi, temp_air, wind)
        path, result = during(hours.path, first, last), output[first:last]
        _stepwise(chain, path, here, tracker, sky, plant, hours, first, scratch, ghi, dni, dhi, temp_air, wind, result)
    return strange


@njit(**JIT)  # type: ignore[untyped-decorator]
def _sum_of(hourly: Floats, lanes: NDArray[np.float64]) -> float:
    """Sum over the hours of a site, in the order of the lanes of a tile."""
    lanes[:] = 0.0
    for first in range(0, len(hourly), TILE):
        for lane in range(min(TILE, len(hourly) - first)):
            lanes[lane] += hourly[first + lane]
    return float(_folded(lanes))


@njit(**JIT)  # type: ignore[untyped-decorator]
def fill(
    chain: Chain, weather: Weather, hours: Hours, places: Places, planes: Planes, tracker: Tracker, sky: Sky, plant: Plant, limits: Limits,
    findings: Findings, output: Floats, total: NDArray[np.float64],
) -> None:  # fmt: skip
    """Run the chain over all sites and hours.

    ``output`` (n, time) is filled unless it has no site, ``total`` (n,) with the sums over time unless it has none.
    """
    scratch, lanes = np.zeros((_ROWS, TILE + _GAP), weather.ghi.dtype), np.zeros(TILE)
    spare, strange = np.zeros(0 if len(output) > 0 else weather.ghi.shape[1], weather.ghi.dtype), False
    for site in range(len(weather.ghi)):
        here, ghi = stand(places, planes, site, chain.track), weather.ghi[site]
        result = output[site] if len(output) > 0 else spare
        if chain.plain:
            dni, dhi, temp_air, wind = weather.dni[site], weather.dhi[site], weather.temp_air[site], weather.wind[site]
            strange |= _plain(hours.path, here, sky, plant, limits, ghi, dni, dhi, temp_air, wind, hours.clear, hours.kept, result)
        else:
            scratch[_COS_TILT], scratch[_SIN_TILT] = planes.cos_tilt[site], planes.sin_tilt[site]
            strange |= _by_tiles(chain, weather, hours, site, here, tracker, sky, plant, limits, scratch, result)
        scratch[_LATE, :CLOCK_HOURS], scratch[_ENERGY, :CLOCK_HOURS] = ZERO, ZERO
        _look_at_the_clock(scratch, ghi, hours.path, here, places.eastward[site, 0], places.eastward[site, 1])
        findings.late[site], findings.energy[site] = _folded(scratch[_LATE, :CLOCK_HOURS]), _folded(scratch[_ENERGY, :CLOCK_HOURS])
        if len(total) > 0:
            total[site] = _sum_of(result, lanes)
    findings.strange[0], findings.darkest[0] = strange, scratch[_DARKEST].max()
