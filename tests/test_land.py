from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.xr import xr_coords
from pydantic import ValidationError

from siting import grid, land
from siting.grid import Grid
from siting.land import Land
from siting.layers import Exclusion, open_layers
from siting.region import PROVINCES, Region
from siting.vocabulary import MissingVariableError, StudyError

CODES = list(PROVINCES)
NUMBERS = {name: number for name, (number, _, _) in land.REASONS.items()}


def plain(**changes: object) -> xr.Dataset:
    """Layers of Qinghai where everything is allowed, with single cells or whole layers changed."""
    box = grid.geobox(Grid(), (95.0, 35.0, 99.0, 38.0))
    values = {
        "province": CODES.index("CN-QH"), "land_fraction": 1.0, "water_fraction": 0.0, "protected_fraction": 0.0, "altitude": 3000.0,
        "distance_to_city": 50.0, "wind_speed_100m_mean": 6.0, "annual_ghi": 1800.0, "annual_dni": 1900.0,
    }  # fmt: skip
    layers = xr.Dataset({name: (("y", "x"), np.full(box.shape, value)) for name, value in values.items()}, coords=xr_coords(box))
    layers["province"] = layers["province"].astype("int16").assign_attrs(iso_3166_2=" ".join(CODES))
    latitude, longitude = grid.centres(box)
    layers = layers.assign_coords(latitude=(("y", "x"), latitude), longitude=(("y", "x"), longitude))
    layers["temp_air_monthly"] = (("month", "y", "x"), np.zeros((12, *box.shape)))
    layers["daily_ghi_quantile"] = (("weather_latitude", "quantile"), np.ones((2, 3)))
    layers.attrs["warnings"] = json.dumps(["one"])
    for name, value in changes.items():
        layers[name][{"y": 2, "x": 3}] = value
    return layers


def reason(layers: xr.Dataset, limits: Land, what: str = "load_reason") -> int:
    return int(land.explain(layers, limits)[what][2, 3])


@pytest.mark.parametrize(
    ("name", "value", "park", "plant"),
    [
        ("province", -1, "outside", "outside"),
        ("annual_dni", np.nan, "no_data", "no_data"),
        ("altitude", 3500.1, "altitude", "allowed"),
        ("altitude", 3500.0, "allowed", "allowed"),
        ("altitude", 5000.0, "altitude", "altitude"),
        ("altitude", 4990.0, "altitude", "altitude"),
        ("land_fraction", 0.1, "land", "allowed"),
        ("land_fraction", 0.01, "land", "land"),
        ("water_fraction", 0.6, "water", "allowed"),
        ("water_fraction", 0.99, "water", "water"),
        ("protected_fraction", 0.6, "protected", "allowed"),
        ("protected_fraction", 1.0, "protected", "protected"),
        ("distance_to_city", 150.1, "city", "allowed"),
    ],
)
def test_each_limit_has_its_reason(name: str, value: float, park: str, plant: str) -> None:
    layers = plain(**{name: value})
    explained = land.explain(layers, Land())
    assert int(explained["load_reason"][2, 3]) == NUMBERS[park]
    assert int(explained["plant_reason"][2, 3]) == NUMBERS[plant]
    assert int((explained["load_reason"] == 0).sum()) == explained["load_reason"].size - (park != "allowed")


def test_the_plateau_is_not_lost() -> None:
    # Gonghe and Chaka stand at 3,000 to 3,400 m; filters of 1,500 to 3,000 m in other tools delete them.
    for altitude in (2800.0, 3200.0, 3400.0):
        assert reason(plain(altitude=altitude), Land()) == 0


def test_the_first_reason_wins() -> None:
    assert reason(plain(altitude=4000.0, distance_to_city=900.0), Land()) == NUMBERS["altitude"]
    assert reason(plain(altitude=np.nan, distance_to_city=900.0), Land()) == NUMBERS["no_data"]
    assert reason(plain(province=-1, altitude=np.nan), Land()) == NUMBERS["outside"]


def test_provinces_may_be_left_out_for_parks_or_plants_alone() -> None:
    limits = Land(park_provinces=("CN-NM",))
    assert reason(plain(), limits) == NUMBERS["province"]
    assert reason(plain(), limits, "plant_reason") == 0
    sites = land.screen(plain(), limits)
    assert not sites["load_allowed"].any()
    assert (sites["pv_land_fraction"] > 0).all()


def test_open_land_shrinks_linearly_with_altitude_above_the_full_one() -> None:
    for altitude, share in ((3500.0, 1.0), (4250.0, 0.5), (4700.0, 0.2)):
        sites = land.screen(plain(altitude=altitude), Land())
        cell = sites.isel(site=int(np.flatnonzero(sites["altitude"] == altitude)[0]))
        assert float(cell["pv_land_fraction"]) == pytest.approx(0.2 * share)
        assert float(cell["wind_land_fraction"]) == pytest.approx(0.3 * share)


def test_what_takes_land_is_summed_and_never_below_nothing() -> None:
    sites = land.screen(plain(land_fraction=0.8, water_fraction=0.25, protected_fraction=0.3), Land(pv_usable_share=1.0))
    cell = sites.isel(site=int(np.flatnonzero(sites["land_fraction"] == 0.8)[0]))
    assert float(cell["pv_land_fraction"]) == pytest.approx(0.8 - 0.8 * 0.25 - 0.3)
    crowded = land.screen(plain(water_fraction=0.7, protected_fraction=0.7), Land())
    assert float(crowded["pv_land_fraction"].min()) >= 0.0


def test_sites_are_ordered_rows_with_every_layer() -> None:
    layers = plain(altitude=6000.0)
    sites = land.screen(layers, Land())
    assert sites.sizes["site"] == layers["altitude"].size - 1
    assert (np.diff(sites["site"]) > 0).all()
    assert sites["site"].dtype == np.int64
    assert sites["temp_air_monthly"].dims == ("site", "month")
    assert sites["daily_ghi_quantile"].dims == ("weather_latitude", "quantile")
    assert set(layers.data_vars) < set(sites.data_vars)
    assert {"x", "y", "latitude", "longitude", "spatial_ref"} < set(sites.coords)
    assert set(np.unique(sites["cell_area"])) == {625.0}
    assert sites["load_allowed"].dtype == bool
    assert sites["province"].attrs["iso_3166_2"].split()[int(sites["province"][0])] == "CN-QH"


def test_the_table_is_lazy_in_chunks_and_the_same_when_loaded() -> None:
    layers = plain(altitude=4000.0)
    before = layers.copy(deep=True)
    sites = land.screen(layers, Land())
    assert sites["altitude"].chunks is not None
    assert max(sites["altitude"].chunks[0]) <= 250
    loaded = sites.load()
    assert np.array_equal(grid.to_raster(loaded, "altitude", layers), layers["altitude"])
    xr.testing.assert_identical(layers, before)


def test_reasons_count_every_cell_once_and_are_named_in_two_languages() -> None:
    explained = land.explain(plain(altitude=4000.0), Land())
    for name in ("load_reason", "plant_reason"):
        raster = explained[name]
        assert raster.dtype == np.uint8
        values, counts = np.unique(raster, return_counts=True)
        assert set(values) <= set(raster.attrs["flag_values"])
        assert counts.sum() == raster.size
        assert (
            len(raster.attrs["flag_meanings"].split("|"))
            == len(raster.attrs["flag_meanings_zh"].split("|"))
            == len(raster.attrs["flag_values"])
        )
    sites = land.screen(plain(altitude=4000.0), Land())
    either = (explained["load_reason"] == 0) | (explained["plant_reason"] == 0)
    assert sites.sizes["site"] == int(either.sum())


def test_screening_explained_layers_gives_the_same_sites() -> None:
    layers = plain(altitude=4000.0)
    xr.testing.assert_identical(land.screen(layers, Land()).load(), land.screen(land.explain(layers, Land()), Land()).load())


def test_the_assumption_on_open_land_is_told() -> None:
    warnings = json.loads(land.explain(plain(), Land()).attrs["warnings"])
    assert warnings[0] == "one"
    assert "20 %" in warnings[1]
    assert "30 %" in warnings[1]


def test_no_candidate_is_refused_with_the_count_of_each_reason() -> None:
    layers = plain(land_fraction=0.0)
    layers["altitude"] = layers["altitude"] + 3000.0
    with pytest.raises(StudyError, match=rf"too high {layers['altitude'].size - 1}, too little land in the cell 1"):
        land.screen(layers, Land())


def test_missing_layers_are_named() -> None:
    with pytest.raises(MissingVariableError, match="protected_fraction"):
        land.screen(plain().drop_vars("protected_fraction"), Land())
    limits = Land(exclusions=(Exclusion(name="Airport", path="a.gpkg"),))
    with pytest.raises(MissingVariableError, match="user_exclusion"):
        land.screen(plain(), limits)


@pytest.mark.parametrize(
    "limits",
    [
        {"plant_altitude_full_m": 5000.0, "plant_altitude_max_m": 4000.0},
        {"pv_usable_share": 1.2},
        {"park_provinces": ["Qinghai"]},
        {"park_altitude_max": 3000},
        {"exclusions": [{"name": "a", "path": "a.gpkg"}, {"name": "a", "path": "b.gpkg"}]},
        {"exclusions": [{"name": "a|b", "path": "a.gpkg"}]},
    ],
)
def test_limits_that_make_no_sense_are_refused(limits: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Land.model_validate(limits)


def with_exclusions(*shares: float) -> xr.Dataset:
    layers = plain()
    names = [f"area {number}" for number in range(len(shares))]
    stack = np.zeros((len(shares), *layers["altitude"].shape))
    stack[:, 2, 3] = shares
    return layers.assign(user_exclusion=(("exclusion", "y", "x"), stack)).assign_coords(exclusion=names)


def limits_for(*applies: str, **more: float) -> Land:
    return Land(exclusions=tuple(Exclusion(name=f"area {i}", path="a.gpkg", applies_to=what) for i, what in enumerate(applies)), **more)


def test_exclusions_apply_to_parks_plants_or_both() -> None:
    first = 9
    layers = with_exclusions(0.9, 0.9)
    limits = limits_for("park", "plant")
    explained = land.explain(layers, limits)
    assert int(explained["load_reason"][2, 3]) == first
    assert int(explained["plant_reason"][2, 3]) == 0
    assert explained["load_reason"].attrs["flag_meanings"].endswith("|area 0|area 1")
    assert reason(with_exclusions(0.0, 0.99), limits, "plant_reason") == first + 1
    assert reason(with_exclusions(0.0, 0.99), limits) == 0
    sites = land.screen(layers, limits)
    assert float(sites["pv_land_fraction"].min()) == pytest.approx(0.2 * 0.1)


def test_an_unknown_share_of_an_exclusion_is_no_data() -> None:
    assert reason(with_exclusions(np.nan), limits_for("both")) == NUMBERS["no_data"]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=4), st.sampled_from(["park", "plant", "both"]))
def test_another_exclusion_never_opens_a_cell(shares: list[float], what: str) -> None:
    applies = [what] * len(shares)
    fewer, more = (
        land.screen(with_exclusions(*shares[:-1]), limits_for(*applies[:-1])),
        land.screen(with_exclusions(*shares), limits_for(*applies)),
    )
    assert set(more["site"].values) <= set(fewer["site"].values)
    shared = fewer.sel(site=more["site"])
    for name in ("pv_land_fraction", "wind_land_fraction", "load_allowed"):
        assert (more[name].values <= shared[name].values).all()


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 6000), st.floats(0, 6000), st.floats(1, 800), st.floats(1, 800))
def test_stricter_limits_never_open_a_cell(altitude: float, other_altitude: float, distance: float, other_distance: float) -> None:
    layers = plain()
    rng = np.random.default_rng(0)
    layers["altitude"] = layers["altitude"] * rng.uniform(0, 2, layers["altitude"].shape)
    layers["distance_to_city"] = layers["distance_to_city"] * rng.uniform(0, 20, layers["altitude"].shape)
    strict, loose = (
        Land(park_altitude_max_m=pick(altitude, other_altitude), park_distance_to_city_max_km=pick(distance, other_distance))
        for pick in (min, max)
    )
    few, many = (land.explain(layers, limits)["load_reason"].values == 0 for limits in (strict, loose))
    assert not (few & ~many).any()


@pytest.mark.slow
def test_mainland_china_keeps_sites_in_every_province_and_the_towns_of_the_articles() -> None:
    class China:
        region, grid, layers, land = Region(), Grid(), {}, Land()

    layers = open_layers(China())
    screened = int((layers["province"] >= 0).sum())
    sites = land.screen(layers, Land())
    assert 14_500 < screened < 16_500
    assert sites.sizes["site"] >= 8_000
    assert int(sites["load_allowed"].sum()) >= 8_000
    allowed = sites["province"].values[sites["load_allowed"].values]
    assert set(allowed) == set(range(len(PROVINCES)))
    table = sites.load().isel(site=np.flatnonzero(sites["load_allowed"].values))
    for name, lat, lon in (("Golmud", 36.43, 94.82), ("Gonghe", 36.28, 100.61), ("Ordos", 39.61, 109.78), ("Xining", 36.50, 101.72)):
        _, distance = grid.nearest(table["latitude"].values, table["longitude"].values, [lat], [lon])
        assert distance.min() < 18.0, name
