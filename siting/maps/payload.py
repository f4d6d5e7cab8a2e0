"""Everything that the page knows, as one JSON island: the only way in which text of the data enters the map."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.grid import positions
from siting.maps import readout
from siting.maps.basemap import basemap, chinese_city, city_records
from siting.maps.clusters import NEAR_KM, cluster_records
from siting.maps.provinces import province_records
from siting.maps.raster import Frame, warp_cells
from siting.maps.records import plain, province_codes, site_records, zone_records
from siting.maps.themes import picture, reasons, site_values, spread, themes
from siting.scoring import target_index
from siting.vocabulary import VARIABLES, MissingVariableError, SitingError, check
from siting.zones import ZONE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import xarray as xr
    from numpy.typing import NDArray

_SITES_NEED = ("rank", "score", "delivered_cost", "province", "latitude", "longitude", "pv_full_load_hours", "wind_full_load_hours")
_LAYERS_NEED = ("province", "latitude", "longitude")

#: Characters that could end or open an element inside the island, and line ends that JavaScript reads as such.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def build(
    zones: gpd.GeoDataFrame, sites: xr.Dataset, layers: xr.Dataset, *, entries: Mapping[str, Any], top: int
) -> dict[str, Any]:  # fmt: skip
    """Payload of a map, without title and language.

    Parameters
    ----------
    zones, sites, layers
        As for :func:`siting.maps.map_zones`.
    entries : mapping
        Entries of the catalog by id: clusters, provinces, cities and land.
    top : int
        Number of best sites to show.

    Raises
    ------
    MissingVariableError
        If a column that the map can't do without is missing.
    AlignmentError
        If the sites are not cells of the layers.
    """
    check(sites, _SITES_NEED, "map_zones")
    check(layers, _LAYERS_NEED, "map_zones")
    if "target" not in sites.dims:
        raise MissingVariableError("map_zones needs sites with the dimension target; run match_supply and add_costs first.")
    cells = positions(sites, layers)
    shown = layers["province"].values >= 0
    shown.ravel()[cells] = True
    frame = warp_cells(layers, shown)
    best = _best(sites, top)
    named = cluster_records(entries["clusters"], sites, layers)
    rows = {int(number): row for row, number in enumerate(sites["site"].values)}
    cards = [rows[number] for number in dict.fromkeys([*best, *(int(row["nearest"]) for row in named if row["nearest"] is not None)])]
    records = site_records(sites, cards, [int(cell) for cell in cells[cards]], province_codes(layers))
    return {
        **_drawn(sites, layers, cells, shown, frame),
        "region": str(sites.attrs.get("region", "")),
        "ranked": int((sites["rank"].values > 0).sum()),
        "candidates": int(sites.sizes["site"]),
        "main": target_index(sites, None),
        "labels": {name: plain(sites[name].values) for name in ("target", "component", "criterion", "bound") if name in sites.coords},
        "variables": {name: {"en": v.en, "zh": v.zh, "unit": v.unit} for name, v in VARIABLES.items()},
        "zone_columns": {name: {"en": v.en, "zh": v.zh, "unit": v.unit} for name, v in ZONE_COLUMNS.items()},
        "status": _flags(sites),
        "methods": _methods(sites),
        "rules": json.loads(sites["rule_verdict"].attrs.get("rules", "[]")) if "rule_verdict" in sites else [],
        "ranking": best,
        "sites": [{**record, "nearest_city_zh": chinese_city(record, entries["cities"])} for record in records],
        "zones": zone_records(zones),
        "clusters": named,
        "clusters_elsewhere": len(entries["clusters"]) - len(named),
        "near_km": NEAR_KM,
        "provinces": province_records(sites, layers, entries["provinces"]),
        "sources": _listed(sites, "sources"),
        "warnings": _listed(sites, "warnings"),
        "cities": city_records(entries["cities"], frame),
        "land": basemap(entries["land"], frame),
    }


def to_island(payload: dict[str, Any]) -> str:
    """JSON that can stand inside a ``script`` element whatever the text in it."""
    return json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


def _drawn(sites: xr.Dataset, layers: xr.Dataset, cells: NDArray[np.int64], shown: NDArray[np.bool_], frame: Frame) -> dict[str, Any]:
    """Coloured layers, and the values behind them where there is room."""
    pictures: list[dict[str, Any]] = []
    values: dict[str, NDArray[np.float64]] = {}
    for theme in themes(sites):
        values[theme.key] = spread(site_values(sites, theme.variable, theme.target), cells, shown.size)
        pictures.append(picture(theme, values[theme.key], frame))
    if "load_reason" in layers:
        layer, values["load_reason"] = reasons(layers["load_reason"], frame, shown)
        pictures.append(layer)
    drawn: dict[str, Any] = {"bounds": [[frame.south, frame.west], [frame.north, frame.east]], "layers": pictures, "readout": None}
    if shown.sum() <= readout.CELL_LIMIT:
        values["rank"] = spread(np.where(sites["rank"].values > 0, sites["rank"].values, np.nan), cells, shown.size)
        values["province"] = np.where(layers["province"].values >= 0, layers["province"].values, np.nan).ravel().astype(np.float64)
        inside = shown.ravel()
        packed = {name: readout.pack(raster[inside]) for name, raster in values.items()}
        known = {"mask": readout.pack_mask(shown), "values": packed, "codes": province_codes(layers)}
        drawn["readout"] = {**readout.locate(layers, frame), **known}
    return drawn


def _best(sites: xr.Dataset, top: int) -> list[int]:
    """Cell numbers of the best-ranked sites, best first."""
    rank = sites["rank"].values
    order = np.argsort(np.where(rank > 0, rank, np.iinfo(np.int64).max), kind="stable")[: min(top, int((rank > 0).sum()))]
    return [int(number) for number in sites["site"].values[order]]


def _methods(sites: xr.Dataset) -> dict[str, dict[str, str]]:
    """How both Scope 2 figures were counted, in both languages: method, year and factor."""
    said = {name: sites[name].attrs for name in ("scope2_location", "scope2_market") if name in sites}
    told = {name: a for name, a in said.items() if {"method", "year", "factor"} <= a.keys()}
    return {
        name: {
            "en": f"{a['method']}; {a['year']}; {a['factor']}",
            "zh": f"{a.get('method_zh', a['method'])}；{a['year']}；{a.get('factor_zh', a['factor'])}",
        }
        for name, a in told.items()
    }


def _flags(sites: xr.Dataset) -> list[dict[str, Any]]:
    """Bits of ``site_status`` and their meanings."""
    attrs = sites["site_status"].attrs if "site_status" in sites else {}
    masks = [int(mask) for mask in np.atleast_1d(attrs.get("flag_masks", []))]
    meanings = str(attrs.get("flag_meanings", "")).split("|")
    return [{"mask": mask, "meaning": meaning} for mask, meaning in zip(masks, meanings, strict=False)]


def _listed(sites: xr.Dataset, name: str) -> list[Any]:
    """JSON list among the attributes of the sites.

    Raises
    ------
    SitingError
        If it is no JSON list.
    """
    try:
        listed = json.loads(sites.attrs.get(name, "[]"))
    except json.JSONDecodeError as error:
        raise SitingError(f"Expected a JSON list in the sites' {name}, found {error}; take the sites of screen.") from None
    if not isinstance(listed, list):
        raise SitingError(f"Expected a JSON list in the sites' {name}, found {type(listed).__name__}; take the sites of screen.")
    return listed
