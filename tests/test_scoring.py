import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from siting import scoring
from siting.scoring import (
    DEFAULT_CRITERIA,
    STATUS,
    Criterion,
    add_seed_ranges,
    check_criteria,
    rank,
    score,
    target_index,
    tie_groups,
    value,
    weighted_sum,
)
from siting.vocabulary import STEPS, AlignmentError, MissingVariableError, SitingError, StudyError

few = settings(max_examples=25, deadline=None)

# Global weights and scores of ten criteria for three regions, Int. J. Photoenergy 2014, 925370, Table 8.
WEIGHTS_2014 = [0.097, 0.096, 0.090, 0.099, 0.098, 0.090, 0.103, 0.092, 0.120, 0.116]
REGIONS_2014 = {
    "East": [3.667, 3.667, 6.4, 3.667, 3.333, 3.8, 3.667, 3.4, 4.8, 5.6],
    "West": [5.667, 5.333, 8.4, 5.6, 5.667, 6.4, 3.333, 5.4, 7.467, 7.2],
    "South": [2.4, 2.8, 4.4, 2.4, 3.2, 4.2, 3.667, 2.267, 3.333, 4.867],
}


def site_table(count=6, **columns):
    """Sites with plausible figures, all of them fit to be ranked."""
    step = np.arange(count)
    flat = {
        "load_allowed": np.ones(count, dtype=bool),
        "pv_land_fraction": np.full(count, 0.5),
        "wind_land_fraction": np.full(count, 0.5),
        "pv_full_load_hours": 1600.0 - step,
        "wind_full_load_hours": 2500.0 + step,
        "import_price": np.full(count, 0.35),
        "grid_emission_factor": np.full(count, 0.5),
        "distance_to_place": np.full(count, 30.0),
        "distance_to_city": 10.0 * step,
        "altitude": 1200.0 + 100 * step,
        "load_energy": np.full(count, 876_000.0),
    }
    mixed = {
        "matched_share": np.tile([0.8, 0.9], (count, 1)),
        "delivered_cost": np.column_stack([0.25 + 0.01 * step, 0.30 + 0.01 * step]),
        "scope2_location": np.column_stack([0.1 + 0 * step, 0.05 + 0 * step]),
        "battery_energy": np.column_stack([200.0 + 0 * step, 400.0 + 0 * step]),
    }
    for name, column in columns.items():
        (mixed if name in mixed else flat)[name] = column
    return xr.Dataset(
        {k: ("site", v) for k, v in flat.items()} | {k: (("site", "target"), v) for k, v in mixed.items()},
        coords={"site": np.arange(count) * 7 + 100_000, "target": [0.8, 0.9]},
        attrs={"hours": 8760},
    )


def random_table(seed, count=40):
    rng = np.random.default_rng(seed)
    costs = rng.uniform(0.15, 1.0, (count, 2))
    costs[rng.random(count) < 0.2] = np.nan
    return site_table(
        count,
        delivered_cost=costs,
        scope2_location=rng.uniform(0, 0.3, (count, 2)),
        distance_to_city=rng.uniform(0, 250, count),
        altitude=rng.uniform(0, 5000, count),
        load_allowed=rng.random(count) < 0.7,
    )


# value functions and the sum


def test_weighted_sum_reproduces_the_solar_farm_study_of_2014():
    totals = weighted_sum(list(REGIONS_2014.values()), WEIGHTS_2014)
    assert dict(zip(REGIONS_2014, totals, strict=True)) == pytest.approx({"East": 4.231, "West": 6.075, "South": 3.378}, abs=5e-4)
    assert rank(totals, [0, 1, 2], [True] * 3).tolist() == [2, 1, 3]


@pytest.mark.filterwarnings("ignore:Alternatives with indices:UserWarning")
@pytest.mark.parametrize("seed", range(20))
def test_weighted_sum_agrees_with_pymcdm(seed):
    from pymcdm.methods import WSM

    rng = np.random.default_rng(seed)
    values, weights = rng.random((50, 5)), rng.dirichlet(np.ones(5))
    expected = WSM(normalization_function=lambda column, cost: column)(values, weights, np.ones(5))
    assert weighted_sum(values, weights) == pytest.approx(expected, abs=1e-14)
    order = np.argsort(-expected)
    assert rank(weighted_sum(values, weights), np.arange(50), np.ones(50))[order].tolist() == list(range(1, 51))


@pytest.mark.parametrize("weights", [[0.5], [[0.5, 0.5]], [0.2, 0.3, 0.5]])
def test_weighted_sum_refuses_other_shapes(weights):
    with pytest.raises(AlignmentError, match="as many weights"):
        weighted_sum([[0.1, 0.2]], weights)


def test_value_runs_from_worst_to_best_in_either_direction():
    assert value([1, 2, 3], best=1, worst=3).tolist() == [1, 0.5, 0]
    assert value([1, 2, 3], best=3, worst=1).tolist() == [0, 0.5, 1]
    assert value([0, 4], best=3, worst=1).tolist() == [0, 1]


def test_value_of_what_is_not_finite_is_nan():
    assert np.isnan(value([np.nan, np.inf, -np.inf], best=1, worst=3)).all()


def test_value_has_no_negative_zero():
    assert not np.signbit(value([3.0, 4.0], best=1, worst=3)).any()


def test_value_refuses_equal_ends():
    with pytest.raises(StudyError, match="different levels"):
        value([1.0], best=2, worst=2)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_value_is_bounded_and_monotone(x, best, worst):
    if abs(best - worst) < 1e-6:
        return
    low, high = value([x, x + np.sign(best - worst)], best, worst)
    assert 0 <= low <= high <= 1


# criteria


def test_default_criteria_are_sound_and_cost_dominates():
    check_criteria(DEFAULT_CRITERIA)
    cost, *others = DEFAULT_CRITERIA
    assert (cost.variable, cost.target) == ("delivered_cost", 0.9)
    assert cost.weight > sum(other.weight for other in others)


def test_default_criteria_trade_in_cost():
    """A score of 0.01 is 0.01 CNY/kWh, which makes the price of carbon 600 CNY/t, as documented."""
    cost, carbon, city, height = DEFAULT_CRITERIA
    assert cost.weight / (cost.worst - cost.best) == pytest.approx(1.0)
    assert carbon.weight / carbon.worst * 1000 == pytest.approx(600)
    assert city.weight / city.worst == pytest.approx(0.0005)
    assert height.weight / (height.worst - height.best) * 1000 == pytest.approx(0.017, abs=5e-4)


def criterion(**changes):
    fields = {"variable": "altitude", "target": None, "weight": 1.0, "best": 0.0, "worst": 1.0, "label": None}
    return Criterion.model_construct(**(fields | changes))


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        ([], "at least one"),
        ([criterion(weight=-1.0)], "positive weight"),
        ([criterion(weight=float("nan"))], "positive weight"),
        ([criterion(weight=0.0)], "positive weight"),
        ([criterion(weight=0.6)], "divide each weight by 0.6"),
        ([criterion(weight=0.5), criterion(weight=0.5)], "criterion once, found altitude twice"),
        ([criterion(weight=0.5, label="a"), criterion(variable="pv_lcoe", weight=0.5, label="a")], "label once, found a twice"),
        ([criterion(variable="altitud")], "did you mean 'altitude'"),
        ([criterion(variable="xyz")], "choose one of"),
        ([criterion(variable="nearest_city")], "number per site"),
        ([criterion(variable="ghi")], "number per site"),
        ([criterion(variable="score")], "number per site"),
        ([criterion(variable="tie_group")], "number per site"),
        ([criterion(variable="temp_air_monthly")], "number per site"),
        ([criterion(variable="delivered_cost")], "add a target"),
        ([criterion(target=0.9)], "no target"),
        ([criterion(best=1.0)], "two different"),
        ([criterion(worst=float("inf"))], "two different"),
    ],
)
def test_criteria_that_make_no_score_are_refused(criteria, text):
    with pytest.raises(StudyError, match=text) as caught:
        check_criteria(criteria)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", [{"weight": -0.1}, {"weight": 0}, {"weight": 60}, {"best": float("nan")}, {"wieght": 1}, {"label": ""}])
def test_criterion_refuses_bad_fields(field):
    with pytest.raises(ValueError, match=next(iter(field))):
        Criterion(**({"variable": "altitude", "weight": 1, "best": 0, "worst": 1} | field))


def test_criteria_are_named_by_label_or_variable_and_target():
    assert [c.name for c in DEFAULT_CRITERIA] == ["delivered_cost_90", "scope2_location_90", "distance_to_city", "altitude"]
    assert criterion(label="海拔").name == "海拔"


# score


def test_score_of_a_site_by_hand():
    scored = score(site_table(1))
    expected = 0.7 * (0.9 - 0.3) / 0.7 + 0.15 * (0.25 - 0.05) / 0.25 + 0.1 + 0.05 * (4000 - 1200) / 3000
    assert scored["score"].item() == pytest.approx(expected, abs=1e-12)
    assert scored["rank"].item() == 1


def test_score_declares_what_it_adds():
    table = site_table()
    before = table.copy(deep=True)
    scored = score(table)
    assert set(scored.variables) - set(table.variables) == {*STEPS["score"].adds, "criterion"}
    assert scored["score"].attrs["units"] == "1"
    assert scored["site_status"].dtype == scored["rank"].dtype == np.int64
    assert scored["site_status"].attrs["flag_masks"] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert scored["site_status"].attrs["flag_meanings"].split("|") == list(STATUS.values())
    xr.testing.assert_identical(table, before)


@few
@given(st.integers(0, 2**32))
def test_contributions_sum_to_the_score(seed):
    scored = score(random_table(seed))
    np.testing.assert_allclose(scored["contribution"].sum("criterion", skipna=False), scored["score"], rtol=0, atol=1e-12)
    assert float(scored["score"].max()) <= 1 + 1e-9


@few
@given(st.integers(0, 2**32), st.lists(st.integers(0, 39), min_size=1, max_size=40, unique=True))
def test_scores_do_not_depend_on_the_other_sites(seed, rows):
    """Any subset in any order has the same scores to the last bit, and the same order of ranks."""
    scored = score(random_table(seed))
    part = score(random_table(seed).isel(site=rows))
    for name in ("score", "contribution", "site_status"):
        np.testing.assert_array_equal(part[name], scored[name].isel(site=rows))
    whole = scored["rank"].to_numpy()[rows]
    kept = part["rank"].to_numpy()
    assert ((whole > 0) == (kept > 0)).all()
    assert (np.argsort(whole[whole > 0]) == np.argsort(kept[kept > 0])).all()


@few
@given(st.integers(0, 2**32))
def test_ranks_are_one_to_n_and_say_why_not(seed):
    scored = score(random_table(seed))
    ranks, status = scored["rank"].to_numpy(), scored["site_status"].to_numpy()
    ranked = ranks > 0
    assert sorted(ranks[ranked]) == list(range(1, ranked.sum() + 1))
    assert (ranked == (status & (scoring.NO_PARK | scoring.NO_VALUE) == 0)).all()
    assert np.isfinite(scored["score"].to_numpy()[ranked]).all()
    assert (np.diff(scored["score"].to_numpy()[ranked][np.argsort(ranks[ranked])]) <= 0).all()


@few
@given(st.integers(0, 2**32))
def test_a_dominated_site_never_outranks_its_dominator(seed):
    table = random_table(seed)
    scored = score(table)
    levels = np.column_stack([table["delivered_cost"][:, 1], table["scope2_location"][:, 1], table["distance_to_city"], table["altitude"]])
    ranks = scored["rank"].to_numpy()
    ranked = np.flatnonzero(ranks)
    worse = (levels[ranked, None] <= levels[None, ranked]).all(axis=2) & (levels[ranked, None] < levels[None, ranked]).any(axis=2)
    scores = scored["score"].to_numpy()[ranked]
    assert (scores[:, None] >= scores[None, :])[worse].all()
    strictly = worse & (scores[:, None] > scores[None, :])
    assert (ranks[ranked][:, None] < ranks[ranked][None, :])[strictly].all()


@few
@given(st.integers(0, 2**32), st.integers(0, 39))
def test_a_site_that_loses_data_is_unranked_and_moves_no_other_score(seed, row):
    table = random_table(seed)
    costs = table["delivered_cost"].to_numpy().copy()
    costs[row] = np.nan
    before, after = score(table), score(table.assign(delivered_cost=(("site", "target"), costs)))
    assert after["rank"].to_numpy()[row] == 0
    assert after["site_status"].to_numpy()[row] & scoring.NO_VALUE
    others = np.delete(np.arange(40), row)
    np.testing.assert_array_equal(after["score"][others], before["score"][others])
    first, then = before["rank"].to_numpy(), after["rank"].to_numpy()
    closed_up = first - ((first[row] > 0) & (first > first[row]))
    np.testing.assert_array_equal(then[others], closed_up[others])


@few
@given(st.permutations(range(6)))
def test_ties_go_to_the_smaller_site_number_in_any_order(order):
    flat = {"distance_to_city": np.zeros(6), "altitude": np.zeros(6), "delivered_cost": np.full((6, 2), 0.3)}
    scored = score(site_table(**flat).isel(site=order)).sortby("site")
    assert scored["rank"].to_numpy().tolist() == [1, 2, 3, 4, 5, 6]


def test_rank_is_total_over_zeros_infinities_and_nan():
    assert rank([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0], [5, 4, 3, 2, 1, 0], [True] * 6).tolist() == [3, 2, 0, 0, 0, 1]


def test_rank_of_nothing_and_of_one():
    assert rank([], [], []).tolist() == []
    assert rank([0.4], [3], [True]).tolist() == [1]
    assert score(site_table(0)).sizes["site"] == 0


def test_rank_refuses_repeated_sites():
    with pytest.raises(AlignmentError, match="repeated"):
        rank([0.1, 0.2], [3, 3], [True, True])


@pytest.mark.parametrize(
    ("columns", "bit"),
    [
        ({"load_allowed": np.array([False])}, scoring.NO_PARK),
        ({"pv_land_fraction": np.zeros(1), "wind_land_fraction": np.zeros(1)}, scoring.NO_PLANTS),
        ({"wind_full_load_hours": np.array([np.nan]), "matched_share": np.full((1, 2), np.nan)}, scoring.NO_RESOURCE),
        ({"matched_share": np.array([[0.8, 0.89]])}, scoring.TARGET_MISSED),
        ({"matched_share": np.array([[0.8, np.nan]])}, scoring.TARGET_MISSED),
        ({"matched_share": np.array([[0.1, 0.9 - 1e-9]])}, 0),
        ({"import_price": np.array([np.nan])}, scoring.NO_PRICE),
        ({"grid_emission_factor": np.array([np.nan])}, scoring.NO_FACTOR),
        ({"distance_to_place": np.array([100.5])}, scoring.FAR),
        ({"distance_to_place": np.array([100.0])}, 0),
        ({"scope2_location": np.full((1, 2), np.nan)}, scoring.NO_VALUE),
        ({"delivered_cost": np.full((1, 2), np.inf)}, scoring.NO_VALUE),
    ],
)
def test_status_says_what_is_wrong_with_a_site(columns, bit):
    scored = score(site_table(1, **columns))
    assert scored["site_status"].item() == bit
    assert scoring.explain_status(bit) == ((STATUS[bit],) if bit else ())


def test_parks_without_supply_on_their_cell_are_counted_in_a_warning():
    """At 10 km a cell holds 120 MW of wind by default, so that a load of 200 MW can leave no site to rank."""
    shares = np.array([[0.8, 0.9], [0.8, np.nan], [np.nan, np.nan], [np.nan, np.nan]])
    scored = score(site_table(4, matched_share=shares, load_allowed=np.array([True, True, True, False])))
    (warning,) = json.loads(scored.attrs["warnings"])
    assert warning.startswith("In 2 of 3 cells where a park may stand, no mix on the land open to its plants reaches")
    assert json.loads(score(site_table()).attrs["warnings"]) == []


def test_status_adds_up():
    scored = score(site_table(1, load_allowed=np.array([False]), grid_emission_factor=np.array([np.nan])))
    assert scoring.explain_status(scored["site_status"].item()) == ("park not allowed here", "no emission factor")


def test_score_refuses_an_absent_target_or_variable():
    absent = [criterion(variable="delivered_cost", target=0.95)]
    with pytest.raises(StudyError, match=r"targets 0\.8, 0\.9, found 0\.95"):
        score(site_table(), absent)
    with pytest.raises(MissingVariableError, match="pv_lcoe"):
        score(site_table(), [criterion(variable="pv_lcoe")])
    with pytest.raises(MissingVariableError, match="matched_share"):
        score(site_table().drop_vars("matched_share"))


def test_score_of_lazy_sites_is_the_same():
    table = random_table(5)
    xr.testing.assert_identical(score(table.chunk(site=7)).compute(), score(table))


# seeds


def seeded(count, shifts):
    """Leading sites under other seeds, with costs shifted by site."""
    return [score(site_table(count, delivered_cost=np.add.outer(0.30 + 0.01 * np.arange(count) + shift, [0.0, 0.0]))) for shift in shifts]


def test_ranges_span_all_seeds():
    everything = score(site_table(4))
    tables = seeded(4, [np.array([0.02, 0, 0, 0]), np.array([0.015, 0, 0, 0])])
    leading = [table.isel(site=[0, 1]) for table in tables]
    ranged = add_seed_ranges(everything, leading)
    assert ranged["delivered_cost_range"].to_numpy()[:2] == pytest.approx(np.array([[0.30, 0.32], [0.31, 0.31]]))
    assert ranged["rank_range"].to_numpy()[:2].tolist() == [[1, 2], [1, 2]]
    assert ranged["storage_hours_range"].to_numpy()[:2] == pytest.approx(4.0)
    assert ranged["bound"].to_numpy().tolist() == ["low", "high"]
    assert ranged["delivered_cost_range"].attrs["units"] == "CNY kWh-1"
    for name in ("delivered_cost_range", "storage_hours_range", "rank_range"):
        assert np.isnan(ranged[name].to_numpy()[2:]).all()
    assert ranged["tie_group"].to_numpy()[2:].tolist() == [0, 0]


def test_ranges_do_not_depend_on_the_order_of_tables_or_sites():
    everything = score(site_table(5))
    rng = np.random.default_rng(3)
    tables = seeded(5, rng.normal(0, 0.01, (4, 5)))
    ranged = add_seed_ranges(everything, tables)
    turned = add_seed_ranges(everything, [table.isel(site=[3, 0, 4, 1, 2]) for table in tables[::-1]])
    for name in ("delivered_cost_range", "storage_hours_range", "rank_range", "tie_group"):
        np.testing.assert_array_equal(ranged[name], turned[name])


def test_a_leading_site_without_a_value_under_one_seed_has_no_range():
    tables = seeded(3, [np.array([0, np.nan, 0])])
    ranged = add_seed_ranges(score(site_table(3)), tables)
    assert np.isnan(ranged["rank_range"].to_numpy()[1]).all()
    assert np.isnan(ranged["delivered_cost_range"].to_numpy()[1]).all()
    assert ranged["tie_group"].to_numpy()[1] == 0
    assert np.isfinite(ranged["rank_range"].to_numpy()[[0, 2]]).all()


def test_seed_ranges_refuse_what_does_not_match():
    everything = score(site_table(4))
    one, two = seeded(4, [0.01, 0.02])
    with pytest.raises(StudyError, match="at least one other seed"):
        add_seed_ranges(everything, [])
    with pytest.raises(AlignmentError, match="same leading sites"):
        add_seed_ranges(everything, [one, two.isel(site=[1, 0, 2, 3])])
    with pytest.raises(AlignmentError, match="1 unknown"):
        add_seed_ranges(everything.isel(site=[0, 1, 2]), [one])
    with pytest.raises(AlignmentError, match="targets"):
        add_seed_ranges(everything, [one.assign_coords(target=[0.7, 0.9])])
    with pytest.raises(StudyError, match=r"found 0\.5"):
        add_seed_ranges(everything, [one], target=0.5)
    with pytest.raises(MissingVariableError, match="hours"):
        add_seed_ranges(everything, [one.drop_attrs()])


def test_sites_tie_when_the_weather_decides_between_them():
    common = np.array([0.0, 0.05, -0.05, 0.02])[:, None]
    scores = common + np.array([0.80, 0.79, 0.60, 0.60])  # constant differences: weather moves all alike
    assert tie_groups(scores, [1, 2, 3, 4]).tolist() == [1, 2, 3, 3]
    scores[:, 1] += [0.02, -0.02, 0.02, -0.02]  # now the first two swap with the weather
    assert tie_groups(scores, [1, 2, 3, 4]).tolist() == [1, 1, 2, 2]


def test_tie_at_the_edge_of_the_spread():
    """Differences 0.2 and 2: mean 1.1, sample standard deviation 1.27, a tie; 1 and 2: mean 1.5, deviation 0.71, none."""
    assert tie_groups([[2.0, 1.8], [2.0, 0.0]], [1, 2]).tolist() == [1, 1]
    assert tie_groups([[2.0, 1.0], [2.0, 0.0]], [1, 2]).tolist() == [1, 2]


@given(arrays(float, st.tuples(st.integers(2, 6), st.integers(1, 9)), elements=st.sampled_from([*np.arange(0, 1, 1 / 64), np.nan])))
def test_tie_groups_cover_the_sites_with_all_scores(scores):
    groups = tie_groups(scores, np.arange(scores.shape[1]))
    complete = np.isfinite(scores).all(axis=0)
    assert ((groups > 0) == complete).all()
    assert set(groups[complete]) == set(range(1, groups.max(initial=0) + 1))
    if complete.any():
        assert groups[np.flatnonzero(complete)[np.argmax(scores[:, complete].mean(axis=0).round(12))]] == 1


def test_tie_groups_refuse_a_single_seed():
    with pytest.raises(SitingError, match="two seeds"):
        tie_groups([[0.5, 0.4]], [1, 2])


def test_what_is_told_is_told_at_the_target_of_the_score():
    criteria = (
        Criterion(variable="delivered_cost", target=0.8, weight=0.9, best=0.2, worst=0.9),
        Criterion(variable="scope2_location", target=0.9, weight=0.1, best=0.0, worst=0.25),
    )
    table = site_table()
    scored = score(table, criteria)
    assert scored.attrs["main_target"] == 0.8
    assert target_index(scored, None) == 0
    assert target_index(table, None) == 1
