import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from siting.demand import AnnualEnergy, Flexibility, FlexibleLoad, Load, Tenant, flexible_parts, hourly_load, load_warnings

WEEK = pd.date_range("2013-03-01", periods=24 * 7, freq="h")
YEAR = pd.date_range("2013-01-01", "2014-01-01", freq="h", inclusive="left")


def test_a_rigid_load_is_firm():
    parts = flexible_parts(Load(profile="two_shift"), YEAR)
    np.testing.assert_array_equal(parts.firm, hourly_load(Load(profile="two_shift"), YEAR))
    for bound in (parts.shift_max_up, parts.shift_max_down, parts.cut_max):
        assert not bound.any()
    assert parts[5:] == (0, 0, 0, 0, 0)


def test_days_are_civil_days():
    """16 hours of 1 March remain in China when it begins in UTC; eight hours of the 8th are in the axis."""
    days = flexible_parts(Load(), WEEK).day_index
    assert days.dtype == np.int64
    assert np.bincount(days).tolist() == [16, *[24] * 6, 8]
    autumn = pd.date_range("2013-11-03", periods=48, freq="h")
    assert np.bincount(flexible_parts(Load(timezone="America/New_York"), autumn).day_index).tolist() == [4, 25, 19]


def test_bounds_by_hand():
    bend = Flexibility(
        shiftable_share=0.2,
        interruptible_share=0.1,
        interruptible_hours=100,
        interruption_price_cny_per_kwh=2,
        annual_energy=AnnualEnergy(share=0.5, power_factor=2, minimum_load=0.25),
    )
    parts = flexible_parts(Load(mean_mw=100, flexibility=bend), YEAR)
    assert (parts.firm[0], parts.shift_max_up[0], parts.shift_max_down[0], parts.cut_max[0]) == pytest.approx((50, 20, 20, 10))
    assert parts.cut_energy_max == pytest.approx(100 * 0.1 * 100)
    assert parts.cut_price == 2
    assert (parts.free_energy, parts.free_power_max, parts.free_power_min) == pytest.approx((50 * 8760, 100, 25))


@pytest.mark.parametrize(("first", "last", "years"), [("2013", "2014", 1), ("2016", "2017", 1), ("2015", "2018", 3)])
def test_hours_to_cut_are_those_of_each_year(first, last, years):
    bend = Flexibility(interruptible_share=0.1, interruptible_hours=100)
    parts = flexible_parts(Load(mean_mw=100, flexibility=bend), pd.date_range(first, last, freq="h", inclusive="left"))
    assert parts.cut_energy_max == pytest.approx(years * 100 * 0.1 * 100)


def test_tenants_add_up():
    cell = Tenant(mean_mw=40, profile="cell", flexibility=Flexibility(shiftable_share=0.1))
    gas = Tenant(mean_mw=60, flexibility=Flexibility(annual_energy=AnnualEnergy(share=1)))
    both = flexible_parts(Load(tenants=(cell, gas)), YEAR)
    np.testing.assert_allclose(both.firm, hourly_load(Load(mean_mw=40, profile="cell"), YEAR))
    assert both.free_energy == pytest.approx(60 * 8760)
    np.testing.assert_allclose(both.shift_max_down, 0.1 * both.firm)


def cheapest(parts: FlexibleLoad, price: np.ndarray) -> float | None:
    """Least cost of the load at hourly prices, as a linear programme."""
    hours, days = parts.firm.size, parts.day_index.max() + 1
    eye, none = np.eye(hours), np.zeros((days, hours))
    day = np.zeros((days, hours))
    day[parts.day_index, np.arange(hours)] = 1
    energy = np.r_[np.zeros(3 * hours), np.ones(hours)]
    result = linprog(
        np.r_[price, -price, 1e3 * parts.cut_price - price, price],
        A_ub=np.vstack([np.r_[np.zeros(2 * hours), np.ones(hours), np.zeros(hours)], np.hstack([-eye, eye, eye, 0 * eye])]),
        b_ub=np.r_[parts.cut_energy_max, parts.firm],
        A_eq=np.vstack([np.hstack([day, -day, none, none]), energy]),
        b_eq=np.r_[np.zeros(days), parts.free_energy],
        bounds=[
            *((0, up) for up in parts.shift_max_up),
            *((0, down) for down in parts.shift_max_down),
            *((0, cut) for cut in parts.cut_max),
            *[(parts.free_power_min, parts.free_power_max)] * hours,
        ],
    )
    return float(price @ parts.firm + result.fun) if result.success else None


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 0.4), st.floats(0, 0.3), st.floats(0.01, 0.3), st.floats(1, 3), st.integers(0, 99))
def test_more_flexibility_never_costs_more(shift, cut, free, factor, seed):
    price = np.random.default_rng(seed).uniform(0, 500, 72)
    bends = [
        Flexibility(annual_energy=AnnualEnergy(share=free, power_factor=1)),
        Flexibility(annual_energy=AnnualEnergy(share=free, power_factor=factor)),
        Flexibility(annual_energy=AnnualEnergy(share=free, power_factor=factor), shiftable_share=shift),
        Flexibility(annual_energy=AnnualEnergy(share=free, power_factor=factor), shiftable_share=shift, interruptible_share=cut),
    ]
    costs = [cheapest(flexible_parts(Load(flexibility=bend), WEEK[:72]), price) for bend in bends]
    assert costs[0] == pytest.approx(price @ hourly_load(Load(), WEEK[:72]))
    assert all(b <= a + 1e-6 for a, b in itertools.pairwise(costs))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shiftable_share": 1.2}, "less than or equal to 1"),
        ({"shiftable_share": float("nan")}, "finite|greater"),
        ({"interruptible_share": -0.1}, "greater than or equal to 0"),
        ({"shiftable_share": 0.5, "interruptible_share": 0.6}, r"of 1 at most in all, found 0.5 \+ 0.6 \+ 0"),
        (
            {"annual_energy": {"share": 0.5, "power_factor": 4, "minimum_load": 0.3}},
            "minimum_load x power_factor of at most 1, found 0.3 x 4",
        ),
        ({"annual_energy": {"share": 0}}, "greater than 0"),
        ({"hours": 3}, "Extra inputs"),
    ],
)
def test_impossible_flexibility_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Flexibility(**values)


def test_tenants_share_one_price_of_cuts():
    bends = [Flexibility(interruptible_share=0.1, interruption_price_cny_per_kwh=price) for price in (1, 2)]
    with pytest.raises(ValueError, match=r"one interruption_price_cny_per_kwh for all tenants, found 1 and 2"):
        Load(tenants=tuple(Tenant(mean_mw=5, flexibility=bend) for bend in bends))


def test_the_reader_is_told_of_guesses():
    assert load_warnings(Load(profile="aluminium")) == []
    park = Load(tenants=(Tenant(mean_mw=1, profile="food"), Tenant(mean_mw=1, flexibility=Flexibility(interruptible_share=0.1))))
    assert load_warnings(park) == [
        "The hourly shape of food is an expert figure of low confidence; give measured hours.",
        "The price of cut load (1 CNY/kWh) is an assumption of low confidence; put your own in the study.",
    ]
