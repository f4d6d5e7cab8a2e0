"""Figures of the cost book: a default with its range, unit, source and confidence, kept on the field itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import Field

from siting.vocabulary import Parameters

if TYPE_CHECKING:
    import pandas as pd

Confidence = Literal["high", "medium", "low"]


class Figure(NamedTuple):
    """One row of the cost book.

    Parameters
    ----------
    name : str
        Path of the field, such as ``pv.capex_cny_per_kw``.
    value, low, default, high : float
        Value in use; low, default and high figure of the source.
    unit, source, confidence, meaning : str
        What the value is, where the default comes from and how far to trust it.
    """

    name: str
    value: float
    low: float
    default: float
    high: float
    unit: str
    source: str
    confidence: Confidence
    meaning: str

    @property
    def is_default(self) -> bool:
        """Whether the default is in use."""
        return self.value == self.default


def figure(
    default: float, low: float, high: float, unit: str, source: str, confidence: Confidence, *, ge: float, le: float, description: str
) -> Any:
    """Field with a default of the cost book.

    Parameters
    ----------
    default, low, high : float
        Default, and the range that the source gives.
    unit, source, confidence : str
        As in :class:`Figure`.
    ge, le : float
        Bounds beyond which a value is a mistake.
    description : str
        Meaning without figures; range, source and confidence are added.
    """
    note = f"{low:g}-{high:g}, {source}, {confidence} confidence"
    extra: dict[str, Any] = {
        "figure": {"low": low, "high": high, "unit": unit, "source": source, "confidence": confidence, "meaning": description}
    }
    return Field(default, ge=ge, le=le, description=f"{description} [{unit}]; {note}.", json_schema_extra=extra)


def figures(model: Parameters, prefix: str = "") -> Iterator[Figure]:
    """Figures of a model and of the models inside it, in the order of their fields."""
    for name, field in type(model).model_fields.items():
        value, extra = getattr(model, name), field.json_schema_extra
        if isinstance(extra, dict) and isinstance(extra.get("figure"), dict):
            yield Figure(name=prefix + name, value=value, default=field.default, **extra["figure"])  # type: ignore[arg-type]
        elif isinstance(value, Parameters):
            yield from figures(value, f"{prefix}{name}.")


def cost_book(model: Parameters) -> pd.DataFrame:
    """Table of all figures of a model, such as :class:`siting.finance.Finance`; its columns are the fields of :class:`Figure`."""
    import pandas as pd

    return pd.DataFrame(list(figures(model)), columns=list(Figure._fields))


def low_confidence_defaults(model: Parameters) -> list[Figure]:
    """Figures of low confidence whose default is in use, on which a result may lean."""
    return [each for each in figures(model) if each.confidence == "low" and each.is_default]
