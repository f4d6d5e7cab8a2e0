"""Synthetic years and a site table for the tests of supply, costs and emissions."""

import functools

import numpy as np
import pandas as pd
import xarray as xr

HOURS = 8760


@functools.cache
def weather(seed, hours=HOURS):
    """Capacity factors of PV and wind with days, seasons, cloudy days and lulls."""
    rng = np.random.default_rng(seed)
    h = np.arange(hours)
    cloud = np.repeat(rng.beta(4, 1.5, hours // 24 + 1), 24)[:hours]
    sun = np.sin(h % 24 / 24 * 2 * np.pi - np.pi / 2) - 0.1 - 0.25 * np.cos(2 * np.pi * h / HOURS)
    pv = np.clip(0.75 * np.maximum(sun, 0) * cloud, 0, 1)
    calm = np.zeros(hours)
    for t in range(1, hours):
        calm[t] = 0.97 * calm[t - 1] + 0.243 * rng.normal()
    speed = 7.0 * np.exp(0.45 * calm - 0.1)
    wind = np.where(speed > 25, 0.0, np.clip((speed - 3) / 9, 0, 1) ** 2 * 0.92)
    return pv, wind


def make_sites():
    """Three sites, as `match_supply` gets them."""
    series = [weather(seed) for seed in range(3)]
    ones = np.ones(3)
    return xr.Dataset(
        {
            "pv_capacity_factor": (("site", "time"), np.stack([pv for pv, _ in series])),
            "wind_capacity_factor": (("site", "time"), np.stack([wind for _, wind in series])),
            "pv_land_fraction": ("site", 0.5 * ones),
            "wind_land_fraction": ("site", 0.5 * ones),
            "cell_area": ("site", 625.0 * ones),
            "grid_energy_price": ("site", np.array([0.28, 0.32, np.nan])),
            "grid_emission_factor": ("site", np.array([0.6849, 0.1567, np.nan])),
            "grid_carbon_free_share": ("site", np.array([0.2, 0.85, 0.97])),
        },
        coords={"site": [4, 9, 11], "time": pd.date_range("2013-01-01", periods=HOURS, freq="h")},
    )
