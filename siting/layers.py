"""Layers of a study: every static raster on one grid, from the catalog or from the user, with sources and warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import numpy as np
from pydantic import Discriminator, Field, Tag

from siting import catalog
from siting.catalog.fetched import FetchedRaster, form_of_raster
from siting.catalog.files import FileParameters
from siting.catalog.raster import RASTERS
from siting.fine_grid import slope_warning
from siting.grid import Grid, How, align, centres, coverage, degrees, geobox, nearest
from siting.ground import DISTANCES, ground_layers, is_given, rule_labels
from siting.ground_inputs import GroundRules
from siting.landcover import legend, rule_set
from siting.region import PROVINCES, Region, region_bounds
from siting.vocabulary import VARIABLES, AlignmentError, StudyError, stamp

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

#: Levels that the places give; the errors go with them.
LEVELS = ("wind_speed_100m_mean", "annual_ghi", "annual_dni")

#: Distance from the nearest place beyond which a level is called far [km].
FAR_KM = 100.0

_FIGURES = ("grid_emission_factor", "grid_carbon_free_share", "grid_energy_price")

#: Layers that a user's raster may replace.
REPLACEABLE = (*LEVELS, "altitude", "water_fraction", "protected_fraction", *_FIGURES)


class UserLayer(FileParameters):
    """A raster of the user's in place of an embedded layer."""

    unit: str = Field(min_length=1, description="Unit of the values in the file, such as m s-1 or kWh m-2 day-1.")
    band: int = Field(default=1, ge=1, description="Band of a GeoTIFF.")
    layer: str | None = Field(default=None, description="Variable of a NetCDF file or a Zarr store with several.")
    nodata: float | None = Field(default=None, description="Value that means no data, where the file doesn't declare it.")

    def source(self, name: str) -> dict[str, Any]:
        """State what the layer comes from."""
        return self.statement(VARIABLES[name].en, (name,))


#: A raster in place of an embedded layer: the user's file, or a dataset that was fetched.
AnyLayer = Annotated[Annotated[UserLayer, Tag("<file>")] | Annotated[FetchedRaster, Tag("<dataset>")], Discriminator(form_of_raster)]


class Exclusion(FileParameters):
    """An area of the user's where something may not stand: polygons, or a raster of shares from 0 to 1."""

    name: str = Field(pattern=r"^[^|\n]{1,60}$", description="Name of the exclusion, for the map.")
    applies_to: Literal["park", "plant", "both"] = Field(default="both", description="What may not stand there.")
    layer: str | None = Field(default=None, description="Layer of a vector file, or variable of a NetCDF file, with several.")
    nodata: float | None = Field(default=None, description="Value of a raster that means no data, where the file doesn't declare it.")


class _LandRules(GroundRules, Protocol):
    @property
    def exclusions(self) -> Sequence[Exclusion]: ...


class LayerStudy(Protocol):
    """What of a study the layers depend on."""

    @property
    def region(self) -> Region:
        """Where to look."""

    @property
    def grid(self) -> Grid:
        """Cell size and projection."""

    @property
    def layers(self) -> Mapping[str, UserLayer | FetchedRaster]:
        """The user's rasters by layer."""

    @property
    def land(self) -> _LandRules:
        """What holds the user's exclusions, ground and rules."""


def open_layers(study: LayerStudy) -> xr.Dataset:
    """Every layer of a study on its grid.

    Parameters
    ----------
    study : LayerStudy
        A study, or anything with its ``region``, ``grid``, ``layers`` and ``land``.

    Returns
    -------
    xarray.Dataset
        Layers of the vocabulary, (y, x) or (month, y, x), NaN outside the region and wherever a user's raster has no data; attributes
        ``sources`` and ``warnings`` are JSON lists, ``region`` is its name.

    Raises
    ------
    StudyError
        If no cell lies in the region, or a user's layer has no such name.
    AlignmentError
        If a user's raster covers no cell of the region.
    """
    for name in study.layers:
        if name not in REPLACEABLE:
            near = get_close_matches(name, REPLACEABLE, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "choose one of them."
            raise StudyError(f"Expected layers among {', '.join(REPLACEABLE)}, found {name!r}; {hint}")
    layers = _land(study.region, study.grid)
    box = layers.odc.geobox
    users = {name: _user_layer(name, layer, box, layers) for name, layer in study.layers.items()}
    if study.land.exclusions:
        users["user_exclusion"] = _exclusions(study.land.exclusions, box)
    layers = layers.assign(_climate(box) | _surroundings(layers, box) | _levels(layers) | _figures(layers)).assign(users)
    layers = _without_errors(layers, study.layers)
    if is_given(study.land):
        layers = _with_ground(layers, study.land, box)
    layers = _masked(layers).assign(catalog.open_entry("daily_ghi")[["daily_ghi_quantile"]])
    attrs = {"region": study.region.title, "sources": json.dumps(_sources(study), ensure_ascii=False)}
    attrs["warnings"] = json.dumps(_warnings(study, layers), ensure_ascii=False)
    return stamp(layers.assign_attrs(attrs), [str(name) for name in layers.data_vars], "open_layers")


def _land(region: Region, grid: Grid) -> xr.Dataset:
    """Grid of the region with its provinces and the share of land, cut to the cells that are inside."""
    import xarray as xr
    from odc.geo.xr import xr_coords

    areas = catalog.open_entry("province_areas").set_index("iso_3166_2")
    box = geobox(grid, region_bounds(region, areas))
    shares = np.stack([coverage([areas.geometry[code]], box) for code in PROVINCES])
    latitude, longitude = centres(box)
    inside = np.isin(shares.argmax(axis=0), [list(PROVINCES).index(code) for code in region.codes]) & (shares.max(axis=0) > 0.0)
    if region.bbox:
        west, south, east, north = region.bbox
        inside &= (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    if not inside.any():
        raise StudyError(f"Expected a region that holds cells of {grid.resolution_km:g} km, found none in {region.title}; widen it.")
    index = np.where(inside, shares.argmax(axis=0), -1).astype(np.int16)
    layers = xr.Dataset(
        {
            "province": (("y", "x"), index, {"iso_3166_2": " ".join(PROVINCES)}),
            "land_fraction": (("y", "x"), np.minimum(shares.sum(axis=0), 1.0)),
        },
        coords={**xr_coords(box), "latitude": (("y", "x"), latitude), "longitude": (("y", "x"), longitude)},
    )
    rows, cols = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    return layers.isel(y=slice(rows[0], rows[-1] + 1), x=slice(cols[0], cols[-1] + 1))


def _how(raster: xr.DataArray, box: GeoBox) -> How:
    """Average where pixels are smaller than cells, else between pixel centres."""
    native = raster.odc.geobox
    metres = abs(native.resolution.y) * (111_195.0 if native.crs.geographic else 1.0)
    return "average" if metres < box.resolution.x else "bilinear"


def _window(box: GeoBox) -> dict[str, Any]:
    """What of a raster is read for a grid: its extent, in pixels of an eighth of a cell at most where there are too many."""
    return {"bounds": degrees(box), "pixel_m": box.resolution.x / 8.0}


def _climate(box: GeoBox) -> dict[str, xr.DataArray]:
    """Layers that the catalog holds on longitude and latitude."""
    import odc.geo.xr

    layers = {}
    for entry in ("climate", "linke_turbidity", "altitude"):
        for name, values in catalog.open_entry(entry).data_vars.items():
            raster = odc.geo.xr.assign_crs(values, "EPSG:4326")
            layers[str(name)] = align(raster, box, _how(raster, box))
    return layers


def _surroundings(layers: xr.Dataset, box: GeoBox) -> dict[str, Any]:
    """Lakes, national parks and the nearest city."""
    land = layers["land_fraction"].where(layers["land_fraction"] > 0.0).values
    water = np.minimum(coverage(catalog.open_entry("water").geometry, box) / land, 1.0)
    cities = catalog.open_entry("cities")
    index, distance = nearest(layers["latitude"], layers["longitude"], cities["latitude"], cities["longitude"])
    return {
        "water_fraction": (("y", "x"), water),
        "protected_fraction": (("y", "x"), coverage(catalog.open_entry("national_parks").geometry, box)),
        "distance_to_city": (("y", "x"), distance),
        "nearest_city": (("y", "x"), cities["name"].to_numpy(dtype=str)[index]),
    }


def _levels(layers: xr.Dataset) -> dict[str, Any]:
    from siting.levels import interpolate_levels

    latitude = np.where(layers["province"] >= 0, layers["latitude"], np.nan)
    altitude = catalog.open_entry("altitude")["altitude"]
    levels = interpolate_levels(catalog.open_entry("places"), latitude, layers["longitude"].values, altitude)
    return {name: (("y", "x"), values) for name, values in levels.items()}


def _figures(layers: xr.Dataset) -> dict[str, Any]:
    """Figures of the provinces; their year is that of the emission factors."""
    table = catalog.open_entry("provinces").reindex(list(PROVINCES))
    shares = table[["hydro_share_2022", "wind_solar_share_2022", "nuclear_share_2022"]]
    columns = dict(
        zip(_FIGURES, (table["grid_emission_factor_2022"], shares.sum(axis=1, skipna=False), table["coal_benchmark_price"]), strict=True)
    )
    index = layers["province"].values
    return {name: (("y", "x"), np.where(index >= 0, column.to_numpy(dtype=np.float64)[index], np.nan)) for name, column in columns.items()}


def _user_layer(name: str, layer: UserLayer | FetchedRaster, box: GeoBox, layers: xr.Dataset) -> xr.DataArray:
    raster = catalog.open_raster(
        layer.file, unit=layer.unit, variable=name, band=layer.band, layer=layer.layer, nodata=layer.nodata, **_window(box)
    )
    aligned = align(raster, box, _how(raster, box)).drop_attrs()
    if not bool((aligned.notnull() & (layers["province"] >= 0)).any()):
        raise AlignmentError(f"Expected {layer.path} to cover cells of the region, found none; check its extent and its CRS.")
    return aligned


def _without_errors(layers: xr.Dataset, replaced: Mapping[str, UserLayer | FetchedRaster]) -> xr.Dataset:
    """Layers where a user's levels carry no error of interpolation, and no distance once all of them are the user's."""
    zeros = {f"{name}_error": layers[name] * 0.0 for name in replaced if f"{name}_error" in layers}
    if set(LEVELS) <= set(replaced):
        zeros["distance_to_place"] = layers["distance_to_place"] * 0.0
    return layers.assign(zeros)


def _exclusions(exclusions: Sequence[Exclusion], box: GeoBox) -> xr.DataArray:
    import xarray as xr

    names = [exclusion.name for exclusion in exclusions]
    shares = np.stack([_exclusion(exclusion, box) for exclusion in exclusions])
    return xr.DataArray(shares, dims=("exclusion", "y", "x"), coords={"exclusion": names})


def _exclusion(exclusion: Exclusion, box: GeoBox) -> NDArray[np.float64]:
    if exclusion.file.suffix.lower() in RASTERS:
        raster = catalog.open_raster(
            exclusion.file, unit="1", variable="user_exclusion", layer=exclusion.layer, nodata=exclusion.nodata, **_window(box)
        )
        share: NDArray[np.float64] = align(raster, box, _how(raster, box)).values
        return share
    features = catalog.open_vector(exclusion.file, layer=exclusion.layer).geometry
    flat = features.geom_type[~features.geom_type.isin(["Polygon", "MultiPolygon"])]
    if len(flat):
        raise AlignmentError(f"Expected polygons in {exclusion.path}, found {flat.iloc[0]} features; buffer them first.")
    return coverage(features, box)


def _with_ground(layers: xr.Dataset, land: _LandRules, box: GeoBox) -> xr.Dataset:
    """Layers with the ground inside the cells."""
    outline = catalog.open_entry("province_areas").geometry.to_list()
    labels = rule_labels(land)
    layers = layers.assign(ground_layers(land, layers, box, outline))
    if labels:
        names = [f"{label['technology']}: {label['en']}" for label in labels]
        layers = layers.assign_coords(rule=[name if names.count(name) == 1 else f"{name} {n}" for n, name in enumerate(names)])
        layers["ground_taken"].attrs["rules"] = json.dumps(labels, ensure_ascii=False)
    if land.land_cover:
        layers = layers.assign_coords(land_cover=[each.name for each in legend(land.land_cover.legend).classes])
    return layers


def _masked(layers: xr.Dataset) -> xr.Dataset:
    """Layers without values outside the region."""
    inside = layers["province"] >= 0
    numeric = [name for name in layers.data_vars if name not in ("province", "nearest_city")]
    masked = {name: layers[name].where(inside) for name in numeric}
    return layers.assign(masked | {"nearest_city": layers["nearest_city"].where(inside, "")})


def _sources(study: LayerStudy) -> list[dict[str, Any]]:
    """Statement of what each layer comes from."""
    errors = ("wind_speed_100m_mean_error", "annual_ghi_error")
    used = {
        "places": (*LEVELS, *errors, "distance_to_place"),
        "daily_ghi": ("daily_ghi_quantile",),
        "climate": ("temp_air_monthly", "precipitation_monthly"),
        "linke_turbidity": ("linke_turbidity",),
        "altitude": ("altitude",),
        "provinces": _FIGURES,
        "province_areas": ("province", "land_fraction"),
        "water": () if study.land.land_cover else ("water_fraction",),
        "national_parks": ("protected_fraction",),
        "cities": ("distance_to_city", "nearest_city"),
    }
    replaced = {*study.layers, *(f"{name}_error" for name in study.layers)}
    replaced |= {"distance_to_place"} if set(LEVELS) <= replaced else set()
    sources = [layer.source(name) for name, layer in study.layers.items()]
    for entry, names in used.items():
        kept = tuple(name for name in names if name not in replaced)
        if kept:
            sources += _statements(entry, kept)
    sources += [item.statement(f"exclusion: {item.name}", ("user_exclusion",)) for item in study.land.exclusions]
    return sources + _ground_sources(study.land)


def _ground_sources(land: _LandRules) -> list[dict[str, Any]]:
    """Statement of what the ground is known from."""
    sources = [land.slope.source("slope")] if land.slope else []
    if land.land_cover:
        sources.append(land.land_cover.source("land_cover_fraction", "water_fraction"))
    for item in land.features:
        names = ("ground_taken", *([DISTANCES[item.kind]] if item.kind in DISTANCES else []))
        sources.append(item.statement(f"{item.kind}: {item.name}", names))
    return sources


def _statements(entry: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """What layers of an entry come from; the places are interpolated, and prices are recalled among figures that are real."""
    source = catalog.entry(entry).source
    if entry == "places":
        return [source(names) | {"kind": "interpolated"}]
    recalled = tuple(name for name in names if name == "grid_energy_price")
    rest = tuple(name for name in names if name not in recalled)
    prices = {"id": "provinces_price", "title": "Benchmark prices of coal power by province", "kind": "recalled"}
    return [*([source(rest)] if rest else []), *([source(recalled) | prices] if recalled else [])]


def _warnings(study: LayerStudy, layers: xr.Dataset) -> list[str]:
    """Sentences that the reader of a result must know about its layers."""
    warnings = _interpolation_warnings(study, layers) + _user_warnings(study, layers)
    warnings += _unscreened(study.land)
    if "protected_fraction" not in study.layers:
        warnings.append("Outlines of national parks are coarse, drawn from general knowledge; smaller reserves are missing.")
    unknown = _without(layers, "grid_energy_price") | _without(layers, "grid_emission_factor")
    if unknown:
        names = ", ".join(sorted(PROVINCES[code] for code in unknown))
        warnings.append(f"No energy price or emission factor of the public grid is known for {names}.")
    return warnings


def _unscreened(land: _LandRules) -> list[str]:
    """Sentences on what the screen doesn't know, and on what its rules leave open."""
    kinds = {item.kind for item in land.features}
    known = {
        "slope": bool(land.slope), "land cover": bool(land.land_cover), "farmland": bool(land.land_cover), "red lines": False,
        "roads": "road" in kinds, "railways": "rail" in kinds, "substations": "substation" in kinds,
    }  # fmt: skip
    missing = ", ".join(name for name, given in known.items() if not given)
    sentences = [f"Not screened: {missing}. No such data are {'given' if any(known.values()) else 'embedded'}."]
    sentences += slope_warning(land)
    if land.slope or land.land_cover:
        sentences += [f"{rule_set(name).title}: {note}" for name in land.rules for note in rule_set(name).not_covered]
    return sentences


def _interpolation_warnings(study: LayerStudy, layers: xr.Dataset) -> list[str]:
    embedded = [name for name in LEVELS if name not in study.layers]
    if not embedded:
        return []
    far, cells = int((layers["distance_to_place"] > FAR_KM).sum()), int((layers["province"] >= 0).sum())
    named = ", ".join(VARIABLES[name].en for name in embedded)
    ratio = (layers["wind_speed_100m_mean_error"] / layers["wind_speed_100m_mean"]).values
    size = f" The median standard error of the wind is {100 * np.nanmedian(ratio):.0f} %." if "wind_speed_100m_mean" in embedded else ""
    return [
        f"Interpolated between {len(catalog.open_entry('places'))} places: {named}.{size} "
        f"{far:,} of {cells:,} cells lie over {FAR_KM:g} km from a place. Siting inside a county needs your own rasters."
    ]


def _user_warnings(study: LayerStudy, layers: xr.Dataset) -> list[str]:
    inside = (layers["province"] >= 0).values
    missing = {name: int((inside & np.isnan(layers[name].values)).sum()) for name in study.layers}
    idle = [item.name for item in study.land.exclusions if not bool((layers["user_exclusion"].sel(exclusion=item.name) > 0.0).any())]
    return [
        *(f"The raster of {name} has no data in {count:,} of {int(inside.sum()):,} cells." for name, count in missing.items() if count),
        *(f"The exclusion {name!r} touches no cell of the region." for name in idle),
    ]


def _without(layers: xr.Dataset, name: str) -> set[str]:
    """Codes of the provinces with cells where a figure is unknown."""
    unknown = np.isnan(layers[name].values) & (layers["province"].values >= 0)
    return {list(PROVINCES)[index] for index in np.unique(layers["province"].values[unknown])}
