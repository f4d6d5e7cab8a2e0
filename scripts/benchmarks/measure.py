"""Interleaved repeats of several ways to the same numbers, and the memory's bandwidth beside them."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

Output = NDArray[np.floating]
#: Time for which a way runs per repeat [s].
_AT_LEAST = 0.5
#: Bytes that :func:`memory` moves per number.
BYTES = 24.0


@dataclass
class Contender:
    """One way to the capacity factors of ``sites`` sites.

    ``run`` returns the output by (site, time), which is compared with the toolkit's of the same ``physics``; ``clock`` is asked
    for the seconds of a run if it happens in another process.
    """

    name: str
    kind: str
    sites: int
    run: Callable[[], Output]
    physics: str
    note: str = ""
    threads: int = 1
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    output: Output | None = None
    clock: Callable[[], float] | None = None

    @property
    def rate(self) -> float:
        """Sites per second, the median of the repeats."""
        return self.sites / float(np.median(self.seconds))

    @property
    def processor_rate(self) -> float:
        """Sites per second of processor time, which other work on the machine disturbs less."""
        return self.sites / float(np.median(self.processor))


def interleave(contenders: Sequence[Contender], repeats: int) -> None:
    """Run all once to warm up and to keep the outputs, then ``repeats`` times in turn, so that all share the machine's moods.

    A quick way runs again and again for half a second before its mean time counts: what another one leaves behind, such as memory that the
    system takes back, would else fall upon the next alone.
    """
    for contender in contenders:
        contender.output = contender.run().copy()
    for _ in range(repeats):
        for contender in contenders:
            begin, busy, runs = time.perf_counter(), time.process_time(), 0
            while runs == 0 or (contender.clock is None and time.perf_counter() - begin < _AT_LEAST):
                contender.run()
                runs += 1
            end, busy = (time.perf_counter() - begin) / runs, (time.process_time() - busy) / runs
            contender.seconds.append(contender.clock() if contender.clock else end)
            contender.processor.append(contender.clock() if contender.clock else busy)


def in_blocks(function: Callable[[slice, Output], object], keep: Output, threads: int, block: int = 1000) -> Callable[[], Output]:
    """Run a function that writes a block of sites into part of ``keep`` over all blocks, two a thread at least, on threads."""
    block = min(block, -(-len(keep) // (2 * threads)))
    parts = [slice(start, min(start + block, len(keep))) for start in range(0, len(keep), block)]

    def run() -> Output:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part: function(part, keep[part]), parts))
        return keep

    return run


@njit(nogil=True, cache=True)
def _five_reads_one_write(a, b, c, d, e, out):  # type: ignore[no-untyped-def]
    for j in range(out.size):
        out[j] = a[j] + b[j] + c[j] + d[j] + e[j]


def memory(threads: int, size: int = 8_000_000) -> Contender:
    """A loop that reads five float32 arrays and writes one: its rate times ``BYTES`` is the memory's bandwidth."""
    arrays, keep = [np.ones(size, np.float32) for _ in range(5)], np.empty(size, np.float32)

    def part(where: slice, out: Output) -> None:
        _five_reads_one_write(*(array[where] for array in arrays), out)

    return Contender("memory", "memory", size, in_blocks(part, keep, threads, size), "", threads=threads)


def versions() -> str:
    """Day of the run and the libraries in it that are installed."""
    found = [datetime.now(UTC).date().isoformat(), f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "pvlib", "windpowerlib", "atlite", "NREL-PySAM", "dask", "scipy", "highspy", "linopy", "pypsa"):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return ", ".join(found)


def machine() -> str:
    """What the figures were measured on."""
    model = "unknown processor"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = named[0] if named else model
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} logical processors, load {os.getloadavg()[0]:.1f}"
