"""What the grids of the provinces generate, consume and emit in a year, from the catalog, and how a scenario changes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from siting import catalog
from siting.region import PROVINCES
from siting.vocabulary import StudyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Source = Literal["hydro", "nuclear", "wind", "solar"]
Boundary = Literal["province", "regional_grid", "country"]

#: Carbon-free sources, and those of them that are renewable.
SOURCES: tuple[Source, ...] = ("hydro", "nuclear", "wind", "solar")
RENEWABLE: tuple[Source, ...] = ("hydro", "wind", "solar")

#: Years whose generation is embedded.
YEARS = (2021, 2022, 2023)

#: Average, fossil and market-residual factors of the country by year [kg/kWh]: MEE and NBS; the residual excludes traded non-fossil power.
#: 2023 and the average of 2022 high confidence, residual of 2022 from its change to 2023, the rest from general knowledge, medium.
NATIONAL = {
    2021: {"average": 0.5568, "fossil": 0.8426, "residual": 0.5942},
    2022: {"average": 0.5366, "fossil": 0.8325, "residual": 0.5856},
    2023: {"average": 0.5306, "fossil": 0.8273, "residual": 0.6096},
}

#: Provinces of the regional grids of the ministry; Inner Mongolia, which is in two, is counted where most of it is.
REGIONS = {
    "north": ("CN-BJ", "CN-TJ", "CN-HE", "CN-SX", "CN-SD", "CN-NM"),
    "northeast": ("CN-LN", "CN-JL", "CN-HL"),
    "east": ("CN-SH", "CN-JS", "CN-ZJ", "CN-AH", "CN-FJ"),
    "central": ("CN-HA", "CN-HB", "CN-HN", "CN-JX"),
    "northwest": ("CN-SN", "CN-GS", "CN-QH", "CN-NX", "CN-XJ"),
    "south": ("CN-GD", "CN-GX", "CN-YN", "CN-GZ", "CN-HI"),
    "southwest": ("CN-SC", "CN-CQ", "CN-XZ"),
}
#: Their factors by year [kg/kWh]: MEE and NBS, high confidence.
REGIONAL_FACTORS = {
    2021: (0.7120, 0.6012, 0.5992, 0.5354, 0.5951, 0.4326, 0.2113),
    2022: (0.6776, 0.5564, 0.5617, 0.5395, 0.5857, 0.3869, 0.2268),
    2023: (0.6361, 0.5122, 0.5500, 0.5271, 0.5543, 0.4042, 0.2472),
}

#: Whose surplus the importing provinces draw: ends of the long-distance lines, from general knowledge, low confidence.
SUPPLIERS = {
    "CN-BJ": ("CN-NM", "CN-SX"), "CN-TJ": ("CN-NM", "CN-SX"), "CN-HE": ("CN-NM", "CN-SX"), "CN-SD": ("CN-NM", "CN-SX", "CN-NX"),
    "CN-LN": ("CN-NM", "CN-JL", "CN-HL"), "CN-SH": ("CN-SC", "CN-HB", "CN-AH"), "CN-JS": ("CN-SC", "CN-SX", "CN-NM", "CN-AH"),
    "CN-ZJ": ("CN-SC", "CN-NX", "CN-AH", "CN-FJ"), "CN-JX": ("CN-SC", "CN-HB"), "CN-HA": ("CN-XJ", "CN-SN"), "CN-HN": ("CN-GS", "CN-HB"),
    "CN-GD": ("CN-YN", "CN-GZ"), "CN-GX": ("CN-YN", "CN-GZ"), "CN-HI": ("CN-YN", "CN-GZ"), "CN-CQ": ("CN-SC",), "CN-XZ": ("CN-SC",),
    "CN-QH": ("CN-GS", "CN-XJ"),
}  # fmt: skip


@dataclass(frozen=True)
class Year:
    """Energies of a year by province [TWh], in the order of :data:`siting.region.PROVINCES`.

    Parameters
    ----------
    clean : dict
        Output of each carbon-free source, (province,).
    generation, consumption : (province,) array
        All output, and what is consumed.
    """

    clean: dict[Source, Floats]
    generation: Floats
    consumption: Floats

    @property
    def thermal(self) -> Floats:
        """Output of all other plants [TWh], coal, gas and biomass, (province,)."""
        rest: Floats = self.generation - sum(self.clean[source] for source in SOURCES)
        return rest

    @property
    def carbon_free_share(self) -> Floats:
        """Carbon-free share of the generation, (province,)."""
        share: Floats = 1.0 - self.thermal / self.generation
        return share


@cache
def official_year(year: int) -> Year:
    """Energies that the statistics give for 2021, 2022 or 2023.

    Wind is its realised full-load hours times the mean of the capacities at both ends of the year; solar is the rest of the
    official sum of both.
    """
    table, mix = (catalog.open_entry(name).reindex(list(PROVINCES)) for name in ("provinces", "power_mix"))
    generation = table[f"generation_{year}"].to_numpy(dtype=np.float64)
    both = table[f"wind_solar_share_{year}"].to_numpy(dtype=np.float64) * generation
    capacity: Floats = (mix[f"wind_capacity_{year - 1}"] + mix[f"wind_capacity_{year}"]).to_numpy(dtype=np.float64) / 2.0
    wind = np.minimum(table[f"wind_hours_{year}"].to_numpy(dtype=np.float64) * capacity / 1e6, both)
    named = {source: table[f"{source}_share_{year}"].to_numpy(dtype=np.float64) * generation for source in ("hydro", "nuclear")}
    clean: dict[Source, Floats] = {"hydro": named["hydro"], "nuclear": named["nuclear"], "wind": wind, "solar": both - wind}
    return Year(clean, generation, table[f"consumption_{year}"].to_numpy(dtype=np.float64))


def scaled_year(year: Year, scales: dict[Source, float], demand: float) -> Year:
    """Energies of a scenario: each source and the demand by a factor, thermal plants as the rest.

    Raises
    ------
    StudyError
        If a province would generate more carbon-free power than all its power.
    """
    clean = {source: year.clean[source] * scales[source] for source in SOURCES}
    scenario = Year(clean, year.generation * demand, year.consumption * demand)
    short = np.flatnonzero(scenario.thermal < -1e-9 * scenario.generation)
    if short.size:
        code = list(PROVINCES)[short[0]]
        excess = 1.0 - scenario.thermal[short[0]] / scenario.generation[short[0]]
        raise StudyError(
            f"Expected carbon-free power of at most all generation in each province, found {excess:.0%} of it in {PROVINCES[code]}; lower "
            "the scales of feedin, or raise demand_scale."
        )
    return scenario


def hydro_months() -> Floats:
    """Share of the year's hydro output in each month, (province, 12)."""
    table = catalog.open_entry("power_mix").reindex(list(PROVINCES))
    months = table[[f"hydro_month_{month:02d}" for month in range(1, 13)]].to_numpy(dtype=np.float64)
    shares: Floats = months / months.sum(axis=1, keepdims=True)
    return shares


def zones(boundary: Boundary) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of the zones within a boundary, and the zone of each province."""
    codes = list(PROVINCES)
    if boundary == "province":
        return tuple(codes), np.arange(len(codes))
    if boundary == "country":
        return ("CN",), np.zeros(len(codes), dtype=np.int64)
    members = [next(number for number, names in enumerate(REGIONS.values()) if code in names) for code in codes]
    return tuple(REGIONS), np.array(members)


def official_factors(year: int, boundary: Boundary) -> Floats:
    """Published consumption-side factors of the zones [kg/kWh]; NaN where none is published, never 0."""
    if boundary == "country":
        return np.array([NATIONAL[year]["average"]])
    if boundary == "regional_grid":
        return np.array(REGIONAL_FACTORS[year])
    table = catalog.open_entry("provinces").reindex(list(PROVINCES))
    name = f"grid_emission_factor_{year}"
    factors: Floats = table[name].to_numpy(dtype=np.float64) if name in table else np.full(len(table), np.nan)
    return factors


def import_weights(year: Year) -> Floats:
    """Shares of the suppliers in the imports of each province, by their net exports, (province, province)."""
    codes, surplus = list(PROVINCES), np.maximum(year.generation - year.consumption, 0.0)
    weights = np.zeros((len(codes), len(codes)))
    for importer, suppliers in SUPPLIERS.items():
        columns = [codes.index(code) for code in suppliers]
        weights[codes.index(importer), columns] = surplus[columns]
    total = weights.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0.0)
    return shares
