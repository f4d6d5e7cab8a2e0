"""Small synthetic files in the real formats, as the servers of the datasets would give them."""

from __future__ import annotations

import functools
import io
import json
import math
import warnings
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
import xarray as xr
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from zarr.storage import MemoryStore

from siting.weather_files.irradiance import direct_normal
from siting.weather_hours import sunlight, year_hours

YEAR = 2019
WEATHER = "merra2/temporal/power_merra2_hourly_temporal_utc.zarr"
SUN = "syn1deg/temporal/power_syn1deg_hourly_temporal_utc.zarr"


def geotiff(values, west, north, step, nodata=None, **options):
    profile = {
        "driver": "GTiff", "width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": str(values.dtype), "nodata": nodata,
        "crs": "EPSG:4326", "transform": from_origin(west, north, *step), "compress": "deflate",
    } | options  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(values, 1)
        return bytes(memory.read())


def cog(values, west, north, step):
    """Cloud-optimised GeoTIFF with overviews, as the atlases serve it."""
    profile = {"driver": "COG", "compress": "zstd", "blocksize": 128, "crs": "EPSG:4326", "nodata": math.nan}
    with MemoryFile(geotiff(values, west, north, step, math.nan)) as plain, plain.open() as source, MemoryFile() as memory:
        with memory.open(
            **profile, width=source.width, height=source.height, count=1, dtype="float32", transform=source.transform
        ) as target:
            target.write(source.read(1), 1)
        return bytes(memory.read())


def ramp(rows, cols, low, high, dtype=np.float32):
    across, down = np.meshgrid(np.linspace(0, 1, cols), np.linspace(0, 1, rows))
    return (low + (high - low) * (0.6 * across + 0.4 * down)).astype(dtype)


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"World_GISdata/{name}", content)
    return buffer.getvalue()


def dem(south, west):
    """Tile that rises eastwards by 10 m a pixel."""
    east = west * 300 + np.arange(300)
    return geotiff(np.tile((east - 99 * 300) * 10.0 + 1500.0, (300, 1)).astype(np.float32), west, south + 1, (1 / 300, 1 / 300))


def cover(south, west):
    values = np.where(np.arange(900)[None, :] % 3 == 0, 60, 30) * np.ones((900, 1))
    return geotiff(values.astype(np.uint8), west, south + 3, (1 / 300, 1 / 300), 0)


@functools.cache
def hours(north, east):
    """Plausible hours at a place: a share of the light above the atmosphere, warmth by day, wind that changes."""
    light = sunlight(YEAR, [north], [east]).irradiance[0]
    number = np.arange(len(year_hours(YEAR)))
    wind = 4.0 + 2.0 * np.sin(number / 37.0 + north) + np.cos(number / 11.0 + east)
    warmth = 8.0 + 10.0 * np.sin(number / 8760 * 2 * np.pi - 1.9) + light / 200.0
    return {"ghi": 0.62 * light, "temp": warmth, "wind10": wind, "wind50": 1.25 * wind}


def power_json(query):
    """What the point service of NASA POWER answers, with a fill value in one hour."""
    north, east = float(query["latitude"][0]), float(query["longitude"][0])
    values = hours(north, east)
    first = datetime(YEAR, 1, 1, tzinfo=UTC)
    labels = [(first + timedelta(hours=n)).strftime("%Y%m%d%H") for n in range(8760)]
    columns = {"ALLSKY_SFC_SW_DWN": ("ghi", "Wh/m^2"), "T2M": ("temp", "C"), "WS10M": ("wind10", "m/s"), "WS50M": ("wind50", "m/s")}
    parameter = {name: dict(zip(labels, values[key].round(2).tolist(), strict=True)) for name, (key, _) in columns.items()}
    parameter["T2M"][labels[77]] = -999.0
    parameter["ALLSKY_SFC_SW_DIFF"] = {label: round(0.4 * each, 2) for label, each in parameter["ALLSKY_SFC_SW_DWN"].items()}
    dni, _ = direct_normal(values["ghi"][None], 0.4 * values["ghi"][None], YEAR, [north], [east])
    parameter["ALLSKY_SFC_SW_DNI"] = dict(zip(labels, dni[0].round(2).tolist(), strict=True))
    units = {name: {"units": unit} for name, (_, unit) in columns.items()}
    units |= {f"ALLSKY_SFC_SW_{part}": {"units": "Wh/m^2"} for part in ("DIFF", "DNI")}
    return json.dumps(
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [east, north, 2500.0]},
            "properties": {"parameter": parameter},
            "header": {"time_standard": "UTC", "fill_value": -999.0},
            "parameters": units,
        }
    ).encode()


@functools.cache
def zarr_files(zarr_format):
    """Files of both stores of NASA POWER, by path."""
    files = {}
    times = ("time", year_hours(YEAR))
    for root, north, east, names in (
        (WEATHER, np.arange(38.0, 34.9, -0.5), np.arange(98.75, 102.6, 0.625), {"T2M": "temp", "WS10M": "wind10", "WS50M": "wind50"}),
        (SUN, np.arange(35.0, 38.1, 1.0), np.arange(98.5, 103.0, 1.0), {"ALLSKY_SFC_SW_DWN": "ghi"}),
    ):
        shape = (len(times[1]), len(north), len(east))
        arrays = {name: np.empty(shape, np.float32) for name in names}
        for row, lat in enumerate(north):
            for col, lon in enumerate(east):
                for name, key in names.items():
                    arrays[name][:, row, col] = hours(float(lat), float(lon))[key]
        grid = xr.Dataset(
            {name: (("time", "lat", "lon"), values) for name, values in arrays.items()}, {"time": times, "lat": north, "lon": east}
        )
        store = MemoryStore()
        encoding = {name: {"chunks": (2200, *shape[1:])} for name in names}
        with warnings.catch_warnings():
            # how a server without listings is read all the same
            warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
            grid.to_zarr(store, zarr_format=zarr_format, encoding=encoding, consolidated=True)
        files |= {f"/{root}/{key}": value.to_bytes() for key, value in store._store_dict.items()}
    return files


def pvgis_json(query):
    """What the hourly service of PVGIS answers, stamps at half past."""
    north, east = float(query["lat"][0]), float(query["lon"][0])
    values, first = hours(north, east), datetime(YEAR, 1, 1, 0, 30, tzinfo=UTC)
    rows = [
        {
            "time": (first + timedelta(hours=n)).strftime("%Y%m%d:%H%M"), "Gb(i)": round(0.6 * ghi, 2), "Gd(i)": round(0.4 * ghi, 2),
            "Gr(i)": 0.0, "H_sun": 0.0, "T2m": round(warm, 2), "WS10m": round(wind, 2), "Int": 0.0,
        }
        for n, (ghi, warm, wind) in enumerate(zip(values["ghi"], values["temp"], values["wind10"], strict=True))
    ]  # fmt: skip
    place = {"latitude": north, "longitude": east, "elevation": 2500.0}
    meteo = {"radiation_db": "PVGIS-ERA5", "meteo_db": "ERA5", "year_min": YEAR, "year_max": YEAR, "use_horizon": False, "horizon_db": None}
    return json.dumps({"inputs": {"location": place, "meteo_data": meteo}, "outputs": {"hourly": rows}, "meta": {"inputs": {}}}).encode()


def answer(path, query):
    """What the services with parameters answer."""
    if path == "/api/temporal/hourly/point":
        return power_json(query)
    return pvgis_json(query) if path == "/api/v5_3/seriescalc" else None


def publish(server, zarr_format=2):
    """Put all copies on a server."""
    server.files |= zarr_files(zarr_format)
    server.files["/tifs/CHN.tif"] = cog(ramp(1400, 1400, 5.0, 9.0), 99.0, 38.0, (0.0025, 0.0025))
    server.faults["/api/gis/country/CHN/wind-speed/100"] = [f"redirect:{server.url}/tifs/CHN.tif!"]
    for name, low, high in (("GHI", 4.2, 5.4), ("DNI", 4.0, 6.0)):
        raster = geotiff(ramp(500, 500, low, high), 98.0, 39.0, (0.01, 0.01), math.nan)
        server.files[f"/download/World/World_{name}_GISdata_LTAy_AvgDailyTotals_GlobalSolarAtlas-v2_GEOTIFF.zip"] = zipped(
            f"{name}.tif", raster
        )
    for south in range(34, 39):
        for west in range(98, 103):
            name = f"Copernicus_DSM_COG_30_N{south}_00_E{west:03d}_00_DEM"
            server.files[f"/{name}/{name}.tif"] = dem(south, west)
    for south in (33, 36):
        for west in (99,):
            server.files[f"/v200/2021/map/ESA_WorldCover_10m_2021_v200_N{south}E{west:03d}_Map.tif"] = cover(south, west)
    server.make = answer


def aim(monkeypatch, server):
    """Aim all entries at a server."""
    from siting import catalog

    for name in catalog.remote_entries():
        monkeypatch.setenv(f"SITING_URL_{name.upper()}", server.url)
