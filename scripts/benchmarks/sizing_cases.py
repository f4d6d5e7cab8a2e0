"""Sizing of one site and target, stated once for all rivals, and what each returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.study import Study
from siting.supply import sizing
from siting.supply.dispatch import Battery

Floats = NDArray[np.float64]

#: Two problems: the plants alone, and with the grid's top-up, exports and the limits of a direct connection.
KINDS = {
    "island": "own plants and battery, imports up to 1 - X of the load without a price",
    "connected": "grid top-up at 300 CNY/MWh, exports up to 20 % of the generation, own share >= 30 %, self-use >= 60 %",
}


class Case(NamedTuple):
    """One site and target; capacities, costs and flows are per MW of mean load, costs per MWh of load."""

    kind: str
    pv: Floats
    wind: Floats
    load: Floats
    battery: Battery
    costs: Floats
    limits: Floats
    target: float
    overbuild: float = 10.0

    @property
    def import_price(self) -> float:
        """Price of imports [CNY/MWh]."""
        return 300.0 if self.kind == "connected" else 0.0

    @property
    def self_use(self) -> float:
        """Least share of the generation that serves the load."""
        return 0.6 if self.kind == "connected" else 0.0

    @property
    def imports(self) -> float:
        """Largest import over load."""
        return min(1.0 - self.target, 0.7) if self.kind == "connected" else 1.0 - self.target

    @property
    def export_limit(self) -> float:
        """Largest export [MW]; exports earn nothing."""
        return 1.0 if self.kind == "connected" else 0.0


class Answer(NamedTuple):
    """Bounds of the least cost [CNY/MWh of load]; a solver's optimum is both. Infinite if nothing meets the limits."""

    lower: float
    upper: float


@dataclass
class Way:
    """One way to the least cost, with its seconds and answers by case."""

    name: str
    kind: str
    solve: Callable[[Case], Answer]
    repeats: int = 1
    per_call: int = 1
    note: str = ""
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def measure(self, case: Case) -> None:
        """Solve a case ``repeats`` times and keep the medians, per target."""
        clock, busy = [], []
        for _ in range(self.repeats):
            begin, worked = time.perf_counter(), time.process_time()
            answer = self.solve(case)
            clock.append((time.perf_counter() - begin) / self.per_call)
            busy.append((time.process_time() - worked) / self.per_call)
        self.answers.append(answer)
        self.seconds.append(float(np.median(clock)))
        self.processor.append(float(np.median(busy)))


def make_cases(kinds: Sequence[str], sites: int, targets: Sequence[float], hours: int) -> list[Case]:
    """A case for each kind and target, at the sites in turn: the study's plants, prices and synthetic weather, and a flat load."""
    from siting import open_layers, screen
    from siting.runner import hourly_yields

    study = Study()
    table = screen(open_layers(study), study.land)
    rich = table.isel(site=np.flatnonzero((table["pv_land_fraction"] > 0.1) & (table["wind_land_fraction"] > 0.1)))
    chosen = rich.isel(site=np.linspace(0, rich.sizes["site"] - 1, 2 * sites + 1).astype(int)[1::2]).load()
    table = hourly_yields(chosen, study)
    pv, wind = (
        np.ascontiguousarray(table[name].to_numpy()[:, :hours], np.float64) for name in ("pv_capacity_factor", "wind_capacity_factor")
    )
    costs, storage = study.finance.annual_costs(), study.supply.storage
    yearly = 1e3 * np.array([costs.pv_cny_per_kw, costs.wind_cny_per_kw, costs.battery_power_cny_per_kw, costs.battery_energy_cny_per_kwh])
    one_way = storage.round_trip_efficiency**0.5
    battery = Battery(one_way, one_way, 1.0 - storage.minimum_state_of_charge)
    limits = np.array([20.0, 20.0, np.inf, np.inf])
    return [
        Case(kind, pv[k % sites], wind[k % sites], np.ones(pv.shape[1]), battery, yearly / 8760, limits, target)
        for kind in kinds
        for k, target in enumerate(targets)
    ]


def ours(kind: str, tolerance: float, targets: Sequence[float], repeats: int) -> list[Way]:
    """The toolkit's fast engine, target by target and for all targets at once."""
    state = sizing.empty_state()

    def size(case: Case, shares: Sequence[float]) -> Floats:
        own = 0.7 if kind == "connected" else 1.0
        terms = sizing.Terms(case.costs, case.import_price, 0.0, 1.0, case.self_use, case.limits, case.overbuild, own, tolerance)
        results = np.full((len(shares), len(sizing.COLUMNS)), np.nan)
        sizing.size_site(sizing.Year(case.pv, case.wind, case.load), case.battery, terms, 1.0 - np.array(shares), state, results)
        return results

    def answer(result: Floats) -> Answer:
        feasible = result[6] != sizing.UNREACHABLE
        return Answer(float(result[5]), float(result[4])) if feasible else Answer(np.inf, np.inf)

    def together(case: Case) -> Answer:
        return answer(size(case, targets)[list(targets).index(case.target)])

    name = f"siting, gap {tolerance:g}"
    return [
        Way(name, kind, lambda case: answer(size(case, [case.target])[0]), repeats),
        Way(f"{name}, {len(targets)} targets at once, per target", kind, together, repeats, len(targets)),
    ]
