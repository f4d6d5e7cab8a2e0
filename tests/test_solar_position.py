"""Sun angles against pvlib, against the published example and against the clock."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pvlib.solarposition import get_solarposition

from siting.solar_position import solar_position
from siting.vocabulary import AlignmentError, UnitsError

PLACES = {"Golmud": (36.4, 94.9, 2808.0), "Kashgar": (39.47, 75.99, 1290.0), "Shanghai": (31.23, 121.47, 4.0), "Sanya": (18.25, 109.5, 7.0)}


@pytest.mark.parametrize("place", PLACES)
def test_equals_pvlib(place: str) -> None:
    latitude, longitude, altitude = PLACES[place]
    times = pd.date_range("2016-01-01 00:30", periods=8784, freq="h", tz="UTC")
    reference = get_solarposition(times, latitude, longitude, altitude, method="nrel_numpy")
    angles = solar_position(times.tz_localize(None).to_numpy(), [latitude], [longitude], [altitude])
    for name in angles._fields:
        difference = getattr(angles, name)[0] - reference[name].to_numpy()
        if name == "azimuth":
            difference = (difference + 180) % 360 - 180
        assert np.abs(difference).max() < 1e-9, name


def test_published_example_of_reda_and_andreas() -> None:
    """Golden, Colorado, 2003-10-17 12:30:30 at UTC-7: elevation 39.872046 before refraction, azimuth 194.34024 degrees."""
    angles = solar_position([np.datetime64("2003-10-17T19:30:30")], [39.742476], [-105.1786], [1830.14])
    assert angles.zenith[0, 0] == pytest.approx(90 - 39.872046, abs=2e-6)
    assert angles.apparent_zenith[0, 0] == pytest.approx(50.11162, abs=3e-4)  # the example has 820 hPa and 11 degC
    assert angles.azimuth[0, 0] == pytest.approx(194.34024, abs=2e-5)


@pytest.mark.parametrize(("place", "noon"), [("Golmud", 13 + 40 / 60), ("Kashgar", 14 + 56 / 60), ("Shanghai", 11 + 54 / 60)])
def test_solar_noon_on_chinese_clocks(place: str, noon: float) -> None:
    latitude, longitude, altitude = PLACES[place]
    times = pd.date_range("2013-01-01", "2013-12-31 23:59", freq="min").to_numpy()
    zenith = solar_position(times, [latitude], [longitude], [altitude]).zenith[0].reshape(-1, 1440)
    china_clock = zenith.argmin(axis=1) / 60 + 8
    assert china_clock.mean() == pytest.approx(noon, abs=0.05)
    assert np.abs(china_clock - noon).max() < 18 / 60  # equation of time


def test_same_bits_for_one_site_and_for_many() -> None:
    times = np.arange("2013-03-01T00:30", "2013-03-08T00:30", dtype="datetime64[h]") + np.timedelta64(30, "m")
    latitude, longitude, altitude = (np.array(each) for each in zip(*PLACES.values(), strict=True))
    together = solar_position(times, latitude, longitude, altitude)
    for k in range(len(latitude)):
        alone = solar_position(times, latitude[k : k + 1], longitude[k : k + 1], altitude[k : k + 1])
        for many, one in zip(together, alone, strict=True):
            assert np.array_equal(many[k], one[0])


def test_unknown_altitude_stays_unknown() -> None:
    angles = solar_position([np.datetime64("2013-06-01T04:30")], [36.0, 36.0], [95.0, 95.0], [np.nan, 3000.0])
    for each in angles:
        assert np.isnan(each[0]).all()
        assert np.isfinite(each[1]).all()


def test_promised_errors() -> None:
    moment = [np.datetime64("2013-06-01T04:30")]
    with pytest.raises(UnitsError, match="datetime64"):
        solar_position([1.0], [36.0], [95.0], [0.0])
    with pytest.raises(UnitsError, match="metres"):
        solar_position(moment, [4.0e6], [95.0], [0.0])
    with pytest.raises(AlignmentError, match="one shape"):
        solar_position(moment, [36.0, 37.0], [95.0], [0.0])
