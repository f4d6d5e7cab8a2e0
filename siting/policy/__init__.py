"""Dated rules of policy: limits for a supply, and a verdict with value, threshold, margin and document for a project."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from siting.policy.measures import ELECTRICITY_TCE_PER_MWH, MEASURES, NON_GREEN_FACTOR, Facts, ProjectFigures, Scheme, all_electric
from siting.policy.rules import Binding, in_force, read_rules
from siting.policy.verdicts import RESULTS, Bound, Result, Verdict, bounds, check, evaluate, limits
from siting.supply.limits import Limits
from siting.supply.site import served_energy
from siting.vocabulary import AlignmentError, Parameters, encode_flags, step, with_warnings

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = [
    "Binding",
    "Bound",
    "Facts",
    "Policy",
    "ProjectFigures",
    "Verdict",
    "add_policy",
    "all_electric",
    "bounds",
    "check",
    "limits",
    "project_figures",
    "read_rules",
    "site_verdicts",
]


#: Columns that count rules, by the result that they count.
_COUNTED: Mapping[str, Result] = {"policy_failed": "fail", "policy_unknown": "unknown"}


class Policy(Parameters):
    """To which rules the sites are held."""

    year: int = Field(2026, ge=2000, le=2100, description="Rules and thresholds are those in force on 31 December of this year.")
    jurisdiction: str = Field("CN", pattern=r"^[A-Z]{2}$", description="Country whose rules count, with those of its provinces.")
    scheme: Scheme | None = Field("direct_connection", description="How plants and load are joined.")
    multi_user: bool = Field(False, description="Several legal entities are supplied.")
    zero_carbon_park: bool = Field(False, description="Hold the sites to the indicators of national zero-carbon parks as well.")
    sector: str | None = Field(None, description="Industry, such as data_centre; none is unknown.")
    spot_market: bool | None = Field(None, description="The spot market runs continuously; none is unknown, and the stricter cap counts.")
    constrain: bool = Field(
        False,
        description="Size the supply so that it keeps the shares that the rules of country and province demand, beside the study's own.",
    )

    @property
    def facts(self) -> Facts:
        """What of it decides which rules apply."""
        return Facts(**self.model_dump(exclude={"year", "jurisdiction", "constrain"}))

    def bounds(self, provinces: Iterable[str] = ()) -> list[Bound]:
        """Bounds of the supply by the rules of the country and of provinces, each with its rule, its document and its date."""
        rules = read_rules()
        found = bounds(rules, self.year, self.jurisdiction, self.facts)
        for code in provinces:
            there = bounds(rules, self.year, code, self.facts.model_copy(update={"province": code}))
            found += [bound for bound in there if bound.jurisdiction == code]
        return found

    def limits(self, province: str | None = None) -> Limits:
        """Limits that a supply must respect to pass the rules of the year, those of its province among them."""
        facts = self.facts.model_copy(update={"province": province})
        return limits(read_rules(), self.year, province or self.jurisdiction, facts)


def provinces_of(sites: xr.Dataset) -> list[str]:
    """Codes of the provinces that sites lie in."""
    codes = str(sites["province"].attrs.get("iso_3166_2", "")).split()
    return [codes[index] for index in np.unique(sites["province"].to_numpy().astype(int)) if 0 <= index < len(codes)]


def site_figures(sites: xr.Dataset) -> dict[str, Any]:
    """Figures of the rules from the variables of the supply, (site, target); what supply doesn't know is NaN.

    The own power is directly supplied and renewable, without hydro; certificates that the ledger counts are renewable, too. The park is
    taken to use nothing but electricity.
    """
    load = served_energy(sites) + 0.0 * sites["matched_share"]
    own = sites["matched_share"] * load
    green = sites["market_matched_share"] * load if "market_matched_share" in sites else own
    figures: dict[str, Any] = dict.fromkeys(ProjectFigures.model_fields, np.nan)
    figures |= dict.fromkeys(("self_use_energy", "direct_green_energy", "nonhydro_renewable_energy"), own) | {"renewable_energy": green}
    figures |= {name: sites[name] for name in ("exported_energy", "curtailed_energy", "storage_loss")}
    figures |= {name: sites[name] for name in ("pv_capacity", "wind_capacity", "battery_power", "battery_energy")}
    figures |= {"load_energy": load, "energy_tce": load * ELECTRICITY_TCE_PER_MWH, "clean_energy_tce": green * ELECTRICITY_TCE_PER_MWH}
    if "precipitation_monthly" in sites:
        figures["annual_precipitation"] = sites["precipitation_monthly"].sum("month", skipna=False) + 0.0 * load
    return figures | {"emissions_t": (load - green) * NON_GREEN_FACTOR}


def project_figures(site: xr.Dataset, target: float) -> ProjectFigures:
    """Figures of one rated site, a table of size 1 or a row of one, that the rules compare; what is unknown there is left out."""
    figures = site_figures(site).items()
    known = {name: float(np.squeeze(value if np.isscalar(value) else value.sel(target=target))) for name, value in figures}
    return ProjectFigures(**{name: max(value, 0.0) for name, value in known.items() if not np.isnan(value)})


def site_verdicts(site: xr.Dataset, target: float, policy: Policy) -> list[Verdict]:
    """Verdict of every rule on one rated site, in words, as :func:`add_policy` has them in codes."""
    codes, index = str(site["province"].attrs.get("iso_3166_2", "")).split(), int(site["province"].item())
    code = codes[index] if index >= 0 else None
    facts = policy.facts.model_copy(update={"province": code})
    return check(project_figures(site, target), facts, policy.year, code or policy.jurisdiction)


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
    adds=("policy_failed", "policy_unknown", "policy_binding", "policy_margin", "rule_verdict", "rule_margin"),
)
def add_policy(sites: xr.Dataset, policy: Policy) -> xr.Dataset:
    """What the rules say of each site and target in four numbers, and verdict and margin of each rule.

    Parameters
    ----------
    sites : Dataset
        Has the annual sums of the supply and the province.
    policy : Policy
        Year, jurisdiction and kind of the project.

    Returns
    -------
    Dataset
        With a new dimension ``policy_rule``, ``rule_verdict`` (0 unknown, 1 pass, 2 fail, 3 not applicable) and ``rule_margin``, the
        room to the threshold in the unit of the measure, positive where the rule is kept; NaN where it is unknown. From them the
        number of rules that fail and that can't be judged, the rule with the least room relative to its threshold, and that room. A
        cap of 0 that nothing reaches binds nobody. Where there is no portfolio, all of these are unknown.

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
    rules = read_rules()
    places = [binding for code in (*dict.fromkeys(codes), policy.jurisdiction) for binding in in_force(rules, policy.year, code)]
    bindings = {(each.document.jurisdiction, each.rule.id): each for each in places}.values()
    verdict, margin, room = np.empty((*shape, len(bindings)), np.int8), *np.empty((2, *shape, len(bindings)))
    for n, binding in enumerate(bindings):
        outcome = evaluate(binding.rule, figures | facts, policy.year)
        elsewhere = np.broadcast_to((province != binding.document.jurisdiction) & (len(binding.document.jurisdiction) > 2), shape)
        verdict[..., n] = np.where(elsewhere, RESULTS.index("not applicable"), outcome.code)
        left = outcome.value - outcome.threshold if binding.rule.comparison == "at_least" else outcome.threshold - outcome.value
        margin[..., n] = np.where(verdict[..., n] == RESULTS.index("not applicable"), np.nan, left)
        room[..., n] = _relative(left, outcome.threshold)
    dims = ("site", "target", "policy_rule")
    labels = {"rules": json.dumps([_label(each) for each in bindings], ensure_ascii=False), "rules_year": policy.year}
    added = {
        "rule_verdict": xr.DataArray(verdict, dims=dims, attrs=encode_flags(dict(enumerate(RESULTS))) | labels),
        "rule_margin": xr.DataArray(margin, dims=dims),
    }
    names = np.array([each.rule.id for each in bindings])
    found = _summary(verdict, room, names, np.isfinite(figures["self_use_energy"]))
    added |= {name: xr.DataArray(values, dims=dims[:2]) for name, values in found.items()}
    said = _kept_and_not(sites, policy, bindings, verdict) if policy.constrain else []
    return with_warnings(sites.assign(added).assign_coords(policy_rule=names), said)


def _kept_and_not(sites: xr.Dataset, policy: Policy, bindings: Collection[Binding], verdict: NDArray[np.int8]) -> list[str]:
    """Which rules bound the supply, and which fail somewhere because no size is bound by them."""
    said = [f"The supply keeps {bound}." for bound in policy.bounds(provinces_of(sites))]
    failed = (verdict == RESULTS.index("fail")).any(axis=(0, 1))
    loose = [each for each, fails in zip(bindings, failed, strict=True) if fails and MEASURES[each.rule.measure].limit is None]
    if loose:
        named = "; ".join(f"{each.rule.title} ({each.document.number})" for each in loose)
        said.append(f"Judged, but no bound of the sizes, and failed at some site or target: {named}.")
    return said


def _relative(room: Floats, threshold: Floats) -> Floats:
    """Room as a share of the threshold; of a cap of 0 the excess itself, and no room that counts where nothing reaches it."""
    nothing = threshold == 0.0
    relative: Floats = np.where(nothing, np.where(room == 0.0, np.inf, room), room / np.where(nothing, 1.0, np.abs(threshold)))
    return relative


def _summary(verdict: NDArray[np.int8], room: Floats, names: NDArray[np.str_], known: NDArray[np.bool_]) -> dict[str, Any]:
    """The four numbers of each site and target."""
    judged = (verdict == RESULTS.index("pass")) | (verdict == RESULTS.index("fail"))
    left = np.where(judged & np.isfinite(room) & known[..., None], room, np.inf)
    least = left.min(axis=-1)
    counts = {name: np.where(known, (verdict == RESULTS.index(result)).sum(axis=-1), np.nan) for name, result in _COUNTED.items()}
    binding = np.where(np.isfinite(least), names[left.argmin(axis=-1)], "")
    return {**counts, "policy_binding": binding, "policy_margin": np.where(np.isfinite(least), least, np.nan)}


def _label(binding: Binding) -> dict[str, Any]:
    """What a reader must know of a rule beside its verdict."""
    rule, document = binding.rule, binding.document
    return {
        "id": rule.id,
        "title": rule.title,
        "title_local": rule.title_local or rule.title,
        "number": document.number,
        "article": rule.article,
        "jurisdiction": document.jurisdiction,
        "since": str(rule.valid_from),
        "until": None if rule.valid_until is None else str(rule.valid_until),
        "unit": MEASURES[rule.measure].unit,
        "confidence": rule.confidence,
    }
