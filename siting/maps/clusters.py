"""Named clusters: what was announced beside what the model finds nearby."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from siting.maps.raster import crs_of
from siting.maps.readout import cell_position
from siting.maps.records import plain, province_code, province_codes

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: A ranked site farther away than this says nothing of a cluster [km].
NEAR_KM = 50.0

_COLUMNS = ("id", "name", "latitude", "longitude", "coordinate_confidence", "industry", "announced_features", "article")


def cluster_records(clusters: pd.DataFrame, sites: xr.Dataset, layers: xr.Dataset) -> list[dict[str, Any]]:
    """Named clusters whose cell lies in the study, with the nearest ranked site.

    Parameters
    ----------
    clusters : DataFrame
        Columns of the catalog's clusters.
    sites : Dataset
        The site table.
    layers : Dataset
        Rasters on the analysis grid.
    """
    codes = province_codes(layers)
    records = []
    for _, row in clusters.iterrows():
        cell = _cell(layers, float(row["latitude"]), float(row["longitude"]))
        if cell is None:
            continue
        record = {name: plain(row[name]) for name in _COLUMNS if name in row}
        record["province"] = province_code(float(layers["province"].values[cell]), codes)
        record["reason"] = int(layers["load_reason"].values[cell]) if "load_reason" in layers else None
        records.append({**record, **_nearest(sites, float(row["latitude"]), float(row["longitude"]))})
    return records


def _cell(layers: xr.Dataset, latitude: float, longitude: float) -> tuple[int, int] | None:
    """Row and column of the cell of a point, None outside the study."""
    from pyproj import Transformer

    x, y = Transformer.from_crs("EPSG:4326", crs_of(layers), always_xy=True).transform(longitude, latitude)
    column, row = (int(np.floor(position)) for position in cell_position(layers, np.asarray(x), np.asarray(y)))
    inside = 0 <= row < layers.sizes["y"] and 0 <= column < layers.sizes["x"]
    return (row, column) if inside and float(layers["province"].values[row, column]) >= 0 else None


def _nearest(sites: xr.Dataset, latitude: float, longitude: float) -> dict[str, Any]:
    """Nearest ranked site within reach: its position in the table, number and distance."""
    from pyproj import Geod

    ranked = np.flatnonzero(sites["rank"].values > 0)
    if not ranked.size:
        return {"nearest": None, "distance_km": None}
    there = sites["longitude"].values[ranked], sites["latitude"].values[ranked]
    here = np.full(ranked.size, longitude), np.full(ranked.size, latitude)
    distance = Geod(ellps="WGS84").inv(*here, *there)[2] / 1000
    position = int(np.argmin(distance))
    kilometres = plain(float(distance[position]))
    if distance[position] > NEAR_KM:
        return {"nearest": None, "distance_km": kilometres}
    return {"nearest": int(sites["site"].values[ranked[position]]), "distance_km": kilometres}
