"""Studies whose own rasters and polygons, or whose limits, leave nothing to rank: refused before any hour is computed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import Affine, from_origin

from siting import catalog, runner
from siting.study import read_study
from siting.vocabulary import AlignmentError, CatalogError, StudyError, UnitsError

BBOX = (100.0, 36.0, 101.0, 37.0)
GOOD = {"unit": "kWh m-2", "values": 1700.0, "crs": "EPSG:4326", "transform": from_origin(99, 38, 0.25, 0.25), "nodata": None}
ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=36 +lon_0=105 +datum=WGS84 +units=m"


def write_raster(path, values, **options):
    """Raster of 12 by 12 cells."""
    cells = np.broadcast_to(np.asarray(values), (12, 12))
    profile = {"driver": "GTiff", "width": 12, "height": 12, "count": 1, "dtype": cells.dtype} | options
    with rasterio.open(path, "w", **profile) as file:
        file.write(cells, 1)


def some(value, share):
    """Field with a fill value in a share of its cells."""
    values = np.full(144, 1700.0)
    values[: int(share * 144)] = value
    return values.reshape(12, 12)


#: Name -> what differs from `GOOD`, error, words.
RASTERS = {
    "no CRS": ({"crs": None}, AlignmentError, "found none in ghi.tif; fix: gdal_edit.py"),
    "metres tagged as degrees": ({"transform": from_origin(500_000, 4_000_000, 250, 250)}, AlignmentError, "bounds in degrees"),
    "rows and columns in degrees swapped": ({"transform": from_origin(36, 101, 0.25, 0.25)}, AlignmentError, "bounds in degrees"),
    "rotated": ({"transform": Affine(0.25, 0.1, 99, 0.1, -0.25, 38)}, AlignmentError, "found a rotated one"),
    "unknown unit": ({"unit": "MJ m-2"}, UnitsError, "found the unit 'MJ m-2'"),
    "misspelt unit": ({"unit": "kwh/m2"}, UnitsError, "expected".capitalize()),
    "daily sums called annual": ({"values": 4.7}, UnitsError, "found 4.7 to 4.7"),
    "annual sums called daily": ({"unit": "kWh m-2 day-1"}, UnitsError, "check its unit"),
    "annual sums called W m-2": ({"unit": "W m-2"}, UnitsError, "annual_ghi from 300 to 3000 kWh m-2, found"),
    "undeclared fill value": ({"values": some(-9999.0, 0.6)}, UnitsError, "state nodata: -9999"),
    "undeclared fill of 65535": ({"values": some(65535.0, 0.6)}, UnitsError, "state nodata: 65535"),
    "no value at all": ({"values": -1.0, "nodata": -1.0}, CatalogError, "found only no data"),
    "complex numbers": ({"values": 1700.0 + 0j}, CatalogError, "found complex"),
    "elsewhere": ({"transform": from_origin(-4, 44, 0.25, 0.25)}, AlignmentError, "overlap the study, found it elsewhere"),
    "band that isn't there": ({"band": 2}, CatalogError, "a band out of 1 to 1, found 2"),
}  # fmt: skip


def write_study(folder, text):
    (folder / "study.yaml").write_text(f"region: {{bbox: {list(BBOX)}}}\n{text}\n", encoding="utf-8")
    return read_study(folder / "study.yaml")


def study_on(folder, unit, values, band=1, **options):
    write_raster(folder / "ghi.tif", values, **options)
    return write_study(folder, f"layers: {{annual_ghi: {{path: ghi.tif, unit: {unit}, band: {band}}}}}")


def open_ghi(study):
    """Open the raster in the way of the layers, without the layers around it."""
    layer = study.layers["annual_ghi"]
    return catalog.open_raster(layer.file, unit=layer.unit, variable="annual_ghi", band=layer.band, nodata=layer.nodata, bounds=BBOX)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Sound twin of all rasters."""
    return float(open_ghi(study_on(tmp_path_factory.mktemp("sound"), **GOOD)).mean())


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
@pytest.mark.parametrize("name", RASTERS)
def test_faulty_raster_is_refused(tmp_path, tally, sound, name):
    change, kind, words = RASTERS[name]
    assert sound == 1700.0
    study = study_on(tmp_path, **(GOOD | change))
    error = tally.refusal(f"raster: {name}", lambda: open_ghi(study))
    assert isinstance(error, kind)
    assert error.exit_code == 3
    assert words in str(error)


VRT = """<VRTDataset rasterXSize="12" rasterYSize="12"><VRTRasterBand dataType="Float64" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0">{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("a VRT under another name", lambda file: file.write_text(VRT.format("/etc/hostname")), "found another format"),
        ("a text file", lambda file: file.write_text("ncols 12\nnrows 12\n"), "found another format"),
        ("an empty file", lambda file: file.write_bytes(b""), "found another format"),
        ("half a file", lambda file: file.write_bytes(file.read_bytes()[:400]), "damaged"),
        ("four bytes", lambda file: file.write_bytes(b"II*\0"), "damaged"),
    ],
)
def test_file_that_is_no_raster_is_refused(tmp_path, tally, sound, name, spoil, words):
    study = study_on(tmp_path, **GOOD)
    spoil(tmp_path / "ghi.tif")
    error = tally.refusal(f"raster: {name}", lambda: open_ghi(study))
    assert isinstance(error, CatalogError)
    assert words in str(error)


class Reached(Exception):  # noqa: N818
    """The study came as far as the hours."""


class Stop(runner.Silent):
    """Progress that ends a run where the heavy work begins."""

    def stage(self, name, total):
        if name.startswith("Weather"):
            raise Reached
        return super().stage(name, total)


HIGH = "land: {park_altitude_max_m: 0, plant_altitude_full_m: 0, plant_altitude_max_m: 0}"

#: Name -> study, error, words. All files of `data` lie beside the study.
RUNS = {
    "sound": ("layers: {annual_ghi: {path: ghi.tif, unit: kWh m-2}}\nland: {exclusions: [{name: some, path: some.geojson}]}", None, ""),
    "region without a cell": ("grid: {resolution_km: 100}\nregion: {bbox: [100.4, 36.4, 100.41, 36.41]}", StudyError, "widen it"),
    "box beside the province": ("region: {provinces: [CN-HI], bbox: [100, 36, 101, 37]}", StudyError, "outside Hainan"),
    "limits that leave nothing": (HIGH, StudyError, "too high"),
    "provinces that leave nothing": ("land: {park_provinces: [CN-HI], plant_provinces: [CN-HI]}", StudyError, "province left out"),
    "exclusion of everything": ("land: {exclusions: [{name: all, path: all.geojson}]}", StudyError, "found none: all "),
    "raster without CRS": ("layers: {annual_ghi: {path: bare.tif, unit: kWh m-2}}", AlignmentError, "found none in bare.tif"),
    "raster of shares in per cent": ("land: {exclusions: [{name: a, path: percent.tif}]}", UnitsError, "user_exclusion from 0 to 1"),
    "lines for polygons": ("land: {exclusions: [{name: a, path: roads.geojson}]}", AlignmentError, "buffer them"),
    "exclusions without CRS": ("land: {exclusions: [{name: a, path: bare.shp}]}", AlignmentError, "a vector file with a CRS"),
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    wide, part = shapely.box(99, 35, 102, 38), shapely.box(100, 36, 100.2, 36.2)
    for name, geometry in {"all": wide, "some": part, "roads": wide.exterior}.items():
        gpd.GeoSeries([geometry], crs="EPSG:4326").to_file(folder / f"{name}.geojson")
    gpd.GeoSeries([wide], crs="EPSG:4326").to_file(folder / "bare.shp")
    (folder / "bare.prj").unlink()
    grid = {"crs": "EPSG:4326", "transform": GOOD["transform"]}
    write_raster(folder / "ghi.tif", 1700.0, **grid)
    write_raster(folder / "percent.tif", 40.0, **grid)
    write_raster(folder / "bare.tif", 1700.0, transform=GOOD["transform"])
    return folder


@pytest.mark.parametrize("name", RUNS)
def test_run_of_a_faulty_study_is_refused_before_the_hours(data, tally, name):
    text, kind, words = RUNS[name]
    head = "" if "region:" in text else f"region: {{bbox: {list(BBOX)}}}\n"
    (data / "study.yaml").write_text(f"{head}{text}\n", encoding="utf-8")
    study = read_study(data / "study.yaml")
    if kind is None:
        with pytest.raises(Reached):
            runner.run(study, progress=Stop())
        return
    error = tally.refusal(f"run: {name}", lambda: runner.run(study, progress=Stop()))
    assert isinstance(error, kind)
    assert words in str(error)


def test_rasters_in_the_grid_of_the_study_are_sound_too(tmp_path):
    metres = {"crs": ALBERS, "transform": from_origin(-600_000, 250_000, 25_000, 25_000)}
    assert float(open_ghi(study_on(tmp_path, **(GOOD | metres))).mean()) == 1700.0
