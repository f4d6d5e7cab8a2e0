"""Footprint of a product, and the price that the carbon border adjustment of the EU puts on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from siting.feedin.figures import NATIONAL
from siting.vocabulary import StudyError

#: Life-cycle factor of the Chinese grid 2023 [kg CO2e/kWh] (MEE), which a buyer abroad may impose; not for Scope 2. High confidence.
FOOTPRINT_FACTOR = {2023: 0.6205}
#: Life-cycle factors 2023 by source [kg CO2e/kWh] (MEE): wind, solar and biomass high confidence, the rest general knowledge, medium.
FOOTPRINT_BY_SOURCE = {"wind": 0.0336, "solar": 0.0545, "biomass": 0.0457, "coal": 0.944, "hydro": 0.0143, "nuclear": 0.0065}

#: Share of the free allocation that remains, by year (Regulation (EU) 2023/956 and the ETS directive; general knowledge, high confidence).
CBAM_FACTOR = {2026: 0.975, 2027: 0.95, 2028: 0.9, 2029: 0.775, 2030: 0.515, 2031: 0.39, 2032: 0.265, 2033: 0.14, 2034: 0.0}
#: Goods whose indirect emissions are priced.
CBAM_INDIRECT = ("cement", "fertilisers")
#: Goods that are priced for their direct emissions.
CBAM_GOODS = ("cement", "fertilisers", "iron_steel", "aluminium", "hydrogen")


class Stage(NamedTuple):
    """One stage of a product: per unit of the product, electricity [kWh], fuel and process emissions [kg CO2e]."""

    name: str
    electricity: float
    direct: float = 0.0


class Footprint(NamedTuple):
    """Footprint per unit [kg CO2e], the part of electricity in it, and by what method."""

    total: float
    electricity: float
    method: str
    factor: float

    @property
    def electricity_share(self) -> float:
        """Share of the footprint that comes from electricity [1]; it hangs on the boundary, so on the stages."""
        return self.electricity / self.total


def product_footprint(stages: Sequence[Stage], factor: float, method: str, *, materials: float = 0.0) -> Footprint:
    """Cradle-to-gate footprint per unit of a product.

    Parameters
    ----------
    stages : sequence of Stage
        What lies inside the boundary.
    factor : float
        Factor of the electricity [kg/kWh]: location-based, market-based, or the life-cycle factor that a buyer imposes.
    method : str
        Name of that factor, for the reader.
    materials : float
        Footprint of bought materials [kg CO2e per unit].

    Raises
    ------
    StudyError
        If no stage is given or an amount is negative.
    """
    if not stages or materials < 0.0 or any(stage.electricity < 0.0 or stage.direct < 0.0 for stage in stages):
        raise StudyError("Expected stages with electricity and emissions of 0 or more, found none or a negative one; list each stage.")
    electricity = sum(stage.electricity for stage in stages) * factor
    return Footprint(electricity + sum(stage.direct for stage in stages) + materials, electricity, method, factor)


def cbam_electricity(electricity: float, year: int, *, actual_factor: float | None = None, evidence: str = "none") -> tuple[float, float]:
    """Indirect emissions per tonne of a good [t], and the factor behind them [kg/kWh].

    Parameters
    ----------
    electricity : float
        Electricity per tonne of the good [MWh].
    year : int
        Year of the import. The default factor is the mean of the national averages of the latest years before it that are embedded,
        five at most: it stands in for the five-year average of the International Energy Agency that the regulation names.
    actual_factor : float, optional
        Factor of the power that was used [kg/kWh].
    evidence : {"none", "direct_link", "power_purchase_agreement"}
        What an actual factor rests on.

    Raises
    ------
    StudyError
        If an actual factor has neither a direct technical link nor a power purchase agreement behind it, as certificates alone.
    """
    if electricity < 0.0 or (actual_factor is not None and actual_factor < 0.0):
        raise StudyError("Expected electricity and a factor of 0 or more, found a negative one; check the signs.")
    if actual_factor is not None and evidence not in ("direct_link", "power_purchase_agreement"):
        raise StudyError(
            f"Expected a direct_link or a power_purchase_agreement behind an actual factor, found {evidence!r}; use the default factor."
        )
    known = [figures["average"] for number, figures in sorted(NATIONAL.items()) if number < year][-5:]
    if actual_factor is None and not known:
        raise StudyError(f"Expected a year after {min(NATIONAL)}, found {year}; no average of an earlier year is embedded.")
    factor = sum(known) / len(known) if actual_factor is None else actual_factor
    return electricity * factor, factor


def cbam_cost(
    good: str, year: int, *, direct: float, indirect: float, benchmark: float, allowance_price: float, paid_at_origin: float = 0.0
) -> Mapping[str, float]:
    """Cost of certificates per tonne of a good, and its parts [EUR].

    Parameters
    ----------
    good : str
        One of :data:`CBAM_GOODS`.
    year : int
        2026 or later; the free allocation ends in 2034.
    direct, indirect : float
        Emissions per tonne of the good [t].
    benchmark : float
        Benchmark of the free allocation [t per t].
    allowance_price : float
        Price of an allowance [EUR/t].
    paid_at_origin : float
        Carbon price paid at the origin [EUR per t of the good].

    Returns
    -------
    mapping
        ``direct``, ``indirect`` (0 for goods whose indirect emissions are not priced), ``paid_at_origin`` and ``total``, at least 0.

    Raises
    ------
    StudyError
        If the good is not covered, the year is before 2026, or an amount is negative.
    """
    if good not in CBAM_GOODS:
        raise StudyError(f"Expected a good among {', '.join(CBAM_GOODS)}, found {good!r}; others are not covered.")
    if year < min(CBAM_FACTOR):
        raise StudyError(f"Expected a year from {min(CBAM_FACTOR)}, found {year}; certificates are not due before.")
    if min(direct, indirect, benchmark, allowance_price, paid_at_origin) < 0.0:
        raise StudyError("Expected emissions and prices of 0 or more, found a negative one; check the signs.")
    free = benchmark * CBAM_FACTOR.get(year, 0.0)
    parts = {
        "direct": allowance_price * max(0.0, direct - free),
        "indirect": allowance_price * indirect if good in CBAM_INDIRECT else 0.0,
        "paid_at_origin": -paid_at_origin,
    }
    return {**parts, "total": max(0.0, sum(parts.values()))}
