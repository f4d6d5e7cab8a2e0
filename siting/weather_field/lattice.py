"""Noise that is correlated in space: white noise on a fixed lattice over the earth, seen through a Gaussian kernel."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from siting.vocabulary import AlignmentError
from siting.weather_field.seasons import EARTH_RADIUS_KM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from siting.weather_field.parameters import FieldParameters

#: Lattice spacing over the correlation length: fine enough that the correlation hardly depends on where the nodes lie.
_SPACING = 0.75
#: Reach of the kernel over the correlation length; beyond it the weight is below 0.003.
_REACH = 1.75
_MOST_NODES = 48


class Component(IntEnum):
    """Independent parts of the field; the number enters the seed."""

    FAST = 0
    SYNOPTIC = 1
    SLOW = 2
    CLOUD = 3
    WIND_YEAR = 4
    SUN_YEAR = 5


def smooth_noise(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], length_km: float, count: int, key: tuple[int, ...]
) -> NDArray[np.float64]:
    """White noise in time that is correlated in space.

    Parameters
    ----------
    latitude, longitude : (n,) array
        Places [degree].
    length_km : float
        Distance over which the correlation falls by e.
    count : int
        Number of moments.
    key : tuple of int
        Seed of the field, for instance (seed, year, component).

    Returns
    -------
    (n, count) array
        Normal numbers of mean 0 and variance 1; a place's row depends on the place and the key alone.

    Raises
    ------
    AlignmentError
        If a coordinate is unknown.

    Notes
    -----
    Convolving white noise with a Gaussian kernel of standard deviation length / 2 gives the correlation exp(-(d / length)**2).
    """
    if not (np.isfinite(latitude).all() and np.isfinite(longitude).all()):
        raise AlignmentError("Expected a known latitude and longitude of every site, found NaN; drop the sites without coordinates.")
    rows, columns, weights = _neighbours(latitude, longitude, length_km)
    nodes, position = np.unique(rows * 1_000_000 + columns, return_inverse=True)
    noise = np.empty((len(nodes), count), dtype=np.float32)
    for k, node in enumerate(nodes):
        seeds = np.random.SeedSequence([*key, *divmod(int(node), 1_000_000)])
        np.random.Generator(np.random.PCG64(seeds)).standard_normal(dtype=np.float32, out=noise[k])
    smooth: NDArray[np.float64] = _convolve(noise, position.reshape(rows.shape), weights)
    return smooth


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _neighbours(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], length_km: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Row, column and kernel weight of the lattice nodes around each place, each (n, most nodes), weight 0 where unused.

    Rows lie one spacing apart from the south pole; each row has as many nodes as fit round it.
    """
    degree = np.pi * EARTH_RADIUS_KM / 180.0
    step, reach = _SPACING * length_km / degree, _REACH * length_km
    n = len(latitude)
    rows, columns = np.zeros((n, _MOST_NODES), dtype=np.int64), np.zeros((n, _MOST_NODES), dtype=np.int64)
    weights = np.zeros((n, _MOST_NODES))
    for site in range(n):
        found, squares = 0, 0.0
        phi = np.radians(latitude[site])
        first, last = int(np.ceil((latitude[site] + 90.0 - reach / degree) / step)), int((latitude[site] + 90.0 + reach / degree) / step)
        for row in range(max(first, 0), min(last, int(180.0 / step)) + 1):
            node_phi = np.radians(row * step - 90.0)
            around = max(round(360.0 * np.cos(node_phi) / step), 1)
            width = reach / degree / max(np.cos(node_phi), 0.01) * 1.1
            west, east = (longitude[site] - width) * around / 360.0, (longitude[site] + width) * around / 360.0
            for column in range(int(np.floor(west)), int(np.ceil(east)) + 1):
                half_north = np.sin((phi - node_phi) / 2.0)
                half_east = np.sin(np.radians(longitude[site] - column * 360.0 / around) / 2.0)
                chord = half_north * half_north + np.cos(phi) * np.cos(node_phi) * half_east * half_east
                distance = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(min(chord, 1.0)))
                if distance <= reach and found < _MOST_NODES:
                    weight = np.exp(-2.0 * (distance / length_km) ** 2)
                    rows[site, found], columns[site, found], weights[site, found] = row, column % around, weight
                    found, squares = found + 1, squares + weight * weight
        weights[site] /= np.sqrt(squares)
    return rows, columns, weights


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _convolve(noise: NDArray[np.float32], position: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted sums of the nodes' noise, shape (n, count), each added up in the order of the nodes."""
    smooth = np.zeros((position.shape[0], noise.shape[1]))
    for site in range(position.shape[0]):
        for k in range(position.shape[1]):
            weight = weights[site, k]
            if weight > 0.0:
                node = noise[position[site, k]]
                row = smooth[site]
                for moment in range(len(row)):
                    row[moment] += weight * node[moment]
    return smooth


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def add_relaxed(total: NDArray[np.float64], noise: NDArray[np.float64], memory: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
    """Add ``scale`` times an Ornstein-Uhlenbeck process of variance one, driven by ``noise``, to ``total``, both (n, count).

    ``memory`` is the correlation of one step and the next, ``scale`` the standard deviation, both (n,).
    """
    for site in range(total.shape[0]):
        fresh = np.sqrt(1.0 - memory[site] * memory[site])
        state = 0.0
        for moment in range(total.shape[1]):
            state = noise[site, moment] if moment == 0 else memory[site] * state + fresh * noise[site, moment]
            total[site, moment] += scale[site] * state


def year_anomaly(
    field: FieldParameters, key: tuple[int, int], component: Component, latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Annual mean of the chosen year over the long-run mean, shape (n,), for ``Component.WIND_YEAR`` or ``SUN_YEAR``."""
    std = field.wind_year_std if component is Component.WIND_YEAR else field.sun_year_std
    deviation = smooth_noise(latitude, longitude, field.year_length_km, 1, (*key, int(component)))[:, 0]
    ratio: NDArray[np.float64] = 1.0 + std * deviation
    return ratio
