import itertools
import math
import os

import numpy as np
import pytest
from reference.supply_cases import BATTERY, COSTS, UNEVEN, block, capacities, random_case, size, with_exports
from reference.years import HOURS, weather

from siting.demand.flexibility import still
from siting.finance import Finance
from siting.supply import Limits, Portfolio, Storage, Supply, dispatch_year, match_block, programme, sizing
from siting.supply.dispatch import SERIES, Mix, Spans, room_for, trace
from siting.supply.site import BINDING, FAST, PROGRAMME, QUANTITIES


def match(pv, wind, supply, price=350.0, limits=(1e9, 1e9), mean_mw=100.0, **more):
    shared = block(supply, np.full(pv.size, mean_mw), **more)
    grid = np.full((2, 1, pv.size), 0.5)
    yields, mixes, monthly, _ = match_block(pv[None], wind[None], limits[:1], limits[1:], price, 0, block=shared, feedin=grid)
    return yields[0], [dict(zip(QUANTITIES, row, strict=True)) for row in mixes[0]], monthly[0]


def cost(mix, price):
    return capacities(mix) @ COSTS + price * mix["import_energy"]


#: Seeds of the instances of a year: one, or SITING_SIZING_YEARS of them (50 take about half an hour).
YEARS = range(1000, 1000 + int(os.environ.get("SITING_SIZING_YEARS", "1")))

#: Seeds of the instances with exports: some, or SITING_SIZING_EXPORTS of them (200 take two minutes).
EXPORTS = range(int(os.environ.get("SITING_SIZING_EXPORTS", "24")))


def linear_programme(year, terms, target):
    """Least cost per MWh of load, by HiGHS."""
    size = year.load.size
    return programme.solve(
        programme.Problem(
            year.pv, year.wind, still(year.load), np.r_[terms.costs * size, 0.0], np.full(size, terms.import_price), np.zeros(size),
            terms.export_price, np.inf, terms.export_share, np.r_[terms.limits, year.load.max()], target, terms.self_use,
            1.0 - terms.import_share, terms.overbuild,
        ),
        BATTERY,
    ).cost / size  # fmt: skip


def check_against_programme(year, terms, seed, may_stay_open=False):
    targets = np.array([0.5, 0.8, 0.9, 0.95, 0.99, 1.0])
    k = seed % targets.size
    optimum, (upper, lower, outcome) = linear_programme(year, terms, targets[k]), size(year, terms, targets)[k, 4:7]
    if not math.isfinite(optimum):
        assert outcome == sizing.UNREACHABLE
        return
    assert outcome == sizing.CERTIFIED or (may_stay_open and outcome == sizing.OPEN)
    assert lower - 1e-7 * abs(lower) <= optimum <= upper + 1e-7 * abs(upper)
    assert outcome == sizing.OPEN or upper - lower <= 1e-3 * abs(upper)


@pytest.mark.parametrize("seed", range(150))
def test_optimum_of_the_linear_programme_lies_between_the_bounds(seed):
    check_against_programme(*random_case(seed), seed)


@pytest.mark.parametrize("seed", EXPORTS)
def test_optimum_with_exports_lies_between_the_bounds(seed):
    """Certified wherever the price of exports is below the value of what is stored; mostly above it, too, and else left open."""
    year, terms = random_case(seed)
    terms, worth = with_exports(terms, seed)
    check_against_programme(year, terms, seed, may_stay_open=worth > 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", YEARS)
def test_optimum_of_a_year_lies_between_the_bounds(seed):
    """Every other one sells."""
    year, terms = random_case(seed, days=(364, 365))
    terms, worth = with_exports(terms, seed) if seed % 2 else (terms, 0.0)
    check_against_programme(year, terms, seed, may_stay_open=worth > 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_targets_are_reached(seed):
    pv, wind = weather(seed)
    supply = Supply(targets=(0.5, 0.8, 0.9, 0.95, 0.99, 1.0))
    _, mixes, _ = match(pv, wind, supply, price=0.0)
    for target, mix in zip(supply.targets, mixes, strict=True):
        assert target - 1e-8 <= mix["matched_share"] <= target + 0.01
        assert mix["balance_residual"] <= 1e-9
        assert 0 <= mix["sizing_gap"] <= 1e-3
        assert mix["supply_engine"] == FAST
        assert int(mix["supply_limits"]) & BINDING["target"]
        assert mix["target_price"] > 0


def test_last_percent_costs_most():
    pv, wind = weather(0)
    _, mixes, _ = match(pv, wind, Supply(targets=(0.8, 0.9, 0.99)), price=0.0)
    steps = np.diff([cost(mix, 0.0) for mix in mixes]) / np.array([0.1, 0.09])
    assert steps[1] > 2 * steps[0] > 0


def test_prices_by_the_hour_go_to_the_programme():
    pv, wind = (values[:720] for values in weather(0))
    factor = np.where(np.arange(720) % 24 >= 18, 1.6, 1.0)
    _, (dear,), _ = match(pv, wind, Supply(targets=(0.8,)), price_factor=factor)
    _, (plain,), _ = match(pv, wind, Supply(targets=(0.8,)))
    assert dear["supply_engine"] == PROGRAMME
    assert plain["supply_engine"] == FAST
    assert dear["matched_share"] >= 0.8 - 1e-9


@pytest.mark.parametrize(
    ("limit", "share", "binds"),
    [(1e4, 1.0, False), (200.0, 1.0, False), (20.0, 1.0, False), (60.0, 0.05, True), (20.0, 0.05, False), (5.0, 0.05, False)],
)
def test_a_limit_on_exports_has_a_certificate_whether_it_is_felt_or_not(limit, share, binds):
    pv, wind = (values[:720] for values in weather(0))
    supply = Supply(targets=(0.8,), export_limit_mw=limit, limits=Limits(export_share_max=share))
    costs = tuple(np.array(COSTS) * 720 / HOURS)
    _, (mix,), _ = match(pv, wind, supply, export_price=100.0, costs=costs)
    _, (exact,), _ = match(pv, wind, supply, export_price=100.0, costs=costs, price_factor=UNEVEN)
    upper, optimum = (capacities(each) @ costs + 350.0 * each["import_energy"] - 100.0 * each["exported_energy"] for each in (mix, exact))
    assert (mix["supply_engine"], exact["supply_engine"]) == (FAST, PROGRAMME)
    assert upper * (1 - mix["sizing_gap"]) * (1 - 1e-7) <= optimum <= upper * (1 + 1e-7)
    assert mix["sizing_gap"] <= 1e-3
    assert mix["balance_residual"] < 1e-9
    assert 0 < mix["exported_energy"] <= share * mix["generation"] * (1 + 1e-9)
    assert bool(int(mix["supply_limits"]) & BINDING["export_share"]) == binds


def test_storing_first_is_not_the_best_above_the_value_of_what_is_stored():
    """An hour of sun as strong as two of an even load: at an efficiency of 0.86, its surplus is stored below 0.86 of the import price.

    Above, it is sold. But what the target needs is stored at any price, and the fast engine knows.
    """
    sun, limits = np.tile([1.0, 0.0], 12), np.array([2.0, 0.0, 2.0, 10.0])
    year = sizing.Year(sun, 0 * sun, np.ones(24))
    for worth, target, stored, outcome in (
        (0.85, 0.3, 0.5, sizing.CERTIFIED), (0.87, 0.3, 0.0, sizing.OPEN), (0.87, 0.8, 0.3 / 0.86, sizing.CERTIFIED),
    ):  # fmt: skip
        terms = sizing.Terms(np.full(4, 1e-7), 100.0, 100.0 * worth, 1.0, 0.0, limits, 10.0, 1.0, 1e-3)
        found = dict(zip(sizing.COLUMNS, size(year, terms, [target])[0], strict=True))
        cost = 100.0 * (0.5 - 0.86 * stored - worth * (0.5 - stored))
        assert linear_programme(year, terms, target) == pytest.approx(cost, abs=1e-4)
        assert found["lower"] - 1e-4 <= cost <= found["upper"] + 1e-4
        assert found["outcome"] == outcome


def test_exports_above_the_price_of_imports_go_to_the_programme():
    """It would pay to import for sale, which only a target forbids."""
    pv, wind = (values[:720] for values in weather(0))
    supply, costs = Supply(targets=(0.3, 0.95), export_limit_mw=40.0), tuple(np.array(COSTS) * 720 / HOURS)
    _, below, _ = match(pv, wind, supply, export_price=345.0, costs=costs)
    _, (low, high), _ = match(pv, wind, supply, export_price=450.0, costs=costs)
    assert [mix["supply_engine"] for mix in below] == [FAST, FAST]
    assert (low["supply_engine"], high["supply_engine"]) == (PROGRAMME, FAST)
    assert low["exported_energy"] > 0
    assert high["target_price"] > 0


def test_a_supply_that_lives_on_its_exports_has_a_certificate():
    """Where what is sold pays more than all, the cost is negative and the gap a share of its size."""
    pv, wind = weather(0)
    supply = Supply(targets=(0.8,), export_limit_mw=1e5, max_overbuild=4.0)
    _, (mix,), _ = match(pv, wind, supply, price=600.0, export_price=450.0)
    revenue = 450.0 * mix["exported_energy"]
    assert cost(mix, 600.0) < revenue
    assert mix["supply_engine"] == FAST
    assert 0 <= mix["sizing_gap"] <= 1e-3
    assert int(mix["supply_limits"]) & BINDING["overbuild"]


@pytest.mark.parametrize("seed", range(4))
def test_exports_follow_from_the_balance_of_the_year(seed):
    """What is sold is what the greedy dispatch leaves, and each plane lies below the net imports of all portfolios."""
    rng = np.random.default_rng(seed)
    year, terms = random_case(seed)
    terms = terms._replace(
        import_price=400.0, export_price=rng.uniform(0.1, 0.86) * 400.0, export_share=rng.choice([1.0, 0.3]), self_use=0.0
    )
    n, means = year.load.size, np.array([year.pv.mean(), year.wind.mean()])
    hours = Spans(*year, np.ones(n))
    worth = terms.export_price / 400.0
    case = sizing.Case(hours, room_for(hours), float(n), means, BATTERY, terms, 400.0, worth, 2 + int(terms.export_share < 1))
    state = sizing.empty_state()
    sizing.begin_master(state, case)
    portfolios, net = rng.uniform(0.1, 4.0, (12, 4)) * [1.0, 1.0, 0.5, 3.0], []
    for x in portfolios:
        flows = np.empty((len(SERIES), n))
        trace(*year, Mix(*x), BATTERY, math.inf, flows)
        flow = dict(zip(SERIES, flows.sum(axis=1) / n, strict=True))
        sold = min(flow["exported"], terms.export_share * flow["generation"])
        net.append(flow["import"] - worth * sold)
        for hours_of in (case.year, sizing.alike(case, x)):
            seen = sizing.look(case, hours_of, x, state)
            cost = terms.costs @ x + 400.0 * flow["import"] - terms.export_price * sold
            assert (seen.share, seen.cost) == pytest.approx((flow["import"], cost), rel=1e-11, abs=1e-11)
    planes, used = state.planes, int(state.planes.used[0])
    for k in np.flatnonzero(planes.coefficient[:used] == 1.0):
        assert np.all(planes.offset[k] + portfolios @ planes.slope[:, k] <= np.array(net) + 1e-11)
    assert used == sizing.FIRST_DISPATCHED + 24 * case.stride


def test_dearer_exports_and_looser_caps_never_cost_more():
    year, terms = random_case(1)
    terms = terms._replace(import_price=400.0, self_use=0.0, tolerance=1e-5)
    costs = [
        size(year, terms._replace(export_price=price, export_share=share), [0.8])[0, 4]
        for price, share in ((0.0, 1.0), (100.0, 0.05), (100.0, 0.2), (200.0, 0.2), (300.0, 1.0))
    ]
    assert costs[0] == size(year, terms, [0.8])[0, 4]
    assert all(b <= a + 1e-5 * abs(a) for a, b in itertools.pairwise(costs))
    assert costs[-1] < costs[0]


def test_full_matching_pays_no_charge_for_the_grid():
    """Where the grid costs more than the last percent, the project leaves it."""
    pv, wind = weather(0)
    supply = Supply(targets=(0.99, 1.0))
    _, cheap, _ = match(pv, wind, supply, charge=1e4)
    _, dear, _ = match(pv, wind, supply, charge=1e7)
    assert [mix["grid_capacity"] for mix in cheap] == [100.0, 0.0]
    assert [mix["grid_capacity"] for mix in dear] == [0.0, 0.0]
    assert cost(dear[0], 350.0) > cost(cheap[0], 350.0)


def test_self_use_and_own_share_are_kept():
    pv, wind = weather(0)
    limits = Limits(self_use_share_min=0.8, own_share_min=0.7)
    _, (free, _), _ = match(pv, wind, Supply(targets=(0.3, 0.8)))
    _, (own, used), _ = match(pv, wind, Supply(targets=(0.3, 0.8), limits=limits))
    assert own["matched_share"] >= 0.7 - 1e-8
    for mix in (own, used):
        assert 876_000 * mix["matched_share"] >= 0.8 * mix["generation"] * (1 - 1e-7)
    assert cost(own, 350.0) >= cost(free, 350.0) * (1 - 1e-3)


def test_a_cap_on_the_share_of_exports_is_kept():
    pv, wind = (values[:720] for values in weather(0))
    limits = Limits(export_share_max=0.05)
    _, (free,), _ = match(pv, wind, Supply(targets=(0.9,), export_limit_mw=1e4))
    _, (capped,), _ = match(pv, wind, Supply(targets=(0.9,), export_limit_mw=1e4, limits=limits))
    assert free["exported_energy"] > 0.05 * free["generation"]
    assert capped["exported_energy"] <= 0.05 * capped["generation"] * (1 + 1e-6)


def test_what_is_in_reach_is_no_less_than_what_was_reached():
    """Under a tight overbuild the best mix is not that of the land."""
    pv, wind = weather(1)
    supply = Supply(targets=(0.5, 0.7, 0.99), max_overbuild=0.9)
    shared = block(supply, np.full(HOURS, 100.0))
    _, mixes, _, reached = match_block(pv[None], wind[None], [1e9], [1e9], 350.0, block=shared)
    shares = mixes[0, :, QUANTITIES.index("matched_share")]
    assert reached[0, 0] >= np.nanmax(shares) - 1e-3
    assert reached[0, 0] <= 0.9
    assert reached[0, 1] == BINDING["overbuild"]


def several(years, targets=(0.9,), tolerance=1e-5, price=350.0, **more):
    """Portfolios of weather years in one sizing, and their cost by year."""
    pv, wind = (np.concatenate(series) for series in zip(*(weather(seed) for seed in years), strict=True))
    shared = block(Supply(targets=targets, tolerance=tolerance), np.full(pv.size, 100.0), years=len(years), **more)
    shared = shared._replace(year_starts=tuple(HOURS * k for k in range(len(years))))
    _, rows, _, _ = match_block(pv[None], wind[None], [1e9], [1e9], price, block=shared)
    mixes = [dict(zip(QUANTITIES, row, strict=True)) for row in rows[0]]
    return mixes, [capacities(mix) @ COSTS + price * mix["import_energy"] / len(years) for mix in mixes]


@pytest.mark.parametrize("copies", [2, 3])
def test_copies_of_a_year_need_what_it_needs(copies):
    """The cost within the gap, whatever way the search takes, and the flows of a portfolio to rounding."""
    targets = (0.5, 0.9, 0.99)
    alone, costs = several([1], targets, tolerance=1e-6)
    together, same = several([1] * copies, targets, tolerance=1e-6)
    assert same == pytest.approx(costs, rel=1e-6)
    pv, wind = weather(1)
    for one, all_ in zip(alone, together, strict=True):
        years = dispatch_year(np.tile(pv, copies), np.tile(wind, copies), np.full(HOURS * copies, 100.0), Portfolio(*capacities(one)))
        for name, flow in (("import_energy", "import"), ("generation", "generation"), ("curtailed_energy", "curtailed")):
            assert years[flow].sum() == pytest.approx(copies * one[name], rel=1e-9)
        assert all_["matched_share_worst_year"] == pytest.approx(all_["matched_share"], rel=1e-9)
        assert one["matched_share_worst_year"] == one["matched_share"]


def test_years_together_cost_no_less_than_each_in_full_and_no_more_than_both_portfolios():
    """Without imports one portfolio serves each year; the larger of each capacity serves both."""
    alone = [several([year], (1.0,), 1e-4) for year in (0, 3)]
    _, (together,) = several([0, 3], (1.0,), 1e-4)
    assert together >= max(cost for _, (cost,) in alone) * (1 - 2e-4)
    assert together <= np.maximum(*(capacities(mix) for (mix,), _ in alone)) @ COSTS * (1 + 2e-4)


def test_years_together_cost_no_less_than_the_mean_where_only_the_price_counts():
    """Each year alone would do no worse with the common portfolio."""
    costs = [several([year], (0.01,), price=900.0)[1][0] for year in (0, 3)]
    (mix,), (together,) = several([0, 3], (0.01,), price=900.0)
    assert mix["target_price"] == 0
    assert together >= np.mean(costs) * (1 - 2e-5)


def test_years_share_what_may_be_imported():
    """Held over all years, a share costs no less than the best split of the imports over them.

    What a year costs at least at an import follows from its costs and prices of the target at a few targets: it is convex.
    """
    targets, energy = (0.8, 0.85, 0.9, 0.95, 0.98), 876_000.0
    (mix,), (together,) = several([0, 3], (0.9,), price=0.0)
    share = np.linspace(0.0, 0.2, 201)
    alone = np.zeros((2, share.size))
    for row, (mixes, costs) in zip(alone, (several([year], targets, price=0.0) for year in (0, 3)), strict=True):
        for target, one, found in zip(targets, mixes, costs, strict=True):
            row[:] = np.maximum(row, found * (1 - 1e-5) - 1e3 * one["target_price"] * energy * (share - (1 - target)))
    assert together >= np.min(alone[0] + alone[1][::-1]) / 2 * (1 - 1e-5)
    assert mix["matched_share"] == pytest.approx(0.9, abs=1e-3)
    plants = Portfolio(*capacities(mix))
    shares = [1 - dispatch_year(*weather(year), np.full(HOURS, 100.0), plants)["import"].mean() / 100 for year in (0, 3)]
    assert mix["matched_share_worst_year"] == pytest.approx(
        min(shares), abs=mix["battery_energy"] / energy
    )  # what one year leaves the next
    assert mix["matched_share_worst_year"] < mix["matched_share"]


def test_years_together_may_cost_less_than_each_on_average():
    """Without a battery, a year whose sun is weak in every other hour needs 2 MW for 60 %, an even one 0.6 MW; together 0.774 MW do."""
    weak, even, limits = np.tile([1.0, 0.1], 12), np.ones(24), np.array([np.inf, 0.0, 0.0, 0.0])
    terms = sizing.Terms(np.array([10.0, 1.0, 1.0, 1.0]), 0.0, 0.0, 1.0, 0.0, limits, 100.0, 1.0, 1e-6)
    found = [size(sizing.Year(pv, 0 * pv, np.ones(pv.size)), terms, [0.6])[0, 0] for pv in (weak, even, np.r_[weak, even])]
    assert found == pytest.approx([2.0, 0.6, 0.6 / 0.775], rel=1e-6)


@pytest.mark.parametrize("exporting", [0.0, 80.0])
def test_years_together_agree_with_the_linear_programme(exporting):
    pv, wind = (np.concatenate(parts) for parts in zip(*([v[:720] for v in weather(seed)] for seed in (0, 3)), strict=True))
    supply = Supply(targets=(0.9,), export_limit_mw=1e4 if exporting else 0.0, limits=Limits(export_share_max=0.1))
    costs, found = tuple(np.array(COSTS) * 720 / HOURS), []
    for factor in (None, np.tile(UNEVEN, 2)):
        shared = block(supply, np.full(1440, 100.0), 2, factor, exporting, costs=costs)._replace(year_starts=(0, 720))
        _, rows, _, _ = match_block(pv[None], wind[None], [1e9], [1e9], 350.0, block=shared)
        mix = dict(zip(QUANTITIES, rows[0, 0], strict=True))
        found.append((mix, 2 * capacities(mix) @ costs + 350.0 * mix["import_energy"] - exporting * mix["exported_energy"]))
    (fast, upper), (exact, optimum) = found
    assert (fast["supply_engine"], exact["supply_engine"]) == (FAST, PROGRAMME)
    assert upper * (1 - fast["sizing_gap"]) * (1 - 1e-7) <= optimum <= upper * (1 + 1e-7)
    assert exact["matched_share_worst_year"] == pytest.approx(fast["matched_share_worst_year"], abs=0.01)
    assert exact["matched_share_worst_year"] < 0.9


def test_a_sunny_and_a_cloudy_place():
    """6 MW of PV and 17 MWh of battery per MW serve nearly all of a flat load under a desert's sun, and far less under clouds."""
    hour = np.arange(HOURS)
    day = np.maximum(0.0, np.sin(np.pi * (hour % 24 - 6) / 12))
    sunny = 0.85 * day * (1 + 0.1 * np.cos(2 * np.pi * (hour / HOURS - 0.5)))
    cloudy = 0.85 * day * (0.45 + 0.35 * np.cos(2 * np.pi * (hour / HOURS - 0.5)))
    shares = [
        1 - dispatch_year(pv, 0 * pv, np.ones(HOURS), Portfolio(6.0, 0.0, 6.0, 17.0), Storage(minimum_state_of_charge=0.0))["import"].mean()
        for pv in (sunny, cloudy)
    ]
    assert shares[0] > 0.97
    assert shares[1] < 0.85


def test_dear_imports_are_replaced_beyond_the_target():
    pv, wind = weather(0)
    _, cheap, _ = match(pv, wind, Supply(), price=200.0)
    _, dear, _ = match(pv, wind, Supply(), price=2_000.0)
    assert cheap[0]["matched_share"] <= 0.8001
    assert dear[0]["matched_share"] > 0.9
    assert cost(dear[0], 2_000.0) < cost(cheap[0], 2_000.0)


@pytest.mark.parametrize("price", [0.0, 400.0, 1_200.0])
def test_total_cost_rises_with_the_target(price):
    pv, wind = weather(4)
    _, mixes, _ = match(pv, wind, Supply(targets=(0.3, 0.6, 0.8, 0.9, 0.95)), price)
    totals = [cost(mix, price) for mix in mixes]
    assert totals == sorted(totals)


def test_looser_limits_never_cost_more():
    pv, wind = weather(5)
    tight = match(pv, wind, Supply(max_overbuild=2.0), 400.0, limits=(1e9, 100.0))[1]
    loose = match(pv, wind, Supply(max_overbuild=3.0), 400.0, limits=(1e9, 200.0))[1]
    for a, b in zip(tight, loose, strict=True):
        assert cost(b, 400.0) <= cost(a, 400.0) * (1 + Supply().tolerance)
    assert all(mix["wind_capacity"] <= 100.0 * (1 + 1e-12) for mix in tight)


def test_full_matching_of_a_square_sun():
    """Overbuild 1.1324 at round-trip efficiency 0.85, with a store that is large enough."""
    pv = np.roll(np.tile((np.arange(24) < 6).astype(float), 365), 8)
    storage = Storage(round_trip_efficiency=0.85, minimum_state_of_charge=0.0)
    _, (mix,), _ = match(pv, 0 * pv, Supply(targets=(1.0,), storage=storage), price=0.0)
    assert mix["generation"] / 876_000 == pytest.approx(1.1324, abs=1e-4)
    assert mix["matched_share"] == pytest.approx(1.0, abs=1e-9)
    assert mix["wind_capacity"] == 0


def test_result_scales_with_the_load():
    pv, wind = weather(3)
    free = (math.inf, math.inf)
    _, small, small_monthly = match(pv, wind, Supply(), mean_mw=1.0, limits=free)
    _, large, large_monthly = match(pv, wind, Supply(), mean_mw=1_000.0, limits=free)
    np.testing.assert_allclose(small_monthly[:, 0], large_monthly[:, 0], rtol=1e-9)
    for a, b in zip(small, large, strict=True):
        np.testing.assert_allclose(1_000 * capacities(a), capacities(b), rtol=1e-9)


@pytest.mark.parametrize("dead", ["pv", "wind"])
def test_a_technology_without_output_is_left_out(dead):
    pv, wind = weather(1)
    pv, wind = (0 * pv, wind) if dead == "pv" else (pv, 0 * wind)
    yields, mixes, _ = match(pv, wind, Supply())
    assert mixes[0][f"{dead}_capacity"] == 0
    assert mixes[0]["matched_share"] >= 0.8
    assert yields[("pv", "wind").index(dead), 12] == 0


def test_what_cannot_be_reached_is_unknown():
    pv, wind = weather(1)
    for series, limits, supply in (
        ((0 * pv, 0 * wind), (1e9, 1e9), Supply()),
        ((pv, wind), (10.0, 10.0), Supply()),
        ((pv, wind), (0.0, 0.0), Supply()),
        ((pv, wind), (1e9, 1e9), Supply(max_overbuild=0.5)),
    ):
        _, mixes, monthly = match(*series, supply, limits=limits)
        assert all(math.isnan(value) for mix in mixes for value in mix.values())
        assert np.isnan(monthly).all()


def test_a_high_target_beyond_reach_leaves_the_lower_one():
    pv, wind = weather(1)
    _, (low, high), _ = match(pv, wind, Supply(targets=(0.5, 0.999), max_overbuild=0.9))
    assert low["matched_share"] >= 0.5 - 1e-8
    assert math.isnan(high["pv_capacity"])


@pytest.mark.parametrize("where", ["pv", "wind", "pv_limit", "wind_limit"])
def test_unknown_input_gives_unknown_portfolio(where):
    pv, wind = (values.copy() for values in weather(1))
    limits = [1e9, 1e9]
    if where in ("pv", "wind"):
        (pv if where == "pv" else wind)[100] = np.nan
    else:
        limits[("pv_limit", "wind_limit").index(where)] = np.nan
    yields, mixes, monthly = match(pv, wind, Supply(), limits=tuple(limits))
    assert all(math.isnan(value) for mix in mixes for value in mix.values())
    assert np.isnan(monthly).all()
    assert np.isnan(yields[:, 12]).tolist() == [where == "pv", where == "wind"]


def test_unknown_import_price_leaves_plants_to_decide():
    pv, wind = weather(2)
    assert match(pv, wind, Supply(), price=math.nan)[1] == match(pv, wind, Supply(), price=0.0)[1]


def test_monthly_shares_and_yields_add_up_to_the_year():
    pv, wind = weather(0)
    yields, mixes, monthly = match(pv, wind, Supply())
    assert monthly[:, 0].mean(axis=1) == pytest.approx([mix["matched_share"] for mix in mixes], rel=1e-12)
    np.testing.assert_allclose(yields[:, :12].mean(axis=1) * HOURS, yields[:, 12], rtol=1e-12)
    assert yields[0, 12] == pytest.approx(pv.sum(), rel=1e-12)


def test_sums_are_those_of_the_hourly_flows():
    pv, wind = weather(0)
    supply = Supply(export_limit_mw=60.0)
    mix = match(pv, wind, supply)[1][1]
    year = dispatch_year(pv, wind, np.full(HOURS, 100.0), Portfolio(*capacities(mix)), supply.storage, export_limit_mw=60.0)
    sums = {name: values.sum() for name, values in year.items()}
    assert mix["import_energy"] == pytest.approx(sums["import"], rel=1e-9)
    assert mix["import_peak"] == year["import"].max()
    assert mix["exported_energy"] == pytest.approx(sums["exported"], rel=1e-9)
    assert mix["curtailed_energy"] == pytest.approx(sums["curtailed"], rel=1e-9)
    assert mix["storage_loss"] == pytest.approx(sums["charge"] - sums["discharge"], rel=1e-9)
    used = sums["direct"] + sums["discharge"] + mix["exported_energy"] + mix["curtailed_energy"] + mix["storage_loss"]
    assert mix["generation"] == pytest.approx(used, rel=1e-9)
    assert mix["matched_share"] == pytest.approx((sums["direct"] + sums["discharge"]) / 876_000, rel=1e-9)


def test_exports_change_neither_portfolio_nor_match():
    pv, wind = weather(0)
    _, without, _ = match(pv, wind, Supply())
    _, with_exports, _ = match(pv, wind, Supply(export_limit_mw=1e4))
    for a, b in zip(without, with_exports, strict=True):
        assert b["exported_energy"] == a["curtailed_energy"] > 0
        assert {k: v for k, v in a.items() if k[0] not in "ceb"} == {k: v for k, v in b.items() if k[0] not in "ceb"}


def test_default_costs_are_those_of_the_cost_book():
    costs = Finance().annual_costs()
    assert costs.pv_cny_per_kw == pytest.approx(COSTS[0] / 1e3, rel=2e-3)
    assert costs.wind_cny_per_kw == pytest.approx(COSTS[1] / 1e3, rel=2e-3)
