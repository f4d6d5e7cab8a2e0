"""Rasters on their way into the cache: cropped, in float32 with NaN, or as classes with their nodata."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.catalog.cache import Bounds
from siting.vocabulary import CatalogError, FetchError, ResourceError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Most cells of a raster in the cache.
LARGEST_CELLS = 100_000_000
#: Most cells of a crop; finer rasters are averaged in square blocks, at full resolution.
LARGEST_CROP = 25_000_000
#: Rows of blocks that are read at a time.
_STRIP = 256


def geotiff(values: NDArray[Any], west: float, north: float, step: tuple[float, float], nodata: float) -> bytes:
    """GeoTIFF of one band in degrees, the same bytes for the same values."""
    from affine import Affine
    from rasterio.io import MemoryFile

    profile = {
        "driver": "GTiff", "width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": str(values.dtype), "nodata": nodata,
        "crs": "EPSG:4326", "transform": Affine(step[0], 0.0, west, 0.0, -step[1], north), "compress": "deflate", "tiled": True,
        "blockxsize": 256, "blockysize": 256, "num_threads": 1,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(values, 1)
        return bytes(memory.read())


def crop(source: Any, bounds: Bounds, nodata: float | None, title: str) -> bytes:
    """Window of an open raster in degrees as GeoTIFF, float32 and NaN for no data.

    Raises
    ------
    FetchError
        If the raster isn't a north-up one in EPSG:4326.
    CatalogError
        If it doesn't cover any of the bounds.
    ResourceError
        If the window is too large.
    """
    from rasterio.windows import Window

    grid = source.transform
    if source.crs is None or source.crs.to_epsg() != 4326 or grid.b or grid.d or grid.a <= 0 or grid.e >= 0:
        raise FetchError(f"Expected a north-up raster in EPSG:4326 at {title}, found {source.crs}; fix: check the entry.")
    left, right = ((edge - grid.c) / grid.a for edge in (bounds[0], bounds[2]))
    top, bottom = ((edge - grid.f) / grid.e for edge in (bounds[3], bounds[1]))
    first = (max(math.floor(left), 0), max(math.floor(top), 0))
    last = (min(math.ceil(right), source.width), min(math.ceil(bottom), source.height))
    wide, high = last[0] - first[0], last[1] - first[1]
    if wide <= 0 or high <= 0:
        raise CatalogError(f"Expected {title} to cover {bounds}, found it elsewhere; fix: choose another region.")
    factor = max(math.ceil(math.sqrt(wide * high / LARGEST_CROP)), 1)
    if wide < factor or high < factor:
        raise ResourceError(f"Expected a region of a usual shape, found {wide} x {high} cells of {title}; fix: choose another region.")
    rows = []
    for row in range(first[1], first[1] + high - high % factor, factor * _STRIP):
        tall = min(factor * _STRIP, first[1] + high - high % factor - row)
        rows.append(_means(_values(source, Window(first[0], row, wide - wide % factor, tall), nodata), factor))
    step = (grid.a * factor, -grid.e * factor)
    return geotiff(np.concatenate(rows), grid.c + first[0] * grid.a, grid.f + first[1] * grid.e, step, math.nan)


def _values(source: Any, window: Any, nodata: float | None) -> NDArray[np.float32]:
    """Values of a window with scale and offset applied, NaN for no data."""
    stored = source.read(1, window=window).astype(np.float32)
    mask = source.read_masks(1, window=window) == 0
    if nodata is not None:
        mask |= stored == np.float32(nodata)
    values: NDArray[np.float32] = (stored * source.scales[0] + source.offsets[0]).astype(np.float32)
    values[mask] = np.nan
    return values


def _means(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Means over square blocks of the cells that have a value."""
    if factor == 1:
        return values
    blocks = values.reshape(values.shape[0] // factor, factor, values.shape[1] // factor, factor)
    known = np.isfinite(blocks)
    total, count = np.where(known, blocks, 0.0).sum(axis=(1, 3), dtype=np.float64), known.sum(axis=(1, 3))
    means: NDArray[np.float32] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0).astype(np.float32)
    return means


def mosaic(paths: list[Path], bounds: Bounds, part: tuple[int, int] = (0, 1)) -> bytes:
    """Pieces side by side, cut to the bounds, on the grid of the first; NaN, or the pieces' nodata, between them.

    Of pieces that hold several rasters one above the other, ``part`` is the number of the one to take and how many there are.

    Raises
    ------
    FetchError
        If their grids differ.
    """
    import rasterio

    with rasterio.open(paths[0]) as first:
        step, dtype, nodata = (first.transform.a, -first.transform.e), first.dtypes[0], first.nodata
    wide, high = round((bounds[2] - bounds[0]) / step[0]), round((bounds[3] - bounds[1]) / step[1])
    if wide * high > LARGEST_CELLS:
        raise ResourceError(f"Expected at most {LARGEST_CELLS:,} cells, found {wide * high:,}; fix: choose a smaller region.")
    values = np.full((high, wide), nodata, dtype=dtype)
    for path in paths:
        with rasterio.open(path) as source:
            if not np.allclose((source.transform.a, -source.transform.e), step, rtol=1e-9):
                raise FetchError(f"Expected tiles on one grid, found another one in {path.name}; fix: fetch again.")
            stacked = source.read(1)
            tile = np.split(stacked, part[1])[part[0]]
            col = round((source.transform.c - bounds[0]) / step[0])
            row = round((bounds[3] - source.transform.f) / step[1])
        into = values[max(row, 0) : row + tile.shape[0], max(col, 0) : col + tile.shape[1]]
        into[...] = tile[max(-row, 0) :, max(-col, 0) :][: into.shape[0], : into.shape[1]]
    return geotiff(values, bounds[0], bounds[3], step, float(nodata))
