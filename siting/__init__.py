"""Sites for 100 %-green industrial clusters: where, with what wind, sun and storage, at what cost, and how green.

The public names are loaded when first used, so that ``import siting`` stays fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from siting.economics import add_costs as add_costs
    from siting.emissions import add_emissions as add_emissions
    from siting.feedin import add_feedin as add_feedin
    from siting.land import explain as explain
    from siting.land import screen as screen
    from siting.layers import open_layers as open_layers
    from siting.maps import map_zones as map_zones
    from siting.policy import add_policy as add_policy
    from siting.resource import add_weather as add_weather
    from siting.runner import run as run
    from siting.scoring import score as score
    from siting.study import Study as Study
    from siting.study import read_study as read_study
    from siting.supply import match_supply as match_supply
    from siting.yields.pv import add_pv_yield as add_pv_yield
    from siting.yields.wind import add_wind_yield as add_wind_yield
    from siting.zones import delineate_zones as delineate_zones

__version__ = "0.1.0"

_HOME = {
    "Study": "study",
    "read_study": "study",
    "open_layers": "layers",
    "explain": "land",
    "screen": "land",
    "add_weather": "resource",
    "add_pv_yield": "yields.pv",
    "add_wind_yield": "yields.wind",
    "add_feedin": "feedin",
    "match_supply": "supply",
    "add_costs": "economics",
    "add_emissions": "emissions",
    "add_policy": "policy",
    "score": "scoring",
    "delineate_zones": "zones",
    "map_zones": "maps",
    "run": "runner",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'siting' has no attribute {name!r}")
    return getattr(importlib.import_module(f"siting.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
