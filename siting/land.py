"""Where a park may stand and where plants may: two screens over the layers, with the reason for every cell left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field, field_validator, model_validator

from siting.catalog.cache import Area
from siting.catalog.fetched import FetchedRaster
from siting.grid import cell_area_km2, cell_numbers
from siting.ground import is_given, rule_labels
from siting.ground_inputs import AnyLandCover, AnySlope, Features
from siting.landcover import Technology, rule_set
from siting.layers import LEVELS, Exclusion
from siting.region import PROVINCES, check_provinces
from siting.vocabulary import Parameters, StudyError, encode_flags, step, with_warnings

if TYPE_CHECKING:
    from typing import Self

    import xarray as xr
    from numpy.typing import NDArray

    Masks = dict[str, NDArray[np.bool_]]

#: Sites per chunk of the lazy table.
CHUNK_SITES = 250

#: Reason -> its number, English and Chinese; exclusions of the study follow.
REASONS = {
    "allowed": (0, "allowed", "可用"),
    "outside": (1, "outside the region", "研究区域以外"),
    "no_data": (2, "no data here", "缺少数据"),
    "province": (3, "province left out by the study", "省份未纳入"),
    "land": (4, "too little land in the cell", "陆地过少"),
    "altitude": (5, "too high", "海拔过高"),
    "water": (6, "lakes and reservoirs", "水域"),
    "protected": (7, "national park (coarse outline)", "国家公园（粗略范围）"),
    "city": (8, "too far from a city", "距城市过远"),
}
_FIRST_EXCLUSION = 9
_EXCLUSION_LIMIT = 200
_FIRST_RULE = _FIRST_EXCLUSION + _EXCLUSION_LIMIT + 1
_FEATURES_LIMIT = 8

_PLANTS: tuple[Technology, ...] = ("pv", "wind")
_SPOKEN = {"park": ("parks", "园区"), "pv": ("PV", "光伏"), "wind": ("wind", "风电")}

_NEEDS = (
    "province", "land_fraction", "water_fraction", "protected_fraction", "altitude", "distance_to_city", *LEVELS,
)  # fmt: skip


class Land(Parameters):
    """Where parks and plants may stand, and how much of the open land plants can use."""

    park_provinces: tuple[str, ...] = Field(
        default=("all",), min_length=1, description="Provinces (ISO 3166-2) where a park may stand, or all."
    )
    plant_provinces: tuple[str, ...] = Field(
        default=("all",), min_length=1, description="Provinces (ISO 3166-2) where plants may stand, or all."
    )
    park_altitude_max_m: float = Field(default=3500.0, ge=0.0, le=9000.0, description="Highest mean altitude of a park's cell [m].")
    park_distance_to_city_max_km: float = Field(default=150.0, gt=0.0, le=2000.0, description="Largest distance of a park to a city [km].")
    park_land_fraction_min: float = Field(default=0.2, ge=0.0, le=1.0, description="Least share of land in a park's cell [1].")
    park_water_fraction_max: float = Field(default=0.5, ge=0.0, le=1.0, description="Largest share of lakes on a park cell's land [1].")
    park_protected_fraction_max: float = Field(default=0.5, ge=0.0, le=1.0, description="Largest share of national parks [1].")
    park_exclusion_fraction_max: float = Field(default=0.5, ge=0.0, le=1.0, description="Largest share of any one exclusion [1].")
    plant_altitude_full_m: float = Field(default=3500.0, ge=0.0, le=9000.0, description="Altitude up to which all open land counts [m].")
    plant_altitude_max_m: float = Field(default=5000.0, ge=0.0, le=9000.0, description="Altitude from which no land counts for plants [m].")
    plant_open_fraction_min: float = Field(default=0.05, ge=0.0, le=1.0, description="Least open share of a cell that plants need [1].")
    pv_usable_share: float = Field(
        default=0.2, ge=0.0, le=1.0, description="Share of open land that PV can use, an assumption the same everywhere [1]."
    )
    wind_usable_share: float = Field(
        default=0.3,
        ge=0.0,
        le=1.0,
        description="Share of open land that wind farms can use, an assumption the same everywhere [1].",
    )
    exclusions: tuple[Exclusion, ...] = Field(default=(), max_length=_EXCLUSION_LIMIT, description="The user's own areas to leave out.")

    slope: AnySlope | None = Field(default=None, description="Slope of the ground, or elevation to compute it from.")
    land_cover: AnyLandCover | None = Field(default=None, description="Classes of land cover.")
    features: tuple[Features, ...] = Field(
        default=(), max_length=_FEATURES_LIMIT, description="Reserves, roads, railways, lines, substations, ports: closed, and measured to."
    )
    rules: tuple[str, ...] = Field(
        default=("park_assumed_2026", "pv_china_2023", "wind_china_2026"), description="Rules for slope and land cover, by name."
    )
    slope_max_degree: Mapping[Technology, Annotated[float, Field(gt=0.0, lt=90.0)]] = Field(
        default={}, description="Steepest ground by park, pv, wind, before the rules."
    )
    patch_min_km2: Mapping[Technology, Annotated[float, Field(gt=0.0)]] = Field(
        default={}, description="Least contiguous patch by park, pv, wind [km2]."
    )
    fine_m: float = Field(default=250.0, ge=10.0, le=5000.0, description="Cells in which slope, land cover and features are read [m].")

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        technologies = [rule_set(name).technology for name in rules]
        if len(set(technologies)) < len(technologies):
            raise StudyError(f"expected one set of rules each for park, pv and wind, found {', '.join(rules)}; remove one")
        return rules

    @field_validator("park_provinces", "plant_provinces")
    @classmethod
    def _known(cls, provinces: tuple[str, ...]) -> tuple[str, ...]:
        return check_provinces(provinces)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.plant_altitude_full_m > self.plant_altitude_max_m:
            raise StudyError(
                f"expected plant_altitude_full_m up to {self.plant_altitude_max_m:g} (plant_altitude_max_m), "
                f"found {self.plant_altitude_full_m:g}; raise the maximum"
            )
        for what, items in (("exclusions", self.exclusions), ("features", self.features)):
            names = [item.name for item in items]
            if len(set(names)) < len(names):
                raise StudyError(f"expected {what} with different names, found {', '.join(names)}; rename the repeated ones")
        return self

    def placed(self, area: Area) -> Land:
        """Limits of land in a region, for which datasets were fetched."""
        given = {"slope": self.slope, "land_cover": self.land_cover}
        return self.model_copy(update={name: item.placed(name, area) for name, item in given.items() if isinstance(item, FetchedRaster)})


@step(needs=_NEEDS, adds=("cell_area", "load_allowed", "pv_land_fraction", "wind_land_fraction"))
def screen(layers: xr.Dataset, land: Land) -> xr.Dataset:
    """Site table of the cells where a park or plants may stand.

    Parameters
    ----------
    layers : xarray.Dataset
        Layers on the analysis grid, see :func:`siting.open_layers`.
    land : Land
        Limits.

    Returns
    -------
    xarray.Dataset
        One row per cell, in the order of the cell numbers; every layer as a column, the area of the cell [km2], whether a park may
        stand there, and the shares of the cell open to PV and to wind; lazy, in chunks of 250 sites.

    Raises
    ------
    StudyError
        If no cell is left; the text says which reason took how many.
    """
    import odc.geo.xr  # noqa: F401  registers the .odc accessor
    import xarray as xr

    park, plant = _park_reasons(layers, land), _plant_reasons(layers, land)
    kept = (park == 0) | (plant == 0)
    if not kept.any():
        raise StudyError(f"Expected cells where a park or plants may stand, found none: {_tally(park, land)}; relax the limits of land.")
    rows, cols = (xr.DataArray(index, dims="site") for index in np.nonzero(kept))
    box = layers.odc.geobox
    sites = layers.drop_vars(["load_reason", "plant_reason"], errors="ignore").isel(y=rows, x=cols).transpose("site", ...)
    sites = sites.assign_coords(site=cell_numbers(box)[kept])
    least = max(land.plant_open_fraction_min, 1e-12)
    opened = {name: _open_fraction(layers, land, name) for name in _PLANTS}
    pv, wind = (np.where((plant == 0) & (opened[name] >= least), opened[name], 0.0)[kept] for name in _PLANTS)
    return (
        _with_assumption(sites, land)
        .assign(
            cell_area=("site", np.full(pv.size, cell_area_km2(box))),
            load_allowed=("site", (park == 0)[kept]),
            pv_land_fraction=("site", land.pv_usable_share * pv),
            wind_land_fraction=("site", land.wind_usable_share * wind),
        )
        .chunk({"site": CHUNK_SITES})
    )


@step(needs=_NEEDS, adds=("load_reason", "plant_reason"))
def explain(layers: xr.Dataset, land: Land) -> xr.Dataset:
    """Layers with the first reason why a park, and why plants, may not stand in each cell, as CF flags (0: they may)."""
    codes = {number: text for number, text, _ in REASONS.values()}
    chinese = {number: text for number, _, text in REASONS.values()}
    for position, exclusion in enumerate(land.exclusions):
        codes[_FIRST_EXCLUSION + position] = chinese[_FIRST_EXCLUSION + position] = exclusion.name
    for position, rule in enumerate(rule_labels(land)) if is_given(land) else ():
        codes[_FIRST_RULE + position] = f"{_SPOKEN[rule['technology']][0]}: {rule['en']}"
        chinese[_FIRST_RULE + position] = f"{_SPOKEN[rule['technology']][1]}：{rule['zh']}"
    attrs = encode_flags(codes) | {"flag_meanings_zh": "|".join(chinese.values())}
    reasons = {"load_reason": _park_reasons(layers, land), "plant_reason": _plant_reasons(layers, land)}
    return _with_assumption(layers.assign({name: (("y", "x"), flags, dict(attrs)) for name, flags in reasons.items()}), land)


def _with_assumption(dataset: xr.Dataset, land: Land) -> xr.Dataset:
    """Dataset with the warning of the screen."""
    sentence = (
        f"An assumption, the same everywhere: PV can use {100 * land.pv_usable_share:g} % of the open land, "
        f"wind farms {100 * land.wind_usable_share:g} %."
    )
    return with_warnings(dataset, [sentence])


def _park_reasons(layers: xr.Dataset, land: Land) -> NDArray[np.uint8]:
    masks = _common_masks(layers, land.park_provinces)
    masks["land"] = layers["land_fraction"].values < land.park_land_fraction_min
    masks["altitude"] = layers["altitude"].values > land.park_altitude_max_m
    masks["water"] = layers["water_fraction"].values > land.park_water_fraction_max
    masks["protected"] = layers["protected_fraction"].values > land.park_protected_fraction_max
    masks["city"] = layers["distance_to_city"].values > land.park_distance_to_city_max_km
    reasons = _first_reason(masks)
    for number, share in _exclusion_shares(layers, land, "park").items():
        reasons[(reasons == 0) & (share > land.park_exclusion_fraction_max)] = number
    taken = _rule_shares(layers, land, "park")
    if taken:
        shares = np.stack(list(taken.values()))
        dry = layers["land_fraction"].values * (1.0 - layers["water_fraction"].values)
        # the rules keep open patches only, so that any open ground is a patch large enough
        closed = (reasons == 0) & (dry - shares.sum(axis=0) <= 1e-9)
        reasons[closed] = np.array(list(taken), dtype=np.uint8)[shares[:, closed].argmax(axis=0)]
    return reasons


def _plant_reasons(layers: xr.Dataset, land: Land) -> NDArray[np.uint8]:
    masks = _common_masks(layers, land.plant_provinces)
    masks["altitude"] = layers["altitude"].values >= land.plant_altitude_max_m
    masks["land"] = layers["land_fraction"].values < land.plant_open_fraction_min
    reasons = _first_reason(masks)
    open_pv, open_wind = (_open_fraction(layers, land, name) for name in _PLANTS)
    crowded = (reasons == 0) & (np.maximum(open_pv, open_wind) < max(land.plant_open_fraction_min, 1e-12))
    for technology, last in (("pv", open_pv > open_wind), ("wind", open_pv <= open_wind)):
        takers = _takers(layers, land, technology)
        numbers = np.array([*takers, REASONS["altitude"][0]], dtype=np.uint8)
        shares = np.stack([*takers.values(), np.maximum(1.0 - _altitude_share(layers, land), 1e-300)])
        here = crowded & last
        reasons[here] = numbers[shares[:, here].argmax(axis=0)]
    return reasons


def _common_masks(layers: xr.Dataset, provinces: tuple[str, ...]) -> Masks:
    index = layers["province"].values
    allowed = list(PROVINCES) if provinces == ("all",) else list(provinces)
    codes = np.array([*str(layers["province"].attrs["iso_3166_2"]).split(), ""])
    needed = [layers[name].values for name in _NEEDS[1:]]
    if "user_exclusion" in layers:
        needed += list(layers["user_exclusion"].transpose("exclusion", "y", "x").values)
    return {
        "outside": index < 0,
        "no_data": np.asarray(np.isnan(needed).any(axis=0)),
        "province": np.asarray(~np.isin(codes[index], allowed)),
    }


def _first_reason(masks: Masks) -> NDArray[np.uint8]:
    """First reason that holds, in the order of :data:`REASONS`; 0 where none does."""
    ordered = [(REASONS[name][0], masks[name]) for name in REASONS if name in masks]
    return np.select([mask for _, mask in ordered], [np.uint8(number) for number, _ in ordered], default=np.uint8(0))


def _exclusion_shares(layers: xr.Dataset, land: Land, what: str) -> dict[int, NDArray[np.float64]]:
    """Share of the cells taken by each exclusion that applies, by the number of its reason."""
    from siting.vocabulary import check

    if not land.exclusions:
        return {}
    check(layers, ["user_exclusion"], "screen")
    return {
        _FIRST_EXCLUSION + position: layers["user_exclusion"].sel(exclusion=exclusion.name).values
        for position, exclusion in enumerate(land.exclusions)
        if exclusion.applies_to in (what, "both")
    }


def _rule_shares(layers: xr.Dataset, land: Land, technology: str) -> dict[int, NDArray[np.float64]]:
    """Share of the cells that each rule for a technology is the first to take, by the number of its reason."""
    from siting.vocabulary import check

    if not is_given(land):
        return {}
    labels = rule_labels(land)
    if labels:
        check(layers, ["ground_taken"], "screen")
    return {
        _FIRST_RULE + position: layers["ground_taken"].values[position]
        for position, label in enumerate(labels)
        if label["technology"] == technology
    }


def _takers(layers: xr.Dataset, land: Land, technology: str) -> dict[int, NDArray[np.float64]]:
    """Shares of the cells that plants can't have, by the number of the reason."""
    return {
        REASONS["water"][0]: layers["water_fraction"].values * layers["land_fraction"].values,
        REASONS["protected"][0]: layers["protected_fraction"].values,
        **_exclusion_shares(layers, land, "plant"),
        **_rule_shares(layers, land, technology),
    }


def _altitude_share(layers: xr.Dataset, land: Land) -> NDArray[np.float64]:
    """Share of the open land that counts: all of it up to the full altitude, none from the maximum, linear between."""
    span = max(land.plant_altitude_max_m - land.plant_altitude_full_m, 1e-9)
    share: NDArray[np.float64] = np.clip((land.plant_altitude_max_m - layers["altitude"].values) / span, 0.0, 1.0)
    return share


def _open_fraction(layers: xr.Dataset, land: Land, technology: str) -> NDArray[np.float64]:
    """Share of each cell open to PV or to wind.

    Rules for the ground are told apart by the fine grid; what else takes land is
    summed as if nothing overlapped: open land is never counted too high.
    """
    taken = np.sum(list(_takers(layers, land, technology).values()), axis=0)
    free: NDArray[np.float64] = np.maximum(layers["land_fraction"].values - taken, 0.0) * _altitude_share(layers, land)
    return free


def _tally(reasons: NDArray[np.uint8], land: Land) -> str:
    """Cells by reason, most first."""
    texts = {number: text for number, text, _ in REASONS.values()}
    texts |= {_FIRST_EXCLUSION + position: exclusion.name for position, exclusion in enumerate(land.exclusions)}
    texts |= {_FIRST_RULE + position: rule["en"] for position, rule in enumerate(rule_labels(land))}
    numbers, counts = np.unique(reasons[reasons != REASONS["outside"][0]], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return ", ".join(f"{texts[int(numbers[i])]} {counts[i]:,}" for i in order)
