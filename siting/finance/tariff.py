"""The tariff of grid power: energy, contracted capacity, prices by time of use, captured prices of exports."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from siting.finance.figures import figure
from siting.vocabulary import AlignmentError, Parameters, StudyError, TimeZone, check

if TYPE_CHECKING:
    import xarray as xr

Price = Annotated[float, Field(ge=0, le=3)]

#: Hours of a month in document 1192.
HOURS_PER_MONTH = 730.0


class PricePeriod(Parameters):
    """Hours of the day in which energy has another price than in the flat hours."""

    name: Literal["super_peak", "peak", "valley", "deep_valley"] = Field(description="Name of the period.")
    factor: float = Field(ge=0, le=5, description="Price over the flat price; typically peak 1.5-1.8, valley 0.3-0.6.")
    hours: tuple[Annotated[int, Field(ge=0, le=23)], ...] = Field(
        min_length=1, description="Hours of civil time by their start: 0 is 00-01 h."
    )
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        tuple(range(1, 13)), min_length=1, description="Months of the year, 1 to 12."
    )


class CapacityCharge(Parameters):
    """Charge for contracted grid capacity by the formula of NDRC document 1192 (September 2025).

    ``existing charge + energy tariff x average load factor x 730 h`` per kW and month.
    """

    existing_charge_cny_per_kw_month: float = figure(
        35, 28, 42, "CNY per kW and month", "expert, 220 kV", "low", ge=0, le=200, description="Capacity or demand charge of the voltage"
    )
    energy_tariff_cny_per_kwh: float = figure(
        0.06, 0.03, 0.12, "CNY/kWh", "expert, 220 kV", "low", ge=0, le=1, description="Transmission and distribution tariff of the voltage"
    )
    load_factor: float = figure(
        0.6, 0.5, 0.65, "1", "expert", "low", ge=0, le=1, description="Average load factor of two-part users from 110 kV in the province"
    )

    def per_kw_month(self) -> float:
        """Charge per kW of contracted capacity and month [CNY]."""
        return self.existing_charge_cny_per_kw_month + self.energy_tariff_cny_per_kwh * self.load_factor * HOURS_PER_MONTH


class CapturedExport(Parameters):
    """Prices that PV and wind get for exports, as shares of the energy price of the site's grid; low where many sell at once.

    In every hour what sells for less serves the load and the battery first, and no plant sells more than its output of the hour.
    """

    pv_factor: float = figure(0.5, 0.2, 0.9, "1", "expert", "low", ge=0, le=2, description="Captured price of PV over the energy price")
    wind_factor: float = figure(0.8, 0.5, 1.0, "1", "expert", "low", ge=0, le=2, description="Captured price of wind over the energy price")


class Tariff(Parameters):
    """What grid power costs a directly connected park under the two-part rules of September 2025 (NDRC document 1192)."""

    grid_connected: bool = Field(True, description="Whether there is a grid to draw from and to export to; off it there is no charge.")
    grid_charge_cny_per_kwh: float = figure(
        0.065,
        0.04,
        0.10,
        "CNY/kWh",
        "expert",
        "low",
        ge=0,
        le=3,
        description="System operation, losses and funds beside the energy price",
    )
    capacity_charge_cny_per_kw_month: float = figure(
        50, 40, 100, "CNY per kW and month", "expert, document 1192", "low", ge=0, le=500, description="Charge for contracted grid capacity"
    )
    capacity_formula: CapacityCharge | None = Field(None, description="Formula of document 1192, in place of the charge above.")
    import_prices_cny_per_kwh: Mapping[Annotated[str, Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")], Price] = Field(
        default_factory=dict,
        description="All-in energy price by ISO 3166-2 province code, in place of the provincial benchmark plus charge.",
    )
    time_of_use: tuple[PricePeriod, ...] = Field((), max_length=24, description="Periods of other prices; all other hours are flat.")
    timezone: TimeZone = Field("Asia/Shanghai", description="IANA zone of the civil time in which the periods are kept.")
    export_price_cny_per_kwh: Price = Field(
        0.0, description="Captured price of exported power [CNY/kWh]; 0 until a captured spot price is given, never the coal benchmark."
    )
    captured_export: CapturedExport | None = Field(None, description="Captured prices of PV and wind apart, in place of the price above.")

    @field_validator("time_of_use")
    @classmethod
    def _apart(cls, periods: tuple[PricePeriod, ...]) -> tuple[PricePeriod, ...]:
        for one, other in itertools.combinations(periods, 2):
            hours, months = set(one.hours) & set(other.hours), set(one.months) & set(other.months)
            if hours and months:
                found = f"{one.name} and {other.name} both at {min(hours):02d} h in month {min(months)}"
                raise ValueError(f"expected one period in each hour, found {found}; give the hour to one of them")
        return periods

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        pairs = {"capacity_formula": "capacity_charge_cny_per_kw_month", "captured_export": "export_price_cny_per_kwh"}
        for name, replaced in pairs.items():
            if getattr(self, name) is not None and replaced in self.model_fields_set:
                raise ValueError(f"expected {name} or {replaced}, found both; leave one out")
        return self

    def capacity_charge(self) -> float:
        """Charge in use per kW of contracted grid capacity and month [CNY]; 0 off the grid."""
        if not self.grid_connected:
            return 0.0
        return self.capacity_formula.per_kw_month() if self.capacity_formula else self.capacity_charge_cny_per_kw_month


def import_price(sites: xr.Dataset, tariff: Tariff) -> xr.DataArray:
    """Price of each kWh drawn from the grid at the sites, in flat hours.

    Parameters
    ----------
    sites : Dataset
        Has ``grid_energy_price`` (site), and ``province`` where the tariff states prices by province.
    tariff : Tariff
        Charges, and prices by province that replace benchmark and charge.

    Returns
    -------
    DataArray, shape (site,)
        Energy price [CNY/kWh]; NaN where the province has none (Tibet has no benchmark), never 0.

    Raises
    ------
    MissingVariableError
        If prices by province are given and the sites have no ``province``.
    AlignmentError
        If ``province`` lacks its codes, joined by spaces in the attribute ``iso_3166_2``.
    StudyError
        If a price is given for a code that no province has.
    """
    price = sites["grid_energy_price"] + tariff.grid_charge_cny_per_kwh
    if not tariff.import_prices_cny_per_kwh:
        return price
    check(sites, ["province"], "import_price")
    codes = str(sites["province"].attrs.get("iso_3166_2", "")).split()
    if not codes:
        raise AlignmentError(
            "Expected the codes of the provinces in the attribute iso_3166_2 of province, found none; keep attributes when copying."
        )
    for code, value in tariff.import_prices_cny_per_kwh.items():
        if code not in codes:
            raise StudyError(f"Expected province codes among {', '.join(codes)}, found {code!r} in import_prices_cny_per_kwh.")
        price = price.where(sites["province"] != codes.index(code), value)
    return price


def import_price_hours(tariff: Tariff, time: Any) -> NDArray[np.float64]:
    """Factor of each hour on the flat price of imports.

    Parameters
    ----------
    tariff : Tariff
        Periods of the day and year in civil time.
    time : array_like of datetime64, shape (time,)
        Starts of the hours [UTC].

    Returns
    -------
    ndarray, shape (time,)
        Factor [1], 1 in flat hours. Quarters of an hour are averaged for zones that are not whole hours away from UTC. The
        factor is on the whole price of a kWh; where a tariff applies it to the energy part only, state smaller factors.

    Raises
    ------
    AlignmentError
        If the time axis is empty or has a gap in place of a stamp.
    """
    import pandas as pd

    hours = pd.DatetimeIndex(np.asarray(time))
    if hours.size == 0 or hours.hasnans:
        raise AlignmentError("import_price_hours expects the UTC start of each hour, found none or a missing stamp; pass `sites.time`.")
    if not tariff.time_of_use:
        return np.ones(hours.size)
    table = np.ones((13, 24))
    for period in tariff.time_of_use:
        table[np.ix_(period.months, period.hours)] = period.factor
    quarters = [(hours + pd.Timedelta(minutes=m)).tz_localize("UTC").tz_convert(tariff.timezone) for m in (0, 15, 30, 45)]
    return np.asarray(np.mean([table[local.month, local.hour] for local in quarters], axis=0))


class ExportPrices(NamedTuple):
    """Captured prices of exported PV and wind power [CNY/kWh]."""

    pv: xr.DataArray
    wind: xr.DataArray


def export_prices(sites: xr.Dataset, tariff: Tariff) -> ExportPrices:
    """Price of each kWh exported at the sites, PV and wind apart.

    Parameters
    ----------
    sites : Dataset
        Has ``grid_energy_price`` (site).
    tariff : Tariff
        A constant price, or captured factors on the energy price.

    Returns
    -------
    ExportPrices
        Arrays (site,) [CNY/kWh]; NaN where a factor meets an unknown energy price.
    """
    import xarray as xr

    energy = sites["grid_energy_price"]
    if tariff.captured_export is None:
        constant = xr.full_like(energy, tariff.export_price_cny_per_kwh, dtype=np.float64)
        return ExportPrices(constant, constant)
    return ExportPrices(energy * tariff.captured_export.pv_factor, energy * tariff.captured_export.wind_factor)
