"""The count of all faults; the module comes last, after those that try them."""

from __future__ import annotations

import pytest
from faults.study_cases import CASES, FILES


def test_every_fault_was_refused_and_none_ended_in_a_traceback(tally, record_property):
    if len(tally.tried) < len(CASES) + len(FILES):
        pytest.skip("counts only when the other modules of this folder ran before it")
    record_property("faults", f"{len(tally.tried)} tried, {len(tally.refused)} refused, {len(tally.tracebacks)} tracebacks")
    assert len(set(tally.tried)) == len(tally.tried)
    assert len(tally.tried) >= 490
    assert tally.refused == tally.tried
    assert not tally.tracebacks
