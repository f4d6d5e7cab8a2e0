"""Where the sun stands above the modules: fixed planes and horizontal single-axis trackers, hour by hour.

The sun is a vector in the frame of the turning earth. Its height above the horizon and above a fixed plane are two dot
products, less the parallax of the observer's place; refraction lifts the result. No angle is formed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.solar_position import SunHours, observers
from siting.yields.curves import INLINE, JIT, ONE, ZERO, choose, fma, refraction, shortened, unrefracted_share

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Floats = NDArray[Any]


class SunPath(NamedTuple):
    """Sun vector in the frame of the earth (Greenwich, west, pole) and sine of the parallax, each (time,)."""

    greenwich: Floats
    west: Floats
    pole: Floats
    parallax: Floats


class Places(NamedTuple):
    """What the kernels need of each site, each (n, 3) or (n,).

    ``up`` and ``eastward`` are unit vectors and ``position`` the place in earth radii, in the frame of :class:`SunPath`;
    ``refraction`` [radian] is the site's factor of the refraction.
    """

    up: Floats
    eastward: Floats
    position: Floats
    refraction: Floats


class Planes(NamedTuple):
    """Fixed planes of the sites: unit normals in the frame of :class:`SunPath` (n, 3), cosine and sine of the tilt (n,)."""

    normal: Floats
    cos_tilt: Floats
    sin_tilt: Floats


class Tracker(NamedTuple):
    """Distance of the rows in widths of a row (huge without backtracking), cosine and sine of the largest rotation."""

    row_distance: Any
    cos_limit: Any
    sin_limit: Any


def sun_path(hours: SunHours, dtype: DTypeLike) -> SunPath:
    """Sun vector of every hour."""
    return SunPath(
        (hours.cos_declination * hours.cos_angle).astype(dtype),
        (hours.cos_declination * hours.sin_angle).astype(dtype),
        hours.sin_declination.astype(dtype),
        hours.parallax.astype(dtype),
    )


def places(latitude: NDArray[np.float64], longitude: NDArray[np.float64], altitude: NDArray[np.float64], dtype: DTypeLike) -> Places:
    """Site terms from coordinates [degree] and altitude [m], each (n,).

    Raises
    ------
    UnitsError, AlignmentError
        As :func:`siting.solar_position.observers`.
    """
    from pvlib.atmosphere import alt2pres

    seen = observers(latitude, longitude, altitude)
    meridian = np.stack([seen.cos_longitude, -seen.sin_longitude], axis=-1)
    pole = np.stack([seen.cos_latitude, seen.sin_latitude], axis=-1)
    up = np.column_stack([pole[:, :1] * meridian, pole[:, 1]])
    eastward = np.column_stack([-seen.sin_longitude, -seen.cos_longitude, np.zeros(len(up))])
    position = np.column_stack([seen.axis_distance[:, None] * meridian, seen.plane_distance])
    # air pressure and 12 degC over the reference state of the formula, minutes of arc to radians
    refracted = alt2pres(np.asarray(altitude, dtype=np.float64)) / 101000.0 * (283.0 / 285.0) * np.radians(1.02 / 60.0)
    return Places(*(np.ascontiguousarray(term, dtype=dtype) for term in (up, eastward, position, refracted)))


def planes(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], tilt: NDArray[np.float64], azimuth: NDArray[np.float64], dtype: DTypeLike
) -> Planes:
    """Planes of fixed mounts from coordinates, tilt and azimuth [degree], each (n,)."""
    phi, theta, slope, turn = (np.radians(np.asarray(angle, dtype=np.float64)) for angle in (latitude, longitude, tilt, azimuth))
    north = np.column_stack([-np.sin(phi) * np.cos(theta), np.sin(phi) * np.sin(theta), np.cos(phi)])
    east = np.column_stack([-np.sin(theta), -np.cos(theta), np.zeros(len(phi))])
    up = np.column_stack([np.cos(phi) * np.cos(theta), -np.cos(phi) * np.sin(theta), np.sin(phi)])
    lean = np.sin(slope)[:, None] * (np.cos(turn)[:, None] * north + np.sin(turn)[:, None] * east)
    normal = lean + np.cos(slope)[:, None] * up
    return Planes(*(np.ascontiguousarray(term, dtype=dtype) for term in (normal, np.cos(slope), np.sin(slope))))


class Stand(NamedTuple):
    """One site's vectors ``up`` and ``aside`` (normal of the plane, or east for trackers), and ``position``, with their products."""

    up: Any
    aside: Any
    position: Any
    up_position: Any
    aside_position: Any
    distance: Any
    refraction: Any
    cos_tilt: Any


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _dot(first: Any, second: Any) -> Any:
    """Scalar product of two vectors."""
    return fma(first[2], second[2], fma(first[1], second[1], first[0] * second[0]))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def stand(places: Places, planes: Planes, site: int, track: bool) -> Stand:
    """Terms of one site as plain numbers, which a loop keeps in registers."""
    up = places.up[site, 0], places.up[site, 1], places.up[site, 2]
    position = places.position[site, 0], places.position[site, 1], places.position[site, 2]
    vectors = places.eastward if track else planes.normal
    aside = vectors[site, 0], vectors[site, 1], vectors[site, 2]
    products = _dot(up, position), _dot(aside, position), _dot(position, position)
    return Stand(up, aside, position, products[0], products[1], products[2], places.refraction[site], planes.cos_tilt[site])


@njit(**INLINE)  # type: ignore[untyped-decorator]
def during(path: SunPath, first: int, last: int) -> SunPath:
    """Stretch of the sun's path."""
    return SunPath(path.greenwich[first:last], path.west[first:last], path.pole[first:last], path.parallax[first:last])


@njit(**INLINE)  # type: ignore[untyped-decorator]
def _seen(path: SunPath, hour: int, here: Stand) -> tuple[Any, Any]:
    """Sine of the true elevation, component ``aside`` of the sun's unit vector, as seen from the site."""
    sun, parallax = (path.greenwich[hour], path.west[hour], path.pole[hour]), path.parallax[hour]
    shrink = shortened(_dot(sun, here.position), parallax, here.distance)
    sine = fma(-parallax, here.up_position, _dot(sun, here.up)) * shrink
    return sine, fma(-parallax, here.aside_position, _dot(sun, here.aside)) * shrink


@njit(**INLINE)  # type: ignore[untyped-decorator]
def true_sine(path: SunPath, hour: int, here: Stand) -> Any:
    """Sine of the sun's true elevation."""
    return _seen(path, hour, here)[0]


@njit(**JIT)  # type: ignore[untyped-decorator]
def true_height(path: SunPath, here: Stand, height: Floats) -> None:
    """Write :func:`true_sine` of each hour into ``height``."""
    for hour in range(len(height)):
        height[hour] = true_sine(path, hour, here)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def above_plane(path: SunPath, hour: int, here: Stand) -> tuple[Any, Any]:
    """Sines of the sun's apparent elevation above the horizon and above a fixed plane, the latter not below 0."""
    sine, toward = _seen(path, hour, here)
    rise = refraction(sine, here.refraction)
    share = unrefracted_share(sine, rise)
    return fma(sine, share, rise), max(fma(toward, share, here.cos_tilt * rise), ZERO)


@njit(**JIT)  # type: ignore[untyped-decorator]
def aim_fixed(path: SunPath, here: Stand, height: Floats, facing: Floats) -> None:
    """Write :func:`above_plane` of each hour into the last two arrays."""
    for hour in range(len(height)):
        height[hour], facing[hour] = above_plane(path, hour, here)


@njit(**JIT)  # type: ignore[untyped-decorator]
def aim_tracker(path: SunPath, here: Stand, tracker: Tracker, height: Floats, facing: Floats, cos_tilt: Floats, sin_tilt: Floats) -> None:
    """As :func:`aim_fixed`, for a tracker that turns about a horizontal axis from north to south; it writes its tilt too.

    While the sun is down the modules lie flat.
    """
    for hour in range(len(height)):
        sine, toward = _seen(path, hour, here)
        rise = refraction(sine, here.refraction)
        share = unrefracted_share(sine, rise)
        above, beside = fma(sine, share, rise), abs(toward * share)
        reach = ONE / np.sqrt(fma(above, above, beside * beside))
        cosine, sideways = above * reach, beside * reach
        # cosine of the angle by which the tracker turns back so that its rows don't shade each other
        back = min(cosine * tracker.row_distance, ONE)
        turned = np.sqrt(fma(-back, back, ONE))
        flat, steep = fma(cosine, back, sideways * turned), fma(sideways, back, -cosine * turned)
        stopped = flat < tracker.cos_limit
        flat, steep = choose(stopped, tracker.cos_limit, flat), choose(stopped, tracker.sin_limit, steep)
        down = above <= ZERO
        height[hour] = above
        facing[hour] = choose(down, ZERO * above, fma(beside, steep, above * flat))
        cos_tilt[hour] = choose(down, ONE + ZERO * above, flat)
        sin_tilt[hour] = choose(down, ZERO * above, steep)
