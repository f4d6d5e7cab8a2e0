"""The one door for users' vector files: polygons with a CRS in, valid geometries in EPSG:4326 out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from siting.catalog.files import file_source, local_file
from siting.vocabulary import AlignmentError, CatalogError, ResourceError

if TYPE_CHECKING:
    import geopandas as gpd

#: Most bytes of a file, features and vertices that are read at once.
MOST_BYTES = 4_000_000_000
MOST_FEATURES = 5_000_000
MOST_VERTICES = 20_000_000

_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".shp": "ESRI Shapefile", ".parquet": "", ".geoparquet": ""}
_MAGIC = {"GPKG": b"SQLite format 3\0", "ESRI Shapefile": b"\0\0\x27\x0a", "": b"PAR1", "GeoJSON": b"{"}
_FULL_CIRCLE = (-180.5, -90.5, 360.5, 90.5)


def open_vector(path: str | Path, *, layer: str | None = None, folder: Path | None = None) -> gpd.GeoDataFrame:
    """Features of a GeoPackage, GeoJSON, Shapefile or GeoParquet, repaired and in EPSG:4326.

    Parameters
    ----------
    path : str or Path
        The file.
    layer : str, optional
        Layer of a GeoPackage that has several.
    folder : Path, optional
        Folder of the study that names the file.

    Returns
    -------
    geopandas.GeoDataFrame
        Attributes `repaired` and `dropped` count the geometries that were mended or, being empty, left out; `source` names the file.

    Raises
    ------
    CatalogError
        Path, format, layer, damaged file, or no feature.
    AlignmentError
        No CRS, or bounds that contradict it.
    ResourceError
        More than `MOST_BYTES`, `MOST_FEATURES` or `MOST_VERTICES`.
    """
    import shapely

    file = local_file(path, tuple(_DRIVERS), folder)
    frame = _read(file, layer)
    if frame.crs is None:
        raise AlignmentError(f"Expected a vector file with a CRS, found none in {file.name}; fix: assign it with ogr2ogr -a_srs.")
    empty = frame.geometry.isna() | frame.geometry.is_empty
    if empty.all():
        raise CatalogError(f"Expected features, found none in {file.name}; fix: check the layer.")
    frame = frame[~empty].reset_index(drop=True)
    _check_bounds(frame, file.name)
    vertices = int(shapely.get_num_coordinates(frame.geometry.to_numpy()).sum())
    if vertices > MOST_VERTICES:
        raise ResourceError(f"Expected at most {MOST_VERTICES:,} vertices, found {vertices:,} in {file.name}; fix: simplify or clip it.")
    invalid = ~frame.geometry.is_valid
    frame.loc[invalid, frame.geometry.name] = frame.geometry[invalid].make_valid()
    frame = frame.to_crs("EPSG:4326")
    if not np.isfinite(frame.total_bounds).all():
        raise AlignmentError(f"Expected coordinates inside the CRS of {file.name}, found others; fix: assign the right CRS.")
    frame.attrs = {"repaired": int(invalid.sum()), "dropped": int(empty.sum()), "source": file_source(file, "", ())}
    return frame


def _read(file: Path, layer: str | None) -> gpd.GeoDataFrame:
    """Frame of a file, by the driver of its ending only."""
    import geopandas as gpd

    driver = _DRIVERS[file.suffix.lower()]
    _check_beginning(file, driver)
    frame = _read_layer(file, layer, driver) if driver else _read_parquet(file)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise CatalogError(f"Expected geometries, found a plain table in {file.name}; fix: choose a layer with geometries.")
    return frame


def _check_beginning(file: Path, driver: str) -> None:
    """Refuse a file of another format before any driver looks at it: some, such as VRT, follow links to other files."""
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise ResourceError(f"Expected at most {MOST_BYTES:,} bytes, found {size:,} in {file.name}; fix: simplify or clip it.")
    with file.open("rb") as stream:
        start = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(_MAGIC[driver].lstrip()):
        wish = driver or "GeoParquet"
        raise CatalogError(f"Expected {wish}, found another format or an empty file in {file.name}; fix: export it again as {wish}.")


def _read_layer(file: Path, layer: str | None, driver: str) -> gpd.GeoDataFrame:
    """One layer; it must be named where there are several."""
    import geopandas as gpd
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError

    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(file)]
        info = pyogrio.read_info(file, layer=layer or layers[0])
        found = info["driver"]
        if info["features"] > MOST_FEATURES:
            counts = f"Expected at most {MOST_FEATURES:,} features, found {info['features']:,}"
            raise ResourceError(f"{counts} in {file.name}; fix: clip it to the region.")
        if found == driver and (layer or len(layers) == 1):
            return gpd.read_file(file, layer=layer or layers[0])
    except (DataSourceError, DataLayerError, FeatureError, GeometryError):
        raise CatalogError(f"Expected a readable layer, found a damaged or another one in {file.name}; fix: export it again.") from None
    if found != driver:
        raise CatalogError(f"Expected {driver}, found {found} in {file.name}; fix: name the file by its format.")
    raise CatalogError(f"Expected one layer, found {', '.join(layers)} in {file.name}; fix: state the layer.")


def _read_parquet(file: Path) -> gpd.GeoDataFrame:
    """Frame of a GeoParquet file."""
    import geopandas as gpd

    try:
        return gpd.read_parquet(file)
    except ImportError:
        raise CatalogError(f"Expected pyarrow to read {file.name}, found none; fix: pip install siting[geoparquet].") from None
    except MemoryError:
        raise
    except Exception:
        # pyarrow, shapely and pyproj may all fail here, each with its own errors
        raise CatalogError(f"Expected GeoParquet, found another or a damaged file in {file.name}; fix: export it again.") from None


def _check_bounds(frame: gpd.GeoDataFrame, name: str) -> None:
    west, south, east, north = frame.total_bounds
    low_x, low_y, high_x, high_y = _FULL_CIRCLE
    if frame.crs.is_geographic and not (low_x <= west and east <= high_x and low_y <= south and north <= high_y):
        fix = "write longitude before latitude" if max(abs(west), abs(east)) <= 90.5 and north <= 180.5 else "assign the right CRS"
        found = f"{west:g} to {east:g} and {south:g} to {north:g}"
        raise AlignmentError(f"Expected bounds in degrees as the CRS of {name} says, found {found}; fix: {fix}.")
