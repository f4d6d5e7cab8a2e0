"""What only the linear programme knows, against closed forms, the fast engine and looser problems."""

import math

import numpy as np
import pytest
from pydantic import ValidationError
from reference.years import weather

from siting.demand import Flexibility, Load
from siting.demand.flexibility import AnnualEnergy, split, still
from siting.finance import Finance
from siting.supply import Limits, Portfolio, Storage, Supply, dispatch_year, match_block, programme, slow_parts
from siting.supply.dispatch import SERIES, Battery
from siting.supply.hydrogen import Synthesis
from siting.supply.site import BINDING, FAST, PROGRAMME, QUANTITIES, Block

COSTS = (272_000.0, 402_000.0, 73_000.0, 65_000.0)
DAYS = 14
HOURS = 24 * DAYS
LOSSLESS = Battery(1.0, 1.0, 1.0)
SQUARE = np.tile((np.arange(24) < 6).astype(float), DAYS)


def flexible(load, **flexibility):
    day = np.arange(load.size) // 24
    return split(load, float(load.mean()), day, Flexibility(**flexibility))


def problem(load, pv=SQUARE, wind=None, target=1.0, **more):
    usual = {
        "costs": np.array([10.0, 1e6, 1e4, 1e4, 0.0]), "import_price": np.zeros(load.firm.size), "carbon_free": np.zeros(load.firm.size),
        "export_price": 0.0, "export_limit": 0.0, "export_share": 1.0, "limits": np.full(5, np.inf), "target": target, "self_use": 0.0,
        "own_share": 0.0, "overbuild": 100.0,
    }  # fmt: skip
    return programme.Problem(pv, np.zeros(pv.size) if wind is None else wind, load, **(usual | more))


def sized(solution):
    return dict(zip(programme.CAPACITIES, solution.capacities, strict=True))


def match(supply, load=None, parts=None, days=30, seed=0, charge=0.0, grid=0.0, hydrogen=None, **more):
    """Portfolio of one made-up site over some weeks."""
    pv, wind = (values[: 24 * days] for values in weather(seed))
    load = np.full(24 * days, 100.0) if load is None else load
    month = np.repeat(np.arange(1, 13), 2 * days)
    given = {"price_factor": np.ones(load.size), "export_price": 0.0} | more
    block = Block(load, month, supply, COSTS, float(load.mean()), 1, capacity_charge=charge, parts=parts, hydrogen=hydrogen, **given)
    block = block._replace(costs=tuple(np.array(COSTS) * days / 365))
    feedin = np.broadcast_to(np.asarray(grid, dtype=float), (2, 1, load.size))
    _, mixes, _, _ = match_block(pv[None], wind[None], [1e9], [1e9], 350.0, 0, block=block, feedin=feedin)
    return [dict(zip(QUANTITIES, row, strict=True)) for row in mixes[0]], block


def total(mix, block, price=350.0):
    capacities = [mix[name] for name in QUANTITIES[:4]]
    gas = block.hydrogen
    made = mix["electrolyser_capacity"] * gas.electrolyser_cost + mix["hydrogen_tank"] * gas.tank_cost if gas else 0.0
    bought = price * mix["import_energy"] * mix["import_price_factor"] - block.export_price * mix["exported_energy"]
    return np.dot(capacities, block.costs) + made + bought + mix["grid_capacity"] * block.capacity_charge + mix["cut_cost"]


def test_a_load_free_to_choose_its_hours_follows_the_sun():
    """Four times its mean in the quarter of the day with sun, and no battery."""
    load = flexible(np.ones(HOURS), annual_energy=AnnualEnergy(share=1.0, power_factor=4.0))
    solution = programme.solve(problem(load), LOSSLESS)
    assert solution.cost == pytest.approx(40.0, rel=1e-9)
    assert sized(solution)["energy"] == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(solution.served, 4.0 * SQUARE, atol=1e-7)


def test_a_least_power_is_kept():
    load = flexible(np.ones(HOURS), annual_energy=AnnualEnergy(share=1.0, power_factor=4.0, minimum_load=0.05))
    solution = programme.solve(problem(load), LOSSLESS)
    assert solution.served.min() == pytest.approx(0.2, abs=1e-8)
    assert sized(solution)["energy"] == pytest.approx(18 * 0.2, rel=1e-8)


def test_load_shifts_within_its_day_only():
    """A day without sun needs a battery although the load of each day could move."""
    load = flexible(np.ones(HOURS), shiftable_share=1.0, shift_up_share=3.0)
    assert programme.solve(problem(load), LOSSLESS).cost == pytest.approx(40.0, rel=1e-9)
    dark = SQUARE.copy()
    dark[24:48] = 0.0
    solution = programme.solve(problem(load, pv=dark), LOSSLESS)
    assert sized(solution)["energy"] == pytest.approx(24.0, rel=1e-8)
    np.testing.assert_allclose(solution.served.reshape(DAYS, 24).sum(axis=1), 24.0, rtol=1e-9)


def test_load_is_cut_as_far_as_it_pays():
    """Half of one day without sun may be cut; below the cost of the battery it is, above it isn't."""
    dark = SQUARE.copy()
    dark[24:48] = 0.0
    for price, cut in ((0.1, 0.5 * HOURS * 0.05), (1e3, 0.0)):
        load = flexible(np.ones(HOURS), interruptible_share=0.5, interruptible_energy_share=0.025, interruption_price_cny_per_kwh=price)
        solution = programme.solve(problem(load, pv=dark, costs=np.array([10.0, 1e6, 1e4, 1e4, 0.0])), LOSSLESS)
        assert solution.cut.sum() == pytest.approx(cut, abs=1e-6)
        assert solution.served.sum() == pytest.approx(HOURS - cut, rel=1e-9)


def test_hydrogen_of_the_day_is_kept_for_the_night():
    """Four times the mean power while the sun shines, and a tank of eighteen hours."""
    gas = programme.Hydrogen(np.full(HOURS, 10.0), 0.05, 1.0, 0.001)
    solution = programme.solve(problem(still(np.zeros(HOURS)), hydrogen=gas), LOSSLESS)
    capacities = sized(solution)
    assert capacities["electrolyser"] == pytest.approx(4 * 0.5, rel=1e-8)
    assert capacities["tank"] == pytest.approx(18 * 10.0, rel=1e-8)
    assert capacities["pv"] == pytest.approx(2.0, rel=1e-8)
    assert capacities["energy"] == pytest.approx(0.0, abs=1e-8)


def test_a_dear_tank_is_replaced_by_a_battery():
    gas = programme.Hydrogen(np.full(HOURS, 10.0), 0.05, 1.0, 1e9)
    capacities = sized(programme.solve(problem(still(np.zeros(HOURS)), hydrogen=gas), LOSSLESS))
    assert capacities["tank"] == pytest.approx(0.0, abs=1e-8)
    assert capacities["energy"] == pytest.approx(18 * 0.5, rel=1e-8)


def follows(lowest, highest, missing_price=np.inf):
    return programme.Hydrogen(np.full(HOURS, 10.0), 0.05, 1.0, 0.001, programme.Follower(0.01, lowest, highest, missing_price))


def test_a_synthesis_that_may_rest_needs_no_tank():
    """Four times its mean while the sun shines, with its own electricity."""
    solution = programme.solve(problem(still(np.zeros(HOURS)), hydrogen=follows(0.0, 40.0)), LOSSLESS)
    assert sized(solution)["tank"] == pytest.approx(0.0, abs=1e-7)
    assert sized(solution)["pv"] == pytest.approx(4 * 10 * 0.06, rel=1e-8)
    np.testing.assert_allclose(solution.hydrogen, 40.0 * SQUARE, atol=1e-6)
    np.testing.assert_allclose(solution.served, 2.4 * SQUARE, atol=1e-7)


def test_a_synthesis_keeps_its_least_rate_from_tank_and_battery():
    solution = programme.solve(problem(still(np.zeros(HOURS)), hydrogen=follows(5.0, 40.0)), LOSSLESS)
    assert solution.hydrogen.min() == pytest.approx(5.0, rel=1e-8)
    assert solution.hydrogen.sum() == pytest.approx(10 * HOURS, rel=1e-8)
    assert sized(solution)["tank"] == pytest.approx(18 * 5, rel=1e-7)
    assert sized(solution)["energy"] == pytest.approx(18 * 5 * 0.01, rel=1e-7)


def test_a_synthesis_of_one_rate_is_an_even_demand():
    rigid = programme.solve(problem(still(np.full(HOURS, 0.1)), hydrogen=follows(0.0, 0.0)._replace(synthesis=None)), LOSSLESS)
    even = programme.solve(problem(still(np.zeros(HOURS)), hydrogen=follows(10.0, 10.0)), LOSSLESS)
    assert even.cost == pytest.approx(rigid.cost, rel=1e-8)


def test_plants_that_are_too_small_leave_hydrogen_missing():
    """Half of the plants make half of the hydrogen; without a price for what is missing there is no answer."""
    small = {"limits": np.array([1.2, 0.0, np.inf, np.inf, 0.0]), "costs": np.array([0.0, 0.0, 1e4, 1e4, 0.0])}
    solution = programme.solve(problem(still(np.zeros(HOURS)), hydrogen=follows(0.0, 40.0, 100.0), **small), LOSSLESS)
    assert solution.hydrogen.sum() == pytest.approx(5 * HOURS, rel=1e-8)
    assert not math.isfinite(programme.solve(problem(still(np.zeros(HOURS)), hydrogen=follows(0.0, 40.0), **small), LOSSLESS).cost)


def test_grid_capacity_is_the_least_that_serves():
    """With half of a flat load from the grid and a battery for nothing, the grid runs evenly."""
    free = np.array([1e5, 1e9, 0.0, 0.0, 1.0])
    solution = programme.solve(problem(still(np.ones(HOURS)), target=0.5, costs=free), LOSSLESS)
    assert sized(solution)["grid"] == pytest.approx(0.5, rel=1e-6)
    dear = programme.solve(problem(still(np.ones(HOURS)), target=0.25, costs=np.array([10.0, 1e6, 1e4, 1e4, 1.0])), LOSSLESS)
    assert sized(dear)["grid"] == pytest.approx(1.0, rel=1e-9)


def test_power_of_the_grid_charges_where_it_is_clean():
    """Clean power at noon, kept for the night, matches all; it can't where the grid may not charge."""
    clean = SQUARE.copy()
    kept = problem(still(np.ones(HOURS)), pv=0 * SQUARE, carbon_free=clean, costs=np.array([1e6, 1e6, 1.0, 1.0, 0.0]))
    assert not math.isfinite(programme.solve(kept, LOSSLESS).cost)
    solution = programme.solve(kept._replace(grid_charges=True), LOSSLESS)
    flows = dict(zip(SERIES, solution.flows, strict=True))
    assert flows["grid_charge"].sum() == pytest.approx(18 * DAYS, rel=1e-8)
    assert flows["import"][clean == 0].max() == pytest.approx(0.0, abs=1e-8)
    np.testing.assert_allclose(flows["direct"] + flows["discharge"] + flows["import"] - flows["grid_charge"], 1.0, atol=1e-8)


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_total_matching_with_one_share_is_the_same_in_both_engines(share):
    """The fast engine lets more be imported by what is clean of it."""
    supply = Supply(targets=(0.9,), matching="total")
    (fast,), block = match(supply, grid=share)
    varied = np.full(720, share) + np.where(np.arange(720) % 2 == 0, 1e-9, -1e-9)
    (exact,), _ = match(supply, grid=varied)
    assert fast["supply_engine"] == FAST
    assert exact["supply_engine"] == PROGRAMME
    lower = total(fast, block) * (1 - fast["sizing_gap"])
    assert lower * (1 - 1e-6) <= total(exact, block) <= total(fast, block) * (1 + 1e-6)
    for mix in (fast, exact):
        assert mix["matched_share"] + share * (1 - mix["matched_share"]) >= 0.9 - 1e-6
    (contracted,), _ = match(Supply(targets=(0.9,)), grid=share)
    assert total(contracted, block) > total(fast, block)


def test_total_matching_of_an_unknown_grid_is_unknown():
    supply = Supply(targets=(0.9,), matching="total")
    (mix,), _ = match(supply, grid=np.nan)
    assert math.isnan(mix["pv_capacity"])


def test_chosen_capacity_costs_no_more_than_the_peak_and_no_charge_off_the_grid():
    peak, block = match(Supply(targets=(0.8, 1.0)), charge=5e4)
    chosen, _ = match(Supply(targets=(0.8, 1.0), grid_capacity="chosen"), charge=5e4)
    assert [mix["supply_engine"] for mix in chosen] == [PROGRAMME, PROGRAMME]
    assert peak[0]["grid_capacity"] == 100.0
    assert 0 < chosen[0]["grid_capacity"] < 100.0
    assert chosen[0]["import_peak"] == pytest.approx(chosen[0]["grid_capacity"], rel=1e-6)
    assert total(chosen[0], block) < total(peak[0], block)
    assert chosen[1]["grid_capacity"] == peak[1]["grid_capacity"] == 0.0


STEPS = {
    "a fifth shifts": {"shiftable_share": 0.2},
    "a fifth may be cut": {"interruptible_share": 0.2, "interruption_price_cny_per_kwh": 0.3},
    "half chooses its hours": {"annual_energy": AnnualEnergy(share=0.5)},
}


@pytest.mark.parametrize("name", list(STEPS))
def test_flexibility_never_costs_more(name):
    load = np.full(720, 100.0)
    (plain,), block = match(Supply(targets=(0.9,), tolerance=1e-6))
    costs = [total(plain, block)]
    for scale in (0.5, 1.0):
        bend = {key: value * scale if key.endswith("share") else value for key, value in STEPS[name].items()}
        if "annual_energy" in bend:
            bend["annual_energy"] = AnnualEnergy(share=0.5 * scale)
        parts = flexible(load, **bend)
        (mix,), block = match(Supply(targets=(0.9,)), parts=parts)
        assert mix["supply_engine"] == PROGRAMME
        assert mix["balance_residual"] < 1e-7
        assert mix["matched_share"] >= 0.9 - 1e-7
        costs.append(total(mix, block))
    assert costs[1] < costs[0]
    assert costs[2] <= costs[1] * (1 + 1e-7)


def test_cleaner_grids_and_charging_from_them_never_cost_more():
    shares = np.where(np.arange(720) % 24 < 8, 0.9, 0.2)
    supply = Supply(targets=(0.95,), matching="total")
    (dirty,), block = match(supply, grid=0.8 * shares)
    (clean,), _ = match(supply, grid=shares)
    charging = supply.model_copy(update={"storage": Storage(grid_charging=True), "grid_capacity": "chosen"})
    (charged,), _ = match(charging, grid=shares)
    assert total(clean, block) <= total(dirty, block) * (1 + 1e-7)
    assert total(charged, block) <= total(clean, block) * (1 + 1e-7)
    assert charged["grid_charged_energy"] > 0
    assert charged["balance_residual"] < 1e-7


def test_all_at_once_keeps_its_balances_and_limits():
    parts = flexible(np.full(720, 100.0), shiftable_share=0.2, interruptible_share=0.1, annual_energy=AnnualEnergy(share=0.3))
    gas = programme.Hydrogen(np.full(720, 400.0), 0.0535, 1e4, 20.0)
    limits = Limits(self_use_share_min=0.6, own_share_min=0.3, export_share_max=0.1)
    supply = Supply(
        targets=(0.9,), matching="total", grid_capacity="chosen", export_limit_mw=30.0, limits=limits, storage=Storage(grid_charging=True)
    )
    hours = np.arange(720)
    more = {"price_factor": np.where(hours % 24 > 17, 1.5, 0.8), "export_price": 150.0}
    load = parts.firm + parts.free_energy / 720 + gas.electricity * gas.demand
    (mix,), block = match(supply, load=load, parts=parts, charge=5e4, grid=np.where(hours % 24 < 8, 0.9, 0.2), hydrogen=gas, **more)
    assert mix["balance_residual"] < 1e-7
    assert mix["exported_energy"] <= 0.1 * mix["generation"] * (1 + 1e-7)
    assert bool(int(mix["supply_limits"]) & BINDING["export_share"]) == (mix["exported_energy"] >= 0.1 * mix["generation"] * (1 - 1e-6))
    assert mix["import_energy"] - mix["import_carbon_free_energy"] <= 0.1 * (load.sum() - mix["cut_energy"]) * (1 + 1e-6)
    assert mix["electrolyser_capacity"] >= 0.0535 * 400 * (1 - 1e-9)
    (plain,), _ = match(supply, load=load, charge=5e4, grid=0.2, hydrogen=gas, **more)
    assert total(plain, block) >= total(mix, block) * (1 - 1e-7)


def test_storing_first_is_not_the_best_under_a_limit_on_exports():
    """What greedy dispatch doesn't know: under a limit it pays to sell now and to store what can't be sold later."""
    load, pv = np.array([0.0, 0.0, 1.0] * 8), np.array([0.5, 1.0, 0.0] * 8)
    fixed = np.array([2.0, 0.0, 1.0, 1.0, 1.0])
    given = problem(
        still(load),
        pv=pv,
        target=0.5,
        costs=np.zeros(5),
        limits=fixed,
        import_price=np.full(24, 500.0),
        export_price=100.0,
        export_limit=1.0,
    )
    best = programme.solve(given, LOSSLESS)
    greedy = dispatch_year(
        pv, 0 * pv, load, Portfolio(2.0, 0.0, 1.0, 1.0), Storage(round_trip_efficiency=1, minimum_state_of_charge=0), export_limit_mw=1.0
    )
    assert greedy["import"].sum() == pytest.approx(0.0, abs=1e-12)
    assert greedy["exported"].sum() == pytest.approx(8.0)
    assert best.cost == pytest.approx(-100.0 * 16, rel=1e-9)


def test_what_moves_stays_within_the_peak_that_is_contracted():
    """A load that may gather in a few hours imports no more in them than its project contracts."""
    parts = flexible(np.full(720, 100.0), annual_energy=AnnualEnergy(share=0.8, power_factor=4.0))
    cheap_at_night = np.where(np.arange(720) % 24 < 3, 0.1, 1.5)
    (mix,), _ = match(Supply(targets=(0.3,)), parts=parts, charge=5e4, price_factor=cheap_at_night)
    assert mix["grid_capacity"] == pytest.approx(100.0, rel=1e-9)
    assert mix["import_peak"] <= 100.0 * (1 + 1e-9)


def test_a_synthesis_that_follows_costs_less_and_is_refused_where_its_least_rate_is_too_much():
    demand = np.full(720, 400.0)
    even = programme.Hydrogen(demand, 0.0535, 1e4, 20.0, Synthesis(minimum_load=1.0, full_load_hours=8766).follower(400.0))
    bent = even._replace(synthesis=Synthesis(minimum_load=0.3, full_load_hours=6000).follower(400.0))
    load = np.full(720, 20.0) + even.power * demand
    costs = []
    for gas in (even, bent):
        (mix,), block = match(Supply(targets=(0.9,)), load=load, hydrogen=gas)
        assert mix["balance_residual"] < 1e-7
        costs.append(total(mix, block))
    assert costs[1] < costs[0]
    with pytest.raises(ValidationError, match="lower the former"):
        Synthesis(minimum_load=0.8, full_load_hours=6000)


def test_another_method_is_tried_where_one_ends_in_difficulties(monkeypatch):
    import scipy.optimize

    genuine, tried = scipy.optimize.linprog, []

    def stubborn(*arguments, method, **options):
        tried.append(method)
        result = genuine(*arguments, method=method, **options)
        result.status = 4 if method == "highs" else result.status
        return result

    asked = problem(still(np.ones(HOURS)), target=0.8)
    expected = programme.solve(asked, LOSSLESS)
    monkeypatch.setattr(scipy.optimize, "linprog", stubborn)
    found = programme.solve(asked, LOSSLESS)
    assert tried == ["highs", "highs-ipm"]
    assert found.cost == pytest.approx(expected.cost, rel=1e-7)


def test_a_study_says_before_it_runs_what_needs_the_programme():
    """In one sentence, and in the words of the study."""
    assert slow_parts(Load(), Supply(), Finance(), (2013,)) == []
    (every,) = slow_parts(Load(), Supply(storage=Storage(grid_charging=True), grid_capacity="chosen"), Finance(), (2013, 2016))
    assert every.startswith("a chosen grid capacity, a battery charged by the grid: every site goes to the linear programme")
    finance = Finance.model_validate({"tariff": {"export_price_cny_per_kwh": 0.15}})
    (some,) = slow_parts(Load(), Supply(export_limit_mw=50.0), finance, (2013,))
    assert some.startswith("paid exports: sites that the fast engine can't certify")
