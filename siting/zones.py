"""Zones: contiguous groups of the best-ranked cells, with what they offer; a cell is in one zone at most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from siting.scoring import target_index
from siting.supply import Supply
from siting.vocabulary import AlignmentError, Parameters, Variable, check

if TYPE_CHECKING:
    import geopandas as gpd
    import shapely
    import xarray as xr
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

_ZONE = ("zone",)

#: Columns of the table of zones beside the geometry. Numbers are means over the cells unless they say otherwise.
ZONE_COLUMNS: dict[str, Variable] = {
    "zone": Variable("", _ZONE, "number of the zone", "片区编号"),
    "rank": Variable("1", _ZONE, "rank of the zone, by its best site", "片区排名"),
    "name": Variable("", _ZONE, "nearest city of the best site and its province", "名称"),
    "nearest_city": Variable("", _ZONE, "nearest city of the best site", "最近城市"),
    "province": Variable("", _ZONE, "province of the best site", "省份"),
    "longitude": Variable("degrees_east", _ZONE, "longitude of the best site", "最佳点经度"),
    "latitude": Variable("degrees_north", _ZONE, "latitude of the best site", "最佳点纬度"),
    "sites": Variable("1", _ZONE, "number of cells", "网格数"),
    "area_km2": Variable("km2", _ZONE, "area of the cells", "面积"),
    "best_site": Variable("", _ZONE, "number of the best site", "最佳点编号"),
    "best_rank": Variable("1", _ZONE, "rank of the best site", "最佳点排名"),
    "score": Variable("1", _ZONE, "score of the best site", "最佳点得分"),
    "score_mean": Variable("1", _ZONE, "mean score", "平均得分"),
    "delivered_cost": Variable("CNY kWh-1", _ZONE, "delivered cost at the best site", "最佳点供电成本"),
    "delivered_cost_mean": Variable("CNY kWh-1", _ZONE, "mean delivered cost", "平均供电成本"),
    "pv_full_load_hours": Variable("h", _ZONE, "mean annual PV output per DC nameplate", "光伏平均利用小时"),
    "wind_full_load_hours": Variable("h", _ZONE, "mean annual wind output per nominal power", "风电平均利用小时"),
    "scope2_location": Variable("kg kWh-1", _ZONE, "mean location-based Scope 2 emissions", "范围二排放（基于位置）"),
    "pv_potential_mw": Variable("MW", _ZONE, "PV capacity (DC) that the open land holds if no wind farm takes it", "光伏可开发容量"),
    "wind_potential_mw": Variable("MW", _ZONE, "wind capacity that the open land holds", "风电可开发容量"),
}

_INTEGERS = ("zone", "rank", "sites", "best_site", "best_rank")
_TEXTS = ("name", "nearest_city", "province")

_NEEDS = (
    "rank",
    "score",
    "cell_area",
    "delivered_cost",
    "pv_full_load_hours",
    "wind_full_load_hours",
    "scope2_location",
    "pv_land_fraction",
    "wind_land_fraction",
    "nearest_city",
    "province",
)

#: Largest distance of a site from its place on the lattice of cells, in cells.
_LATTICE_TOLERANCE = 0.01


class Zoning(Parameters):
    """Which ranked cells make zones."""

    top_share: float = Field(0.10, gt=0, le=1, description="share of the ranked sites, best first, that may join a zone")
    score_min: float | None = Field(None, ge=0, le=1, description="least score of a site in a zone; none: any score")
    neighbours: Literal["queen", "rook"] = Field("queen", description="cells that touch: at edges and corners (queen) or at edges (rook)")
    min_area_km2: float = Field(0.0, ge=0, description="smallest zone [km2]")
    max_zones: int | None = Field(None, ge=1, description="how many zones are kept, best first; none: all")
    target: float | None = Field(
        None, gt=0, le=1, description="matched share at which costs and emissions are read; none: that of the score"
    )


def delineate_zones(sites: xr.Dataset, zoning: Zoning, supply: Supply | None = None) -> gpd.GeoDataFrame:
    """Zones of the best-ranked cells, best first.

    Parameters
    ----------
    sites : xr.Dataset
        The scored site table.
    zoning : Zoning
        Which cells join.
    supply : Supply, optional
        What a square kilometre of open land holds; default: that of the default study.

    Returns
    -------
    GeoDataFrame
        EPSG:4326, one row per zone with the columns of :data:`ZONE_COLUMNS`; without rows if no site is ranked. Outlines
        are drawn from whole cells in the CRS of the grid; each edge of a cell is kept when they are projected.

    Raises
    ------
    MissingVariableError
        If a variable is missing.
    AlignmentError
        If the sites don't lie on the lattice of one grid.
    StudyError
        If the sites lack the target.
    """
    check(sites, (*_NEEDS, "x", "y", "latitude", "longitude"), "delineate_zones")
    members = sites.isel(site=_chosen(sites, zoning))
    if members.sizes["site"] == 0:
        return _table([], [])
    edge = _edge_length(members)
    rows, columns = lattice(members["x"].to_numpy(), members["y"].to_numpy(), edge)
    labels = label_cells(rows, columns, zoning.neighbours)
    groups = _kept(members, labels, zoning)
    at, density = target_index(members, zoning.target), supply or Supply()
    records = [_record(members.isel(site=group, target=at), number, density) for number, group in enumerate(groups, 1)]
    outlines = [_outline(members.isel(site=group), edge) for group in groups]
    return _table(_distinct(records), _to_degrees(outlines, members))


def _chosen(sites: xr.Dataset, zoning: Zoning) -> Integers:
    """Positions of the cells that may join a zone."""
    ranks = sites["rank"].to_numpy()
    last = math.ceil(zoning.top_share * int((ranks > 0).sum()) - 1e-9)
    joins = (ranks > 0) & (ranks <= last)
    if zoning.score_min is not None:
        joins &= sites["score"].to_numpy() >= zoning.score_min
    return np.flatnonzero(joins)


def _edge_length(sites: xr.Dataset) -> float:
    """Edge of the square cells [m]."""
    areas = sites["cell_area"].to_numpy()
    if not np.all(areas == areas[0]) or not areas[0] > 0:
        raise AlignmentError(f"Expected cells of one area, found {areas.min()} to {areas.max()} km2; use sites of one equal-area grid.")
    return 1000.0 * math.sqrt(float(areas[0]))


def lattice(x: NDArray[np.float64], y: NDArray[np.float64], edge: float) -> tuple[Integers, Integers]:
    """Row (from the north) and column (from the west) of cell centres, counted from the outermost ones.

    Parameters
    ----------
    x, y : ndarray, shape (sites,)
        Cell centres [m].
    edge : float
        Edge of a cell [m].

    Raises
    ------
    AlignmentError
        If a centre is off the lattice or two sites share a cell.

    Examples
    --------
    >>> rows, columns = lattice(np.array([0.0, 50.0]), np.array([0.0, 25.0]), 25.0)
    >>> rows.tolist(), columns.tolist()
    ([1, 0], [0, 2])
    """
    across, down = (x - x.min()) / edge, (y.max() - y) / edge
    columns, rows = np.rint(across).astype(np.int64), np.rint(down).astype(np.int64)
    off = np.maximum(np.abs(across - columns), np.abs(down - rows)) > _LATTICE_TOLERANCE
    if off.any():
        raise AlignmentError(f"Expected cell centres {edge:g} m apart, found {int(off.sum())} sites in between; use sites of one grid.")
    if np.unique(np.stack([rows, columns]), axis=1).shape[1] != rows.size:
        raise AlignmentError("Expected one site per cell, found cells with two; concatenate blocks that don't overlap.")
    return rows, columns


def label_cells(rows: Integers, columns: Integers, neighbours: Literal["queen", "rook"]) -> Integers:
    """Label the contiguous groups of cells with numbers from 1.

    Parameters
    ----------
    rows, columns : ndarray of int, shape (sites,)
        Places of the cells, from 0.
    neighbours : {"queen", "rook"}
        Whether corners touch.

    Examples
    --------
    >>> label_cells(np.array([0, 1]), np.array([0, 1]), "rook").tolist()
    [1, 2]
    """
    from scipy import ndimage

    raster = np.zeros((rows.max() + 1, columns.max() + 1), dtype=bool)
    raster[rows, columns] = True
    structure = ndimage.generate_binary_structure(2, 2 if neighbours == "queen" else 1)
    labels = ndimage.label(raster, structure)[0]
    found: Integers = labels[rows, columns].astype(np.int64)
    return found


def _kept(sites: xr.Dataset, labels: Integers, zoning: Zoning) -> list[Integers]:
    """Positions of the cells of each zone, best site first; zones by best site."""
    by_rank = np.argsort(sites["rank"].to_numpy())
    areas = sites["cell_area"].to_numpy()
    groups = [by_rank[labels[by_rank] == label] for label in dict.fromkeys(labels[by_rank].tolist())]
    large = [group for group in groups if math.fsum(areas[group]) >= zoning.min_area_km2]
    return large[: zoning.max_zones]


def _record(cells: xr.Dataset, number: int, supply: Supply) -> dict[str, Any]:
    """Row of a zone; the first cell is the best."""

    def column(name: str) -> NDArray[np.float64]:
        values: NDArray[np.float64] = cells[name].to_numpy().astype(np.float64)
        return values

    def mean(name: str) -> float:
        return math.fsum(column(name)) / cells.sizes["site"]

    best, city, province = cells.isel(site=0), str(cells["nearest_city"].to_numpy()[0]), _province(cells)
    area = column("cell_area")
    return {
        "zone": number,
        "rank": number,
        "name": ", ".join(filter(None, (city, province))) or f"zone {number}",
        "nearest_city": city,
        "province": province,
        "longitude": float(best["longitude"]),
        "latitude": float(best["latitude"]),
        "sites": cells.sizes["site"],
        "area_km2": math.fsum(area),
        "best_site": int(best["site"]),
        "best_rank": int(best["rank"]),
        "score": float(best["score"]),
        "score_mean": mean("score"),
        "delivered_cost": float(best["delivered_cost"]),
        "delivered_cost_mean": mean("delivered_cost"),
        "pv_full_load_hours": mean("pv_full_load_hours"),
        "wind_full_load_hours": mean("wind_full_load_hours"),
        "scope2_location": mean("scope2_location"),
        "pv_potential_mw": math.fsum(area * column("pv_land_fraction") * supply.pv_density_mw_per_km2),
        "wind_potential_mw": math.fsum(area * column("wind_land_fraction") * supply.wind_density_mw_per_km2),
    }


def _province(cells: xr.Dataset) -> str:
    """ISO 3166-2 code of the first cell's province, empty if there is none."""
    codes = province_codes(cells)
    index = float(cells["province"].to_numpy()[0])
    return codes[int(index)] if 0 <= index < len(codes) else ""


def province_codes(sites: xr.Dataset) -> list[str]:
    """ISO 3166-2 codes by province index."""
    codes = sites["province"].attrs.get("iso_3166_2", "")
    return codes.split() if isinstance(codes, str) else [str(code) for code in codes]


def _distinct(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with a number behind every repeated name."""
    seen: dict[str, int] = {}
    named = []
    for record in records:
        name = record["name"]
        seen[name] = seen.get(name, 0) + 1
        named.append(record if seen[name] == 1 else record | {"name": f"{name} ({seen[name]})"})
    return named


def _outline(cells: xr.Dataset, edge: float) -> shapely.Geometry:
    """Union of the cells, in the CRS of the grid.

    Corners are whole multiples of the edge away from one corner, so that shared edges are equal to the last bit.
    """
    import shapely

    x, y = cells["x"].to_numpy(), cells["y"].to_numpy()
    rows, columns = lattice(x, y, edge)
    left, top = x.min() - edge / 2, y.max() + edge / 2
    boxes = shapely.box(left + columns * edge, top - (rows + 1) * edge, left + (columns + 1) * edge, top - rows * edge)
    return shapely.segmentize(shapely.union_all(boxes), edge)


def _to_degrees(outlines: Sequence[shapely.Geometry], sites: xr.Dataset) -> list[shapely.Geometry]:
    import shapely
    from pyproj import CRS, Transformer

    to_degrees = Transformer.from_crs(CRS.from_cf(sites["spatial_ref"].attrs), "EPSG:4326", always_xy=True)
    flat = shapely.transform(np.array(outlines, dtype=object), lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])))
    return list(shapely.orient_polygons(flat))


def _table(records: Sequence[dict[str, Any]], outlines: Sequence[shapely.Geometry]) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import pandas as pd

    types = {name: "int64" if name in _INTEGERS else "str" if name in _TEXTS else "float64" for name in ZONE_COLUMNS}
    frame = pd.DataFrame(list(records), columns=list(ZONE_COLUMNS)).astype(types)
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(list(outlines), crs="EPSG:4326"))
