"""Long-run levels of wind and sun at any point, kriged from the places of the catalog, with the error of doing so.

The places give two figures for the wind: the mean of the quarter-degree pixel on the spot and the mean within 50 km. Both are used,
each for what it is: a value at a point and a mean over a disc. Towns stand in sheltered valleys and named wind bases on gaps and
ridges, so neither may be spread over the land between them without the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from pydantic import Field

from siting.grid import nearest, unit_vectors
from siting.vocabulary import Parameters, UnitsError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

EARTH_RADIUS_KM = 6371.0
DISC_RADIUS_KM = 50.0
NEIGHBOURS = 16
#: Pixels of the atlas means under a disc: the noise of a disc's mean is that much smaller.
_DISC_PIXELS = 12.0
#: Variance of the unknown constant under each logarithm: large, so that only differences between places count.
_CONSTANT = 1.0
_STEP_KM = 4.0


class LevelModel(Parameters):
    """Covariance of the logarithm of a level, after its linear rise with altitude; the two scales are exponential."""

    near_variance: float = Field(gt=0.0, description="Variance that is lost over near_range_km [1].")
    near_range_km: float = Field(gt=0.0, description="e-folding distance of the near part [km].")
    far_variance: float = Field(ge=0.0, description="Variance that is lost over far_range_km [1].")
    far_range_km: float = Field(gt=0.0, description="e-folding distance of the far part [km].")
    noise_variance: float = Field(gt=0.0, description="Variance within a quarter-degree pixel that no place tells [1].")
    rise_per_km: float = Field(description="Change of the logarithm per km of altitude [km-1].")


#: Fitted to the places by leave-one-out likelihood, then rounded; scripts/check_levels prints what they achieve.
WIND = LevelModel(near_variance=0.025, near_range_km=40, far_variance=1.0, far_range_km=10_000, noise_variance=5e-4, rise_per_km=0.07)
GHI = LevelModel(near_variance=1e-4, near_range_km=40, far_variance=0.28, far_range_km=20_000, noise_variance=1e-5, rise_per_km=0.0)
DNI = LevelModel(near_variance=1e-3, near_range_km=40, far_variance=1.2, far_range_km=20_000, noise_variance=5e-5, rise_per_km=0.03)


def disc_points(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    """Fourteen points that stand for the disc of 50 km around each place, (place, 14) [degree]."""
    north, east = _disc_offsets().T
    km_per_degree = np.pi / 180.0 * EARTH_RADIUS_KM
    lat = latitude[:, None] + north / km_per_degree
    return lat, longitude[:, None] + east / km_per_degree / np.cos(np.radians(latitude))[:, None]


def _disc_offsets() -> Floats:
    """One point for the middle and two rings of equal area per point, (14, 2) [km]."""
    rings = [(0.0, 1), (0.45, 5), (0.83, 8)]
    points = [(r * np.cos(a), r * np.sin(a)) for r, n in rings for a in 2 * np.pi * np.arange(n) / n]
    return DISC_RADIUS_KM * np.array(points)


def covariance_tables(model: LevelModel) -> Floats:
    """Covariance by distance of point and point, point and disc, disc and disc, (3, distance) in steps of 4 km."""
    distance = np.arange(0.0, 2.0 * EARTH_RADIUS_KM + 2 * _STEP_KM, _STEP_KM)
    points = _disc_offsets()
    gaps = np.concatenate([np.zeros((1, 2)), points])

    def mean_over(offsets: Floats) -> Floats:
        total = np.zeros_like(distance)
        for north, east in offsets:
            h = np.hypot(distance + north, east)
            total += model.near_variance * np.exp(-h / model.near_range_km) + model.far_variance * np.exp(-h / model.far_range_km)
        return total / len(offsets)

    pairs = (points[:, None, :] - points[None, :, :]).reshape(-1, 2)
    return np.stack([mean_over(gaps[:1]), mean_over(points), mean_over(pairs)])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _look_up(table: Floats, distance: float) -> float:
    at = distance / _STEP_KM
    i = int(at)
    return float(table[i] + (at - i) * (table[i + 1] - table[i]))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _chord(a: Floats, b: Floats) -> float:
    return float(EARTH_RADIUS_KM * np.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _factorise(matrix: Floats) -> None:
    """Cholesky factor in the lower triangle, in place and in fixed order."""
    n = matrix.shape[0]
    for j in range(n):
        for i in range(j, n):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = np.sqrt(total) if i == j else total / matrix[j, j]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _krige_point(
    point: Floats, chosen: NDArray[np.int64], places: Floats, values: Floats, tables: Floats, noise: Floats, constant: float
) -> tuple[float, float]:
    """Mean and variance at one point from the chosen places; ``values`` is (kind, place): points, then discs."""
    kinds, n = values.shape[0], chosen.size
    size = kinds * n
    matrix, cross, known = np.empty((size, size)), np.empty(size), np.empty(size)
    for i in range(size):
        ki, pi = i // n, chosen[i % n]
        known[i] = values[ki, pi]
        cross[i] = constant + _look_up(tables[ki], _chord(point, places[pi]))
        for j in range(i + 1):
            kj, pj = j // n, chosen[j % n]
            matrix[i, j] = constant + _look_up(tables[ki + kj], _chord(places[pi], places[pj]))
        matrix[i, i] += noise[ki]
    _factorise(matrix)
    mean, variance = 0.0, constant + tables[0, 0] + noise[0]
    for i in range(size):
        for k in range(i):
            cross[i] -= matrix[i, k] * cross[k]
            known[i] -= matrix[i, k] * known[k]
        cross[i] /= matrix[i, i]
        known[i] /= matrix[i, i]
        mean += cross[i] * known[i]
        variance -= cross[i] * cross[i]
    return mean, variance


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _krige(
    points: Floats, chosen: NDArray[np.int64], places: Floats, values: Floats, tables: Floats, noise: Floats, constant: float
) -> tuple[Floats, Floats]:
    mean, variance = np.empty(len(points)), np.empty(len(points))
    for i in range(len(points)):
        mean[i], variance[i] = _krige_point(points[i], chosen[i], places, values, tables, noise, constant)
    return mean, variance


def kriged(model: LevelModel, values: Floats, at_places: Floats, at_points: Floats, chosen: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean and variance of a logarithm at points.

    Parameters
    ----------
    model : LevelModel
        Covariance.
    values : ndarray
        Logarithms at the places without their rise with altitude, (kind, place): points, then (optional) discs.
    at_places, at_points : ndarray
        Unit vectors, (place, 3) and (point, 3).
    chosen : ndarray
        Places to use at each point, (point, neighbour).
    """
    noise = model.noise_variance / np.array([1.0, _DISC_PIXELS])
    middle = float(np.median(values))
    mean, variance = _krige(at_points, chosen, at_places, values - middle, covariance_tables(model), noise, _CONSTANT)
    return mean + middle, variance


def terrain_km(altitude: xr.DataArray, latitude: Floats, longitude: Floats) -> Floats:
    """Altitude [km] of the quarter degree around points of any shape, the sea counted as 0."""
    from scipy.ndimage import map_coordinates, uniform_filter

    lat, lon = altitude["latitude"].values, altitude["longitude"].values
    metres = np.nan_to_num(altitude.transpose("latitude", "longitude").values, nan=0.0)
    step = lat[1] - lat[0]
    smooth = uniform_filter(metres, size=max(1, round(0.25 / abs(step))), mode="nearest")
    at = [(latitude - lat[0]) / step, (longitude - lon[0]) / (lon[1] - lon[0])]
    return np.asarray(map_coordinates(smooth, at, order=1, mode="nearest")) / 1000.0


def observed(places: pd.DataFrame, name: str) -> Floats:
    """Logarithms of a level at the places, (kind, place): on the spot and, for the wind, within 50 km."""
    columns = [name, "wind_speed_100m_mean_50km"] if name == "wind_speed_100m_mean" else [name]
    table = places[columns].to_numpy(dtype=np.float64).T
    if not np.all(table > 0.0):
        raise UnitsError(f"Expected positive figures of {name} at every place, found {int((~(table > 0)).sum())} others; mend the table.")
    logarithms: Floats = np.log(table)
    return logarithms


#: Level -> model of its logarithm.
MODELS = {"wind_speed_100m_mean": WIND, "annual_ghi": GHI, "annual_dni": DNI}


def interpolate_levels(places: pd.DataFrame, latitude: ArrayLike, longitude: ArrayLike, altitude: xr.DataArray) -> dict[str, Floats]:
    """Long-run levels of wind and sun at points, with their standard errors.

    The value at a point depends on that point and the places alone, never on the other points asked for.

    Parameters
    ----------
    places : pandas.DataFrame
        Entry ``places`` of the catalog.
    latitude, longitude : array_like
        Points of any one shape [degree]; NaN gives NaN.
    altitude : xarray.DataArray
        Terrain, (latitude, longitude) [m]; NaN is sea.

    Returns
    -------
    dict of ndarray
        ``wind_speed_100m_mean`` and ``wind_speed_100m_mean_error`` [m s-1], ``annual_ghi``, ``annual_ghi_error``, ``annual_dni``
        [kWh m-2], means over about 25 km; ``distance_to_place`` [km], geodesic.

    Raises
    ------
    UnitsError
        If a figure of a place is missing or not positive.

    Notes
    -----
    Simple kriging of the logarithm with a diffuse constant [1]_, from the 16 nearest places, after a linear rise with altitude.
    The covariance of a point with a disc is the mean over the disc (block kriging). The level is the exponential of the mean,
    thus the median of the estimate, and the error is the level times the standard deviation of the logarithm.

    References
    ----------
    .. [1] N. Cressie, "Statistics for Spatial Data", Wiley, 1993, chapter 3, doi:10.1002/9781119115151.
    """
    from scipy.spatial import KDTree

    lat, lon = np.broadcast_arrays(np.asarray(latitude, dtype=np.float64), np.asarray(longitude, dtype=np.float64))
    valid = np.isfinite(lat) & np.isfinite(lon)
    at_places = unit_vectors(places["latitude"].to_numpy(), places["longitude"].to_numpy())
    at_points = unit_vectors(lat[valid], lon[valid])
    _, chosen = KDTree(at_places).query(at_points, k=np.arange(1, min(NEIGHBOURS, len(places)) + 1))
    result = {name: np.full(lat.shape, np.nan) for name in MODELS}
    for name, model in MODELS.items():
        values = observed(places, name)
        rise = model.rise_per_km * place_terrain_km(places, altitude)[: len(values)]
        mean, variance = kriged(model, values - rise, at_places, at_points, chosen.astype(np.int64))
        result[name][valid] = np.exp(mean + model.rise_per_km * terrain_km(altitude, lat[valid], lon[valid]))
        if name != "annual_dni":
            result[f"{name}_error"] = np.full(lat.shape, np.nan)
            result[f"{name}_error"][valid] = result[name][valid] * np.sqrt(variance)
    result["distance_to_place"] = nearest(lat, lon, places["latitude"], places["longitude"])[1]
    return result


def place_terrain_km(places: pd.DataFrame, altitude: xr.DataArray) -> Floats:
    """Altitude [km] at the places and over the discs around them, (2, place)."""
    lat, lon = places["latitude"].to_numpy(), places["longitude"].to_numpy()
    return np.stack([terrain_km(altitude, lat, lon), terrain_km(altitude, *disc_points(lat, lon)).mean(axis=1)])


def leave_one_out(places: pd.DataFrame, name: str, altitude: xr.DataArray) -> tuple[Floats, Floats]:
    """Residual of the logarithm at each place, predicted without its own figures, and its predicted standard deviation."""
    from scipy.spatial import KDTree

    model, values = MODELS[name], observed(places, name)
    points = unit_vectors(places["latitude"].to_numpy(), places["longitude"].to_numpy())
    others = KDTree(points).query(points, k=NEIGHBOURS + 1)[1][:, 1:].astype(np.int64)
    rise = model.rise_per_km * place_terrain_km(places, altitude)[: len(values)]
    mean, variance = kriged(model, values - rise, points, points, others)
    return values[0] - rise[0] - mean, np.sqrt(variance)
