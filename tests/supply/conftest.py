"""A site table with a year of capacity factors, and the way to the reference implementations."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def sites():
    from reference.years import make_sites

    return make_sites()
