"""One site: the engine that serves it, its portfolios and their sums."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.demand.flexibility import FlexibleLoad, still

if TYPE_CHECKING:
    import xarray as xr

    from siting.supply import Storage, Supply
    from siting.supply.account import Market
    from siting.supply.dispatch import Battery
    from siting.supply.programme import Hydrogen
    from siting.supply.sizing import State, Terms
    from siting.supply.trade_sizing import Case

Floats = NDArray[np.float64]

#: Numbers of a portfolio, in the order of the arrays that hold them.
QUANTITIES = (
    "pv_capacity",
    "wind_capacity",
    "battery_power",
    "battery_energy",
    "generation",
    "matched_share",
    "import_energy",
    "import_peak",
    "curtailed_energy",
    "exported_energy",
    "storage_loss",
    "balance_residual",
    "import_hours",
    "longest_lull",
    "import_carbon_free_energy",
    "import_emissions",
    "import_price_factor",
    "matched_share_worst_year",
    "grid_capacity",
    "target_price",
    "sizing_gap",
    "supply_engine",
    "supply_limits",
    "grid_charged_energy",
    "cut_energy",
    "cut_cost",
    "electrolyser_capacity",
    "hydrogen_tank",
    "exported_wind_energy",
)

_COLUMN = {name: k for k, name in enumerate(QUANTITIES)}

#: Those that are sums over the time axis.
SUMS = (
    "generation",
    "import_energy",
    "curtailed_energy",
    "exported_energy",
    "storage_loss",
    "import_hours",
    "import_carbon_free_energy",
    "import_emissions",
    "grid_charged_energy",
    "cut_energy",
    "cut_cost",
    "exported_wind_energy",
)

#: Engines of `supply_engine`.
FAST, PROGRAMME = 1.0, 2.0

#: Bits of `supply_limits`: what binds at the optimum.
BINDING = {"target": 1, "pv_land": 2, "wind_land": 4, "overbuild": 8, "self_use": 16, "own_share": 32, "export_share": 64}


class Block(NamedTuple):
    """What all sites share.

    Load [MW], month (1-12) of each hour, limits, costs [CNY per MW or MWh and year], mean load [MW], years on the time axis, factor on the
    import price by hour [1], export price [CNY/MWh], charge for grid capacity [CNY per MW and year], NaN off the grid; what of the load
    may move (None: nothing), the hydrogen to make, the hours at which the years begin, and what exported wind power earns beyond the export
    price, which is that of PV [CNY/MWh]. The load is the one without moves and cuts, with the electrolyser running evenly.
    """

    load: Floats
    month: NDArray[np.int64]
    supply: Supply
    costs: tuple[float, float, float, float]
    mean_mw: float
    years: int
    price_factor: Floats
    export_price: float
    capacity_charge: float
    parts: FlexibleLoad | None = None
    hydrogen: Hydrogen | None = None
    year_starts: tuple[int, ...] = (0,)
    wind_premium: float = 0.0


class Site(NamedTuple):
    """One site.

    Hourly output per capacity [1], price of imports [CNY/MWh], most PV and wind on its land [MW], and carbon-free share [1] and emission
    factor [t/MWh] of its grid by hour (2, time), or NaN.
    """

    pv: Floats
    wind: Floats
    import_price: float
    pv_limit: float
    wind_limit: float
    grid: Floats


class Room(NamedTuple):
    """What the sites of a block share and work in, one after the other.

    The load as the search takes it, with a mean of 1 MW, the search itself, energy [MWh] and peak [MW] of the load, and whether the fast
    engine's assumptions hold.
    """

    load: Floats
    state: State
    energy: float
    peak: float
    fast: bool


def empty_room(block: Block) -> Room:
    """Room for the sites of a block."""
    from siting.supply import sizing

    energy, peak = float(block.load.sum()), float(np.max(block.load))
    return Room(block.load / block.mean_mw, sizing.empty_state(), energy, peak, not programme_reasons(block))


def match_site(site: Site, block: Block, room: Room, mixes: Floats, monthly: Floats, hours: dict[float, Hours] | None = None) -> float:
    """Fill portfolios (target, quantity) and monthly sums (target, 4, 12) of one site, and its hours by target where they are asked for.

    Returns the largest share of the load in reach.
    """
    from siting.supply import sizing

    supply, battery = block.supply, battery_of(block.supply.storage)
    counted, terms = _counted_carbon(site, block), _terms(site, block, room.energy)
    allowed = _allowed(counted, np.array(supply.targets))
    results = np.full((allowed.size, len(sizing.COLUMNS)), np.nan)
    year = sizing.Year(np.ascontiguousarray(site.pv), np.ascontiguousarray(site.wind), room.load)
    reached = float(sizing.size_site(year, battery, terms, allowed, room.state, results))
    if np.isnan(counted).any():
        return reached
    whole = room.fast and bool(np.all(counted == counted[0]))
    if whole and _sells(block):
        _improve(site, block, allowed, results)
    fast = (results[:, 6] != sizing.OPEN) & whole
    if fast.any():
        _keep_sized(site, block, room, battery, np.where(fast[:, None], results, np.nan), mixes, monthly)
    for k in range(allowed.size - 1, -1, -1):
        found = None
        if not fast[k]:
            found = _keep_programmed(site, block, room, battery, terms, supply.targets[k], counted, mixes[k], monthly[k])
        elif hours is not None and np.isfinite(results[k, 0]):
            found = sized_hours(site, block, mixes[k, :4].tolist(), supply.targets[k])
        if k + 1 < allowed.size and supply.grid_capacity == "peak" and _cheaper_off_grid(site, block, mixes, k):
            mixes[k], monthly[k] = mixes[k + 1], monthly[k + 1]
            found = hours[supply.targets[k + 1]] if hours else found
        if found and hours is not None:
            hours[supply.targets[k]] = found
    return reached


class Hours(NamedTuple):
    """Flows of a year as `siting.supply.dispatch.SERIES` (len(SERIES), time), load served and cut, and exported wind power (time,) [MW]."""

    flows: Floats
    served: Floats
    cut: Floats
    exported_wind: Floats


def _terms(site: Site, block: Block, energy: float) -> Terms:
    """Numbers of the search. All exports earn the price of the dearer source there, without a limit on their power: a lower bound."""
    from siting.supply import sizing

    supply, mean = block.supply, block.mean_mw
    return sizing.Terms(
        costs=np.array(block.costs) * (block.years * mean / energy),
        import_price=site.import_price if not math.isnan(block.capacity_charge) else 0.0,
        export_price=max(block.export_price, block.export_price + block.wind_premium) if _sells(block) else 0.0,
        export_share=supply.limits.export_share_max,
        self_use=supply.limits.self_use_share_min,
        limits=np.array([site.pv_limit / mean, site.wind_limit / mean, math.inf, math.inf]),
        overbuild=supply.max_overbuild,
        import_share=1.0 - supply.limits.own_share_min,
        tolerance=supply.tolerance * (0.5 if _sells(block) else 1.0),  # what a limit on their power takes has the rest
    )


def _allowed(counted: Floats, targets: Floats) -> Floats:
    """Import share that targets allow, where one share of the imports counts as matched."""
    left = 1.0 - float(counted[0])
    return np.minimum((1.0 - targets) / left if left > 0 else np.ones(targets.size), 1.0)


def _case(site: Site, block: Block) -> Case:
    """What the best hours of a site that sells need."""
    from siting.supply import sizing, trade, trade_sizing

    terms = _terms(site, block, float(block.load.sum()))._replace(tolerance=block.supply.tolerance)
    least, most = sorted((block.export_price, block.export_price + block.wind_premium))
    prices = trade.Deal(terms.import_price, most, least, block.supply.export_limit_mw / block.mean_mw, block.wind_premium > 0)
    year = sizing.Year(np.ascontiguousarray(site.pv), np.ascontiguousarray(site.wind), block.load / block.mean_mw)
    return trade_sizing.case_of(year, battery_of(block.supply.storage), terms, prices)


def _counted_carbon(site: Site, block: Block) -> Floats:
    """Share of the imports of each hour, or of all (1,), that counts as matched [1]; NaN where it should be known and isn't."""
    return site.grid[0] if block.supply.matching == "total" else np.zeros(1)


def programme_reasons(block: Block) -> tuple[str, ...]:
    """Why the fast engine's assumptions don't hold for what all sites share; none where they do."""
    supply = block.supply
    asked = {
        "prices that differ by the hour": not bool(np.all(block.price_factor == 1.0)),
        "a chosen grid capacity": supply.grid_capacity == "chosen" and block.capacity_charge > 0,
        "a battery charged by the grid": supply.storage.grid_charging,
        "flexible load": block.parts is not None,
        "hydrogen": block.hydrogen is not None,
    }
    return tuple(name for name, where in asked.items() if where)


def reach_limits(site: Site, block: Block, room: Room, full_load_hours: Floats) -> float:
    """Flags of what keeps the site from serving more of the load: land, or the overbuild."""
    pv, wind = (hours * limit for hours, limit in zip(full_load_hours.tolist(), (site.pv_limit, site.wind_limit), strict=True))
    land = BINDING["pv_land"] * (pv > 0 or site.pv_limit == 0) + BINDING["wind_land"] * (wind > 0 or site.wind_limit == 0)
    return float(BINDING["overbuild"] if pv + wind >= block.supply.max_overbuild * room.energy else land)


def _keep_sized(site: Site, block: Block, room: Room, battery: Battery, results: Floats, mixes: Floats, monthly: Floats) -> None:
    """Run the portfolios of the fast engine for their sums; nothing is kept where a result is NaN."""
    from siting.supply import account

    known, limit = np.isfinite(results[:, 0]), block.supply.export_limit_mw
    capacities, upper, lower = results[:, :4] * block.mean_mw, results[known, 4], results[known, 5]
    sold = np.zeros(known.size)
    if len(block.year_starts) > 1 or _sells(block) or _capped(block):
        for k in np.flatnonzero(known):
            hours = sized_hours(site, block, capacities[k].tolist(), block.supply.targets[k])
            _account(hours, site, block, battery, capacities[k], mixes[k], monthly[k])
            sold[k] = hours.exported_wind.sum()
    else:
        year = (np.ascontiguousarray(site.pv), np.ascontiguousarray(site.wind), block.load)
        account.account_mixes(*year, block.month, _market(site, block), battery, limit, capacities, mixes, monthly)
        if limit > 0:
            sold = mixes[:, _COLUMN["exported_energy"]] * _wind_share(site, capacities)
    size = np.abs(upper)
    gap = np.maximum(upper - lower, 0.0) / np.where(size > 0, size, 1.0)
    mixes[known] = _described(mixes[known], block, room, room.peak, results[known, 7], gap, FAST)
    mixes[known, _COLUMN["exported_wind_energy"]] = sold[known]


def _wind_share(site: Site, capacities: Floats) -> Floats:
    """Share of wind in the generation of the year of portfolios (..., 4)."""
    pv, wind = float(site.pv.sum()) * capacities[..., 0], float(site.wind.sum()) * capacities[..., 1]
    return np.divide(wind, pv + wind, out=np.zeros_like(pv), where=pv + wind > 0)


def _sells(block: Block) -> bool:
    """Whether exports earn something."""
    return max(block.export_price, block.export_price + block.wind_premium) > 0 and block.supply.export_limit_mw > 0


def _capped(block: Block) -> bool:
    """Whether exports are bound by their share of the generation."""
    return block.supply.export_limit_mw > 0 and block.supply.limits.export_share_max < 1


def _account(hours: Hours, site: Site, block: Block, battery: Battery, capacities: Floats, totals: Floats, monthly: Floats) -> None:
    """Fill capacities and sums of the hours, and the matched share of the year in which it is least."""
    from siting.supply import account, dispatch

    served = np.maximum(hours.served, 0.0)
    totals[:4] = capacities
    account.account(hours.flows, block.month, served, _market(site, block), battery, totals, monthly)
    bought = hours.flows[dispatch.SERIES.index("import")]
    shares = 1.0 - np.add.reduceat(bought, block.year_starts) / np.add.reduceat(served, block.year_starts)
    totals[_COLUMN["matched_share_worst_year"]] = np.min(shares)


def _market(site: Site, block: Block) -> Market:
    """What the imports of a site carry."""
    from siting.supply.account import Market

    return Market(np.ascontiguousarray(site.grid[0]), np.ascontiguousarray(site.grid[1]), block.price_factor)


def sized_hours(site: Site, block: Block, capacities: list[float], target: float) -> Hours:
    """Hours of a portfolio of the fast engine [MW, MWh]: greedy ones, and the best where exports earn something and those aren't.

    Where both plants earn the same, exports are shared out by the generation of the year.
    """
    from siting.supply import dispatch, trade_sizing

    flows = _greedy_flows(site, block, capacities)
    if not _sells(block) or _greedy_is_best(flows, site, block):
        exported = flows[dispatch.SERIES.index("exported")]
        return Hours(flows, block.load, np.zeros_like(block.load), exported * _wind_share(site, np.array(capacities)))
    case, allowed = _case(site, block), float(_allowed(_counted_carbon(site, block), np.array([target]))[0])
    rows = trade_sizing.best_hours(case, np.array(capacities) / block.mean_mw, allowed) * block.mean_mw
    wind = _exported_wind(site, block, np.array(capacities), *rows[[6, 9]])
    return Hours(rows[: len(dispatch.SERIES)], block.load, np.zeros_like(block.load), wind)


def _greedy_flows(site: Site, block: Block, capacities: list[float]) -> Floats:
    """Flows of the greedy dispatch; where it would export more than the share that may be, all hours give the same part of it."""
    from siting.supply import dispatch

    flows, battery = np.empty((len(dispatch.SERIES), block.load.size)), battery_of(block.supply.storage)
    dispatch.trace(site.pv, site.wind, block.load, dispatch.Mix(*capacities), battery, block.supply.export_limit_mw, flows)
    made, exported, curtailed = (flows[dispatch.SERIES.index(name)] for name in ("generation", "exported", "curtailed"))
    if _capped(block) and (total := float(exported.sum())) > 0:
        kept = min(block.supply.limits.export_share_max * float(made.sum()) / total, 1.0)
        curtailed += (1.0 - kept) * exported
        exported *= kept
    return flows


def _greedy_is_best(flows: Floats, site: Site, block: Block) -> bool:
    """Whether greedy flows cost the least: both plants sell at one price below what is stored, and the limit on their power isn't felt."""
    from siting.supply import dispatch

    stored = block.supply.storage.round_trip_efficiency * (site.import_price if not math.isnan(block.capacity_charge) else 0.0)
    if block.wind_premium != 0 or block.export_price > stored:
        return False
    made, exported, curtailed = (float(flows[dispatch.SERIES.index(name)].sum()) for name in ("generation", "exported", "curtailed"))
    wanted = min(exported + curtailed, block.supply.limits.export_share_max * made)
    return wanted - exported <= 1e-9 * float(block.load.sum())


def _improve(site: Site, block: Block, allowed: Floats, results: Floats) -> None:
    """Search on for the targets at which greedy dispatch isn't the best that the portfolio found can do, or no bound is close."""
    from siting.supply import sizing, trade_sizing

    wanted = np.isfinite(results[:, 0])
    for k in np.flatnonzero(wanted & (results[:, 6] == sizing.CERTIFIED)):
        wanted[k] = not _greedy_is_best(_greedy_flows(site, block, (results[k, :4] * block.mean_mw).tolist()), site, block)
    if wanted.any():
        trade_sizing.improve(_case(site, block), allowed, wanted, results)


def _exported_wind(site: Site, block: Block, capacities: Floats, exported: Floats, dearer: Floats) -> Floats:
    """Exported wind power, all exports and those of the dearer source given; by the generation of the year where both earn the same."""
    if block.wind_premium == 0:
        return np.asarray(exported * _wind_share(site, capacities))
    return dearer if block.wind_premium > 0 else exported - dearer


def _keep_programmed(
    site: Site, block: Block, room: Room, battery: Battery, terms: Terms, target: float, counted: Floats, totals: Floats, monthly: Floats
) -> Hours | None:
    """Solve the linear programme of a target and keep its flows; nothing is kept where it is infeasible."""
    from siting.supply import dispatch, programme

    supply, peak = block.supply, room.peak
    gas = block.hydrogen
    made = gas.power * gas.demand if gas else 0.0
    if gas:
        gas = gas._replace(electrolyser_cost=gas.electrolyser_cost * block.years, tank_cost=gas.tank_cost * block.years)
    parts = block.parts or still(block.load - made)
    chosen = supply.grid_capacity == "chosen" and not math.isnan(block.capacity_charge)
    problem = programme.Problem(
        site.pv, site.wind, parts, np.r_[np.array(block.costs), block.capacity_charge if chosen else 0.0] * block.years,
        terms.import_price * block.price_factor, np.broadcast_to(counted, block.load.shape), block.export_price, supply.export_limit_mw,
        supply.limits.export_share_max,
        np.r_[site.pv_limit, site.wind_limit, np.inf, np.inf, np.inf if chosen else peak], target, terms.self_use,
        1.0 - terms.import_share, terms.overbuild, supply.storage.grid_charging, gas, block.wind_premium if _sells(block) else 0.0,
    )  # fmt: skip
    solution = programme.solve(problem, battery)
    if not math.isfinite(solution.cost):
        return None
    exported = solution.flows[dispatch.SERIES.index("exported")]
    wind = _exported_wind(site, block, solution.capacities, exported, solution.dearer)
    hours = Hours(np.ascontiguousarray(solution.flows), solution.served, solution.cut, wind)
    _account(hours, site, block, battery, solution.capacities[:4], totals, monthly)
    contracted = float(solution.capacities[4]) if chosen else peak
    totals[:] = _described(totals[None], block, room, contracted, np.array([solution.target_price]), np.zeros(1), PROGRAMME)[0]
    stored, cut = (float(flow.sum()) for flow in (hours.flows[dispatch.SERIES.index("grid_charge")], solution.cut))
    totals[_COLUMN["grid_charged_energy"] :] = (stored, cut, 1e3 * parts.cut_price * cut, *solution.capacities[5:], float(wind.sum()))
    return hours


def _described(mixes: Floats, block: Block, room: Room, contracted: float, target_price: Floats, gap: Floats, engine: float) -> Floats:
    """Numbers of portfolios (target, quantity) with what follows from their optimum, from the grid capacity on, and from a single year.

    Grid capacity where there is any import [MW], prices of the targets [CNY/MWh] and gaps [1], (target,), and the engine.
    """
    described, first = mixes.copy(), _COLUMN["grid_capacity"]
    imports = mixes[:, _COLUMN["import_energy"]] > 1e-9 * room.energy
    described[:, first:] = 0.0
    if len(block.year_starts) == 1:
        described[:, _COLUMN["matched_share_worst_year"]] = described[:, _COLUMN["matched_share"]]
    described[:, first] = imports * (0.0 if math.isnan(block.capacity_charge) else contracted)
    described[:, first + 1] = target_price * 1e-3
    described[:, first + 2] = gap
    described[:, first + 3] = engine
    return described


def binding(mixes: Floats, pv_limit: Floats, wind_limit: Floats, block: Block) -> Floats:
    """Flags of what binds at the optimum (site, target); NaN where there is none.

    Parameters
    ----------
    mixes : ndarray, shape (site, target, QUANTITIES)
        Numbers of the portfolios.
    pv_limit, wind_limit : ndarray, shape (site,)
        Most that the sites' own plants may have [MW].
    block : Block
        What the sites share.
    """
    row = {name: mixes[..., k] for k, name in enumerate(QUANTITIES)}
    supply, limits, energy, near = block.supply, block.supply.limits, float(block.load.sum()), 1e-6
    imports, made, own = row["import_energy"] / energy, row["generation"], limits.own_share_min
    most = made * limits.export_share_max * (1 - near)
    found = {
        "target": row["target_price"] > 0,
        "pv_land": row["pv_capacity"] >= pv_limit[:, None] * (1 - near),
        "wind_land": row["wind_capacity"] >= wind_limit[:, None] * (1 - near),
        "overbuild": made >= supply.max_overbuild * energy * (1 - near),
        "self_use": (limits.self_use_share_min > 0) & (imports + limits.self_use_share_min * made / energy >= 1 - near),
        "own_share": (own > 0) & (imports >= 1.0 - own - near),
        "export_share": (most > 0) & (row["exported_energy"] >= most),
    }
    flags = sum(BINDING[name] * where for name, where in found.items())
    return np.where(np.isfinite(row["pv_capacity"]), flags, np.nan)


def annual_cost(mixes: Floats, block: Block, price: float) -> Floats:
    """Cost of portfolios over the time axis [CNY], without lines, at a price of imports [CNY/MWh]; infinite where there is none.

    Parameters
    ----------
    mixes : ndarray, shape (target, QUANTITIES)
        Numbers of the portfolios.
    """
    charge, gas = block.capacity_charge, block.hydrogen

    def row(name: str) -> Floats:
        return mixes[:, _COLUMN[name]]

    yearly = sum(cost * row(name) for cost, name in zip(block.costs, QUANTITIES, strict=False))
    yearly = yearly + row("grid_capacity") * (0.0 if math.isnan(charge) else charge)
    if gas:
        yearly = yearly + row("electrolyser_capacity") * gas.electrolyser_cost + row("hydrogen_tank") * gas.tank_cost
    earned = row("exported_energy") * block.export_price + row("exported_wind_energy") * block.wind_premium
    traded = row("import_energy") * row("import_price_factor") * price - earned
    total = yearly * block.years + traded + row("cut_cost")
    return np.where(np.isfinite(total), total, np.inf)


def priced(block: Block, pv: float, wind: float) -> Block:
    """Block with a site's prices of exports [CNY/MWh]; unknown ones don't steer."""
    pv, wind = (0.0 if math.isnan(price) else float(price) for price in (pv, wind))
    return block._replace(export_price=pv, wind_premium=wind - pv)


def _cheaper_off_grid(site: Site, block: Block, mixes: Floats, k: int) -> bool:
    """Whether the portfolio of the next higher target needs no grid and is cheaper by the charge that it saves."""
    contracted, beyond = mixes[k : k + 2, _COLUMN["grid_capacity"]].tolist()
    if math.isnan(block.capacity_charge) or not contracted > beyond == 0:
        return False
    low, high = annual_cost(mixes[k : k + 2], block, site.import_price)
    return bool(high < low)


def served_energy(sites: xr.Dataset) -> xr.DataArray:
    """Load that is served [MWh]: what is asked for, without what is cut, of which tables without cut load say nothing."""
    asked = sites["load_energy"]
    return asked - sites["cut_energy"] if "cut_energy" in sites else asked


def battery_of(storage: Storage) -> Battery:
    """Battery of the dispatch; losses are split evenly over charging and discharging."""
    from siting.supply.dispatch import Battery

    one_way = math.sqrt(storage.round_trip_efficiency)
    return Battery(one_way, one_way, 1.0 - storage.minimum_state_of_charge)
