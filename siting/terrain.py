"""Slope of the ground out of elevation, in real metres whatever the coordinate system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from odc.geo.geobox import GeoBox


def slope_degree(elevation: ArrayLike, dx: ArrayLike, dy: float) -> NDArray[np.float64]:
    """Slope after Horn [degree], (y, x); NaN along the edges and beside pixels without a value.

    Parameters
    ----------
    elevation : array_like
        Elevation [m], (y, x).
    dx : array_like
        Width of the pixels of each row [m], (y), or of all.
    dy : float
        Height of the pixels [m].

    References
    ----------
    .. [1] B. K. P. Horn, "Hill shading and the reflectance map," Proceedings of the IEEE, vol. 69, no. 1, pp. 14-47, 1981,
       doi:10.1109/PROC.1981.11918.
    """
    z = np.asarray(elevation, dtype=np.float64)
    slope = np.full(z.shape, np.nan)
    if min(z.shape) < 3:
        return slope
    width = np.broadcast_to(np.asarray(dx, dtype=np.float64), z.shape[:1])[1:-1, None]
    east, west = z[:, 2:], z[:, :-2]
    across = ((east - west)[:-2] + 2 * (east - west)[1:-1] + (east - west)[2:]) / (8 * width)
    down = z[2:] - z[:-2]
    along = (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / (8 * dy)
    slope[1:-1, 1:-1] = np.degrees(np.arctan(np.hypot(across, along)))
    # Horn leaves the middle out, but a pixel without a value has no slope
    slope[np.isnan(z)] = np.nan
    return slope


def percent_to_degree(percent: ArrayLike) -> NDArray[np.float64]:
    """Slope [degree] out of rise over run [%]."""
    return np.degrees(np.arctan(np.asarray(percent, dtype=np.float64) / 100.0))


def pixel_metres(box: GeoBox) -> tuple[NDArray[np.float64], float]:
    """Width of the pixels of each row, (y), and their height [m], on the ellipsoid where the grid is in degrees."""
    width, height = abs(box.transform.a), abs(box.transform.e)
    if not box.crs.geographic:
        metres = box.crs.proj.axis_info[0].unit_conversion_factor
        return np.full(box.shape.y, width * metres), height * metres
    latitude = np.radians(box.transform.f + box.transform.e * (np.arange(box.shape.y) + 0.5))
    # WGS 84: meridional and transverse radius of curvature
    a, e2 = 6_378_137.0, 0.00669437999014
    transverse = a / np.sqrt(1.0 - e2 * np.sin(latitude) ** 2)
    meridional = transverse * (1.0 - e2) / (1.0 - e2 * np.sin(latitude) ** 2)
    return np.radians(width) * transverse * np.cos(latitude), float(np.radians(height) * meridional.mean())
