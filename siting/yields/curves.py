"""Transcendental steps of the PV kernels: exact in double precision, short polynomials in single precision.

A call of a mathematical library keeps a loop scalar, so that in single precision each function is a polynomial or a quotient
of two, with an error below what the number format resolves in the result. Which form is compiled follows from the type of
the argument.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

#: Options of every kernel: results follow IEEE 754, division by zero included, in the order that is written.
JIT: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
INLINE: dict[str, Any] = JIT | {"forceinline": True}
#: The same, but a product and a sum may be rounded once, as processors that can do it prefer.
FUSED: dict[str, Any] = JIT | {"fastmath": {"contract"}}
FUSED_INLINE: dict[str, Any] = FUSED | {"forceinline": True}
OVERLOAD: dict[str, Any] = {"jit_options": {"nogil": True, "error_model": "numpy", "forceinline": True}}


@intrinsic  # type: ignore[untyped-decorator]
def fma(context: Any, first: Any, second: Any, third: Any) -> Any:
    """``first * second + third``, rounded once: one instruction, and the same number on every machine."""
    kind = context.unify_types(first, second, third)

    def fused(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.fma(*args)

    return kind(kind, kind, kind), fused


# numbers that both precisions hold exactly, in a type that leaves single precision single
ZERO, HALF, ONE, TWO = (np.float32(value) for value in (0.0, 0.5, 1.0, 2.0))
EIGHTH = np.float32(0.125)

# cot(e + 10.3 / (e + 5.11)) / cos(e) by sin(e), from 0.65 degree below the horizon to the zenith
_LIFT = tuple(map(np.float32, (28.41365528, 290.82393336, -310.27807411)))
_LIFT_BELOW = tuple(map(np.float32, (27.46242465, 291.09575724, -310.45424)))
_LOWEST_SINE = np.float32(-0.0113)
# acos(x) / sqrt(1 - x)
_ACOS = tuple(
    map(np.float32, (1.570796239126, -0.21459109651, 0.088835951373, -0.049197673271, 0.027763327584, -0.012003743009, 0.002611832863))
)
# 0.50572 (6.07995 + e)**-1.6364 by the elevation in radians
_BEND = tuple(map(np.float32, (0.026371581249, 0.150256939589, 0.14864766779, 0.010730574546)))
_BEND_BELOW = tuple(map(np.float32, (21.118705127704, 139.737146869834, 298.234141753075, 130.281110358475)))
_RIGHT_ANGLE = np.float32(math.pi / 2)
# exp(v) for v from -0.62 to 0
_EXP = tuple(
    map(np.float32, (0.999999999148, 0.999999874813, 0.499996926452, 0.166637895451, 0.041536492022, 0.008025471415, 0.001015616721))
)
# exp(-0.008 / x) for x from 0.755 to 1
_GLASS = tuple(map(np.float32, (0.954519607229, 0.104124229168, -0.1191758676, 0.068097783347, -0.015533867733)))


def shortened(along: Any, parallax: Any, distance: Any) -> Any:
    """One over the length of the sun's unit vector less ``parallax`` times the observer's place.

    ``along`` is the scalar product of the two vectors, ``distance`` the square of the latter's length.
    """
    raise NotImplementedError


@overload(shortened, **OVERLOAD)  # type: ignore[untyped-decorator]
def _shortened(along: Any, parallax: Any, distance: Any) -> Any:  # noqa: ARG001
    """To the first order of the parallax, whose square is 2e-9, in single precision."""

    def exact(along: Any, parallax: Any, distance: Any) -> Any:
        return 1.0 / math.sqrt(1.0 + parallax * (parallax * distance - 2.0 * along))

    def fast(along: Any, parallax: Any, distance: Any) -> Any:  # noqa: ARG001
        return fma(parallax, along, ONE)

    return fast if along == types.float32 else exact


def refraction(sine: Any, strength: Any) -> Any:
    """Rise of the sun by refraction [radian] over the cosine of its elevation, from the sine of its true elevation.

    ``strength`` [radian] is the site's factor of the formula: its air pressure and temperature.
    """
    raise NotImplementedError


@overload(refraction, **OVERLOAD)  # type: ignore[untyped-decorator]
def _refraction(sine: Any, strength: Any) -> Any:  # noqa: ARG001
    """Polynomials where the sun can be seen; below that any value that leaves it below the horizon."""

    def exact(sine: Any, strength: Any) -> Any:
        elevation = math.degrees(math.asin(min(max(sine, -1.0), 1.0)))
        if elevation < -0.83337:
            return 0.0 * strength * sine
        rise = strength / math.tan(math.radians(elevation + 10.3 / (elevation + 5.11)))
        return math.sin(rise) / math.sqrt(max(1.0 - sine * sine, 1e-18))

    def fast(sine: Any, strength: Any) -> Any:
        held = max(sine, _LOWEST_SINE)
        above = fma(fma(_LIFT[2], held, _LIFT[1]), held, _LIFT[0])
        below = fma(fma(fma(_LIFT_BELOW[2], held, _LIFT_BELOW[1]), held, _LIFT_BELOW[0]), held, ONE)
        return strength * above / below

    return fast if sine == types.float32 else exact


def unrefracted_share(sine: Any, rise: Any) -> Any:
    """Factor of the sun's horizontal components after a :func:`refraction` of ``rise``."""
    raise NotImplementedError


@overload(unrefracted_share, **OVERLOAD)  # type: ignore[untyped-decorator]
def _unrefracted_share(sine: Any, rise: Any) -> Any:  # noqa: ARG001
    """cos(d) - sine * sin(d) / cos(e), with d = rise * cos(e)."""

    def exact(sine: Any, rise: Any) -> Any:
        return math.sqrt(1.0 - rise * rise * (1.0 - sine * sine)) - sine * rise

    def fast(sine: Any, rise: Any) -> Any:
        return fma(-rise, fma(HALF, rise, sine), ONE)

    return fast if sine == types.float32 else exact


def zenith_angle(sine: Any) -> Any:
    """Zenith angle [radian] from the sine of the elevation, 0 to 1."""
    raise NotImplementedError


@overload(zenith_angle, **OVERLOAD)  # type: ignore[untyped-decorator]
def _zenith_angle(sine: Any) -> Any:
    """Error of the polynomial 9e-8."""

    def exact(sine: Any) -> Any:
        return math.acos(min(sine, 1.0))

    def fast(sine: Any) -> Any:
        left = max(ONE - sine, ZERO)
        series = fma(fma(fma(fma(_ACOS[6], sine, _ACOS[5]), sine, _ACOS[4]), sine, _ACOS[3]), sine, _ACOS[2])
        return math.sqrt(left) * fma(fma(series, sine, _ACOS[1]), sine, _ACOS[0])

    return fast if sine == types.float32 else exact


def air_mass(sine: Any, zenith: Any) -> Any:
    """Relative air mass of Kasten and Young (1989), from the sine of the apparent elevation and the zenith angle [radian]."""
    raise NotImplementedError


@overload(air_mass, **OVERLOAD)  # type: ignore[untyped-decorator]
def _air_mass(sine: Any, zenith: Any) -> Any:  # noqa: ARG001
    """Relative error of the quotient 4e-8, before rounding."""

    def exact(sine: Any, zenith: Any) -> Any:
        return 1.0 / (sine + 0.50572 * (6.07995 + (90.0 - math.degrees(zenith))) ** -1.6364)

    def fast(sine: Any, zenith: Any) -> Any:
        elevation = _RIGHT_ANGLE - zenith
        above = fma(fma(fma(_BEND[3], elevation, _BEND[2]), elevation, _BEND[1]), elevation, _BEND[0])
        below = fma(fma(_BEND_BELOW[3], elevation, _BEND_BELOW[2]), elevation, _BEND_BELOW[1])
        below = fma(fma(below, elevation, _BEND_BELOW[0]), elevation, ONE)
        return below / fma(sine, below, above)

    return fast if sine == types.float32 else exact


def decay(exponent: Any) -> Any:
    """Exponential function of ``exponent``, -5 to 0."""
    raise NotImplementedError


@overload(decay, **OVERLOAD)  # type: ignore[untyped-decorator]
def _decay(exponent: Any) -> Any:
    """Relative error of the polynomial 7e-9, before rounding."""

    def exact(exponent: Any) -> Any:
        return math.exp(exponent)

    def fast(exponent: Any) -> Any:
        part = exponent * EIGHTH
        root = fma(fma(fma(fma(_EXP[6], part, _EXP[5]), part, _EXP[4]), part, _EXP[3]), part, _EXP[2])
        root = fma(fma(root, part, _EXP[1]), part, _EXP[0])
        root = root * root
        root = root * root
        return root * root

    return fast if exponent == types.float32 else exact


def glass_transmission(cosine: Any) -> Any:
    """Share of the light left after 2 mm of glass (4 per metre), from the cosine of the refracted angle, 0.755 to 1."""
    raise NotImplementedError


@overload(glass_transmission, **OVERLOAD)  # type: ignore[untyped-decorator]
def _glass_transmission(cosine: Any) -> Any:
    """Relative error of the polynomial 3e-8."""

    def exact(cosine: Any) -> Any:
        return math.exp(-0.008 / cosine)

    def fast(cosine: Any) -> Any:
        return fma(fma(fma(fma(_GLASS[4], cosine, _GLASS[3]), cosine, _GLASS[2]), cosine, _GLASS[1]), cosine, _GLASS[0])

    return fast if cosine == types.float32 else exact


@intrinsic  # type: ignore[untyped-decorator]
def choose(context: Any, condition: Any, yes: Any, no: Any) -> Any:  # noqa: ARG001
    """``yes`` where the condition holds, else ``no``: one instruction, where a conditional expression may become a jump."""

    def select(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.select(*args)

    kind = context.unify_types(yes, no)
    return kind(types.boolean, kind, kind), select
