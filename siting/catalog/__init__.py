"""The data catalog: one YAML per dataset, verified and opened in canonical names and units. Only this room opens data files."""

from __future__ import annotations

import difflib
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from siting.catalog import remote
from siting.catalog.entry import Entry, Origin, Quantity, read_entry, verified_bytes
from siting.catalog.remote import RemoteEntry
from siting.catalog.yamlfile import Lines, explain_invalid, read_model, read_yaml
from siting.vocabulary import CatalogError

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr

__all__ = [
    "Entry",
    "Lines",
    "Origin",
    "Quantity",
    "RemoteEntry",
    "entries",
    "entry",
    "explain_invalid",
    "open_entry",
    "open_raster",
    "open_vector",
    "read_entry",
    "read_model",
    "read_yaml",
    "remote_entries",
    "remote_entry",
    "root",
]


def root() -> Path:
    """Folder of the catalog: inside the installed package, else beside it in a checkout.

    Raises
    ------
    CatalogError
        If neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_catalog", package.parent / "data_catalog"):
        if folder.is_dir():
            return folder
    raise CatalogError(f"Expected the data catalog beside {package.name}, found none; fix: reinstall siting.")


def entries(folder: Path | None = None) -> dict[str, Entry]:
    """All entries by id, in alphabetical order.

    Raises
    ------
    CatalogError
        If one is malformed.
    """
    return {path.stem: _entry(path) for path in sorted((folder or root()).glob("*.yaml"))}


_entry = functools.cache(read_entry)


def entry(name: str, folder: Path | None = None) -> Entry:
    """One entry.

    Raises
    ------
    CatalogError
        If the id is unknown, the text names the nearest one; or if the entry is malformed.
    """
    known = {path.stem: path for path in sorted((folder or root()).glob("*.yaml"))}
    if name in known:
        return _entry(known[name])
    near = difflib.get_close_matches(name, known, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
    raise CatalogError(f"Expected the id of a catalog entry, found {name!r}; fix: {fix}")


def remote_entries(extra: Path | None = None) -> dict[str, RemoteEntry]:
    """Datasets that can be fetched, by id; see :func:`siting.catalog.remote.remote_entries`."""
    return remote.remote_entries(root(), extra)


def remote_entry(name: str, extra: Path | None = None) -> RemoteEntry:
    """One dataset that can be fetched; see :func:`siting.catalog.remote.remote_entry`."""
    return remote.remote_entry(name, root(), extra)


def open_entry(name: str, folder: Path | None = None) -> Any:
    """Open the data of an entry, after its checksum was verified.

    Returns
    -------
    pandas.DataFrame, geopandas.GeoDataFrame or xarray.Dataset
        By the entry's format csv, geojson or netcdf.gz; the caller may change it freely.

    Raises
    ------
    CatalogError
        If the id is unknown, or the file is missing or not as declared.
    IntegrityError
        If the file differs from its checksum.
    """
    from siting.catalog import embedded

    folder = folder or root()
    found = entry(name, folder)
    openers = {"csv": embedded.open_table, "geojson": embedded.open_features, "netcdf.gz": embedded.open_arrays}
    return openers[found.format](found, verified_bytes(found, folder))


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
    """A user's raster in canonical units; see :func:`siting.catalog.raster.open_raster`."""
    from siting.catalog import raster

    return raster.open_raster(
        path, unit=unit, variable=variable, band=band, layer=layer, nodata=nodata, bounds=bounds, pixel_m=pixel_m, folder=folder
    )


def open_vector(path: str | Path, *, layer: str | None = None, folder: Path | None = None) -> gpd.GeoDataFrame:
    """Features of a user's vector file; see :func:`siting.catalog.vector.open_vector`."""
    from siting.catalog import vector

    return vector.open_vector(path, layer=layer, folder=folder)
