import math

import numpy as np
import pytest
from reference.dispatch import least_cost
from reference.years import HOURS, weather
from scipy.optimize import brentq, minimize_scalar

from siting.finance import Finance
from siting.supply import QUANTITIES, Block, Portfolio, Storage, Supply, dispatch_year, match_block
from siting.supply.portfolio import Planes, Rays, lowest_on_ray

COSTS = (272_000.0, 402_000.0, 73_000.0, 65_000.0)
MONTH = np.repeat(np.arange(1, 13), HOURS // 12)
SMALL = Supply(pv_shares=(0, 0.3, 0.7, 1), storage=Storage(hours=(0, 4, 10), durations=(2, 6)), max_overbuild=5, tolerance=1e-5)


def match(pv, wind, supply, price=350.0, limits=(1e9, 1e9), mean_mw=100.0):
    block = Block(np.full(pv.size, mean_mw), MONTH, supply, COSTS, mean_mw)
    yields, mixes, monthly = match_block(pv[None], wind[None], limits[:1], limits[1:], price, block=block)
    return yields[0], [dict(zip(QUANTITIES, row, strict=True)) for row in mixes[0]], monthly[0]


def capacities(mix):
    return np.array([mix[name] for name in ("pv_capacity", "wind_capacity", "battery_power", "battery_energy")])


def cost(mix, price):
    return capacities(mix) @ COSTS + price * mix["import_energy"]


def brute_force(pv, wind, supply, target, price):
    """Cheapest portfolio of the same grid: every ray, its overbuild found by bracketing and by bounded minimisation."""
    load = 100.0 * pv.size
    best = math.inf
    for share in supply.pv_shares:
        for hours in supply.storage.hours:
            for duration in supply.storage.durations:
                per_scale = (share * load / pv.sum(), (1 - share) * load / wind.sum())
                battery = (100.0 * hours / duration, 100.0 * hours)

                def imported(scale, per_scale=per_scale, battery=battery):
                    mix = Portfolio(per_scale[0] * scale, per_scale[1] * scale, *battery)
                    return dispatch_year(pv, wind, np.full(pv.size, 100.0), mix, supply.storage)["import"].sum()

                def total(scale, per_scale=per_scale, battery=battery, imported=imported):
                    return np.dot([per_scale[0] * scale, per_scale[1] * scale, *battery], COSTS) + price * imported(scale)

                if imported(supply.max_overbuild) > (1 - target) * load:
                    continue
                least = brentq(lambda scale, imported=imported: imported(scale) - (1 - target) * load, 0.0, supply.max_overbuild, xtol=1e-9)
                free = minimize_scalar(total, bounds=(least, supply.max_overbuild), method="bounded", options={"xatol": 1e-6})
                best = min(best, total(least), free.fun)
    return best


@pytest.mark.parametrize(("seed", "price"), [(0, 350.0), (1, 0.0), (2, 900.0)])
def test_search_is_as_cheap_as_brute_force_on_the_same_grid(seed, price):
    """Dearer by at most the tolerances of share and cost; cheaper only by less, as the target is reached from above."""
    pv, wind = weather(seed)
    _, mixes, _ = match(pv, wind, SMALL, price)
    for target, mix in zip(SMALL.targets, mixes, strict=True):
        best = brute_force(pv, wind, SMALL, target, price)
        assert best * (1 - 1e-9) <= cost(mix, price) <= best * (1 + 1e-4)


@pytest.mark.parametrize(("seed", "price"), [(0, 0.0), (1, 350.0), (2, 1_500.0)])
def test_default_grid_is_close_to_the_linear_programme(seed, price):
    """Continuous capacities are at most 2 % cheaper, and never dearer. Annual costs are scaled to the two weeks of the test."""
    pv, wind = (values[2000:2336] for values in weather(seed))
    costs = tuple(value * 336 / HOURS for value in COSTS)
    block = Block(np.full(336, 100.0), MONTH[:336], Supply(), costs, 100.0)
    _, mixes, _ = match_block(pv[None], wind[None], [1e9], [1e9], price, block=block)
    for target, row in zip(Supply().targets, mixes[0], strict=True):
        found = row[:4] @ costs + price * row[QUANTITIES.index("import_energy")]
        best = least_cost(pv, wind, np.full(336, 100.0), target, costs, price, 0.9, math.sqrt(0.86))
        assert best * (1 - 1e-9) <= found <= best * 1.02


@pytest.mark.parametrize("seed", range(6))
def test_targets_are_reached_from_above(seed):
    pv, wind = weather(seed)
    supply = Supply(targets=(0.5, 0.8, 0.9, 0.95))
    _, mixes, _ = match(pv, wind, supply, price=0.0)
    for target, mix in zip(supply.targets, mixes, strict=True):
        assert target <= mix["matched_share"] <= target + supply.tolerance
        assert mix["balance_residual"] <= 1e-9


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
    storage = Storage(round_trip_efficiency=0.85, minimum_state_of_charge=0.0, hours=(24,), durations=(4,))
    _, (mix,), _ = match(pv, 0 * pv, Supply(targets=(1.0,), storage=storage, pv_shares=(0, 0.5, 1)), price=0.0)
    assert mix["generation"] / 876_000 == pytest.approx(1.1324, abs=1e-4)
    assert mix["matched_share"] == pytest.approx(1.0, abs=1e-9)
    assert mix["wind_capacity"] == 0


def test_result_scales_with_the_load():
    pv, wind = weather(3)
    _, small, small_monthly = match(pv, wind, Supply(), mean_mw=1.0)
    _, large, large_monthly = match(pv, wind, Supply(), mean_mw=1_000.0)
    np.testing.assert_allclose(small_monthly, large_monthly, rtol=1e-9)
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
        ((pv, wind), (1e9, 1e9), Supply(targets=(0.999999, 1.0), storage=Storage(hours=(0,)), max_overbuild=1.5)),
    ):
        _, mixes, monthly = match(*series, supply, limits=limits)
        assert all(math.isnan(value) for mix in mixes for value in mix.values())
        assert np.isnan(monthly).all()


def test_a_high_target_beyond_reach_leaves_the_lower_one():
    pv, wind = weather(1)
    _, (low, high), _ = match(pv, wind, Supply(targets=(0.5, 0.999), storage=Storage(hours=(0,)), max_overbuild=3))
    assert low["matched_share"] >= 0.5
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
    assert monthly.mean(axis=1) == pytest.approx([mix["matched_share"] for mix in mixes], rel=1e-12)
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


def test_overbuild_on_a_ray_follows_the_envelope():
    """Planes 10, 4 s and 2 + 2 s: 5 is met at 1.5, from 4 on only the load bounds."""
    one, zero = np.ones(1), np.zeros(1)
    planes = Planes(
        np.array([10.0, 0.0, 2.0, 0.0]), np.array([[0, 0, 0, 0], [4, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]], dtype=float), 3 * one
    )
    rays = Rays(one, zero, zero, zero, 7 * one, one, 8 * one)
    lines = np.empty((2, 4))
    assert lowest_on_ray(rays, 0, planes, 5.0, 0.0, lines) == pytest.approx((1.5, 8.5))
    assert lowest_on_ray(rays, 0, planes, 5.0, 0.6, lines) == pytest.approx((4.0, 7 + 4 - 6.0))
    assert lowest_on_ray(rays, 0, planes, 10.5, 0.0, lines) == (math.inf, math.inf)
    assert lowest_on_ray(rays._replace(limit=one), 0, planes, 5.0, 0.0, lines) == (math.inf, math.inf)
    assert lowest_on_ray(rays._replace(limit=2 * one), 0, planes, 5.0, 0.6, lines) == pytest.approx((2.0, 7 + 2 - 0.6 * 6))


def test_default_costs_are_those_of_the_cost_book():
    costs = Finance().annual_costs()
    assert costs.pv_cny_per_kw == pytest.approx(COSTS[0] / 1e3, rel=2e-3)
    assert costs.wind_cny_per_kw == pytest.approx(COSTS[1] / 1e3, rel=2e-3)
