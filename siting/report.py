"""What a run tells in figures: counts, provinces beside their official hours, the leading sites, what is real and what is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.policy import provinces_of, site_verdicts
from siting.policy.verdicts import RESULTS
from siting.scoring import target_index

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from siting.policy import Policy
    from siting.scoring import Criterion

#: The official PV and wind hours that modelled hours are held against, without tuning.
OFFICIAL_PV_HOURS = ("pv_hours_2019", "pv_hours_2020")
OFFICIAL_WIND_HOURS = ("wind_hours_2021", "wind_hours_2022", "wind_hours_2023")


def summarise(rasters: xr.Dataset, sites: xr.Dataset) -> dict[str, Any]:
    """Report of a run, ready for JSON.

    Parameters
    ----------
    rasters : xr.Dataset
        Layers with the reasons of the screen.
    sites : xr.Dataset
        The rated site table.

    Returns
    -------
    dict
        ``counts``, ``provinces``, ``leading``, ``sources`` and ``warnings``.
    """
    return {
        "counts": _counts(rasters, sites),
        "provinces": _records(provincial_summary(sites)),
        "leading": _records(leading_table(sites, 20)),
        "sources": json.loads(sites.attrs.get("sources", "[]")),
        "warnings": json.loads(sites.attrs.get("warnings", "[]")),
    }


def policy_summary(sites: xr.Dataset, policy: Policy) -> dict[str, Any]:
    """What the rules say of the ranked sites.

    Returns
    -------
    dict
        The ``policy`` of the study; ``limits``, the bounds of the supply by their rules, where it constrains; ``rules``, each with how many
        ranked sites pass, fail and can't be judged at each target; and ``leading``, all verdicts on the best site at the main target.
    """
    ranked = sites.isel(site=np.flatnonzero(sites["rank"].to_numpy() > 0))
    verdict = ranked["rule_verdict"].transpose("policy_rule", "target", "site").to_numpy()
    rules = json.loads(sites["rule_verdict"].attrs["rules"])
    names = [f"{float(target):g}" for target in sites["target"]]
    for rule, codes in zip(rules, verdict, strict=True):
        rule["sites"] = {
            name: {result: int((row == code).sum()) for code, result in enumerate(RESULTS)} for name, row in zip(names, codes, strict=True)
        }
    best = ranked.isel(site=np.flatnonzero(ranked["rank"].to_numpy() == 1))
    target = float(sites["target"][target_index(sites, None)])
    return {
        "study": policy.model_dump(mode="json"),
        "limits": [bound._asdict() for bound in policy.bounds(provinces_of(sites))] if policy.constrain else [],
        "rules": rules,
        "leading": [vars(each) for each in site_verdicts(best, target, policy)] if best.sizes["site"] else [],
    }


def provincial_summary(sites: xr.Dataset) -> pd.DataFrame:
    """One row per province: candidates, costs of its ranked cells, modelled hours beside the official ones.

    Costs are those of cells where a park may stand. Modelled hours are of new plants (PV per DC nameplate): mean over all
    candidate cells, and the 95th percentile, which is the middle of the best tenth. Official ones are of the fleet that stood
    there, curtailment included, PV per AC rating. They differ by definition and are not fitted to each other.
    """
    from siting import catalog

    official = catalog.open_entry("provinces")
    frame = _frame(sites)
    frame["ranked_cost"] = frame["delivered_cost"].where(frame["rank"] > 0)
    groups = frame.groupby("province_code", sort=True)
    table = groups.agg(
        candidates=("rank", "size"),
        ranked=("rank", lambda ranks: int((ranks > 0).sum())),
        best_rank=("rank", lambda ranks: int(ranks[ranks > 0].min()) if (ranks > 0).any() else 0),
        best_cost=("ranked_cost", "min"),
        median_cost=("ranked_cost", "median"),
        pv_hours=("pv_full_load_hours", "mean"),
        wind_hours=("wind_full_load_hours", "mean"),
    )
    table["pv_hours_best_tenth"] = groups["pv_full_load_hours"].quantile(0.95)
    table["wind_hours_best_tenth"] = groups["wind_full_load_hours"].quantile(0.95)
    matching = official.reindex(table.index)
    table["pv_hours_official"] = matching[list(OFFICIAL_PV_HOURS)].mean(axis=1)
    table["wind_hours_official"] = matching[list(OFFICIAL_WIND_HOURS)].mean(axis=1)
    table["emission_factor_2022"] = matching["grid_emission_factor_2022"]
    table["carbon_free_generation_2021"] = _carbon_free(matching, 2021)
    table["carbon_free_generation_2022"] = _carbon_free(matching, 2022)
    table.insert(0, "province", matching["province"])
    return table.rename_axis("iso_3166_2").reset_index()


def leading_table(sites: xr.Dataset, count: int) -> pd.DataFrame:
    """The best-ranked sites with their main figures at the target of the score."""
    frame = _frame(sites)
    return frame[(frame["rank"] > 0) & (frame["rank"] <= count)].sort_values("rank").reset_index(drop=True)


def headline(sites: xr.Dataset, criteria: Sequence[Criterion]) -> list[str]:
    """A few lines for the console: the best sites and what they cost."""
    ranked = int((sites["rank"] > 0).sum())
    names = ", ".join(f"{criterion.variable} {criterion.weight:g}" for criterion in criteria)
    leading = [
        f"{row.rank:>4}  {row.latitude:6.2f} N {row.longitude:7.2f} E  {row.province_code}  near {row.nearest_city:<16} "
        f"{row.delivered_cost:.3f} CNY/kWh  PV {row.pv_capacity:,.0f} MW  wind {row.wind_capacity:,.0f} MW  "
        f"battery {row.battery_energy:,.0f} MWh  {row.scope2_location:.3f} kg/kWh"
        for row in leading_table(sites, 5).itertuples()
    ]
    return [f"{ranked:,} of {sites.sizes['site']:,} candidate cells ranked by {names}", *leading]


def _frame(sites: xr.Dataset) -> pd.DataFrame:
    """Main columns of the site table at the target of the score."""
    import pandas as pd

    at = sites.isel(target=target_index(sites, None))
    names = (
        "rank", "score", "nearest_city", "altitude", "pv_full_load_hours", "wind_full_load_hours", "delivered_cost",
        "pv_capacity", "wind_capacity", "battery_power", "battery_energy", "matched_share", "scope2_location", "carbon_free_share",
    )  # fmt: skip
    columns = {"latitude": sites["latitude"].to_numpy(), "longitude": sites["longitude"].to_numpy()}
    frame = pd.DataFrame({**columns, **{name: at[name].to_numpy() for name in names}}, index=sites["site"].to_numpy())
    codes = np.array([*sites["province"].attrs["iso_3166_2"].split(), ""])
    frame.insert(0, "province_code", codes[sites["province"].to_numpy().astype(int)])
    return frame.rename_axis("site").reset_index()


def _counts(rasters: xr.Dataset, sites: xr.Dataset) -> dict[str, int]:
    return {
        "cells": int((rasters["province"] >= 0).sum()),
        "candidates": int(sites.sizes["site"]),
        "park_allowed": int(sites["load_allowed"].sum()),
        "ranked": int((sites["rank"] > 0).sum()),
        "hours": int(sites.attrs.get("hours", 0)),
    }


def _carbon_free(provinces: pd.DataFrame, year: int) -> pd.Series:
    kinds = ("hydro", "wind_solar", "nuclear")
    return provinces[[f"{kind}_share_{year}" for kind in kinds]].sum(axis=1, skipna=False)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain Python values; NaN becomes null."""
    records: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=6))
    return records
