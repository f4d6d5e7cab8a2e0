"""The house itself: fast imports, the layout, the contract of the road."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import siting
from siting import scoring, vocabulary

PACKAGE = Path(siting.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"xarray", "pandas", "numpy", "pvlib", "geopandas", "rasterio", "folium", "dask", "numba", "scipy", "windpowerlib", "distributed"}
ROAD = (
    "screen",
    "add_weather",
    "add_pv_yield",
    "add_wind_yield",
    "add_feedin",
    "match_supply",
    "add_costs",
    "add_emissions",
    "score",
    "add_seed_ranges",
)


def load_road():
    """Import the modules of all steps, which register themselves; `add_policy` may follow the road."""
    importlib.import_module("siting.policy")
    return [getattr(siting, name, None) or getattr(scoring, name) for name in ROAD]


@pytest.mark.parametrize("command", ["import siting", "from siting.cli import app; app(['--help'], standalone_mode=False)"])
def test_heavy_libraries_are_not_loaded(command):
    code = f"{command}\nimport sys\nprint('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip().endswith("LOADED []")


def test_public_names_exist():
    assert all(callable(getattr(siting, name)) for name in siting.__all__)
    with pytest.raises(AttributeError, match="no attribute 'sreen'"):
        siting.sreen  # noqa: B018


def test_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert siting.__version__ == version("siting")


def test_data_flow_is_complete_and_never_overwrites():
    """Walk the road: every step finds what it needs, and nothing is written twice."""
    load_road()
    layers = {name for name, variable in vocabulary.VARIABLES.items() if variable.dims[-2:] == ("y", "x")}
    there = layers | {"daily_ghi_quantile", "latitude", "longitude"}
    for name in ROAD:
        step = vocabulary.STEPS[name]
        assert not set(step.needs) - there, f"{name} needs what no earlier step adds"
        assert not set(step.adds) & there, f"{name} overwrites"
        there |= set(step.adds)


def test_every_variable_of_the_vocabulary_is_added_by_a_step_or_is_a_layer():
    load_road()
    added = {name for step in vocabulary.STEPS.values() for name in step.adds}
    layers = {name for name, variable in vocabulary.VARIABLES.items() if variable.dims[-2:] == ("y", "x")}
    assert set(vocabulary.VARIABLES) - added - layers == {"daily_ghi_quantile", "wind_speed_10m", "surface_pressure"}


def test_readme_shows_the_road_as_declared():
    load_road()
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    assert vocabulary.road_table(ROAD) in readme, "paste vocabulary.road_table(ROAD) into the README"


def _functions(tree: ast.AST):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_keep_the_style_of_the_house(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= 600, "is it one subject?"
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)], "input is refused by errors, not asserts"
    broad = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert not broad
    long = [node.name for node in _functions(tree) if node.end_lineno - node.lineno + 1 > 70]
    assert not long, "split these"


def test_check_names_what_is_missing():
    import xarray as xr

    with pytest.raises(vocabulary.MissingVariableError, match="add_wind_yield needs temp_air; the dataset has ghi"):
        vocabulary.check(xr.Dataset({"ghi": 1.0}), ["ghi", "temp_air"], "add_wind_yield")


def test_describe_suggests_the_nearest_name():
    with pytest.raises(vocabulary.MissingVariableError, match="did you mean 'wind_capacity'"):
        vocabulary.describe("wind_capcity")


def test_step_refuses_other_dimensions():
    import xarray as xr

    @vocabulary.step(needs=(), adds=("pv_lcoe",))
    def wrong(dataset):
        return dataset.assign(pv_lcoe=("y", [1.0]))

    vocabulary.STEPS.pop("wrong")
    with pytest.raises(vocabulary.AlignmentError, match=r"should add pv_lcoe with dimensions \('site',\), found \('y',\)"):
        wrong(xr.Dataset())
