"""Least-cost capacities at one site for ascending hourly matched shares, with a certificate: an upper and a lower bound.

The import that a portfolio needs is convex in its capacities, and each dispatch yields a plane below it that holds for all portfolios
(`siting.supply.dispatch`). Planes don't depend on the target: one bundle serves all of them. The master (`siting.supply.master`) gives
the cheapest point above the planes, a lower bound; dispatching on the way from there to the best known portfolio gives a new plane or a
new upper bound, until both meet. Between a portfolio that misses a target and one that exceeds it lies one that meets it, by convexity
and without a dispatch.

Most dispatches run in a year whose neighbouring hours are merged where a portfolio treats them alike (`merge`), a fifth of the hours.
Planes found there hold in the hours, so lower bounds do, too; the portfolio itself needs the same import in both, so a search ends with
one merged as for what it has found.

It holds for one store with constant efficiencies, one price of imports and one of exports, and a grid that covers every deficit and
takes every surplus, or none: there greedy dispatch needs the least import, and sells the most (`sell`). A limit on the power of exports
and prices by plant leave its lower bounds, from which `siting.supply.trade_sizing` goes on. Several years follow each other on one time
axis.

References
----------
J. E. Kelley, "The cutting-plane method for solving convex programs", J. SIAM 8(4), 1960, doi:10.1137/0108053.
W. Ben-Ameur, J. Neto, "Acceleration of cutting-plane and column generation algorithms", Networks 49(1), 2007, doi:10.1002/net.20137.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siting.supply import master
from siting.supply.dispatch import Battery, Mix, Room, Series, Spans, compiled, deficit_with_slope, merge, room_for, served_with_slope
from siting.supply.master import CAPACITIES, MOST_PLANES, OPTIMAL, Basis, Planes, add_plane

#: Dispatches per target after which the search ends with the gap that it has.
MOST_DISPATCHES = 400

#: Plane of the target's share, the first of those below the import share, after the limits, and the first that a dispatch yields.
TARGET, FIRST_FOUND, FIRST_DISPATCHED = 1, 8, 9

#: Searches in merged hours before one in the hours, and portfolios that are tried between two of them.
ROUNDS, MOST_TRIES = 8, 12

#: Share of the tolerance that a search in merged hours takes, and its multiple for the first, whose hours are merged as for another target.
MERGED_SHARE, FIRST_LOOSE = 0.8, 6.0

#: Share of the way from the corner of the planes to the best portfolio at which the next is dispatched.
OUTWARD = 0.4

#: Steps from the edge of the feasible set into it, in those that the planes ask for, which are too short.
STEP = 1.5

#: Shares of the load within this of a limit meet it: sums over a year round by about 1e-13.
ROUNDING = 1e-9

#: Outcomes by target: within the tolerance, not within it, proven infeasible.
CERTIFIED, OPEN, UNREACHABLE = 0.0, 1.0, 2.0

#: Columns of the result by target: capacities [MW, MWh], upper and lower bound of the cost and price of the target [CNY/MWh], and more.
COLUMNS = ("pv", "wind", "power", "energy", "upper", "lower", "outcome", "target_price", "dispatches")


class Terms(NamedTuple):
    """Numbers of one site, for a load with a mean of 1 MW.

    ``costs`` [CNY per MW or MWh of capacity and MWh of load] (4,), prices of imports and exports [CNY/MWh], largest export and least
    self-use as shares of the available generation, upper limits of the capacities [MW, MWh] (4,), largest available generation over load,
    largest import share and tolerance.
    """

    costs: Series
    import_price: float
    export_price: float
    export_share: float
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


class Case(NamedTuple):
    """A site: its hours (a load with a mean of 1 MW) and room to merge them, and what they have in common.

    Number of hours, mean output of PV and wind [1] (2,), battery and numbers; price of the net imports that the master knows [CNY/MWh],
    what an export is worth in imports [1], and planes by dispatch.
    """

    year: Spans
    room: Room
    size: float
    means: Series
    battery: Battery
    terms: Terms
    price: float
    worth: float
    stride: int


class State(NamedTuple):
    """The master of a site: its planes, which grow over the targets, and its basis."""

    planes: Planes
    basis: Basis


class Seen(NamedTuple):
    """A portfolio that was dispatched: import share [1], cost [CNY per MWh of load], worst excess over a limit [1]."""

    share: float
    cost: float
    excess: float


class Inside(NamedTuple):
    """The cheapest portfolio known to meet a target, and the cheapest of those that were dispatched, both (4,), in place.

    ``numbers`` are the cost of the first, at most, and import share, cost and excess of the second; costs are infinite before there is one.
    """

    best: Series
    dispatched: Series
    numbers: Series


class Found(NamedTuple):
    """What a search has found: lower bound [CNY/MWh], outcome, target's price [CNY/MWh], dispatches."""

    lower: float
    outcome: float
    price: float
    dispatches: int


@compiled
def alike(case: Case, x: Series) -> Spans:
    """Hours merged as for a portfolio."""
    return merge(case.year, Mix(x[0], x[1], x[2], x[3]), case.room)


@compiled
def look(case: Case, year: Spans, x: Series, state: State) -> Seen:
    """Dispatch a portfolio in the hours or in merged ones, and keep the plane that it yields."""
    terms, slope, planes = case.terms, np.zeros(CAPACITIES), state.planes
    share = served_with_slope(year, Mix(x[0], x[1], x[2], x[3]), case.battery, slope) / case.size
    slope /= -case.size
    offset, cost = share, terms.import_price * share
    available = case.means[0] * x[0] + case.means[1] * x[1]
    excess = max(share + terms.self_use * available - 1.0, share - terms.import_share, available - terms.overbuild)
    for k in range(CAPACITIES):
        offset -= slope[k] * x[k]
        cost += terms.costs[k] * x[k]
        excess = max(excess, x[k] - terms.limits[k])
    if case.worth > 0.0:
        cost -= terms.export_price * sell(case, year, x, planes, share, slope)
    elif planes.used[0] < MOST_PLANES:
        add_plane(planes, offset, slope, 1.0)
    return Seen(share, cost, excess)


@compiled
def sell(case: Case, year: Spans, x: Series, planes: Planes, share: float, slope: Series) -> float:
    """Export of a portfolio as a share of the load, its import share and slope given; keeps planes of import and net import.

    Notes
    -----
    Let A be the available generation, N the load beyond the generation of its own hour, e the efficiency of a cycle, all over a load
    of 1. In any dispatch the load takes at most 1 - N from the generation of its hour, the import I and the discharge give the rest,
    and the battery loses 1/e - 1 of the discharge. What is left for exports is therefore

        S <= A - 1 + I - (N - I) (1/e - 1) = A - 1 + I/e - N (1/e - 1),

    and the greedy dispatch, which uses generation at once where it can, leaves as much. With prices c of imports and p of exports, of
    which at most a share m of A is sold, the year costs

        max(c I - p S, c I - p m A) = max((c - p/e) I + p (1/e - 1) N - p (A - 1), c I - p m A).

    For p <= e c neither falls with I, so that the least import of the greedy dispatch is the best, whatever else bounds I. I and N are
    convex in the capacities and A is linear: so is this cost. The master knows it as net imports, in units of the import price.

    For p > e c what is stored would rather be sold, but for the target. The price of imports is then taken as p/e and, as no more than
    allowed is imported, (p/e - c) of that from the lower bound: it meets the upper one where the target alone keeps more from being
    imported, and otherwise the search stays open. A limit on the power of exports breaks the rule: it may pay to sell now and to store
    what can't be sold later. So do prices by plant: it may pay to store what is cheap, and to have it serve the load in hours in which what
    else would serve it sells dearer. Yet what costs at least so much without a limit and with all exports at the dearer price does so with
    them. So all three are left to `siting.supply.trade_sizing`, with the lower bounds and the portfolios found here.
    """
    terms, cycle, near = case.terms, case.battery.charge * case.battery.discharge, np.zeros(CAPACITIES)
    deficit = deficit_with_slope(year, Mix(x[0], x[1], x[2], x[3]), near) / case.size
    near /= case.size
    loss, available = 1.0 / cycle - 1.0, case.means[0] * x[0] + case.means[1] * x[1]
    surplus = available - 1.0 + share / cycle - loss * deficit
    sold = float(min(surplus, terms.export_share * available))
    if planes.used[0] + case.stride > MOST_PLANES:
        return sold
    net, capped, kept = np.zeros(CAPACITIES), slope.copy(), slope.copy()
    for k in range(CAPACITIES):
        net[k] = max(1.0 - case.worth / cycle, 0.0) * slope[k] + case.worth * loss * near[k]
    for k in range(2):
        net[k] -= case.worth * case.means[k]
        capped[k] -= case.worth * terms.export_share * case.means[k]
        kept[k] += terms.self_use * case.means[k]
    add_at(planes, x, share + planes.offset[TARGET], slope, 0.0)
    add_at(planes, x, share - case.worth * surplus, net, 1.0)
    if terms.export_share < 1.0:
        add_at(planes, x, share - case.worth * terms.export_share * available, capped, 1.0)
    if terms.self_use > 0.0:
        add_at(planes, x, share + terms.self_use * available - 1.0, kept, 0.0)
    return sold


@compiled
def add_at(planes: Planes, x: Series, value: float, slope: Series, coefficient: float) -> None:
    """Keep a plane that has a value at a portfolio."""
    offset = value
    for k in range(CAPACITIES):
        offset -= slope[k] * x[k]
    add_plane(planes, offset, slope, coefficient)


@compiled
def meets(seen: Seen, allowed: float) -> bool:
    """Whether a portfolio keeps all limits and the import share of a target."""
    return seen.excess <= ROUNDING and seen.share <= allowed + ROUNDING


@compiled
def begin_master(state: State, case: Case) -> None:
    """First planes of the master: bounds of the (net) import share, limits of the capacities, and the load that nothing serves.

    Net imports keep the limits of imports, as they are no larger; and they are at least 1 - A, as the export is at most A - 1 + I.
    """
    planes, terms, none = state.planes, case.terms, np.zeros(CAPACITIES)
    planes.used[0] = 0.0
    add_plane(planes, -case.worth * terms.export_share * terms.overbuild, none, 1.0)
    add_plane(planes, -terms.import_share, none, -1.0)
    made = none.copy()
    made[0], made[1] = case.means
    add_plane(planes, -1.0, terms.self_use * made, -1.0)
    add_plane(planes, -terms.overbuild, made, 0.0)
    for k in range(CAPACITIES):
        one = none.copy()
        one[k] = 1.0
        add_plane(planes, -terms.limits[k], one, 0.0)
    add_plane(planes, 1.0, -made, 1.0)
    master.start(state.basis, terms.costs, case.price)


@compiled
def allow(state: State, case: Case, allowed: float) -> None:
    """Set the import share of a target, in its plane and in those below the import where exports have planes of their own."""
    planes = state.planes
    change = -planes.offset[TARGET] - allowed
    planes.offset[TARGET] = -allowed
    if case.worth > 0.0:
        for k in range(FIRST_DISPATCHED, int(planes.used[0]), case.stride):
            planes.offset[k] += change


@compiled
def crossing(state: State, case: Case, allowed: float, out: Series, inside: Series) -> float:
    """Share of the way from ``out`` to ``inside`` after which no known plane forbids a portfolio; 1 if only the end will do."""
    way, self_use, planes = 0.0, case.terms.self_use, state.planes
    at_out = self_use * (case.means[0] * out[0] + case.means[1] * out[1]) - 1.0
    at_inside = self_use * (case.means[0] * inside[0] + case.means[1] * inside[1]) - 1.0
    taken, first = (allowed, FIRST_DISPATCHED) if case.worth > 0.0 else (0.0, FIRST_FOUND)
    for k in range(first, int(planes.used[0]), case.stride):
        a = b = planes.offset[k] + taken
        for j in range(CAPACITIES):
            a += planes.slope[j, k] * out[j]
            b += planes.slope[j, k] * inside[j]
        way = further(way, a - allowed, b - allowed)
        if self_use > 0.0:
            way = further(way, a + at_out, b + at_inside)
    return way


@compiled
def further(way: float, a: float, b: float) -> float:
    """Way at which a line from ``a`` to ``b`` is no longer positive, if that is further than ``way``."""
    if a + way * (b - a) <= 0.0:
        return way
    return min(a / (a - b), 1.0) if b < a else 1.0


@compiled
def keep(inside: Inside, x: Series, seen: Seen) -> None:
    """Keep a portfolio that meets the target where it is cheaper than what is known."""
    if seen.cost < inside.numbers[2]:
        inside.dispatched[:] = x
        inside.numbers[1], inside.numbers[2], inside.numbers[3] = seen.share, seen.cost, seen.excess
    if seen.cost < inside.numbers[0]:
        inside.best[:] = x
        inside.numbers[0] = seen.cost


@compiled
def keep_between(inside: Inside, x: Series, seen: Seen, allowed: float, raised: float) -> None:
    """Keep the point between a portfolio that misses the target and one that meets it at which convexity has them meet it.

    Costs of the greedy dispatch are not convex where the price of imports is raised (see `sell`).
    """
    _, share, cost, excess = inside.numbers
    if raised > 0.0 or not np.isfinite(cost):
        return
    way = (seen.share - allowed) / (seen.share - share) if seen.share > allowed else 0.0
    if seen.excess > 0.0:
        way = max(way, seen.excess / (seen.excess - excess)) if excess < 0.0 else 1.0
    between = seen.cost + way * (cost - seen.cost)
    if way < 1.0 and between < inside.numbers[0]:
        for k in range(CAPACITIES):
            inside.best[k] = x[k] + way * (inside.dispatched[k] - x[k])
        inside.numbers[0] = between


@compiled
def search(case: Case, year: Spans, allowed: float, tolerance: float, state: State, inside: Inside) -> Found:
    """Kelley's search in the hours or in merged ones, which improves ``inside``.

    It dispatches a portfolio between the corner of the planes and the best one: either that is better, or its plane cuts the corner off.
    """
    terms, point, trial, best = case.terms, np.zeros(CAPACITIES + 1), np.zeros(CAPACITIES), inside.best
    lower, price, outcome, used = -np.inf, 0.0, OPEN, 0
    raised = case.price - terms.import_price
    while used < MOST_DISPATCHES:
        found, value = master.solve(state.planes, terms.costs, case.price, state.basis, point)
        if found == master.STALLED:  # the inverse has drifted
            master.start(state.basis, terms.costs, case.price)
            found, value = master.solve(state.planes, terms.costs, case.price, state.basis, point)
        upper = inside.numbers[0]
        if found != OPTIMAL:
            # a proof of infeasibility beside a portfolio that meets the target is rounding, and no proof
            outcome = UNREACHABLE if found == master.INFEASIBLE and not np.isfinite(upper) else OPEN
            break
        lower, price = max(lower, value - raised * allowed), target_price(state, case.stride) + raised
        if closed(lower, upper, tolerance):
            outcome = CERTIFIED
            break
        for k in range(CAPACITIES):
            corner = max(point[k + 1], 0.0)
            trial[k] = corner + OUTWARD * (best[k] - corner) if np.isfinite(upper) else corner
        seen = look(case, year, trial, state)
        used += 1
        if meets(seen, allowed):
            keep(inside, trial, seen)
        else:
            keep_between(inside, trial, seen, allowed, raised)
    return Found(lower, outcome, price, used)


@compiled
def closed(lower: float, upper: float, tolerance: float) -> bool:
    """Whether the bounds are within the tolerance of each other."""
    return bool(np.isfinite(upper) and upper - lower <= tolerance * abs(upper))


@compiled
def size_target(case: Case, target_share: float, state: State, year: Spans, inside: Inside, result: Series) -> Spans:
    """Fill ``result`` (COLUMNS) for one target, which allows an import share, and improve ``inside``, which meets it.

    Hours are merged as given at first, then as for what was found; returns them as merged last.
    """
    allowed, tolerance = min(target_share, case.terms.import_share), case.terms.tolerance
    allow(state, case, allowed)
    lower, outcome, price, used, loose = -np.inf, OPEN, 0.0, 0, FIRST_LOOSE
    for _ in range(ROUNDS):
        merged = Inside(inside.best.copy(), inside.dispatched.copy(), inside.numbers.copy())
        found = search(case, year, allowed, loose * MERGED_SHARE * tolerance, state, merged)
        lower, price, used, loose = max(lower, found.lower), found.price, used + found.dispatches, 1.0
        if found.outcome == UNREACHABLE:
            outcome = UNREACHABLE
            break
        trial = merged.best
        for _ in range(MOST_TRIES):
            year = alike(case, trial)
            seen = look(case, year, trial, state)
            used += 1
            if meets(seen, allowed):
                keep(inside, trial, seen)
                break
            keep_between(inside, trial, seen, allowed, case.price - case.terms.import_price)
            way = STEP * crossing(state, case, allowed, trial, inside.dispatched)
            if way >= 1.0 or not np.isfinite(inside.numbers[0]) or closed(lower, inside.numbers[0], tolerance):
                break
            trial += way * (inside.dispatched - trial)
        if closed(lower, inside.numbers[0], tolerance):
            outcome = CERTIFIED
            break
    if outcome == OPEN:
        found = search(case, case.year, allowed, tolerance, state, inside)
        lower, outcome, price, used = max(lower, found.lower), found.outcome, found.price, used + found.dispatches
    upper = inside.numbers[0]
    for k in range(CAPACITIES):
        result[k] = inside.best[k] if np.isfinite(upper) else np.nan
    result[4], result[5], result[6], result[7], result[8] = upper, lower, outcome, price, float(used)
    return year


@compiled
def target_price(state: State, stride: int) -> float:
    """Price of the target: what one MWh less of import would cost, the weight of the planes that hold it."""
    price = 0.0
    for i in range(state.basis.column.size):
        k = int(state.basis.column[i])
        if k == TARGET or (stride > 1 and k >= FIRST_DISPATCHED and (k - FIRST_DISPATCHED) % stride == 0):
            price += max(float(state.basis.weight[i]), 0.0)
    return price


@compiled
def furthest(case: Case, peak: float, x: Series) -> None:
    """Fill a portfolio that serves as much as the limits allow: all land, up to the overbuild, and a store of seasons."""
    terms, means = case.terms, case.means
    for k in range(2):
        x[k] = min(terms.limits[k], terms.overbuild / means[k] if means[k] > 0.0 else 0.0)
    total = means[0] * x[0] + means[1] * x[1]
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
    size, peak = year.load.size, np.max(year.load)
    hours = Spans(year.pv, year.wind, year.load, np.ones(size))
    room = room_for(hours)
    means = np.array([room.pv[size] / size, room.wind[size] / size])
    price = max(terms.import_price, terms.export_price / (battery.charge * battery.discharge))
    worth = terms.export_price / price if price > 0.0 else 0.0
    stride = 2 + int(terms.export_share < 1.0) + int(terms.self_use > 0.0) if worth > 0.0 else 1
    case = Case(hours, room, float(size), means, battery, terms, price, worth, stride)
    begin_master(state, case)
    inside = Inside(np.zeros(CAPACITIES), np.zeros(CAPACITIES), np.full(4, np.inf))
    most = np.zeros(CAPACITIES)
    furthest(case, peak, most)
    seen = look(case, hours, most, state)
    reached = 1.0 - seen.share
    near = np.minimum(most, np.array([0.8 / max(means[0], 1e-3), 0.6 / max(means[1], 1e-3), 1.5, 12.0]))
    merged = alike(case, near)
    for k in range(allowed.size - 1, -1, -1):
        if not np.isfinite(inside.numbers[0]) and meets(seen, min(allowed[k], terms.import_share)):
            keep(inside, most, seen)
        merged = size_target(case, allowed[k], state, merged, inside, results[k])
        if np.isfinite(inside.numbers[0]):
            reached = max(reached, 1.0 - allowed[k])
    return reached


def empty_state() -> State:
    """Room for the search at a site."""
    return State(master.empty_planes(), master.empty_basis())
