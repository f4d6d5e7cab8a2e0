"""Hourly load of a park: tenants with shapes in local civil time or with measured hours, put on the UTC time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from siting.demand.archetypes import Archetype, archetypes, check_profile, shape
from siting.demand.flexibility import AnnualEnergy, Flexibility, FlexibleLoad, add_up, civil_days, split
from siting.demand.measured import LoadFile
from siting.vocabulary import AlignmentError, Parameters, TimeZone

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AnnualEnergy",
    "Archetype",
    "Flexibility",
    "FlexibleLoad",
    "Load",
    "LoadFile",
    "Tenant",
    "archetypes",
    "flexible_parts",
    "hourly_load",
    "load_warnings",
]

Floats = NDArray[np.float64]


class Tenant(Parameters):
    """One plant of a park: an archetype with its mean, or measured hours."""

    name: str = Field("", max_length=80, description="Name for the report.")
    mean_mw: float | None = Field(None, gt=0, le=20_000, description="Annual mean of the load [MW]; left out with measured hours.")
    profile: str = Field("flat", description="Archetype of the hourly shape; left out with measured hours.")
    measured: LoadFile | None = Field(None, description="Measured hours, in place of mean and archetype.")
    flexibility: Flexibility = Field(default_factory=Flexibility, description="What of the load may move or be cut.")

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, name: str) -> str:
        return check_profile(name)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.measured is None and self.mean_mw is None:
            raise ValueError(f"expected mean_mw or measured of tenant {self.name!r}, found neither; give one of them")
        if self.measured is not None:
            _only(self, "measured", ("mean_mw", "profile"))
        return self


class Load(Parameters):
    """Electricity that a park draws: one plant, or several tenants whose loads add up. Growth is left out."""

    mean_mw: float = Field(
        100.0, gt=0, le=20_000, description="Annual mean of the load [MW]; unused with tenants or measured hours, which bring their own."
    )
    profile: str = Field("flat", description="Archetype of the hourly shape, such as flat, two_shift, data_centre or aluminium.")
    timezone: TimeZone = Field("Asia/Shanghai", description="IANA zone of the park's civil time, in which shifts and days are kept.")
    measured: LoadFile | None = Field(None, description="Measured hours, in place of mean and archetype.")
    flexibility: Flexibility = Field(default_factory=Flexibility, description="What of the load may move or be cut.")
    tenants: tuple[Tenant, ...] = Field((), max_length=200, description="Plants of the park, in place of the fields above.")

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, name: str) -> str:
        return check_profile(name)

    @field_validator("tenants")
    @classmethod
    def _one_price_of_cuts(cls, tenants: tuple[Tenant, ...]) -> tuple[Tenant, ...]:
        prices = {each.flexibility.interruption_price_cny_per_kwh for each in tenants if each.flexibility.interruptible_share > 0}
        if len(prices) > 1:
            found = " and ".join(f"{price:g}" for price in sorted(prices))
            raise ValueError(f"expected one interruption_price_cny_per_kwh for all tenants, found {found}; give the same to each")
        return tenants

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.tenants:
            _only(self, "tenants", ("mean_mw", "profile", "measured", "flexibility"))
        elif self.measured is not None:
            _only(self, "measured", ("mean_mw", "profile"))
        return self

    def plants(self) -> tuple[Tenant, ...]:
        """The tenants; a load without any is its own single tenant."""
        if self.tenants:
            return self.tenants
        if self.measured is not None:
            return (Tenant(measured=self.measured, flexibility=self.flexibility),)
        return (Tenant(mean_mw=self.mean_mw, profile=self.profile, flexibility=self.flexibility),)


def hourly_load(load: Load, time: Any) -> Floats:
    """Load in each hour of a UTC time axis.

    Parameters
    ----------
    load : Load
        Tenants, their means, shapes or measured hours, and the civil time of the park.
    time : array_like of datetime64, shape (time,)
        Starts of the hours [UTC].

    Returns
    -------
    ndarray, shape (time,)
        Mean load of each hour [MW], the sum of all tenants. Over a whole calendar year (UTC) the mean of a tenant with an
        archetype is its ``mean_mw``; an axis that covers part of a year gets the same values as in the whole year.

    Raises
    ------
    AlignmentError
        If the time axis is empty or has a gap in place of a stamp, or if measured hours don't fit its year.
    CatalogError, UnitsError
        If a file of measured hours can't be read as declared.
    StudyError
        If a shape with a lunar new year is asked for a year outside 1940 to 2060.
    """
    hours = _hours(time)
    return np.asarray(np.sum([_plant_load(plant, load.timezone, hours)[0] for plant in load.plants()], axis=0))


def flexible_parts(load: Load, time: Any) -> FlexibleLoad:
    """The load split into what must be served in its hour and what may move, as plain arrays for an optimisation.

    Parameters
    ----------
    load : Load
        As in :func:`hourly_load`.
    time : array_like of datetime64, shape (time,)
        Starts of the hours [UTC].

    Returns
    -------
    FlexibleLoad
        Sum over the tenants; without any flexibility ``firm`` equals the hourly load and all bounds are 0.

    Raises
    ------
    AlignmentError, CatalogError, UnitsError, StudyError
        As in :func:`hourly_load`.
    """
    hours = _hours(time)
    days = civil_days(hours.tz_localize("UTC").tz_convert(load.timezone))
    return add_up([split(*_plant_load(plant, load.timezone, hours), days, plant.flexibility) for plant in load.plants()])


def load_warnings(load: Load) -> list[str]:
    """Sentences on what of the load is of low confidence, for the reader of its numbers."""
    plants, known = load.plants(), archetypes()
    rough = sorted({each.profile for each in plants if each.measured is None and known[each.profile].shape_confidence == "low"})
    sentences = [f"The hourly shape of {', '.join(rough)} is an expert figure of low confidence; give measured hours."] if rough else []
    bends = [each.flexibility for each in plants if each.flexibility.interruptible_share > 0]
    if any("interruption_price_cny_per_kwh" not in bend.model_fields_set for bend in bends):
        price = bends[0].interruption_price_cny_per_kwh
        sentences.append(f"The price of cut load ({price:g} CNY/kWh) is an assumption of low confidence; put your own in the study.")
    return sentences


def _hours(time: Any) -> pd.DatetimeIndex:
    """Starts of the hours as an index."""
    import pandas as pd

    hours = pd.DatetimeIndex(np.asarray(time))
    if hours.size == 0 or hours.hasnans:
        raise AlignmentError("hourly_load expects the UTC start of each hour, found an empty axis or a missing stamp; pass `sites.time`.")
    return hours


def _plant_load(plant: Tenant, timezone: str, hours: pd.DatetimeIndex) -> tuple[Floats, float]:
    """Hours [MW] and annual mean [MW] of one tenant."""
    if plant.measured is not None:
        return plant.measured.on(hours)
    mean = plant.mean_mw or 0.0
    return mean * shape(hours, plant.profile, timezone), mean


def _only(model: Parameters, kept: str, others: tuple[str, ...]) -> None:
    """Refuse fields that ``kept`` replaces."""
    for name in others:
        if name in model.model_fields_set:
            raise ValueError(f"expected {kept} alone, found {name} beside it; leave out {name}")
