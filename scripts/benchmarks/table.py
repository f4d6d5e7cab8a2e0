"""The benchmark's table in Markdown and its picture."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Contender

#: Hours that differ by more are counted apart: cut-outs and the ends of curves.
_APART = 0.2
_COLUMNS = (
    "way", "sites a second", "a second of processor", "spread", "share of bandwidth", "mean output",
    "largest hourly difference", "note",
)  # fmt: skip
#: Bytes that the toolkit's loop moves per hour.
_BYTES = {"pv": 24, "wind": 12}


def markdown(contenders: Sequence[Contender], bandwidth: float) -> Iterator[str]:
    """Lines of one table per kind, fastest first; outputs are compared on the sites that both ran."""
    for kind in ("pv", "wind"):
        chosen = sorted((one for one in contenders if one.kind == kind), key=lambda one: -one.rate)
        if not chosen:
            continue
        yield f"### {kind.upper() if kind == 'pv' else 'Wind'}"
        yield ""
        yield f"| {' | '.join(_COLUMNS)} |"
        yield "|---" * len(_COLUMNS) + "|"
        for one in chosen:
            yield _row(one, chosen, bandwidth)
        yield ""


def _row(one: Contender, all_of_kind: Sequence[Contender], bandwidth: float) -> str:
    spread = (max(one.seconds) - min(one.seconds)) / float(np.median(one.seconds))
    hours = 0 if one.output is None else one.output.shape[1]
    is_float32 = one.output is not None and one.output.dtype == np.float32
    share = f"{one.rate * hours * _BYTES[one.kind] / bandwidth:.0%}" if one.name.startswith("siting") and is_float32 else ""
    mean, difference = _compare(one, all_of_kind)
    rates = f"{one.rate:,.0f}", f"{one.processor_rate:,.0f}"
    return f"| {' | '.join((one.name, *rates, f'{spread:.0%}', share, f'{mean:.4f}', difference, one.note))} |"


def _compare(one: Contender, all_of_kind: Sequence[Contender]) -> tuple[float, str]:
    """Mean output over the sites that all ran, and the largest difference to the toolkit's way of the same physics."""
    common = min(each.sites for each in all_of_kind)
    output = np.asarray(one.output)[:common].astype(float)
    if one.name.startswith("siting"):
        return float(output.mean()), ""
    like = [each for each in all_of_kind if each.name.startswith("siting") and each.physics == one.physics]
    other = np.asarray(like[0].output)[:common].astype(float)
    difference = np.abs(output - other)
    apart = difference > _APART
    said = f", {int(apart.sum())} h farther than {_APART:g}" if apart.any() else ""
    return float(output.mean()), f"{difference[~apart].max():.1e}{said}"


def ratios(contenders: Sequence[Contender]) -> Iterator[str]:
    """Lines of one table per kind: how many times as fast as each rival the toolkit is, by the clock and by processor time."""
    for kind in ("pv", "wind"):
        own = [one for one in contenders if one.kind == kind and one.name.startswith("siting")]
        rivals = [one for one in contenders if one.kind == kind and one not in own]
        if not (own and rivals):
            continue
        yield from ratio_rows("", own, rivals, lambda one, rival: (one.rate / rival.rate, one.processor_rate / rival.processor_rate))


def ratio_rows(kind: str, own: Sequence[Any], rivals: Sequence[Any], ratio: Callable[[Any, Any], tuple[float, float]]) -> Iterator[str]:
    """Lines of one table of what has a name: how many times as fast as each rival, by the clock and by processor time."""
    yield f"| {kind}times as fast as (by processor time) | {' | '.join(rival.name for rival in rivals)} |"
    yield "|---" * (len(rivals) + 1) + "|"
    for one in own:
        pairs = (ratio(one, rival) for rival in rivals)
        yield f"| {one.name} | {' | '.join(f'{clock:,.3g} ({busy:,.3g})' for clock, busy in pairs)} |"
    yield ""


def picture(contenders: Sequence[Contender], path: Path, title: str) -> None:
    """Bars of sites per second on a logarithmic axis, the toolkit's in another colour."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    kinds = [kind for kind in ("pv", "wind") if any(one.kind == kind for one in contenders)]
    counts = [sum(one.kind == kind for one in contenders) for kind in kinds]
    figure, axes = plt.subplots(
        len(kinds), 1, figsize=(10, 1.5 + 0.4 * len(contenders)), height_ratios=counts, squeeze=False, layout="constrained"
    )
    for axis, kind in zip(axes[:, 0], kinds, strict=True):
        chosen = sorted((one for one in contenders if one.kind == kind), key=lambda one: one.rate)
        colours = ["#c8553d" if one.name.startswith("siting") else "#8a94a6" for one in chosen]
        bars = axis.barh([one.name for one in chosen], [one.rate for one in chosen], color=colours)
        axis.bar_label(bars, [f"{one.rate:,.0f}" for one in chosen], padding=3, fontsize=8)
        axis.set_xscale("log")
        axis.margins(x=0.15)
        axis.set_xlabel("site-years a second")
        axis.set_title("PV" if kind == "pv" else "Wind", loc="left")
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(textwrap.fill(title, 130), fontsize=9)
    figure.savefig(path, dpi=80)
    plt.close(figure)
