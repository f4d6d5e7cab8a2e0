"""Sums of a year's flows, in one fixed order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from siting.supply.dispatch import SERIES, Battery, Mix, Months, Series, Spans, compiled, find_anchor, flow


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


@compiled
def account_mix(
    year: Spans, month: Months, market: Market, mix: Mix, battery: Battery, export_limit: float, totals: Series, monthly: Series
) -> None:
    """Do what `siting.supply.dispatch.trace` and `account` do, in one pass from the hour at which the dispatch begins."""
    size = year.load.size
    anchor = find_anchor(year, mix, battery)
    level, first, now_month, lead = anchor.level, anchor.hour % size, 0, -1
    generation = direct = charge = discharge = imported = exported = curtailed = load = clean = emitted = paid = peak = 0.0
    made = bought = asked = 0.0
    hours = lull = longest = 0
    monthly[:] = 0.0
    for step in range(size):
        t = first + step
        if t >= size:
            t -= size
        if month[t] != now_month or step == 0:
            if step > 0:
                monthly[1, now_month - 1] += made
                monthly[2, now_month - 1] += bought
                monthly[3, now_month - 1] += asked
            now_month, made, bought, asked = month[t], 0.0, 0.0, 0.0
        if t == 0:  # no lull reaches from one end of the year to the other
            lead = lull if lead < 0 else lead
            lull = 0
        now = flow(year.pv[t] * mix.pv + year.wind[t] * mix.wind, year.load[t], level, mix, battery, export_limit)
        level = now.level
        generation += now.generation
        direct += now.direct
        charge += now.charge
        discharge += now.discharge
        imported += now.missing
        exported += now.exported
        curtailed += now.curtailed
        load += year.load[t]
        clean += now.missing * market.clean[t]
        emitted += now.missing * market.emission_factor[t]
        paid += now.missing * market.price_factor[t]
        peak = max(peak, now.missing)
        made += now.generation
        bought += now.missing
        asked += year.load[t]
        if now.missing > 1e-9 * year.load[t]:
            hours += 1
            lull += 1
            longest = max(longest, lull)
        else:
            lead = lull if lead < 0 else lead
            lull = 0
    monthly[1, now_month - 1] += made
    monthly[2, now_month - 1] += bought
    monthly[3, now_month - 1] += asked
    if first > 0:
        longest = max(longest, lull + lead)
    sums = Sums(
        generation, direct, charge, discharge, imported, exported, curtailed, 0.0, load, clean, emitted, paid, peak, float(hours),
        float(longest),
    )  # fmt: skip
    _settle(sums, battery, totals, monthly)


@compiled
def account_mixes(
    pv: Series, wind: Series, load: Series, month: Months, market: Market, battery: Battery, export_limit: float,
    capacities: Series, totals: Series, monthly: Series,
) -> None:  # fmt: skip
    """Do `account_mix` for portfolios (target, 4), which come first in their totals; nothing is kept where there is none."""
    year = Spans(pv, wind, load, np.ones(load.size))
    for k in range(len(capacities)):
        if not np.isnan(capacities[k, 0]):
            totals[k, :4] = capacities[k]
            mix = Mix(capacities[k, 0], capacities[k, 1], capacities[k, 2], capacities[k, 3])
            account_mix(year, month, market, mix, battery, export_limit, totals[k], monthly[k])


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
