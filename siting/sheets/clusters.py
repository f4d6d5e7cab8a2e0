"""Named clusters: what was announced beside what the model finds in the cell where they stand, and why the two differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from siting import catalog
from siting.sheets.ledger import ledger, statement
from siting.sheets.page import Section, Sheet, number
from siting.sheets.place import OUTSIDE, OutsideError, province_name, province_of, rate_place, reason

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from siting.emissions import Accounting
    from siting.study import Study

#: Kind of the announced share -> why the model's figure is another.
DIFFERENCES: Mapping[str, str] = {
    "grid_share": "The announced share is that of all generation in the province over a year, hydro power included; the model "
    "counts own plants in the hours in which they serve the load.",
    "direct_supply": "The announced share is a structure of supply over a year, from plants up to 150 km away; the model matches "
    "every hour with plants in the park's own cell and says what that costs.",
    "hydro_grid": "The announced share is the hydro power of the grid, which lowers the location-based figure; the model asks for "
    "own wind and sun.",
    "rooftop": "Announced are roofs, batteries and power that is traded through the grid; the model builds ground-mounted plants on "
    "open land in the cell, and no roofs.",
    "off_grid": "The announced load follows wind and sun; the model's load is steady, so that it needs more storage or imports.",
    "isolated_grid": "The announced cluster stands on an island grid.",
    "plant": "It is a power plant, not a park: its yield is to be compared, not its cost of supply.",
    "": "What was announced says nothing of the share of green power.",
}

_ABOUT = ("id", "name", "country", "province", "industry", "membership", "announced_features", "announced_green_share", "source")


def rate_clusters(study: Study, table: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    """Each named cluster with what was announced and what the model finds.

    Parameters
    ----------
    study : Study
        Assumptions that all clusters share, those of any candidate.
    table : DataFrame, optional
        Clusters, by default those of the catalog.

    Returns
    -------
    list of dict
        Announced figures, ``status`` and, where the data cover the cell, ``modelled``.
    """
    table = catalog.open_entry("clusters") if table is None else table
    return [_rate(row, study) for _, row in table.iterrows()]


def _rate(row: pd.Series[Any], study: Study) -> dict[str, Any]:
    record: dict[str, Any] = {name: row[name] for name in _ABOUT}
    record |= {"latitude": float(row["latitude"]), "longitude": float(row["longitude"])}
    record |= {"coordinate_confidence": row["coordinate_confidence"], "confidence": row["confidence"]}
    record |= {"why_they_differ": DIFFERENCES[str(row["announced_kind"])]}
    if row["country"] != "CN":
        return record | {"status": OUTSIDE}
    try:
        rasters, site = rate_place(record["longitude"], record["latitude"], study)
    except OutsideError:
        return record | {"status": OUTSIDE}
    refused = reason(rasters, "load")
    status = f"a park may not stand here: {refused}" if refused else "evaluated"
    return record | {"status": status} | ({} if site is None else {"modelled": modelled(site, province_of(rasters), study.accounting)})


def modelled(site: xr.Dataset, code: str, accounting: Accounting) -> dict[str, Any]:
    """Figures of one rated site, by target; those of the ledger with their methods."""
    from siting.scoring import target_index

    names = ("pv_capacity", "wind_capacity", "battery_power", "battery_energy", "matched_share", "delivered_cost", "island_cost")
    row = site.isel(site=0)
    levels = {name: float(row[name]) for name in ("annual_ghi", "wind_speed_100m_mean", "pv_full_load_hours", "wind_full_load_hours")}
    return {
        "province": code,
        **levels,
        "score": float(row["score"]),
        "main_target": float(site["target"][target_index(site, None)]),
        "targets": {f"{float(target):g}": {name: float(row[name].sel(target=target)) for name in names} for target in site["target"]},
        "ledger": ledger(site, accounting),
    }


def clusters_sheet(study: Study, table: pd.DataFrame | None = None) -> Sheet:
    """Sheet of all named clusters."""
    records = rate_clusters(study, table)
    here = [record for record in records if "modelled" in record]
    rows = tuple(_row(record) for record in here)
    elsewhere = tuple((r["name"], r["country"], r["industry"], r["status"]) for r in records if "modelled" not in r)
    notes = tuple(f"{record['name']}: {record['why_they_differ']}" for record in here)
    columns = (
        "cluster",
        "province",
        "announced",
        "wind h",
        "PV h",
        "matched",
        "CNY/kWh",
        "PV MW",
        "wind MW",
        "battery MWh",
        "location kg/kWh",
        "market kg/kWh",
        "score",
        "park",
    )
    load = (
        f"Every cluster has the same load of {study.load.mean_mw:g} MW on average and plants in its own cell, as any candidate of a study."
    )
    sections = (
        Section("Announced beside modelled", columns, rows, (load, "Empty: no portfolio in the cell reaches the target.")),
        Section("Why they differ", notes=notes),
        Section("Not evaluated", ("cluster", "country", "industry", "status"), elsewhere),
    )
    return Sheet("Named clusters", sections, {"clusters": records})


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    found = record["modelled"]
    target = f"{found['main_target']:g}"
    mix, carbon = found["targets"][target], found["ledger"]
    share = record["announced_green_share"]
    announced = f"{share:.0%} " if share == share else ""
    return (
        record["name"],
        province_name(found["province"]),
        announced + record["announced_features"],
        number(found["wind_full_load_hours"], 0),
        number(found["pv_full_load_hours"], 0),
        number(100 * mix["matched_share"], 0, " %"),
        number(mix["delivered_cost"], 3),
        number(mix["pv_capacity"], 0),
        number(mix["wind_capacity"], 0),
        number(mix["battery_energy"], 0),
        number(carbon["scope2_location"]["values"][target], 3) or "unknown",
        number(carbon["scope2_market"]["values"][target], 3) or "unknown",
        number(found["score"], 2),
        "yes" if record["status"] == "evaluated" else record["status"],
    )

