from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Geod

from siting.buffers import buffered, distance_km
from siting.vocabulary import StudyError

GEOD = Geod(ellps="WGS84")
PLACES = {"Ordos": (39.61, 109.78), "Golmud": (36.41, 94.90), "Kashgar": (39.47, 75.99), "Mohe": (52.97, 122.53)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("metres", [1000.0, 30_000.0])
def test_a_kilometre_is_a_kilometre_wherever_it_lies(place: str, metres: float) -> None:
    latitude, longitude = PLACES[place]
    (disc,) = buffered([shapely.Point(longitude, latitude)], metres)
    ring = shapely.get_coordinates(disc)
    distance = GEOD.inv(np.full(len(ring), longitude), np.full(len(ring), latitude), *ring.T)[2]
    np.testing.assert_allclose(distance, metres, rtol=0.001)
    assert abs(GEOD.geometry_area_perimeter(disc)[0]) == pytest.approx(np.pi * metres**2, rel=0.002)


@pytest.mark.parametrize("place", PLACES)
def test_a_long_road_has_the_same_width_all_along(place: str) -> None:
    latitude, longitude = PLACES[place]
    line = shapely.LineString([(longitude - 1.6, latitude - 0.7), (longitude + 1.7, latitude + 0.9)])
    widened = shapely.union_all(buffered([line], 1000.0))
    assert widened.geom_type == "Polygon"
    length = GEOD.geometry_length(shapely.segmentize(line, 0.01))
    assert abs(GEOD.geometry_area_perimeter(widened)[0]) == pytest.approx(2000.0 * length + np.pi * 1e6, rel=0.01)


def test_nothing_and_no_buffer_are_kept() -> None:
    point = shapely.Point(100, 36)
    assert buffered([], 10.0) == []
    assert buffered([point], 0.0) == [point]


@pytest.mark.parametrize("metres", [-1.0, 200_000.0, float("nan")])
def test_buffers_that_can_not_be_meant_are_refused(metres: float) -> None:
    with pytest.raises(StudyError, match="Expected a buffer from 0 to 100,000 m"):
        buffered([shapely.Point(100, 36)], metres)


def test_distances_are_geodesic() -> None:
    road = shapely.LineString([(100.0, 30.0), (100.0, 40.0)])
    found = distance_km([35.0, 35.0, np.nan], [101.0, 100.0, 100.0], [road])
    assert found[0] == pytest.approx(GEOD.inv(101.0, 35.0, 100.0, 35.0)[2] / 1000.0, rel=1e-3)
    assert found[1] < 0.3
    assert np.isnan(found[2])
