"""From light in the plane of the modules to net AC output: cell temperature, DC power and inverter, in one loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from numba import njit

from siting.yields.curves import INLINE, JIT, ZERO, decay, fma

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]


class Plant(NamedTuple):
    """Constants of a plant in working precision.

    Heat loss ``u0`` [W m-2 K-1] and ``u1`` per wind speed of the weather [W s m-3 K-1] (Faiman), or ``rise`` [K m2 W-1] in
    still air and its ``fade`` per wind speed and ``inner`` rise to the cell (Sandia); DC power per light as
    ``dc_base + dc_slope * temperature``; AC power as ``(ac_2 * dc + ac_1) * dc + ac_0``, at most ``rating``.
    """

    u0: Any
    u1: Any
    rise: Any
    fade: Any
    inner: Any
    dc_base: Any
    dc_slope: Any
    ac_0: Any
    ac_1: Any
    ac_2: Any
    rating: Any


@njit(**INLINE)  # type: ignore[untyped-decorator]
def net_output(plant: Plant, light: Any, temperature: Any, kept: Any) -> Any:
    """AC output of PVWatts from the light that reaches the cells and their temperature."""
    dc = light * fma(plant.dc_slope, temperature, plant.dc_base) * kept
    ac = fma(fma(plant.ac_2, dc, plant.ac_1), dc, plant.ac_0)
    return min(max(ac, ZERO), plant.rating)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def faiman_temperature(plant: Plant, plane: Any, temp_air: Any, wind: Any) -> Any:
    """Temperature of the modules by Faiman."""
    return temp_air + plane / fma(plant.u1, wind, plant.u0)


@njit(**JIT)  # type: ignore[untyped-decorator]
def faiman_power(plant: Plant, plane: Floats, lost: Floats, temp_air: Floats, wind: Floats, kept: Floats, output: Floats) -> None:
    """Net output with the module temperature of Faiman."""
    for hour in range(len(output)):
        cell = faiman_temperature(plant, plane[hour], temp_air[hour], wind[hour])
        output[hour] = net_output(plant, plane[hour] - lost[hour], cell, kept[hour])


@njit(**JIT)  # type: ignore[untyped-decorator]
def sapm_power(plant: Plant, plane: Floats, lost: Floats, temp_air: Floats, wind: Floats, kept: Floats, output: Floats) -> None:
    """Net output with the cell temperature of the Sandia array performance model."""
    for hour in range(len(output)):
        cell = fma(plane[hour], fma(plant.rise, decay(plant.fade * wind[hour]), plant.inner), temp_air[hour])
        output[hour] = net_output(plant, plane[hour] - lost[hour], cell, kept[hour])
