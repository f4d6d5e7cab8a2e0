"""Wind yield against windpowerlib, the standard atmosphere and its own promises."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pvlib.atmosphere import alt2pres
from pydantic import ValidationError
from reference import wind as reference
from reference.weather import make_weather

from siting.vocabulary import MissingVariableError, StudyError, UnitsError
from siting.yields.air_density import air_density
from siting.yields.effective_speed import correction_exponent
from siting.yields.power_curve import turbine_names
from siting.yields.wind import WindFarm, add_wind_yield, capacity_factor

LOSSLESS = {
    "wake_loss": 0.0,
    "availability_loss": 0.0,
    "electrical_loss": 0.0,
    "performance_loss": 0.0,
    "cold_shutdown": None,
    "precision": "float64",
}


def table_of(sites: xr.Dataset, site: int) -> pd.DataFrame:
    return pd.DataFrame({name: sites[name].values[site] for name in ("temp_air", "wind_speed_100m")}, index=sites["time"].values)


def output_of(sites: xr.Dataset, wind: WindFarm) -> np.ndarray:
    return add_wind_yield(sites, wind)["wind_capacity_factor"].values


def at(speeds, temp_air: float = 15.0, altitude: float = 0.0, **farm) -> np.ndarray:
    """Output at wind speeds at the hub, which stands at 100 m."""
    wind = WindFarm(hub_height=100.0, **farm)
    speeds = np.atleast_1d(np.asarray(speeds, dtype=float))[None]
    return capacity_factor(speeds, np.full_like(speeds, temp_air), np.array([altitude]), wind=wind)[0]


def compare(sites: xr.Dataset, site: int, wind: WindFarm) -> None:
    """Hold one site to windpowerlib up to the cut-out and up to the end of the corrected curve; above the cut-out nothing runs."""
    table, altitude = table_of(sites, site), float(sites["altitude"][site])
    hub = wind.hub_height or wind.curves[0].hub_height
    expected = reference.capacity_factor(
        table, altitude, (wind.curves[0].wind_speed, wind.curves[0].power), wind.curves[0].nominal_power,
        hub_height=hub, shear_exponent=wind.shear_exponent, density_correction=wind.density_correction == "svenningsen",
    )  # fmt: skip
    output = output_of(sites.isel(site=[site]), wind)[0]
    hub_speed = table["wind_speed_100m"].to_numpy() * (hub / 100.0) ** wind.shear_exponent
    stretch = (1.225 / reference.hub_density(table["temp_air"], altitude, hub).to_numpy()) ** (2 / 3)
    end = wind.curves[0].cut_out * np.minimum(stretch if wind.density_correction == "svenningsen" else 1.0, 1.0)
    np.testing.assert_allclose(output[hub_speed <= end], expected[hub_speed <= end], rtol=0, atol=1e-9)
    assert (output[hub_speed > wind.curves[0].cut_out] == 0).all()


@pytest.mark.parametrize("site", range(20))
def test_equals_windpowerlib_site_by_site(both_years, site):
    compare(both_years.isel(time=slice(0, None, 4)), site, WindFarm(**LOSSLESS))


@pytest.mark.parametrize("turbine", turbine_names())
def test_equals_windpowerlib_for_all_turbines(weather, turbine):
    """All speeds from 0 to 60 m/s, at five densities."""
    speeds = np.linspace(0, 60, 2401)
    hours = {"wind_speed_100m": (("site", "time"), np.tile(speeds, (5, 1)))}
    air = {"temp_air": (("site", "time"), np.tile(np.array([[-25.0], [35.0], [5.0], [-15.0], [15.0]]), speeds.size))}
    sites = xr.Dataset(
        {"altitude": ("site", [0.0, 0.0, 2261.0, 2900.0, 4500.0]), **hours, **air},
        coords={"time": np.datetime64("2013-01-01", "ns") + np.arange(speeds.size) * np.timedelta64(1, "h")},
    )
    for site in range(5):
        for corrected in ("svenningsen", "none"):
            compare(sites, site, WindFarm(turbine=turbine, hub_height=140.0, density_correction=corrected, **LOSSLESS))


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_output_is_never_negative(precision):
    """Rounding of the straight lines of a curve doesn't reach below 0, whatever digits the first speed of the curve has at the hub."""
    for turbine in turbine_names():
        wind = WindFarm(turbine=turbine, density_correction="none")
        curve = wind.curves[0]
        start = curve.wind_speed[np.flatnonzero(curve.power)[0] - 1] * (100.0 / curve.hub_height) ** (1 / 7)
        speeds = (start * (1 + np.linspace(-1e-6, 1e-5, 5_000)))[None].astype(precision)
        output = capacity_factor(speeds, np.full_like(speeds, 10.0), np.array([1500.0]), wind=wind)
        assert output.min() == 0.0, turbine
        assert output.max() > 0.0, turbine


@pytest.mark.parametrize("fault", [{"shear_exponent": 0.15}, {"hub_height": 141.0}, {"density_correction": "none"}])
def test_oracle_notices_planted_faults(weather, fault):
    right, wrong = WindFarm(hub_height=140.0, **LOSSLESS), WindFarm(**({"hub_height": 140.0} | LOSSLESS | fault))
    assert np.abs(output_of(weather, right) - output_of(weather, wrong)).max() > 1e-3


@pytest.mark.parametrize(
    ("place", "altitude", "share"), [("Xining", 2261.0, 0.80), ("Golmud and Delingha", 2900.0, 0.75), ("sea", 0.0, 1.0)]
)
def test_density_of_the_standard_atmosphere(place, altitude, share):
    """ISA air is at 0.80 of its density at sea level in Xining and at 0.75 at 2,900 m."""
    air = air_density(alt2pres(altitude), 15.0 - 0.0065 * (altitude + 2.0), 0.0)
    assert air / 1.225 == pytest.approx(share, abs=0.004)


def test_hub_density_equals_windpowerlib():
    temperatures, altitudes = np.linspace(-40, 40, 9), np.linspace(-100, 5000, 9)
    expected = reference.hub_density(temperatures, altitudes, 160.0)
    np.testing.assert_allclose(air_density(alt2pres(altitudes), temperatures, 160.0), expected, rtol=1e-13)


def test_svenningsen_exponents():
    """1/3 up to 7.5 m/s, v/15 - 1/6 between, 2/3 from 12.5 m/s."""
    np.testing.assert_allclose(correction_exponent(np.array([3.0, 7.5, 10.0, 12.5, 20.0])), [1 / 3, 1 / 3, 0.5, 2 / 3, 2 / 3], rtol=1e-15)


def test_thin_air_moves_the_curve_by_hand():
    """At 0.75 of the density a point of the curve at 7 m/s is met at 7 * (1/0.75)^(1/3) = 7.7045 m/s."""
    wind = WindFarm(hub_height=100.0, **LOSSLESS)
    kelvin = (alt2pres(0.0) / 100 - 100 / 8) * 1.225 * 288.15 * 100 / 101330 / (0.75 * 1.225)
    warm = kelvin - 273.15 + 0.0065 * 98.0
    speed = 7.0 * (4 / 3) ** (1 / 3)
    assert speed == pytest.approx(7.7045, abs=1e-4)
    # such air would be 110 degC at sea level: the pressure of 2900 m brings it into reach
    share = alt2pres(2900.0) / 100 - 100 / 8
    cool = (warm + 273.15 - 0.0065 * 98.0) * share / (alt2pres(0.0) / 100 - 100 / 8) - 273.15 + 0.0065 * 98.0
    output = capacity_factor(np.array([[speed]]), np.array([[cool]]), np.array([2900.0]), wind=wind)
    expected = wind.curves[0].power[wind.curves[0].wind_speed.index(7.0)] / wind.curves[0].nominal_power
    assert output[0, 0] == pytest.approx(expected, rel=1e-12)


@given(speed=st.floats(0, 60), altitude=st.floats(-100, 5000), temp_air=st.floats(-29, 45))
def test_output_stays_within_the_curve(speed, altitude, temp_air):
    assert 0 <= at(speed, temp_air, altitude, **LOSSLESS)[0] <= 1.02


@given(speed=st.floats(0, 60), altitude=st.floats(0, 4000), climb=st.floats(0, 1000))
def test_thinner_air_never_gives_more(speed, altitude, climb):
    """The default turbine's curve overshoots its nominal power by less than 0.1 % around 11.5 m/s: that much may be exchanged."""
    assert at(speed, 5.0, altitude + climb, **LOSSLESS)[0] <= at(speed, 5.0, altitude, **LOSSLESS)[0] + 1.1e-3


@given(speed=st.floats(22.001, 60.0), altitude=st.floats(0, 5000), temp_air=st.floats(-29, 45))
def test_nothing_runs_above_the_cut_out(speed, altitude, temp_air):
    assert at(speed, temp_air, altitude)[0] == 0


def test_every_turbine_stops_at_its_cut_out_and_below_its_first_speed():
    """Also those whose table ends at nominal power, and in thin air, where the corrected curve runs past the cut-out."""
    for turbine in turbine_names():
        wind = WindFarm(turbine=turbine)
        first = next(speed for speed, power in zip(wind.curves[0].wind_speed, wind.curves[0].power, strict=True) if power > 0)
        for altitude in (0.0, 2900.0):
            beyond = at(np.linspace(wind.curves[0].cut_out + 1e-9, 60, 500), 15.0, altitude, turbine=turbine)
            assert (beyond == 0).all()
            assert (at(np.linspace(0, 0.85 * first, 50)[:-1], 15.0, altitude, turbine=turbine) <= 0.05).all()
            assert at(0.0, 15.0, altitude, turbine=turbine) == 0


def test_dense_air_keeps_nominal_power_up_to_the_cut_out():
    """At -25 degC the corrected curve ends at 20 m/s; the machine runs to its cut-out at 22 m/s."""
    assert at([20.5, 21.9, 22.0], -25.0, **LOSSLESS).tolist() == [1.0, 1.0, 1.0]
    assert at([22.01], -25.0, **LOSSLESS)[0] == 0


def test_a_lower_cut_out_is_respected_and_a_higher_one_refused():
    assert at([17.9, 18.1], cut_out=18.0, **LOSSLESS).tolist() == [1.0, 0.0]
    with pytest.raises(ValidationError, match="expected cut_out within the power curve, which ends at 22 m s-1, found 30; lower it"):
        WindFarm(cut_out=30.0)


def test_turbines_stop_in_extreme_cold():
    assert at(10.0, temp_air=-29.0)[0] > 0.5
    assert at(10.0, temp_air=-30.0)[0] == 0
    assert at(10.0, temp_air=-45.0, cold_shutdown=None)[0] > 0.5


def test_losses_multiply():
    left = at(10.0, wake_loss=0.1, availability_loss=0.05, electrical_loss=0.02, performance_loss=0.04) / at(10.0, **LOSSLESS)
    assert left[0] == pytest.approx(0.9 * 0.95 * 0.98 * 0.96, rel=1e-14)


def test_wind_rises_with_the_power_law():
    wind, low = WindFarm(hub_height=160.0, shear_exponent=0.2, **LOSSLESS), WindFarm(hub_height=160.0, shear_exponent=0.0, **LOSSLESS)
    still, altitude = np.full((1, 1), 15.0), np.zeros(1)
    lifted = capacity_factor(np.full((1, 1), 6.0), still, altitude, wind=wind)
    assert lifted == pytest.approx(capacity_factor(np.full((1, 1), 6.0 * 1.6**0.2), still, altitude, wind=low), rel=1e-13)


def test_output_units_dims_and_untouched_inputs(weather):
    before = weather.copy(deep=True)
    sites = add_wind_yield(weather, WindFarm())
    xr.testing.assert_identical(weather, before)
    assert sites["wind_capacity_factor"].dims == ("site", "time")
    assert sites["wind_capacity_factor"].attrs["units"] == "1"
    assert set(sites.variables) - set(weather.variables) == {"wind_capacity_factor", "turbine"}
    assert sites["turbine"].values.tolist() == ["NREL_6MW_196"] * 8


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_lazy_equals_eager_bit_for_bit(weather, chunk):
    wind = WindFarm()
    lazy = add_wind_yield(weather.chunk({"site": chunk}), wind)["wind_capacity_factor"]
    assert lazy.chunks is not None
    assert lazy.compute(scheduler="synchronous").values.tobytes() == output_of(weather, wind).tobytes()


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_any_block_and_any_cut_in_time_give_the_same_bits(data):
    sites = make_weather(2013, 6).isel(time=slice(0, 500))
    start = data.draw(st.integers(0, 5))
    stop, split = data.draw(st.integers(start + 1, 6)), data.draw(st.integers(1, 499))
    whole, wind = output_of(sites, WindFarm()), WindFarm()
    block = sites.isel(site=slice(start, stop))
    parts = [output_of(block.isel(time=part), wind) for part in (slice(None, split), slice(split, None))]
    assert np.concatenate(parts, axis=1).tobytes() == whole[start:stop].tobytes()


@pytest.mark.parametrize("name", ["temp_air", "wind_speed_100m"])
@pytest.mark.parametrize(
    "farm", [{}, {"density_correction": "none", "cold_shutdown": None}, {"density_correction": "iec"}], ids=["default", "plain", "iec"]
)
def test_one_missing_hour_stays_missing_and_alone(weather, name, farm):
    holes = weather.copy(deep=True)
    holes[name][2, 77] = np.nan
    output = output_of(holes, WindFarm(**farm))
    assert np.argwhere(np.isnan(output)).tolist() == [[2, 77]]


def test_missing_altitude_makes_a_missing_site(weather):
    output = output_of(weather.assign(altitude=weather["altitude"].where(weather["site"] != 3)), WindFarm())
    assert np.isnan(output[3]).all()
    assert not np.isnan(np.delete(output, 3, axis=0)).any()


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("temp_air", lambda value: value + 273.15, r"Expected temp_air of -90 to 70 degC, found 3\d\d.*kelvin"),
        ("wind_speed_100m", lambda value: value * 3.6, r"Expected wind_speed_100m of 0 to 60 m s-1, found .*km h-1"),
        ("wind_speed_100m", lambda value: value * 0 - 999.0, "found -999; fix the unit: .*fill values become NaN"),
        ("altitude", lambda value: value * 3.28084, "Expected altitude of -500 to 9000 m"),
    ],
)
def test_wrong_units_are_refused_in_one_line(weather, name, change, said):
    with pytest.raises(UnitsError, match=said) as caught:
        add_wind_yield(weather.assign({name: change(weather[name])}), WindFarm())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"turbine": "V9000"}, {"turbine": ""}, {"hub_height": 14}, {"hub_height": 1400}, {"wake_loss": 8}, {"availability_loss": 1},
        {"electrical_loss": -0.01}, {"shear_exponent": 1.4}, {"cold_shutdown": 243.15}, {"cut_out": 90}, {"hubheight": 100},
    ],
)  # fmt: skip
def test_implausible_farms_are_refused(wrong):
    with pytest.raises(ValidationError):
        WindFarm(**wrong)


def test_unknown_turbine_is_refused_with_the_nearest_name():
    with pytest.raises(ValidationError, match=r"found 'NREL_6MW'; did you mean 'NREL_6MW_196'"):
        WindFarm(turbine="NREL_6MW")


def own_curve(folder) -> str:
    rows = "\n".join(f"{speed},{min(max(speed - 3, 0) * 500, 4000)}" for speed in range(26))
    (folder / "mine.csv").write_text(f"wind_speed,power\n{rows}\n", encoding="utf-8")
    return "mine.csv"


def test_own_curve_is_read_once_and_travels_with_the_farm(tmp_path):
    """No step opens a file: the farm still works when its file is gone, in this process and in another."""
    wind = WindFarm.model_validate({"turbine": own_curve(tmp_path), "hub_height": 100.0, **LOSSLESS}, context={"folder": tmp_path})
    (tmp_path / "mine.csv").unlink()
    sent = pickle.loads(pickle.dumps(wind))
    assert sent == wind
    output = capacity_factor(np.full((1, 1), 7.0), np.full((1, 1), 15.0), np.zeros(1), wind=sent)
    # 101330 Pa and 1/8 hPa per metre of windpowerlib leave 0.99 of the standard density at 100 m
    assert output[0, 0] == pytest.approx(0.5, abs=0.01)


def test_own_curve_without_hub_height_asks_for_one(tmp_path):
    with pytest.raises(ValidationError, match=r"expected hub_height for the power curve mine\.csv, which names none; give it in m"):
        WindFarm.model_validate({"turbine": own_curve(tmp_path)}, context={"folder": tmp_path})


def test_a_copy_with_another_turbine_does_not_keep_the_old_curve():
    copy = WindFarm().model_copy(update={"turbine": "other"})
    with pytest.raises(StudyError, match=r"Expected the curve of other, found that of .*; make a new WindFarm"):
        copy.curves  # noqa: B018


def test_every_field_is_described():
    assert all(field.description for field in WindFarm.model_fields.values())


def test_missing_variables_are_named(weather):
    with pytest.raises(MissingVariableError, match="add_wind_yield needs temp_air"):
        add_wind_yield(weather.drop_vars("temp_air"), WindFarm())


def test_no_sites_is_no_error(weather):
    assert output_of(weather.isel(site=slice(0, 0)), WindFarm()).shape == (0, weather.sizes["time"])


@pytest.mark.parametrize("correction", ["iec", "svenningsen", "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_missing_number_stays_missing_where_the_turbine_stands_still(correction, dtype):
    wind = WindFarm(density_correction=correction, cold_shutdown=-30.0)
    speed, air = np.array([[np.nan, 40.0, 40.0, 9.0]], dtype), np.array([[-60.0, np.nan, -60.0, -60.0]], dtype)
    output = capacity_factor(speed, air, np.array([500.0]), wind=wind)
    assert np.isnan(output[0]).tolist() == [True, True, False, False]
    assert (output[0, 2:] == 0.0).all()
