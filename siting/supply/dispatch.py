"""Hour-by-hour dispatch of PV, wind and one battery against a load, as compiled loops in fixed order.

The battery charges from surplus and serves every deficit as far as it can. For one store with constant efficiencies and an
equal value of every served kWh this greedy rule is optimal, so the served energy is a concave function of the capacities and
the loop that computes it also gives an exact supergradient.

The state of charge is cyclic: the year ends where it began. An hour's map of the state of charge is a shift clipped to the
usable range, and so is the whole year's. The loops therefore start at an hour at which every starting level has led to the
same bound (full or empty), go once around the year, and close exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Series = NDArray[np.float64]
Months = NDArray[np.int64]
F = TypeVar("F", bound=Callable[..., Any])

#: Rows of the array that `trace` fills, all in MW but the state of charge (MWh of usable energy at the hour's end). What the grid
#: charges is part of charge and of import.
SERIES = ("generation", "direct", "charge", "discharge", "state_of_charge", "import", "exported", "curtailed", "grid_charge")


def compiled(function: F) -> F:
    """Compile a serial loop that releases the interpreter's lock; sums keep their order."""
    return cast("F", njit(nogil=True, cache=True)(function))


def on_vectors(function: F) -> F:
    """Compile a loop whose spans are independent but for sums, so that several are computed at once; the machine orders the sums."""
    return cast("F", njit(nogil=True, cache=True, fastmath={"contract", "nsz", "reassoc"})(function))


def written_out(function: F) -> F:
    """Compile a few operations into the loop that asks for them, by the loop's rules."""
    return cast("F", njit(inline="always")(function))


class Mix(NamedTuple):
    """Capacities: PV [MW DC], wind [MW], battery power [MW, AC side, both ways] and nominal energy [MWh]."""

    pv: float
    wind: float
    power: float
    energy: float


class Battery(NamedTuple):
    """Efficiency of charging and of discharging [1] and the usable share of the nominal energy [1]."""

    charge: float
    discharge: float
    usable: float


class Spans(NamedTuple):
    """Hours, or spans of them: output per capacity of PV and wind [h], load [MWh] and length [h], (span,)."""

    pv: Series
    wind: Series
    load: Series
    hours: Series


class Anchor(NamedTuple):
    """Span at whose start the state of charge is known, that state [MWh usable], and its slope in the nominal energy [1]."""

    hour: int
    level: float
    slope: float


@compiled
def _shift(year: Spans, t: int, mix: Mix, battery: Battery) -> float:
    """Change of the state of charge in a span if no bound were met [MWh]."""
    net: float = year.pv[t] * mix.pv + year.wind[t] * mix.wind - year.load[t]
    most: float = mix.power * year.hours[t]
    if net >= 0.0:
        return float(battery.charge * min(net, most))
    return float(-min(-net, most) / battery.discharge)


@compiled
def find_anchor(year: Spans, mix: Mix, battery: Battery) -> Anchor:
    """Span at which the cyclic state of charge is at a bound, whatever the year began with.

    Trajectories from empty and from full enclose all others; once one of them meets the opposite bound, all have met.
    If they never do within the year, the cyclic one touches the upper bound if the year's shifts sum up to a gain and the
    lower bound otherwise, and it is followed into a second year to find where.
    """
    full = mix.energy * battery.usable
    if full <= 0.0:
        return Anchor(0, 0.0, battery.usable)
    low, high, gain = 0.0, full, 0.0
    for t in range(year.load.size):
        shift = _shift(year, t, mix, battery)
        gain += shift
        low = min(max(low + shift, 0.0), full)
        high = min(max(high + shift, 0.0), full)
        if low >= full:
            return Anchor(t + 1, full, battery.usable)
        if high <= 0.0:
            return Anchor(t + 1, 0.0, 0.0)
    level = high if gain >= 0.0 else low
    start = level
    for t in range(year.load.size):
        level = min(max(level + _shift(year, t, mix, battery), 0.0), full)
        if gain >= 0.0 and level >= full:
            return Anchor(t + 1, full, battery.usable)
        if gain < 0.0 and level <= 0.0:
            return Anchor(t + 1, 0.0, 0.0)
    return Anchor(0, start, 0.0)


class Flow(NamedTuple):
    """Flows of an hour [MW] and the state of charge at its end [MWh usable], of a battery that the grid never charges."""

    generation: float
    direct: float
    charge: float
    discharge: float
    level: float
    missing: float
    exported: float
    curtailed: float


@compiled
def flow(generation: float, load: float, level: float, mix: Mix, battery: Battery, export_limit: float) -> Flow:
    """Flows of an hour that begins at a state of charge [MWh usable]; what is left after charging is exported, up to the limit [MW]."""
    net, full = generation - load, mix.energy * battery.usable
    if net >= 0.0:
        charge = min(net, mix.power)
        raised = level + battery.charge * charge
        if raised >= full:
            charge = (full - level) / battery.charge
            raised = full
        exported = min(net - charge, export_limit)
        return Flow(generation, load, charge, 0.0, raised, 0.0, exported, net - charge - exported)
    discharge = min(-net, mix.power)
    drawn = discharge / battery.discharge
    if drawn >= level:
        discharge = level * battery.discharge
        drawn = level
    return Flow(generation, generation, 0.0, discharge, level - drawn, -net - discharge, 0.0, 0.0)


@compiled
def trace(pv: Series, wind: Series, load: Series, mix: Mix, battery: Battery, export_limit: float, hourly: Series) -> None:
    """Fill ``hourly`` (len(SERIES), time) with the flows of a year.

    Parameters
    ----------
    pv, wind : ndarray, shape (time,)
        Output per unit of capacity [1].
    load : ndarray, shape (time,)
        Load [MW].
    mix, battery
        Capacities, efficiencies and usable share.
    export_limit : float
        Largest export [MW]; only what is left after charging is exported, the rest is curtailed.
    hourly : ndarray, shape (len(SERIES), time)
        Output, rows as in `SERIES`.
    """
    anchor = find_anchor(Spans(pv, wind, load, np.ones(load.size)), mix, battery)
    level = anchor.level
    for step in range(load.size):
        t = (anchor.hour + step) % load.size
        now = flow(pv[t] * mix.pv + wind[t] * mix.wind, load[t], level, mix, battery, export_limit)
        level = now.level
        hourly[0, t], hourly[1, t], hourly[2, t], hourly[3, t] = now.generation, now.direct, now.charge, now.discharge
        hourly[4, t], hourly[5, t], hourly[6, t], hourly[7, t] = now.level, now.missing, now.exported, now.curtailed
        hourly[8, t] = 0.0


@written_out
def lesser(a: float, b: float) -> float:
    """The lesser of two numbers in one instruction, as neither is missing."""
    return a if a < b else b


@written_out
def greater(a: float, b: float) -> float:
    """The greater of two numbers in one instruction, as neither is missing."""
    return a if a > b else b


class Passes(NamedTuple):
    """What the passes of a dispatch hand on, each (span,).

    Change of the state of charge if no bound were met [MWh], net generation beyond the battery's power [MWh], what a bound of the state
    of charge cuts off [MWh], and 1 where the next bound that is met is the lower one, else 0.
    """

    shift: Series
    beyond: Series
    cut: Series
    served: Series


@on_vectors
def find_shifts(year: Spans, mix: Mix, battery: Battery, passes: Passes) -> None:
    """Fill the shifts, and what is beyond the battery's power."""
    pv, wind, load, hours = year
    shift, beyond, per_drawn = passes.shift, passes.beyond, 1.0 / battery.discharge
    for t in range(load.size):
        net = pv[t] * mix.pv + wind[t] * mix.wind - load[t]
        most = mix.power * hours[t]
        taken = lesser(greater(net, -most), most)
        beyond[t] = net - taken
        shift[t] = greater(taken, 0.0) * battery.charge + lesser(taken, 0.0) * per_drawn


@compiled
def meeting(shift: Series, full: float, first: int, end: int) -> tuple[int, float]:
    """Span from which on the state of charge doesn't depend on that before ``first``, and the bound it is at; -1 if there is none.

    Trajectories from empty and from full enclose all others.
    """
    low, high = 0.0, full
    for t in range(np.uint64(first), np.uint64(end)):
        low = lesser(greater(low + shift[t], 0.0), full)
        high = lesser(greater(high + shift[t], 0.0), full)
        if low >= full or high <= 0.0:
            return int(t) + 1, low
    return -1, 0.0


@compiled
def follow(passes: Passes, full: float, first: int, end: int, level: float) -> float:
    """Follow the state of charge from its start, fill what the bounds cut off, and return where it ends."""
    shift, cut = passes.shift, passes.cut
    for t in range(np.uint64(first), np.uint64(end)):
        raised = level + shift[t]
        level = lesser(greater(raised, 0.0), full)
        cut[t] = raised - level
    return level


@compiled
def follow_two(passes: Passes, full: float, starts: tuple[int, int], count: int, levels: tuple[float, float]) -> tuple[float, float]:
    """Do :func:`follow` over a number of spans from two starts at once: neither has to wait for the other."""
    shift, cut, (one, two), (here, there) = passes.shift, passes.cut, starts, levels
    apart = np.uint64(two - one)
    for t in range(np.uint64(one), np.uint64(one + count)):
        raised = here + shift[t]
        here = lesser(greater(raised, 0.0), full)
        cut[t] = raised - here
        raised = there + shift[t + apart]
        there = lesser(greater(raised, 0.0), full)
        cut[t + apart] = raised - there
    return here, there


@compiled
def follow_year(passes: Passes, full: float, anchor: Anchor) -> None:
    """Fill what the bounds cut off over the year, from the anchor on and around, in two halves where the second has a start of its own."""
    n, first, level = passes.shift.size, anchor.hour, anchor.level
    if first < n // 2 and full > 0.0:
        second, there = meeting(passes.shift, full, n // 2, n)
        if 0 <= second < n:
            count = min(second - first, n - second)
            here, there = follow_two(passes, full, (first, second), count, (level, there))
            follow(passes, full, first + count, second, here)
            level, first = there, second + count
    level = follow(passes, full, first, n, level)
    follow(passes, full, 0, anchor.hour, level)


@compiled
def look_back(passes: Passes, first: int, end: int, following: float) -> float:
    """Fill whether the next bound is the lower one, backwards from that after the last span; returns that before the first."""
    served, cut, last = passes.served, passes.cut, np.uint64(end) - np.uint64(1)
    for step in range(np.uint64(end - first)):
        t = last - step
        served[t] = following
        following = 0.0 if cut[t] > 0.0 else following
        following = 1.0 if cut[t] < 0.0 else following
    return following


@on_vectors
def sum_up(year: Spans, battery: Battery, passes: Passes, slope: Series) -> float:
    """Energy missing over the year, and the slope (4,) of the energy served."""
    pv, wind, load, hours = year
    shift, beyond, cut, served = passes
    discharge, cycle = battery.discharge, battery.charge * battery.discharge
    missing = d_pv = d_wind = d_power = d_energy = 0.0
    for t in range(load.size):
        held = (cycle if shift[t] >= 0.0 else 1.0) * served[t]
        weight = held if beyond[t] == 0.0 else 0.0
        weight = 1.0 if lesser(beyond[t], cut[t]) < 0.0 else weight
        weight = 0.0 if cut[t] > 0.0 else weight
        by_power = cycle * served[t] if beyond[t] > 0.0 else 0.0
        by_power = 1.0 - served[t] if beyond[t] < 0.0 else by_power
        by_power = by_power if cut[t] == 0.0 else 0.0
        missing -= lesser(beyond[t], 0.0) + discharge * lesser(cut[t], 0.0)
        d_pv += weight * pv[t]
        d_wind += weight * wind[t]
        d_power += by_power * hours[t]
        d_energy += served[t] if cut[t] > 0.0 else 0.0
    slope[0], slope[1], slope[2], slope[3] = d_pv, d_wind, d_power, d_energy * discharge * battery.usable
    return missing


@compiled
def served_with_slope(year: Spans, mix: Mix, battery: Battery, slope: Series) -> float:
    """Energy missing from the load over the year, and the supergradient of the energy served.

    Parameters
    ----------
    year : Spans
        Hours, or what `merge` makes of them.
    mix, battery
        As for `trace`.
    slope : ndarray, shape (4,)
        Output: derivative of the served energy in PV, wind, battery power and nominal energy [MWh per MW or MWh].

    Returns
    -------
    float
        Energy drawn from elsewhere [MWh].

    Notes
    -----
    What a span puts into the store or takes from it counts as served energy if the store runs empty next, and not if it runs full. A
    store that has run full holds one more MWh of a larger capacity, which is served if it runs empty next. At a tie either branch
    gives a valid supergradient. Only the state of charge has to go hour by hour; the rest is done for several spans at once.
    """
    n, full = year.load.size, mix.energy * battery.usable
    passes = Passes(np.empty(n), np.empty(n), np.empty(n), np.empty(n))
    find_shifts(year, mix, battery, passes)
    hour, level = meeting(passes.shift, full, 0, n // 2) if full > 0.0 else (-1, 0.0)
    anchor = Anchor(hour, level, battery.usable if level > 0.0 else 0.0) if hour >= 0 else find_anchor(year, mix, battery)
    follow_year(passes, full, anchor)
    following = 1.0 if anchor.hour > 0 and anchor.level <= 0.0 else 0.0
    following = look_back(passes, 0, anchor.hour, following)
    following = look_back(passes, anchor.hour, n, following)
    missing = sum_up(year, battery, passes, slope)
    slope[3] += anchor.slope * following * battery.discharge
    return missing


@compiled
def deficit_with_slope(year: Spans, mix: Mix, slope: Series) -> float:
    """Load beyond the generation of its own hour or span [MWh], convex in the capacities; fills its slope (4,) [MWh per MW]."""
    pv, wind, load, _ = year
    missing = d_pv = d_wind = 0.0
    for t in range(load.size):
        net = pv[t] * mix.pv + wind[t] * mix.wind - load[t]
        if net < 0.0:
            missing -= net
            d_pv -= pv[t]
            d_wind -= wind[t]
    slope[0], slope[1], slope[2], slope[3] = d_pv, d_wind, 0.0, 0.0
    return missing


class Room(NamedTuple):
    """Room to merge the hours of a year.

    Sums of output per capacity of PV and wind and of the load before each hour (time + 1,), what a portfolio makes of each hour
    and whether that is something else than before (time,), first hours of the spans (time + 1,), and arrays of which the spans are the
    heads (time,).
    """

    pv: Series
    wind: Series
    load: Series
    kind: NDArray[np.int8]
    changed: NDArray[np.int8]
    start: NDArray[np.int32]
    spans: Spans


@compiled
def room_for(year: Spans) -> Room:
    """Room to merge the hours of a year, with their sums."""
    n = year.load.size
    room = Room(
        np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1), np.zeros(n, np.int8), np.zeros(n, np.int8), np.zeros(n + 1, np.int32),
        Spans(np.empty(n), np.empty(n), np.empty(n), np.empty(n)),
    )  # fmt: skip
    for t in range(n):
        room.pv[t + 1] = room.pv[t] + year.pv[t]
        room.wind[t + 1] = room.wind[t] + year.wind[t]
        room.load[t + 1] = room.load[t] + year.load[t]
    return room


@compiled
def merge(year: Spans, mix: Mix, room: Room) -> Spans:
    """Sum up neighbouring hours that a portfolio treats alike: surplus or deficit, within the battery's power or beyond it.

    Parameters
    ----------
    year : Spans
        Hours.
    mix : Mix
        The portfolio.
    room : Room
        Room for these hours, which the result uses.

    Notes
    -----
    Sums of the flows of any dispatch keep the balance, the limits of power and those of the state of charge at the ends of the spans.
    So no portfolio imports more in the merged year than in the hours: planes below the one import are below the other. The portfolio
    itself imports the same in both, with the same slopes: within a span its state of charge moves one way, at a rate that is linear
    in the capacities, until it meets a bound and stays there. The same holds of its deficits, as those of sums are never larger than
    the sums of deficits, and the same where all hours of a span have one sign.
    """
    n, start, spans = year.load.size, room.start, room.spans
    tell_apart(year, mix, room.kind, room.changed)
    count = int(find_heads(room.changed, start))
    start[count] = n
    for k in range(count):
        first, end = start[k], start[k + 1]
        spans.pv[k] = room.pv[end] - room.pv[first]
        spans.wind[k] = room.wind[end] - room.wind[first]
        spans.load[k] = room.load[end] - room.load[first]
        spans.hours[k] = end - first
    return Spans(spans.pv[:count], spans.wind[:count], spans.load[:count], spans.hours[:count])


@on_vectors
def tell_apart(year: Spans, mix: Mix, kind: NDArray[np.int8], changed: NDArray[np.int8]) -> None:
    """Fill what a portfolio makes of each hour, and whether it made something else of the hour before."""
    pv, wind, load, _ = year
    for t in range(load.size):
        net = pv[t] * mix.pv + wind[t] * mix.wind - load[t]
        kind[t] = (np.int8(1) if net >= 0.0 else np.int8(0)) + (np.int8(2) if abs(net) > mix.power else np.int8(0))
    changed[0] = 1
    for t in range(1, load.size):
        changed[t] = np.int8(kind[t] != kind[t - 1])


@compiled
def find_heads(changed: NDArray[np.int8], start: NDArray[np.int32]) -> np.uint64:
    """Fill the first hours of the spans, and return how many there are; a branch would often be mispredicted."""
    count = np.uint64(0)
    for t in range(np.uint64(changed.size)):
        start[count] = t
        count += np.uint64(changed[t])
    return count
