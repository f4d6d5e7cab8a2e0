"""Refusal of weather that can't be what it is said to be: units, time zone, stamps, longitude."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from siting.solar_position import solar_position, sun_hours
from siting.vocabulary import AlignmentError, UnitsError
from siting.weather_hours import NOON_OFFSET, noon_offset, sun_heights
from siting.yields.gates import look_closely, plausible
from siting.yields.pv_kernel import CLOCK_HOURS, TILE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from siting.yields.pv import Site
    from siting.yields.pv_kernel import Findings, Weather

#: Irradiance [W m-2] that an hour can't have while the sun stands lower than this zenith [degree] at its middle: half an
#: hour moves the sun by 7.5 degrees at most, and refraction lifts it by less than one.
_DARK_ZENITH, _DARK_GHI = 98.5, 20.0
#: A year of hours whose brightest one stays below this [W m-2] is not in W m-2. It is looked for where the mean over the hours
#: that are looked at is below the second [W m-2]: with nights a mean is at most a third of the brightest hour.
_BRIGHTEST_HOUR, _DULLEST_MEAN = 200.0, 90.0
#: Share of the light that may come below the horizon in the evening more than in the morning, or the other way round, before the
#: middles of the clear days are looked at; the hours that it takes to tell; moments of an hour [s from its middle] for the sun.
_LATE_SHARE, _LATE_HOURS = 0.0015, 1000
_MOMENTS = np.arange(-1500, 1501, 600).astype("timedelta64[s]")
_YEAR = 8760


def require_plausible(weather: Weather, findings: Findings, site: Site, middles: NDArray[np.datetime64]) -> None:
    """Refuse a block for what the kernel has found in it.

    Raises
    ------
    UnitsError
        If an input lies beyond its physical limits.
    AlignmentError
        If there is light while the sun is below the horizon.
    """
    plausible("altitude", site.altitude)
    if findings.strange[0]:
        for name, values in zip(("ghi", "dni", "dhi", "temp_air", "wind_speed_100m"), weather, strict=True):
            look_closely(name, values)
    if findings.darkest[0] > _DARK_GHI:
        _name_the_dark_hour(weather, site, middles)
    hours = len(middles)
    for number in np.flatnonzero(findings.energy < _DULLEST_MEAN * hours * CLOCK_HOURS / TILE) if hours >= _YEAR else ():
        _require_bright(weather.ghi[number])
    if hours >= _LATE_HOURS:
        _require_even_twilight(weather, findings, site, middles)


def _name_the_dark_hour(weather: Weather, site: Site, middles: NDArray[np.datetime64]) -> None:
    """Say where and when there is light at night."""
    for number, ghi in enumerate(weather.ghi):
        zenith = solar_position(middles, *(values[number : number + 1] for values in site)).apparent_zenith[0]
        dark = np.flatnonzero((zenith > _DARK_ZENITH) & (ghi > _DARK_GHI))
        if dark.size:
            raise AlignmentError(
                f"Expected darkness at {middles[dark[0]]} UTC with the sun {zenith[dark[0]] - 90:.0f} degrees below the horizon, found ghi "
                f"of {ghi[dark[0]]:.0f} W m-2; fix the time zone (UTC), the stamps (starts of the hours) or the longitude."
            )


def _require_bright(ghi: NDArray[np.floating]) -> None:
    """Refuse a year that is never bright."""
    brightest = np.fmax.reduce(ghi)
    if brightest < _BRIGHTEST_HOUR:
        raise UnitsError(
            f"Expected ghi in W m-2 to pass {_BRIGHTEST_HOUR:g} in some hour of a year, found at most {brightest:g}; "
            "fix the unit: kWh m-2 per hour times 1000."
        )


def _require_even_twilight(weather: Weather, findings: Findings, site: Site, middles: NDArray[np.datetime64]) -> None:
    """Refuse light below the horizon that comes on one side of noon alone: stamps that are not the starts of the hours.

    Weather that was interpolated across sunrise leaves such light too; it passes if the middles of its clear days are at noon.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = findings.late / findings.energy
    for number in np.flatnonzero(np.abs(share) > _LATE_SHARE):
        offset = _noon_offset(weather.ghi[number], float(site.latitude[number]), float(site.longitude[number]), middles)
        if abs(offset) <= NOON_OFFSET:
            continue
        found = float(share[number])
        when, fix = ("after sunset", "later") if found > 0 else ("before sunrise", "earlier")
        raise AlignmentError(
            f"Expected as little light before sunrise as after sunset, found {100 * abs(found):.1f} % of the year's ghi {when}; stamps are "
            f"{fix} than the starts of the hours in UTC, by half an hour or more, or the longitude is wrong."
        )


def _noon_offset(ghi: NDArray[np.floating], latitude: float, longitude: float, middles: NDArray[np.datetime64]) -> float:
    """Middle of the clear days after the sun's noon [h]."""
    heights = sun_heights(sun_hours((middles[:, None] + _MOMENTS).ravel()), latitude, longitude)
    light = np.maximum(heights, 0.0).reshape(-1, len(_MOMENTS)).mean(axis=1)
    return float(noon_offset(np.asarray(ghi, dtype=np.float64)[None], light[None])[0])
