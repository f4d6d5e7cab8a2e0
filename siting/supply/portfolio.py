"""Search for the cheapest portfolio that reaches an hourly matched share.

Portfolios lie on rays: a PV share of the year's generation, hours of storage and their duration fix the mix, and the
overbuild (available generation over load) scales its plants. The energy served is concave in the capacities, so each dispatch
yields a plane above it that holds for every portfolio. The planes bound the cost on each ray from below; the search
dispatches where that bound is lowest, and stops when no ray can beat the best portfolio by more than the tolerance. It finds
the cheapest portfolio of the grid of rays without visiting most of them.

References
----------
J. E. Kelley, "The cutting-plane method for solving convex programs", J. SIAM 8(4), 1960, doi:10.1137/0108053.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siting.supply.dispatch import SERIES, Battery, Mix, Months, Series, compiled, served_with_slope, trace

#: Dispatches after which a search gives up and the portfolio is unknown (NaN); searches take about 30.
MOST_DISPATCHES = 600

#: Matched shares within this of 1 count as all of the load: sums over a year round by about 1e-13.
ROUNDING = 1e-9


class Terms(NamedTuple):
    """Numbers of one site.

    Costs of PV, wind, battery power and energy [CNY per MW or MWh and year], import price [CNY/MWh], limits of PV and wind [MW], largest
    overbuild [1] and tolerance [1].
    """

    costs: tuple[float, float, float, float]
    import_cost: float
    pv_limit: float
    wind_limit: float
    overbuild_limit: float
    tolerance: float


class Rays(NamedTuple):
    """Mixes by ray: PV and wind per unit of overbuild [MW], battery [MW, MWh], fixed and scaling cost [CNY per year], largest overbuild."""

    pv: Series
    wind: Series
    power: Series
    energy: Series
    fixed: Series
    scaling: Series
    limit: Series


class Planes(NamedTuple):
    """Planes above the served energy: offset [MWh] (plane,) and slopes (plane, 4); the first ``used[0]`` are in use."""

    offset: Series
    slopes: Series
    used: Series


class Bounds(NamedTuple):
    """Lowest cost that the planes allow on each ray [CNY per year], at which overbuild, and how many planes were looked at."""

    cost: Series
    scale: Series
    planes: Series


class Found(NamedTuple):
    """A portfolio and its cost less that of importing all of the load [CNY per year]."""

    mix: Mix
    cost: float


#: No portfolio.
NOTHING = Found(Mix(np.nan, np.nan, np.nan, np.nan), np.inf)


@compiled
def sum_in_order(values: Series) -> float:
    """Sum in the order of time."""
    total = 0.0
    for value in values:
        total += value
    return total


@compiled
def build_rays(share: Series, power: Series, energy: Series, hours: Series, terms: Terms) -> Rays:
    """Rays of a site.

    ``share`` is PV's share of the generation; ``hours`` holds the load [MWh] and the full-load hours of PV and of wind. A ray
    that leans on a technology without output, or exceeds no positive overbuild, gets the limit 0.
    """
    load, pv_hours, wind_hours = hours[0], hours[1], hours[2]
    rays = Rays(np.zeros(share.size), np.zeros(share.size), power, energy, np.zeros(share.size), np.zeros(share.size), np.zeros(share.size))
    for r in range(share.size):
        limit = terms.overbuild_limit
        if share[r] > 0.0:
            rays.pv[r] = share[r] * load / pv_hours if pv_hours > 0.0 else 0.0
            limit = min(limit, terms.pv_limit / rays.pv[r]) if rays.pv[r] > 0.0 else 0.0
        if share[r] < 1.0:
            rays.wind[r] = (1.0 - share[r]) * load / wind_hours if wind_hours > 0.0 else 0.0
            limit = min(limit, terms.wind_limit / rays.wind[r]) if rays.wind[r] > 0.0 else 0.0
        rays.limit[r] = limit
        rays.fixed[r] = terms.costs[2] * power[r] + terms.costs[3] * energy[r]
        rays.scaling[r] = terms.costs[0] * rays.pv[r] + terms.costs[1] * rays.wind[r]
    return rays


@compiled
def first_planes(hours: Series) -> Planes:
    """Planes that need no dispatch: what is served exceeds neither the load nor the generation."""
    planes = Planes(np.zeros(MOST_DISPATCHES + 2), np.zeros((MOST_DISPATCHES + 2, 4)), np.full(1, 2.0))
    planes.offset[0] = hours[0]
    planes.slopes[1, 0] = hours[1]
    planes.slopes[1, 1] = hours[2]
    return planes


@compiled
def lowest_on_ray(rays: Rays, r: int, planes: Planes, need: float, import_cost: float, lines: Series) -> tuple[float, float]:
    """Overbuild at which the bound on the cost of a ray is lowest, among those whose bound on the served energy meets ``need``.

    Returns the overbuild and the bound less the cost of importing all of the load [CNY per year]; infinite where no overbuild
    within the ray's limit can meet the need. ``lines`` is scratch (2, plane).
    """
    count = int(planes.used[0])
    scale = 0.0
    for k in range(count):
        lines[0, k] = planes.offset[k] + planes.slopes[k, 2] * rays.power[r] + planes.slopes[k, 3] * rays.energy[r]
        lines[1, k] = planes.slopes[k, 0] * rays.pv[r] + planes.slopes[k, 1] * rays.wind[r]
        if lines[0, k] + lines[1, k] * scale < need:
            if lines[1, k] <= 0.0:
                return np.inf, np.inf
            scale = max(scale, (need - lines[0, k]) / lines[1, k])
    if not scale <= rays.limit[r]:
        return np.inf, np.inf
    active = 0
    for k in range(1, count):
        excess = lines[0, k] + lines[1, k] * scale - lines[0, active] - lines[1, active] * scale
        if excess < 0.0 or (excess == 0.0 and lines[1, k] < lines[1, active]):
            active = k
    while import_cost * lines[1, active] > rays.scaling[r] and scale < rays.limit[r]:
        scale, active = next_line(lines, count, active, rays.limit[r])
    return scale, rays.fixed[r] + rays.scaling[r] * scale - import_cost * (lines[0, active] + lines[1, active] * scale)


@compiled
def next_line(lines: Series, count: int, active: int, limit: float) -> tuple[float, int]:
    """Where the lower envelope of the lines leaves the active line, and the flatter line that it follows from there."""
    scale, follower = np.inf, active
    for k in range(count):
        if lines[1, k] < lines[1, active]:
            crossing = (lines[0, k] - lines[0, active]) / (lines[1, active] - lines[1, k])
            if crossing < scale or (crossing == scale and lines[1, k] < lines[1, follower]):
                scale, follower = crossing, k
    if scale >= limit:
        return limit, active
    return scale, follower


@compiled
def leading_ray(rays: Rays, r: int, planes: Planes, need: float, import_cost: float, lines: Series, bounds: Bounds) -> int:
    """Ray with the lowest bound on its cost; only bounds that stand in the way are brought up to date. Starts from ray ``r``."""
    bounds.scale[r], bounds.cost[r] = lowest_on_ray(rays, r, planes, need, import_cost, lines)
    bounds.planes[r] = planes.used[0]
    leader = r
    for r in range(rays.fixed.size):
        if bounds.cost[r] < bounds.cost[leader] and bounds.planes[r] < planes.used[0]:
            bounds.scale[r], bounds.cost[r] = lowest_on_ray(rays, r, planes, need, import_cost, lines)
            bounds.planes[r] = planes.used[0]
        if bounds.cost[r] < bounds.cost[leader]:
            leader = r
    return leader


@compiled
def mix_on_ray(rays: Rays, r: int, scale: float) -> Mix:
    """Capacities on a ray."""
    return Mix(rays.pv[r] * scale, rays.wind[r] * scale, rays.power[r], rays.energy[r])


@compiled
def add_plane(planes: Planes, mix: Mix, served: float, slope: Series) -> None:
    """Keep the plane that touches the served energy at a portfolio."""
    k = int(planes.used[0])
    planes.offset[k] = served - slope[0] * mix.pv - slope[1] * mix.wind - slope[2] * mix.power - slope[3] * mix.energy
    planes.slopes[k, :] = slope
    planes.used[0] = k + 1.0


@compiled
def search(
    pv: Series, wind: Series, load: Series, battery: Battery, rays: Rays, planes: Planes, target: float, terms: Terms, known: Found
) -> Found:
    """Cheapest portfolio on the rays whose matched share is at least the target and at most the tolerance dearer than any other.

    The cost is that of plants, storage and imported energy. More than the target is served where imports cost more than the
    plants that replace them. ``known`` is a portfolio that reaches the target, or `NOTHING`, which is returned if no ray
    reaches it.
    """
    energy = planes.offset[0]
    need = min(target + 0.5 * terms.tolerance, 1.0) * energy
    enough = min(target, 1.0 - ROUNDING) * energy
    imported = terms.import_cost * energy
    bound, scale, solved = rays.fixed - imported, np.zeros(rays.fixed.size), np.zeros(rays.fixed.size)
    lines = np.zeros((2, planes.offset.size))
    slope = np.zeros(4)
    best = known
    r = 0
    while True:
        r = leading_ray(rays, r, planes, need, terms.import_cost, lines, Bounds(bound, scale, solved))
        if bound[r] + imported >= (best.cost + imported) * (1.0 - terms.tolerance):
            return best
        if planes.used[0] >= planes.offset.size:
            return NOTHING
        mix = mix_on_ray(rays, r, scale[r])
        served = energy - served_with_slope(pv, wind, load, mix, battery, slope)
        add_plane(planes, mix, served, slope)
        cost = rays.fixed[r] + rays.scaling[r] * scale[r] - terms.import_cost * served
        if served >= enough and cost < best.cost:
            best = Found(mix, cost)


@compiled
def account(hourly: Series, month: Months, load: Series, battery: Battery, totals: Series, monthly: Series) -> None:
    """Fill ``totals`` (from ``generation`` on, see `siting.supply.QUANTITIES`) and the matched share of each month from a year's flows.

    The residual is the largest of those of three balances, relative to the generation or the load: of generation, of the load,
    and of the store.
    """
    flows = np.zeros(len(SERIES))
    month_load, month_import = np.zeros(12), np.zeros(12)
    energy = peak = 0.0
    for t in range(load.size):
        for k in range(len(SERIES)):
            flows[k] += hourly[k, t]
        energy += load[t]
        peak = max(peak, hourly[5, t])
        month_load[month[t] - 1] += load[t]
        month_import[month[t] - 1] += hourly[5, t]
    generation, direct, charge, discharge, _, imported, exported, curtailed = flows
    totals[4] = generation
    totals[5] = (energy - imported) / energy
    totals[6] = imported
    totals[7] = peak
    totals[8] = curtailed
    totals[9] = exported
    totals[10] = charge - discharge
    used = abs(generation - direct - charge - exported - curtailed)
    met = abs(energy - direct - discharge - imported)
    kept = abs(battery.charge * charge - discharge / battery.discharge)
    totals[11] = max(used / max(generation, energy), max(met, kept) / energy)
    for m in range(12):
        monthly[m] = (month_load[m] - month_import[m]) / month_load[m] if month_load[m] > 0.0 else np.nan


class Year(NamedTuple):
    """What all sites share: load [MW] and month (1-12) of each hour, and the largest export [MW]."""

    load: Series
    month: Months
    export_limit: float


class Grid(NamedTuple):
    """PV share of the generation [1], battery power [MW] and nominal energy [MWh] of each ray."""

    share: Series
    power: Series
    energy: Series


@compiled
def match_site(
    pv: Series, wind: Series, year: Year, grid: Grid, targets: Series, battery: Battery, terms: Terms, totals: Series, monthly: Series
) -> None:
    """Fill ``totals`` (target, quantity) and ``monthly`` (target, month) of one site; ``targets`` ascend.

    The highest target is searched first: its portfolio also reaches the lower ones, and its planes bound them.
    """
    load = year.load
    hours = np.array([sum_in_order(load), sum_in_order(pv), sum_in_order(wind)])
    if np.isnan(hours[1]) or np.isnan(hours[2]) or np.isnan(terms.pv_limit) or np.isnan(terms.wind_limit):
        return
    rays = build_rays(grid.share, grid.power, grid.energy, hours, terms)
    planes = first_planes(hours)
    hourly = np.zeros((len(SERIES), load.size))
    found = NOTHING
    for k in range(targets.size - 1, -1, -1):
        found = search(pv, wind, load, battery, rays, planes, targets[k], terms, found)
        mix = found.mix
        if np.isnan(mix.pv):
            continue
        totals[k, 0], totals[k, 1], totals[k, 2], totals[k, 3] = mix
        trace(pv, wind, load, mix, battery, year.export_limit, hourly)
        account(hourly, year.month, load, battery, totals[k], monthly[k])


@compiled
def summarise(series: Series, month: Months, monthly: Series) -> float:
    """Sum of a capacity factor over the year [h]; fills its monthly means (12,)."""
    hours, count, total = np.zeros(12), np.zeros(12), 0.0
    for t in range(series.size):
        total += series[t]
        hours[month[t] - 1] += series[t]
        count[month[t] - 1] += 1.0
    for m in range(12):
        monthly[m] = hours[m] / count[m] if count[m] > 0.0 else np.nan
    return total
