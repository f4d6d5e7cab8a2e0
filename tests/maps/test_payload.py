"""What the page is told: values, records, and text that can't break out."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siting.maps import map_zones, readout
from siting.maps.payload import build, to_island
from siting.maps.raster import warp_cells
from siting.maps.records import plain
from siting.maps.themes import site_values, themes
from siting.vocabulary import AlignmentError, MissingVariableError, StudyError


@pytest.fixture
def payload(catalog, zones, sites, layers):
    entries = {name: catalog.entry(name) for name in ("clusters", "provinces", "cities", "land")}
    return build(zones, sites, layers, entries=entries, top=20)


def unpack(packed):
    steps = np.frombuffer(base64.b64decode(packed["data"]), dtype="<u2").astype(float)
    return np.where(steps == 0, np.nan, packed["offset"] + (steps - 1) * packed["step"])


@given(st.text())
def test_island_ends_no_element_and_keeps_the_text(text):
    island = to_island({"name": text})
    assert not set("<>&\u2028\u2029") & set(island)
    assert json.loads(island) == {"name": text}


def test_island_refuses_what_json_can_not_say():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_island({"value": float("nan")})


@pytest.mark.parametrize(
    ("value", "expected"), [(np.nan, None), (np.inf, None), (np.int64(3), 3), (0.123456789, 0.123457), ("a", "a"), (True, True)]
)
def test_plain(value, expected):
    assert plain(np.asarray(value)) == expected


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=50))
def test_packed_values_come_back_within_half_a_step(values):
    array = np.array(values)
    packed = readout.pack(array)
    found = unpack(packed)
    assert (np.isnan(found) == np.isnan(array)).all()
    known = np.isfinite(array)
    assert np.all(np.abs(found[known] - array[known]) <= 0.5001 * packed["step"] + 1e-9)


def test_read_out_holds_the_values_of_the_cells(payload, sites):
    packed = payload["readout"]
    mask = np.unpackbits(np.frombuffer(base64.b64decode(packed["mask"]), dtype=np.uint8))[: packed["ny"] * packed["nx"]].astype(bool)
    order = np.cumsum(mask) - 1
    cells = {record["cell"]: record for record in payload["sites"]}
    cost, rank = unpack(packed["values"]["delivered_cost_90"]), unpack(packed["values"]["rank"])
    for cell, record in cells.items():
        assert cost[order[cell]] == pytest.approx(record["delivered_cost"][1], rel=1e-4)
        assert round(rank[order[cell]]) == record["rank"]
    assert len(cost) == mask.sum()


def test_table_from_degrees_to_cells_is_good_to_a_hundredth_of_a_cell(layers):
    frame = warp_cells(layers, layers["province"].values >= 0)
    table = readout.locate(layers, frame)
    last, nodes = table["nodes"] - 1, table["nodes"]
    rng = np.random.default_rng(3)
    u, v = rng.uniform(0, last, 500), rng.uniform(0, last, 500)
    i, j = np.minimum(u.astype(int), last - 1), np.minimum(v.astype(int), last - 1)
    a, b = u - i, v - j
    from pyproj import Transformer

    longitude, latitude = frame.west + u / last * (frame.east - frame.west), frame.south + v / last * (frame.north - frame.south)
    x, y = Transformer.from_crs("EPSG:4326", layers["spatial_ref"].attrs["crs_wkt"], always_xy=True).transform(longitude, latitude)
    for name, true in zip(("column", "row"), readout.cell_position(layers, x, y), strict=True):
        grid = np.array(table[name]).reshape(nodes, nodes)
        below, above = (1 - a) * grid[j, i] + a * grid[j, i + 1], (1 - a) * grid[j + 1, i] + a * grid[j + 1, i + 1]
        assert np.abs((1 - b) * below + b * above - true).max() < 0.02  # 50 km cells: 0.02 is 1 km, one mercator pixel


def test_layers_on_offer(payload):
    keys = [layer["key"] for layer in payload["layers"]]
    assert keys == ["score", "delivered_cost_90", "delivered_cost_80", "pv_full_load_hours", "wind_full_load_hours",
                    "scope2_location_90", "carbon_free_share_90", "load_reason"]  # fmt: skip
    cost = payload["layers"][1]
    assert (cost["low"], cost["high"], cost["unit"]) == (pytest.approx(0.5, abs=0.1), pytest.approx(0.78, abs=0.1), "CNY kWh-1")
    assert cost["below"]
    assert cost["above"]


def test_reasons_count_the_cells(payload, layers):
    classes = {row["value"]: row["cells"] for row in payload["layers"][-1]["classes"]}
    inside = layers["province"].values >= 0
    assert classes == {flag: int(((layers["load_reason"].values == flag) & inside).sum()) for flag in range(5)}


def test_cluster_stands_beside_its_nearest_site_and_its_province(payload):
    named = {row["id"]: row for row in payload["clusters"]}
    assert set(named) == {"trina_xining", "golmud"}
    assert payload["clusters_elsewhere"] == 1
    assert named["golmud"]["province"] == "CN-QH"
    assert named["golmud"]["distance_km"] < 50
    assert named["golmud"]["nearest"] in {record["site"] for record in payload["sites"]}


def test_qinghai_has_two_numbers_that_are_never_one(payload):
    """A generation share of 84.5 % (85.5 % official, 2021) and a consumption factor of 0.1567 kg/kWh (2022)."""
    provinces = {row["code"]: row for row in payload["provinces"]}
    qinghai = provinces["CN-QH"]
    assert qinghai["generation_share"]["2021"] == pytest.approx(0.845)
    assert qinghai["generation_share_official"] == pytest.approx(0.855)
    assert qinghai["emission_factor"]["2022"] == pytest.approx(0.1567)
    assert provinces["CN-NM"]["emission_factor"]["2022"] == pytest.approx(0.6849)
    assert provinces["CN-XZ"]["emission_factor"] == {"2021": None, "2022": None}


def test_provinces_sum_to_the_study(payload, sites):
    assert sum(row["ranked"] for row in payload["provinces"]) == int((sites["rank"] > 0).sum())
    assert sum(row["cells"] for row in payload["provinces"]) == sites.sizes["site"]


def test_distant_sites_are_not_taken_for_a_cluster_s(catalog, zones, sites, layers):
    entries = {name: catalog.entry(name) for name in ("clusters", "provinces", "cities", "land")}
    far = sites.assign(rank=sites["rank"].where(sites["longitude"] < 85, 0))
    golmud = build(zones, far, layers, entries=entries, top=5)["clusters"][1]
    assert golmud["nearest"] is None
    assert golmud["distance_km"] > 500


def test_study_without_ranked_sites_still_has_a_map(catalog, zones, sites, layers):
    page = map_zones(zones.iloc[:0], sites.assign(rank=sites["rank"] * 0), layers).get_root().render()
    assert '"ranking":[]' in page


def test_inputs_are_left_as_they_were(catalog, zones, sites, layers):
    before = sites.copy(deep=True), layers.copy(deep=True), zones.copy()
    map_zones(zones, sites, layers)
    assert sites.identical(before[0])
    assert layers.identical(before[1])
    assert zones.equals(before[2])


def test_refusals(catalog, zones, sites, layers):
    with pytest.raises(StudyError, match="'en' or 'zh'"):
        map_zones(zones, sites, layers, language="fr")
    with pytest.raises(StudyError, match="1 to 500"):
        map_zones(zones, sites, layers, top=0)
    with pytest.raises(MissingVariableError, match="map_zones needs score"):
        map_zones(zones, sites.drop_vars("score"), layers)
    with pytest.raises(AlignmentError, match="sites on the grid of the layers"):
        map_zones(zones, sites, layers.isel(x=slice(30, None)))


def test_feed_in_of_the_grid_is_a_layer_where_it_was_added(sites):
    assert "feedin_carbon_free_share" not in {theme.key for theme in themes(sites)}
    served = sites.assign(feedin_carbon_free_share=sites["score"] * 0.0 + 0.8)
    (theme,) = [each for each in themes(served) if each.key == "feedin_carbon_free_share"]
    assert theme.group == "carbon"
    np.testing.assert_array_equal(site_values(served, theme.variable, theme.target), served["feedin_carbon_free_share"].values)
