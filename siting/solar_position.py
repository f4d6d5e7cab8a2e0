"""Where the sun stands: the solar position algorithm for many sites at once.

The terms that depend on time alone come from pvlib's implementation of the algorithm, once per hour. What remains per site is
a vector: the sun's direction from the centre of the earth, less the observer's place, turned into the local horizon.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from siting.vocabulary import AlignmentError, UnitsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Difference of terrestrial and universal time [s], as in pvlib.
DELTA_T = 67.0
#: Refraction at sunrise and sunset [degree] and air temperature [degC] in the refraction formula, as in pvlib.
_HORIZON_REFRACTION = 0.5667
_SUN_RADIUS = 0.26667
_REFRACTION_TEMPERATURE = 12.0


class SolarPosition(NamedTuple):
    """Sun angles [degree], each of shape (n, time); azimuth counts from north through east."""

    zenith: NDArray[np.float64]
    apparent_zenith: NDArray[np.float64]
    azimuth: NDArray[np.float64]


class SunHours(NamedTuple):
    """Terms of the algorithm that depend on time alone, each of shape (time,).

    ``cos_angle`` and ``sin_angle`` belong to the sun's hour angle at Greenwich, ``parallax`` is the sine of the horizontal
    parallax.
    """

    cos_angle: NDArray[np.float64]
    sin_angle: NDArray[np.float64]
    cos_declination: NDArray[np.float64]
    sin_declination: NDArray[np.float64]
    parallax: NDArray[np.float64]


class Observers(NamedTuple):
    """Terms of the algorithm that depend on the place alone, each of shape (n,)."""

    cos_latitude: NDArray[np.float64]
    sin_latitude: NDArray[np.float64]
    cos_longitude: NDArray[np.float64]
    sin_longitude: NDArray[np.float64]
    axis_distance: NDArray[np.float64]
    plane_distance: NDArray[np.float64]


def solar_position(times: ArrayLike, latitude: ArrayLike, longitude: ArrayLike, altitude: ArrayLike) -> SolarPosition:
    """Sun angles at every site and time.

    Parameters
    ----------
    times : (time,) array of datetime64
        Moments in UTC. For hourly means pass the middles of the hours.
    latitude, longitude : (n,) array
        Places [degree], positive to the north and east.
    altitude : (n,) array
        Altitude [m]; it sets the air pressure of the refraction. NaN gives NaN.

    Returns
    -------
    SolarPosition
        ``zenith``, ``apparent_zenith`` (refracted) and ``azimuth`` [degree], each of shape (n, time).

    Raises
    ------
    UnitsError
        If times are not datetimes, or a latitude or longitude is out of range.
    AlignmentError
        If latitude, longitude and altitude differ in length.

    References
    ----------
    I. Reda and A. Andreas, "Solar position algorithm for solar radiation applications", Solar Energy 76, 577-589, 2004,
    doi:10.1016/j.solener.2003.12.003.
    """
    from pvlib.atmosphere import alt2pres

    hours = sun_hours(times)
    height = np.atleast_1d(np.asarray(altitude, dtype=np.float64))
    places = observers(latitude, longitude, height)
    # pressure [hPa] over the reference state of the refraction formula, then minutes of arc to degrees
    refraction = alt2pres(height) / 100.0 / 1010.0 * 283.0 / (273.0 + _REFRACTION_TEMPERATURE) * 1.02 / 60.0
    shape = (len(height), len(hours.parallax))
    angles = SolarPosition(np.empty(shape), np.empty(shape), np.empty(shape))
    _fill_angles(hours, places, refraction, angles.zenith, angles.apparent_zenith, angles.azimuth)
    return angles


def sun_hours(times: ArrayLike) -> SunHours:
    """Time-only terms of the algorithm for moments in UTC, shape (time,)."""
    moments = np.atleast_1d(np.asarray(times))
    if not np.issubdtype(moments.dtype, np.datetime64):
        raise UnitsError(f"Expected times as datetime64 in UTC, found {moments.dtype}; pass the values of the time coordinate.")
    return _sun_hours(moments.astype("datetime64[ms]").astype(np.int64).tobytes())


@functools.lru_cache(maxsize=4)
def _sun_hours(milliseconds: bytes) -> SunHours:
    """Time-only terms, remembered because every block of sites asks for the same hours."""
    from pvlib import spa

    unixtime = np.frombuffer(milliseconds, dtype=np.int64) / 1e3
    # sst and esd stop the calculation before any place enters
    sidereal, ascension, declination = spa.solar_position(unixtime, 0, 0, 0, 0, 0, DELTA_T, 0, 1, sst=True)
    (distance,) = spa.solar_position(unixtime, 0, 0, 0, 0, 0, DELTA_T, 0, 1, esd=True)
    angle = np.radians(np.asarray(sidereal) - np.asarray(ascension))
    tilt = np.radians(np.asarray(declination))
    parallax = np.sin(np.radians(8.794 / (3600.0 * np.asarray(distance))))
    return SunHours(np.cos(angle), np.sin(angle), np.cos(tilt), np.sin(tilt), parallax)


def observers(latitude: ArrayLike, longitude: ArrayLike, altitude: ArrayLike) -> Observers:
    """Place-only terms of the algorithm for coordinates [degree] and altitudes [m], each of shape (n,)."""
    north, east, height = (np.ascontiguousarray(each, dtype=np.float64) for each in (latitude, longitude, altitude))
    if not north.shape == east.shape == height.shape or north.ndim != 1:
        raise AlignmentError(
            f"Expected latitude, longitude and altitude of one shape (n,), found {north.shape}, {east.shape} and {height.shape}."
        )
    if np.any(np.abs(north) > 90) or np.any(np.abs(east) > 360):
        raise UnitsError("Expected degrees, latitude within 90 and longitude within 360; found values beyond: are they metres?")
    phi, theta = np.radians(north), np.radians(east)
    reduced = np.arctan(0.99664719 * np.tan(phi))
    return Observers(
        np.cos(phi), np.sin(phi), np.cos(theta), np.sin(theta),
        np.cos(reduced) + height / 6378140.0 * np.cos(phi),
        0.99664719 * np.sin(reduced) + height / 6378140.0 * np.sin(phi),
    )  # fmt: skip


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def horizon_vector(hours: SunHours, places: Observers, site: int, hour: int) -> tuple[float, float, float]:
    """Sun's direction at a site and hour as unit vector (south, west, up), without refraction."""
    cos_h = hours.cos_angle[hour] * places.cos_longitude[site] - hours.sin_angle[hour] * places.sin_longitude[site]
    sin_h = hours.sin_angle[hour] * places.cos_longitude[site] + hours.cos_angle[hour] * places.sin_longitude[site]
    # seen from the ground the sun stands lower: the observer's place, in units of the sun's distance, is taken off
    meridian = hours.cos_declination[hour] * cos_h - places.axis_distance[site] * hours.parallax[hour]
    west = hours.cos_declination[hour] * sin_h
    pole = hours.sin_declination[hour] - places.plane_distance[site] * hours.parallax[hour]
    up = places.sin_latitude[site] * pole + places.cos_latitude[site] * meridian
    south = places.sin_latitude[site] * meridian - places.cos_latitude[site] * pole
    norm = np.sqrt(meridian * meridian + west * west + pole * pole)
    return south / norm, west / norm, up / norm


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill_angles(
    hours: SunHours,
    places: Observers,
    refraction: NDArray[np.float64],
    zenith: NDArray[np.float64],
    apparent_zenith: NDArray[np.float64],
    azimuth: NDArray[np.float64],
) -> None:
    """Angles of all sites and hours, written into the last three arrays."""
    lowest = -(_SUN_RADIUS + _HORIZON_REFRACTION)
    for site in range(zenith.shape[0]):
        for hour in range(zenith.shape[1]):
            south, west, up = horizon_vector(hours, places, site, hour)
            elevation = np.degrees(np.arcsin(up))
            lift = 0.0
            if elevation >= lowest:
                lift = refraction[site] / np.tan(np.radians(elevation + 10.3 / (elevation + 5.11)))
            zenith[site, hour] = 90.0 - elevation
            apparent_zenith[site, hour] = 90.0 - (elevation + lift)
            azimuth[site, hour] = (np.degrees(np.arctan2(west, south)) + 180.0) % 360.0
            if np.isnan(refraction[site]):
                zenith[site, hour] = apparent_zenith[site, hour] = azimuth[site, hour] = np.nan
