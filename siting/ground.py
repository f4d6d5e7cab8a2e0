"""The ground inside the cells: slope, land cover and features on a fine grid, and the share of each cell that each rule takes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from siting import catalog
from siting.buffers import buffered, distance_km
from siting.fine_grid import FineGrid, burn, fine_grid
from siting.ground_inputs import TECHNOLOGIES, Features, GroundRules
from siting.landcover import Legend, Rule, Technology, legend, rule_set

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox
    from shapely import Geometry

    Floats = NDArray[np.float64]
    Bytes = NDArray[np.uint8]

#: Kind of feature -> layer with the distance to it.
DISTANCES = {
    "road": "distance_to_road", "rail": "distance_to_rail", "line": "distance_to_grid", "substation": "distance_to_grid",
    "port": "distance_to_port",
}  # fmt: skip

_UNKNOWN_TEXT = ("no data of slope or land cover here", "坡度或地表覆盖缺少数据")


def is_given(land: GroundRules) -> bool:
    """Whether a study brings anything about the ground inside the cells."""
    return bool(land.slope or land.land_cover or land.features)


def ground_layers(land: GroundRules, layers: xr.Dataset, box: GeoBox, outline: Sequence[Geometry]) -> dict[str, Any]:
    """Layers of the ground: slope, shares of land cover, shares that rules take, distances to features.

    Parameters
    ----------
    land : GroundRules
        What the study brings, and its rules.
    layers : xarray.Dataset
        Layers with `province`, `land_fraction`, `latitude` and `longitude`.
    box : GeoBox
        Their grid.
    outline : sequence of shapely.Geometry
        Outlines of the land in longitude and latitude.

    Returns
    -------
    dict
        ``ground_taken`` (rule, y, x): share of each cell that each rule is the first to take from its technology; open land and
        these shares add up to the land above water. ``slope`` [degree], ``land_cover_fraction`` (land_cover, y, x) and a new
        ``water_fraction`` where there is a raster of it, and distances [km].

    Raises
    ------
    AlignmentError
        If a raster covers no cell of the region, or holds classes that its legend doesn't know.
    ResourceError
        If the fine grid would be too large.
    """
    drawn = {item.name: catalog.open_vector(item.file, layer=item.layer).geometry.to_list() for item in land.features}
    fine = fine_grid(land, layers, box, outline)
    found = _distances(land, drawn, layers)
    total = np.maximum(fine.share(fine.land), 1)
    water = _water(fine, land)
    dry = fine.land if water is None else fine.land & ~water
    if water is not None and land.land_cover:
        known = fine.land & (fine.classes != 0)
        seen = fine.share(known)
        found["water_fraction"] = (("y", "x"), np.where(seen > 0, fine.share(known & water) / np.maximum(seen, 1), np.nan))
        found |= _cover_shares(fine, legend(land.land_cover.legend), known)
    if fine.slope is not None:
        steep = np.where(fine.land, fine.slope, np.nan).reshape(box.shape.y, fine.n, box.shape.x, fine.n)
        count = np.isfinite(steep).sum(axis=(1, 3))
        mean = np.nansum(steep, axis=(1, 3), dtype=np.float64) / np.maximum(count, 1)
        found["slope"] = (("y", "x"), np.where(count > 0, mean, np.nan))
    return found | _taken(land, fine, dry, total, layers["land_fraction"].values, drawn)


def rule_labels(land: GroundRules) -> list[dict[str, str]]:
    """Rules that take ground, in the order of the dimension rule: technology, reason in both languages, document, confidence."""
    labels = []
    for technology in TECHNOLOGIES:
        for item in _closing(land, technology):
            text = {"document": "stated in the study", "date": "", "confidence": "user"}
            labels.append({"technology": technology, "en": item.name, "zh": item.name} | text)
        for rule in _rules(land, technology):
            text = {"document": f"{rule.document}; {rule.article}", "date": rule.date, "confidence": rule.confidence}
            labels.append({"technology": technology, "en": _told(rule), "zh": rule.zh} | text)
        if land.slope or land.land_cover:
            text = {"document": "", "date": "", "confidence": "high"}
            labels.append({"technology": technology, "en": _UNKNOWN_TEXT[0], "zh": _UNKNOWN_TEXT[1]} | text)
    return labels


def _told(rule: Rule) -> str:
    limit = f" ({rule.slope_max_degree:g} degrees)" if rule.slope_max_degree else ""
    return rule.en + (limit or (f" ({rule.patch_min_km2:g} km2)" if rule.patch_min_km2 else ""))


def _closing(land: GroundRules, technology: Technology) -> list[Features]:
    return [item for item in land.features if technology in item.closed_to]


def _rules(land: GroundRules, technology: Technology) -> list[Rule]:
    """Rules for a technology that the study has data for, with the limits that it states itself; patches come last."""
    rules = [rule for name in land.rules if rule_set(name).technology == technology for rule in rule_set(name).rules]
    kept = []
    for rule in rules:
        if rule.slope_max_degree is not None and land.slope and technology not in land.slope_max_degree:
            kept.append(rule)
        if rule.land_cover and land.land_cover:
            kept.append(rule)
    patches = [rule for rule in rules if rule.patch_min_km2 is not None and technology not in land.patch_min_km2]
    stated = {"document": "stated in the study", "article": "none", "date": "2026", "confidence": "high"}
    if land.slope and technology in land.slope_max_degree:
        limit = land.slope_max_degree[technology]
        kept.append(Rule.model_validate({"slope_max_degree": limit, "en": f"too steep for {technology}", "zh": "坡度过大"} | stated))
    if technology in land.patch_min_km2:
        least = land.patch_min_km2[technology]
        patches = [Rule.model_validate({"patch_min_km2": least, "en": f"patch too small for {technology}", "zh": "地块过小"} | stated)]
    return kept + patches


def _taken(
    land: GroundRules, fine: FineGrid, dry: NDArray[np.bool_], total: NDArray[np.int64], share: Floats, drawn: Mapping[str, list[Geometry]]
) -> dict[str, Any]:
    """Share of each cell that each rule is the first to take."""
    burnt = {item.name: burn(buffered(drawn[item.name], item.buffer_m), fine.box) for item in land.features if item.closed_to}
    planes = []
    for technology in TECHNOLOGIES:
        left = dry.copy()
        planes += [_take(fine, left, burnt[item.name]) for item in _closing(land, technology)]
        patches = []
        for rule in _rules(land, technology):
            if rule.patch_min_km2 is None:
                planes.append(_take(fine, left, _mask(rule, land, fine)))
            else:
                patches.append(rule)
        unknown = _take(fine, left, _unknown(fine)) if land.slope or land.land_cover else None
        planes += [_take(fine, left, _small(left, rule, fine)) for rule in patches]
        planes += [unknown] if unknown is not None else []
    labels = rule_labels(land)
    shares = np.stack(planes) / total * share if planes else np.zeros((0, *share.shape))
    return {"ground_taken": (("rule", "y", "x"), shares)} if labels else {}


def _take(fine: FineGrid, left: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of fine cells in each cell that the mask takes from what is left."""
    counts = fine.share(left & mask)
    left &= ~mask
    return counts


def _mask(rule: Rule, land: GroundRules, fine: FineGrid) -> NDArray[np.bool_]:
    """Fine cells that a rule about slope or land cover closes."""
    if rule.slope_max_degree is not None and fine.slope is not None:
        return np.asarray(fine.slope > rule.slope_max_degree)
    if land.land_cover is None or fine.classes is None:
        return np.zeros(fine.box.shape, dtype=bool)
    return np.isin(fine.classes, [each.value for each in legend(land.land_cover.legend).classes if each.kind in rule.land_cover])


def _unknown(fine: FineGrid) -> NDArray[np.bool_]:
    unknown = np.zeros(fine.box.shape, dtype=bool)
    if fine.classes is not None:
        unknown |= fine.classes == 0
    if fine.slope is not None:
        unknown |= np.isnan(fine.slope)
    return unknown


def _small(left: NDArray[np.bool_], rule: Rule, fine: FineGrid) -> NDArray[np.bool_]:
    """Fine cells in contiguous patches below the least area; cells touch along edges, and across the borders of cells."""
    from scipy import ndimage

    patches, count = ndimage.label(left)
    area = np.bincount(patches.ravel(), minlength=count + 1) * (fine.box.resolution.x / 1000.0) ** 2
    small = area < (rule.patch_min_km2 or 0.0)
    small[0] = False
    return np.asarray(small[patches])


def _water(fine: FineGrid, land: GroundRules) -> NDArray[np.bool_] | None:
    if fine.classes is None or land.land_cover is None:
        return None
    return np.isin(fine.classes, [each.value for each in legend(land.land_cover.legend).classes if each.kind == "water"])


def _cover_shares(fine: FineGrid, meaning: Legend, known: NDArray[np.bool_]) -> dict[str, Any]:
    """Share of each class on the land of a cell whose class is known."""
    seen = fine.share(known)
    counts = np.stack([fine.share(known & (fine.classes == each.value)) for each in meaning.classes])
    return {"land_cover_fraction": (("land_cover", "y", "x"), np.where(seen > 0, counts / np.maximum(seen, 1), np.nan))}


def _distances(land: GroundRules, drawn: Mapping[str, list[Geometry]], layers: xr.Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in dict.fromkeys(DISTANCES.values()):
        near = [each for item in land.features if DISTANCES.get(item.kind) == name for each in drawn[item.name]]
        if near:
            found[name] = (("y", "x"), distance_km(layers["latitude"].values, layers["longitude"].values, near))
    return found
