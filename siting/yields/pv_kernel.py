"""The PV chain for blocks of sites and hours, serial and without the interpreter's lock.

Hours go through the steps in tiles that stay in the processor's nearest memory, so that each step is a simple loop that runs
on vectors and the weather is read once. Every value depends on its own site and hour alone, and sums over time have one fixed
order within a site: results don't depend on how sites are cut into blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.curves import JIT, ZERO, choose, fma
from siting.yields.mounts import Places, Planes, Stand, SunPath, Tracker, above_plane, aim_fixed, aim_tracker, during, stand, true_height
from siting.yields.power import Plant, faiman_power, faiman_temperature, net_output, sapm_power
from siting.yields.transposition import Sky, add_rear, hay_davies, hay_davies_plane, isotropic, perez, reflect, split_erbs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

#: Hours of a tile, a power of two, and those of them that are looked at for the clock; hours between rows of the scratch
#: memory, which keep rows from competing for the same lines of the nearest memory.
TILE, CLOCK_HOURS, _GAP = 2048, 256, 48
#: Sine of the elevation below which no light can come within the hour: half an hour moves the sun by 7.5 degrees at most.
_DARK = np.float32(-0.1478)
#: Numbers that turn weather into shares of its limits (siting.yields.gates): most light and wind, middle and span of temperatures.
_PER_LIGHT, _PER_WIND, _MIDDLE, _PER_SPAN = (np.float32(value) for value in (1 / 1500, 1 / 60, 10.0, 1 / 80))
_BELOW_ZERO = np.float32(-1e20)
#: Rows of the scratch memory.
_HEIGHT, _FACING, _COS_TILT, _SIN_TILT, _PLANE, _LOST, _TRUE, _DNI, _DHI, _OUTPUT, _WORST, _DARKEST, _LATE, _ENERGY = range(14)
_ROWS = 14


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

    ``worst`` (2,): the largest share of its limit that any value of the block reaches, and the most light in the dark; per
    site (n,), over the hours that are looked at for the clock: the light of hours in whose middle the sun is down, after
    noon less before noon, and all light.
    """

    worst: Floats
    late: Floats
    energy: Floats


@njit(**JIT)  # type: ignore[untyped-decorator]
def _look_at_limits(worst: Floats, ghi: Floats, dni: Floats, dhi: Floats, temp_air: Floats, wind: Floats) -> None:
    """Keep the largest share of a limit in each lane of the tile; NaN never is one."""
    for hour in range(len(ghi)):
        most = max(max(max(worst[hour], ghi[hour] * _PER_LIGHT), dni[hour] * _PER_LIGHT), dhi[hour] * _PER_LIGHT)
        least = min(min(min(ZERO, ghi[hour]), dni[hour]), min(min(ZERO, dhi[hour]), wind[hour]))
        most = max(max(most, wind[hour] * _PER_WIND), abs(temp_air[hour] + _MIDDLE) * _PER_SPAN)
        # without the sum the compiler would store only where a value changes, which is slow
        worst[hour] = max(most, least * _BELOW_ZERO) + ZERO


@njit(**JIT)  # type: ignore[untyped-decorator]
def _look_at_the_clock(scratch: Floats, ghi: Floats, path: SunPath, here: Stand, east: Any, north: Any) -> None:
    """Add up the light of hours in whose middle the sun is down, and all light; ``east`` and ``north`` lead to the hour angle."""
    height = scratch[_TRUE, : len(ghi)]
    true_height(path, here, height)
    dark, late, energy = scratch[_DARKEST], scratch[_LATE], scratch[_ENERGY]
    for hour in range(len(ghi)):
        light = max(ZERO, ghi[hour])
        below = choose(height[hour] < ZERO, light, ZERO)
        dark[hour] = max(dark[hour], choose(height[hour] < _DARK, light, ZERO)) + ZERO
        late[hour] = late[hour] + choose(fma(east, path.greenwich[hour], north * path.west[hour]) > ZERO, -below, below)
        energy[hour] = energy[hour] + light


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
    path: SunPath, here: Stand, sky: Sky, plant: Plant, ghi: Floats, dni: Floats, dhi: Floats, temp_air: Floats, wind: Floats,
    clear: Floats, kept: Floats, output: Floats,
) -> None:  # fmt: skip
    """Run the commonest chain in one loop: fixed planes, Hay and Davies, Faiman; the numbers are those of the steps."""
    for hour in range(len(output)):
        height, facing = above_plane(path, hour, here)
        plane = hay_davies_plane(sky, ghi[hour], dni[hour], dhi[hour], height, facing, here.cos_tilt, clear[hour])
        cell = faiman_temperature(plant, plane, temp_air[hour], wind[hour])
        output[hour] = net_output(plant, plane, cell, kept[hour])


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
def fill(
    chain: Chain, weather: Weather, hours: Hours, places: Places, planes: Planes, tracker: Tracker, sky: Sky, plant: Plant,
    findings: Findings, output: Floats, total: NDArray[np.float64],
) -> None:  # fmt: skip
    """Run the chain over all sites and hours.

    ``output`` (n, time) is filled unless it has no site, ``total`` (n,) with the sums over time unless it has none.
    """
    memory = np.zeros((_ROWS, TILE + _GAP), weather.ghi.dtype)
    sums = np.zeros(TILE)
    keep_hours, add_up, end = len(output) > 0, len(total) > 0, weather.ghi.shape[1]
    for site in range(len(weather.ghi)):
        here = stand(places, planes, site, chain.track)
        east, north = places.eastward[site, 0], places.eastward[site, 1]
        memory[_LATE], memory[_ENERGY] = ZERO, ZERO
        memory[_COS_TILT], memory[_SIN_TILT] = planes.cos_tilt[site], planes.sin_tilt[site]
        sums[:] = 0.0
        for first in range(0, end, TILE):
            last = min(first + TILE, end)
            path = during(hours.path, first, last)
            ghi, temp_air, wind = weather.ghi[site, first:last], weather.temp_air[site, first:last], weather.wind[site, first:last]
            dni, dhi = memory[_DNI, : last - first], memory[_DHI, : last - first]
            if not chain.decompose:
                dni, dhi = weather.dni[site, first:last], weather.dhi[site, first:last]
            result = output[site, first:last] if keep_hours else memory[_OUTPUT, : last - first]
            if chain.plain:
                clear, kept = hours.clear[first:last], hours.kept[first:last]
                _plain(path, here, sky, plant, ghi, dni, dhi, temp_air, wind, clear, kept, result)
            else:
                _stepwise(chain, path, here, tracker, sky, plant, hours, first, memory, ghi, dni, dhi, temp_air, wind, result)
            _look_at_limits(memory[_WORST], ghi, dni, dhi, temp_air, wind)
            _look_at_the_clock(memory, ghi[:CLOCK_HOURS], path, here, east, north)
            if add_up:
                for hour in range(last - first):
                    sums[hour] += result[hour]
        findings.late[site], findings.energy[site] = _folded(memory[_LATE, :CLOCK_HOURS]), _folded(memory[_ENERGY, :CLOCK_HOURS])
        if add_up:
            total[site] = _folded(sums)
    findings.worst[0], findings.worst[1] = memory[_WORST].max(), memory[_DARKEST].max()
