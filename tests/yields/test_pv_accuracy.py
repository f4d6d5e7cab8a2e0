"""The kernels against pvlib, option by option, hour by hour, in both precisions."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pvlib.irradiance import erbs
from reference import pv as reference
from reference.weather import make_weather

from siting.solar_position import solar_position
from siting.yields import pv_run
from siting.yields.pv import PVSystem, Site, full_load_hours

HOURLY = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")
MODELCHAIN = {"transposition": "perez", "reflection": "physical", "temperature": "sapm"}
CHAINS = {
    "default": {},
    "east": {"surface_tilt": 35.0, "surface_azimuth": 90.0, "albedo": 0.6, "dc_ac_ratio": 1.4, "losses": 0.1, "faiman_u0": 20.0},
    "isotropic": {"transposition": "isotropic", "surface_azimuth": "equator", "reflection": "physical"},
    "modelchain": {**MODELCHAIN, "surface_tilt": 30.0, "surface_azimuth": 200.0, "gamma_pdc": -0.004},
    "wall": {
        "transposition": "perez", "surface_tilt": 90.0, "temperature": "sapm",
        "sapm_a": -2.81, "sapm_b": -0.0455, "sapm_delta_t": 0.0,
    },
    "tracker": {"mount": "single_axis"},
    "no backtracking": {"mount": "single_axis", "backtracking": False, "max_angle": 90.0},
    "dense trackers": {
        "mount": "single_axis", "gcr": 0.6, "max_angle": 55.0, "bifaciality": 0.7, "rear_loss": 0.2, **MODELCHAIN,
        "soiling": tuple(np.linspace(0.0, 0.1, 12)), "snow": tuple(np.linspace(0.2, 0.0, 12)),
    },
    "two-sided": {"bifaciality": 0.8, "surface_tilt": 25.0, "snow": 0.03, "albedo": 0.5},
}  # fmt: skip
#: Largest error of an hour [of nameplate], with beam and diffuse given and estimated, and of the energy.
EXACT, SINGLE, SINGLE_SPLIT, ENERGY = 1e-9, 1e-6, 1e-5, 1e-7


@functools.cache
def hundred_places() -> xr.Dataset:
    """About 600 random hours of a leap year, the 29th of February whole, at 100 places from 60 S to 70 N."""
    year = make_weather(2016, 100)
    chosen = np.random.default_rng(1).choice(8784, 576, replace=False)
    return year.isel(time=np.unique(np.concatenate([chosen, np.arange(59 * 24, 60 * 24)])))


def expected(sites: xr.Dataset, pv: PVSystem, split: bool) -> tuple[np.ndarray, np.ndarray]:
    """Output by pvlib, and hours at an edge where a model of the chain jumps."""
    names = [name for name in HOURLY if not (split and name in ("dni", "dhi"))]
    output, edges = [], []
    for site in range(sites.sizes["site"]):
        table = pd.DataFrame({name: sites[name].values[site] for name in names}, index=sites["time"].values)
        place = [float(sites[name][site]) for name in ("latitude", "longitude", "altitude")]
        tilt = abs(place[0]) if pv.surface_tilt == "latitude" else pv.surface_tilt
        light = reference.plane_light(table, *place, pv, tilt)
        output.append(reference.net_output(light, table, pv))
        edges.append(reference.branch_hours(light, table, pv))
    return np.array(output), np.array(edges)


def found(sites: xr.Dataset, pv: PVSystem, split: bool) -> np.ndarray:
    values = [None if split and name in ("dni", "dhi") else sites[name].values for name in HOURLY]
    site = Site(*(sites[name].values.astype(float) for name in ("latitude", "longitude", "altitude")))
    middles = sites["time"].values.astype("datetime64[s]") + np.timedelta64(1800, "s")
    return pv_run.hourly(pv_run.Block(*values), site, middles, pv, None).astype(float)


def energy_error(output: np.ndarray, truth: np.ndarray, edges: np.ndarray) -> float:
    """Largest relative error of a site's energy, hours at an edge apart."""
    return float(np.abs(np.where(edges, 0.0, output).sum(axis=1) / np.where(edges, 0.0, truth).sum(axis=1) - 1.0).max())


@pytest.mark.parametrize("split", [False, True], ids=["given", "erbs"])
@pytest.mark.parametrize("name", CHAINS)
def test_equals_pvlib(name, split):
    sites, chain = hundred_places(), CHAINS[name]
    truth, edges = expected(sites, PVSystem(**chain), split)
    assert truth.max() > 0.3
    assert edges.mean() < 0.002
    for precision, bound in (("float64", EXACT), ("float32", SINGLE_SPLIT if split else SINGLE)):
        output = found(sites, PVSystem(**chain, precision=precision), split)
        assert np.abs(output - truth)[~edges].max() < bound, precision
        # single precision may fall on the other side of an edge; double does not
        if precision == "float64":
            assert np.abs(output - truth).max() < bound


@pytest.mark.parametrize("name", CHAINS)
def test_energy_of_a_year_in_single_precision(name):
    """Over a year the rounding of hours evens out: against double precision, which the test above holds to pvlib."""
    sites = make_weather(2013, 30)
    double, single = (found(sites, PVSystem(**CHAINS[name], precision=precision), False) for precision in ("float64", "float32"))
    edges = np.abs(single - double) > SINGLE
    assert edges.sum() < 30
    assert energy_error(single, double, edges) < ENERGY


def nudged(table: pd.DataFrame, share: float) -> pd.DataFrame:
    """Weather just across an edge of the clearness."""
    return table.assign(dni=table["dni"] * (1.0 + share), dhi=table["dhi"] * (1.0 - share))


def test_an_hour_at_an_edge_of_perez_equals_one_of_the_branches():
    """Hours are put on an edge to 1e-7: single precision must give the value of either side, not one between."""
    pv = PVSystem(transposition="perez", surface_tilt=40.0)
    sites = hundred_places().isel(site=[60, 75])
    listed = 0
    for number in range(2):
        site = sites.isel(site=[number])
        place = [float(site[name][0]) for name in ("latitude", "longitude", "altitude")]
        table = pd.DataFrame({name: site[name].values[0] for name in HOURLY}, index=site["time"].values)
        light = reference.plane_light(table, *place, pv, 40.0)
        bend = 1.041 * np.radians(light.sun["apparent_zenith"].to_numpy()) ** 3
        # dni such that the clearness is an edge, in turn the seven
        edge = np.array([reference.CLEARNESS[hour % 7] for hour in range(len(table))])
        table["dni"] = np.minimum((edge - 1.0) * (1.0 + bend) * table["dhi"], 1200.0)
        used = (table["dni"] < 1200.0) & (table["ghi"] > 10.0) & (light.sun["apparent_zenith"].to_numpy() < 88.0)
        below, above = (reference.capacity_factor(nudged(table, share), *place, pv, 40.0)[used] for share in (-1e-7, 1e-7))
        moved = site.assign(dni=(("site", "time"), table["dni"].to_numpy()[None]))
        output = found(moved, pv.model_copy(update={"precision": "float32"}), False)[0][used]
        nearest = np.minimum(np.abs(output - below), np.abs(output - above))
        assert nearest.max() < SINGLE
        listed += int((np.abs(below - above) > 1e-4).sum())
    assert listed > 100


def test_the_end_of_the_beam_of_erbs_is_where_pvlib_has_it():
    """Around 87 degrees of zenith the beam ends; both precisions end it in the same hours, edges apart."""
    sites = hundred_places()
    pv = PVSystem(surface_tilt=60.0, precision="float32")
    truth, edges = expected(sites.isel(site=slice(40, 60)), pv, True)
    output = found(sites.isel(site=slice(40, 60)), pv, True)
    wrong = np.abs(output - truth) > SINGLE_SPLIT
    assert not (wrong & ~edges).any()


def test_an_hour_at_the_edge_of_erbs_equals_one_of_the_branches():
    """Places are put where the sun stands at 87 degrees of zenith to 1e-7: the beam is there or not, and nothing between."""
    middle = np.array(["2016-04-10T06:30"], dtype="datetime64[s]")
    latitude, altitude = np.linspace(-50.0, 60.0, 120), np.full(120, 500.0)
    low, high = np.full(120, -40.0), np.full(120, 60.0)
    for _ in range(60):
        longitude = 0.5 * (low + high)
        below = solar_position(middle, latitude, longitude, altitude).zenith[:, 0] > 87.0
        low, high = np.where(below, longitude, low), np.where(below, high, longitude)
    assert np.abs(solar_position(middle, latitude, longitude, altitude).zenith - 87.0).max() < 1e-7
    ghi, air = np.full((120, 1), 60.0), np.full((120, 1), 10.0)
    pv = PVSystem(surface_tilt=60.0, surface_azimuth=90.0, precision="float32")
    output = pv_run.hourly(pv_run.Block(ghi, None, None, air, air), Site(latitude, longitude, altitude), middle, pv, None)[:, 0]
    branches = []
    for zenith in (86.999999, 87.000001):
        parts = erbs(60.0, zenith, 101)
        table = pd.DataFrame(
            {"ghi": [60.0], "dni": [float(parts["dni"])], "dhi": [float(parts["dhi"])], "temp_air": [10.0], "wind_speed_100m": [10.0]}
        )
        table.index = pd.DatetimeIndex(middle - np.timedelta64(1800, "s"))
        places = zip(latitude, longitude, altitude, strict=True)
        branches.append([reference.capacity_factor(table, *place, pv, 60.0)[0] for place in places])
    lit, dull = np.array(branches)
    assert np.abs(lit - dull).min() > 1e-3
    assert np.minimum(np.abs(output - lit), np.abs(output - dull)).max() < SINGLE_SPLIT


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "wall", "modelchain", "dense trackers"])
def test_whole_leap_year_equals_pvlib(name, record_property):
    """Hours, energy and hours at edges of 100 places over 8784 hours, the sum without stored hours included."""
    sites, chain = make_weather(2016, 100), CHAINS[name]
    truth, edges = expected(sites, PVSystem(**chain), False)
    single = PVSystem(**chain, precision="float32")
    output = found(sites, single, False)
    assert np.abs(output - truth)[~edges].max() < SINGLE
    assert energy_error(output, truth, edges) < ENERGY
    assert np.abs(found(sites, PVSystem(**chain, precision="float64"), False) - truth).max() < EXACT
    arrays = [sites[key].values for key in (*HOURLY, "latitude", "longitude", "altitude")]
    total = full_load_hours(*arrays, times=sites["time"].values, pv=single)
    np.testing.assert_allclose(total, output.sum(axis=1), rtol=1e-12)
    listed = ", ".join(f"{site}/{hour}" for site, hour in np.argwhere(edges)[:12])
    record_property("hours at an edge", f"{name}: {edges.sum()} of {edges.size}; the first by site and hour: {listed}")
