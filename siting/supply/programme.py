"""Least-cost supply as a linear programme, solved by HiGHS: for everything that the fast engine can't certify, and its oracle.

Beyond `siting.supply.sizing` it chooses the contracted grid capacity, sells exports, and takes hourly prices and carbon-free shares.
One site and target of a year take seconds to minutes.

References
----------
Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method", Math. Program. Comput. 10, 2018, doi:10.1007/s12532-017-0130-5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.supply.dispatch import SERIES, Battery

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]

#: Capacities in the order of the columns: PV, wind, battery power, battery energy, contracted grid.
CAPACITIES = 5


class Problem(NamedTuple):
    """One site and target.

    Parameters
    ----------
    pv, wind, load : ndarray, shape (time,)
        Output per capacity [1] and load [MW].
    costs : ndarray, shape (5,)
        Cost of PV, wind, battery power, battery energy and contracted grid capacity over the time axis [CNY per MW or MWh].
    import_price : ndarray, shape (time,)
        Price of imports [CNY/MWh].
    carbon_free : ndarray, shape (time,)
        Share of the imports that counts as matched [1]; 0 for contracted matching.
    export_price, export_limit, export_share
        Revenue [CNY/MWh], largest power [MW], largest share of the available generation [1].
    limits : ndarray, shape (5,)
        Largest capacities [MW, MWh].
    target, self_use, own_share, overbuild
        Matched share of the load, self-used share of the generation, own share of the load, available generation over load [1].
    grid_charges : bool
        Whether imports may charge the battery; they count at the carbon-free share of the hour in which they are bought.
    """

    pv: Floats
    wind: Floats
    load: Floats
    costs: Floats
    import_price: Floats
    carbon_free: Floats
    export_price: float
    export_limit: float
    export_share: float
    limits: Floats
    target: float
    self_use: float
    own_share: float
    overbuild: float
    grid_charges: bool = False


class Solution(NamedTuple):
    """An optimum.

    Least cost [CNY] (infinite if nothing meets the limits), capacities (5,), flows (len(SERIES), time), price of the target [CNY/MWh].
    """

    cost: float
    capacities: Floats
    flows: Floats
    target_price: float


def solve(problem: Problem, battery: Battery) -> Solution:
    """Optimal capacities and flows.

    Raises
    ------
    ResourceError
        If HiGHS ends without an optimum and without proof that there is none, as for prices that make the problem unbounded.
    """
    from scipy.optimize import linprog
    from scipy.sparse import vstack

    from siting.vocabulary import ResourceError

    n = problem.load.size
    limits, right, shares, right_of_shares = _rows(problem, battery, n)
    cost = np.r_[problem.costs, np.zeros(3 * n), problem.import_price, np.full(n, -problem.export_price)]
    upper = np.r_[problem.limits, np.full(4 * n, np.inf), np.full(n, problem.export_limit)]
    result = linprog(
        cost,
        A_ub=vstack([limits, shares]).tocsr(),
        b_ub=np.r_[right, right_of_shares],
        A_eq=_store(battery, n),
        b_eq=np.zeros(n),
        bounds=np.column_stack([np.zeros(upper.size), upper]),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if result.status == 2:
        return Solution(np.inf, np.full(CAPACITIES, np.nan), np.full((len(SERIES), n), np.nan), np.nan)
    if result.status != 0:
        raise ResourceError(f"Expected an optimum of the linear programme, found: {result.message.strip()}; check prices and limits.")
    price = -float(result.ineqlin.marginals[right.size])
    return Solution(float(result.fun), result.x[:CAPACITIES], _flows(problem, result.x, n), price)


def _store(battery: Battery, n: int) -> csr_matrix:
    """Rows of the cyclic state of charge: before + charging - discharging = after."""
    from scipy.sparse import csr_matrix, hstack, identity

    one, none = identity(n, format="csr"), csr_matrix((n, n))
    before = csr_matrix((np.ones(n), (np.arange(n), (np.arange(n) - 1) % n)), shape=(n, n))
    return hstack([csr_matrix((n, CAPACITIES)), -battery.charge * one, one / battery.discharge, one - before, none, none]).tocsr()


def _rows(problem: Problem, battery: Battery, n: int) -> tuple[csr_matrix, Floats, csr_matrix, Floats]:
    """Rows of each hour and of the shares, with their right sides; the first share is that of the target."""
    from scipy.sparse import csr_matrix, hstack, identity, vstack

    one, none, zero = identity(n, format="csr"), csr_matrix((n, n)), csr_matrix((n, 1))
    column = csr_matrix(np.ones((n, 1)))
    plants = [csr_matrix(-problem.pv[:, None]), csr_matrix(-problem.wind[:, None])]
    hours = [
        [*plants, zero, zero, zero, one, -one, none, -one, one],
        [zero, zero, -column, zero, zero, one, none, none, none, none],
        [zero, zero, -column, zero, zero, none, one, none, none, none],
        [zero, zero, zero, -battery.usable * column, zero, none, none, one, none, none],
        [zero, zero, zero, zero, -column, none, none, none, one, none],
    ]
    right = [-problem.load, *(np.zeros(n) for _ in range(4))]
    if not problem.grid_charges:
        hours.append([zero, zero, zero, zero, zero, none, one, none, one, none])
        right.append(problem.load)
    energy, pv, wind = problem.load.sum(), problem.pv.sum(), problem.wind.sum()
    shares, right_of_shares = np.zeros((5, CAPACITIES + 5 * n)), np.zeros(5)
    bought, sold = slice(CAPACITIES + 3 * n, CAPACITIES + 4 * n), slice(CAPACITIES + 4 * n, None)
    shares[0, bought], right_of_shares[0] = 1.0 - problem.carbon_free, (1.0 - problem.target) * energy
    shares[1, :2], right_of_shares[1] = (pv, wind), problem.overbuild * energy
    shares[2, :2], shares[2, bought], right_of_shares[2] = (problem.self_use * pv, problem.self_use * wind), 1.0, energy
    shares[3, bought], right_of_shares[3] = 1.0, (1.0 - problem.own_share) * energy
    shares[4, :2], shares[4, sold] = (-problem.export_share * pv, -problem.export_share * wind), 1.0
    return vstack([hstack(row) for row in hours]).tocsr(), np.concatenate(right), csr_matrix(shares), right_of_shares


def _flows(problem: Problem, x: Floats, n: int) -> Floats:
    """Flows as `SERIES` from the columns of the programme."""
    charge, discharge, level, bought, sold = x[CAPACITIES:].reshape(5, n)
    generation = problem.pv * x[0] + problem.wind * x[1]
    direct = problem.load - discharge - bought
    return np.stack([generation, direct, charge, discharge, level, bought, sold, generation - direct - charge - sold])
