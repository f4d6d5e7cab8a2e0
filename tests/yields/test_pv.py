"""PV yield against closed forms, the clock and its own promises; test_pv_accuracy.py holds it to pvlib."""

from __future__ import annotations

import functools
import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pvlib.location import Location
from pydantic import ValidationError
from reference import pv as reference
from reference.weather import make_weather

from siting.solar_position import solar_position
from siting.vocabulary import AlignmentError, MissingVariableError, UnitsError
from siting.yields import pv_run
from siting.yields.pv import (
    PVSystem,
    Site,
    add_pv_yield,
    capacity_factor,
    day_of_year,
    full_load_hours,
    mid_hours,
    optimal_tilt,
    plane_irradiance,
)  # fmt: skip

HOURLY = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")
NOON = np.datetime64("2013-06-21T12:00:00")
NOON_92 = np.array(["2013-06-21T05:52"], dtype="datetime64[s]")
#: Plants that between them take every loop, in both precisions.
FULL = {"transposition": "perez", "reflection": "physical", "temperature": "sapm", "bifaciality": 0.7}
PLANTS = [
    {},
    {"precision": "float32"},
    {"mount": "single_axis", **FULL, "precision": "float32"},
    {**FULL, "surface_tilt": 30.0},
    {"transposition": "isotropic", "mount": "single_axis", "precision": "float32"},
]
FLAT = PVSystem(surface_tilt=0.0, shear_exponent=0.0, precision="float64")


def table_of(sites: xr.Dataset, site: int) -> pd.DataFrame:
    return pd.DataFrame({name: sites[name].values[site] for name in HOURLY}, index=sites["time"].values)


def output_of(sites: xr.Dataset, pv: PVSystem) -> np.ndarray:
    return add_pv_yield(sites, pv)["pv_capacity_factor"].values


def one_hour(
    pv: PVSystem, ghi: float, dni: float, dhi: float, air: float, wind: float, place=(36.4, 92.0, 2808.0), *, plane=False
) -> float:
    """Output, or light in the plane, of the hour around noon at 92 degrees east."""
    block = pv_run.Block(*(np.array([[value]]) for value in (ghi, dni, dhi, air, wind)))
    site = Site(*(np.array([value]) for value in place))
    return float(pv_run.hourly(block, site, NOON_92, pv, None, stop_at_plane=plane)[0, 0])


@pytest.mark.parametrize("minutes", [-30, 30])
def test_oracle_notices_half_an_hour(weather, minutes):
    """A planted fault: the reference fed with shifted stamps must not agree."""
    pv = PVSystem(surface_tilt=30.0)
    table = table_of(weather, 5)
    table.index = table.index + pd.Timedelta(minutes=minutes)
    latitude, longitude, altitude = (float(weather[name][5]) for name in ("latitude", "longitude", "altitude"))
    shifted = reference.capacity_factor(table, latitude, longitude, altitude, pv, 30.0)
    assert np.abs(shifted - output_of(weather.isel(site=[5]), pv)[0]).max() > 0.01


def test_closed_form_of_pvwatts_and_faiman():
    """800 W m-2 in the plane, 20 degC, 2 m/s at the modules: every number follows from the manuals."""
    module = 20.0 + 800.0 / (25.0 + 6.84 * 2.0)
    dc = 0.8 * (1 - 0.0035 * (module - 25.0)) * 0.86
    load = dc * 1.2 * 0.96
    efficiency = 0.96 / 0.9637 * (-0.0162 * load - 0.0059 / load + 0.9858)
    assert one_hour(FLAT, 800.0, 0.0, 800.0, 20.0, 2.0) == pytest.approx(efficiency * dc, rel=1e-13)


def test_closed_form_of_the_sandia_temperature():
    """Glass on glass in still air at 1000 W m-2 and 10 degC: 44.117 degC in the cell (pvlib's own example)."""
    pv = FLAT.model_copy(update={"temperature": "sapm", "dc_ac_ratio": 0.5, "losses": 0.0})
    dc = 1 - 0.0035 * (44.11703066106086 - 25.0)
    load = dc * 0.5 * 0.96
    efficiency = 0.96 / 0.9637 * (-0.0162 * load - 0.0059 / load + 0.9858)
    assert one_hour(pv, 1000.0, 0.0, 1000.0, 10.0, 0.0) == pytest.approx(efficiency * dc, rel=1e-12)


def test_inverters_clip_at_their_rating():
    assert one_hour(FLAT.model_copy(update={"dc_ac_ratio": 1.25}), 1200.0, 0.0, 1200.0, -20.0, 10.0) == pytest.approx(1 / 1.25, rel=1e-14)


@pytest.mark.parametrize(("temperature", "share"), [("faiman", 0.5718553), ("sapm", 0.7196857)])
def test_wind_at_the_modules_follows_the_power_law(temperature, share):
    """The wind falls from 100 m to 2 m by (1/50)^(1/7), and to 10 m, for which Sandia's model is made, by (1/10)^(1/7)."""
    still, power_law = (PVSystem(surface_tilt=0.0, temperature=temperature, shear_exponent=shear) for shear in (0.0, 1 / 7))
    expected = one_hour(still, 900.0, 0.0, 900.0, 25.0, 10.0 * share)
    assert one_hour(power_law, 900.0, 0.0, 900.0, 25.0, 10.0) == pytest.approx(expected, rel=1e-6)


def test_soiling_and_snow_belong_to_their_months():
    dirty, june = PVSystem(soiling=0.1), PVSystem(snow=(0.0,) * 5 + (0.2,) + (0.0,) * 6)
    middles = np.arange("2016-01-01T00:30", "2017-01-01T00:30", 60, dtype="datetime64[m]").astype("datetime64[s]")
    np.testing.assert_allclose(pv_run.kept_share(middles, dirty.losses, dirty.soiling, dirty.snow), 0.86 * 0.9, rtol=1e-14)
    kept = pv_run.kept_share(middles, june.losses, june.soiling, june.snow)
    snowy = pd.DatetimeIndex(middles).month == 6
    np.testing.assert_allclose(kept[snowy], 0.86 * 0.8, rtol=1e-14)
    np.testing.assert_allclose(kept[~snowy], 0.86, rtol=1e-14)


def test_light_behind_a_level_row_is_what_the_ground_reflects():
    """A level row sees only the ground behind it: 0.7 of what is left of 0.2 of 800."""
    pv = FLAT.model_copy(update={"bifaciality": 0.7, "rear_loss": 0.35})
    assert one_hour(pv, 800.0, 0.0, 800.0, 20.0, 2.0, plane=True) == pytest.approx(800 + 0.7 * 0.65 * 0.2 * 800, rel=1e-14)


@functools.cache
def clear_march() -> tuple[Location, pd.DataFrame]:
    """Hourly means of a clear March, from minutes, where the sun's noon is the start of an hour: east and west mirror each other."""
    place = Location(36.4, 92.0, altitude=2808)
    minutes = pd.date_range("2013-03-01", "2013-03-31 23:59", freq="min", tz="UTC")
    return place, place.get_clearsky(minutes, model="ineichen", linke_turbidity=3.0).resample("1h").mean()


def clear_output(pv: PVSystem, shift_minutes: int) -> float:
    """Mean output in the clear month, with stamps moved against the sun."""
    place, clear = clear_march()
    hourly = [clear[name].to_numpy()[None] for name in ("ghi", "dni", "dhi")]
    still = [np.full_like(hourly[0], value) for value in (10.0, 5.0)]
    where = [np.array([value]) for value in (place.latitude, place.longitude, place.altitude)]
    times = clear.index.tz_localize(None).to_numpy() + np.timedelta64(shift_minutes, "m")
    return float(capacity_factor(*hourly, *still, *where, times=times, pv=pv).mean())


def east_and_west(shift_minutes: int) -> tuple[float, float]:
    east, west = (clear_output(PVSystem(surface_tilt=60.0, surface_azimuth=azimuth), shift_minutes) for azimuth in (90.0, 270.0))
    return east, west


def test_east_and_west_planes_agree_when_stamps_are_right():
    east, west = east_and_west(0)
    assert east == pytest.approx(west, rel=0.01)


@pytest.mark.parametrize("shift", [-30, 30])
def test_half_an_hour_of_stamp_error_splits_east_and_west(shift):
    """Late stamps put the morning's light onto a higher sun: a west plane gains, an east plane loses."""
    east, west = east_and_west(shift)
    assert (west / east if shift > 0 else east / west) > 1.1


def test_a_south_plane_hides_the_same_error():
    assert clear_output(PVSystem(), 30) == pytest.approx(clear_output(PVSystem(), 0), rel=0.03)


@pytest.mark.parametrize("model", ["isotropic", "haydavies", "perez"])
def test_flat_modules_get_the_global_irradiance(weather, model):
    """Well above the elevation below which the models bound a ratio, the parts add up to the whole."""
    sun = solar_position(mid_hours(weather["time"].values), *(weather[name].values for name in ("latitude", "longitude", "altitude")))
    up = sun.apparent_zenith < (84.9 if model == "perez" else 88.9)
    height = np.cos(np.radians(sun.apparent_zenith))
    ghi = np.where(up, height * weather["dni"].values + weather["dhi"].values, weather["ghi"].values)
    arrays = (ghi, *(weather[name].values for name in ("dni", "dhi", "latitude", "longitude", "altitude")))
    pv = PVSystem(surface_tilt=0.0, transposition=model, precision="float64")
    plane = plane_irradiance(*arrays, times=weather["time"].values, pv=pv)
    np.testing.assert_allclose(plane[up], ghi[up], rtol=0, atol=1e-9)


@settings(deadline=None)
@given(
    hour=st.integers(0, 8783), tilt=st.floats(0, 90), facing=st.floats(0, 360), latitude=st.floats(-60, 70), dni=st.floats(0, 1100),
    dhi=st.floats(0, 500), albedo=st.floats(0, 0.9), model=st.sampled_from(["isotropic", "haydavies", "perez"]),
    mount=st.sampled_from(["fixed", "single_axis"]), precision=st.sampled_from(["float64", "float32"]),
)  # fmt: skip
def test_plane_irradiance_is_never_negative_and_bounded(hour, tilt, facing, latitude, dni, dhi, albedo, model, mount, precision):
    pv = PVSystem(surface_tilt=tilt, surface_azimuth=facing, albedo=albedo, transposition=model, mount=mount, precision=precision)
    middle = np.array(["2016-01-01T00:30"], dtype="datetime64[s]") + np.timedelta64(hour, "h")
    place = [np.array([value]) for value in (latitude, 100.0, 1000.0)]
    height = max(float(np.cos(np.radians(solar_position(middle, *place).apparent_zenith[0, 0]))), 0.0)
    # no more diffuse light than the sun sends through the air, but for twilight: the Perez brightness has no meaning beyond
    dni, dhi = dni if height > 0 else 0.0, min(dhi, 1_000.0 * height + 20.0)
    values = [min(height * dni + dhi, 1500.0), dni, dhi, 10.0, 3.0]
    block = pv_run.Block(*(np.array([[value]]) for value in values))
    plane = pv_run.hourly(block, Site(*place), middle, pv, None, stop_at_plane=True)[0, 0]
    assert plane >= 0
    # beam, sky and ground; circumsolar light is stretched by at most the bound of one degree, or all of it by that of five
    assert plane <= dni + dhi * (2.5 + max(dni / 1320 / 0.01745, 1 / 0.0871)) + albedo * values[0] + 1e-3


def test_azimuth_wraps():
    north, round_about = (PVSystem(surface_tilt=40.0, surface_azimuth=azimuth) for azimuth in (0.0, 360.0))
    light = 700.0, 600.0, 150.0, 10.0, 3.0
    assert one_hour(north, *light) == pytest.approx(one_hour(round_about, *light), rel=1e-12)


def test_equator_is_south_in_the_north_and_north_in_the_south():
    light = 700.0, 600.0, 150.0, 10.0, 3.0
    for latitude, azimuth in ((36.4, 180.0), (-36.4, 0.0)):
        place = (latitude, 92.0, 100.0)
        assert one_hour(PVSystem(surface_azimuth="equator"), *light, place) == one_hour(PVSystem(surface_azimuth=azimuth), *light, place)


def test_beam_counts_only_while_the_sun_is_up(weather):
    """Beam in hours in whose middle the sun is down changes nothing."""
    sun = solar_position(mid_hours(weather["time"].values), *(weather[name].values for name in ("latitude", "longitude", "altitude")))
    down = (sun.apparent_zenith > 90.0) & (sun.apparent_zenith < 92.0)
    assert down.any()
    more = weather.assign(dni=weather["dni"].where(~down, 100.0))
    for model in ("isotropic", "haydavies", "perez"):
        pv = PVSystem(surface_tilt=90.0, transposition=model, reflection="physical")
        np.testing.assert_array_equal(output_of(more, pv), output_of(weather, pv))


def test_glass_turns_away_a_grazing_beam_and_none_that_comes_straight():
    """The sun of this noon stands 13 degrees from the zenith; a wall that faces away from it gets no beam to lose."""
    plain, glass = (PVSystem(surface_tilt=13.0, reflection=kind) for kind in ("none", "physical"))
    light = 900.0, 800.0, 120.0, 10.0, 3.0
    assert one_hour(glass, *light) == pytest.approx(one_hour(plain, *light), rel=1e-3)
    steep, behind_glass = (PVSystem(surface_tilt=80.0, reflection=kind) for kind in ("none", "physical"))
    assert one_hour(behind_glass, *light) < 0.95 * one_hour(steep, *light)


def test_trackers_beat_fixed_planes_and_stand_still_at_noon():
    light = 900.0, 800.0, 120.0, 10.0, 3.0
    tracker = PVSystem(mount="single_axis")
    assert one_hour(tracker, *light) == pytest.approx(one_hour(FLAT.model_copy(update={"shear_exponent": 1 / 7}), *light), rel=2e-3)
    assert clear_output(tracker, 0) > 1.05 * clear_output(PVSystem(surface_tilt=0.0), 0)


def test_best_tilt_is_a_maximum(weather):
    arrays = [weather[name].values for name in ("ghi", "dni", "dhi", "latitude", "longitude", "altitude")]
    keywords = {"times": weather["time"].values}
    pv = PVSystem(surface_tilt="optimal", surface_azimuth="equator")
    tilt = optimal_tilt(*arrays, **keywords, pv=pv)
    for site in range(0, 8, 3):
        one = [array[[site]] for array in arrays]
        light = [
            plane_irradiance(*one, **keywords, pv=pv.model_copy(update={"surface_tilt": max(float(tilt[site]) + move, 0.0)})).sum()
            for move in (-1.0, -0.1, 0.0, 0.1, 1.0)
        ]
        assert light[2] >= light[0]
        assert light[2] >= light[4]
        assert light[2] >= max(light) * (1 - 1e-8)
    single = optimal_tilt(*arrays, **keywords, pv=pv.model_copy(update={"precision": "float32"}))
    np.testing.assert_allclose(single, tilt, atol=0.1)


def test_optimal_plants_use_their_best_tilt(weather):
    sites = weather.isel(site=[2, 6])
    arrays = [sites[name].values for name in ("ghi", "dni", "dhi", "latitude", "longitude", "altitude")]
    tilt = optimal_tilt(*arrays, times=sites["time"].values, pv=PVSystem())
    best = output_of(sites, PVSystem(surface_tilt="optimal"))
    for site in range(2):
        np.testing.assert_array_equal(best[site], output_of(sites.isel(site=[site]), PVSystem(surface_tilt=float(tilt[site])))[0])


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_loop_of_the_plain_chain_equals_the_steps_bit_for_bit(weather, precision):
    """Rear light of next to nothing takes the steps; none takes the one loop."""
    pv = PVSystem(precision=precision)
    nothing = pv.model_copy(update={"bifaciality": 1e-300 if precision == "float64" else 1e-40})
    assert output_of(weather, pv).tobytes() == output_of(weather, nothing).tobytes()


def test_sum_equals_the_hours(weather):
    arrays = [weather[name].values for name in (*HOURLY, "latitude", "longitude", "altitude")]
    pv = PVSystem(precision="float64")
    hours = full_load_hours(*arrays, times=weather["time"].values, pv=pv)
    np.testing.assert_allclose(hours, output_of(weather, pv).sum(axis=1), rtol=1e-13)


def test_output_goes_where_it_is_told(weather):
    arrays = [weather[name].values for name in (*HOURLY, "latitude", "longitude", "altitude")]
    times, pv = weather["time"].values, PVSystem(precision="float32")
    out = np.full(arrays[0].shape, np.nan, dtype=np.float32)
    assert capacity_factor(*arrays, times=times, pv=pv, out=out) is out
    np.testing.assert_array_equal(out, output_of(weather, pv))
    with pytest.raises(AlignmentError, match="Expected out as contiguous float32 of shape"):
        capacity_factor(*arrays, times=times, pv=pv, out=np.empty(out.shape))


def test_read_only_and_strided_weather_gives_the_same(weather):
    arrays = [weather[name].values.copy() for name in (*HOURLY, "latitude", "longitude", "altitude")]
    expected = capacity_factor(*arrays, times=weather["time"].values, pv=PVSystem())
    frozen = [np.asfortranarray(array) for array in arrays]
    for array in frozen:
        array.flags.writeable = False
    np.testing.assert_array_equal(capacity_factor(*frozen, times=weather["time"].values, pv=PVSystem()), expected)


def test_night_is_zero_and_never_negative(weather):
    output = output_of(weather, PVSystem())
    assert (output >= 0).all()
    assert (output[weather["ghi"].values == 0] == 0).all()


def test_output_units_dims_and_untouched_inputs(weather):
    before = weather.copy(deep=True)
    sites = add_pv_yield(weather, PVSystem())
    xr.testing.assert_identical(weather, before)
    assert sites["pv_capacity_factor"].dims == ("site", "time")
    assert sites["pv_capacity_factor"].attrs["units"] == "1"
    assert "standard_name" not in sites["pv_capacity_factor"].attrs
    assert set(sites.variables) - set(weather.variables) == {"pv_capacity_factor"}


@pytest.mark.parametrize("chunk", [1, 3, 8])
@pytest.mark.parametrize("plant", PLANTS)
def test_lazy_equals_eager_bit_for_bit(weather, chunk, plant):
    pv = PVSystem(**plant)
    lazy = add_pv_yield(weather.chunk({"site": chunk}), pv)["pv_capacity_factor"]
    assert lazy.chunks is not None
    assert lazy.compute(scheduler="synchronous").values.tobytes() == output_of(weather, pv).tobytes()


@settings(max_examples=10, deadline=None)
@given(st.data())
@pytest.mark.parametrize("plant", PLANTS)
def test_any_block_gives_the_same_bits(plant, data):
    sites, pv = make_weather(2013, 6).isel(time=slice(2000, 2600)), PVSystem(**plant)
    start = data.draw(st.integers(0, 5))
    stop = data.draw(st.integers(start + 1, 6))
    whole = output_of(sites, pv)
    assert output_of(sites.isel(site=slice(start, stop)), pv).tobytes() == whole[start:stop].tobytes()
    # nor does it matter how hours are cut
    first = data.draw(st.integers(0, 590))
    assert output_of(sites.isel(time=slice(first, None)), pv).tobytes() == np.ascontiguousarray(whole[:, first:]).tobytes()


@pytest.mark.parametrize("plant", PLANTS)
def test_sums_are_the_same_bits_in_any_block(weather, plant):
    arrays = [weather[name].values for name in (*HOURLY, "latitude", "longitude", "altitude")]
    whole = full_load_hours(*arrays, times=weather["time"].values, pv=PVSystem(**plant))
    for part in (slice(0, 1), slice(1, 5), slice(5, 8)):
        hours = full_load_hours(*(array[part] for array in arrays), times=weather["time"].values, pv=PVSystem(**plant))
        assert hours.tobytes() == whole[part].tobytes()


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("name", HOURLY)
def test_one_missing_hour_stays_missing_and_alone(weather, name, plant):
    holes = weather.copy(deep=True)
    dark = int(np.flatnonzero(holes["ghi"].values[6] == 0)[0])
    bright = int(np.argmax(holes["ghi"].values[6]))
    holes[name][6, [dark, bright]] = np.nan
    output, whole = output_of(holes, PVSystem(**plant)), output_of(weather, PVSystem(**plant))
    assert np.flatnonzero(np.isnan(output).ravel()).tolist() == sorted(6 * output.shape[1] + hour for hour in (dark, bright))
    np.testing.assert_array_equal(np.where(np.isnan(output), whole, output), whole)


@pytest.mark.parametrize("plant", PLANTS)
def test_missing_altitude_makes_a_missing_site(weather, plant):
    output = output_of(weather.assign(altitude=weather["altitude"].where(weather["site"] != 3)), PVSystem(**plant))
    assert np.isnan(output[3]).all()
    assert not np.isnan(np.delete(output, 3, axis=0)).any()


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("temp_air", lambda value: value + 273.15, r"Expected temp_air of -90 to 70 degC, found 3\d\d.*kelvin"),
        ("ghi", lambda value: value * 3600, r"Expected ghi of 0 to 1500 W m-2, found .*divided by 3600"),
        ("ghi", lambda value: value - 1.0, "Expected ghi of 0 to 1500 W m-2, found -1;"),
        ("dni", lambda value: value * 0 - 9999.0, "found -9999; fix the unit: .*fill values become NaN"),
        ("dhi", lambda value: value * 1000, "Expected dhi of 0 to 1500 W m-2"),
        ("ghi", lambda value: value / 1000, "Expected ghi in W m-2 to pass 200 in some hour of a year, found at most 0"),
        ("wind_speed_100m", lambda value: value * 3.6, "Expected wind_speed_100m of 0 to 60 m s-1"),
        ("wind_speed_100m", lambda value: -value, "Expected wind_speed_100m of 0 to 60 m s-1, found -"),
        ("altitude", lambda value: value * 3.28084, "Expected altitude of -500 to 9000 m"),
    ],
)
def test_wrong_units_are_refused_in_one_line(weather, name, change, said):
    with pytest.raises(UnitsError, match=said) as caught:
        add_pv_yield(weather.assign({name: change(weather[name])}), PVSystem())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("hours", [-8, 8, 12])
def test_local_time_taken_for_utc_is_refused(weather, hours):
    shifted = weather.assign_coords(time=weather["time"] + np.timedelta64(hours, "h"))
    with pytest.raises(AlignmentError, match=r"Expected darkness at .* UTC .* fix the time zone") as caught:
        add_pv_yield(shifted, PVSystem())
    assert "\n" not in str(caught.value)


def test_swapped_sign_of_longitude_is_refused(weather):
    with pytest.raises(AlignmentError, match="or the longitude"):
        add_pv_yield(weather.assign_coords(longitude=-weather["longitude"]), PVSystem())


@pytest.mark.parametrize(
    "times",
    [[NOON, NOON + np.timedelta64(30, "m")], [NOON, NOON + np.timedelta64(2, "h")], [NOON, NOON], [NOON, np.datetime64("NaT")]],
    ids=["half-hourly", "gap", "twice", "missing"],
)
def test_irregular_hours_are_refused(times):
    with pytest.raises(AlignmentError, match="Expected hourly times without gaps, found"):
        mid_hours(np.array(times))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_mid_hours_and_day_of_year_know_leap_years_in_any_unit(unit):
    times = np.arange("2016-02-28T23", "2016-03-01T02", dtype="datetime64[h]").astype(f"datetime64[{unit}]")
    middles = mid_hours(times)
    assert (middles == times + np.timedelta64(30, "m")).all()
    assert day_of_year(middles).tolist() == [59] + [60] * 24 + [61] * 2
    assert day_of_year(np.array(["2016-12-31T23:30", "2015-12-31T23:30"], dtype="datetime64[m]")).tolist() == [366, 365]


@pytest.mark.parametrize(
    "wrong",
    [
        {"losses": 14}, {"albedo": 20}, {"dc_ac_ratio": 0}, {"gamma_pdc": 0.35}, {"gamma_pdc": -0.35}, {"surface_tilt": 120},
        {"surface_tilt": "best"}, {"soiling": 3}, {"snow": (0.1,) * 11}, {"gcr": 2.0}, {"precision": "float16"}, {"bifaciality": 70},
        {"inverter_efficiency": 96}, {"tilt": 30}, {"surface_azimuth": float("nan")},
    ],
)  # fmt: skip
def test_implausible_plants_are_refused(wrong):
    with pytest.raises(ValidationError):
        PVSystem(**wrong)


def test_plants_are_frozen_and_pickle():
    pv = PVSystem(surface_tilt=25)
    assert pickle.loads(pickle.dumps(pv)) == pv
    with pytest.raises(ValidationError, match="frozen"):
        pv.losses = 0.2


def test_every_field_is_described():
    assert all(field.description for field in PVSystem.model_fields.values())


def test_missing_variables_are_named(weather):
    with pytest.raises(MissingVariableError, match="add_pv_yield needs dni beside dhi; add it, or drop both"):
        add_pv_yield(weather.drop_vars("dni"), PVSystem())
    with pytest.raises(MissingVariableError, match="add_pv_yield needs ghi"):
        add_pv_yield(weather.drop_vars("ghi"), PVSystem())


def test_global_irradiance_alone_is_split(weather):
    output = output_of(weather.drop_vars(["dni", "dhi"]), PVSystem())
    assert output.sum() == pytest.approx(output_of(weather, PVSystem()).sum(), rel=0.2)
    assert not np.array_equal(output, output_of(weather, PVSystem()))


def test_arrays_of_other_shapes_are_refused(weather):
    arrays = [weather[name].values for name in (*HOURLY, "latitude", "longitude", "altitude")]
    with pytest.raises(AlignmentError, match=r"Expected dhi of shape \(8, 8784\) \(sites, hours\), found \(8, 8783\)"):
        capacity_factor(*arrays[:2], arrays[2][:, 1:], *arrays[3:], times=weather["time"].values, pv=PVSystem())
    with pytest.raises(AlignmentError, match="Expected dni and dhi, or neither of them"):
        capacity_factor(arrays[0], None, *arrays[2:], times=weather["time"].values, pv=PVSystem())


def test_no_sites_is_no_error(weather):
    assert output_of(weather.isel(site=slice(0, 0)), PVSystem()).shape == (0, weather.sizes["time"])
