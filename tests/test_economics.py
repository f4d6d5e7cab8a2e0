import json

import numpy as np
import pytest
import xarray as xr
from reference.years import make_sites

from siting.demand import Load
from siting.economics import COMPONENTS, add_costs, levelised_cost
from siting.finance import CapacityCharge, CapturedExport, Finance, Tariff
from siting.supply import Supply, match_supply
from siting.vocabulary import STEPS, MissingVariableError

FINANCE = Finance(tariff=Tariff(export_price_cny_per_kwh=0.1))


@pytest.fixture(scope="module")
def matched():
    """Sized as if exports earned nothing, which the fast engine knows; their price is put on what is exported."""
    return match_supply(make_sites(), Load(), Supply(export_limit_mw=50.0), Finance())


def hand_made():
    """One site: 300 MW PV, 100 MW wind, 100 MW and 400 MWh, 100 GWh of import, 90 MW peak, 20 GWh of export."""
    mix = {
        "pv_capacity": 300.0,
        "wind_capacity": 100.0,
        "battery_power": 100.0,
        "battery_energy": 400.0,
        "matched_share": 0.875,
        "import_energy": 100e3,
        "import_price_factor": 1.0,
        "grid_capacity": 90.0,
        "electrolyser_capacity": 20.0,
        "hydrogen_tank": 5e3,
        "cut_cost": 1e6,
        "exported_energy": 20e3,
        "exported_wind_energy": 5e3,
        "line_cost": 0.0,
    }
    site = {"pv_full_load_hours": 1650.0, "wind_full_load_hours": 2800.0, "load_energy": 800e3, "grid_energy_price": 0.30}
    return xr.Dataset(
        {**{k: (("site", "target"), [[v]]) for k, v in mix.items()}, **{k: ("site", [v]) for k, v in site.items()}},
        coords={"site": [7], "target": [0.8]},
    )


def test_levelised_costs_by_hand():
    """2 900 CNY/kW, 6 %, 25 a, 45 CNY/kW a and 1 650 h: 0.1648 CNY/kWh; wind at 2 800 h: 0.144."""
    costs = add_costs(hand_made(), Finance())
    assert float(costs["pv_lcoe"][0]) == pytest.approx(0.1648, abs=1e-4)
    assert float(costs["wind_lcoe"][0]) == pytest.approx(0.144, abs=5e-4)


def test_delivered_cost_by_hand():
    costs = add_costs(hand_made(), FINANCE)
    parts = costs["cost_by_component"].isel(site=0, target=0).to_series().to_dict()
    assert parts["pv"] == pytest.approx(300e3 * 271.86 / 800e6, rel=1e-4)
    assert parts["wind"] == pytest.approx(100e3 * 402.02 / 800e6, rel=1e-4)
    assert parts["battery"] == pytest.approx((100e3 * 680 + 400e3 * 610) * (0.092357 + 0.015) / 800e6, rel=1e-4)
    assert parts["import"] == pytest.approx(100e6 * 0.365 / 800e6)
    assert parts["grid_capacity"] == pytest.approx(90e3 * 12 * 50 / 800e6)
    assert parts["export"] == pytest.approx(-20e6 * 0.1 / 800e6)
    assert parts["interruption"] == pytest.approx(1e6 / 800e6)
    assert parts["hydrogen"] == pytest.approx((20e3 * 2200 * (0.087185 + 0.025) + 5e3 * 3750 * (0.078227 + 0.01)) / 800e6, rel=1e-4)
    assert costs["delivered_cost"].item() == pytest.approx(sum(parts.values()), rel=1e-12)
    assert costs["island_cost"].item() == pytest.approx(sum(parts[name] for name in COMPONENTS[:4]) / 0.875, rel=1e-12)


def test_declared_variables_and_components(matched):
    costs = add_costs(matched, FINANCE)
    assert costs["component"].to_numpy().tolist() == list(COMPONENTS)
    assert all(name in costs for name in STEPS["add_costs"].adds)
    assert "delivered_cost" not in matched
    np.testing.assert_allclose(costs["cost_by_component"].sum("component", skipna=False), costs["delivered_cost"], rtol=1e-12)


def test_unknown_grid_price_is_not_free_power(matched):
    costs = add_costs(matched, FINANCE)
    assert costs["delivered_cost"].pipe(np.isnan).all("target").to_numpy().tolist() == [False, False, True]
    assert costs["island_cost"].pipe(np.isfinite).all()
    assert costs["pv_lcoe"].pipe(np.isfinite).all()


def test_a_price_of_the_study_is_the_price_of_imports():
    """Tibet has no benchmark: a price that the study gives for it makes a cost, and none makes none."""
    site = hand_made().assign(province=("site", [1], {"iso_3166_2": "CN-QH CN-XZ"}), grid_energy_price=("site", [np.nan]))
    assert np.isnan(add_costs(site, Finance())["import_price"].item())
    priced = add_costs(site, Finance(tariff=Tariff(import_prices_cny_per_kwh={"CN-XZ": 0.4})))
    assert priced["import_price"].item() == 0.4
    assert priced["cost_by_component"].sel(component="import").item() == pytest.approx(100e6 * 0.4 / 800e6)
    assert add_costs(hand_made(), Finance())["import_price"].item() == pytest.approx(0.365)


def test_costs_say_what_they_leave_out_and_which_charges_are_guesses():
    usual = json.loads(add_costs(hand_made(), Finance()).attrs["warnings"])
    assert usual[0] == (
        "Costs, in CNY of 2024, leave out land rent, lines from plants to park and the yearly ageing of modules and turbines."
    )
    assert "(0.065 CNY/kWh and 50 CNY per kW and month) are expert figures of low confidence" in usual[1]
    captured = Finance(tariff=Tariff(captured_export=CapturedExport()))
    assert json.loads(add_costs(hand_made(), captured).attrs["warnings"])[2].startswith(
        "The prices that exports fetch (0.5 of the energy price for PV and 0.8 of the energy price for wind) are expert figures"
    )
    own = Finance(connection_capex_cny_per_kw=100, tariff=Tariff(grid_charge_cny_per_kwh=0.05, capacity_charge_cny_per_kw_month=38))
    assert json.loads(add_costs(hand_made(), own).attrs["warnings"]) == [
        "Costs, in CNY of 2024, leave out land rent and the yearly ageing of modules and turbines."
    ]


def test_captured_prices_are_of_what_each_plant_exports():
    """15 GWh of PV at half of 0.30, and 5 GWh of wind at 0.9 of it."""
    tariff = Tariff(captured_export=CapturedExport(pv_factor=0.5, wind_factor=0.9))
    export = add_costs(hand_made(), Finance(tariff=tariff))["cost_by_component"].sel(component="export").item()
    assert export == pytest.approx(-(15e6 * 0.15 + 5e6 * 0.27) / 800e6)


def test_the_formula_of_document_1192_and_the_lack_of_a_grid_set_the_capacity_charge():
    formula = Finance(tariff=Tariff(capacity_formula=CapacityCharge()))
    costs = add_costs(hand_made(), formula)
    assert costs["cost_by_component"].sel(component="grid_capacity").item() == pytest.approx(90e3 * 12 * (35 + 0.06 * 0.6 * 730) / 800e6)
    assert "0.065 CNY/kWh and 35 CNY per kW and month and 0.06 CNY/kWh and 0.6" in json.loads(costs.attrs["warnings"])[1]
    island = add_costs(hand_made(), Finance(tariff=Tariff(grid_connected=False)))
    assert island["cost_by_component"].sel(component="grid_capacity").item() == 0
    assert len(json.loads(island.attrs["warnings"])) == 1


def test_lazy_equals_eager(matched):
    xr.testing.assert_identical(add_costs(matched.chunk(site=2), FINANCE).compute(), add_costs(matched, FINANCE))


def test_total_cost_rises_with_the_target(matched):
    """Without the capacity charge and exports, which don't steer the search."""
    costs = add_costs(matched, Finance(tariff=Tariff(capacity_charge_cny_per_kw_month=0)))
    assert (costs["delivered_cost"].isel(site=[0, 1]).diff("target") >= 0).all()


@pytest.mark.parametrize("dearer", ["capacity_charge_cny_per_kw_month", "grid_charge_cny_per_kwh"])
def test_dearer_tariff_costs_more(dearer):
    costs = [add_costs(hand_made(), Finance(tariff=Tariff(**{dearer: value})))["delivered_cost"].item() for value in (0.0, 0.5, 1.0)]
    assert costs == sorted(set(costs))


def test_no_output_has_no_levelised_cost():
    hours = xr.DataArray([1000.0, 0.0, np.nan], dims="site")
    np.testing.assert_array_equal(levelised_cost(250.0, hours), [0.25, np.nan, np.nan])


def test_missing_supply_is_named():
    with pytest.raises(MissingVariableError, match=r"add_costs needs grid_capacity;.*Run the step"):
        add_costs(hand_made().drop_vars("grid_capacity"), FINANCE)
