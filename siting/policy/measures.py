"""What rules compare: figures of a project as annual sums, facts of its place, and the measures computed from the figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from siting.vocabulary import Parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Amount = float | None


def _amount(description: str) -> Any:
    return Field(default=None, ge=0, description=description)


def _whole(description: str) -> Any:
    return Field(default=None, gt=0, description=description)


def _share(description: str) -> Any:
    return Field(default=None, ge=0, le=1, description=description)


class ProjectFigures(Parameters):
    """One year of a project. What is not given is unknown, never zero.

    The available generation is the sum of what the load used, what was exported, what was curtailed and what storage lost: a
    share of it can't be raised by curtailing.
    """

    self_use_energy: Amount = _amount("own generation that served the load, without what storage lost [MWh]")
    exported_energy: Amount = _amount("energy exported to the public grid [MWh]")
    curtailed_energy: Amount = _amount("energy that was available and curtailed [MWh]")
    storage_loss: Amount = _amount("energy lost in storage [MWh]")
    load_energy: Amount = _whole("consumption of electricity [MWh]")
    direct_green_energy: Amount = _amount("green power delivered by dedicated lines [MWh]")
    renewable_energy: Amount = _amount("renewable power consumed: direct, on site, and by certificates [MWh]")
    nonhydro_renewable_energy: Amount = _amount("the same without hydro power [MWh]")
    energy_tce: Amount = _whole("energy consumption of the park, electricity by its heat content [tce]")
    clean_energy_tce: Amount = _amount("clean energy consumed [tce]")
    emissions_t: Amount = _amount("energy-related emissions of the park [t CO2]")
    scope1_t: Amount = _amount("direct emissions [t CO2e]")
    scope2_market_t: Amount = _amount("market-based Scope 2 emissions [t CO2e]")
    offsets_t: Amount = _amount("offsets retired [t CO2e]")
    pv_capacity: Amount = _amount("PV capacity [MW]")
    wind_capacity: Amount = _amount("wind capacity [MW]")
    battery_power: Amount = _amount("storage power [MW]")
    battery_energy: Amount = _amount("storage energy [MWh]")
    voltage_kv: Amount = _amount("voltage of the connection to the public grid [kV]")
    solid_waste_use_share: Amount = _share("industrial solid waste that is used")
    waste_heat_use_share: Amount = _share("waste heat, cold and pressure that is used")
    water_reuse_share: Amount = _share("industrial water that is reused")
    cultivated_land_share: Amount = _share("cultivated land under the plants")
    basic_farmland_share: Amount = _share("permanent basic farmland under the plants")
    basic_grassland_share: Amount = _share("basic grassland under the plants")
    red_line_share: Amount = _share("land inside ecological red lines under the plants")
    nature_reserve_share: Amount = _share("nature reserves and national parks under the plants")
    wetland_share: Amount = _share("important wetland under the plants")
    shrub_cover_share: Amount = _share("shrub cover where PV stands on forest land")
    annual_precipitation: Amount = _amount("annual precipitation [mm]")

    @model_validator(mode="after")
    def _parts_of_the_load(self) -> ProjectFigures:
        for name in ("self_use_energy", "direct_green_energy", "renewable_energy", "nonhydro_renewable_energy"):
            value = getattr(self, name)
            if value is not None and self.load_energy is not None and value > self.load_energy * (1 + 1e-9):
                raise ValueError(
                    f"expected {name} up to the load of {self.load_energy:g} MWh, found {value:g}; a share above 1 is no share"
                )
        return self


Scheme = Literal["direct_connection", "source_grid_load_storage", "off_grid_hydrogen"]


class Facts(Parameters):
    """What decides which rules apply. None is unknown."""

    province: str | None = Field(default=None, description="province, ISO 3166-2")
    scheme: Scheme | None = Field(default="direct_connection", description="under which scheme plants and load are joined")
    grid_connected: bool | None = Field(default=True, description="joined to the public grid")
    multi_user: bool | None = Field(default=False, description="several legal entities are supplied")
    spot_market: bool | None = Field(default=None, description="the province's spot market runs continuously")
    zero_carbon_park: bool | None = Field(default=False, description="the park applies for the national list of zero-carbon parks")
    zero_carbon_factory: bool | None = Field(default=False, description="the factory applies for the class of zero-carbon factories")
    sector: str | None = Field(default=None, description="industry, such as data_centre, pv, lithium_battery, steel")
    hub_node: bool | None = Field(default=None, description="a new data centre in a national hub node")
    forest_land: bool | None = Field(default=None, description="PV stands on forest land")


FACTS = frozenset(Facts.model_fields)
FIGURES = frozenset(ProjectFigures.model_fields)


@dataclass(frozen=True)
class Measure:
    """A number that rules compare.

    Parameters
    ----------
    unit : str
        Unit of the number, ``"1"`` for shares.
    formula : str
        Formula in words.
    needs : tuple of str
        Figures, in the order of the arguments.
    function : callable
        From arrays or numbers of these figures to the number; NaN is unknown.
    limit : str, optional
        Field of the limits that a supply must respect, where this measure bounds one.
    """

    unit: str
    formula: str
    needs: tuple[str, ...]
    function: Callable[..., Floats]
    limit: str | None = None


_PARTS = ("self_use_energy", "exported_energy", "curtailed_energy", "storage_loss")
_AVAILABLE = "available generation (self-use + export + curtailed + storage loss)"


def available_energy(self_use: Floats, exported: Floats, curtailed: Floats, loss: Floats) -> Floats:
    """Available generation [MWh]: what was curtailed and what storage lost are part of it."""
    return self_use + exported + curtailed + loss


def _ratio(part: Floats, whole: Floats) -> Floats:
    return part / whole


def _own(name: str, unit: str) -> Measure:
    return Measure(unit, name.replace("_", " "), (name,), lambda value: value)


def _of_load(name: str, words: str, limit: str | None = None) -> Measure:
    return Measure("1", f"{words} / consumption", (name, "load_energy"), _ratio, limit)


#: Measures by name.
MEASURES: Mapping[str, Measure] = {
    "self_use_share": Measure(
        "1", f"self-use / {_AVAILABLE}", _PARTS, lambda u, x, k, loss: u / available_energy(u, x, k, loss), "self_use_share_min"
    ),
    "export_share": Measure(
        "1", f"export / {_AVAILABLE}", _PARTS, lambda u, x, k, loss: x / available_energy(u, x, k, loss), "export_share_max"
    ),
    "own_share": _of_load("self_use_energy", "self-use", "own_share_min"),
    "direct_green_share": _of_load("direct_green_energy", "green power by dedicated lines", "own_share_min"),
    "renewable_share": _of_load("renewable_energy", "renewable power consumed"),
    "nonhydro_renewable_share": _of_load("nonhydro_renewable_energy", "renewable power without hydro"),
    "clean_energy_share": Measure("1", "clean energy / energy consumption", ("clean_energy_tce", "energy_tce"), _ratio),
    "carbon_per_energy": Measure("t/tce", "emissions / energy consumption", ("emissions_t", "energy_tce"), _ratio),
    "gross_emissions": Measure("t", "Scope 1 + market-based Scope 2", ("scope1_t", "scope2_market_t"), lambda s1, s2: s1 + s2),
    "net_emissions": Measure(
        "t", "Scope 1 + market-based Scope 2 - offsets", ("scope1_t", "scope2_market_t", "offsets_t"), lambda s1, s2, off: s1 + s2 - off
    ),
    "storage_power_share": Measure(
        "1", "storage power / (PV + wind capacity)", ("battery_power", "pv_capacity", "wind_capacity"), lambda b, pv, w: b / (pv + w)
    ),
    "storage_hours": Measure("h", "storage energy / storage power", ("battery_energy", "battery_power"), _ratio),
    "voltage": _own("voltage_kv", "kV"),
    **{
        name: _own(name, "1")
        for name in (
            "solid_waste_use_share", "waste_heat_use_share", "water_reuse_share", "cultivated_land_share", "basic_farmland_share",
            "basic_grassland_share", "red_line_share", "nature_reserve_share", "wetland_share", "shrub_cover_share",
        )
    },
}  # fmt: skip

#: Field of the limits of a supply by the measure that bounds it.
LIMIT_FIELDS = {name: measure.limit for name, measure in MEASURES.items() if measure.limit}

#: Heat content of electricity [tce/MWh], the calorific value that the statistics of energy use.
ELECTRICITY_TCE_PER_MWH = 0.1229

#: National average factor of 2023 [t/MWh]; which factor the annex of document 910 prescribes was not read, the fossil one is 0.8273.
NON_GREEN_FACTOR = 0.5306


def all_electric(load_energy: float, green_energy: float, factor: float = NON_GREEN_FACTOR) -> dict[str, float]:
    """Figures of a park that uses nothing but electricity.

    Parameters
    ----------
    load_energy, green_energy : float
        Consumption, and the green power in it [MWh].
    factor : float
        Emission factor of the rest [t/MWh].

    Returns
    -------
    dict
        ``energy_tce``, ``clean_energy_tce`` and ``emissions_t`` of :class:`ProjectFigures`.
    """
    return {
        "energy_tce": load_energy * ELECTRICITY_TCE_PER_MWH,
        "clean_energy_tce": green_energy * ELECTRICITY_TCE_PER_MWH,
        "emissions_t": (load_energy - green_energy) * factor,
    }
