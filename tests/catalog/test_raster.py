import hashlib
import threading
import warnings

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine, from_origin

from siting import catalog
from siting.catalog import raster, window
from siting.vocabulary import AlignmentError, CatalogError, MissingVariableError, ResourceError, SitingError, UnitsError

# rasterio 1.4 and odc-geo 0.5 multiply affine transforms in the old way
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

WGS84 = "EPSG:4326"
ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=36 +lon_0=105 +datum=WGS84 +units=m"


@pytest.fixture
def tif(tmp_path):
    def write(values, name="wind.tif", transform=None, tags=None, scale=None, offset=None, **options):
        values = np.atleast_3d(np.asarray(values)) if np.ndim(values) < 3 else np.asarray(values)
        bands = values if values.shape[0] == options.pop("bands", -1) else np.moveaxis(values, -1, 0)
        profile = {"driver": "GTiff", "count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype}
        profile |= {"crs": WGS84, "transform": transform or from_origin(90, 40, 0.25, 0.25)} | options
        with rasterio.open(tmp_path / name, "w", **profile) as file:
            file.write(bands)
            if tags:
                file.update_tags(**tags)
            if scale is not None:
                file.scales, file.offsets = [scale], [offset or 0.0]
        return tmp_path / name

    return write


def speeds(rows=4, columns=6, dtype="float32"):
    return (np.arange(rows * columns).reshape(rows, columns) / 4 + 3).astype(dtype)


def refuses(kind, words, path, **options):
    with pytest.raises(kind) as error:
        catalog.open_raster(path, **({"unit": "m s-1", "variable": "wind_speed_100m_mean"} | options))
    assert words in str(error.value)
    assert "fix: " in str(error.value)
    assert "\n" not in str(error.value)


def test_values_centres_units_and_source(tif):
    path = tif(speeds(), nodata=-9999)
    array = catalog.open_raster(path, unit="m s-1", variable="wind_speed_100m_mean")
    assert array.dims == ("y", "x")
    assert array.dtype == "float64"
    np.testing.assert_array_equal(array, speeds().astype(float))
    np.testing.assert_allclose(array.x, 90.125 + 0.25 * np.arange(6))
    np.testing.assert_allclose(array.y, 39.875 - 0.25 * np.arange(4))
    assert array.odc.crs.epsg == 4326
    assert array.name == "wind_speed_100m_mean"
    assert array.attrs["units"] == "m s-1"
    assert array.attrs["source"]["kind"] == "user"
    assert array.attrs["source"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("variable", "unit", "stored", "expected"),
    [
        ("annual_ghi", "kWh m-2 day-1", 5.0, 5.0 * 365.25),
        ("annual_ghi", "kWh m-2 year-1", 1800.0, 1800.0),
        ("annual_ghi", "W m-2", 200.0, 200.0 * 8.766),
        ("wind_speed_100m_mean", "km h-1", 36.0, 10.0),
        ("altitude", "m", 2800.0, 2800.0),
        ("altitude", "km", 2.8, 2800.0),
        ("temp_air_monthly", "K", 273.15, 0.0),
        ("land_fraction", "%", 50.0, 0.5),
        ("grid_emission_factor", "t MWh-1", 0.5, 0.5),
        (None, "kWh m-2 day-1", 5.0, 5.0 * 365.25),
        (None, "%", 50.0, 0.5),
    ],
)
def test_units_are_converted_once(tif, variable, unit, stored, expected):
    array = catalog.open_raster(tif(np.full((3, 3), stored, "float64")), unit=unit, variable=variable)
    np.testing.assert_allclose(array, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("variable", "unit", "stored"),
    [
        ("annual_ghi", "kWh m-2 day-1", 1800.0),
        ("annual_ghi", "kWh m-2 year-1", 5.0),
        ("annual_ghi", "W m-2", 1800.0),
        ("annual_ghi", "kWh m-2 year-1", 18e8),
        ("wind_speed_100m_mean", "m s-1", 36.0),
        ("wind_speed_100m_mean", "m s-1", 0.0),
        ("altitude", "km", 2800.0),
        ("temp_air_monthly", "degC", 273.15),
        ("land_fraction", "1", 50.0),
    ],
)
def test_values_in_another_unit_than_stated_are_refused(tif, variable, unit, stored):
    refuses(UnitsError, f"Expected {variable} from", tif(np.full((3, 3), stored, "float64")), unit=unit, variable=variable)


@pytest.mark.parametrize(
    ("variable", "unit"), [("annual_ghi", "J m-2"), ("wind_speed_100m_mean", "knots"), ("annual_ghi", "m s-1"), (None, "furlong")]
)
def test_unknown_unit_lists_the_accepted_ones(tif, variable, unit):
    refuses(UnitsError, "m", tif(speeds()), unit=unit, variable=variable)
    if variable == "annual_ghi":
        refuses(UnitsError, "kWh m-2 day-1", tif(speeds()), unit=unit, variable=variable)


def test_unknown_variable_is_refused(tif):
    with pytest.raises(MissingVariableError, match="wind_speed_100m_mean"):
        catalog.open_raster(tif(speeds()), unit="m s-1", variable="wind_speed_100m_men")


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("float32", -9999.0), ("float32", float("nan")), ("float32", -3.4028234663852886e38), ("int16", -32768), ("uint8", 255)],
)
def test_declared_nodata_is_masked_exactly(tif, dtype, nodata):
    values = np.round(speeds()).astype(dtype)
    values[1, 2:5] = nodata
    array = catalog.open_raster(tif(values, nodata=nodata), unit="m s-1", variable="wind_speed_100m_mean")
    assert int(np.isnan(array).sum()) == 3
    np.testing.assert_array_equal(array[0], values[0].astype(float))


@pytest.mark.parametrize("sentinel", [-9999.0, -999.0, -32768.0, -3.4028234663852886e38])
def test_undeclared_nodata_is_refused_and_can_be_stated(tif, sentinel):
    values = speeds()
    values[0, 0] = sentinel
    path = tif(values)
    refuses(UnitsError, "Expected fill values to be declared", path)
    array = catalog.open_raster(path, unit="m s-1", variable="wind_speed_100m_mean", nodata=sentinel)
    assert int(np.isnan(array).sum()) == 1


def test_stated_nodata_adds_to_the_declared_one(tif):
    values = speeds()
    values[0, :2] = (-9999, -1)
    array = catalog.open_raster(tif(values, nodata=-9999), unit="m s-1", variable="wind_speed_100m_mean", nodata=-1)
    assert int(np.isnan(array).sum()) == 2


def test_scale_and_offset_are_applied_once(tif):
    values = np.full((3, 3), 700, "int16")
    values[1, 1] = -32768
    array = catalog.open_raster(tif(values, nodata=-32768, scale=0.01, offset=1.0), unit="m s-1", variable="wind_speed_100m_mean")
    assert array.to_numpy()[0, 0] == pytest.approx(8.0)
    assert np.isnan(array.to_numpy()[1, 1])


def test_band_is_chosen(tif):
    path = tif(np.stack([speeds(), speeds() + 1]), bands=2)
    np.testing.assert_array_equal(catalog.open_raster(path, unit="m s-1", band=2), speeds() + 1.0)
    refuses(CatalogError, "a band out of 1 to 2", path, band=3)
    refuses(CatalogError, "a band out of 1 to 2", path, band=0)


def test_missing_crs_is_refused(tif):
    refuses(AlignmentError, "Expected a raster with a CRS, found none in wind.tif; fix: gdal_edit.py -a_srs", tif(speeds(), crs=None))


def test_metres_tagged_as_degrees_are_refused(tif):
    refuses(AlignmentError, "bounds in degrees", tif(speeds(), transform=from_origin(500_000, 4_000_000, 1000, 1000)))
    assert catalog.open_raster(tif(speeds(), transform=from_origin(500_000, 4_000_000, 1000, 1000), crs=ALBERS), unit="m s-1").shape == (
        4,
        6,
    )


@pytest.mark.parametrize("transform", [Affine(0.2, 0.1, 90, 0.1, -0.2, 40), Affine(0.2, 0.05, 90, 0, -0.2, 40)])
def test_rotated_grid_is_refused(tif, transform):
    refuses(AlignmentError, "north-up", tif(speeds(), transform=transform))


def test_point_tag_does_not_shift(tif):
    area = catalog.open_raster(tif(speeds()), unit="m s-1")
    point = catalog.open_raster(tif(speeds(), name="point.tif", tags={"AREA_OR_POINT": "Point"}), unit="m s-1")
    np.testing.assert_array_equal(area.x, point.x)
    np.testing.assert_array_equal(area.y, point.y)


def test_south_up_grid_keeps_its_coordinates(tif):
    array = catalog.open_raster(tif(speeds(), transform=Affine(0.25, 0, 90, 0, 0.25, 39)), unit="m s-1")
    np.testing.assert_allclose(array.y, 39.125 + 0.25 * np.arange(4))


def test_only_the_bounds_are_read(tif):
    values = np.random.default_rng(0).uniform(3, 9, (80, 100)).astype("float32")
    path = tif(values)
    whole = catalog.open_raster(path, unit="m s-1")
    part = catalog.open_raster(path, unit="m s-1", bounds=(100, 30, 103, 32))
    assert part.x[0] < 100
    assert part.x[-1] > 103
    assert part.y[0] > 32
    assert part.y[-1] < 30
    assert part.size < 0.06 * whole.size
    np.testing.assert_array_equal(part, whole.sel(x=part.x, y=part.y))
    refuses(AlignmentError, "to overlap the study", path, bounds=(10, 30, 13, 32))


def test_size_is_checked_before_reading(tif):
    path = tif(np.zeros((1, 1), "uint8"), name="small.tif")
    with rasterio.open(
        path, "w", driver="GTiff", width=20_000, height=20_000, count=1, dtype="uint8", crs=WGS84, nodata=0,
        transform=from_origin(90, 40, 1e-4, 1e-4), sparse_ok=True, tiled=True,
    ):  # fmt: skip
        pass
    refuses(ResourceError, "at most 100,000,000 cells", path)


def test_absent_tiles_are_refused_unless_nodata_is_declared(tif, tmp_path):
    options = {"width": 512, "height": 512, "count": 1, "dtype": "float32", "crs": WGS84, "transform": from_origin(90, 40, 0.01, 0.01)}
    options |= {"driver": "GTiff", "sparse_ok": True, "tiled": True}
    for name, nodata in [("killed.tif", None), ("sparse.tif", -9999)]:
        with rasterio.open(tmp_path / name, "w", nodata=nodata, **options) as file:
            file.write(np.full((256, 256), 7, "float32"), 1, window=rasterio.windows.Window(0, 0, 256, 256))
    refuses(CatalogError, "all tiles", tmp_path / "killed.tif")
    assert float(np.isnan(catalog.open_raster(tmp_path / "sparse.tif", unit="m s-1")).mean()) == 0.75


def test_empty_band_is_refused(tif):
    refuses(CatalogError, "only no data", tif(np.full((3, 3), -9999, "float32"), nodata=-9999))


def test_complex_numbers_are_refused(tif):
    refuses(CatalogError, "real numbers", tif(np.ones((3, 3), "complex64")))


@pytest.mark.parametrize("layout", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}, {"compress": "deflate"}])
def test_truncated_file_is_refused(tif, layout):
    path = tif(np.random.default_rng(0).uniform(3, 9, (64, 64)).astype("float32"), **layout)
    whole = path.read_bytes()
    catalog.open_raster(path, unit="m s-1")
    for cut in np.linspace(0, len(whole) - 1, 25).astype(int):
        path.write_bytes(whole[:cut])
        with pytest.raises(SitingError):
            catalog.open_raster(path, unit="m s-1")


def test_vrt_in_disguise_is_refused(tif, tmp_path):
    secret = tif(speeds(), name="secret.tif")
    fake = tmp_path / "fake.tif"
    fake.write_text(f'<VRTDataset rasterXSize="6" rasterYSize="4"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
                    f"<SourceFilename>{secret}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>")  # fmt: skip
    refuses(CatalogError, "another format", fake)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none.tif", "found none"),
        ("../outside.tif", "inside the folder of the study"),
        ("/etc/outside.tif", "inside the folder of the study"),
        ("link.tif", "inside the folder of the study"),
        ("wind.vrt", "ending in .tif"),
        ("http://169.254.169.254/wind.tif", "local file"),
        ("vrt://wind.tif", "local file"),
        ("PG:dbname=x", "local file"),
        ("GTIFF_DIR:1:wind.tif", "local file"),
        ("/vsicurl/http://example.org/wind.tif", "local file"),
        ("/vsizip/a.zip/wind.tif", "local file"),
        ("\\\\server\\wind.tif", "local file"),
        ("~/wind.tif", "local file"),
        ("a\0b.tif", "local file"),
        (".", "ending in .tif"),
    ],
)
def test_paths_stay_in_the_folder_of_the_study(tif, tmp_path, path, words):
    study = tmp_path / "study"
    study.mkdir()
    outside = tif(speeds(), name="outside.tif")
    (study / "link.tif").symlink_to(outside)
    refuses(CatalogError, words, path, folder=study)


def test_relative_path_starts_at_the_study(tif, tmp_path, monkeypatch):
    path = tif(speeds())
    assert catalog.open_raster("wind.tif", unit="m s-1", folder=tmp_path).shape == (4, 6)
    elsewhere = tmp_path / "study"
    elsewhere.mkdir()
    monkeypatch.setenv("SITING_DATA", str(tmp_path))
    assert catalog.open_raster(path, unit="m s-1", folder=elsewhere).shape == (4, 6)


def test_threads_read_the_same(tif):
    values = np.random.default_rng(0).uniform(3, 9, (80, 100)).astype("float32")
    path, found = tif(values), []
    threads = [threading.Thread(target=lambda: found.append(catalog.open_raster(path, unit="m s-1").to_numpy())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all((array == values).all() for array in found)


@pytest.fixture
def fine(tif, monkeypatch):
    """Raster of 7 km pixels with a hole, of which more are too many."""
    monkeypatch.setattr(raster, "MANY_CELLS", 300)
    values = np.random.default_rng(5).uniform(3, 9, (62, 93)).astype("float32")
    values[10:20, 30:50] = -1
    return tif(values, nodata=-1, transform=from_origin(90, 40, 1 / 16, 1 / 16)), np.where(values < 0, np.nan, values).astype(float)


def test_too_many_pixels_are_read_as_means_of_blocks(fine):
    path, values = fine
    array = catalog.open_raster(path, unit="m s-1", variable="wind_speed_100m_mean", pixel_m=50_000)
    # 5 pixels a side leave 300 at most; the last rows and columns make no whole block
    blocks = values[:60, :90].reshape(12, 5, 18, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        np.testing.assert_allclose(array, np.nanmean(blocks, axis=(1, 3)), rtol=1e-6)
    assert np.isnan(array).sum() == 2 * 4
    np.testing.assert_allclose(array.x, 90 + 5 / 16 * (np.arange(18) + 0.5))
    np.testing.assert_allclose(array.y, 40 - 5 / 16 * (np.arange(12) + 0.5))


def test_means_over_cells_are_those_of_the_pixels(fine):
    from siting.grid import Grid, align, geobox

    path, _ = fine
    box = geobox(Grid(resolution_km=100), (90.5, 36.5, 95.0, 39.5))
    means = [align(catalog.open_raster(path, unit="m s-1", pixel_m=pixel_m), box, "average") for pixel_m in (None, 12_500)]
    close = np.abs(means[0] - means[1]) / means[0]
    assert float(close.median()) < 0.02


def test_blocks_are_no_larger_than_is_fine_enough(fine, monkeypatch):
    path, values = fine
    array = catalog.open_raster(path, unit="m s-1", pixel_m=15_000)
    assert array.shape == (31, 46)
    np.testing.assert_array_equal(catalog.open_raster(path, unit="m s-1", pixel_m=5000), values)
    monkeypatch.setattr(window, "LARGEST_CELLS", 1000)
    refuses(ResourceError, "Expected at most 1,000 cells", path, pixel_m=15_000)
