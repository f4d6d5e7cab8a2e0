"""Least-cost supply of a load from its own PV, wind and battery at an hourly matched share. Time dies here.

The problem, for a site and a target X: choose PV, wind, battery power and battery energy that minimise

    annualised cost of plants and battery + price of imports x import + charge x contracted grid capacity - revenue from exports

over one or several years, so that in every hour generation + discharge + import = load + charge + export + curtailment; the state of
charge is cyclic, keeps its margin and loses in both ways; only own generation charges the battery; and import <= (1 - X) of the load,
self-used generation >= a share of what is available (curtailed energy and storage losses count as available, not as used), own supply
>= a share of the load, exports <= a share of what is available, plants <= the land, available generation <= a multiple of the load.
The grid covers every deficit: a project that imports at all contracts the peak of its load, one that doesn't pays no charge.

Two engines give one answer. `siting.supply.sizing` certifies the cost between an upper and a lower bound wherever imports have one
price and exports earn nothing. Everything else, and what it leaves open, goes to the linear programme of `siting.supply.programme`.
The result says which engine served a site and how large the gap is.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator

from siting.demand import FlexibleLoad, Load, flexible_parts, hourly_load, load_warnings
from siting.finance import Finance, import_price, import_price_hours
from siting.supply.limits import Limits
from siting.vocabulary import AlignmentError, Parameters, StudyError, UnitsError, step, with_warnings

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from siting.supply.dispatch import Battery
    from siting.supply.sizing import State, Terms

Floats = NDArray[np.float64]


class Storage(Parameters):
    """Battery: efficiency and usable range; its power and energy are chosen."""

    round_trip_efficiency: float = Field(
        0.86,
        gt=0.3,
        le=1,
        description="AC to AC efficiency of a cycle, split evenly over charging and discharging; 0.85-0.88, expert, medium.",
    )
    minimum_state_of_charge: float = Field(
        0.1, ge=0, lt=1, description="Share of the nominal energy that is never used, a margin for ageing; expert, low confidence."
    )


class Supply(Parameters):
    """Targets, and the limits of what may be built."""

    targets: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.8, 0.9), min_length=1, description="Hourly matched shares to reach, ascending fractions (90 % is 0.9)."
    )
    storage: Storage = Field(default_factory=Storage, description="Battery.")
    limits: Limits = Field(
        default_factory=Limits, description="Shares that the supply must keep, such as those of the direct connection rules."
    )
    max_overbuild: float = Field(10.0, gt=0, le=100, description="Most generation to plan for, as a multiple of the load.")
    pv_density_mw_per_km2: float = Field(
        40.0, gt=0, le=200, description="PV (DC) per area of open land; 58 is reached at Gonghe, less allows for gaps, medium confidence."
    )
    wind_density_mw_per_km2: float = Field(4.0, gt=0, le=30, description="Wind per gross area of open land; 3-5, medium confidence.")
    export_limit_mw: float = Field(
        0.0, ge=0, description="Largest export to the public grid; 0 as no reverse flow is allowed without a spot market."
    )
    tolerance: float = Field(
        1e-3, ge=1e-7, le=1e-2, description="Gap between the upper and the lower bound of the cost, as a share of it, that ends a search."
    )

    @field_validator("targets")
    @classmethod
    def _ascending(cls, targets: tuple[float, ...]) -> tuple[float, ...]:
        if any(a >= b for a, b in itertools.pairwise(targets)):
            raise ValueError(f"expected ascending targets without repeats, found {', '.join(map(str, targets))}")
        return targets


class Portfolio(NamedTuple):
    """Capacities of plants and battery: PV [MW DC], wind [MW], battery power [MW] and nominal energy [MWh]."""

    pv: float
    wind: float
    battery_power: float = 0.0
    battery_energy: float = 0.0


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
    "grid_capacity",
    "target_price",
    "sizing_gap",
    "supply_engine",
    "supply_limits",
)

#: Engines of `supply_engine`.
FAST, PROGRAMME = 1.0, 2.0

#: Bits of `supply_limits`: what binds at the optimum.
BINDING = {"target": 1, "pv_land": 2, "wind_land": 4, "overbuild": 8, "self_use": 16, "own_share": 32}


class Block(NamedTuple):
    """What all sites share.

    Load [MW], month (1-12) of each hour, limits, costs [CNY per MW or MWh and year], mean load [MW], years on the time axis, factor on the
    import price by hour [1], export price [CNY/MWh], and charge for grid capacity [CNY per MW and year], NaN off the grid.
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


@step(
    needs=("pv_capacity_factor", "wind_capacity_factor", "pv_land_fraction", "wind_land_fraction", "cell_area", "grid_energy_price"),
    adds=(
        "pv_full_load_hours",
        "wind_full_load_hours",
        "pv_capacity_factor_monthly",
        "wind_capacity_factor_monthly",
        "load_energy",
        "load_energy_monthly",
        "reachable_share",
        *QUANTITIES,
        "matched_share_monthly",
        "generation_monthly",
        "import_energy_monthly",
    ),
)
def match_supply(sites: xr.Dataset, load: Load, supply: Supply, finance: Finance) -> xr.Dataset:
    """Cheapest own supply of the load at each site and target, and its year in sums.

    Parameters
    ----------
    sites : Dataset
        Has hourly capacity factors of one calendar year (site, time), land fractions, cell area and grid energy price (site).
    load, supply, finance
        Load; targets and limits; cost book and tariff.

    Returns
    -------
    Dataset
        Without the hourly variables, with new dimensions ``target`` and ``month`` and the attribute ``hours`` (of the year).
        All numbers of a portfolio are NaN where nothing within land, overbuild and limits reaches the target (``reachable_share`` says
        what does), and where an hour or a land fraction is unknown. Where the import price is unknown it does not steer.

    Raises
    ------
    AlignmentError
        If the time axis is not every hour of one calendar year.
    UnitsError
        If a capacity factor lies outside 0 to 1.5.
    StudyError
        If the load is flexible, or export prices differ by plant: neither engine knows them yet.
    """
    import xarray as xr

    time = _calendar_year(sites)
    block = _block(load, supply, finance, time)
    area = sites["cell_area"]
    limits = (
        sites["pv_land_fraction"] * area * supply.pv_density_mw_per_km2,
        sites["wind_land_fraction"] * area * supply.wind_density_mw_per_km2,
    )
    factors = (sites["pv_capacity_factor"], sites["wind_capacity_factor"])
    yields, mixes, monthly, reached = xr.apply_ufunc(
        match_block,
        *factors,
        *limits,
        import_price(sites, finance.tariff) * 1e3,
        sites["grid_zone_index"] if "grid_zone_index" in sites else xr.full_like(area, -1, dtype=np.int64),
        input_core_dims=[["time"], ["time"], [], [], [], []],
        kwargs={"block": block, "feedin": _feedin(sites)},
        output_core_dims=[["plant", "sum"], ["target", "quantity"], ["target", "sums", "month"], []],
        dask="parallelized",
        output_dtypes=[np.float64] * 4,
        dask_gufunc_kwargs={
            "output_sizes": {"plant": 2, "sum": 13, "target": len(supply.targets), "quantity": len(QUANTITIES), "sums": 3, "month": 12}
        },
    )
    result = sites.drop_dims("time").assign_coords(target=list(supply.targets), month=np.arange(1, 13))
    new = {name: mixes.isel(quantity=k, drop=True) for k, name in enumerate(QUANTITIES)}
    for k, plant in enumerate(("pv", "wind")):
        new[f"{plant}_full_load_hours"] = yields.isel(plant=k, sum=12, drop=True)
        new[f"{plant}_capacity_factor_monthly"] = yields.isel(plant=k, sum=slice(12), drop=True).rename(sum="month")
    for k, name in enumerate(("matched_share_monthly", "generation_monthly", "import_energy_monthly")):
        new[name] = monthly.isel(sums=k, drop=True)
    result = result.assign(new)  # at once, as each assignment copies the whole table
    result["reachable_share"] = reached
    result["load_energy"] = xr.full_like(area, math.fsum(block.load), dtype=np.float64)
    by_month = xr.DataArray(
        [math.fsum(block.load[block.month == m]) for m in range(1, 13)], dims="month", coords={"month": result["month"]}
    )
    result["load_energy_monthly"] = xr.ones_like(area, dtype=np.float64) * by_month
    return with_warnings(result, load_warnings(load)).assign_attrs(hours=time.size)


def _feedin(sites: xr.Dataset) -> Floats | None:
    """Carbon-free share [1] and emission factor [t/MWh] of the grids by hour, (2, grid_zone, time); None where no feed-in was added."""
    if "grid_zone_index" not in sites:
        return None
    names = ("grid_carbon_free_share_hourly", "grid_emission_factor_hourly")
    return np.stack([sites[name].transpose("grid_zone", "time").to_numpy() for name in names])


def _block(load: Load, supply: Supply, finance: Finance, time: pd.DatetimeIndex) -> Block:
    """What all sites of a study share; refuses what neither engine knows."""
    tariff = finance.tariff
    if _moves(flexible_parts(load, time)):
        raise StudyError("Expected a load without flexibility, found some; the sizing doesn't move load yet: remove load.flexibility.")
    if tariff.captured_export is not None and supply.export_limit_mw > 0:
        raise StudyError("Expected one export price, found captured factors by plant; set tariff.export_price_cny_per_kwh instead.")
    if not tariff.grid_connected and supply.targets != (1.0,):
        raise StudyError(
            "Expected targets: [1.0] off the grid, where nothing else serves the load, found others; set it or grid_connected."
        )
    hours = hourly_load(load, time)
    return Block(
        hours,
        time.month.to_numpy().astype(np.int64),
        supply,
        _costs(finance),
        float(hours.mean()),
        1,
        import_price_hours(tariff, time),
        tariff.export_price_cny_per_kwh * 1e3 if supply.export_limit_mw > 0 else 0.0,
        12e3 * tariff.capacity_charge() if tariff.grid_connected else math.nan,
    )


def _moves(parts: FlexibleLoad) -> bool:
    """Whether any of a load may move or be cut."""
    return bool(parts.free_energy > 0 or max(parts.shift_max_up.max(), parts.shift_max_down.max(), parts.cut_max.max()) > 0)


def match_block(
    pv: ArrayLike,
    wind: ArrayLike,
    pv_limit: ArrayLike,
    wind_limit: ArrayLike,
    import_cost: ArrayLike,
    zone: ArrayLike = -1,
    *,
    block: Block,
    feedin: Floats | None = None,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Yields, portfolios and monthly sums of some sites, on arrays.

    Parameters
    ----------
    pv, wind : array_like, shape (site, time)
        Capacity factors [1].
    pv_limit, wind_limit, import_cost : array_like, shape (site,)
        Largest capacities [MW], price of imports [CNY/MWh].
    zone : array_like of int, shape (site,)
        Grid of each site, a row of ``feedin``; -1 is none.
    block : Block
        What the sites share.
    feedin : ndarray, shape (2, grid_zone, time), optional
        Carbon-free share [1] and emission factor [t/MWh] of each grid.

    Returns
    -------
    yields : ndarray, shape (site, 2, 13)
        Monthly means [1] and annual sum [h] of PV and wind.
    mixes : ndarray, shape (site, target, quantity)
        Numbers of each portfolio.
    monthly : ndarray, shape (site, target, 3, 12)
        Matched share [1], generation and import [MWh] by month.
    reached : ndarray, shape (site,)
        Largest matched share that the limits of land and overbuild allow [1].
    """
    from siting.supply import account, dispatch, sizing

    series = (_checked(pv, "pv_capacity_factor"), _checked(wind, "wind_capacity_factor"))
    count, supply = len(series[0]), block.supply
    yields, reached = np.empty((count, 2, 13)), np.full(count, np.nan)
    mixes, monthly = np.full((count, len(supply.targets), len(QUANTITIES)), np.nan), np.full((count, len(supply.targets), 3, 12), np.nan)
    price, *limits = (np.broadcast_to(np.asarray(values, np.float64), (count,)) for values in (import_cost, pv_limit, wind_limit))
    zones = np.broadcast_to(np.asarray(zone), (count,))
    state, hourly = sizing.empty_state(), np.empty((len(dispatch.SERIES), block.load.size))
    unknown = np.full((2, block.load.size), np.nan)
    for i in range(count):
        for k in range(2):
            yields[i, k, 12] = account.summarise(series[k][i], block.month, yields[i, k, :12])
        if np.isnan([yields[i, 0, 12], yields[i, 1, 12], limits[0][i], limits[1][i]]).any():
            continue
        site = Site(
            series[0][i],
            series[1][i],
            0.0 if np.isnan(price[i]) else float(price[i]),
            float(limits[0][i]),
            float(limits[1][i]),
            feedin[:, int(zones[i])] if feedin is not None and zones[i] >= 0 else unknown,
        )
        reached[i] = match_site(site, block, state, hourly, mixes[i], monthly[i])
    return yields, mixes, monthly, reached


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


def match_site(site: Site, block: Block, state: State, hourly: Floats, mixes: Floats, monthly: Floats) -> float:
    """Fill the portfolios (target, quantity) and monthly sums (target, 3, 12) of one site; returns the largest share in reach.

    ``state`` and ``hourly`` are room to work in, which the sites of a block share.
    """
    from siting.supply import sizing

    supply, battery, mean = block.supply, _battery(block.supply.storage), block.mean_mw
    energy = float(block.load.sum())
    terms = sizing.Terms(
        costs=np.array(block.costs) * (block.years * mean / energy),
        import_price=site.import_price if not math.isnan(block.capacity_charge) else 0.0,
        self_use=supply.limits.self_use_share_min,
        limits=np.array([site.pv_limit / mean, site.wind_limit / mean, math.inf, math.inf]),
        overbuild=supply.max_overbuild,
        import_share=1.0 - supply.limits.own_share_min,
        tolerance=supply.tolerance,
    )
    allowed = 1.0 - np.array(supply.targets)
    results = np.full((allowed.size, len(sizing.COLUMNS)), np.nan)
    year = sizing.Year(np.ascontiguousarray(site.pv), np.ascontiguousarray(site.wind), block.load / mean)
    reached = float(sizing.size_site(year, battery, terms, allowed, state, results))
    one_price = block.export_price == 0.0 and bool(np.all(block.price_factor == 1.0))
    capped = supply.export_limit_mw > 0 and supply.limits.export_share_max < 1
    for k in range(allowed.size - 1, -1, -1):
        if one_price and not capped and results[k, 6] != sizing.OPEN:
            _keep_sized(site, block, battery, terms, results[k], hourly, mixes[k], monthly[k])
        else:
            _keep_programmed(site, block, battery, terms, supply.targets[k], mixes[k], monthly[k])
        if k + 1 < allowed.size:
            _prefer_off_grid(site, block, mixes, monthly, k)
    return reached


def _keep_sized(
    site: Site, block: Block, battery: Battery, terms: Terms, result: Floats, hourly: Floats, totals: Floats, monthly: Floats
) -> None:
    """Run the portfolio of the fast engine for its sums; nothing is kept where none reaches the target."""
    from siting.supply import account, dispatch

    if np.isnan(result[0]):
        return
    mix = dispatch.Mix(*(float(value) * block.mean_mw for value in result[:4]))
    dispatch.trace(site.pv, site.wind, block.load, mix, battery, block.supply.export_limit_mw, hourly)
    totals[:4] = mix
    account.account(hourly, block.month, block.load, battery, totals, monthly)
    gap = 1.0 - result[5] / result[4] if result[4] > 0 else 0.0
    _describe(site, block, terms, totals, Optimum(hourly[dispatch.SERIES.index("import")], float(result[7]), gap, FAST))


def _keep_programmed(site: Site, block: Block, battery: Battery, terms: Terms, target: float, totals: Floats, monthly: Floats) -> None:
    """Solve the linear programme of a target and keep its flows; nothing is kept where it is infeasible."""
    from siting.supply import account, dispatch, programme

    grid = np.max(block.load)
    problem = programme.Problem(
        site.pv, site.wind, block.load, np.r_[np.array(block.costs) * block.years, 0.0], terms.import_price * block.price_factor,
        np.zeros(block.load.size), block.export_price, block.supply.export_limit_mw, block.supply.limits.export_share_max,
        np.r_[site.pv_limit, site.wind_limit, np.inf, np.inf, grid], target, terms.self_use, 1.0 - terms.import_share, terms.overbuild,
    )  # fmt: skip
    solution = programme.solve(problem, battery)
    if not math.isfinite(solution.cost):
        return
    totals[:4] = solution.capacities[:4]
    account.account(np.ascontiguousarray(solution.flows), block.month, block.load, battery, totals, monthly)
    bought = solution.flows[dispatch.SERIES.index("import")]
    _describe(site, block, terms, totals, Optimum(bought, solution.target_price, 0.0, PROGRAMME))


class Optimum(NamedTuple):
    """Hourly import [MW], price of the target [CNY/MWh], gap [1] and engine of a portfolio."""

    bought: Floats
    target_price: float
    gap: float
    engine: float


def _describe(site: Site, block: Block, terms: Terms, totals: Floats, optimum: Optimum) -> None:
    """Fill what follows from an optimum, from the carbon of its imports on."""
    from siting.supply import account

    _, target_price, gap, engine = optimum
    row = dict(zip(QUANTITIES, totals, strict=True))
    energy = float(block.load.sum())
    imports = row["import_energy"] / energy
    near = 1e-6
    on = not math.isnan(block.capacity_charge) and imports > 1e-9
    binding = (
        BINDING["target"] * (target_price > 0)
        + BINDING["pv_land"] * (row["pv_capacity"] >= terms.limits[0] * block.mean_mw * (1 - near))
        + BINDING["wind_land"] * (row["wind_capacity"] >= terms.limits[1] * block.mean_mw * (1 - near))
        + BINDING["overbuild"] * (row["generation"] >= terms.overbuild * energy * (1 - near))
        + BINDING["self_use"] * (terms.self_use > 0 and imports + terms.self_use * row["generation"] / energy >= 1 - near)
        + BINDING["own_share"] * (terms.import_share < 1 and imports >= terms.import_share - near)
    )
    clean, emitted = (account.weighted_sum(optimum.bought, rate) for rate in site.grid)
    paid = account.weighted_sum(optimum.bought, block.price_factor) / row["import_energy"] if imports > 1e-9 else 1.0
    capacity = float(np.max(block.load)) if on else 0.0
    new = (clean, emitted, paid, capacity, target_price * 1e-3, gap, engine, float(binding))
    totals[QUANTITIES.index("import_carbon_free_energy") :] = new


def _prefer_off_grid(site: Site, block: Block, mixes: Floats, monthly: Floats, k: int) -> None:
    """Take the portfolio of the next higher target where it needs no grid and is cheaper by the charge that it saves."""
    if math.isnan(block.capacity_charge) or np.isnan(mixes[k + 1, 0]):
        return
    high, low = (dict(zip(QUANTITIES, mixes[n], strict=True)) for n in (k + 1, k))
    if high["grid_capacity"] > 0 or low["grid_capacity"] == 0:
        return
    costs = [
        sum(c * row[name] for c, name in zip(block.costs, QUANTITIES, strict=False)) * block.years
        + row["import_energy"] * site.import_price
        + row["grid_capacity"] * block.capacity_charge * block.years
        for row in (high, low)
    ]
    if costs[0] < costs[1]:
        mixes[k], monthly[k] = mixes[k + 1], monthly[k + 1]


def dispatch_year(
    pv: ArrayLike, wind: ArrayLike, load: ArrayLike, portfolio: Portfolio, storage: Storage | None = None, *, export_limit_mw: float = 0.0
) -> dict[str, Floats]:
    """Flows of one site in each hour, with a cyclic state of charge.

    Parameters
    ----------
    pv, wind : array_like, shape (time,)
        Capacity factors [1].
    load : array_like, shape (time,)
        Load [MW].
    portfolio : Portfolio
        Capacities.
    storage : Storage, optional
        Efficiency and usable range of the battery.
    export_limit_mw : float
        Largest export [MW].

    Returns
    -------
    dict of ndarray, shape (time,)
        ``generation``, ``direct`` (generation used in its hour), ``charge``, ``discharge``, ``import``, ``exported`` and
        ``curtailed`` [MW], and ``state_of_charge`` [MWh of nominal energy, at the hour's end]. In every hour
        ``generation = direct + charge + exported + curtailed`` and ``load = direct + discharge + import``.

    Raises
    ------
    UnitsError
        If a capacity factor lies outside 0 to 1.5, or a load or a capacity is negative or unknown.
    AlignmentError
        If the series differ in length.
    """
    from siting.supply import dispatch

    pv, wind = _checked(pv, "pv_capacity_factor"), _checked(wind, "wind_capacity_factor")
    power = np.ascontiguousarray(load, dtype=np.float64)
    if not pv.shape == wind.shape == power.shape:
        sizes = ", ".join(str(values.shape) for values in (pv, wind, power))
        raise AlignmentError(f"Expected pv, wind and load of one length, found shapes {sizes}; select the same hours.")
    if not (all(value >= 0 for value in (*portfolio, export_limit_mw)) and np.all(power >= 0)):
        raise UnitsError(f"Expected a load and capacities of 0 or more, found {tuple(portfolio)} and a load from {np.min(power)} MW.")
    storage = storage or Storage()
    hourly = np.empty((len(dispatch.SERIES), power.size))
    dispatch.trace(pv, wind, power, dispatch.Mix(*map(float, portfolio)), _battery(storage), float(export_limit_mw), hourly)
    flows = dict(zip(dispatch.SERIES, hourly, strict=True))
    flows["state_of_charge"] = flows["state_of_charge"] + storage.minimum_state_of_charge * portfolio.battery_energy
    return flows


def _calendar_year(sites: xr.Dataset) -> pd.DatetimeIndex:
    """Time axis, which must be every hour of one calendar year."""
    import pandas as pd

    found = pd.DatetimeIndex(np.asarray(sites["time"]))
    year = found[0].year if found.size else 2013
    expected = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", inclusive="left")
    if not np.array_equal(found.to_numpy(), expected.to_numpy().astype(found.to_numpy().dtype)):
        span = f"{found.size} stamps from {found[0]} to {found[-1]}" if found.size else "none"
        raise AlignmentError(f"match_supply expects every hour of one calendar year (UTC), found {span}; select one whole year.")
    return found


def _checked(values: ArrayLike, name: str) -> Floats:
    """Capacity factors as contiguous float64, refused if they can't be fractions."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    low, high = (np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)) if array.size else (0.0, 0.0)
    if low < 0 or high > 1.5:
        raise UnitsError(f"Expected {name} of 0 to 1.5, found {low:g} to {high:g}; give output as a fraction of capacity, not in % or MW.")
    return array


def _costs(finance: Finance) -> tuple[float, float, float, float]:
    """Costs of PV, wind, battery power [CNY per MW and year] and battery energy [CNY per MWh and year]."""
    costs = finance.annual_costs()
    return (
        costs.pv_cny_per_kw * 1e3,
        costs.wind_cny_per_kw * 1e3,
        costs.battery_power_cny_per_kw * 1e3,
        costs.battery_energy_cny_per_kwh * 1e3,
    )


def _battery(storage: Storage) -> Battery:
    """Battery of the dispatch; losses are split evenly over charging and discharging."""
    from siting.supply.dispatch import Battery

    one_way = math.sqrt(storage.round_trip_efficiency)
    return Battery(one_way, one_way, 1.0 - storage.minimum_state_of_charge)
