"""Surplus that a park sells: one owner of its green claim, an allocation to the neighbours, and avoided emissions kept apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

from siting.vocabulary import StudyError

Owner = Literal["park", "buyer"]


class Claim(NamedTuple):
    """What one party gets of the surplus: power [MWh], and how much of it is green for that party [MWh]."""

    energy: float
    green: float


def allocate_surplus(exported: float, shares: Mapping[str, float], owner: Owner) -> dict[str, Claim]:
    """Power and claims of the park and of each buyer.

    Parameters
    ----------
    exported : float
        Energy sold in the year [MWh].
    shares : mapping
        Share of the surplus that each buyer takes; the shares sum to 1. The public grid may be one of them.
    owner : {"park", "buyer"}
        Who keeps the certificates. The park gets no power, only the claim if it keeps them; its buyers then have grid power of the
        residual mix.

    Raises
    ------
    StudyError
        If a share is negative, the shares don't sum to 1, or a buyer is called park.
    """
    if exported < 0.0 or "park" in shares or any(share < 0.0 for share in shares.values()):
        raise StudyError("Expected a surplus and shares of 0 or more by buyer, found others; the park is no buyer of its own surplus.")
    if not math.isclose(math.fsum(shares.values()), 1.0, abs_tol=1e-9):
        raise StudyError(f"Expected shares that sum to 1, found {math.fsum(shares.values()):g}; every sold kWh has one buyer.")
    claims = {name: Claim(exported * share, exported * share if owner == "buyer" else 0.0) for name, share in shares.items()}
    return {"park": Claim(0.0, exported if owner == "park" else 0.0), **claims}


def avoided_emissions(exported: float, marginal_factor: float) -> float:
    """Emissions that the surplus displaces elsewhere [t]: consequential, reported apart, never added to or taken from an inventory.

    Parameters
    ----------
    exported : float or array
        Energy sold [MWh].
    marginal_factor : float or array
        Factor of what is displaced [kg/kWh].
    """
    return exported * marginal_factor


class Statement(NamedTuple):
    """Emissions [t], gross first: offsets lower the net figure only."""

    gross: float
    offsets: float
    net: float
    note: str


def net_statement(scope1: float, scope2: float, offsets: float = 0.0) -> Statement:
    """Gross emissions, offsets and the net of both [t].

    Raises
    ------
    StudyError
        If one of them is negative: exports and avoided emissions are no negative Scope 2.
    """
    if min(scope1, scope2, offsets) < 0.0:
        raise StudyError("Expected emissions and offsets of 0 or more, found a negative one; exports don't make Scope 2 negative.")
    gross = scope1 + scope2
    note = "offset, not a reduction: the net figure leans on offsets" if offsets > 0.0 else "no offsets"
    return Statement(gross, offsets, gross - offsets, note)
