"""How green the matched supply is: Scope 2 both ways, carbon-free shares, certificates, surplus and product footprints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, field_validator

from siting.emissions.certificates import Certificate, check_retirements
from siting.emissions.scope2 import Matching, carbon_free_share, location_based, market_based, own_surplus
from siting.feedin.figures import NATIONAL, REGIONS, official_factors, zones
from siting.region import PROVINCES
from siting.supply.site import served_energy
from siting.vocabulary import AlignmentError, Parameters, check, step

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: What monthly matching needs of the supply beside its yearly sums.
_MONTHLY = ("load_energy_monthly", "generation_monthly", "import_energy_monthly")


class Accounting(Parameters):
    """Which grid factors count, and what a claim of green power must satisfy."""

    year: int = Field(2022, ge=2022, le=2022, description="Year of the provincial consumption-side emission factors; 2022 is embedded.")
    matching: Matching = Field(
        "annual", description="Within which time claimed power must meet the load: annual (in force), monthly, hourly (drafted)."
    )
    boundary: Literal["site", "province", "regional_grid", "country"] = Field(
        "country", description="From how far claimed power may come; site counts own supply only."
    )
    unmatched: Literal["residual", "fossil", "average"] = Field(
        "residual",
        description="Factor of what no claim covers: residual mix and fossil are national, average is the province's, or that of the "
        "regional grid where that is the boundary.",
    )
    surplus_owner: Literal["park", "buyer"] = Field("buyer", description="Who has the certificates of exported power; only one can.")
    certificates: tuple[Certificate, ...] = Field((), description="Certificates that the park buys and retires, at each site.")

    @field_validator("certificates")
    @classmethod
    def _once(cls, certificates: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
        check_retirements(certificates)
        return certificates


@step(
    needs=("load_energy", "import_energy", "exported_energy", "matched_share", "grid_emission_factor", "grid_carbon_free_share"),
    adds=("scope2_location", "scope2_location_hourly", "scope2_market", "market_matched_share", "carbon_free_share", "cfe_total",
          "avoided_emissions"),
)  # fmt: skip
def add_emissions(sites: xr.Dataset, accounting: Accounting) -> xr.Dataset:
    """Emissions and carbon-free shares of each site and target.

    Parameters
    ----------
    sites : Dataset
        Has imports, exports, load, matched share, and the factor and carbon-free share of the province's grid. The hourly figures
        also need the supply's ``import_emissions`` and ``import_carbon_free_energy``; monthly matching needs its monthly sums.
    accounting : Accounting
        Year of the factors, and rules of claims.

    Returns
    -------
    Dataset
        With the figures of both methods [kg per kWh of load], each with its method, year and factor in its attributes.
        ``carbon_free_share`` counts imports at the carbon-free share of the province's annual generation: it knows neither the
        hour, nor exchange between provinces, nor whether others have claimed that power. ``cfe_total`` counts each hour's. The
        figures that lean on the hours of the grid are NaN where the supply has not met them. Avoided emissions of exports [t]
        stand apart and are in no other figure.

    Raises
    ------
    AlignmentError
        If the factors state another year than ``accounting``.
    MissingVariableError
        If monthly matching lacks the monthly sums, or certificates the province of the sites.
    """
    stated = sites["grid_emission_factor"].attrs.get("year", accounting.year)
    if int(stated) != accounting.year:
        raise AlignmentError(f"Expected emission factors of {accounting.year}, found those of {stated}; set accounting.year to {stated}.")
    load, bought = served_energy(sites), sites["import_energy"]
    claimed, factor = _claimed(sites, accounting), unmatched_factor(sites, accounting)
    energy, emitted = claimed
    unknown = bought * np.nan
    hourly = sites["import_emissions"] / load if "import_emissions" in sites else unknown
    clean = sites["import_carbon_free_energy"] / load if "import_carbon_free_energy" in sites else unknown
    figures = {
        "scope2_location": location_based(bought, sites["grid_emission_factor"]) / load,
        "scope2_location_hourly": hourly,
        "scope2_market": (emitted + (bought - energy) * factor) / load,
        "market_matched_share": sites["matched_share"] + energy / load,
        "carbon_free_share": carbon_free_share(sites["matched_share"], bought / load, sites["grid_carbon_free_share"]),
        "cfe_total": sites["matched_share"] + clean,
        "avoided_emissions": sites["exported_energy"] * sites["grid_emission_factor"],
    }
    return _stated(sites.assign({name: values.transpose("site", "target") for name, values in figures.items()}), accounting)


def unmatched_factor(sites: xr.Dataset, accounting: Accounting) -> xr.DataArray:
    """Factor of power that no claim covers [kg/kWh], (site,); unknown outside the provinces, whose figures it is one of.

    Raises
    ------
    MissingVariableError
        If the average of the regional grid is asked for and the sites have no province.
    """
    year, known = accounting.year, sites["load_energy"] * 0.0
    if accounting.unmatched == "average":
        if accounting.boundary != "regional_grid":
            return sites["grid_emission_factor"]
        check(sites, ("province",), "the average of the regional grid")
        _, region = zones("regional_grid")
        factor = known + np.append(official_factors(year, "regional_grid")[region], np.nan)[_province(sites)]
    else:
        factor = known + NATIONAL[year][accounting.unmatched]
    return factor.where(sites["province"] >= 0) if "province" in sites else factor


def _province(sites: xr.Dataset) -> NDArray[np.int64]:
    """Index of the province of each site, -1 outside, (site,)."""
    return sites["province"].to_numpy().astype(np.int64)


def _claimed(sites: xr.Dataset, accounting: Accounting) -> tuple[xr.DataArray, xr.DataArray]:
    """Imports that certificates cover [MWh], and their emissions [t], (site, target).

    Those of exported power come first if the park keeps them, then those that it buys. Certificates carry a month and no hour: under
    hourly matching they cover nothing.
    """
    import xarray as xr

    bought = sites["import_energy"]
    nothing = bought * 0.0
    if accounting.matching == "hourly" or accounting.boundary == "site":
        return nothing, nothing
    if accounting.matching == "monthly":
        check(sites, _MONTHLY, "monthly matching")
        room = sites["import_energy_monthly"].transpose("site", "target", "month").to_numpy()
        served = sites["load_energy_monthly"].transpose("site", "target", "month").to_numpy() - room
        surplus = sites["generation_monthly"].transpose("site", "target", "month").to_numpy() - served
        offered = _certified_by_month(sites, accounting)
    else:
        room = bought.transpose("site", "target").to_numpy()[..., None]
        surplus = np.full_like(room, np.inf)
        offered = _certified_by_month(sites, accounting).sum(axis=2, keepdims=True)
    exported = sites["exported_energy"].transpose("site", "target").to_numpy()
    kept = own_surplus(room, surplus, exported if accounting.surplus_owner == "park" else exported * 0.0)
    energy, weighted = offered[0][:, None], offered[1][:, None]
    used = np.minimum(energy, room - kept)
    factor = np.divide(weighted, energy, out=np.zeros_like(weighted), where=energy > 0.0)
    return tuple(xr.DataArray(values.sum(axis=-1), dims=("site", "target")) + nothing for values in (kept + used, used * factor))  # type: ignore[return-value]


def _certified_by_month(sites: xr.Dataset, accounting: Accounting) -> Floats:
    """Energy [MWh] and emissions [t] of the usable certificates by site and month, (2, site, month)."""
    amounts = np.zeros((2, sites.sizes["site"], 12))
    if not accounting.certificates:
        return amounts
    codes = list(PROVINCES)
    region = {code: name for name, members in REGIONS.items() for code in members}
    local = np.full(sites.sizes["site"], "")
    if accounting.boundary != "country":
        check(sites, ("province",), f"certificates within the boundary {accounting.boundary}")
        local = np.array([codes[index] if index >= 0 else "" for index in _province(sites)])
    for item in accounting.certificates:
        if item.year != accounting.year:
            continue
        near = {"country": np.ones(local.size, dtype=bool), "province": local == item.province}.get(accounting.boundary)
        if near is None:
            near = np.array([region.get(str(code)) == region.get(item.province, "-") for code in local])
        amounts[0, near, item.month - 1] += item.energy_mwh
        amounts[1, near, item.month - 1] += item.energy_mwh * item.factor_kg_per_kwh
    return amounts


def _stated(sites: xr.Dataset, accounting: Accounting) -> xr.Dataset:
    """Dataset whose figures say their method, year and factor, in English and Chinese."""
    year, market, residual = accounting.year, _market_words(accounting), _unmatched_words(accounting)
    annual = ("consumption-side factor of the province, annual", "省级消费侧年度排放因子")
    each_hour = "modelled, not measured"
    said = {
        "scope2_location": (("location-based, exports not netted", "基于位置，外送电量不抵扣"), annual),
        "scope2_location_hourly": (
            (f"location-based by the hour, {each_hour}", "逐时的基于位置，模型估算，非实测"),
            ("factor of each hour", "逐时排放因子"),
        ),
        "scope2_market": (market, residual),
        "market_matched_share": (market, ("own supply, kept certificates, bought certificates", "自有供电、自留绿证、外购绿证")),
        "carbon_free_share": (
            ("own supply in its hour, imports at the annual generation share", "自有供电按小时计，下网电量按年度发电占比计"),
            ("carbon-free share of generation", "发电的无碳占比"),
        ),
        "cfe_total": (
            (f"24/7 carbon-free energy, total, {each_hour}", "24/7 无碳电力总分，模型估算，非实测"),
            ("carbon-free share of each hour", "逐时无碳占比"),
        ),
        "avoided_emissions": (("consequential, apart from every inventory", "后果性核算，不计入任何清单"), annual),
    }
    for name, (method, factor) in said.items():
        words = {"method": method[0], "factor": factor[0], "method_zh": method[1], "factor_zh": factor[1]}
        sites[name].attrs.update(words | {"year": year})
    return sites


def _market_words(accounting: Accounting) -> tuple[str, str]:
    """How claims are matched."""
    period = {"annual": "按年", "monthly": "按月", "hourly": "按小时"}[accounting.matching]
    reach = {"site": "场址", "province": "本省", "regional_grid": "区域电网", "country": "全国"}[accounting.boundary]
    return f"market-based, {accounting.matching} matching within {accounting.boundary}", f"基于市场，{period}匹配，范围：{reach}"


def _unmatched_words(accounting: Accounting) -> tuple[str, str]:
    """Which factor counts for what no claim covers."""
    if accounting.unmatched == "average":
        place = ("regional grid", "区域电网") if accounting.boundary == "regional_grid" else ("province", "本省")
        return f"average, of the {place[0]}", f"平均因子，{place[1]}"
    value = NATIONAL[accounting.year][accounting.unmatched]
    kind = {"residual": "剩余组合因子", "fossil": "化石能源因子"}[accounting.unmatched]
    return f"{accounting.unmatched}, national, {value} kg/kWh", f"{kind}，全国，{value} kg/kWh"


__all__ = ["Accounting", "Certificate", "add_emissions", "carbon_free_share", "location_based", "market_based", "unmatched_factor"]
