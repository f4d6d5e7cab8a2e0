"""Irradiance as the sun would have it: shared out over full hours, and split into its direct and diffuse parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from siting.solar_position import solar_position, sun_hours
from siting.weather_hours import normal_irradiance, sun_heights, sunlight, year_hours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.datetime64]

#: Steps per hour in which irradiance is shared out.
_STEPS = 12
#: Sine of the lowest mean height of the sun at which direct light is told from diffuse.
_LOWEST = np.sin(np.radians(3.0))
_STEP = np.timedelta64(3600 // _STEPS, "s")


class _Located(Protocol):
    @property
    def latitude(self) -> float: ...

    @property
    def longitude(self) -> float: ...


def hour_means_by_sun(values: Mapping[str, Floats], starts: Times, hours: Times, place: _Located) -> dict[str, Floats]:
    """Means over full hours from means over hours that begin at other minutes.

    Within each given hour the energy is spread like the irradiance above the atmosphere, so that none moves to where the sun is
    down, and none is lost; where there is no sun all hour long it is spread evenly.

    Parameters
    ----------
    values : mapping of (m,) arrays
        Means over the given hours [W m-2].
    starts : (m,) array of datetime64[s]
        Starts of the given hours, regular; rounded to five minutes.
    hours : (n,) array of datetime64[s]
        Starts of full hours, all of them covered by given hours.
    place : object with latitude and longitude
        The place [degree].
    """
    first = starts[0].astype("datetime64[m]").astype(int) // 5 * 5
    middles = np.datetime64(int(first) * 60, "s") + np.arange(len(starts) * _STEPS) * _STEP + _STEP // 2
    sun = sun_hours(middles)
    height = sun_heights(sun, [place.latitude], [place.longitude])[0]
    above = (np.maximum(height, 0.0) * normal_irradiance(sun)).reshape(-1, _STEPS)
    energy = np.add.reduce(above, axis=1)
    shares = np.where(energy[:, None] > 0.0, above / np.where(energy, energy, 1.0)[:, None], 1.0 / _STEPS)
    begin = int((hours[0] - (middles[0] - _STEP // 2)) / _STEP)
    rows = slice(begin, begin + len(hours) * _STEPS)
    return {name: np.add.reduce((each[:, None] * shares).reshape(-1)[rows].reshape(-1, _STEPS), axis=1) for name, each in values.items()}


def split_ghi(
    ghi: Floats, year: int, latitude: ArrayLike, longitude: ArrayLike, altitude: ArrayLike
) -> tuple[Floats, Floats]:  # fmt: skip
    """Direct normal and diffuse irradiance [W m-2] from the global one, by the model of Erbs.

    No direct light exceeds the irradiance above the atmosphere: what would counts as diffuse.

    Parameters
    ----------
    ghi : (n, time) array
        Global irradiance of all hours of a year [W m-2].
    year : int
        The year.
    latitude, longitude, altitude : (n,) array
        Places [degree, m].

    References
    ----------
    D. G. Erbs, S. A. Klein and J. A. Duffie, "Estimation of the diffuse radiation fraction for hourly, daily and monthly-average
    global radiation", Solar Energy 28, 293-302, 1982, doi:10.1016/0038-092X(82)90302-4.
    """
    from pvlib.irradiance import erbs

    middles = year_hours(year).astype("datetime64[s]") + np.timedelta64(1800, "s")
    zenith = solar_position(middles, latitude, longitude, altitude).zenith
    days = middles.astype("datetime64[D]")
    day_of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(int) + 1
    parts = erbs(ghi, zenith, day_of_year)
    # what isn't known isn't zero
    direct = np.where(np.isnan(ghi), np.nan, parts["dni"])
    cosine = np.maximum(np.cos(np.radians(zenith)), 0.0)
    dni = np.minimum(direct, normal_irradiance(sun_hours(middles)))
    return dni, np.where(np.isnan(ghi), np.nan, parts["dhi"]) + (direct - dni) * cosine


def direct_normal(ghi: Floats, dhi: Floats, year: int, latitude: ArrayLike, longitude: ArrayLike) -> tuple[Floats, Floats]:
    """Direct normal irradiance [W m-2] from the global and the diffuse one, and the diffuse one that closes with it.

    Direct light while the sun stands lower than 3 degrees, and what would exceed the irradiance above the atmosphere, counts as
    diffuse.

    Parameters
    ----------
    ghi, dhi : (n, time) array
        Global and diffuse irradiance of all hours of a year [W m-2].
    year : int
        The year.
    latitude, longitude : (n,) array
        Places [degree].
    """
    middles = year_hours(year).astype("datetime64[s]") + np.timedelta64(1800, "s")
    above = normal_irradiance(sun_hours(middles))
    height = sunlight(year, latitude, longitude).irradiance / above
    high = height > _LOWEST
    direct = ghi - dhi
    dni = np.where(high, np.minimum(direct / np.where(high, height, 1.0), above), 0.0 * direct)
    return dni, ghi - dni * height
