from __future__ import annotations

import json
import os
from collections.abc import Mapping
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

from siting import catalog
from siting.grid import Grid
from siting.land import Land, screen
from siting.layers import LEVELS, Exclusion, UserLayer, open_layers
from siting.region import PROVINCES, Region
from siting.vocabulary import VARIABLES, AlignmentError, CatalogError, StudyError, UnitsError

NINGXIA = Region(provinces=("CN-NX",))


@dataclass
class Study:
    """As much of a study as the layers need."""

    region: Region = NINGXIA
    grid: Grid = field(default_factory=Grid)
    layers: Mapping[str, UserLayer] = field(default_factory=dict)
    land: Land = field(default_factory=Land)


@pytest.fixture(scope="module")
def ningxia() -> xr.Dataset:
    return open_layers(Study())


def write_raster(path: Path, values: np.ndarray, west: float, north: float, step: float, **profile: Any) -> Path:
    transform = rasterio.transform.from_origin(west, north, step, step)
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32", "nodata": -9999.0, "crs": "EPSG:4326"}
    with rasterio.open(path, "w", driver="GTiff", transform=transform, **shape | profile) as file:
        file.write(values.astype(profile.get("dtype", "float32")), 1)
    return path


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"provinces": ["CN-ZZ"]}, "found 'CN-ZZ'"),
        ({"provinces": ["Qinghai"]}, "did you mean 'CN-QH'"),
        ({"provinces": ["CN-QH", "all"]}, "found CN-QH, all"),
        ({"provinces": ["CN-QH", "CN-QH"]}, "each province once"),
        ({"provinces": []}, "at least 1"),
        ({"bbox": [110, 35, 100, 40]}, "west < east"),
        ({"bbox": [35, 100, 40, 110]}, "west, south, east, north"),
        ({"bbox": [100, 40, 110, 35]}, "south < north"),
        ({"bbox": [60, 35, 110, 40]}, "72.9 to 136.1"),
        ({"bbox": [100, 35, 110, float("nan")]}, "finite"),
        ({"box": [100, 35, 110, 40]}, "box"),
    ],
)
def test_regions_that_can_not_be_meant_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Region.model_validate(settings)


def test_a_region_says_its_name() -> None:
    assert Region().title == "mainland China"
    assert (
        Region(provinces=("CN-QH", "CN-NM"), bbox=(95, 35, 100, 40)).title.replace("\N{NO-BREAK SPACE}", " ")
        == "Qinghai, Inner Mongolia, 95-100 E, 35-40 N"
    )


def test_codes_and_names_are_those_of_the_catalog() -> None:
    table = catalog.open_entry("provinces")
    assert set(PROVINCES) == set(table.index)
    assert list(PROVINCES) == sorted(PROVINCES)
    assert {code: name.replace("\N{NO-BREAK SPACE}", " ") for code, name in PROVINCES.items()} == table["province"].to_dict()


def test_every_layer_is_in_the_vocabulary_with_its_unit(ningxia: xr.Dataset) -> None:
    expected = {name for name, variable in VARIABLES.items() if {"y", "x"} <= set(variable.dims)} - {
        "user_exclusion",
        "load_reason",
        "plant_reason",
        "roughness_length",  # nobody embeds it
        *("slope", "land_cover_fraction", "ground_taken"),  # nor the ground inside the cells
        *("distance_to_grid", "distance_to_road", "distance_to_rail", "distance_to_port"),
    }
    assert set(ningxia.data_vars) == expected | {"daily_ghi_quantile"}
    for name, layer in ningxia.data_vars.items():
        assert layer.dims == VARIABLES[str(name)].dims
        assert layer.attrs.get("units", "") == VARIABLES[str(name)].unit
    assert ningxia.odc.geobox.resolution.x == 25_000


def test_outside_the_region_is_nan_and_inside_is_known(ningxia: xr.Dataset) -> None:
    inside = ningxia["province"] >= 0
    code = ningxia["province"].attrs["iso_3166_2"].split()[int(ningxia["province"].max())]
    assert code == "CN-NX"
    assert set(np.unique(ningxia["province"])) == {-1, list(PROVINCES).index("CN-NX")}
    for name in set(ningxia.data_vars) - {"province", "nearest_city", "daily_ghi_quantile"}:
        known = ningxia[name].notnull()
        assert known.where(inside, True).all(), name
        assert not known.where(~inside, False).any(), name
    assert (ningxia["nearest_city"].values[~inside.values] == "").all()
    assert "Yinchuan" in set(ningxia["nearest_city"].values.ravel())
    assert inside.any("x").values[[0, -1]].all()
    assert inside.any("y").values[[0, -1]].all()


def test_values_are_those_of_ningxia(ningxia: xr.Dataset) -> None:
    assert 5.0 < float(ningxia["wind_speed_100m_mean"].mean()) < 7.5
    assert 1500 < float(ningxia["annual_ghi"].mean()) < 1750  # kWh/m2, atlas 4.1 to 4.7 a day
    assert 1000 < float(ningxia["altitude"].mean()) < 1800
    assert float(ningxia["temp_air_monthly"].sel(month=1).mean()) < 0 < 18 < float(ningxia["temp_air_monthly"].sel(month=7).mean())
    assert 150 < float(ningxia["precipitation_monthly"].sum("month").where(ningxia["province"] >= 0).mean()) < 600
    row = catalog.open_entry("provinces").loc["CN-NX"]
    assert float(ningxia["grid_emission_factor"].max()) == row["grid_emission_factor_2022"]
    assert float(ningxia["grid_energy_price"].max()) == row["coal_benchmark_price"]
    shares = row["hydro_share_2022"] + row["wind_solar_share_2022"] + row["nuclear_share_2022"]
    assert float(ningxia["grid_carbon_free_share"].max()) == pytest.approx(shares)
    area = float((ningxia["land_fraction"]).sum()) * 625
    assert 50_000 < area < 75_000  # 66,400 km2, and the neighbours' part of border cells


def test_sources_name_every_layer_once(ningxia: xr.Dataset) -> None:
    sources = json.loads(ningxia.attrs["sources"])
    assert {"id", "title", "kind", "licence", "citation", "sha256", "note", "variables"} <= set(sources[0])
    named = [name for source in sources for name in source["variables"]]
    assert sorted(named) == sorted(map(str, ningxia.data_vars))
    kinds = {name: source["kind"] for source in sources for name in source["variables"]}
    assert kinds["annual_ghi"] == "interpolated"
    assert kinds["grid_emission_factor"] == "real"
    assert kinds["grid_energy_price"] == "recalled"


def test_warnings_say_what_is_interpolated_coarse_and_unknown(ningxia: xr.Dataset) -> None:
    warnings = " ".join(json.loads(ningxia.attrs["warnings"]))
    for phrase in ("555 places", "over 100 km", "slope, land cover", "coarse"):
        assert phrase in warnings
    assert "\n" not in warnings


def test_a_cell_is_the_same_in_any_extent(ningxia: xr.Dataset) -> None:
    other = open_layers(Study(region=Region(bbox=(105.5, 36.5, 107.5, 38.9))))
    y, x = np.intersect1d(ningxia["y"], other["y"]), np.intersect1d(ningxia["x"], other["x"])
    one, two = ningxia.sel(y=y, x=x), other.sel(y=y, x=x)
    both = ((one["province"] >= 0) & (two["province"] >= 0)).values
    assert both.sum() > 20
    for name in set(ningxia.data_vars) - {"daily_ghi_quantile"}:
        assert np.array_equal(one[name].values[..., both], two[name].values[..., both]), name


def test_a_region_without_cells_is_refused() -> None:
    with pytest.raises(StudyError, match="overlap"):
        open_layers(Study(region=Region(provinces=("CN-NX",), bbox=(80, 40, 85, 45))))
    with pytest.raises(StudyError, match="none in"):
        open_layers(Study(region=Region(provinces=("CN-NX",), bbox=(104.4, 39.2, 104.5, 39.3))))


def test_an_unknown_layer_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(StudyError, match="did you mean 'annual_ghi'"):
        open_layers(Study(layers={"anual_ghi": UserLayer(path="a.tif", unit="kWh m-2")}))


def test_paths_are_relative_to_the_study() -> None:
    layer = UserLayer.model_validate({"path": "data/wind.tif", "unit": "m s-1"}, context={"folder": Path("studies")})
    assert layer.file == Path("studies/data/wind.tif")
    limits = Land.model_validate({"exclusions": [{"name": "a", "path": "a.gpkg"}]}, context={"folder": Path("studies")})
    assert limits.exclusions[0].file == Path("studies/a.gpkg")
    assert "studies" not in limits.model_dump_json()
    assert layer.model_copy(deep=True).file == layer.file


def test_a_users_raster_replaces_the_level_and_is_never_filled(ningxia: xr.Dataset, tmp_path: Path) -> None:
    wind = np.full((60, 60), 8.0)
    wind[:, :20] = -9999.0
    path = write_raster(tmp_path / "wind.tif", wind, 105.0, 40.0, 0.1)
    found = open_layers(Study(layers={"wind_speed_100m_mean": UserLayer(path=str(path), unit="m s-1")}))
    inside = (found["province"] >= 0).values
    mean = found["wind_speed_100m_mean"].values
    assert np.isnan(mean[inside]).any()
    np.testing.assert_allclose(mean[np.isfinite(mean)], 8.0)
    error = found["wind_speed_100m_mean_error"].values
    assert np.array_equal(np.isnan(error), np.isnan(mean))
    assert np.nansum(error) == 0.0
    xr.testing.assert_equal(found["annual_ghi"], ningxia["annual_ghi"])
    sources = {source["id"]: source for source in json.loads(found.attrs["sources"])}
    assert sources["wind.tif"]["kind"] == "user"
    assert sources["wind.tif"]["variables"] == ["wind_speed_100m_mean"]
    assert len(sources["wind.tif"]["sha256"]) == 64
    assert "wind_speed_100m_mean" not in sources["places"]["variables"]
    warnings = " ".join(json.loads(found.attrs["warnings"]))
    assert f"no data in {int(np.isnan(mean[inside]).sum())} of" in warnings
    sites = screen(found, Land())
    assert sites["wind_speed_100m_mean"].notnull().all()
    assert sites.sizes["site"] == int(np.isfinite(mean[inside]).sum())


def test_with_all_levels_given_nothing_is_called_interpolated(tmp_path: Path) -> None:
    units = {"wind_speed_100m_mean": ("m s-1", 7.0), "annual_ghi": ("kWh m-2 day-1", 4.5), "annual_dni": ("kWh m-2", 1700.0)}
    layers = {}
    for name, (unit, value) in units.items():
        layers[name] = UserLayer(path=str(write_raster(tmp_path / f"{name}.tif", np.full((60, 60), value), 103.0, 40.5, 0.1)), unit=unit)
    found = open_layers(Study(layers=layers))
    assert float(found["annual_ghi"].max()) == pytest.approx(4.5 * 365.25)
    assert float(found["distance_to_place"].max()) == 0.0
    assert "places" not in {source["id"] for source in json.loads(found.attrs["sources"])}
    assert "Interpolated" not in " ".join(json.loads(found.attrs["warnings"]))


def test_rasters_that_can_not_be_meant_are_refused(tmp_path: Path) -> None:
    far = write_raster(tmp_path / "far.tif", np.full((10, 10), 5.0), 10.0, 50.0, 0.1)
    daily = write_raster(tmp_path / "ghi.tif", np.full((60, 60), 4.5), 103.0, 40.5, 0.1)
    for path, name, unit, error in (
        (far, "wind_speed_100m_mean", "m s-1", AlignmentError),
        (daily, "annual_ghi", "kWh m-2", UnitsError),
        (daily, "annual_ghi", "MJ", UnitsError),
        (tmp_path / "none.tif", "annual_ghi", "kWh m-2", CatalogError),
    ):
        with pytest.raises(error) as caught:
            open_layers(Study(layers={name: UserLayer(path=str(path), unit=unit)}))
        assert "\n" not in str(caught.value)


def test_exclusions_are_polygons_or_rasters(tmp_path: Path) -> None:
    gpd.GeoDataFrame(geometry=[shapely.box(106.0, 37.0, 106.02, 37.02)], crs="EPSG:4326").to_file(tmp_path / "small.gpkg")
    gpd.GeoDataFrame(geometry=[shapely.box(120.0, 37.0, 121.0, 38.0)], crs="EPSG:4326").to_file(tmp_path / "far.gpkg")
    write_raster(tmp_path / "half.tif", np.full((60, 60), 0.5), 103.0, 40.5, 0.1)
    names = {"small": "small.gpkg", "far away": "far.gpkg", "half": "half.tif"}
    limits = Land(exclusions=tuple(Exclusion(name=name, path=str(tmp_path / file)) for name, file in names.items()))
    found = open_layers(Study(land=limits))
    shares = found["user_exclusion"]
    assert shares.dims == ("exclusion", "y", "x")
    assert float(shares.sel(exclusion="small").sum()) * 625 == pytest.approx(2.22 * 1.78, rel=0.02)  # km
    assert float(shares.sel(exclusion="far away").max()) == 0.0
    np.testing.assert_allclose(shares.sel(exclusion="half").values[(found["province"] >= 0).values], 0.5)
    assert "'far away' touches no cell" in " ".join(json.loads(found.attrs["warnings"]))
    assert {"small.gpkg", "far.gpkg", "half.tif"} <= {source["id"] for source in json.loads(found.attrs["sources"])}
    sites = screen(found, limits)
    assert float(sites["pv_land_fraction"].max()) == pytest.approx(0.2 * 0.5)


def test_an_exclusion_of_lines_is_refused(tmp_path: Path) -> None:
    gpd.GeoDataFrame(geometry=[shapely.LineString([(106, 37), (107, 38)])], crs="EPSG:4326").to_file(tmp_path / "road.gpkg")
    with pytest.raises(AlignmentError, match="buffer"):
        open_layers(Study(land=Land(exclusions=(Exclusion(name="road", path=str(tmp_path / "road.gpkg")),))))


def test_finer_cells_refine_the_same_land(ningxia: xr.Dataset) -> None:
    fine = open_layers(Study(grid=Grid(resolution_km=12.5), region=Region(provinces=("CN-NX",), bbox=(105.5, 37.0, 107.0, 38.5))))
    assert float(fine["annual_ghi"].mean()) == pytest.approx(float(ningxia["annual_ghi"].mean()), rel=0.05)
    assert fine.odc.geobox.resolution.x == 12_500


@pytest.fixture(scope="module")
def atlas() -> Path:
    folder = os.environ.get("SITING_TRIAL_DATA")
    if not folder:
        pytest.skip("SITING_TRIAL_DATA names no folder")
    return Path(folder) / "atlas"


@pytest.mark.trial
def test_a_study_on_the_real_atlas_holds_its_values(atlas: Path) -> None:
    files = {"wind_speed_100m_mean": "gwa3_wind_speed_100m.tif", "annual_ghi": "gsa2_ghi.tif", "annual_dni": "gsa2_dni.tif"}
    units = {"wind_speed_100m_mean": "m s-1", "annual_ghi": "kWh m-2 day-1", "annual_dni": "kWh m-2 day-1"}
    layers = {name: UserLayer(path=str(atlas / file), unit=units[name]) for name, file in files.items()}
    found = open_layers(Study(grid=Grid(resolution_km=5), region=Region(bbox=(104.0, 36.0, 112.0, 42.0)), layers=layers))
    places = catalog.open_entry("places")
    near = places[places["longitude"].between(104.5, 111.5) & places["latitude"].between(36.5, 41.5)].head(20)
    assert len(near) == 20
    distance = [
        np.hypot(found["latitude"] - lat, found["longitude"] - lon) for lat, lon in zip(near["latitude"], near["longitude"], strict=True)
    ]
    cells = [np.unravel_index(np.nanargmin(d.values), d.shape) for d in distance]
    # The places give the pixel they stand in; between pixel centres the raster is interpolated: a fraction of a gradient per pixel.
    for name, tolerance, median in (("wind_speed_100m_mean", 0.8, 0.3), ("annual_ghi", 40.0, 12.0), ("annual_dni", 80.0, 25.0)):
        residual = np.array([float(found[name].values[cell]) for cell in cells]) - near[name].to_numpy()
        assert np.nanmax(np.abs(residual)) < tolerance
        assert np.nanmedian(np.abs(residual)) < median
    assert "Interpolated" not in " ".join(json.loads(found.attrs["warnings"]))


@pytest.mark.trial
def test_interpolated_levels_resemble_the_real_atlas(atlas: Path) -> None:
    region = Region(provinces=("CN-NM", "CN-QH"))
    ours = open_layers(Study(region=region))
    layer = UserLayer(path=str(atlas / "gwa3_wind_speed_100m.tif"), unit="m s-1")
    truth = open_layers(Study(region=region, layers={LEVELS[0]: layer}))
    residual = (ours[LEVELS[0]] - truth[LEVELS[0]]).values
    known = np.isfinite(residual)
    assert np.sqrt(np.mean(residual[known] ** 2)) < 0.75  # m/s; plain inverse distance gives 0.9 to 1.4
    assert np.std(residual[known] / ours["wind_speed_100m_mean_error"].values[known]) < 1.0
    assert np.corrcoef(ours[LEVELS[0]].values[known], truth[LEVELS[0]].values[known])[0, 1] > 0.8


def test_swapped_coordinates_and_mixed_provinces_are_named() -> None:
    with pytest.raises(ValueError, match="latitude and longitude are swapped"):
        Region(bbox=(35.0, 95.0, 40.0, 110.0))
    with pytest.raises(ValueError, match="expected all alone or codes"):
        Region(provinces=("all", "CN-QH"))
