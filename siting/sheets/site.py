"""A place without a study file: cost curve and mix, rules with margins, both Scope 2 figures, and who accepts what."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from siting import catalog
from siting.demand import Load, LoadFile
from siting.place import province_name, province_of, rate_place, reason
from siting.policy import Facts, check, project_figures
from siting.policy.verdicts import show
from siting.sheets.acceptance import PROOFS, read_schemes
from siting.sheets.ledger import ledger, ledger_section
from siting.sheets.page import Section, Sheet, number
from siting.study import Study
from siting.vocabulary import StudyError

if TYPE_CHECKING:
    import xarray as xr

#: Hourly matched shares of the cost curve.
TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)

_MIX = (
    "delivered_cost", "island_cost", "pv_capacity", "wind_capacity", "battery_power", "battery_energy", "generation", "matched_share",
    "import_energy", "import_peak", "exported_energy", "curtailed_energy", "storage_loss", "carbon_free_share",
)  # fmt: skip


def read_load(path: str | Path, unit: str | None = None, timezone: str = "Asia/Shanghai") -> Load:
    """Load of a file: YAML with the keys of the section ``load`` of a study, or the hours of one year as CSV.

    Parameters
    ----------
    path : str or Path
        YAML, or a CSV file with the columns ``time`` and ``load``.
    unit : {"kW", "MW"}, optional
        Unit of the hours of a CSV file, which must be stated.
    timezone : str
        IANA zone of the stamps of a CSV file.

    Raises
    ------
    StudyError
        In one line with file, line and field; if a CSV file comes without its unit, or YAML with one.
    CatalogError, AlignmentError, UnitsError
        If measured hours can't be read as declared, see :func:`siting.catalog.hourly.open_hourly`.
    """
    file = Path(path)
    if file.suffix.lower() == ".csv":
        if unit not in ("kW", "MW"):
            raise StudyError(f"Expected the unit of the hours in {file.name}, found {unit or 'none'}; fix: add --unit kW or --unit MW.")
        load = Load(measured=_hours_of(file, unit, timezone), timezone=timezone)
    else:
        if unit is not None:
            raise StudyError(f"Expected a unit beside a CSV file only, found {file.name}; fix: state it in the file, or leave out --unit.")
        load = catalog.read_model(file, Load, StudyError, context={"folder": file.parent})[0]
    for plant in load.plants():
        if plant.measured is not None:
            plant.measured.open()
    return load


def _hours_of(file: Path, unit: str, timezone: str) -> LoadFile:
    """Measured hours, on weather with or without a leap day."""
    given = {"path": file.name, "unit": unit, "timezone": timezone, "leap_day": "adapt"}
    try:
        return LoadFile.model_validate(given, context={"folder": file.parent})
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise StudyError(f"{said[:1].upper()}{said[1:]}; fix: write --timezone Asia/Shanghai or another one.") from None


def place_assumptions(load: Load) -> Study:
    """Study with the load and the targets of the curve; everything else as by default."""
    study = Study(title="One place")
    supply = study.supply.model_copy(update={"targets": TARGETS})
    return study.model_copy(update={"load": load, "supply": supply})


def site_sheet(longitude: float, latitude: float, study: Study, year: int, facts: Facts | None = None) -> Sheet:
    """Sheet of a place.

    Parameters
    ----------
    longitude, latitude : float
        Place [degree].
    study : Study
        All assumptions, see :func:`place_assumptions`; its region doesn't count.
    year : int
        Year of the rules and of who accepts what.
    facts : Facts, optional
        Kind of the project; the province is that of the place.

    Raises
    ------
    StudyError
        If the place lies outside the data, or neither a park nor plants may stand there.
    """
    rasters, site = rate_place(longitude, latitude, study)
    if site is None:
        raise StudyError(
            f"Expected a place where a park or plants may stand, found {longitude:g} E {latitude:g} N: {reason(rasters, 'load')}; "
            "fix: choose another place, or rate it by a study with other limits of land."
        )
    code = province_of(rasters)
    data = _data(site, rasters, (longitude, latitude), code, study)
    chosen = _chosen(data)
    kind = (facts or Facts(zero_carbon_park=True)).model_copy(update={"province": code})
    data["rules"] = {
        target: [vars(each) for each in check(project_figures(site, float(target)), kind, year, code)] for target in data["targets"]
    }
    data["year"], data["chosen_target"] = year, chosen
    data["acceptance"] = [scheme.model_dump(mode="json") for scheme in read_schemes(year)]
    carbon = ledger_section(data["ledger"], data["load_energy"])
    sections = (_place(data), _curve(data), _verdicts(data), carbon, _acceptance(data), _caveats(site))
    return Sheet(f"{latitude:.3f} N {longitude:.3f} E, {province_name(code)}", sections, data)


def _data(site: xr.Dataset, rasters: xr.Dataset, place: tuple[float, float], code: str, study: Study) -> dict[str, Any]:
    row = site.isel(site=0)
    about = ("altitude", "annual_ghi", "wind_speed_100m_mean", "pv_full_load_hours", "wind_full_load_hours", "distance_to_city")
    targets = {}
    for target in site["target"].values:
        targets[f"{target:g}"] = {name: float(row[name].sel(target=target)) for name in _MIX}
    return {
        "longitude": place[0],
        "latitude": place[1],
        "cell": {"longitude": float(row["longitude"]), "latitude": float(row["latitude"]), "edge_km": study.grid.resolution_km},
        "province": code,
        "nearest_city": str(row["nearest_city"].values),
        **{name: float(row[name]) for name in about},
        "park_refused": reason(rasters, "load"),
        "plants_refused": reason(rasters, "plant"),
        "load": study.load.model_dump(mode="json"),
        "load_energy": float(row["load_energy"]),
        "annual_precipitation": float(row["precipitation_monthly"].sum("month")),
        "ledger": ledger(site, study.accounting),
        "score": float(row["score"]),
        "targets": targets,
    }


def _chosen(data: dict[str, Any]) -> str:
    """Largest target up to 90 % that the cell reaches."""
    targets: dict[str, dict[str, float]] = data["targets"]
    reached = [name for name, mix in targets.items() if not math.isnan(mix["pv_capacity"])]
    below = [name for name in reached if float(name) <= 0.9]
    return below[-1] if below else next(iter(reached), next(iter(targets)))


def _place(data: dict[str, Any]) -> Section:
    rows = (
        ("cell", f"{data['cell']['latitude']:.3f} N {data['cell']['longitude']:.3f} E, {data['cell']['edge_km']:g} km"),
        ("near", f"{data['nearest_city']}, {data['distance_to_city']:.0f} km"),
        ("altitude", number(data["altitude"], 0, " m")),
        ("wind at 100 m", f"{data['wind_speed_100m_mean']:.1f} m/s, {data['wind_full_load_hours']:,.0f} h a year"),
        ("irradiation", f"{data['annual_ghi']:,.0f} kWh/m2, PV {data['pv_full_load_hours']:,.0f} h a year"),
        ("a park", data["park_refused"] or "may stand here"),
        ("plants", data["plants_refused"] or "may stand here"),
        ("load", f"{data['load_energy'] / 1e3:,.0f} GWh a year{_measured(data['load'])}"),
        ("score", number(data["score"], 2) or "none"),
    )
    return Section("Place", ("", ""), rows)


def _measured(load: dict[str, Any]) -> str:
    """Which hours of a load were measured."""
    files = [part["measured"] for part in (load, *load["tenants"]) if part["measured"]]
    if not files:
        return ""
    named = ", ".join(f"{each['path']} ({each['unit']}, stamps in {each['timezone']})" for each in files)
    return f"; measured hours of {named}, laid on the year of the weather by their distance from new year"


def _curve(data: dict[str, Any]) -> Section:
    columns = ("matched by the hour", "CNY/kWh", "PV MW", "wind MW", "battery MW", "battery MWh", "curtailed", "from the grid", "peak MW")
    rows = []
    for target, mix in data["targets"].items():
        rows.append(
            (
                f"{float(target):.0%}",
                number(mix["delivered_cost"], 3) or ("out of reach" if math.isnan(mix["pv_capacity"]) else "unknown"),
                number(mix["pv_capacity"], 0),
                number(mix["wind_capacity"], 0),
                number(mix["battery_power"], 0),
                number(mix["battery_energy"], 0),
                number(100 * mix["curtailed_energy"] / mix["generation"], 0, " %"),
                number(100 * mix["import_energy"] / data["load_energy"], 0, " %"),
                number(mix["import_peak"], 0),
            )
        )
    notes = ["Delivered cost with what is drawn from the grid; plants stand in the cell itself."]
    if any(row[1] == "unknown" for row in rows):
        notes.append("Unknown: no price of grid power is embedded for this province; plants are sized without it.")
    return Section("Cost curve", columns, tuple(rows), tuple(notes))


def _verdicts(data: dict[str, Any]) -> Section:
    rules = [rule for rule in data["rules"][data["chosen_target"]] if rule["result"] != "not applicable"]
    rows = tuple(
        (
            rule["title"],
            rule["result"].upper() if rule["result"] == "fail" else rule["result"],
            "unknown" if rule["value"] is None else show(rule["value"], rule["unit"]),
            "unknown" if rule["threshold"] is None else show(rule["threshold"], rule["unit"]),
            "" if rule["margin"] is None else show(rule["margin"], rule["unit"], difference=True),
            f"{rule['number']}, {rule['article']}",
            rule["confidence"],
        )
        for rule in sorted(rules, key=lambda each: ("fail", "pass", "unknown").index(each["result"]))
    )
    unsure = [rule for rule in rules if rule["result"] == "unknown"]
    notes = [f"{rule['title']}: {rule['why']}" for rule in rules if rule["result"] == "fail"]
    notes += [f"Unknown: {rule['title']}: {rule['why']}" for rule in unsure if rule["value"] is not None]
    if any(rule["value"] is None for rule in unsure):
        notes.append("Where the value is unknown, the rule asks for what a place alone doesn't say: land under the plants, voltage, waste.")
    left = len(data["rules"][data["chosen_target"]]) - len(rules)
    notes.append(f"{left} more rules don't apply. The park is taken to use nothing but electricity.")
    title = f"Rules of {data['year']} at {float(data['chosen_target']):.0%} matched"
    return Section(title, ("rule", "verdict", "value", "threshold", "margin", "document", "confidence"), rows, tuple(notes))


def _acceptance(data: dict[str, Any]) -> Section:
    rows = tuple(
        (
            f"{scheme['title']} ({scheme['status']})",
            *(f"{scheme['accepts'][proof]['accepted']}: {scheme['accepts'][proof]['why']}" for proof in PROOFS),
            scheme["confidence"],
        )
        for scheme in data["acceptance"]
    )
    own = data["targets"][data["chosen_target"]]["matched_share"]
    notes = (
        (f"Here the dedicated line serves {number(100 * own, 0, ' %')} of the load by the hour; the rest needs another proof.",)
        if own == own
        else ()
    )
    return Section("Who accepts what", ("", *PROOFS.values(), "confidence"), rows, notes)


def _caveats(site: xr.Dataset) -> Section:
    import json

    return Section("What to know", notes=tuple(json.loads(site.attrs.get("warnings", "[]"))))
