"""Best hours of a portfolio that sells: exports of PV and wind at two prices, under a limit on their power.

An hour's power beyond the load sells at the price of the dearer source, as far as that source's own output goes, then at the price of
the other, up to the limit, and for nothing beyond it; what is missing is imported at one price, which is no less than those of exports.
So the worth of an hour is concave in that power, with four slopes. Charging costs one of them over the efficiency, discharging yields
one of them times the efficiency: whatever the hours, what a stored MWh is worth takes one of six values, and the worth of the store is a
concave function with at most six pieces. From the last hour to the first, each hour adds its pieces and the bounds of the store cut off
the ends; the year is cyclic, so that this goes on until nothing changes. Forward, each hour charges below and discharges above the levels
at which the worth changes. Greedy dispatch is the case of one slope.

Stored power serves the load and is never sold; nor is it told apart by source. In every hour the load and the store take what is cheaper to
sell first: a source sells no more than its output of the hour, and both no more than what is left.

The worth along the way prices the store's balance, and with it everything else: by the duality of linear programmes this bounds the worth
of every dispatch of every portfolio by a plane, whatever the prices are, and closely where they are those of the optimum.

References
----------
A. S. Cahn, "The warehouse problem", Bull. Amer. Math. Soc. 54, 1948: the store whose worth has few slopes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.supply.dispatch import SERIES, Battery, Mix, Series, Spans, compiled

#: Pieces of the worth of the store: what discharge saves or sells, and what charging takes.
SAVE, GIVE_DEAR, GIVE_OTHER, TAKE_DEAR, TAKE_OTHER, TAKE_LOST = range(6)
PIECES = 6

#: Which comes first of equal worth: what is stored rather saves imports than it is sold, and rather is sold at once than later.
_TURN = np.array([0, 4, 5, 1, 2, 3])

#: Relative differences that rounding explains.
ROUNDING = 1e-9

#: Rounds of the year after which the search for its cycle ends.
MOST_ROUNDS = 8

#: Rows of the hours of `trade`: those of a dispatch, and the export of the dearer source [MW].
ROWS = (*SERIES, "exported_dear")


class Deal(NamedTuple):
    """Prices of imports and of exports of the dearer and of the other source [CNY/MWh], limit on exports [MW], and which is dearer."""

    imports: float
    dear: float
    other: float
    limit: float
    wind_is_dear: bool


class Worth(NamedTuple):
    """Rank of each piece and worth by rank [CNY/MWh], and the length of each rank before each hour [MWh], (time + 1, PIECES)."""

    rank: NDArray[np.int64]
    ladder: Series
    length: Series


class Traded(NamedTuple):
    """Energy of a year [MWh]: imports, and exports of the dearer and of the other source; and whether the year closes."""

    imports: float
    dear: float
    other: float
    closed: bool


@compiled
def empty_worth(hours: int) -> Worth:
    """Room for the worth of the store."""
    return Worth(np.zeros(PIECES, np.int64), np.zeros(PIECES), np.zeros((hours + 1, PIECES)))


@compiled
def rank_pieces(deal: Deal, battery: Battery, worth: Worth) -> None:
    """Order the pieces by their worth, the largest first."""
    value = np.array([
        deal.imports * battery.discharge, deal.dear * battery.discharge, deal.other * battery.discharge,
        deal.dear / battery.charge, deal.other / battery.charge, 0.0,
    ])  # fmt: skip
    near = ROUNDING * max(deal.imports, deal.dear)
    for k in range(PIECES):
        place = 0
        for j in range(PIECES):
            first = value[j] > value[k] + near or (abs(value[j] - value[k]) <= near and _TURN[j] < _TURN[k])
            place += int(j != k and first)
        worth.rank[k] = place
    for k in range(PIECES):
        worth.ladder[worth.rank[k]] = value[k]


@compiled
def _pieces(net: float, load: float, dear: float, power: float, deal: Deal, piece: Series) -> None:
    """Fill the power of each piece of an hour [MW], its generation less its load and the output of the dearer source given."""
    up, sold = max(net, 0.0), min(dear, deal.limit)
    left = min(power, up)
    piece[TAKE_LOST] = min(max(up - deal.limit, 0.0), left)
    left -= piece[TAKE_LOST]
    piece[TAKE_OTHER] = min(max(min(up, deal.limit) - sold, 0.0), left)
    piece[TAKE_DEAR] = min(min(up, sold), left - piece[TAKE_OTHER])
    left = min(power, load)
    piece[SAVE] = min(max(-net, 0.0), left)
    left -= piece[SAVE]
    piece[GIVE_DEAR] = min(max(sold - up, 0.0), left) if deal.dear > 0.0 else 0.0
    left -= piece[GIVE_DEAR]
    piece[GIVE_OTHER] = min(max(deal.limit - max(up, sold), 0.0), left) if deal.other > 0.0 else 0.0


@compiled
def _dear(year: Spans, t: int, mix: Mix, deal: Deal) -> float:
    """Output of the dearer source in an hour [MW]."""
    return float(year.wind[t] * mix.wind if deal.wind_is_dear else year.pv[t] * mix.pv)


@compiled
def find_worth(year: Spans, mix: Mix, battery: Battery, deal: Deal, worth: Worth) -> None:
    """Fill the worth of the store before each hour, from the last to the first, until the year closes.

    Notes
    -----
    Before an hour a level is worth the most, over all moves, of what the move earns and the level after it is worth: the pieces of both, in
    the order of their slopes. They reach from as far below empty as the hour can charge to as far above full as it can discharge; what is
    left between empty and full is the worth before the hour.
    """
    rank_pieces(deal, battery, worth)
    n, rank, length = year.load.size, worth.rank, worth.length
    full, piece, now = mix.energy * battery.usable, np.zeros(PIECES), np.zeros(PIECES)
    length[n, :] = 0.0
    length[n, PIECES - 1] = full
    for round_ in range(MOST_ROUNDS):
        now[:] = length[n]
        for t in range(n - 1, -1, -1):
            net = year.pv[t] * mix.pv + year.wind[t] * mix.wind - year.load[t]
            _pieces(net, year.load[t], _dear(year, t, mix, deal), mix.power, deal, piece)
            rise, fall = 0.0, 0.0
            for k in range(TAKE_DEAR):
                drawn = piece[k] / battery.discharge
                now[rank[k]] += drawn
                fall += drawn
            for k in range(TAKE_DEAR, PIECES):
                stored = piece[k] * battery.charge
                now[rank[k]] += stored
                rise += stored
            for j in range(PIECES):
                cut = min(now[j], rise)
                now[j] -= cut
                rise -= cut
            for j in range(PIECES - 1, -1, -1):
                cut = min(now[j], fall)
                now[j] -= cut
                fall -= cut
            change = 0.0
            for j in range(PIECES):
                change = max(change, abs(now[j] - length[t, j]))
                length[t, j] = now[j]
            if round_ > 0 and change <= 1e-12 * full:
                return
        length[n] = now


class Move(NamedTuple):
    """Charge and discharge [MW], level at the end [MWh], and least and largest worth that ask for them [CNY/MWh]."""

    charge: float
    discharge: float
    level: float
    least: float
    most: float


@compiled
def _move(level: float, piece: Series, battery: Battery, worth: Worth, t: int, edge: Series) -> Move:
    """Best move of an hour from a level [MWh]; ``edge`` (PIECES + 1,) is room for the levels at which the worth changes after it."""
    rank, ladder, end = worth.rank, worth.ladder, level
    for j in range(PIECES):
        edge[j + 1] = edge[j] + worth.length[t + 1, j]
    near, least, most = ROUNDING * edge[PIECES], 0.0, np.inf
    charge = discharge = 0.0
    for k in range(PIECES - 1, TAKE_DEAR - 1, -1):
        if piece[k] > 0.0:
            stored = min(piece[k] * battery.charge, max(edge[rank[k]] - end, 0.0))
            end += stored
            charge += stored / battery.charge
            if stored > near:
                least = max(least, ladder[rank[k]])
            if stored < piece[k] * battery.charge - near:
                most = min(most, ladder[rank[k]])
    for k in range(TAKE_DEAR):
        if piece[k] > 0.0:
            drawn = min(piece[k] / battery.discharge, max(end - edge[rank[k] + 1], 0.0))
            end -= drawn
            discharge += drawn * battery.discharge
            if drawn > near:
                most = min(most, ladder[rank[k]])
            if drawn < piece[k] / battery.discharge - near:
                least = max(least, ladder[rank[k]])
    return Move(charge, discharge, min(max(end, 0.0), edge[PIECES]), least, most)


@compiled
def _clamp(value: float, least: float, most: float) -> float:
    """Value within bounds, of which the upper one counts."""
    return min(max(value, least), most)


@compiled
def _slope_at(level: float, worth: Worth, edge: Series, right: bool) -> float:
    """Worth of the store just above or just below a level [CNY/MWh]."""
    near = ROUNDING * edge[PIECES]
    if right:
        if level >= edge[PIECES] - near:
            return 0.0
        for j in range(PIECES - 1, -1, -1):
            if edge[j] <= level + near:
                return float(worth.ladder[j])
    if level <= near:
        return np.inf
    for j in range(PIECES):
        if edge[j + 1] >= level - near:
            return float(worth.ladder[j])
    return float(worth.ladder[PIECES - 1])


@compiled
def find_start(year: Spans, mix: Mix, battery: Battery, deal: Deal, worth: Worth) -> tuple[int, float]:
    """Hour at whose start the cyclic store is empty or full, and its level there [MWh]; where there is none, an hour of the cycle.

    Trajectories from empty and from full enclose all others. They meet, or one of them comes to where it was a year before.
    """
    n, full, near = year.load.size, mix.energy * battery.usable, 1e-12 * mix.energy * battery.usable
    piece, edge, low, high, cyclic = np.zeros(PIECES), np.zeros(PIECES + 1), 0.0, full, full <= 0.0
    low_before = high_before = -1.0
    for step in range(MOST_ROUNDS * n):
        t = step % n
        if t == 0:
            if abs(low - low_before) <= near or abs(high - high_before) <= near:
                low = low if abs(low - low_before) <= near else high
                if cyclic:
                    return t, low
                high, cyclic = low, True
            low_before, high_before = low, high
        met = high - low <= near
        if (cyclic or met) and (low <= near or low >= full - near):
            return t, 0.0 if low <= near else full
        net = year.pv[t] * mix.pv + year.wind[t] * mix.wind - year.load[t]
        _pieces(net, year.load[t], _dear(year, t, mix, deal), mix.power, deal, piece)
        low = _move(low, piece, battery, worth, t, edge).level
        high = low if met else _move(high, piece, battery, worth, t, edge).level
    return 0, low


@compiled
def _price(power: float, own: float, deal: Deal, beyond: bool) -> float:
    """Price of the last or of the next unit of the power that is sold in an hour [CNY/MWh], the dearer source's output given."""
    near = ROUNDING * (1.0 + own)
    shift = near if beyond else -near
    if power + shift < 0.0 or (not beyond and power <= near):
        return deal.imports
    if power + shift < min(own, deal.limit):
        return deal.dear
    return deal.other if power + shift < deal.limit else 0.0


@compiled
def trade(year: Spans, mix: Mix, battery: Battery, deal: Deal, worth: Worth, plane: Series, hourly: Series) -> Traded:
    """Run the best hours of a portfolio, and bound the worth of all dispatches of all portfolios by a plane.

    Parameters
    ----------
    year : Spans
        Hours.
    mix, battery, deal
        Portfolio, efficiencies and prices.
    worth : Worth
        Room for the worth of the store, which is filled.
    plane : ndarray, shape (5,)
        Output: offset [CNY] and slopes in PV, wind, battery power and nominal energy [CNY per MW or MWh] of a plane above what exports
        less imports are worth in any dispatch.
    hourly : ndarray, shape (len(ROWS), time) or (0, 0)
        Output: flows, where there is room for them.

    Notes
    -----
    With prices v of the store's balance after each hour and q of the power balance, an hour's worth is at most q (generation - load), plus
    what exports earn beyond q, plus (charge x v - q) x power or (q - v / discharge) x min(power, load), where they are positive; and the
    store's balance adds its rise in v x energy. Each term is linear in the capacities.
    """
    find_worth(year, mix, battery, deal, worth)
    n = year.load.size
    start, level = find_start(year, mix, battery, deal, worth)
    piece, edge, began = np.zeros(PIECES), np.zeros(PIECES + 1), level
    plane[:] = 0.0
    imports = sold_dear = sold_other = 0.0
    v = first = 0.0 if level <= 0.0 else np.inf
    for step in range(n):
        t = (start + step) % n
        made, load, own = year.pv[t] * mix.pv + year.wind[t] * mix.wind, year.load[t], _dear(year, t, mix, deal)
        _pieces(made - load, load, own, mix.power, deal, piece)
        move = _move(level, piece, battery, worth, t, edge)
        before, level = v, move.level
        v = _clamp(before, _slope_at(level, worth, edge, True), _slope_at(level, worth, edge, False))
        v = min(_clamp(v, move.least, move.most), worth.ladder[0])
        power = made - load - move.charge + move.discharge
        missing, out = max(-power, 0.0), min(max(power, 0.0), deal.limit)
        dear = min(out, own)
        imports += missing
        sold_dear += dear
        sold_other += out - dear
        if step == 0:
            first = v
        else:
            plane[4] += battery.usable * max(v - before, 0.0)
        asked = v / battery.discharge if move.discharge > 0.0 else v * battery.charge
        q = _clamp(asked, _price(power, own, deal, True), _price(power, own, deal, False))
        _add_hour(year, t, mix, battery, deal, v, q, plane)
        if hourly.size > 0:
            flows = (made, load - missing - move.discharge, move.charge, move.discharge, level, missing, out)
            for k in range(7):
                hourly[k, t] = flows[k]
            hourly[7, t] = max(power, 0.0) - out
            hourly[8, t] = 0.0
            hourly[9, t] = dear
    plane[4] += battery.usable * max(first - v, 0.0)
    closed = abs(level - began) <= ROUNDING * (mix.energy * battery.usable + mix.power)
    return Traded(imports, sold_dear, sold_other, closed)


@compiled
def _add_hour(year: Spans, t: int, mix: Mix, battery: Battery, deal: Deal, v: float, q: float, plane: Series) -> None:
    """Add an hour to the plane, its prices of stored power and of power given (see `trade`)."""
    q = min(max(q, 0.0), deal.imports)
    if not np.isfinite(deal.limit):
        q = max(q, deal.other)
    load = year.load[t]
    plane[0] -= q * load
    plane[1] += q * year.pv[t]
    plane[2] += q * year.wind[t]
    beyond = deal.dear - max(q, deal.other)
    if beyond > 0.0:
        if _dear(year, t, mix, deal) >= deal.limit:
            plane[0] += beyond * deal.limit
        elif deal.wind_is_dear:
            plane[2] += beyond * year.wind[t]
        else:
            plane[1] += beyond * year.pv[t]
    if q < deal.other:
        plane[0] += (deal.other - q) * deal.limit
    plane[3] += max(v * battery.charge - q, 0.0)
    saved = max(q - v / battery.discharge, 0.0)
    if mix.power < load:
        plane[3] += saved
    else:
        plane[0] += saved * load
