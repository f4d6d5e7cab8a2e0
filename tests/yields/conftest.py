"""Weather that the yield tests share, and the way to the reference implementations."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture(scope="session", params=[2013, 2016])
def both_years(request) -> xr.Dataset:
    """A common and a leap year at 20 places from 60 S to 70 N."""
    from reference.weather import make_weather

    return make_weather(request.param, 20)


@pytest.fixture(scope="session")
def weather() -> xr.Dataset:
    """A leap year at 8 places from 60 S to 70 N."""
    from reference.weather import make_weather

    return make_weather(2016, 8)
