"""What of a load may move: shares that shift within the day, that may be cut, or of which only the annual energy counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from siting.vocabulary import Parameters

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


class AnnualEnergy(Parameters):
    """A part of the load of which only the year's energy counts, such as an electrolyser with a buffer behind it."""

    share: float = Field(gt=0, le=1, description="Share of the load's annual energy; 1 for a bare electrolyser.")
    power_factor: float = Field(2.0, ge=1, le=20, description="Largest power of this part over its mean; 2 is 4380 full-load hours.")
    minimum_load: float = Field(
        0.0, ge=0, le=1, description="Smallest power as a share of the largest; alkaline 0.2-0.3, PEM 0.05-0.1, expert, high; 0 may stop."
    )

    @model_validator(mode="after")
    def _energy_suffices(self) -> Self:
        if self.minimum_load * self.power_factor > 1:
            found = f"{self.minimum_load:g} x {self.power_factor:g}"
            raise ValueError(f"expected minimum_load x power_factor of at most 1, found {found}; lower one, or the energy is overrun")
        return self


class Flexibility(Parameters):
    """How a load may bend; the three shares are parts of one load and sum to 1 at most."""

    shiftable_share: float = Field(0.0, ge=0, le=1, description="Share of each hour's load that may move within its civil day.")
    shift_up_share: float | None = Field(
        None, ge=0, le=10, description="Largest rise by shifted load as a share of the mean load; by default the shiftable share."
    )
    interruptible_share: float = Field(0.0, ge=0, le=1, description="Share of each hour's load that may be cut.")
    interruptible_energy_share: float = Field(0.05, ge=0, le=1, description="Most energy to cut, as a share of the load's energy.")
    interruptible_hours: float | None = Field(
        None,
        gt=0,
        le=8_784,
        description="Most energy to cut, as hours per year of the interruptible mean power; unbounded by default.",
    )
    interruption_price_cny_per_kwh: float = Field(1.0, ge=0, le=1_000, description="Paid for each kWh cut [CNY/kWh]; low confidence.")
    annual_energy: AnnualEnergy | None = Field(None, description="Part of which only the annual energy counts.")

    @model_validator(mode="after")
    def _one_load(self) -> Self:
        shares = (self.shiftable_share, self.interruptible_share, self.annual_energy.share if self.annual_energy else 0.0)
        if sum(shares) > 1 + 1e-12:
            found = " + ".join(f"{share:g}" for share in shares)
            raise ValueError(f"expected shiftable, interruptible and annual-energy shares of 1 at most in all, found {found}; lower one")
        return self


class FlexibleLoad(NamedTuple):
    """Load of a park as an optimisation takes it.

    The power drawn in hour t is ``firm + up - down - cut + free`` with

    * ``0 <= up <= shift_max_up``, ``0 <= down <= shift_max_down``, and sum(up) = sum(down) over the hours of each civil day,
    * ``0 <= cut <= cut_max``, and sum(cut) <= ``cut_energy_max``; each MWh cut costs 1000 ``cut_price``,
    * ``free_power_min <= free <= free_power_max``, and sum(free) = ``free_energy``.

    Without shifts and cuts, and with ``free`` spread evenly, that is a possible load: the problem is never infeasible by
    itself. ``down + cut`` never exceeds ``firm``.

    Parameters
    ----------
    firm : ndarray, shape (time,)
        Load before shifts and cuts, without the part of which only the annual energy counts [MW].
    shift_max_up, shift_max_down : ndarray, shape (time,)
        Largest rise and fall by shifted load [MW].
    day_index : ndarray of int64, shape (time,)
        Number of the civil day of each hour, from 0 without gaps. The first and the last day of an axis may be parts of a day;
        each is balanced by itself, which is the careful choice.
    cut_max : ndarray, shape (time,)
        Largest cut [MW].
    cut_energy_max : float
        Largest energy cut over the axis [MWh].
    cut_price : float
        Price of energy cut [CNY/kWh]; 0 if nothing may be cut.
    free_energy : float
        Energy over the axis of the part that is free to choose its hours [MWh]; 0 without one.
    free_power_max, free_power_min : float
        Bounds of its power [MW].
    """

    firm: Floats
    shift_max_up: Floats
    shift_max_down: Floats
    day_index: NDArray[np.int64]
    cut_max: Floats
    cut_energy_max: float
    cut_price: float
    free_energy: float
    free_power_max: float
    free_power_min: float


def moves(load: FlexibleLoad) -> bool:
    """Whether any of a load may move or be cut."""
    return bool(load.free_energy > 0 or max(load.shift_max_up.max(), load.shift_max_down.max(), load.cut_max.max()) > 0)


def still(series: Floats) -> FlexibleLoad:
    """Load [MW] of which nothing moves."""
    none = np.zeros(series.size)
    return FlexibleLoad(series, none, none, np.zeros(series.size, dtype=np.int64), none, 0.0, 0.0, 0.0, 0.0, 0.0)


def split(series: Floats, mean: float, day_index: NDArray[np.int64], flexibility: Flexibility) -> FlexibleLoad:
    """Parts of one tenant's load.

    Parameters
    ----------
    series : ndarray, shape (time,)
        Its load [MW].
    mean : float
        Its annual mean [MW].
    day_index : ndarray of int64, shape (time,)
        Number of each hour's civil day.
    flexibility : Flexibility
        How it may bend.

    Returns
    -------
    FlexibleLoad
        Bounds over the axis; the energy to cut and the free energy are in proportion to its length.
    """
    free = flexibility.annual_energy
    rise = flexibility.shiftable_share if flexibility.shift_up_share is None else flexibility.shift_up_share
    free_mean = free.share * mean if free else 0.0
    power_max = free_mean * free.power_factor if free else 0.0
    return FlexibleLoad(
        firm=series * (1.0 - free.share) if free else series.copy(),
        shift_max_up=np.full(series.size, rise * mean if flexibility.shiftable_share > 0 else 0.0),
        shift_max_down=series * flexibility.shiftable_share,
        day_index=day_index,
        cut_max=series * flexibility.interruptible_share,
        cut_energy_max=_most_to_cut(series, mean, flexibility),
        cut_price=flexibility.interruption_price_cny_per_kwh if flexibility.interruptible_share > 0 else 0.0,
        free_energy=free_mean * series.size,
        free_power_max=power_max,
        free_power_min=power_max * free.minimum_load if free else 0.0,
    )


def _most_to_cut(series: Floats, mean: float, flexibility: Flexibility) -> float:
    """Energy that may be cut over the axis [MWh]."""
    share = flexibility.interruptible_share
    if share == 0:
        return 0.0
    most = min(flexibility.interruptible_energy_share, share) * float(series.sum())
    if flexibility.interruptible_hours is None:
        return most
    years = series.size / 8_760
    return min(most, flexibility.interruptible_hours * share * mean * (years if years < 1 else round(years)))


def add_up(parts: list[FlexibleLoad]) -> FlexibleLoad:
    """Sum over tenants on one axis; those that may be cut share one price."""
    first = parts[0]
    sums = {name: sum(getattr(part, name) for part in parts) for name in FlexibleLoad._fields if name not in ("day_index", "cut_price")}
    return FlexibleLoad(day_index=first.day_index, cut_price=max(part.cut_price for part in parts), **sums)


def civil_days(local: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Number of the civil day of each moment, from 0 without gaps."""
    dates = local.tz_localize(None).to_numpy().astype("datetime64[D]")
    return np.unique(dates, return_inverse=True)[1].astype(np.int64)
