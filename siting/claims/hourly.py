"""A claimed product tried hour by hour: the announced plants at their place, an electrolyser, a tank and a synthesis that follows."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.claims.arithmetic import Interval, Known, digits, known_figures, total, unit_of
from siting.claims.model import Claim, Dispatch, PlantCase
from siting.claims.verdicts import Finding, agrees, said
from siting.vocabulary import CatalogError, StudyError

Floats = NDArray[np.float64]


class Plants(NamedTuple):
    """Capacities: wind, PV, battery [MW] and its energy [MWh]."""

    wind: float
    pv: float
    battery_power: float
    battery_energy: float


class Process(NamedTuple):
    """Figures of the process.

    Product a year [t], electricity of making and of using hydrogen [MWh/kg], hydrogen per product [kg/t], smallest rate [1], and hours at
    the largest rate.
    """

    product: float
    electrolysis: float
    synthesis: float
    hydrogen: float
    minimum: float
    full_load: float


class Year(NamedTuple):
    """What a year of hours makes of the plants.

    Product [t], generation and what of it is used [MWh], electrolyser [MW], tank [kg], cost of the power that is used [CNY/kWh], and of
    the product without its synthesis [CNY/t].
    """

    product: float
    generation: float
    used: float
    electrolyser: float
    tank: float
    power_cost: float
    product_cost: float


def try_claim(finding: Finding) -> Finding:
    """Finding with the hours of a claim that says how to try it; others come back as they are.

    Raises
    ------
    StudyError, CatalogError, UnitsError
        If its place lies outside the data, or its figures don't fit.
    """
    claim = finding.claim
    if claim.dispatch is None:
        return finding
    figures = known_figures(claim)
    process, (pv, wind) = _process(claim, claim.dispatch, figures), hours_at(claim.dispatch.longitude, claim.dispatch.latitude)
    steps, made = list[str](), list[Interval]()
    for case in claim.dispatch.cases:
        plants, scaled = _plants(claim.dispatch, case, figures), _scaled(wind, case, figures)
        worth = _middle(figures[case.worth], "CNY/kg") if case.worth else _AT_ANY_COST
        year = run_year(plants, process, pv, scaled, worth)
        made.append(_tonnes(year.product))
        fits = "agrees" if agrees(claim, made[-1]) else "disagrees"
        steps.append(f"by the hour, {case.label}: {_words(year, plants, process, (pv, scaled))}: {fits} with {said(claim)}")
    able = [each for each in made if not math.isnan(each.ends[0])]
    held = sum(agrees(claim, each) for each in able)
    span = Interval(min(each.low for each in able), max(each.high for each in able)).show(claim.unit) if able else ""
    kept = f"synthetic hours make {span} in {len(made)} readings, {held} of them as claimed" if able else "no reading can run by the hour"
    return dataclasses.replace(
        finding,
        verdict=finding.verdict if held else "refuted",
        summary=f"{finding.summary}; {kept}",
        steps=(*finding.steps, *steps, _ASSUMED),
    )


#: Worth of hydrogen that any electrolyser and tank pay for [CNY/kg]; a kg costs some 20.
_AT_ANY_COST = 1e4

_ASSUMED = (
    "the hours are one synthetic year (long-run levels are real, no hour was measured), known ahead; the yields are those of new turbines "
    "and modules after usual losses; the synthesis never stops and ramps freely; electrolyser and tank are sized here, at the costs of the "
    "cost book"
)


def hours_at(longitude: float, latitude: float) -> tuple[Floats, Floats]:
    """Hourly output of PV and wind per capacity at a place [1], of the cell that it stands in, as a study by default has it.

    Raises
    ------
    StudyError
        If the place lies outside the data, or no plants may stand there.
    """
    from siting import land, layers, runner
    from siting.place import place_study
    from siting.study import Study

    study = place_study(longitude, latitude, Study())
    sites = land.screen(layers.open_layers(study), study.land)
    if sites.sizes["site"] == 0:
        raise StudyError(f"Expected a place where plants may stand, found {longitude:g} E {latitude:g} N; fix: move the claim's place.")
    hours = runner.hourly_yields(sites.load(), study).load().isel(site=0)
    return hours["pv_capacity_factor"].to_numpy().astype(np.float64), hours["wind_capacity_factor"].to_numpy().astype(np.float64)


def run_year(plants: Plants, process: Process, pv: Floats, wind: Floats, worth: float) -> Year:
    """A year off the grid of plants that stand: as much of the product as pays for electrolyser and tank, up to what is claimed.

    Parameters
    ----------
    plants : Plants
        Capacities; they are paid in full.
    process : Process
        What is made of their power.
    pv, wind : ndarray, shape (time,)
        Output per capacity [1].
    worth : float
        What hydrogen is worth [CNY/kg].

    Returns
    -------
    Year
        NaN where even the smallest rate of the synthesis can't be kept; without any product its costs are.
    """
    from siting.demand.flexibility import still
    from siting.finance import Finance
    from siting.supply import Storage
    from siting.supply.hydrogen import HydrogenDemand, Synthesis, hydrogen_to_make
    from siting.supply.programme import CAPACITIES, Problem, solve
    from siting.supply.site import battery_of

    n, costs = pv.size, Finance().annual_costs()
    synthesis = Synthesis(minimum_load=process.minimum, full_load_hours=process.full_load, electricity_kwh_per_kg=1e3 * process.synthesis)
    demand = HydrogenDemand(mean_kg_per_hour=process.product * process.hydrogen / n, synthesis=synthesis)
    priced = (1e3 * costs.electrolyser_cny_per_kw, costs.hydrogen_cny_per_kg)
    gas = hydrogen_to_make(demand, n, process.electrolysis, *priced, worth)
    limits = np.array([plants.pv, plants.wind, plants.battery_power, plants.battery_energy, 0.0])
    none = np.zeros(n)
    problem = Problem(pv, wind, still(none), np.zeros(5), none, none, 0.0, 0.0, 1.0, limits, 1.0, 0.0, 0.0, 1e3, hydrogen=gas)
    solution = solve(problem, battery_of(Storage()))
    found = dict(zip(CAPACITIES, solution.capacities, strict=True))
    product, used = float(solution.hydrogen.sum()) / process.hydrogen, float(solution.served.sum())
    battery = plants.battery_power * costs.battery_power_cny_per_kw + plants.battery_energy * costs.battery_energy_cny_per_kwh
    paid = 1e3 * (plants.pv * costs.pv_cny_per_kw + plants.wind * costs.wind_cny_per_kw + battery)
    gas_paid = found["electrolyser"] * priced[0] + found["tank"] * priced[1]
    generation = float(plants.pv * pv.sum() + plants.wind * wind.sum())
    power_cost, product_cost = (paid / used / 1e3, (paid + gas_paid) / product) if product > 0 else (math.nan, math.nan)
    return Year(product, generation, used, found["electrolyser"], found["tank"], power_cost, product_cost)


def _middle(known: Known, unit: str) -> float:
    return sum(known.amount.to(unit, known.about).ends) / 2.0


def _process(claim: Claim, dispatch: Dispatch, figures: dict[str, Known]) -> Process:
    """Figures of the process in plain numbers."""
    specific, synthesis = (_middle(figures[name], "MWh/t") for name in (dispatch.specific, dispatch.synthesis))
    hydrogen = _middle(figures[dispatch.hydrogen], "kg/t")
    if not specific > synthesis:
        raise CatalogError(
            f"Expected the synthesis of {claim.id} to take less than all electricity, found {synthesis:g} of {specific:g} MWh/t; mend it."
        )
    return Process(
        product=_middle(figures["said"], "t"),
        electrolysis=(specific - synthesis) / hydrogen,
        synthesis=synthesis / hydrogen,
        hydrogen=hydrogen,
        minimum=_middle(figures[dispatch.minimum], "dimensionless"),
        full_load=_middle(figures[dispatch.full_load], "h"),
    )


def _plants(dispatch: Dispatch, case: PlantCase, figures: dict[str, Known]) -> Plants:
    asked = ((case.wind, "MW"), (case.pv, "MW"), (dispatch.battery_power, "MW"), (dispatch.battery_energy, "MWh"))
    amounts = (total(terms, figures)[0].to(unit, "a capacity").ends for terms, unit in asked)
    return Plants(*(sum(ends) / 2.0 for ends in amounts))


def _scaled(wind: Floats, case: PlantCase, figures: dict[str, Known]) -> Floats:
    """Hours of the wind, brought to the full-load hours of a case."""
    return wind if case.wind_hours is None else wind * (_middle(figures[case.wind_hours], "h") / float(wind.sum()))


def _tonnes(product: float) -> Interval:
    amount = product * unit_of("t", "the product")
    return Interval(amount, amount)


def _words(year: Year, plants: Plants, process: Process, hours: tuple[Floats, Floats]) -> str:
    """A year in one sentence."""
    if math.isnan(year.product):
        return f"the plants can't keep the synthesis at {100 * process.minimum:.0f} % of its largest rate"
    sun, wind = (float(each.sum()) for each in hours)
    rate = year.product / process.product * process.full_load / hours[0].size
    return (
        f"wind {plants.wind:,.0f} MW × {wind:,.0f} h + PV {plants.pv:,.0f} MW × {sun:,.0f} h = {digits(year.generation / 1e3)} GWh, "
        f"{100 * year.used / year.generation:.1f} % of it used, the rest curtailed or lost in the battery; with an electrolyser of "
        f"{year.electrolyser:,.0f} MW and a tank of {year.tank / 1e3:,.0f} t of hydrogen it makes {digits(year.product / 1e3)} kt, the "
        f"synthesis at {100 * rate:.0f} % of its largest rate in the mean, never below {100 * process.minimum:.0f} %; power that is used "
        f"costs {year.power_cost:.3f} CNY/kWh, the product {digits(year.product_cost)} CNY/t without its synthesis"
    )
