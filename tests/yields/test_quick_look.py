"""The quick look at limits never misses an hour that a look at every number finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from siting.yields.quick_look import may_leave, may_stray


def _numbers(dtype):
    width = 8 * np.dtype(dtype).itemsize
    return arrays(dtype, st.integers(1, 40), elements=st.floats(-200, 200, width=width) | st.just(np.nan) | st.just(-0.0) | st.just(np.inf))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([np.float32, np.float64]).flatmap(_numbers))
def test_quick_look_finds_all_that_lies_beyond(values):
    with np.errstate(invalid="ignore"):
        if not ((values >= 0) & (values <= 60)).all():
            assert may_leave(values, np.float32(60))
        if not (np.abs(values) <= 70).all():
            assert may_stray(values, np.float32(70))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quick_look_lets_plausible_hours_pass(dtype):
    assert not may_leave(np.array([0.0, 5.0, 60.0], dtype), np.float32(60))
    assert not may_stray(np.array([-70.0, -0.0, 70.0], dtype), np.float32(70))
