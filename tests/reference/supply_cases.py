"""Drawn cases for the sizing, and blocks of sites around them."""

import math

import numpy as np

from siting.supply import sizing
from siting.supply.dispatch import Battery
from siting.supply.site import Block

from .years import HOURS, weather

COSTS = (272_000.0, 402_000.0, 73_000.0, 65_000.0)
MONTH = np.repeat(np.arange(1, 13), HOURS // 12)
BATTERY = Battery(math.sqrt(0.86), math.sqrt(0.86), 0.9)


def block(supply, load, years=1, price_factor=None, export_price=0.0, charge=0.0, costs=COSTS):
    factor = np.ones(load.size) if price_factor is None else price_factor
    return Block(load, np.resize(MONTH, load.size), supply, costs, float(load.mean()), years, factor, export_price, charge)


#: Prices that differ by the hour, by nothing to speak of: they take a site to the linear programme.
UNEVEN = 1.0 + 1e-12 * (np.arange(720) % 2)


def capacities(mix):
    return np.array([mix[name] for name in ("pv_capacity", "wind_capacity", "battery_power", "battery_energy")])


SHAPES = {
    "flat": lambda hour: np.ones(hour.size),
    "two_shift": lambda hour: np.where(hour % 24 >= 8, 1.0, 0.25),
    "weekdays": lambda hour: np.where(hour // 24 % 7 < 5, 1.0, 0.6),
    "night": lambda hour: np.where(hour % 24 < 6, 1.0, 0.1),
    "season": lambda hour: 1.0 + 0.5 * np.cos(2 * np.pi * hour / hour.size),
}


def random_case(seed, days=(30, 45)):
    """Weather of some weeks, load shape, caps, prices and limits, drawn; with resources missing now and then."""
    rng = np.random.default_rng(seed)
    hours = 24 * int(rng.integers(*days))
    first = int(rng.integers(0, HOURS - hours))
    pv, wind = (np.ascontiguousarray(values[first : first + hours]) for values in weather(int(rng.integers(0, 6))))
    dead = rng.random()
    pv, wind = (0 * pv, wind) if dead < 0.08 else (pv, 0 * wind) if dead < 0.2 else (pv, wind)
    load = SHAPES[list(SHAPES)[seed % len(SHAPES)]](np.arange(hours))
    limits = np.full(4, np.inf)
    for k, most in enumerate((8.0, 5.0)):
        if rng.random() < 0.3:
            limits[k] = rng.uniform(0.2, most)
    terms = sizing.Terms(
        np.array([31.0, 46.0, 8.3, 7.4]), rng.choice([0.0, 380.0, 900.0]), 0.0, 1.0, rng.choice([0.0, 0.6]), limits,
        rng.choice([3.0, 10.0]), rng.choice([1.0, 0.7]), 1e-3,
    )  # fmt: skip
    return sizing.Year(pv, wind, load / load.mean()), terms


def with_exports(terms, seed):
    """Terms with a price of exports below the value of what is stored, or, in one case of four, above it; with a cap in most."""
    rng = np.random.default_rng([seed, 1])
    price = float(rng.choice([380.0, 900.0]))
    worth = rng.uniform(0.05, 1.0) if rng.random() < 0.75 else rng.uniform(1.0, 1.4)
    share = float(rng.choice([1.0, 0.2, 0.05]))
    return terms._replace(import_price=price, export_price=worth * 0.86 * price, export_share=share), worth


def size(year, terms, targets, battery=BATTERY):
    results = np.full((len(targets), len(sizing.COLUMNS)), np.nan)
    sizing.size_site(year, battery, terms, 1.0 - np.array(targets), sizing.empty_state(), results)
    return results
