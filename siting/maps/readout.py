"""Values under the cursor: which cell lies there, and what each layer says of it, packed tightly."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.maps.raster import Frame, crs_of, transform_of

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Above this number of cells the values are left out, for the file would grow beyond what a mail carries.
CELL_LIMIT = 60_000

#: Nodes per axis of the table from degrees to cells.
NODES = 33

#: Steps between the smallest and the largest value of a layer; 0 stands for no data.
STEPS = 65_534


def locate(layers: xr.Dataset, frame: Frame) -> dict[str, Any]:
    """Table that turns latitude and longitude into row and column of the grid.

    The browser interpolates between its nodes, so that it needs no map projection. For all of China the error is under
    1 % of a 25 km cell.
    """
    from pyproj import Transformer

    latitude, longitude = np.linspace(frame.south, frame.north, NODES), np.linspace(frame.west, frame.east, NODES)
    east, north = np.meshgrid(longitude, latitude)
    x, y = Transformer.from_crs("EPSG:4326", crs_of(layers), always_xy=True).transform(east, north)
    column, row = cell_position(layers, x, y)
    ny, nx = layers.sizes["y"], layers.sizes["x"]
    return {
        "south": frame.south, "west": frame.west, "north": frame.north, "east": frame.east, "nodes": NODES, "ny": ny, "nx": nx,
        "column": np.round(column, 3).ravel().tolist(), "row": np.round(row, 3).ravel().tolist(),
    }  # fmt: skip


def cell_position(layers: xr.Dataset, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Column and row of points in the CRS of the grid, as fractions; cell 0 spans 0 to 1."""
    transform = transform_of(layers)
    return (x - transform.c) / transform.a, (y - transform.f) / transform.e


def pack_mask(shown: NDArray[np.bool_]) -> str:
    """One bit per cell of the grid, base64."""
    return base64.b64encode(np.packbits(shown.ravel()).tobytes()).decode()


def pack(values: Floats) -> dict[str, Any]:
    """Values as 16-bit steps between their smallest and largest.

    Returns
    -------
    dict
        ``data`` (base64, little endian, 0 for no data), ``offset`` and ``step``: value = offset + (data - 1) * step.
    """
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    step = (high - low) / STEPS or 1.0
    steps = np.where(np.isfinite(values), np.round((np.nan_to_num(values) - low) / step) + 1, 0)
    return {"offset": low, "step": step, "data": base64.b64encode(steps.astype("<u2").tobytes()).decode()}
