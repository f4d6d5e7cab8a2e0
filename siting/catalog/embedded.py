"""Openers of the embedded formats: verified bytes in, canonical names and units out."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

from siting.catalog.units import convert
from siting.vocabulary import CatalogError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from siting.catalog.entry import Entry

#: Tables that are looked up by one of their columns.
_INDEX = {"provinces": "iso_3166_2", "power_mix": "iso_3166_2", "load_shapes": "iso_3166_2", "country_grids": "country"}


def open_table(entry: Entry, content: bytes) -> pd.DataFrame:
    """Table of a CSV file: the declared columns in the declared order; an empty cell is unknown: NaN, or "" in text, never zero."""
    import pandas as pd

    raw = pd.read_csv(io.BytesIO(content), encoding="utf-8", keep_default_na=False, na_values=[""])
    expected = {quantity.stored or name for name, quantity in entry.variables.items()}
    if set(raw.columns) != expected:
        differing = ", ".join(sorted(set(map(str, raw.columns)) ^ expected))
        raise CatalogError(f"Expected the declared columns in {entry.file}, found a difference in {differing}; fix: declare each column.")
    texts = [column for column in raw.columns if not pd.api.types.is_numeric_dtype(raw[column])]
    raw[texts] = raw[texts].fillna("")
    table = pd.DataFrame(
        {
            name: convert(raw[quantity.stored or name], quantity.stored_unit or quantity.unit, quantity.unit, name)
            for name, quantity in entry.variables.items()
        }
    )
    return table.set_index(_INDEX[entry.id]) if entry.id in _INDEX else table


def open_features(entry: Entry, content: bytes) -> gpd.GeoDataFrame:
    """Features of a GeoJSON file with the declared properties, EPSG:4326."""
    import geopandas as gpd

    features = json.loads(content)["features"]
    frame = gpd.GeoDataFrame.from_features(features, crs="EPSG:4326")
    names = [name for name in entry.variables if name != "geometry"]
    if set(frame.columns) != {*names, "geometry"}:
        raise CatalogError(f"Expected the properties {', '.join(names)} in {entry.file}, found others; fix: declare each property.")
    return frame[[*names, "geometry"]]


def open_arrays(entry: Entry, content: bytes) -> xr.Dataset:
    """Arrays of a gzipped NetCDF-3 file, unpacked to float64, latitude ascending, with units and NaN where there is no value."""
    import xarray as xr

    with xr.open_dataset(io.BytesIO(gzip.decompress(content)), engine="scipy") as stored:
        dataset = stored.load()
    dataset = dataset.assign_coords(month=dataset.month.astype("int64")) if "month" in dataset.coords else dataset
    if {str(name) for name in dataset.data_vars} != {quantity.stored or name for name, quantity in entry.variables.items()}:
        raise CatalogError(f"Expected the declared variables in {entry.file}, found others; fix: declare each variable.")
    for name, quantity in entry.variables.items():
        values = dataset[quantity.stored or name].astype("float64")
        dataset[name] = convert(values, quantity.stored_unit or quantity.unit, quantity.unit, name)
        dataset[name].attrs = {"long_name": quantity.description, "units": quantity.unit}
    return dataset[list(entry.variables)]
