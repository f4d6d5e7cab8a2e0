"""What lies below the study: land without boundaries, and names of cities to find one's way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from siting.maps.records import rings

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from siting.maps.raster import Frame

#: Land is drawn this far beyond the study [degrees], so that panning doesn't run off the sheet.
MARGIN = 30.0

#: Cities that may be named, the largest first.
CITY_LIMIT = 400


def basemap(land: gpd.GeoDataFrame, frame: Frame) -> dict[str, Any]:
    """Land around the study, simplified to what the picture resolves.

    Parameters
    ----------
    land : GeoDataFrame
        Land polygons in degrees.
    frame : Frame
        Where the study lies.

    Returns
    -------
    dict
        ``sheet``, the corners within which the sea is known too, and ``polygons`` of rings of (latitude, longitude).
    """
    import shapely

    west, south, east, north = land.total_bounds
    west, east = max(west, frame.west - MARGIN), min(east, frame.east + MARGIN)
    south, north = max(south, frame.south - MARGIN, -80.0), min(north, frame.north + MARGIN, 80.0)
    clipped = shapely.clip_by_rect(land.geometry.to_numpy(), west, south, east, north)
    tolerance = (frame.east - frame.west) / 2400
    simple = shapely.simplify(shapely.get_parts(clipped), tolerance, preserve_topology=True)
    polygons = [polygon for shape in simple if not shape.is_empty for polygon in rings(shape)]
    return {"sheet": [[float(south), float(west)], [float(north), float(east)]], "polygons": polygons}


def city_records(cities: pd.DataFrame, frame: Frame) -> list[list[Any]]:
    """Largest cities of the study: name, Chinese name, latitude, longitude."""
    inside = cities["latitude"].between(frame.south, frame.north) & cities["longitude"].between(frame.west, frame.east)
    chosen = cities[inside].sort_values("population", ascending=False, kind="stable").head(CITY_LIMIT)
    columns = (chosen[name].tolist() for name in ("name", "name_zh", "latitude", "longitude"))
    return [list(row) for row in zip(*columns, strict=True)]


def chinese_city(record: dict[str, Any], cities: pd.DataFrame) -> str:
    """Chinese name of the city nearest to a site; the name as it is where the catalog has none."""
    name = str(record.get("nearest_city", ""))
    namesakes = cities[cities["name"] == name]
    if not len(namesakes):
        return name
    north = namesakes["latitude"].to_numpy() - record["latitude"]
    east = (namesakes["longitude"].to_numpy() - record["longitude"]) * np.cos(np.radians(record["latitude"]))
    return str(namesakes["name_zh"].iloc[int(np.argmin(north**2 + east**2))])
