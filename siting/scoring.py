"""Scores, ranks and what they rest on: a weighted sum of absolute value functions, and its spread over weather seeds.

Value functions have fixed bounds, never the minimum and maximum of the sites at hand, so that a site's score does not
change when other sites come or go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from siting.vocabulary import VARIABLES, AlignmentError, MissingVariableError, Parameters, StudyError, check, step, with_warnings

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

#: Bits of ``site_status``.
NO_PARK, NO_PLANTS, NO_RESOURCE, TARGET_MISSED, NO_PRICE, NO_FACTOR, FAR, NO_VALUE = (1 << bit for bit in range(8))

#: Meaning of each bit of ``site_status``; a site is ranked exactly when neither ``NO_PARK`` nor ``NO_VALUE`` is set.
STATUS = {
    NO_PARK: "park not allowed here",
    NO_PLANTS: "no land for plants",
    NO_RESOURCE: "no resource data",
    TARGET_MISSED: "target not reached",
    NO_PRICE: "no price of grid power",
    NO_FACTOR: "no emission factor",
    FAR: "over 100 km from the nearest place with figures",
    NO_VALUE: "a criterion has no value",
}

#: Distance to the nearest place with atlas figures beyond which a site is flagged [km].
FAR_KM = 100.0

#: Shortfall of the matched share that still counts as reaching the target; below the resolution of any report.
SHARE_TOLERANCE = 1e-6

#: Largest difference between the sum of the weights and 1.
WEIGHT_TOLERANCE = 1e-9

_STATUS_NEEDS = (
    "load_allowed",
    "pv_land_fraction",
    "wind_land_fraction",
    "pv_full_load_hours",
    "wind_full_load_hours",
    "matched_share",
    "import_price",
    "grid_emission_factor",
    "distance_to_place",
)
_SCORE_ADDS = ("contribution", "score", "rank", "site_status")
_SEED_NEEDS = ("score", "rank", "delivered_cost", "battery_energy", "load_energy")
_SEED_ADDS = ("delivered_cost_range", "storage_hours_range", "rank_range", "tie_group")


class Criterion(Parameters):
    """One criterion: a variable, what it is worth from ``worst`` (0) to ``best`` (1), and its weight."""

    variable: str = Field(description="variable of the site table, such as delivered_cost")
    target: float | None = Field(None, gt=0, le=1, description="hourly matched share at which the variable is read, if it depends on it")
    weight: float = Field(gt=0, le=1, description="weight; the weights of all criteria sum to 1")
    best: float = Field(description="level worth 1, in the unit of the variable; better levels are worth 1 too")
    worst: float = Field(description="level worth 0, in the unit of the variable; worse levels are worth 0 too")
    label: str | None = Field(None, min_length=1, max_length=60, description="name in tables and maps; default: variable and target")

    @property
    def name(self) -> str:
        """Label, or the variable with its target in per cent."""
        if self.label is not None:
            return self.label
        return self.variable if self.target is None else f"{self.variable}_{100 * self.target:g}"


#: Criteria of the default study. A score difference of 0.01 is worth 0.01 CNY/kWh of delivered cost, which is the
#: yardstick for the other bounds:
#:
#: * cost from 0.20 CNY/kWh (what an off-grid wind and solar plant at Chifeng claims) to 0.90 CNY/kWh (well above any
#:   industrial tariff, where no consumer would come);
#: * location-based emissions up to 0.25 kg/kWh, which prices carbon at 600 CNY/t, the order of an EU allowance;
#: * distance to a city up to 200 km at 0.0005 CNY/kWh per km, what a 100 MW park that moves 1 Mt a year by lorry
#:   (0.4 CNY per t and km) pays; labour and services follow the same distance;
#: * altitude from 1 000 m, above which electrical equipment is derated, to 4 000 m, at 0.017 CNY/kWh per 1 000 m. Thin
#:   air in front of rotors is in the cost already.
DEFAULT_CRITERIA = (
    Criterion(variable="delivered_cost", target=0.9, weight=0.70, best=0.20, worst=0.90),
    Criterion(variable="scope2_location", target=0.9, weight=0.15, best=0.0, worst=0.25),
    Criterion(variable="distance_to_city", weight=0.10, best=0.0, worst=200.0),
    Criterion(variable="altitude", weight=0.05, best=1000.0, worst=4000.0),
)


def check_criteria(criteria: Sequence[Criterion]) -> None:
    """Refuse criteria that do not make one well-defined score.

    Raises
    ------
    StudyError
        If there is none; a variable is unknown, not a number, or read at the wrong dimensions; a weight is not positive; the
        weights do not sum to 1; best equals worst; or a criterion or a label is listed twice.
    """
    if not criteria:
        raise StudyError("Expected at least one criterion, found none; leave `criteria` out for the default ones.")
    for criterion in criteria:
        _check_variable(criterion)
        _check_numbers(criterion)
    _check_unique([f"{c.variable} at {c.target}" if c.target else c.variable for c in criteria], "criterion")
    _check_unique([c.name for c in criteria], "label")
    total = math.fsum(c.weight for c in criteria)
    if abs(total - 1) > WEIGHT_TOLERANCE:
        raise StudyError(f"Expected weights that sum to 1, found {total:.9g}; divide each weight by {total:.9g}.")


def _check_variable(criterion: Criterion) -> None:
    added = (*_SCORE_ADDS, *_SEED_ADDS)
    scored = [name for name in VARIABLES if VARIABLES[name].unit and name not in added and _extra(name) in ((), ("target",))]
    name = criterion.variable
    if name not in scored:
        near = get_close_matches(name, scored, n=1)
        fix = (
            f"did you mean {near[0]!r}?"
            if near
            else "choose one of the columns of sites.csv, such as delivered_cost, scope2_location or altitude."
        )
        raise StudyError(f"Expected a criterion on a number per site, found {name!r}; {fix}")
    if (_extra(name) == ("target",)) != (criterion.target is not None):
        found, fix = ("none", "add a target such as 0.9") if criterion.target is None else (f"{criterion.target:g}", "remove it")
        wanted = "a target" if criterion.target is None else "no target"
        raise StudyError(f"Expected {wanted} for criterion {name!r}, found {found}; {fix}.")


def _extra(name: str) -> tuple[str, ...]:
    """Dimensions beside the site (or the cell, for layers)."""
    return tuple(dim for dim in VARIABLES[name].dims if dim not in ("site", "y", "x"))


def _check_numbers(criterion: Criterion) -> None:
    if not (math.isfinite(criterion.weight) and criterion.weight > 0):
        raise StudyError(f"Expected a positive weight for {criterion.name!r}, found {criterion.weight}; remove the criterion or weigh it.")
    if not (math.isfinite(criterion.best) and math.isfinite(criterion.worst)) or criterion.best == criterion.worst:
        raise StudyError(
            f"Expected two different finite levels for {criterion.name!r}, found best {criterion.best} and worst {criterion.worst}; "
            "set the levels worth 1 and 0."
        )


def _check_unique(names: Sequence[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyError(f"Expected every {what} once, found {', '.join(twice)} twice; merge the weights or rename.")


def value(x: ArrayLike, best: float, worst: float) -> Floats:
    """Worth of a level on a linear scale with fixed ends.

    Parameters
    ----------
    x : array_like
        Levels, any shape and unit.
    best, worst : float
        Levels worth 1 and 0, in the unit of ``x``; ``best`` may be the smaller one.

    Returns
    -------
    ndarray
        0 to 1; levels beyond the ends are worth 0 or 1 by definition, levels that are not finite are worth NaN.

    Raises
    ------
    StudyError
        If ``best`` equals ``worst``.

    Examples
    --------
    >>> value([0.2, 0.55, 1.2], best=0.2, worst=0.9).round(3).tolist()
    [1.0, 0.5, 0.0]
    """
    if best == worst:
        raise StudyError(f"Expected different levels for best and worst, found {best} for both; set the levels worth 1 and 0.")
    levels = np.asarray(x, dtype=np.float64)
    levels = np.where(np.isfinite(levels), levels, np.nan)
    return np.clip((levels - worst) / (best - worst), 0.0, 1.0) + 0.0  # + 0.0 turns -0.0 into 0.0


def weighted_sum(values: ArrayLike, weights: ArrayLike) -> Floats:
    """Sum of weighted values over criteria, added in the order of the criteria.

    Parameters
    ----------
    values : array_like, shape (sites, criteria)
        Worth of each site under each criterion.
    weights : array_like, shape (criteria,)
        Weights.

    Returns
    -------
    ndarray, shape (sites,)
        NaN where any value is NaN.

    Raises
    ------
    AlignmentError
        If the shapes don't match.

    Notes
    -----
    A site's sum depends on its own row alone, to the last bit: no BLAS and no pairwise summation, whose order of
    additions depends on the shape.

    Examples
    --------
    >>> weighted_sum([[1.0, 0.0], [0.5, 0.5]], [0.75, 0.25]).tolist()
    [0.75, 0.5]
    """
    table, factors = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if table.ndim != 2 or factors.shape != table.shape[1:]:
        raise AlignmentError(
            f"Expected values (sites, criteria) and as many weights, found shapes {table.shape} and {factors.shape}; transpose one."
        )
    total = np.zeros(table.shape[0])
    for column, factor in zip(table.T, factors, strict=True):
        total += factor * column
    return total


def rank(scores: ArrayLike, sites: ArrayLike, allowed: ArrayLike) -> NDArray[np.int64]:
    """Rank in a total order: score, best first, then site number, smallest first.

    Parameters
    ----------
    scores : array_like, shape (sites,)
        Scores; those that are not finite are not ranked.
    sites : array_like, shape (sites,)
        Site numbers, each once.
    allowed : array_like of bool, shape (sites,)
        Sites that may be ranked.

    Returns
    -------
    ndarray of int, shape (sites,)
        1 is best, 0 is not ranked.

    Raises
    ------
    AlignmentError
        If a site number comes twice.
    """
    values, numbers = np.asarray(scores, dtype=np.float64), np.asarray(sites)
    if np.unique(numbers).size != numbers.size:
        raise AlignmentError("Expected every site once, found repeated site numbers; concatenate blocks that don't overlap.")
    chosen = np.flatnonzero(np.isfinite(values) & np.asarray(allowed, dtype=bool))
    order = chosen[np.lexsort((numbers[chosen], -values[chosen]))]
    ranks = np.zeros(values.shape, dtype=np.int64)
    ranks[order] = np.arange(1, order.size + 1)
    return ranks


@step(needs=_STATUS_NEEDS, adds=_SCORE_ADDS)
def score(sites: xr.Dataset, criteria: Sequence[Criterion] = DEFAULT_CRITERIA) -> xr.Dataset:
    """Score and rank all sites, with the part of each criterion and the reason why a site is not ranked.

    The target of the heaviest criterion that has one is noted as ``main_target``: what is told of a site is told at it.

    Raises
    ------
    StudyError
        If the criteria are not well-defined (see :func:`check_criteria`) or the sites lack a criterion's target.
    """
    check_criteria(criteria)
    check(sites, [criterion.variable for criterion in criteria], "score")
    values = np.column_stack([value(_levels(sites, c), c.best, c.worst) for c in criteria])
    weights = np.array([c.weight for c in criteria])
    scores = weighted_sum(values, weights)
    allowed = sites["load_allowed"].to_numpy().astype(bool)
    scored = sites.assign_coords(criterion=[c.name for c in criteria]).assign(
        contribution=(("site", "criterion"), values * weights),
        score=("site", scores),
        rank=("site", rank(scores, sites["site"].to_numpy(), allowed)),
        site_status=("site", _status(sites, criteria, scores)),
    )
    scored["site_status"].attrs.update(flag_masks=list(STATUS), flag_meanings="|".join(STATUS.values()))
    heaviest = max((c for c in criteria if c.target is not None), key=lambda c: c.weight, default=None)
    if heaviest is not None:
        scored = scored.assign_attrs(main_target=heaviest.target)
    return with_warnings(scored, _warnings(scored))


def _warnings(scored: xr.Dataset) -> list[str]:
    """How many parks find no supply on the land of their plants, which the size of the cells decides as well."""
    allowed = scored["load_allowed"].to_numpy().astype(bool)
    missed = int(((scored["site_status"].to_numpy() & TARGET_MISSED) > 0)[allowed].sum())
    if not missed:
        return []
    return [
        f"In {missed:,} of {int(allowed.sum()):,} cells where a park may stand, no mix on the land open to its plants reaches the hourly "
        "matched share. Small cells hold few plants: a coarser grid or a smaller load may reach it."
    ]


def _levels(sites: xr.Dataset, criterion: Criterion) -> Floats:
    column = sites[criterion.variable]
    if criterion.target is not None:
        column = column.isel(target=target_index(sites, criterion.target))
    return column.to_numpy().astype(np.float64)


def target_index(sites: xr.Dataset, target: float | None) -> int:
    """Position of a target along ``target``; that of the score, else the highest, if none is given.

    Raises
    ------
    StudyError
        If the sites lack the target.
    """
    targets = sites["target"].to_numpy()
    target = sites.attrs.get("main_target") if target is None else target
    if target is None:
        return int(np.argmax(targets))
    matches = np.flatnonzero(np.abs(targets - target) < 1e-9)
    if matches.size != 1:
        raise StudyError(f"Expected one of the targets {', '.join(f'{t:g}' for t in targets)}, found {target:g}; add it to supply.targets.")
    return int(matches[0])


def _status(sites: xr.Dataset, criteria: Sequence[Criterion], scores: Floats) -> NDArray[np.int64]:
    def column(name: str) -> Floats:
        return sites[name].to_numpy().astype(np.float64)

    targets = sorted({c.target for c in criteria if c.target is not None}) or sites["target"].to_numpy().tolist()
    missed = np.zeros(scores.shape, dtype=bool)
    for target in targets:
        share = sites["matched_share"].isel(target=target_index(sites, target)).to_numpy()
        missed |= ~(share >= target - SHARE_TOLERANCE)  # NaN is a miss
    no_resource = np.isnan(column("pv_full_load_hours")) | np.isnan(column("wind_full_load_hours"))
    conditions = {
        NO_PARK: ~sites["load_allowed"].to_numpy().astype(bool),
        NO_PLANTS: ~((column("pv_land_fraction") > 0) | (column("wind_land_fraction") > 0)),
        NO_RESOURCE: no_resource,
        TARGET_MISSED: missed & ~no_resource,
        NO_PRICE: np.isnan(column("import_price")),
        NO_FACTOR: np.isnan(column("grid_emission_factor")),
        FAR: column("distance_to_place") > FAR_KM,
        NO_VALUE: ~np.isfinite(scores),
    }
    status = np.zeros(scores.shape, dtype=np.int64)
    for bit, holds in conditions.items():
        status[holds] |= bit
    return status


def explain_status(status: int) -> tuple[str, ...]:
    """Meanings of the bits that are set.

    Examples
    --------
    >>> explain_status(36)
    ('no resource data', 'no emission factor')
    """
    return tuple(meaning for bit, meaning in STATUS.items() if status & bit)


@step(needs=_SEED_NEEDS, adds=_SEED_ADDS)
def add_seed_ranges(sites: xr.Dataset, by_seed: Sequence[xr.Dataset], target: float | None = None) -> xr.Dataset:
    """Spread of the leading sites over weather seeds, and which of them the weather cannot tell apart.

    Parameters
    ----------
    sites : xr.Dataset
        All sites, scored under the study's own seed.
    by_seed : sequence of xr.Dataset
        The leading sites, scored under one other seed each with the same criteria; they are the sites of these tables.
    target : float, optional
        Hourly matched share at which cost and storage are read; default: that of the score.

    Returns
    -------
    xr.Dataset
        ``sites`` with ``delivered_cost_range``, ``storage_hours_range`` (hours of mean load that the battery holds),
        ``rank_range`` (rank among the leading sites) over ``bound`` (low, high), and ``tie_group``. Sites that are not
        among the leading, or that lack a value under some seed, have NaN ranges and group 0.

    Raises
    ------
    StudyError
        If there is no other seed.
    AlignmentError
        If the tables differ in their sites or their sites are not all in ``sites``.

    Notes
    -----
    With ``d_s`` the score difference of two sites under seed ``s``, they tie if ``|mean(d)| <= std(d)``, where ``std`` is
    the sample standard deviation over all seeds. The differences are paired: weather that moves both sites alike does not
    make a tie. Groups are built from the best mean score downwards: the best site without a group leads the next one, and
    every site without a group that ties with this leader joins it.
    """
    import xarray as xr

    leading = _leading_rows(sites, by_seed)
    tables = [sites.isel(site=leading), *by_seed]
    numbers = by_seed[0]["site"].to_numpy()
    at = target_index(sites, target)
    scores = np.stack([np.where(table["rank"].to_numpy() > 0, table["score"].to_numpy(), np.nan) for table in tables])
    ranks = np.stack([rank(row, numbers, np.ones(row.size, dtype=bool)) for row in scores]).astype(np.float64)
    spreads = {
        "delivered_cost_range": np.stack([table["delivered_cost"].isel(target=at).to_numpy() for table in tables]),
        "storage_hours_range": np.stack([_storage_hours(table, at) for table in tables]),
        "rank_range": np.where(ranks > 0, ranks, np.nan),
    }
    ranged = sites.assign_coords(bound=["low", "high"])
    for name, levels in spreads.items():
        bounds = np.full((sites.sizes["site"], 2), np.nan)
        bounds[leading] = np.column_stack([levels.min(axis=0), levels.max(axis=0)])
        ranged[name] = xr.Variable(("site", "bound"), bounds)
    groups = np.zeros(sites.sizes["site"], dtype=np.int64)
    groups[leading] = tie_groups(scores, numbers)
    ranged["tie_group"] = xr.Variable("site", groups)
    return ranged


def _leading_rows(sites: xr.Dataset, by_seed: Sequence[xr.Dataset]) -> NDArray[np.int64]:
    """Positions of the leading sites in ``sites``, in the order of the tables."""
    if not by_seed:
        raise StudyError("Expected the leading sites under at least one other seed, found none; set robustness.seeds to 2 or more.")
    numbers = by_seed[0]["site"].to_numpy()
    for table in by_seed:
        check(table, _SEED_NEEDS, "add_seed_ranges")
        if not np.array_equal(table["site"].to_numpy(), numbers):
            raise AlignmentError("Expected the same leading sites under every seed, found others; rate one selection for all.")
        if not np.array_equal(table["target"].to_numpy(), sites["target"].to_numpy()):
            raise AlignmentError("Expected the targets of the study under every seed, found others; change nothing but the seed.")
    rows = sites.get_index("site").get_indexer(by_seed[0].get_index("site"))
    if (rows < 0).any():
        raise AlignmentError(f"Expected leading sites among all sites, found {int((rows < 0).sum())} unknown; use one grid and one screen.")
    return rows.astype(np.int64)


def _storage_hours(sites: xr.Dataset, target: int) -> Floats:
    """Battery energy over mean load [h]."""
    if "hours" not in sites.attrs:
        raise MissingVariableError("add_seed_ranges needs the attribute hours (of the year); run match_supply first.")
    mean_load = sites["load_energy"].to_numpy() / float(sites.attrs["hours"])
    hours: Floats = sites["battery_energy"].isel(target=target).to_numpy() / mean_load
    return hours


def tie_groups(scores: ArrayLike, sites: ArrayLike) -> NDArray[np.int64]:
    """Group sites that the seeds cannot tell from the group's best.

    Parameters
    ----------
    scores : array_like, shape (seeds, sites)
        Scores under two seeds or more; sites with any NaN stay without a group.
    sites : array_like, shape (sites,)
        Site numbers, which order equal means.

    Returns
    -------
    ndarray of int, shape (sites,)
        1 for the group of the best, and so on; 0 is none. See :func:`add_seed_ranges` for the definition.

    Raises
    ------
    StudyError
        If there are fewer than two seeds, which have no spread.

    Examples
    --------
    >>> tie_groups([[0.90, 0.89, 0.5], [0.86, 0.88, 0.5]], [7, 8, 9]).tolist()
    [1, 1, 2]
    """
    table, numbers = np.asarray(scores, dtype=np.float64), np.asarray(sites)
    if len(table) < 2:
        raise StudyError(f"Expected scores under two seeds or more, found {len(table)}; set robustness.seeds to 2 or more.")
    means = _mean(table)
    waiting = np.flatnonzero(np.isfinite(means))
    waiting = waiting[np.lexsort((numbers[waiting], -means[waiting]))]
    groups = np.zeros(table.shape[1], dtype=np.int64)
    group = 0
    while waiting.size:
        group += 1
        differences = table[:, waiting[:1]] - table[:, waiting]
        mean = _mean(differences)
        spread = np.sqrt(_mean((differences - mean) ** 2) * (len(table) / (len(table) - 1)))
        joins = np.abs(mean) <= spread
        groups[waiting[joins]] = group
        waiting = waiting[~joins]
    return groups


def _mean(rows: Floats) -> Floats:
    """Mean over the first axis, added row by row."""
    total = np.zeros(rows.shape[1:])
    for row in rows:
        total += row
    return total / len(rows)
