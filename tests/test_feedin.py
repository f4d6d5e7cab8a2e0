"""Feed-in of the public grid: pinned to the statistics, physical in every hour, and held to a year that it has not seen."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from siting.catalog import open_entry
from siting.catalog.series import open_series
from siting.feedin import Feedin, add_feedin, figures, generation, model_hours
from siting.feedin.hours import calendar_hours, generation_hours
from siting.feedin.load_shape import festival, load_shape, term_names
from siting.feedin.regions import region_of, regions
from siting.region import PROVINCES
from siting.vocabulary import AlignmentError, CatalogError, StudyError, UnitsError
from siting.weather_hours import year_hours

CODES = list(PROVINCES)
AT = {code: number for number, code in enumerate(CODES)}
TABLE = open_entry("provinces").reindex(CODES)


def hours_of(year):
    return year_hours(year).astype("datetime64[h]")


@cache
def hours_with(feedin, year):
    return model_hours(feedin, hours_of(year))


@pytest.fixture(scope="module")
def modelled():
    return {year: generation(Feedin(year=year), hours_of(year)) for year in figures.YEARS}


@pytest.mark.parametrize("year", figures.YEARS)
def test_hours_integrate_to_the_official_share_of_every_province(modelled, year):
    _, _, hours = modelled[year]
    total = sum(hours.values())
    share = 1 - hours["thermal"].sum(axis=1) / total.sum(axis=1)
    official = TABLE[[f"hydro_share_{year}", f"wind_solar_share_{year}", f"nuclear_share_{year}"]].sum(axis=1).to_numpy()
    assert share.size == 31
    np.testing.assert_allclose(share, official, rtol=0, atol=1e-9)
    np.testing.assert_allclose(total.sum(axis=1), TABLE[f"generation_{year}"], rtol=1e-9)
    np.testing.assert_allclose(hours["hydro"].sum(axis=1), TABLE[f"hydro_share_{year}"] * TABLE[f"generation_{year}"], rtol=1e-9)


@pytest.mark.parametrize("year", figures.YEARS)
def test_no_source_is_ever_negative(modelled, year):
    assert all(values.min() >= 0 for values in modelled[year][2].values())


@pytest.mark.parametrize(("year", "boundary"), [(2021, "province"), (2022, "province"), (2023, "regional_grid"), (2022, "country")])
def test_hours_integrate_to_the_published_factor(year, boundary):
    hours = hours_with(Feedin(year=year, boundary=boundary), year)
    np.testing.assert_allclose(hours.annual_factor, figures.official_factors(year, boundary), rtol=0, atol=1e-9)


@pytest.mark.parametrize("boundary", ["province", "regional_grid", "country"])
def test_every_hour_is_a_share(boundary):
    hours = hours_with(Feedin(boundary=boundary, count_hydro=False, claimed_share=0.6), 2022)
    for values in (hours.carbon_free, hours.renewable):
        assert values.min() >= 0
        assert values.max() <= 1
    assert (hours.renewable <= hours.carbon_free + 1e-12).all()
    assert (hours.error > 0).all()


def test_unknown_factor_of_tibet_is_never_zero():
    for year in figures.YEARS:
        hours = hours_with(Feedin(year=year), year)
        assert np.isnan(hours.factor[AT["CN-XZ"]]).all()
        assert np.isnan(hours.annual_factor[AT["CN-XZ"]])
        assert (np.delete(hours.annual_factor, AT["CN-XZ"]) > 0).all()


def test_the_sun_does_not_shine_at_night(modelled):
    _, _, hours = modelled[2022]
    local = (hours_of(2022) + np.timedelta64(8, "h")).astype(int) % 24
    # solar midnight is at 0 h in the east and at 3 h in the west
    for code, night in (("CN-SH", (22, 23, 0, 1, 2)), ("CN-QH", (23, 0, 1, 2, 3)), ("CN-XJ", (1, 2, 3, 4))):
        assert hours["solar"][AT[code]][np.isin(local, night)].max() == 0


@pytest.mark.parametrize("code", ["CN-YN", "CN-SC"])
def test_hydro_is_higher_in_summer(modelled, code):
    times, hydro = hours_of(2022), modelled[2022][2]["hydro"][AT[code]]
    month = times.astype("datetime64[M]").astype(int) % 12 + 1
    summer, winter = (hydro[np.isin(month, months)].mean() for months in ((7, 8, 9), (1, 2, 3)))
    assert summer > 1.5 * winter


def test_qinghai_is_carbon_free_by_day_more_than_by_night(modelled):
    share = hours_with(Feedin(), 2022).carbon_free[AT["CN-QH"]]
    local = (hours_of(2022) + np.timedelta64(8, "h")).astype(int) % 24
    assert share[local == 14].mean() > share[local == 4].mean() + 0.1


def test_effective_fossil_factor_is_that_of_coal_and_gas():
    """Published factor over the fossil share of what is delivered, imports included: between gas and old coal in every province."""
    hours = hours_with(Feedin(), 2022)
    effective = np.delete(hours.annual_factor / (1 - hours.annual_carbon_free), AT["CN-XZ"])
    assert effective.min() > 0.35
    assert effective.max() < 1.05
    assert np.median(effective) == pytest.approx(0.8325, rel=0.1)


#: Real shares of the year before, capacities of both years: the year that follows is not looked at.
def predicted(base, year):
    mix = open_entry("power_mix").reindex(CODES)

    def growth(kind):
        after, before = (mix[f"{kind}_capacity_{y}"] + mix[f"{kind}_capacity_{y - 1}"] for y in (year, base))
        return (after / before).to_numpy()

    start = figures.official_year(base)
    clean = start.clean["hydro"] + start.clean["nuclear"] + sum(start.clean[k] * growth(k) for k in ("wind", "solar"))
    return clean / (start.generation * TABLE[f"consumption_{year}"].to_numpy() / start.consumption)


def test_share_of_2023_is_predicted_from_2022():
    """Half of the provinces within 2 points; dry rivers of 2023 are what a prediction can't know."""
    error = predicted(2022, 2023) - figures.official_year(2023).carbon_free_share
    hydro = figures.official_year(2022).clean["hydro"] / figures.official_year(2022).generation
    assert np.median(np.abs(error)) < 0.02
    assert np.abs(error[hydro < 0.1]).max() < 0.06
    assert np.corrcoef(predicted(2022, 2023), figures.official_year(2023).carbon_free_share)[0, 1] > 0.97


def test_hydro_out_leaves_the_third_of_qinghai_that_can_be_bought():
    hours = hours_with(Feedin(year=2021, count_hydro=False), 2021)
    assert hours.annual_carbon_free[AT["CN-QH"]] == pytest.approx(0.344, abs=0.03)
    with_hydro = hours_with(Feedin(year=2021), 2021)
    assert with_hydro.annual_carbon_free[AT["CN-QH"]] == pytest.approx(0.845, abs=0.05)
    np.testing.assert_array_equal(hours.factor, with_hydro.factor)


def test_nuclear_out_touches_only_its_customers():
    out, usual = (hours_with(Feedin(count_nuclear=switch), 2022) for switch in (False, True))
    fall = usual.annual_carbon_free - out.annual_carbon_free
    assert fall[AT["CN-FJ"]] == pytest.approx(0.283, abs=0.01)
    assert fall[AT["CN-QH"]] == 0


def test_claimed_power_leaves_the_mix_as_in_a_residual_mix():
    """100 MWh, 40 of them green, 30 claimed: 10 of 70 remain and the factor rises from 0.48 to 48/70."""
    from siting.feedin.hours import counted

    one = np.ones((1, 1))
    hours = {"hydro": 0 * one, "nuclear": 0 * one, "wind": 40 * one, "solar": 0 * one, "thermal": 60 * one}
    kept, total = counted(hours, figures.SOURCES, 0.75)
    assert kept.item() / total.item() == pytest.approx(10 / 70)
    assert 0.8 * (1 - kept.item() / total.item()) == pytest.approx(0.6857, abs=5e-5)


@pytest.mark.parametrize(("drought", "loss"), [("moderate", 0.15), ("severe", 0.3)])
def test_drought_takes_hydro_and_thermal_plants_give_it(drought, loss):
    usual, dry = (generation(Feedin(drought=name), hours_of(2022)) for name in ("none", drought))
    np.testing.assert_allclose(dry[2]["hydro"].sum(axis=1), (1 - loss) * usual[2]["hydro"].sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(sum(dry[2].values()).sum(axis=1), sum(usual[2].values()).sum(axis=1), rtol=1e-9)
    factors = [hours_with(Feedin(drought=name), 2022).annual_factor[AT["CN-SC"]] for name in ("none", drought)]
    assert factors[1] > factors[0] * 1.3


def test_scenario_scales_capacities_and_refuses_more_than_all():
    grown, usual = hours_with(Feedin(solar_scale=2.0, demand_scale=1.2), 2022), hours_with(Feedin(), 2022)
    assert grown.annual_carbon_free[AT["CN-SD"]] > usual.annual_carbon_free[AT["CN-SD"]]
    with pytest.raises(StudyError, match=r"at most all generation in each province, found 1\d\d% of it in .*; lower the scales"):
        hours_with(Feedin(hydro_scale=3.0), 2022)


@given(
    wind=st.floats(0, 0.4), solar=st.floats(0, 0.3), hydro=st.floats(0, 0.2), flexibility=st.floats(0, 1), least=st.floats(0, 0.9),
    balance=st.floats(0.5, 2), seed=st.integers(0, 2**31),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_mix_closes(wind, solar, hydro, flexibility, least, balance, seed):
    random, count = np.random.default_rng(seed), 240
    energy = {"hydro": hydro, "nuclear": 0.05, "wind": wind, "solar": solar}
    year = figures.Year({name: np.array([value]) for name, value in energy.items()}, np.array([1.0]), np.array([balance]))
    load = random.random((1, count)) + 0.1
    hours = generation_hours(
        year,
        load / load.sum(),
        {"wind": random.random((1, count)), "solar": random.random((1, count))},
        (np.array([[0.25, 0.75, *([0.0] * 10)]]), np.repeat([0, 1], count // 2)),
        hydro_flexibility=flexibility,
        minimum_thermal=least,
    )
    for name, value in (energy | {"thermal": 1 - sum(energy.values())}).items():
        assert hours[name].min() >= 0
        assert hours[name].sum() == pytest.approx(value, abs=1e-12)


def test_leap_years_repeat_a_day():
    numbers = calendar_hours(hours_of(2024))
    assert numbers.max() == 8759
    assert (numbers[59 * 24 : 60 * 24] == numbers[58 * 24 : 59 * 24]).all()
    assert (calendar_hours(hours_of(2022)) == np.arange(8760)).all()


def test_load_shape_keeps_weekends_evenings_and_the_festival():
    coefficients = open_entry("load_shapes").reindex(CODES)[term_names()].to_numpy()
    times = hours_of(2022)
    shape = load_shape(coefficients, times)
    np.testing.assert_allclose(shape.sum(axis=1), 1, rtol=1e-12)
    assert shape.min() > 0
    local = pd.DatetimeIndex(times + np.timedelta64(8, "h"))
    jiangsu = shape[AT["CN-JS"]]
    assert jiangsu[local.day_of_week == 6].mean() < jiangsu[local.day_of_week == 2].mean()
    assert jiangsu[(local.month == 2) & (local.day < 6)].mean() < jiangsu[(local.month == 1) & (local.day < 20)].mean()
    assert festival(np.array(["2022-02-03T12"], dtype="datetime64[h]")).item() == pytest.approx(1)


def sites(codes=("CN-QH", "CN-NM", "CN-XZ", "CN-QH"), year=2013):
    index = [AT[code] for code in codes]
    data = xr.Dataset({"province": ("site", index, {"iso_3166_2": " ".join(CODES)})}, coords={"site": np.arange(len(codes))})
    return data.assign_coords(time=year_hours(year))


def test_step_looks_up_by_province_and_says_that_it_is_modelled():
    data = sites()
    before = data.copy(deep=True)
    result = add_feedin(data, Feedin())
    xr.testing.assert_identical(data, before)
    hourly = result["grid_carbon_free_share_hourly"]
    assert hourly.dims == ("grid_zone", "time")
    assert hourly.shape == (31, 8760)
    assert "modelled, not measured" in hourly.attrs["long_name"]
    zones = result["grid_zone_index"].attrs["grid_zones"].split(" ")
    assert [zones[k] for k in result["grid_zone_index"].values] == ["CN-QH", "CN-NM", "CN-XZ", "CN-QH"]
    assert result["feedin_emission_factor"].values[:2] == pytest.approx([0.1567, 0.6849], abs=1e-9)
    assert np.isnan(result["feedin_emission_factor"].values[2])
    assert any("modelled, not measured" in text for text in json.loads(result.attrs["warnings"]))
    assert {"power_mix", "load_shapes", "fleet_profiles"} <= {item["id"] for item in json.loads(result.attrs["sources"])}


def test_feedin_does_not_change_with_the_extent_of_the_study():
    many, one = add_feedin(sites(), Feedin()), add_feedin(sites(("CN-NM",)), Feedin())
    xr.testing.assert_equal(many["grid_carbon_free_share_hourly"], one["grid_carbon_free_share_hourly"])
    assert many["feedin_carbon_free_share"].values[1] == one["feedin_carbon_free_share"].values[0]


def test_regional_boundary_serves_the_mix_of_the_region():
    result = add_feedin(sites(), Feedin(boundary="regional_grid"))
    assert result["feedin_emission_factor"].values == pytest.approx([0.5857, 0.6776, 0.2268, 0.5857], abs=1e-9)


@pytest.mark.parametrize("year", [2021, 2022, 2023])
def test_regional_grids_are_the_sums_of_their_provinces(year):
    """The hourly factors of the provinces meet the seven factors of the ministry within 4 %, in the south-west within 11 %."""
    grids, official = regions(year), figures.official_year(year)
    assert list(grids) == list(figures.REGIONS)
    assert sorted(code for grid in grids.values() for code in grid.members) == sorted(PROVINCES)
    assert sum(grid.generation for grid in grids.values()) == pytest.approx(official.generation.sum(), rel=1e-9)
    for name, grid in grids.items():
        places = [list(PROVINCES).index(code) for code in grid.members]
        energy = official.generation[places]
        assert sum(grid.shares.values()) == pytest.approx(1, abs=1e-12)
        assert grid.carbon_free_share == pytest.approx((official.carbon_free_share[places] * energy).sum() / energy.sum(), abs=1e-9)
        assert grid.renewable_share == pytest.approx(grid.carbon_free_share - grid.shares["nuclear"])
        assert grid.factor == figures.REGIONAL_FACTORS[year][list(figures.REGIONS).index(name)]
        band = 0.11 if name == "southwest" else 0.04
        assert grid.factor_by_consumption == pytest.approx(grid.factor, rel=band)
        assert (grid.known_share < 1) == ("CN-XZ" in grid.members)
    assert grids["southwest"].factor_by_generation < grids["southwest"].factor_by_consumption
    assert region_of("CN-QH", year).name == "northwest"


def test_part_of_a_year_is_refused():
    with pytest.raises(AlignmentError, match="8760 hours of 2013"):
        add_feedin(sites().isel(time=slice(100)), Feedin())
    with pytest.raises(AlignmentError, match="add the weather first"):
        add_feedin(sites().drop_vars("time"), Feedin())


def own_table(year=2013, **changes):
    frame = pd.DataFrame({"time": year_hours(year), "grid_zone": "CN-QH", "carbon_free_share": 0.7, "emission_factor": 0.2})
    return frame.assign(**changes)


def test_own_hours_replace_the_modelled_ones(tmp_path):
    own_table().to_csv(tmp_path / "own.csv", index=False)
    result = add_feedin(sites(), Feedin(path=str(tmp_path / "own.csv")))
    assert result["feedin_carbon_free_share"].values[0] == pytest.approx(0.7)
    assert np.isnan(result["feedin_carbon_free_share"].values[1])
    assert np.isnan(result["feedin_renewable_share"].values[0])
    assert any("user's own" in text for text in json.loads(result.attrs["warnings"]))
    open_series(tmp_path / "own.csv").to_netcdf(tmp_path / "own.nc", engine="h5netcdf")
    again = add_feedin(sites(), Feedin(path=str(tmp_path / "own.nc")))
    xr.testing.assert_equal(again["grid_emission_factor_hourly"], result["grid_emission_factor_hourly"])


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"carbon_free_share": 1.2}, UnitsError, "Expected carbon_free_share of 0 to 1 in own.csv, found .* to 1.2; per cent"),
        ({"carbon_free_share": -0.1}, UnitsError, "found -0.1"),
        ({"emission_factor": 570.0}, UnitsError, "g/kWh is divided by 1000"),
        ({"renewable_share": 0.9}, UnitsError, "at most carbon_free_share"),
        ({"grid_zone": "Qinghai"}, StudyError, "found 'Qinghai'; write codes"),
        ({"carbon_free_share": "many"}, CatalogError, "can't be read"),
    ],
)
def test_bad_own_hours_are_refused(tmp_path, change, error, match):
    own_table(**change).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(error, match=match) as caught:
        add_feedin(sites(), Feedin(path=str(tmp_path / "own.csv")))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (own_table(2014), AlignmentError, "8760 hours of 2013"),
        (own_table().drop(index=100), AlignmentError, "a gap of 2 hours"),
        (pd.concat([own_table(), own_table().iloc[:1]]), CatalogError, "each hour once"),
        (own_table().drop(columns="carbon_free_share"), CatalogError, "found no carbon_free_share"),
    ],
)
def test_bad_own_calendars_are_refused(tmp_path, table, error, match):
    table.to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(error, match=match):
        add_feedin(sites(), Feedin(path=str(tmp_path / "own.csv")))


def test_bad_parameters_are_refused():
    for bad in ({"year": 2020}, {"claimed_share": 1.0}, {"drought": "wet"}, {"wind_scale": -1}, {"boundary": "site"}, {"yaer": 2022}):
        with pytest.raises(ValidationError):
            Feedin(**bad)


def test_fleet_profiles_stay_small():
    from siting import catalog

    assert (catalog.root() / "files" / "fleet_profiles.nc.gz").stat().st_size < 1.2e6
