"""Cost book of plants and storage, and the capital recovery factor that turns investment into a yearly cost."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from siting.finance.figures import figure
from siting.vocabulary import Parameters, StudyError

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

    capex_cny_per_kw: float = figure(
        2_900, 2_300, 3_600, "CNY/kW", "expert, China 2024", "medium", ge=500, le=20_000, description="Turnkey cost per kW of DC"
    )
    fixed_opex_cny_per_kw: float = figure(45, 40, 50, "CNY/kW a", "expert", "medium", ge=0, le=1_000, description="Operation per kW of DC")
    lifetime_years: Years = figure(25, 25, 30, "a", "expert", "high", ge=5, le=60, description="Lifetime")


class WindCosts(Parameters):
    """Onshore wind, per kW of nominal power."""

    capex_cny_per_kw: float = figure(
        4_500, 3_800, 5_800, "CNY/kW", "literature, north China", "medium", ge=1_000, le=40_000, description="Turnkey cost per kW"
    )
    fixed_opex_cny_per_kw: float = figure(50, 40, 60, "CNY/kW a", "expert", "medium", ge=0, le=2_000, description="Operation per kW")
    lifetime_years: Years = figure(25, 20, 25, "a", "expert", "medium", ge=5, le=60, description="Lifetime")


class BatteryCosts(Parameters):
    """Lithium iron phosphate storage, turnkey; the split fits 0.95 CNY/Wh at 2 h and 0.78 CNY/Wh at 4 h."""

    energy_capex_cny_per_kwh: float = figure(
        610, 450, 770, "CNY/kWh", "expert split of 700-1200 at 2 h", "medium", ge=50, le=10_000, description="Cost of nominal energy"
    )
    power_capex_cny_per_kw: float = figure(
        680, 500, 860, "CNY/kW", "expert split of 700-1200 at 2 h", "medium", ge=0, le=10_000, description="Cost of power"
    )
    fixed_opex_share: float = figure(
        0.015, 0.01, 0.02, "1/a", "expert", "medium", ge=0, le=0.2, description="Operation as a share of the capital cost"
    )
    lifetime_years: Years = figure(18, 15, 20, "a", "expert", "medium", ge=5, le=60, description="Lifetime")


class ElectrolyserCosts(Parameters):
    """Alkaline electrolyser, installed, per kW of electric power; used where a study has one."""

    capex_cny_per_kw: float = figure(
        2_200, 1_700, 3_000, "CNY/kW", "expert, Chinese bids 2023-25", "medium", ge=300, le=30_000, description="Installed cost"
    )
    fixed_opex_share: float = figure(
        0.025, 0.02, 0.03, "1/a", "expert", "medium", ge=0, le=0.2, description="Operation as a share of the capital cost, with stacks"
    )
    lifetime_years: Years = figure(20, 15, 25, "a", "expert", "medium", ge=5, le=60, description="Lifetime")
    electricity_kwh_per_kg: float = figure(
        53.5, 52, 55, "kWh/kg", "expert", "high", ge=40, le=80, description="Electricity per kg of hydrogen, whole system"
    )


class HydrogenStorageCosts(Parameters):
    """Hydrogen tanks at the surface, per kg of hydrogen; used where a study has them."""

    capex_cny_per_kg: float = figure(3_750, 3_000, 4_500, "CNY/kg", "expert", "low", ge=10, le=50_000, description="Installed cost")
    fixed_opex_share: float = figure(
        0.01, 0.005, 0.02, "1/a", "expert", "low", ge=0, le=0.2, description="Operation as a share of the capital cost"
    )
    lifetime_years: Years = figure(25, 20, 30, "a", "expert", "low", ge=5, le=60, description="Lifetime")
