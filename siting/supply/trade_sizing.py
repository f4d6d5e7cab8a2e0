"""Least-cost capacities where exports have a limit of power, two prices, or more than what is stored is worth, with a certificate.

For everything that `siting.supply.sizing` leaves open of paid exports: the same planes and the same master, with the best hours of each
portfolio (`siting.supply.trade`) in place of the greedy ones.

Let I be the import, S the export, R what exports earn, A the available generation, c the price of imports, a the import that a target
allows and m the largest share of A that is sold, all over a load of 1. For any multipliers u, v >= 0 a dispatch that keeps both limits
has

    c I - R >= (c + u) I - (R - v S) - u a - v m A,

and the first two terms are at least minus the worth of the best hours with imports at c + u and exports at v less: a plane in the
capacities lies above that worth (`trade`), so that its negative bounds c I - R from below. The cost of a year is the largest of these
bounds over all multipliers, as the hours are a linear programme.

What the hours do changes with the order of six worths alone (`trade`), not with their values: so few multipliers are needed. Those of the
target are at which saving an import is worth as much as selling what is stored for it, (price / efficiency) - c, by source, and the least
with which no power is imported for sale, dear - c. Without a cap on the share of exports these are all. With one, v is the price of
either source, what of it is beyond the worth of storing for the load, or that at which the cheaper one is rather kept to serve the load in
the place of the dearer. Hours of two multipliers are mixed where one keeps a limit with room and the other doesn't keep it; where both
limits bind at once a gap may stay. One stays, too, where exports earn more than imports cost, unless the target is worth the difference:
hours that import for sale are left to the linear programme. The result says so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.supply import master, sizing, trade
from siting.supply.dispatch import Battery, Mix, Series, Spans, served_with_slope
from siting.supply.master import CAPACITIES, MOST_PLANES, OPTIMAL, Basis, Planes, add_plane
from siting.supply.sizing import Inside, Seen, Terms
from siting.supply.trade import Deal, Worth

#: Portfolios that are run per target before the search ends with the gap that it has.
MOST_TRIALS = 150

#: What of its exports a run sells: all, those of the dearer source, none. The latter count where a cap on exports may bind.
ALL, DEAR, NONE = range(3)


class Case(NamedTuple):
    """A site: hours (a load with a mean of 1 MW), their number, mean output of PV and wind [1] (2,), battery, numbers and prices.

    ``terms`` say nothing of the price of exports here; ``prices`` do. ``multipliers`` (pair, 2) are of the target and of the export share
    [CNY/MWh].
    """

    year: Spans
    size: float
    means: Series
    battery: Battery
    terms: Terms
    prices: Deal
    multipliers: Series


class State(NamedTuple):
    """Master of a site: planes and basis, what each plane's offset falls by per allowed import, and room for the worth of the store."""

    planes: Planes
    basis: Basis
    per_allowed: Series
    worth: Worth


class Blend(NamedTuple):
    """Two points, the part of the second, and the import share and import cost less export revenue [CNY per MWh of load] of the mixture.

    A run under a pair of multipliers yields one point, or three where exports are capped: `ALL`, `DEAR` and `NONE`.
    """

    first: int
    second: int
    part: float
    share: float
    net: float


class Runs(NamedTuple):
    """Planes above the worth of all portfolios, by pair of multipliers (pair, 5) [per MWh of load], and the cheapest mixture."""

    planes: Series
    blend: Blend


def multipliers(terms: Terms, prices: Deal, battery: Battery) -> Series:
    """Pairs of multipliers of the target and of the export share [CNY/MWh], (pair, 2)."""
    c, cycle = prices.imports, battery.charge * battery.discharge
    sold = (prices.dear, prices.other)
    kept = {0.0}
    if terms.export_share < 1.0:
        kept |= set(sold) | {price - cycle * c for price in sold}
        kept |= {(prices.other - cycle * prices.dear) / (1.0 - cycle)} if cycle < 1.0 and prices.other < prices.dear else set()
    pairs = set()
    for v in (v for v in kept if 0.0 <= v <= prices.dear):
        least = max(prices.dear - v - c, 0.0)
        pairs |= {(max((price - v) / cycle - c, least), v) for price in sold} | {(least, v)}
    return np.array(sorted(pairs))


def case_of(year: sizing.Year, battery: Battery, terms: Terms, prices: Deal) -> Case:
    """Case of a site."""
    hours = Spans(*year, np.ones(year.load.size))
    means = np.array([year.pv.mean(), year.wind.mean()])
    return Case(hours, float(year.load.size), means, battery, terms, prices, multipliers(terms, prices, battery))


def empty_state(hours: int) -> State:
    """Room for the search at a site."""
    return State(master.empty_planes(), master.empty_basis(), np.zeros(MOST_PLANES), trade.empty_worth(hours))


def deal_of(case: Case, k: int) -> Deal:
    """Prices under a pair of multipliers."""
    prices, u, v = case.prices, case.multipliers[k, 0], case.multipliers[k, 1]
    return Deal(prices.imports + u, max(prices.dear - v, 0.0), max(prices.other - v, 0.0), prices.limit, prices.wind_is_dear)


def run(case: Case, x: Series, allowed: float, worth: Worth, hourly: Series) -> Runs:
    """Run a portfolio under one pair of multipliers after the other, until hours keep both limits without the help of any.

    ``hourly`` (pair, len(`trade.ROWS`), time) or (pair, 0, 0) is filled with the hours.
    """
    mix, prices, kinds = Mix(*map(float, x)), case.prices, 3 if case.terms.export_share < 1.0 else 1
    within, cap = allowed_at(case, x, allowed)
    points, planes = [], []
    for k in range(len(case.multipliers)):
        plane = np.zeros(CAPACITIES + 1)
        found = trade.trade(case.year, mix, case.battery, deal_of(case, k), worth, plane, hourly[k])
        planes.append(plane / case.size)
        for dear, other in ((found.dear, found.other), (found.dear, 0.0), (0.0, 0.0))[:kinds]:
            net = prices.imports * found.imports - prices.dear * dear - prices.other * other
            points.append([value / case.size if found.closed else np.nan for value in (found.imports, dear + other, net)])
        if k == 0 and points[0][0] <= within and points[0][1] <= cap and not case.multipliers[0].any():
            break
    return Runs(np.array(planes), blend(np.array(points), within, cap))


def blend(points: Series, allowed: float, cap: float) -> Blend:
    """Cheapest mixture of two points that keeps an import share and a cap on exports; that of the least import where there is none.

    Points (point, 3) are import share, export share, and import cost less export revenue, unknown where the hours of a year don't close.
    """
    near = sizing.ROUNDING
    share, sold, net = points[:, 0], points[:, 1], points[:, 2]
    part = np.maximum(_part(share, allowed), _part(sold, cap))
    mixed = net[:, None] + part * (net - net[:, None])
    kept = (part <= 1.0) & (share[:, None] + part * (share - share[:, None]) <= allowed + near)
    kept &= sold[:, None] + part * (sold - sold[:, None]) <= cap + near
    if kept.any():
        i, j = divmod(int(np.argmin(np.where(kept, mixed, np.inf))), len(points))
        return Blend(i, j, float(part[i, j]), float(share[i] + part[i, j] * (share[j] - share[i])), float(mixed[i, j]))
    least = np.where(sold <= cap + near, share, np.inf)
    k = int(np.argmin(np.where(np.isnan(least), np.inf, least)))
    return Blend(k, k, 0.0, float(share[k]), float(net[k])) if np.isfinite(share[k]) else Blend(0, 0, 0.0, np.inf, np.inf)


def _part(values: Series, limit: float) -> Series:
    """Least part of the way from each value (row) to each (column) that keeps a limit; more than 1 if none does."""
    a, b = values[:, None], values[None, :]
    way = np.divide(a - limit, a - b, out=np.full((values.size, values.size), 2.0), where=b < a)
    return np.where(a <= limit + sizing.ROUNDING, 0.0, way)


def allowed_at(case: Case, x: Series, allowed: float) -> tuple[float, float]:
    """Import share that a portfolio may have by target, own share and self-use, and its cap on exports as a share of the load."""
    available = case.means[0] * x[0] + case.means[1] * x[1]
    return min(allowed, case.terms.import_share, 1.0 - case.terms.self_use * available), case.terms.export_share * available


def look(case: Case, x: Series, allowed: float, state: State) -> Seen:
    """Run a portfolio, and keep the planes that it yields."""
    terms, slope = case.terms, np.zeros(CAPACITIES)
    planes, found = run(case, x, allowed, state.worth, np.zeros((len(case.multipliers), 0, 0)))
    made = np.r_[case.means, 0.0, 0.0]
    for plane, (u, v) in zip(planes, case.multipliers, strict=False):
        below = -plane[1:] - v * terms.export_share * made
        keep_plane(state, -plane[0], below, 1.0, u, allowed)
        if u > 0.0 and terms.self_use > 0.0:
            keep_plane(state, -plane[0] - u, below + u * terms.self_use * made, 1.0, 0.0, allowed)
    share = served_with_slope(case.year, Mix(*map(float, x)), case.battery, slope) / case.size
    slope /= -case.size
    offset = float(share - slope @ x)
    keep_plane(state, offset, slope, 0.0, 1.0, allowed)
    if terms.self_use > 0.0:
        keep_plane(state, offset - 1.0, slope + terms.self_use * made, 0.0, 0.0, allowed)
    available = made @ x
    excess = max(found.share + terms.self_use * available - 1.0, found.share - terms.import_share, available - terms.overbuild)
    return Seen(found.share, float(found.net + terms.costs @ x), float(max(excess, np.max(x - terms.limits))))


def keep_plane(state: State, offset: float, slope: Series, coefficient: float, per_allowed: float, allowed: float) -> None:
    """Keep a plane, where there is room."""
    k = int(state.planes.used[0])
    if k < MOST_PLANES:
        add_plane(state.planes, offset - per_allowed * allowed, slope, coefficient)
        state.per_allowed[k] = per_allowed


def begin_master(state: State, case: Case, allowed: float) -> None:
    """First planes of the master: bounds of the net cost of trade, limits of the capacities, and the load that nothing serves."""
    planes, terms, none = state.planes, case.terms, np.zeros(CAPACITIES)
    planes.used[0] = 0.0
    most = case.prices.dear * min(terms.export_share * terms.overbuild, case.prices.limit)
    keep_plane(state, -most, none, 1.0, 0.0, allowed)
    made = np.r_[case.means, 0.0, 0.0]
    keep_plane(state, -terms.overbuild, made, 0.0, 0.0, allowed)
    for k in range(CAPACITIES):
        if np.isfinite(terms.limits[k]):
            one = none.copy()
            one[k] = 1.0
            keep_plane(state, -terms.limits[k], one, 0.0, 0.0, allowed)
    keep_plane(state, 1.0, -made, 0.0, 1.0, allowed)
    master.start(state.basis, terms.costs, 1.0)


def search(case: Case, allowed: float, given: Series, state: State, inside: Inside) -> sizing.Found:
    """Kelley's search from a given result, which improves ``inside``, as `sizing.search` with the best hours."""
    terms, point, room = case.terms, np.zeros(CAPACITIES + 1), 2 * len(case.multipliers) + 2
    trial, lower, price, outcome, used = given[:CAPACITIES].copy(), float(given[5]), float(given[7]), sizing.OPEN, 0
    while used < MOST_TRIALS and int(state.planes.used[0]) + room <= MOST_PLANES:
        seen = look(case, trial, allowed, state)
        used += 1
        if sizing.meets(seen, allowed):
            sizing.keep(inside, trial, seen)
        else:
            sizing.keep_between(inside, trial, seen, allowed, 0.0)
        if sizing.closed(lower, inside.numbers[0], terms.tolerance):
            outcome = sizing.CERTIFIED
            break
        found, value = master.solve(state.planes, terms.costs, 1.0, state.basis, point)
        if found == master.STALLED:  # the inverse has drifted
            master.start(state.basis, terms.costs, 1.0)
            found, value = master.solve(state.planes, terms.costs, 1.0, state.basis, point)
        if found != OPTIMAL:  # no proof of infeasibility where the search without a limit has a portfolio, but rounding
            break
        if value > lower:
            lower, price = float(value), target_price(state)
        if sizing.closed(lower, inside.numbers[0], terms.tolerance):
            outcome = sizing.CERTIFIED
            break
        corner = np.maximum(point[1:], 0.0)
        trial = corner + sizing.OUTWARD * (inside.best - corner) if np.isfinite(inside.numbers[0]) else corner
    return sizing.Found(lower, outcome, price, used)


def target_price(state: State) -> float:
    """Price of the target: what one MWh less of import would cost."""
    price = 0.0
    for i in range(state.basis.column.size):
        k = int(state.basis.column[i])
        if k >= 0:
            price += max(float(state.basis.weight[i]), 0.0) * state.per_allowed[k]
    return price


def improve(case: Case, allowed: Series, wanted: NDArray[np.bool_], results: Series) -> None:
    """Judge portfolios that were found without the limit on exports and at one price by their best hours, and search on where need be.

    Parameters
    ----------
    case : Case
        The site.
    allowed : ndarray, shape (target,)
        Import shares by target, descending.
    wanted : ndarray of bool, shape (target,)
        Where to do so; there are portfolios there.
    results : ndarray, shape (target, len(`sizing.COLUMNS`))
        Of :func:`siting.supply.sizing.size_site`, with all exports at the price of the dearer source: its lower bounds hold. In place.
    """
    state, allowed = empty_state(case.year.load.size), np.minimum(allowed, case.terms.import_share)
    inside, before = Inside(np.zeros(CAPACITIES), np.zeros(CAPACITIES), np.full(4, np.inf)), float(allowed[-1])
    begin_master(state, case, before)
    for k in range(allowed.size - 1, -1, -1):
        if not wanted[k]:
            continue
        now, planes, used = float(allowed[k]), state.planes, int(state.planes.used[0])
        planes.offset[:used] -= state.per_allowed[:used] * (now - before)
        if used > MOST_PLANES // 2:
            begin_master(state, case, now)
        before, found = now, search(case, now, results[k], state, inside)
        upper = inside.numbers[0]
        results[k, :CAPACITIES] = inside.best if np.isfinite(upper) else np.nan
        results[k, 4:] = upper, found.lower, found.outcome, found.price, results[k, 8] + found.dispatches
        if np.isfinite(upper) and not np.array_equal(inside.best, inside.dispatched):
            results[k, 4] = cost_of(case, inside.best, now, state.worth)
            if not sizing.closed(results[k, 5], results[k, 4], case.terms.tolerance):
                results[k, 6] = sizing.OPEN


def cost_of(case: Case, x: Series, allowed: float, worth: Worth) -> float:
    """Cost of a portfolio at an import share [CNY/MWh of load]; infinite where it imports more."""
    found = run(case, x, allowed, worth, np.zeros((len(case.multipliers), 0, 0))).blend
    within, _ = allowed_at(case, x, allowed)
    return float(found.net + case.terms.costs @ x) if found.share <= within + 2 * sizing.ROUNDING else np.inf


def best_hours(case: Case, x: Series, allowed: float) -> Series:
    """Hours of a portfolio at an import share, (len(`trade.ROWS`), time), for a load with a mean of 1 MW."""
    size, pairs, kinds = case.year.load.size, len(case.multipliers), 3 if case.terms.export_share < 1.0 else 1
    runs = np.empty((pairs, len(trade.ROWS), size))
    chosen = run(case, x, allowed, trade.empty_worth(size), runs).blend
    first, second = (_sold(runs[k // kinds], k % kinds) for k in (chosen.first, chosen.second))
    return first if chosen.part == 0.0 else (1.0 - chosen.part) * first + chosen.part * second


def _sold(hours: Series, sold: int) -> Series:
    """Hours of which all, some or none of the exports are sold."""
    if sold == ALL:
        return hours
    hours = hours.copy()
    exported, curtailed, dear = (hours[trade.ROWS.index(name)] for name in ("exported", "curtailed", "exported_dear"))
    if sold == NONE:
        dear[:] = 0.0
    curtailed += exported - dear
    exported[:] = dear
    return hours
