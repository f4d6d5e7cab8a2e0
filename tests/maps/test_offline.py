"""One file that needs nothing else: the gate, the policy, the vendored assets."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import folium
import pytest

from siting.maps import map_zones, vendored
from siting.maps.gate import check_page, policy
from siting.vocabulary import IntegrityError, OutputError, ResourceError

ASSETS = files("siting.maps") / "assets"


@pytest.fixture
def page_map(catalog, zones, sites, layers):
    return map_zones(zones, sites, layers, title="Test")


@pytest.mark.parametrize("row", vendored.manifest(), ids=lambda row: row["file"])
def test_third_party_files_match_the_manifest_and_have_a_licence(row):
    assert hashlib.sha256((ASSETS / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    assert re.fullmatch(r"[\w-]+@\d+\.\d+\.\d+", row["package"])
    assert "Redistribution" in (ASSETS / row["licence_file"]).read_text(encoding="utf-8")


def test_every_asset_is_ours_or_in_the_manifest():
    ours = {"page.html", "panel.css", "manifest.json", *vendored.SCRIPTS} - {"leaflet.js"}
    assert {item.name for item in ASSETS.iterdir()} == ours | {row["file"] for row in vendored.manifest()}


def test_changed_asset_is_refused(monkeypatch):
    rows = [{**vendored.manifest()[0], "sha256": "0" * 64}]
    monkeypatch.setattr(vendored, "manifest", lambda: rows)
    with pytest.raises(IntegrityError, match="install siting again"):
        vendored.read(rows[0]["file"])


def test_page_names_nothing_outside(page_map):
    page = page_map.get_root().render()
    assert not re.findall(r"<(?:script|img|iframe|link)[^>]+(?:src|href)=", page)
    assert "sourceMappingURL" not in page
    assert "url(images" not in page


def test_policy_holds_the_hash_of_every_script_and_style(page_map):
    page = page_map.get_root().render()
    meta = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert meta.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in meta
    for tag in ("script", "style"):
        for text in re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL):
            assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in meta


def test_two_maps_of_one_study_are_the_same_file(catalog, zones, sites, layers, tmp_path):
    for name in ("one", "two"):
        map_zones(zones, sites, layers, title="Test").save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_page_is_small(page_map, tmp_path):
    page_map.save(str(tmp_path / "map.html"))
    assert (tmp_path / "map.html").stat().st_size < 3_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


def test_folium_s_own_lists_stay_as_they_are(page_map):
    page_map.get_root().render()
    assert any("leaflet" in url for _, url in folium.Map.default_js)
    assert not page_map.default_js


def test_notebook_form_is_the_page_in_a_frame(page_map):
    assert page_map._repr_html_().startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (folium.TileLayer("https://tiles.example/{z}/{x}/{y}.png", attr="x"), "https://tiles.example"),
        (folium.Marker((36, 100), popup="x"), "jQuery"),
        (folium.Marker((36, 100), icon=folium.Icon(color="red")), "Leaflet.awesome-markers"),
    ],
)
def test_layers_that_reach_out_are_refused(page_map, layer, found):
    layer.add_to(page_map)
    with pytest.raises(OutputError, match=re.escape(found)):
        page_map.get_root().render()


def test_plugins_that_bring_assets_are_refused(page_map):
    from folium.plugins import Fullscreen

    Fullscreen().add_to(page_map)
    with pytest.raises(OutputError, match="found https://"):
        page_map.get_root().render()


def test_plain_folium_layers_may_be_added(page_map):
    folium.GeoJson({"type": "Point", "coordinates": [100.0, 36.0]}).add_to(page_map)
    folium.Circle((36, 100), radius=1000).add_to(page_map)
    assert "L.circle(" in page_map.get_root().render()


@pytest.mark.parametrize(
    "hostile",
    [
        '<img src="https://x.example/a.png">',
        '<img src="//x.example/a.png">',
        '<img src="a.png">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="https://x.example">x</a>',
        '<div onclick="alert(1)">x</div>',
        '<div style="background:url(https://x.example)">x</div>',
        '<svg onload="alert(1)"></svg>',
        '<svg><image xlink:href="https://x.example/a.png"></svg>',
        '<iframe srcdoc="x"></iframe>',
        '<object data="x"></object>',
        '<link rel="stylesheet" href="x.css">',
        '<base href="https://x.example/">',
        '<form action="x"></form>',
        '<meta http-equiv="refresh" content="0;url=https://x.example">',
        "<script>alert(1)</script>",
        '<script src="x.js"></script>',
        "<script type=module>alert(1)</script>",
        "<style>@import 'x.css';</style>",
        "<style>a{background:url(x.png)}</style>",
        "<style>a{}</style>",
        '<video poster="x.png"></video>',
        '<input type="image" src="x">',
        '<img srcset="x.png 2x">',
    ],
)
def test_gate_refuses(hostile):
    page = f"<!DOCTYPE html><html><head><style>b{{}}</style></head><body>{hostile}<script>ours()</script></body></html>"
    with pytest.raises(OutputError, match="needs nothing but its file"):
        check_page(page, ["ours()"], ["b{}"], "ours()")


def test_gate_lets_our_page_through():
    page = '<html><head><style>b{}</style></head><body><a href="#list">x</a><img src="data:image/png;base64,AA=="><script>ours()</script>'
    check_page(page, ["ours()"], ["b{}"], "ours()")


def test_gate_refuses_a_style_of_ours_that_fetches():
    with pytest.raises(OutputError, match="a style that fetches"):
        check_page("<style>a{background:url(x.png)}</style>", [], ["a{background:url(x.png)}"], "")


def test_policy_is_that_of_the_standard():
    """The hash of ``alert('Hello, world.');`` is the example of the CSP standard."""
    assert "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='" in policy(["alert('Hello, world.');"], [])


def test_too_large_a_page_is_refused(page_map, monkeypatch):
    monkeypatch.setattr("siting.maps.offline.SIZE_LIMIT", 1000)
    with pytest.raises(ResourceError, match="show fewer sites"):
        page_map.get_root().render()


def test_path_that_can_not_be_written_leaves_nothing(page_map, tmp_path):
    with pytest.raises(OutputError, match="choose another folder"):
        page_map.save(tmp_path / "missing" / "map.html")
    (tmp_path / "map.html").mkdir()
    with pytest.raises(OutputError, match="choose another folder"):
        page_map.save(tmp_path / "map.html")
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


def test_names_are_no_templates(catalog, zones, sites, layers):
    """Branca compiles what a layer renders once more; text of the data must never get there."""
    clusters = catalog.clusters()
    clusters.loc[0, "name"] = "{{ 98765 * 54321 }}{% for x in y %}"
    page = map_zones(zones, sites, layers, clusters=clusters, title="{{ 12345 * 98765 }}").get_root().render()
    assert not {str(98765 * 54321), str(12345 * 98765)} & set(re.findall(r"\d+", page))
    assert "{{ 98765 * 54321 }}{% for x in y %}" in page
    assert "<title>{{ 12345 * 98765 }}</title>" in page
