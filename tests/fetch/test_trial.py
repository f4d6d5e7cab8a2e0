"""The real rasters, served on loopback in the formats of their providers or by address, from the fetch to the map."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from faults.conftest import assert_clear
from fetch import copies
from fetch.test_end_to_end import alone, call
from rasterio.warp import Resampling, reproject

from siting.fetch import fetch, plan
from siting.layers import open_layers
from siting.study import read_study
from siting.vocabulary import AlignmentError

FOLDER = Path(os.environ.get("SITING_TRIAL_DATA", ""))
WIND, GHI, DNI = (FOLDER / "atlas" / name for name in ("gwa3_wind_speed_100m.tif", "gsa2_ghi.tif", "gsa2_dni.tif"))
ELEVATION, SLOPE = (FOLDER / "samples" / name for name in ("gebco_2025_CN.tif", "gebco_2025_CN_slope.nc"))
COVER = FOLDER / "samples" / "Copernicus_LC100_discrete_classification_2019.tif"

pytestmark = [pytest.mark.trial, pytest.mark.skipif("SITING_TRIAL_DATA" not in os.environ, reason="SITING_TRIAL_DATA is not set")]

STUDY = """
title: On the real rasters
region: {bbox: [111, 36, 112, 37]}
grid: {resolution_km: 25}
robustness: {seeds: 1}
layers:
  wind_speed_100m_mean: {dataset: global_wind_atlas}
  annual_ghi: {dataset: global_solar_atlas}
  annual_dni: {dataset: global_solar_atlas}
  altitude: {path: "@/own/gebco_2025_CN.tif", unit: m}
land: {fine_m: 1000, slope: {path: "@/own/gebco_2025_CN_slope.nc", unit: degree}}
"""


@pytest.fixture
def served(server, quick, monkeypatch):
    monkeypatch.setenv("SITING_TIMEOUT", "5")
    copies.aim(monkeypatch, server)
    server.files["/tifs/CHN.tif"] = WIND.read_bytes()
    server.faults["/api/gis/country/CHN/wind-speed/100"] = [f"redirect:{server.url}/tifs/CHN.tif!"]
    for name, file in (("GHI", GHI), ("DNI", DNI)):
        path = f"/download/World/World_{name}_GISdata_LTAy_AvgDailyTotals_GlobalSolarAtlas-v2_GEOTIFF.zip"
        server.files[path] = copies.zipped(f"{name}.tif", file.read_bytes())
    server.files |= {f"/own/{file.name}": file.read_bytes() for file in (ELEVATION, SLOPE, COVER)}
    return server


@pytest.fixture
def study_file(served, tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.replace("@", served.url), encoding="utf-8")
    return path


def test_from_the_fetch_of_real_rasters_to_the_map(served, study_file, alone, capfd, tmp_path):
    study_file.write_text(study_file.read_text(encoding="utf-8").replace("112, 37]", "111.6, 36.5]"), encoding="utf-8")
    call("fetch", study_file)
    assert {path.split("?")[0] for path in served.log} >= {"/own/gebco_2025_CN.tif", "/own/gebco_2025_CN_slope.nc", "/tifs/CHN.tif"}
    served.log.clear()
    call("fetch", study_file)
    call("run", study_file, "--out", tmp_path / "out")
    assert served.log == []
    report = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert not any(text.startswith("Interpolated between") for text in report["warnings"])
    known = {source["id"]: source for source in report["sources"]}
    assert known["gebco_2025_CN.tif"]["citation"] == f"{served.url}/own/gebco_2025_CN.tif"
    assert known["global_wind_atlas"]["kind"] == "real"
    drawn = (tmp_path / "out" / "map.html").read_text(encoding="utf-8")
    assert "Global Wind Atlas" in drawn
    assert "Global Solar Atlas" in drawn


def test_layers_are_those_of_the_rasters_beside_the_study(served, study_file, tmp_path, monkeypatch):
    fetch(plan(read_study(study_file)))
    files = {
        "wind_speed_100m_mean": (WIND, "m s-1"), "annual_ghi": (GHI, "kWh m-2 day-1"), "annual_dni": (DNI, "kWh m-2 day-1"),
        "altitude": (ELEVATION, "m"),
    }  # fmt: skip
    layers = "".join(f"  {name}: {{path: {file}, unit: {unit}}}\n" for name, (file, unit) in files.items())
    beside = tmp_path / "beside.yaml"
    text = STUDY.split("layers:")[0] + "layers:\n" + layers + "land:" + STUDY.split("land:")[1]
    beside.write_text(text.replace("@/own", str(SLOPE.parent)), encoding="utf-8")
    monkeypatch.setenv("SITING_DATA", str(FOLDER))
    fetched, there = open_layers(read_study(study_file)), open_layers(read_study(beside))
    for name in (*files, "slope", "ground_taken"):
        xr.testing.assert_allclose(fetched[name], there[name], rtol=1e-6)
    # nothing in it is a constant, and the mountains of Shanxi are steep
    assert float(fetched["altitude"].max() - fetched["altitude"].min()) > 200.0
    assert float(fetched["slope"].mean()) > 2.0


def test_crops_of_the_atlases_are_the_atlases(served, study_file):
    wind, sun, *_ = fetch(plan(read_study(study_file)))
    pairs = {WIND: wind / "wind_speed_100m_mean.tif", GHI: sun / "annual_ghi.tif", DNI: sun / "annual_dni.tif"}
    for original, made in pairs.items():
        with rasterio.open(original) as source, rasterio.open(made) as target:
            whole, crop = source.read(1), target.read(1)
            row, col = source.index(*target.xy(0, 0))
            np.testing.assert_array_equal(crop, whole[row : row + crop.shape[0], col : col + crop.shape[1]])
            assert target.bounds.left <= 110.5
            assert target.bounds.top >= 37.5


def tile(source, south, west):
    """Tile of a degree in the layout of the Copernicus DEM, drawn from the real elevation."""
    values = np.full((1200, 1200), np.nan, np.float32)
    there = rasterio.transform.from_origin(west, south + 1, 1 / 1200, 1 / 1200)
    reproject(rasterio.band(source, 1), values, dst_transform=there, dst_crs="EPSG:4326", resampling=Resampling.bilinear, dst_nodata=np.nan)
    return copies.geotiff(values, west, south + 1, (1 / 1200, 1 / 1200), tiled=True)


def test_real_elevation_in_tiles_becomes_altitude_and_slope(served, tmp_path):
    with rasterio.open(ELEVATION) as source:
        for south in range(35, 38):
            for west in range(110, 113):
                name = f"Copernicus_DSM_COG_30_N{south}_00_E{west:03d}_00_DEM"
                served.files[f"/{name}/{name}.tif"] = tile(source, south, west)
        path = tmp_path / "terrain.yaml"
        layers = "layers: {altitude: {dataset: copernicus_dem_90}}\nland: {slope: {dataset: copernicus_dem_90}}\n"
        path.write_text(STUDY.split("layers:")[0] + layers, encoding="utf-8")
        (folder,) = fetch(plan(read_study(path)))
        with rasterio.open(folder / "altitude.tif") as altitude, rasterio.open(folder / "slope.tif") as slope:
            heights, steep = altitude.read(1), slope.read(1)
            smooth = np.empty_like(heights)
            reproject(
                rasterio.band(source, 1), smooth, dst_transform=altitude.transform, dst_crs="EPSG:4326", resampling=Resampling.bilinear
            )  # fmt: skip
    assert heights.shape == (600, 600)
    assert np.abs(heights - smooth).max() < 5.0
    # pixels of 10 km flatten the ground: the slopes are those of the drawn surface
    rise = np.hypot(np.gradient(smooth, axis=0), np.gradient(smooth, axis=1) / np.cos(np.radians(36.5))) / (111_195.0 / 300)
    assert np.nanmedian(np.abs(steep - np.degrees(np.arctan(rise)))) < 0.1
    assert np.corrcoef(steep.ravel(), rise.ravel())[0, 1] > 0.99


def test_real_pattern_of_bare_ground_in_tiles_becomes_shares(served, tmp_path):
    """Two classes, told apart at 3 % of bare ground, in the layout of WorldCover."""
    west, south = 117, 30
    with rasterio.open(COVER) as source:
        values = np.full((1800, 1800), np.nan, np.float32)
        there = rasterio.transform.from_origin(west, south + 3, 1 / 600, 1 / 600)
        reproject(rasterio.band(source, 1), values, dst_transform=there, dst_crs="EPSG:4326", resampling=Resampling.nearest)
        classes = np.where(source.read(1) >= 3.0, 60, 30)
        left, top = source.index(118.0, 32.0)[1], source.index(118.0, 32.0)[0]
        right, bottom = source.index(119.0, 31.0)[1], source.index(119.0, 31.0)[0]
    assert np.isfinite(values).all()
    content = copies.geotiff(np.where(values >= 3.0, 60, 30).astype(np.uint8), west, south + 3, (1 / 600, 1 / 600), 0)
    served.files[f"/v200/2021/map/ESA_WorldCover_10m_2021_v200_N{south}E{west}_Map.tif"] = content
    path = tmp_path / "cover.yaml"
    path.write_text("region: {bbox: [118, 31, 119, 32]}\nland: {fine_m: 500, land_cover: {dataset: esa_worldcover}}\n", encoding="utf-8")
    fetch(plan(read_study(path)))
    layers = open_layers(read_study(path))
    shares = layers["land_cover_fraction"].sel(land_cover="bare_or_sparse")
    inside = (layers["province"] >= 0) & shares.notnull()
    np.testing.assert_allclose(layers["land_cover_fraction"].sum("land_cover").values[inside.values], 1.0, atol=1e-12)
    expected = float((classes[top:bottom, left:right] == 60).mean())
    assert 0.05 < expected < 0.95
    assert float(shares.where(inside).mean()) == pytest.approx(expected, abs=0.08)


def test_real_shares_under_the_name_of_classes_are_refused_by_address(served, tmp_path):
    path = tmp_path / "cover.yaml"
    cover = f"land: {{fine_m: 1000, land_cover: {{path: '{served.url}/own/{COVER.name}', legend: copernicus_lc100_2019}}}}\n"
    path.write_text(f"region: {{bbox: [118, 32, 119, 33]}}\n{cover}", encoding="utf-8")
    fetch(plan(read_study(path)))
    with pytest.raises(AlignmentError, match="Expected classes of copernicus_lc100_2019") as refusal:
        open_layers(read_study(path))
    assert_clear(str(refusal.value))


__all__ = ["alone"]
