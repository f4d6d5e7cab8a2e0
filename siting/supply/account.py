"""Sums of a year's flows, in one fixed order."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
from numba import njit

from siting.supply.dispatch import SERIES, Battery, F, Mix, Months, Series, Spans, compiled, find_anchor, flow

#: Portfolios that run side by side, and hours in which the states of charge of most have met.
_LANES, _MONTH = 8, 720

# rows of an array of lanes: portfolio with its largest state of charge, states of charge, sums of a month, sums and largest of a year
(
    _PV, _WIND, _POWER, _FULL, _LEVEL, _HIGH, _MADE, _BOUGHT, _SPENT, _GENERATION, _IMPORTED, _PAID, _DIRECT, _CHARGE, _DISCHARGE,
    _EXPORTED, _CURTAILED, _CLEAN, _EMITTED, _PEAK, _HOURS, _LULL, _LONGEST,
) = range(0, 23 * _LANES, _LANES)  # fmt: skip


def _wide(function: F) -> F:
    """Compile a loop over lanes; a division that can't fail by zero would keep them from running at once."""
    return cast("F", njit(nogil=True, cache=True, error_model="numpy")(function))


class Market(NamedTuple):
    """Imports by hour: carbon-free share [1], emission factor [t/MWh] and factor on the price [1], each (time,)."""

    clean: Series
    emission_factor: Series
    price_factor: Series


class Sums(NamedTuple):
    """Sums of a year.

    Flows and load [MWh], import by what it carries (see `Market`) [MWh, t, MWh], its peak [MW], its hours, and the most of them without a
    break.
    """

    generation: float
    direct: float
    charge: float
    discharge: float
    imported: float
    exported: float
    curtailed: float
    grid_charge: float
    load: float
    clean: float
    emitted: float
    paid: float
    peak: float
    hours: float
    lull: float


@compiled
def _settle(sums: Sums, battery: Battery, totals: Series, monthly: Series) -> None:
    """Fill ``totals`` from ``generation`` to ``import_price_factor``, and the matched share of each month.

    The residual is the largest of those of three balances, relative to the generation or the load: of generation, of the load,
    and of the store.
    """
    totals[4] = sums.generation
    totals[5] = (sums.load - sums.imported) / sums.load
    totals[6], totals[7] = sums.imported, sums.peak
    totals[8], totals[9] = sums.curtailed, sums.exported
    totals[10] = sums.charge - sums.discharge
    used = abs(sums.generation - sums.direct - (sums.charge - sums.grid_charge) - sums.exported - sums.curtailed)
    met = abs(sums.load - sums.direct - sums.discharge - (sums.imported - sums.grid_charge))
    kept = abs(battery.charge * sums.charge - sums.discharge / battery.discharge)
    totals[11] = max(used / max(sums.generation, sums.load), max(met, kept) / sums.load)
    totals[12], totals[13] = sums.hours, sums.lull
    totals[14], totals[15] = sums.clean, sums.emitted
    totals[16] = sums.paid / sums.imported if sums.imported > 1e-9 * sums.load else 1.0
    for m in range(12):
        load = monthly[3, m]
        monthly[0, m] = (load - monthly[2, m]) / load if load > 0.0 else np.nan


def account(hourly: Series, month: Months, load: Series, market: Market, battery: Battery, totals: Series, monthly: Series) -> None:
    """Fill ``totals`` (from ``generation`` to ``import_price_factor``, see `siting.supply.site.QUANTITIES`) and ``monthly`` (4, 12).

    The rows of ``monthly`` are matched share, generation, import and load. ``hourly`` are flows of a year in the rows of `SERIES`.
    """
    made_hours, bought = hourly[SERIES.index("generation")], hourly[SERIES.index("import")]
    monthly[1:] = [np.bincount(month - 1, values, 12) for values in (made_hours, bought, load)]
    short = bought > 1e-9 * load
    ends = np.flatnonzero(~np.r_[False, short, False])
    made, direct, charge, discharge, _, imported, exported, curtailed, stored = (float(values.sum()) for values in hourly)
    clean, emitted, paid = (float((bought * rate).sum()) for rate in market)
    sums = Sums(
        made, direct, charge, discharge, imported, exported, curtailed, stored, float(load.sum()), clean, emitted, paid,
        float(bought.max()), float(short.sum()), float(np.diff(ends).max() - 1),
    )  # fmt: skip
    _settle(sums, battery, totals, monthly)


@_wide
def _begin(capacities: Series, battery: Battery, lanes: Series) -> None:
    """Put portfolios into lanes, and nothing into the others."""
    lanes[:] = 0.0
    for k in range(len(capacities)):
        if not np.isnan(capacities[k, 0]):
            lanes[_PV + k], lanes[_WIND + k], lanes[_POWER + k] = capacities[k, 0], capacities[k, 1], capacities[k, 2]
            lanes[_FULL + k] = capacities[k, 3] * battery.usable


@_wide
def _meet(year: Spans, battery: Battery, last: int, lanes: Series) -> bool:
    """Whether all states of charge have become one after the ``last`` hours of a year, which is then that at its end."""
    for k in range(_LANES):
        lanes[_LEVEL + k], lanes[_HIGH + k] = 0.0, lanes[_FULL + k]
    for t in range(year.load.size - last, year.load.size):
        pv, wind, load = year.pv[t], year.wind[t], year.load[t]
        for k in range(_LANES):
            net = pv * lanes[_PV + k] + wind * lanes[_WIND + k] - load
            rise = battery.charge * min(net, lanes[_POWER + k])
            fall = -(min(-net, lanes[_POWER + k]) / battery.discharge)
            shift = rise if net >= 0.0 else fall
            lanes[_LEVEL + k] = min(max(lanes[_LEVEL + k] + shift, 0.0), lanes[_FULL + k])
            lanes[_HIGH + k] = min(max(lanes[_HIGH + k] + shift, 0.0), lanes[_FULL + k])
    met = True
    for k in range(_LANES):
        met &= lanes[_LEVEL + k] == lanes[_HIGH + k]
    return met


@_wide
def _charge_first(year: Spans, battery: Battery, capacities: Series, lanes: Series) -> None:
    """Fill in the states of charge with which the cyclic year begins, those at its end."""
    size = year.load.size
    for months in (1, 4):
        if _meet(year, battery, min(months * _MONTH, size), lanes):
            return
    for k in range(len(capacities)):
        if np.isnan(capacities[k, 0]):
            continue
        mix = Mix(capacities[k, 0], capacities[k, 1], capacities[k, 2], capacities[k, 3])
        anchor = find_anchor(year, mix, battery)
        level = anchor.level
        for t in range(anchor.hour, size if anchor.hour > 0 else 0):
            level = flow(year.pv[t] * mix.pv + year.wind[t] * mix.wind, year.load[t], level, mix, battery, 0.0).level
        lanes[_LEVEL + k] = level


@_wide
def _add_hour(
    pv: float, wind: float, load: float, clean: float, emission: float, price: float, battery: Battery, export_limit: float, lanes: Series
) -> None:
    """Do `siting.supply.dispatch.flow` in all lanes, and add up what it gives; without a branch, so that they run at once."""
    for k in range(_LANES):
        made = pv * lanes[_PV + k] + wind * lanes[_WIND + k]
        net, level, full = made - load, lanes[_LEVEL + k], lanes[_FULL + k]
        surplus = net >= 0.0
        charge, wanted = min(net, lanes[_POWER + k]), min(-net, lanes[_POWER + k])
        raised, drawn = level + battery.charge * charge, wanted / battery.discharge
        charge = (full - level) / battery.charge if raised >= full else charge
        charge = charge if surplus else 0.0
        discharge = level * battery.discharge if drawn >= level else wanted
        discharge = 0.0 if surplus else discharge
        lanes[_LEVEL + k] = min(raised, full) if surplus else max(level - drawn, 0.0)
        missing = 0.0 if surplus else -net - discharge
        left = net - charge if surplus else 0.0
        exported = min(left, export_limit)
        lanes[_MADE + k] += made
        lanes[_BOUGHT + k] += missing
        lanes[_DIRECT + k] += load if surplus else made
        lanes[_CHARGE + k] += charge
        lanes[_DISCHARGE + k] += discharge
        lanes[_EXPORTED + k] += exported
        lanes[_CURTAILED + k] += left - exported
        lanes[_CLEAN + k] += missing * clean
        lanes[_EMITTED + k] += missing * emission
        lanes[_SPENT + k] += missing * price
        lanes[_PEAK + k] = max(lanes[_PEAK + k], missing)
        short = 1.0 if missing > 1e-9 * load else 0.0
        lull = (lanes[_LULL + k] + 1.0) * short
        lanes[_HOURS + k] += short
        lanes[_LULL + k] = lull
        lanes[_LONGEST + k] = max(lanes[_LONGEST + k], lull)


@_wide
def _add_months(year: Spans, month: Months, market: Market, battery: Battery, export_limit: float, lanes: Series, monthly: Series) -> float:
    """Run the year in all lanes, and fill generation, import and load by month and lane (4, 12, lane); returns the load."""
    size, total, start = year.load.size, 0.0, 0
    while start < size:
        now, end, asked = month[start], start, 0.0
        lanes[_MADE : _SPENT + _LANES] = 0.0
        while end < size and month[end] == now:
            _add_hour(
                year.pv[end], year.wind[end], year.load[end], market.clean[end], market.emission_factor[end], market.price_factor[end],
                battery, export_limit, lanes,
            )  # fmt: skip
            asked += year.load[end]
            end += 1
        for k in range(_LANES):
            monthly[1, now - 1, k] += lanes[_MADE + k]
            monthly[2, now - 1, k] += lanes[_BOUGHT + k]
            monthly[3, now - 1, k] += asked
            lanes[_GENERATION + k] += lanes[_MADE + k]
            lanes[_IMPORTED + k] += lanes[_BOUGHT + k]
            lanes[_PAID + k] += lanes[_SPENT + k]
        total += asked
        start = end
    return total


@_wide
def account_mixes(
    pv: Series, wind: Series, load: Series, month: Months, market: Market, battery: Battery, export_limit: float,
    capacities: Series, totals: Series, monthly: Series,
) -> None:  # fmt: skip
    """Do what `siting.supply.dispatch.trace` and `account` do for portfolios (target, 4), which come first in their totals.

    They run side by side, hour by hour from the year's beginning. Nothing is kept where there is no portfolio.
    """
    year, lanes = Spans(pv, wind, load, np.ones(load.size)), np.empty(_LONGEST + _LANES)
    for first in range(0, len(capacities), _LANES):
        some, months = capacities[first : first + _LANES], np.zeros((4, 12, _LANES))
        _begin(some, battery, lanes)
        _charge_first(year, battery, some, lanes)
        served = _add_months(year, month, market, battery, export_limit, lanes, months)
        for k in range(len(some)):
            if not np.isnan(some[k, 0]):
                totals[first + k, :4] = some[k]
                monthly[first + k] = months[:, :, k]
                sums = Sums(
                    lanes[_GENERATION + k], lanes[_DIRECT + k], lanes[_CHARGE + k], lanes[_DISCHARGE + k], lanes[_IMPORTED + k],
                    lanes[_EXPORTED + k], lanes[_CURTAILED + k], 0.0, served, lanes[_CLEAN + k], lanes[_EMITTED + k], lanes[_PAID + k],
                    lanes[_PEAK + k], lanes[_HOURS + k], lanes[_LONGEST + k],
                )  # fmt: skip
                _settle(sums, battery, totals[first + k], monthly[first + k])


@compiled
def summarise(series: Series, month: Months, monthly: Series) -> float:
    """Sum of a capacity factor over the year [h]; fills its monthly means (12,)."""
    hours, count, total, start = np.zeros(12), np.zeros(12), 0.0, 0
    while start < series.size:
        now, end = month[start] - 1, start
        made = hours[now]
        while end < series.size and month[end] - 1 == now:  # a sum in an array would wait for the one before
            made += series[end]
            total += series[end]
            end += 1
        hours[now] = made
        count[now] += end - start
        start = end
    for m in range(12):
        monthly[m] = hours[m] / count[m] if count[m] > 0.0 else np.nan
    return total
