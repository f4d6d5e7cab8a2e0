"""Named clusters: what was announced beside what the model finds in the cell where they stand, and why the two differ."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from siting import catalog
from siting.place import OUTSIDE, OutsideError, province_name, province_of, rate_place, reason
from siting.sheets.abroad import Hours, country_grid, point_item, rate_abroad
from siting.sheets.ledger import ledger
from siting.sheets.page import Section, Sheet, number
from siting.vocabulary import StudyError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from siting.emissions import Accounting
    from siting.runner import Progress
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
    "off_grid": "The announced load follows wind and sun; the model's load is steady, so that it needs more storage or imports. "
    "`siting claims --hours` lets the load of Chifeng follow.",
    "isolated_grid": "The announced cluster stands on an island grid.",
    "plant": "It is a power plant, not a park: its yield is to be compared, not its cost of supply.",
    "": "What was announced says nothing of the share of green power.",
}

_ABOUT = (
    "announced_kind",
    "id",
    "name",
    "country",
    "province",
    "industry",
    "membership",
    "announced_features",
    "announced_green_share",
    "source",
)


def chosen_clusters(only: Sequence[str] = ()) -> pd.DataFrame:
    """Clusters of the catalog, or some of them by their ids.

    Raises
    ------
    StudyError
        If there is none of an id; the text names the nearest.
    """
    table: pd.DataFrame = catalog.open_entry("clusters")
    known = list(table["id"])
    for name in only:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
            raise StudyError(f"Expected the id of a named cluster, found {name!r}; fix: {fix}")
    return table[table["id"].isin(only)] if only else table


def rate_clusters(study: Study, table: pd.DataFrame | None = None, hours: Hours | None = None) -> list[dict[str, Any]]:
    """Each named cluster with what was announced and what the model finds.

    Parameters
    ----------
    study : Study
        Assumptions that all clusters share, those of any candidate.
    table : DataFrame, optional
        Clusters, by default those of the catalog.
    hours : Hours, optional
        Fetched weather for those that the embedded data don't cover; they are evaluated where it is in the cache.

    Returns
    -------
    list of dict
        Announced figures, ``status`` and, where the data cover the cell, ``modelled``.
    """
    table = catalog.open_entry("clusters") if table is None else table
    return [_rate(row, study, hours) for _, row in table.iterrows()]


def fetch_clusters(table: pd.DataFrame, hours: Hours, progress: Progress | None = None) -> None:
    """Fetch the hours of all clusters of a table that lie outside China.

    Raises
    ------
    FetchError, IntegrityError
        As :func:`siting.fetch.fetch`.
    """
    from siting import fetch

    abroad = table[table["country"] != "CN"]
    fetch.fetch([point_item(row["longitude"], row["latitude"], hours) for _, row in abroad.iterrows()], progress)


def _rate(row: pd.Series[Any], study: Study, hours: Hours | None) -> dict[str, Any]:
    record: dict[str, Any] = {name: row[name] for name in _ABOUT}
    record |= {"latitude": float(row["latitude"]), "longitude": float(row["longitude"])}
    record |= {"coordinate_confidence": row["coordinate_confidence"], "confidence": row["confidence"]}
    record |= {"why_they_differ": DIFFERENCES[str(row["announced_kind"])]}
    if row["country"] != "CN":
        return record | _abroad(record, study, hours)
    try:
        rasters, site = rate_place(record["longitude"], record["latitude"], study)
    except OutsideError:
        return record | {"status": OUTSIDE}
    refused = reason(rasters, "load")
    status = f"a park may not stand here: {refused}" if refused else "evaluated"
    record |= {"status": status}
    if site is None:
        return record
    return record | {"notes": json.loads(site.attrs["warnings"]), "modelled": modelled(site, province_of(rasters), study.accounting)}


def _abroad(record: dict[str, Any], study: Study, hours: Hours | None) -> dict[str, Any]:
    """What the model finds on fetched hours; the word to fetch them where there are none."""
    place = (record["longitude"], record["latitude"])
    if hours is None or not point_item(*place, hours).complete:
        return {"status": OUTSIDE}
    grid = country_grid(record["country"])
    site = rate_abroad(*place, study, hours, grid)
    if math.isnan(float(site["pv_full_load_hours"].item())):
        return {"status": f"hours are missing in {hours.dataset} of {hours.year}"}
    about = {"status": f"evaluated on fetched data: {hours.dataset}, {hours.year}", "grid": f"{grid.said} ({grid.year})"}
    return about | {"notes": json.loads(site.attrs["warnings"]), "modelled": modelled(site, record["country"], study.accounting)}


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


def clusters_sheet(study: Study, table: pd.DataFrame | None = None, hours: Hours | None = None) -> Sheet:
    """Sheet of all named clusters; parameters as for :func:`rate_clusters`."""
    records = rate_clusters(study, table, hours)
    here = [record for record in records if "modelled" in record]
    rows = tuple(_row(record) for record in here)
    elsewhere = tuple((f"{r['id']}: {r['name']}", r["country"], r["industry"], r["status"]) for r in records if "modelled" not in r)
    said = tuple((r["id"], r["name"], r["announced_features"], r["source"], r["why_they_differ"]) for r in here)
    fetched = tuple(f"{record['name']}: factor of the grid: {record['grid']}." for record in here if "grid" in record)
    notes = (
        "Every cluster has the same load and plants in its own cell, as any candidate of a study. CNY/kWh is the delivered cost, then that "
        "of own plants alone per kWh that they serve; location and market are Scope 2 emissions in kg per kWh of load.",
        "Empty: no portfolio in the cell reaches the target.",
    )
    fetching = ("`siting clusters --fetch` gets the hours of those outside.",) if any(row[-1] == OUTSIDE for row in elsewhere) else ()
    sections = (
        Section("Announced beside modelled", _COLUMNS, rows, notes),
        Section("What was announced, and why the model differs", ("cluster", "name", "announced", "by", "why they differ"), said),
        Section("What to know", notes=_common([r for r in here if "grid" not in r])),
        Section("On fetched data", notes=fetched + _common([r for r in here if "grid" in r])),
        Section("Not evaluated", ("cluster", "country", "industry", "status"), elsewhere, fetching),
    )
    shown = tuple(section for section, there in zip(sections, (here, here, sections[2].notes, fetched, elsewhere), strict=True) if there)
    return Sheet("Named clusters", shown, {"clusters": records})


def _common(records: list[dict[str, Any]]) -> tuple[str, ...]:
    """Sentences that hold for all of some records."""
    first = records[0]["notes"] if records else []
    return tuple(note for note in first if all(note in record["notes"] for record in records))


_COLUMNS = (
    "cluster", "province", "announced", "matched", "CNY/kWh", "own", "wind h", "PV h", "PV MW", "wind MW", "MWh", "location", "market",
    "score", "park",
)  # fmt: skip


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    found = record["modelled"]
    target = f"{found['main_target']:g}"
    mix, carbon = found["targets"][target], found["ledger"]
    share, kind = record["announced_green_share"], record["announced_kind"].replace("_", " ")
    return (
        record["id"],
        province_name(found["province"]) if record["country"] == "CN" else f"{record['province']}, {record['country']}",
        " ".join(filter(None, (number(100 * share, 0, " %"), kind))),
        number(100 * mix["matched_share"], 0, " %"),
        number(mix["delivered_cost"], 3) or "unknown",
        number(mix["island_cost"], 3),
        number(found["wind_full_load_hours"], 0),
        number(found["pv_full_load_hours"], 0),
        number(mix["pv_capacity"], 0),
        number(mix["wind_capacity"], 0),
        number(mix["battery_energy"], 0),
        number(carbon["scope2_location"]["values"][target], 3) or "unknown",
        number(carbon["scope2_market"]["values"][target], 3) or "unknown",
        number(found["score"], 2),
        "not screened" if "grid" in record else "yes" if record["status"] == "evaluated" else record["status"],
    )
