"""The seven regional grids: mix and factor of a year, summed from the hours of their provinces, beside the published factor."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from siting.feedin import Feedin, generation, model_hours
from siting.feedin.figures import SOURCES, official_factors, zones
from siting.feedin.hours import counted
from siting.region import PROVINCES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Region(NamedTuple):
    """A regional grid in a year.

    Parameters
    ----------
    name : str
        Name of the grid, such as northwest.
    members : tuple of str
        Codes of its provinces; Inner Mongolia, which is in two grids, counts where most of it is.
    generation : float
        Generation [TWh].
    shares : dict
        Share of each source in it [1], ``thermal`` among them.
    carbon_free_share, renewable_share : float
        Shares of the generation [1]; the first with nuclear power, the second without.
    factor : float
        Published consumption-side factor [kg/kWh], to which the hours of the grid are scaled and which the ledger takes.
    factor_by_generation, factor_by_consumption : float
        Means of the hourly factors of the provinces, weighted by what they generate and by what they consume in each hour [kg/kWh];
        provinces without a factor are left out. The factors are of consumption, so that the second is the one to compare: the first
        counts the clean power that exporters send out as if they used it.
    known_share : float
        Share of the consumption in provinces with a factor [1].
    """

    name: str
    members: tuple[str, ...]
    generation: float
    shares: dict[str, float]
    carbon_free_share: float
    renewable_share: float
    factor: float
    factor_by_generation: float
    factor_by_consumption: float
    known_share: float


@cache
def regions(year: Literal[2021, 2022, 2023]) -> dict[str, Region]:
    """The regional grids of 2021, 2022 or 2023 by name. Modelled, not measured; years and switches as in :class:`siting.feedin.Feedin`."""
    feedin = Feedin(year=year)
    times = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[h]")
    energies, load, hours = generation(feedin, times)
    _, total = counted(hours, SOURCES, 0.0)
    factor = model_hours(feedin, times).factor
    names, member = zones("regional_grid")
    published = official_factors(year, "regional_grid")
    used = energies.consumption[:, None] * load
    found = {}
    for place, name in enumerate(names):
        here = member == place
        energy = float(total[here].sum())
        shares: dict[str, float] = {source: float(hours[source][here].sum()) / energy for source in SOURCES}
        clean = sum(shares.values())
        found[name] = Region(
            name,
            tuple(code for code, inside in zip(PROVINCES, here, strict=True) if inside),
            energy,
            {**shares, "thermal": 1.0 - clean},
            clean,
            clean - shares["nuclear"],
            float(published[place]),
            _mean(factor[here], total[here]),
            _mean(factor[here], used[here]),
            float(used[here][np.isfinite(factor[here])].sum() / used[here].sum()),
        )
    return found


def _mean(factor: Floats, weight: Floats) -> float:
    """Weighted mean of what is known."""
    known = np.isfinite(factor)
    return float((factor[known] * weight[known]).sum() / weight[known].sum())


def region_of(code: str, year: Literal[2021, 2022, 2023]) -> Region:
    """Regional grid of a province."""
    return next(region for region in regions(year).values() if code in region.members)
