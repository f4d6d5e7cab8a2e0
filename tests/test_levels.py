from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from siting import catalog, levels
from siting.grid import unit_vectors
from siting.vocabulary import UnitsError

WIND = "wind_speed_100m_mean"


@pytest.fixture(scope="module")
def places() -> pd.DataFrame:
    return catalog.open_entry("places")


@pytest.fixture(scope="module")
def altitude() -> xr.DataArray:
    return catalog.open_entry("altitude")["altitude"]


def flat_land() -> xr.DataArray:
    lat, lon = np.arange(15.0, 56.0, 0.25), np.arange(72.0, 137.0, 0.25)
    return xr.DataArray(np.zeros((lat.size, lon.size)), coords={"latitude": lat, "longitude": lon}, dims=("latitude", "longitude"))


def scattered(count: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "latitude": rng.uniform(30, 40, count),
            "longitude": rng.uniform(95, 110, count),
            WIND: rng.uniform(3, 9, count),
            "wind_speed_100m_mean_50km": rng.uniform(3, 9, count),
            "annual_ghi": rng.uniform(1200, 2000, count),
            "annual_dni": rng.uniform(900, 2200, count),
        }
    )


@pytest.mark.parametrize("model", [levels.WIND, levels.GHI, levels.DNI])
def test_covariance_of_points_is_exponential(model: levels.LevelModel) -> None:
    points = levels.covariance_tables(model)[0]
    h = 4.0 * np.arange(points.size)
    near, far = model.near_variance * np.exp(-h / model.near_range_km), model.far_variance * np.exp(-h / model.far_range_km)
    np.testing.assert_allclose(points, near + far, rtol=1e-12)


@pytest.mark.parametrize("at", [0, 25, 75])
def test_covariance_with_a_disc_is_the_mean_over_the_disc(at: int) -> None:
    model = levels.WIND
    rng = np.random.default_rng(1)
    radius, angle = levels.DISC_RADIUS_KM * np.sqrt(rng.uniform(size=(2, 200_000))), rng.uniform(0, 2 * np.pi, (2, 200_000))
    north, east = radius * np.cos(angle), radius * np.sin(angle)

    def covariance(h: np.ndarray) -> float:
        return float(np.mean(model.near_variance * np.exp(-h / model.near_range_km) + model.far_variance * np.exp(-h / model.far_range_km)))

    tables = levels.covariance_tables(model)[:, at]
    # Fourteen points stand for the disc: within 3 % of the near variance, a tenth of what the error is known to.
    assert tables[1] == pytest.approx(covariance(np.hypot(north[0] + 4.0 * at, east[0])), abs=0.03 * model.near_variance)
    assert tables[2] == pytest.approx(
        covariance(np.hypot(north[0] - north[1] + 4.0 * at, east[0] - east[1])), abs=(0.03 if at else 0.08) * model.near_variance
    )


def test_kriging_solves_its_equations() -> None:
    table = scattered()
    model, values = levels.WIND, levels.observed(table, WIND)
    at_places = unit_vectors(table["latitude"].to_numpy(), table["longitude"].to_numpy())
    point = unit_vectors(np.array([35.0]), np.array([101.0]))
    chosen = np.arange(10, 26, dtype=np.int64)[None]
    mean, variance = levels.kriged(model, values, at_places, point, chosen)

    tables, near = levels.covariance_tables(model), at_places[chosen[0]]

    def covariance(a: np.ndarray, b: np.ndarray, table: np.ndarray) -> np.ndarray:
        h = levels.EARTH_RADIUS_KM * np.linalg.norm(a[:, None] - b[None], axis=-1)
        return 1.0 + np.interp(h, 4.0 * np.arange(table.size), table)

    pp, pd_, dd = (covariance(near, near, table) for table in tables)
    matrix = np.block([[pp, pd_], [pd_.T, dd]]) + np.diag(np.repeat(model.noise_variance / np.array([1.0, 12.0]), 16))
    cross = np.hstack([covariance(point, near, table)[0] for table in tables[:2]])
    known = (values - np.median(values))[:, chosen[0]].ravel()
    assert mean[0] == pytest.approx(np.median(values) + cross @ np.linalg.solve(matrix, known), rel=1e-9)
    total = 1.0 + tables[0, 0] + model.noise_variance
    assert variance[0] == pytest.approx(total - cross @ np.linalg.solve(matrix, cross), rel=1e-8)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.floats(30, 40), st.floats(95, 110)), min_size=1, max_size=8), st.floats(30, 40), st.floats(95, 110))
def test_a_point_has_the_same_level_whatever_else_is_asked(others: list[tuple[float, float]], lat: float, lon: float) -> None:
    table, land = scattered(), flat_land()
    alone = levels.interpolate_levels(table, [lat], [lon], land)
    among = levels.interpolate_levels(table, [*(o[0] for o in others), lat], [*(o[1] for o in others), lon], land)
    assert {name: values[0] for name, values in alone.items()} == {name: values[-1] for name, values in among.items()}


def test_places_that_agree_give_their_common_level() -> None:
    table = scattered().assign(wind_speed_100m_mean=6.0, wind_speed_100m_mean_50km=6.0, annual_ghi=1500.0, annual_dni=1000.0)
    found = levels.interpolate_levels(table, [35.2, 36.1], [100.3, 108.0], flat_land())
    np.testing.assert_allclose(found[WIND], 6.0, rtol=1e-9)
    np.testing.assert_allclose(found["annual_ghi"], 1500.0, rtol=1e-9)
    np.testing.assert_allclose(found["annual_dni"], 1000.0, rtol=1e-9)


def test_wind_rises_with_altitude_as_declared() -> None:
    table = scattered().assign(wind_speed_100m_mean=6.0, wind_speed_100m_mean_50km=6.0)
    hill = flat_land()
    hill.loc[{"latitude": slice(34.5, 35.5), "longitude": slice(100.0, 101.0)}] = 1000.0
    table = table[(table["latitude"] - 35).abs() + (table["longitude"] - 100.5).abs() > 4.0]
    found = levels.interpolate_levels(table, 35.0, 100.5, hill)
    assert found[WIND] == pytest.approx(6.0 * np.exp(levels.WIND.rise_per_km), rel=1e-6)


def test_the_error_grows_with_the_distance_from_the_places() -> None:
    found = levels.interpolate_levels(scattered(), [35.0, 35.0, 35.0], [102.0, 112.0, 118.0], flat_land())
    for name in (WIND, "annual_ghi"):
        relative = found[f"{name}_error"] / found[name]
        assert (np.diff(relative) > 0).all()
        assert (relative > 0).all()


def test_distance_is_the_geodesic_to_the_nearest_place(places: pd.DataFrame, altitude: xr.DataArray) -> None:
    lat, lon = np.array([36.0, 46.0, 30.0]), np.array([100.0, 87.0, 85.0])
    metres = Geod(ellps="WGS84").inv(*np.broadcast_arrays(lon[:, None], lat[:, None], places["longitude"], places["latitude"]))[2]
    found = levels.interpolate_levels(places, lat, lon, altitude)["distance_to_place"]
    np.testing.assert_allclose(found, metres.min(axis=1) / 1000.0, rtol=1e-9)


def test_nan_points_stay_nan_and_shapes_are_kept(places: pd.DataFrame, altitude: xr.DataArray) -> None:
    lat = np.array([[36.0, np.nan], [40.0, 41.0]])
    found = levels.interpolate_levels(places, lat, 105.0, altitude)
    for values in found.values():
        assert values.shape == (2, 2)
        assert np.isnan(values[0, 1])
        assert np.isfinite(values[[0, 1, 1], [0, 0, 1]]).all()


@pytest.mark.parametrize("bad", [0.0, -3.0, np.nan])
def test_figures_that_are_missing_or_not_positive_are_refused(bad: float) -> None:
    table = scattered()
    table.loc[3, "wind_speed_100m_mean_50km"] = bad
    with pytest.raises(UnitsError, match="positive"):
        levels.interpolate_levels(table, 35.0, 100.0, flat_land())


@pytest.mark.parametrize(("name", "limit"), [(WIND, 0.170), ("annual_ghi", 0.036), ("annual_dni", 0.078)])
def test_places_left_out_are_found_and_the_error_is_honest(places: pd.DataFrame, altitude: xr.DataArray, name: str, limit: float) -> None:
    residual, error = levels.leave_one_out(places, name, altitude)
    assert np.sqrt(np.mean(residual**2)) < limit
    assert 0.85 < np.std(residual / error) < 1.15
    assert np.mean(np.abs(residual) < 1.645 * error) == pytest.approx(0.90, abs=0.05)


def test_levels_at_named_places_are_those_of_the_atlas(places: pd.DataFrame, altitude: xr.DataArray) -> None:
    found = levels.interpolate_levels(places, places["latitude"], places["longitude"], altitude)
    ratio = found["annual_ghi"] / places["annual_ghi"].to_numpy()
    assert np.abs(ratio - 1.0).max() < 0.05
    wind = np.log(found[WIND] / places[WIND].to_numpy())
    assert np.sqrt(np.mean(wind**2)) < 0.05


def test_the_check_of_the_levels_runs():
    script = Path(__file__).parents[1] / "scripts" / "check_levels"
    environment = {name: value for name, value in os.environ.items() if name != "SITING_TRIAL_DATA"}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cells of 25 km lie over 100 km from a place" in done.stdout
