"""Rasters on their way into the cache: cropped, in float32 with NaN, or as classes with their nodata."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from siting.catalog.cache import Bounds
from siting.vocabulary import CatalogError, FetchError, ResourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Most cells of a raster in the cache: all of China in steps of 1/300 degree has 230 million.
LARGEST_CELLS = 400_000_000
#: Most cells of a crop; finer rasters are averaged in square blocks, at full resolution.
LARGEST_CROP = 25_000_000
#: Rows of blocks that are read at a time.
_STRIP = 256


def geotiff(values: NDArray[Any], west: float, north: float, step: tuple[float, float], nodata: float) -> bytes:
    """GeoTIFF of one band in degrees, the same bytes for the same values."""
    from rasterio.io import MemoryFile

    with MemoryFile() as memory:
        with memory.open(**_profile(values.shape, str(values.dtype), (west, north), step, nodata)) as target:
            target.write(values, 1)
        return bytes(memory.read())


def _profile(
    shape: tuple[int, ...], dtype: str, corner: tuple[float, float], step: tuple[float, float], nodata: float | None
) -> dict[str, Any]:
    from affine import Affine

    return {
        "driver": "GTiff", "width": shape[1], "height": shape[0], "count": 1, "dtype": dtype, "nodata": nodata,
        "crs": "EPSG:4326", "transform": Affine(step[0], 0.0, corner[0], 0.0, -step[1], corner[1]), "compress": "deflate", "tiled": True,
        "blockxsize": 256, "blockysize": 256, "num_threads": 1,
    }  # fmt: skip


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


class _Place(NamedTuple):
    """A piece of a mosaic, and the cells of the mosaic where it begins; of pieces with several rasters, the size of one."""

    path: Path
    row: int
    col: int
    rows: int
    cols: int


def mosaic(paths: list[Path], bounds: Bounds, part: tuple[int, int], target: Path) -> None:
    """Pieces side by side, cut to the bounds, on the grid of the first; NaN, or the pieces' nodata, between them.

    Of pieces that hold several rasters one above the other, ``part`` is the number of the one to take and how many there are. The
    file is written strip by strip, so that it may be larger than the memory.

    Raises
    ------
    FetchError
        If their grids differ.
    ResourceError
        If it would have more than `LARGEST_CELLS`.
    """
    import rasterio

    with rasterio.open(paths[0]) as first:
        step, dtype, nodata = (first.transform.a, -first.transform.e), first.dtypes[0], first.nodata
    high, wide = check_mosaic(bounds, step[0])
    places = [_placed(path, bounds, step, part[1]) for path in paths]
    with rasterio.open(target, "w", **_profile((high, wide), dtype, (bounds[0], bounds[3]), step, nodata)) as written:
        for top in range(0, high, _STRIP):
            strip = np.full((min(_STRIP, high - top), wide), nodata, dtype=dtype)
            for place in places:
                _lay(strip, top, place, part[0])
            written.write(strip, 1, window=((top, top + len(strip)), (0, wide)))


def check_mosaic(bounds: Bounds, step: float) -> tuple[int, int]:
    """Rows and columns of a mosaic, if they aren't too many.

    Raises
    ------
    ResourceError
        If there are more than `LARGEST_CELLS`.
    """
    wide, high = round((bounds[2] - bounds[0]) / step), round((bounds[3] - bounds[1]) / step)
    if wide * high > LARGEST_CELLS:
        raise ResourceError(f"Expected at most {LARGEST_CELLS:,} cells, found {wide * high:,}; fix: choose a smaller region.")
    return high, wide


def _placed(path: Path, bounds: Bounds, step: tuple[float, float], parts: int) -> _Place:
    import rasterio

    with rasterio.open(path) as source:
        if not np.allclose((source.transform.a, -source.transform.e), step, rtol=1e-9):
            raise FetchError(f"Expected tiles on one grid, found another one in {path.name}; fix: fetch again.")
        row, col = round((bounds[3] - source.transform.f) / step[1]), round((source.transform.c - bounds[0]) / step[0])
        return _Place(path, row, col, source.height // parts, source.width)


def _lay(strip: NDArray[Any], top: int, place: _Place, part: int) -> None:
    """Put what a piece has of a strip into it."""
    import rasterio

    first, last = max(place.row, top), min(place.row + place.rows, top + len(strip))
    left, right = max(place.col, 0), min(place.col + place.cols, strip.shape[1])
    if first >= last or left >= right:
        return
    rows = (first - place.row + part * place.rows, last - place.row + part * place.rows)
    with rasterio.open(place.path) as source:
        strip[first - top : last - top, left:right] = source.read(1, window=(rows, (left - place.col, right - place.col)))
