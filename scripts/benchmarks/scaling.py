"""Time and peak memory of the toolkit's yields in blocks, for ever more sites; each number in a process of its own.

Run as a script with a number of sites, a block size, the kinds and a file of base weather, it prints processor seconds and peak memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).parents[1]


def measure(numbers: Sequence[int], block: int, kinds: Sequence[str], repeats: int) -> list[dict[str, float]]:
    """Sites, median processor seconds of the yields and peak memory [MB] for each number of sites."""
    from benchmarks.weather import make_base

    base = make_base()
    folder = Path(tempfile.mkdtemp(prefix="siting-scaling-"))
    np.savez(folder / "base.npz", **base._asdict())
    rows = []
    for number in numbers:
        command = [sys.executable, __file__, str(number), str(block), ",".join(kinds), str(folder / "base.npz")]
        runs = [json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(repeats)]
        medians = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
        rows.append({"sites": float(number), **medians})
    return rows


def markdown(rows: Sequence[dict[str, float]]) -> list[str]:
    """Table with the exponent of the cost between one number of sites and the next."""
    lines = ["| sites | processor seconds | sites a second | exponent | peak memory in MB |", "|---|---|---|---|---|"]
    for number, row in enumerate(rows):
        before = rows[number - 1] if number else None
        exponent = np.log(row["seconds"] / before["seconds"]) / np.log(row["sites"] / before["sites"]) if before else np.nan
        shown = f"{exponent:.3f}" if before else ""
        rate = row["sites"] / row["seconds"]
        lines.append(f"| {row['sites']:,.0f} | {row['seconds']:.2f} | {rate:,.0f} | {shown} | {row['memory']:,.0f} |")
    return lines


def _run(number: int, block: int, kinds: Sequence[str], base: str) -> dict[str, float]:
    from benchmarks import pv_rivals, wind_rivals
    from benchmarks.weather import Weather, repeat
    from siting.yields import pv, wind

    with np.load(base) as file:
        weather = Weather(*(file[name] for name in Weather._fields))
    farm, plant = wind_rivals.farm("svenningsen"), pv_rivals.plant()

    def busy_on(start: int, count: int) -> float:
        hours = repeat(weather, start, count)
        begin = time.process_time()
        places = hours.latitude, hours.longitude, hours.altitude
        if "wind" in kinds:
            wind.capacity_factor(hours.wind_speed_100m, hours.temp_air, hours.altitude, wind=farm)
        if "pv" in kinds:
            pv.capacity_factor(*hours[:5], *places, times=hours.times, pv=plant)
        return time.process_time() - begin

    busy_on(0, 1)
    seconds = sum(busy_on(start, min(block, number - start)) for start in range(0, number, block))
    return {"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    sys.path.insert(0, str(SCRIPTS))
    print(json.dumps(_run(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4])))
