"""GeoTIFF and COG behind the one door: what a file declares is checked before anything is read."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from siting.catalog.window import LARGEST_BLOCK, Source, refuse_sentinels
from siting.vocabulary import AlignmentError, CatalogError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import rasterio.io
    from numpy.typing import NDArray

    from siting.catalog.window import Window

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@contextmanager
def open_geotiff(file: Path, band: int, nodata: float | None) -> Iterator[Source]:
    """Band of a file that begins like a TIFF; other drivers, such as VRT with its links to other files, stay shut.

    Raises
    ------
    CatalogError
        Another format, a damaged file, a band that isn't there, or numbers that aren't real.
    AlignmentError
        No CRS, or a rotated grid.
    ResourceError
        Blocks that can't be read one by one.
    """
    import rasterio
    from odc.geo.geobox import GeoBox

    with file.open("rb") as stream:
        if stream.read(4) not in _MAGIC:
            raise CatalogError(f"Expected a GeoTIFF, found another format in {file.name}; fix: gdal_translate -of COG {file.name} out.tif.")
    try:
        source = rasterio.open(file, driver="GTiff", sharing=False)
    except rasterio.errors.RasterioError:
        raise CatalogError(f"Expected a readable GeoTIFF, found a damaged one in {file.name}; fix: download or export it again.") from None
    with source:
        _check_grid(source, file.name)
        _check_band(source, file.name, band)
        box = GeoBox((source.height, source.width), source.transform, source.crs.to_wkt())
        yield Source(file.name, box, source.dtypes[band - 1], lambda window: _read(source, file.name, band, nodata, window))


def _check_grid(source: rasterio.io.DatasetReader, name: str) -> None:
    transform = source.transform
    if source.crs is None:
        raise AlignmentError(f"Expected a raster with a CRS, found none in {name}; fix: gdal_edit.py -a_srs EPSG:4326 {name}, if so.")
    if transform.b or transform.d or not transform.a or not transform.e:
        raise AlignmentError(f"Expected a north-up grid, found a rotated one in {name}; fix: gdalwarp {name} out.tif.")


def _check_band(source: rasterio.io.DatasetReader, name: str, band: int) -> None:
    if not 1 <= band <= source.count:
        raise CatalogError(f"Expected a band out of 1 to {source.count}, found {band} for {name}; fix: choose one of them.")
    dtype = np.dtype(source.dtypes[band - 1])
    if dtype.kind not in "iuf":
        raise CatalogError(f"Expected real numbers, found {source.dtypes[band - 1]} in {name}; fix: export a numeric band.")
    rows, columns = source.block_shapes[band - 1]
    together = source.count if source.interleaving and source.interleaving.name == "pixel" else 1
    if rows * columns * dtype.itemsize * together > LARGEST_BLOCK:
        found = f"{columns} x {rows} pixels"
        raise ResourceError(f"Expected blocks of at most {LARGEST_BLOCK:,} bytes, found {found} in {name}; fix: gdal_translate -of COG.")


def _read(source: rasterio.io.DatasetReader, name: str, band: int, nodata: float | None, window: Window) -> NDArray[np.float64]:
    """Values as float64 with NaN for no data; scale and offset of the file are applied here, once."""
    import rasterio
    from rasterio.windows import Window as Part

    part = Part(window.left, window.top, window.width, window.height)
    if source.nodatavals[band - 1] is None and _absent_blocks(source, band, window):
        raise CatalogError(f"Expected all tiles of {name}, found absent ones; fix: export it again, or declare its nodata.")
    try:
        stored = source.read(band, window=part)
        mask = source.read_masks(band, window=part) == 0
    except rasterio.errors.RasterioError:
        raise CatalogError(f"Expected a complete GeoTIFF, found a damaged one in {name}; fix: download or export it again.") from None
    values: NDArray[np.float64] = stored.astype("float64")
    if nodata is not None:
        mask |= values == (float(stored.dtype.type(nodata)) if stored.dtype.kind == "f" else nodata)
    mask |= ~np.isfinite(values)
    refuse_sentinels(values[~mask], stored.dtype, name)
    values = values * float(source.scales[band - 1]) + float(source.offsets[band - 1])
    values[mask] = np.nan
    return values


def _absent_blocks(source: rasterio.io.DatasetReader, band: int, window: Window) -> bool:
    """Whether a tile in the window was never written, as after a killed writer; GDAL reads it as nodata, or 0 without one."""
    rows, columns = source.block_shapes[band - 1]
    high = range(window.top // rows, (window.top + window.height - 1) // rows + 1)
    wide = range(window.left // columns, (window.left + window.width - 1) // columns + 1)
    return any(source.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", "TIFF", bidx=band) is None for y in high for x in wide)
