"""One turbine at all sites, and the best of several at each."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.air_density import KELVIN_UNIT, REFERENCE_DENSITY, air_density, hub_kelvin, root_numbers, warmth_of_reference
from siting.yields.bins import Bins, cut_into_bins, lines_in_registers
from siting.yields.effective_speed import Rise, find_rise
from siting.yields.gates import surely_plausible
from siting.yields.hub_wind import log_law, power_law
from siting.yields.stretched_curve import Curve, find_brackets
from siting.yields.wind_kernel import IEC, NONE, SVENNINGSEN, SVENNINGSEN_EXACT, Settings, Site, fill_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Height [m] at which the weather's wind holds.
WIND_HEIGHT = 100.0
_NO_RISE = Rise(*(np.float32(1.0),) * len(Rise._fields))


class Machine(NamedTuple):
    """A turbine: its curve as net output per nominal power up to the cut-out, heights in m, speeds in m s-1."""

    wind_speed: Floats
    output: Floats
    hub_height: float
    cut_out: float
    relative_cost: float
    design_wind_speed: float


class Air(NamedTuple):
    """Weather and places that machines stand in.

    Wind at 100 m [m s-1] and temperature at 2 m [degC] by (n, time), pressure that the altitude implies [Pa] by (n,), pressure at
    the ground by (n, time) if it is known, and by (n,) the shear exponent or, if not None, the roughness length [m].
    """

    wind_speed_100m: NDArray[Any]
    temp_air: NDArray[Any]
    usual_pressure: Floats
    surface_pressure: NDArray[Any] | None
    shear_exponent: Floats
    roughness_length: Floats | None


def output_of(
    machine: Machine, air: Air, correction: str, cold_shutdown: float | None, out: NDArray[Any] | None = None
) -> tuple[NDArray[Any], bool]:
    """Net output by (n, time) in the precision of the weather, and whether any hour may be beyond the limits of weather.

    ``correction`` is "svenningsen", "iec" or "none"; ``cold_shutdown`` is a temperature at the hub [degC].
    """
    dtype = np.result_type(air.wind_speed_100m, air.temp_air)
    output = np.empty(air.wind_speed_100m.shape, dtype) if out is None else out
    bins, curve, rise = _shape(machine.wind_speed.tobytes(), machine.output.tobytes(), dtype)
    modes = {"none": NONE, "iec": IEC, "svenningsen": SVENNINGSEN if rise and dtype == np.float32 else SVENNINGSEN_EXACT}
    reference = warmth_of_reference(air.usual_pressure, machine.hub_height) / KELVIN_UNIT
    site = Site(
        *(row.astype(dtype) for row in (speed_factor(machine.hub_height, air), np.cbrt(reference), -np.log(reference), 1 / reference))
    )
    beyond = fill_output(
        air.wind_speed_100m, air.temp_air, _thinning(machine.hub_height, air, dtype), modes[correction],
        _settings(machine, cold_shutdown, dtype), site, bins, lines_in_registers(bins), root_numbers(dtype), rise or _NO_RISE, curve,
        output,
    )  # fmt: skip
    return output, beyond


@functools.lru_cache(maxsize=64)
def _shape(wind_speed: bytes, output: bytes, dtype: np.dtype[Any]) -> tuple[Bins, Curve, Rise | None]:
    """Tables of a power curve, remembered because every block of sites asks for the same."""
    speeds, outputs = np.frombuffer(wind_speed), np.frombuffer(output)
    return cut_into_bins(speeds, outputs, dtype), find_brackets(speeds.copy(), outputs.copy()), find_rise(speeds)


def speed_factor(hub_height: float, air: Air) -> Floats:
    """Wind at the hub over wind at 100 m, by site."""
    if air.roughness_length is not None:
        return log_law(WIND_HEIGHT, hub_height, air.roughness_length)
    return power_law(WIND_HEIGHT, hub_height, air.shear_exponent)


def _settings(machine: Machine, cold_shutdown: float | None, dtype: np.dtype[Any]) -> Settings:
    coldest = -np.inf if cold_shutdown is None else (cold_shutdown + 273.15) / KELVIN_UNIT
    limits = (surely_plausible("wind_speed_100m"), surely_plausible("temp_air"))
    scalars = (1 / KELVIN_UNIT, hub_kelvin(0.0, machine.hub_height) / KELVIN_UNIT, coldest, machine.cut_out, *limits)
    return Settings(*(dtype.type(value) for value in scalars))


def _thinning(hub_height: float, air: Air, dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Usual pressure at the hub over that of the hour."""
    if air.surface_pressure is None:
        return None
    usual = warmth_of_reference(air.usual_pressure, hub_height)[:, None]
    return np.ascontiguousarray(usual / warmth_of_reference(air.surface_pressure, hub_height), dtype=dtype)


def best_machine(
    machines: Sequence[Machine], air: Air, correction: str, cold_shutdown: float | None, out: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[np.int64], bool]:
    """Output of the best machine at each site, its number (-1 where no hour is known), and whether any hour may be beyond the limits.

    The best has the highest annual output per cost among those that are built for the mean wind of the site; where none is,
    the one for the highest wind is taken. Of equals the first is taken.
    """
    output, beyond = output_of(machines[0], air, correction, cold_shutdown, out)
    chosen = np.zeros(len(output), np.int64)
    _mark_unknown(output, chosen)
    if len(machines) == 1:
        return output, chosen, beyond
    total = np.empty(len(output))
    _sum_known_hours(output, total)
    sturdiest = int(np.argmax([machine.design_wind_speed for machine in machines]))
    value = _value(0, machines, sturdiest, total, air)
    for number in range(1, len(machines)):
        candidate, _ = output_of(machines[number], air, correction, cold_shutdown)
        _sum_known_hours(candidate, total)
        promise = _value(number, machines, sturdiest, total, air)
        better = promise > value
        output[better], value[better], chosen[better] = candidate[better], promise[better], number
    return output, chosen, beyond


def _value(number: int, machines: Sequence[Machine], sturdiest: int, total: Floats, air: Air) -> Floats:
    """Annual output per cost; -1 where the machine is not built for the wind, unless it is the sturdiest, which then counts 0."""
    machine = machines[number]
    if np.isinf(machine.design_wind_speed):
        return total / machine.relative_cost
    allowed = _mean_wind(machine, air) <= machine.design_wind_speed
    return np.where(allowed, total / machine.relative_cost, 0.0 if number == sturdiest else -1.0)


def _mean_wind(machine: Machine, air: Air) -> Floats:
    """Mean wind at the hub that loads a turbine in reference air as the site's wind does: loads go with density times speed squared."""
    wind, warmth = np.empty(len(air.usual_pressure)), np.empty(len(air.usual_pressure))
    _mean_of_known_hours(air.wind_speed_100m, wind)
    _mean_of_known_hours(air.temp_air, warmth)
    density = air_density(air.usual_pressure, warmth, machine.hub_height)
    mean: Floats = wind * speed_factor(machine.hub_height, air) * np.sqrt(density / REFERENCE_DENSITY)
    return mean


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mark_unknown(hourly: Any, chosen: Any) -> None:
    """Write -1 where all hours are missing."""
    for site in range(hourly.shape[0]):
        hour = 0
        while hour < hourly.shape[1] and np.isnan(hourly[site, hour]):
            hour += 1
        if hour == hourly.shape[1]:
            chosen[site] = -1


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sum_known_hours(hourly: Any, total: Floats) -> None:
    """Add up the hours that are not missing, in their order; NaN where all are."""
    for site in range(hourly.shape[0]):
        total[site], known = 0.0, False
        for hour in range(hourly.shape[1]):
            if not np.isnan(hourly[site, hour]):
                total[site] += hourly[site, hour]
                known = True
        if not known:
            total[site] = np.nan


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mean_of_known_hours(hourly: Any, mean: Floats) -> None:
    """Means over the hours that are not missing, summed in their order; NaN where all are."""
    for site in range(hourly.shape[0]):
        total, count = 0.0, 0
        for hour in range(hourly.shape[1]):
            if not np.isnan(hourly[site, hour]):
                total += hourly[site, hour]
                count += 1
        mean[site] = total / count if count else np.nan
