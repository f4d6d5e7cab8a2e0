"""Rasters and polygons that lie about themselves, in every format of the two doors; each fault with its sound twin."""

from __future__ import annotations

import re
import shutil
import time

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from rasterio.transform import from_origin

from siting import catalog
from siting.catalog.entry import read_entry, verified_bytes
from siting.vocabulary import IntegrityError, SitingError

LATITUDES, LONGITUDES = 39.875 - 0.25 * np.arange(16), 100.125 + 0.25 * np.arange(20)
VALUES = (np.arange(320).reshape(16, 20) / 40 + 3).astype("float32")
BOUNDS = (101.0, 37.0, 103.0, 39.0)

pytestmark = pytest.mark.filterwarnings("ignore")


def grid(**changes):
    """Dataset of a wind speed, with what is to be told of it changed."""
    options = {"lat": LATITUDES, "lon": LONGITUDES, "values": VALUES, "dims": ("lat", "lon"), "attrs": {}, "units": True} | changes
    told = {"lat": {"units": "degrees_north"}, "lon": {"units": "degrees_east"}} if options["units"] else {}
    coords = {name: (name, options[name], told.get(name, {})) for name in ("lat", "lon")}
    return xr.Dataset({"wind": (options["dims"], options["values"], options["attrs"])}, coords=coords)


def with_bounds(shift):
    half = np.array([0.125, -0.125])
    dataset = grid().assign(lat_bnds=(("lat", "nv"), LATITUDES[:, None] + half + shift))
    dataset["lat"].attrs["bounds"] = "lat_bnds"
    return dataset


def with_transform(shift):
    mapping = xr.DataArray(0, attrs={"grid_mapping_name": "latitude_longitude", "GeoTransform": f"{100 + shift} 0.25 0 40 0 -0.25"})
    return grid(attrs={"grid_mapping": "crs"}).assign(crs=mapping)


def filled(value, share=0.1, dtype="float32"):
    values = VALUES.astype(dtype)
    values.ravel()[168 : 168 + max(1, int(share * 320))] = value
    return values


def uneven():
    longitudes = LONGITUDES.copy()
    longitudes[7] += 0.1
    return longitudes


def fill_twins(value, dtype="float32", share=0.1, attribute="_FillValue"):
    """Grid with an undeclared fill value, and with a declared one."""
    values = filled(value, share, dtype)
    return grid(values=values), grid(values=values, attrs={attribute: np.dtype(dtype).type(value)})


NO_LATITUDE = np.where(LATITUDES[3] == LATITUDES, np.nan, LATITUDES)
#: Fault -> its dataset and that of its sound twin.
ARRAYS = {
    "latitude at the edges of its bounds": (with_bounds(0.125), with_bounds(0.0)),
    "latitude off its bounds by a tenth": (with_bounds(0.025), with_bounds(0.0)),
    "longitude half a pixel off its GeoTransform": (with_transform(0.125), with_transform(0.0)),
    "longitude a pixel off its GeoTransform": (with_transform(0.25), with_transform(0.0)),
    "latitudes that are longitudes": (grid(lat=LONGITUDES[:16], lon=LATITUDES[0] - 0.25 * np.arange(20)), grid()),
    "elsewhere": (grid(lon=LONGITUDES - 60), grid(lon=LONGITUDES)),
    "uneven longitudes": (grid(lon=uneven()), grid(lon=LONGITUDES.astype("float32"))),
    "no coordinates": (grid().drop_vars(["lat", "lon"]), grid()),
    "one coordinate missing": (grid().drop_vars("lon"), grid()),
    "a NaN among the latitudes": (grid(lat=NO_LATITUDE), grid(lat=LATITUDES[::-1], values=VALUES[::-1])),
    "no CRS": (grid(units=False).rename(lat="y", lon="x"), grid().rename(lat="y", lon="x")),
    "unknown CRS": (grid(attrs={"grid_mapping": "crs"}).assign(crs=xr.DataArray(0, attrs={"crs_wkt": "nowhere"})), with_transform(0.0)),
    "several variables": (grid().assign(other=grid()["wind"] * 2), grid()),
    "no variable": (grid().drop_vars("wind"), grid()),
    "three dimensions": (grid().expand_dims(time=3), grid().expand_dims(time=1)),
    "text": (grid(values=VALUES.astype("U5")), grid(values=VALUES.astype("float64"))),
    "undeclared -9999": fill_twins(-9999),
    "undeclared -999": fill_twins(-999, attribute="missing_value"),
    "a single undeclared -9999": fill_twins(-9999, share=0.001),
    "undeclared 1e20": fill_twins(1e20),
    "undeclared -32768": fill_twins(-32768, "int16"),
    "only no data": (grid(values=VALUES * np.nan), grid(values=np.where(VALUES > 8, np.nan, VALUES))),
    "packed twice": (grid(attrs={"scale_factor": 0.01}), grid(values=VALUES * 100, attrs={"scale_factor": 0.01})),
    "km/h called m/s": (grid(values=VALUES * 3.6), grid()),
    "longitudes of 0 to 360 elsewhere": (grid(lon=LONGITUDES + 180), grid(lon=LONGITUDES)),
}  # fmt: skip


def write_arrays(path, dataset):
    dataset = dataset.copy()
    for name in dataset.data_vars:
        dataset[name].encoding = {"_FillValue": dataset[name].attrs.pop("_FillValue", None)}
    if path.suffix == ".zarr":
        dataset.to_zarr(path, zarr_format=2, consolidated=True)
    else:
        dataset.to_netcdf(path, engine={".nc": "h5netcdf"}[path.suffix])
    return path


def open_wind(path):
    return catalog.open_raster(path, unit="m s-1", variable="wind_speed_100m_mean", bounds=BOUNDS)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize("name", ARRAYS)
def test_faulty_grid_is_refused_and_its_twin_is_not(tmp_path, tally, name, suffix):
    fault, twin = ARRAYS[name]
    tally.refusal(f"{suffix}: {name}", lambda: open_wind(write_arrays(tmp_path / f"fault{suffix}", fault)))
    sound = open_wind(write_arrays(tmp_path / f"twin{suffix}", twin))
    assert np.isfinite(sound).any()


def test_every_form_of_the_same_grid_is_the_same(tmp_path):
    expected = VALUES[2:14, 2:14]
    forms = {
        "plain.nc": grid(), "plain.zarr": grid(), "turned.nc": grid(values=VALUES.T, dims=("lon", "lat")),
        "ascending.nc": grid(lat=LATITUDES[::-1], values=VALUES[::-1]), "bounds.nc": with_bounds(0.0), "mapping.nc": with_transform(0.0),
    }  # fmt: skip
    for name, dataset in forms.items():
        found = open_wind(write_arrays(tmp_path / name, dataset)).sortby("y", ascending=False)
        part = found.sel(x=slice(100.5, 103.5), y=slice(39.5, 36.5))
        np.testing.assert_allclose(part, expected, rtol=1e-6, err_msg=name)


def tif(path, values=VALUES, **options):
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype,
        "crs": "EPSG:4326",
    }
    with rasterio.open(path, "w", **profile | {"transform": from_origin(100, 40, 0.25, 0.25)} | options) as file:
        file.write(values, 1)
    return path


SPARSE = {"sparse_ok": True, "dtype": "float32", "driver": "GTiff", "count": 1, "crs": "EPSG:4326"}


def declared(path, width, height, **options):
    """File that declares a huge size and holds nothing."""
    with rasterio.open(path, "w", width=width, height=height, transform=from_origin(100, 40, 30 / width, 30 / height), **SPARSE | options):
        pass
    return path


#: Fault -> writer of the file.
TIFFS = {
    "a quarter of a million pixels squared": lambda path: declared(path, 250_000, 250_000, tiled=True, nodata=-1, BIGTIFF="YES"),
    "the same without nodata": lambda path: declared(path, 250_000, 250_000, tiled=True, BIGTIFF="YES"),
    "one strip of 800 MB": lambda path: declared(path, 20_000, 10_000, blockysize=10_000),
    "an XML": lambda path: path.write_text("<?xml version='1.0'?><GDAL_WMS/>"),
    "a VRT": lambda path: path.write_text("<VRTDataset rasterXSize='1' rasterYSize='1'/>"),
    "a pickle": lambda path: path.write_bytes(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94."),
    "a numpy file": lambda path: np.save(path.open("wb"), VALUES),
    "an HTML page": lambda path: path.write_text("<html><body>Please log in</body></html>"),
    "a zip": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)),
    "axes swapped": lambda path: tif(path, transform=from_origin(37, 88, 0.05, 0.05)),
    "half the bytes of 255": lambda path: tif(path, filled(255, 0.5, "uint8")),
    "a fill of float32 1e20": lambda path: tif(path, filled(1e20)),
}  # fmt: skip


@pytest.mark.parametrize("name", TIFFS)
def test_faulty_tiff_is_refused_at_once(tmp_path, tally, name):
    path = tmp_path / "wind.tif"
    TIFFS[name](path)
    began = time.monotonic()
    whole = {"bounds": (101.0, 15.0, 128.0, 39.0)} if "million" in name or "strip" in name or "same" in name else {"bounds": BOUNDS}
    tally.refusal(f".tif: {name}", lambda: catalog.open_raster(path, unit="m s-1", variable="wind_speed_100m_mean", **whole))
    assert time.monotonic() - began < 5.0
    assert np.isfinite(open_wind(tif(tmp_path / "twin.tif"))).all()


@pytest.mark.parametrize("layout", ["deflate", "lzw", "tiled"])
@pytest.mark.parametrize("cut", range(10))
def test_truncated_tiff_is_refused(tmp_path, tally, layout, cut):
    options = {"tiled": {"tiled": True, "blockxsize": 16, "blockysize": 16}}.get(layout, {"compress": layout})
    values = np.random.default_rng(1).uniform(3, 9, (64, 80)).astype("float32")
    path = tif(tmp_path / "wind.tif", values, transform=from_origin(100, 40, 1 / 16, 1 / 16), **options)
    content = path.read_bytes()
    whole = {"unit": "m s-1"}
    np.testing.assert_array_equal(catalog.open_raster(path, **whole), values)
    path.write_bytes(content[: int(len(content) * cut / 10)])
    tally.refusal(f".tif: {layout} cut at {cut} tenths", lambda: catalog.open_raster(path, **whole))


@pytest.mark.parametrize("cut", range(8))
def test_truncated_netcdf_is_refused(tmp_path, tally, cut):
    path = write_arrays(tmp_path / "wind.nc", grid())
    content = path.read_bytes()
    open_wind(path)
    path.write_bytes(content[: int(len(content) * cut / 8)])
    tally.refusal(f".nc: cut at {cut} eighths", lambda: open_wind(path))


@pytest.mark.parametrize(
    ("suffix", "content"),
    [(".nc", b"<VRTDataset/>"), (".nc", b"PK\x03\x04"), (".nc", b"\x80\x04pickle"), (".nc", b"DAP2 http://127.0.0.1/"), (".nc", b"")],
)
def test_other_formats_under_the_name_of_netcdf_are_refused(tmp_path, tally, suffix, content):
    (tmp_path / f"wind{suffix}").write_bytes(content)
    tally.refusal(f"{suffix}: {content[:12]!r}", lambda: open_wind(tmp_path / f"wind{suffix}"))


@pytest.mark.parametrize("spoil", ["empty", "metadata", "array"])
def test_spoilt_zarr_is_refused(tmp_path, tally, spoil):
    path = write_arrays(tmp_path / "wind.zarr", grid())
    open_wind(path)
    if spoil == "empty":
        shutil.rmtree(path)
        path.mkdir()
    elif spoil == "metadata":
        for file in path.rglob(".z*"):
            file.write_text("{")
    else:
        for file in (path / "wind").glob("[0-9]*"):
            file.write_bytes(b"\0" * 7)
    tally.refusal(f".zarr: spoilt {spoil}", lambda: open_wind(path))


def test_absent_chunks_are_refused(tmp_path, tally):
    path = tmp_path / "wind.zarr"
    encoding = {"wind": {"chunks": (4, 5), "_FillValue": None}}
    grid().to_zarr(path, zarr_format=3, encoding=encoding, consolidated=False)
    meta = path / "wind" / "zarr.json"
    meta.write_text(re.sub(r'"fill_value": "NaN"', '"fill_value": 0.0', meta.read_text()))
    assert np.isfinite(open_wind(path)).all()
    next(file for file in sorted((path / "wind" / "c").rglob("*")) if file.is_file()).unlink()
    tally.refusal(".zarr: absent chunk", lambda: open_wind(path))


@pytest.mark.parametrize("flip", range(20))
def test_a_flipped_bit_in_a_file_of_the_catalog_is_noticed(tmp_path, tally, flip):
    entry = read_entry(catalog.root() / "places.yaml")
    (tmp_path / "files").mkdir()
    content = bytearray((catalog.root() / entry.file).read_bytes())
    (tmp_path / entry.file).write_bytes(content)
    assert verified_bytes(entry, tmp_path) == bytes(content)
    place = int(np.random.default_rng(flip).integers(len(content)))
    content[place] ^= 1 << (flip % 8)
    (tmp_path / entry.file).write_bytes(content)
    error = tally.refusal(f"catalog: bit {flip % 8} of byte {place} (case {flip})", lambda: verified_bytes(entry, tmp_path))
    assert isinstance(error, IntegrityError)


SQUARE = shapely.box(100, 30, 101, 31)
OGR_VRT = "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/etc/hostname</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"


def features(path, geometries=(SQUARE,), crs="EPSG:4326"):
    gpd.GeoSeries(list(geometries), crs=crs).to_file(path)
    return path


#: Fault -> ending, writer of the file. The twin of each is the square.
VECTORS = {
    "a VRT as GeoPackage": (".gpkg", lambda path: path.write_text(OGR_VRT)),
    "a VRT as GeoJSON": (".geojson", lambda path: path.write_text(OGR_VRT)),
    "a VRT as Shapefile": (".shp", lambda path: path.write_text(OGR_VRT)),
    "a VRT as GeoParquet": (".parquet", lambda path: path.write_text(OGR_VRT)),
    "an empty GeoPackage": (".gpkg", lambda path: path.write_bytes(b"")),
    "an empty GeoJSON": (".geojson", lambda path: path.write_text("{}")),
    "a GeoJSON of no feature": (".geojson", lambda path: path.write_text('{"type": "FeatureCollection", "features": []}')),
    "half a GeoJSON": (".geojson", lambda path: path.write_text(features(path).read_text()[:90])),
    "a TopoJSON": (".geojson", lambda path: path.write_text('{"type": "Topology", "objects": {}, "arcs": []}')),
    "a pickle": (".gpkg", lambda path: path.write_bytes(b"\x80\x04\x95pickle")),
    "a plain SQLite": (".gpkg", lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(500))),
    "latitude before longitude": (".geojson", lambda path: features(path, [shapely.box(30, 100, 31, 101)])),
    "metres called degrees": (".gpkg", lambda path: features(path, [shapely.box(5e5, 3e6, 6e5, 4e6)])),
    "a Shapefile without index": (".shp", lambda path: features(path).with_suffix(".shx").unlink()),
    "a Shapefile without CRS": (".shp", lambda path: features(path).with_suffix(".prj").unlink()),
    "a GeoJSON under .gpkg": (".gpkg", lambda path: shutil.move(features(path.with_suffix(".geojson")), path)),
    "an HTML page": (".geojson", lambda path: path.write_text("<html>Please log in</html>")),
    "nesting without end": (".geojson", lambda path: path.write_text('{"a":' * 100_000)),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_faulty_vector_is_refused_and_its_twin_is_not(tmp_path, tally, name):
    suffix, write = VECTORS[name]
    path = tmp_path / f"parks{suffix}"
    write(path)
    began = time.monotonic()
    tally.refusal(f"vector: {name}", lambda: catalog.open_vector(path))
    assert time.monotonic() - began < 5.0
    twin = features(tmp_path / f"twin{suffix if suffix != '.parquet' else '.gpkg'}")
    assert catalog.open_vector(twin).geometry[0].equals(SQUARE)


def test_no_refusal_is_anything_but_an_error_of_the_toolkit(tmp_path):
    with pytest.raises(SitingError):
        catalog.open_raster(tmp_path / "none.zarr", unit="1")
