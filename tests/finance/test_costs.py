import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from siting.finance import BatteryCosts, Finance, PVCosts, Tariff, WindCosts, capital_recovery_factor, import_price
from siting.vocabulary import AlignmentError, MissingVariableError, StudyError


def test_capital_recovery_factor_of_the_literature():
    """6 % and 25 years: 0.07823; and a loan table, 10 % and 5 years: 0.26380."""
    assert capital_recovery_factor(0.06, 25) == pytest.approx(0.07823, abs=5e-6)
    assert capital_recovery_factor(0.10, 5) == pytest.approx(0.26380, abs=5e-6)


@given(st.floats(0, 0.3), st.integers(1, 60))
def test_payments_repay_the_capital(rate, years):
    payment = capital_recovery_factor(rate, years)
    assert sum(payment / (1 + rate) ** k for k in range(1, years + 1)) == pytest.approx(1.0, rel=1e-9)


def test_no_interest_is_straight_repayment():
    assert capital_recovery_factor(0.0, 25) == 1 / 25
    assert capital_recovery_factor(1e-12, 25) == pytest.approx(1 / 25, rel=1e-9)


@pytest.mark.parametrize(("rate", "years"), [(6, 25), (-0.01, 25), (float("nan"), 25), (0.06, 0), (0.06, float("nan"))])
def test_rates_and_lifetimes_out_of_range_are_refused(rate, years):
    with pytest.raises(StudyError, match="Expected a"):
        capital_recovery_factor(rate, years)


def test_annual_costs_of_the_defaults():
    """2 900 and 4 500 CNY/kW at 6 % over 25 years: 272 and 402 CNY/kW a; PV at 1 650 h costs 0.1648 CNY/kWh."""
    costs = Finance().annual_costs()
    assert costs.pv_cny_per_kw == pytest.approx(272, abs=0.2)
    assert costs.wind_cny_per_kw == pytest.approx(402, abs=0.1)
    assert costs.pv_cny_per_kw / 1650 == pytest.approx(0.1648, abs=1e-4)
    assert costs.wind_cny_per_kw / 2800 == pytest.approx(0.144, abs=5e-4)
    assert costs.battery_energy_cny_per_kwh == pytest.approx(610 * (0.092357 + 0.015), rel=1e-4)
    assert costs.battery_power_cny_per_kw / costs.battery_energy_cny_per_kwh == pytest.approx(680 / 610)


def test_battery_split_gives_the_turnkey_prices():
    """0.95 CNY/Wh at 2 h and 0.78 CNY/Wh at 4 h."""
    book = BatteryCosts()
    for hours, price in ((2, 950), (4, 780)):
        assert book.energy_capex_cny_per_kwh + book.power_capex_cny_per_kw / hours == pytest.approx(price)


def test_connection_is_paid_by_plants_over_40_years():
    base, linked = Finance().annual_costs(), Finance(connection_capex_cny_per_kw=1_000).annual_costs()
    line = 1_000 * capital_recovery_factor(0.06, 40)
    assert linked.pv_cny_per_kw - base.pv_cny_per_kw == pytest.approx(line)
    assert linked.wind_cny_per_kw - base.wind_cny_per_kw == pytest.approx(line)
    assert linked.battery_power_cny_per_kw == base.battery_power_cny_per_kw


def provinces():
    index = xr.DataArray([0, 1, 2], dims="site", attrs={"iso_3166_2": "CN-QH CN-NM CN-XZ"})
    return xr.Dataset({"grid_energy_price": ("site", [0.2277, 0.2829, np.nan]), "province": index})


def test_import_price_is_benchmark_plus_charge_and_unknown_stays_unknown():
    price = import_price(provinces(), Tariff(grid_charge_cny_per_kwh=0.05))
    np.testing.assert_allclose(price, [0.2777, 0.3329, np.nan])


def test_import_price_by_province_replaces_both():
    price = import_price(provinces(), Tariff(grid_charge_cny_per_kwh=0.05, import_prices_cny_per_kwh={"CN-XZ": 0.6, "CN-QH": 0.4}))
    np.testing.assert_allclose(price, [0.4, 0.3329, 0.6])


def test_prices_by_province_need_known_provinces():
    tariff = Tariff(import_prices_cny_per_kwh={"CN-ZZ": 0.6})
    with pytest.raises(StudyError, match="CN-ZZ"):
        import_price(provinces(), tariff)
    with pytest.raises(MissingVariableError, match="province"):
        import_price(provinces().drop_vars("province"), tariff)
    bare = provinces()
    bare["province"].attrs.clear()
    with pytest.raises(AlignmentError, match="iso_3166_2"):
        import_price(bare, tariff)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Finance, {"discount_rate": 6}),
        (Finance, {"currency_year": 24}),
        (Finance, {"pv": {"capex_cny_per_kw": 2.9}}),
        (Finance, {"inflation": 0.02}),
        (PVCosts, {"lifetime_years": 0}),
        (WindCosts, {"capex_cny_per_kw": 4.5}),
        (BatteryCosts, {"energy_capex_cny_per_kwh": 0.61}),
        (BatteryCosts, {"fixed_opex_share": 1.5}),
        (Tariff, {"grid_charge_cny_per_kwh": 65}),
        (Tariff, {"export_price_cny_per_kwh": -0.1}),
        (Tariff, {"import_prices_cny_per_kwh": {"Qinghai": 0.3}}),
        (Tariff, {"import_prices_cny_per_kwh": {"CN-QH": 300}}),
    ],
)
def test_values_out_of_bounds_are_refused(model, values):
    with pytest.raises(ValidationError):
        model(**values)


def test_partial_cost_books_keep_the_other_defaults():
    assert Finance(wind={"capex_cny_per_kw": 5_000}).wind.fixed_opex_cny_per_kw == 50
