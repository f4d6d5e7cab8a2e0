"""A stand-in for a finished study: all of China on the default grid, smooth made-up fields, every column that the map reads."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pyproj import Transformer

from siting.grid import cell_numbers

CRS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=36 +lon_0=105 +datum=WGS84 +units=m"
TARGETS = (0.8, 0.9)
COMPONENTS = ("pv", "wind", "battery", "import", "grid_capacity")
CRITERIA = ("delivered_cost", "scope2_location", "distance_to_city")
REASONS = {0: "allowed", 1: "open water", 2: "national park", 3: "above the altitude limit", 4: "too far from a city"}

#: A coarse outline of the mainland and Hainan, longitude and latitude by turns; it is no boundary, only a place for cells.
OUTLINE = (
    "74 39.5 80 42.5 83 46 87.5 49 91 45.5 96.5 42.7 105 42 112 43.6 116 46.5 120 49.5 121 53 126 52.5 131 48 134.5 48.2 131 44.5 "
    "130.5 42.6 126 41.5 121.5 39.5 118 39 122.2 37.2 119.3 35 121.8 31.5 121.8 29 119.5 25.5 116.5 23 113.5 22.2 110.6 18.6 108.7 19 "
    "109.8 21.2 106.7 22.2 102 22.5 98.5 24.5 98.5 28 92 27.5 86 28.2 81 30.3 79 33 76 36"
)

#: Capitals stand for provinces: a cell belongs to the nearest.
CAPITALS = {
    "CN-BJ": ("Beijing", 39.9, 116.4),
    "CN-HE": ("Shijiazhuang", 38.0, 114.5),
    "CN-NM": ("Hohhot", 41.8, 112.5),
    "CN-LN": ("Shenyang", 41.8, 123.4),
    "CN-HL": ("Harbin", 47.0, 127.5),
    "CN-SH": ("Shanghai", 31.2, 121.5),
    "CN-FJ": ("Fuzhou", 26.1, 118.6),
    "CN-SD": ("Jinan", 36.6, 117.5),
    "CN-HA": ("Zhengzhou", 34.2, 113.4),
    "CN-HB": ("Wuhan", 30.8, 112.8),
    "CN-HN": ("Changsha", 27.8, 111.8),
    "CN-GD": ("Guangzhou", 23.1, 113.3),
    "CN-GX": ("Nanning", 23.6, 108.6),
    "CN-HI": ("Haikou", 19.6, 110.0),
    "CN-SC": ("Chengdu", 30.6, 102.6),
    "CN-GZ": ("Guiyang", 26.8, 106.7),
    "CN-YN": ("Kunming", 24.9, 101.7),
    "CN-XZ": ("Lhasa", 31.2, 88.5),
    "CN-SN": ("Xi'an", 34.6, 108.8),
    "CN-GS": ("Lanzhou", 37.2, 103.0),
    "CN-QH": ("Golmud", 36.0, 96.5),
    "CN-NX": ("Yinchuan", 38.2, 106.3),
    "CN-XJ": ("Hami", 41.5, 86.0),
}


def outline() -> shapely.Polygon:
    """Polygon of the stand-in's land."""
    return shapely.Polygon(np.array(OUTLINE.split(), dtype=float).reshape(-1, 2))


def land() -> gpd.GeoDataFrame:
    """Land polygons for the basemap: the outline and a block of Asia around it."""
    return gpd.GeoDataFrame(geometry=[shapely.box(60, 49, 150, 72), outline().buffer(0.3), shapely.box(130, 33, 140, 36)], crs=4326)


def provinces() -> pd.DataFrame:
    """A table with the columns of the catalog's: the same figures everywhere but in Qinghai, Inner Mongolia and Tibet."""
    table = pd.DataFrame(index=pd.Index(list(CAPITALS), name="iso_3166_2"))
    table["province"], table["province_zh"] = [f"{code} province" for code in table.index], [f"{code}省" for code in table.index]
    table["grid_emission_factor_2021"], table["grid_emission_factor_2022"], table["official_renewable_share_2021"] = 0.55, 0.5, np.nan
    for year in (2021, 2022, 2023):
        table[f"hydro_share_{year}"], table[f"wind_solar_share_{year}"], table[f"nuclear_share_{year}"] = 0.1, 0.2, 0.0
    figures = [
        "province",
        "province_zh",
        "grid_emission_factor_2022",
        "hydro_share_2021",
        "wind_solar_share_2021",
        "official_renewable_share_2021",
    ]
    table.loc["CN-QH", figures] = ["Qinghai", "青海", 0.1567, 0.491, 0.354, 0.855]
    table.loc["CN-NM", figures] = ["Inner Mongolia", "内蒙古", 0.6849, 0.008, 0.19, np.nan]
    table.loc["CN-XZ", ["grid_emission_factor_2021", "grid_emission_factor_2022"]] = np.nan
    table.loc["CN-XJ", ["province", "province_zh"]] = ["Xinjiang", "新疆"]
    return table


def cities() -> pd.DataFrame:
    """The capitals as the only cities."""
    rows = [(name, f"{name}市", code, *place, 1_000_000) for code, (name, *place) in CAPITALS.items()]
    return pd.DataFrame(rows, columns=["name", "name_zh", "iso_3166_2", "latitude", "longitude", "population"])


def clusters() -> pd.DataFrame:
    """Two named clusters in the study and one far outside."""
    columns = [
        "id",
        "name",
        "latitude",
        "longitude",
        "coordinate_confidence",
        "country",
        "province",
        "iso_3166_2",
        "industry",
        "announced_features",
        "article",
    ]
    rows = [
        (
            "trina_xining",
            "Trina Solar (Xining)",
            36.5,
            101.72,
            "medium",
            "CN",
            "Qinghai",
            "CN-QH",
            "PV supply chain",
            "provincial grid (85% RE in-feed)",
            "S0",
        ),
        ("golmud", "Golmud PV base", 36.4, 95.13, "high", "CN", "Qinghai", "CN-QH", "PV generation", "200 MWp", "benchmark"),
        ("rotterdam", "Port of Rotterdam", 51.95, 4.05, "high", "NL", "South Holland", "", "refining", "CO2 hub", "S1"),
    ]
    return pd.DataFrame(rows, columns=columns)


def layers(resolution: float = 25_000.0) -> xr.Dataset:
    """Rasters on the China Albers grid."""
    geobox = GeoBox.from_bbox((-2_700_000, -2_150_000, 2_400_000, 2_250_000), CRS, resolution=resolution)
    coords = xr_coords(geobox)
    x, y = np.meshgrid(coords["x"].values, coords["y"].values)
    longitude, latitude = Transformer.from_crs(CRS, 4326, always_xy=True).transform(x, y)
    inside = shapely.contains_xy(outline(), longitude, latitude)
    places = np.array([row[1:] for row in CAPITALS.values()])
    distance = np.hypot((latitude[..., None] - places[:, 0]) * 111, (longitude[..., None] - places[:, 1]) * 88)
    nearest = distance.argmin(axis=2)
    altitude = 4600 * np.exp(-(((latitude - 33) / 5) ** 2) - ((longitude - 88) / 11) ** 2) + 900 * np.exp(-(((longitude - 105) / 12) ** 2))
    wind = 5.6 + 2.2 * np.exp(-(((latitude - 43) / 5) ** 2)) + 0.7 * np.sin(longitude / 3) * np.cos(latitude / 2)
    ghi = 1250 + 500 * np.exp(-(((longitude - 90) / 16) ** 2)) + 80 * np.sin(latitude / 4)
    reason = np.select(
        [altitude > 4000, distance.min(axis=2) > 900, (x.astype(int) // 25_000 + y.astype(int) // 25_000) % 23 == 0], [3, 4, 1], 0
    )

    def field(values: np.ndarray) -> tuple[tuple[str, str], np.ndarray]:
        return ("y", "x"), np.where(inside, values, np.nan)

    names = np.array([row[0] for row in CAPITALS.values()])
    data = xr.Dataset(
        {
            "province": (("y", "x"), np.where(inside, nearest, -1), {"iso_3166_2": " ".join(CAPITALS)}),
            "land_fraction": field(np.ones_like(x)),
            "altitude": field(altitude),
            "distance_to_city": field(distance.min(axis=2)),
            "nearest_city": (("y", "x"), np.where(inside, names[nearest], "")),
            "distance_to_place": field(20 + distance.min(axis=2) / 6),
            "wind_speed_100m_mean": field(wind),
            "wind_speed_100m_mean_error": field(np.full_like(x, 0.6)),
            "annual_ghi": field(ghi),
            "annual_ghi_error": field(np.full_like(x, 45.0)),
            "grid_emission_factor": field(np.full_like(x, 0.5)),
            "grid_carbon_free_share": field(np.full_like(x, 0.3)),
            "load_reason": (
                ("y", "x"),
                np.where(inside, reason, 0),
                {"flag_values": list(REASONS), "flag_meanings": "|".join(REASONS.values())},
            ),
        },
        coords={**coords, "latitude": (("y", "x"), latitude), "longitude": (("y", "x"), longitude)},
    )
    sources = [
        {
            "id": "places",
            "title": "Global Wind Atlas 3 and Global Solar Atlas 2 at 555 places",
            "kind": "real",
            "licence": "CC-BY 4.0",
            "citation": "DTU; World Bank",
            "sha256": "0" * 64,
            "note": "interpolated between places",
            "variables": ["wind_speed_100m_mean", "annual_ghi"],
        },
        {
            "id": "weather",
            "title": "Synthetic hours",
            "kind": "synthetic",
            "licence": "BSD-3-Clause",
            "citation": "this toolkit",
            "sha256": "0" * 64,
            "note": "seed 0",
            "variables": ["ghi", "wind_speed_100m"],
        },
    ]
    warnings = [
        "Hourly weather is synthetic: a statistical field shaped by real monthly and daily figures, not a record of any year.",
        "Wind and solar levels are interpolated between 555 places; the error of each cell is stated.",
        "National parks are coarse outlines; farmland, slope and military land are unknown.",
    ]
    data.attrs = {"sources": json.dumps(sources), "warnings": json.dumps(warnings), "region": "China"}
    return data


def sites(rasters: xr.Dataset) -> xr.Dataset:
    """A ranked site table with every column of the road."""
    inside = (rasters["province"].values >= 0) & (rasters["load_reason"].values == 0)
    cells = np.flatnonzero(inside)
    count, months = cells.size, np.arange(12)
    table = xr.Dataset({name: ("site", array.values.ravel()[cells], array.attrs) for name, array in rasters.items()})
    nx = rasters.sizes["x"]
    table = table.assign_coords(
        site=cell_numbers(rasters.odc.geobox).ravel()[cells],
        x=("site", rasters["x"].values[cells % nx]),
        y=("site", rasters["y"].values[cells // nx]),
        latitude=("site", rasters["latitude"].values.ravel()[cells]),
        longitude=("site", rasters["longitude"].values.ravel()[cells]),
        target=list(TARGETS),
        component=list(COMPONENTS),
        criterion=list(CRITERIA),
        month=months + 1,
        bound=["lower", "upper"],
    )
    pv_hours = table["annual_ghi"].values * 0.95
    wind_hours = 2600 * (table["wind_speed_100m_mean"].values / 7) ** 1.5
    base = 0.62 - 0.00009 * (pv_hours - 1200) - 0.00011 * (wind_hours - 2000)
    cost = np.stack([base, base * 1.12 + 0.000_01 * table["altitude"].values], axis=1)
    seasons = 1 + 0.3 * np.cos((months - 6) / 6 * np.pi)
    mix = {
        "delivered_cost": cost,
        "island_cost": cost * 1.05,
        "pv_capacity": cost * 500,
        "wind_capacity": 400 - cost * 200,
        "battery_power": cost * 90,
        "battery_energy": cost * 480,
        "generation": cost * 0 + 1.3e6,
        "matched_share": cost * 0 + np.array(TARGETS),
        "import_energy": 876_000 * (1 - (cost * 0 + np.array(TARGETS))),
        "import_peak": cost * 0 + 95,
        "grid_capacity": cost * 0 + 100,
        "import_price_factor": cost * 0 + 1,
        "curtailed_energy": cost * 300_000,
        "exported_energy": cost * 0,
        "exported_wind_energy": cost * 0,
        "storage_loss": cost * 20_000,
        "scope2_location": 0.5 * (1 - (cost * 0 + np.array(TARGETS))),
        "carbon_free_share": 0.7 * (cost * 0 + np.array(TARGETS)) + 0.3,
    }
    for name, values in mix.items():
        table[name] = (("site", "target"), values)
    shares = np.array([0.3, 0.33, 0.22, 0.1, 0.05])
    table["cost_by_component"] = (("site", "target", "component"), cost[..., None] * shares)
    table["pv_full_load_hours"], table["wind_full_load_hours"] = ("site", pv_hours), ("site", wind_hours)
    table["pv_capacity_factor_monthly"] = (("site", "month"), pv_hours[:, None] / 8760 * seasons)
    table["wind_capacity_factor_monthly"] = (("site", "month"), wind_hours[:, None] / 8760 * (2 - seasons))
    table["matched_share_monthly"] = (
        ("site", "target", "month"),
        np.broadcast_to(np.array(TARGETS)[:, None], (count, 2, 12)) * (0.9 + 0.1 * seasons),
    )
    contribution = np.stack(
        [0.7 * (1 - (cost[:, 1] - 0.3) / 0.6), np.full(count, 0.12), 0.1 * np.exp(-table["distance_to_city"].values / 200)], axis=1
    )
    table["contribution"] = (("site", "criterion"), contribution)
    table["score"] = ("site", contribution.sum(axis=1))
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(-table["score"].values, kind="stable")] = np.arange(1, count + 1)
    table["rank"] = ("site", rank)
    table["rank_range"] = (("site", "bound"), np.stack([np.maximum(1, rank - 3), rank + 6], axis=1))
    table["tie_group"] = ("site", np.where(rank <= 60, (rank - 1) // 12 + 1, 0))
    table["delivered_cost_range"] = (("site", "bound"), cost[:, [1]] * np.array([0.97, 1.04]))
    table["pv_lcoe"], table["wind_lcoe"] = ("site", 300 / pv_hours), ("site", 520 / wind_hours)
    table["load_energy"] = ("site", np.full(count, 876_000.0))
    table["load_allowed"] = ("site", np.ones(count, dtype=bool))
    table.attrs = dict(rasters.attrs)
    return table


def zones(table: xr.Dataset) -> gpd.GeoDataFrame:
    """Squares of cells around the best site of each tie group."""
    rows, shapes = [], []
    for group in range(1, 6):
        members = table.isel(site=np.flatnonzero(table["tie_group"].values == group))
        squares = [
            shapely.box(x - 12_500, y - 12_500, x + 12_500, y + 12_500)
            for x, y in zip(members["x"].values, members["y"].values, strict=True)
        ]
        shapes.append(shapely.union_all(squares))
        rows.append(
            {
                "zone": group,
                "rank": group,
                "name": f"{members['nearest_city'].values[0]}, XJ",
                "nearest_city": str(members["nearest_city"].values[0]),
                "sites": members.sizes["site"],
                "area_km2": 625.0 * members.sizes["site"],
                "delivered_cost": float(members["delivered_cost"].values[:, 1].mean()),
                "score": float(members["score"].values.mean()),
                "pv_capacity": 12_000.0,
                "wind_capacity": 5_000.0,
            }
        )
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS).to_crs(4326)


def entry(name: str) -> pd.DataFrame | gpd.GeoDataFrame:
    """Stand-in of ``catalog.open_entry``."""
    return {"land": land, "provinces": provinces, "clusters": clusters, "cities": cities}[name]()
