"""Yield from long-run levels against the hourly model and the physics of the sky."""

from __future__ import annotations

import numpy as np
import pytest

from siting import land, layers, resource
from siting.resource import Weather
from siting.study import Study
from siting.vocabulary import UnitsError
from siting.yields.pv import PVSystem, full_load_hours
from siting.yields.specific_yield import extraterrestrial_irradiation, specific_yield


@pytest.fixture(scope="module")
def hours():
    """A year of hours at 60 places that the relation was not fitted to, of another seed."""
    study = Study()
    sites = land.screen(layers.open_layers(study), study.land)
    chosen = np.sort(np.random.default_rng(5).choice(sites.sizes["site"], 60, replace=False))
    return resource.add_weather(sites.isel(site=chosen).load(), Weather(seed=3))


@pytest.mark.slow
@pytest.mark.parametrize(("mount", "typical", "most"), [("fixed", 0.02, 0.06), ("single_axis", 0.02, 0.08)])
def test_relation_keeps_its_stated_error(hours, mount, typical, most):
    names = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m", "latitude", "longitude", "altitude")
    arrays = [hours[name].values for name in names]
    expected = full_load_hours(*arrays, times=hours["time"].values, pv=PVSystem(mount=mount, precision="float32"))
    found = specific_yield(arrays[0].sum(axis=1) / 1000.0, arrays[5], arrays[3].mean(axis=1), mount=mount)
    error = found / expected - 1.0
    assert np.sqrt((error**2).mean()) < typical
    assert np.abs(error).max() < most


def test_sky_of_the_equator_and_of_40_degrees():
    """Monthly means of H0 in Duffie and Beckman's table 1.10.1, MJ m-2 per day, times the days of the months."""
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    table = {
        0: [36.3, 37.5, 37.9, 36.8, 34.8, 33.5, 34.0, 35.7, 37.2, 37.3, 36.3, 35.7],
        40: [15.0, 20.4, 27.6, 34.7, 39.7, 41.8, 40.6, 36.6, 30.0, 22.7, 16.4, 13.6],
    }
    for latitude, values in table.items():
        # the table's solar constant is 1367
        assert extraterrestrial_irradiation(latitude) * 1367 / 1366.1 == pytest.approx((days * values).sum() / 3.6, rel=0.01)


def test_more_sun_gives_more_and_warmth_less():
    assert (np.diff(specific_yield([1000.0, 1500.0, 2000.0], 35.0, 10.0)) > 0).all()
    assert (np.diff(specific_yield(1600.0, 35.0, [0.0, 10.0, 20.0])) < 0).all()
    assert specific_yield(1600.0, -35.0, 10.0) == pytest.approx(specific_yield(1600.0, 35.0, 10.0), rel=5e-3)
    assert specific_yield(1600.0, 35.0, 10.0, mount="single_axis") > specific_yield(1600.0, 35.0, 10.0)
    assert specific_yield(1600.0, 35.0, 10.0, losses=0.57) == pytest.approx(specific_yield(1600.0, 35.0, 10.0) / 2)


def test_missing_stays_missing():
    assert np.isnan(specific_yield([np.nan, 1600.0, 1600.0], [35.0, np.nan, 35.0], [10.0, 10.0, np.nan])).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"annual_ghi": 4.5}, "Expected annual_ghi of 300 to 3000 kWh m-2, found 4.5; kWh m-2 per day"),
        ({"latitude": 68.0}, "Expected latitude of 15 to 55 degrees from the equator, found 68; use the hourly model"),
        ({"temp_air": 283.0}, "Expected temp_air of -30 to 40 degC, found 283; kelvin"),
        ({"losses": 14}, "Expected losses of 0 to 1, found 14"),
    ],
)
def test_wrong_units_are_refused(wrong, said):
    with pytest.raises(UnitsError, match=said):
        specific_yield(**({"annual_ghi": 1600.0, "latitude": 35.0, "temp_air": 10.0} | wrong))
