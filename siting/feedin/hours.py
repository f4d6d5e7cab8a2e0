"""Hours of a year's generation: wind and sun as they come, hydro by its season, thermal plants for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from siting.feedin.figures import SOURCES, Source, Year

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Halvings of the search for the level of the exports: 2^-60 of the range.
_HALVINGS = 60


def calendar_hours(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Number of each hour (UTC) in a year of 365 days; 29 February takes the hours of the day before."""
    hours = times.astype("datetime64[h]")
    years = hours.astype("datetime64[Y]")
    number = (hours - years.astype("datetime64[h]")).astype(np.int64)
    number_of_year = years.astype(np.int64) + 1970
    leap = (number_of_year % 4 == 0) & ((number_of_year % 100 != 0) | (number_of_year % 400 == 0))
    shortened: NDArray[np.int64] = np.where(leap & (number >= 59 * 24), number - 24, number)
    return shortened


def generation_hours(
    year: Year,
    load: Floats,
    profiles: dict[Source, Floats],
    months: tuple[Floats, NDArray[np.int64]],
    *,
    hydro_flexibility: float,
    minimum_thermal: float,
) -> dict[str, Floats]:
    """Output of each source in each hour [TWh], (province, time).

    Parameters
    ----------
    year : Year
        Energies of the year.
    load : (province, time) array
        Share of the year's load in each hour.
    profiles : dict
        Output of wind and solar in each hour, in any unit, (province, time).
    months : tuple
        Hydro's share by month, (province, 12), and the month 0 to 11 of each hour.
    hydro_flexibility : float
        Share of a month's hydro that follows what wind and sun leave of the load; the rest runs evenly.
    minimum_thermal : float
        Least output of the thermal plants, as a share of their mean.

    Returns
    -------
    dict
        ``hydro``, ``nuclear``, ``wind``, ``solar`` and ``thermal``; each sums to its energy of the year.

    Notes
    -----
    A province with more generation than consumption sends the difference out evenly, one with less generates along its load;
    beyond that, thermal plants stop at their least output and the surplus of such hours is sent out. The even part of the
    exports is set so that the thermal plants generate their energy of the year.
    """
    hours = load.shape[1]
    wind, solar = (_spread(year.clean[name], profiles[name]) for name in ("wind", "solar"))
    nuclear = _spread(year.clean["nuclear"], np.ones_like(load))
    sent = np.maximum(year.generation - year.consumption, 0.0)
    need = (year.generation - sent)[:, None] * load + sent[:, None] / hours
    left = need - wind - solar - nuclear
    hydro = _hydro(year.clean["hydro"], left, months, hydro_flexibility)
    thermal = _thermal(np.maximum(year.thermal, 0.0), left - hydro, minimum_thermal)
    return {"hydro": hydro, "nuclear": nuclear, "wind": wind, "solar": solar, "thermal": thermal}


def _spread(energy: Floats, profile: Floats) -> Floats:
    """Energy over the hours in proportion to a profile."""
    spread: Floats = energy[:, None] * (profile / profile.sum(axis=1, keepdims=True))
    return spread


def _hydro(energy: Floats, left: Floats, months: tuple[Floats, NDArray[np.int64]], flexibility: float) -> Floats:
    """Months by their shares; within each, a part along what is left of the load above the month's least."""
    shares, month = months
    hydro = np.empty_like(left)
    for number in range(12):
        inside = month == number
        count = max(int(inside.sum()), 1)
        above = left[:, inside] - left[:, inside].min(axis=1, keepdims=True, initial=np.inf)
        total = above.sum(axis=1, keepdims=True)
        along = np.divide(above, total, out=np.full_like(above, 1.0 / count), where=total > 0.0)
        hydro[:, inside] = (energy * shares[:, number])[:, None] * ((1.0 - flexibility) / count + flexibility * along)
    return hydro


def _thermal(energy: Floats, left: Floats, minimum: float) -> Floats:
    """What is left above a level, at least the minimum, summing to the energy."""
    floor = (minimum * energy / left.shape[1])[:, None]
    low, high = left.min(axis=1) - energy, left.max(axis=1)
    for _ in range(_HALVINGS):
        level = (low + high) / 2.0
        enough = np.maximum(left - level[:, None], floor).sum(axis=1) > energy
        low, high = np.where(enough, level, low), np.where(enough, high, level)
    thermal = np.maximum(left - high[:, None], floor)
    total = thermal.sum(axis=1, keepdims=True)
    scaled: Floats = thermal * np.divide(energy[:, None], total, out=np.zeros_like(total), where=total > 0.0)
    return scaled


def counted(hours: dict[str, Floats], sources: tuple[Source, ...], claimed_share: float) -> tuple[Floats, Floats]:
    """Power that counts, and all that is left to share, in each hour.

    Parameters
    ----------
    hours : dict
        Output by source.
    sources : tuple
        Sources that count.
    claimed_share : float
        Share of wind and solar that others have claimed. It leaves both numbers, as in a residual mix, whereas a source that
        merely doesn't count stays in the second.
    """
    zero = np.zeros_like(hours["thermal"])
    claimed = claimed_share * (hours["wind"] + hours["solar"])
    total = sum((hours[source] for source in SOURCES), hours["thermal"]) - claimed
    kept = sum((hours[source] * (1.0 - claimed_share if source in ("wind", "solar") else 1.0) for source in sources), zero)
    return kept, total


def delivered_share(kept: Floats, total: Floats, consumption: Floats, weights: Floats) -> Floats:
    """Share of what counts in the power that each province's consumers get, imports with their suppliers' share.

    Parameters
    ----------
    kept, total : (province, time) array
        Output that counts, and all output.
    consumption : (province, time) array
        Consumption; what the output lacks of it is imported.
    weights : (province, province) array
        Shares of the suppliers in the imports; a row of zeros draws its own mix.
    """
    own = np.minimum(kept / total, 1.0)
    bought = np.where(weights.sum(axis=1)[:, None] > 0.0, weights @ own, own)
    imports = np.maximum(consumption - total, 0.0)
    share: Floats = np.clip((own * total + bought * imports) / (total + imports), 0.0, 1.0)
    return share
