"""Least-cost supply of a load from its own PV, wind and battery at an hourly matched share. Time dies here.

The problem, for a site and a target X: choose PV, wind, battery power and battery energy that minimise

    annualised cost of plants and battery + price of imports x import + charge x contracted grid capacity - revenue from exports

over one or several years, so that in every hour generation + discharge + import = load + charge + export + curtailment; the state of
charge is cyclic, keeps its margin and loses in both ways; only own generation charges the battery; and import <= (1 - X) of the load
(matching by contract; for total matching only the part of each hour's import that is not carbon-free counts), self-used generation >= a
share of what is available (curtailed energy and storage losses count as available, not as used), own supply >= a share of the load,
exports <= a share of what is available, plants <= the land, available generation <= a multiple of the load. The shares of several years
are held over all of them together, and the cost is that of the mean year.
The contracted grid capacity is the peak of the load, or 0 where nothing is imported; or it is chosen, hour by hour, where a study says so.
Load may shift within its civil day, be cut for a price, or choose its hours (`siting.demand`), and an electrolyser with its tank may stand
beside it, with a synthesis that follows.

Exports may earn different prices by plant. What they are of is a matter of books: in every hour the load and the battery take what sells
for less first, a plant sells no more than its output of the hour, and stored power serves the load and is never sold.

Two engines give one answer. `siting.supply.sizing` certifies the cost between an upper and a lower bound wherever the load stands still,
imports have one price and one carbon-free share, and the grid covers every deficit. Where exports are paid for by plant, above what is
stored is worth, or under a limit on their power that is felt, `siting.supply.trade_sizing` goes on from what it finds. Everything else, and
what they leave open, as where exports earn more than imports cost, goes to the linear programme of `siting.supply.programme`. The result
says which engine served a site and how large the gap is.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator

from siting.demand import Load, flexible_parts, load_warnings
from siting.demand.flexibility import moves
from siting.finance import Finance, export_prices, import_price, import_price_hours
from siting.supply.distant import PLACED, Cells, match_distant, on_own_land
from siting.supply.hydrogen import HydrogenDemand, hydrogen_to_make
from siting.supply.limits import Limits
from siting.supply.placement import cells_needed, rows_of
from siting.supply.site import (
    FAST,
    QUANTITIES,
    SUMS,
    Block,
    Hours,
    Site,
    battery_of,
    binding,
    empty_room,
    match_site,
    priced,
    programme_reasons,
    reach_limits,
    sized_hours,
)
from siting.vocabulary import AlignmentError, Parameters, StudyError, UnitsError, step, with_warnings
from siting.weather_hours import calendar_years, year_hours

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


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
    grid_charging: bool = Field(
        False, description="Whether grid power may charge the battery; it counts at the carbon-free share of the hour of its purchase."
    )


class Supply(Parameters):
    """Targets, and the limits of what may be built."""

    targets: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.8, 0.9), min_length=1, description="Hourly matched shares to reach, ascending fractions (90 % is 0.9)."
    )
    matching: Literal["contracted", "total"] = Field(
        "contracted",
        description="What counts towards a target: own supply alone, or also the carbon-free share of the grid's power in each hour.",
    )
    storage: Storage = Field(default_factory=Storage, description="Battery.")
    hydrogen: HydrogenDemand | None = Field(None, description="Hydrogen to make beside the load; none by default.")
    grid_capacity: Literal["peak", "chosen"] = Field(
        "peak", description="Contracted grid capacity: the peak of the load as it stands, or chosen with the plants (linear programme)."
    )
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


@step(
    needs=("pv_capacity_factor", "wind_capacity_factor", "pv_land_fraction", "wind_land_fraction", "cell_area", "grid_energy_price"),
    adds=(
        "pv_full_load_hours",
        "wind_full_load_hours",
        "pv_capacity_factor_monthly",
        "wind_capacity_factor_monthly",
        "load_energy",
        "reachable_share",
        "reach_limits",
        *QUANTITIES,
        "matched_share_monthly",
        "generation_monthly",
        "import_energy_monthly",
        "load_energy_monthly",
        *PLACED,
    ),
)
def match_supply(sites: xr.Dataset, load: Load, supply: Supply, finance: Finance, cells: xr.Dataset | None = None) -> xr.Dataset:
    """Cheapest own supply of the load at each site and target, and its year in sums.

    Parameters
    ----------
    sites : Dataset
        Has hourly capacity factors of one calendar year or of several (site, time), land fractions, cell area and grid energy price (site).
    load, supply, finance
        Load; targets and limits; cost book and tariff.
    cells : Dataset, optional
        Cells where plants may stand, with the same variables; default: the sites. Read where sites have ``pv_place`` and ``wind_place``
        (see `siting.supply.placement.offer_places`); without those, plants stand on the sites' own land.

    Returns
    -------
    Dataset
        Without the hourly variables, with new dimensions ``target`` and ``month`` and the attribute ``hours`` (of the year). Of several
        years, sums are means over them and shares those of all; ``matched_share_worst_year`` is that of the worst.
        All numbers of a portfolio are NaN where nothing within land, overbuild and limits reaches the target (``reachable_share`` and
        ``reach_limits`` say what does, and what stands in the way), and where an hour or a land fraction is unknown. Where a price of
        imports or exports is unknown it does not steer.

    Raises
    ------
    AlignmentError
        If the time axis is not every hour of calendar years.
    UnitsError
        If a capacity factor lies outside 0 to 1.5.
    StudyError
        If matching is total and no feed-in was added, or if only the annual energy of a load counts and there are several years.
    """
    import xarray as xr

    time = _calendar_hours(sites)
    block = _block(load, supply, finance, time)
    limits = _land_limits(sites, supply)
    factors = (sites["pv_capacity_factor"], sites["wind_capacity_factor"])
    if supply.matching == "total" and "grid_zone_index" not in sites:
        raise StudyError("Expected the grid's feed-in for total matching, found none; add the section feedin, or set matching: contracted.")
    yields, mixes, monthly, reached = xr.apply_ufunc(
        match_block,
        *factors,
        *limits,
        import_price(sites, finance.tariff) * 1e3,
        sites["grid_zone_index"] if "grid_zone_index" in sites else xr.full_like(sites["cell_area"], -1, dtype=np.int64),
        *_export_prices(sites, supply, finance),
        input_core_dims=[["time"], ["time"], [], [], [], [], [], []],
        kwargs={"block": block, "feedin": _feedin(sites)},
        output_core_dims=[["plant", "sum"], ["target", "quantity"], ["target", "sums", "month"], ["reach"]],
        dask="parallelized",
        output_dtypes=[np.float64] * 4,
        dask_gufunc_kwargs={
            "output_sizes": {
                "plant": 2,
                "sum": 13,
                "target": len(supply.targets),
                "quantity": len(QUANTITIES),
                "sums": 4,
                "month": 12,
                "reach": 2,
            }
        },
    )
    mixes, monthly, reached, placed = _place(sites, (mixes, monthly, reached), sites if cells is None else cells, block, finance)
    result = _table(sites, block, yields, (mixes, monthly, reached, placed))
    return with_warnings(result, load_warnings(load)).assign_attrs(hours=time.size if block.years == 1 else time.size / block.years)


def _table(sites: xr.Dataset, block: Block, yields: xr.DataArray, supplies: tuple[xr.DataArray, ...]) -> xr.Dataset:
    """Site table with yields and supplies as named variables, without hours."""
    import xarray as xr

    mixes, monthly, reached, placed = supplies
    months = ("matched_share_monthly", "generation_monthly", "import_energy_monthly", "load_energy_monthly")
    named = (
        (mixes, "quantity", QUANTITIES), (monthly, "sums", months), (placed, "column", PLACED),
        (reached, "reach", ("reachable_share", "reach_limits")),
    )  # fmt: skip
    # at once and without coordinates, as each assignment copies and aligns the whole table
    axes = {"target": ("target", list(block.supply.targets)), "month": ("month", np.arange(1, 13))}
    added = {name: values.variable.isel({dim: k}) for values, dim, names in named for k, name in enumerate(names)}
    for k, plant in enumerate(("pv", "wind")):
        means = yields.rename(sum="month").variable.isel(plant=k)
        added[f"{plant}_full_load_hours"] = means.isel(month=12) / block.years
        added[f"{plant}_capacity_factor_monthly"] = means.isel(month=slice(12))
    if block.years > 1:
        added |= {name: added[name] / block.years for name in (*SUMS, *months[1:])}
    added["load_energy"] = xr.full_like(sites["cell_area"].variable, math.fsum(block.load) / block.years, dtype=np.float64)
    return sites.drop_dims(["time", "place"], errors="ignore").assign(axes | added)


def _land_limits(sites: xr.Dataset, supply: Supply) -> tuple[xr.Variable, xr.Variable]:
    """Most PV and wind on the open land of each cell [MW]."""
    pv, wind, area = (sites.variables[name] for name in ("pv_land_fraction", "wind_land_fraction", "cell_area"))
    return pv * area * supply.pv_density_mw_per_km2, wind * area * supply.wind_density_mw_per_km2


def _place(sites: xr.Dataset, own: tuple[xr.DataArray, ...], cells: xr.Dataset, block: Block, finance: Finance) -> tuple[xr.DataArray, ...]:
    """Supplies from the cheapest of the offered places, and where the plants stand (site, target, column)."""
    import xarray as xr

    sizes = {"output_sizes": {"column": len(PLACED)}}
    number = xr.zeros_like(sites["cell_area"], dtype=np.int64) + sites["site"].variable
    columns: list[list[str]] = [["target", "column"]]
    if "pv_place" not in sites:
        placed = xr.apply_ufunc(
            on_own_land, number, own[0], input_core_dims=[[], ["target", "quantity"]], output_core_dims=columns, dask="parallelized",
            output_dtypes=[np.float64], dask_gufunc_kwargs=sizes,
        )  # fmt: skip
        return (*own, placed)
    rows_of(cells, cells_needed(sites))
    dims = [["target", "quantity"], ["target", "sums", "month"], ["reach"]]
    zone = sites["grid_zone_index"] if "grid_zone_index" in sites else xr.full_like(number, -1)
    return tuple(xr.apply_ufunc(
        match_distant, *own, number, import_price(sites, finance.tariff) * 1e3, zone, sites["pv_place"], sites["wind_place"],
        *_export_prices(sites, block.supply, finance),
        input_core_dims=[*dims, [], [], [], ["place"], ["place"], [], []], output_core_dims=[*dims, *columns], dask="parallelized",
        kwargs={"cells": _cells(cells, block.supply), "block": block, "feedin": _feedin(sites), "finance": finance},
        output_dtypes=[np.float64] * 4, dask_gufunc_kwargs=sizes,
    ))  # fmt: skip


def _cells(cells: xr.Dataset, supply: Supply) -> Cells:
    """Cells by ascending number."""
    land = ["pv_land_fraction", "wind_land_fraction", "cell_area"]
    cells = cells[["pv_capacity_factor", "wind_capacity_factor", "latitude", "longitude", *land]].sortby("site")
    hours = [_checked(cells[f"{plant}_capacity_factor"].transpose("site", "time"), f"{plant}_capacity_factor") for plant in ("pv", "wind")]
    scalars = (cells["latitude"], cells["longitude"], *_land_limits(cells, supply))
    return Cells(cells["site"].to_numpy(), *(values.to_numpy() for values in scalars), *hours)


def _export_prices(sites: xr.Dataset, supply: Supply, finance: Finance) -> tuple[xr.DataArray, xr.DataArray]:
    """Prices of exported PV and wind power [CNY/MWh], 0 where nothing may be exported."""
    import xarray as xr

    if supply.export_limit_mw == 0:
        return (xr.zeros_like(sites["cell_area"], dtype=np.float64),) * 2
    prices = export_prices(sites, finance.tariff)
    return prices.pv * 1e3, prices.wind * 1e3


def _feedin(sites: xr.Dataset) -> Floats | None:
    """Carbon-free share [1] and emission factor [t/MWh] of the grids by hour, (2, grid_zone, time); None where no feed-in was added."""
    if "grid_zone_index" not in sites:
        return None
    names = ("grid_carbon_free_share_hourly", "grid_emission_factor_hourly")
    return np.stack([sites[name].transpose("grid_zone", "time").to_numpy() for name in names])


def _block(load: Load, supply: Supply, finance: Finance, time: pd.DatetimeIndex) -> Block:
    """What all sites of a study share; refuses what neither engine knows."""
    tariff, costs = finance.tariff, finance.annual_costs()
    if not tariff.grid_connected and supply.targets != (1.0,):
        raise StudyError(
            "Expected targets: [1.0] off the grid, where nothing else serves the load, found others; set it or grid_connected."
        )
    parts, hydrogen = flexible_parts(load, time), None
    years = calendar_years(time)
    if len(years) > 1 and parts.free_energy > 0:
        raise StudyError("Expected one year of weather where only the annual energy of a load counts, found several; set weather.year.")
    hours = parts.firm + parts.free_energy / time.size
    if supply.hydrogen:
        electricity = finance.electrolyser.electricity_kwh_per_kg / 1e3
        hydrogen = hydrogen_to_make(supply.hydrogen, time.size, electricity, costs.electrolyser_cny_per_kw * 1e3, costs.hydrogen_cny_per_kg)
        hours = hours + hydrogen.power * hydrogen.demand
    return Block(
        hours,
        time.month.to_numpy().astype(np.int64),
        supply,
        _costs(finance),
        float(hours.mean()),
        max(len(years), 1),
        import_price_hours(tariff, time),
        tariff.export_price_cny_per_kwh * 1e3 if supply.export_limit_mw > 0 else 0.0,
        12e3 * tariff.capacity_charge() if tariff.grid_connected else math.nan,
        parts if moves(parts) else None,
        hydrogen,
        tuple(np.searchsorted(time.year, years).tolist()) or (0,),
    )


def slow_parts(load: Load, supply: Supply, finance: Finance, years: tuple[int, ...]) -> list[str]:
    """Sentences on what of a study takes sites to the linear programme, which needs seconds to minutes a site and target.

    Raises
    ------
    StudyError
        As :func:`match_supply`.
    """
    import pandas as pd

    block = _block(load, supply, finance, pd.DatetimeIndex(np.concatenate([year_hours(year) for year in years])))
    programme = "the linear programme, which needs seconds to minutes a site and target"
    reasons = programme_reasons(block)
    if reasons:
        return [f"{', '.join(reasons)}: every site goes to {programme}"]
    paid = supply.export_limit_mw > 0 and (block.export_price > 0 or finance.tariff.captured_export is not None)
    partly = {"matching by the hours of the grid": supply.matching == "total", "paid exports": paid}
    return [f"{name}: sites that the fast engine can't certify go to {programme}" for name, where in partly.items() if where]


def match_block(
    pv: ArrayLike, wind: ArrayLike, pv_limit: ArrayLike, wind_limit: ArrayLike, import_cost: ArrayLike, zone: ArrayLike = -1,
    pv_export: ArrayLike | None = None, wind_export: ArrayLike | None = None, *, block: Block, feedin: Floats | None = None,
) -> tuple[Floats, Floats, Floats, Floats]:  # fmt: skip
    """Yields, portfolios and monthly sums of some sites, on arrays.

    Parameters
    ----------
    pv, wind : array_like, shape (site, time)
        Capacity factors [1].
    pv_limit, wind_limit, import_cost : array_like, shape (site,)
        Largest capacities [MW], price of imports [CNY/MWh].
    zone : array_like of int, shape (site,)
        Grid of each site, a row of ``feedin``; -1 is none.
    pv_export, wind_export : array_like, shape (site,), optional
        Prices of exported PV and wind power [CNY/MWh]; by default those of ``block``.
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
    monthly : ndarray, shape (site, target, 4, 12)
        Matched share [1], generation, import and load [MWh] by month.
    reached : ndarray, shape (site, 2)
        Largest matched share that the limits of land and overbuild allow [1], at least, and the flags of what stands in the way of more.
    """
    from siting.supply import account

    series = (_plausible(pv, "pv_capacity_factor"), _plausible(wind, "wind_capacity_factor"))
    count, supply = len(series[0]), block.supply
    yields, reached = np.empty((count, 2, 13)), np.full((count, 2), np.nan)
    mixes, monthly = np.full((count, len(supply.targets), len(QUANTITIES)), np.nan), np.full((count, len(supply.targets), 4, 12), np.nan)
    price, *limits = (np.broadcast_to(np.asarray(values, np.float64), (count,)) for values in (import_cost, pv_limit, wind_limit))
    zones = np.broadcast_to(np.asarray(zone), (count,))
    sold = None if pv_export is None or supply.export_limit_mw == 0 else np.broadcast_to(np.transpose([pv_export, wind_export]), (count, 2))
    room, unknown = empty_room(block), np.full((2, block.load.size), np.nan)
    for i in range(count):
        hours = [np.asarray(values[i], dtype=np.float64) for values in series]
        for k in range(2):
            yields[i, k, 12] = account.summarise(hours[k], block.month, yields[i, k, :12])
        if np.isnan([yields[i, 0, 12], yields[i, 1, 12], limits[0][i], limits[1][i]]).any():
            continue
        site = Site(
            hours[0],
            hours[1],
            0.0 if np.isnan(price[i]) else float(price[i]),
            float(limits[0][i]),
            float(limits[1][i]),
            feedin[:, int(zones[i])] if feedin is not None and zones[i] >= 0 else unknown,
        )
        reached[i, 0] = match_site(site, block if sold is None else priced(block, *sold[i]), room, mixes[i], monthly[i])
        reached[i, 1] = reach_limits(site, block, room, yields[i, :, 12])
    mixes[..., QUANTITIES.index("supply_limits")] = binding(mixes, limits[0], limits[1], block)
    return yields, mixes, monthly, reached


def site_hours(site: xr.Dataset, chosen: xr.Dataset, cells: xr.Dataset, load: Load, supply: Supply, finance: Finance) -> dict[str, Floats]:
    """Flows of one site in each hour at a target, as the engine that sized it runs them.

    Parameters
    ----------
    site : Dataset
        As for :func:`match_supply`, with one site.
    chosen : Dataset
        Its result at one target.
    cells : Dataset
        Cells in which its plants stand.
    load, supply, finance
        As for :func:`match_supply`.

    Returns
    -------
    dict of ndarray, shape (time,)
        As of :func:`dispatch_year`, with output of ``pv`` and ``wind`` at the park, ``grid_charge`` (part of charge and of import),
        ``exported_wind`` (part of what is exported), and the load that is served and that is cut [MW]. The state of charge is that above
        the minimum.
    """
    from siting.supply.dispatch import SERIES

    block, feedin, one = _block(load, supply, finance, _calendar_hours(site)), _feedin(site), site.isel(site=0)
    block = priced(block, *(float(prices[0]) for prices in _export_prices(site, supply, finance)))
    price = float(import_price(site, finance.tariff)[0]) * 1e3
    zone = int(one["grid_zone_index"]) if feedin is not None else -1
    grid = feedin[:, zone] if feedin is not None and zone >= 0 else np.full((2, block.load.size), np.nan)
    hours, limits = [], [float(limit) for limit in _land_limits(one, supply)]
    for k, plant in enumerate(("pv", "wind")):
        there = cells[f"{plant}_capacity_factor"].sel(site=int(chosen[f"{plant}_plant_site"]))
        hours.append(_checked(there, f"{plant}_capacity_factor") * (1.0 - float(chosen[f"{plant}_line_loss_share"])))
        if float(chosen[f"{plant}_plant_distance"]) > 0:
            limits[k] = float(chosen[f"{plant}_capacity"])
    place = Site(hours[0], hours[1], 0.0 if math.isnan(price) else price, limits[0], limits[1], grid)
    known = _known_hours(place, block, chosen)
    plants = {plant: hours[k] * float(chosen[f"{plant}_capacity"]) for k, plant in enumerate(("pv", "wind"))}
    flows = dict(zip(SERIES, known.flows, strict=True)) | {"exported_wind": known.exported_wind}
    return flows | {"load": known.served, "cut": known.cut} | plants


def _known_hours(site: Site, block: Block, chosen: xr.Dataset) -> Hours:
    """Hours of a portfolio: its dispatch, or those of the linear programme that it came from."""
    if float(chosen["supply_engine"]) == FAST:
        # a portfolio of a higher target, which left the grid, imports nothing at a lower one
        target = float(chosen["target"]) if float(chosen["grid_capacity"]) > 0 else 1.0
        return sized_hours(site, block, [float(chosen[name]) for name in QUANTITIES[:4]], target)
    count = len(block.supply.targets)
    mixes, monthly, found = np.full((count, len(QUANTITIES)), np.nan), np.full((count, 4, 12), np.nan), dict[float, Hours]()
    match_site(site, block, empty_room(block), mixes, monthly, found)
    return found[float(chosen["target"])]


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
    dispatch.trace(pv, wind, power, dispatch.Mix(*map(float, portfolio)), battery_of(storage), float(export_limit_mw), hourly)
    flows = dict(zip(dispatch.SERIES, hourly, strict=True))
    flows["state_of_charge"] = flows["state_of_charge"] + storage.minimum_state_of_charge * portfolio.battery_energy
    return flows


def _calendar_hours(sites: xr.Dataset) -> pd.DatetimeIndex:
    """Time axis, which must be every hour of one calendar year, or of several."""
    import pandas as pd

    found = pd.DatetimeIndex(np.asarray(sites["time"]))
    if not calendar_years(found):
        span = f"{found.size} stamps from {found[0]} to {found[-1]}" if found.size else "none"
        raise AlignmentError(
            f"match_supply expects every hour of one calendar year, or of several (UTC), found {span}; select whole years."
        )
    return found


def _plausible(values: ArrayLike, name: str) -> NDArray[np.floating[Any]]:
    """Capacity factors in rows, refused if they can't be fractions."""
    array: NDArray[np.floating[Any]] = np.ascontiguousarray(values)
    low, high = (np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)) if array.size else (0.0, 0.0)
    if low < 0 or high > 1.5:
        raise UnitsError(f"Expected {name} of 0 to 1.5, found {low:g} to {high:g}; give output as a fraction of capacity, not in % or MW.")
    return array


def _checked(values: ArrayLike, name: str) -> Floats:
    """Do :func:`_plausible` and give float64."""
    return np.asarray(_plausible(values, name), dtype=np.float64)


def _costs(finance: Finance) -> tuple[float, float, float, float]:
    """Costs of PV, wind, battery power [CNY per MW and year] and battery energy [CNY per MWh and year]."""
    costs = finance.annual_costs()
    return (
        costs.pv_cny_per_kw * 1e3,
        costs.wind_cny_per_kw * 1e3,
        costs.battery_power_cny_per_kw * 1e3,
        costs.battery_energy_cny_per_kwh * 1e3,
    )
