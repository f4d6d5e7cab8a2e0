"""A claim in YAML: what was said, of what, where and when, the figures that bear on it, and how they are to be combined."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from siting import catalog
from siting.vocabulary import CatalogError, Parameters

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Confidence = Literal["high", "medium", "low"]

#: Name under which a calculation refers to the claimed value itself.
SAID = "said"


class Figure(Parameters):
    """A number with its unit and source, or a cell of the catalog."""

    about: Text = Field(description="what it is, in words")
    value: float | None = Field(default=None, description="the number")
    low: float | None = Field(default=None, description="lower end, where only a range is known")
    high: float | None = Field(default=None, description="upper end of that range")
    unit: Text | None = Field(default=None, description="unit of the number")
    source: Text | None = Field(default=None, description="where it comes from")
    confidence: Confidence | None = Field(default=None, description="trust in it")
    entry: Name | None = Field(default=None, description="entry of the catalog, in place of a number")
    row: Text | None = Field(default=None, description="row of that entry")
    column: Name | None = Field(default=None, description="column of that entry")

    @model_validator(mode="after")
    def _one_kind(self) -> Figure:
        cell = [name for name in ("entry", "row", "column") if getattr(self, name) is not None]
        stated = [name for name in ("value", "low", "high", "unit", "source", "confidence") if getattr(self, name) is not None]
        number = {"value"} <= set(stated) <= {"value", "unit", "source", "confidence"} or (
            {"low", "high"} <= set(stated) and "value" not in stated
        )
        if len(cell) == 3 and not stated:
            return self
        if cell or not number or not {"unit", "source", "confidence"} <= set(stated):
            raise ValueError(
                f"expected value (or low and high), unit, source and confidence, or else entry, row and column, found "
                f"{', '.join([*stated, *cell]) or 'none of them'}; complete one of the two"
            )
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"expected low up to high, found {self.low:g} and {self.high:g}; swap them")
        return self


class Said(Parameters):
    """The claimed value in the unit of the claim."""

    value: float = Field(description="the number that was said")
    relation: Literal["equal", "above", "below"] = Field(
        default="equal", description="whether the truth is said to equal it, or to lie above or below"
    )
    tolerance: float = Field(default=0.02, gt=0, le=0.5, description="relative difference that rounding in the statement explains")


#: A sum of products of figures.
Terms = Annotated[tuple[Annotated[tuple[Name, ...], Field(min_length=1)], ...], Field(min_length=1)]


class Case(Parameters):
    """One reading of a ratio."""

    label: Text = Field(description="what this reading counts")
    role: Literal["claimed", "boundary", "context"] = Field(
        default="claimed", description="the reading of the claim, another boundary that people use, or a figure beside it that isn't judged"
    )
    over: Terms = Field(description="numerator, a sum of products")
    under: Terms | None = Field(default=None, description="denominator, a sum of products; none is 1")


class Ratio(Parameters):
    """The claimed value is a ratio of figures, under one or several boundaries."""

    kind: Literal["ratio"]
    cases: tuple[Case, ...] = Field(min_length=1, description="readings of the claim")


class Attribution(Parameters):
    """The claimed value is a share of something; all parts are held against all wholes."""

    kind: Literal["attribution"]
    part: Name = Field(description="part that the claim names")
    whole: Name = Field(description="whole that the claim names")
    parts: tuple[Name, ...] = Field(min_length=1, description="parts that may have been meant")
    wholes: tuple[Name, ...] = Field(min_length=1, description="wholes that may have been meant")


class EnergyBalance(Parameters):
    """The claimed value is a product per year that a supply of energy must carry."""

    kind: Literal["energy_balance"]
    supply: Terms = Field(description="energy at hand, a sum of products")
    specific: Name = Field(description="energy per unit of the product")


class Bounds(Parameters):
    """A range that experience gives."""

    low: float = Field(description="lower end")
    high: float = Field(description="upper end")
    unit: Text = Field(description="unit of both")
    source: Text = Field(description="whose experience")


class BoundedCase(Case):
    """A ratio that must lie in a range."""

    range: Bounds = Field(description="where such ratios lie")


class Intensity(Parameters):
    """The claimed values must be consistent with each other: ratios between them must lie in ranges."""

    kind: Literal["intensity"]
    cases: tuple[BoundedCase, ...] = Field(min_length=1, description="ratios to look at")


class PlantCase(Parameters):
    """Plants as they may have been meant."""

    label: Text = Field(description="what this reading assumes")
    wind: Terms = Field(description="wind power, a sum of products")
    pv: Terms = Field(description="PV power, a sum of products")
    wind_hours: Name | None = Field(default=None, description="full-load hours that the modelled ones of the wind are brought to")
    worth: Name | None = Field(
        default=None, description="what hydrogen is worth, up to which electrolyser and tank grow; without it they grow as far as it helps"
    )


class Dispatch(Parameters):
    """The claimed product is made from hydrogen off the grid, hour by hour; ranges of figures count at their middle."""

    longitude: float = Field(ge=-180, le=180, description="where the plants stand [degree]")
    latitude: float = Field(ge=-90, le=90, description="where the plants stand [degree]")
    battery_power: Terms = Field(description="power of the battery, a sum of products")
    battery_energy: Terms = Field(description="energy of the battery, a sum of products")
    specific: Name = Field(description="electricity per product, in all")
    synthesis: Name = Field(description="the part of it that the synthesis takes")
    hydrogen: Name = Field(description="hydrogen per product")
    minimum: Name = Field(description="smallest rate of the synthesis, a share of the largest")
    full_load: Name = Field(description="hours at the largest rate that make the claimed product")
    cases: tuple[PlantCase, ...] = Field(min_length=1, description="readings of the plants")


class Claim(Parameters):
    """A statement that can be checked."""

    id: Name = Field(description="name of the claim")
    statement: Text = Field(description="what was said, in short")
    source: Text = Field(description="who said it")
    quantity: Text = Field(description="what is counted")
    unit: Text = Field(description="unit of the claimed value, % for shares")
    scope: Text = Field(description="what the claim counts in")
    place: Text = Field(description="where, a province code or a name")
    year: int = Field(ge=1900, le=2100, description="year that the claim is about")
    said: Said = Field(description="the claimed value")
    figures: Mapping[Name, Figure] = Field(min_length=1, description="figures by name")
    calculation: Annotated[Ratio | Attribution | EnergyBalance | Intensity, Field(discriminator="kind")]
    dispatch: Dispatch | None = Field(default=None, description="how to try it hour by hour, beside the calculation")
    lesson: Text | None = Field(default=None, description="what to read out of it")

    @field_validator("figures")
    @classmethod
    def _reserved(cls, figures: Mapping[str, Figure]) -> Mapping[str, Figure]:
        if SAID in figures:
            raise ValueError(f"expected names of figures other than {SAID!r}, found it; it means the claimed value, rename the figure")
        return figures

    @model_validator(mode="after")
    def _consistent(self) -> Claim:
        if self.unit == "%" and not 0 <= self.said.value <= 100:
            raise ValueError(f"expected a share of 0 to 100 %, found {self.said.value:g}; a share above 1 is no share")
        known = {*self.figures, SAID}
        for name in (*_names(self.calculation), *(_tried_names(self.dispatch) if self.dispatch else ())):
            if name not in known:
                raise ValueError(f"expected figures among {', '.join(sorted(known))}, found {name!r} in the calculation; add it to figures")
        return self


def _names(calculation: Ratio | Attribution | EnergyBalance | Intensity) -> list[str]:
    """Figures that a calculation refers to."""
    if isinstance(calculation, Attribution):
        return [calculation.part, calculation.whole, *calculation.parts, *calculation.wholes]
    if isinstance(calculation, EnergyBalance):
        return [calculation.specific, *(name for product in calculation.supply for name in product)]
    return [name for case in calculation.cases for terms in (case.over, case.under or ()) for product in terms for name in product]


def _tried_names(dispatch: Dispatch) -> list[str]:
    """Figures that the hours refer to."""
    terms = [dispatch.battery_power, dispatch.battery_energy, *(each for case in dispatch.cases for each in (case.wind, case.pv))]
    names = [name for each in terms for product in each for name in product]
    names += [name for case in dispatch.cases for name in (case.wind_hours, case.worth) if name]
    return [*names, *(getattr(dispatch, each) for each in ("specific", "synthesis", "hydrogen", "minimum", "full_load"))]


def read_claims(path: str | Path | None = None) -> list[Claim]:
    """Claims of a file, or the shipped ones.

    Raises
    ------
    CatalogError
        In one line with file and line: an unknown key, a claim without unit or year, a figure without source, a share above 1.
    """
    files = sorted((catalog.root() / "claims").glob("*.yaml")) if path is None else [Path(path)]
    return [_read(file) for file in files]


def _read(file: Path) -> Claim:
    claim: Claim = catalog.read_model(file, Claim, CatalogError)[0]
    return claim
