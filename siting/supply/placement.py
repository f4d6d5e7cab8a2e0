"""Where the plants of a park may stand: a few places for each site, its own land first, picked by scalar yields alone.

Farther land is worth a line only if it is better. For PV and for wind, going outward from a site, a cell is offered if it yields
clearly more than all nearer ones that were offered, or holds clearly more of the load. Whatever a line costs, as long as a longer one
is not cheaper, the best cell is at most that step better than one of those. What is offered within a radius stays offered within any
larger one. Every offered PV cell is paired with every offered wind cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from siting.demand import Load, hourly_load
from siting.region import PROVINCES, check_provinces
from siting.vocabulary import MissingVariableError, Parameters, check, step, with_warnings
from siting.weather_hours import calendar_years

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from siting.supply import Supply

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]

#: Share of the load's energy that a farther cell must hold at least, and by which it must hold more if it does not yield more: what is
#: smaller isn't worth a line.
LEAST_SHARE = 0.25

#: Sites whose surroundings are looked at together, which bounds the memory.
_TOGETHER = 64


class Placement(Parameters):
    """Where the plants of a park may stand."""

    where: Literal["own_land", "radius"] = Field(
        "own_land", description="own_land: in the park's own cell only; radius: also in cells of the study within the radius."
    )
    radius_km: float = Field(100.0, ge=0, le=500, description="Farthest a plant may stand from its park [km].")
    better_by: float = Field(
        0.05, gt=0, le=1, description="How much more a farther cell must yield than nearer ones to be offered; smaller offers more cells."
    )
    distance_max_km: Mapping[str, Annotated[float, Field(ge=0, le=500)]] = Field(
        {},
        description="Rule limit on the distance by the park's province (ISO 3166-2, or all); none by default: documents 650 and 688 "
        "state none, and provinces that do often say 50 to 100 km or the next county, low confidence.",
    )
    same_province: bool = Field(False, description="Whether plants must stand in the park's province.")

    @field_validator("distance_max_km")
    @classmethod
    def _known_provinces(cls, limits: Mapping[str, float]) -> Mapping[str, float]:
        check_provinces(tuple(limits))
        return limits

    @property
    def elsewhere(self) -> bool:
        """Whether plants may stand elsewhere than in the park's cell."""
        return self.where == "radius" and self.radius_km > 0

    def farthest_km(self, province: Numbers) -> Floats:
        """Farthest a plant may stand by the province indices of the parks [km]."""
        rest = self.distance_max_km.get("all", self.radius_km)
        limits = np.array([min(self.distance_max_km.get(code, rest), self.radius_km) for code in (*PROVINCES, "")])
        return np.asarray(limits[np.where(province >= 0, province, -1)])


@step(needs=("load_allowed", "province", "pv_land_fraction", "wind_land_fraction", "cell_area", "pv_full_load_hours",
             "wind_full_load_hours", "load_energy"), adds=("pv_place", "wind_place"))  # fmt: skip
def offer_places(sites: xr.Dataset, placement: Placement, supply: Supply) -> xr.Dataset:
    """Pairs of cells where the PV and the wind of each site may stand, the site's own cell first.

    Parameters
    ----------
    sites : Dataset
        All cells of the study, with latitude and longitude, land, full-load hours and the annual load.
    placement : Placement
        Radius and rules.
    supply : Supply
        What land holds.

    Returns
    -------
    Dataset
        With ``pv_place`` and ``wind_place`` (site, place): cell numbers, -1 after a site's last pair. Sites where no park may stand
        have their own cell only.
    """
    check(sites, ("latitude", "longitude"), "offer_places")
    limits = placement.farthest_km(sites["province"].to_numpy().astype(np.int64))
    limits = np.where(sites["load_allowed"].to_numpy().astype(bool), limits if placement.elsewhere else 0.0, 0.0)
    around = _Around(sites, limits, placement.same_province)
    offers = [
        around.nested(*potential(sites, plant, density), placement.better_by)
        for plant, density in (("pv", supply.pv_density_mw_per_km2), ("wind", supply.wind_density_mw_per_km2))
    ]
    numbers = sites["site"].to_numpy()
    pairs = [[(p, w) for p in pv for w in wind] for pv, wind in zip(*offers, strict=True)]
    places = np.full((2, len(pairs), max(map(len, pairs), default=1)), -1, dtype=np.int64)
    for row, listed in enumerate(pairs):
        places[:, row, : len(listed)] = numbers[np.array(listed).T]
    offered = sites.assign(pv_place=(("site", "place"), places[0]), wind_place=(("site", "place"), places[1]))
    if not placement.elsewhere:
        return offered
    return with_warnings(offered, [
        f"Plants may stand up to {placement.radius_km:g} km from their park, in cells of this study. Each park is placed as if it were "
        "the only one: two parks may count on the same land. PV and wind have a line each, even side by side."
    ])  # fmt: skip


def potential(sites: xr.Dataset, plant: str, density: float) -> tuple[Floats, Floats]:
    """Full-load hours [h] of a plant in each cell, and the share of the load's energy that the cell's land would yield [1]."""
    hours = sites[f"{plant}_full_load_hours"].to_numpy()
    held = sites[f"{plant}_land_fraction"].to_numpy() * sites["cell_area"].to_numpy() * density
    return hours, held * hours / sites["load_energy"].to_numpy()


class _Around:
    """Cells around each site by distance."""

    def __init__(self, sites: xr.Dataset, limits: Floats, same_province: bool) -> None:
        from scipy.spatial import KDTree

        self.latitude, self.longitude = sites["latitude"].to_numpy(), sites["longitude"].to_numpy()
        self.limits, self.province = limits, sites["province"].to_numpy() if same_province else None
        self.points = _points(self.latitude, self.longitude)
        self.tree = KDTree(self.points)

    def nested(self, hours: Floats, share: Floats, better_by: float) -> list[list[int]]:
        """Rows of the cells offered to each site for one plant, by distance."""
        offers: list[list[int]] = []
        for start in range(0, len(self.points), _TOGETHER):
            rows = range(start, min(start + _TOGETHER, len(self.points)))
            # a chord is never longer than the way over the ground
            balls = self.tree.query_ball_point(self.points[start : rows.stop], np.maximum(self.limits[start : rows.stop], 1e-9))
            offers += [self._offered(row, np.array(ball), hours, share, better_by) for row, ball in zip(rows, balls, strict=True)]
        return offers

    def _offered(self, row: int, near: Numbers, hours: Floats, share: Floats, better_by: float) -> list[int]:
        near = near[(near != row) & (hours[near] > 0) & (share[near] >= LEAST_SHARE)]
        if self.province is not None:
            near = near[self.province[near] == self.province[row]]
        chord = np.linalg.norm(self.points[near] - self.points[row], axis=1)
        near = np.concatenate([[row], near[np.lexsort((near, chord))]]).astype(np.int64)
        kept = near[nested_cells(hours[near], share[near], better_by)]
        return [int(kept[0]), *(int(cell) for cell in kept[1:] if self._distance(row, cell) <= self.limits[row])]

    def _distance(self, row: int, cell: int) -> float:
        return float(distance_km(self.latitude[row], self.longitude[row], self.latitude[cell], self.longitude[cell]))


def nested_cells(hours: Floats, share: Floats, better_by: float) -> list[int]:
    """Positions of the cells to offer among cells by rising distance: the first, and each that betters all that are offered before it.

    Parameters
    ----------
    hours : ndarray, shape (cell,)
        Full-load hours [h]; those of the first may be unknown.
    share : ndarray, shape (cell,)
        Share of the load's energy that the cell holds [1]; more than the whole counts as the whole.
    better_by : float
        How much more a cell must yield than one that holds as much [1].

    Examples
    --------
    >>> nested_cells(np.array([2000.0, 2050.0, 2400.0, 2300.0]), np.array([1.0, 1.0, 0.3, 1.0]), 0.05)
    [0, 2, 3]
    """
    held = np.minimum(share, 1.0)
    kept, offered = [0], np.zeros(hours.size, dtype=bool)
    offered |= _no_better(hours, held, hours[0], held[0], better_by)
    offered[0] = True
    while not offered.all():
        following = int(np.argmin(offered))
        kept.append(following)
        offered[: following + 1] = True
        offered |= _no_better(hours, held, hours[following], held[following], better_by)
    return kept


def _no_better(hours: Floats, held: Floats, known_hours: float, known_held: float, better_by: float) -> NDArray[np.bool_]:
    """Whether cells neither yield nor hold clearly more than a known one."""
    return (hours < known_hours * (1.0 + better_by)) & (held < known_held + LEAST_SHARE)


def distance_km(latitude: Floats, longitude: Floats, to_latitude: Floats, to_longitude: Floats) -> Floats:
    """Geodesic distance between places in degrees [km]."""
    from pyproj import Geod

    shape = np.broadcast_shapes(*map(np.shape, (latitude, longitude, to_latitude, to_longitude)))
    lon, lat, to_lon, to_lat = (
        np.broadcast_to(each, shape).astype(np.float64) for each in (longitude, latitude, to_longitude, to_latitude)
    )
    return np.asarray(Geod(ellps="WGS84").inv(lon, lat, to_lon, to_lat)[2]) / 1e3


def _points(latitude: Floats, longitude: Floats) -> Floats:
    """Places in degrees as points on the ellipsoid [km], (n, 3)."""
    from pyproj import Transformer

    to_space = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.stack(to_space.transform(longitude, latitude, np.zeros(latitude.shape)), axis=1) / 1e3


def full_load_hours(hours: xr.Dataset, load: Load) -> xr.Dataset:
    """The first pass: annual output per capacity [h] and load [MWh] of each cell in place of its hours."""
    from siting.supply import account

    years = max(len(calendar_years(hours["time"])), 1)
    found, energy = hours.drop_dims("time"), math.fsum(hourly_load(load, hours.get_index("time"))) / years
    month, scratch = hours["time"].dt.month.to_numpy().astype(np.int64), np.empty(12)
    for plant in ("pv", "wind"):
        series = np.ascontiguousarray(hours[f"{plant}_capacity_factor"].transpose("site", "time").to_numpy(), dtype=np.float64)
        found[f"{plant}_full_load_hours"] = ("site", np.array([account.summarise(row, month, scratch) for row in series]) / years)
    return found.assign(load_energy=("site", np.full(hours.sizes["site"], energy)))


def cells_needed(sites: xr.Dataset) -> Numbers:
    """Numbers of all cells whose hours a block of sites needs, each once, ascending."""
    offered = [sites[name].to_numpy().ravel() for name in ("pv_place", "wind_place") if name in sites]
    numbers = np.unique(np.concatenate([sites["site"].to_numpy(), *offered]))
    return np.asarray(numbers[numbers >= 0])


def split_by_cells(sites: xr.Dataset, positions: Numbers, most: int) -> list[Numbers]:
    """Cut a block of sites so that no part needs the hours of more than ``most`` cells, unless a site alone does."""
    own, offered = sites["site"].to_numpy(), np.concatenate([sites[name].to_numpy() for name in ("pv_place", "wind_place")], axis=1)
    parts: list[list[int]] = [[]]
    needed: set[int] = set()
    for position in positions.tolist():
        more = {int(own[position]), *offered[position].tolist()} - {-1}
        if parts[-1] and len(needed | more) > most:
            parts.append([])
            needed = set()
        parts[-1].append(position)
        needed |= more
    return [np.array(part, dtype=np.int64) for part in parts if part]


def cells_within(sites: xr.Dataset, number: int, radius_km: float) -> Numbers:
    """Positions of the cells within a radius of a cell."""
    place = int(rows_of(sites, np.array([number]))[0])
    latitude, longitude = sites["latitude"].to_numpy(), sites["longitude"].to_numpy()
    near = distance_km(latitude[place], longitude[place], latitude, longitude) <= radius_km
    near[place] = True
    return np.flatnonzero(near)


def rows_of(cells: xr.Dataset, numbers: Numbers) -> Numbers:
    """Positions of cell numbers among cells.

    Raises
    ------
    MissingVariableError
        If the hours of a cell are missing.
    """
    order = np.argsort(cells["site"].to_numpy(), kind="stable")
    known = cells["site"].to_numpy()[order]
    place = np.minimum(np.searchsorted(known, numbers), max(known.size - 1, 0))
    rows = np.where(known[place] == numbers, order[place], -1)
    if (rows < 0).any():
        lacking = int(numbers[int(np.argmin(rows))])
        raise MissingVariableError(f"Expected the cells of all places that sites are offered, found no cell {lacking}; give more cells.")
    return rows.astype(np.int64)
