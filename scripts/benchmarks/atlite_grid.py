"""Weather in the shape that atlite reads, and its best chunk size."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measure import Output
from benchmarks.weather import Weather

if TYPE_CHECKING:
    import xarray as xr

_CHUNKS = (100, 500, 1000, 2000)


def gridded(hourly: Mapping[str, np.ndarray], weather: Weather) -> xr.Dataset:
    """Dataset with the dimensions (time, y, x), the sites in one row."""
    import xarray as xr

    cube = {name: (("time", "y", "x"), np.ascontiguousarray(values.T)[:, None, :]) for name, values in hourly.items()}
    coords = {"time": weather.times, "y": [35.0], "x": np.arange(len(weather.latitude), dtype=float)}
    place = {"lon": ("x", weather.longitude), "lat": (("y", "x"), weather.latitude[None])}
    return xr.Dataset(cube, coords=coords | place)


def best_chunk(run: Callable[[int], Output]) -> int:
    """Hours per chunk with the fastest of two runs each."""
    seconds = {}
    for chunk in _CHUNKS:
        tries = []
        for _ in range(2):
            begin = time.perf_counter()
            run(chunk)
            tries.append(time.perf_counter() - begin)
        seconds[chunk] = min(tries)
    return min(seconds, key=lambda chunk: seconds[chunk])
