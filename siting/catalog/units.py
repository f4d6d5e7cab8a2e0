"""Units that data may come in, and the one unit that each variable has inside."""

from __future__ import annotations

from typing import TypeVar

from siting.vocabulary import UnitsError

Number = TypeVar("Number")

#: Days and hours of a mean Gregorian year, which turn long-run daily means into annual sums.
DAYS_PER_YEAR = 365.25
HOURS_PER_YEAR = 24 * DAYS_PER_YEAR

#: canonical unit -> accepted unit -> (factor, offset): canonical = value * factor + offset.
ACCEPTED: dict[str, dict[str, tuple[float, float]]] = {
    "m s-1": {"m s-1": (1.0, 0.0), "km h-1": (1 / 3.6, 0.0)},
    "kWh m-2": {
        "kWh m-2": (1.0, 0.0),
        "kWh m-2 year-1": (1.0, 0.0),
        "kWh m-2 day-1": (DAYS_PER_YEAR, 0.0),
        "W m-2": (HOURS_PER_YEAR / 1000, 0.0),
    },
    "kWh m-2 day-1": {"kWh m-2 day-1": (1.0, 0.0)},
    "m": {"m": (1.0, 0.0), "km": (1000.0, 0.0)},
    "km": {"km": (1.0, 0.0), "m": (0.001, 0.0)},
    "degC": {"degC": (1.0, 0.0), "K": (1.0, -273.15)},
    "mm": {"mm": (1.0, 0.0), "m": (1000.0, 0.0)},
    "1": {"1": (1.0, 0.0), "%": (0.01, 0.0)},
    "kg kWh-1": {"kg kWh-1": (1.0, 0.0), "g kWh-1": (0.001, 0.0), "t MWh-1": (1.0, 0.0)},
    "CNY kWh-1": {"CNY kWh-1": (1.0, 0.0), "CNY MWh-1": (0.001, 0.0)},
    "degree": {"degree": (1.0, 0.0)},
    "kW": {"kW": (1.0, 0.0), "MW": (1000.0, 0.0)},
    "h": {"h": (1.0, 0.0)},
    "TWh": {"TWh": (1.0, 0.0)},
    "": {"": (1.0, 0.0)},
}

#: variable -> values that a file in the right unit can hold; a file outside them carries another unit than it says.
PLAUSIBLE: dict[str, tuple[float, float]] = {
    "wind_speed_100m_mean": (0.1, 25.0),
    "wind_speed_100m_mean_error": (0.0, 25.0),
    "annual_ghi": (300.0, 3000.0),
    "annual_dni": (0.0, 4500.0),
    "altitude": (-12000.0, 9000.0),
    "temp_air_monthly": (-70.0, 60.0),
    "precipitation_monthly": (0.0, 5000.0),
    "linke_turbidity": (1.0, 15.0),
    "land_fraction": (0.0, 1.0),
    "water_fraction": (0.0, 1.0),
    "protected_fraction": (0.0, 1.0),
    "user_exclusion": (0.0, 1.0),
    "grid_emission_factor": (0.0, 1.5),
    "grid_carbon_free_share": (0.0, 1.0),
    "grid_energy_price": (0.0, 5.0),
}


def canonical(unit: str) -> str:
    """Name the unit inside the toolkit for values that come in ``unit``, when no variable says it.

    Raises
    ------
    UnitsError
        If the unit is unknown; the text lists the accepted ones.
    """
    if unit in ACCEPTED:
        return "kWh m-2" if unit == "kWh m-2 day-1" else unit
    for target, accepted in ACCEPTED.items():
        if unit in accepted:
            return target
    known = sorted({name for accepted in ACCEPTED.values() for name in accepted if name})
    raise UnitsError(f"Expected a unit out of {', '.join(known)}, found {unit!r}; fix: state the unit of the file.")


def convert(values: Number, unit: str, to: str, what: str = "the values") -> Number:
    """Values in the unit ``to``; arrays and numbers alike.

    Raises
    ------
    UnitsError
        If ``unit`` does not turn into ``to``; the text lists the accepted units.
    """
    accepted = ACCEPTED.get(to, {to: (1.0, 0.0)})
    if unit not in accepted:
        raise UnitsError(f"Expected {what} in one of: {', '.join(accepted)}; found the unit {unit!r}; fix: state the unit of the file.")
    factor, offset = accepted[unit]
    if (factor, offset) == (1.0, 0.0):
        return values
    return values * factor + offset  # type: ignore[operator,return-value]
