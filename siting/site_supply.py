"""One site in full: its hours under the chosen portfolio, its costs over the targets, and pictures of both."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from siting import exports, land, layers, runner
from siting.grid import cell_numbers
from siting.maps import dispatch_charts
from siting.policy import Policy, provinces_of, site_verdicts
from siting.scoring import explain_status, target_index
from siting.supply import match_supply, placement, site_hours
from siting.supply.distant import PLACED
from siting.supply.site import QUANTITIES
from siting.vocabulary import StudyError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from siting.study import Study
    from siting.supply import Supply

#: Names of the files of one site.
OUTPUTS = ("dispatch.csv", "costs.csv", "week.png", "year.png", "costs.png", "supply.json")


@dataclass(frozen=True)
class SiteSupply:
    """Supply of one site.

    Parameters
    ----------
    study : Study
        All assumptions.
    site : Dataset
        Rated row of the site table, without the dimension ``site``.
    target : float
        Hourly matched share whose portfolio is run.
    hours : DataFrame
        Flows of each hour [MW] and state of charge [MWh] on the UTC starts of the hours.
    """

    study: Study
    site: xr.Dataset
    target: float
    hours: pd.DataFrame

    @property
    def number(self) -> int:
        """Cell number of the site."""
        return int(self.site["site"])

    @property
    def chosen(self) -> xr.Dataset:
        """Figures at the target."""
        return self.site.sel(target=self.target)


def supply_site(study: Study, number: int, target: float | None = None, folder: Path | None = None) -> SiteSupply:
    """Supply of one site of a study, the same as in a run of all its sites.

    Parameters
    ----------
    study : Study
        All assumptions.
    number : int
        Cell number, the coordinate ``site``.
    target : float, optional
        Hourly matched share, one of the study; default: that of the score.
    folder : Path, optional
        Where the outputs will stand; it is tried before anything is computed.

    Raises
    ------
    StudyError
        If the study doesn't try the target, if the site is no candidate or is not ranked, or if it can't reach the target.
    OutputError
        If the folder can't be written to.
    """
    if target is not None and target not in study.supply.targets:
        known = ", ".join(f"{each:g}" for each in study.supply.targets)
        raise StudyError(f"Expected a target among supply.targets ({known}), found {target:g}; add it to the study or choose one of them.")
    block, candidates = _candidate(study, number)
    if folder is not None:
        exports.check_folder(folder, OUTPUTS)
    cells = _cells_around(block, candidates, study)
    hours = runner.hourly_yields(cells, study).load()
    own = hours.isel(site=placement.rows_of(hours, block["site"].to_numpy()))
    rated = runner.rate(match_supply(own, study.load, _bounded(own, study), study.finance, hours), study).isel(site=0)
    chosen = float(rated["target"][target_index(rated, None)]) if target is None else target
    _check_ranked(rated, number, chosen)
    return SiteSupply(study, rated, chosen, _flows(own, hours, rated.sel(target=chosen), study))


def _bounded(own: xr.Dataset, study: Study) -> Supply:
    """Supply within the limits of the rules where the site lies."""
    return study.bounded_supply(next(iter(provinces_of(own)), None))


def _cells_around(block: xr.Dataset, candidates: xr.Dataset, study: Study) -> xr.Dataset:
    """Rows of the cells in which the plants of a site may stand, its own among them."""
    if not study.placement.elsewhere:
        return block
    near = candidates.isel(site=placement.cells_within(candidates, int(block["site"][0]), study.placement.radius_km)).load()
    offered = runner.offer_places(near, runner.first_pass(near, study), study)
    own = offered.isel(site=placement.rows_of(offered, block["site"].to_numpy()))
    return offered.isel(site=placement.rows_of(offered, placement.cells_needed(own)))


def _candidate(study: Study, number: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Row of the screened site table, and all rows; refused with its reason if no park may stand there."""
    import odc.geo.xr  # noqa: F401  registers the .odc accessor

    rasters = land.explain(layers.open_layers(study), study.land)
    cell = np.flatnonzero(cell_numbers(rasters.odc.geobox) == number)
    reasons = rasters["load_reason"]
    code = int(reasons.to_numpy().flat[cell[0]]) if cell.size else None
    if code != 0:
        meanings = dict(zip(reasons.attrs["flag_values"], reasons.attrs["flag_meanings"].split("|"), strict=True))
        why = "which is no cell of the study" if code is None else f"where no park may stand ({meanings[code]})"
        raise StudyError(f"Expected a ranked site, found site {number}, {why}; take one with a rank from the column site of sites.csv.")
    candidates = land.screen(rasters, study.land)
    place = np.flatnonzero(candidates["site"].to_numpy() == number)
    return candidates.isel(site=place).load(), candidates


def _check_ranked(site: xr.Dataset, number: int, target: float) -> None:
    """Refuse a site without a rank or without a portfolio at the target."""
    if np.isnan(float(site["pv_capacity"].sel(target=target))):
        raise StudyError(
            f"Expected a site that can reach {target:.0%}, found site {number}, which can't within its land and the overbuild; "
            "fix: choose a lower target or looser limits."
        )
    if int(site["rank"]) == 0:
        reasons = ", ".join(explain_status(int(site["site_status"])))
        raise StudyError(f"Expected a ranked site, found site {number} ({reasons}); take one with a rank from sites.csv.")


def _flows(own: xr.Dataset, hours: xr.Dataset, chosen: xr.Dataset, study: Study) -> pd.DataFrame:
    """Flows of the year under the chosen portfolio."""
    import pandas as pd

    time = pd.DatetimeIndex(hours["time"].to_numpy(), name="time_utc")
    flows = site_hours(own, chosen, hours, study.load, _bounded(own, study), study.finance)
    plants = {plant: flows.pop(plant) for plant in ("pv", "wind")}
    flows["state_of_charge"] = flows["state_of_charge"] + study.supply.storage.minimum_state_of_charge * float(chosen["battery_energy"])
    return pd.DataFrame({"load": flows.pop("load"), **plants, **flows}, index=time)


def write_site(supply: SiteSupply, folder: str | Path) -> dict[str, Path]:
    """Write the hours, the costs, the pictures and the record of one site, each whole.

    Returns
    -------
    dict
        Path of each file by name: ``dispatch.csv`` (UTC and civil time, MW), ``costs.csv``, ``week.png``, ``year.png``,
        ``costs.png`` and ``supply.json``.

    Raises
    ------
    OutputError, ResourceError
        As :func:`siting.exports.publish`.
    """
    caption = _caption(supply)
    local = supply.hours.set_axis(_civil(supply))
    drawings: dict[str, Callable[[Path], None]] = {
        "week.png": partial(dispatch_charts.draw_worst_week, local, caption),
        "year.png": partial(dispatch_charts.draw_year, local, caption),
        "costs.png": partial(dispatch_charts.draw_costs, supply.site["cost_by_component"], supply.site["delivered_cost"], caption),
    }
    tables: dict[str, Callable[[Path], None]] = {"dispatch.csv": partial(_write_hours, supply), "costs.csv": partial(_write_costs, supply)}
    return exports.publish(folder, {**tables, **drawings, "supply.json": partial(_write_record, supply)})


def _caption(supply: SiteSupply) -> str:
    """Line under every picture: which site, which target, what kind of hours."""
    site, study = supply.site, supply.study
    years = ", ".join(map(str, study.weather.calendar_years))
    kind = "synthetic hours, none was measured" if study.weather.source == "synthetic" else f"hours of {years}"
    place = f"site {supply.number}, {float(site['latitude']):.2f} N {float(site['longitude']):.2f} E"
    mix = ", ".join(
        f"{name} {float(supply.chosen[key]):,.0f} {unit}"
        for name, key, unit in (
            ("PV", "pv_capacity", "MW"),
            ("wind", "wind_capacity", "MW"),
            ("battery", "battery_power", "MW"),
            ("and", "battery_energy", "MWh"),
        )
    ).replace(", and", " and")
    return f"{place}; hourly matched {float(supply.chosen['matched_share']):.1%}: {mix}; {kind}"


def _civil(supply: SiteSupply) -> pd.DatetimeIndex:
    """Hours in the civil time of the park."""
    import pandas as pd

    return pd.DatetimeIndex(supply.hours.index).tz_localize("UTC").tz_convert(supply.study.load.timezone)


def _write_hours(supply: SiteSupply, path: Path) -> None:
    units = {"state_of_charge": "state_of_charge_mwh"}
    table = supply.hours.rename(columns=lambda name: units.get(name, f"{name}_mw"))
    local = _civil(supply)
    table.insert(0, "time_local", [stamp.isoformat() for stamp in local])
    table.to_csv(path, date_format="%Y-%m-%dT%H:%MZ", lineterminator="\n")


def _write_costs(supply: SiteSupply, path: Path) -> None:
    import xarray as xr

    total = supply.site["delivered_cost"].expand_dims(component=["total"])
    costs = xr.concat([supply.site["cost_by_component"], total], dim="component", coords="minimal", compat="override")
    table = costs.transpose("target", "component").to_series().rename("cny_per_kwh").to_frame()
    table["cny_per_year"] = table["cny_per_kwh"] * float(supply.site["load_energy"]) * 1e3
    table.to_csv(path, lineterminator="\n")


def _verdicts(supply: SiteSupply, policy: Policy) -> list[dict[str, Any]]:
    """Verdict of every rule at the target, with value, threshold, margin, document and why."""
    return [vars(verdict) for verdict in site_verdicts(supply.site, supply.target, policy)]


def _write_record(supply: SiteSupply, path: Path) -> None:
    figures = {name: float(supply.chosen[name]) for name in (*QUANTITIES, *PLACED, "delivered_cost", "island_cost", "scope2_location")}
    record: dict[str, Any] = {
        "site": supply.number,
        "latitude": float(supply.site["latitude"]),
        "longitude": float(supply.site["longitude"]),
        "target": supply.target,
        "figures": figures,
        "study": supply.study.model_dump(mode="json"),
        "study_sha256": supply.study.sha256,
        **({} if supply.study.policy is None else {"rules": _verdicts(supply, supply.study.policy)}),
        "versions": runner.versions(),
        "warnings": json.loads(supply.site.attrs.get("warnings", "[]")),
        "sources": json.loads(supply.site.attrs.get("sources", "[]")),
    }
    text = json.dumps(exports.plain(record), ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
