"""The supply of a park from plants that may stand elsewhere: every pair of offered cells, with every line, and the cheapest kept.

A line has a capacity, a cost and a loss, whatever flows: for each choice of lines the supply is sized as on the park's own land, with
hours that the lines have lost their share of, and plants that they can carry. Most choices need no sizing, as they can't be cheaper
than what is known: with a cost per MW that never exceeds what any line of that length costs, one sizing bounds all lines of a pair, and
less room for plants never makes a supply cheaper. What is kept is the least of all choices, and its gap covers them all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.finance import Finance, LineDesigns, line_designs
from siting.supply.placement import distance_km
from siting.supply.site import QUANTITIES, Block, Room, Site, annual_cost, binding, empty_room, match_site, priced

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

#: Columns by site and target: cell of the plants [number], distance [km], voltage [kV] and loss [1] of their lines, and the annual cost
#: of both lines [CNY].
PLACED = (
    "pv_plant_site",
    "pv_plant_distance",
    "pv_line_voltage",
    "pv_line_loss_share",
    "wind_plant_site",
    "wind_plant_distance",
    "wind_line_voltage",
    "wind_line_loss_share",
    "line_cost",
)


class Cells(NamedTuple):
    """Cells where plants may stand: number, place [degree], most PV and wind on the land [MW], and hours of their output [1]."""

    number: Numbers
    latitude: Floats
    longitude: Floats
    pv_limit: Floats
    wind_limit: Floats
    pv: Floats
    wind: Floats


class Park(NamedTuple):
    """What all choices of a park share: block, price of imports [CNY/MWh], hours of its grid, and room for the search."""

    block: Block
    price: float
    grid: Floats
    room: Room


class Spot(NamedTuple):
    """Plants of one kind in one cell: number, hours and their largest [1], most on the land [MW], distance [km], lines to choose from."""

    number: int
    hours: Floats
    peak: float
    limit: float
    distance: float
    lines: LineDesigns


class Found(NamedTuple):
    """Supplies of one choice by target, without its lines: numbers, months, annual cost and its lower bound [CNY], share in reach."""

    mixes: Floats
    monthly: Floats
    cost: Floats
    lower: Floats
    reached: float


class Best(NamedTuple):
    """The cheapest so far by target, in place: numbers, months, place, annual cost and the bound that no choice falls below [CNY]."""

    mixes: Floats
    monthly: Floats
    placed: Floats
    cost: Floats
    floor: Floats


#: No line, which carries everything.
NO_LINE = LineDesigns(np.array([np.inf]), np.zeros(1), np.zeros(1), np.zeros(1))


def match_distant(
    mixes: Floats, monthly: Floats, reached: Floats, number: Numbers, price: Floats, zone: Numbers, pv_place: Numbers, wind_place: Numbers,
    pv_export: Floats | None = None, wind_export: Floats | None = None,
    *, cells: Cells, block: Block, feedin: Floats | None, finance: Finance,
) -> tuple[Floats, Floats, Floats, Floats]:  # fmt: skip
    """Supplies of some sites where plants may stand elsewhere, on arrays.

    Parameters
    ----------
    mixes, monthly, reached : ndarray
        What `match_block` found on the sites' own land.
    number, price, zone : ndarray, shape (site,)
        Cell numbers, price of imports [CNY/MWh], grid of each site.
    pv_place, wind_place : ndarray of int, shape (site, place)
        Pairs of cell numbers, the own cell first; -1 is none.
    pv_export, wind_export : ndarray, shape (site,), optional
        As in `match_block`.
    cells : Cells
        Every cell that is offered, and the sites' own, by ascending number.
    block, feedin
        As in `match_block`.
    finance : Finance
        Lines.

    Returns
    -------
    mixes, monthly, reached : ndarray
        As given, with the cheapest supply of all places. Unknown on the own land stays unknown.
    placed : ndarray, shape (site, target, PLACED)
        Where the plants stand; NaN where the target is out of reach.
    """
    mixes, monthly, reached = mixes.copy(), monthly.copy(), np.array(reached, dtype=np.float64)
    placed, room = np.full((*mixes.shape[:2], len(PLACED)), np.nan), empty_room(block)
    for i in range(len(mixes)):
        placed[i] = on_own_land(number[i : i + 1], mixes[i : i + 1])[0]
        pairs = np.stack([pv_place[i], wind_place[i]], axis=1)[1:]
        pairs = pairs[(pairs >= 0).all(axis=1)]
        if np.isnan(reached[i, 0]) or not len(pairs):
            continue
        grid = feedin[:, int(zone[i])] if feedin is not None and zone[i] >= 0 else np.full((2, block.load.size), np.nan)
        own = block if pv_export is None or wind_export is None else priced(block, pv_export[i], wind_export[i])
        park = Park(own, 0.0 if np.isnan(price[i]) else float(price[i]), grid, room)
        cost = annual_cost(mixes[i], own, park.price)
        best = Best(mixes[i], monthly[i], placed[i], cost, _lower(cost, mixes[i], own))
        spots = [
            {int(cell): spot(int(cell), int(number[i]), plant, cells, block, finance) for cell in {int(number[i]), *pairs[:, k].tolist()}}
            for k, plant in enumerate(("pv", "wind"))
        ]
        reached[i, 0] = max(reached[i, 0], _search(best, [(spots[0][int(p)], spots[1][int(w)]) for p, w in pairs], park))
    return mixes, monthly, reached, placed


def on_own_land(number: Numbers, mixes: Floats) -> Floats:
    """Columns of plants in the park's own cell, (site, target, PLACED); NaN where there is no portfolio."""
    known = np.isfinite(mixes[..., 0])
    placed = np.where(known[..., None], np.zeros(len(PLACED)), np.nan)
    for name in ("pv_plant_site", "wind_plant_site"):
        placed[..., PLACED.index(name)] = np.where(known, number[:, None], np.nan)
    return placed


def spot(number: int, own: int, plant: str, cells: Cells, block: Block, finance: Finance) -> Spot:
    """Plants of one kind in a cell, for the park of another."""
    row, home = np.searchsorted(cells.number, (number, own))
    hours, limit = getattr(cells, plant)[row], float(getattr(cells, f"{plant}_limit")[row])
    peak = float(np.max(hours))
    if number == own:
        return Spot(number, hours, peak, limit, 0.0, NO_LINE)
    there = (cells.latitude[row], cells.longitude[row])
    distance = float(distance_km(cells.latitude[home], cells.longitude[home], *there))
    most = min(limit, block.supply.max_overbuild * block.mean_mw / float(np.mean(hours)))
    return Spot(number, hours, peak, limit, distance, line_designs(most * peak, distance, finance.discount_rate, finance.line))


def _lower(cost: Floats, mixes: Floats, block: Block) -> Floats:
    """What costs can't fall below, by the gap of each portfolio: a share of the cost without the charge for the grid."""
    charge = (
        mixes[:, QUANTITIES.index("grid_capacity")] * (0.0 if math.isnan(block.capacity_charge) else block.capacity_charge) * block.years
    )
    margin = mixes[:, QUANTITIES.index("sizing_gap")] * np.maximum(np.abs(cost), np.abs(cost - charge))
    return np.where(np.isfinite(cost), cost - margin, np.inf)


def _sized(pv: Spot, wind: Spot, losses: list[float], carried: list[float], park: Park) -> Found:
    """Supply with hours that lost a share, from plants whose largest output lines can carry [MW]."""
    hours = [each.hours * (1.0 - loss) for each, loss in zip((pv, wind), losses, strict=True)]
    limits = [min(each.limit, most / each.peak) if each.peak > 0 else each.limit for each, most in zip((pv, wind), carried, strict=True)]
    count = len(park.block.supply.targets)
    mixes, monthly = np.full((count, len(QUANTITIES)), np.nan), np.full((count, 4, 12), np.nan)
    reached = match_site(Site(hours[0], hours[1], park.price, limits[0], limits[1], park.grid), park.block, park.room, mixes, monthly)
    pv_limit, wind_limit = np.split(np.array(limits), 2)
    mixes[:, QUANTITIES.index("supply_limits")] = binding(mixes[None], pv_limit, wind_limit, park.block)[0]
    cost = annual_cost(mixes, park.block, park.price)
    return Found(mixes, monthly, cost, _lower(cost, mixes, park.block), reached)


class Choices(NamedTuple):
    """All choices of lines of a pair: fixed cost of the lines [CNY], (PV line, wind line), and bounds of the whole, (.., .., target)."""

    fixed: Floats
    bounds: Floats
    start: tuple[int, int]


def _search(best: Best, pairs: list[tuple[Spot, Spot]], park: Park) -> float:
    """Try the pairs of a park, the most promising first; returns the largest share in reach."""
    relaxed = [_relaxed(pv, wind, best, park) for pv, wind in pairs]
    reached = max(share for _, share in relaxed)
    hope = [float(np.sum(np.maximum(_capped(best.cost) - choices.bounds.min(axis=(0, 1)), 0.0))) for choices, _ in relaxed]
    before = np.stack([best.cost, best.floor])
    for k in np.argsort(-np.array(hope), kind="stable"):
        _try_lines(pairs[k], relaxed[k][0], best, park)
    changed = np.any(before != np.stack([best.cost, best.floor]), axis=0) & np.isfinite(best.cost)
    _set_gap(best, changed)
    return reached


def _capped(cost: Floats) -> Floats:
    """Costs, a large number where a target is out of reach."""
    return np.where(np.isfinite(cost), cost, 1e15)


def _set_gap(best: Best, where: NDArray[np.bool_]) -> None:
    """Gap over all choices."""
    least = np.minimum(best.floor, best.cost)[where]
    best.mixes[where, QUANTITIES.index("sizing_gap")] = (best.cost[where] - least) / np.abs(best.cost[where])


def _relaxed(pv: Spot, wind: Spot, best: Best, park: Park) -> tuple[Choices, float]:
    """Bounds of all choices of lines by one sizing, with the least loss and a cost per MW that no line undercuts."""
    block, years = park.block, park.block.years
    likely = [_likely(best.mixes[:, k], each, block) for k, each in enumerate((pv, wind))]
    under = [undercut(each.lines, power) for each, power in zip((pv, wind), likely, strict=True)]
    slopes = [slope * each.peak for (_, slope), each in zip(under, (pv, wind), strict=True)]
    dearer = block._replace(costs=(block.costs[0] + slopes[0], block.costs[1] + slopes[1], *block.costs[2:]))
    losses = [float(each.lines.loss_share.min()) for each in (pv, wind)]
    found = _sized(pv, wind, losses, [math.inf, math.inf], park._replace(block=dearer))
    fixed = (pv.lines.annual_cost_cny[:, None] + wind.lines.annual_cost_cny) * years
    saved = [_times(slope, each.lines.capacity_mw) * years for (_, slope), each in zip(under, (pv, wind), strict=True)]
    least = (under[0][0] + under[1][0]) * years
    bounds = np.maximum(fixed - saved[0][:, None] - saved[1], least)[..., None] + found.lower
    return Choices(fixed, bounds, _fitting(pv, wind, found)), found.reached


def _likely(capacities: Floats, each: Spot, block: Block) -> float:
    """Power that a line will likely carry [MW]: that of the plants known so far, else of plants that yield as much as the load."""
    known = capacities[np.isfinite(capacities) & (capacities > 0)]
    capacity = float(known.max()) if known.size else block.mean_mw / max(float(np.mean(each.hours)), 1e-9)
    return min(capacity, each.limit) * each.peak


def _times(slope: float, capacity: Floats) -> Floats:
    """Product that is 0 where there is no line."""
    return np.where(slope > 0, slope * np.where(np.isfinite(capacity), capacity, 0.0), 0.0)


def undercut(lines: LineDesigns, power: float) -> tuple[float, float]:
    """Fixed cost [CNY] and cost per MW [CNY/MW] that no line for any power undercuts, the closest at a likely power [MW].

    Notes
    -----
    The cost of the cheapest line is a staircase in the power, so that it is enough to stay below each line at its capacity.
    """
    capacity, cost = lines.capacity_mw, lines.annual_cost_cny
    if cost.size == 1:
        return float(cost[0]), 0.0
    one, other = np.nonzero((capacity > capacity[:, None]) & (cost > cost[:, None]))
    slopes = (cost[other] - cost[one]) / (capacity[other] - capacity[one])
    slopes, fixed = np.r_[0.0, slopes], np.r_[cost.min(), cost[one] - slopes * capacity[one]]
    below = np.all(fixed[:, None] + slopes[:, None] * capacity <= cost * (1 + 1e-12), axis=1)
    below[0] = True
    best = int(np.argmax(np.where(below, fixed + slopes * power, -np.inf)))
    return float(fixed[best]), float(slopes[best])


def _fitting(pv: Spot, wind: Spot, found: Found) -> tuple[int, int]:
    """Cheapest lines that carry what was found for the highest target in reach."""
    inside = np.flatnonzero(np.isfinite(found.cost))
    if not inside.size:
        return 0, 0
    chosen = []
    for k, each in enumerate((pv, wind)):
        fits = each.lines.capacity_mw >= found.mixes[inside[-1], k] * each.peak * (1 - 1e-9)
        cost = np.where(fits, each.lines.annual_cost_cny, np.inf)
        chosen.append(int(np.argmin(cost)) if fits.any() else int(np.argmax(each.lines.capacity_mw)))
    return chosen[0], chosen[1]


def _try_lines(pair: tuple[Spot, Spot], choices: Choices, best: Best, park: Park) -> None:
    """Size the supply for each choice of lines that may still be cheaper, and keep the cheapest by target."""
    (pv, wind), (fixed, bounds, pick) = pair, choices
    capacity, loss = [each.lines.capacity_mw for each in pair], [each.lines.loss_share for each in pair]
    room = np.minimum(capacity[0], 1e9)[:, None] + np.minimum(capacity[1], 1e9)
    tried = np.zeros(fixed.shape, dtype=bool)
    while (open_ := np.any(bounds < best.cost, axis=2) & ~tried).any():
        if not open_[pick]:
            pick = np.unravel_index(int(np.argmax(np.where(open_, room, -1.0))), room.shape)  # type: ignore[assignment]
        losses, carried = ([values[k] for values, k in zip(columns, pick, strict=True)] for columns in (loss, capacity))
        found = _sized(pv, wind, losses, carried, park)
        tried[pick] = True
        _keep(found, float(fixed[pick]), pair, pick, best)
        weaker = np.ix_(*((capacity[n] <= carried[n]) & (loss[n] >= losses[n]) for n in range(2)))
        bounds[weaker] = np.maximum(bounds[weaker], fixed[weaker][..., None] + found.lower)
        pick = _fitting(pv, wind, found)


def _keep(found: Found, fixed: float, spots: tuple[Spot, Spot], lines: tuple[int, int], best: Best) -> None:
    """Keep a supply at the targets where it is the cheapest, and its bound everywhere."""
    cost = found.cost + fixed
    best.floor[:] = np.minimum(best.floor, found.lower + fixed)
    for k in np.flatnonzero(cost < best.cost):
        best.mixes[k], best.monthly[k], best.cost[k] = found.mixes[k], found.monthly[k], cost[k]
        best.placed[k] = _placed(spots, lines)


def _placed(spots: tuple[Spot, Spot], lines: tuple[int, int]) -> list[float]:
    """Columns of a choice."""
    row: list[float] = []
    for each, k in zip(spots, lines, strict=True):
        row += [float(each.number), each.distance, float(each.lines.voltage_kv[k]), float(each.lines.loss_share[k])]
    return [*row, sum(float(each.lines.annual_cost_cny[k]) for each, k in zip(spots, lines, strict=True))]
