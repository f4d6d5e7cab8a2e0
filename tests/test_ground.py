"""Land screened by rasters and vectors of its own: every share against a count by hand or an exact area."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from pydantic import ValidationError
from rasterio.transform import from_origin

from siting import fine_grid, ground, land
from siting.grid import Grid
from siting.ground_inputs import Features, LandCoverLayer, SlopeLayer
from siting.land import Land
from siting.landcover import legend, rule_set
from siting.layers import open_layers
from siting.region import Region
from siting.vocabulary import AlignmentError, ResourceError, UnitsError

BBOX = (107.0, 38.6, 108.0, 39.4)
CLASSES = np.array([10, 30, 40, 60, 80, 90], dtype=np.uint8)


@dataclass
class Study:
    """As much of a study as the layers need."""

    land: Land
    region: Region = field(default_factory=lambda: Region(bbox=BBOX))
    grid: Grid = field(default_factory=lambda: Grid(resolution_km=20))
    layers: dict[str, Any] = field(default_factory=dict)


def write(path: Path, values: np.ndarray, step: float, **profile: Any) -> str:
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype, "crs": "EPSG:4326"}
    with rasterio.open(path, "w", driver="GTiff", transform=from_origin(106.5, 40.0, step, step), **shape | profile) as file:
        file.write(values, 1)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patchy land cover, a slope, and a road; drawn once."""
    path = tmp_path_factory.mktemp("ground")
    rng = np.random.default_rng(7)
    blocks = CLASSES[rng.integers(0, CLASSES.size, (45, 50))]
    write(path / "cover.tif", np.kron(blocks, np.ones((10, 10), dtype=np.uint8)), 0.004, nodata=0)
    write(path / "slope.tif", np.kron(rng.uniform(0, 30, (45, 50)), np.ones((10, 10))).astype("float32"), 0.004, nodata=-1)
    gpd.GeoSeries([shapely.LineString([(107.0, 39.0), (108.0, 39.0)])], crs="EPSG:4326").to_file(path / "road.gpkg")
    gpd.GeoSeries([shapely.box(107.3, 38.8, 107.7, 39.2)], crs="EPSG:4326").to_file(path / "reserve.gpkg")
    return path


def limits(folder: Path, **changes: Any) -> Land:
    cover = LandCoverLayer(path=str(folder / "cover.tif"), legend="esa_worldcover_2021")
    slope = SlopeLayer(path=str(folder / "slope.tif"), unit="degree")
    return Land(
        **{"land_cover": cover, "slope": slope, "fine_m": 500.0, "patch_min_km2": {"park": 0.01, "pv": 0.01, "wind": 0.01}} | changes
    )


def road(folder: Path, **changes: Any) -> Features:
    return Features(**{"name": "road", "kind": "road", "path": str(folder / "road.gpkg"), "buffer_m": 1000.0} | changes)


def test_shares_of_classes_add_up_and_so_does_what_is_taken(folder: Path) -> None:
    study = Study(limits(folder, features=(road(folder),)))
    layers = open_layers(study)
    inside = (layers["province"] >= 0).values
    np.testing.assert_allclose(layers["land_cover_fraction"].sum("land_cover").values[inside], 1.0, atol=1e-12)
    dry = layers["land_fraction"] * (1.0 - layers["water_fraction"])
    for technology in ground.TECHNOLOGIES:
        rules = [place for place, name in enumerate(layers["rule"].values) if name.startswith(f"{technology}:")]
        taken = layers["ground_taken"].isel(rule=rules)
        assert (taken.values[:, inside] >= 0.0).all()
        left = (dry - taken.sum("rule")).values[inside]
        assert (left >= -1e-12).all()
        assert left.max() > 0.05


def test_open_land_is_what_no_rule_takes_at_any_fine_cell(folder: Path) -> None:
    """Oracle: the rules applied to the two rasters, pixel by pixel at the centres of the fine cells."""
    from pyproj import Transformer

    study = Study(limits(folder))
    layers = open_layers(study)
    y, x = 1, 2
    box = layers.odc.geobox[y : y + 1, x : x + 1].zoom_to((40, 40))
    centres = np.meshgrid(box.coords["x"].values, box.coords["y"].values)
    lon, lat = Transformer.from_crs(str(box.crs), "EPSG:4326", always_xy=True).transform(*centres)
    with rasterio.open(folder / "cover.tif") as cover, rasterio.open(folder / "slope.tif") as slope:
        points = list(zip(lon.ravel(), lat.ravel(), strict=True))
        kinds = np.array([value[0] for value in cover.sample(points)])
        steep = np.array([value[0] for value in slope.sample(points)])
    water = (kinds == 80).mean()
    assert float(layers["water_fraction"][y, x]) == pytest.approx(water, abs=1e-12)
    assert float(layers["slope"][y, x]) == pytest.approx(steep.mean(), rel=1e-5)
    closed = {"pv": np.isin(kinds, [10, 40, 80, 90]) | (steep > 15), "wind": np.isin(kinds, [10, 80, 90]) | (steep > 20)}
    sites = land.screen(
        layers, Land(**dict(study.land) | {"pv_usable_share": 1.0, "wind_usable_share": 1.0, "plant_open_fraction_min": 0.0})
    )
    here = int(np.flatnonzero((sites["x"] == layers["x"][x]) & (sites["y"] == layers["y"][y]))[0])
    for technology, mask in closed.items():
        share = float(sites[f"{technology}_land_fraction"][here])
        assert share == pytest.approx((~mask).mean() - float(layers["protected_fraction"][y, x]), abs=1e-9)


def test_a_buffer_around_a_road_takes_its_area(folder: Path) -> None:
    only = Land(features=(road(folder),), fine_m=100.0, patch_min_km2={"park": 1e-6, "pv": 1e-6, "wind": 1e-6})
    layers = open_layers(Study(only))
    taken = float(layers["ground_taken"].sel(rule="pv: road").sum()) * 400.0
    # cells whose centre is outside the box are outside the region: the exact share of the buffer inside the others
    from siting import grid
    from siting.buffers import buffered

    line = gpd.read_file(folder / "road.gpkg").geometry.to_list()
    exact = grid.coverage(buffered(line, 1000.0), layers.odc.geobox)[layers["province"].values >= 0].sum() * 400.0
    assert exact > 100.0
    assert taken == pytest.approx(exact, rel=0.01)
    assert float(layers["distance_to_road"].min()) < 10.0
    assert "distance_to_rail" not in layers


def test_a_larger_buffer_never_opens_a_cell(folder: Path) -> None:
    shares = []
    for metres in (0.0, 500.0, 2000.0, 8000.0):
        layers = open_layers(Study(limits(folder, features=(road(folder, buffer_m=metres),))))
        sites = land.screen(layers, limits(folder, features=(road(folder, buffer_m=metres),)))
        shares.append(sites["wind_land_fraction"].to_series())
    for wide, narrow in zip(shares[1:], shares[:-1], strict=True):
        assert (wide <= narrow.reindex(wide.index) + 1e-12).all()
    assert shares[-1].sum() < shares[0].sum()


def test_features_close_only_what_they_say(folder: Path) -> None:
    reserve = Features(name="reserve", kind="protected", path=str(folder / "reserve.gpkg"), closed_to=("wind",))
    layers = open_layers(Study(Land(features=(reserve,), fine_m=500.0)))
    names = [str(name) for name in layers["rule"].values]
    assert "wind: reserve" in names
    assert not [name for name in names if name.startswith("pv: reserve")]
    inside = layers["ground_taken"].sel(rule="wind: reserve")
    assert float(inside.max()) == pytest.approx(1.0, abs=0.01)


def test_small_patches_are_closed_and_patches_reach_over_the_borders_of_cells(folder: Path) -> None:
    small = {"park": 1e-6, "pv": 1e-6, "wind": 1e-6}
    open_all = open_layers(Study(limits(folder, patch_min_km2=small)))
    # a patch wider than any of the blocks of 4 km
    large = open_layers(Study(limits(folder, patch_min_km2=small | {"wind": 500.0})))
    patch = [name for name in large["rule"].values if str(name).startswith("wind: patch too small")]
    assert float(large["ground_taken"].sel(rule=patch[0]).sum()) > 0.5
    before = [name for name in open_all["rule"].values if str(name).startswith("wind: patch too small")]
    assert float(open_all["ground_taken"].sel(rule=before[0]).sum()) == 0.0


def test_the_result_does_not_depend_on_the_blocks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study(limits(folder))
    first = open_layers(study)
    monkeypatch.setattr(fine_grid, "_BLOCK", 37)
    xr.testing.assert_identical(first["ground_taken"], open_layers(study)["ground_taken"])


def test_slope_from_elevation_is_that_of_the_plane(tmp_path: Path) -> None:
    rows = np.arange(300)[:, None] + np.zeros((1, 400))
    metres = 0.005 * 110_950.0
    dem = write(tmp_path / "dem.tif", (1000.0 + 0.1 * metres * rows).astype("float32") % 8000, 0.005)
    layers = open_layers(Study(Land(slope=SlopeLayer(path=dem, unit="m"), fine_m=1000.0)))
    assert float(layers["slope"].median()) == pytest.approx(np.degrees(np.arctan(0.1)), abs=0.05)


def test_unknown_ground_is_closed_and_told(folder: Path, tmp_path: Path) -> None:
    with rasterio.open(folder / "cover.tif") as file:
        values = file.read(1)
    values[:, : values.shape[1] // 2] = 0
    cover = LandCoverLayer(path=write(tmp_path / "half.tif", values, 0.004, nodata=0), legend="esa_worldcover_2021")
    study = Study(Land(land_cover=cover, fine_m=500.0))
    layers = land.explain(open_layers(study), study.land)
    unknown = layers["ground_taken"].sel(rule="wind: no data of slope or land cover here")
    west = layers["longitude"].values < 107.3
    assert float(unknown.values[west & (layers["province"].values >= 0)].min()) > 0.99
    assert layers["plant_reason"].values[west & (layers["province"].values >= 0)].min() > 0


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"land_cover": ("cover.tif", "copernicus_lc100_2019")}, AlignmentError, "Expected classes of copernicus_lc100_2019, found 10"),
        ({"land_cover": ("slope.tif", "esa_worldcover_2021")}, AlignmentError, "Expected classes of esa_worldcover_2021, found"),
        ({"slope": ("cover.tif", "degree")}, UnitsError, "Expected slopes from 0 to 90 degrees, found"),
        ({"fine_m": 10.0, "grid": 100}, ResourceError, "raise land.fine_m"),
    ],
)
def test_rasters_that_can_not_be_meant_are_refused(folder: Path, change: dict[str, Any], kind: type[Exception], words: str) -> None:
    changes = dict(change)
    grid = Grid(resolution_km=changes.pop("grid", 20))
    if "land_cover" in changes:
        name, meaning = changes["land_cover"]
        changes["land_cover"] = LandCoverLayer(path=str(folder / name), legend=meaning)
    if "slope" in changes:
        name, unit = changes["slope"]
        changes["slope"] = SlopeLayer(path=str(folder / name), unit=unit)
    study = Study(limits(folder, **changes), grid=grid)
    if kind is ResourceError:
        study.region = Region(provinces=("CN-NM",))
    with pytest.raises(kind, match=words) as error:
        open_layers(study)
    assert "\n" not in str(error.value)
    assert "fix: " in str(error.value)


def test_what_is_given_is_no_longer_called_unscreened(folder: Path) -> None:
    def told(limits: Land) -> str:
        sentences = json.loads(open_layers(Study(limits)).attrs["warnings"])
        return next(text for text in sentences if text.startswith("Not screened"))

    assert "slope, land cover, farmland, red lines, roads, railways, substations" in told(Land())
    given = told(limits(folder, features=(road(folder),)))
    assert given == "Not screened: red lines, railways, substations. No such data are given."


def test_reasons_name_the_rules_in_two_languages(folder: Path) -> None:
    study = Study(limits(folder, slope_max_degree={"pv": 0.001, "wind": 0.001}))
    layers = land.explain(open_layers(study), study.land)
    reason = layers["plant_reason"]
    meanings = dict(zip(reason.attrs["flag_values"], reason.attrs["flag_meanings"].split("|"), strict=True))
    found = {meanings[int(value)] for value in np.unique(reason)}
    assert found & {"wind: too steep for wind (0.001 degrees)", "PV: too steep for pv (0.001 degrees)"}
    assert len(reason.attrs["flag_meanings_zh"].split("|")) == len(meanings)


def test_presets_are_dated_and_every_rule_has_its_document() -> None:
    for name in ("park_assumed_2026", "pv_china_2023", "wind_china_2026"):
        assert all(rule.document and rule.date and rule.confidence for rule in rule_set(name).rules)
    # domain: ordinary practice of 15 to 20 degrees for PV, of 15 to 25 for wind
    slopes = {
        name: next(r.slope_max_degree for r in rule_set(name).rules if r.slope_max_degree) for name in ("pv_china_2023", "wind_china_2026")
    }
    assert 15 <= slopes["pv_china_2023"] <= 20
    assert 15 <= slopes["wind_china_2026"] <= 25
    assert {each.value for each in legend("esa_worldcover_2021").classes} == {10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100}


@pytest.mark.parametrize(
    "settings",
    [
        {"rules": ("pv_china_2024",)},
        {"rules": ("pv_china_2023", "pv_china_2023")},
        {"slope_max_degree": {"pv": -1.0}},
        {"slope_max_degree": {"solar": 3.0}},
        {"fine_m": 1.0},
        {"land_cover": {"path": "a.tif", "legend": "worldcover"}},
        {"slope": {"path": "a.tif", "unit": "radians"}},
        {"features": [{"name": "a", "kind": "motorway", "path": "a.gpkg"}]},
    ],
)
def test_settings_that_can_not_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises((ValidationError, ValueError)):
        Land.model_validate(settings)
