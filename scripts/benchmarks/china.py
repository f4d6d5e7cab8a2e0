"""Cells of mainland China from a weather store to their least-cost supply at several targets: cells a second and peak memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

SCRIPTS = Path(__file__).parents[1]
_HOURLY = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")
_YEAR = 2013


def run(cells: int, targets: tuple[float, ...], threads: int, block: int, store: Path | None) -> str:
    """Make the store if need be, and measure the road over it in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="siting-china-") as folder:
        store = store or Path(folder) / "store"
        if not store.exists():
            _make_store(store, cells)
        size = sum(each.stat().st_size for each in store.rglob("*") if each.is_file()) / 1e6
        command = [sys.executable, __file__, str(store), str(cells), ",".join(map(str, targets)), str(threads), str(block)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
    shares = ", ".join(f"DC{100 * target:g}" for target in targets)
    return (
        f"{found['cells']:,.0f} cells, {shares}, on site only, from a store of {size:,.0f} MB on {threads} threads, blocks of {block}: "
        f"{found['seconds']:.2f} s, {found['cells'] / found['seconds']:,.0f} cells a second, "
        f"{1e3 * found['processor'] / found['cells']:.2f} ms of processor a cell; peak memory {found['memory']:,.0f} MB, "
        f"{found['memory'] - found['before']:,.0f} MB above that before the first block; "
        f"{found['certified']:,.0f} of {found['portfolios']:,.0f} portfolios certified by the fast engine, largest gap {found['gap']:.1e}"
    )


def _sites(cells: int) -> Any:
    import siting
    from siting.study import Study

    study = Study()
    sites = siting.screen(siting.open_layers(study), study.land)
    return sites.isel(site=np.unique(np.linspace(0, sites.sizes["site"] - 1, cells).astype(int))).load()


def _make_store(path: Path, cells: int) -> None:
    """Synthetic hours at the sites, one weather cell each."""
    from siting import add_weather
    from siting.resource import Weather
    from siting.weather_store import WeatherSource, write_store

    sites = _sites(cells)
    places = sites[["latitude", "longitude", "altitude"]].reset_coords().drop_vars("site").rename(site="cell")

    def supply(rows: slice) -> dict[str, Any]:
        hours = add_weather(sites.isel(site=rows), Weather(year=_YEAR))
        return {name: hours[name].to_numpy() for name in _HOURLY}

    source = WeatherSource(title="Synthetic hours", kind="synthetic", licence="BSD-3-Clause", citation="scripts/benchmark china")
    write_store(path, _YEAR, places, supply, source=source, block_cells=100, reach_km=20.0)


def _measure(store: str, cells: int, targets: tuple[float, ...], threads: int, block: int) -> dict[str, float]:
    from siting.resource import weather_blocks
    from siting.runner import evaluate
    from siting.study import Study

    study = Study.model_validate({"weather": {"source": "store", "path": store, "year": _YEAR}, "supply": {"targets": targets}})
    sites = _sites(cells)
    evaluate(sites.isel(site=slice(2)), study)
    before = _memory()
    blocks = weather_blocks(sites, study.weather, block)
    begin, busy = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        tables = list(pool.map(lambda rows: evaluate(sites.isel(site=rows), study)[["sizing_gap", "supply_engine"]], blocks))
    seconds, processor = time.perf_counter() - begin, time.process_time() - busy
    engines, gaps = (np.concatenate([table[name].to_numpy() for table in tables]) for name in ("supply_engine", "sizing_gap"))
    return {
        "cells": len(engines), "seconds": seconds, "processor": processor, "memory": _memory(), "before": before,
        "certified": int((engines == 1).sum()), "portfolios": int(np.isfinite(engines).sum()), "gap": float(np.nanmax(gaps)),
    }  # fmt: skip


def _memory() -> float:
    """Peak memory so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.path.insert(0, str(SCRIPTS))
    shares = tuple(float(target) for target in sys.argv[3].split(","))
    print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]), shares, int(sys.argv[4]), int(sys.argv[5]))))
