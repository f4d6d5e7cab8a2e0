from __future__ import annotations

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.xr import assign_crs, xr_coords
from pydantic import ValidationError
from pyproj import Geod, Transformer

from siting import grid
from siting.grid import Grid
from siting.vocabulary import AlignmentError, MissingVariableError, ResourceError, StudyError

BOUNDS = (100.0, 34.0, 110.0, 40.0)
GEOD = Geod(ellps="WGS84")


EVERYWHERE = grid.geobox(Grid(), (73.0, 15.0, 136.0, 55.0))
NUMBERS = xr.DataArray(grid.cell_numbers(EVERYWHERE), coords=xr_coords(EVERYWHERE), dims=("y", "x"))


def lonlat_raster(values: np.ndarray, west: float = 98.0, north: float = 42.0, step: float = 0.25, **attrs: object) -> xr.DataArray:
    """Raster on longitude and latitude with its upper left corner at (west, north)."""
    lat = north - step * (np.arange(values.shape[0]) + 0.5)
    lon = west + step * (np.arange(values.shape[1]) + 0.5)
    raster = xr.DataArray(values, dims=("latitude", "longitude"), coords={"latitude": lat, "longitude": lon}, name="it", attrs=attrs)
    return assign_crs(raster, "EPSG:4326")


def cell_box(box: GeoBox, row: int, col: int) -> shapely.Polygon:
    edge, left, top = box.resolution.x, box.transform.c, box.transform.f
    return shapely.box(left + col * edge, top - (row + 1) * edge, left + (col + 1) * edge, top - row * edge)


def waves(seed: int = 0) -> xr.DataArray:
    return lonlat_raster(np.random.default_rng(seed).normal(size=(40, 60)))


@pytest.mark.parametrize("crs", ["EPSG:6933", "EPSG:3035"])
def test_any_equal_area_crs_in_metres_is_taken(crs: str) -> None:
    assert Grid(crs=crs).crs == crs


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:4326", "EPSG:32648", "+proj=lcc +lat_1=25 +lat_2=47 +lon_0=105", "nonsense"])
def test_other_crs_are_refused(crs: str) -> None:
    with pytest.raises(ValidationError, match="equal-area"):
        Grid(crs=crs)


@pytest.mark.parametrize("resolution", [0.5, 101.0, float("nan")])
def test_resolution_bounds(resolution: float) -> None:
    with pytest.raises(ValidationError):
        Grid(resolution_km=resolution)


def test_cells_lie_on_multiples_of_the_resolution_and_hold_the_bounds() -> None:
    box = grid.geobox(Grid(resolution_km=12.5), BOUNDS)
    assert box.transform.c % 12_500 == 0
    assert box.transform.f % 12_500 == 0
    latitude, longitude = grid.centres(box)
    assert latitude.min() < 34.0 < 40.0 < latitude.max()
    assert longitude.min() < 100.0 < 110.0 < longitude.max()


def test_too_many_cells_are_refused() -> None:
    with pytest.raises(ResourceError, match="20,000,000"):
        grid.geobox(Grid(resolution_km=1.0, crs="+proj=cea +datum=WGS84 +units=m"), (-30.0, -60.0, 40.0, 60.0))


def test_cells_too_far_from_the_origin_are_refused() -> None:
    with pytest.raises(StudyError, match="5000"):
        grid.geobox(Grid(resolution_km=1.0, crs="+proj=cea +datum=WGS84 +units=m"), (134.0, 48.0, 135.0, 49.0))


@settings(max_examples=30, deadline=None)
@given(st.floats(80, 120), st.floats(20, 45), st.floats(0.5, 10), st.floats(0.5, 10))
def test_a_cell_has_the_same_number_in_any_extent(west: float, south: float, width: float, height: float) -> None:
    part = grid.geobox(Grid(), (west, south, west + width, south + height))
    shared = NUMBERS.sel(x=part.coords["x"].values, y=part.coords["y"].values)
    assert np.array_equal(shared.values, grid.cell_numbers(part))


def test_no_two_cells_share_a_number_and_numbers_run_along_the_rows() -> None:
    assert (np.diff(NUMBERS.values.ravel()) > 0).all()


@pytest.mark.parametrize(("lon", "lat"), [(75.99, 39.47), (94.9, 36.4), (122.5, 53.0), (109.5, 18.3), (121.5, 31.2)])
def test_a_cell_has_the_same_area_from_kashgar_to_hainan(lon: float, lat: float) -> None:
    box = grid.geobox(Grid(), (lon, lat, lon + 0.01, lat + 0.01))
    cell = shapely.segmentize(cell_box(box, 0, 0), 500.0)
    x, y = shapely.get_coordinates(cell).T
    to_degrees = Transformer.from_crs(str(box.crs), "EPSG:4326", always_xy=True)
    area = abs(GEOD.polygon_area_perimeter(*to_degrees.transform(x, y))[0]) / 1e6
    assert area == pytest.approx(grid.cell_area_km2(box), rel=1e-5)


@pytest.mark.parametrize(("name", "lat", "lon"), [("Golmud", 36.407, 94.901), ("Ordos", 39.609, 109.782), ("Kashgar", 39.47, 75.99)])
def test_towns_land_in_the_cell_around_them(name: str, lat: float, lon: float) -> None:
    box = grid.geobox(Grid(), (lon - 2, lat - 2, lon + 2, lat + 2))
    latitude, longitude = grid.centres(box)
    distance = GEOD.inv(longitude, latitude, np.full_like(longitude, lon), np.full_like(latitude, lat))[2]
    assert distance.min() < 25_000 / 2 * np.sqrt(2) * 1.1  # half a diagonal; an equal-area cell is sheared by some percent
    assert longitude[:, -1].mean() > longitude[:, 0].mean()
    assert latitude[0].mean() > latitude[-1].mean()


@pytest.mark.parametrize("resolution", [10.0, 25.0, 60.0])
@pytest.mark.parametrize("ascending", [False, True])
def test_a_single_bright_pixel_lands_in_its_cell(resolution: float, ascending: bool) -> None:
    values = np.zeros((40, 60))
    values[17, 31] = 1.0
    raster = lonlat_raster(values)
    lat, lon = float(raster.latitude[17]), float(raster.longitude[31])
    box = grid.geobox(Grid(resolution_km=resolution), BOUNDS)
    aligned = grid.align(raster.sortby("latitude", ascending=ascending), box, "nearest" if resolution < 25 else "average")
    light = np.nan_to_num(aligned.values)
    x, y = Transformer.from_crs("EPSG:4326", str(box.crs), always_xy=True).transform(lon, lat)
    middle = [np.average(box.coords[axis].values, weights=light.sum(axis=k)) for axis, k in (("x", 0), ("y", 1))]
    assert np.abs(np.array(middle) - [x, y]).max() <= resolution * 500  # half a cell


def test_the_order_of_latitudes_does_not_matter() -> None:
    box = grid.geobox(Grid(), BOUNDS)
    for how in ("average", "bilinear", "nearest"):
        up, down = (grid.align(waves().sortby("latitude", ascending=order), box, how) for order in (True, False))
        np.testing.assert_allclose(up, down, rtol=0, atol=1e-12)


def test_longitudes_beyond_180_are_the_same_place() -> None:
    box = grid.geobox(Grid(crs="+proj=laea +lat_0=37 +lon_0=-95 +datum=WGS84 +units=m"), (-98.0, 34.0, -92.0, 40.0))
    values = np.random.default_rng(0).normal(size=(40, 60))
    west = grid.align(lonlat_raster(values, west=-102.0), box, "bilinear")
    east = grid.align(lonlat_raster(values, west=258.0), box, "bilinear")
    assert west.notnull().all()
    np.testing.assert_allclose(east, west, rtol=0, atol=1e-9)


@pytest.mark.parametrize("how", ["average", "bilinear", "nearest", "mode"])
def test_beyond_the_raster_is_nan_and_never_zero(how: grid.How) -> None:
    box = grid.geobox(Grid(), (90.0, 34.0, 110.0, 40.0))
    aligned = grid.align(lonlat_raster(np.full((40, 60), 7.0)), box, how)
    _, longitude = grid.centres(box)
    assert np.isnan(aligned.values[longitude < 97.5]).all()
    np.testing.assert_allclose(aligned.values[np.isfinite(aligned.values)], 7.0, rtol=1e-9)
    assert np.isfinite(aligned.values[(longitude > 98.5) & (longitude < 109.0)]).all()


def test_missing_pixels_stay_missing_and_never_tint_their_neighbours() -> None:
    values = np.full((40, 60), 5.0)
    values[10:20, 20:30] = np.nan
    aligned = grid.align(lonlat_raster(values), grid.geobox(Grid(), BOUNDS), "average")
    assert aligned.isnull().any()
    assert set(np.unique(aligned.values[np.isfinite(aligned.values)])) == {5.0}


def test_average_of_a_nested_raster_is_the_plain_mean_of_the_valid_pixels() -> None:
    box = grid.geobox(Grid(), BOUNDS)
    edge = box.resolution.x / 5
    fine = GeoBox((box.shape.y * 5, box.shape.x * 5), Affine(edge, 0.0, box.transform.c, 0.0, -edge, box.transform.f), box.crs)
    values = np.random.default_rng(1).normal(size=fine.shape)
    values[:3, :2] = np.nan
    raster = xr.DataArray(values, dims=("y", "x"), coords=xr_coords(fine))
    expected = np.nanmean(values.reshape(box.shape.y, 5, box.shape.x, 5), axis=(1, 3))
    np.testing.assert_allclose(grid.align(raster, box, "average"), expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.floats(99, 106), st.floats(33, 38), st.floats(0.3, 4), st.sampled_from(["average", "bilinear", "nearest"]))
def test_a_cell_has_the_same_value_in_any_extent(west: float, south: float, size: float, how: grid.How) -> None:
    whole, part = grid.geobox(Grid(), (98.5, 32.5, 112.5, 41.5)), grid.geobox(Grid(), (west, south, west + size, south + size / 2))
    aligned = grid.align(waves(), whole, how).assign_coords({dim: whole.coords[dim].values for dim in ("y", "x")})
    shared = aligned.sel(x=part.coords["x"].values, y=part.coords["y"].values)
    assert np.array_equal(grid.align(waves(), part, how), shared, equal_nan=True)


def test_leading_dimensions_are_kept() -> None:
    months = xr.concat([waves(0), waves(1)], dim="month").assign_coords(month=[1, 2])
    box = grid.geobox(Grid(), BOUNDS)
    aligned = grid.align(months, box, "bilinear")
    assert aligned.dims == ("month", "y", "x")
    assert np.array_equal(aligned.sel(month=2), grid.align(waves(1), box, "bilinear"), equal_nan=True)


@pytest.mark.parametrize("how", ["average", "bilinear"])
def test_classes_are_never_interpolated(how: grid.How) -> None:
    classes = lonlat_raster(np.random.default_rng(0).choice([10.0, 50.0, 80.0], size=(40, 60)), flag_values=[10, 50, 80])
    box = grid.geobox(Grid(), BOUNDS)
    with pytest.raises(AlignmentError, match="classes"):
        grid.align(classes, box, how)
    for allowed in ("nearest", "mode"):
        assert set(np.unique(grid.align(classes, box, allowed))) <= {10.0, 50.0, 80.0}


def test_a_raster_without_crs_is_refused() -> None:
    with pytest.raises(AlignmentError, match="CRS"):
        grid.align(waves().drop_vars("spatial_ref").drop_encoding(), grid.geobox(Grid(), BOUNDS), "nearest")


def geodesic_km2(polygon: shapely.Polygon) -> float:
    return abs(GEOD.geometry_area_perimeter(shapely.orient_polygons(polygon))[0]) / 1e6


@pytest.mark.parametrize(
    "polygon",
    [
        shapely.Point(105.0, 37.0).buffer(1.3),
        shapely.box(104.0, 36.0, 104.02, 36.01),  # smaller than a cell: must not vanish
        shapely.box(101.0, 37.0, 109.0, 37.001),  # thinner than any sub-grid
        shapely.Polygon(shapely.box(102, 35, 108, 39).exterior, [shapely.box(104, 36, 106, 38).exterior]),
    ],
)
def test_shares_add_up_to_the_area_of_the_polygon(polygon: shapely.Polygon) -> None:
    box = grid.geobox(Grid(), BOUNDS)
    share = grid.coverage([polygon], box)
    dense = shapely.segmentize(polygon, 0.05)  # edges are straight in degrees, not geodesics
    x, y = Transformer.from_crs("EPSG:4326", str(box.crs), always_xy=True).transform(*shapely.get_coordinates(dense.exterior).T)
    assert share.min() >= 0.0
    assert share.max() <= 1.0
    flat = abs(shapely.area(shapely.Polygon(np.column_stack([x, y])))) / 1e6
    if not polygon.interiors:
        assert share.sum() * grid.cell_area_km2(box) == pytest.approx(flat, rel=1e-9)
    assert share.sum() * grid.cell_area_km2(box) == pytest.approx(geodesic_km2(dense), rel=2e-3)


def test_each_share_is_the_intersection_with_the_cell() -> None:
    box = grid.geobox(Grid(), (103.0, 36.0, 107.0, 38.5))
    polygon = shapely.Point(105.0, 37.2).buffer(0.9, quad_segs=64)
    share = grid.coverage([polygon], box)
    flat = grid._project(shapely.segmentize(polygon, 0.05), str(box.crs))
    for row in range(box.shape.y):
        for col in range(box.shape.x):
            cell = cell_box(box, row, col)
            assert share[row, col] == pytest.approx(cell.intersection(flat).area / cell.area, abs=1e-12)


def test_overlapping_and_repeated_polygons_count_once() -> None:
    box = grid.geobox(Grid(), BOUNDS)
    one, two = shapely.box(103, 36, 105, 38), shapely.box(104, 36, 106, 38)
    np.testing.assert_allclose(grid.coverage([one, two, one], box), grid.coverage([shapely.box(103, 36, 106, 38)], box), atol=1e-9)


def test_neighbours_with_a_common_edge_fill_each_cell_once() -> None:
    box = grid.geobox(Grid(), BOUNDS)
    west = shapely.Polygon([(102, 35), (105.3, 35), (104.1, 39), (102, 39)])
    east = shapely.Polygon([(105.3, 35), (108, 35), (108, 39), (104.1, 39)])
    total = grid.coverage([west], box) + grid.coverage([east], box)
    assert total.max() <= 1.0 + 1e-12
    # The split edge is densified at other points than the whole one: chords of 0.05 degree differ by some 1e-6 of a cell.
    np.testing.assert_allclose(total, grid.coverage([shapely.box(102, 35, 108, 39)], box), atol=2e-6)


def test_a_bow_tie_is_repaired_and_nothing_is_nothing() -> None:
    box = grid.geobox(Grid(), BOUNDS)
    bow_tie = shapely.Polygon([(103, 36), (105, 38), (105, 36), (103, 38)])
    assert grid.coverage([bow_tie], box).sum() == pytest.approx(grid.coverage([shapely.make_valid(bow_tie)], box).sum())
    assert grid.coverage([], box).sum() == 0.0


@settings(max_examples=10, deadline=None)
@given(st.floats(100, 104), st.floats(34, 37), st.floats(0.3, 4))
def test_a_cell_has_the_same_share_in_any_extent(west: float, south: float, size: float) -> None:
    polygon = shapely.Point(103.0, 36.5).buffer(1.7)
    whole, part = grid.geobox(Grid(), (98.0, 32.0, 110.0, 41.0)), grid.geobox(Grid(), (west, south, west + size, south + size))
    share = xr.DataArray(grid.coverage([polygon], whole), coords=xr_coords(whole), dims=("y", "x"))
    assert np.array_equal(share.sel(x=part.coords["x"].values, y=part.coords["y"].values), grid.coverage([polygon], part))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-85, 85), st.floats(-180, 180)), min_size=1, max_size=12), st.floats(-85, 85), st.floats(-180, 180))
def test_nearest_agrees_with_every_geodesic(targets: list[tuple[float, float]], lat: float, lon: float) -> None:
    to_lat, to_lon = np.array(targets).T
    index, distance = grid.nearest(lat, lon, to_lat, to_lon)
    metres = GEOD.inv(np.full_like(to_lon, lon), np.full_like(to_lat, lat), to_lon, to_lat)[2]
    assert distance == pytest.approx(metres.min() / 1000.0, rel=1e-9, abs=1e-9)
    assert metres[index] == pytest.approx(metres.min(), abs=1e-6)


def test_a_kilometre_at_ordos_is_a_kilometre() -> None:
    lon, lat, _ = GEOD.fwd(109.782, 39.609, 37.0, 1000.0)
    assert grid.nearest(39.609, 109.782, [lat], [lon])[1] == pytest.approx(1.0, rel=1e-6)


def test_nan_points_have_no_nearest_target() -> None:
    index, distance = grid.nearest([np.nan, 36.0], [100.0, 100.0], [36.0], [100.0])
    assert index.tolist() == [-1, 0]
    assert np.isnan(distance[0])
    assert distance[1] == 0.0


def table(bounds: tuple[float, float, float, float] = BOUNDS) -> tuple[xr.Dataset, xr.Dataset]:
    box = grid.geobox(Grid(), bounds)
    layers = xr.Dataset({"altitude": (("y", "x"), np.arange(float(box.shape.y * box.shape.x)).reshape(box.shape))}, coords=xr_coords(box))
    rows, cols = np.array([0, 2, 2, 5]), np.array([1, 0, 3, 4])
    sites = layers.isel(y=xr.DataArray(rows, dims="site"), x=xr.DataArray(cols, dims="site"))
    return layers, sites.assign_coords(site=grid.cell_numbers(box)[rows, cols])


def test_to_raster_puts_every_site_back() -> None:
    layers, sites = table()
    raster = grid.to_raster(sites, "altitude", layers)
    assert raster.dims == ("y", "x")
    assert int(raster.notnull().sum()) == 4
    known = raster.notnull().values
    assert np.array_equal(raster.values[known], layers["altitude"].values[known])
    assert np.array_equal(layers["altitude"].values.ravel()[grid.positions(sites, layers)], sites["altitude"].values)


def test_to_raster_takes_a_larger_extent_and_refuses_a_smaller_one() -> None:
    _, sites = table()
    wide = grid.to_raster(sites, "altitude", table((95.0, 30.0, 115.0, 45.0))[0])
    assert int(wide.notnull().sum()) == 4
    with pytest.raises(AlignmentError, match="elsewhere"):
        grid.to_raster(sites, "altitude", table((107.0, 35.0, 109.0, 36.0))[0])


def test_to_raster_refuses_other_dimensions_and_unknown_names() -> None:
    layers, sites = table()
    with pytest.raises(MissingVariableError, match="score"):
        grid.to_raster(sites, "score", layers)
    with pytest.raises(AlignmentError, match="site"):
        grid.to_raster(sites.assign(score=sites["altitude"].expand_dims(target=[0.8])), "score", layers)
