"""Dated rules: documents in YAML, their thresholds with the dates between which they bind, and what is in force in a year."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from siting import catalog
from siting.policy.measures import FACTS, FIGURES, MEASURES
from siting.vocabulary import CatalogError, Parameters

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Jurisdiction = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Confidence = Literal["high", "medium", "low"]
Plain = bool | str


class Between(Parameters):
    """Range of a figure: from ``least``, to less than ``below``."""

    least: float = Field(default=float("-1e300"), description="smallest value that belongs to the range")
    below: float = Field(default=float("1e300"), description="smallest value above the range")


#: What must hold of a project and its place: a value, one of several, or a range.
Conditions = Mapping[str, Plain | tuple[Plain, ...] | Between]


class Dated(Parameters):
    """Something that binds from one day to another, both included."""

    valid_from: date = Field(description="first day in force")
    valid_until: date | None = Field(default=None, description="last day in force; none is until further notice")

    @model_validator(mode="after")
    def _ordered(self) -> Dated:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError(f"expected valid_until on or after {self.valid_from}, found {self.valid_until}; swap the dates")
        return self

    def holds_on(self, day: date) -> bool:
        """Whether it binds on a day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


class Threshold(Dated):
    """A number that a measure is held against, in the unit of the measure."""

    value: float | None = Field(default=None, description="the number; none where the document states none that is known here")
    column: Text | None = Field(default=None, description="column of the table of provinces that holds the number, in place of value")
    when: Conditions = Field(default={}, description="what must hold for this number to bind")
    confidence: Confidence | None = Field(default=None, description="trust in the number, if it differs from the rule's")

    @field_validator("when")
    @classmethod
    def _known(cls, when: Conditions) -> Conditions:
        return check_conditions(when)

    @model_validator(mode="after")
    def _one_number(self) -> Threshold:
        if self.value is not None and self.column is not None:
            raise ValueError(f"expected a value or a column, found both ({self.value:g} and {self.column}); remove one")
        return self


class Rule(Dated):
    """One version of one requirement."""

    id: Name = Field(description="name of the requirement, shared by its versions")
    title: Text = Field(description="requirement in words")
    title_local: Text | None = Field(default=None, description="the same in the language of its jurisdiction")
    article: Text = Field(description="article or section of the document")
    measure: Name = Field(description="what is compared")
    comparison: Literal["at_least", "at_most"] = Field(description="which side of the threshold passes")
    applies_when: Conditions = Field(default={}, description="what must hold for the rule to apply")
    yearly: bool = Field(default=False, description="set anew every year: unknown, rather than lapsed, after its last day")
    thresholds: tuple[Threshold, ...] = Field(min_length=1, description="numbers with their dates")
    confidence: Confidence = Field(description="trust in the rule as typed here")
    note: Text | None = Field(default=None, description="what to know about it")

    @field_validator("measure")
    @classmethod
    def _measured(cls, measure: str) -> str:
        if measure not in MEASURES:
            raise ValueError(f"expected a measure among {', '.join(MEASURES)}, found {measure!r}; choose one of them")
        return measure

    @field_validator("applies_when")
    @classmethod
    def _known(cls, when: Conditions) -> Conditions:
        return check_conditions(when)


class Document(Parameters):
    """One official document and its rules."""

    id: Name = Field(description="name of the document and of its file")
    number: Text = Field(description="official number")
    title: Text = Field(description="title in English")
    title_local: Text | None = Field(default=None, description="title in its own language")
    issuer: Text = Field(description="who issued it")
    jurisdiction: Jurisdiction = Field(description="country (ISO 3166-1) or part of one (ISO 3166-2) where it binds")
    issued: date = Field(description="day of signature")
    source: Text = Field(description="where its figures were read")
    rules: tuple[Rule, ...] = Field(min_length=1, description="its requirements")


class Binding(Parameters):
    """A rule with the document that it stands in."""

    rule: Rule
    document: Document

    def covers(self, jurisdiction: str) -> bool:
        """Whether the document binds in a jurisdiction: its own, or the country of it."""
        return self.document.jurisdiction in (jurisdiction, jurisdiction[:2])


def check_conditions(when: Conditions) -> Conditions:
    """Conditions that name known facts, or known figures with ranges; others are refused."""
    for name, wanted in when.items():
        known = FIGURES if isinstance(wanted, Between) else FACTS
        if name not in known:
            raise ValueError(f"expected a condition on one of {', '.join(sorted(known))}, found {name!r}; choose one of them")
    return when


def read_rules(folder: str | Path | None = None) -> tuple[Binding, ...]:
    """Rules of all documents of a folder, by default of the shipped ones.

    Raises
    ------
    CatalogError
        In one line with file and line: an unknown key, measure or condition, a wrong value, dates in the wrong order; or two
        versions of one rule that are in force on the same day.
    """
    return _shipped_rules(catalog.root() / "rules") if folder is None else _read_folder(Path(folder))


@cache
def _shipped_rules(folder: Path) -> tuple[Binding, ...]:
    """Rules of a folder that nobody edits while the toolkit runs: every block of sites asks for them."""
    return _read_folder(folder)


def _read_folder(folder: Path) -> tuple[Binding, ...]:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise CatalogError(f"Expected documents in YAML in {str(folder)!r}, found none; fix: check the folder.")
    bindings = [binding for file in files for binding in _read_document(file)]
    _refuse_overlaps(bindings)
    return tuple(bindings)


def _read_document(file: Path) -> Iterator[Binding]:
    document, lines = catalog.read_model(file, Document, CatalogError)
    if document.id != file.stem:
        raise CatalogError(f"{file.name}:{lines[('id',)]}: expected the id {file.stem!r}, found {document.id!r}; fix: name them alike.")
    for rule in document.rules:
        yield Binding(rule=rule, document=document)


def _refuse_overlaps(bindings: list[Binding]) -> None:
    def name(binding: Binding) -> tuple[str, str]:
        return binding.document.jurisdiction, binding.rule.id

    for (jurisdiction, rule), versions in itertools.groupby(sorted(bindings, key=name), key=name):
        dated = sorted(versions, key=lambda each: each.rule.valid_from)
        for former, latter in itertools.pairwise(dated):
            if former.rule.valid_until is None or former.rule.valid_until >= latter.rule.valid_from:
                raise CatalogError(
                    f"Expected one version of {rule} in {jurisdiction} on any day, found {former.document.number} "
                    f"({_span(former.rule)}) and {latter.document.number} ({_span(latter.rule)}) to overlap; fix: end the former."
                )


def _span(dated: Dated) -> str:
    return f"{dated.valid_from} to {dated.valid_until or 'further notice'}"


def in_force(bindings: tuple[Binding, ...], year: int, jurisdiction: str) -> list[Binding]:
    """One version of each rule of a jurisdiction: the one that binds on 31 December of the year, else the nearest before or after.

    A version that does not bind then is returned too, so that a verdict can say that the rule is not in force yet, or no longer.
    """
    day, chosen = date(year, 12, 31), dict[tuple[str, str], Binding]()
    for binding in sorted(bindings, key=lambda each: each.rule.valid_from):
        name = (binding.document.jurisdiction, binding.rule.id)
        if binding.covers(jurisdiction) and (name not in chosen or binding.rule.valid_from <= day):
            chosen[name] = binding
    return [binding for binding in bindings if chosen.get((binding.document.jurisdiction, binding.rule.id)) is binding]
