"""What the power costs: levelised cost of the plants, delivered cost of the matched supply, and its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from siting.finance import Finance, export_prices, import_price, low_confidence_defaults
from siting.supply.site import served_energy
from siting.vocabulary import step, with_warnings

if TYPE_CHECKING:
    import xarray as xr

    from siting.finance import Tariff

#: Parts of the delivered cost, in the order in which they are added.
COMPONENTS = ("pv", "wind", "battery", "hydrogen", "line", "import", "grid_capacity", "interruption", "export")


@step(
    needs=(
        "pv_full_load_hours",
        "wind_full_load_hours",
        "load_energy",
        "pv_capacity",
        "wind_capacity",
        "battery_power",
        "battery_energy",
        "matched_share",
        "import_energy",
        "import_price_factor",
        "grid_capacity",
        "electrolyser_capacity",
        "hydrogen_tank",
        "cut_cost",
        "exported_energy",
        "exported_wind_energy",
        "line_cost",
        "grid_energy_price",
    ),
    adds=("pv_lcoe", "wind_lcoe", "import_price", "cost_by_component", "delivered_cost", "island_cost"),
)
def add_costs(sites: xr.Dataset, finance: Finance) -> xr.Dataset:
    """Costs of each site and target [CNY/kWh].

    Parameters
    ----------
    sites : Dataset
        Has the variables of `match_supply` and the grid energy price.
    finance : Finance
        Cost book and tariff, the same as in `match_supply`.

    Returns
    -------
    Dataset
        With the levelised costs, the price of imports, ``cost_by_component`` (site, target, component), ``delivered_cost`` and
        ``island_cost``. Costs are NaN where a price or a portfolio is unknown, and levelised costs where a plant yields nothing.

    Notes
    -----
    The delivered cost is the annualised cost of plants, battery, electrolyser, tank and lines, plus imported energy, plus the charge for
    the contracted grid capacity and what is paid for load that is cut, less export revenue, over the annual load (cut load and the
    electricity for hydrogen are part of it). Where PV and wind have captured prices of their own, each has what it exports. The island
    cost is that of what the project builds over the energy that it serves; it leaves the residual out and is never ranked.
    """
    costs, tariff = finance.annual_costs(), finance.tariff
    load_kwh, price, sold = sites["load_energy"] * 1e3, import_price(sites, tariff), export_prices(sites, tariff)
    parts = {
        "pv": sites["pv_capacity"] * 1e3 * costs.pv_cny_per_kw,
        "wind": sites["wind_capacity"] * 1e3 * costs.wind_cny_per_kw,
        "battery": sites["battery_power"] * 1e3 * costs.battery_power_cny_per_kw
        + sites["battery_energy"] * 1e3 * costs.battery_energy_cny_per_kwh,
        "hydrogen": sites["electrolyser_capacity"] * 1e3 * costs.electrolyser_cny_per_kw
        + sites["hydrogen_tank"] * costs.hydrogen_cny_per_kg,
        "line": sites["line_cost"],
        "import": sites["import_energy"] * 1e3 * price * sites["import_price_factor"],
        "grid_capacity": sites["grid_capacity"] * 1e3 * (12.0 * tariff.capacity_charge()),
        "interruption": sites["cut_cost"],
        "export": -1e3 * (sites["exported_energy"] * sold.pv + sites["exported_wind_energy"] * (sold.wind - sold.pv)),
    }
    own = parts["pv"] + parts["wind"] + parts["battery"] + parts["hydrogen"] + parts["line"]
    total = own + parts["import"] + parts["grid_capacity"] + parts["interruption"] + parts["export"]
    return with_warnings(sites, _warnings(sites, finance)).assign(
        pv_lcoe=levelised_cost(costs.pv_cny_per_kw, sites["pv_full_load_hours"]),
        wind_lcoe=levelised_cost(costs.wind_cny_per_kw, sites["wind_full_load_hours"]),
        import_price=price,
        cost_by_component=_stack(parts, load_kwh),
        delivered_cost=total / load_kwh,
        island_cost=own / (served_energy(sites) * 1e3 * sites["matched_share"]),
    )


#: Figures of the tariff that say what exports fetch, and the plants whose.
_CAPTURED = {"captured_export.pv_factor": "PV", "captured_export.wind_factor": "wind"}


def _warnings(sites: xr.Dataset, finance: Finance) -> list[str]:
    """What the costs leave out, and the prices of low confidence on which they rest."""
    line = "" if finance.connection_capex_cny_per_kw > 0 or bool((sites["line_cost"] > 0).any()) else ", lines from plants to park"
    sentences = [f"Costs, in CNY of {finance.currency_year}, leave out land rent{line} and the yearly ageing of modules and turbines."]
    guessed = [each for each in low_confidence_defaults(finance.tariff) if _in_use(each.name, finance.tariff)]
    charges = [f"{each.value:g} {each.unit}" for each in guessed if each.name not in _CAPTURED]
    captured = [f"{each.value:g} of the energy price for {_CAPTURED[each.name]}" for each in guessed if each.name in _CAPTURED]
    for what, figures in (("charges for grid power", charges), ("prices that exports fetch", captured)):
        if figures:
            sentences.append(f"The {what} ({' and '.join(figures)}) are expert figures of low confidence; put your own in the study.")
    return sentences


def _in_use(name: str, tariff: Tariff) -> bool:
    """Whether a figure of the tariff has a part in the costs."""
    if name == "capacity_charge_cny_per_kw_month":
        return tariff.grid_connected and tariff.capacity_formula is None
    return tariff.grid_connected


def levelised_cost(annual_cost: float, full_load_hours: xr.DataArray) -> xr.DataArray:
    """Cost per kWh of a plant.

    Parameters
    ----------
    annual_cost : float
        Annuity and operation [CNY per kW and year].
    full_load_hours : DataArray
        Annual output per capacity [h]; without degradation.

    Returns
    -------
    DataArray
        Levelised cost [CNY/kWh]; NaN where there is no output.
    """
    return annual_cost / full_load_hours.where(full_load_hours > 0)


def _stack(parts: dict[str, xr.DataArray], load_kwh: xr.DataArray) -> xr.DataArray:
    """Parts over a new dimension ``component`` [CNY per kWh of load]."""
    import xarray as xr

    stacked = xr.concat([parts[name] / load_kwh for name in COMPONENTS], dim="component", coords="minimal", compat="override")
    return stacked.assign_coords(component=list(COMPONENTS)).transpose("site", "target", "component")
