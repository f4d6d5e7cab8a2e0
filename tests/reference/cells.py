"""A year of smooth, plausible weather on cells, cheap enough to write into stores by the dozen."""

from __future__ import annotations

import numpy as np
import xarray as xr

from siting.weather_hours import INTERVAL_START, sunlight, year_hours


def make_cells(latitude: list[float], longitude: list[float], year: int = 2013, seed: int = 3) -> xr.Dataset:
    """Hours (cell, time) with light that follows the sun and closes at mid-hour but for a constant share of diffuse light."""
    draw = np.random.default_rng(seed)
    north, east, times = np.array(latitude, dtype=float), np.array(longitude, dtype=float), year_hours(year)
    light, shape = sunlight(year, north, east), (len(latitude), len(times))
    days = len(times) // 24
    clear = np.repeat(draw.uniform(0.45, 0.75, (len(latitude), days)), 24, axis=1)
    ghi = np.where(light.dark, 0.0, light.irradiance * clear)
    dhi = 0.4 * ghi
    dni = np.where(light.irradiance > 60.0, 0.6 * clear * 1361.1, 0.0)
    hour = np.arange(len(times))
    warmth = 8 - 14 * np.cos(2 * np.pi * hour / len(times)) + 5 * np.sin(2 * np.pi * (hour - 2) / 24)
    return xr.Dataset(
        {
            "altitude": ("cell", draw.uniform(900, 2500, len(latitude))),
            "ghi": (("cell", "time"), ghi),
            "dni": (("cell", "time"), dni),
            "dhi": (("cell", "time"), dhi),
            "temp_air": (("cell", "time"), warmth + draw.normal(0, 1, shape)),
            "wind_speed_100m": (("cell", "time"), np.minimum(7.0 * draw.weibull(2.0, shape), 40.0)),
        },
        coords={
            "latitude": ("cell", north),
            "longitude": ("cell", east),
            "time": ("time", times, {"stamps": INTERVAL_START}),
        },
    )


def make_grid(rows: int, columns: int, year: int = 2013, step: float = 0.25) -> xr.Dataset:
    """Cells on a regular grid with its south-west corner in Qinghai."""
    latitude, longitude = np.meshgrid(36.0 + step * np.arange(rows), 95.0 + step * np.arange(columns), indexing="ij")
    return make_cells(list(latitude.ravel()), list(longitude.ravel()), year)


def make_sites(latitude: list[float], longitude: list[float], altitude: float = 1500.0) -> xr.Dataset:
    """Sites with what weather from a store needs."""
    n = len(latitude)
    return xr.Dataset(
        {
            "altitude": ("site", np.full(n, altitude)),
            "annual_ghi": ("site", np.full(n, 1700.0)),
            "wind_speed_100m_mean": ("site", np.full(n, 7.0)),
        },
        coords={
            "site": np.arange(n, dtype=np.int64),
            "latitude": ("site", np.array(latitude, dtype=float)),
            "longitude": ("site", np.array(longitude, dtype=float)),
        },
    )
