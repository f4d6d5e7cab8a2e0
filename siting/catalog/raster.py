"""The one door for rasters: GeoTIFF, NetCDF or Zarr in, canonical units and NaN out, on the raster's own grid."""

from __future__ import annotations

import math
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine

from siting.catalog.arrays import open_array
from siting.catalog.files import file_source, local_file, local_folder
from siting.catalog.geotiff import open_geotiff
from siting.catalog.units import PLAUSIBLE, canonical, convert
from siting.catalog.window import Source, Window, check_bounds, check_size, overlap, refuse_emptiness
from siting.vocabulary import CatalogError, UnitsError, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

#: Endings that the door knows; a Zarr store is a folder.
RASTERS = (".tif", ".tiff", ".nc", ".zarr")

#: Pixels beyond which means over blocks are read, where they are fine enough.
MANY_CELLS = 25_000_000


def open_raster(
    path: str | Path,
    *,
    unit: str,
    variable: str | None = None,
    band: int = 1,
    layer: str | None = None,
    nodata: float | None = None,
    bounds: tuple[float, float, float, float] | None = None,
    pixel_m: float | None = None,
    folder: Path | None = None,
) -> xr.DataArray:
    """Raster on its native grid, in canonical units, NaN where it has no value.

    Parameters
    ----------
    path : str or Path
        GeoTIFF or COG (.tif), NetCDF (.nc) or Zarr folder (.zarr).
    unit : str
        Unit of the stored values, after the file's own scale and offset.
    variable : str, optional
        Variable of the vocabulary that the band holds: it sets the canonical unit and the range that values may have.
    band : int
        Number of the band of a GeoTIFF, counted from 1.
    layer : str, optional
        Variable of a NetCDF file or a Zarr store with several.
    nodata : float, optional
        Stored value that means "no data", where the file declares none or another.
    bounds : tuple of float, optional
        West, south, east, north [degree]: read only the cells within, and two around.
    pixel_m : float, optional
        Pixels up to this size are fine enough [m]: of more than :data:`MANY_CELLS` smaller ones, means over square blocks are given.
    folder : Path, optional
        Folder of the study that names the file.

    Returns
    -------
    xarray.DataArray
        float64 (y, x) with cell centres x, y, the coordinate spatial_ref, and attributes units and source.

    Raises
    ------
    CatalogError
        Path, format, band, damaged file, or no value at all.
    AlignmentError
        No CRS, bounds that contradict it, a rotated grid, axes that aren't centres, or no cell within `bounds`.
    UnitsError
        Unknown unit, undeclared nodata, or values out of range.
    ResourceError
        More than :data:`siting.catalog.window.LARGEST_CELLS`.
    """
    target = describe(variable).unit if variable else canonical(unit)
    convert(0.0, unit, target, variable or "the raster")
    with open_source(path, band=band, layer=layer, nodata=nodata, folder=folder) as source:
        window = overlap(source, bounds)
        factor = _factor(source, window, pixel_m)
        values = source.read(check_size(source, window)) if factor == 1 else _block_means(source, window, factor)
        refuse_emptiness(values, source.name)
        array = _on_grid(source, window, convert(values, unit, target), factor)
    check_range(array.to_numpy(), variable, target, source.name)
    file = resolve(path, folder)
    array.attrs = {"units": target, "source": file_source(file, "", (variable,) if variable else ())}
    return array.rename(variable or file.stem)


@contextmanager
def open_source(
    path: str | Path, *, band: int = 1, layer: str | None = None, nodata: float | None = None, folder: Path | None = None
) -> Iterator[Source]:
    """Open raster whose windows can be read one by one, after all that it declares was checked.

    Parameters
    ----------
    path, band, layer, nodata, folder
        As for :func:`open_raster`.
    """
    file = resolve(path, folder)
    arrays = file.suffix.lower() in (".nc", ".zarr")
    if layer is not None and not arrays:
        raise CatalogError(f"Expected a band for {file.name}, found the layer {layer!r}; fix: state the number of the band.")
    with open_array(file, layer, nodata) if arrays else open_geotiff(file, band, nodata) as source:
        check_bounds(source)
        yield source


def resolve(path: str | Path, folder: Path | None) -> Path:
    """Path of a raster inside the folders that a study may read from."""
    return local_folder(path, folder) if str(path).lower().endswith(".zarr") else local_file(path, RASTERS, folder)


def _factor(source: Source, window: Window, pixel_m: float | None) -> int:
    """Edge of the blocks, in pixels, whose means are fine enough, and not too many."""
    if pixel_m is None or window.width * window.height <= MANY_CELLS:
        return 1
    metres = abs(source.box.resolution.y) * (111_195.0 if source.box.crs.geographic else 1.0)
    needed = math.ceil(math.sqrt(window.width * window.height / MANY_CELLS))
    return max(min(needed, int(pixel_m / metres), window.width, window.height), 1)


def _block_means(source: Source, window: Window, factor: int) -> NDArray[np.float64]:
    """Means of the known pixels of each block, read strip by strip; pixels beyond the last whole block are left out."""
    rows, columns = window.height // factor, window.width // factor
    check_size(source, Window(0, 0, columns, rows))
    means = np.full((rows, columns), np.nan)
    strip = max(MANY_CELLS // (window.width * factor), 1)
    for first in range(0, rows, strip):
        count = min(strip, rows - first)
        values = source.read(Window(window.left, window.top + first * factor, columns * factor, count * factor))
        blocks = values.reshape(count, factor, columns, factor)
        known = np.isfinite(blocks).sum(axis=(1, 3))
        np.divide(np.nansum(blocks, axis=(1, 3)), known, out=means[first : first + count], where=known > 0)
    return means


def _on_grid(source: Source, window: Window, values: NDArray[np.float64], factor: int) -> xr.DataArray:
    """Array with cell centres and CRS; the affine transform refers to cell corners, also for files tagged as points."""
    import xarray as xr
    from odc.geo.geobox import GeoBox
    from odc.geo.xr import xr_coords

    box = source.box[window.top : window.top + window.height, window.left : window.left + window.width]
    if factor > 1:
        box = GeoBox(values.shape, box.transform * Affine.scale(factor), box.crs)
    return xr.DataArray(values, coords=xr_coords(box, dims=("y", "x"), always_yx=True), dims=("y", "x"))


def check_range(values: NDArray[np.float64], variable: str | None, unit: str, name: str) -> None:
    """Refuse values that the variable can't have: they are in another unit than the file says."""
    if variable not in PLAUSIBLE or not np.isfinite(values).any():
        return
    low, high = PLAUSIBLE[variable]
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
    if least < low or most > high:
        wish = f"{variable} from {low:g} to {high:g} {unit}"
        raise UnitsError(f"Expected {wish}, found {least:g} to {most:g} in {name}; fix: check its unit and its nodata value.")
