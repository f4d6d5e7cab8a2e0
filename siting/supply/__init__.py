"""Least-cost supply of a load from its own PV, wind and battery at an hourly matched share. Time dies here."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator

from siting.demand import Load, hourly_load
from siting.finance import Finance, import_price
from siting.vocabulary import AlignmentError, Parameters, UnitsError, step

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from siting.supply.dispatch import Battery
    from siting.supply.portfolio import Grid

Floats = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=1)]


class Storage(Parameters):
    """Battery: efficiency, usable range and the sizes to try."""

    round_trip_efficiency: float = Field(
        0.86,
        gt=0.3,
        le=1,
        description="AC to AC efficiency of a cycle, split evenly over charging and discharging; 0.85-0.88, expert, medium.",
    )
    minimum_state_of_charge: float = Field(
        0.1, ge=0, lt=1, description="Share of the nominal energy that is never used, a margin for ageing; expert, low confidence."
    )
    hours: tuple[Annotated[float, Field(ge=0, le=1_000)], ...] = Field(
        (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24), min_length=1, description="Nominal energies to try, in hours of the mean load."
    )
    durations: tuple[Annotated[float, Field(gt=0, le=100)], ...] = Field(
        (2, 4, 6, 8, 12), min_length=1, description="Durations to try: hours from full to empty at full power."
    )


class Supply(Parameters):
    """Targets, the grid of portfolios to search, and their limits."""

    targets: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.8, 0.9), min_length=1, description="Hourly matched shares to reach, ascending fractions (90 % is 0.9)."
    )
    storage: Storage = Field(default_factory=Storage, description="Battery.")
    pv_shares: tuple[Share, ...] = Field(
        tuple(k / 20 for k in range(21)), min_length=1, description="PV shares of the year's generation to try; wind gives the rest."
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
        1e-4, ge=1e-6, le=1e-2, description="Overshoot of a target, and cost above the cheapest portfolio of the grid, that end a search."
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
)


class Block(NamedTuple):
    """What all sites share: load [MW] and month of each hour, the search, costs [CNY per MW or MWh and year] and mean load [MW]."""

    load: Floats
    month: NDArray[np.int64]
    supply: Supply
    costs: tuple[float, float, float, float]
    mean_mw: float


@step(
    needs=("pv_capacity_factor", "wind_capacity_factor", "pv_land_fraction", "wind_land_fraction", "cell_area", "grid_energy_price"),
    adds=(
        "pv_full_load_hours",
        "wind_full_load_hours",
        "pv_capacity_factor_monthly",
        "wind_capacity_factor_monthly",
        "load_energy",
        *QUANTITIES,
        "matched_share_monthly",
    ),
)
def match_supply(sites: xr.Dataset, load: Load, supply: Supply, finance: Finance) -> xr.Dataset:
    """Cheapest own supply of the load at each site and target, and its year in sums.

    The cost that is minimised is that of plants, battery and imported energy; the charge for contracted grid capacity and
    revenue from exports follow from the result and do not steer it. Where the import price is unknown (NaN) it does not steer
    either.

    Parameters
    ----------
    sites : Dataset
        Has hourly capacity factors of one calendar year (site, time), land fractions, cell area and grid energy price (site).
    load, supply, finance
        Load; targets, grid of portfolios and limits; cost book and tariff.

    Returns
    -------
    Dataset
        Without the hourly variables, with new dimensions ``target`` and ``month`` and the attribute ``hours`` (of the year).
        All numbers of a portfolio are NaN where no portfolio within land and overbuild reaches the target, and where an hour
        or a land fraction is unknown.

    Raises
    ------
    AlignmentError
        If the time axis is not every hour of one calendar year.
    UnitsError
        If a capacity factor lies outside 0 to 1.5.
    """
    import xarray as xr

    time = _calendar_year(sites)
    block = Block(hourly_load(load, time), time.month.to_numpy().astype(np.int64), supply, _costs(finance), load.mean_mw)
    area = sites["cell_area"]
    limits = (
        sites["pv_land_fraction"] * area * supply.pv_density_mw_per_km2,
        sites["wind_land_fraction"] * area * supply.wind_density_mw_per_km2,
    )
    factors = (sites["pv_capacity_factor"], sites["wind_capacity_factor"])
    yields, mixes, monthly = xr.apply_ufunc(
        match_block,
        *factors,
        *limits,
        import_price(sites, finance.tariff) * 1e3,
        input_core_dims=[["time"], ["time"], [], [], []],
        kwargs={"block": block},
        output_core_dims=[["plant", "sum"], ["target", "quantity"], ["target", "month"]],
        dask="parallelized",
        output_dtypes=[np.float64] * 3,
        dask_gufunc_kwargs={
            "output_sizes": {"plant": 2, "sum": 13, "target": len(supply.targets), "quantity": len(QUANTITIES), "month": 12}
        },
    )
    result = sites.drop_dims("time").assign_coords(target=list(supply.targets), month=np.arange(1, 13))
    for k, plant in enumerate(("pv", "wind")):
        result[f"{plant}_full_load_hours"] = yields.isel(plant=k, sum=12, drop=True)
        result[f"{plant}_capacity_factor_monthly"] = yields.isel(plant=k, sum=slice(12), drop=True).rename(sum="month")
    for k, name in enumerate(QUANTITIES):
        result[name] = mixes.isel(quantity=k, drop=True)
    result["matched_share_monthly"] = monthly
    result["load_energy"] = xr.full_like(area, math.fsum(block.load), dtype=np.float64)
    return result.assign_attrs(hours=time.size)


def match_block(
    pv: ArrayLike, wind: ArrayLike, pv_limit: ArrayLike, wind_limit: ArrayLike, import_cost: ArrayLike, *, block: Block
) -> tuple[Floats, Floats, Floats]:
    """Search yields, portfolios and monthly shares of some sites, on arrays.

    Parameters
    ----------
    pv, wind : array_like, shape (site, time)
        Capacity factors [1].
    pv_limit, wind_limit, import_cost : array_like, shape (site,)
        Largest capacities [MW], price of imports [CNY/MWh].
    block : Block
        What the sites share.

    Returns
    -------
    yields : ndarray, shape (site, 2, 13)
        Monthly means [1] and annual sum [h] of PV and wind.
    mixes : ndarray, shape (site, target, quantity)
        Numbers of each portfolio.
    monthly : ndarray, shape (site, target, 12)
        Matched share by month [1].
    """
    from siting.supply import portfolio

    series = (_checked(pv, "pv_capacity_factor"), _checked(wind, "wind_capacity_factor"))
    count, supply, targets = len(series[0]), block.supply, np.array(block.supply.targets)
    yields = np.empty((count, 2, 13))
    mixes, monthly = np.full((count, targets.size, len(QUANTITIES)), np.nan), np.full((count, targets.size, 12), np.nan)
    year = portfolio.Year(block.load, block.month, supply.export_limit_mw)
    grid, battery = _grid(supply, block.mean_mw), _battery(supply.storage)
    price, *limits = (np.broadcast_to(np.asarray(values, np.float64), (count,)) for values in (import_cost, pv_limit, wind_limit))
    for i in range(count):
        terms = portfolio.Terms(
            costs=block.costs,
            import_cost=0.0 if np.isnan(price[i]) else float(price[i]),
            pv_limit=float(limits[0][i]),
            wind_limit=float(limits[1][i]),
            overbuild_limit=supply.max_overbuild,
            tolerance=supply.tolerance,
        )
        for k in range(2):
            yields[i, k, 12] = portfolio.summarise(series[k][i], block.month, yields[i, k, :12])
        portfolio.match_site(series[0][i], series[1][i], year, grid, targets, battery, terms, mixes[i], monthly[i])
    return yields, mixes, monthly


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
        Efficiency and usable range of the battery; its sizes to try are not used.
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


def _grid(supply: Supply, mean_mw: float) -> Grid:
    """Rays of the search: shares x hours x durations; one duration will do where there is no battery."""
    from siting.supply.portfolio import Grid

    storage = supply.storage
    sizes = [(hours, duration) for hours in storage.hours for duration in (storage.durations if hours > 0 else storage.durations[:1])]
    rays = np.array(
        [(share, mean_mw * hours / duration, mean_mw * hours) for share in supply.pv_shares for hours, duration in sizes], dtype=np.float64
    )
    return Grid(*np.ascontiguousarray(rays.T))
