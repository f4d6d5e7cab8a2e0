"""What the map can show as a coloured layer: values, colours, legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.maps.raster import Frame, paint
from siting.scoring import target_index
from siting.vocabulary import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Colours of a continuous layer; more would only make the picture heavier.
SHADES = 64

#: Percentiles at the ends of the colour scale; the legend marks an end beyond which values lie.
ENDS = (2.0, 98.0)

#: Colours of classes, in order of the flag values: told apart by colour-blind eyes and in grey print.
CLASS_COLOURS = ("#cfe3d4", "#332288", "#88ccee", "#117733", "#ddcc77", "#cc6677", "#882255", "#aa4499", "#44aa99", "#999933", "#777777")

#: Palette entries before the shades: transparent, and cells of the study without a value.
_UNSEEN, _GREY = (0, 0, 0), (205, 209, 213)


@dataclass(frozen=True)
class Theme:
    """One layer on offer.

    Parameters
    ----------
    variable : str
        Variable of the site table.
    target : float, optional
        Hourly matched share at which it is read.
    colours : str
        Name of a Matplotlib colour map; the dark end is the better one.
    group : str
        Heading under which the map offers it.
    """

    variable: str
    target: float | None
    colours: str
    group: str

    @property
    def key(self) -> str:
        """Name within the map."""
        return self.variable if self.target is None else f"{self.variable}_{100 * self.target:g}"


def themes(sites: xr.Dataset) -> list[Theme]:
    """Layers that the columns of ``sites`` allow, the score first and the higher target before the lower."""
    targets = sorted(map(float, sites["target"].values), reverse=True)
    main = float(sites["target"].values[target_index(sites, None)])
    offered = [
        Theme("score", None, "viridis_r", "result"),
        *(Theme("delivered_cost", target, "viridis", "result") for target in targets),
        Theme("pv_full_load_hours", None, "inferno_r", "resource"),
        Theme("wind_full_load_hours", None, "cividis_r", "resource"),
        Theme("scope2_location", main, "cividis", "carbon"),
        Theme("carbon_free_share", main, "cividis_r", "carbon"),
        Theme("feedin_carbon_free_share", None, "cividis_r", "carbon"),
        *(Theme(name, None, "cividis", "land") for name in ("slope", "distance_to_grid", "distance_to_road", "distance_to_rail")),
    ]
    return [theme for theme in offered if theme.variable in sites]


def site_values(sites: xr.Dataset, variable: str, target: float | None) -> Floats:
    """One value per site, NaN where it is not ranked and the score is asked for.

    Returns
    -------
    ndarray, shape (site,)
    """
    column = sites[variable] if target is None else sites[variable].sel(target=target)
    values: Floats = column.values.astype(np.float64)
    return np.where(sites["rank"].values > 0, values, np.nan) if variable == "score" else values


def spread(values: Floats, cells: NDArray[np.int64], size: int) -> Floats:
    """Values per site as values per cell of the grid, NaN elsewhere."""
    raster = np.full(size, np.nan)
    raster[cells] = values
    return raster


def picture(theme: Theme, values: Floats, frame: Frame) -> dict[str, Any]:
    """Picture and legend of a continuous layer; cells of the study without a value are grey.

    Parameters
    ----------
    theme : Theme
        What is shown.
    values : ndarray, shape (cells of the grid,)
        Values [unit of the variable].
    frame : Frame
        Where the cells lie.
    """
    variable = describe(theme.variable)
    known = values[np.isfinite(values)]
    low, high = (float(end) for end in np.percentile(known, ENDS)) if known.size else (0.0, 1.0)
    if high - low <= 1e-6 * max(abs(low), abs(high)):  # one value: a scale around it that can be read
        low, high = low - 0.05 * (abs(low) or 1.0), high + 0.05 * (abs(high) or 1.0)
    shades = np.clip((values - low) / (high - low) * SHADES, 0, SHADES - 1)
    index = np.where(np.isfinite(values), np.nan_to_num(shades) + 2, 1).astype(np.uint8)
    colours = _shades(theme.colours)
    return {
        "key": theme.key, "variable": theme.variable, "target": theme.target, "group": theme.group, "unit": variable.unit,
        "en": variable.en, "zh": variable.zh, "low": low, "high": high,
        "below": bool((known < low).any()), "above": bool((known > high).any()),
        "colours": ["#" + bytes(colour).hex() for colour in colours[:: SHADES // 16]],
        "png": paint(frame, index, np.vstack([(_UNSEEN, _GREY), colours]).astype(np.uint8)), "grey": "#" + bytes(_GREY).hex(),
    }  # fmt: skip


def reasons(raster: xr.DataArray, frame: Frame, shown: NDArray[np.bool_]) -> tuple[dict[str, Any], Floats]:
    """Picture and classes of the screening, and the class of each cell."""
    flags = [int(flag) for flag in np.atleast_1d(raster.attrs.get("flag_values", sorted(set(np.unique(raster.values).tolist()))))]
    meanings = _texts(raster, "flag_meanings", flags)
    chinese = _texts(raster, "flag_meanings_zh", flags) if "flag_meanings_zh" in raster.attrs else meanings
    values = np.where(shown, raster.values, np.nan).ravel().astype(np.float64)
    index = np.zeros(values.size, dtype=np.uint8)
    classes = []
    for position, flag in enumerate(flags):
        cells = values == flag
        index[cells] = position + 1
        colour = CLASS_COLOURS[position % len(CLASS_COLOURS)]
        classes.append({"value": flag, "colour": colour, "en": meanings[position], "zh": chinese[position], "cells": int(cells.sum())})
    palette = np.array([[0, 0, 0], *(list(bytes.fromhex(str(row["colour"])[1:])) for row in classes)], dtype=np.uint8)
    variable = describe(str(raster.name))
    layer = {
        "key": str(raster.name), "variable": str(raster.name), "target": None, "group": "land", "unit": "",
        "en": variable.en, "zh": variable.zh, "classes": classes, "png": paint(frame, index, palette),
    }  # fmt: skip
    return layer, values


def _texts(raster: xr.DataArray, attribute: str, flags: Sequence[int]) -> list[str]:
    texts = str(raster.attrs.get(attribute, "")).split("|")
    return texts if len(texts) == len(flags) else [f"{raster.name} {flag}" for flag in flags]


def _shades(name: str) -> NDArray[np.uint8]:
    """Colours of a map, without its faintest and darkest ends, shape (SHADES, 3)."""
    from matplotlib import colormaps

    return (colormaps[name](np.linspace(0.04, 0.94, SHADES))[:, :3] * 255).round().astype(np.uint8)
