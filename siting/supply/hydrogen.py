"""Hydrogen that the park makes beside its load: an electrolyser and a tank, sized with the plants, and a synthesis that may follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field, model_validator

from siting.catalog.units import HOURS_PER_YEAR
from siting.vocabulary import Parameters

if TYPE_CHECKING:
    from siting.supply.programme import Follower, Hydrogen


class Synthesis(Parameters):
    """Plant that turns the hydrogen into ammonia or methanol and may run at part load. It never stops, and its ramps are free."""

    minimum_load: float = Field(
        0.4, ge=0, le=1, description="Smallest rate as a share of the largest; ammonia 0.3-0.5, expert, high; dynamic designs 0.1, medium."
    )
    full_load_hours: float = Field(
        8_000, ge=1_000, le=HOURS_PER_YEAR, description="Hours a year at the largest rate that make the year's demand; expert, medium."
    )
    electricity_kwh_per_kg: float = Field(
        4.2, ge=0, le=40, description="Electricity per kg of hydrogen; 0.6-0.9 MWh per t of ammonia with its nitrogen, expert, high."
    )

    @model_validator(mode="after")
    def _demand_suffices(self) -> Self:
        if self.minimum_load * HOURS_PER_YEAR > self.full_load_hours:
            found = f"{self.minimum_load:g} and {self.full_load_hours:g} h"
            raise ValueError(f"expected minimum_load x {HOURS_PER_YEAR} h of at most full_load_hours, found {found}; lower the former")
        return self

    def follower(self, mean_kg_per_hour: float, missing_price: float = np.inf) -> Follower:
        """The synthesis of a mean demand [kg/h], as numbers; ``missing_price`` [CNY/kg] lets it take less."""
        from siting.supply.programme import Follower

        highest = mean_kg_per_hour * HOURS_PER_YEAR / self.full_load_hours
        return Follower(self.electricity_kwh_per_kg / 1e3, self.minimum_load * highest, highest, missing_price)


class HydrogenDemand(Parameters):
    """Hydrogen to deliver over the year; the electrolyser, fed by own power and the grid, and the tank are chosen.

    The electricity per kg and the costs are those of the cost book (`finance.electrolyser`, `finance.hydrogen_storage`).
    """

    mean_kg_per_hour: float = Field(gt=0, le=1e6, description="Hydrogen to deliver in each hour [kg]; 20 kt a year are 2,283 kg an hour.")
    synthesis: Synthesis | None = Field(None, description="Plant that takes it at varying rates; by default each hour gets the same.")


def hydrogen_to_make(
    demand: HydrogenDemand, hours: int, electricity: float, electrolyser_cost: float, tank_cost: float, missing_price: float = np.inf
) -> Hydrogen:
    """Hydrogen of a linear programme.

    Parameters
    ----------
    demand : HydrogenDemand
        Mean demand, and what takes it.
    hours : int
        Length of the time axis.
    electricity : float
        Of the electrolyser [MWh/kg].
    electrolyser_cost, tank_cost : float
        Over the time axis [CNY/MW, CNY/kg].
    missing_price : float
        Price of hydrogen that a synthesis goes without [CNY/kg]; infinite where it must have all.
    """
    from siting.supply.programme import Hydrogen

    mean = demand.mean_kg_per_hour
    follower = demand.synthesis.follower(mean, missing_price) if demand.synthesis else None
    return Hydrogen(np.full(hours, mean), electricity, electrolyser_cost, tank_cost, follower)
