"""The PV chain for blocks of sites and hours, serial and without the interpreter's lock.

Hours go through the steps in tiles that stay in the processor's nearest memory, so that each step is a simple loop that runs
on vectors and the weather is read once. Every value depends on its own site and hour alone, and sums over time have one fixed
order within a site: results don't depend on how sites are cut into blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.curves import INLINE, JIT, ONE, ZERO, choose
from siting.yields.mounts import Places, Planes, SunPath, Tracker, aim_fixed, aim_tracker, true_height, vector
from siting.yields.power import Plant, faiman_power, sapm_power
from siting.yields.transposition import Sky, add_rear, hay_davies, isotropic, perez, reflect, split_erbs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

#: Hours of a tile, a power of two; one tile in so many is looked at for the clock.
TILE, _CLOCK_TILES = 1024, 2
#: Sine of the elevation below which no light can come within the hour: half an hour moves the sun by 7.5 degrees at most.
_DARK = np.float32(-0.1478)
#: Rows of the scratch memory.
_HEIGHT, _FACING, _COS_TILT, _SIN_TILT, _PLANE, _LOST, _TRUE, _DNI, _DHI, _OUTPUT = range(10)
_BRIGHTEST, _DIMMEST, _WARMEST, _COLDEST, _WINDIEST, _DARKEST, _LATE, _ENERGY = range(10, 18)
_ROWS = 18


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
    """Choices of the chain, as numbers: the sky model is 0 (isotropic), 1 (Hay and Davies) or 2 (Perez)."""

    decompose: bool
    track: bool
    sky_model: int
    rear: bool
    reflect: bool
    sapm: bool
    stop_at_plane: bool


class Findings(NamedTuple):
    """What the gates look at: extremes of the block (6,), and per site light of late hours less early ones below the horizon, and all.

    The extremes are the most and least light, the highest and lowest temperature, the highest wind, and the most light in
    the dark. The sums are over the hours that are looked at for the clock.
    """

    extremes: Floats
    late: Floats
    energy: Floats


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _look_at_limits(scratch: Floats, ghi: Floats, dni: Floats, dhi: Floats, temp_air: Floats, wind: Floats) -> None:
    """Keep the extremes of each lane of the tile; NaN never is one."""
    most, least = scratch[_BRIGHTEST], scratch[_DIMMEST]
    warm, cold, windy = scratch[_WARMEST], scratch[_COLDEST], scratch[_WINDIEST]
    # the sum with 0 keeps the compiler from storing only where a value changes, which is slow
    for hour in range(len(ghi)):
        most[hour] = max(most[hour], max(max(ghi[hour], dni[hour]), dhi[hour])) + ZERO
        least[hour] = min(least[hour], min(min(ghi[hour], dni[hour]), min(dhi[hour], wind[hour]))) + ZERO
        warm[hour] = max(warm[hour], temp_air[hour]) + ZERO
        cold[hour] = min(cold[hour], temp_air[hour]) + ZERO
        windy[hour] = max(windy[hour], wind[hour]) + ZERO


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _look_at_the_clock(scratch: Floats, ghi: Floats, path: SunPath, first: int, eastward: Floats) -> None:
    """Add up the light of hours in whose middle the sun is down, after noon less before noon, and all light."""
    height, dark, late, energy = scratch[_HEIGHT], scratch[_DARKEST], scratch[_LATE], scratch[_ENERGY]
    east, north = eastward[0], eastward[1]
    x, y = path.greenwich[first : first + len(ghi)], path.west[first : first + len(ghi)]
    for hour in range(len(ghi)):
        light = max(ZERO, ghi[hour])
        below = choose(height[hour] < ZERO, light, ZERO)
        dark[hour] = max(dark[hour], choose(height[hour] < _DARK, light, ZERO)) + ZERO
        late[hour] = late[hour] + choose(east * x[hour] + north * y[hour] > ZERO, -below, below)
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
def _light(
    chain: Chain, sky: Sky, hours: Hours, first: int, scratch: Floats, ghi: Floats, dni: Floats, dhi: Floats
) -> None:
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
        add_rear(sky, ghi, dhi, height, cos_tilt, plane)
    if chain.reflect:
        reflect(sky, dni, height, facing, scratch[_LOST, :size])


@njit(**JIT)  # type: ignore[untyped-decorator]
def _aim(
    chain: Chain, hours: Hours, places: Places, planes: Planes, tracker: Tracker, site: int, first: int, size: int, scratch: Floats
) -> None:
    """Height of the sun over the horizon and over the plane for a tile of hours."""
    up, position, strength = vector(places.up[site]), vector(places.position[site]), places.refraction[site]
    height, facing = scratch[_HEIGHT, :size], scratch[_FACING, :size]
    if chain.decompose:
        true_height(hours.path, first, up, position, scratch[_TRUE, :size])
    if chain.track:
        cos_tilt, sin_tilt = scratch[_COS_TILT, :size], scratch[_SIN_TILT, :size]
        aim_tracker(hours.path, first, up, position, strength, vector(places.eastward[site]), tracker, height, facing, cos_tilt, sin_tilt)
    else:
        aim_fixed(hours.path, first, up, position, strength, vector(planes.normal[site]), planes.cos_tilt[site], height, facing)


@njit(**JIT)  # type: ignore[untyped-decorator]
def fill(
    chain: Chain, weather: Weather, hours: Hours, places: Places, planes: Planes, tracker: Tracker, sky: Sky, plant: Plant,
    findings: Findings, output: Floats, total: NDArray[np.float64],
) -> None:  # fmt: skip
    """Run the chain over all sites and hours.

    ``output`` (n, time) is filled unless it has no site, ``total`` (n,) with the sums over time unless it has none.
    """
    scratch = np.zeros((_ROWS, TILE), weather.ghi.dtype)
    scratch[_DIMMEST], scratch[_COLDEST], scratch[_BRIGHTEST], scratch[_WARMEST] = np.inf, np.inf, -np.inf, -np.inf
    sums = np.zeros(TILE)
    keep_hours, add_up = len(output) > 0, len(total) > 0
    for site in range(len(weather.ghi)):
        scratch[_LATE], scratch[_ENERGY] = ZERO, ZERO
        scratch[_COS_TILT], scratch[_SIN_TILT] = planes.cos_tilt[site], planes.sin_tilt[site]
        sums[:] = 0.0
        for first in range(0, weather.ghi.shape[1], TILE):
            last = min(first + TILE, weather.ghi.shape[1])
            size = last - first
            ghi, temp_air, wind = weather.ghi[site, first:last], weather.temp_air[site, first:last], weather.wind[site, first:last]
            dni, dhi = scratch[_DNI, :size], scratch[_DHI, :size]
            _aim(chain, hours, places, planes, tracker, site, first, size, scratch)
            if chain.decompose:
                split_erbs(sky, ghi, scratch[_TRUE, :size], hours.extra[first:last], dni, dhi)
            else:
                dni, dhi = weather.dni[site, first:last], weather.dhi[site, first:last]
            _look_at_limits(scratch, ghi, dni, dhi, temp_air, wind)
            if first // TILE % _CLOCK_TILES == 0:
                _look_at_the_clock(scratch, ghi, hours.path, first, places.eastward[site])
            _light(chain, sky, hours, first, scratch, ghi, dni, dhi)
            result = output[site, first:last] if keep_hours else scratch[_OUTPUT, :size]
            plane, lost, kept = scratch[_PLANE, :size], scratch[_LOST, :size], hours.kept[first:last]
            if chain.stop_at_plane:
                result[:] = plane
            elif chain.sapm:
                sapm_power(plant, plane, lost, temp_air, wind, kept, result)
            else:
                faiman_power(plant, plane, lost, temp_air, wind, kept, result)
            if add_up:
                for hour in range(size):
                    sums[hour] += result[hour]
        findings.late[site], findings.energy[site] = _folded(scratch[_LATE]), _folded(scratch[_ENERGY])
        if add_up:
            total[site] = _folded(sums)
    _conclude(scratch, findings.extremes)


@njit(**JIT)  # type: ignore[untyped-decorator]
def _conclude(scratch: Floats, extremes: Floats) -> None:
    """Extremes over the lanes."""
    for number, row in enumerate((_BRIGHTEST, _DIMMEST, _WARMEST, _COLDEST, _WINDIEST, _DARKEST)):
        sign = -ONE if row in (_DIMMEST, _COLDEST) else ONE
        best = sign * scratch[row, 0]
        for lane in range(TILE):
            best = sign * scratch[row, lane] if sign * scratch[row, lane] > best else best
        extremes[number] = sign * best
