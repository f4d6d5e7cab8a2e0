"""Exports by plant and under a limit of power: the best hours, and the sizing that rests on them, against the linear programme."""

import itertools
import math
import os

import numpy as np
import pytest
import xarray as xr
from reference.supply_cases import BATTERY, COSTS, UNEVEN, block, capacities, random_case, size, with_exports
from reference.years import HOURS, make_sites, weather

from siting.demand import Load
from siting.demand.flexibility import still
from siting.economics import add_costs
from siting.finance import Finance
from siting.supply import Limits, Supply, match_block, match_supply, programme, site_hours, sizing, slow_parts, trade, trade_sizing
from siting.supply.dispatch import Battery, Mix, Spans
from siting.supply.site import FAST, PROGRAMME, QUANTITIES, priced
from siting.vocabulary import StudyError

#: Seeds of the instances and their least days: some of a month, or SITING_SIZING_TRADES of SITING_SIZING_TRADE_DAYS (250 of a month take
#: two minutes; the linear programme of one with 364 days takes half a minute).
TRADES = range(int(os.environ.get("SITING_SIZING_TRADES", "30")))
DAYS = int(os.environ.get("SITING_SIZING_TRADE_DAYS", "30"))
TARGETS = np.array([0.5, 0.8, 0.9, 0.95, 0.99, 1.0])
LOSSLESS = Battery(1.0, 1.0, 1.0)


def programmed(year, battery, prices, *, target=0.0, costs=None, limits=None, **more):
    """Optimum of the linear programme for prices by source, over the time axis."""
    n, premium = year.load.size, (prices.dear - prices.other) * (1.0 if prices.wind_is_dear else -1.0)
    usual = {"export_share": 1.0, "self_use": 0.0, "own_share": 0.0, "overbuild": 1e3}
    return programme.solve(
        programme.Problem(
            pv=year.pv, wind=year.wind, load=still(year.load), costs=np.zeros(5) if costs is None else np.r_[costs * n, 0.0],
            import_price=np.full(n, prices.imports), carbon_free=np.zeros(n), export_limit=prices.limit, target=target,
            export_price=prices.other if premium > 0 else prices.dear, wind_premium=premium,
            limits=np.r_[np.full(4, np.inf) if limits is None else limits, year.load.max()], **(usual | more),
        ),
        battery,
    )  # fmt: skip


def held(year, battery, prices, x):
    """Least import cost less export revenue of a portfolio, by the linear programme: its capacities are worth having in full."""
    return programmed(year, battery, prices, costs=np.full(4, -1e-3), limits=x).cost + 1e-3 * year.load.size * np.sum(x)


def best(year, battery, prices, x):
    """Best hours by name, their worth, and the plane above the worth of all portfolios."""
    n = year.load.size
    plane, rows = np.zeros(5), np.empty((len(trade.ROWS), n))
    found = trade.trade(Spans(*year, np.ones(n)), Mix(*map(float, x)), battery, prices, trade.empty_worth(n), plane, rows)
    assert found.closed
    worth = prices.dear * found.dear + prices.other * found.other - prices.imports * found.imports
    return dict(zip(trade.ROWS, rows, strict=True)), worth, plane


def random_prices(seed):
    """Prices of up to that of imports, by source in most cases, and a limit of power in most."""
    rng = np.random.default_rng([seed, 2])
    dear = 400.0 * rng.uniform(0.05, 1.0)
    other = dear * rng.choice([1.0, 0.0, rng.random(), rng.random()])
    return trade.Deal(400.0, dear, float(other), float(rng.choice([np.inf, rng.uniform(0.05, 1.5)])), bool(rng.random() < 0.5))


@pytest.mark.parametrize("seed", range(16))
def test_the_best_hours_are_those_of_the_linear_programme(seed):
    """A plane touches their worth, and lies above that of any other portfolio."""
    (year, _), prices, rng = random_case(seed, days=(8, 20)), random_prices(seed), np.random.default_rng(seed)
    battery = LOSSLESS if seed % 5 == 0 else BATTERY
    x, other = rng.uniform(0.1, 3.0, (2, 4)) * [1.0, 1.0, 0.5, 3.0]
    flow, worth, plane = best(year, battery, prices, x)
    size = 400.0 * year.load.sum()
    assert worth == pytest.approx(-held(year, battery, prices, x), abs=1e-6 * size)
    assert plane[0] + plane[1:] @ x == pytest.approx(worth, abs=1e-9 * size)
    assert plane[0] + plane[1:] @ other >= best(year, battery, prices, other)[1] - 1e-9 * size
    np.testing.assert_allclose(flow["direct"] + flow["charge"] + flow["exported"] + flow["curtailed"], flow["generation"], atol=1e-12)
    np.testing.assert_allclose(flow["direct"] + flow["discharge"] + flow["import"], year.load, atol=1e-12)
    level, charged = flow["state_of_charge"], battery.charge * flow["charge"] - flow["discharge"] / battery.discharge
    np.testing.assert_allclose(level - np.roll(level, 1), charged, atol=1e-9)
    assert min(flow[name].min() for name in flow) >= -1e-9
    assert max(flow["charge"].max(), flow["discharge"].max()) <= x[2] + 1e-12
    assert level.max() <= x[3] * battery.usable + 1e-9
    assert flow["exported"].max() <= prices.limit + 1e-12
    own = year.wind * x[1] if prices.wind_is_dear else year.pv * x[0]
    assert np.all(flow["exported_dear"] <= np.minimum(flow["exported"], own) + 1e-12)
    assert np.all(flow["exported"] - flow["exported_dear"] <= flow["generation"] - own + 1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_planes_touch_their_own_portfolio_and_bound_all_others(seed):
    """With nothing of a plant or of the battery, hours without load, limits of zero, and batteries of three kinds."""
    (year, _), prices, rng = random_case(seed, days=(5, 12)), random_prices(seed), np.random.default_rng([seed, 3])
    load, battery = year.load * (rng.random(year.load.size) > 0.2 * (seed % 2)), (BATTERY, LOSSLESS, Battery(0.8, 0.9, 0.5))[seed % 3]
    year, prices = (
        year._replace(load=load),
        prices._replace(limit=prices.limit * (seed % 7 > 0) if math.isfinite(prices.limit) else math.inf),
    )
    drawn = rng.uniform(0.0, 3.0, (6, 4)) * [1.0, 1.0, 0.5, 3.0] * (rng.random((6, 4)) > 0.25)
    found, size = [best(year, battery, prices, x)[1:] for x in drawn], 400.0 * load.size
    values = np.array([worth for worth, _ in found])
    planes = np.array([plane[0] + drawn @ plane[1:] for _, plane in found])
    np.testing.assert_allclose(np.diag(planes), values, atol=1e-9 * size)
    assert np.all(planes >= values - 1e-9 * size)


@pytest.mark.parametrize("seed", range(4))
def test_a_plane_bounds_every_portfolio_whatever_prices_it_was_found_at(seed):
    """Prices of stored power that are not those of the optimum give a looser plane, and none that cuts off."""
    (year, _), prices, rng = random_case(seed, days=(8, 12)), random_prices(seed), np.random.default_rng(seed)
    hours, plane = Spans(*year, np.ones(year.load.size)), np.zeros(5)
    x = rng.uniform(0.2, 3.0, 4)
    v, q = rng.uniform(0.0, 400.0, (2, year.load.size))
    for t in range(year.load.size):
        trade._add_hour(hours, t, Mix(*x), BATTERY, prices, v[t], q[t], plane)
    plane[4] = BATTERY.usable * np.maximum(v - np.roll(v, 1), 0.0).sum()
    assert plane[0] + plane[1:] @ x >= best(year, BATTERY, prices, x)[1]


def test_storing_first_is_not_the_best_where_the_load_may_free_what_sells_dearer():
    """A sunny hour, then a windy one that just serves the load: below what a stored MWh saves, greedy dispatch has nothing to store for.

    A MWh of sun sells at 100, or is stored, and 0.86 of it serve the load in the windy hour, whose wind sells at 300 instead.
    """
    year = sizing.Year(np.tile([2.0, 0.0], 12), np.tile([0.0, 1.0], 12), np.ones(24))
    x, prices = np.array([1.0, 1.0, 1.0, 2.0]), trade.Deal(400.0, 300.0, 100.0, np.inf, True)
    assert prices.dear < 0.86 * prices.imports
    flow, worth, _ = best(year, BATTERY, prices, x)
    assert flow["charge"].sum() == pytest.approx(12.0)
    assert worth == pytest.approx(12 * 300.0 * 0.86)
    assert worth == pytest.approx(-held(year, BATTERY, prices, x), rel=1e-6)
    close = prices._replace(other=0.9 * 300.0)
    assert best(year, BATTERY, close, x)[1] == pytest.approx(12 * 0.9 * 300.0)
    assert best(year, BATTERY, close, x)[0]["charge"].sum() == 0.0


def test_selling_now_and_storing_later_is_the_best_under_a_limit():
    """The year in which greedy dispatch isn't: half of 1 MW is sold in each first hour, the store filled in the second."""
    year = sizing.Year(np.array([0.5, 1.0, 0.0] * 8), np.zeros(24), np.array([0.0, 0.0, 1.0] * 8))
    flow, worth, _ = best(year, LOSSLESS, trade.Deal(500.0, 100.0, 100.0, 1.0, False), np.array([2.0, 0.0, 1.0, 1.0]))
    assert worth == pytest.approx(1600.0)
    assert flow["charge"] == pytest.approx([0.0, 1.0, 0.0] * 8)


@pytest.mark.parametrize("seed", TRADES)
def test_optimum_of_trade_lies_between_the_bounds(seed):
    """Certified wherever exports earn no more than imports cost; above, a gap may stay, and the result says so."""
    year, terms = random_case(seed, days=(DAYS, max(45, DAYS + 1)))
    terms, _ = with_exports(terms, seed)
    prices = random_prices(seed)._replace(imports=terms.import_price, dear=terms.export_price)
    prices = prices._replace(other=min(prices.other, prices.dear))
    results, k = size(year, terms, TARGETS), seed % TARGETS.size
    trade_sizing.improve(trade_sizing.case_of(year, BATTERY, terms, prices), 1.0 - TARGETS, np.isfinite(results[:, 0]), results)
    upper, lower, outcome = results[k, 4:7]
    more = {"self_use": terms.self_use, "own_share": 1.0 - terms.import_share, "overbuild": terms.overbuild}
    more |= {"target": TARGETS[k], "costs": terms.costs, "limits": terms.limits, "export_share": terms.export_share}
    optimum = programmed(year, BATTERY, prices, **more).cost / year.load.size
    if not math.isfinite(optimum):
        assert outcome == sizing.UNREACHABLE
        return
    assert lower - 1e-7 * abs(lower) <= optimum <= upper + 1e-7 * abs(upper)
    assert outcome == sizing.CERTIFIED or prices.dear > prices.imports
    assert outcome == sizing.OPEN or upper - lower <= 1e-3 * abs(upper)


def matched(pv_price, wind_price, supply=None, uneven=False, seed=0, hours=720):
    """Portfolios of some weeks with prices by plant, and their costs."""
    pv, wind = (values[:hours] for values in weather(seed))
    supply = supply or Supply(targets=(0.8,), export_limit_mw=60.0)
    costs = tuple(np.array(COSTS) * hours / HOURS)
    shared = block(supply, np.full(hours, 100.0), costs=costs, price_factor=UNEVEN if uneven else None)
    _, rows, _, _ = match_block(pv[None], wind[None], [1e9], [1e9], 350.0, -1, [pv_price], [wind_price], block=shared)
    mixes = [dict(zip(QUANTITIES, row, strict=True)) for row in rows[0]]
    wind_energy = [mix["exported_wind_energy"] for mix in mixes]
    earned = [pv_price * (mix["exported_energy"] - sold) + wind_price * sold for mix, sold in zip(mixes, wind_energy, strict=True)]
    return mixes, [capacities(mix) @ costs + 350.0 * mix["import_energy"] - sum_ for mix, sum_ in zip(mixes, earned, strict=True)]


@pytest.mark.parametrize(("pv_price", "wind_price", "share"), [(90.0, 220.0, 1.0), (220.0, 90.0, 1.0), (0.0, 250.0, 0.05)])
def test_prices_by_plant_are_the_same_in_both_engines(pv_price, wind_price, share):
    supply = Supply(targets=(0.8,), export_limit_mw=60.0, limits=Limits(export_share_max=share))
    (fast,), (upper,) = matched(pv_price, wind_price, supply)
    (exact,), (optimum,) = matched(pv_price, wind_price, supply, uneven=True)
    assert (fast["supply_engine"], exact["supply_engine"]) == (FAST, PROGRAMME)
    assert upper * (1 - fast["sizing_gap"]) * (1 - 1e-7) <= optimum <= upper * (1 + 1e-7)
    assert fast["balance_residual"] < 1e-9
    for mix in (fast, exact):
        assert 0 <= mix["exported_wind_energy"] <= mix["exported_energy"] <= share * mix["generation"] * (1 + 1e-6)


def test_dearer_exports_of_either_plant_and_looser_limits_never_cost_more():
    ladders = (
        [matched(price, 100.0) for price in (0.0, 60.0, 140.0, 240.0)],
        [matched(100.0, price) for price in (0.0, 60.0, 140.0, 240.0)],
        [matched(80.0, 200.0, Supply(targets=(0.8,), export_limit_mw=limit)) for limit in (1.0, 20.0, 60.0, 1e4)],
    )
    for ladder in ladders:
        costs = [cost for _, (cost,) in ladder]
        assert all(mix["supply_engine"] == FAST for (mix,), _ in ladder)
        assert all(b <= a * (1 + 1e-3) for a, b in itertools.pairwise(costs))
        assert costs[-1] < costs[0] * (1 - 1e-3)


def test_equal_prices_by_plant_are_one_price():
    """To the bit; and those that hardly differ, within the gap."""
    sites, supply = make_sites().isel(site=[0, 1]), Supply(targets=(0.8,), export_limit_mw=50.0)
    sites["grid_energy_price"][:] = 0.3
    one = match_supply(sites, Load(), supply, Finance.model_validate({"tariff": {"export_price_cny_per_kwh": 0.15}}))
    same, near = (
        match_supply(
            sites, Load(), supply, Finance.model_validate({"tariff": {"captured_export": {"pv_factor": 0.5, "wind_factor": factor}}})
        )
        for factor in (0.5, 0.5 + 1e-7)
    )
    xr.testing.assert_identical(one, same)
    costs = [
        add_costs(table, Finance.model_validate({"tariff": {"export_price_cny_per_kwh": 0.15}}))["delivered_cost"] for table in (one, near)
    ]
    np.testing.assert_allclose(*costs, rtol=1e-3)


def test_captured_prices_by_plant_have_an_answer():
    """On the road: priced as sized, unknown prices don't steer, and the hours of a site are those of its sums."""
    sites, supply = make_sites(), Supply(targets=(0.8, 0.9), export_limit_mw=80.0)
    finance = Finance.model_validate({"tariff": {"captured_export": {"pv_factor": 0.4, "wind_factor": 0.8}}})
    table = match_supply(sites, Load(), supply, finance)
    assert (table["supply_engine"] == FAST).all()
    assert (table["sizing_gap"] <= supply.tolerance).all()
    assert float(table["balance_residual"].max()) < 1e-9
    assert table["exported_wind_energy"].sum() > 0
    assert add_costs(table, finance)["delivered_cost"].pipe(np.isnan).all("target").to_numpy().tolist() == [False, False, True]
    paid, unpaid = (match_supply(sites.isel(site=[2]), Load(), supply, each) for each in (finance, Finance()))
    np.testing.assert_array_equal(paid["pv_capacity"], unpaid["pv_capacity"])
    chosen = table.isel(site=0).sel(target=0.9).assign(pv_plant_site=4, wind_plant_site=4)
    flows = site_hours(sites.isel(site=[0]), chosen, sites, Load(), supply, finance)
    for flow, name in {"exported": "exported_energy", "exported_wind": "exported_wind_energy", "import": "import_energy"}.items():
        assert flows[flow].sum() == pytest.approx(float(chosen[name]), rel=1e-9)
    assert np.all(flows["exported_wind"] <= np.minimum(flows["wind"], flows["exported"]) + 1e-9)
    assert np.all(flows["exported"] - flows["exported_wind"] <= flows["pv"] + 1e-9)


def test_hours_of_a_park_that_leaves_the_grid_are_those_of_its_sums():
    """Above the value of what is stored its portfolio would import at the lower target, were it not for the charge for the grid."""
    sites, supply = make_sites().isel(site=[0]), Supply(targets=(0.9, 1.0), export_limit_mw=40.0)
    tariff = {"export_price_cny_per_kwh": 0.32, "capacity_charge_cny_per_kw_month": 500.0}
    finance = Finance.model_validate({"tariff": tariff})
    table = match_supply(sites, Load(), supply, finance)
    assert table["grid_capacity"].to_numpy().tolist() == [[0.0, 0.0]]
    for target in supply.targets:
        chosen = table.isel(site=0).sel(target=target).assign(pv_plant_site=4, wind_plant_site=4)
        flows = site_hours(sites, chosen, sites, Load(), supply, finance)
        assert flows["import"].sum() == pytest.approx(0.0, abs=1e-3)
        assert flows["exported"].sum() == pytest.approx(float(chosen["exported_energy"]), rel=1e-9)


def test_a_study_with_prices_by_plant_is_told_what_may_be_slow():
    finance = Finance.model_validate({"tariff": {"captured_export": {}}})
    assert slow_parts(Load(), Supply(), finance, (2013,)) == []
    (some,) = slow_parts(Load(), Supply(export_limit_mw=50.0), finance, (2013,))
    assert some.startswith("paid exports: sites that the fast engine can't certify")
    with pytest.raises(StudyError, match=r"\[1.0\] off the grid"):
        slow_parts(Load(), Supply(), Finance.model_validate({"tariff": {"grid_connected": False}}), (2013,))


def test_without_prices_for_each_site_those_of_the_block_count():
    pv, wind = (values[:720] for values in weather(0))
    shared = block(Supply(targets=(0.8,), export_limit_mw=60.0), np.full(720, 100.0))
    of_block = match_block(pv[None], wind[None], [1e9], [1e9], 350.0, block=priced(shared, 80.0, 200.0))
    of_sites = match_block(pv[None], wind[None], [1e9], [1e9], 350.0, -1, [80.0], [200.0], block=shared)
    for one, other in zip(of_block, of_sites, strict=True):
        np.testing.assert_array_equal(one, other)
