import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import CRS, Geod, Transformer

from siting.supply import Supply
from siting.vocabulary import AlignmentError, MissingVariableError, StudyError
from siting.zones import ZONE_COLUMNS, Zoning, delineate_zones, label_cells, lattice

ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=36 +lon_0=105 +datum=WGS84 +units=m"
EDGE = 25_000.0
few = settings(max_examples=25, deadline=None)


def cells(rows, columns, scores=None, **changes):
    """Ranked sites at places of a 25 km grid, row 0 in the north."""
    rows, columns = np.asarray(rows, dtype=int), np.asarray(columns, dtype=int)
    count = rows.size
    scores = np.linspace(0.9, 0.5, count) if scores is None else np.asarray(scores, dtype=float)
    ranks = np.zeros(count, dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, count + 1)
    ranks[np.isnan(scores)] = 0
    x, y = -500_000 + (columns + 0.5) * EDGE, 400_000 - (rows + 0.5) * EDGE
    longitude, latitude = Transformer.from_crs(ALBERS, 4326, always_xy=True).transform(x, y)
    flat = {
        "rank": ranks,
        "score": scores,
        "cell_area": np.full(count, 625.0),
        "pv_full_load_hours": np.linspace(1500, 1700, count),
        "wind_full_load_hours": np.linspace(2500, 2900, count),
        "pv_land_fraction": np.full(count, 0.5),
        "wind_land_fraction": np.full(count, 0.25),
        "nearest_city": np.array([f"City {n % 3}" for n in range(count)], dtype=object),
        "province": np.zeros(count, dtype=np.int64),
    } | changes
    costs = np.column_stack([np.linspace(0.25, 0.3, count), np.linspace(0.30, 0.4, count)])
    table = xr.Dataset(
        {name: ("site", column) for name, column in flat.items()}
        | {"delivered_cost": (("site", "target"), costs), "scope2_location": (("site", "target"), costs / 10)},
        coords={
            "site": (rows + 5000) * 10_000 + columns + 5000,
            "x": ("site", x),
            "y": ("site", y),
            "latitude": ("site", latitude),
            "longitude": ("site", longitude),
            "target": [0.8, 0.9],
            "spatial_ref": ((), 0, CRS(ALBERS).to_cf()),
        },
    )
    table["province"].attrs["iso_3166_2"] = "CN-QH CN-NM"
    return table


ALL = Zoning(top_share=1.0)


def geodesic_km2(shape):
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0]) / 1e6


# lattice and labels


def test_touching_corners_join_under_queen_only():
    rows, columns = np.array([0, 0, 1, 3]), np.array([0, 1, 2, 0])
    assert label_cells(rows, columns, "queen").tolist() == [1, 1, 1, 2]
    assert label_cells(rows, columns, "rook").tolist() == [1, 1, 2, 3]


@few
@given(arrays(bool, (6, 8)), st.sampled_from(["queen", "rook"]))
def test_labels_agree_with_a_flood_fill(raster, neighbours):
    if not raster.any():
        return
    rows, columns = np.nonzero(raster)
    labels = label_cells(rows, columns, neighbours)
    apart = np.abs(rows[:, None] - rows), np.abs(columns[:, None] - columns)
    near = np.maximum(*apart) <= 1 if neighbours == "queen" else apart[0] + apart[1] <= 1
    reached = np.linalg.matrix_power(near.astype(object), rows.size) > 0
    np.testing.assert_array_equal(labels[:, None] == labels, reached)


def test_lattice_refuses_what_is_off_the_grid():
    with pytest.raises(AlignmentError, match="1 sites in between"):
        lattice(np.array([0.0, 25.0, 60.0]), np.zeros(3), 25.0)
    with pytest.raises(AlignmentError, match="one site per cell"):
        lattice(np.array([0.0, 25.0, 25.0]), np.zeros(3), 25.0)


def test_zones_refuse_cells_of_unequal_area():
    with pytest.raises(AlignmentError, match="one area"):
        delineate_zones(cells([0, 0], [0, 1], cell_area=np.array([625.0, 600.0])), ALL)


# membership


@few
@given(arrays(bool, (6, 8)), st.integers(0, 2**32), st.sampled_from(["queen", "rook"]), st.floats(0.05, 1.0))
def test_every_chosen_cell_is_in_exactly_one_zone(raster, seed, neighbours, share):
    rows, columns = np.nonzero(raster)
    table = cells(rows, columns, np.random.default_rng(seed).random(rows.size))
    zones = delineate_zones(table, Zoning(top_share=share, neighbours=neighbours))
    chosen = int(np.ceil(share * rows.size - 1e-9))
    assert zones["sites"].sum() == chosen
    assert zones["area_km2"].sum() == chosen * 625.0
    assert (zones.geometry.to_crs(ALBERS).area / 1e6).sum() == pytest.approx(chosen * 625.0, rel=1e-9)
    points = gpd.points_from_xy(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    inside = np.array([[zone.contains(point) for zone in zones.geometry] for point in points]).reshape(rows.size, len(zones))
    taken = table["rank"].to_numpy() <= chosen
    np.testing.assert_array_equal(inside.sum(axis=1), taken.astype(int))
    np.testing.assert_array_equal(inside.sum(axis=0), zones["sites"])


@few
@given(st.permutations(range(8)))
def test_zones_do_not_depend_on_the_order_of_sites(order):
    table = cells([0, 0, 1, 3, 3, 5, 5, 5], [0, 1, 1, 0, 1, 4, 5, 6], [0.5, 0.9, 0.7, 0.6, 0.8, 0.4, 0.45, 0.41])
    straight, turned = delineate_zones(table, ALL), delineate_zones(table.isel(site=order), ALL)
    pd.testing.assert_frame_equal(pd.DataFrame(straight.drop(columns="geometry")), pd.DataFrame(turned.drop(columns="geometry")))
    assert [shape.wkb for shape in straight.geometry] == [shape.wkb for shape in turned.geometry]


def test_zones_are_sorted_by_their_best_site():
    zones = delineate_zones(cells([0, 0, 2, 2], [0, 1, 0, 1], [0.5, 0.6, 0.4, 0.9]), ALL)
    assert zones["zone"].tolist() == zones["rank"].tolist() == [1, 2]
    assert zones["best_rank"].tolist() == [1, 2]
    assert zones["best_site"].tolist() == [50025001, 50005001]
    assert zones["score"].tolist() == [0.9, 0.6]
    assert zones["score_mean"].tolist() == pytest.approx([0.65, 0.55])


def test_only_ranked_sites_above_the_thresholds_join():
    table = cells([0] * 10, range(10), [0.9, np.nan, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert delineate_zones(table, ALL)["sites"].tolist() == [1, 8]
    assert delineate_zones(table, Zoning(top_share=0.5))["sites"].tolist() == [1, 4]
    assert delineate_zones(table, Zoning(top_share=0.5, score_min=0.7))["sites"].tolist() == [1, 2]
    assert delineate_zones(table, Zoning(top_share=0.5, min_area_km2=625))["best_rank"].tolist() == [1, 2]
    assert delineate_zones(table, Zoning(top_share=0.5, min_area_km2=700))["best_rank"].tolist() == [2]
    assert delineate_zones(table, Zoning(top_share=0.5, max_zones=1))["best_rank"].tolist() == [1]


def test_top_share_of_a_round_number_is_exact():
    """7 % of 100 sites are 7, although 0.07 * 100 is 7.000000000000001 in binary."""
    assert delineate_zones(cells([0] * 100, range(100)), Zoning(top_share=0.07))["sites"].sum() == 7


# figures and outlines


def test_figures_of_a_zone_by_hand():
    zone = delineate_zones(cells([0, 0], [0, 1]), ALL).iloc[0]
    assert (zone["sites"], zone["area_km2"], zone["best_site"]) == (2, 1250.0, 50005000)
    assert zone["pv_potential_mw"] == 1250 * 0.5 * 40
    assert zone["wind_potential_mw"] == 1250 * 0.25 * 4
    assert zone["delivered_cost"] == pytest.approx(0.30)
    assert zone["delivered_cost_mean"] == pytest.approx(0.35)
    assert zone["scope2_location"] == pytest.approx(0.035)
    assert zone["pv_full_load_hours"] == pytest.approx(1600)
    assert zone["wind_full_load_hours"] == pytest.approx(2700)
    assert (zone["name"], zone["nearest_city"], zone["province"]) == ("City 0, CN-QH", "City 0", "CN-QH")


def test_potentials_follow_the_densities_of_the_supply():
    zone = delineate_zones(cells([0], [0]), ALL, Supply(pv_density_mw_per_km2=20, wind_density_mw_per_km2=8)).iloc[0]
    assert (zone["pv_potential_mw"], zone["wind_potential_mw"]) == (625 * 0.5 * 20, 625 * 0.25 * 8)


def test_costs_are_read_at_the_target():
    table = cells([0, 0], [0, 1])
    assert delineate_zones(table, Zoning(top_share=1, target=0.8))["delivered_cost"].tolist() == [0.25]
    with pytest.raises(StudyError, match=r"found 0\.95"):
        delineate_zones(table, Zoning(target=0.95))


def test_a_mean_over_a_missing_figure_is_missing():
    zones = delineate_zones(cells([0, 0, 5], [0, 1, 0], wind_full_load_hours=np.array([2500, np.nan, 2600])), ALL)
    assert np.isnan(zones["wind_full_load_hours"][0])
    assert zones["wind_full_load_hours"][1] == 2600


def test_outlines_have_the_area_on_the_ellipsoid():
    """Straight edges between projected corners lose under 0.1 % of a cell's geodesic area."""
    zones = delineate_zones(cells([0, 0, 1, 9], [0, 1, 1, 30]), ALL)
    for shape, area in zip(zones.geometry, zones["area_km2"], strict=True):
        assert geodesic_km2(shape) == pytest.approx(area, rel=1e-3)
        assert shape.is_valid
    assert zones.crs.to_epsg() == 4326


def test_outlines_keep_holes_and_corner_contacts():
    ring = [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)]
    zones = delineate_zones(cells(*np.array([*ring, (3, 3)]).T), ALL)
    assert len(zones) == 1
    assert zones.geometry[0].is_valid
    assert sum(len(part.interiors) for part in shapely.get_parts(zones.geometry[0])) == 1


def test_names_repeat_with_a_number_and_survive_any_script():
    names = np.array(['Xi\'an "西安" 😀'] * 3, dtype=object)
    zones = delineate_zones(cells([0, 3, 6], [0, 0, 0], nearest_city=names), ALL)
    assert zones["name"].tolist() == [f"{names[0]}, CN-QH", f"{names[0]}, CN-QH (2)", f"{names[0]}, CN-QH (3)"]


def test_a_zone_outside_all_provinces_is_still_named():
    zones = delineate_zones(cells([0], [0], province=np.array([-1]), nearest_city=np.array([""], dtype=object)), ALL)
    assert zones["name"].tolist() == ["zone 1"]
    assert zones["province"].tolist() == [""]


@pytest.mark.parametrize("table", [cells([], []), cells([0, 1], [0, 1], [np.nan, np.nan])])
def test_no_ranked_site_gives_no_zone_but_the_same_columns(table):
    zones, full = delineate_zones(table, ALL), delineate_zones(cells([0], [0]), ALL)
    assert len(zones) == 0
    assert zones.crs.to_epsg() == 4326
    assert list(zones.columns) == [*ZONE_COLUMNS, "geometry"]
    assert zones.dtypes.astype(str).tolist() == full.dtypes.astype(str).tolist()


def test_one_cell_is_a_zone():
    assert delineate_zones(cells([0], [0]), Zoning(top_share=0.01))["sites"].tolist() == [1]


def test_zones_name_what_is_missing():
    with pytest.raises(MissingVariableError, match="score"):
        delineate_zones(cells([0], [0]).drop_vars("score"), ALL)


@pytest.mark.parametrize(
    "field", [{"top_share": 0}, {"top_share": 10}, {"score_min": 60}, {"neighbours": "bishop"}, {"max_zones": 0}, {"top": 1}]
)
def test_zoning_refuses_bad_fields(field):
    with pytest.raises(ValueError, match=next(iter(field))):
        Zoning(**field)


def test_inputs_are_left_alone():
    table = cells([0, 0], [0, 1])
    before = table.copy(deep=True)
    delineate_zones(table, ALL)
    xr.testing.assert_identical(table, before)
