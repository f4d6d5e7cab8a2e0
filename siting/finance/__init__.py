"""Money: capital recovery, the cost book of plants, storage and lines, and the tariff of grid power. All in real CNY of one stated year."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from siting.finance.figures import Figure, cost_book, figure, low_confidence_defaults
from siting.finance.line import Line, LineCosts, LineDesigns, VoltageStep, fitting_steps, line_cost, line_designs
from siting.finance.plants import BatteryCosts, ElectrolyserCosts, HydrogenStorageCosts, PVCosts, WindCosts, capital_recovery_factor
from siting.finance.tariff import (
    CapacityCharge,
    CapturedExport,
    ExportPrices,
    PricePeriod,
    Tariff,
    export_prices,
    import_price,
    import_price_hours,
)
from siting.vocabulary import Parameters

__all__ = [
    "AnnualCosts",
    "BatteryCosts",
    "CapacityCharge",
    "CapturedExport",
    "ElectrolyserCosts",
    "ExportPrices",
    "Figure",
    "Finance",
    "HydrogenStorageCosts",
    "Line",
    "LineCosts",
    "LineDesigns",
    "PVCosts",
    "PricePeriod",
    "Tariff",
    "VoltageStep",
    "WindCosts",
    "capital_recovery_factor",
    "cost_book",
    "export_prices",
    "fitting_steps",
    "import_price",
    "import_price_hours",
    "line_cost",
    "line_designs",
    "low_confidence_defaults",
]


class Finance(Parameters):
    """Cost book and tariff."""

    discount_rate: float = figure(
        0.06, 0.04, 0.08, "1/a", "literature", "medium", ge=0, le=0.3, description="Real discount rate as a fraction, 6 % is 0.06"
    )
    currency_year: int = Field(2024, ge=2000, le=2100, description="Year of the CNY in which all prices are stated; nothing is converted.")
    pv: PVCosts = Field(default_factory=PVCosts, description="Cost of PV plants.")
    wind: WindCosts = Field(default_factory=WindCosts, description="Cost of wind farms.")
    battery: BatteryCosts = Field(default_factory=BatteryCosts, description="Cost of batteries.")
    electrolyser: ElectrolyserCosts = Field(default_factory=ElectrolyserCosts, description="Cost of electrolysers, where there are any.")
    hydrogen_storage: HydrogenStorageCosts = Field(
        default_factory=HydrogenStorageCosts, description="Cost of hydrogen tanks, where there are any."
    )
    line: LineCosts = Field(default_factory=LineCosts, description="Cost of lines from distant plants, where there are any.")
    connection_capex_cny_per_kw: float = Field(
        0.0,
        ge=0,
        le=20_000,
        description="Line from plant to park per kW of PV or wind, over 40 years, besides lines to other cells; 0 by default.",
    )
    tariff: Tariff = Field(default_factory=Tariff, description="Price of grid power.")

    def annual_costs(self) -> AnnualCosts:
        """Annuity plus operation of each component."""
        rate, pv, wind, battery = self.discount_rate, self.pv, self.wind, self.battery
        line = capital_recovery_factor(rate, 40) * self.connection_capex_cny_per_kw
        gas, tank = self.electrolyser, self.hydrogen_storage
        stored = capital_recovery_factor(rate, battery.lifetime_years) + battery.fixed_opex_share
        return AnnualCosts(
            pv_cny_per_kw=capital_recovery_factor(rate, pv.lifetime_years) * pv.capex_cny_per_kw + pv.fixed_opex_cny_per_kw + line,
            wind_cny_per_kw=capital_recovery_factor(rate, wind.lifetime_years) * wind.capex_cny_per_kw + wind.fixed_opex_cny_per_kw + line,
            battery_power_cny_per_kw=stored * battery.power_capex_cny_per_kw,
            battery_energy_cny_per_kwh=stored * battery.energy_capex_cny_per_kwh,
            electrolyser_cny_per_kw=(capital_recovery_factor(rate, gas.lifetime_years) + gas.fixed_opex_share) * gas.capex_cny_per_kw,
            hydrogen_cny_per_kg=(capital_recovery_factor(rate, tank.lifetime_years) + tank.fixed_opex_share) * tank.capex_cny_per_kg,
        )


@dataclass(frozen=True)
class AnnualCosts:
    """Cost per year of one unit of each component.

    Parameters
    ----------
    pv_cny_per_kw, wind_cny_per_kw, battery_power_cny_per_kw, electrolyser_cny_per_kw : float
        [CNY per kW and year]; PV per kW of DC nameplate, electrolyser per kW of electric power.
    battery_energy_cny_per_kwh : float
        [CNY per kWh of nominal energy and year].
    hydrogen_cny_per_kg : float
        Tanks [CNY per kg of hydrogen and year].
    """

    pv_cny_per_kw: float
    wind_cny_per_kw: float
    battery_power_cny_per_kw: float
    battery_energy_cny_per_kwh: float
    electrolyser_cny_per_kw: float
    hydrogen_cny_per_kg: float
