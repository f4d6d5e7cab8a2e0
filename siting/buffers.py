"""Buffers in real metres and distances to features, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.grid import nearest
from siting.vocabulary import StudyError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from shapely import Geometry

#: Edge of the pieces that are buffered each in a projection of its own [degree].
_PIECE = 1.0
_SPACING = 0.005


def buffered(geometries: Sequence[Geometry], metres: float) -> list[Geometry]:
    """Geometries widened by a distance on the ground, in longitude and latitude.

    Parameters
    ----------
    geometries : sequence of shapely.Geometry
        Longitude and latitude [degree].
    metres : float
        Distance [m], up to 100 km.

    Raises
    ------
    StudyError
        If the distance is negative or too large.

    Notes
    -----
    Each piece of a degree is buffered in an azimuthal equidistant projection around its middle: scale is true from there, and within
    1e-4 across. One projection for a country is wrong by per cents at its edges.
    """
    import shapely

    if not 0.0 <= metres <= 100_000.0:
        raise StudyError(f"Expected a buffer from 0 to 100,000 m, found {metres:g}; choose another one.")
    if metres == 0.0:
        return list(geometries)
    widened: list[Geometry] = []
    for piece, (west, south) in _pieces(geometries):
        local = f"+proj=aeqd +lat_0={south + _PIECE / 2} +lon_0={west + _PIECE / 2} +datum=WGS84 +units=m +type=crs"
        widened.append(reproject(shapely.buffer(reproject(piece, "EPSG:4326", local), metres, quad_segs=32), local, "EPSG:4326"))
    return widened


def reproject(geometry: Any, source: str, target: str) -> Any:
    """Geometry, or array of them, in another coordinate system, x before y."""
    import shapely
    from pyproj import Transformer

    to = Transformer.from_crs(source, target, always_xy=True).transform

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to(xy[:, 0], xy[:, 1]))

    return shapely.transform(geometry, move)


def _pieces(geometries: Sequence[Geometry]) -> list[tuple[Geometry, tuple[float, float]]]:
    """Parts of the geometries with the corner of the square degree in which they lie."""
    import shapely

    pieces = []
    for geometry in shapely.get_parts(np.asarray(list(geometries), dtype=object)):
        west, south, east, north = np.floor(np.asarray(shapely.bounds(geometry)) / _PIECE) * _PIECE
        for left in np.arange(west, east + _PIECE, _PIECE):
            for low in np.arange(south, north + _PIECE, _PIECE):
                alone = west == east and south == north
                part = geometry if alone else shapely.intersection(geometry, shapely.box(left, low, left + _PIECE, low + _PIECE))
                if not shapely.is_empty(part):
                    pieces.append((shapely.segmentize(part, 0.05), (float(left), float(low))))
    return pieces


def distance_km(latitude: ArrayLike, longitude: ArrayLike, geometries: Sequence[Geometry]) -> NDArray[np.float64]:
    """Geodesic distance of points to the nearest feature [km], by vertices half a kilometre apart; NaN for NaN points."""
    import shapely

    drawn = np.asarray(list(geometries), dtype=object)
    vertices = np.unique(np.round(shapely.get_coordinates(shapely.segmentize(drawn, _SPACING)), 6), axis=0)
    return nearest(latitude, longitude, vertices[:, 1], vertices[:, 0])[1]
