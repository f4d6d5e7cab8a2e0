"""Pictures: where each cell lands, and that nothing is mixed on the way."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer

from siting.maps.raster import encode_png, paint, transform_of, warp_cells
from siting.maps.themes import Theme, picture
from siting.vocabulary import AlignmentError

EARTH = 6378137.0  # radius of the sphere of Web Mercator [m]


def mercator(latitude):
    """Northing by the closed formula, without PROJ [m]."""
    return EARTH * np.log(np.tan(np.pi / 4 + np.radians(latitude) / 2))


def degrees(northing):
    return np.degrees(2 * np.arctan(np.exp(northing / EARTH)) - np.pi / 2)


@pytest.fixture(scope="module")
def frame(layers):
    return warp_cells(layers, layers["province"].values >= 0)


def test_every_pixel_shows_the_cell_under_its_centre(frame, layers):
    """The picture is linear in Mercator northing between its edges, as Leaflet stretches it."""
    height, width = frame.cells.shape
    top, bottom = mercator(frame.north), mercator(frame.south)
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, height, 4000), rng.integers(0, width, 4000)
    latitude = degrees(top + (bottom - top) * (rows + 0.5) / height)
    longitude = frame.west + (frame.east - frame.west) * (columns + 0.5) / width
    crs = layers["spatial_ref"].attrs["crs_wkt"]
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
    transform = transform_of(layers)
    across, down = (x - transform.c) / transform.a, (y - transform.f) / transform.e
    column, row = np.floor(across).astype(int), np.floor(down).astype(int)
    nx, ny = layers.sizes["x"], layers.sizes["y"]
    inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
    shown = np.zeros(rows.size, dtype=bool)
    shown[inside] = layers["province"].values[row[inside], column[inside]] >= 0
    expected = np.where(shown, row * nx + column, -1)
    # GDAL's approximate transformer errs by up to an eighth of a pixel, so centres that close to an edge are left out
    edge = np.minimum(np.abs(across - np.rint(across)), np.abs(down - np.rint(down))) < 0.04
    assert (frame.cells[rows, columns] == expected)[~edge].all()
    assert (~edge).mean() > 0.8


def test_a_picture_drawn_linearly_in_latitude_would_fail_that(frame):
    """The error that the warp avoids is some 200 km at mid-latitude."""
    middle = (frame.south + frame.north) / 2
    true = degrees((mercator(frame.south) + mercator(frame.north)) / 2)
    assert abs(true - middle) * 111 > 100


def test_corner_cells_reach_the_corners(layers):
    """A single cell fills its picture to the edge, and the edge is the cell's."""
    shown = np.zeros(layers["province"].shape, dtype=bool)
    shown[40, 60] = True
    frame = warp_cells(layers, shown)
    assert set(np.unique(frame.cells)) <= {-1, 40 * layers.sizes["x"] + 60}
    latitude, longitude = float(layers["latitude"][40, 60]), float(layers["longitude"][40, 60])
    assert frame.south < latitude < frame.north
    assert frame.west < longitude < frame.east
    assert (frame.north - frame.south) * 111 == pytest.approx(50, rel=0.5)


def test_budget_of_pixels_is_kept(layers):
    frame = warp_cells(layers, layers["province"].values >= 0, budget=20_000)
    assert frame.cells.size <= 20_000
    assert (frame.cells >= 0).any()


def test_ascending_rows_give_the_same_picture(layers):
    """A grid stored from south to north shows the same cell centres at the same places."""
    shown = layers["province"].values >= 0
    flipped = layers.isel(y=slice(None, None, -1))
    one, other = warp_cells(layers, shown), warp_cells(flipped, shown[::-1])
    nx, ny = layers.sizes["x"], layers.sizes["y"]
    turned = np.where(other.cells < 0, -1, (ny - 1 - other.cells // nx) * nx + other.cells % nx)
    assert one.cells.shape == turned.shape
    assert (one.cells == turned).mean() > 0.995


def test_png_round_trip_keeps_every_index_and_hides_entry_0():
    rng = np.random.default_rng(2)
    pixels, palette = rng.integers(0, 200, (37, 53)).astype(np.uint8), rng.integers(0, 256, (200, 3)).astype(np.uint8)
    picture = Image.open(io.BytesIO(encode_png(pixels, palette)))
    assert picture.mode == "P"
    assert (np.asarray(picture) == pixels).all()
    colours = np.asarray(picture.convert("RGBA"))
    assert (colours[..., 3] == np.where(pixels == 0, 0, 255)).all()
    assert (colours[..., :3][pixels > 0] == palette[pixels[pixels > 0]]).all()


def test_paint_looks_each_cell_up(frame, layers):
    index = np.full(layers["province"].size, 1, dtype=np.uint8)
    index[frame.cells[frame.cells >= 0][0]] = 2
    uri = paint(frame, index, np.array([[0, 0, 0], [10, 20, 30], [200, 0, 0]], dtype=np.uint8))
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
    assert ((pixels == 0) == (frame.cells < 0)).all()
    assert ((pixels == 2) == (frame.cells == frame.cells[frame.cells >= 0][0])).all()


def test_refusals(layers):
    with pytest.raises(AlignmentError, match="at least one cell"):
        warp_cells(layers, np.zeros(layers["province"].shape, dtype=bool))
    with pytest.raises(AlignmentError, match="a CRS in spatial_ref"):
        warp_cells(layers.drop_vars("spatial_ref"), layers["province"].values >= 0)


def test_one_cell_is_drawn_where_it_lies(layers):
    """Its size stands in spatial_ref alone; without that it is refused."""
    one = layers.isel(x=[3], y=[2])
    west, north, size = float(one["x"][0]) - 25_000.0, float(one["y"][0]) + 25_000.0, 50_000.0
    one["spatial_ref"].attrs["GeoTransform"] = f"{west} {size} 0 {north} 0 {-size}"
    assert tuple(transform_of(one))[:6] == (size, 0, west, 0, -size, north)
    assert warp_cells(one, np.ones((1, 1), dtype=bool)).cells.max() == 0
    del one["spatial_ref"].attrs["GeoTransform"]
    with pytest.raises(AlignmentError, match="Expected a GeoTransform"):
        transform_of(one)


def test_a_layer_of_one_value_has_a_scale_that_can_be_read(frame):
    shown = picture(Theme("score", None, "viridis_r", "result"), np.full(frame.cells.max() + 1, 0.8), frame)
    assert (shown["low"], shown["high"]) == (pytest.approx(0.76), pytest.approx(0.84))
    assert not shown["below"]
    assert not shown["above"]
