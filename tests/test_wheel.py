"""The wheel carries the catalog and works where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = """
from siting import catalog
from siting.study import read_study, shipped_studies
print(catalog.root().name)
for name in catalog.entries():
    catalog.open_entry(name)
for name in ("china", "northwest"):
    read_study(name)
print(len(catalog.entries()), "entries", len(shipped_studies()), "studies")
"""


@pytest.mark.slow
def test_wheel_works_without_a_checkout(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 6_000_000
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "_catalog"
    assert "18 entries 4 studies" in done.stdout
