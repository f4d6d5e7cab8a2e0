"""Dated rules of policy: limits for a supply, and a verdict with value, threshold, margin and document for a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from siting.policy.measures import ELECTRICITY_TCE_PER_MWH, NON_GREEN_FACTOR, Facts, ProjectFigures, Scheme, all_electric
from siting.policy.rules import Binding, in_force, read_rules
from siting.policy.verdicts import RESULTS, Verdict, check, evaluate, limits
from siting.supply.limits import Limits
from siting.vocabulary import AlignmentError, Parameters, encode_flags, step

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Binding",
    "Facts",
    "Policy",
    "ProjectFigures",
    "Verdict",
    "add_policy",
    "all_electric",
    "check",
    "limits",
    "read_rules",
]


class Policy(Parameters):
    """To which rules the sites are held."""

    year: int = Field(2026, ge=2000, le=2100, description="Rules and thresholds are those in force on 31 December of this year.")
    jurisdiction: str = Field("CN", pattern=r"^[A-Z]{2}$", description="Country whose rules count, with those of its provinces.")
    scheme: Scheme | None = Field("direct_connection", description="How plants and load are joined.")
    multi_user: bool = Field(False, description="Several legal entities are supplied.")
    zero_carbon_park: bool = Field(False, description="Hold the sites to the indicators of national zero-carbon parks as well.")
    sector: str | None = Field(None, description="Industry, such as data_centre; none is unknown.")
    spot_market: bool | None = Field(None, description="The spot market runs continuously; none is unknown, and the stricter cap counts.")

    @property
    def facts(self) -> Facts:
        """What of it decides which rules apply."""
        return Facts(**self.model_dump(exclude={"year", "jurisdiction"}))

    def limits(self) -> Limits:
        """Limits that a supply must respect to pass the rules of the year."""
        return limits(read_rules(), self.year, self.jurisdiction, self.facts)


def site_figures(sites: xr.Dataset) -> dict[str, Any]:
    """Figures of the rules from the variables of the supply, (site, target); what supply doesn't know is NaN.

    The own power is directly supplied and renewable, without hydro. The park is taken to use nothing but electricity.
    """
    load = sites["load_energy"] + 0.0 * sites["matched_share"]
    own = sites["matched_share"] * load
    figures: dict[str, Any] = dict.fromkeys(ProjectFigures.model_fields, np.nan)
    figures |= dict.fromkeys(("self_use_energy", "direct_green_energy", "renewable_energy", "nonhydro_renewable_energy"), own)
    figures |= {name: sites[name] for name in ("exported_energy", "curtailed_energy", "storage_loss")}
    figures |= {name: sites[name] for name in ("pv_capacity", "wind_capacity", "battery_power", "battery_energy")}
    figures |= {"load_energy": load, "energy_tce": load * ELECTRICITY_TCE_PER_MWH, "clean_energy_tce": own * ELECTRICITY_TCE_PER_MWH}
    return figures | {"emissions_t": sites["import_energy"] * NON_GREEN_FACTOR}


@step(
    needs=(
        "province",
        "load_energy",
        "matched_share",
        "import_energy",
        "exported_energy",
        "curtailed_energy",
        "storage_loss",
        "pv_capacity",
        "wind_capacity",
        "battery_power",
        "battery_energy",
    ),
    adds=("rule_verdict", "rule_margin"),
)
def add_policy(sites: xr.Dataset, policy: Policy) -> xr.Dataset:
    """Verdict and margin of each rule at each site and target.

    Parameters
    ----------
    sites : Dataset
        Has the annual sums of the supply and the province.
    policy : Policy
        Year, jurisdiction and kind of the project.

    Returns
    -------
    Dataset
        With a new dimension ``rule``, ``rule_verdict`` (0 unknown, 1 pass, 2 fail, 3 not applicable) and ``rule_margin``, the
        room to the threshold in the unit of the measure, positive where the rule is kept; NaN where it is unknown.

    Raises
    ------
    AlignmentError
        If ``province`` lacks its codes, joined by spaces in the attribute ``iso_3166_2``.
    """
    import xarray as xr

    codes = str(sites["province"].attrs.get("iso_3166_2", "")).split()
    if not codes:
        raise AlignmentError("Expected province codes in the attribute iso_3166_2 of province, found none; keep attributes when copying.")
    province = np.array([*codes, ""], dtype=object)[sites["province"].to_numpy().astype(int)][:, None]
    facts = policy.facts.model_dump() | {"province": province}
    figures = {name: np.asarray(getattr(value, "data", value), dtype=np.float64) for name, value in site_figures(sites).items()}
    shape = sites["matched_share"].shape
    places = [binding for code in (*dict.fromkeys(codes), policy.jurisdiction) for binding in in_force(read_rules(), policy.year, code)]
    bindings = {(each.document.jurisdiction, each.rule.id): each for each in places}.values()
    verdict, margin = np.empty((*shape, len(bindings)), dtype=np.int8), np.empty((*shape, len(bindings)))
    for n, binding in enumerate(bindings):
        outcome = evaluate(binding.rule, figures | facts, policy.year)
        elsewhere = np.broadcast_to((province != binding.document.jurisdiction) & (len(binding.document.jurisdiction) > 2), shape)
        verdict[..., n] = np.where(elsewhere, RESULTS.index("not applicable"), outcome.code)
        room = outcome.value - outcome.threshold if binding.rule.comparison == "at_least" else outcome.threshold - outcome.value
        margin[..., n] = np.where(verdict[..., n] == RESULTS.index("not applicable"), np.nan, room)
    dims = ("site", "target", "rule")
    flags = encode_flags(dict(enumerate(RESULTS)))
    added = {"rule_verdict": xr.DataArray(verdict, dims=dims, attrs=flags), "rule_margin": xr.DataArray(margin, dims=dims)}
    return sites.assign(added).assign_coords(rule=[binding.rule.id for binding in bindings])
