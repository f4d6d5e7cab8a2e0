"""A year of plausible, rough weather for tests."""

from __future__ import annotations

import numpy as np
import xarray as xr

from siting.solar_position import solar_position


def make_weather(year: int, count: int, seed: int = 7) -> xr.Dataset:
    """Weather with light only while the sun stands above the horizon at mid-hour."""
    draw = np.random.default_rng(seed)
    latitude, longitude = np.linspace(-60, 70, count), draw.uniform(-180, 180, count)
    altitude = draw.uniform(-100, 4500, count)
    time = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[h]").astype("datetime64[ns]")
    sun = solar_position(time + np.timedelta64(30, "m"), latitude, longitude, altitude)
    height = np.maximum(np.cos(np.radians(sun.apparent_zenith)), 0.0)
    clearness, shape = draw.uniform(0.2, 0.75, height.shape), height.shape
    ghi = 1366.0 * height * clearness
    dhi = ghi * draw.uniform(0.2, 1.0, shape)
    dni = np.divide(ghi - dhi, height, out=np.zeros(shape), where=height > 0)
    hourly = {
        "ghi": ghi,
        "dni": dni,
        "dhi": dhi,
        "temp_air": draw.normal(5.0, 12.0, shape),
        "wind_speed_100m": draw.weibull(2.0, shape) * 8.0,
    }
    return xr.Dataset(
        {"altitude": ("site", altitude)} | {name: (("site", "time"), values) for name, values in hourly.items()},
        coords={"site": np.arange(count), "time": time, "latitude": ("site", latitude), "longitude": ("site", longitude)},
    )
