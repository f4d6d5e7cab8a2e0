from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Geod

from siting.terrain import percent_to_degree, pixel_metres, slope_degree


@pytest.mark.parametrize(("across", "along"), [(0.1, 0.0), (0.0, 0.2), (0.3, 0.4), (-0.5, 0.1)])
def test_a_plane_has_its_own_slope(across: float, along: float) -> None:
    y, x = np.mgrid[0:6, 0:7]
    slope = slope_degree(across * 90.0 * x + along * 30.0 * y, 90.0, 30.0)
    np.testing.assert_allclose(slope[1:-1, 1:-1], np.degrees(np.arctan(np.hypot(across, along))), rtol=1e-12)
    assert np.isnan(slope[[0, -1]]).all()
    assert np.isnan(slope[:, [0, -1]]).all()


def test_the_window_of_the_textbook() -> None:
    # Burrough and McDonell's worked example in GIS manuals: 75.26 degrees, cells of 5 m
    window = np.array([[50, 45, 50], [30, 30, 30], [8, 10, 10]], dtype=float)
    assert slope_degree(window, 5.0, 5.0)[1, 1] == pytest.approx(75.25762, abs=1e-4)


def test_a_missing_pixel_takes_the_slope_of_its_neighbours() -> None:
    elevation = np.zeros((7, 7))
    elevation[3, 3] = np.nan
    assert int(np.isnan(slope_degree(elevation, 1.0, 1.0)[1:-1, 1:-1]).sum()) == 9


def test_a_full_rise_is_45_degrees() -> None:
    assert percent_to_degree(100.0) == pytest.approx(45.0)
    assert percent_to_degree(12.0) == pytest.approx(6.8428, abs=1e-4)


@pytest.mark.parametrize("latitude", [18.0, 37.0, 53.5])
def test_pixels_in_degrees_have_geodesic_sides(latitude: float) -> None:
    step = 1 / 120
    dx, dy = pixel_metres(GeoBox((3, 3), Affine(step, 0, 100.0, 0, -step, latitude + 1.5 * step), "EPSG:4326"))
    geod = Geod(ellps="WGS84")
    assert dx[1] == pytest.approx(geod.inv(100.0, latitude, 100.0 + step, latitude)[2], rel=1e-6)
    assert dy == pytest.approx(geod.inv(100.0, latitude - step / 2, 100.0, latitude + step / 2)[2], rel=1e-6)
