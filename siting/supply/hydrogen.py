"""Hydrogen that the park makes beside its load: an electrolyser and a tank, sized with the plants."""

from __future__ import annotations

from pydantic import Field

from siting.vocabulary import Parameters


class HydrogenDemand(Parameters):
    """Hydrogen to deliver evenly over the year; the electrolyser, fed by own power and the grid, and the tank are chosen.

    The electricity per kg and the costs are those of the cost book (`finance.electrolyser`, `finance.hydrogen_storage`).
    """

    mean_kg_per_hour: float = Field(gt=0, le=1e6, description="Hydrogen to deliver in each hour [kg]; 20 kt a year are 2,283 kg an hour.")
