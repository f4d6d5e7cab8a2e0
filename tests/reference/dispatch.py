"""Plain dispatch, and linear programmes of dispatch and of sizing: independent ways to what the package computes."""

import numpy as np


def greedy(generation, load, power, usable, charge_efficiency, discharge_efficiency, start):
    """One pass from a given state of charge: hourly charge, discharge, missing, state of charge."""
    level, rows = start, []
    for g, demand in zip(generation, load, strict=True):
        charge = discharge = 0.0
        if g >= demand:
            charge = min(g - demand, power, (usable - level) / charge_efficiency)
        else:
            discharge = min(demand - g, power, level * discharge_efficiency)
        level = min(max(level + charge_efficiency * charge - discharge / discharge_efficiency, 0.0), usable)
        rows.append((charge, discharge, max(demand - g, 0.0) - discharge, level))
    return np.array(rows).T


def cyclic(generation, load, power, usable, charge_efficiency, discharge_efficiency):
    """Years are repeated from an empty store until they end as they began."""
    start = 0.0
    for _ in range(10_000):
        flows = greedy(generation, load, power, usable, charge_efficiency, discharge_efficiency, start)
        if abs(flows[3, -1] - start) <= 1e-12 * max(usable, 1.0):
            return flows
        start = flows[3, -1]
    raise AssertionError("no cycle found")


def least_missing(generation, load, power, usable, charge_efficiency, discharge_efficiency):
    """Least energy missing over a cyclic year, by linear programming (HiGHS)."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, hstack, identity, vstack

    n = len(load)
    one, none = identity(n, format="csr"), csr_matrix((n, n))
    before = csr_matrix((np.ones(n), (np.arange(n), (np.arange(n) - 1) % n)), shape=(n, n))
    bounds = [(0, power)] * (2 * n) + [(0, usable)] * n + [(0, None)] * n
    result = linprog(
        np.r_[np.zeros(3 * n), np.ones(n)],
        A_ub=vstack([hstack([one, -one, none, -one])]).tocsr(),
        b_ub=np.asarray(generation) - load,
        A_eq=hstack([-charge_efficiency * one, one / discharge_efficiency, one - before, none]).tocsr(),
        b_eq=np.zeros(n),
        bounds=bounds,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert result.status == 0, result.message
    return result.fun


def least_cost(pv, wind, load, target, costs, import_cost, usable, efficiency):
    """Least cost of plants, battery and imports at a matched share of at least ``target``; capacities are continuous (HiGHS)."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, hstack, identity, vstack

    n = len(load)
    one, none, zero = identity(n, format="csr"), csr_matrix((n, n)), csr_matrix((n, 1))
    before = csr_matrix((np.ones(n), (np.arange(n), (np.arange(n) - 1) % n)), shape=(n, n))
    ones = csr_matrix(np.ones((n, 1)))
    # columns: PV, wind, power, energy, then charge, discharge, state of charge and import of each hour
    rows = [
        [csr_matrix(-pv[:, None]), csr_matrix(-wind[:, None]), zero, zero, one, -one, none, -one],
        [zero, zero, -ones, zero, one, none, none, none],
        [zero, zero, -ones, zero, none, one, none, none],
        [zero, zero, zero, -usable * ones, none, none, one, none],
    ]
    imports = csr_matrix(np.r_[np.zeros(4 + 3 * n), np.ones(n)])
    result = linprog(
        np.r_[costs, np.zeros(3 * n), np.full(n, import_cost)],
        A_ub=vstack([hstack(row) for row in rows] + [imports]).tocsr(),
        b_ub=np.r_[-load, np.zeros(3 * n), (1 - target) * load.sum()],
        A_eq=hstack([zero, zero, zero, zero, -efficiency * one, one / efficiency, one - before, none]).tocsr(),
        b_eq=np.zeros(n),
        method="highs",
    )
    assert result.status == 0, result.message
    return result.fun


def missing_and_slope(year, mix, battery):
    """Energy missing over the year and the slope (4,) of the energy served, hour by hour with the derivatives of the state of charge."""
    full, level = mix.energy * battery.usable, 0.0
    held, slope, missing = np.zeros(4), np.zeros(4), 0.0
    for count in range(2 * year.load.size):  # the first time around leads from an empty store to the cycle
        if count == year.load.size:
            missing, slope = 0.0, np.zeros(4)
        pv, wind, load, hours = (values[count % year.load.size] for values in year)
        net, most = pv * mix.pv + wind * mix.wind - load, mix.power * hours
        if net >= 0.0:
            level += battery.charge * min(net, most)
            held += battery.charge * (np.array([pv, wind, 0, 0]) if net < most else np.array([0, 0, hours, 0]))
            if level >= full:
                level, held = full, np.array([0, 0, 0, battery.usable])
            continue
        given = min(-net, most)
        own, by_power = np.array([pv, wind, 0, 0]), np.array([0, 0, hours, 0])
        if given / battery.discharge >= level:
            missing += -net - level * battery.discharge
            slope += own + battery.discharge * held
            level, held = 0.0, np.zeros(4)
            continue
        level -= given / battery.discharge
        missing += -net - given
        slope += own + by_power if -net > most else 0.0
        held = held + (own if -net <= most else -by_power) / battery.discharge
    return missing, slope
