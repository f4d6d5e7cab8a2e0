import contextlib
import warnings

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from siting import catalog
from siting.vocabulary import AlignmentError, CatalogError, SitingError

SQUARE = shapely.box(100, 30, 101, 31)
BOW_TIE = shapely.Polygon([(102, 30), (103, 31), (103, 30), (102, 31)])


def frame(geometries=(SQUARE,), crs="EPSG:4326"):
    return gpd.GeoDataFrame({"name": ["自然保护区"] * len(geometries)}, geometry=list(geometries), crs=crs)


def refuses(kind, words, path, **options):
    with pytest.raises(kind) as error:
        catalog.open_vector(path, **options)
    assert words in str(error.value)
    assert "fix: " in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["parks.gpkg", "parks.geojson", "parks.shp"])
def test_formats_round_trip(tmp_path, name):
    frame().to_file(tmp_path / name)
    found = catalog.open_vector(tmp_path / name)
    assert found.crs == "EPSG:4326"
    assert found.geometry[0].equals(SQUARE)
    assert found.name[0] == "自然保护区"
    assert (found.attrs["repaired"], found.attrs["dropped"]) == (0, 0)
    assert found.attrs["source"]["kind"] == "user"


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
def test_parquet_round_trips(tmp_path, encoding):
    path = tmp_path / "parks.parquet"
    frame((SQUARE, BOW_TIE), "EPSG:32647").set_crs("EPSG:4326", allow_override=True).to_parquet(path, geometry_encoding=encoding)
    found = catalog.open_vector(path)
    assert found.geometry[0].equals(SQUARE)
    assert list(found.name) == ["自然保护区"] * 2
    assert (found.crs, found.attrs["repaired"]) == ("EPSG:4326", 1)


def test_parquet_of_another_crs_is_transformed(tmp_path):
    frame().to_crs("EPSG:32647").to_parquet(tmp_path / "parks.geoparquet")
    assert catalog.open_vector(tmp_path / "parks.geoparquet").geometry[0].symmetric_difference(SQUARE).area < 1e-9


def test_faulty_parquet_is_refused(tmp_path):
    path = tmp_path / "parks.parquet"
    pd.DataFrame({"name": ["a"]}).to_parquet(path)
    refuses(CatalogError, "Expected GeoParquet, found another", path)
    frame(crs=None).to_parquet(path)
    refuses(AlignmentError, "with a CRS", path)
    frame().to_parquet(path)
    content = path.read_bytes()
    for cut in (4, len(content) // 2, len(content) - 3):
        path.write_bytes(content[:cut])
        refuses(CatalogError, "Expected GeoParquet, found another or a damaged file", path)
    for place in range(len(content) // 3, len(content) - 4, max(len(content) // 12, 1)):
        # one bit of the footer or of a page: refused, or without effect on what is read
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with contextlib.suppress(SitingError):
            assert catalog.open_vector(path).geometry[0].is_valid


def test_other_crs_is_transformed(tmp_path):
    frame().to_crs("EPSG:32647").to_file(tmp_path / "parks.gpkg")
    assert catalog.open_vector(tmp_path / "parks.gpkg").geometry[0].symmetric_difference(SQUARE).area < 1e-9


def test_invalid_and_empty_geometries_are_counted(tmp_path):
    frame((SQUARE, BOW_TIE, shapely.Polygon())).to_file(tmp_path / "parks.gpkg")
    found = catalog.open_vector(tmp_path / "parks.gpkg")
    assert (found.attrs["repaired"], found.attrs["dropped"]) == (1, 1)
    assert len(found) == 2
    assert found.is_valid.all()
    assert shapely.area(found.geometry.to_numpy()).sum() == pytest.approx(1.5)


def test_missing_crs_is_refused(tmp_path):
    frame().to_file(tmp_path / "parks.shp")
    (tmp_path / "parks.prj").unlink()
    refuses(AlignmentError, "with a CRS", tmp_path / "parks.shp")


def test_metres_tagged_as_degrees_are_refused(tmp_path):
    frame((shapely.box(500_000, 3_000_000, 510_000, 3_010_000),)).to_file(tmp_path / "parks.gpkg")
    refuses(AlignmentError, "bounds in degrees", tmp_path / "parks.gpkg")


def test_layer_must_be_named_where_there_are_several(tmp_path):
    frame().to_file(tmp_path / "parks.gpkg", layer="one")
    frame((SQUARE, SQUARE)).to_file(tmp_path / "parks.gpkg", layer="two")
    refuses(CatalogError, "found one, two in parks.gpkg", tmp_path / "parks.gpkg")
    refuses(CatalogError, "a readable layer", tmp_path / "parks.gpkg", layer="three")
    assert len(catalog.open_vector(tmp_path / "parks.gpkg", layer="two")) == 2


def test_no_feature_is_refused(tmp_path):
    frame((shapely.Polygon(),)).to_file(tmp_path / "parks.gpkg")
    refuses(CatalogError, "Expected features", tmp_path / "parks.gpkg")


def test_damaged_file_is_refused(tmp_path):
    path = tmp_path / "parks.gpkg"
    frame().to_file(path)
    content = path.read_bytes()
    for cut in (0, 50, 2000, len(content) // 2):
        path.write_bytes(content[:cut])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refuses(CatalogError, "fix: ", path)


def test_shapefile_without_index_is_refused(tmp_path):
    frame().to_file(tmp_path / "parks.shp")
    (tmp_path / "parks.shx").unlink()
    refuses(CatalogError, "a readable layer", tmp_path / "parks.shp")


def test_other_format_in_disguise_is_refused(tmp_path):
    frame().to_file(tmp_path / "parks.geojson")
    (tmp_path / "parks.geojson").rename(tmp_path / "parks.gpkg")
    refuses(CatalogError, "parks.gpkg", tmp_path / "parks.gpkg")


@pytest.mark.parametrize(
    "path", ["none.gpkg", "../parks.gpkg", "/vsizip/a.zip/parks.shp", "PG:dbname=x", "parks.zip", "http://example.org/a.geojson"]
)
def test_bad_paths_are_refused(tmp_path, path):
    (tmp_path / "study").mkdir()
    frame().to_file(tmp_path / "parks.gpkg")
    refuses(CatalogError, "Expected", path, folder=tmp_path / "study")
