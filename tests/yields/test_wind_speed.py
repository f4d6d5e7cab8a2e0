"""The fast wind kernels: float32 against windpowerlib, IEC normalisation against NumPy, bits against blocks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pvlib.atmosphere import alt2pres
from reference import wind as reference
from reference.weather import make_weather

from siting.vocabulary import AlignmentError, UnitsError
from siting.yields.bins import cut_into_bins
from siting.yields.effective_speed import correction_exponent, find_rise
from siting.yields.power_curve import library_names, load_power_curve, turbine_names
from siting.yields.wind import WindFarm, capacity_factor

LOSSLESS = {"wake_loss": 0.0, "availability_loss": 0.0, "electrical_loss": 0.0, "performance_loss": 0.0, "cold_shutdown": None}
#: All turbines of the catalog, and of windpowerlib those of even, half, mixed and odd steps.
CHOSEN = (
    *turbine_names(),
    *(f"windpowerlib:{name}" for name in (
        "AD116/5000", "E-101/3500", "E-126/4200", "E-126/7500", "E-141/4200", "ENO114/3500", "GE130/3200", "N131/3600", "N90/2500",
        "S114/3200", "S122/3200", "SWT130/3600", "V100/1800", "V112/3450", "V126/3450", "V164/9500", "V90/2000", "VS112/2500",
    )),
)  # fmt: skip


def weather_of(count: int, hours: int = 8760, seed: int = 3):
    """Wind of a good site, air of mild to arctic and high places."""
    draw = np.random.default_rng(seed)
    altitude = np.linspace(0, 4500, count)
    speed = draw.weibull(2.0, (count, hours)) * draw.uniform(6, 11, (count, 1))
    warmth = draw.normal(12 - 0.0065 * altitude[:, None], 10.0, (count, hours))
    return speed.clip(0, 60), warmth, altitude


def farm(turbine: str, **fields) -> WindFarm:
    return WindFarm(turbine=turbine, hub_height=140.0, **(LOSSLESS | fields))


@pytest.mark.parametrize("turbine", CHOSEN)
def test_a_year_in_float32_equals_the_model_chain_of_windpowerlib(turbine):
    """Hours above the cut-out and beyond the end of a curve that dense air shortened apart, where windpowerlib follows its table."""
    speed, warmth, altitude = weather_of(3)
    wind = farm(turbine)
    curve = wind.curves[0]
    output = capacity_factor(speed.astype(np.float32), warmth.astype(np.float32), altitude, wind=wind)
    assert output.dtype == np.float32
    hub_speed = speed * 1.4 ** (1 / 7)
    assert (output[hub_speed > curve.cut_out * (1 + 1e-6)] == 0).all()
    for site in range(3):
        table = pd.DataFrame(
            {"wind_speed_100m": speed[site], "temp_air": warmth[site]}, index=pd.date_range("2013", periods=8760, freq="h")
        )
        watts = reference.chain_output(table, altitude[site], (curve.wind_speed, curve.power), hub_height=140.0, shear_exponent=1 / 7)
        stretch = (1.225 / reference.hub_density(table["temp_air"], altitude[site], 140.0).to_numpy()) ** (2 / 3)
        same = hub_speed[site] <= curve.cut_out * np.minimum(stretch, 1.0) * (1 - 1e-6)
        error = output[site][same] - watts[same] / 1e3 / curve.nominal_power
        assert np.abs(error).max() <= 2e-5
        assert abs(error.sum()) <= 2e-6 * output[site].sum()


@pytest.mark.parametrize("turbine", library_names())
def test_every_turbine_of_the_library_is_sound_and_stops(turbine):
    curve = load_power_curve(turbine)
    assert max(curve.power) == pytest.approx(curve.nominal_power, rel=0.03)
    speeds = np.linspace(0, 55, 5501, dtype=np.float32)[None]
    for correction in ("svenningsen", "iec", "none"):
        wind = WindFarm(turbine=turbine, hub_height=100.0, density_correction=correction, **LOSSLESS)
        for altitude in (0.0, 4000.0):
            output = capacity_factor(speeds, np.full_like(speeds, 5.0), np.array([altitude]), wind=wind)[0]
            assert (output[speeds[0] > curve.cut_out] == 0).all()
            assert output.max() <= 1.03
            assert output[0] == 0


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-9)])
@pytest.mark.parametrize("turbine", ["NREL_6MW_196", "IEA_3.4MW_130", "windpowerlib:E-126/4200", "windpowerlib:S122/3200"])
def test_iec_normalisation_equals_plain_numpy(turbine, dtype, tolerance):
    speed, warmth, altitude = weather_of(6, 4000)
    wind = farm(turbine, density_correction="iec")
    speed, warmth = speed.astype(dtype), warmth.astype(dtype)
    output = capacity_factor(speed, warmth, altitude, wind=wind)
    curve = wind.curves[0]
    speeds, powers = curve.until_cut_out()
    expected = reference.iec_capacity_factor(
        speed.astype(float), warmth.astype(float), altitude, speeds, np.array(powers) / curve.nominal_power,
        hub_height=140.0, shear_exponent=1 / 7, cut_out=curve.cut_out,
    )  # fmt: skip
    # at a jump, a speed's last bit decides
    hub_speed, root = speed * 1.4 ** (1 / 7), np.cbrt(reference.hub_density(warmth.astype(float), altitude[:, None], 140.0) / 1.225)
    clear = (np.abs(hub_speed - curve.cut_out) > 1e-5) & (np.abs(hub_speed * root - speeds[0]) > 1e-5)
    assert np.abs(output - expected)[clear].max() <= tolerance
    assert clear.mean() > 0.999


def test_the_oracle_of_the_normalisation_notices_half_a_percent():
    speed, warmth, altitude = weather_of(2, 500)
    right = capacity_factor(speed, warmth, altitude, wind=farm("NREL_6MW_196", density_correction="iec"))
    wrong = capacity_factor(speed, warmth, altitude, wind=farm("NREL_6MW_196", density_correction="iec", shear_exponent=1 / 7 + 0.015))
    assert np.abs(right - wrong).max() > 1e-3


def test_iec_and_svenningsen_agree_below_the_rise():
    """Up to 7.5 m/s of the curve both take the cube root."""
    speed, warmth = np.linspace(0, 7.4, 300)[None], np.full((1, 300), 10.0)
    a, b = (capacity_factor(speed, warmth, np.array([2000.0]), wind=WindFarm(hub_height=100.0, density_correction=way))
            for way in ("iec", "svenningsen"))  # fmt: skip
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_float32_blocks_and_cuts_in_time_give_the_same_bits(data):
    way = data.draw(st.sampled_from(["svenningsen", "iec", "none"]))
    turbine = data.draw(st.sampled_from(["NREL_6MW_196", "IEA_3.4MW_130", "windpowerlib:S122/3200"]))
    speed, warmth, altitude = weather_of(5, 2500)
    speed, warmth, wind = speed.astype(np.float32), warmth.astype(np.float32), farm(turbine, density_correction=way)
    whole = capacity_factor(speed, warmth, altitude, wind=wind)
    start, split = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 2499))
    rows = slice(start, data.draw(st.integers(start + 1, 5)))
    parts = [
        capacity_factor(speed[rows, part], warmth[rows, part], altitude[rows], wind=wind) for part in (slice(0, split), slice(split, None))
    ]
    assert np.concatenate(parts, axis=1).tobytes() == whole[rows].tobytes()


@pytest.mark.parametrize("way", ["svenningsen", "iec", "none"])
@pytest.mark.parametrize("name", ["speed", "warmth", "pressure"])
def test_one_missing_hour_stays_missing_and_alone(name, way):
    speed, warmth, altitude = weather_of(3, 1500)
    arrays = {"speed": speed.astype(np.float32), "warmth": warmth.astype(np.float32)}
    arrays["pressure"] = np.repeat(alt2pres(altitude)[:, None], 1500, axis=1)
    arrays[name][1, 1400] = np.nan
    output = capacity_factor(
        arrays["speed"], arrays["warmth"], altitude, wind=farm("NREL_6MW_196", density_correction=way), surface_pressure=arrays["pressure"]
    )
    assert np.argwhere(np.isnan(output)).tolist() == [[1, 1400]]


@pytest.mark.parametrize("way", ["svenningsen", "iec", "none"])
def test_missing_altitude_makes_a_missing_site_in_float32(way):
    speed, warmth, altitude = weather_of(3, 300)
    altitude[1] = np.nan
    output = capacity_factor(
        speed.astype(np.float32), warmth.astype(np.float32), altitude, wind=farm("NREL_6MW_196", density_correction=way)
    )
    assert np.isnan(output[1]).all()
    assert not np.isnan(output[[0, 2]]).any()


@pytest.mark.parametrize("way", ["svenningsen", "iec"])
def test_known_pressure_takes_the_place_of_the_usual(way):
    """5 % less pressure is 5 % less density: the same as air that is warmer by 1/0.95, here at a hub whose own fall is left out."""
    speed, warmth, altitude = weather_of(2, 3000)
    wind, usual = farm("NREL_6MW_196", density_correction=way), alt2pres(altitude)[:, None] * np.ones((2, 3000))
    output = capacity_factor(speed, warmth, altitude, wind=wind)
    np.testing.assert_allclose(capacity_factor(speed, warmth, altitude, wind=wind, surface_pressure=usual), output, rtol=0, atol=1e-9)
    kelvin, fall = warmth + 273.15 - 0.0065 * 138, 140.0 / 8 * 100
    warmer = kelvin * (usual - fall) / (0.95 * usual - fall) - kelvin + warmth
    thin = capacity_factor(speed, warmth, altitude, wind=wind, surface_pressure=0.95 * usual)
    np.testing.assert_allclose(thin, capacity_factor(speed, warmer, altitude, wind=wind), rtol=0, atol=1e-9)
    assert thin.sum() < 0.99 * output.sum()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_usual_pressure_that_is_given_gives_the_same_bits_as_none(dtype):
    """Without a given pressure two loops are one."""
    speed, warmth, altitude = weather_of(3, 3000)
    speed, warmth, wind = speed.astype(dtype), warmth.astype(dtype), farm("NREL_6MW_196", density_correction="iec")
    usual = alt2pres(altitude)[:, None] * np.ones((3, 3000))
    given = capacity_factor(speed, warmth, altitude, wind=wind, surface_pressure=usual)
    assert given.tobytes() == capacity_factor(speed, warmth, altitude, wind=wind).tobytes()


@pytest.mark.parametrize(
    ("factor", "said"), [(0.01, "Expected surface_pressure of 40000 to 110000 Pa"), (1.25, "not that reduced to sea level")]
)
def test_pressure_that_is_not_the_ground_s_is_refused(factor, said):
    speed, warmth, altitude = weather_of(2, 100)
    pressure = alt2pres(altitude)[:, None] * np.ones((2, 100)) * factor
    altitude[:] = 2000.0
    pressure[:] = alt2pres(2000.0) * factor
    with pytest.raises(UnitsError, match=said) as caught:
        capacity_factor(speed, warmth, altitude, wind=farm("NREL_6MW_196"), surface_pressure=pressure)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "value", "said"), [("speed", 60.5, "wind_speed_100m of 0 to 60"), ("speed", -0.1, "found -0.1"),
                                                     ("warmth", 290.0, "temp_air of -90 to 70 degC, found 290")])  # fmt: skip
def test_a_single_implausible_hour_is_refused(name, value, said, dtype):
    speed, warmth, altitude = weather_of(2, 1500)
    arrays = {"speed": speed.astype(dtype), "warmth": warmth.astype(dtype)}
    arrays[name][1, 1499] = value
    with pytest.raises(UnitsError, match=said):
        capacity_factor(arrays["speed"], arrays["warmth"], altitude, wind=farm("NREL_6MW_196"))


@given(speed=st.floats(0, 60), altitude=st.floats(0, 4000), climb=st.floats(0, 1000), warmer=st.floats(0, 20))
def test_less_density_never_gives_more_on_a_rising_curve(speed, altitude, climb, warmer):
    """True of curves that never fall; the cut-out depends on the wind alone. Float32 rounds to 2e-6."""
    for way in ("iec", "svenningsen"):
        wind = farm("windpowerlib:E-126/4200", density_correction=way)
        thick, thin = (
            capacity_factor(np.full((1, 1), speed, np.float32), np.full((1, 1), t, np.float32), np.array([z]), wind=wind)[0, 0]
            for t, z in ((0.0, altitude), (warmer, altitude + climb))
        )
        assert thin <= thick + 2e-6


@settings(max_examples=30)
@given(st.lists(st.floats(0.02, 3.0), min_size=5, max_size=30), st.just(0.0) | st.floats(0.05, 4), st.data())
def test_bins_hold_any_curve_exactly(gaps, first, data):
    speeds = first + np.concatenate([[0.0], np.cumsum(gaps)])
    outputs = np.array([0.03, *data.draw(st.lists(st.floats(0, 1), min_size=len(gaps), max_size=len(gaps)))])
    bins = cut_into_bins(speeds, outputs, np.dtype(float))
    u = np.unique(np.concatenate([np.linspace(first, speeds[-1], 97), speeds]))
    u = np.where(u >= speeds[0], np.minimum(u, bins.end), 0.0)
    i = (u * bins.per_bin).astype(int)
    table = bins.table.reshape(-1, 4)[i]
    distance = u - table[:, 0]
    found = table[:, 1] + table[:, 2] * distance + table[:, 3] * np.maximum(distance, 0)
    expected = np.interp(u, speeds, outputs, left=0.0)
    inside = np.abs(u - speeds[0]) > 1e-9
    np.testing.assert_allclose(found[inside], expected[inside], rtol=0, atol=1e-9)
    if bins.lines.size:
        offsets, slopes = bins.lines.view(float).reshape(-1, 2).T
        np.testing.assert_allclose((offsets[i] + slopes[i] * u)[inside], expected[inside], rtol=0, atol=1e-9)


def test_even_bins_hold_steps_of_two_widths():
    curve = load_power_curve("windpowerlib:V100/1800")
    speeds, powers = (np.array(values) for values in curve.until_cut_out())
    bins = cut_into_bins(speeds, powers, np.dtype(float))
    u = np.linspace(speeds[0], bins.end, 1001)
    assert np.interp(bins.end, speeds, powers) == powers[-1]
    i = (u * bins.per_bin).astype(int)
    offsets, slopes = bins.lines.view(float).reshape(-1, 2).T
    np.testing.assert_allclose(offsets[i] + slopes[i] * u, np.interp(u, speeds, powers), rtol=1e-12)


def test_curves_with_points_too_close_are_refused():
    with pytest.raises(UnitsError, match=r"at least 0\.002 m s-1 apart, found 0\.001; thin them out"):
        cut_into_bins(np.array([0.0, 3.0, 3.001, 9.0, 12.0, 25.0]), np.linspace(0, 1, 6), np.dtype(float))


def test_the_rise_is_found_where_the_fast_way_holds():
    assert find_rise(np.arange(0.0, 25.5, 0.5)) == (7.5, 7.5, 12.5, 12.5, 0.5)
    assert find_rise(np.arange(0.0, 26.0, 1.0)) == (7.0, 8.0, 12.0, 13.0, 1.0)
    assert find_rise(np.array([0.0, 3.0, 8.0, 8.5, 12.0, 13.0])) is None
    assert find_rise(np.arange(0.0, 26.0, 2.0)) is None
    assert find_rise(np.arange(0.0, 12.0, 0.5)) is None


def test_uneven_curves_take_the_exact_way_in_float32():
    speed, warmth, altitude = weather_of(2, 2000)
    wind = farm("windpowerlib:ENO114/3500")
    assert find_rise(np.array(wind.curves[0].wind_speed)) is None
    slow = capacity_factor(speed, warmth, altitude, wind=wind)
    fast = capacity_factor(speed.astype(np.float32), warmth.astype(np.float32), altitude, wind=wind)
    clear = np.abs(speed * 1.4 ** (1 / 7) - wind.curves[0].cut_out) > 1e-4
    assert np.abs(fast - slow)[clear].max() < 3e-6


def test_exponents_outside_the_rise_are_thirds():
    assert correction_exponent(np.array([0.0, 40.0])).tolist() == [1 / 3, 2 / 3]


def test_plain_weather_of_the_tests_in_float32():
    """The rough weather that all yield tests share, from 60 S to 70 N."""
    sites = make_weather(2013, 5)
    args = [sites[name].values for name in ("wind_speed_100m", "temp_air")]
    exact = capacity_factor(*args, sites["altitude"].values, wind=WindFarm())
    fast = capacity_factor(*(values.astype(np.float32) for values in args), sites["altitude"].values, wind=WindFarm())
    assert np.mean(np.abs(fast - exact) > 1e-5) < 1e-4
    np.testing.assert_allclose(fast.mean(axis=1), exact.mean(axis=1), rtol=1e-4)


def test_output_goes_where_it_is_wanted():
    speed, warmth, altitude = weather_of(3, 50)
    out = np.empty(speed.shape)
    found = capacity_factor(speed, warmth, altitude, wind=WindFarm(), out=out)
    assert found is out
    assert out.tobytes() == capacity_factor(speed, warmth, altitude, wind=WindFarm()).tobytes()
    with pytest.raises(AlignmentError, match="Expected out as contiguous float64 of shape \\(3, 50\\), found"):
        capacity_factor(speed, warmth, altitude, wind=WindFarm(), out=out[:2])
