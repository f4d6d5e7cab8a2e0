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
    ``held_*`` are the derivatives of the state of charge. They vanish when the store runs empty, where they become served
    energy, and when it runs full, where what was held is curtailed. At a tie either branch gives a valid supergradient.
    """
    pv, wind, load, hours = year
    full = mix.energy * battery.usable
    per_drawn = 1.0 / battery.discharge
    anchor = find_anchor(year, mix, battery)
    level, held_energy = anchor.level, anchor.slope
    held_pv = held_wind = held_power = 0.0
    missing = d_pv = d_wind = d_power = d_energy = 0.0
    for step in range(load.size):
        t = anchor.hour + step
        if t >= load.size:
            t -= load.size
        net = pv[t] * mix.pv + wind[t] * mix.wind - load[t]
        most = mix.power * hours[t]
        if net >= 0.0:
            level += battery.charge * min(net, most)
            if level >= full:
                level = full
                held_pv = held_wind = held_power = 0.0
                held_energy = battery.usable
            elif net < most:
                held_pv += battery.charge * pv[t]
                held_wind += battery.charge * wind[t]
            else:
                held_power += battery.charge * hours[t]
            continue
        drawn = min(-net, most) * per_drawn
        if drawn >= level:
            missing += -net - level * battery.discharge
            d_pv += pv[t] + battery.discharge * held_pv
            d_wind += wind[t] + battery.discharge * held_wind
            d_power += battery.discharge * held_power
            d_energy += battery.discharge * held_energy
            level = held_pv = held_wind = held_power = held_energy = 0.0
        elif -net < most:
            level -= drawn
            held_pv += per_drawn * pv[t]
            held_wind += per_drawn * wind[t]
        else:
            level -= drawn
            missing += -net - most
            d_pv += pv[t]
            d_wind += wind[t]
            d_power += hours[t]
            held_power -= per_drawn * hours[t]
    slope[0], slope[1], slope[2], slope[3] = d_pv, d_wind, d_power, d_energy
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
    (time + 1,), first hours of the spans (time + 1,), and arrays of which the spans are the heads (time,).
    """

    pv: Series
    wind: Series
    load: Series
    kind: NDArray[np.int8]
    start: NDArray[np.int32]
    spans: Spans


@compiled
def room_for(year: Spans) -> Room:
    """Room to merge the hours of a year, with their sums."""
    n = year.load.size
    room = Room(
        np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1, np.int8), np.zeros(n + 1, np.int32),
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
    n, kind, start, spans = year.load.size, room.kind, room.start, room.spans
    kind[0] = -1
    for t in range(n):
        net = year.pv[t] * mix.pv + year.wind[t] * mix.wind - year.load[t]
        kind[t + 1] = np.int8(net >= 0.0) + np.int8(2) * np.int8(abs(net) > mix.power)
    count = 0
    for t in range(n):  # without a branch, which would often be mispredicted
        start[count] = t
        count += int(kind[t + 1] != kind[t])
    start[count] = n
    for k in range(count):
        first, end = start[k], start[k + 1]
        spans.pv[k] = room.pv[end] - room.pv[first]
        spans.wind[k] = room.wind[end] - room.wind[first]
        spans.load[k] = room.load[end] - room.load[first]
        spans.hours[k] = end - first
    return Spans(spans.pv[:count], spans.wind[:count], spans.load[:count], spans.hours[:count])
