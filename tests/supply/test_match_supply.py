import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import ValidationError

from siting.demand import Load
from siting.economics import add_costs
from siting.finance import Finance
from siting.supply import Storage, Supply, match_supply
from siting.vocabulary import STEPS, VARIABLES, AlignmentError, MissingVariableError, StudyError, UnitsError

DEFAULT = (Load(), Supply(), Finance())


def test_adds_what_it_declares_and_drops_time(sites):
    before = sites.copy(deep=True)
    matched = match_supply(sites, *DEFAULT)
    xr.testing.assert_identical(sites, before)
    assert "time" not in matched.dims
    assert matched.attrs["hours"] == 8760
    assert matched["target"].to_numpy().tolist() == [0.8, 0.9]
    assert matched["month"].to_numpy().tolist() == list(range(1, 13))
    for name in STEPS["match_supply"].adds:
        assert matched[name].dtype == np.float64
        assert matched[name].attrs.get("units", "") == VARIABLES[name].unit
        if name not in ("import_carbon_free_energy", "import_emissions"):  # unknown without the grid's feed-in
            assert matched[name].pipe(np.isfinite).all()
    assert (matched["load_energy"] == 876_000.0).all()
    assert (matched["matched_share"] >= matched["target"] - 1e-8).all()
    assert float(matched["balance_residual"].max()) < 1e-9


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_blocks_give_the_same_bits(sites, chunk):
    eager = match_supply(sites, Load(profile="two_shift"), Supply(), Finance())
    lazy = match_supply(sites.chunk(site=chunk), Load(profile="two_shift"), Supply(), Finance())
    assert lazy["pv_capacity"].chunks is not None
    xr.testing.assert_identical(eager, lazy.compute())
    alone = xr.concat(
        [match_supply(sites.isel(site=[k]), Load(profile="two_shift"), Supply(), Finance()) for k in range(3)], "site", data_vars="minimal"
    )
    xr.testing.assert_identical(eager, alone)


def test_full_load_hours_and_months(sites):
    matched = match_supply(sites, *DEFAULT)
    np.testing.assert_allclose(matched["pv_full_load_hours"], sites["pv_capacity_factor"].sum("time"), rtol=1e-12)
    expected = sites["wind_capacity_factor"].groupby("time.month").mean().transpose("site", "month")
    np.testing.assert_allclose(matched["wind_capacity_factor_monthly"], expected, rtol=1e-12)


def test_leap_year_has_8784_hours(sites):
    leap = xr.concat([sites, sites.isel(time=slice(24))], "time", data_vars="minimal")
    leap = leap.assign_coords(time=pd.date_range("2016-01-01", periods=8784, freq="h")).transpose("site", "time")
    matched = match_supply(leap, *DEFAULT)
    assert matched.attrs["hours"] == 8784
    assert (matched["load_energy"] == 878_400.0).all()


def years_of(sites, *years):
    """The same weather in each of several years; a leap day repeats the first day."""
    parts = []
    for year in years:
        hours = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", inclusive="left")
        parts.append(sites.isel(time=np.arange(hours.size) % 8760).assign_coords(time=hours))
    return xr.concat(parts, "time", data_vars="minimal").transpose("site", "time")


def test_a_year_twice_is_that_year(sites):
    """Its sums to rounding, and its costs within the gap."""
    given = (Load(), Supply(tolerance=1e-6), Finance())
    one, two = (match_supply(years_of(sites, *years), *given) for years in ((2013,), (2013, 2015)))
    assert one.attrs["hours"] == two.attrs["hours"] == 8760
    for name in ("pv_full_load_hours", "wind_full_load_hours", "pv_capacity_factor_monthly", "load_energy", "load_energy_monthly"):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-12, err_msg=name)
    costs = [add_costs(table, Finance())["delivered_cost"][:2] for table in (one, two)]
    np.testing.assert_allclose(*costs, rtol=1e-6)
    np.testing.assert_allclose(two["matched_share_worst_year"], two["matched_share"], rtol=1e-9)
    assert (one["matched_share_worst_year"] == one["matched_share"]).all()


def test_of_several_years_sums_are_means_and_a_leap_year_is_longer(sites):
    both = match_supply(years_of(sites, 2015, 2016), *DEFAULT)
    assert both.attrs["hours"] == 8772
    assert (both["load_energy"] == 877_200.0).all()
    np.testing.assert_allclose(both["load_energy_monthly"].sum("month"), 877_200.0, rtol=1e-12)
    np.testing.assert_allclose(both["import_energy_monthly"].sum("month"), both["import_energy"], rtol=1e-12)
    np.testing.assert_allclose(both["generation_monthly"].sum("month"), both["generation"], rtol=1e-12)
    made = both["pv_capacity"] * both["pv_full_load_hours"] + both["wind_capacity"] * both["wind_full_load_hours"]
    np.testing.assert_allclose(made.transpose("site", "target"), both["generation"], rtol=1e-12)
    assert (both["matched_share_worst_year"] <= both["matched_share"]).all()
    assert (both["matched_share_worst_year"] >= both["matched_share"] - 0.01).all()


def test_gaps_between_hours_are_no_years(sites):
    both = years_of(sites, 2013, 2014)
    for part in (both.isel(time=slice(8761)), both.isel(time=np.r_[8760:17520, :8760]), both.isel(time=slice(100, None))):
        with pytest.raises(AlignmentError, match="select whole years"):
            match_supply(part, *DEFAULT)
    free = Load(flexibility={"annual_energy": {"share": 0.2}})
    with pytest.raises(StudyError, match="one year of weather where only the annual energy"):
        match_supply(both, free, *DEFAULT[1:])


def test_land_caps_the_plants(sites):
    sites["wind_land_fraction"][:] = [0.0, 0.01, 0.5]
    matched = match_supply(sites, *DEFAULT)
    assert (matched["wind_capacity"].sel(site=4) == 0).all()
    assert (matched["wind_capacity"].sel(site=9) <= 0.01 * 625 * 4 * (1 + 1e-12)).all()


def test_unknown_land_is_not_free_land(sites):
    sites["pv_land_fraction"][1] = np.nan
    matched = match_supply(sites, *DEFAULT)
    assert matched["pv_capacity"].pipe(np.isnan).any("target").to_numpy().tolist() == [False, True, False]


def test_one_site_without_weather_leaves_the_others(sites):
    whole = match_supply(sites, *DEFAULT)
    sites["wind_capacity_factor"][1, 5000] = np.nan
    matched = match_supply(sites, *DEFAULT)
    assert matched["matched_share"].pipe(np.isnan).all("target").to_numpy().tolist() == [False, True, False]
    xr.testing.assert_identical(matched.isel(site=[0, 2]), whole.isel(site=[0, 2]))


def test_bad_axes_and_units_are_refused_in_one_line(sites):
    for part in (sites.isel(time=slice(8759)), sites.isel(time=slice(None, None, -1)), sites.isel(time=slice(0))):
        with pytest.raises(AlignmentError, match=r"one calendar year, or of several.*select whole years") as error:
            match_supply(part, *DEFAULT)
        assert "\n" not in str(error.value)
    for factor in (100.0, -1.0):
        with pytest.raises(UnitsError, match=r"pv_capacity_factor of 0 to 1\.5"):
            match_supply(sites.assign(pv_capacity_factor=factor * sites["pv_capacity_factor"]), *DEFAULT)
    with pytest.raises(MissingVariableError, match="cell_area"):
        match_supply(sites.drop_vars("cell_area"), *DEFAULT)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Supply, {"targets": (0.8, 1.01)}),
        (Supply, {"targets": (90,)}),
        (Supply, {"targets": (0.9, 0.8)}),
        (Supply, {"targets": (0.8, 0.8)}),
        (Supply, {"targets": ()}),
        (Supply, {"targets": (0,)}),
        (Supply, {"max_overbuild": 0}),
        (Supply, {"export_limit_mw": -1}),
        (Supply, {"target": (0.9,)}),
        (Storage, {"round_trip_efficiency": 86}),
        (Storage, {"round_trip_efficiency": float("nan")}),
        (Storage, {"minimum_state_of_charge": 1}),
    ],
)
def test_values_out_of_bounds_are_refused(model, values):
    with pytest.raises(ValidationError):
        model(**values)


def test_imports_take_the_carbon_of_their_hour(sites):
    hours = sites.sizes["time"]
    share = np.stack([np.linspace(0, 1, hours), np.full(hours, 0.5)])
    fed = sites.assign(
        grid_zone_index=("site", [1, 1, -1]),
        grid_carbon_free_share_hourly=(("grid_zone", "time"), share),
        grid_emission_factor_hourly=(("grid_zone", "time"), 0.8 * (1 - share)),
    )
    matched = match_supply(fed, *DEFAULT)
    np.testing.assert_allclose(matched["import_carbon_free_energy"][:2], 0.5 * matched["import_energy"][:2], rtol=1e-12)
    np.testing.assert_allclose(matched["import_emissions"][:2], 0.4 * matched["import_energy"][:2], rtol=1e-12)
    assert matched["import_emissions"][2].pipe(np.isnan).all()
    zoned = match_supply(fed.assign(grid_zone_index=("site", [0, 0, 0])), *DEFAULT)
    lost = zoned["import_carbon_free_energy"] + zoned["import_emissions"] / 0.8
    np.testing.assert_allclose(lost, zoned["import_energy"], rtol=1e-12)
