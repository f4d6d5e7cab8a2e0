"""The one door for users' rasters: GeoTIFF in, canonical units and NaN out, on the raster's own grid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from siting.catalog.files import file_source, local_file
from siting.catalog.units import PLAUSIBLE, canonical, convert
from siting.vocabulary import AlignmentError, CatalogError, ResourceError, UnitsError, describe

if TYPE_CHECKING:
    import rasterio.io
    import rasterio.windows
    import xarray as xr

#: Values that files use for "no data" and forget to declare.
SENTINELS = (-32768.0, -9999.0, -999.0, -99999.0, 65535.0, 1e20, float(np.float32(-3.4028234663852886e38)))

#: Most cells that are read at once.
LARGEST_CELLS = 100_000_000

_SUFFIXES = (".tif", ".tiff")
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DEGREES_AT_MOST = (-180.5, -90.5, 360.5, 90.5)


def open_raster(
    path: str | Path,
    *,
    unit: str,
    variable: str | None = None,
    band: int = 1,
    nodata: float | None = None,
    bounds: tuple[float, float, float, float] | None = None,
    folder: Path | None = None,
) -> xr.DataArray:
    """Band of a GeoTIFF on its native grid, in canonical units, NaN where it has no value.

    Parameters
    ----------
    path : str or Path
        GeoTIFF or COG.
    unit : str
        Unit of the stored values, after the file's own scale and offset.
    variable : str, optional
        Variable of the vocabulary that the band holds: it sets the canonical unit and the range that values may have.
    band : int
        Number of the band, counted from 1.
    nodata : float, optional
        Stored value that means "no data", where the file declares none or another.
    bounds : tuple of float, optional
        West, south, east, north [degree]: read only the cells within, and two around.
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
        No CRS, bounds that contradict it, a rotated grid, or no cell within `bounds`.
    UnitsError
        Unknown unit, undeclared nodata, or values out of range.
    ResourceError
        More than `LARGEST_CELLS`.
    """
    file = local_file(path, _SUFFIXES, folder)
    target = describe(variable).unit if variable else canonical(unit)
    convert(0.0, unit, target, variable or "the raster")
    with _open(file) as source:
        _check_grid(source, file.name)
        _check_band(source, file.name, band)
        window = _window(source, file.name, bounds)
        values = _read(source, file.name, band, nodata, window)
        array = _on_grid(source, window, convert(values, unit, target))
    _check_range(array.to_numpy(), variable, target, file.name)
    array.attrs = {"units": target, "source": file_source(file, "", (variable,) if variable else ())}
    return array.rename(variable or file.stem)


def _open(file: Path) -> rasterio.io.DatasetReader:
    """Reader of a file that begins like a TIFF; other drivers, such as VRT with its links to other files, stay shut."""
    import rasterio

    with file.open("rb") as stream:
        if stream.read(4) not in _MAGIC:
            raise CatalogError(f"Expected a GeoTIFF, found another format in {file.name}; fix: gdal_translate -of COG {file.name} out.tif.")
    try:
        return rasterio.open(file, driver="GTiff", sharing=False)
    except rasterio.errors.RasterioError:
        raise CatalogError(f"Expected a readable GeoTIFF, found a damaged one in {file.name}; fix: download or export it again.") from None


def _check_grid(source: rasterio.io.DatasetReader, name: str) -> None:
    transform, crs, bounds = source.transform, source.crs, source.bounds
    if crs is None:
        raise AlignmentError(f"Expected a raster with a CRS, found none in {name}; fix: gdal_edit.py -a_srs EPSG:4326 {name}, if so.")
    if transform.b or transform.d or not transform.a or not transform.e:
        raise AlignmentError(f"Expected a north-up grid, found a rotated one in {name}; fix: gdalwarp {name} out.tif.")
    corners = (*sorted((bounds.left, bounds.right)), *sorted((bounds.bottom, bounds.top)))
    west, east, south, north = corners
    low_x, low_y, high_x, high_y = _DEGREES_AT_MOST
    if crs.is_geographic and not (low_x <= west and east <= high_x and low_y <= south and north <= high_y):
        found = f"{west:g} to {east:g} and {south:g} to {north:g}"
        raise AlignmentError(f"Expected bounds in degrees as the CRS of {name} says, found {found}; fix: assign the right CRS.")
    if not all(map(math.isfinite, corners)):
        raise AlignmentError(f"Expected finite bounds, found {corners} in {name}; fix: export it again.")


def _check_band(source: rasterio.io.DatasetReader, name: str, band: int) -> None:
    if not 1 <= band <= source.count:
        raise CatalogError(f"Expected a band out of 1 to {source.count}, found {band} for {name}; fix: choose one of them.")
    if np.dtype(source.dtypes[band - 1]).kind not in "iuf":
        raise CatalogError(f"Expected real numbers, found {source.dtypes[band - 1]} in {name}; fix: export a numeric band.")
    if source.nodatavals[band - 1] is None and _absent_blocks(source, band):
        raise CatalogError(f"Expected all tiles of {name}, found absent ones; fix: export it again, or declare its nodata.")


def _absent_blocks(source: rasterio.io.DatasetReader, band: int) -> bool:
    """Whether a tile was never written, as after a killed writer; GDAL reads such tiles as nodata, or 0 without one."""
    blocks = ((row, column) for (row, column), _ in source.block_windows(band))
    return any(source.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band) is None for row, column in blocks)


def _window(source: rasterio.io.DatasetReader, name: str, bounds: tuple[float, float, float, float] | None) -> rasterio.windows.Window:
    """Cells to read, after their number was checked."""
    from rasterio.errors import WindowError
    from rasterio.warp import transform_bounds
    from rasterio.windows import Window, from_bounds

    window = Window(0, 0, source.width, source.height)
    if bounds is not None:
        here = from_bounds(*transform_bounds("EPSG:4326", source.crs, *bounds, densify_pts=51), transform=source.transform)
        left, top = math.floor(here.col_off) - 2, math.floor(here.row_off) - 2
        wide, high = math.ceil(here.width) + 5, math.ceil(here.height) + 5
        try:
            window = window.intersection(Window(left, top, wide, high))
        except WindowError:
            raise AlignmentError(f"Expected {name} to overlap the study, found it elsewhere; fix: check the file and the region.") from None
    if window.width * window.height > LARGEST_CELLS:
        size = f"{window.width} x {window.height} cells"
        raise ResourceError(f"Expected at most {LARGEST_CELLS:,} cells, found {size} in {name}; fix: gdalwarp -tr to coarser cells.")
    return window


def _read(source: rasterio.io.DatasetReader, name: str, band: int, nodata: float | None, window: rasterio.windows.Window) -> np.ndarray:
    """Values as float64 with NaN for no data; scale and offset of the file are applied here, once."""
    import rasterio

    try:
        stored = source.read(band, window=window)
        mask = source.read_masks(band, window=window) == 0
    except rasterio.errors.RasterioError:
        raise CatalogError(f"Expected a complete GeoTIFF, found a damaged one in {name}; fix: download or export it again.") from None
    values: np.ndarray = stored.astype("float64")
    if nodata is not None:
        mask |= values == (float(stored.dtype.type(nodata)) if stored.dtype.kind == "f" else nodata)
    mask |= ~np.isfinite(values)
    if mask.all():
        raise CatalogError(f"Expected values, found only no data in band {band} of {name}; fix: check the band and the nodata value.")
    _refuse_sentinels(values[~mask], name)
    values = values * float(source.scales[band - 1]) + float(source.offsets[band - 1])
    values[mask] = np.nan
    return values


def _refuse_sentinels(values: np.ndarray, name: str) -> None:
    """Refuse a band in which a usual fill value makes up more than a hundredth."""
    for sentinel in SENTINELS:
        share = float(np.mean(values == sentinel)) if values.size else 0.0
        if share > 0.01:
            found = f"{sentinel:g} in {share:.0%} of the cells"
            raise UnitsError(f"Expected fill values to be declared, found {found} of {name}; fix: state nodata: {sentinel:g}.")


def _on_grid(source: rasterio.io.DatasetReader, window: rasterio.windows.Window, values: np.ndarray) -> xr.DataArray:
    """Array with cell centres and CRS; the affine transform refers to cell corners, also for files tagged as points."""
    import xarray as xr
    from odc.geo.geobox import GeoBox
    from odc.geo.xr import xr_coords

    box = GeoBox(values.shape, source.window_transform(window), source.crs.to_wkt())
    coords = xr_coords(box, dims=("y", "x"), always_yx=True)
    return xr.DataArray(values, coords=coords, dims=("y", "x"))


def _check_range(values: np.ndarray, variable: str | None, unit: str, name: str) -> None:
    if variable not in PLAUSIBLE:
        return
    low, high = PLAUSIBLE[variable]
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
    if least < low or most > high:
        wish = f"{variable} from {low:g} to {high:g} {unit}"
        raise UnitsError(f"Expected {wish}, found {least:g} to {most:g} in {name}; fix: check its unit and its nodata value.")
