"""The bits of numbers tell what lies beyond limits as the numbers do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from siting.yields.curves import JIT
from siting.yields.gates import LIMITS, surely_plausible
from siting.yields.quick_look import any_beyond, bits


@njit(**JIT)
def bits_of(value):
    return bits(value)


@given(st.floats(width=32), st.floats(0, 100, width=32), st.sampled_from([np.float32, np.float64]))
def test_bits_are_above_those_of_a_limit_where_a_number_is_beyond_it_or_below_zero_or_missing(value, limit, dtype):
    number, edge = dtype(value), dtype(limit)
    assert bits_of(number) == number.view(f"u{number.nbytes}")
    negative = bool(np.signbit(number)) and not np.isnan(number)
    assert (bits_of(number) > bits_of(edge)) == (not number <= edge or negative)


@given(st.lists(st.floats(-200, 200) | st.just(np.nan), min_size=1, max_size=30), st.floats(-100, 0), st.floats(0, 100))
def test_the_close_look_finds_what_is_beyond_and_nothing_else(values, lowest, highest):
    array = np.array([values])
    with np.errstate(invalid="ignore"):
        assert any_beyond(array, lowest, highest) == bool(((array < lowest) | (array > highest)).any())


@pytest.mark.parametrize("name", ["ghi", "wind_speed_100m", "temp_air"])
def test_what_passes_the_quick_look_is_within_the_limits(name):
    reach, (lowest, highest, _) = surely_plausible(name), LIMITS[name]
    assert reach <= highest
    assert lowest == 0 or -reach >= lowest


def test_a_variable_that_is_never_zero_has_no_quick_look():
    with pytest.raises(ValueError, match="surface_pressure from 40000 on; compare it with both limits"):
        surely_plausible("surface_pressure")
