"""A study on served copies: plan, fetch, run, map, with the sockets to anything but loopback blocked."""

import base64
import json
import logging
import math
import os
import signal
import socket
import subprocess
import sys
import time

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from fetch import copies

from siting import catalog
from siting.catalog.cache import Area, checksum, product_folder
from siting.cli import app
from siting.fetch import fetch, plan
from siting.layers import open_layers
from siting.region import fetched_area
from siting.study import read_study
from siting.vocabulary import CatalogError, FetchError, IntegrityError

STUDY = """
title: On served copies
region: {bbox: [100, 36, 101, 37]}
grid: {resolution_km: 25}
robustness: {seeds: 1}
layers:
  wind_speed_100m_mean: {dataset: global_wind_atlas}
  annual_ghi: {dataset: global_solar_atlas}
  annual_dni: {dataset: global_solar_atlas}
  altitude: {dataset: copernicus_dem_90}
land:
  {park_altitude_max_m: 9000, plant_altitude_full_m: 8000, plant_altitude_max_m: 9000, fine_m: 500,
   slope: {dataset: copernicus_dem_90}, land_cover: {dataset: esa_worldcover}}
weather: {source: store, dataset: nasa_power_regions, year: 2019}
"""


@pytest.fixture
def alone(monkeypatch):
    """No socket may reach anything but loopback."""
    connect, reached = socket.socket.connect, []

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "::1", "localhost"):
            reached.append(host)
            raise OSError(f"blocked: {host}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield
    assert not reached


@pytest.fixture
def study_file(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture
def served(server, monkeypatch, quick):
    monkeypatch.setenv("SITING_TIMEOUT", "5")
    copies.publish(server)
    copies.aim(monkeypatch, server)
    return server


def call(*arguments):
    return app([str(each) for each in arguments], standalone_mode=False)


@pytest.fixture
def keys(served, study_file, tmp_path, monkeypatch):
    """Keys of all kinds on the way of the study: in a header, in the base of the addresses, and in the address of a file."""
    found = {kind: f"canary-{kind}-8d2c" for kind in ("header", "password", "query")}
    own, text = tmp_path / "own", (catalog.root() / "remote" / "global_wind_atlas.yaml").read_text(encoding="utf-8")
    own.mkdir()
    (own / "my_wind.yaml").write_text(text.replace("id: global_wind_atlas", "id: my_wind") + "key_variable: WIND_KEY\n", encoding="utf-8")
    monkeypatch.setenv("SITING_CATALOG", str(own))
    monkeypatch.setenv("WIND_KEY", f"Bearer {found['header']}")
    monkeypatch.setenv("ROADS_KEY", found["query"])
    for name in ("MY_WIND", "GLOBAL_SOLAR_ATLAS"):
        monkeypatch.setenv(f"SITING_URL_{name}", served.url.replace("//", f"//me:{found['password']}@"))
    road = gpd.GeoSeries([shapely.LineString([(99.5, 36.2), (101.5, 36.9)])], crs="EPSG:4326")
    served.files["/roads.geojson"] = road.to_json().encode()
    study = STUDY.replace("global_wind_atlas", "my_wind").replace("slope: {", "features: [{name: roads, kind: road, path: '@'}], slope: {")
    study_file.write_text(study.replace("@", f"{served.url}/roads.geojson?key={{ROADS_KEY}}"), encoding="utf-8")
    return found


def test_from_fetch_to_map_and_no_second_request(served, keys, study_file, alone, capfd, caplog, tmp_path, quick):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(CatalogError, match="run `siting fetch` on the study"):
        call("run", study_file, "--out", tmp_path / "early")
    call("fetch", study_file, "--dry-run")
    planned = capfd.readouterr().out
    assert "CC-BY-4.0" in planned
    assert "13 downloads" in planned
    assert "1 download, of unknown size" in planned
    assert not served.log
    call("fetch", study_file)
    assert served.log
    sent = json.dumps(served.seen_headers) + "".join(served.log)
    served.log.clear()
    capfd.readouterr()
    call("fetch", study_file)
    assert capfd.readouterr().out.count("there already") == 6
    call("run", study_file, "--out", tmp_path / "out")
    assert served.log == []
    report = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    text = json.dumps(report, ensure_ascii=False)
    assert "NASA POWER hourly weather" in text
    assert "Global Wind Atlas" in text
    assert "are synthetic" not in text
    assert "Interpolated between" not in text
    assert "Not screened: farmland" not in text
    assert "Not screened: slope" not in text
    assert "Not screened: red lines, railways, substations" in text
    drawn = (tmp_path / "out" / "map.html").read_text(encoding="utf-8")
    for title in ("Global Solar Atlas", "ESA WorldCover", "Copernicus digital surface model"):
        assert title in text
        assert title in drawn
    for layer in ("slope", "distance_to_road"):
        assert f'"key":"{layer}"' in drawn
    assert keys["header"] in sent
    assert keys["query"] in sent
    assert base64.b64encode(f"me:{keys['password']}".encode()).decode() in sent
    shown = planned + "".join(capfd.readouterr()) + caplog.text
    assert not [kind for kind, key in keys.items() if key in shown]
    kept = [path for folder in (quick, tmp_path / "out") for path in folder.rglob("*") if path.is_file()]
    assert len(kept) > 40
    assert not [(path, kind) for path in kept for kind, key in keys.items() if key.encode() in path.read_bytes()]


def test_ground_is_that_of_the_served_tiles(served, study_file):
    """A third of the land is bare, the rest is grass, and all of it rises by 10 m a pixel eastwards."""
    study = read_study(study_file)
    fetch([item for item in plan(study) if item.job.entry.tiled])
    land = study.land
    layers = open_layers(study.model_copy(update={"layers": {}}))
    inside = layers["land_fraction"].values > 0.99
    shares = layers["land_cover_fraction"].where(inside)
    assert shares.sel(land_cover="bare_or_sparse").mean() == pytest.approx(1 / 3, abs=0.01)
    assert shares.sel(land_cover="grassland").mean() == pytest.approx(2 / 3, abs=0.01)
    np.testing.assert_allclose(shares.sum("land_cover").values[inside], 1.0, atol=1e-12)
    metres = 111_195.0 / 300 * np.cos(np.radians(layers["latitude"].values[inside]))
    np.testing.assert_allclose(layers["slope"].values[inside], np.degrees(np.arctan(10.0 / metres)), rtol=2e-3)
    known = {source["id"]: source for source in json.loads(layers.attrs["sources"])}
    assert known["esa_worldcover"]["variables"] == ["land_cover_fraction", "water_fraction"]
    assert known["esa_worldcover"]["licence"] == "CC-BY-4.0"
    assert known["copernicus_dem_90"]["sha256"] == checksum(land.slope.file)


def test_tiles_beside_the_provinces_are_left_out_and_no_cell_lacks_them(served, tmp_path):
    path = tmp_path / "ningxia.yaml"
    path.write_text("region: {provinces: [CN-NX]}\nlayers: {altitude: {dataset: copernicus_dem_90}}\n", encoding="utf-8")
    degrees = [(south, west) for south in range(34, 41) for west in range(103, 109)]
    for south, west in degrees:
        name = f"Copernicus_DSM_COG_30_N{south}_00_E{west:03d}_00_DEM"
        values = np.tile(1000.0 + 300.0 * (west - 103) + np.arange(300), (300, 1)).astype(np.float32)
        served.files[f"/{name}/{name}.tif"] = copies.geotiff(values, west, south + 1, (1 / 300, 1 / 300))
    study = read_study(path)
    (folder,) = fetch(plan(study))
    west, south, east, north = fetched_area(study.region, study.grid).bounds
    within = (math.ceil(east) - math.floor(west)) * (math.ceil(north) - math.floor(south))
    assert 10 < len(served.log) < within
    with rasterio.open(folder / "altitude.tif") as raster:
        assert raster.bounds == (west, south, east, north)
        assert np.isnan(raster.read(1)).any()
    layers = open_layers(study)
    inside = layers["province"].values >= 0
    expected = 1000.0 + 300.0 * (layers["longitude"].values - 103.0)
    np.testing.assert_allclose(layers["altitude"].values[inside], expected[inside], atol=5.0)


def test_ground_that_was_not_fetched_is_refused(served, study_file):
    study = read_study(study_file)
    with pytest.raises(CatalogError, match=r"Expected \w+ \(\w+.tif\) for this region in the cache, found none; fix: run `siting fetch`"):
        open_layers(study.model_copy(update={"layers": {}}))


def test_products_hold_what_was_served(served, study_file):
    study = read_study(study_file)
    wind, _, terrain, *_ = fetch(plan(study))
    with rasterio.open(wind / "wind_speed_100m_mean.tif") as raster, rasterio.io.MemoryFile(served.files["/tifs/CHN.tif"]) as memory:
        here = raster.read(1)
        with memory.open() as original:
            at = [original.index(x, y) for x, y in ((100.00125, 36.50125), (101.49, 35.51))]
            there = [original.read(1)[place] for place in at]
        assert [here[raster.index(x, y)] for x, y in ((100.00125, 36.50125), (101.49, 35.51))] == there
    with rasterio.open(terrain / "altitude.tif") as raster:
        altitude = raster.read(1)
        assert raster.bounds == (99.5, 35.5, 101.5, 37.5)
    assert altitude[0, 0] == pytest.approx(1500.0 + 150 * 10.0)
    assert np.allclose(np.diff(altitude, axis=1), 10.0, atol=1e-3)
    with rasterio.open(terrain / "slope.tif") as raster:
        slope = raster.read(1)
    metres = 111_195.0 / 300 * np.cos(np.radians(37.5 - 0.5 / 300))
    assert slope[0, 10] == pytest.approx(np.degrees(np.arctan(10.0 / metres)), rel=1e-4)


def test_manifest_says_what_there_is(served, study_file):
    folder = fetch(plan(read_study(study_file)))[0]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["entry"] == "global_wind_atlas"
    assert manifest["version"] == catalog.remote_entry("global_wind_atlas").version
    (source,) = manifest["sources"]
    assert len(source["sha256"]) == 64
    assert {"url", "date", "bytes"} <= source.keys()


def test_changed_product_is_refused(served, study_file, tmp_path):
    folder = fetch(plan(read_study(study_file)))[0]
    path = folder / "wind_speed_100m_mean.tif"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="fetch again"):
        call("run", study_file, "--out", tmp_path / "out")
    served.log.clear()
    fetch(plan(read_study(study_file)))
    # the piece is still there
    assert served.log == []


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_gives_the_served_hours(zarr_format, server, quick, monkeypatch, study_file):
    from siting.weather_store import open_store

    monkeypatch.setenv("SITING_TIMEOUT", "5")
    copies.publish(server, zarr_format)
    copies.aim(monkeypatch, server)
    items = [item for item in plan(read_study(study_file)) if item.job.entry.hourly]
    (folder,) = fetch(items)
    cells = open_store(folder / "store")
    cell = int(np.argmin(np.abs(cells.latitude.values - 36.5) + np.abs(cells.longitude.values - 100.625)))
    assert float(cells.latitude[cell]) == 36.5
    wind = cells["wind_speed_100m"].isel(cell=cell).values
    expected = 1.25 * copies.hours(36.5, 100.625)["wind10"] * 2.0 ** (np.log(1.25) / np.log(5.0))
    assert np.abs(wind - expected).max() < 0.002
    temperature = cells["temp_air"].isel(cell=cell).values
    assert np.abs(temperature - copies.hours(36.5, 100.625)["temp"]).max() < 0.002


def test_chunk_that_is_gone_is_no_fill_value(served, study_file, quick):
    gone = next(path for path in served.files if "/T2M/" in path and "/.z" not in path)
    del served.files[gone]
    items = [item for item in plan(read_study(study_file)) if item.job.entry.hourly]
    with pytest.raises(FetchError, match="Expected the chunk T2M"):
        fetch(items)
    assert not (items[0].job.folder / "manifest.json").exists()


def test_points_of_nasa_power_become_a_store(served, tmp_path):
    from siting.weather_store import open_store

    path = tmp_path / "points.yaml"
    path.write_text(STUDY.split("layers:")[0] + "weather: {source: store, dataset: nasa_power_points, year: 2019}\n", encoding="utf-8")
    (item,) = plan(read_study(path))
    assert len(item.missing) == 5 * 3
    served_json = json.loads(copies.power_json({"latitude": ["36.5"], "longitude": ["100.625"]}))
    (folder,) = fetch([item])
    cells = open_store(folder / "store")
    cell = int(np.argmin(np.abs(cells.latitude.values - 36.5) + np.abs(cells.longitude.values - 100.625)))
    ghi = np.array(list(served_json["properties"]["parameter"]["ALLSKY_SFC_SW_DWN"].values()))
    assert np.abs(cells["ghi"].isel(cell=cell).values - ghi).max() < 0.1
    assert np.isnan(cells["temp_air"].isel(cell=cell).values[77])


def test_points_of_pvgis_become_a_store(served, tmp_path):
    from siting.weather_store import open_store

    path = tmp_path / "points.yaml"
    path.write_text(STUDY.split("layers:")[0] + "weather: {source: store, dataset: pvgis_points, year: 2019}\n", encoding="utf-8")
    (folder,) = fetch(plan(read_study(path)))
    cells = open_store(folder / "store")
    assert cells.sizes["cell"] == 5 * 5
    cell = int(np.argmin(np.abs(cells.latitude.values - 36.5) + np.abs(cells.longitude.values - 100.5)))
    assert np.abs(cells["ghi"].isel(cell=cell).values - copies.hours(36.5, 100.5)["ghi"]).max() < 0.1


def test_epw_file_becomes_a_store(served, tmp_path, monkeypatch):
    """The file of a typical year that PVGIS gives in the format of EnergyPlus."""
    from siting.weather_store import open_store

    values = copies.hours(36.5, 100.5)
    rows = ["LOCATION,Somewhere,-,-,-,-,36.5,100.5,0.0,2500"] + ["-"] * 7
    for n in range(8760):
        day = np.datetime64("2019-01-01") + n // 24
        year, month, date = str(day).split("-")
        numbers = [0.0] * 29
        numbers[0], numbers[7], numbers[9], numbers[15] = values["temp"][n], values["ghi"][n], values["ghi"][n], values["wind10"][n]
        rows.append(f"{year},{month},{date},{n % 24 + 1},60,?," + ",".join(f"{each:.2f}" for each in numbers))
    served.files["/tmy/here.epw"] = "\n".join(rows).encode()
    own = tmp_path / "own"
    own.mkdir()
    text = (catalog.root() / "remote" / "pvgis_points.yaml").read_text(encoding="utf-8")
    text = (
        text.replace("id: pvgis_points", "id: my_epw").replace("adapter: pvgis_points", "adapter: epw_file").replace("step: [0.5, 0.5]", "")
    )
    lines = ['url: "tmy/here.epw"' if line.startswith("url:") else line for line in text.splitlines()]
    (own / "my_epw.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("SITING_CATALOG", str(own))
    monkeypatch.setenv("SITING_URL_MY_EPW", served.url)
    path = tmp_path / "epw.yaml"
    path.write_text(STUDY.split("layers:")[0] + "weather: {source: store, dataset: my_epw, year: 2019}\n", encoding="utf-8")
    (folder,) = fetch(plan(read_study(path)))
    assert np.abs(open_store(folder / "store")["temp_air"].isel(cell=0).values - values["temp"]).max() < 0.01


def test_land_cover_is_a_sample_of_classes(served):
    from siting.fetch import Item as Line
    from siting.fetch import Job, _transport

    entry = catalog.remote_entry("esa_worldcover")
    from siting.catalog.cache import cache_root

    job = Job(entry, Area((99.5, 35.5, 101.5, 37.5), ("CN-QH",), 0.1), (), cache_root(), _transport(entry))
    (folder,) = fetch([Line(job, tuple(job.pieces), complete=False)])
    with rasterio.open(folder / "land_cover.tif") as raster:
        values = raster.read(1)
        assert raster.dtypes[0] == "uint8"
    assert set(np.unique(values)) == {30, 60}
    assert (values == 60).mean() == pytest.approx(1 / 3, abs=0.002)


def test_killed_fetch_goes_on_with_the_same_bytes(served, study_file, tmp_path):
    def hashes(cache):
        manifests = sorted(cache.rglob("manifest.json"))
        return {each.parent.parent.name: json.loads(each.read_text(encoding="utf-8"))["files"] for each in manifests}

    study = read_study(study_file)
    fetch(plan(study, tmp_path / "whole"))
    whole = len(served.log)
    command = [sys.executable, "-c", "from siting.cli import main; main()", "fetch", str(study_file), "--cache", str(tmp_path / "killed")]
    for share in (0.3, 0.75):
        served.log.clear()
        with subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while len(served.log) < share * whole * 0.9 and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
    served.log.clear()
    fetch(plan(study, tmp_path / "killed"))
    assert len(served.log) < whole
    assert hashes(tmp_path / "killed") == hashes(tmp_path / "whole")
    assert len(hashes(tmp_path / "whole")) == 5


def test_base_of_the_environment_is_in_no_product_key(served, study_file):
    study = read_study(study_file)
    entry = catalog.remote_entry("global_wind_atlas")
    assert served.url not in str(product_folder(entry, Area((0.0, 0.0, 1.0, 1.0), (), 0.1)))
    assert study.sha256 == read_study(study_file).sha256
