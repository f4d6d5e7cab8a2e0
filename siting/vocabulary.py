"""Every variable that a step may read or write: its unit, dimensions and meaning, and the errors of the toolkit.

A name means one thing everywhere, and its unit is written once, here. Steps declare with :func:`step` what they need and
what they add; the decorator checks both and stamps the declared unit and names on the result.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict

if TYPE_CHECKING:
    import xarray as xr

P = ParamSpec("P")


class SitingError(Exception):
    """Base of all errors that a user can mend; its text is one line: expected, found, fix."""

    exit_code = 3


class MissingVariableError(SitingError, KeyError):
    """A step lacks a variable that it needs."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnitsError(SitingError, ValueError):
    """Values or units that don't fit the declared unit."""


class AlignmentError(SitingError, ValueError):
    """Grids, coordinate systems, labels or time axes that don't match."""


class CatalogError(SitingError, LookupError):
    """An unknown or malformed catalog entry."""


class StudyError(SitingError, ValueError):
    """A study that can't be run as written."""

    exit_code = 2


class OutputError(SitingError, OSError):
    """An output that can't be written."""

    exit_code = 2


class IntegrityError(SitingError, ValueError):
    """Bytes that differ from their recorded checksum."""


class FetchError(SitingError, ConnectionError):
    """Data that a server doesn't give, or not as it should."""

    exit_code = 6


class ResourceError(SitingError, MemoryError):
    """A request beyond the memory, disk or time at hand."""

    exit_code = 5


class Parameters(BaseModel):
    """Base of all parameter models: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"expected an IANA time zone such as Asia/Shanghai, found {name!r}")
    return name


#: Name of an IANA time zone.
TimeZone = Annotated[str, AfterValidator(_known_zone)]


@dataclass(frozen=True)
class Variable:
    """One entry of the vocabulary.

    Parameters
    ----------
    unit : str
        Unit in UDUNITS notation, ``"1"`` for ratios, ``""`` for text and flags.
    dims : tuple of str
        Dimensions in storage order.
    en, zh : str
        Meaning in English and Chinese, short enough for a legend.
    standard_name : str, optional
        CF standard name, where one exists.
    """

    unit: str
    dims: tuple[str, ...]
    en: str
    zh: str
    standard_name: str | None = None

    def attrs(self) -> dict[str, str]:
        """Attributes to store with the array."""
        attrs = {"long_name": self.en, "long_name_zh": self.zh}
        if self.unit:
            attrs["units"] = self.unit
        if self.standard_name:
            attrs["standard_name"] = self.standard_name
        return attrs


_RASTER = ("y", "x")
_SITE = ("site",)
_HOURS = ("site", "time")
_MIX = ("site", "target")
_GRID_HOURS = ("grid_zone", "time")

#: name -> Variable. Layers on the analysis grid come first, then the columns of the site table in the order of the road.
VARIABLES: dict[str, Variable] = {
    # layers
    "province": Variable("", _RASTER, "province (index into the attribute iso_3166_2, -1 outside)", "省份"),
    "land_fraction": Variable("1", _RASTER, "share of the cell that is land", "陆地比例", "land_area_fraction"),
    "water_fraction": Variable("1", _RASTER, "share of the land that is lake or reservoir", "水体比例"),
    "altitude": Variable("m", _RASTER, "altitude of the ground", "海拔", "surface_altitude"),
    "protected_fraction": Variable("1", _RASTER, "share of the cell inside coarse outlines of national parks", "国家公园比例（粗略）"),
    "distance_to_city": Variable("km", _RASTER, "distance to the nearest city", "距最近城市"),
    "nearest_city": Variable("", _RASTER, "name of the nearest city", "最近城市"),
    "distance_to_place": Variable("km", _RASTER, "distance to the nearest place with atlas figures", "距最近资源点"),
    "wind_speed_100m_mean": Variable("m s-1", _RASTER, "long-run mean wind speed at 100 m", "100米平均风速"),
    "wind_speed_100m_mean_error": Variable(
        "m s-1", _RASTER, "interpolation error of the mean wind speed (standard error)", "平均风速插值误差"
    ),
    "annual_ghi": Variable("kWh m-2", _RASTER, "long-run annual global horizontal irradiation", "年总水平辐照量"),
    "annual_ghi_error": Variable("kWh m-2", _RASTER, "interpolation error of the annual irradiation (standard error)", "年辐照量插值误差"),
    "annual_dni": Variable("kWh m-2", _RASTER, "long-run annual direct normal irradiation", "年直接辐照量"),
    "temp_air_monthly": Variable("degC", ("month", *_RASTER), "monthly mean air temperature at 2 m", "月平均气温", "air_temperature"),
    "precipitation_monthly": Variable("mm", ("month", *_RASTER), "monthly precipitation", "月降水量"),
    "linke_turbidity": Variable("1", ("month", *_RASTER), "Linke turbidity at air mass 2", "林克浊度"),
    "daily_ghi_quantile": Variable(
        "kWh m-2",
        ("weather_latitude", "weather_longitude", "month", "quantile"),
        "quantiles of the daily global irradiation by month, on the coarse weather grid",
        "日辐照量分位数",
    ),
    "roughness_length": Variable("m", _RASTER, "roughness length of the ground", "地面粗糙度", "surface_roughness_length"),
    "grid_emission_factor": Variable("kg kWh-1", _RASTER, "consumption-side emission factor of the public grid", "电网排放因子"),
    "grid_carbon_free_share": Variable("1", _RASTER, "carbon-free share of the province's annual generation", "发电量非化石占比"),
    "grid_energy_price": Variable(
        "CNY kWh-1", _RASTER, "energy price of grid power before charges, by default the coal benchmark", "电网电量电价（未含附加）"
    ),
    "user_exclusion": Variable("1", ("exclusion", *_RASTER), "share of the cell taken by each exclusion of the study", "自定义排除比例"),
    "slope": Variable("degree", _RASTER, "mean slope of the land in the cell", "平均坡度"),
    "land_cover_fraction": Variable("1", ("land_cover", *_RASTER), "share of each class on the land of the cell", "地表覆盖比例"),
    "ground_taken": Variable("1", ("rule", *_RASTER), "share of the cell that each rule is the first to take", "各规则首先排除的比例"),
    "distance_to_grid": Variable("km", _RASTER, "distance to the nearest power line or substation", "距最近电网"),
    "distance_to_road": Variable("km", _RASTER, "distance to the nearest road", "距最近公路"),
    "distance_to_rail": Variable("km", _RASTER, "distance to the nearest railway", "距最近铁路"),
    "distance_to_port": Variable("km", _RASTER, "distance to the nearest port", "距最近港口"),
    # screen
    "load_reason": Variable("", _RASTER, "why a park may not stand here (0: it may)", "园区排除原因"),
    "plant_reason": Variable("", _RASTER, "why plants may not stand here (0: they may)", "电站排除原因"),
    "cell_area": Variable("km2", _SITE, "area of the grid cell", "网格面积", "cell_area"),
    "load_allowed": Variable("", _SITE, "a park may stand here", "可建园区"),
    "pv_land_fraction": Variable("1", _SITE, "share of the cell open to PV plants", "光伏可用地比例"),
    "wind_land_fraction": Variable("1", _SITE, "share of the cell open to wind farms", "风电可用地比例"),
    # weather
    "ghi": Variable("W m-2", _HOURS, "global horizontal irradiance", "总水平辐照度", "surface_downwelling_shortwave_flux_in_air"),
    "dni": Variable("W m-2", _HOURS, "direct normal irradiance", "法向直接辐照度"),
    "dhi": Variable("W m-2", _HOURS, "diffuse horizontal irradiance", "散射辐照度", "surface_diffuse_downwelling_shortwave_flux_in_air"),
    "temp_air": Variable("degC", _HOURS, "air temperature at 2 m", "气温", "air_temperature"),
    "wind_speed_100m": Variable("m s-1", _HOURS, "wind speed at 100 m", "100米风速", "wind_speed"),
    # weather that the yields take if it is there
    "wind_speed_10m": Variable("m s-1", _HOURS, "wind speed at 10 m", "10米风速", "wind_speed"),
    "surface_pressure": Variable("Pa", _HOURS, "air pressure at the ground", "地面气压", "surface_air_pressure"),
    "weather_distance": Variable("km", _SITE, "distance to the weather cell whose hours the site has", "距气象格点"),
    "ghi_level_factor": Variable("1", _SITE, "factor that brought the hours of irradiance to the long-run level", "辐照量订正系数"),
    "wind_level_factor": Variable("1", _SITE, "factor that brought the hours of wind to the long-run level", "风速订正系数"),
    # yields
    "pv_capacity_factor": Variable("1", _HOURS, "net AC output per unit of DC nameplate", "光伏出力系数"),
    "wind_capacity_factor": Variable("1", _HOURS, "net output per unit of nominal power", "风电出力系数"),
    "turbine": Variable("", _SITE, "turbine that stands at the site", "风机型号"),
    # feed-in of the public grid: hours stand once per zone, not per site
    "grid_zone_index": Variable("", _SITE, "row of the site's grid zone (index into the attribute grid_zones)", "所属电网分区"),
    "grid_carbon_free_share_hourly": Variable(
        "1", _GRID_HOURS, "carbon-free share of grid power, modelled, not measured", "逐时电网无碳电力占比（模拟）"
    ),
    "grid_renewable_share_hourly": Variable(
        "1", _GRID_HOURS, "renewable share of grid power, modelled, not measured", "逐时电网可再生电力占比（模拟）"
    ),
    "grid_emission_factor_hourly": Variable(
        "kg kWh-1", _GRID_HOURS, "emission factor of grid power, modelled, not measured", "逐时电网排放因子（模拟）"
    ),
    "grid_carbon_free_share_error_hourly": Variable("1", _GRID_HOURS, "standard error of the carbon-free share", "逐时无碳电力占比误差"),
    "feedin_carbon_free_share": Variable(
        "1", _SITE, "carbon-free share of the year's grid power, imports included", "电网无碳电力占比（含外来电）"
    ),
    "feedin_renewable_share": Variable(
        "1", _SITE, "renewable share of the year's grid power, imports included", "电网可再生电力占比（含外来电）"
    ),
    "feedin_emission_factor": Variable("kg kWh-1", _SITE, "emission factor of the year's grid power", "电网年均排放因子"),
    "feedin_share_error": Variable("1", _SITE, "standard error of the year's shares", "电网占比误差"),
    # supply
    "pv_full_load_hours": Variable("h", _SITE, "annual PV output per DC nameplate", "光伏利用小时"),
    "wind_full_load_hours": Variable("h", _SITE, "annual wind output per nominal power", "风电利用小时"),
    "pv_capacity_factor_monthly": Variable("1", ("site", "month"), "monthly mean PV output", "光伏月均出力"),
    "wind_capacity_factor_monthly": Variable("1", ("site", "month"), "monthly mean wind output", "风电月均出力"),
    "load_energy": Variable("MWh", _SITE, "annual load", "年用电量"),
    "pv_capacity": Variable("MW", _MIX, "PV capacity (DC)", "光伏装机"),
    "wind_capacity": Variable("MW", _MIX, "wind capacity", "风电装机"),
    "battery_power": Variable("MW", _MIX, "battery power", "储能功率"),
    "battery_energy": Variable("MWh", _MIX, "battery energy", "储能容量"),
    "generation": Variable("MWh", _MIX, "annual available generation", "年可发电量"),
    "matched_share": Variable("1", _MIX, "share of the load served by the site's own plants in the same hour", "逐时自供比例"),
    "matched_share_worst_year": Variable("1", _MIX, "hourly matched share of the year in which it is least", "最差年份逐时自供比例"),
    "matched_share_monthly": Variable("1", ("site", "target", "month"), "hourly matched share by month", "逐月自供比例"),
    "import_energy": Variable("MWh", _MIX, "annual energy drawn from the public grid", "年网购电量"),
    "import_peak": Variable("MW", _MIX, "largest power drawn from the public grid", "最大网购功率"),
    "curtailed_energy": Variable("MWh", _MIX, "annual curtailed energy", "年弃电量"),
    "exported_energy": Variable("MWh", _MIX, "annual exported energy", "年上网电量"),
    "exported_wind_energy": Variable(
        "MWh",
        _MIX,
        "part of the exported energy that is wind power; by the generation of the year where both earn the same",
        "年上网风电量",
    ),
    "storage_loss": Variable("MWh", _MIX, "annual energy lost in storage", "年储能损耗"),
    "balance_residual": Variable(
        "1", _MIX, "largest relative residual of the energy balances of generation, load and store", "能量平衡残差"
    ),
    "load_energy_monthly": Variable("MWh", ("site", "target", "month"), "monthly load", "月用电量"),
    "generation_monthly": Variable("MWh", ("site", "target", "month"), "monthly available generation", "月可发电量"),
    "import_energy_monthly": Variable("MWh", ("site", "target", "month"), "monthly energy drawn from the public grid", "月网购电量"),
    "reachable_share": Variable("1", _SITE, "hourly matched share within reach of land and overbuild, at least", "可达逐时自供比例"),
    "reach_limits": Variable(
        "", _SITE, "what keeps the share from rising: 2 PV land, 4 wind land, 8 overbuild (bit flags), 0 no resource", "可达比例的限制"
    ),
    "import_hours": Variable("h", _MIX, "hours in which the own plants don't serve all of the load", "缺电小时"),
    "longest_lull": Variable("h", _MIX, "longest run of hours in which the own plants don't serve all of the load", "最长连续缺电"),
    "import_carbon_free_energy": Variable(
        "MWh", _MIX, "carbon-free part of the energy drawn from the public grid, by the hour (modelled)", "网购电量中的无碳部分（逐时）"
    ),
    "import_emissions": Variable(
        "t", _MIX, "emissions of the energy drawn from the public grid, by the hour (modelled)", "网购电量排放（逐时）"
    ),
    "import_price_factor": Variable("1", _MIX, "mean factor on the import price in the hours of import", "网购电价时段系数"),
    "grid_capacity": Variable("MW", _MIX, "contracted grid capacity", "合同电网容量"),
    "target_price": Variable("CNY kWh-1", _MIX, "what one kWh less of import would cost: the price of the target", "目标影子价格"),
    "sizing_gap": Variable("1", _MIX, "gap between the bounds of the least cost", "成本上下界差"),
    "supply_engine": Variable("", _MIX, "engine that sized the supply: 1 cutting planes with certificate, 2 linear programme", "求解引擎"),
    "supply_limits": Variable(
        "", _MIX, "what binds: 1 target, 2 PV land, 4 wind land, 8 overbuild, 16 self-use, 32 own share, 64 exports (bit flags)", "约束条件"
    ),
    "grid_charged_energy": Variable("MWh", _MIX, "annual energy from the public grid into the battery", "网电充电量"),
    "cut_energy": Variable("MWh", _MIX, "annual energy of load that is cut", "年中断电量"),
    "cut_cost": Variable("CNY", _MIX, "annual payment for load that is cut", "年中断补偿"),
    "electrolyser_capacity": Variable("MW", _MIX, "capacity of the electrolyser", "电解槽容量"),
    "hydrogen_tank": Variable("kg", _MIX, "capacity of the hydrogen tank", "储氢容量"),
    # where the plants stand
    "pv_place": Variable("", ("site", "place"), "cells where PV may stand, by number (-1: none)", "可选光伏场址"),
    "wind_place": Variable("", ("site", "place"), "cells where wind farms may stand, by number (-1: none)", "可选风电场址"),
    "pv_plant_site": Variable("", _MIX, "cell in which the PV stands (number)", "光伏所在网格"),
    "pv_plant_distance": Variable("km", _MIX, "distance of the PV from the park", "光伏距园区"),
    "pv_line_voltage": Variable("kV", _MIX, "voltage of the line from the PV (0: no line)", "光伏专线电压"),
    "pv_line_loss_share": Variable("1", _MIX, "share of the PV energy lost on its line", "光伏专线损耗率"),
    "wind_plant_site": Variable("", _MIX, "cell in which the wind farms stand (number)", "风电所在网格"),
    "wind_plant_distance": Variable("km", _MIX, "distance of the wind farms from the park", "风电距园区"),
    "wind_line_voltage": Variable("kV", _MIX, "voltage of the line from the wind farms (0: no line)", "风电专线电压"),
    "wind_line_loss_share": Variable("1", _MIX, "share of the wind energy lost on its line", "风电专线损耗率"),
    "line_cost": Variable("CNY", _MIX, "annual cost of the lines from the plants to the park", "专线年成本"),
    # costs
    "pv_lcoe": Variable("CNY kWh-1", _SITE, "levelised cost of PV power", "光伏度电成本"),
    "wind_lcoe": Variable("CNY kWh-1", _SITE, "levelised cost of wind power", "风电度电成本"),
    "import_price": Variable(
        "CNY kWh-1", _SITE, "price of each kWh drawn from the public grid, without the capacity charge", "网购电价（不含容量电费）"
    ),
    "cost_by_component": Variable("CNY kWh-1", ("site", "target", "component"), "delivered cost by component", "成本构成"),
    "delivered_cost": Variable(
        "CNY kWh-1", _MIX, "cost of delivered power at the hourly matched share, residual imports included", "供电成本"
    ),
    "island_cost": Variable("CNY kWh-1", _MIX, "cost of the own plants per kWh served by them", "自供度电成本"),
    # emissions
    "scope2_location": Variable("kg kWh-1", _MIX, "location-based Scope 2 emissions per kWh of load", "范围二排放（基于位置）"),
    "scope2_location_hourly": Variable(
        "kg kWh-1", _MIX, "location-based Scope 2 emissions with the grid's factor of each hour", "范围二排放（逐时）"
    ),
    "scope2_market": Variable("kg kWh-1", _MIX, "market-based Scope 2 emissions per kWh of load", "范围二排放（基于市场）"),
    "market_matched_share": Variable("1", _MIX, "share of the load that own supply and certificates cover", "市场法匹配比例"),
    "cfe_total": Variable("1", _MIX, "24/7 carbon-free score, own supply and the grid's share of each hour", "逐时无碳电力占比（含电网）"),
    "avoided_emissions": Variable(
        "t", _MIX, "emissions that exports displace elsewhere; in no inventory", "外送电避免的排放（不计入清单）"
    ),
    "carbon_free_share": Variable(
        "1", _MIX, "own matched share plus imports at the carbon-free share of the province's generation", "无碳电力占比"
    ),
    # policy
    "policy_failed": Variable("1", _MIX, "rules of policy that the supply fails", "未通过的政策规则数"),
    "policy_unknown": Variable("1", _MIX, "rules of policy that can't be judged from the figures at hand", "无法判定的政策规则数"),
    "policy_binding": Variable("", _MIX, "rule of policy with the least room, by its name", "裕度最小的政策规则"),
    "policy_margin": Variable(
        "1", _MIX, "room to the threshold of that rule, as a share of the threshold; negative is failed", "该规则的相对裕度"
    ),
    "rule_verdict": Variable("", ("site", "target", "policy_rule"), "what each rule says of the supply", "政策规则判定"),
    "rule_margin": Variable(
        "1",
        ("site", "target", "policy_rule"),
        "room to the threshold of each rule in the unit of its measure, positive is kept",
        "规则裕度",
    ),
    # scores
    "score": Variable("1", _SITE, "score, 0 to 1", "综合得分"),
    "contribution": Variable("1", ("site", "criterion"), "part of the score that comes from each criterion", "各指标贡献"),
    "rank": Variable("1", _SITE, "rank, 1 is best, 0 is not ranked", "排名"),
    "site_status": Variable("", _SITE, "why a site is not ranked, or what its numbers lean on (bit flags)", "状态"),
    # ranges over weather seeds
    "delivered_cost_range": Variable("CNY kWh-1", ("site", "bound"), "range of the delivered cost over weather seeds", "供电成本区间"),
    "storage_hours_range": Variable("h", ("site", "bound"), "range of the hours of storage over weather seeds", "储能时长区间"),
    "rank_range": Variable("1", ("site", "bound"), "range of the rank among the leading sites over weather seeds", "排名区间"),
    "tie_group": Variable("1", _SITE, "leading sites of one group differ by less than the spread between seeds, 0 is none", "并列组"),
}


def describe(name: str) -> Variable:
    """Entry of the vocabulary.

    Raises
    ------
    MissingVariableError
        If the name is not in the vocabulary; the text names the nearest one.
    """
    if name in VARIABLES:
        return VARIABLES[name]
    from difflib import get_close_matches

    near = get_close_matches(name, VARIABLES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`siting.vocabulary.VARIABLES` lists them all."
    raise MissingVariableError(f"Expected a variable of the vocabulary, found {name!r}; {hint}")


def check(dataset: xr.Dataset, names: Iterable[str], by: str) -> None:
    """Refuse a dataset that lacks one of ``names``, which ``by`` needs."""
    missing = [name for name in names if name not in dataset]
    if missing:
        found = ", ".join(map(str, dataset.variables)) or "nothing"
        raise MissingVariableError(f"{by} needs {', '.join(missing)}; the dataset has {found}. Run the step that adds it first.")


@dataclass(frozen=True)
class Step:
    """What one step of the road declares."""

    name: str
    needs: tuple[str, ...]
    adds: tuple[str, ...]


#: Steps by name, in the order in which their modules were imported.
STEPS: dict[str, Step] = {}


def step(
    *, needs: Iterable[str], adds: Iterable[str]
) -> Callable[[Callable[Concatenate[xr.Dataset, P], xr.Dataset]], Callable[Concatenate[xr.Dataset, P], xr.Dataset]]:
    """Declare what a step reads and writes, and check it at every call.

    The wrapped function gets a dataset that has all of ``needs`` and returns a dataset with all of ``adds``, in the declared
    dimensions; the declared unit and names are stamped on them. A step never overwrites.
    """
    needed, added = tuple(needs), tuple(adds)

    def decorate(function: Callable[Concatenate[xr.Dataset, P], xr.Dataset]) -> Callable[Concatenate[xr.Dataset, P], xr.Dataset]:
        STEPS[function.__name__] = Step(function.__name__, needed, added)

        @functools.wraps(function)
        def wrapper(dataset: xr.Dataset, /, *args: P.args, **kwargs: P.kwargs) -> xr.Dataset:
            check(dataset, needed, function.__name__)
            return stamp(function(dataset, *args, **kwargs), added, function.__name__)

        return wrapper

    return decorate


def stamp(dataset: xr.Dataset, names: Iterable[str], by: str) -> xr.Dataset:
    """Give ``names`` their declared attributes; refuse other dimensions than the declared ones."""
    for name in names:
        variable = describe(name)
        if name not in dataset:
            raise MissingVariableError(f"{by} promised {name} and did not add it.")
        held = dataset.variables[name]
        found = tuple(map(str, held.dims))
        if found != variable.dims:
            raise AlignmentError(f"{by} should add {name} with dimensions {variable.dims}, found {found}.")
        held.attrs.update(variable.attrs())
    return dataset


def with_warnings(dataset: xr.Dataset, sentences: Iterable[str]) -> xr.Dataset:
    """Dataset with sentences for the reader of its numbers, each once, in the attribute ``warnings``."""
    listed: list[str] = json.loads(dataset.attrs.get("warnings", "[]"))
    new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in listed]
    return dataset.assign_attrs(warnings=json.dumps(listed + new, ensure_ascii=False))


def road_table(names: Iterable[str]) -> str:
    """Markdown table of steps: what each adds, with its unit and dimensions, from the declarations themselves."""
    lines = ["| step | adds | unit | dimensions |", "|---|---|---|---|"]
    for name in names:
        for number, added in enumerate(STEPS[name].adds):
            variable = describe(added)
            lines.append(f"| {f'`{name}`' if number == 0 else ''} | `{added}` | {variable.unit} | {', '.join(variable.dims)} |")
    return "\n".join(lines)


def encode_flags(meanings: Mapping[int, str]) -> dict[str, Any]:
    """CF attributes of a flag variable: values and their meanings, joined by ``|``."""
    return {"flag_values": list(meanings), "flag_meanings": "|".join(meanings.values())}
