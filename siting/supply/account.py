"""Sums of a year's flows, in the order of time."""

from __future__ import annotations

import numpy as np

from siting.supply.dispatch import SERIES, Battery, Months, Series, compiled


@compiled
def sum_in_order(values: Series) -> float:
    """Sum in the order of time."""
    total = 0.0
    for value in values:
        total += value
    return total


@compiled
def weighted_sum(values: Series, weights: Series) -> float:
    """Sum of products in the order of time."""
    total = 0.0
    for t in range(values.size):
        total += values[t] * weights[t]
    return total


@compiled
def worst_share(imported: Series, load: Series, starts: Months) -> float:
    """Least matched share of the load among years, which begin at hours."""
    worst = 1.0
    for k in range(starts.size):
        end = starts[k + 1] if k + 1 < starts.size else load.size
        energy = missing = 0.0
        for t in range(starts[k], end):
            energy += load[t]
            missing += imported[t]
        if energy > 0.0:
            worst = min(worst, (energy - missing) / energy)
    return worst


@compiled
def account(hourly: Series, month: Months, load: Series, battery: Battery, totals: Series, monthly: Series) -> None:
    """Fill ``totals`` (from ``generation`` on, see `siting.supply.QUANTITIES`) and ``monthly`` (4, 12) from a year's flows.

    The rows of ``monthly`` are matched share, generation, import and load.
    The residual is the largest of those of three balances, relative to the generation or the load: of generation, of the load,
    and of the store.
    """
    flows = np.zeros(len(SERIES))
    month_load, month_import, month_made = np.zeros(12), np.zeros(12), np.zeros(12)
    energy = peak = 0.0
    lull = longest = 0
    totals[12] = 0.0
    for t in range(load.size):
        for k in range(len(SERIES)):
            flows[k] += hourly[k, t]
        energy += load[t]
        peak = max(peak, hourly[5, t])
        month_load[month[t] - 1] += load[t]
        month_import[month[t] - 1] += hourly[5, t]
        month_made[month[t] - 1] += hourly[0, t]
        lull = lull + 1 if hourly[5, t] > 1e-9 * load[t] else 0
        longest = max(longest, lull)
        totals[12] += 1.0 if lull > 0 else 0.0
    generation, direct, charge, discharge, _, imported, exported, curtailed, stored = flows
    totals[4] = generation
    totals[5] = (energy - imported) / energy
    totals[6] = imported
    totals[7] = peak
    totals[8] = curtailed
    totals[9] = exported
    totals[10] = charge - discharge
    used = abs(generation - direct - (charge - stored) - exported - curtailed)
    met = abs(energy - direct - discharge - (imported - stored))
    kept = abs(battery.charge * charge - discharge / battery.discharge)
    totals[11] = max(used / max(generation, energy), max(met, kept) / energy)
    totals[13] = longest
    for m in range(12):
        monthly[0, m] = (month_load[m] - month_import[m]) / month_load[m] if month_load[m] > 0.0 else np.nan
        monthly[1, m], monthly[2, m], monthly[3, m] = month_made[m], month_import[m], month_load[m]


@compiled
def summarise(series: Series, month: Months, monthly: Series) -> float:
    """Sum of a capacity factor over the year [h]; fills its monthly means (12,)."""
    hours, count, total = np.zeros(12), np.zeros(12), 0.0
    for t in range(series.size):
        total += series[t]
        hours[month[t] - 1] += series[t]
        count[month[t] - 1] += 1.0
    for m in range(12):
        monthly[m] = hours[m] / count[m] if count[m] > 0.0 else np.nan
    return total
