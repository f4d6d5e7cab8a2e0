"""Density of the air at the hub, and the cube root of it that moves power curves."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.curves import FUSED_INLINE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Density of the air that power curves are stated for [kg m-3].
REFERENCE_DENSITY = 1.225
#: Temperature [K] by which kernels divide theirs, so that it comes near 1.
KELVIN_UNIT = 250.0
_ONE = np.float32(1.0)


def air_density(pressure: Floats | float, temp_air: Floats | float, hub_height: float) -> Floats:
    """Density of air [kg m-3] at a height [m] above ground, from pressure at the ground [Pa] and temperature at 2 m [degC].

    Pressure falls by 1/8 hPa and temperature by 0.0065 K per metre, as in windpowerlib.

    References
    ----------
    E. Hau, "Windkraftanlagen", 4th ed., Springer, 2008, p. 560.

    Examples
    --------
    >>> round(float(air_density(101325.0, 15.0, 0.0)), 3)
    1.225
    """
    density: Floats = REFERENCE_DENSITY * warmth_of_reference(pressure, hub_height) / hub_kelvin(temp_air, hub_height)
    return density


def warmth_of_reference(pressure: Floats | float, hub_height: float) -> Any:
    """Temperature [K] at which air at the hub has the reference density, from pressure at the ground [Pa].

    Divided by the temperature at the hub it is the density over the reference density.
    """
    return (pressure / 100.0 - hub_height / 8.0) * 288.15 * 100.0 / 101330.0


def hub_kelvin(temp_air: Floats | float, hub_height: float) -> Any:
    """Temperature at the hub [K] from that at 2 m [degC]."""
    return temp_air + 273.15 - 0.0065 * (hub_height - 2.0)


class Root(NamedTuple):
    """Numbers of :func:`inverse_cube_root` in the precision of the data."""

    seed_0: Any
    seed_1: Any
    seed_2: Any
    seed_3: Any
    seed_4: Any
    third: Any
    two_ninths: Any


@functools.lru_cache(maxsize=2)
def root_numbers(dtype: np.dtype[Any]) -> Root:
    """Numbers of the cube root; the seed, a polynomial in x - 1, comes within 2e-4 of x^(-1/3) for x from 0.62 to 1.55."""
    nodes = 1.085 + 0.465 * np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    seed = np.polynomial.polynomial.polyfit(nodes - 1.0, nodes ** (-1 / 3), 4, w=nodes ** (1 / 3))
    return Root(*(dtype.type(number) for number in (*seed, 1 / 3, 2 / 9)))


@njit(**FUSED_INLINE)  # type: ignore[untyped-decorator]
def inverse_cube_root(x: Any, root: Any) -> Any:
    """x^(-1/3) for x from 0.62 to 1.55, in the precision of its arguments and without a division.

    One step z (1 + e/3 + 2 e^2/9) with e = 1 - x z^3 leaves the cube of the seed's error: 3e-11.
    """
    d = x - _ONE
    z = root.seed_0 + d * (root.seed_1 + d * (root.seed_2 + d * (root.seed_3 + d * root.seed_4)))
    e = _ONE - x * (z * z * z)
    return z + z * (e * (root.third + e * root.two_ninths))
