"""A small linear programme that grows by rows: the capacities of least cost above all planes found so far.

minimise ``cost @ x + price * share`` over ``x >= 0`` with ``offset + slope @ x <= coefficient * share`` for each plane: the coefficient
is 1 where it bounds the import share from below, 0 where it limits the capacities, and -1 where it limits the share. The dual has one
row per capacity and one for the share, whatever the number of planes; the simplex method works on it. There a new plane is a new
column, and the last basis stays feasible when a plane is added or an offset changes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siting.supply.dispatch import Series, compiled

#: Capacities: PV, wind, battery power, battery energy.
CAPACITIES = 4
ROWS = CAPACITIES + 1
MOST_PLANES = 1_200
MOST_PIVOTS = 500

#: Violations of a plane that rounding explains. The weights of the basis bound the cost whatever the violation.
NEGLIGIBLE = 1e-10

OPTIMAL, INFEASIBLE, STALLED = 0, 1, 2


class Planes(NamedTuple):
    """Offsets (plane,), slopes (capacity, plane), coefficients of the share (plane,), their number (1,), and room for their excess."""

    offset: Series
    slope: Series
    coefficient: Series
    used: Series
    excess: Series


class Basis(NamedTuple):
    """Columns of the basis (plane number, or -k for the slack of the k-th capacity), its inverse and the weights."""

    column: Series
    inverse: Series
    weight: Series


@compiled
def add_plane(planes: Planes, offset: float, slope: Series, coefficient: float) -> None:
    """Keep a plane."""
    k = int(planes.used[0])
    planes.offset[k], planes.coefficient[k] = offset, coefficient
    for j in range(CAPACITIES):
        planes.slope[j, k] = slope[j]
    planes.used[0] = k + 1.0


@compiled
def start(basis: Basis, cost: Series, price: float) -> None:
    """First basis: the share on plane 0, which must be its sign, and all slacks."""
    basis.inverse[:] = 0.0
    for i in range(ROWS):
        basis.inverse[i, i] = 1.0
        basis.column[i] = -float(i)
        basis.weight[i] = cost[i - 1] if i > 0 else price
    basis.column[0] = 0.0


@compiled
def corner(planes: Planes, basis: Basis, point: Series) -> None:
    """Fill ``point`` (share, then the capacities) with the corner of the planes that a basis stands for."""
    point[:] = 0.0
    for i in range(ROWS):
        k = int(basis.column[i])
        if k >= 0:
            for j in range(ROWS):
                point[j] += planes.offset[k] * basis.inverse[i, j]


@compiled
def most_violated(planes: Planes, point: Series) -> tuple[float, int]:
    """By how much a plane or the sign of a capacity is violated most at a point, and which: a plane's number or minus the capacity's."""
    worst, column, excess = 0.0, 0, planes.excess
    share, a, b, c, d = point[0], point[1], point[2], point[3], point[4]
    for k in range(int(planes.used[0])):  # apart from the search for the largest, so that it runs over several planes at once
        excess[k] = (
            planes.offset[k]
            - planes.coefficient[k] * share
            + planes.slope[0, k] * a
            + planes.slope[1, k] * b
            + planes.slope[2, k] * c
            + planes.slope[3, k] * d
        )
    for k in range(int(planes.used[0])):
        if excess[k] > worst:
            worst, column = excess[k], k
    for j in range(CAPACITIES):
        if -point[j + 1] > worst:
            worst, column = -point[j + 1], -(j + 1)
    return worst, column


@compiled
def enter(planes: Planes, basis: Basis, column: int, entering: Series) -> bool:
    """Bring a column into the basis; ``False`` if nothing leaves it, which proves that no capacities satisfy all planes."""
    row, ratio = -1, np.inf
    for i in range(ROWS):
        if column >= 0:
            entering[i] = basis.inverse[i, 0] * planes.coefficient[column]
            for j in range(CAPACITIES):
                entering[i] -= basis.inverse[i, j + 1] * planes.slope[j, column]
        else:
            entering[i] = basis.inverse[i, -column]
        if entering[i] > 1e-12 and max(basis.weight[i], 0.0) / entering[i] < ratio:
            row, ratio = i, max(basis.weight[i], 0.0) / entering[i]
    if row < 0:
        return False
    pivot(basis, row, ratio, entering)
    basis.column[row] = float(column)
    return True


@compiled
def pivot(basis: Basis, row: int, ratio: float, entering: Series) -> None:
    """Update weights and inverse for a column that takes a row of the basis; plain loops, as arrays of five cost more than they do."""
    for i in range(ROWS):
        basis.weight[i] -= ratio * entering[i]
    basis.weight[row] = ratio
    for j in range(ROWS):
        basis.inverse[row, j] /= entering[row]
    for i in range(ROWS):
        if i != row and entering[i] != 0.0:
            for j in range(ROWS):
                basis.inverse[i, j] -= entering[i] * basis.inverse[row, j]


@compiled
def solve(planes: Planes, cost: Series, price: float, basis: Basis, point: Series) -> tuple[int, float]:
    """Fill ``point`` (share, then the capacities) with the optimum; returns the outcome and the least cost.

    The weights of the basis are those of its planes in the optimum.
    """
    entering = np.empty(ROWS)
    for _ in range(MOST_PIVOTS):
        corner(planes, basis, point)
        worst, column = most_violated(planes, point)
        if worst <= NEGLIGIBLE:
            total = price * point[0]
            for j in range(CAPACITIES):
                total += cost[j] * point[j + 1]
            return OPTIMAL, total
        if not enter(planes, basis, column, entering):
            return INFEASIBLE, np.inf
    return STALLED, np.inf


def empty_planes() -> Planes:
    """Room for planes."""
    return Planes(np.zeros(MOST_PLANES), np.zeros((CAPACITIES, MOST_PLANES)), np.zeros(MOST_PLANES), np.zeros(1), np.zeros(MOST_PLANES))


def empty_basis() -> Basis:
    """Room for a basis."""
    return Basis(np.zeros(ROWS), np.zeros((ROWS, ROWS)), np.zeros(ROWS))
