"""Verdicts: one rule on arrays of figures, and all rules of a year on one project in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting import catalog
from siting.policy.measures import FIGURES, LIMIT_FIELDS, MEASURES, Facts, ProjectFigures
from siting.policy.rules import Between, Binding, Conditions, Plain, Rule, Threshold, in_force, read_rules
from siting.supply.limits import Limits

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Values = Mapping[str, Any]
Result = Literal["unknown", "pass", "fail", "not applicable"]

#: Results by the code that arrays hold.
RESULTS: tuple[Result, ...] = ("unknown", "pass", "fail", "not applicable")

#: A measure that misses a threshold by less than this part of it stands at the threshold: sizes come from solvers.
ROUNDING = 1e-6


class Outcome(NamedTuple):
    """Code of the result, value of the measure, and the threshold that binds most, as arrays."""

    code: NDArray[np.int8]
    value: Floats
    threshold: Floats


@dataclass(frozen=True)
class Verdict:
    """What one rule says of one project.

    Parameters
    ----------
    rule, title, document, number, article, jurisdiction : str
        Which rule, and where it stands.
    result : {"pass", "fail", "not applicable", "unknown"}
        Unknown figures and unknown thresholds never pass.
    value, threshold, margin : float or None
        Measure, threshold and the room between them, positive where the rule is kept, in ``unit``.
    comparison : {"at_least", "at_most"}
        Which side passes.
    in_force : tuple of str or None
        First and last day, ISO 8601.
    confidence : {"high", "medium", "low"}
        Trust in the rule as it is typed here.
    why : str
        One sentence.
    """

    rule: str
    title: str
    result: Result
    value: float | None
    threshold: float | None
    margin: float | None
    unit: str
    comparison: str
    document: str
    number: str
    article: str
    jurisdiction: str
    in_force: tuple[str, str | None]
    confidence: str
    why: str


def check(
    figures: ProjectFigures, facts: Facts, year: int, jurisdiction: str = "CN", rules: tuple[Binding, ...] | None = None
) -> list[Verdict]:
    """Verdict of every rule of a jurisdiction on a project.

    Parameters
    ----------
    figures : ProjectFigures
        Annual sums; what is not given is unknown.
    facts : Facts
        Place and kind of the project.
    year : int
        Year that the project is held to: rules and thresholds are those of its 31 December.
    jurisdiction : str
        Country, or part of one together with its country, as ISO 3166 code.
    rules : tuple of Binding, optional
        Rules, by default the shipped ones.

    Returns
    -------
    list of Verdict
        In the order of the documents.
    """
    known: dict[str, Any] = {**figures.model_dump(), **facts.model_dump()}
    values = {name: np.nan if value is None and name in ProjectFigures.model_fields else value for name, value in known.items()}
    bindings = in_force(rules or read_rules(), year, jurisdiction)
    return [_verdict(binding, evaluate(binding.rule, values, year), values, year) for binding in bindings]


class Bound(NamedTuple):
    """A limit of a supply and the rule that it comes from, with the day from which its threshold binds (ISO 8601).

    ``unknown`` names the facts that decide whether this threshold binds and that are not given: the strictest is taken.
    ``jurisdiction`` is the country or province of the document.
    """

    limit: str
    value: float
    rule: str
    title: str
    number: str
    article: str
    since: str
    confidence: str
    unknown: str = ""
    jurisdiction: str = ""

    def __str__(self) -> str:
        """The bound in one sentence."""
        side = "at most" if self.limit.endswith("_max") else "at least"
        words = self.limit.rsplit("_", 1)[0].replace("_", " ")
        guess = f"; the strictest, as it is not given: {self.unknown}" if self.unknown else ""
        where = f" in {self.jurisdiction}" if len(self.jurisdiction) > 2 else ""
        return f"{words}{where}: {side} {100 * self.value:g} % by {self.number}, {self.article} ({self.title}), since {self.since}{guess}"


def bounds(rules: tuple[Binding, ...], year: int, jurisdiction: str, facts: Facts | None = None) -> list[Bound]:
    """Bounds of a supply by the rules of a year, each with its rule.

    Rules count that surely apply to ``facts`` (a directly connected park on the public grid by default); where it is unknown
    which threshold binds, as without word of the spot market, the strictest does.
    """
    values: dict[str, Any] = dict.fromkeys(FIGURES, np.nan) | (facts or Facts()).model_dump()
    found = []
    for binding in in_force(rules, year, jurisdiction):
        rule, field = binding.rule, LIMIT_FIELDS.get(binding.rule.measure)
        if field is None or _time_code(rule, year) is not None or _truth(rule.applies_when, values) != 1.0:
            continue
        value = float(evaluate(rule, values, year).threshold)
        if math.isnan(value):
            continue
        document = binding.document
        source = next(each for each in _thresholds(rule, year) if float(_number(each, values)) == value)
        trust = source.confidence or rule.confidence
        unknown = ", ".join(name.replace("_", " ") for name in source.when if _is_unknown(values[name]))
        since, place = str(source.valid_from), document.jurisdiction
        found.append(Bound(field, value, rule.id, rule.title, document.number, rule.article, since, trust, unknown, place))
    return found


def limits(rules: tuple[Binding, ...], year: int, jurisdiction: str, facts: Facts | None = None) -> Limits:
    """Limits that a supply must respect to pass the rules of a year: the strictest of :func:`bounds`."""
    strictest = Limits()
    for bound in bounds(rules, year, jurisdiction, facts):
        strictest = strictest.stricter(Limits(**{bound.limit: bound.value}))
    return strictest


def evaluate(rule: Rule, values: Values, year: int) -> Outcome:
    """One rule on figures and facts, as arrays that broadcast or as single values.

    Parameters
    ----------
    rule : Rule
        One version of a rule.
    values : mapping
        Figures by name (NaN is unknown) and facts by name (None or "" is unknown).
    year : int
        Year whose 31 December counts.

    Notes
    -----
    A rule fails if a threshold that surely binds is missed, or all that may bind; it passes if all that may bind are kept; it
    is unknown otherwise.
    """
    measure = MEASURES[rule.measure]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(measure.function(*(np.asarray(values[name], dtype=np.float64) for name in measure.needs)), dtype=np.float64)
    value = np.where(np.isfinite(value), value, np.nan)
    sign = 1.0 if rule.comparison == "at_least" else -1.0
    binding, strictest = np.zeros(value.shape, dtype=bool), np.full(value.shape, np.nan)
    every, some, sure_miss = np.ones(value.shape, dtype=bool), np.zeros(value.shape, dtype=bool), np.zeros(value.shape, dtype=bool)
    for threshold in _thresholds(rule, year):
        holds, number = _truth(threshold.when, values), _number(threshold, values)
        kept = sign * (value - number) >= -ROUNDING * np.maximum(np.abs(number), 1e-3)
        known, may = np.isfinite(value) & np.isfinite(number), holds != 0.0
        binding = binding | may
        every, some = every & (~may | (known & kept)), some | (may & ~(known & ~kept))
        sure_miss = sure_miss | ((holds == 1.0) & known & ~kept)
        strictest = np.where(may, sign * np.fmax(sign * strictest, sign * number), strictest)
    code = np.where(sure_miss | (binding & ~some), 2, np.where(binding & every, 1, 0))
    applies = _truth(rule.applies_when, values)
    code = np.where(applies == 0.0, 3, np.where(np.isnan(applies), 0, code))
    outside = _time_code(rule, year)
    code = code if outside is None else np.full(code.shape, outside)
    return Outcome(code.astype(np.int8), *(np.broadcast_to(each, code.shape) for each in (value, strictest)))


def _thresholds(rule: Rule, year: int) -> list[Threshold]:
    return [threshold for threshold in rule.thresholds if threshold.holds_on(date(year, 12, 31))]


def _time_code(rule: Rule, year: int) -> int | None:
    """Code of a rule that is not in force in a year; None if it is."""
    if rule.holds_on(date(year, 12, 31)):
        return None
    lapsed = rule.valid_until is not None and rule.valid_until < date(year, 12, 31)
    return 0 if rule.yearly and lapsed else 3


def _number(threshold: Threshold, values: Values) -> Floats:
    if threshold.column is None:
        return np.asarray(np.nan if threshold.value is None else threshold.value)
    column: pd.Series[float] = catalog.open_entry("provinces")[threshold.column]
    codes = np.asarray(values["province"], dtype=object)
    numbers: Floats = np.vectorize(lambda code: float(column.get(code, np.nan)), otypes=[np.float64])(codes)
    return numbers


def _truth(conditions: Conditions, values: Values) -> Floats:
    """1 where all conditions hold, 0 where one does not, NaN where that is unknown."""
    truth = np.ones(())
    for name, wanted in conditions.items():
        if isinstance(wanted, Between):
            number = np.asarray(values[name], dtype=np.float64)
            holds = np.where(np.isnan(number), np.nan, (number >= wanted.least) & (number < wanted.below))
        else:
            found = np.asarray(values[name], dtype=object)
            options = wanted if isinstance(wanted, tuple) else (wanted,)
            holds = np.vectorize(partial(_is_one_of, options=options), otypes=[np.float64])(found)
        no = (truth == 0.0) | (holds == 0.0)
        truth = np.where(no, 0.0, truth * holds)
    return truth


def _is_one_of(found: Plain | None, options: tuple[Plain, ...]) -> float:
    return np.nan if found in (None, "") else float(found in options)


def _verdict(binding: Binding, outcome: Outcome, values: Values, year: int) -> Verdict:
    rule, document = binding.rule, binding.document
    value, threshold = _plain(outcome.value), _plain(outcome.threshold)
    margin, result = None, RESULTS[int(outcome.code)]
    if value is not None and threshold is not None and result != "not applicable":
        margin = value - threshold if rule.comparison == "at_least" else threshold - value
    active = [each.confidence for each in _thresholds(rule, year) if each.confidence and _truth(each.when, values) != 0.0]
    return Verdict(
        rule=rule.id,
        title=rule.title,
        result=result,
        value=value,
        threshold=threshold,
        margin=margin,
        unit=MEASURES[rule.measure].unit,
        comparison=rule.comparison,
        document=document.title,
        number=document.number,
        article=rule.article,
        jurisdiction=document.jurisdiction,
        in_force=(str(rule.valid_from), None if rule.valid_until is None else str(rule.valid_until)),
        confidence=min([rule.confidence, *active], key=("low", "medium", "high").index),
        why=_why(rule, result, value, threshold, values, year),
    )


def _plain(value: Floats) -> float | None:
    number = float(value)
    return None if math.isnan(number) else number


def _why(rule: Rule, result: Result, value: float | None, threshold: float | None, values: Values, year: int) -> str:
    """One sentence on a verdict, then the rule's note."""
    shown, measure = "", MEASURES[rule.measure]
    if value is not None:
        shown = f"{measure.formula} is {show(value, measure.unit)}"
    if result == "not applicable":
        sentence = _why_not_applicable(rule, values, year)
    elif result == "unknown":
        sentence = _why_unknown(rule, shown, threshold, values, year)
    else:
        side, room = "at least" if rule.comparison == "at_least" else "at most", abs((value or 0.0) - (threshold or 0.0))
        room_words = f"{show(room, measure.unit, difference=True)} {'to spare' if result == 'pass' else 'short of it'}"
        sentence = f"{shown}, {side} {show(threshold or 0.0, measure.unit)} is asked: {room_words}"
    return f"{sentence}.{f' {rule.note}' if rule.note else ''}"


def _why_not_applicable(rule: Rule, values: Values, year: int) -> str:
    if _time_code(rule, year) is not None:
        early = year < rule.valid_from.year
        return f"not in force in {year}: {f'it begins on {rule.valid_from}' if early else f'it ended on {rule.valid_until}'}"
    failed = [name for name, wanted in rule.applies_when.items() if _truth({name: wanted}, values) == 0.0]
    return f"applies only where {' and '.join(_words(name, rule.applies_when[name]) for name in failed)}"


def _why_unknown(rule: Rule, shown: str, threshold: float | None, values: Values, year: int) -> str:
    if not shown:
        missing = [name for name in MEASURES[rule.measure].needs if _is_unknown(values[name])]
        given = ", ".join(name.replace("_", " ") for name in missing) or "a whole above 0"
        return f"{MEASURES[rule.measure].formula} is unknown, not given: {given}"
    if _time_code(rule, year) is not None:
        return f"{shown}; the threshold is set every year, none is embedded after {rule.valid_until}"
    active = _thresholds(rule, year)
    conditions = dict.fromkeys(name for when in (rule.applies_when, *(each.when for each in active)) for name in when)
    unsure = [name.replace("_", " ") for name in conditions if _is_unknown(values[name])]
    if unsure:
        return f"{shown}; it depends on {', '.join(unsure)}, not given"
    return f"{shown}; no threshold is known for this place" if threshold is None else f"{shown}; it can't be compared"


def _is_unknown(value: Any) -> bool:
    return value in (None, "") or (isinstance(value, float) and math.isnan(value))


def _words(name: str, wanted: Plain | tuple[Plain, ...] | Between) -> str:
    """Condition in words."""
    text = name.replace("_", " ")
    if isinstance(wanted, Between):
        return f"{text} is from {wanted.least:g} to below {wanted.below:g}"
    options = wanted if isinstance(wanted, tuple) else (wanted,)
    words = {True: "yes", False: "no"}
    return f"{text} is {' or '.join(words[each] if isinstance(each, bool) else each for each in options)}"


def show(value: float, unit: str, *, difference: bool = False) -> str:
    """Number with its unit as people write it: shares in per cent, differences of shares in points."""
    if unit == "1":
        return f"{100 * value:.1f} {'points' if difference else '%'}"
    return f"{value:.3g} {unit}" if abs(value) < 1000 else f"{value:,.0f} {unit}"
