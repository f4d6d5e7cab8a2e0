"""What becomes of a claim: its calculation carried out, and the verdict that follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from siting.claims.arithmetic import Interval, Known, known_figures, total
from siting.claims.model import SAID, Attribution, Case, Claim, EnergyBalance, Intensity, Ratio

Outcome = Literal["reproduced", "plausible", "boundary-dependent", "mis-attributed", "refuted"]


@dataclass(frozen=True)
class Finding:
    """Verdict on a claim.

    Parameters
    ----------
    claim : Claim
        The claim.
    verdict : {"reproduced", "plausible", "boundary-dependent", "mis-attributed", "refuted"}
        Reproduced from figures of some trust; plausible where figures are rough or only consistency can be looked at;
        boundary-dependent where it holds under some boundaries only; mis-attributed where the number is right for something
        else; refuted where nothing gives it.
    summary : str
        One sentence.
    steps : tuple of str
        The calculation, one line each.
    """

    claim: Claim
    verdict: Outcome
    summary: str
    steps: tuple[str, ...]


def check_claim(claim: Claim) -> Finding:
    """Verdict on a claim, with the calculation.

    Raises
    ------
    CatalogError
        If the claim refers to a cell of the catalog that doesn't exist or is empty.
    UnitsError
        If units are unknown or don't fit together.
    """
    figures = known_figures(claim)
    if isinstance(claim.calculation, Ratio):
        return _ratio(claim, claim.calculation, figures)
    if isinstance(claim.calculation, Attribution):
        return _attribution(claim, claim.calculation, figures)
    if isinstance(claim.calculation, EnergyBalance):
        return _energy_balance(claim, claim.calculation, figures)
    return _intensity(claim, claim.calculation, figures)


def agrees(claim: Claim, amount: Interval) -> bool:
    """Whether a computed amount, in the unit of the claim, bears out what was said."""
    (low, high), said = amount.to(claim.unit, claim.quantity).ends, claim.said
    room = said.tolerance * abs(said.value)
    reaches, stays = high >= said.value - room, low <= said.value + room
    return {"equal": reaches and stays, "above": reaches, "below": stays}[said.relation]


def said(claim: Claim) -> str:
    """What was said, with its unit."""
    sign = {"equal": "", "above": "over ", "below": "under "}[claim.said.relation]
    return f"{sign}{claim.said.value:g} {claim.unit}"


def equation(written: str, result: str) -> str:
    """A calculation and its result; a figure that is its own result stands once."""
    return written if written.endswith(f" {result}") and "×" not in written else f"{written} = {result}"


def _case(case: Case, figures: dict[str, Known]) -> tuple[Interval, str]:
    amount, above = total(case.over, figures)
    if case.under is None:
        return amount, above
    below, written = total(case.under, figures)
    return amount / below, f"({above}) / ({written})" if len(case.over) + len(case.under) > 2 else f"{above} / {written}"


def _rough(figures: dict[str, Known], cases: list[Case]) -> bool:
    """Whether a calculation leans on a figure of low trust."""
    used = {name for case in cases for terms in (case.over, case.under or ()) for product in terms for name in product}
    return any(figures[name].confidence == "low" for name in used)


def _ratio(claim: Claim, calculation: Ratio, figures: dict[str, Known]) -> Finding:
    steps, held, failed = [], list[Case](), list[Case]()
    for case in calculation.cases:
        amount, written = _case(case, figures)
        fits = agrees(claim, amount)
        mark = "" if case.role == "context" else f": {'agrees' if fits else 'disagrees'} with {said(claim)}"
        steps.append(f"{case.label}: {equation(written, amount.show(claim.unit))}{mark}")
        if case.role != "context":
            (held if fits else failed).append(case)
    verdict: Outcome
    if held and failed:
        verdict = "boundary-dependent"
        summary = f"holds for {_listed(held)}, not for {_listed(failed)}"
    elif held:
        rough = _rough(figures, held)
        verdict = "plausible" if rough else "reproduced"
        summary = f"{'rough figures give' if rough else 'the figures give'} {_case(held[0], figures)[0].show(claim.unit)}"
    else:
        verdict, summary = "refuted", f"the figures give {_case(failed[0], figures)[0].show(claim.unit)}"
    return Finding(claim, verdict, summary, tuple(steps))


def _listed(cases: list[Case]) -> str:
    return "; ".join(case.label for case in cases)


def _attribution(claim: Claim, calculation: Attribution, figures: dict[str, Known]) -> Finding:
    steps, meant, others = list[str](), False, list[str]()
    for part in calculation.parts:
        for whole in calculation.wholes:
            ratio = figures[part].amount / figures[whole].amount
            share = ratio.to("%", claim.quantity)
            claimed, fits = (part, whole) == (calculation.part, calculation.whole), agrees(claim, ratio)
            if share.low.magnitude > 100:
                continue
            note = " (as claimed)" if claimed else ""
            steps.append(f"{figures[part]} / {figures[whole]} = {share.show('%')}{note}{': agrees' if fits else ''}")
            meant = meant or (claimed and fits)
            others += [f"{figures[part].about} in {figures[whole].about}"] if fits and not claimed else []
    if meant:
        return Finding(claim, "reproduced", "the share is as claimed", tuple(steps))
    given = (figures[calculation.part].amount / figures[calculation.whole].amount).show("%")
    if others:
        return Finding(claim, "mis-attributed", f"the number is that of {'; '.join(others)}; as claimed it would be {given}", tuple(steps))
    return Finding(claim, "refuted", f"no candidate gives it; as claimed it would be {given}", tuple(steps))


def _energy_balance(claim: Claim, calculation: EnergyBalance, figures: dict[str, Known]) -> Finding:
    specific = figures[calculation.specific]
    supply, written = total(calculation.supply, figures)
    need = figures[SAID].amount * specific.amount
    cover, product = (supply / need).to("%", "the share of the need"), supply / specific.amount
    steps = (
        f"energy at hand: {equation(written, supply.show('GWh'))}",
        f"needed for {said(claim)}: {said(claim)} × {specific} = {need.show('GWh')}",
        f"covered: {supply.show('GWh')} / {need.show('GWh')} = {cover.show('%')}",
        f"possible product: {supply.show('GWh')} / {specific} = {product.show(claim.unit)}",
    )
    if cover.high.magnitude >= 100 * (1 - claim.said.tolerance):
        return Finding(claim, "plausible", f"the energy at hand makes {product.show(claim.unit)}", steps)
    return Finding(claim, "refuted", f"the energy at hand covers {cover.show('%')} and makes {product.show(claim.unit)}", steps)


def _intensity(claim: Claim, calculation: Intensity, figures: dict[str, Known]) -> Finding:
    steps, strange = [], list[str]()
    for case in calculation.cases:
        amount, written = _case(case, figures)
        low, high = amount.to(case.range.unit, case.label).ends
        usual = high >= case.range.low and low <= case.range.high and math.isfinite(high)
        where = f"{'within' if usual else 'outside'} {case.range.low:g} to {case.range.high:g}"
        steps.append(f"{case.label}: {written} = {amount.show(case.range.unit)}, {where} ({case.range.source})")
        strange += [] if usual else [case.label]
    if strange:
        return Finding(claim, "refuted", f"{'; '.join(strange)} out of range", tuple(steps))
    return Finding(claim, "plausible", "the figures are consistent with each other; none was counted independently", tuple(steps))


def markdown_table(findings: list[Finding]) -> str:
    """Claims, verdicts and calculations as a table in Markdown."""
    lines = ["| claim | said | verdict | because | calculation |", "|---|---|---|---|---|"]
    for finding in findings:
        claim = finding.claim
        cells = (
            f"{claim.statement} ({claim.source})",
            f"{said(claim)}, {claim.place} {claim.year}",
            f"**{finding.verdict}**",
            f"{finding.summary}{f'. {claim.lesson}' if claim.lesson else ''}",
            "<br>".join(finding.steps),
        )
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines)
