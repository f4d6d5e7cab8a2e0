"""The ground inside the cells: slope, land cover and features on a fine grid, and the share of each cell that each rule takes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from pydantic import Field, field_validator

from siting import catalog
from siting.buffers import buffered, distance_km, reproject
from siting.catalog.files import FileParameters
from siting.catalog.raster import check_range, open_source
from siting.catalog.window import LARGEST_CELLS, Source, Window
from siting.landcover import Legend, Rule, Technology, legend, rule_set
from siting.terrain import percent_to_degree, pixel_metres, slope_degree
from siting.vocabulary import AlignmentError, ResourceError, UnitsError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox
    from shapely import Geometry

    Floats = NDArray[np.float64]
    Bytes = NDArray[np.uint8]

TECHNOLOGIES: tuple[Technology, ...] = ("park", "pv", "wind")

#: Kind of feature -> layer with the distance to it.
DISTANCES = {
    "road": "distance_to_road", "rail": "distance_to_rail", "line": "distance_to_grid", "substation": "distance_to_grid",
    "port": "distance_to_port",
}  # fmt: skip

#: Most cells of the fine grid; about 12 bytes each.
MOST_FINE_CELLS = 400_000_000

_BLOCK = 256
#: Pixels of elevation up to which slopes are taken at their word [m]; slopes shrink with the size of pixels.
_FINE_ENOUGH = 120.0
_UNKNOWN_TEXT = ("no data of slope or land cover here", "坡度或地表覆盖缺少数据")


class SlopeLayer(FileParameters):
    """A raster of slope, or of elevation from which it is computed."""

    unit: Literal["degree", "%", "m"] = Field(description="degree or % for slope, m for elevation.")
    band: int = Field(default=1, ge=1, description="Band of a GeoTIFF.")
    layer: str | None = Field(default=None, description="Variable of a NetCDF file or a Zarr store with several.")
    nodata: float | None = Field(default=None, description="Value that means no data, where the file doesn't declare it.")


class LandCoverLayer(FileParameters):
    """A raster of classes."""

    legend: str = Field(description="Meaning of the classes, such as esa_worldcover_2021.")
    band: int = Field(default=1, ge=1, description="Band of a GeoTIFF.")
    layer: str | None = Field(default=None, description="Variable of a NetCDF file or a Zarr store with several.")
    nodata: float | None = Field(default=None, description="Value that means no data, in place of that of the legend.")

    @field_validator("legend")
    @classmethod
    def _known(cls, name: str) -> str:
        return legend(name).id


class Features(FileParameters):
    """Features of the user's, such as roads or reserves: the ground around them is closed, and the distance to them is known."""

    name: str = Field(pattern=r"^[^|\n]{1,60}$", description="Name of the features, for the map.")
    kind: Literal["protected", "road", "rail", "line", "substation", "port", "settlement", "other"] = Field(description="What they are.")
    layer: str | None = Field(default=None, description="Layer of a file with several.")
    buffer_m: float = Field(default=0.0, ge=0.0, le=100_000.0, description="Ground within this distance is closed too [m].")
    closed_to: tuple[Technology, ...] = Field(default=TECHNOLOGIES, description="What may not stand there; an empty list closes nothing.")


class GroundRules(Protocol):
    """What of the limits of land the ground depends on."""

    @property
    def slope(self) -> SlopeLayer | None:
        """Slope or elevation."""

    @property
    def land_cover(self) -> LandCoverLayer | None:
        """Classes."""

    @property
    def features(self) -> Sequence[Features]:
        """Roads, reserves and the like."""

    @property
    def rules(self) -> Sequence[str]:
        """Names of rule sets."""

    @property
    def fine_m(self) -> float:
        """Cells of the fine grid [m]."""

    @property
    def slope_max_degree(self) -> Mapping[Technology, float]:
        """Limits in place of those of the rules."""

    @property
    def patch_min_km2(self) -> Mapping[Technology, float]:
        """Limits in place of those of the rules."""


def slope_warning(land: GroundRules) -> list[str]:
    """Say where slopes come from pixels too large to show them."""
    if land.slope is None or land.slope.unit != "m":
        return []
    with open_source(land.slope.file, band=land.slope.band, layer=land.slope.layer, nodata=land.slope.nodata) as source:
        width = pixel_metres(source.box)[1]
    if width <= _FINE_ENOUGH:
        return []
    return [f"Slopes were computed from elevation in pixels of {width:,.0f} m: the ground is steeper; use pixels of 30 to 90 m."]


@dataclass(frozen=True)
class _Fine:
    """Fine grid: each cell cut into n by n; classes are 0 and slopes NaN where unknown."""

    box: GeoBox
    n: int
    land: NDArray[np.bool_]
    classes: Bytes | None
    slope: NDArray[np.float32] | None

    def share(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Number of fine cells of the mask in each cell."""
        ny, nx = (size // self.n for size in self.box.shape)
        counts: NDArray[np.int64] = mask.reshape(ny, self.n, nx, self.n).sum(axis=(1, 3), dtype=np.int64)
        return counts


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
    fine = _fine_grid(land, layers, box, outline)
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
    land: GroundRules, fine: _Fine, dry: NDArray[np.bool_], total: NDArray[np.int64], share: Floats, drawn: Mapping[str, list[Geometry]]
) -> dict[str, Any]:
    """Share of each cell that each rule is the first to take."""
    burnt = {item.name: _burn(buffered(drawn[item.name], item.buffer_m), fine.box) for item in land.features if item.closed_to}
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


def _take(fine: _Fine, left: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of fine cells in each cell that the mask takes from what is left."""
    counts = fine.share(left & mask)
    left &= ~mask
    return counts


def _mask(rule: Rule, land: GroundRules, fine: _Fine) -> NDArray[np.bool_]:
    """Fine cells that a rule about slope or land cover closes."""
    if rule.slope_max_degree is not None and fine.slope is not None:
        return np.asarray(fine.slope > rule.slope_max_degree)
    if land.land_cover is None or fine.classes is None:
        return np.zeros(fine.box.shape, dtype=bool)
    return np.isin(fine.classes, [each.value for each in legend(land.land_cover.legend).classes if each.kind in rule.land_cover])


def _unknown(fine: _Fine) -> NDArray[np.bool_]:
    unknown = np.zeros(fine.box.shape, dtype=bool)
    if fine.classes is not None:
        unknown |= fine.classes == 0
    if fine.slope is not None:
        unknown |= np.isnan(fine.slope)
    return unknown


def _small(left: NDArray[np.bool_], rule: Rule, fine: _Fine) -> NDArray[np.bool_]:
    """Fine cells in contiguous patches below the least area; cells touch along edges, and across the borders of cells."""
    from scipy import ndimage

    patches, count = ndimage.label(left)
    area = np.bincount(patches.ravel(), minlength=count + 1) * (fine.box.resolution.x / 1000.0) ** 2
    small = area < (rule.patch_min_km2 or 0.0)
    small[0] = False
    return np.asarray(small[patches])


def _water(fine: _Fine, land: GroundRules) -> NDArray[np.bool_] | None:
    if fine.classes is None or land.land_cover is None:
        return None
    return np.isin(fine.classes, [each.value for each in legend(land.land_cover.legend).classes if each.kind == "water"])


def _cover_shares(fine: _Fine, meaning: Legend, known: NDArray[np.bool_]) -> dict[str, Any]:
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


def _burn(geometries: Sequence[Geometry], box: GeoBox) -> NDArray[np.bool_]:
    """Fine cells whose centre lies in a polygon; one smaller than a fine cell takes those that it touches, lines take none."""
    import shapely
    from rasterio.features import rasterize

    drawn = np.asarray(list(geometries), dtype=object)
    flat = reproject(shapely.segmentize(drawn[shapely.get_dimensions(drawn) == 2], 0.05), "EPSG:4326", str(box.crs))
    small = shapely.area(flat) < box.resolution.x**2
    burnt = np.zeros(box.shape, dtype=np.uint8)
    for chosen, touched in ((flat[~small], False), (flat[small], True)):
        if chosen.size:
            rasterize([(each, 1) for each in chosen], out=burnt, transform=box.transform, all_touched=touched)
    return burnt.astype(bool)


def _fine_grid(land: GroundRules, layers: xr.Dataset, box: GeoBox, outline: Sequence[Geometry]) -> _Fine:
    """Fine grid with everything sampled at the centres of its cells; nothing is interpolated."""
    from affine import Affine
    from odc.geo.geobox import GeoBox as Box

    edge = box.resolution.x
    n = max(1, int(np.ceil(edge / land.fine_m - 1e-9)))
    shape = (box.shape.y * n, box.shape.x * n)
    if shape[0] * shape[1] > MOST_FINE_CELLS:
        fix = f"raise land.fine_m to {edge / max(1, int(n * (MOST_FINE_CELLS / (shape[0] * shape[1])) ** 0.5)):.0f} or cut the region"
        raise ResourceError(f"Expected at most {MOST_FINE_CELLS:,} fine cells, found {shape[1]} x {shape[0]}; fix: {fix}.")
    finer = Box(shape, box.transform * Affine.scale(1.0 / n), box.crs)
    inside = layers["province"].values >= 0
    inside_fine = np.repeat(np.repeat(inside, n, axis=0), n, axis=1)
    classes = np.zeros(shape, dtype=np.uint8) if land.land_cover else None
    slope = np.full(shape, np.nan, dtype=np.float32) if land.slope else None
    with ExitStack() as stack:
        readers = _readers(land, stack)
        for rows, columns in _blocks(inside_fine):
            _fill(readers, finer, rows, columns, classes, slope)
    for item, known in ((land.land_cover, classes), (land.slope, slope)):
        if item and known is not None and not ((known > 0) if known is classes else np.isfinite(known)).any():
            raise AlignmentError(f"Expected {item.path} to cover cells of the region, found none; fix: check its extent and its CRS.")
    return _Fine(finer, n, _burn(outline, finer) & inside_fine, classes, slope)


def _blocks(inside: NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """Parts of the fine grid that hold cells of the region."""
    for top in range(0, inside.shape[0], _BLOCK):
        for left in range(0, inside.shape[1], _BLOCK):
            part = slice(top, min(top + _BLOCK, inside.shape[0])), slice(left, min(left + _BLOCK, inside.shape[1]))
            if inside[part].any():
                yield part


def _readers(land: GroundRules, stack: ExitStack) -> dict[str, tuple[Source, Any]]:
    readers: dict[str, tuple[Source, Any]] = {}
    if land.land_cover:
        item, meaning = land.land_cover, legend(land.land_cover.legend)
        nodata = item.nodata if item.nodata is not None else meaning.nodata
        readers["classes"] = (stack.enter_context(open_source(item.file, band=item.band, layer=item.layer, nodata=nodata)), meaning)
    if land.slope:
        given = land.slope
        source = open_source(given.file, band=given.band, layer=given.layer, nodata=given.nodata)
        readers["slope"] = (stack.enter_context(source), given)
    return readers


def _fill(readers: Mapping[str, tuple[Source, Any]], box: GeoBox, rows: slice, columns: slice, classes: Bytes | None, slope: Any) -> None:
    """Sample every raster at the centres of one block."""
    x, y = np.meshgrid(box.coords["x"].values[columns], box.coords["y"].values[rows])
    if "classes" in readers and classes is not None:
        source, meaning = readers["classes"]
        values = _sample(source, x, y, str(box.crs), 0, lambda window: _classes(source, window, meaning))
        classes[rows, columns] = np.nan_to_num(values, nan=0.0).astype(np.uint8)
    if "slope" in readers:
        source, item = readers["slope"]
        slope[rows, columns] = _sample(source, x, y, str(box.crs), 1, lambda window: _slopes(source, window, item.unit))


def _sample(source: Source, x: Floats, y: Floats, crs: str, around: int, read: Any) -> Floats:
    """Values of the pixels in which points lie, NaN beside the raster; `around` more pixels are read on each side."""
    from pyproj import Transformer

    across, along = Transformer.from_crs(crs, str(source.box.crs), always_xy=True).transform(x, y)
    edges = source.box.boundingbox
    if source.box.crs.geographic and max(edges.left, edges.right) > 180.5:
        across = np.where(across < min(edges.left, edges.right), across + 360.0, across)
    inverse = ~source.box.transform
    column = np.floor(inverse.a * across + inverse.c).astype(np.int64)
    row = np.floor(inverse.e * along + inverse.f).astype(np.int64)
    high, wide = source.box.shape
    there = (column >= 0) & (column < wide) & (row >= 0) & (row < high)
    values = np.full(x.shape, np.nan)
    if not there.any():
        return values
    left, top = max(int(column[there].min()) - around, 0), max(int(row[there].min()) - around, 0)
    right, bottom = min(int(column[there].max()) + around + 1, wide), min(int(row[there].max()) + around + 1, high)
    window = Window(left, top, right - left, bottom - top)
    if window.width * window.height > LARGEST_CELLS:
        size = f"{window.width} x {window.height} pixels"
        raise ResourceError(f"Expected at most {LARGEST_CELLS:,} pixels at once, found {size} of {source.name}; fix: coarsen it.")
    values[there] = read(window)[row[there] - top, column[there] - left]
    return values


def _classes(source: Source, window: Window, meaning: Legend) -> Floats:
    values = source.read(window)
    known = [each.value for each in meaning.classes]
    odd = np.isfinite(values) & ~np.isin(values, [*known, meaning.nodata])
    if odd.any():
        raise AlignmentError(f"Expected classes of {meaning.id}, found {values[odd].flat[0]:g} in {source.name}; fix: name its legend.")
    values[values == meaning.nodata] = np.nan
    return values


def _slopes(source: Source, window: Window, unit: str) -> Floats:
    values = source.read(window)
    if unit == "m":
        check_range(values, "altitude", "m", source.name)
        part = source.box[window.top : window.top + window.height, window.left : window.left + window.width]
        return slope_degree(values, *pixel_metres(part))
    if unit == "%":
        values = percent_to_degree(values)
    if np.isfinite(values).any() and not (np.nanmin(values) >= 0.0 and np.nanmax(values) < 90.0):
        found = f"{np.nanmin(values):g} to {np.nanmax(values):g}"
        raise UnitsError(f"Expected slopes from 0 to 90 degrees, found {found} in {source.name}; fix: check its unit and nodata.")
    return values
