"""The ledger of emissions on a sheet: each figure by target, with its method, its year and its factor in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from siting.emissions import Accounting, unmatched_factor
from siting.sheets.page import Section, number

if TYPE_CHECKING:
    import xarray as xr

#: Figures of the ledger on a sheet.
FIGURES = ("scope2_location", "scope2_location_hourly", "scope2_market", "market_matched_share", "cfe_total", "avoided_emissions")


def ledger(site: xr.Dataset, accounting: Accounting) -> dict[str, dict[str, Any]]:
    """Figures of the ledger of one rated site.

    Parameters
    ----------
    site : Dataset
        Rated site table with one site.
    accounting : Accounting
        Rules that it was rated by.

    Returns
    -------
    dict
        By figure: ``unit``, ``meaning``, ``method``, ``year``, ``factor`` in words, ``factor_kg_per_kwh`` where it is one number (NaN
        where that is unknown), and ``values`` by target, NaN where unknown.
    """
    numbers = {
        "scope2_location": site["grid_emission_factor"],
        "scope2_market": unmatched_factor(site, accounting),
        "avoided_emissions": site["grid_emission_factor"],
    }
    figures = {}
    for name in FIGURES:
        said = site[name].attrs
        values = {f"{float(target):g}": float(site[name].sel(target=target).item()) for target in site["target"]}
        figures[name] = {
            "unit": said.get("units", ""),
            "meaning": said["long_name"],
            **{key: said[key] for key in ("method", "year", "factor")},
            "values": values,
        }
        if name in numbers:
            figures[name]["factor_kg_per_kwh"] = float(numbers[name].item())
    return figures


def ledger_section(figures: dict[str, dict[str, Any]], load_energy: float) -> Section:
    """Both Scope 2 figures per kWh and a year, the 24/7 score, and how each was counted."""
    columns = ("matched", "location kg/kWh", "kt a year", "by the hour kg/kWh", "market kg/kWh", "kt a year", "24/7 carbon-free")
    rows = []
    for target in figures["scope2_location"]["values"]:
        location, hourly, market, clean = (
            figures[name]["values"][target] for name in ("scope2_location", "scope2_location_hourly", "scope2_market", "cfe_total")
        )
        rows.append(
            (
                f"{float(target):.0%}",
                number(location, 4) or "unknown",
                number(location * load_energy / 1e3, 1),
                number(hourly, 4) or "unknown",
                number(market, 4) or "unknown",
                number(market * load_energy / 1e3, 1),
                number(100 * clean, 1, " %") or "unknown",
            )
        )
    notes = (*map(statement, figures.values()), "Own power used on site isn't bought power; exports are never netted.")
    return Section("Scope 2, both ways", columns, tuple(rows), notes)


def statement(figure: dict[str, Any]) -> str:
    """How a figure was counted, in one sentence."""
    value = figure.get("factor_kg_per_kwh")
    shown = "" if value is None else f", here {number(value, 4, ' kg/kWh') or 'unknown'}"
    meaning = f"{figure['meaning'][:1].upper()}{figure['meaning'][1:]}"
    return f"{meaning}: {figure['method']}; {figure['year']}; factor: {figure['factor']}{shown}."
