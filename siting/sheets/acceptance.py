"""Who accepts which proof of green power: accounting standards, programmes and laws, each with its dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field, field_validator

from siting import catalog
from siting.policy.rules import Confidence, Dated, Name, Text
from siting.vocabulary import CatalogError, Parameters

#: Proofs of green power, and what they are.
PROOFS: Mapping[str, str] = {
    "direct_line": "own plants on a dedicated line",
    "contract": "contract for power delivered by the grid",
    "certificate": "certificates bought without the power",
    "legacy_hydro": "hydro power already in the grid's mix",
}


class Answer(Parameters):
    """Whether a proof is accepted."""

    accepted: Literal["yes", "no", "in part", "unknown"] = Field(description="the answer")
    why: Text = Field(description="in a few words")


class Scheme(Dated):
    """A standard, programme or law."""

    id: Name = Field(description="name of the scheme and of its file")
    title: Text = Field(description="title")
    status: Literal["in force", "draft"] = Field(description="in force, or a draft that may change")
    accepts: Mapping[Name, Answer] = Field(description="answer by proof")
    source: Text = Field(description="where it was read")
    confidence: Confidence = Field(description="trust in the answers")

    @field_validator("accepts")
    @classmethod
    def _all_proofs(cls, accepts: Mapping[str, Answer]) -> Mapping[str, Answer]:
        if set(accepts) != set(PROOFS):
            raise ValueError(f"expected one answer for each of {', '.join(PROOFS)}, found {', '.join(accepts) or 'none'}; complete them")
        return accepts


def read_schemes(year: int) -> list[Scheme]:
    """Shipped schemes that count on 31 December of a year, drafts among them.

    Raises
    ------
    CatalogError
        If a file is malformed.
    """
    files = sorted((catalog.root() / "acceptance").glob("*.yaml"))
    schemes = [catalog.read_model(file, Scheme, CatalogError)[0] for file in files]
    return [scheme for scheme in schemes if scheme.status == "draft" or scheme.holds_on(date(year, 12, 31))]
