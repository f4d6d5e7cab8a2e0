"""Irradiance from the horizontal to the plane of the modules, and the split of the global one into beam and diffuse.

All loops run over the hours of one site; ``height`` is the sine of the sun's apparent elevation and ``facing`` the cosine of
the angle of incidence, not below 0. The beam counts only while the sun is above the horizon at mid-hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.yields.curves import HALF, INLINE, JIT, ONE, TWO, ZERO, air_mass, choose, fma, glass_transmission, zenith_angle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

#: Upper edges of the first seven clearness bins and coefficients of the eight bins (all sites composite 1990): brightening
#: of the sun's surroundings (F11, F12, F13), then of the horizon (F21, F22, F23).
PEREZ_EDGES = (1.065, 1.23, 1.5, 1.95, 2.8, 4.5, 6.2)
PEREZ_COEFFICIENTS = (
    (-0.008, 0.130, 0.330, 0.568, 0.873, 1.132, 1.060, 0.678),
    (0.588, 0.683, 0.487, 0.187, -0.392, -1.237, -1.600, -0.327),
    (-0.062, -0.151, -0.221, -0.295, -0.362, -0.412, -0.359, -0.250),
    (-0.060, -0.019, 0.055, 0.109, 0.226, 0.288, 0.264, 0.156),
    (0.072, 0.066, -0.064, -0.152, -0.462, -0.823, -1.127, -1.377),
    (-0.022, -0.029, -0.026, -0.014, 0.001, 0.056, 0.131, 0.251),
)


class Sky(NamedTuple):
    """Constants of the loops in working precision.

    ``albedo``; ``lowest`` and ``perez_lowest``, the least sines of the elevation that the models of Hay and Davies and of
    Perez divide by; ``kappa`` of Perez; the ``erbs`` numbers; the ``rear`` share of light that counts behind the modules; the
    refractive ``index`` of their glass and the share ``normal`` of light that passes it at right angles.
    """

    albedo: Any
    lowest: Any
    perez_lowest: Any
    kappa: Any
    edges: Any
    perez: Any
    erbs: Any
    rear: Any
    index: Any
    normal: Any


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _lit(height: Any) -> Any:
    """1 while the sun is up, else 0; a factor, so that a missing beam stays missing at night."""
    return choose(height > ZERO, ONE, ZERO)


@njit(**JIT)  # type: ignore[untyped-decorator]
def split_erbs(sky: Sky, ghi: Floats, height: Floats, extra: Floats, dni: Floats, dhi: Floats) -> None:
    """Beam and diffuse irradiance of a global one by Erbs et al.; ``height`` is the sine of the true elevation here.

    The clearness index is taken at an elevation of no less than 3.7 degrees, and there is no beam below 3 degrees.
    """
    least, low, high, slope, clear, beam_from, a, b, c, d, e = sky.erbs
    for hour in range(len(dni)):
        index = min(ghi[hour] / (extra[hour] * max(height[hour], least)), ONE)
        middle = fma(fma(fma(fma(e, index, d), index, c), index, b), index, a)
        share = fma(-slope, index, ONE)
        share = choose(index > low, middle, share)
        share = choose(index > high, clear, share)
        diffuse = share * ghi[hour]
        bright = height[hour] >= beam_from
        dhi[hour] = choose(bright, diffuse, ghi[hour])
        dni[hour] = choose(bright, ghi[hour] - diffuse, ZERO * ghi[hour]) / max(height[hour], beam_from)


@njit(**JIT)  # type: ignore[untyped-decorator]
def isotropic(sky: Sky, ghi: Floats, dni: Floats, dhi: Floats, height: Floats, facing: Floats, cos_tilt: Floats, plane: Floats) -> None:
    """Irradiance in the plane under a sky of even brightness."""
    for hour in range(len(plane)):
        beam = dni[hour] * _lit(height[hour]) * facing[hour]
        share = fma(HALF, cos_tilt[hour], HALF)
        plane[hour] = beam + fma(dhi[hour], share, sky.albedo * ghi[hour] * (ONE - share))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def hay_davies_plane(sky: Sky, ghi: Any, dni: Any, dhi: Any, height: Any, facing: Any, cos_tilt: Any, clear: Any) -> Any:
    """Irradiance in the plane by Hay and Davies; ``clear`` is one over the extraterrestrial irradiance."""
    beam = dni * _lit(height)
    clearness = beam * clear
    ratio = facing / max(height, sky.lowest)
    share = fma(HALF, cos_tilt, HALF)
    even = max((ONE - clearness) * share, ZERO)
    return fma(beam, facing, fma(dhi, fma(clearness, ratio, even), sky.albedo * ghi * (ONE - share)))


@njit(**JIT)  # type: ignore[untyped-decorator]
def hay_davies(
    sky: Sky, ghi: Floats, dni: Floats, dhi: Floats, height: Floats, facing: Floats, cos_tilt: Floats, clear: Floats, plane: Floats
) -> None:
    """Write :func:`hay_davies_plane` of each hour into ``plane``."""
    for hour in range(len(plane)):
        plane[hour] = hay_davies_plane(sky, ghi[hour], dni[hour], dhi[hour], height[hour], facing[hour], cos_tilt[hour], clear[hour])


@njit(**JIT)  # type: ignore[untyped-decorator]
def perez(
    sky: Sky, ghi: Floats, dni: Floats, dhi: Floats, height: Floats, facing: Floats, cos_tilt: Floats, sin_tilt: Floats,
    clear: Floats, plane: Floats,
) -> None:  # fmt: skip
    """Irradiance in the plane by Perez et al. (1990); no light comes from the sky while the sun is below the horizon.

    The bin of the clearness is found without a division: (dhi + dni) / dhi + k below edge (1 + k) is dni below
    (edge - 1) (1 + k) dhi.
    """
    albedo, lowest, kappa, (e1, e2, e3, e4, e5, e6, e7) = sky.albedo, sky.perez_lowest, sky.kappa, sky.edges
    f11, f12, f13, f21, f22, f23 = sky.perez
    for hour in range(len(plane)):
        lit = _lit(height[hour])
        above = max(height[hour], ZERO)
        zenith = zenith_angle(above)
        brightness = dhi[hour] * clear[hour] * air_mass(above, zenith)
        dull = fma(kappa, zenith * zenith * zenith, ONE) * dhi[hour]
        beam = dni[hour] * lit
        b1, b2, b3 = dni[hour] < e1 * dull, dni[hour] < e2 * dull, dni[hour] < e3 * dull
        b4, b5, b6, b7 = dni[hour] < e4 * dull, dni[hour] < e5 * dull, dni[hour] < e6 * dull, dni[hour] < e7 * dull
        sun = fma(_pick(f12, b1, b2, b3, b4, b5, b6, b7), brightness, _pick(f11, b1, b2, b3, b4, b5, b6, b7))
        sun = fma(_pick(f13, b1, b2, b3, b4, b5, b6, b7), zenith, sun)
        horizon = fma(_pick(f22, b1, b2, b3, b4, b5, b6, b7), brightness, _pick(f21, b1, b2, b3, b4, b5, b6, b7))
        horizon = fma(_pick(f23, b1, b2, b3, b4, b5, b6, b7), zenith, horizon)
        sun = max(sun, ZERO)
        share = fma(HALF, cos_tilt[hour], HALF)
        around = sun * facing[hour] / max(height[hour], lowest)
        diffuse = max(dhi[hour] * fma(horizon, sin_tilt[hour], fma(ONE - sun, share, around)), ZERO)
        plane[hour] = fma(beam, facing[hour], fma(diffuse, lit, albedo * ghi[hour] * (ONE - share)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _pick(table: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any) -> Any:
    """Entry of a table of eight for the first edge that is not reached."""
    value = choose(b5, table[4], choose(b6, table[5], choose(b7, table[6], table[7])))
    return choose(b1, table[0], choose(b2, table[1], choose(b3, table[2], choose(b4, table[3], value))))


@njit(**JIT)  # type: ignore[untyped-decorator]
def add_rear(sky: Sky, ghi: Floats, dhi: Floats, cos_tilt: Floats, plane: Floats) -> None:
    """Add what counts of the light behind the modules: from an even sky and from the ground, beside one isolated row."""
    for hour in range(len(plane)):
        share = fma(HALF, cos_tilt[hour], HALF)
        plane[hour] = fma(sky.rear, fma(dhi[hour], ONE - share, sky.albedo * ghi[hour] * share), plane[hour])


@njit(**JIT)  # type: ignore[untyped-decorator]
def reflect(sky: Sky, dni: Floats, height: Floats, facing: Floats, lost: Floats) -> None:
    """Beam that the glass of the modules turns away, by Fresnel's and Bouguer's laws, relative to light at right angles.

    One over the two polarisations' reflectances is never formed: with s = c + n c' and p = c' + n c the transmission of a face
    is 2 n c c' (s^2 + p^2) / (s p)^2, c and c' being the cosines outside and inside.
    """
    index, normal = sky.index, sky.normal
    squared = ONE / (index * index)
    for hour in range(len(lost)):
        cosine = min(facing[hour], ONE)
        inside = np.sqrt(fma(fma(cosine, cosine, -ONE), squared, ONE))
        across, along = fma(index, inside, cosine), fma(index, cosine, inside)
        product = across * along
        passed = TWO * index * cosine * inside * fma(across, across, along * along) / (product * product)
        lost[hour] = dni[hour] * _lit(height[hour]) * facing[hour] * fma(-passed, glass_transmission(inside) * normal, ONE)
