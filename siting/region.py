"""Where to look: provinces of China, a box of coordinates, and the bounds that are fetched for them."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, field_validator

from siting import catalog
from siting.catalog.cache import Area, Bounds
from siting.grid import Grid
from siting.vocabulary import Parameters, StudyError

if TYPE_CHECKING:
    import geopandas as gpd
    from shapely import Geometry

#: Extent of the embedded data [degree]: west, south, east, north.
EXTENT = (72.9, 14.9, 136.1, 55.1)

#: ISO 3166-2 code -> name of the provinces that the catalog has figures for.
PROVINCES = dict(
    item.split(":")
    for item in (
        "CN-AH:Anhui CN-BJ:Beijing CN-CQ:Chongqing CN-FJ:Fujian CN-GD:Guangdong CN-GS:Gansu CN-GX:Guangxi CN-GZ:Guizhou CN-HA:Henan "
        "CN-HB:Hubei CN-HE:Hebei CN-HI:Hainan CN-HL:Heilongjiang CN-HN:Hunan CN-JL:Jilin CN-JS:Jiangsu CN-JX:Jiangxi CN-LN:Liaoning "
        "CN-NM:Inner_Mongolia CN-NX:Ningxia CN-QH:Qinghai CN-SC:Sichuan CN-SD:Shandong CN-SH:Shanghai CN-SN:Shaanxi CN-SX:Shanxi "
        "CN-TJ:Tianjin CN-XJ:Xinjiang CN-XZ:Tibet CN-YN:Yunnan CN-ZJ:Zhejiang"
    )
    .replace("_", "\N{NO-BREAK SPACE}")
    .split(" ")
)


class Region(Parameters):
    """Where to look: provinces, a box of coordinates, or what both share."""

    provinces: tuple[str, ...] = Field(default=("all",), min_length=1, description="ISO 3166-2 codes such as CN-QH, or all.")
    bbox: tuple[float, float, float, float] | None = Field(default=None, description="West, south, east, north [degree]; None is no box.")

    @field_validator("provinces")
    @classmethod
    def _known(cls, provinces: tuple[str, ...]) -> tuple[str, ...]:
        return check_provinces(provinces)

    @field_validator("bbox")
    @classmethod
    def _ordered(cls, bbox: tuple[float, float, float, float] | None) -> tuple[float, float, float, float] | None:
        if bbox is None:
            return bbox
        west, south, east, north = bbox
        if not (EXTENT[0] <= west < east <= EXTENT[2] and EXTENT[1] <= south < north <= EXTENT[3]):
            swapped = EXTENT[0] <= south < north <= EXTENT[2] and EXTENT[1] <= west < east <= EXTENT[3]
            fix = "latitude and longitude are swapped: the order" if swapped else "the order"
            raise StudyError(
                f"expected west < east within {EXTENT[0]} to {EXTENT[2]} and south < north within {EXTENT[1]} to {EXTENT[3]} degrees, "
                f"found {list(bbox)}; {fix} is [west, south, east, north]"
            )
        return bbox

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the provinces, all of them spelt out."""
        return tuple(PROVINCES) if self.provinces == ("all",) else self.provinces

    @property
    def title(self) -> str:
        """Name of the region."""
        where = "mainland China" if self.provinces == ("all",) else ", ".join(PROVINCES[code] for code in self.codes)
        return where if self.bbox is None else f"{where}, {self.bbox[0]:g}-{self.bbox[2]:g} E, {self.bbox[1]:g}-{self.bbox[3]:g} N"


def check_provinces(provinces: tuple[str, ...]) -> tuple[str, ...]:
    """Codes of provinces, or ``("all",)``, if they are known and none is repeated.

    Raises
    ------
    StudyError
        If one is unknown, the text names the nearest; or if one is repeated.
    """
    if "all" in provinces and len(provinces) > 1:
        raise StudyError(f"expected all alone or codes of provinces, found {', '.join(provinces)}; remove one or the other")
    for code in provinces:
        if code not in PROVINCES and provinces != ("all",):
            raise StudyError(f"expected ISO 3166-2 codes of provinces or all, found {code!r}; {_suggest_province(code)}")
    if len(set(provinces)) != len(provinces):
        raise StudyError(f"expected each province once, found {', '.join(provinces)}; remove the repeated ones")
    return provinces


def _suggest_province(text: str) -> str:
    by_name = {name.lower(): code for code, name in PROVINCES.items()} | {code.lower(): code for code in PROVINCES}
    near = get_close_matches(text.lower(), by_name, n=1, cutoff=0.5)
    return f"did you mean {by_name[near[0]]!r}?" if near else f"known are {', '.join(PROVINCES)}"


def region_bounds(region: Region, areas: gpd.GeoDataFrame) -> Bounds:
    """West, south, east, north of a region [degree].

    Raises
    ------
    StudyError
        If the box lies outside the provinces.
    """
    west, south, east, north = (float(edge) for edge in areas.loc[list(region.codes)].total_bounds)
    if region.bbox is None:
        return west, south, east, north
    west, south = max(west, region.bbox[0]), max(south, region.bbox[1])
    east, north = min(east, region.bbox[2]), min(north, region.bbox[3])
    if west >= east or south >= north:
        raise StudyError(f"Expected region.bbox to overlap the provinces, found {list(region.bbox)} outside {region.title}; move the box.")
    return west, south, east, north


@cache
def fetched_area(region: Region, grid: Grid) -> Area:
    """Area that is fetched for a region: a cell more on all sides, with bounds widened to half degrees so that like regions share them."""
    margin = grid.resolution_km / 70.0
    west, south, east, north = region_bounds(region, catalog.open_entry("province_areas").set_index("iso_3166_2"))
    low = [float(np.floor(2.0 * (edge - margin)) / 2.0) for edge in (west, south)]
    high = [float(np.ceil(2.0 * (edge + margin)) / 2.0) for edge in (east, north)]
    return Area((low[0], low[1], high[0], high[1]), region.codes, margin)


@cache
def outline(area: Area) -> Geometry:
    """Provinces of an area with the ground around them that its cells may reach, in longitude and latitude."""
    import shapely

    areas = catalog.open_entry("province_areas").set_index("iso_3166_2")
    # cells lie askew to the degrees, and degrees of longitude shrink northwards
    return shapely.buffer(shapely.union_all(areas.geometry[list(area.provinces)].to_numpy()), 2.0 * area.margin)
