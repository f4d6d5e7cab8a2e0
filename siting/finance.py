"""Money: capital recovery, the cost book of plants and storage, and the tariff of grid power. All in real CNY of one stated year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from siting.vocabulary import AlignmentError, Parameters, StudyError, check

if TYPE_CHECKING:
    import xarray as xr

Price = Annotated[float, Field(ge=0, le=3)]
Years = Annotated[int, Field(ge=5, le=60)]


def capital_recovery_factor(rate: float, years: float) -> float:
    """Constant yearly payment per unit of capital that repays it with interest.

    Parameters
    ----------
    rate : float
        Real discount rate [1 per year], 0 or more.
    years : float
        Lifetime [years].

    Returns
    -------
    float
        Payment at each year's end per unit of capital [1 per year]: ``r / (1 - (1 + r)**-n)``, and ``1 / n`` at rate 0.

    Raises
    ------
    StudyError
        If the rate is not in 0 to 0.3 or the lifetime is not positive.

    References
    ----------
    W. Short, D. J. Packey, T. Holt, "A manual for the economic evaluation of energy efficiency and renewable energy
    technologies", NREL/TP-462-5173, 1995.
    """
    if not 0 <= rate <= 0.3:
        raise StudyError(f"Expected a discount rate of 0 to 0.3 per year, found {rate}; write 6 % as 0.06.")
    if not years > 0:
        raise StudyError(f"Expected a lifetime above 0 years, found {years}.")
    return 1.0 / years if rate == 0 else float(rate / -np.expm1(-years * np.log1p(rate)))


class PVCosts(Parameters):
    """Ground-mounted PV, per kW of DC nameplate."""

    capex_cny_per_kw: float = Field(
        2_900, ge=500, le=20_000, description="Turnkey cost per kW DC; China 2024, 2300-3600, expert, medium to high."
    )
    fixed_opex_cny_per_kw: float = Field(45, ge=0, le=1_000, description="Operation per kW DC and year; 40-50, expert, medium to high.")
    lifetime_years: Years = Field(25, description="Lifetime; 25-30 a, expert, high.")


class WindCosts(Parameters):
    """Onshore wind, per kW of nominal power."""

    capex_cny_per_kw: float = Field(
        4_500, ge=1_000, le=40_000, description="Turnkey cost per kW; north China, 3800-5800, literature, medium."
    )
    fixed_opex_cny_per_kw: float = Field(50, ge=0, le=2_000, description="Operation per kW and year; 40-60, expert, medium.")
    lifetime_years: Years = Field(25, description="Lifetime; 20-25 a, expert, medium.")


class BatteryCosts(Parameters):
    """Lithium iron phosphate storage, turnkey; the split fits 0.95 CNY/Wh at 2 h and 0.78 CNY/Wh at 4 h."""

    energy_capex_cny_per_kwh: float = Field(610, ge=50, le=10_000, description="Cost per kWh of nominal energy; expert split, medium.")
    power_capex_cny_per_kw: float = Field(680, ge=0, le=10_000, description="Cost per kW of power; expert split, medium.")
    fixed_opex_share: float = Field(
        0.015, ge=0, le=0.2, description="Operation per year as a share of the capital cost; 0.01-0.02, expert, medium."
    )
    lifetime_years: Years = Field(18, description="Lifetime; 15-20 a, expert, medium.")


class Tariff(Parameters):
    """What grid power costs a directly connected park under the two-part rules of September 2025 (NDRC document 1192)."""

    grid_charge_cny_per_kwh: Price = Field(
        0.065, description="System operation, losses and funds on top of the energy price [CNY/kWh]; 0.04-0.10, expert, low confidence."
    )
    capacity_charge_cny_per_kw_month: float = Field(
        50,
        ge=0,
        le=500,
        description="Charge per kW of contracted grid capacity and month; 40-100 under document 1192, expert, low confidence.",
    )
    import_prices_cny_per_kwh: Mapping[Annotated[str, Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")], Price] = Field(
        default_factory=dict,
        description="All-in energy price by ISO 3166-2 province code, in place of the provincial benchmark plus charge.",
    )
    export_price_cny_per_kwh: Price = Field(
        0.0, description="Captured price of exported power [CNY/kWh]; 0 until a captured spot price is given, never the coal benchmark."
    )


class Finance(Parameters):
    """Cost book and tariff."""

    discount_rate: float = Field(
        0.06, ge=0, le=0.3, description="Real discount rate per year as a fraction (6 % is 0.06); 0.04-0.08, literature, medium."
    )
    currency_year: int = Field(2024, ge=2000, le=2100, description="Year of the CNY in which all prices are stated; nothing is converted.")
    pv: PVCosts = Field(default_factory=PVCosts, description="Cost of PV plants.")
    wind: WindCosts = Field(default_factory=WindCosts, description="Cost of wind farms.")
    battery: BatteryCosts = Field(default_factory=BatteryCosts, description="Cost of batteries.")
    connection_capex_cny_per_kw: float = Field(
        0.0,
        ge=0,
        le=20_000,
        description="Line from plant to park per kW of PV or wind, over 40 years; 0 as the plants stand in the park's cell.",
    )
    tariff: Tariff = Field(default_factory=Tariff, description="Price of grid power.")

    def annual_costs(self) -> AnnualCosts:
        """Annuity plus operation of each component."""
        rate, pv, wind, battery = self.discount_rate, self.pv, self.wind, self.battery
        line = capital_recovery_factor(rate, 40) * self.connection_capex_cny_per_kw
        stored = capital_recovery_factor(rate, battery.lifetime_years) + battery.fixed_opex_share
        return AnnualCosts(
            pv_cny_per_kw=capital_recovery_factor(rate, pv.lifetime_years) * pv.capex_cny_per_kw + pv.fixed_opex_cny_per_kw + line,
            wind_cny_per_kw=capital_recovery_factor(rate, wind.lifetime_years) * wind.capex_cny_per_kw + wind.fixed_opex_cny_per_kw + line,
            battery_power_cny_per_kw=stored * battery.power_capex_cny_per_kw,
            battery_energy_cny_per_kwh=stored * battery.energy_capex_cny_per_kwh,
        )


@dataclass(frozen=True)
class AnnualCosts:
    """Cost per year of one unit of each component.

    Parameters
    ----------
    pv_cny_per_kw, wind_cny_per_kw, battery_power_cny_per_kw : float
        [CNY per kW and year]; PV per kW of DC nameplate.
    battery_energy_cny_per_kwh : float
        [CNY per kWh of nominal energy and year].
    """

    pv_cny_per_kw: float
    wind_cny_per_kw: float
    battery_power_cny_per_kw: float
    battery_energy_cny_per_kwh: float


def import_price(sites: xr.Dataset, tariff: Tariff) -> xr.DataArray:
    """Price of each kWh drawn from the grid at the sites.

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
