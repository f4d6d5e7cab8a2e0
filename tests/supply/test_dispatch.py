import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import dispatch as reference

from siting.supply import Portfolio, Storage, dispatch_year
from siting.supply.account import Market, account, account_mixes
from siting.supply.dispatch import SERIES, Battery, Mix, Spans, find_anchor, merge, room_for, served_with_slope, trace
from siting.supply.site import QUANTITIES
from siting.vocabulary import AlignmentError, UnitsError

LOSSLESS = Storage(round_trip_efficiency=1.0, minimum_state_of_charge=0.0)


def square_sun(hours_a_day=6.0, days=10):
    day = np.clip(hours_a_day - np.arange(24), 0, 1)
    return np.roll(np.tile(day, days), 8)


def random_case(seed, hours=200):
    rng = np.random.default_rng(seed)
    pv, wind = rng.random(hours) * (rng.random(hours) > 0.5), rng.random(hours) ** 2
    load = 1.0 + rng.random(hours)
    mix = Mix(*(rng.uniform(0, 4, 2)), rng.uniform(0.05, 1.5), rng.uniform(0.1, 12))
    battery = Battery(rng.uniform(0.8, 1), rng.uniform(0.8, 1), rng.uniform(0.5, 1))
    return pv, wind, load, mix, battery


def hours_of(pv, wind, load):
    return Spans(pv, wind, load, np.ones(load.size))


def merged(year, mix):
    return merge(year, mix, room_for(year))


def flows(pv, wind, load, mix, battery, export_limit=0.0):
    hourly = np.full((len(SERIES), load.size), np.nan)
    trace(pv, wind, load, mix, battery, export_limit, hourly)
    return dict(zip(SERIES, hourly, strict=True))


@pytest.mark.parametrize("hours_a_day", [3.0, 6.0, 7.5, 12.0])
def test_square_sun_without_storage_matches_its_hours(hours_a_day):
    """Annual ratio 1: the matched share is d / 24."""
    pv = square_sun(hours_a_day)
    year = dispatch_year(pv, 0 * pv, np.ones(pv.size), Portfolio(24 / hours_a_day, 0.0))
    matched = 1 - year["import"].mean()
    whole = np.floor(hours_a_day)
    assert matched == pytest.approx((whole + min((hours_a_day - whole) * 24 / hours_a_day, 1)) / 24, rel=1e-12)


@pytest.mark.parametrize("energy", [0.0, 3.0, 9.0, 18.0, 40.0])
def test_square_sun_with_lossless_battery(energy):
    """The share is d/24 + min(E, (24 - d) L) / (24 L), and 100 % from E = 18 L."""
    pv = square_sun()
    year = dispatch_year(pv, 0 * pv, np.ones(pv.size), Portfolio(4.0, 0.0, 3.0, energy), LOSSLESS)
    assert 1 - year["import"].mean() == pytest.approx(6 / 24 + min(energy, 18) / 24, rel=1e-12)


def test_square_sun_with_losses_needs_overbuild():
    """RTE 0.85 and 100 % hourly: overbuild [6 + 18 / 0.85] / 24 = 1.1324."""
    pv, storage = square_sun(), Storage(round_trip_efficiency=0.85, minimum_state_of_charge=0.0)
    overbuild = (6 + 18 / 0.85) / 24
    assert overbuild == pytest.approx(1.1324, abs=5e-5)
    enough = dispatch_year(pv, 0 * pv, np.ones(pv.size), Portfolio(4 * overbuild * (1 + 1e-9), 0.0, 10.0, 40.0), storage)
    short = dispatch_year(pv, 0 * pv, np.ones(pv.size), Portfolio(4 * overbuild * 0.999, 0.0, 10.0, 40.0), storage)
    assert enough["import"].sum() < 1e-9
    assert short["import"].sum() > 1e-3


@pytest.mark.parametrize("seed", range(60))
def test_equals_plain_reference_in_every_hour(seed):
    pv, wind, load, mix, battery = random_case(seed)
    found = flows(pv, wind, load, mix, battery)
    charge, discharge, missing, level = reference.cyclic(
        pv * mix.pv + wind * mix.wind, load, mix.power, mix.energy * battery.usable, battery.charge, battery.discharge
    )
    for name, expected in (("charge", charge), ("discharge", discharge), ("import", missing), ("state_of_charge", level)):
        np.testing.assert_allclose(found[name], expected, atol=1e-10)


@pytest.mark.parametrize("seed", range(25))
def test_missing_energy_is_the_optimum_of_the_linear_programme(seed):
    pv, wind, load, mix, battery = random_case(seed)
    best = reference.least_missing(
        pv * mix.pv + wind * mix.wind, load, mix.power, mix.energy * battery.usable, battery.charge, battery.discharge
    )
    slope = np.empty(4)
    assert flows(pv, wind, load, mix, battery)["import"].sum() == pytest.approx(best, abs=1e-9 * load.sum())
    assert served_with_slope(hours_of(pv, wind, load), mix, battery, slope) == pytest.approx(best, abs=1e-9 * load.sum())


@pytest.mark.parametrize("hours", [200, 201, 2, 1])
@pytest.mark.parametrize("energy", [0.0, 0.5, 12.0, 400.0])
@pytest.mark.parametrize("seed", range(12))
def test_passes_find_what_a_walk_through_the_hours_finds(seed, energy, hours):
    """Short stores meet their bounds every day, long ones once a year or never."""
    pv, wind, load, mix, battery = random_case(seed, hours)
    year, slope = hours_of(pv, wind, load), np.empty(4)
    mix = mix._replace(energy=energy)
    missing, expected = reference.missing_and_slope(year, mix, battery)
    assert served_with_slope(year, mix, battery, slope) == pytest.approx(missing, abs=1e-11 * load.sum())
    if energy == 0.0:  # both full and empty at midnight: one cycle of a first MWh more is as good a supergradient
        assert expected[3] - 1e-10 <= slope[3] <= expected[3] + battery.usable * battery.discharge + 1e-10
        slope[3] = expected[3]
    np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-10 * load.sum())


def test_oracle_sees_a_planted_error():
    """One per cent off in an efficiency must not pass for equal."""
    pv, wind, load, mix, battery = random_case(3)
    best = reference.least_missing(
        pv * mix.pv + wind * mix.wind, load, mix.power, mix.energy * battery.usable, 0.99 * battery.charge, battery.discharge
    )
    assert abs(flows(pv, wind, load, mix, battery)["import"].sum() - best) > 1e-6 * load.sum()


CASES = st.integers(0, 2**32 - 1)


@settings(max_examples=150, deadline=None)
@given(CASES, st.floats(0, 3))
def test_every_hour_balances_and_the_store_closes(seed, export_limit):
    pv, wind, load, mix, battery = random_case(seed)
    f = flows(pv, wind, load, mix, battery, export_limit)
    full = mix.energy * battery.usable
    np.testing.assert_allclose(f["direct"] + f["charge"] + f["exported"] + f["curtailed"], f["generation"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(f["direct"] + f["discharge"] + f["import"], load, rtol=0, atol=1e-12)
    change = f["state_of_charge"] - np.roll(f["state_of_charge"], 1)
    np.testing.assert_allclose(battery.charge * f["charge"] - f["discharge"] / battery.discharge, change, rtol=0, atol=1e-9 * full)
    assert all(np.all(values >= 0) for values in f.values())
    assert f["state_of_charge"].max() <= full
    assert max(f["charge"].max(), f["discharge"].max()) <= mix.power
    assert f["exported"].max() <= export_limit
    assert not np.any((f["charge"] > 0) & (f["discharge"] > 0))


@settings(max_examples=150, deadline=None)
@given(CASES, st.sampled_from(["pv", "wind", "power", "energy"]), st.floats(0, 5))
def test_more_of_anything_never_matches_less(seed, field, more):
    pv, wind, load, mix, battery = random_case(seed)
    larger = mix._replace(**{field: getattr(mix, field) + more})
    slack = 1e-12 * load.sum()
    assert flows(pv, wind, load, larger, battery)["import"].sum() <= flows(pv, wind, load, mix, battery)["import"].sum() + slack


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_matched_share_is_bounded_by_load_and_generation(seed):
    """Without storage, 0 <= share <= min(1, sum of generation over sum of load); hourly <= annual."""
    pv, wind, load, mix, battery = random_case(seed)
    f = flows(pv, wind, load, mix._replace(power=0.0, energy=0.0), battery)
    share = 1 - f["import"].sum() / load.sum()
    assert 0 <= share <= min(1.0, f["generation"].sum() / load.sum()) + 1e-12
    stored = flows(pv, wind, load, mix, battery)
    assert share <= 1 - stored["import"].sum() / load.sum() + 1e-12


@settings(max_examples=100, deadline=None)
@given(CASES, CASES)
def test_planes_bound_the_served_energy_everywhere(seed, other):
    """A supergradient at one portfolio bounds all portfolios, also those without a battery."""
    pv, wind, load, mix, battery = random_case(seed)
    rng = np.random.default_rng(other)
    elsewhere = Mix(*rng.uniform(0, 5, 3), rng.uniform(0, 15))
    bare = mix._replace(power=0.0, energy=0.0)
    for here, there in ((mix, elsewhere), (bare, elsewhere), (elsewhere, bare), (mix._replace(power=1.0), elsewhere)):
        slope = np.empty(4)
        served = load.sum() - served_with_slope(hours_of(pv, wind, load), here, battery, slope)
        bound = served + float(slope @ (np.array(there) - np.array(here)))
        assert load.sum() - flows(pv, wind, load, there, battery)["import"].sum() <= bound + 1e-9 * load.sum()


@settings(max_examples=150, deadline=None)
@given(CASES, CASES)
def test_merged_hours_need_no_more_and_the_same_for_their_portfolio(seed, other):
    """Planes below the import of merged hours are below that of the hours, everywhere; they touch at the portfolio."""
    pv, wind, load, mix, battery = random_case(seed)
    year, rng = hours_of(pv, wind, load), np.random.default_rng(other)
    spans, slope, same = merged(year, mix), np.empty(4), np.empty(4)
    assert spans.load.size <= load.size
    np.testing.assert_allclose([values.sum() for values in spans], [values.sum() for values in year], rtol=1e-12)
    here = served_with_slope(year, mix, battery, slope)
    assert served_with_slope(spans, mix, battery, same) == pytest.approx(here, abs=1e-11 * load.sum())
    np.testing.assert_allclose(same, slope, atol=1e-9 * load.sum())
    elsewhere = Mix(*rng.uniform(0, 5, 3), rng.uniform(0, 15))
    relaxed = served_with_slope(spans, elsewhere, battery, slope)
    assert relaxed <= served_with_slope(year, elsewhere, battery, np.empty(4)) + 1e-11 * load.sum()
    plane = relaxed - float(slope @ (np.array(mix) - np.array(elsewhere)))
    assert plane <= here + 1e-11 * load.sum()


def test_hours_that_a_portfolio_treats_alike_are_merged():
    """A night, two hours that fill the battery beyond its power, and a morning within it."""
    pv = np.array([0.0, 0.0, 0.5, 1.0, 1.0, 0.0])
    load = np.full(6, 0.4)
    spans = merged(hours_of(pv, 0 * pv, load), Mix(1.0, 0.0, 0.4, 2.0))
    assert spans.hours.tolist() == [2, 1, 2, 1]
    assert spans.pv.tolist() == [0.0, 0.5, 2.0, 0.0]


def test_merging_by_another_portfolio_hides_imports():
    """Else the property above would hold for hours left as they are."""
    pv, wind, load, mix, battery = random_case(5)
    spans = merged(hours_of(pv, wind, load), mix._replace(pv=4 * mix.pv, power=9.0))
    full = served_with_slope(hours_of(pv, wind, load), mix, battery, np.empty(4))
    assert served_with_slope(spans, mix, battery, np.empty(4)) < full - 1e-3 * load.sum()


@pytest.mark.parametrize("seed", range(10))
def test_slope_is_the_finite_difference(seed):
    pv, wind, load, mix, battery = random_case(seed)
    slope, step = np.empty(4), 1e-7
    missing = served_with_slope(hours_of(pv, wind, load), mix, battery, slope)
    for k, field in enumerate(Mix._fields):
        moved = mix._replace(**{field: getattr(mix, field) + step})
        difference = (missing - served_with_slope(hours_of(pv, wind, load), moved, battery, np.empty(4))) / step
        assert difference == pytest.approx(slope[k], rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("surplus", [0.9, 1.1])
def test_store_that_never_fills_and_empties_within_the_year_still_closes(surplus):
    """A seasonal store: the cyclic start is found in the second year."""
    pv = np.r_[np.full(100, 2.0), np.zeros(100)] * surplus / 2
    load = np.full(200, 0.5)
    mix, battery = Mix(1.0, 0.0, 10.0, 1e4), Battery(1.0, 1.0, 1.0)
    f = flows(pv, 0 * pv, load, mix, battery)
    change = f["state_of_charge"] - np.roll(f["state_of_charge"], 1)
    np.testing.assert_allclose(f["charge"] - f["discharge"], change, atol=1e-9)
    assert f["import"].sum() == pytest.approx(max(100.0 - 100 * surplus, 0.0), abs=1e-9)
    assert find_anchor(hours_of(pv, 0 * pv, load), mix, battery).level in (0.0, 1e4)


def test_idle_hour_without_net_keeps_the_store():
    ones = np.ones(24)
    f = flows(ones, 0 * ones, ones, Mix(1.0, 0.0, 1.0, 4.0), Battery(0.9, 0.9, 1.0))
    assert f["import"].sum() == f["curtailed"].sum() == f["charge"].sum() == 0
    assert np.ptp(f["state_of_charge"]) == 0


def test_state_of_charge_counts_the_unused_part():
    pv = square_sun()
    year = dispatch_year(pv, 0 * pv, np.ones(pv.size), Portfolio(6.0, 0.0, 3.0, 10.0), Storage(minimum_state_of_charge=0.2))
    assert year["state_of_charge"].min() == pytest.approx(2.0)
    assert year["state_of_charge"].max() == pytest.approx(10.0)


def test_unknown_hours_stay_unknown():
    pv = square_sun()
    pv[30] = np.nan
    year = dispatch_year(pv, 0 * pv, np.ones(pv.size), Portfolio(6.0, 0.0))
    assert np.isnan(year["import"][30])


def test_bad_series_are_refused():
    ones = np.ones(24)
    with pytest.raises(AlignmentError, match="one length"):
        dispatch_year(ones, ones[:-1], ones, Portfolio(1.0, 1.0))
    with pytest.raises(UnitsError, match="not in %"):
        dispatch_year(ones * 35, ones, ones, Portfolio(1.0, 1.0))
    with pytest.raises(UnitsError, match="0 or more"):
        dispatch_year(ones, ones, ones, Portfolio(1.0, -1.0))
    with pytest.raises(UnitsError, match="0 or more"):
        dispatch_year(ones, ones, ones * np.nan, Portfolio(1.0, 1.0))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    short=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    days=st.sampled_from([24, 360]),
    count=st.sampled_from([1, 5, 11]),
    big=st.sampled_from([1.0, 1e3]),
)
def test_sums_side_by_side_are_those_of_the_hours(seed, short, days, count, big):
    """The kernel against plain sums of the traced hours: lulls across the year's end, batteries that never fill, and no portfolio."""
    pv, wind, load, mix, battery = random_case(seed, 24 * days)
    rng = np.random.default_rng(seed)
    gone = rng.random(load.size) < short
    pv, wind = np.where(gone, 0.0, pv), np.where(gone, 0.0, wind)
    month, market = np.repeat(np.arange(1, 13), load.size // 12), Market(*rng.random((3, load.size)))
    capacities = np.array(mix) * rng.uniform(0.2, 2.0, (count, 4)) * [1.0, 1.0, 1.0, big]
    capacities[rng.random(count) < 0.2] = np.nan
    plain, fused = np.full((2, count, len(QUANTITIES)), np.nan), np.full((2, count, 4, 12), np.nan)
    for k in np.flatnonzero(np.isfinite(capacities[:, 0])):
        hourly = np.empty((len(SERIES), load.size))
        trace(pv, wind, load, Mix(*capacities[k]), battery, 0.4, hourly)
        plain[0, k, :4] = capacities[k]
        account(hourly, month, load, market, battery, plain[0, k], fused[0, k])
    account_mixes(pv, wind, load, month, market, battery, 0.4, capacities, plain[1], fused[1])
    exact = [QUANTITIES.index(name) for name in ("import_peak", "import_hours", "longest_lull")]
    np.testing.assert_array_equal(plain[1][:, exact], plain[0][:, exact])
    np.testing.assert_allclose(plain[1], plain[0], rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(fused[1], fused[0], rtol=1e-11, atol=1e-9)


def test_even_prices_make_no_factor():
    pv, wind, load, mix, battery = random_case(3, 24 * 360)
    totals, monthly = np.full((1, len(QUANTITIES)), np.nan), np.full((1, 4, 12), np.nan)
    market = Market(np.zeros(load.size), np.zeros(load.size), np.ones(load.size))
    account_mixes(pv, wind, load, np.repeat(np.arange(1, 13), 720), market, battery, 0.0, np.array([mix]), totals, monthly)
    assert totals[0, QUANTITIES.index("import_energy")] > 0
    assert totals[0, QUANTITIES.index("import_price_factor")] == 1.0
