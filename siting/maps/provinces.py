"""Summary by province: what the study found there beside the official figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from siting.maps.records import plain, province_codes
from siting.scoring import target_index

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

_KINDS = ("hydro", "wind_solar", "nuclear")


def province_records(sites: xr.Dataset, layers: xr.Dataset, table: pd.DataFrame) -> list[dict[str, Any]]:
    """One record per province of the study.

    Parameters
    ----------
    sites : Dataset
        The site table.
    layers : Dataset
        Rasters; their ``province`` says where a label may stand.
    table : DataFrame
        The catalog's provinces, indexed by ISO 3166-2 code.
    """
    raster = layers["province"].values
    index, ranked = sites["province"].values, sites["rank"].values > 0
    cost = sites["delivered_cost"].isel(target=target_index(sites, None)).values
    records = []
    for number, code in enumerate(province_codes(layers)):
        if not (raster == number).any():
            continue
        here = index == number
        found = _found(sites, cost, here, ranked)
        records.append({"code": code, **province_figures(code, table), **found, **_label(layers, raster == number)})
    return records


def province_figures(code: str, table: pd.DataFrame) -> dict[str, Any]:
    """Names, generation shares by year and emission factors by year of one province; unknown is None."""
    row: Any = table.loc[code] if code in table.index else {}
    shares = {str(year): float(np.sum([row.get(f"{kind}_share_{year}", np.nan) for kind in _KINDS])) for year in (2021, 2022, 2023)}
    factors = {str(year): float(row.get(f"grid_emission_factor_{year}", np.nan)) for year in (2021, 2022)}
    return {
        "en": str(row.get("province", code)),
        "zh": str(row.get("province_zh", row.get("province", code))),
        "generation_share": {year: plain(share) for year, share in shares.items()},
        "generation_share_official": plain(float(row.get("official_renewable_share_2021", np.nan))),
        "emission_factor": {year: plain(factor) for year, factor in factors.items()},
    }


def _found(sites: xr.Dataset, cost: NDArray[np.float64], here: NDArray[np.bool_], ranked: NDArray[np.bool_]) -> dict[str, Any]:
    counted = here & ranked
    known = cost[counted & np.isfinite(cost)]
    ranks = sites["rank"].values[counted]
    return {
        "cells": int(here.sum()),
        "ranked": int(counted.sum()),
        "best_rank": int(ranks.min()) if ranks.size else None,
        "best_cost": plain(known.min()) if known.size else None,
        "median_cost": plain(np.median(known)) if known.size else None,
        "pv_hours": _median(sites["pv_full_load_hours"].values[here]),
        "wind_hours": _median(sites["wind_full_load_hours"].values[here]),
    }


def _median(values: NDArray[np.float64]) -> Any:
    known = values[np.isfinite(values)]
    return plain(np.median(known)) if known.size else None


def _label(layers: xr.Dataset, inside: NDArray[np.bool_]) -> dict[str, Any]:
    """Where the name may stand: the province's cell nearest to the middle of its cells; and its extent."""
    rows, columns = np.nonzero(inside)
    nearest = int(((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2).argmin())
    latitude, longitude = layers["latitude"].values, layers["longitude"].values
    place = rows[nearest], columns[nearest]
    return {
        "label": [plain(float(latitude[place])), plain(float(longitude[place]))],
        "bounds": [[plain(edge(latitude[inside])), plain(edge(longitude[inside]))] for edge in (np.min, np.max)],
        "size": int(rows.size),
    }
