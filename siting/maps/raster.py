"""Layers as pictures: cells warped to Web Mercator, values coloured, paletted PNG.

Cell *numbers* are warped, once and with the nearest neighbour; every layer then looks its values up by them. So values are
never mixed, nodata can't bleed into a neighbour, and all pictures of a map share one frame.
"""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from siting.vocabulary import AlignmentError

if TYPE_CHECKING:
    import xarray as xr
    from affine import Affine
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Palette = NDArray[np.uint8]

#: Pixels of one picture at most: enough for all of China at 25 km, and few enough for a dozen pictures in a mail.
PIXEL_BUDGET = 1_200_000

#: Pixels per edge of a cell, so that a slanting square still reads as a square.
PIXELS_PER_CELL = 4

_NO_CELL = -1


@dataclass(frozen=True)
class Frame:
    """Cells of the analysis grid as Web Mercator pixels.

    Parameters
    ----------
    cells : ndarray of int32, shape (rows, columns)
        Flat cell number (row * nx + column) under each pixel centre, -1 outside.
    south, west, north, east : float
        Edges of the picture [degrees].
    """

    cells: NDArray[np.int32]
    south: float
    west: float
    north: float
    east: float


def warp_cells(layers: xr.Dataset, shown: NDArray[np.bool_], budget: int = PIXEL_BUDGET) -> Frame:
    """Web Mercator picture of the cells that are shown.

    Parameters
    ----------
    layers : Dataset
        Rasters on the analysis grid, with ``spatial_ref``.
    shown : ndarray of bool, shape (y, x)
        Cells to draw.
    budget : int
        Pixels at most; pixels are coarser where there would be more.

    Raises
    ------
    AlignmentError
        If the layers have no CRS, or no cell is shown.
    """
    from rasterio.warp import Resampling, reproject, transform_bounds

    if not shown.any():
        raise AlignmentError("Expected at least one cell to draw, found none; choose a region that touches land.")
    crs, transform = crs_of(layers), transform_of(layers)
    numbers = np.arange(shown.size, dtype=np.int32).reshape(shown.shape)
    source = np.where(shown, numbers, np.int32(_NO_CELL)).astype(np.int32)
    west, south, east, north = transform_bounds(crs, "EPSG:3857", *_extent(transform, shown), densify_pts=51)
    pixel = max(abs(transform.a) / PIXELS_PER_CELL, ((east - west) * (north - south) / budget) ** 0.5)
    height, width = max(1, int((north - south) / pixel)), max(1, int((east - west) / pixel))
    cells = np.full((height, width), _NO_CELL, dtype=np.int32)
    target = type(transform)((east - west) / width, 0, west, 0, (south - north) / height, north)
    reproject(
        source, cells, src_transform=transform, src_crs=crs, src_nodata=_NO_CELL,
        dst_transform=target, dst_crs="EPSG:3857", dst_nodata=_NO_CELL, resampling=Resampling.nearest,
    )  # fmt: skip
    return _cropped(cells, target)


def crs_of(layers: xr.Dataset) -> str:
    """CRS of the analysis grid, as WKT.

    Raises
    ------
    AlignmentError
        If the layers have none.
    """
    attrs = layers["spatial_ref"].attrs if "spatial_ref" in layers.variables else {}
    if "crs_wkt" not in attrs:
        raise AlignmentError("Expected layers with a CRS in spatial_ref, found none; take the layers that open_layers returns.")
    return str(attrs["crs_wkt"])


def transform_of(layers: xr.Dataset) -> Affine:
    """Affine transform of the analysis grid, from its cell centres; from its ``spatial_ref`` where it is one cell.

    Raises
    ------
    AlignmentError
        If it is one cell of unknown size.
    """
    from affine import Affine

    x, y = layers["x"].values, layers["y"].values
    if x.size == y.size == 1:
        stated = layers["spatial_ref"].attrs.get("GeoTransform")
        if stated is None:
            raise AlignmentError("Expected a GeoTransform in spatial_ref of a single cell, found none; take the layers of open_layers.")
        return Affine.from_gdal(*map(float, str(stated).split()))
    dx = float(x[1] - x[0]) if x.size > 1 else abs(float(y[1] - y[0]))
    dy = float(y[1] - y[0]) if y.size > 1 else -dx
    return Affine(dx, 0, float(x[0]) - dx / 2, 0, dy, float(y[0]) - dy / 2)


def paint(frame: Frame, index: NDArray[np.uint8], palette: Palette) -> str:
    """Draw cells as a paletted PNG, a data URI.

    Parameters
    ----------
    frame : Frame
        Where the cells lie.
    index : ndarray of uint8, shape (cells of the grid,)
        Palette entry of each cell; 0 is transparent.
    palette : ndarray of uint8, shape (entries, 3)
        Colours; entry 0 is never seen.
    """
    pixels = np.where(frame.cells == _NO_CELL, np.uint8(0), index[frame.cells])
    return data_uri(encode_png(pixels, palette), "image/png")


def data_uri(content: bytes, kind: str) -> str:
    """Content as a ``data:`` address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def encode_png(pixels: NDArray[np.uint8], palette: Palette) -> bytes:
    """Paletted PNG whose entry 0 is transparent."""
    height, width = pixels.shape
    lines = np.zeros((height, width + 1), dtype=np.uint8)  # a leading 0 per line: no filter, best for few colours
    lines[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 9)
    chunks = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"tRNS", b"\0"), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _cropped(cells: NDArray[np.int32], transform: Affine) -> Frame:
    """Frame without the empty margins that the slant of the grid leaves."""
    from rasterio.warp import transform_bounds

    seen = cells != _NO_CELL
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    x, y = [transform.c + transform.a * edge for edge in (left, right)], [transform.f + transform.e * edge for edge in (top, bottom)]
    west, south, east, north = transform_bounds("EPSG:3857", "EPSG:4326", x[0], y[1], x[1], y[0])
    return Frame(cells[top:bottom, left:right], south, west, north, east)


def _extent(transform: Affine, shown: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """West, south, east and north edge of the cells that are shown, in the CRS of the grid."""
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    x = [transform.c + transform.a * edge for edge in (columns[0], columns[-1] + 1)]
    y = [transform.f + transform.e * edge for edge in (rows[0], rows[-1] + 1)]
    return float(min(x)), float(min(y)), float(max(x)), float(max(y))
