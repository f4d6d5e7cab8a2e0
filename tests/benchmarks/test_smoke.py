"""The benchmarks run on few sites and name the rivals that are missing; no time is asserted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "scripts" / "benchmark"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
def test_yields_are_compared(tmp_path):
    done = benchmark("yields", "--sites", "4", "--rival-sites", "1", "--repeats", "1", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| ")]
    names = {row[0].strip(): row for row in rows}
    for rival in ("pvlib by hand, Hay-Davies, Faiman", "windpowerlib ModelChain, density-corrected", "windpowerlib ModelChain, no density"):
        assert float(names[rival][6].split(",")[0]) < 2e-5
    for rival in ("atlite", "PySAM"):
        assert any(rival in name for name in names) or f"left out: {rival}" in done.stderr
    assert (tmp_path / "yields.png").stat().st_size > 10_000
    assert (tmp_path / "yields.md").read_text(encoding="utf-8") in done.stdout


@pytest.mark.slow
def test_scaling_is_measured():
    done = benchmark("scaling", "--sites", "2", "4", "--block", "2", "--repeats", "1", "--kinds", "wind")
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith(("| 2 |", "| 4 |"))]) == 2


@pytest.mark.slow
def test_sizings_are_compared(tmp_path):
    done = benchmark("supply", "--sites", "1", "--targets", "0.9", "--hours", "480", "--repeats", "1", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if line.startswith("| siting")]
    bounded = [row for row in rows if len(row) == 8]
    assert len(bounded) == 8
    for row in bounded:
        assert float(row[4]) <= (1e-3 if "gap 0.001" in row[0] else 1e-4)
        assert row[6] in ("1 of 1", "")
    for rival in ("HiGHS", "linopy", "PyPSA"):
        assert f"| {rival}" in done.stdout or f"left out: {rival}" in done.stderr
    assert "is not within" not in done.stdout
    assert (tmp_path / "supply.png").stat().st_size > 10_000
    assert (tmp_path / "supply.md").read_text(encoding="utf-8") in done.stdout


@pytest.mark.slow
def test_china_is_measured():
    done = benchmark("china", "--cells", "4", "--threads", "1", "--block", "2", "--targets", "0.8", "0.9")
    assert done.returncode == 0, done.stderr
    assert "4 cells, DC80, DC90" in done.stdout
    assert "8 of 8 portfolios certified" in done.stdout
