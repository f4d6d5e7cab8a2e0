"""The line from distant plants to the park: voltage steps, what each carries, costs and loses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from siting.finance.figures import figure
from siting.finance.plants import capital_recovery_factor
from siting.vocabulary import Parameters, StudyError, UnitsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class VoltageStep(Parameters):
    """One kind of line: voltage, circuits on a row of towers, and its stations."""

    voltage_kv: int = Field(ge=35, le=1_000, description="Nominal voltage [kV].")
    circuits: int = Field(1, ge=1, le=2, description="Circuits on one row of towers.")
    capacity_mw: float = Field(gt=0, description="What a row of towers carries [MW].")
    reach_km: float = Field(gt=0, description="Longest line at this voltage [km].")
    line_mcny_per_km: float = Field(gt=0, description="Cost of a row of towers [million CNY per km].")
    bays_mcny: float = Field(ge=0, description="Bays at both ends of a row of towers [million CNY].")
    transformer_mw: float = Field(gt=0, description="Size of one transformer [MW].")
    transformer_mcny: float = Field(ge=0, description="One transformer with its bay [million CNY].")
    loss_per_100km: float = Field(ge=0, lt=1, description="Share of the energy lost per 100 km at usual loading.")


#: Costs per km at 220 kV to 500 kV are of medium confidence, all else of low: capacities and reach are rounded textbook ranges
#: (110 kV: 50-150 km; 220 kV: 100-300 km; 330 kV: 200-600 km; 500 kV: 150-850 km), losses are 1 % at 220 kV and go about as
#: the inverse of the voltage.
STEPS = tuple(
    VoltageStep(
        voltage_kv=voltage, circuits=circuits, capacity_mw=capacity, reach_km=reach, line_mcny_per_km=line, bays_mcny=bays,
        transformer_mw=size, transformer_mcny=transformer, loss_per_100km=loss,
    )
    for voltage, circuits, capacity, reach, line, bays, size, transformer, loss in (
        (110, 1, 80, 100, 0.85, 10, 63, 25, 0.02),
        (110, 2, 160, 100, 1.4, 20, 63, 25, 0.02),
        (220, 1, 300, 300, 1.15, 30, 240, 120, 0.01),
        (220, 2, 600, 300, 2.0, 60, 240, 120, 0.01),
        (330, 1, 500, 600, 1.3, 45, 360, 180, 0.0067),
        (330, 2, 1_000, 600, 2.2, 90, 360, 180, 0.0067),
        (500, 1, 1_200, 850, 2.7, 100, 750, 320, 0.0044),
        (500, 2, 2_400, 850, 4.5, 200, 750, 320, 0.0044),
    )
)  # fmt: skip


class LineCosts(Parameters):
    """How lines are built, paid and valued."""

    steps: tuple[VoltageStep, ...] = Field(STEPS, min_length=1, description="Voltage steps to choose from.")
    highest_voltage_kv: int = Field(
        330, ge=35, le=1_000, description="Highest voltage allowed; direct connection ends at 220 or 330 kV (document 650)."
    )
    terrain_factor: float = figure(
        1.0, 1.0, 1.5, "1", "expert, mountains 1.5", "medium", ge=0.5, le=5, description="Factor on the cost per km"
    )
    detour_factor: float = figure(
        1.15, 1.05, 1.3, "1", "expert", "low", ge=1, le=3, description="Length of the line over the distance as the crow flies"
    )
    fixed_opex_share: float = figure(
        0.0175, 0.015, 0.02, "1/a", "expert", "medium", ge=0, le=0.2, description="Operation as a share of the capital cost"
    )
    lifetime_years: int = figure(40, 30, 40, "a", "expert", "medium", ge=5, le=80, description="Lifetime")
    lost_energy_cny_per_kwh: float = figure(
        0.17, 0.15, 0.25, "CNY/kWh", "levelised cost of PV and wind", "medium", ge=0, le=3, description="Value of energy lost"
    )
    full_load_hours: float = figure(
        2_500, 1_500, 4_500, "h", "expert", "medium", ge=1, le=8_784, description="Energy sent through the line over its power, for losses"
    )


class Line(NamedTuple):
    """Chosen line.

    Parameters
    ----------
    step : VoltageStep or None
        Voltage and circuits; None at distance 0 or power 0, where there is no line.
    rows : int
        Parallel rows of towers.
    capex_cny : float
        Line, bays and transformers [CNY].
    annual_cost_cny : float
        Annuity and operation, without the energy lost [CNY per year].
    loss_share : float
        Share of the energy lost on the way [1].
    loss_cost_cny : float
        Value of that energy [CNY per year].
    """

    step: VoltageStep | None
    rows: int
    capex_cny: float
    annual_cost_cny: float
    loss_share: float
    loss_cost_cny: float

    @property
    def total_cny(self) -> float:
        """What the choice minimises: annual cost with the energy lost [CNY per year]."""
        return self.annual_cost_cny + self.loss_cost_cny


def line_cost(power_mw: float, distance_km: float, rate: float, costs: LineCosts | None = None) -> Line:
    """Cheapest line over all voltage steps, by annual cost with the energy lost.

    Parameters
    ----------
    power_mw : float
        Largest power that it carries [MW].
    distance_km : float
        Distance as the crow flies [km].
    rate : float
        Real discount rate [1 per year].
    costs : LineCosts, optional
        Steps and their costs.

    Returns
    -------
    Line
        ``total_cny`` never falls with distance or power.

    Raises
    ------
    UnitsError
        If power or distance is negative or unknown.
    StudyError
        If no step within the allowed voltage reaches that far.
    """
    costs = costs or LineCosts()
    _check_line(power_mw, distance_km)
    if power_mw == 0 or distance_km == 0:
        return Line(None, 0, 0.0, 0.0, 0.0, 0.0)
    length = distance_km * costs.detour_factor
    return min((_built(step, power_mw, length, rate, costs) for step in fitting_steps(distance_km, costs)), key=lambda line: line.total_cny)


class LineDesigns(NamedTuple):
    """Lines of one length to choose from, by rising capacity; none is weaker, dearer and lossier than another.

    Parameters
    ----------
    capacity_mw : ndarray, shape (design,)
        What each carries [MW].
    annual_cost_cny : ndarray, shape (design,)
        Annuity and operation, without the energy lost [CNY per year].
    loss_share : ndarray, shape (design,)
        Share of the energy lost on the way [1].
    voltage_kv : ndarray, shape (design,)
        Nominal voltage [kV].
    """

    capacity_mw: Floats
    annual_cost_cny: Floats
    loss_share: Floats
    voltage_kv: Floats


def line_designs(power_mw: float, distance_km: float, rate: float, costs: LineCosts | None = None) -> LineDesigns:
    """Every line worth a thought for a plant of unknown size: voltage steps, rows of towers and transformers.

    Parameters
    ----------
    power_mw : float
        Most that the plant may send [MW]; larger lines are left out.
    distance_km : float
        Distance as the crow flies [km].
    rate : float
        Real discount rate [1 per year].
    costs : LineCosts, optional
        Steps and their costs.

    Raises
    ------
    UnitsError
        If power or distance is not positive, or unknown.
    StudyError
        If no step within the allowed voltage reaches that far.
    """
    import numpy as np

    costs = costs or LineCosts()
    _check_line(power_mw, distance_km)
    if power_mw == 0 or distance_km == 0:
        raise UnitsError(f"Expected a power and a distance above 0 for a line, found {power_mw:g} MW and {distance_km:g} km.")
    length = distance_km * costs.detour_factor
    columns = []
    for step in fitting_steps(distance_km, costs):
        units = [np.arange(1, math.ceil(power_mw / size) + 1) * size for size in (step.capacity_mw, step.transformer_mw)]
        carried = np.unique(np.concatenate(units))
        carried = carried[: np.searchsorted(carried, power_mw) + 1]
        rows, transformers = (np.ceil(carried / size - 1e-9) for size in (step.capacity_mw, step.transformer_mw))
        annual = _capex_mcny(step, length, rows, transformers, costs) * 1e6 * _annuity(rate, costs)
        rest = np.ones(carried.size)
        columns.append(np.stack([carried, annual, _loss_share(step, length) * rest, step.voltage_kv * rest]))
    return _worthwhile(np.concatenate(columns, axis=1), power_mw)


def _worthwhile(table: Floats, power_mw: float) -> LineDesigns:
    """Designs, rows of the table, without those that another betters in capacity, cost and loss."""
    import numpy as np

    order = np.lexsort((table[2], table[1], table[0]))
    capacity, cost, loss, _ = table = table[:, order]
    useful = np.minimum(capacity, power_mw)
    as_good = (useful[:, None] >= useful) & (cost[:, None] <= cost) & (loss[:, None] <= loss)
    equal = as_good & as_good.T
    first = ~np.any(equal & (np.arange(cost.size)[:, None] < np.arange(cost.size)), axis=0)
    return LineDesigns(*table[:, ~np.any(as_good & ~equal, axis=0) & first])


def _check_line(power_mw: float, distance_km: float) -> None:
    """Refuse a power or a distance that is negative or unknown."""
    if not (0 <= power_mw < math.inf and 0 <= distance_km < math.inf):
        raise UnitsError(f"Expected a power and a distance of 0 or more, found {power_mw} MW and {distance_km} km.")


def fitting_steps(distance_km: float, costs: LineCosts) -> list[VoltageStep]:
    """Steps that are allowed and reach.

    Raises
    ------
    StudyError
        If there is none.
    """
    length = distance_km * costs.detour_factor
    allowed = [step for step in costs.steps if step.voltage_kv <= costs.highest_voltage_kv]
    fitting = [step for step in allowed if length <= step.reach_km]
    if not fitting:
        reach = max((step.reach_km for step in allowed), default=0.0)
        raise StudyError(
            f"Expected a line of at most {reach:g} km at {costs.highest_voltage_kv} kV or less, found {length:,.0f} km; "
            "fix: allow a higher voltage or a smaller radius."
        )
    return fitting


def _built(step: VoltageStep, power_mw: float, length: float, rate: float, costs: LineCosts) -> Line:
    """Line of one step."""
    rows, transformers = math.ceil(power_mw / step.capacity_mw), math.ceil(power_mw / step.transformer_mw)
    capex, loss = _capex_mcny(step, length, rows, transformers, costs), _loss_share(step, length)
    return Line(
        step=step,
        rows=rows,
        capex_cny=capex * 1e6,
        annual_cost_cny=capex * 1e6 * _annuity(rate, costs),
        loss_share=loss,
        loss_cost_cny=loss * power_mw * 1e3 * costs.full_load_hours * costs.lost_energy_cny_per_kwh,
    )


def _capex_mcny(step: VoltageStep, length: float, rows: Any, transformers: Any, costs: LineCosts) -> Any:
    """Line, bays and transformers [million CNY]."""
    return rows * (length * step.line_mcny_per_km * costs.terrain_factor + step.bays_mcny) + transformers * step.transformer_mcny


def _annuity(rate: float, costs: LineCosts) -> float:
    """Annual cost over capital cost [1 per year]."""
    return capital_recovery_factor(rate, costs.lifetime_years) + costs.fixed_opex_share


def _loss_share(step: VoltageStep, length: float) -> float:
    """Share of the energy lost over a length [km]."""
    return float(1.0 - (1.0 - step.loss_per_100km) ** (length / 100.0))
