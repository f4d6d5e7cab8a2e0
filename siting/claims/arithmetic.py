"""Arithmetic with units and ranges, written out step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from siting import catalog
from siting.claims.model import SAID, Claim, Figure
from siting.vocabulary import CatalogError, UnitsError

if TYPE_CHECKING:
    import pint

#: Units of the catalog that are written in another way here.
_SPELT = {
    "1": "dimensionless",
    "%": "percent",
    "kg kWh-1": "kg/kWh",
    "CNY kWh-1": "CNY/kWh",
    "trillion CNY": "trillion_cny",
    "billion USD": "billion_usd",
    "million jobs": "million_jobs",
}


#: Units that a claim may use; none of the library's own, in which kt is a knot.
_UNITS = (
    "kilo- = 1e3 = k-",
    "mega- = 1e6 = M-",
    "giga- = 1e9 = G-",
    "tera- = 1e12 = T-",
    "hour = [time] = h",
    "watt = [power] = W",
    "watt_hour = watt * hour = Wh",
    "gram = [mass] = g",
    "tonne = 1e6 gram = t",
    "tce = 8141 kilowatt_hour",
    "percent = 0.01",
    "CNY = [cny]",
    "USD = [usd]",
    "job = [job]",
    "trillion_cny = 1e12 * CNY",
    "billion_usd = 1e9 * USD",
    "million_jobs = 1e6 * job",
)


@cache
def units() -> pint.UnitRegistry[Any]:
    """Units: those of power, energy and mass, money, jobs, and tonnes of coal equivalent."""
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(None)
    for definition in _UNITS:
        registry.define(definition)
    return registry


def unit_of(text: str, what: str) -> Any:
    """Unit by its spelling.

    Raises
    ------
    UnitsError
        If it is unknown.
    """
    import pint

    try:
        return units().Unit(_SPELT.get(text, text))
    except (pint.errors.PintError, ValueError, TypeError, AttributeError):
        raise UnitsError(f"Expected a unit such as TWh, Mt, kg/kWh, % or CNY of {what}, found {text!r}; fix: spell it so.") from None


@dataclass(frozen=True)
class Interval:
    """A positive quantity between two ends, in one unit."""

    low: Any
    high: Any

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __mul__(self, other: Interval) -> Interval:
        return Interval(self.low * other.low, self.high * other.high)

    def __truediv__(self, other: Interval) -> Interval:
        return Interval(self.low / other.high, self.high / other.low)

    def to(self, unit: str, what: str) -> Interval:
        """Express the same in another unit.

        Raises
        ------
        UnitsError
            If it is of another kind.
        """
        import pint

        try:
            target = unit_of(unit, what)
            return Interval(self.low.to(target), self.high.to(target))
        except pint.DimensionalityError as error:
            raise UnitsError(f"Expected {what} in {unit}, found {error.units1}; fix: combine figures that give {unit}.") from None

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends as plain numbers in their unit."""
        return float(self.low.magnitude), float(self.high.magnitude)

    def show(self, unit: str) -> str:
        """Both ends, or the one number, in a unit, in four digits at most."""
        low, high = self.to(unit, "a figure").ends
        shown = digits(low) if math.isclose(low, high, rel_tol=1e-9) else f"{digits(low)} to {digits(high)}"
        return shown if unit in ("1", "dimensionless") else f"{shown} {unit}"


def digits(value: float) -> str:
    """Four significant digits, all of those before the point."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


@dataclass(frozen=True)
class Known:
    """A figure ready for use: its words, range, unit and trust."""

    about: str
    amount: Interval
    unit: str
    confidence: str
    source: str

    def __str__(self) -> str:
        return f"{self.about} {self.amount.show(self.unit)}"


def known_figures(claim: Claim) -> dict[str, Known]:
    """Figures of a claim by name, the claimed value among them.

    Raises
    ------
    CatalogError
        If a cell of the catalog doesn't exist or is empty.
    UnitsError
        If a unit is unknown.
    """
    said = Known("claimed", _interval(claim.said.value, claim.said.value, claim.unit, claim.id), claim.unit, "high", claim.source)
    return {name: _known(name, figure) for name, figure in claim.figures.items()} | {SAID: said}


def _known(name: str, figure: Figure) -> Known:
    if figure.entry is None:
        unit, value = figure.unit or "", figure.value
        low, high = (figure.low, figure.high) if value is None else (value, value)
        return Known(figure.about, _interval(low or 0.0, high or 0.0, unit, name), unit, figure.confidence or "low", figure.source or "")
    value, unit, confidence = _cell(figure)
    shown = "%" if unit == "1" else _SPELT.get(unit, unit)
    amount = _interval(value, value, unit, name).to(shown, name)
    return Known(figure.about, amount, shown, confidence, f"catalog: {figure.entry}, {figure.column}")


def _interval(low: float, high: float, unit: str, what: str) -> Interval:
    spelt = unit_of(unit, what)
    return Interval(low * spelt, high * spelt)


def _cell(figure: Figure) -> tuple[float, str, str]:
    entry, row, column = str(figure.entry), str(figure.row), str(figure.column)
    table = catalog.open_entry(entry)
    if row not in table.index or column not in table.columns:
        raise CatalogError(f"Expected a cell of {entry}, found row {row!r} and column {column!r}; fix: see `siting catalog show {entry}`.")
    value = float(table.loc[row, column])
    if math.isnan(value):
        raise CatalogError(
            f"Expected a known figure, found {column} of {row} to be empty in {entry}; fix: an empty cell is unknown, never 0."
        )
    about = catalog.entry(entry)
    quantity = about.variables[column]
    return value, quantity.unit, quantity.confidence or about.confidence


def total(terms: tuple[tuple[str, ...], ...], figures: dict[str, Known]) -> tuple[Interval, str]:
    """Sum of products, and how it is written.

    Raises
    ------
    UnitsError
        If unlike quantities are added.
    """
    import pint

    amount: Interval | None = None
    for product in terms:
        part = figures[product[0]].amount
        for name in product[1:]:
            part = part * figures[name].amount
        try:
            amount = part if amount is None else amount + part
        except pint.DimensionalityError as error:
            raise UnitsError(
                f"Expected like quantities in a sum, found {error.units1} and {error.units2}; fix: mend the calculation."
            ) from None
    if amount is None:
        raise UnitsError("Expected a sum of figures, found an empty one; fix: name figures in the calculation.")
    sums = " + ".join(" × ".join(str(figures[name]) for name in product) for product in terms)
    return amount, sums
