"""Least-cost supply as a linear programme, solved by HiGHS: for everything that the fast engine can't certify, and its oracle.

Beyond `siting.supply.sizing` it chooses the contracted grid capacity, takes hourly prices and carbon-free shares, moves flexible load,
charges the battery from the grid where that is allowed, and sizes an electrolyser with its tank, from which a synthesis may take more or
less by the hour. Where wind power sells at another price than PV, the exports of each hour are told apart: of the dearer source no more
than its output of the hour, and all of them no more than what load and store leave. Stored power isn't sold.
One site and target of a year take seconds to minutes.

References
----------
Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method", Math. Program. Comput. 10, 2018, doi:10.1007/s12532-017-0130-5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from siting.demand.flexibility import FlexibleLoad, moves
from siting.supply.dispatch import SERIES, Battery

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]

#: Columns of the programme that are one number: capacities of plants, battery, contracted grid, electrolyser [MW, MWh] and tank [kg].
CAPACITIES = ("pv", "wind", "power", "energy", "grid", "electrolyser", "tank")
#: Columns by the hour: flows of the battery and its level, exchange with the grid, moved and cut load, and hydrogen.
_FLOWS = ("charge", "discharge", "level", "bought", "sold")
#: Column of the part of the exports that is of the dearer source, where there is one.
_DEARER = "dearer"
_MOVES = ("up", "down", "cut", "free")
_HYDROGEN = ("electrolysis", "stored")
#: Methods of HiGHS in turn: the next where one ends in numerical difficulties (SciPy's status), as it may near infeasibility.
_METHODS, _IN_DIFFICULTIES = ("highs", "highs-ipm"), 4
#: Column of the hydrogen that a synthesis goes without [kg], and of what it takes by the hour [kg].
_MISSING, _TAKEN = "missing", "taken"


class Follower(NamedTuple):
    """A synthesis behind the tank: electricity [MWh/kg of hydrogen], least and largest rate [kg/h], price of what it lacks [CNY/kg].

    It takes the demand over the time axis at hours of its choice; for a finite price it may take less.
    """

    electricity: float
    lowest: float
    highest: float
    missing_price: float = np.inf


class Hydrogen(NamedTuple):
    """Hydrogen to make: demand [kg] by the hour (time,), electricity [MWh/kg], and costs over the time axis [CNY/MW, CNY/kg of tank].

    With a synthesis only the sum of the demand counts.
    """

    demand: Floats
    electricity: float
    electrolyser_cost: float
    tank_cost: float
    synthesis: Follower | None = None

    @property
    def power(self) -> float:
        """Electricity of making and of using hydrogen [MWh/kg]."""
        return self.electricity + (self.synthesis.electricity if self.synthesis else 0.0)


class Problem(NamedTuple):
    """One site and target.

    Parameters
    ----------
    pv, wind : ndarray, shape (time,)
        Output per capacity [1].
    load : FlexibleLoad
        What must be served in its hour and what may move or be cut.
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
    wind_premium : float
        What exported wind power earns beyond the export price, which is that of PV [CNY/MWh].
    grid_charges : bool
        Whether imports may charge the battery; they count at the carbon-free share of the hour in which they are bought.
    hydrogen : Hydrogen, optional
        Hydrogen to make; its electricity is part of the load.
    """

    pv: Floats
    wind: Floats
    load: FlexibleLoad
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
    hydrogen: Hydrogen | None = None
    wind_premium: float = 0.0

    @property
    def energy(self) -> float:
        """Load over the time axis if nothing is cut [MWh]."""
        gas = self.hydrogen
        made = float(gas.demand.sum()) * gas.power if gas else 0.0
        return float(self.load.firm.sum()) + self.load.free_energy + made


class Solution(NamedTuple):
    """An optimum.

    Least cost [CNY] (infinite if nothing meets the limits), capacities (CAPACITIES), flows (len(SERIES), time), price of the target
    [CNY/MWh], load that is served (time,) and load that is cut (time,) [MW], hydrogen that a synthesis takes (time,) [kg], and exports of
    the dearer source (time,) [MW], NaN where both earn the same.
    """

    cost: float
    capacities: Floats
    flows: Floats
    target_price: float
    served: Floats
    cut: Floats
    hydrogen: Floats
    dearer: Floats


class Columns(NamedTuple):
    """Place of each group of columns, and the number of hours."""

    place: dict[str, slice]
    hours: int

    @property
    def size(self) -> int:
        """Number of columns."""
        return int(max(part.stop for part in self.place.values()))

    def row(self, **coefficients: Any) -> Floats:
        """One row from coefficients of groups."""
        row = np.zeros(self.size)
        for name, values in coefficients.items():
            row[self.place[name]] = values
        return row

    def rows(self, height: int, **matrices: Any) -> csr_matrix:
        """Rows from a matrix of each group; a number stands for itself on the diagonal."""
        from scipy.sparse import csr_matrix, hstack, identity

        parts = []
        for name, part in self.place.items():
            given = matrices.get(name, 0.0)
            width = part.stop - part.start
            if isinstance(given, float):
                given = given * identity(height, format="csr") if given else csr_matrix((height, width))
            parts.append(given)
        return hstack(parts, format="csr")


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

    columns = _columns(problem)
    hourly, right = _hours(problem, battery, columns)
    shares, right_of_shares = _shares(problem, columns)
    equal, right_of_equal = _equalities(problem, battery, columns)
    for method in _METHODS:
        result = linprog(
            _costs(problem, columns),
            A_ub=vstack([hourly, shares]).tocsr(),
            b_ub=np.r_[right, right_of_shares],
            A_eq=equal,
            b_eq=right_of_equal,
            bounds=np.column_stack(_bounds(problem, columns)),
            method=method,
            options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
        )
        if result.status != _IN_DIFFICULTIES:
            break
    hours = columns.hours
    if result.status == 2:
        unknown = [np.full(hours, np.nan)] * 4
        return Solution(np.inf, np.full(len(CAPACITIES), np.nan), np.full((len(SERIES), hours), np.nan), np.nan, *unknown)
    if result.status != 0:
        raise ResourceError(f"Expected an optimum of the linear programme, found: {result.message.strip()}; check prices and limits.")
    price = -float(result.ineqlin.marginals[right.size])
    found = {name: result.x[part] + 0.0 for name, part in columns.place.items()}  # no negative zeros
    capacities = np.array([found[name][0] if name in found else 0.0 for name in CAPACITIES])
    return Solution(float(result.fun), capacities, *_flows(problem, found, price))


def _columns(problem: Problem) -> Columns:
    """Groups of columns that the problem needs."""
    n, follows = problem.load.firm.size, _follower(problem) is not None
    scalars = (CAPACITIES if problem.hydrogen else CAPACITIES[:5]) + ((_MISSING,) if follows else ())
    series = _FLOWS + (_MOVES if moves(problem.load) else ()) + (_HYDROGEN if problem.hydrogen else ()) + ((_TAKEN,) if follows else ())
    series += (_DEARER,) if problem.wind_premium != 0.0 else ()
    place, end = {}, 0
    for names, width in ((scalars, 1), (series, n)):
        for name in names:
            place[name] = slice(end, end + width)
            end += width
    return Columns(place, n)


def _follower(problem: Problem) -> Follower | None:
    """Synthesis behind the tank, if there is one."""
    return problem.hydrogen.synthesis if problem.hydrogen else None


def _costs(problem: Problem, columns: Columns) -> Floats:
    """Cost of one unit of each column [CNY]."""
    given: dict[str, Any] = dict(zip(CAPACITIES[:5], problem.costs, strict=True))
    given |= {"bought": problem.import_price, "sold": -min(problem.export_price, problem.export_price + problem.wind_premium)}
    if _DEARER in columns.place:
        given[_DEARER] = -abs(problem.wind_premium)
    if "cut" in columns.place:
        given["cut"] = 1e3 * problem.load.cut_price
    if problem.hydrogen:
        given |= {"electrolyser": problem.hydrogen.electrolyser_cost, "tank": problem.hydrogen.tank_cost}
    follower = _follower(problem)
    if follower and np.isfinite(follower.missing_price):
        given[_MISSING] = follower.missing_price
    return columns.row(**given)


def _bounds(problem: Problem, columns: Columns) -> tuple[Floats, Floats]:
    """Least and largest value of each column."""
    load = problem.load
    upper: dict[str, Any] = dict.fromkeys(columns.place, np.inf)
    upper |= dict(zip(CAPACITIES[:5], problem.limits, strict=True)) | {"sold": problem.export_limit}
    lower: dict[str, Any] = {}
    if "cut" in columns.place:
        upper |= {"up": load.shift_max_up, "down": load.shift_max_down, "cut": load.cut_max, "free": load.free_power_max}
        lower["free"] = load.free_power_min
    follower = _follower(problem)
    if follower:
        upper |= {_TAKEN: follower.highest, _MISSING: np.inf if np.isfinite(follower.missing_price) else 0.0}
        lower[_TAKEN] = follower.lowest
    return columns.row(**lower), columns.row(**upper)


def _used(problem: Problem, columns: Columns, sign: float) -> dict[str, float]:
    """Coefficients of the load beyond its firm part."""
    follower = _follower(problem)
    parts = {"up": sign, "down": -sign, "cut": -sign, "free": sign, "electrolysis": sign}
    parts[_TAKEN] = sign * follower.electricity if follower else 0.0
    return {name: value for name, value in parts.items() if name in columns.place}


def _hours(problem: Problem, battery: Battery, columns: Columns) -> tuple[csr_matrix, Floats]:
    """Rows of each hour, at most their right sides: the balance, what capacities allow, and what may not flow."""
    from scipy.sparse import csr_matrix, vstack

    n = columns.hours
    pv, wind, one = (csr_matrix(values[:, None]) for values in (problem.pv, problem.wind, np.ones(n)))
    firm, none = problem.load.firm, np.zeros(n)
    made = {"pv": -pv, "wind": -wind}
    rows = [
        (columns.rows(n, **made, charge=1.0, discharge=-1.0, bought=-1.0, sold=1.0, **_used(problem, columns, 1.0)), -firm),
        (columns.rows(n, charge=1.0, power=-one), none),
        (columns.rows(n, discharge=1.0, power=-one), none),
        (columns.rows(n, level=1.0, energy=-battery.usable * one), none),
        (columns.rows(n, bought=1.0, grid=-one), none),
    ]
    if problem.grid_charges:
        rows.append((columns.rows(n, **made, sold=1.0), none))
    else:
        rows.append((columns.rows(n, discharge=1.0, bought=1.0, **_used(problem, columns, -1.0)), firm))
    if _DEARER in columns.place:
        source = {"wind": -wind} if problem.wind_premium > 0 else {"pv": -pv}
        rows.append((columns.rows(n, dearer=1.0, **source), none))
        rows.append((columns.rows(n, dearer=1.0, sold=-1.0), none))
    if problem.hydrogen:
        rows.append((columns.rows(n, electrolysis=1.0, electrolyser=-one), none))
        rows.append((columns.rows(n, stored=1.0, tank=-one), none))
    return vstack([row for row, _ in rows]).tocsr(), np.concatenate([right for _, right in rows])


def _shares(problem: Problem, columns: Columns) -> tuple[csr_matrix, Floats]:
    """Rows of the shares over the time axis, at most their right sides; the first is that of the target."""
    from scipy.sparse import csr_matrix

    energy, pv, wind = problem.energy, float(problem.pv.sum()), float(problem.wind.sum())
    least = 1.0 - problem.target
    unserved = {"cut": 1.0, _MISSING: problem.hydrogen.power if problem.hydrogen else 0.0}

    def without(part: float) -> dict[str, float]:
        return {name: part * value for name, value in unserved.items() if name in columns.place}

    rows = [
        (columns.row(bought=1.0 - problem.carbon_free, **without(least)), least * energy),
        (columns.row(pv=pv, wind=wind), problem.overbuild * energy),
        (columns.row(pv=problem.self_use * pv, wind=problem.self_use * wind, bought=1.0, **without(1.0)), energy),
        (columns.row(bought=1.0, **without(1.0 - problem.own_share)), (1.0 - problem.own_share) * energy),
        (columns.row(pv=-problem.export_share * pv, wind=-problem.export_share * wind, sold=1.0), 0.0),
    ]
    if "cut" in columns.place:
        rows.append((columns.row(cut=1.0), problem.load.cut_energy_max))
    return csr_matrix(np.stack([row for row, _ in rows])), np.array([right for _, right in rows])


def _equalities(problem: Problem, battery: Battery, columns: Columns) -> tuple[csr_matrix, Floats]:
    """Rows of what must close: the stores from hour to hour around the year, moved load by the day, energy that is free to choose."""
    from scipy.sparse import csr_matrix, identity, vstack

    n, load = columns.hours, problem.load
    before = csr_matrix((np.ones(n), (np.arange(n), (np.arange(n) - 1) % n)), shape=(n, n))
    step = identity(n, format="csr") - before
    rows = [(columns.rows(n, charge=-battery.charge, discharge=1.0 / battery.discharge, level=step), np.zeros(n))]
    if "up" in columns.place:
        days = int(load.day_index[-1]) + 1
        of_day = csr_matrix((np.ones(n), (load.day_index, np.arange(n))), shape=(days, n))
        rows.append((columns.rows(days, up=of_day, down=-of_day), np.zeros(days)))
        rows.append((csr_matrix(columns.row(free=1.0)), np.array([load.free_energy])))
    if problem.hydrogen:
        made, demand = -1.0 / problem.hydrogen.electricity, problem.hydrogen.demand
        follows = _TAKEN in columns.place
        rows.append((columns.rows(n, stored=step, electrolysis=made, taken=1.0), np.zeros(n) if follows else -demand))
        if follows:
            rows.append((csr_matrix(columns.row(taken=1.0, missing=1.0)), np.array([demand.sum()])))
    return vstack([row for row, _ in rows]).tocsr(), np.concatenate([right for _, right in rows])


def _flows(problem: Problem, found: dict[str, Floats], price: float) -> tuple[Floats, float, Floats, Floats, Floats, Floats]:
    """Flows as `SERIES`, price of the target, load served and cut, hydrogen taken, and dearer exports, from the columns."""
    charge, discharge, level, bought, sold = (found[name] for name in _FLOWS)
    none = np.zeros(level.size)
    up, down, cut, free = (found.get(name, none) for name in _MOVES)
    taken, follower = found.get(_TAKEN, none), _follower(problem)
    synthesis = follower.electricity * taken if follower else none
    served = problem.load.firm + up - down - cut + free + found.get("electrolysis", none) + synthesis
    generation = problem.pv * found["pv"] + problem.wind * found["wind"]
    stored = np.maximum(0.0, discharge + bought - served) if problem.grid_charges else none
    direct = served - discharge - bought + stored
    lost = generation - direct - (charge - stored) - sold
    flows = np.stack([generation, direct, charge, discharge, level, bought, sold, lost, stored])
    return flows, price, served, cut, taken, found.get(_DEARER, none * np.nan)
