"""Weather that is not what it is said to be: stamps, by the light below the horizon, over a year of clear sky."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from siting.solar_position import solar_position
from siting.vocabulary import AlignmentError, UnitsError
from siting.yields import pv_gates
from siting.yields.pv import PVSystem, full_load_hours

LATITUDE, LONGITUDE = np.array([-35.0, 22.0, 36.0, 47.0, 60.0, 8.334, 17.292]), np.array([20.0, 103.0, 92.0, 127.0, -5.0, 77.5, 77.917])
COUNT = len(LATITUDE)
HOURS = np.arange("2013-01-01", "2014-01-01", dtype="datetime64[h]").astype("datetime64[s]")


@functools.cache
def clear_year() -> tuple[np.ndarray, np.ndarray]:
    """Hourly means of the clear sky of Haurwitz and of the same with dull afternoons, from values every five minutes."""
    moments = np.arange("2013-01-01T00:02:30", "2014-01-01T00:02:30", 300, dtype="datetime64[s]")
    sun = solar_position(moments, LATITUDE, LONGITUDE, np.full(COUNT, 300.0))
    height = np.maximum(np.cos(np.radians(sun.apparent_zenith)), 0.0)
    ghi = 1098.0 * height * np.exp(-0.057 / np.maximum(height, 1e-3))
    dull = np.where(sun.azimuth > 180.0, 0.5, 1.0)
    return tuple(values.reshape(COUNT, -1, 12).mean(axis=2) for values in (ghi, ghi * dull))


def hours_of(ghi: np.ndarray, minutes: int, sites=slice(None), precision="float32") -> np.ndarray:
    still = np.full_like(ghi[sites], 5.0)
    where = LATITUDE[sites], LONGITUDE[sites], np.full(COUNT, 300.0)[sites]
    times = HOURS + np.timedelta64(minutes, "m")
    return full_load_hours(ghi[sites], None, None, still, still, *where, times=times, pv=PVSystem(precision=precision))


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("sky", [0, 1], ids=["clear", "dull afternoons"])
def test_right_stamps_pass(sky, precision):
    assert (hours_of(clear_year()[sky], 0, precision=precision) > 500).all()


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (-30, r"found 0\.[2-9] % .* before sunrise; stamps are earlier"),
        (30, r"found 0\.[2-9] % .* after sunset; stamps are later"),
        (-60, "Expected darkness at"),
        (60, "Expected darkness at"),
    ],
)
def test_stamps_of_the_middles_or_ends_of_hours_are_refused(minutes, said):
    with pytest.raises(AlignmentError, match=said) as caught:
        hours_of(clear_year()[0], minutes)
    assert "\n" not in str(caught.value)


def test_weather_that_was_interpolated_across_sunrise_passes(monkeypatch):
    """Half of the first bright hour stands in the dark hour before it, as in three-hourly models; the clear days stay at noon."""
    ghi = clear_year()[0].copy()
    first = (ghi[:, :-1] < 20.0) & (ghi[:, 1:] > 60.0)
    ghi[:, :-1] = np.where(first, 0.3 * ghi[:, 1:], ghi[:, :-1])
    assert (hours_of(ghi, 0, [5]) > 500).all()
    monkeypatch.setattr(pv_gates, "NOON_OFFSET", 0.0)
    with pytest.raises(AlignmentError, match="before sunrise"):
        hours_of(ghi, 0, [5])


def test_each_site_is_judged_alone():
    """A site's verdict does not need others: 8 degrees of a wrong longitude."""
    longitude = LONGITUDE[2] + 8.0
    ghi = clear_year()[0][[2]]
    still = np.full_like(ghi, 5.0)
    with pytest.raises(AlignmentError, match="or the longitude is wrong"):
        full_load_hours(ghi, None, None, still, still, LATITUDE[2], longitude, 300.0, times=HOURS, pv=PVSystem())


LIKELY = {"ghi": 600.0, "dni": 500.0, "dhi": 150.0, "temp_air": 12.0, "wind_speed_100m": 6.0}
BEYOND = {"ghi": (-1, 1501), "dni": (-1, 1501), "dhi": (-1, 1501), "temp_air": (-91, 71), "wind_speed_100m": (-1, 61)}
WAYS = {"one loop": {}, "steps": {"transposition": "perez"}, "split": {}}


def light_of(way: str, precision: str, place: tuple[int, int] | None = None, name: str = "", value: float = 0.0) -> np.ndarray:
    """Full-load hours of two sites over 100 days, more than a tile, with one odd value at a site and hour."""
    times = HOURS[:2400].astype("datetime64[s]")
    up = solar_position(times + 1800, np.array([0.0, 1.0]), np.zeros(2), np.zeros(2)).apparent_zenith < 80.0
    given = {key: np.where(up | (key not in ("ghi", "dni", "dhi")), usual, 0.0) for key, usual in LIKELY.items()}
    if place is not None:
        given[name][place] = value
    light = [given["ghi"], *((None, None) if way == "split" else (given["dni"], given["dhi"]))]
    pv = PVSystem(precision=precision, **WAYS[way])
    where = np.array([0.0, 1.0]), np.zeros(2), np.zeros(2)
    return full_load_hours(*light, given["temp_air"], given["wind_speed_100m"], *where, times=times, pv=pv)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    ("way", "name", "value"),
    [
        (way, name, value)
        for name, beyond in BEYOND.items()
        for value in beyond
        for way in WAYS
        if way != "split" or name not in ("dni", "dhi")
    ],
)
def test_a_single_implausible_hour_is_refused_wherever_it_is(way, name, value, precision):
    for place in ((0, 12), (0, 2399), (1, 61), (1, 2047)):
        with pytest.raises(UnitsError, match=f"Expected {name} of .* found {value:g}"):
            light_of(way, precision, place, name, value)


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_or_bitterly_cold_hour_is_no_mistake(way):
    usual = light_of(way, "float32")
    assert (light_of(way, "float32", (1, 14), "temp_air", -89.0) != usual).tolist() == [False, True]
    assert np.isnan(light_of(way, "float32", (1, 14), "temp_air", np.nan)).tolist() == [False, True]
