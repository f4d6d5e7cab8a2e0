"""The same sizing as a linear programme: by hand for HiGHS with each of its algorithms, in linopy, and in PyPSA."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.sizing_cases import Answer, Case, Way

#: Options of HiGHS by algorithm. All but the oracle stop at the toolkit's finer gap, the interior point without crossover.
ALGORITHMS: dict[str, dict[str, Any]] = {
    "simplex": {"solver": "simplex"},
    "simplex to 1e-4": {"solver": "simplex", "kkt_tolerance": 1e-4},
    "interior point to 1e-4 without crossover": {"solver": "ipm", "run_crossover": "off", "kkt_tolerance": 1e-4},
    "PDLP to 1e-4": {"solver": "pdlp", "kkt_tolerance": 1e-4},
}
#: The algorithm that linopy and PyPSA are given.
GIVEN = {**ALGORITHMS["interior point to 1e-4 without crossover"], "output_flag": False}


def highs(kind: str, seconds: float) -> Iterator[Way]:
    """HiGHS on the matrix built by hand, once for each algorithm; simplex, to its tolerance of 1e-7, is the oracle."""
    import highspy  # noqa: F401 - a missing rival is told before any run

    for name, options in ALGORITHMS.items():
        note = "the oracle, to 1e-7" if name == "simplex" else ""
        yield Way(f"HiGHS by hand, {name}", kind, lambda case, options=options: _by_hand(case, options, seconds), note=note)


def _by_hand(case: Case, options: dict[str, Any], seconds: float) -> Answer:
    import highspy

    solver = highspy.Highs()
    for key, value in {"output_flag": False, **options, "parallel": "off", "time_limit": seconds}.items():
        solver.setOptionValue(key, value)
    solver.passModel(_model(case))
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return Answer(np.inf, np.inf)
    if status != highspy.HighsModelStatus.kOptimal:
        return Answer(np.nan, np.nan)
    cost = solver.getInfo().objective_function_value
    return Answer(cost, cost)


def _model(case: Case) -> Any:
    """Columns: four capacities, then charge, discharge, level, import and export of each hour."""
    import highspy
    from scipy.sparse import bmat, csc_matrix, csr_matrix, identity

    n, battery = case.load.size, case.battery
    one, inf = identity(n, format="csr"), np.inf
    before = csr_matrix((np.ones(n), (np.arange(n), (np.arange(n) - 1) % n)), shape=(n, n))
    ones = csr_matrix(np.ones((1, n)))
    plants = csr_matrix(np.column_stack([case.pv, case.wind, np.zeros((n, 2))]))
    power, energy = csr_matrix((n, 4)).tolil(), csr_matrix((n, 4)).tolil()
    power[:, 2], energy[:, 3] = -1.0, -battery.usable
    made = np.array([[case.pv.sum(), case.wind.sum(), 0.0, 0.0]])
    rows = [
        [plants, -one, one, None, one, -one],
        [power.tocsr(), one, None, None, None, None],
        [power.tocsr(), None, one, None, None, None],
        [energy.tocsr(), None, None, one, None, None],
        [None, -battery.charge * one, one / battery.discharge, one - before, None, None],
        [None, None, None, None, ones, None],
        [csr_matrix(made), None, None, None, None, csr_matrix((1, n))],
        [csr_matrix(case.self_use * made), None, None, None, ones, None],
        [csr_matrix(-0.2 * made), None, None, None, None, ones],
    ]
    matrix = csc_matrix(bmat(rows))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = matrix.shape[1], matrix.shape[0]
    total = case.load.sum()
    model.col_cost_ = np.r_[case.costs, np.zeros(3 * n), np.full(n, case.import_price / n), np.zeros(n)]
    model.col_lower_ = np.zeros(4 + 5 * n)
    model.col_upper_ = np.r_[case.limits, np.full(3 * n, inf), case.load, np.full(n, case.export_limit)]
    model.row_lower_ = np.r_[case.load, np.full(3 * n, -inf), np.zeros(n), np.full(4, -inf)]
    model.row_upper_ = np.r_[np.full(n, inf), np.zeros(4 * n), case.imports * total, case.overbuild * total, total, 0.0]
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    return model


def linopy(kind: str, seconds: float) -> Iterator[Way]:
    """The same programme in linopy's variables and constraints."""
    import linopy as library

    del library
    yield Way("linopy, HiGHS's interior point to 1e-4", kind, lambda case: _in_linopy(case, seconds))


def _in_linopy(case: Case, seconds: float) -> Answer:
    import pandas as pd
    import xarray as xr
    from linopy import Model

    n, battery, total = case.load.size, case.battery, float(case.load.sum())
    hours = pd.RangeIndex(n, name="hour")
    pv, wind, load = (xr.DataArray(values, coords={"hour": hours}) for values in (case.pv, case.wind, case.load))
    model = Model()
    sizes = [
        model.add_variables(lower=0, upper=most, name=name)
        for name, most in zip(("pv", "wind", "power", "energy"), case.limits, strict=True)
    ]
    upper = {"charge": np.inf, "discharge": np.inf, "level": np.inf, "import": load, "export": case.export_limit}
    flow = {name: model.add_variables(lower=0, upper=most, coords=[hours], name=name) for name, most in upper.items()}
    made = sizes[0] * float(case.pv.sum()) + sizes[1] * float(case.wind.sum())
    model.add_constraints(
        pv * sizes[0] + wind * sizes[1] - flow["charge"] + flow["discharge"] + flow["import"] - flow["export"] >= load, name="balance"
    )
    for name in ("charge", "discharge"):
        model.add_constraints(flow[name] - sizes[2] <= 0, name=f"{name}_power")
    model.add_constraints(flow["level"] - battery.usable * sizes[3] <= 0, name="room")
    change = flow["level"] - flow["level"].roll(hour=1)
    model.add_constraints(change - battery.charge * flow["charge"] + flow["discharge"] / battery.discharge == 0, name="store")
    model.add_constraints(flow["import"].sum() <= case.imports * total, name="target")
    model.add_constraints(made <= case.overbuild * total, name="overbuild")
    if case.kind == "connected":
        model.add_constraints(case.self_use * made + flow["import"].sum() <= total, name="self_use")
        model.add_constraints(flow["export"].sum() - 0.2 * made <= 0, name="export_share")
    model.add_objective(
        sum(cost * size for cost, size in zip(case.costs, sizes, strict=True)) + case.import_price / n * flow["import"].sum()
    )
    status, condition = model.solve(solver_name="highs", io_api="direct", progress=False, time_limit=seconds, **GIVEN)
    return _told(status, condition, model.objective.value)


def _told(status: str, condition: str, cost: float | None) -> Answer:
    if "infeasible" in condition:
        return Answer(np.inf, np.inf)
    done = (status, condition) == ("ok", "optimal") and cost is not None
    return Answer(float(cost), float(cost)) if done else Answer(np.nan, np.nan)


def pypsa(kind: str, seconds: float) -> Iterator[Way]:
    """The same programme as a network of generators, links and a store, with the shares as extra constraints."""
    import pypsa as library

    del library
    for name in ("pypsa", "linopy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    yield Way("PyPSA, HiGHS's interior point to 1e-4", kind, lambda case: _in_pypsa(case, seconds))


def _in_pypsa(case: Case, seconds: float) -> Answer:
    options = {**GIVEN, "time_limit": seconds}
    network = _network(case)
    status, condition = network.optimize(
        solver_name="highs", extra_functionality=lambda network, _: _limit(network, case), solver_options=options,
        include_objective_constant=False, log_to_console=False,
    )  # fmt: skip
    return _told(status, condition, network.objective)


def _network(case: Case) -> Any:
    import pypsa as library

    n, battery = case.load.size, case.battery
    network = library.Network()
    network.set_snapshots(range(n))
    network.add("Bus", ["site", "cells"])
    network.add("Load", "load", bus="site", p_set=case.load)
    for name, series, cost, most in zip(("pv", "wind"), (case.pv, case.wind), case.costs[:2], case.limits[:2], strict=True):
        network.add("Generator", name, bus="site", p_nom_extendable=True, p_nom_max=most, p_max_pu=series, capital_cost=cost)
    peak = float(case.load.max())
    network.add("Generator", "import", bus="site", p_nom=peak, p_max_pu=case.load / peak, marginal_cost=case.import_price / n)
    if case.export_limit > 0:
        network.add("Generator", "export", bus="site", p_nom=case.export_limit, p_min_pu=-1.0, p_max_pu=0.0)
    network.add("Link", "charge", bus0="site", bus1="cells", p_nom_extendable=True, efficiency=battery.charge, capital_cost=case.costs[2])
    network.add("Link", "discharge", bus0="cells", bus1="site", p_nom_extendable=True, efficiency=battery.discharge)
    network.add("Store", "cells", bus="cells", e_nom_extendable=True, e_cyclic=True, e_max_pu=battery.usable, capital_cost=case.costs[3])
    return network


def _limit(network: Any, case: Case) -> None:
    """Equal power of both ways, and the shares of a year."""
    model, total = network.model, float(case.load.sum())
    power, output = model["Link-p_nom"], model["Generator-p"]
    label = power.dims[0]
    model.add_constraints(
        power.sel({label: "charge"}, drop=True) - case.battery.discharge * power.sel({label: "discharge"}, drop=True) == 0, name="power"
    )
    size = model["Generator-p_nom"]
    made = size.sel({size.dims[0]: "pv"}, drop=True) * float(case.pv.sum()) + size.sel({size.dims[0]: "wind"}, drop=True) * float(
        case.wind.sum()
    )
    name = next(dimension for dimension in output.dims if dimension != "snapshot")
    bought = output.sel({name: "import"}, drop=True).sum()
    model.add_constraints(bought <= case.imports * total, name="target")
    model.add_constraints(made <= case.overbuild * total, name="overbuild")
    if case.kind == "connected":
        model.add_constraints(case.self_use * made + bought <= total, name="self_use")
        model.add_constraints(-1.0 * output.sel({name: "export"}, drop=True).sum() - 0.2 * made <= 0, name="export_share")
