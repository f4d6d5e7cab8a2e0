"""The parts of the synthetic weather: noise in space and time, seasons, sun, wind and temperature."""

from __future__ import annotations

import calendar

import numpy as np
import pandas as pd
import pvlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import spearmanr, weibull_min

from siting.vocabulary import AlignmentError
from siting.weather_field.anchors import ANCHORS, Anchor
from siting.weather_field.lattice import Component, add_relaxed, smooth_noise, year_anomaly
from siting.weather_field.parameters import FieldParameters
from siting.weather_field.seasons import blend_months, great_circle_km, habits, mean_preserving, month_blend
from siting.weather_field.sun import clear_sky, fit_days, local_quantiles, relative_clearness, sky_terms, split_erbs, sun_year
from siting.weather_field.temperature import temperature_hours
from siting.weather_field.wind import ascending, daily_mean_std, wind_factor, wind_hours

FIELD = FieldParameters()
YEAR_2013 = np.arange("2013-01-01", "2014-01-01", dtype="datetime64[h]")


def line(latitude: float, longitude: float, distances: list[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places east of a point."""
    return np.full(len(distances), latitude), longitude + np.array(distances) / (111.195 * np.cos(np.radians(latitude)))


def test_distance_equals_geodesy() -> None:
    """Beijing to Shanghai is 1 067 km on the sphere."""
    assert great_circle_km(np.array(39.9042), np.array(116.4074), np.array(31.2304), np.array(121.4737)) == pytest.approx(1067, abs=2)


@pytest.mark.parametrize("length", [130.0, 340.0])
@pytest.mark.parametrize(("latitude", "longitude"), [(21.3, 101.7), (36.1, 94.9), (48.8, 126.2)])
def test_noise_correlates_as_promised_wherever_the_nodes_lie(latitude: float, longitude: float, length: float) -> None:
    distances = [0.0, 0.2 * length, 0.5 * length, length, 2 * length]
    noise = smooth_noise(*line(latitude, longitude, distances), length, 8760, (1, 2013, 0))
    assert np.abs(noise.mean(axis=1)).max() < 0.05
    assert np.abs(noise.var(axis=1) - 1).max() < 0.06
    expected = np.exp(-((np.array(distances) / length) ** 2))
    assert np.abs(np.corrcoef(noise)[0] - expected).max() < 0.06


def test_noise_of_a_place_depends_on_no_other_place() -> None:
    latitude, longitude = np.linspace(20, 50, 7), np.linspace(80, 130, 7)
    together = smooth_noise(latitude, longitude, 130.0, 200, (3, 2012, 1))
    for k in (0, 3, 6):
        alone = smooth_noise(latitude[k : k + 1], longitude[k : k + 1], 130.0, 200, (3, 2012, 1))
        assert np.array_equal(together[k], alone[0])
    assert not np.array_equal(together, smooth_noise(latitude, longitude, 130.0, 200, (4, 2012, 1)))
    assert smooth_noise(latitude[:0], longitude[:0], 130.0, 200, (3, 2012, 1)).shape == (0, 200)


def test_noise_joins_at_the_date_line() -> None:
    west, east = smooth_noise(np.array([40.0, 40.0]), np.array([180.0, -180.0]), 340.0, 50, (0, 2013, 1))
    assert west == pytest.approx(east, abs=1e-6)


def test_noise_refuses_unknown_places() -> None:
    with pytest.raises(AlignmentError, match="NaN"):
        smooth_noise(np.array([np.nan]), np.array([100.0]), 130.0, 10, (0, 2013, 0))


def test_relaxation_is_an_autoregression_that_starts_in_balance() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 500))
    total, memory = np.zeros((2, 500)), np.array([0.9, 0.5])
    add_relaxed(total, noise, memory, np.array([1.0, 2.0]))
    for k, scale in enumerate((1.0, 2.0)):
        driven = np.sqrt(1 - memory[k] ** 2) * noise[k]
        driven[0] = noise[k, 0]
        assert total[k] == pytest.approx(scale * lfilter([1.0], [1.0, -memory[k]], driven), abs=1e-12)


@pytest.mark.parametrize(("monsoon", "lag", "expected"), [(0.0, 1, 0.935), (0.0, 24, 0.267), (1.0, 24, 0.437)])
def test_factor_has_the_declared_memory(monsoon: float, lag: int, expected: float) -> None:
    """Sums of share * exp(-lag / time scale): 8, 20, 72 h with 0.3, 0.6, 0.1; and 3, 60, 120 h with 0.37, 0.53, 0.1."""
    latitude, longitude = np.linspace(20, 50, 40), np.linspace(75, 133, 40)
    factor = wind_factor(FIELD, (0, 2013), latitude, longitude, np.full(40, monsoon), 8760)
    assert np.mean(factor[:, lag:] * factor[:, :-lag]) == pytest.approx(expected, abs=0.04)
    assert factor.var() == pytest.approx(1, abs=0.05)
    days = factor.reshape(40, 365, 24).mean(axis=2)
    assert daily_mean_std(FIELD, np.array([monsoon]))[0] == pytest.approx(days.std(), abs=0.04)


def test_years_vary_as_declared() -> None:
    place = np.array([40.0]), np.array([110.0])
    draws = [year_anomaly(FIELD, (seed, 2013), Component.WIND_YEAR, *place)[0] for seed in range(300)]
    assert np.mean(draws) == pytest.approx(1, abs=0.01)
    assert np.std(draws) == pytest.approx(0.05, abs=0.007)


@pytest.mark.parametrize("year", range(2011, 2021))
def test_months_keep_their_means(year: int) -> None:
    monthly = np.array([[-10.0, -6, 1, 9, 16, 21, 23, 21, 15, 8, -1, -8]])
    daily = blend_months(mean_preserving(monthly, year), month_blend(year))[0, 1:-1]
    months = pd.date_range(f"{year}-01-01", f"{year}-12-31").month.to_numpy()
    assert len(daily) == 365 + calendar.isleap(year)
    assert [daily[months == month].mean() for month in range(1, 13)] == pytest.approx(monthly[0], abs=1e-9)


@pytest.mark.parametrize("anchor", ANCHORS, ids=lambda each: each.name)
def test_anchors_are_normal_and_reproduced_at_their_point(anchor: Anchor) -> None:
    assert np.mean(anchor.season) == pytest.approx(1, abs=0.002)
    there = habits(np.array([anchor.latitude]), np.array([anchor.longitude]), ANCHORS, 50.0)
    assert there.monsoon[0] == pytest.approx(anchor.monsoon, abs=0.02)
    assert np.exp(there.season[0]) == pytest.approx(np.array(anchor.season) / np.mean(anchor.season), rel=0.03)


@settings(deadline=None)
@given(latitude=st.floats(18, 54), longitude=st.floats(73, 135))
def test_habits_stay_between_those_of_the_anchors(latitude: float, longitude: float) -> None:
    there = habits(np.array([latitude]), np.array([longitude]), ANCHORS, FIELD.anchor_blend_km)
    assert 0 <= there.monsoon[0] <= 1
    assert 1.7 <= there.weibull_shape[0] <= 2.2
    assert np.hypot(there.diurnal_cosine[0], there.diurnal_sine[0]) <= 0.3
    assert np.all(there.wind_sun <= 0)


@pytest.mark.parametrize("altitude", [-150.0, 0.0, 2800.0, 5000.0])
@pytest.mark.parametrize("turbidity", [2.0, 5.5])
def test_clear_sky_equals_pvlib(altitude: float, turbidity: float) -> None:
    zenith = np.linspace(0.1, 89.9, 200)
    pressure = pvlib.atmosphere.alt2pres(altitude)
    elevation = 90 - zenith
    lift = pressure / 100 / 1010 * 283 / 285 * 1.02 / 60 / np.tan(np.radians(elevation + 10.3 / (elevation + 5.11)))
    mass = pvlib.atmosphere.get_absolute_airmass(pvlib.atmosphere.get_relative_airmass(zenith - lift), pressure)
    expected = pvlib.clearsky.ineichen(zenith - lift, mass, turbidity, altitude, 1400.0)["ghi"]
    slope, depth, near, far = sky_terms(altitude)
    haze = near + far * (turbidity - 1)
    found = [clear_sky(np.cos(np.radians(z)), pressure / 101325, slope, depth, haze, 1400.0) for z in zenith]
    assert found == pytest.approx(expected, rel=1e-9)


def test_diffuse_part_equals_pvlib() -> None:
    zenith, index = np.meshgrid(np.linspace(0, 89.9, 150), np.linspace(0, 1, 101))
    extra = float(pvlib.irradiance.get_extra_radiation(100))
    ghi = index * extra * np.cos(np.radians(zenith))
    expected = pvlib.irradiance.erbs(ghi, zenith, np.full(zenith.shape, 100))
    heights = np.cos(np.radians(zenith))
    found = np.array([split_erbs(g, h, extra) for g, h in zip(ghi.ravel(), heights.ravel(), strict=True)])
    assert found[:, 0] == pytest.approx(expected["dni"].ravel(), abs=1e-8)
    assert found[:, 1] == pytest.approx(expected["dhi"].ravel(), abs=1e-8)


@settings(deadline=None)
@given(share=st.floats(0.1, 0.97), seed=st.integers(0, 1000))
def test_days_are_fitted_to_the_level(share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    energy, relative = rng.uniform(1, 9, 366), rng.uniform(0.05, 1, 366)
    clearness = np.empty(366)
    fit_days(energy, relative, share * energy.sum(), clearness)
    assert np.sum(energy * clearness) == pytest.approx(share * energy.sum(), rel=1e-12)
    assert clearness.max() <= 1.02 or share > 0.8  # a very high level lifts even cloudless days, up to the cap
    assert spearmanr(relative, clearness).statistic == pytest.approx(1)


def test_quantiles_are_bilinear_and_skip_the_sea() -> None:
    axis = np.array([30.0, 33.0])
    table = np.arange(4.0).reshape(2, 2, 1, 1) * np.ones((2, 2, 12, 3))
    middle = np.array([31.5])
    assert local_quantiles(middle, middle, axis, axis, table)[0, 0, 0] == pytest.approx(1.5)
    assert local_quantiles(np.array([33.0]), np.array([33.0]), axis, axis, table)[0, 5, 2] == pytest.approx(3)
    table[0, 0] = np.nan
    assert local_quantiles(middle, middle, axis, axis, table)[0, 0, 0] == pytest.approx(2)
    table[:] = np.nan
    assert np.isnan(local_quantiles(middle, middle, axis, axis, table)).all()
    with pytest.raises(AlignmentError, match="latitude 30 to 33, found 29"):
        local_quantiles(np.array([29.0]), middle, axis, axis, table)


def test_clearness_follows_the_distribution() -> None:
    probabilities = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    quantiles = np.broadcast_to(8 * probabilities, (1, 12, 5))
    blend = month_blend(2013)
    scores = np.random.default_rng(0).standard_normal((1, 367))
    clearness = relative_clearness(scores, quantiles, probabilities, 0.25, blend)
    assert clearness.max() == 1
    assert np.mean(clearness == 1) == pytest.approx(0.25, abs=0.06)
    assert np.median(clearness) == pytest.approx(0.5 / 0.75, abs=0.06)
    assert clearness.min() >= 0.02


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=300))
def test_ranking_equals_a_stable_sort(values: list[int]) -> None:
    scores = np.array(values, dtype=np.float64)
    order = np.empty(len(scores), dtype=np.uint32)
    ascending(scores, order)
    assert np.array_equal(order, np.argsort(scores, kind="stable"))


def test_wind_has_exactly_the_weibull_year() -> None:
    latitude, longitude = np.array([41.5, 25.2]), np.array([112.5, 101.0])
    local = habits(latitude, longitude, ANCHORS, FIELD.anchor_blend_km)
    factor = wind_factor(FIELD, (0, 2013), latitude, longitude, local.monsoon, 8760)
    level = np.array([8.0, np.nan])
    speed = wind_hours(level, factor, local, longitude, 2013)
    assert speed[0].mean() == pytest.approx(8.0, rel=1e-12)
    shape = local.weibull_shape[0]
    expected = weibull_min.ppf((np.arange(8760) + 0.5) / 8760, shape)
    assert np.sort(speed[0]) == pytest.approx(expected / expected.mean() * 8.0, rel=1e-9)
    assert np.isnan(speed[1]).all()


def test_wind_follows_the_declared_seasons() -> None:
    latitude, longitude = np.full(30, 25.2), np.full(30, 101.0)
    local = habits(latitude, longitude, ANCHORS, 50.0)
    draws = [wind_factor(FIELD, (seed, 2013), latitude[:1], longitude[:1], local.monsoon[:1], 8760) for seed in range(30)]
    speed = wind_hours(np.ones(30), np.concatenate(draws), local, longitude, 2013)
    monthly = pd.DataFrame(speed.T, index=YEAR_2013).groupby(lambda day: day.month).mean().mean(axis=1)
    yunnan = next(anchor for anchor in ANCHORS if anchor.name == "Yunnan")
    assert monthly.to_numpy() == pytest.approx(np.array(yunnan.season), rel=0.12)


def test_sun_keeps_the_cap_the_level_and_the_night() -> None:
    place = [np.array([each]) for each in (31.0, 91.0, 5200.0)]
    turbidity, clear = np.full((1, 367), 2.0), np.full((1, 367), 1.0)
    clear[0, 1::2] = 0.4
    year = sun_year(YEAR_2013, *place, np.array([1900.0]), turbidity, clear, 0.82)
    assert year.ghi.sum() / 1000 == pytest.approx(1900, rel=1e-9)
    bright = sun_year(YEAR_2013, *place, np.array([3000.0]), turbidity, clear, 0.82)
    middle = pd.DatetimeIndex(YEAR_2013 + np.timedelta64(30, "m"), tz="UTC")
    zenith = pvlib.solarposition.get_solarposition(middle, 31.0, 91.0, 5200.0, method="nrel_numpy")["zenith"].to_numpy()
    top = pvlib.irradiance.get_extra_radiation(middle.day_of_year.to_numpy()) * np.cos(np.radians(zenith)).clip(0)
    assert (bright.ghi[0] - 0.82 * top).max() < 1e-9
    assert bright.ghi.sum() / 1000 < 3000  # the cap binds: no more sun than that
    assert np.all(year.ghi[0][zenith >= 90] == 0)
    assert np.all(year.ghi[0][zenith < 89] > 0)


def test_temperature_keeps_months_and_peaks_in_the_afternoon() -> None:
    monthly = np.array([[-10.0, -6, 1, 9, 16, 21, 23, 21, 15, 8, -1, -8]] * 2)
    rain = np.array([[2.0] * 12, [120.0] * 12])
    longitude = np.array([94.9, 94.9])
    clearness = np.tile(np.where(np.arange(367) % 2, 0.9, 0.5), (2, 1))
    hours = temperature_hours(FIELD, 2013, longitude, monthly, rain, clearness, 8760)
    table = pd.DataFrame(hours.T, index=YEAR_2013)
    assert table.groupby(lambda day: day.month).mean().to_numpy() == pytest.approx(monthly.T, abs=0.25)
    local = (np.arange(24) + 0.5 + 94.9 / 15) % 24
    by_hour = hours.reshape(2, 365, 24).mean(axis=1)
    assert local[by_hour.argmax(axis=1)] == pytest.approx([15, 15], abs=0.6)
    assert np.ptp(by_hour, axis=1) == pytest.approx([16 * np.exp(-0.06) + 7 * (1 - np.exp(-0.06)), 7.2], abs=0.5)
    unknown = temperature_hours(FIELD, 2013, longitude, monthly, rain, np.full((2, 367), np.nan), 8760)
    assert np.isnan(unknown).all()
