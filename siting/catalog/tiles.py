"""Tiles of terrain and land cover, downloaded whole, verified and reduced to steps of 1/300 degree."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from siting.catalog.cache import Bounds, Piece
from siting.catalog.rasters import geotiff
from siting.catalog.redaction import redact
from siting.catalog.transport import MissingFileError
from siting.vocabulary import FetchError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import Geometry

    from siting.catalog.remote import RemoteEntry
    from siting.catalog.transport import Transport

#: Cells per degree of what is kept: about 370 m.
PER_DEGREE = 300
_METRES_PER_DEGREE = 111_195.0


def pieces(entry: RemoteEntry, bounds: Bounds, outline: Geometry, folder: Path, transport: Transport) -> list[Piece]:
    """One piece per tile that touches the outline; whole tiles are in ``folder`` while they come."""
    import shapely

    size, found = entry.tile_degrees, []
    for south in range(math.floor(bounds[1] / size) * size, math.ceil(bounds[3]), size):
        for west in range(math.floor(bounds[0] / size) * size, math.ceil(bounds[2]), size):
            if not shapely.intersects(outline, shapely.box(west, south, west + size, south + size)):
                continue
            ns, ew = "NS"[south < 0], "EW"[west < 0]
            name = f"{ns}{abs(south):02d}{ew}{abs(west):03d}"
            fields = {"ns": ns, "ew": ew, "latitude": f"{abs(south):02d}", "longitude": f"{abs(west):03d}"}
            url = entry.address(**fields)
            load = functools.partial(_load, entry, url, (west, south), folder / f"{name}.whole", transport)
            found.append(Piece(f"{name}.tif", redact(url), entry.bytes_per_piece, load))
    return found


def _load(entry: RemoteEntry, url: str, corner: tuple[int, int], path: Path, transport: Transport) -> bytes:
    """Tile as GeoTIFF: classes, or two bands of altitude and slope one above the other."""
    import rasterio

    size = entry.tile_degrees * PER_DEGREE
    try:
        transport.download(url, path)
    except MissingFileError:
        if entry.missing_tiles == "refuse":
            raise
        values = np.zeros((2 * size, size), np.float32) if entry.adapter == "dem_tiles" else np.zeros((size, size), np.uint8)
        return _tile(values, entry, corner)
    try:
        with rasterio.open(path, driver="GTiff") as source:
            _check(source, entry, corner, redact(url))
            values = _terrain(source, corner) if entry.adapter == "dem_tiles" else _classes(source, entry, redact(url))
            return _tile(values, entry, corner)
    except rasterio.errors.RasterioError:
        pass
    finally:
        path.unlink()
    raise FetchError(f"Expected a readable GeoTIFF at {redact(url)}, found a damaged one; fix: fetch again later.")


def _tile(values: NDArray[np.generic], entry: RemoteEntry, corner: tuple[int, int]) -> bytes:
    step, north = 1.0 / PER_DEGREE, corner[1] + entry.tile_degrees
    return geotiff(values, corner[0], north, (step, step), 0.0 if entry.adapter == "class_tiles" else math.nan)


def _check(source: object, entry: RemoteEntry, corner: tuple[int, int], title: str) -> None:
    """Refuse a tile that lies elsewhere, is in another coordinate system, or doesn't divide into the kept cells."""
    crs, edges = source.crs, source.bounds  # type: ignore[attr-defined]
    wide, high, size = source.width, source.height, entry.tile_degrees * PER_DEGREE  # type: ignore[attr-defined]
    wish = (corner[0], corner[1], corner[0] + entry.tile_degrees, corner[1] + entry.tile_degrees)
    # some tiles are registered half a pixel off
    near = crs is not None and crs.to_epsg() == 4326 and np.allclose(tuple(edges), wish, atol=1.01 * entry.tile_degrees / wide)
    if not near or wide < size // 2 or high % size:
        raise FetchError(
            f"Expected a tile over {wish} in EPSG:4326 at {title}, found {tuple(edges)}, {wide} x {high}; fix: check the entry."
        )


def _terrain(source: object, corner: tuple[int, int]) -> NDArray[np.float32]:
    """Mean altitude [m] and mean slope [degree] of the kept cells, one above the other; the slope is taken at full resolution."""
    stored = source.read(1, masked=True)  # type: ignore[attr-defined]
    height = np.ma.filled(stored.astype(np.float64), np.nan)
    rows, cols = height.shape
    north = corner[1] + 1.0 - (np.arange(rows) + 0.5) / rows
    down, across = np.gradient(height)
    down = down / (_METRES_PER_DEGREE / rows)
    across = across / (_METRES_PER_DEGREE * np.cos(np.radians(north))[:, None] / cols)
    slope = np.degrees(np.arctan(np.hypot(down, across)))
    return np.concatenate([_block_means(height), _block_means(slope)]).astype(np.float32)


def _block_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over the kept cells; where tiles are coarser in longitude, towards the poles, pixels are cut into equal parts."""
    rows, cols = values.shape
    parts = PER_DEGREE // math.gcd(cols, PER_DEGREE)
    fine = np.repeat(values, parts, axis=1)
    blocks: NDArray[np.float64] = fine.reshape(PER_DEGREE, rows // PER_DEGREE, PER_DEGREE, fine.shape[1] // PER_DEGREE).mean(axis=(1, 3))
    return blocks


def _classes(source: object, entry: RemoteEntry, title: str) -> NDArray[np.uint8]:
    """Class of the pixel in the middle of each kept cell: a regular sample, so that shares of classes stay unbiased."""
    from rasterio.windows import Window

    size = entry.tile_degrees * PER_DEGREE
    high, wide = source.height // size, source.width // size  # type: ignore[attr-defined]
    rows = []
    # strips of one degree: a tile of 10 m doesn't fit into memory
    for strip in range(entry.tile_degrees):
        window = Window(0, strip * PER_DEGREE * high, source.width, PER_DEGREE * high)  # type: ignore[attr-defined]
        rows.append(source.read(1, window=window)[high // 2 :: high, wide // 2 :: wide])  # type: ignore[attr-defined]
    values = np.concatenate(rows).astype(np.uint8)
    strange = np.setdiff1d(values, [0, *map(int, entry.classes)])
    if strange.size:
        raise FetchError(f"Expected the classes {', '.join(entry.classes)} at {title}, found {strange[0]}; fix: check the entry.")
    return values
