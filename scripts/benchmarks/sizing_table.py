"""The sizing's table in Markdown and its picture."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.sizing_cases import KINDS, Case, Way
from benchmarks.table import ratio_rows

_COLUMNS = (
    "way",
    "ms a site and target",
    "of processor",
    "slowest",
    "largest gap",
    "distance to the oracle",
    "oracle within the bounds",
    "note",
)
_ORACLE = "HiGHS by hand, simplex"
#: Rounding of the oracle, whose tolerance is absolute in its rows.
_ROUNDING = 1e-5


def markdown(ways: Sequence[Way]) -> Iterator[str]:
    """Lines of one table per kind, fastest first: medians over the cases, and the answers beside those of the oracle."""
    for kind, meaning in KINDS.items():
        chosen = sorted((way for way in ways if way.kind == kind), key=lambda way: np.median(way.seconds))
        if not chosen:
            continue
        oracle = next((way for way in chosen if way.name == _ORACLE), None)
        yield f"### {kind.capitalize()}: {meaning}"
        yield ""
        yield f"| {' | '.join(_COLUMNS)} |"
        yield "|---" * len(_COLUMNS) + "|"
        for way in chosen:
            times = (float(np.median(way.seconds)), float(np.median(way.processor)), max(way.seconds))
            yield f"| {' | '.join((way.name, *(f'{1e3 * value:,.3g}' for value in times), *_agreement(way, oracle), way.note))} |"
        yield ""


def _agreement(way: Way, oracle: Way | None) -> tuple[str, str, str]:
    """Largest gap, largest distance of the upper bound to the oracle's optimum, and how many optima lie within the bounds."""
    lower, upper = np.array(way.answers).T
    known = np.isfinite(upper)
    gap = f"{np.max(1 - lower[known] / upper[known], initial=0.0):.1e}"
    if oracle is None:
        return gap, "", ""
    best = np.array(oracle.answers)[:, 0]
    solved = ~np.isnan(best) & ~np.isnan(upper)
    both = solved & np.isfinite(best) & known
    distance = np.max(np.abs(upper[both] / best[both] - 1), initial=0.0)
    within = (lower[solved] <= best[solved] * (1 + _ROUNDING)) & (best[solved] * (1 - _ROUNDING) <= upper[solved])
    bounded = f"{within.sum()} of {solved.sum()}" if way.name.startswith("siting") else ""
    missing = f", {int(np.isnan(upper).sum())} not in time" if np.isnan(upper).any() else ""
    return gap if bounded else "", f"{distance:.1e}{missing}", bounded


def ratios(ways: Sequence[Way]) -> Iterator[str]:
    """Lines of one table per kind: how many times as fast as each rival, the median over the cases (and by processor time)."""
    for kind in KINDS:
        own = [way for way in ways if way.kind == kind and way.name.startswith("siting")]
        rivals = [way for way in ways if way.kind == kind and way not in own]
        if not (own and rivals):
            continue
        yield from ratio_rows(f"{kind}: ", own, rivals, _times_as_fast)


def _times_as_fast(way: Way, rival: Way) -> tuple[float, float]:
    """Medians over the cases."""
    clock, busy = (
        np.median(np.divide(of_rival, own)) for of_rival, own in ((rival.seconds, way.seconds), (rival.processor, way.processor))
    )
    return float(clock), float(busy)


def violations(ways: Sequence[Way], cases: Sequence[Case]) -> Iterator[str]:
    """One line per case whose oracle's optimum lies outside the toolkit's bounds."""
    for way in ways:
        oracle = next((other for other in ways if other.kind == way.kind and other.name == _ORACLE), None)
        if oracle is None or not way.name.startswith("siting"):
            continue
        for (lower, upper), (best, _), case in zip(way.answers, oracle.answers, (c for c in cases if c.kind == way.kind), strict=True):
            if not np.isnan(best) and not (lower <= best * (1 + _ROUNDING) and best * (1 - _ROUNDING) <= upper):
                yield f"{way.name}, {case.kind}, target {case.target:g}: {best} is not within [{lower}, {upper}]"


def picture(ways: Sequence[Way], path: Path, title: str) -> None:
    """Bars of the median time on a logarithmic axis, the toolkit's in another colour."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    kinds = [kind for kind in KINDS if any(way.kind == kind for way in ways)]
    figure, axes = plt.subplots(len(kinds), 1, figsize=(10, 1.5 + 0.4 * len(ways)), squeeze=False, layout="constrained")
    for axis, kind in zip(axes[:, 0], kinds, strict=True):
        chosen = sorted((way for way in ways if way.kind == kind), key=lambda way: -np.median(way.seconds))
        times = [1e3 * float(np.median(way.seconds)) for way in chosen]
        colours = ["#c8553d" if way.name.startswith("siting") else "#8a94a6" for way in chosen]
        bars = axis.barh([way.name for way in chosen], times, color=colours)
        axis.bar_label(bars, [f"{value:,.3g}" for value in times], padding=3, fontsize=8)
        axis.set_xscale("log")
        axis.margins(x=0.15)
        axis.set_xlabel("milliseconds a site and target")
        axis.set_title(kind.capitalize(), loc="left")
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(textwrap.fill(title, 130), fontsize=9)
    figure.savefig(path, dpi=80)
    plt.close(figure)
