"""The analysis grid: equal-area cells at fixed places, rasters and polygons brought onto it, and distances on the ellipsoid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, field_validator

from siting.vocabulary import AlignmentError, Parameters, ResourceError, StudyError, check

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr
    from numpy.typing import ArrayLike, NDArray
    from odc.geo.geobox import GeoBox
    from scipy.spatial import KDTree
    from shapely import Geometry

CHINA_ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=36 +lon_0=105 +datum=WGS84 +units=m +type=crs"

#: Ways to bring a raster onto the grid.
How = Literal["average", "bilinear", "nearest", "mode"]

#: Rows and columns are numbered from this many cells north and west of the origin of the CRS.
_OFFSET = 5_000
_STRIDE = 10_000
_CELL_LIMIT = 20_000_000


class Grid(Parameters):
    """Cell size and projection of the analysis grid."""

    resolution_km: float = Field(default=25.0, ge=1.0, le=100.0, description="Edge of a cell [km].")
    crs: str = Field(default=CHINA_ALBERS, description="Equal-area coordinate system in metres, as PROJ string, WKT or EPSG code.")

    @field_validator("crs")
    @classmethod
    def _equal_area(cls, crs: str) -> str:
        if crs != CHINA_ALBERS:
            _check_equal_area(crs)
        return crs


def _check_equal_area(text: str) -> None:
    from pyproj import CRS, Proj
    from pyproj.exceptions import CRSError

    hint = "use an equal-area one in metres, such as the default China Albers."
    try:
        crs = CRS.from_user_input(text)
    except CRSError:
        raise StudyError(f"Expected a coordinate system, found {text!r}; {hint}") from None
    if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
        raise StudyError(f"Expected a projected coordinate system in metres, found {crs.name!r}; {hint}")
    scale = np.asarray(Proj(crs).get_factors([90.0, 105.0, 125.0], [40.0, 25.0, 50.0]).areal_scale)
    if not np.all(np.abs(scale - 1.0) < 1e-3):
        raise StudyError(
            f"Expected an equal-area coordinate system, found {crs.name!r} (area scale {scale.min():.3f} to {scale.max():.3f}); {hint}"
        )


def geobox(grid: Grid, bounds: tuple[float, float, float, float]) -> GeoBox:
    """Smallest box of whole cells that holds ``bounds``.

    Cell edges lie on multiples of the resolution, so that a cell is the same in any extent.

    Parameters
    ----------
    grid : Grid
        Cell size and projection.
    bounds : tuple of float
        West, south, east, north [degree].

    Raises
    ------
    ResourceError
        If the box has more than 20 million cells.
    StudyError
        If the box reaches further than 5,000 cells from the origin of the CRS.
    """
    from odc.geo.geobox import GeoBox
    from pyproj import Transformer

    edge = grid.resolution_km * 1000.0
    to_grid = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    left, bottom, right, top = to_grid.transform_bounds(*bounds, densify_pts=101)
    if not np.all(np.isfinite([left, bottom, right, top])):
        raise StudyError(f"Expected bounds inside the coordinate system's area, found {bounds}; use another grid.crs.")
    first = np.floor(np.array([left, bottom]) / edge).astype(int)
    last = np.maximum(np.ceil(np.array([right, top]) / edge).astype(int), first + 1)
    nx, ny = (int(n) for n in last - first)
    if nx * ny > _CELL_LIMIT:
        raise ResourceError(f"Expected at most {_CELL_LIMIT:,} cells, found {nx} x {ny}; use a coarser grid.resolution_km.")
    if min(first[0], -last[1]) < -_OFFSET or max(last[0], -first[1]) > _OFFSET:
        raise StudyError(f"Expected cells within {_OFFSET} of the origin of the CRS, found columns {first[0]} to {last[0]}; move it.")
    from affine import Affine

    return GeoBox((ny, nx), Affine(edge, 0.0, first[0] * edge, 0.0, -edge, last[1] * edge), grid.crs)


def cell_numbers(box: GeoBox) -> NDArray[np.int64]:
    """Numbers of the cells, (y, x), the same for a cell in any extent: row from the north times 10,000 plus column from the west.

    Row 5,000 starts at the origin's northing and column 5,000 at its easting.
    """
    edge = box.resolution.x
    row0 = round(-box.transform.f / edge) + _OFFSET
    col0 = round(box.transform.c / edge) + _OFFSET
    rows = np.arange(row0, row0 + box.shape.y, dtype=np.int64)
    cols = np.arange(col0, col0 + box.shape.x, dtype=np.int64)
    return rows[:, None] * _STRIDE + cols[None, :]


def cell_area_km2(box: GeoBox) -> float:
    """Area of a cell of the equal-area grid [km2]."""
    return float(abs(box.resolution.x * box.resolution.y)) / 1e6


def centres(box: GeoBox) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude of the cell centres [degree], each (y, x)."""
    from pyproj import Transformer

    x, y = np.meshgrid(box.coords["x"].values, box.coords["y"].values)
    longitude, latitude = Transformer.from_crs(str(box.crs), "EPSG:4326", always_xy=True).transform(x, y)
    return np.asarray(latitude), np.asarray(longitude)


def degrees(box: GeoBox) -> tuple[float, float, float, float]:
    """Extent of the grid: west, south, east, north [degree]."""
    from pyproj import Transformer

    edges = box.boundingbox
    to_degrees = Transformer.from_crs(str(box.crs), "EPSG:4326", always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(edges.left, edges.bottom, edges.right, edges.top, densify_pts=101)
    return west, south, east, north


def align(raster: xr.DataArray, box: GeoBox, how: How) -> xr.DataArray:
    """Raster on the analysis grid, in one warp over the whole of it.

    Parameters
    ----------
    raster : xarray.DataArray
        Values with a CRS, (latitude, longitude) or (y, x), with at most one dimension before them; NaN is "no data".
    box : GeoBox
        Grid to bring it to.
    how : {"average", "bilinear", "nearest", "mode"}
        "average" is the mean of the valid area under a cell; "bilinear" is for rasters coarser than the grid. Classes (rasters
        with ``flag_values``, booleans) take "nearest" or "mode" only.

    Returns
    -------
    xarray.DataArray
        float64, (..., y, x); NaN where the raster has no data.

    Raises
    ------
    AlignmentError
        If the raster has no CRS or no regular axes, or if classes would be interpolated.
    """
    import odc.geo.xr  # noqa: F401  registers the .odc accessor
    import xarray as xr

    name = raster.name or "the raster"
    if how in ("average", "bilinear") and ("flag_values" in raster.attrs or raster.dtype == bool):
        raise AlignmentError(f"Expected 'nearest' or 'mode' for the classes of {name}, found {how!r}; classes can't be interpolated.")
    source = raster.odc.geobox
    if source is None or source.crs is None:
        raise AlignmentError(f"Expected a raster with a CRS and evenly spaced axes, found {name} without; write its CRS into the file.")
    y, x = raster.odc.spatial_dims
    values = raster.transpose(..., y, x)
    lead = values.dims[:-2]
    planes = np.asarray(values.values, dtype=np.float64).reshape(-1, *source.shape)
    out = np.stack([_warp(plane, source, box, how) for plane in planes]).reshape(*values.shape[:-2], *box.shape)
    coords = {dim: values[dim] for dim in lead if dim in values.coords}
    return xr.DataArray(out, dims=(*lead, "y", "x"), coords=coords, name=raster.name, attrs=dict(raster.attrs))


def _warp(plane: NDArray[np.float64], source: GeoBox, box: GeoBox, how: How) -> NDArray[np.float64]:
    from affine import Affine
    from rasterio.enums import Resampling
    from rasterio.io import MemoryFile
    from rasterio.vrt import WarpedVRT

    a, b, c, d, e, f = source.transform[:6]
    full_turn = 360.0 if source.crs.geographic and source.boundingbox.left >= 180.0 else 0.0
    stored = {"transform": Affine(a, b, c - full_turn, d, e, f), "crs": str(source.crs), "nodata": np.nan}
    target = {"transform": box.transform, "crs": str(box.crs), "nodata": np.nan, "height": box.shape.y, "width": box.shape.x}
    # An eighth of a pixel of tolerance and a kernel as wide as the extent suggests are the defaults: with them, a cell's value
    # would depend on the cells around it.
    exact = {"tolerance": 1e-9, "XSCALE": 1, "YSCALE": 1, "num_threads": 1}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", height=plane.shape[0], width=plane.shape[1], count=1, dtype="float64", **stored) as file:
            file.write(plane, 1)
        with memory.open() as file, WarpedVRT(file, **target, **exact, resampling=Resampling[how], dtype="float64") as warped:
            values: NDArray[np.float64] = warped.read(1)
    return values


def coverage(geometries: Iterable[Geometry], box: GeoBox) -> NDArray[np.float64]:
    """Share of each cell covered by the union of polygons, exact to rounding.

    Parameters
    ----------
    geometries : iterable of shapely.Geometry
        Polygons in longitude and latitude [degree].
    box : GeoBox
        Grid with square cells.

    Returns
    -------
    ndarray
        (y, x), 0 to 1.

    Notes
    -----
    Polygons are cut along a quadtree of cells that is anchored at the origin of the CRS, so that a cell gets the same share in
    any extent. Edges are densified to 0.05 degree before they are projected.
    """
    import shapely

    share = np.zeros(box.shape)
    candidates = np.asarray(list(geometries), dtype=object)
    near = candidates[shapely.intersects(shapely.box(*shapely.bounds(candidates).T), shapely.box(*degrees(box)))]
    if not near.size:
        return share
    merged = shapely.union_all(shapely.make_valid(near))
    flat = shapely.make_valid(_project(shapely.segmentize(merged, 0.05), str(box.crs)))
    _cut(flat, (-(2**14), -(2**14), 2**15), box, share)
    return np.minimum(share, 1.0)


def _project(geometry: Geometry, crs: str) -> Geometry:
    import shapely
    from pyproj import Transformer

    to_grid = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return shapely.transform(geometry, lambda lonlat: np.column_stack(to_grid.transform(lonlat[:, 0], lonlat[:, 1])))


def _cut(geometry: Geometry, window: tuple[int, int, int], box: GeoBox, share: NDArray[np.float64]) -> None:
    """Add the geometry's share in ``window`` (column, row from the south, edge; in cells from the origin) to ``share``."""
    import shapely

    col, row, size = window
    edge = box.resolution.x
    left, top = col - round(box.transform.c / edge), round(box.transform.f / edge) - row - size
    if shapely.is_empty(geometry) or left >= box.shape.x or top >= box.shape.y or left + size <= 0 or top + size <= 0:
        return
    area = float(shapely.area(geometry))
    if size == 1:
        share[top, left] += area / edge**2
    elif area >= (size * edge) ** 2 * (1.0 - 1e-12):
        share[max(top, 0) : top + size, max(left, 0) : left + size] = 1.0
    else:
        half = size // 2
        for c, r in ((col, row), (col + half, row), (col, row + half), (col + half, row + half)):
            piece = shapely.clip_by_rect(geometry, c * edge, r * edge, (c + half) * edge, (r + half) * edge)
            _cut(piece, (c, r, half), box, share)


def nearest(
    latitude: ArrayLike, longitude: ArrayLike, target_latitude: ArrayLike, target_longitude: ArrayLike, tree: KDTree | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Index of the nearest target and the geodesic distance to it [km].

    Parameters
    ----------
    latitude, longitude : array_like
        Points of any shape [degree]; NaN gives index -1 and distance NaN.
    target_latitude, target_longitude : array_like
        Targets, (target) [degree].
    tree : KDTree, optional
        What :func:`sphere_tree` gives for the targets, where they are asked for again and again.
    """
    from pyproj import Geod

    lat, lon = np.broadcast_arrays(np.asarray(latitude, dtype=np.float64), np.asarray(longitude, dtype=np.float64))
    to_lat, to_lon = np.asarray(target_latitude, dtype=np.float64), np.asarray(target_longitude, dtype=np.float64)
    index, distance = np.full(lat.shape, -1, dtype=np.int64), np.full(lat.shape, np.nan)
    valid = np.isfinite(lat) & np.isfinite(lon)
    if not valid.any():
        return index, distance
    # The sphere may swap two targets that the ellipsoid tells apart: measure the first few.
    k = min(4, to_lat.size)
    _, found = (tree or sphere_tree(to_lat, to_lon)).query(unit_vectors(lat[valid], lon[valid]), k=k)
    found = found.reshape(-1, k)
    here = np.broadcast_to(lon[valid][:, None], found.shape), np.broadcast_to(lat[valid][:, None], found.shape)
    metres = np.asarray(Geod(ellps="WGS84").inv(*here, to_lon[found], to_lat[found])[2])
    best = metres.argmin(axis=1)[:, None]
    index[valid] = np.take_along_axis(found, best, axis=1)[:, 0]
    distance[valid] = np.take_along_axis(metres, best, axis=1)[:, 0] / 1000.0
    return index, distance


def sphere_tree(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> KDTree:
    """Search tree over points on the unit sphere, from degrees."""
    from scipy.spatial import KDTree

    return KDTree(unit_vectors(latitude, longitude))


def unit_vectors(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points on the unit sphere, (..., 3), from degrees."""
    phi, lam = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


def to_raster(sites: xr.Dataset, name: str, layers: xr.Dataset) -> xr.DataArray:
    """Column of the site table back on the grid of ``layers``.

    Parameters
    ----------
    sites : xarray.Dataset
        Site table.
    name : str
        Variable with the one dimension site.
    layers : xarray.Dataset
        Any layers on the grid from which the sites come; the extent may differ as long as it holds all sites.

    Returns
    -------
    xarray.DataArray
        (y, x), float64, NaN where there is no site.

    Raises
    ------
    MissingVariableError
        If the sites lack the variable.
    AlignmentError
        If the variable has other dimensions, or if a site is not a cell of the grid.
    """
    import xarray as xr

    check(sites, [name], "to_raster")
    column = sites[name]
    if column.dims != ("site",):
        raise AlignmentError(f"Expected {name} with the dimension site, found {column.dims}; select the others first.")
    shape = layers.sizes["y"], layers.sizes["x"]
    out = np.full(shape, np.nan)
    out[np.unravel_index(positions(sites, layers), shape)] = np.asarray(column.values, dtype=np.float64)
    grid_coords = {"y": layers["y"], "x": layers["x"], "spatial_ref": layers["spatial_ref"]}
    return xr.DataArray(out, dims=("y", "x"), coords=grid_coords, name=name, attrs=dict(column.attrs))


def positions(sites: xr.Dataset, layers: xr.Dataset) -> NDArray[np.int64]:
    """Position of each site in the flattened (y, x) of the layers, (site).

    Raises
    ------
    AlignmentError
        If a site is not a cell of the layers.
    """
    import odc.geo.xr  # noqa: F401  registers the .odc accessor

    numbers = cell_numbers(layers.odc.geobox)
    flat = numbers.ravel()
    place = np.minimum(np.searchsorted(flat, sites["site"].values), flat.size - 1)
    strange = flat[place] != sites["site"].values
    x, y = layers["x"].values[place % numbers.shape[1]], layers["y"].values[place // numbers.shape[1]]
    strange |= (x != sites["x"].values) | (y != sites["y"].values)
    if strange.any():
        raise AlignmentError(
            f"Expected sites on the grid of the layers, found {int(strange.sum())} elsewhere; open the layers of that study."
        )
    return place
