"""Sites and zones as plain records for the map: every column of the vocabulary, rounded, NaN as null."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.vocabulary import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import geopandas as gpd
    import xarray as xr

#: Significant digits of the numbers in the map.
DIGITS = 6

#: Vertices of zones are kept to this part of a degree, about 10 m.
_DECIMALS = 4


def site_records(sites: xr.Dataset, positions: list[int], cells: list[int], codes: list[str]) -> list[dict[str, Any]]:
    """All that the cards of some sites show.

    Parameters
    ----------
    sites : Dataset
        The site table.
    positions : list of int
        Positions along ``site``.
    cells : list of int
        Their positions in the flattened grid of the layers.
    codes : list of str
        ISO 3166-2 codes by province index.
    """
    chosen = sites.isel(site=positions)
    columns: dict[str, list[Any]] = {
        "site": plain(chosen["site"].values),
        "cell": cells,
        "latitude": [round(value, _DECIMALS) for value in chosen["latitude"].values.tolist()],
        "longitude": [round(value, _DECIMALS) for value in chosen["longitude"].values.tolist()],
        "province": [province_code(index, codes) for index in chosen["province"].values.tolist()],
    }
    for name in VARIABLES:
        if name in chosen and name not in columns and chosen[name].dims[:1] == ("site",) and "time" not in chosen[name].dims:
            columns[name] = plain(chosen[name].values)
    for plant in ("pv", "wind"):
        if columns.pop(f"{plant}_plant_site", None) is not None:
            columns[f"{plant}_spot"] = _spots(sites, chosen[f"{plant}_plant_site"].values)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _spots(sites: xr.Dataset, numbers: Any) -> list[list[list[float] | None]]:
    """Where plants stand, by site and target: latitude and longitude, None where there are none or their cell is not in the table."""
    places = dict(zip(sites["site"].values.tolist(), zip(sites["latitude"].values, sites["longitude"].values, strict=True), strict=True))

    def spot(number: float) -> list[float] | None:
        return [round(float(degree), _DECIMALS) for degree in places[int(number)]] if number in places else None

    return [[spot(number) for number in row] for row in numbers.tolist()]


def province_code(index: float, codes: list[str]) -> str:
    """Code of a province index, empty outside."""
    return codes[int(index)] if 0 <= index < len(codes) else ""


def province_codes(layers: xr.Dataset) -> list[str]:
    """ISO 3166-2 codes by province index."""
    codes = layers["province"].attrs.get("iso_3166_2", "")
    return codes.split() if isinstance(codes, str) else [str(code) for code in codes]


def plain(values: Any) -> Any:
    """Value as JSON can say it: lists, text, numbers with six significant digits, None for NaN."""
    array = np.asarray(values)
    if array.ndim:
        return [plain(item) for item in array]
    item = array.item()
    if isinstance(item, bool | int | str) or item is None:
        return item
    if isinstance(item, float):
        return float(f"{item:.{DIGITS}g}") if math.isfinite(item) else None
    return str(item)


def zone_records(zones: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Zones with their columns and the rings of their polygons, in degrees."""
    if not len(zones):
        return []
    shapes = zones.geometry if zones.crs is None else zones.geometry.to_crs(4326)
    table = zones.drop(columns=zones.geometry.name)
    columns = [str(column) for column in table.columns]
    rows = table.itertuples(index=False, name=None)
    return [
        {"values": dict(zip(columns, map(plain, row), strict=True)), "rings": rings(shape)}
        for row, shape in zip(rows, shapes, strict=True)
    ]  # fmt: skip


def rings(shape: Any) -> list[list[list[list[float]]]]:
    """Polygons of a shape as Leaflet wants them: polygon, ring, vertex as (latitude, longitude)."""
    polygons = [part for part in getattr(shape, "geoms", [shape]) if part.geom_type == "Polygon"]
    return [[_vertices(ring.coords) for ring in (polygon.exterior, *polygon.interiors)] for polygon in polygons]


def _vertices(coordinates: Iterable[Any]) -> list[list[float]]:
    return [[round(vertex[1], _DECIMALS), round(vertex[0], _DECIMALS)] for vertex in coordinates]
