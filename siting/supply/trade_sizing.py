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
either source, or that at which the cheaper one is rather kept to serve the load in the place of the dearer; between them, and where both
limits bind at once, a gap may stay, and the result says so.
Hours of two multipliers are mixed where one keeps a limit with room and the other doesn't keep it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siting.supply import master, sizing, trade
from siting.supply.dispatch import Battery, Mix, Series, Spans, served_with_slope
from siting.supply.master import CAPACITIES, MOST_PLANES, OPTIMAL, Basis, Planes, add_plane
from siting.supply.sizing import Inside, Seen, Terms
from siting.supply.trade import Deal, Traded, Worth

#: Portfolios that are run per target before the search ends with the gap that it has.
MOST_TRIALS = 150

#: Columns of the points of a portfolio: import share, export share, and import cost less export revenue [CNY per MWh of load].
IMPORT, EXPORT, NET = range(3)


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
    """Two pairs of multipliers, the share of the exports that is sold under each, and the part of the second; and what comes of it."""

    first: int
    second: int
    first_sold: float
    second_sold: float
    part: float
    share: float
    net: float


def multipliers(terms: Terms, prices: Deal, battery: Battery) -> Series:
    """Pairs of multipliers of the target and of the export share [CNY/MWh], (pair, 2)."""
    c, cycle, cap = prices.imports, battery.charge * battery.discharge, terms.export_share
    least = max(prices.dear - c, 0.0)
    pairs = {(max(price / cycle - c, least), 0.0) for price in (prices.dear, prices.other)} | {(least, 0.0)}
    if cap < 1.0:
        kept = [prices.dear, prices.other]
        if cycle < 1.0:
            kept.append((prices.other - cycle * prices.dear) / (1.0 - cycle))
        lower = [v for v in kept if 0.0 < v <= prices.dear]
        pairs |= {(max((prices.dear - v) / cycle - c, prices.dear - v - c, 0.0), v) for v in lower}
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


def run_points(case: Case, x: Series, worth: Worth, planes: Series, points: Series) -> None:
    """Run a portfolio under each pair of multipliers, and fill the planes (pair, 5) and the points (pair, 3) that it yields."""
    mix, none = Mix(x[0], x[1], x[2], x[3]), np.zeros((0, 0))
    for k in range(len(case.multipliers)):
        deal = deal_of(case, k)
        found = trade.trade(case.year, mix, case.battery, deal, worth, planes[k], none)
        points[k] = point_of(case, found, deal)


def point_of(case: Case, found: Traded, deal: Deal) -> Series:
    """Point of a run; unknown where the year doesn't close. What sells for nothing under the multipliers isn't sold."""
    if not found.closed:
        return np.full(3, np.nan)
    dear = found.dear if deal.dear > 0.0 else 0.0
    other = found.other if deal.other > 0.0 else 0.0
    earned = case.prices.dear * dear + case.prices.other * other
    return np.array([found.imports, dear + other, case.prices.imports * found.imports - earned]) / case.size


def sold_within(points: Series, k: int, cap: float) -> float:
    """Share of the exports of a point that keeps the cap on them."""
    return min(1.0, cap / points[k, EXPORT]) if points[k, EXPORT] > 0.0 else 1.0


def thinned(case: Case, points: Series, k: int, sold: float) -> tuple[float, float, float]:
    """Point with a share of its exports."""
    paid = case.prices.imports * points[k, IMPORT]
    return points[k, IMPORT], sold * points[k, EXPORT], paid + sold * (points[k, NET] - paid)


def blend(case: Case, points: Series, allowed: float, cap: float) -> Blend:
    """Cheapest mixture of two points that keeps an import share and a cap on exports, or the least import."""
    best = Blend(0, 0, 1.0, 1.0, 0.0, np.inf, np.inf)
    for i in range(len(points)):
        within = sold_within(points, i, cap)
        a = thinned(case, points, i, within)
        least = best.share > allowed + sizing.ROUNDING and a[0] < best.share
        if (a[0] <= allowed + sizing.ROUNDING and (a[2] < best.net or best.share > allowed + sizing.ROUNDING)) or least:
            best = Blend(i, i, within, within, 0.0, a[0], a[2])
    for i in range(len(points)):
        for j in range(len(points)):
            for whole in range(4):
                sold = (sold_within(points, i, cap) if whole % 2 else 1.0, sold_within(points, j, cap) if whole > 1 else 1.0)
                a, b = thinned(case, points, i, sold[0]), thinned(case, points, j, sold[1])
                part = max(_part(a[0], b[0], allowed), _part(a[1], b[1], cap))
                share, exported, net = (a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1]), a[2] + part * (b[2] - a[2]))
                kept = part <= 1.0 and share <= allowed + sizing.ROUNDING and exported <= cap + sizing.ROUNDING
                if kept and (net < best.net or best.share > allowed + sizing.ROUNDING):
                    best = Blend(i, j, sold[0], sold[1], part, share, net)
    return best


def _part(a: float, b: float, limit: float) -> float:
    """Least part of the way from ``a`` to ``b`` that keeps a limit; more than 1 if none does."""
    if a <= limit + sizing.ROUNDING:
        return 0.0
    return (a - limit) / (a - b) if b < a else 2.0


def allowed_at(case: Case, x: Series, allowed: float) -> tuple[float, float]:
    """Import share that a portfolio may have by target, own share and self-use, and its cap on exports as a share of the load."""
    available = case.means[0] * x[0] + case.means[1] * x[1]
    return min(allowed, case.terms.import_share, 1.0 - case.terms.self_use * available), case.terms.export_share * available


def look(case: Case, x: Series, allowed: float, state: State, points: Series) -> Seen:
    """Run a portfolio, and keep the planes that it yields."""
    terms, traded, slope = case.terms, np.zeros((len(case.multipliers), CAPACITIES + 1)), np.zeros(CAPACITIES)
    run_points(case, x, state.worth, traded, points)
    keep_planes(case, traded, allowed, state)
    share = served_with_slope(case.year, Mix(x[0], x[1], x[2], x[3]), case.battery, slope) / case.size
    slope /= -case.size
    offset = share
    for k in range(CAPACITIES):
        offset -= slope[k] * x[k]
    keep_plane(state, offset, slope, 0.0, 1.0, allowed)
    if terms.self_use > 0.0:
        slope[:2] += terms.self_use * case.means
        keep_plane(state, offset - 1.0, slope, 0.0, 0.0, allowed)
    within, cap = allowed_at(case, x, allowed)
    found = blend(case, points, within, cap)
    available, cost = case.means[0] * x[0] + case.means[1] * x[1], found.net
    excess = max(found.share + terms.self_use * available - 1.0, found.share - terms.import_share, available - terms.overbuild)
    for k in range(CAPACITIES):
        cost += terms.costs[k] * x[k]
        excess = max(excess, x[k] - terms.limits[k])
    return Seen(found.share, cost, excess)


def keep_planes(case: Case, traded: Series, allowed: float, state: State) -> None:
    """Keep the planes below import cost less export revenue."""
    terms, slope = case.terms, np.zeros(CAPACITIES)
    for k in range(len(case.multipliers)):
        u, v = case.multipliers[k]
        offset = -traded[k, 0] / case.size
        for j in range(CAPACITIES):
            slope[j] = -traded[k, j + 1] / case.size - (v * terms.export_share * case.means[j] if j < 2 else 0.0)
        keep_plane(state, offset, slope, 1.0, u, allowed)
        if u > 0.0 and terms.self_use > 0.0:
            for j in range(2):
                slope[j] += u * terms.self_use * case.means[j]
            keep_plane(state, offset - u, slope, 1.0, 0.0, allowed)


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
    made = none.copy()
    made[0], made[1] = case.means
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
    terms, point, points = case.terms, np.zeros(CAPACITIES + 1), np.zeros((len(case.multipliers), 3))
    trial, lower, price, outcome, used = given[:CAPACITIES].copy(), float(given[5]), float(given[7]), sizing.OPEN, 0
    while used < MOST_TRIALS and int(state.planes.used[0]) + 2 * len(points) + 2 <= MOST_PLANES:
        seen = look(case, trial, allowed, state, points)
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


def improve(case: Case, allowed: Series, results: Series) -> None:
    """Judge portfolios that were found without the limit on exports and at one price by their best hours, and search on where need be.

    Parameters
    ----------
    case : Case
        The site.
    allowed : ndarray, shape (target,)
        Import shares by target, descending.
    results : ndarray, shape (target, len(`sizing.COLUMNS`))
        Of :func:`siting.supply.sizing.size_site`, with all exports at the price of the dearer source: its lower bounds hold. In place.
    """
    state, allowed = empty_state(case.year.load.size), np.minimum(allowed, case.terms.import_share)
    inside, before = Inside(np.zeros(CAPACITIES), np.zeros(CAPACITIES), np.full(4, np.inf)), float(allowed[-1])
    begin_master(state, case, before)
    for k in range(allowed.size - 1, -1, -1):
        if not np.isfinite(results[k, 0]):
            continue
        now, planes, used = float(allowed[k]), state.planes, int(state.planes.used[0])
        planes.offset[:used] -= state.per_allowed[:used] * (now - before)
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
    planes, points = np.zeros((len(case.multipliers), CAPACITIES + 1)), np.zeros((len(case.multipliers), 3))
    run_points(case, x, worth, planes, points)
    within, cap = allowed_at(case, x, allowed)
    found = blend(case, points, within, cap)
    return float(found.net + case.terms.costs @ x) if found.share <= within + 2 * sizing.ROUNDING else np.inf


def best_hours(case: Case, x: Series, allowed: float) -> Series:
    """Hours of a portfolio at an import share, (len(`trade.ROWS`), time), for a load with a mean of 1 MW."""
    planes, points = np.zeros((len(case.multipliers), CAPACITIES + 1)), np.zeros((len(case.multipliers), 3))
    worth = trade.empty_worth(case.year.load.size)
    run_points(case, x, worth, planes, points)
    chosen = blend(case, points, *allowed_at(case, x, allowed))
    hours = np.zeros((len(trade.ROWS), case.year.load.size))
    parts = ((chosen.first, chosen.first_sold, 1.0 - chosen.part), (chosen.second, chosen.second_sold, chosen.part))
    for k, sold, part in parts:
        if part > 0.0:
            hours += part * _sold_hours(case, x, k, sold, worth)
    return hours


def _sold_hours(case: Case, x: Series, k: int, sold: float, worth: Worth) -> Series:
    """Hours under a pair of multipliers, with a share of the exports."""
    hours, deal = np.empty((len(trade.ROWS), case.year.load.size)), deal_of(case, k)
    trade.trade(case.year, Mix(*map(float, x)), case.battery, deal, worth, np.zeros(CAPACITIES + 1), hours)
    exported, curtailed, dear = (hours[trade.ROWS.index(name)] for name in ("exported", "curtailed", "exported_dear"))
    before = exported.copy()
    exported[:] = sold * ((dear if deal.dear > 0.0 else 0.0) + (exported - dear if deal.other > 0.0 else 0.0))
    curtailed += before - exported
    dear *= sold * float(deal.dear > 0.0)
    return hours
