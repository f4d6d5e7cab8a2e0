"""The fine grid inside the cells: slope and classes at the centres of its cells, and where features lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.buffers import reproject
from siting.catalog.raster import check_range, open_source
from siting.catalog.window import LARGEST_CELLS, Source, Window
from siting.ground_inputs import GroundRules
from siting.landcover import Legend, legend
from siting.terrain import percent_to_degree, pixel_metres, slope_degree
from siting.vocabulary import AlignmentError, ResourceError, UnitsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox
    from shapely import Geometry

    Floats = NDArray[np.float64]
    Bytes = NDArray[np.uint8]

#: Most cells of the fine grid; about 12 bytes each.
MOST_FINE_CELLS = 400_000_000

_BLOCK = 256
#: Pixels of elevation up to which slopes are taken at their word [m]; slopes shrink with the size of pixels.
_FINE_ENOUGH = 120.0


@dataclass(frozen=True)
class FineGrid:
    """Fine grid: each cell cut into n by n; classes are 0 and slopes NaN where unknown."""

    box: GeoBox
    n: int
    land: NDArray[np.bool_]
    classes: Bytes | None
    slope: NDArray[np.float32] | None

    def share(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Number of fine cells of the mask in each cell."""
        ny, nx = (size // self.n for size in self.box.shape)
        counts: NDArray[np.int64] = mask.reshape(ny, self.n, nx, self.n).sum(axis=(1, 3), dtype=np.int64)
        return counts


def fine_grid(land: GroundRules, layers: xr.Dataset, box: GeoBox, outline: Sequence[Geometry]) -> FineGrid:
    """Fine grid with everything sampled at the centres of its cells; nothing is interpolated."""
    from affine import Affine
    from odc.geo.geobox import GeoBox as Box

    edge = box.resolution.x
    n = max(1, int(np.ceil(edge / land.fine_m - 1e-9)))
    shape = (box.shape.y * n, box.shape.x * n)
    if shape[0] * shape[1] > MOST_FINE_CELLS:
        fix = f"raise land.fine_m to {edge / max(1, int(n * (MOST_FINE_CELLS / (shape[0] * shape[1])) ** 0.5)):.0f} or cut the region"
        raise ResourceError(f"Expected at most {MOST_FINE_CELLS:,} fine cells, found {shape[1]} x {shape[0]}; fix: {fix}.")
    finer = Box(shape, box.transform * Affine.scale(1.0 / n), box.crs)
    inside = layers["province"].values >= 0
    inside_fine = np.repeat(np.repeat(inside, n, axis=0), n, axis=1)
    classes = np.zeros(shape, dtype=np.uint8) if land.land_cover else None
    slope = np.full(shape, np.nan, dtype=np.float32) if land.slope else None
    with ExitStack() as stack:
        readers = _readers(land, stack)
        for rows, columns in _blocks(inside_fine):
            _fill(readers, finer, rows, columns, classes, slope)
    for item, known in ((land.land_cover, classes), (land.slope, slope)):
        if item and known is not None and not ((known > 0) if known is classes else np.isfinite(known)).any():
            raise AlignmentError(f"Expected {item.path} to cover cells of the region, found none; fix: check its extent and its CRS.")
    return FineGrid(finer, n, burn(outline, finer) & inside_fine, classes, slope)


def _blocks(inside: NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """Parts of the fine grid that hold cells of the region."""
    for top in range(0, inside.shape[0], _BLOCK):
        for left in range(0, inside.shape[1], _BLOCK):
            part = slice(top, min(top + _BLOCK, inside.shape[0])), slice(left, min(left + _BLOCK, inside.shape[1]))
            if inside[part].any():
                yield part


def _readers(land: GroundRules, stack: ExitStack) -> dict[str, tuple[Source, Any]]:
    readers: dict[str, tuple[Source, Any]] = {}
    if land.land_cover:
        item, meaning = land.land_cover, legend(land.land_cover.legend)
        nodata = item.nodata if item.nodata is not None else meaning.nodata
        readers["classes"] = (stack.enter_context(open_source(item.file, band=item.band, layer=item.layer, nodata=nodata)), meaning)
    if land.slope:
        given = land.slope
        source = open_source(given.file, band=given.band, layer=given.layer, nodata=given.nodata)
        readers["slope"] = (stack.enter_context(source), given)
    return readers


def _fill(readers: Mapping[str, tuple[Source, Any]], box: GeoBox, rows: slice, columns: slice, classes: Bytes | None, slope: Any) -> None:
    """Sample every raster at the centres of one block."""
    x, y = np.meshgrid(box.coords["x"].values[columns], box.coords["y"].values[rows])
    if "classes" in readers and classes is not None:
        source, meaning = readers["classes"]
        values = _sample(source, x, y, str(box.crs), 0, lambda window: _classes(source, window, meaning))
        classes[rows, columns] = np.nan_to_num(values, nan=0.0).astype(np.uint8)
    if "slope" in readers:
        source, item = readers["slope"]
        slope[rows, columns] = _sample(source, x, y, str(box.crs), 1, lambda window: _slopes(source, window, item.unit))


def _sample(source: Source, x: Floats, y: Floats, crs: str, around: int, read: Any) -> Floats:
    """Values of the pixels in which points lie, NaN beside the raster; `around` more pixels are read on each side."""
    from pyproj import Transformer

    across, along = Transformer.from_crs(crs, str(source.box.crs), always_xy=True).transform(x, y)
    edges = source.box.boundingbox
    if source.box.crs.geographic and max(edges.left, edges.right) > 180.5:
        across = np.where(across < min(edges.left, edges.right), across + 360.0, across)
    inverse = ~source.box.transform
    column = np.floor(inverse.a * across + inverse.c).astype(np.int64)
    row = np.floor(inverse.e * along + inverse.f).astype(np.int64)
    high, wide = source.box.shape
    there = (column >= 0) & (column < wide) & (row >= 0) & (row < high)
    values = np.full(x.shape, np.nan)
    if not there.any():
        return values
    left, top = max(int(column[there].min()) - around, 0), max(int(row[there].min()) - around, 0)
    right, bottom = min(int(column[there].max()) + around + 1, wide), min(int(row[there].max()) + around + 1, high)
    window = Window(left, top, right - left, bottom - top)
    if window.width * window.height > LARGEST_CELLS:
        size = f"{window.width} x {window.height} pixels"
        raise ResourceError(f"Expected at most {LARGEST_CELLS:,} pixels at once, found {size} of {source.name}; fix: coarsen it.")
    values[there] = read(window)[row[there] - top, column[there] - left]
    return values


def _classes(source: Source, window: Window, meaning: Legend) -> Floats:
    values = source.read(window)
    known = [each.value for each in meaning.classes]
    odd = np.isfinite(values) & ~np.isin(values, [*known, meaning.nodata])
    if odd.any():
        raise AlignmentError(f"Expected classes of {meaning.id}, found {values[odd].flat[0]:g} in {source.name}; fix: name its legend.")
    values[values == meaning.nodata] = np.nan
    return values


def _slopes(source: Source, window: Window, unit: str) -> Floats:
    values = source.read(window)
    if unit == "m":
        check_range(values, "altitude", "m", source.name)
        part = source.box[window.top : window.top + window.height, window.left : window.left + window.width]
        return slope_degree(values, *pixel_metres(part))
    if unit == "%":
        values = percent_to_degree(values)
    if np.isfinite(values).any() and not (np.nanmin(values) >= 0.0 and np.nanmax(values) < 90.0):
        found = f"{np.nanmin(values):g} to {np.nanmax(values):g}"
        raise UnitsError(f"Expected slopes from 0 to 90 degrees, found {found} in {source.name}; fix: check its unit and nodata.")
    return values


def burn(geometries: Sequence[Geometry], box: GeoBox) -> NDArray[np.bool_]:
    """Fine cells whose centre lies in a polygon; one smaller than a fine cell takes those that it touches, lines take none."""
    import shapely
    from rasterio.features import rasterize

    drawn = np.asarray(list(geometries), dtype=object)
    flat = reproject(shapely.segmentize(drawn[shapely.get_dimensions(drawn) == 2], 0.05), "EPSG:4326", str(box.crs))
    small = shapely.area(flat) < box.resolution.x**2
    burnt = np.zeros(box.shape, dtype=np.uint8)
    for chosen, touched in ((flat[~small], False), (flat[small], True)):
        if chosen.size:
            rasterize([(each, 1) for each in chosen], out=burnt, transform=box.transform, all_touched=touched)
    return burnt.astype(bool)


def slope_warning(land: GroundRules) -> list[str]:
    """Say where slopes come from pixels too large to show them."""
    if land.slope is None or land.slope.unit != "m":
        return []
    with open_source(land.slope.file, band=land.slope.band, layer=land.slope.layer, nodata=land.slope.nodata) as source:
        width = pixel_metres(source.box)[1]
    if width <= _FINE_ENOUGH:
        return []
    return [f"Slopes were computed from elevation in pixels of {width:,.0f} m: the ground is steeper; use pixels of 30 to 90 m."]
