"""Least-cost capacities at one site for ascending hourly matched shares, with a certificate: an upper and a lower bound.

The import that a portfolio needs is convex in its capacities, and each dispatch yields a plane below it that holds for all portfolios
(`siting.supply.dispatch`). Planes don't depend on the target: one bundle serves all of them. The master (`siting.supply.master`) gives
the cheapest point above the planes, a lower bound; dispatching there, and where the way from there to the best known portfolio enters
the feasible set, gives new planes and upper bounds, until both meet.

It holds for one store with constant efficiencies, one price of imports, no revenue from exports and a grid that covers every deficit
or none: there greedy dispatch needs the least import. Several years follow each other on one time axis.

References
----------
J. E. Kelley, "The cutting-plane method for solving convex programs", J. SIAM 8(4), 1960, doi:10.1137/0108053.
W. Ben-Ameur, J. Neto, "Acceleration of cutting-plane and column generation algorithms", Networks 49(1), 2007, doi:10.1002/net.20137.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siting.supply import master
from siting.supply.dispatch import Battery, Mix, Series, compiled, served_with_slope
from siting.supply.master import CAPACITIES, MOST_PLANES, OPTIMAL, Basis, Planes, add_plane

#: Dispatches per target after which the search ends with the gap that it has.
MOST_DISPATCHES = 400

#: Shares of the load within this of a limit meet it: sums over a year round by about 1e-13.
ROUNDING = 1e-9

#: Outcomes by target: within the tolerance, not within it, proven infeasible.
CERTIFIED, OPEN, UNREACHABLE = 0.0, 1.0, 2.0

#: Columns of the result by target: capacities [MW, MWh], upper and lower bound of the cost and price of the target [CNY/MWh], and more.
COLUMNS = ("pv", "wind", "power", "energy", "upper", "lower", "outcome", "target_price", "dispatches")


class Terms(NamedTuple):
    """Numbers of one site, for a load with a mean of 1 MW.

    ``costs`` [CNY per MW or MWh of capacity and MWh of load] (4,), import price [CNY/MWh], least self-use as a share of the available
    generation, upper limits of the capacities [MW, MWh] (4,), largest available generation over load, largest import share and tolerance.
    """

    costs: Series
    import_price: float
    self_use: float
    limits: Series
    overbuild: float
    import_share: float
    tolerance: float


class Year(NamedTuple):
    """Output per capacity of PV and wind [1], and load with a mean of 1 MW, (time,)."""

    pv: Series
    wind: Series
    load: Series


class State(NamedTuple):
    """Planes of the import share, which grow over the targets of a site, and the master of one target."""

    imports: Planes
    working: Planes
    basis: Basis


class Seen(NamedTuple):
    """A portfolio that was dispatched: import share [1], cost [CNY per MWh of load], worst excess over a limit [1]."""

    share: float
    cost: float
    excess: float


@compiled
def look(year: Year, x: Series, battery: Battery, terms: Terms, hours: Series, state: State) -> Seen:
    """Dispatch a portfolio, and keep the plane that it yields."""
    size, slope = year.load.size, np.zeros(CAPACITIES)
    share = served_with_slope(year.pv, year.wind, year.load, Mix(x[0], x[1], x[2], x[3]), battery, slope) / size
    slope /= -size
    offset, cost = share, terms.import_price * share
    available = hours[0] * x[0] + hours[1] * x[1]
    excess = max(share + terms.self_use * available - 1.0, share - terms.import_share, available - terms.overbuild)
    for k in range(CAPACITIES):
        offset -= slope[k] * x[k]
        cost += terms.costs[k] * x[k]
        excess = max(excess, x[k] - terms.limits[k])
    if state.imports.used[0] < MOST_PLANES:
        add_plane(state.imports, offset, slope, 0.0)
    return Seen(share, cost, excess)


@compiled
def meets(seen: Seen, allowed: float) -> bool:
    """Whether a portfolio keeps all limits and the import share of a target."""
    return seen.excess <= ROUNDING and seen.share <= allowed + ROUNDING


@compiled
def begin_master(state: State, terms: Terms, hours: Series) -> None:
    """First planes of the master: no negative cost of imports, and the limits of the capacities."""
    work, slope = state.working, np.zeros(CAPACITIES)
    work.used[0] = 0.0
    add_plane(work, 0.0, slope, 1.0)
    for k in range(CAPACITIES):
        if np.isfinite(terms.limits[k]):
            slope[:] = 0.0
            slope[k] = 1.0
            add_plane(work, -terms.limits[k], slope, 0.0)
    slope[:] = 0.0
    slope[0], slope[1] = hours[0], hours[1]
    add_plane(work, -terms.overbuild, slope, 0.0)
    master.start(state.basis, terms.costs)


@compiled
def assemble(state: State, terms: Terms, hours: Series, allowed: float, known: int, target_planes: Series) -> int:
    """Bring the planes found since ``known`` into the master of a target; those of its share are marked in ``target_planes``."""
    work, slope = state.working, np.zeros(CAPACITIES)
    for k in range(known, int(state.imports.used[0])):
        if work.used[0] + 3 > MOST_PLANES:
            return k
        offset, row = state.imports.offset[k], state.imports.slope[k]
        target_planes[int(work.used[0])] = 1.0
        add_plane(work, offset - allowed, row, 0.0)
        if terms.self_use > 0.0:
            slope[:] = row
            slope[0] += terms.self_use * hours[0]
            slope[1] += terms.self_use * hours[1]
            add_plane(work, offset - 1.0, slope, 0.0)
        if terms.import_price > 0.0:
            add_plane(work, offset * terms.import_price, row * terms.import_price, 1.0)
    return int(state.imports.used[0])


@compiled
def crossing(state: State, terms: Terms, hours: Series, allowed: float, out: Series, inside: Series) -> float:
    """Share of the way from ``out`` to ``inside`` after which no known plane forbids a portfolio; 1 if only the end will do."""
    way = 0.0
    at_out, at_inside = hours[0] * out[0] + hours[1] * out[1], hours[0] * inside[0] + hours[1] * inside[1]
    for k in range(int(state.imports.used[0])):
        a = b = state.imports.offset[k]
        for j in range(CAPACITIES):
            a += state.imports.slope[k, j] * out[j]
            b += state.imports.slope[k, j] * inside[j]
        way = further(way, a - allowed, b - allowed)
        if terms.self_use > 0.0:
            way = further(way, a + terms.self_use * at_out - 1.0, b + terms.self_use * at_inside - 1.0)
    return way


@compiled
def further(way: float, a: float, b: float) -> float:
    """Way at which a line from ``a`` to ``b`` is no longer positive, if that is further than ``way``."""
    if a + way * (b - a) <= 0.0:
        return way
    return min(a / (a - b), 1.0) if b < a else 1.0


@compiled
def approach(
    year: Year,
    battery: Battery,
    terms: Terms,
    hours: Series,
    allowed: float,
    slack: float,
    upper: float,
    state: State,
    out: Series,
    inside: Series,
) -> tuple[float, int]:
    """Dispatch on the way from ``out`` to ``inside`` where it enters the feasible set, which the planes tell ever better.

    ``inside``, which costs ``upper``, becomes what was found if it is cheaper. Returns the cost found, or infinity, and the number of
    dispatches.
    """
    trial, tries = np.zeros(CAPACITIES), 0
    while tries < 12:
        way = crossing(state, terms, hours, max(allowed - slack, 0.0), out, inside)
        if way >= 1.0:
            break
        trial[:] = out + way * (inside - out)
        seen = look(year, trial, battery, terms, hours, state)
        tries += 1
        if meets(seen, allowed):
            if seen.cost < upper:
                inside[:] = trial
            return seen.cost, tries
    return np.inf, tries


@compiled
def size_target(
    year: Year, battery: Battery, terms: Terms, hours: Series, target_share: float, state: State, inside: Series, result: Series
) -> None:
    """Fill ``result`` (COLUMNS) for one target, which allows an import share.

    ``inside`` is a portfolio known to meet it, or NaN; it becomes the portfolio found.
    """
    allowed = min(target_share, terms.import_share)
    point, out = np.zeros(CAPACITIES + 1), np.zeros(CAPACITIES)
    marked, known = np.zeros(MOST_PLANES), 0
    begin_master(state, terms, hours)
    upper, lower, price, used, outcome = np.inf, -np.inf, 0.0, 0, OPEN
    if not np.isnan(inside[0]):
        seen, used = look(year, inside, battery, terms, hours, state), 1
        upper = seen.cost if meets(seen, allowed) else np.inf
    while used < MOST_DISPATCHES:
        known = assemble(state, terms, hours, allowed, known, marked)
        found, value = master.solve(state.working, terms.costs, state.basis, point)
        if found == master.STALLED:  # the inverse has drifted
            master.start(state.basis, terms.costs)
            found, value = master.solve(state.working, terms.costs, state.basis, point)
        if found != OPTIMAL:
            # a proof of infeasibility beside a portfolio that meets the target is rounding, and no proof
            outcome = UNREACHABLE if found == master.INFEASIBLE and not np.isfinite(upper) else OPEN
            break
        lower = max(lower, value)
        if np.isfinite(upper) and upper - lower <= terms.tolerance * upper:
            outcome = CERTIFIED
            break
        price = target_price(state.basis, marked)
        out[:] = np.maximum(point[1:], 0.0)
        seen = look(year, out, battery, terms, hours, state)
        used += 1
        if meets(seen, allowed):
            if seen.cost < upper:
                upper = seen.cost
                inside[:] = out
            continue
        if not np.isfinite(upper):
            continue
        slack = min(0.2 * terms.tolerance * upper / max(price, 1e-9), 0.25 * allowed)
        cost, tries = approach(year, battery, terms, hours, allowed, slack, upper, state, out, inside)
        upper, used = min(upper, cost), used + tries
    result[:CAPACITIES] = inside
    if not np.isfinite(upper):
        result[:CAPACITIES] = np.nan
    result[4], result[5], result[6], result[7], result[8] = upper, lower, outcome, price, used


@compiled
def target_price(basis: Basis, marked: Series) -> float:
    """Price of the target: what one MWh less of import would cost, from the weights of the planes of its share."""
    total = 0.0
    for i in range(basis.column.size):
        k = int(basis.column[i])
        if k >= 0 and marked[k] > 0.0:
            total += max(basis.weight[i], 0.0)
    return total


@compiled
def furthest(terms: Terms, hours: Series, peak: float, x: Series) -> None:
    """Fill a portfolio that serves as much as the limits allow: all land, up to the overbuild, and a store of seasons."""
    for k in range(2):
        x[k] = min(terms.limits[k], terms.overbuild / hours[k] if hours[k] > 0.0 else 0.0)
    total = hours[0] * x[0] + hours[1] * x[1]
    if total > terms.overbuild:
        x[0] *= terms.overbuild / total
        x[1] *= terms.overbuild / total
    x[2] = min(terms.limits[2], x[0] + x[1] + peak)
    x[3] = min(terms.limits[3], 4_000.0)


@compiled
def size_site(year: Year, battery: Battery, terms: Terms, allowed: Series, state: State, results: Series) -> float:
    """Fill ``results`` (target, COLUMNS) of one site; ``allowed`` are import shares by target, descending.

    Returns the largest matched share that was seen within the limits of land and overbuild, a lower bound of what is in reach.
    """
    hours, peak = np.zeros(2), 0.0
    for t in range(year.load.size):
        hours[0] += year.pv[t] / year.load.size
        hours[1] += year.wind[t] / year.load.size
        peak = max(peak, year.load[t])
    state.imports.used[0] = 0.0
    slope = np.zeros(CAPACITIES)
    slope[0], slope[1] = -hours[0], -hours[1]
    add_plane(state.imports, 1.0, slope, 0.0)
    inside = np.zeros(CAPACITIES)
    furthest(terms, hours, peak, inside)
    seen = look(year, inside, battery, terms, hours, state)
    reached, known = 1.0 - seen.share, seen.excess <= ROUNDING
    for k in range(allowed.size - 1, -1, -1):
        start = inside.copy()
        if not (known and seen.share <= allowed[k] + ROUNDING):
            start[:] = np.nan
        size_target(year, battery, terms, hours, allowed[k], state, start, results[k])
        if np.isfinite(results[k, 4]):
            inside[:] = results[k, :CAPACITIES]
            seen, known = Seen(0.0, 0.0, 0.0), True
            reached = max(reached, 1.0 - allowed[k])
    return reached


def empty_state() -> State:
    """Room for the search at a site."""
    return State(master.empty_planes(), master.empty_planes(), master.empty_basis())
