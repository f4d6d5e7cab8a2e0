"""PV yield against pvlib, closed forms, the clock and its own promises."""

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
from siting.yields.pv import Irradiance, PVSystem, Sun, add_pv_yield, capacity_factor, day_of_year, mid_hours, net_output, plane_irradiance

HOURLY = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")
NOON = np.datetime64("2013-06-21T12:00:00")


def table_of(sites: xr.Dataset, site: int) -> pd.DataFrame:
    return pd.DataFrame({name: sites[name].values[site] for name in HOURLY}, index=sites["time"].values)


def output_of(sites: xr.Dataset, pv: PVSystem) -> np.ndarray:
    return add_pv_yield(sites, pv)["pv_capacity_factor"].values


EAST = PVSystem(surface_tilt=35.0, surface_azimuth=90.0, albedo=0.6, dc_ac_ratio=1.4, losses=0.1, faiman_u0=20.0)


@pytest.mark.parametrize(("pv", "step"), [(PVSystem(), 1), (EAST, 4)], ids=["default", "east"])
def test_equals_pvlib_site_by_site(both_years, pv, step):
    output, plant = output_of(both_years, pv), pv.model_dump()
    assert output.shape == (20, both_years.sizes["time"])
    for site in range(0, 20, step):
        latitude, longitude, altitude = (float(both_years[name][site]) for name in ("latitude", "longitude", "altitude"))
        plant["surface_tilt"] = abs(latitude) if pv.surface_tilt == "latitude" else pv.surface_tilt
        expected = reference.capacity_factor(table_of(both_years, site), latitude, longitude, altitude, **plant)
        # 1e-9 of nameplate: the rounding of angles [1e-9 degree] times the steepest low-sun ratio
        np.testing.assert_allclose(output[site], expected, rtol=0, atol=1e-9)
    assert output.max() > 0.3


@pytest.mark.parametrize("minutes", [-30, 30])
def test_oracle_notices_half_an_hour(weather, minutes):
    """A planted fault: the reference fed with shifted stamps must not agree."""
    pv = PVSystem(surface_tilt=30.0)
    table = table_of(weather, 5)
    table.index = table.index + pd.Timedelta(minutes=minutes)
    latitude, longitude, altitude = (float(weather[name][5]) for name in ("latitude", "longitude", "altitude"))
    shifted = reference.capacity_factor(table, latitude, longitude, altitude, **pv.model_dump())
    assert np.abs(shifted - output_of(weather.isel(site=[5]), pv)[0]).max() > 0.01


def test_closed_form_of_pvwatts_and_faiman():
    """800 W m-2 in the plane, 20 degC, 2 m/s at the modules: every number follows from the manuals."""
    pv = PVSystem(losses=0.14, shear_exponent=0.0)
    module = 20.0 + 800.0 / (25.0 + 6.84 * 2.0)
    dc = 0.8 * (1 - 0.0035 * (module - 25.0)) * 0.86
    load = dc * 1.2 * 0.96
    efficiency = 0.96 / 0.9637 * (-0.0162 * load - 0.0059 / load + 0.9858)
    output = net_output(np.array([800.0]), np.array([20.0]), np.array([2.0]), pv)
    assert output[0] == pytest.approx(efficiency * dc, rel=1e-14)


def test_inverters_clip_at_their_rating():
    pv = PVSystem(dc_ac_ratio=1.25)
    assert net_output(np.array([1200.0]), np.array([-20.0]), np.array([10.0]), pv)[0] == pytest.approx(1 / 1.25, rel=1e-14)


def test_wind_at_the_modules_follows_the_power_law():
    """The wind falls from 100 m to 2 m by (1/50)^(1/7) = 0.5719."""
    still, power_law = PVSystem(shear_exponent=0.0), PVSystem()
    plane, air = np.array([900.0]), np.array([25.0])
    assert net_output(plane, air, np.array([10.0]), power_law) == pytest.approx(
        net_output(plane, air, np.array([5.718553]), still), rel=1e-6
    )


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


def test_flat_modules_get_the_global_irradiance(weather):
    """Above one degree of elevation, below which the model bounds its ratio, the parts add up to the whole."""
    sun = solar_position(mid_hours(weather["time"].values), *(weather[name].values for name in ("latitude", "longitude", "altitude")))
    light = Irradiance(*(weather[name].values for name in ("ghi", "dni", "dhi")))
    plane = plane_irradiance(light, Sun(sun.apparent_zenith, sun.azimuth, np.full_like(light.ghi, 1366.1)), 0.0, PVSystem())
    up = sun.apparent_zenith < 89.0
    np.testing.assert_allclose(plane[up], light.ghi[up], rtol=0, atol=1e-9)


@given(
    zenith=st.floats(0, 120), azimuth=st.floats(0, 360), tilt=st.floats(0, 90), facing=st.floats(0, 360),
    dni=st.floats(0, 1100), dhi=st.floats(0, 500), albedo=st.floats(0, 0.9),
)  # fmt: skip
def test_plane_irradiance_is_never_negative_and_bounded(zenith, azimuth, tilt, facing, dni, dhi, albedo):
    ghi = max(np.cos(np.radians(zenith)), 0.0) * dni + dhi
    light = Irradiance(*(np.array([value]) for value in (ghi, dni, dhi)))
    sun = Sun(*(np.array([value]) for value in (zenith, azimuth, 1366.1)))
    plane = plane_irradiance(light, sun, tilt, PVSystem(surface_azimuth=facing, albedo=albedo))[0]
    assert plane >= 0
    # beam, sky and ground; circumsolar light is stretched by at most the bound of one degree
    assert plane <= dni + dhi * (1 + dni / 1366.1 / 0.01745) + albedo * ghi + 1e-9


@given(azimuth=st.floats(0, 359), tilt=st.floats(0, 90), sun_azimuth=st.floats(0, 360), zenith=st.floats(0, 89))
def test_azimuth_wraps(azimuth, tilt, sun_azimuth, zenith):
    light = Irradiance(*(np.array([value]) for value in (500.0, 600.0, 100.0)))
    planes = [
        plane_irradiance(light, Sun(np.array([zenith]), np.array([turned]), np.array([1366.1])), tilt, PVSystem(surface_azimuth=azimuth))[0]
        for turned in (sun_azimuth, sun_azimuth + 360.0)
    ]
    assert planes[0] == pytest.approx(planes[1], rel=1e-9)


def test_beam_counts_only_while_the_sun_is_up():
    """A south wall sees a sun below the northern horizon nowhere, and one just below the southern horizon only as diffuse light."""
    light = Irradiance(np.array([10.0]), np.array([100.0]), np.array([10.0]))
    sun = Sun(np.array([90.5]), np.array([180.0]), np.array([1366.1]))
    diffuse = plane_irradiance(light._replace(dni=np.array([0.0])), sun, 90.0, PVSystem())
    assert plane_irradiance(light, sun, 90.0, PVSystem()) == diffuse


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
def test_lazy_equals_eager_bit_for_bit(weather, chunk):
    pv = PVSystem()
    lazy = add_pv_yield(weather.chunk({"site": chunk}), pv)["pv_capacity_factor"]
    assert lazy.chunks is not None
    assert lazy.compute(scheduler="synchronous").values.tobytes() == output_of(weather, pv).tobytes()


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_any_block_gives_the_same_bits(data):
    sites = make_weather(2013, 6).isel(time=slice(2000, 2600))
    start = data.draw(st.integers(0, 5))
    stop = data.draw(st.integers(start + 1, 6))
    whole = output_of(sites, PVSystem())
    assert output_of(sites.isel(site=slice(start, stop)), PVSystem()).tobytes() == whole[start:stop].tobytes()


@pytest.mark.parametrize("name", HOURLY)
def test_one_missing_hour_stays_missing_and_alone(weather, name):
    holes = weather.copy(deep=True)
    dark = int(np.flatnonzero(holes["ghi"].values[6] == 0)[0])
    bright = int(np.argmax(holes["ghi"].values[6]))
    holes[name][6, [dark, bright]] = np.nan
    output, whole = output_of(holes, PVSystem()), output_of(weather, PVSystem())
    assert np.flatnonzero(np.isnan(output).ravel()).tolist() == sorted(6 * output.shape[1] + hour for hour in (dark, bright))
    np.testing.assert_array_equal(np.where(np.isnan(output), whole, output), whole)


def test_missing_altitude_makes_a_missing_site(weather):
    output = output_of(weather.assign(altitude=weather["altitude"].where(weather["site"] != 3)), PVSystem())
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
        {"surface_tilt": "optimal"}, {"inverter_efficiency": 96}, {"tilt": 30}, {"surface_azimuth": float("nan")},
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
    with pytest.raises(MissingVariableError, match="add_pv_yield needs dni"):
        add_pv_yield(weather.drop_vars("dni"), PVSystem())


def test_no_sites_is_no_error(weather):
    assert output_of(weather.isel(site=slice(0, 0)), PVSystem()).shape == (0, weather.sizes["time"])
