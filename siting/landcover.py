"""Legends of land cover, and rules for parks, PV and wind: dated presets of the catalog, each number with its document."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from siting import catalog
from siting.catalog.entry import Confidence, Text
from siting.vocabulary import CatalogError, Parameters, StudyError

#: What a class of land cover is, in any legend.
Kind = Literal["forest", "shrub", "grass", "crop", "built", "bare", "snow", "water", "wetland", "moss"]

#: What a rule is for.
Technology = Literal["park", "pv", "wind"]

Date = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]


class CoverClass(Parameters):
    """One class of a legend."""

    value: int = Field(ge=0, le=255, description="number in the raster")
    name: Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")] = Field(description="name of the class")
    kind: Kind = Field(description="what rules call it")


class Legend(Parameters):
    """Meaning of the numbers of a land-cover raster."""

    id: Text = Field(description="name of the legend and of its file")
    title: Text = Field(description="product and version")
    document: Text = Field(description="where the classes are defined")
    date: Date = Field(description="date of the document")
    licence: Text = Field(description="licence of the product")
    confidence: Confidence = Field(description="trust in the transcription")
    nodata: int = Field(ge=0, le=255, description="number that means no data")
    classes: tuple[CoverClass, ...] = Field(min_length=2, description="the classes")

    @field_validator("classes")
    @classmethod
    def _once(cls, classes: tuple[CoverClass, ...]) -> tuple[CoverClass, ...]:
        if len({each.value for each in classes}) < len(classes) or len({each.name for each in classes}) < len(classes):
            raise ValueError("expected each value and name once, found one again; remove it")
        return classes


class Rule(Parameters):
    """One reason why ground is closed, and where that is written."""

    land_cover: tuple[Kind, ...] = Field(default=(), description="kinds of land cover that are closed")
    slope_max_degree: float | None = Field(default=None, gt=0.0, lt=90.0, description="steeper ground is closed [degree]")
    patch_min_km2: float | None = Field(default=None, gt=0.0, description="smaller contiguous patches are closed [km2]")
    en: Text = Field(description="reason in English")
    zh: Text = Field(description="reason in Chinese")
    document: Text = Field(description="document that says so, or what is assumed")
    article: Text = Field(description="article or clause, or none")
    date: Date = Field(description="date of the document")
    confidence: Confidence = Field(description="trust in the rule")


class RuleSet(Parameters):
    """Rules for one technology, as of one day."""

    id: Text = Field(description="name of the rules and of their file")
    title: Text = Field(description="what the rules are")
    technology: Technology = Field(description="what the rules are for")
    date: Date = Field(description="day as of which the rules are stated")
    not_covered: tuple[Text, ...] = Field(description="rules that need data which no open raster has")
    rules: tuple[Rule, ...] = Field(min_length=1, description="the rules, in the order in which they take ground")


@cache
def legend(name: str) -> Legend:
    """Shipped legend.

    Raises
    ------
    StudyError
        If the name is unknown; the text names the nearest one.
    """
    return catalog.read_model(_preset("legends", name), Legend, CatalogError)[0]


@cache
def rule_set(name: str) -> RuleSet:
    """Shipped rules.

    Raises
    ------
    StudyError
        If the name is unknown; the text names the nearest one.
    """
    return catalog.read_model(_preset("land_rules", name), RuleSet, CatalogError)[0]


def _preset(folder: str, name: str) -> Path:
    known = {file.stem: file for file in sorted((catalog.root() / folder).glob("*.yaml"))}
    if name not in known:
        near = get_close_matches(name, known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else "choose one of them"
        raise StudyError(f"expected one of {', '.join(known)}, found {name!r}; {fix}")
    return known[name]
