"""The polynomials of single precision against the functions they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from pvlib import iam
from pvlib.atmosphere import get_relative_airmass

from siting.yields.curves import air_mass, decay, fma, glass_transmission, refraction, zenith_angle

ELEVATION = np.linspace(0.0, 89.9, 4000)


@njit
def _each(kind, first, second, out):
    for number in range(len(out)):
        if kind == 0:
            out[number] = zenith_angle(first[number])
        elif kind == 1:
            out[number] = air_mass(first[number], second[number])
        elif kind == 2:
            out[number] = decay(first[number])
        elif kind == 3:
            out[number] = glass_transmission(first[number])
        elif kind == 4:
            out[number] = refraction(first[number], second[number])
        else:
            out[number] = fma(first[number], second[number], first[number])


def both(kind: int, first: np.ndarray, second: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Values in single and in double precision from the same single precision arguments."""
    given = [np.asarray(first if values is None else values, dtype=np.float32) for values in (first, second)]
    results = []
    for dtype in (np.float32, np.float64):
        out = np.empty(len(first), dtype)
        _each(kind, *(values.astype(dtype) for values in given), out)
        results.append(out.astype(np.float64))
    return results[0], results[1]


def test_zenith_angle():
    single, double = both(0, np.sin(np.radians(ELEVATION)))
    assert np.abs(single - double).max() < 4e-7


def test_air_mass_is_that_of_pvlib():
    sine, zenith = np.sin(np.radians(ELEVATION)), np.radians(90.0 - ELEVATION)
    single, double = both(1, sine, zenith)
    assert np.abs(single / double - 1.0).max() < 1e-6
    np.testing.assert_allclose(double, get_relative_airmass(90.0 - ELEVATION), rtol=1e-5)


def test_decay():
    single, double = both(2, np.linspace(-4.8, 0.0, 3000))
    assert np.abs(single / double - 1.0).max() < 2e-6


def test_glass():
    single, double = both(3, np.linspace(0.756, 1.0, 1000))
    assert np.abs(single / double - 1.0).max() < 2e-7
    # straight through 2 mm of glass, as pvlib takes it
    assert double[-1] == pytest.approx(np.exp(-4.0 * 0.002), rel=1e-7)
    assert iam.physical(0.0) == 1.0


@pytest.mark.parametrize(("lowest", "bound"), [(-0.6, 2e-7), (5.0, 6e-8)])
def test_refraction_moves_the_sun_as_it_should(lowest, bound):
    """Up to 80 degrees; nearer to the zenith the formula's own offset of 6e-7 radian stays."""
    elevation = np.linspace(lowest, 80.0, 4000)
    strength = np.full(4000, 1.0033 * 283 / 285 * np.radians(1.02 / 60))
    single, double = both(4, np.sin(np.radians(elevation)), strength)
    assert np.abs((single - double) * np.cos(np.radians(elevation))).max() < bound


def test_fma_rounds_once():
    """(1 + 2^-12)^2 - (1 + 2^-11) is 2^-24, which two roundings in single precision lose."""

    @njit
    def fused(first, second, third):
        return fma(first, second, third)

    one = np.float32(1.0)
    step, double = np.float32(2.0**-12), np.float32(2.0**-11)
    assert fused(one + step, one + step, -(one + double)) == 2.0**-24
