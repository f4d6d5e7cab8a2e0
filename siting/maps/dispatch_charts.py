"""Pictures of one site's supply: its worst week, its year, its costs over the targets. Colours are those of Okabe and Ito."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What serves the load, from the bottom of the stack up: name, label, colour.
_SERVED = (
    ("wind_direct", "wind, direct", "#56B4E9"),
    ("pv_direct", "PV, direct", "#E69F00"),
    ("discharge", "battery", "#009E73"),
    ("import", "grid import", "#D55E00"),
)
#: What becomes of the rest of the generation.
_SURPLUS = (("charge", "charging", "#99D8C6"), ("exported", "export", "#CC79A7"), ("curtailed", "curtailed", "#DDDDDD"))
_PARTS = {
    "pv": ("PV", "#E69F00"),
    "wind": ("wind", "#56B4E9"),
    "battery": ("battery", "#009E73"),
    "hydrogen": ("electrolyser and tank", "#44AA99"),
    "line": ("lines", "#332288"),
    "import": ("grid energy", "#D55E00"),
    "grid_capacity": ("grid capacity", "#F0E442"),
    "interruption": ("load cut", "#882255"),
    "export": ("export revenue", "#CC79A7"),
}
#: Colours of parts that have none above.
_OTHERS = ("#0072B2", "#999999", "#661100", "#44AA99", "#117733", "#332288")
_STORE = "#0072B2"
_WEEK = 7 * 24
_DPI = 120


def worst_week(hours: pd.DataFrame) -> slice:
    """Rows of the 168 hours in a row with the largest import; the first of several."""
    sums = np.cumsum(np.r_[0.0, hours["import"].to_numpy()])
    weeks = sums[_WEEK:] - sums[:-_WEEK]
    start = int(np.argmax(weeks))
    return slice(start, start + _WEEK)


def draw_worst_week(hours: pd.DataFrame, caption: str, path: Path) -> None:
    """Hourly flows and state of charge of the week with the largest import.

    Parameters
    ----------
    hours : DataFrame
        Flows [MW] and ``state_of_charge`` [MWh] of a year on civil time.
    caption : str
        Line under the picture.
    path : Path
        PNG file to write.
    """
    week = _with_origins(hours.iloc[worst_week(hours)])
    figure, (power, store) = _panels(caption, (3, 1))
    place = np.arange(len(week) + 1)
    _stack(power, week, _SERVED + _SURPLUS, place)
    power.stairs(week["load"], place, color="black", linewidth=1.8, baseline=None, label="load")
    power.set_ylabel("power [MW]")
    power.set_ylim(0, None)
    missing, load = week["import"].sum(), week["load"].sum()
    power.set_title(f"Week with the largest import: {missing:,.0f} MWh, {missing / load:.0%} of its load", loc="left")
    _legend(power)
    store.fill_between(place[1:], week["state_of_charge"], color=_STORE, alpha=0.6, linewidth=0)
    store.set_ylabel("stored [MWh]")
    store.set_ylim(0, None)
    days = [n for n, stamp in enumerate(week.index) if stamp.hour == 0]
    store.set_xticks(days, [f"{week.index[n]:%a %d %b}" for n in days])
    store.set_xlabel(f"civil time, {_zone(week)}")
    store.set_xlim(0, len(week))
    _save(figure, path)


def draw_year(hours: pd.DataFrame, caption: str, path: Path) -> None:
    """Daily means of what serves the load, and the import of every hour by day and hour of the day; parameters as for the week."""
    whole = _whole_days(hours)
    days = _with_origins(whole).groupby(_local(whole).floor("D")).mean()
    figure, (power, hourly) = _panels(caption, (2, 1))
    place = np.arange(len(days) + 1)
    _stack(power, days, _SERVED, place)
    power.stairs(days["load"], place, color="black", linewidth=1.2, baseline=None, label="load")
    power.set_ylabel("daily mean [MW]")
    power.set_ylim(0, None)
    share = hours["import"].sum() / hours["load"].sum()
    years = len(days) > 366
    power.set_title(f"{'All years' if years else 'The year'}: {share:.1%} of the load comes from the grid", loc="left")
    _legend(power)
    image = hourly.imshow(
        _by_hour(whole), aspect="auto", origin="lower", extent=(0, len(days), 0, 24), cmap="cividis_r", interpolation="nearest", vmin=0
    )
    hourly.set_ylabel("hour of the day")
    hourly.set_yticks([0, 6, 12, 18, 24])
    firsts = [n for n, day in enumerate(days.index) if day.day == 1 and (not years or day.month in (4, 10))]
    hourly.set_xticks(firsts, [f"{days.index[n]:%b %Y}" if years else f"{days.index[n]:%b}" for n in firsts])
    hourly.set_xlabel(f"civil time, {_zone(hours)}; below: grid import of each hour")
    hourly.set_xlim(0, len(days))
    figure.colorbar(image, cax=hourly.inset_axes((1.02, 0.0, 0.015, 1.0)), label="grid import [MW]")
    _save(figure, path)


def draw_costs(parts: xr.DataArray, total: xr.DataArray, caption: str, path: Path) -> None:
    """Delivered cost over the targets, by component; a target that can't be reached or priced is named.

    Parameters
    ----------
    parts : DataArray, shape (target, component)
        Costs [CNY/kWh]; revenue is negative.
    total : DataArray, shape (target,)
        Delivered cost [CNY/kWh].
    caption : str
        Line under the picture.
    path : Path
        PNG file to write.
    """
    figure, (axes,) = _panels(caption, (1,))
    place, above, below = np.arange(parts.sizes["target"]), np.zeros(parts.sizes["target"]), np.zeros(parts.sizes["target"])
    others = iter(_OTHERS)
    for name in map(str, parts["component"].to_numpy()):
        values = np.nan_to_num(parts.sel(component=name).to_numpy())
        label, colour = _PARTS.get(name) or (name.replace("_", " "), next(others, "#000000"))
        if values.any():
            axes.bar(place, values, bottom=np.where(values >= 0, above, below), color=colour, width=0.6, label=label, edgecolor="white")
        above, below = above + np.maximum(values, 0), below + np.minimum(values, 0)
    known = np.isfinite(total.to_numpy())
    axes.plot(place[known], total.to_numpy()[known], "ko-", label="delivered cost")
    for x, value, top in zip(place, total.to_numpy(), above, strict=True):
        text = f"{value:.3f}" if np.isfinite(value) else "out of reach\nor unpriced"
        axes.annotate(text, (x, max(top, 0.0)), xytext=(0, 4), textcoords="offset points", ha="center")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(place, [f"{float(target):.4g} %" for target in parts["target"].to_numpy() * 100])
    axes.set_xlabel("hourly matched share, at least")
    axes.set_ylabel("delivered cost [CNY/kWh]")
    axes.set_title("What matched power costs here", loc="left")
    axes.margins(y=0.12)
    _legend(axes)
    _save(figure, path)


def _with_origins(hours: pd.DataFrame) -> pd.DataFrame:
    """Table with the direct use shared out to wind and PV by their output in the hour."""
    generation = hours["generation"].where(hours["generation"] > 0, 1.0)
    return hours.assign(pv_direct=hours["direct"] * hours["pv"] / generation, wind_direct=hours["direct"] * hours["wind"] / generation)


def _whole_days(hours: pd.DataFrame) -> pd.DataFrame:
    """Hours without the first and the last day, of which a UTC year holds a part only."""
    day = _local(hours).floor("D")
    count = day.to_series().groupby(day).transform("size").to_numpy()
    return hours[count >= 23]


def _by_hour(hours: pd.DataFrame) -> np.ndarray:
    """Import [MW] by hour of the civil day and day; NaN for an hour that the day lacks."""
    local = _local(hours)
    table = hours.assign(hour=local.hour, day=local.floor("D")).pivot_table(index="hour", columns="day", values="import")
    return np.asarray(table.to_numpy(), np.float64)


def _local(hours: pd.DataFrame) -> pd.DatetimeIndex:
    """Civil stamps without their zone."""
    import pandas as pd

    return pd.DatetimeIndex(hours.index).tz_localize(None)


def _zone(hours: pd.DataFrame) -> str:
    import pandas as pd

    return str(pd.DatetimeIndex(hours.index).tz)


def _panels(caption: str, heights: tuple[int, ...]) -> tuple[Figure, tuple[Axes, ...]]:
    """Figure with panels above each other and a caption."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3 + 1.6 * sum(heights[:2])), dpi=_DPI, layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    figure.supxlabel(caption, fontsize=8, color="#444444", x=0.01, ha="left")
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, tuple(axes)


def _stack(axes: Axes, table: pd.DataFrame, parts: tuple[tuple[str, str, str], ...], place: np.ndarray) -> None:
    """Flows on top of each other, as steps; those that never flow are left out."""
    base = np.zeros(len(table))
    for name, label, colour in parts:
        top = base + table[name].to_numpy()
        if table[name].to_numpy().any():
            axes.stairs(top, place, baseline=base, fill=True, color=colour, label=label, linewidth=0)
        base = top


def _legend(axes: Axes) -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _save(figure: Figure, path: Path) -> None:
    """Write the picture; no date, so that the same year gives the same bytes."""
    figure.savefig(path, format="png", metadata={"Software": None})
