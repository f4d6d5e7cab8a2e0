"""What every raster behind the one door offers: its grid, and windows of real numbers with NaN for no data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from siting.vocabulary import AlignmentError, CatalogError, ResourceError, UnitsError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    Bounds = tuple[float, float, float, float]

#: Most cells that are read at once.
LARGEST_CELLS = 100_000_000

#: Most bytes of a block that a file stores as one.
LARGEST_BLOCK = 512_000_000

#: Values that files use for "no data" and forget to declare.
SENTINELS = (
    -32768.0,
    -32767.0,
    -9999.0,
    -999.0,
    -99999.0,
    65535.0,
    1e20,
    float(np.float32(1e20)),
    float(np.float32(-3.4028234663852886e38)),
)

_DEGREES_AT_MOST = (-180.5, -90.5, 360.5, 90.5)


class Window(NamedTuple):
    """Part of a raster, in columns and rows."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Source:
    """An open raster: its grid with the edges of pixels, the type of its stored numbers, and a reader of windows."""

    name: str
    box: GeoBox
    dtype: str
    read: Callable[[Window], NDArray[np.float64]]


def check_bounds(source: Source) -> None:
    """Refuse bounds that contradict the coordinate system."""
    edges = source.box.boundingbox
    west, east = sorted((edges.left, edges.right))
    south, north = sorted((edges.bottom, edges.top))
    low_x, low_y, high_x, high_y = _DEGREES_AT_MOST
    if source.box.crs.geographic and not (low_x <= west and east <= high_x and low_y <= south and north <= high_y):
        found = f"{west:g} to {east:g} and {south:g} to {north:g}"
        raise AlignmentError(f"Expected bounds in degrees as the CRS of {source.name} says, found {found}; fix: assign the right CRS.")
    if not all(map(math.isfinite, (west, south, east, north))):
        raise AlignmentError(f"Expected finite bounds, found {(west, south, east, north)} in {source.name}; fix: export it again.")


def check_size(source: Source, window: Window) -> Window:
    """Give a window that isn't too large to be read at once.

    Raises
    ------
    ResourceError
        More than `LARGEST_CELLS`.
    """
    if window.width * window.height > LARGEST_CELLS:
        size = f"{window.width} x {window.height} cells"
        raise ResourceError(f"Expected at most {LARGEST_CELLS:,} cells, found {size} in {source.name}; fix: gdalwarp -tr to coarser cells.")
    return window


def overlap(source: Source, bounds: Bounds | None) -> Window:
    """Pixels within bounds in degrees and two around; all of them without bounds.

    Raises
    ------
    AlignmentError
        No pixel within the bounds.
    """
    if bounds is None:
        return Window(0, 0, source.box.shape.x, source.box.shape.y)
    from pyproj import Transformer

    to_source = Transformer.from_crs("EPSG:4326", str(source.box.crs), always_xy=True)
    west, south, east, north = to_source.transform_bounds(*bounds, densify_pts=51)
    edges = source.box.boundingbox
    if source.box.crs.geographic and min(edges.left, edges.right) >= 180.0:
        west, east = west + 360.0, east + 360.0
    inverse = ~source.box.transform
    corners = np.array([inverse * corner for corner in ((west, south), (east, north))])
    rows, columns = source.box.shape
    left, top = (max(math.floor(edge) - 2, 0) for edge in corners.min(axis=0))
    right, bottom = (min(math.ceil(edge) + 2, most) for edge, most in zip(corners.max(axis=0), (columns, rows), strict=True))
    if left >= right or top >= bottom:
        fix = "latitude and longitude are swapped in it" if _swapped(source, bounds) else "check the file and the region"
        raise AlignmentError(f"Expected {source.name} to overlap the study, found it elsewhere; fix: {fix}.")
    return Window(left, top, right - left, bottom - top)


def _swapped(source: Source, bounds: Bounds) -> bool:
    """Whether the raster would overlap the bounds with its axes exchanged."""
    edges, (west, south, east, north) = source.box.boundingbox, bounds
    return bool(source.box.crs.geographic and edges.bottom < east and edges.top > west and edges.left < north and edges.right > south)


def refuse_sentinels(values: NDArray[np.float64], dtype: np.dtype, name: str) -> None:
    """Refuse numbers among which a usual fill value stands out: not as one of many like it, or in over a hundredth."""
    sentinels = (*SENTINELS, 255.0) if dtype == np.uint8 else SENTINELS
    for sentinel in sentinels:
        count = int(np.count_nonzero(values == sentinel)) if values.size else 0
        if not count:
            continue
        like = int(np.count_nonzero(np.abs(values - sentinel) <= 0.01 * abs(sentinel))) - count
        if count > 0.01 * values.size or (sentinel != 255.0 and count > like):
            found = f"{sentinel:g} in {count / values.size:.2g} of the cells"
            raise UnitsError(f"Expected fill values to be declared, found {found} of {name}; fix: state nodata: {sentinel:g}.")


def refuse_emptiness(values: NDArray[np.float64], name: str) -> None:
    """Refuse a band without a single value."""
    if not np.isfinite(values).any():
        raise CatalogError(f"Expected values, found only no data in {name}; fix: check the band and the nodata value.")
