"""Scope 2 both ways: location-based, market-based with matching by year, month or hour, and the residual mix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from siting.vocabulary import AlignmentError, StudyError, UnitsError

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
Amount = TypeVar("Amount", float, Floats, "xr.DataArray")
Matching = Literal["annual", "monthly", "hourly"]


def location_based(import_energy: Amount, factor: Amount) -> Amount:
    """Location-based Scope 2 emissions.

    Parameters
    ----------
    import_energy : float or array
        Energy drawn from the public grid [MWh]. Own power used on site is not bought, and exports are never netted.
    factor : float or array
        Consumption-side emission factor of the grid [kg/kWh].

    Returns
    -------
    float or array
        Emissions [t]; NaN where the factor is unknown (Tibet), never 0.

    References
    ----------
    World Resources Institute, "GHG Protocol Scope 2 Guidance", 2015.
    """
    return import_energy * factor


def market_based(import_energy: ArrayLike, contracts: tuple[tuple[ArrayLike, ArrayLike], ...], unmatched_factor: ArrayLike) -> Floats:
    """Market-based Scope 2 emissions [t].

    Parameters
    ----------
    import_energy : array
        Energy drawn from the public grid [MWh].
    contracts : tuple of (energy, factor)
        Energy of each contract or certificate that is matched with imports [MWh], and its factor [kg/kWh].
    unmatched_factor : array
        Factor of the rest [kg/kWh]: residual mix, fossil or average, as the claim's standard demands.

    Raises
    ------
    StudyError
        If the contracts cover more than the imports: what is left over is not bought power of this year.

    References
    ----------
    World Resources Institute, "GHG Protocol Scope 2 Guidance", 2015, ch. 6.
    """
    bought = np.asarray(import_energy, dtype=np.float64)
    covered, emitted = np.zeros_like(bought), np.zeros_like(bought)
    for energy, factor in contracts:
        covered = covered + np.asarray(energy, dtype=np.float64)
        emitted = emitted + np.asarray(energy, dtype=np.float64) * np.asarray(factor, dtype=np.float64)
    over = covered > bought * (1.0 + 1e-9) + 1e-9
    if over.any():
        raise StudyError(
            f"Expected contracts of at most the {bought[over].flat[0]:g} MWh drawn from the grid, found {covered[over].flat[0]:g} MWh; "
            "match no more than is bought."
        )
    result: Floats = emitted + np.maximum(bought - covered, 0.0) * np.asarray(unmatched_factor, dtype=np.float64)
    return result


def residual_factor(energy: ArrayLike, factor: ArrayLike, claimed: ArrayLike) -> float:
    """Factor of what is left of a mix once claimed power is taken out [kg/kWh].

    Parameters
    ----------
    energy, factor, claimed : (source,) array
        Output [MWh], its factor [kg/kWh] and how much of it is claimed [MWh].

    Raises
    ------
    StudyError
        If more is claimed of a source than it gave, or nothing is left.
    """
    energy, factor, claimed = (np.asarray(values, dtype=np.float64) for values in (energy, factor, claimed))
    if (claimed < 0.0).any() or (claimed > energy).any():
        raise StudyError("Expected claims of 0 to the output of each source, found others; a kWh is claimed once.")
    left = energy - claimed
    if not left.sum() > 0.0:
        raise StudyError("Expected unclaimed power, found none; there is no residual mix.")
    return float((left * factor).sum() / left.sum())


def matched_energy(load: ArrayLike, generation: ArrayLike, period: ArrayLike | None, matching: Matching) -> Floats:
    """Load that contracted generation covers, within hours, months or the year, (...).

    Parameters
    ----------
    load, generation : (..., time) array
        Energy in each hour [MWh]. Nothing is carried over from one period to another.
    period : (time,) array of int or None
        Month of each hour, needed for monthly matching.
    matching : {"annual", "monthly", "hourly"}
        Length of the period.

    Raises
    ------
    UnitsError
        If a load or a generation is negative.
    AlignmentError
        If the lengths differ, or the months are missing.
    """
    load, generation = (np.asarray(values, dtype=np.float64) for values in (load, generation))
    if load.shape[-1] != generation.shape[-1]:
        raise AlignmentError(f"Expected load and generation of one length, found {load.shape[-1]} and {generation.shape[-1]} hours.")
    if (load < 0.0).any() or (generation < 0.0).any():
        raise UnitsError("Expected load and generation of 0 or more, found negative ones; give draw and output, not their difference.")
    if matching == "hourly":
        matched: Floats = np.minimum(load, generation).sum(axis=-1)
        return matched
    if matching == "annual":
        return np.asarray(np.minimum(load.sum(axis=-1), generation.sum(axis=-1)))
    if period is None or np.shape(period) != (load.shape[-1],):
        raise AlignmentError("Expected the month of each hour for monthly matching, found none of that length; pass it.")
    months = np.asarray(period)
    parts = [np.minimum(load[..., months == m].sum(axis=-1), generation[..., months == m].sum(axis=-1)) for m in np.unique(months)]
    total: Floats = np.sum(parts, axis=0)
    return total


def own_surplus(import_monthly: Floats, surplus_monthly: Floats, exported: Floats) -> Floats:
    """Exported power whose certificates are kept, matched with imports of the same month [MWh], (..., month).

    Parameters
    ----------
    import_monthly, surplus_monthly : (..., month) array
        Imports, and generation beyond what served the load [MWh].
    exported : (...) array
        Energy exported in the year [MWh]; what was curtailed or lost is nobody's.
    """
    wanted = np.minimum(import_monthly, np.maximum(surplus_monthly, 0.0))
    total = wanted.sum(axis=-1)
    share = np.minimum(1.0, np.divide(exported, total, out=np.zeros_like(total), where=total > 0.0))
    kept: Floats = wanted * share[..., None]
    return kept


def carbon_free_share(matched_share: Amount, import_share: Amount, grid_share: Amount) -> Amount:
    """Share of the load served without direct emissions, own plants and grid together.

    Parameters
    ----------
    matched_share : float or array
        Share of the load served by own plants or their storage in the same hour [1].
    import_share : float or array
        Share of the load drawn from the grid [1].
    grid_share : float or array
        Carbon-free share of what the grid delivers [1].

    Returns
    -------
    float or array
        Carbon-free share [1].
    """
    return matched_share + import_share * grid_share


def cfe_score(load: ArrayLike, generation: ArrayLike, grid_share: ArrayLike) -> tuple[Floats, Floats]:
    """24/7 carbon-free scores, contracted and total, (...).

    Parameters
    ----------
    load, generation : (..., time) array
        Energy in each hour [MWh]. What exceeds the load of its hour never counts.
    grid_share : (time,) array
        Carbon-free share of the grid in each hour [1]; where others claim certificates, that of the residual mix.

    Raises
    ------
    UnitsError
        If a share lies outside 0 to 1.

    References
    ----------
    Google, "24/7 Carbon-Free Energy: Methodologies and Metrics", 2021.
    """
    load, generation, share = (np.asarray(values, dtype=np.float64) for values in (load, generation, grid_share))
    low, high = np.fmin.reduce(share, axis=None), np.fmax.reduce(share, axis=None)
    if low < 0.0 or high > 1.0:
        raise UnitsError(f"Expected grid shares of 0 to 1, found {low:g} to {high:g}; per cent is divided by 100.")
    total, own = load.sum(axis=-1), np.minimum(load, generation)
    return own.sum(axis=-1) / total, (own + (load - own) * share).sum(axis=-1) / total


def identity_factor(fossil_share: Amount, fossil_factor: float) -> Amount:
    """Factor that a grid without imports would have [kg/kWh]: fossil share of its generation times the factor of its fossil plants."""
    return fossil_share * fossil_factor
