"""The user's own rasters and vectors by address: fetched like everything else, and read like files beside the study."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from faults.conftest import assert_clear
from fetch import copies

from siting.cli import app
from siting.fetch import fetch, plan
from siting.layers import open_layers
from siting.study import read_study
from siting.vocabulary import CatalogError, FetchError, IntegrityError

STUDY = """
region: {{bbox: [100, 36, 101, 37]}}
layers:
  altitude: {{path: "{0}dem.tif{1}", unit: m}}
  annual_ghi: {{path: "{0}sun.nc{1}", unit: kWh m-2 day-1, layer: ghi}}
land:
  fine_m: 1000
  slope: {{path: "{0}dem.tif{1}", unit: m}}
  land_cover: {{path: "{0}cover.tif{1}", legend: esa_worldcover_2021}}
  exclusions: [{{name: range, path: "{0}range.geojson{1}"}}]
  features:
    - {{name: roads, kind: road, path: "{0}roads.gpkg{1}", buffer_m: 500}}
    - {{name: reserve, kind: protected, path: "{0}reserve.parquet{1}"}}
"""
FILES = ("dem.tif", "sun.nc", "cover.tif", "range.geojson", "roads.gpkg", "reserve.parquet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files beside a study."""
    path = tmp_path_factory.mktemp("files")
    (path / "dem.tif").write_bytes(copies.geotiff(copies.ramp(300, 300, 2000, 3500), 99.0, 38.0, (0.01, 0.01), np.nan))
    (path / "cover.tif").write_bytes(copies.geotiff(copies.ramp(300, 300, 1, 6).astype("uint8") * 10, 99.0, 38.0, (0.01, 0.01), 0))
    axes = {"lat": ("lat", 38 - 0.05 * np.arange(61), {"units": "degrees_north"})}
    axes["lon"] = ("lon", 99 + 0.05 * np.arange(61), {"units": "degrees_east"})
    sun = xr.Dataset({name: (("lat", "lon"), copies.ramp(61, 61, 4.2, 5.4)) for name in ("ghi", "dni")}, coords=axes)
    sun.to_netcdf(path / "sun.nc", engine="h5netcdf")
    shapes = {
        "range.geojson": shapely.box(100.1, 36.1, 100.4, 36.5), "roads.gpkg": shapely.LineString([(99.5, 36.2), (101.5, 36.9)]),
        "reserve.parquet": shapely.box(100.6, 36.6, 101.0, 37.0),
    }  # fmt: skip
    for name, shape in shapes.items():
        frame = gpd.GeoDataFrame({"name": [name]}, geometry=[shape], crs="EPSG:4326")
        frame.to_parquet(path / name) if name.endswith("parquet") else frame.to_file(path / name)
    (path / "study.yaml").write_text(STUDY.format("", ""), encoding="utf-8")
    return path


@pytest.fixture
def served(server, quick, folder):
    server.files |= {f"/own/{name}": (folder / name).read_bytes() for name in FILES}
    return server


def written(tmp_path, server, query=""):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(f"{server.url}/own/", query), encoding="utf-8")
    return path


def test_layers_are_those_of_the_same_files_beside_the_study(served, tmp_path, folder, capsys):
    path = written(tmp_path, served)
    app(["fetch", str(path), "--dry-run"], standalone_mode=False)
    assert capsys.readouterr().out.count("1 download, of unknown size; as supplied by the user") == len(FILES)
    assert not served.log
    with pytest.raises(CatalogError, match="in the cache, found none; fix: run `siting fetch` on the study"):
        open_layers(read_study(path))
    fetch(plan(read_study(path)))
    assert len(served.log) == len(FILES)
    served.log.clear()
    assert all(item.complete for item in plan(read_study(path)))
    layers, beside = open_layers(read_study(path)), open_layers(read_study(folder / "study.yaml"))
    assert not served.log
    xr.testing.assert_equal(layers, beside)
    known = {source["id"]: source for source in json.loads(layers.attrs["sources"])}
    for name in FILES:
        assert known[name]["citation"] == f"{served.url}/own/{name}"
    assert {source["id"]: source["sha256"] for source in json.loads(beside.attrs["sources"])}.items() <= {
        name: source["sha256"] for name, source in known.items()
    }.items()


def test_key_is_taken_from_the_environment_and_stays_there(served, tmp_path, quick, monkeypatch, capfd):
    path = written(tmp_path, served, "?token={ROADS_TOKEN}&v=2")
    with pytest.raises(FetchError, match="environment variable ROADS_TOKEN, found none"):
        fetch(plan(read_study(path)))
    monkeypatch.setenv("ROADS_TOKEN", "canary-5e1f")
    served.faults["/own/sun.nc"] = ["403"]
    with pytest.raises(FetchError) as refusal:
        fetch(plan(read_study(path)))
    assert "token=***" in str(refusal.value)
    folders = fetch(plan(read_study(path)))
    assert "/own/roads.gpkg?token=canary-5e1f&v=2" in served.log
    layers = open_layers(read_study(path))
    kept = b"".join(each.read_bytes() for each in quick.rglob("*") if each.is_file() and each.parent in folders)
    assert b"{ROADS_TOKEN}" in kept
    assert b"canary-5e1f" not in kept
    assert "canary" not in json.dumps(layers.attrs) + repr(refusal.value) + "".join(capfd.readouterr())
    monkeypatch.setenv("ROADS_TOKEN", "another-canary")
    assert all(item.complete for item in plan(read_study(path)))


def test_file_that_was_changed_is_refused_and_fetched_again(served, tmp_path):
    path = written(tmp_path, served)
    folders = fetch(plan(read_study(path)))
    dem = folders[0] / "dem.tif"
    dem.write_bytes(dem.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="as it was fetched, found it changed"):
        open_layers(read_study(path))
    served.log.clear()
    fetch(plan(read_study(path)))
    assert served.log == ["/own/dem.tif"]
    open_layers(read_study(path))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"<html>Please log in</html>", b"", b"PK\x03\x04" + bytes(90)])
def test_other_bytes_are_refused_with_nothing_kept(served, tmp_path, quick, name, content):
    served.files[f"/own/{name}"] = content
    items = [item for item in plan(read_study(written(tmp_path, served))) if item.job.id == name]
    with pytest.raises(FetchError) as refusal:
        fetch(items)
    assert_clear(str(refusal.value))
    assert not [each for each in quick.rglob("*") if each.is_file() and each.name != ".lock"]


@pytest.mark.parametrize("key", ["line\nend", "中文", "tab\tkey"])
def test_key_that_no_header_can_carry_is_refused_unseen(served, tmp_path, monkeypatch, key):
    monkeypatch.setenv("ROADS_TOKEN", key)
    with pytest.raises(FetchError) as refusal:
        fetch(plan(read_study(written(tmp_path, served, "?token={ROADS_TOKEN}"))))
    assert key not in str(refusal.value)
    assert_clear(str(refusal.value))
