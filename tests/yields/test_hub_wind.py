"""Wind at the hub from other heights, against windpowerlib, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from windpowerlib import wind_speed as library

from siting.vocabulary import MissingVariableError, StudyError, UnitsError
from siting.yields.hub_wind import fitted_exponent, log_law, power_law
from siting.yields.wind import WindFarm, add_wind_yield, capacity_factor


def test_power_law_equals_windpowerlib():
    for hub, exponent in ((140.0, 1 / 7), (80.0, 0.25)):
        assert power_law(100.0, hub, exponent) == pytest.approx(library.hellman(1.0, 100.0, hub, hellman_exponent=exponent), rel=1e-14)


def test_log_law_equals_windpowerlib():
    for height, hub, rough in ((10.0, 140.0, 0.1), (100.0, 160.0, 0.0002), (100.0, 60.0, 1.5)):
        assert log_law(height, hub, rough) == pytest.approx(library.logarithmic_profile(1.0, height, hub, rough), rel=1e-13)


@given(low=st.floats(1e-5, 2.0), high=st.floats(1e-5, 2.0))
def test_rougher_ground_steepens_the_profile(low, high):
    low, high = sorted((low, high))
    assert log_law(100.0, 140.0, low) <= log_law(100.0, 140.0, high) * (1 + 1e-14)
    assert log_law(100.0, 60.0, high) <= log_law(100.0, 60.0, low) * (1 + 1e-14)


@pytest.mark.parametrize("rough", [0.0, -0.1, 10.0, 25.0])
def test_no_logarithm_of_nothing(rough):
    with pytest.raises(UnitsError, match=r"Expected roughness lengths above 0 and below the heights, 10 m, found .*; fix the unit"):
        log_law(10.0, 140.0, np.array([0.1, rough]))
    with pytest.raises(UnitsError, match="below the heights, 20 m"):
        log_law(100.0, 20.0, np.array([20.0]))


def test_missing_roughness_stays_missing():
    assert np.isnan(log_law(100.0, 140.0, np.array([np.nan, 0.1]))).tolist() == [True, False]


def two_heights(exponents, hours=500):
    high = np.random.default_rng(0).weibull(2, (len(exponents), hours)) * 8
    return high * 0.1 ** np.array(exponents)[:, None], high


def test_exponent_is_found_again():
    low, high = two_heights([0.0, 0.14, 0.35])
    np.testing.assert_allclose(fitted_exponent(low, high, 10.0, 100.0), [0.0, 0.14, 0.35], atol=1e-14)


def test_exponent_leaves_missing_hours_out():
    low, high = two_heights([0.2, 0.2])
    low[0, 3], high[0, 7], low[1] = np.nan, np.nan, np.nan
    found = fitted_exponent(low, high, 10.0, 100.0)
    assert found[0] == pytest.approx(0.2, abs=1e-14)
    assert np.isnan(found[1])


@pytest.mark.parametrize("change", [lambda low, high: (high, low), lambda low, high: (low * 0, high), lambda low, high: (low / 3.6, high)])
def test_winds_that_do_not_fit_are_refused(change):
    with pytest.raises(UnitsError, match=r"Expected mean winds at 10 and 100 m with an exponent of -0.1 to 0.8, found"):
        fitted_exponent(*change(*two_heights([0.3])), 10.0, 100.0)
    with pytest.raises(UnitsError, match="found 100 and 10 m; swap them"):
        fitted_exponent(*two_heights([0.3]), 100.0, 10.0)


def test_farm_takes_the_exponent_of_two_heights(weather):
    site = weather.isel(site=slice(0, 2))
    low = site["wind_speed_100m"] * 0.1**0.22
    found = add_wind_yield(site.assign(wind_speed_10m=low), WindFarm(extrapolation="two_heights"))
    given = add_wind_yield(site, WindFarm(shear_exponent=0.22))
    np.testing.assert_allclose(found["wind_capacity_factor"], given["wind_capacity_factor"], rtol=0, atol=1e-9)
    with pytest.raises(MissingVariableError, match="'two_heights' needs wind_speed_10m"):
        add_wind_yield(site, WindFarm(extrapolation="two_heights"))


def test_farm_takes_the_roughness_of_its_own_or_of_the_site(weather):
    site = weather.isel(site=slice(0, 2))
    own = add_wind_yield(site, WindFarm(extrapolation="log_law", roughness_length=0.1))["wind_capacity_factor"]
    layer = site.assign(roughness_length=("site", [0.1, np.nan]))
    found = add_wind_yield(layer.chunk(site=1), WindFarm(extrapolation="log_law"))["wind_capacity_factor"].compute()
    assert found[0].values.tobytes() == own[0].values.tobytes()
    assert np.isnan(found[1]).all()
    factor = np.log(140 / 0.1) / np.log(100 / 0.1)
    steep = WindFarm(shear_exponent=np.log(factor) / np.log(1.4))
    np.testing.assert_allclose(own, add_wind_yield(site, steep)["wind_capacity_factor"], rtol=0, atol=1e-9)
    with pytest.raises(MissingVariableError, match="'log_law' and no roughness_length needs roughness_length"):
        add_wind_yield(site, WindFarm(extrapolation="log_law"))
    with pytest.raises(UnitsError, match="roughness lengths above 0"):
        add_wind_yield(site.assign(roughness_length=("site", [0.1, 0.0])), WindFarm(extrapolation="log_law"))


def test_arrays_that_the_extrapolation_needs_are_asked_for():
    hours = np.full((1, 3), 8.0)
    for way, name in (("log_law", "roughness_length"), ("two_heights", "wind_speed_10m")):
        with pytest.raises(StudyError, match=f"Expected {name} for the extrapolation '{way}', found none"):
            capacity_factor(hours, hours, np.zeros(1), wind=WindFarm(extrapolation=way))


@given(speed=st.floats(0.0, 25.0), low=st.floats(1e-4, 2.0), high=st.floats(1e-4, 2.0))
def test_more_roughness_never_raises_the_yield_of_a_hub_below_the_wind(speed, low, high):
    """On a curve that never falls; above the height of the given wind rough ground steepens the profile, and the hub gains."""
    hours = np.full((1, 1), speed)
    smooth, rough = (
        capacity_factor(hours, np.full((1, 1), 10.0), np.zeros(1), wind=WindFarm(
            turbine="windpowerlib:E-126/4200", hub_height=80.0, extrapolation="log_law", roughness_length=length
        ))[0, 0]
        for length in sorted((low, high))
    )  # fmt: skip
    assert rough <= smooth + 1e-12
