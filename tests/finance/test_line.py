import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting.finance import LineCosts, VoltageStep, line_cost, line_designs
from siting.finance.line import STEPS
from siting.vocabulary import StudyError, UnitsError

WIDE = LineCosts(highest_voltage_kv=500)


def test_a_line_by_hand():
    """300 MW over 100 km at 220 kV, one circuit: 115 M CNY of line, 30 of bays, 2 transformers; 6 % and 40 a is 0.066462."""
    line = line_cost(300, 100, 0.06, LineCosts(steps=STEPS[2:3], detour_factor=1))
    capex = 100 * 1.15e6 + 30e6 + 2 * 120e6
    assert (line.rows, line.step) == (1, STEPS[2])
    assert line.capex_cny == pytest.approx(capex)
    assert line.annual_cost_cny == pytest.approx(capex * (0.066462 + 0.0175), rel=1e-5)
    assert line.loss_share == pytest.approx(0.01)
    assert line.loss_cost_cny == pytest.approx(0.01 * 300e3 * 2_500 * 0.17)


def test_small_and_near_is_110_kv_and_large_and_far_is_more():
    assert line_cost(50, 10, 0.06).step.voltage_kv == 110
    assert line_cost(300, 90, 0.06).step.voltage_kv >= 220
    assert line_cost(4_000, 400, 0.06, WIDE).step.voltage_kv == 500


def test_no_distance_needs_no_line():
    assert line_cost(100, 0, 0.06) == line_cost(0, 50, 0.06) == (None, 0, 0, 0, 0, 0)


@given(st.floats(0, 5_000), st.floats(0, 500), st.floats(0, 150))
def test_longer_is_never_cheaper(power, distance, more):
    near, far = (line_cost(power, length, 0.06, WIDE) for length in (distance, distance + more))
    assert far.total_cny >= near.total_cny * (1 - 1e-12)


@given(st.floats(0, 5_000), st.floats(0, 5_000), st.floats(0, 500))
def test_more_power_is_never_cheaper(power, more, distance):
    small, large = (line_cost(each, distance, 0.06, WIDE) for each in (power, power + more))
    assert large.total_cny >= small.total_cny * (1 - 1e-12)


@given(st.floats(1, 3_000), st.floats(1, 400))
def test_the_choice_is_the_cheapest_that_carries_the_power(power, distance):
    best = line_cost(power, distance, 0.06, WIDE)
    assert best.rows * best.step.capacity_mw >= power
    for step in STEPS:
        if distance * WIDE.detour_factor <= step.reach_km:
            single = line_cost(power, distance, 0.06, LineCosts(steps=(step,), highest_voltage_kv=500))
            assert single.total_cny >= best.total_cny


def test_lines_out_of_reach_or_without_sense_are_refused():
    with pytest.raises(StudyError, match="at most 600 km at 330 kV or less, found 690 km; fix: allow a higher voltage"):
        line_cost(100, 600, 0.06)
    for power, distance in ((-1, 5), (5, -1), (float("nan"), 5), (5, float("inf"))):
        with pytest.raises(UnitsError, match="power and a distance of 0 or more"):
            line_cost(power, distance, 0.06)
    with pytest.raises(ValueError, match="greater than 0"):
        VoltageStep(**{**STEPS[0].model_dump(), "capacity_mw": 0})


CHEAPEST = LineCosts(highest_voltage_kv=500, lost_energy_cny_per_kwh=0.0)


@settings(deadline=None)
@given(st.floats(1, 2_000), st.floats(0.01, 1), st.floats(1, 300))
def test_among_the_designs_is_the_cheapest_line_for_any_smaller_power(most, part, distance):
    designs = line_designs(most, distance, 0.06, CHEAPEST)
    power = most * part
    carries = designs.capacity_mw >= power
    assert designs.annual_cost_cny[carries].min() == pytest.approx(line_cost(power, distance, 0.06, CHEAPEST).annual_cost_cny, rel=1e-9)


@settings(deadline=None)
@given(st.floats(1, 5_000), st.floats(1, 300))
def test_no_design_is_weaker_dearer_and_lossier_than_another(most, distance):
    designs = line_designs(most, distance, 0.06, WIDE)
    assert (np.diff(designs.capacity_mw) >= 0).all()
    assert designs.capacity_mw.max() >= most
    useful, cost, loss = np.minimum(designs.capacity_mw, most), designs.annual_cost_cny, designs.loss_share
    as_good = (useful[:, None] >= useful) & (cost[:, None] <= cost) & (loss[:, None] <= loss)
    assert (as_good == np.eye(cost.size, dtype=bool)).all()


def test_designs_by_hand():
    """One circuit at 110 kV with 1 or 2 transformers of 63 MW, and a second row of towers."""
    designs = line_designs(100, 50, 0.06, LineCosts(steps=STEPS[:1], detour_factor=1))
    assert designs.capacity_mw.tolist() == [63, 80, 126]
    capex = np.array([50 * 0.85 + 10 + 25, 50 * 0.85 + 10 + 2 * 25, 2 * (50 * 0.85 + 10) + 2 * 25]) * 1e6
    np.testing.assert_allclose(designs.annual_cost_cny, capex * (0.066462 + 0.0175), rtol=1e-5)
    np.testing.assert_allclose(designs.loss_share, 1 - 0.98**0.5)
    assert designs.voltage_kv.tolist() == [110, 110, 110]


def test_designs_without_sense_or_out_of_reach_are_refused():
    with pytest.raises(StudyError, match="at most 600 km at 330 kV or less, found 690 km"):
        line_designs(100, 600, 0.06)
    for power, distance in ((0, 5), (5, 0), (-1, 5), (5, float("nan"))):
        with pytest.raises(UnitsError, match="Expected a power and a distance"):
            line_designs(power, distance, 0.06)
