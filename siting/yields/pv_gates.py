"""Refusal of weather that can't be what it is said to be: units, time zone, stamps, longitude."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from siting.solar_position import solar_position
from siting.vocabulary import AlignmentError, UnitsError
from siting.yields.gates import plausible
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
#: Share of the light that may come below the horizon in the evening more than in the morning, or the other way round, and
#: the hours that it takes to tell.
_LATE_SHARE, _LATE_HOURS = 0.0015, 1000
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
    share, dark = (float(value) for value in findings.worst)
    # the share is rounded, the look at each variable is not
    if share > 0.9999:
        for name, values in zip(("ghi", "dni", "dhi", "temp_air", "wind_speed_100m"), weather, strict=True):
            plausible(name, values)
    if dark > _DARK_GHI:
        _name_the_dark_hour(weather, site, middles)
    hours = len(middles)
    for number in np.flatnonzero(findings.energy < _DULLEST_MEAN * hours * CLOCK_HOURS / TILE) if hours >= _YEAR else ():
        _require_bright(weather.ghi[number])
    if hours >= _LATE_HOURS:
        _require_even_twilight(findings)


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


def _require_even_twilight(findings: Findings) -> None:
    """Refuse light below the horizon that comes on one side of noon alone: stamps that are not the starts of the hours."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = findings.late / findings.energy
    wrong = np.flatnonzero(np.abs(share) > _LATE_SHARE)
    if wrong.size:
        worst = float(share[wrong[0]])
        when, fix = ("after sunset", "later") if worst > 0 else ("before sunrise", "earlier")
        raise AlignmentError(
            f"Expected as little light before sunrise as after sunset, found {100 * abs(worst):.1f} % of the year's ghi {when}; stamps are "
            f"{fix} than the starts of the hours in UTC, by half an hour or more, or the longitude is wrong."
        )
