"""The map as a planner meets it: opened from disk in Chromium, with the network off."""

from __future__ import annotations

import csv
import io
import itertools
import time

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer

from siting.policy import Policy, add_policy

pytestmark = pytest.mark.browser

FULL_SIZE = 3_000_000


def test_opens_offline_without_a_request_or_a_complaint(visit, page_file):
    seen = visit(page_file)
    seen.page.wait_for_selector("#list tbody tr")
    for tab in ("zones", "provinces", "clusters", "about", "ranking"):
        seen.page.click(f"#tab-{tab}")
    for radio in seen.page.locator("input[name=theme]").all():
        radio.check()
    seen.page.click("#language")
    seen.page.wait_for_timeout(200)
    assert [url for url in seen.requests if not url.startswith("data:image/png")] == [page_file.as_uri()]
    assert seen.complaints == []


@pytest.mark.slow
def test_all_china_at_25_km_is_small_and_quick(visit, draw):
    from reference import finished_study

    layers = finished_study.layers()
    sites = finished_study.sites(layers)
    path = draw(layers=layers, sites=sites, zones=finished_study.zones(sites))
    assert sites.sizes["site"] > 10_000
    assert path.stat().st_size < FULL_SIZE
    start = time.perf_counter()
    seen = visit(path)
    seen.page.wait_for_selector("#list tbody tr")
    assert time.perf_counter() - start < 4  # shown in well under 2 s on a quiet machine
    assert seen.complaints == []


def test_ranking_lists_the_best_sites_in_order(visit, page_file, study):
    seen = visit(page_file)
    ranks = [int(text) for text in seen.page.locator("#list tbody tr td:first-child").all_inner_texts()]
    assert ranks == list(range(1, 51))
    assert f"{int((study[1]['rank'] > 0).sum()):,}" in seen.text("#headline")


def test_headline_counts_the_tied_sites_and_does_not_call_them_the_first(visit, page_file, study):
    listed = study[1].isel(site=np.flatnonzero((study[1]["rank"].values > 0) & (study[1]["rank"].values <= 50)))
    group = int(listed["tie_group"].values[listed["rank"].values == 1][0])
    tied = int((listed["tie_group"] == group).sum())
    assert f"{tied} of the 50 listed sites, in tie group {group}, differ from its best" in visit(page_file).text("#headline")


def test_row_opens_the_card_and_moves_the_map(visit, page_file, study):
    seen = visit(page_file)
    before = seen.evaluate("map_siting.getZoom()")
    seen.page.click("#list tbody tr:nth-child(3)")
    seen.page.wait_for_selector("#card:not([hidden])")
    best = study[1].isel(site=int(np.flatnonzero(study[1]["rank"].values == 3)[0]))
    card = seen.text("#card")
    assert f"{float(best['delivered_cost'][1]):.3f}" in card
    assert f"{float(best['latitude']):.2f}° N" in card
    assert "Rank 3 of" in card
    assert "1 to 9 over weather seeds" in card
    assert "tie group 1" in card
    for part in ("Supply mix", "Carbon", "What makes the score", "Output by month", "Resource", "What these numbers rest on", "synthetic"):
        assert part in card
    assert seen.page.locator("#card svg[role=img]").count() == 3
    assert seen.evaluate("map_siting.getZoom()") > before
    assert seen.evaluate("document.activeElement.id") == "card"
    seen.page.keyboard.press("Escape")
    assert seen.page.locator("#card").is_hidden()


def test_card_tells_the_rules_if_the_study_asks_for_them(visit, draw, page_file, study):
    """9 of 10 kWh are clean and the park fails its carbon all the same; exports of 0 pass."""
    ruled = add_policy(study[1].assign(scope2_market=study[1]["scope2_location"] * 2.0), Policy(zero_carbon_park=True))
    ruled["scope2_market"].attrs.update(method="market-based, annual matching within country", year=2022, factor="residual, national")
    ruled["scope2_market"].attrs.update(method_zh="基于市场，按年匹配", factor_zh="剩余组合因子，全国")
    seen = visit(draw(sites=ruled))
    seen.page.click("#list tbody tr:nth-child(1)")
    seen.page.wait_for_selector("#card:not([hidden])")
    rules = seen.page.locator("#card .rules li")
    first = rules.first.inner_text()
    assert first.startswith("Fail CO2 per unit of energy")
    assert "发改环资〔2025〕910号" in first
    assert "-0.232 t/tce" in first
    texts = rules.all_inner_texts()
    codes = ruled["rule_verdict"].isel(site=int(np.flatnonzero(ruled["rank"].values == 1)[0])).sel(target=0.9).values
    assert len(texts) == ((codes == 1) | (codes == 2)).sum()
    assert sum(text.startswith("Pass") for text in texts) == (codes == 1).sum()
    assert f"{(codes == 2).sum()} failed, {(codes == 1).sum()} passed" in seen.text("#card")
    assert f"{(codes == 0).sum()} more can't be judged" in seen.text("#card")
    assert "market-based, annual matching within country; 2022; residual, national" in seen.text("#card")
    assert "Market-based" in seen.text("#card")
    seen.page.click("#language")
    assert rules.first.inner_text().startswith("未通过 单位能耗碳排放（核心指标，一票否决）")
    assert "基于市场，按年匹配；2022；剩余组合因子，全国" in seen.text("#card")
    assert "annual matching" not in seen.text("#card")
    assert seen.complaints == []
    plain = visit(page_file)
    plain.page.click("#list tbody tr:nth-child(1)")
    plain.page.wait_for_selector("#card:not([hidden])")
    assert plain.page.locator("#card .rules").count() == 0


def test_marker_opens_the_card_and_marks_the_row(visit, page_file):
    seen = visit(page_file)
    seen.page.locator(".pin", has_text="1").first.dispatch_event("click")
    seen.page.wait_for_selector("#card:not([hidden])")
    assert seen.page.locator("#list tr.chosen").count() == 1
    rank = seen.page.locator("#list tr.chosen td").first.inner_text()
    assert f"Rank {rank} of" in seen.text("#card")


def test_tables_sort_both_ways_and_say_so(visit, page_file):
    seen = visit(page_file)
    column = "[data-column=delivered_cost]"

    def costs():
        return [float(text) for text in seen.page.locator("#list tbody tr td:nth-child(3)").all_inner_texts()]

    seen.page.click(f"{column} button")
    assert costs() == sorted(costs())
    assert seen.page.get_attribute(column, "aria-sort") == "ascending"
    seen.page.click(f"{column} button")
    assert costs() == sorted(costs(), reverse=True)
    assert seen.page.get_attribute(column, "aria-sort") == "descending"


def test_unknown_values_sort_last_both_ways(visit, page_file):
    """Tibet has no published factor."""
    seen = visit(page_file)
    seen.page.click("#tab-provinces")
    for _ in range(2):
        seen.page.click("[data-column=emission_factor] button")
        assert seen.page.locator("#list tbody tr:last-child td:nth-child(7)").inner_text() == "–"


def test_search_finds_a_province_in_both_languages(visit, page_file):
    seen = visit(page_file)
    seen.page.click("#tab-provinces")
    for query in ("qinghai", "青海", "CN-QH"):
        seen.page.fill("#search", query)
        assert seen.page.locator("#list tbody tr").count() == 1
    seen.page.fill("#search", "nowhere")
    assert "Nothing matches" in seen.text("#list")


def test_layer_switch_changes_picture_and_legend(visit, page_file):
    seen = visit(page_file)
    pictures, legends = set(), set()
    keys = [radio.get_attribute("value") for radio in seen.page.locator("input[name=theme]").all()]
    for key in keys:
        seen.page.check(f"input[name=theme][value={key}]")
        pictures.add(seen.page.locator("img.picture").get_attribute("src"))
        legends.add(seen.text("#legend"))
    assert len(keys) == 8
    assert len(pictures) == 8
    assert len(legends) == 8
    seen.page.check("input[value=delivered_cost_90]")
    assert "CNY/kWh" in seen.text("#legend")
    seen.page.check("input[value=load_reason]")
    assert "above the altitude limit" in seen.text("#legend")


def test_opacity_and_groups(visit, page_file):
    seen = visit(page_file)
    seen.page.locator("#opacity").fill("30")
    assert seen.evaluate("document.querySelector('img.picture').style.opacity") == "0.3"
    assert seen.page.locator(".diamond").count() == 2
    seen.page.uncheck("input[value=clusters]")
    assert seen.page.locator(".diamond").count() == 0


def test_language_switch_reaches_every_part(visit, page_file):
    seen = visit(page_file)
    seen.page.click("#list tbody tr:nth-child(1)")
    seen.page.click("#language")
    assert seen.evaluate("document.documentElement.lang") == "zh-CN"
    for selector, text in (
        ("#card", "供电组合"),
        ("#layers", "供电成本"),
        ("#legend", "综合得分"),
        ("#tabs", "省份"),
        ("#banner", "不可用于投资决策"),
        ("#list", "新疆"),
    ):
        assert text in seen.text(selector)
    untranslated = seen.evaluate("Object.entries(SitingWords).filter(([, pair]) => pair.length !== 2 || !pair[1]).map(([key]) => key)")
    assert untranslated == []


def test_map_may_open_in_chinese(visit, draw):
    seen = visit(draw(language="zh", footer="审图号：示例"))
    assert "选址" in seen.text("#tabs")
    assert seen.text("#footer") == "审图号：示例"


def test_banner_warns_and_lists_every_caveat(visit, page_file, study):
    import json

    seen = visit(page_file)
    assert "not for investment decisions" in seen.text("#banner")
    seen.page.click("#banner button")
    for warning in json.loads(study[0].attrs["warnings"]):
        assert warning in seen.text("#banner")


def test_cluster_card_keeps_the_two_numbers_apart(visit, page_file):
    seen = visit(page_file)
    seen.page.click("#tab-clusters")
    assert "1 more clusters of the catalog lie outside" in seen.text("#list")
    seen.page.click("#list tbody tr:has-text('Golmud')")
    card = seen.text("#card")
    assert "200 MWp" in card
    share, factor = seen.page.locator("#card .two > div").all_inner_texts()
    assert "84.5 % (2021)" in share
    assert "85.5 % by the province's own statistics (2021)" in share
    assert "0.1567 kg/kWh (2022)" in factor
    assert "%" not in factor
    seen.page.click("#card button.link")
    assert "What makes the score" in seen.text("#card")


def test_zone_and_province_open_cards(visit, page_file):
    seen = visit(page_file)
    seen.page.click("#tab-zones")
    seen.page.click("#list tbody tr:nth-child(1)")
    assert "km²" in seen.text("#card")
    seen.page.click("#tab-provinces")
    seen.page.click("#list tbody tr:has-text('Qinghai')")
    assert "Two different numbers of Qinghai" in seen.text("#card")


def test_cell_under_the_cursor_and_its_card(visit, page_file, study):
    """At the centre of random cells the page reads the cell's own value."""
    layers, sites, _ = study
    seen = visit(page_file)
    rng = np.random.default_rng(5)
    for position in rng.integers(0, sites.sizes["site"], 40):
        row = sites.isel(site=int(position))
        found = seen.evaluate(
            "([lat, lng]) => Siting.map.valuesOf(Siting.map.cellAt(lat, lng))", [float(row["latitude"]), float(row["longitude"])]
        )
        assert found["delivered_cost_90"] == pytest.approx(float(row["delivered_cost"][1]), rel=1e-4)
        assert found["rank"] == int(row["rank"])
    high = np.argwhere((layers["load_reason"].values == 3) & (layers["province"].values >= 0))[3]
    spot = [float(layers["latitude"].values[tuple(high)]), float(layers["longitude"].values[tuple(high)])]
    seen.evaluate("spot => map_siting.fire('click', {latlng: L.latLng(spot)})", spot)
    assert "above the altitude limit" in seen.text("#card")
    assert "Screened out" in seen.text("#card")
    assert seen.evaluate("Siting.map.cellAt(0, 0)") is None


def test_picture_lies_where_the_cells_are(visit, page_file, study):
    """Colours at the true Mercator pixels of cell centres are those of the palette: no shift, no half pixel."""
    layers, _, _ = study
    seen = visit(page_file)
    seen.page.check("input[value=load_reason]")
    seen.page.locator("#opacity").fill("100")
    for name in ("sites", "zones", "clusters", "names"):
        seen.page.uncheck(f"#layers input[value={name}]")
    seen.page.wait_for_timeout(300)
    colours = {row["value"]: row["colour"] for row in seen.evaluate("Siting.data.layers.at(-1).classes")}
    shot = np.asarray(Image.open(io.BytesIO(seen.page.screenshot())).convert("RGB"))
    cells = np.argwhere(layers["province"].values >= 0)[::7]
    spots = [[float(layers[name].values[row, column]) for name in ("latitude", "longitude")] for row, column in cells]
    pixels = seen.evaluate(
        """spots => spots.map(spot => {
            const box = map_siting.getContainer().getBoundingClientRect(), point = map_siting.latLngToContainerPoint(spot);
            const x = Math.floor(box.left + point.x), y = Math.floor(box.top + point.y), top = document.elementFromPoint(x, y);
            return [x, y, Boolean(top && top.closest(".folium-map") && !top.closest(".leaflet-control"))];
        })""",
        spots,
    )
    checked = 0
    for (row, column), (x, y, bare) in zip(cells, pixels, strict=True):
        if bare:
            expected = np.frombuffer(bytes.fromhex(colours[int(layers["load_reason"].values[row, column])][1:]), dtype=np.uint8)
            assert np.abs(shot[y, x].astype(int) - expected.astype(int)).max() <= 3
            checked += 1
    assert checked > 100


def test_leaflet_places_points_as_proj_does(visit, page_file):
    seen = visit(page_file)
    for latitude, longitude in ((18.2, 109.5), (36.4, 95.1), (53.5, 122.3)):
        point = seen.evaluate("p => { const q = L.CRS.EPSG3857.project(L.latLng(p)); return [q.x, q.y]; }", [latitude, longitude])
        assert point == pytest.approx(Transformer.from_crs(4326, 3857, always_xy=True).transform(longitude, latitude), abs=1e-3)


def test_csv_is_what_the_table_shows(visit, page_file):
    seen = visit(page_file)
    seen.page.fill("#search", "xinjiang")
    with seen.page.expect_download() as download:
        seen.page.click("#csv")
    content = download.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == seen.page.locator("#list tbody tr").count()
    assert float(rows[0]["delivered_cost"]) == pytest.approx(
        float(seen.page.locator("#list tbody tr:first-child td:nth-child(3)").inner_text()), abs=5e-4
    )
    assert seen.complaints == []


def test_keyboard_alone_reaches_a_card(visit, page_file):
    seen = visit(page_file)
    seen.page.focus("#tab-ranking")
    seen.page.keyboard.press("ArrowRight")
    assert seen.evaluate("document.activeElement.id") == "tab-zones"
    assert seen.page.get_attribute("#tab-zones", "aria-selected") == "true"
    seen.page.keyboard.press("ArrowLeft")
    seen.page.focus("#list tbody tr:nth-child(2) button")
    seen.page.keyboard.press("Enter")
    assert "Rank 2 of" in seen.text("#card")


def test_controls_have_names(visit, page_file):
    seen = visit(page_file)
    nameless = seen.evaluate(
        "[...document.querySelectorAll('button, input, [role=img], [role=tabpanel], section:not([hidden])')]"
        ".filter(e => !(e.innerText || e.ariaLabel || e.labels?.length || e.getAttribute('aria-labelledby'))).map(e => e.outerHTML)"
    )
    assert nameless == []


def test_phone_folds_the_panel_and_shows_the_card(visit, page_file):
    seen = visit(page_file, 390, 844)
    assert seen.page.locator("#list").is_hidden()
    assert seen.evaluate("document.documentElement.scrollWidth") <= 390
    seen.page.click("#fold")
    seen.page.click("#list tbody tr:nth-child(2)")
    box = seen.page.locator("#card").bounding_box()
    assert box["width"] == pytest.approx(390, abs=1)
    assert seen.page.locator("#list").is_hidden()
    seen.page.wait_for_timeout(200)
    x, y = seen.evaluate("(() => { const r = document.querySelector('.ring').getBoundingClientRect(); return [r.x, r.y]; })()")
    assert 0 < x < 390
    assert 0 < y < box["y"], "the chosen site is seen above its card"


@pytest.mark.parametrize("width", [700, 1400])
def test_print_shows_the_table_and_hides_the_tools(visit, page_file, width):
    seen = visit(page_file, width)
    seen.page.emulate_media(media="print")
    assert seen.page.locator("#tools").is_hidden()
    assert seen.page.locator("#list tbody tr:nth-child(50)").is_visible()
    boxes = [seen.page.locator(name).bounding_box() for name in ("#banner", "#top", "#stage", "#list")]
    assert all(upper["y"] + upper["height"] <= lower["y"] + 1 for upper, lower in itertools.pairwise(boxes)), "parts follow each other"


def test_study_without_a_ranked_site_opens(visit, draw, study):
    _, sites, zones = study
    seen = visit(draw(sites=sites.assign(rank=sites["rank"] * 0), zones=zones.iloc[:0]))
    assert "No site of this study could be ranked" in seen.text("#headline")
    assert seen.complaints == []


def test_optional_columns_may_be_missing(visit, draw, study):
    _, sites, _ = study
    optional = [
        "rank_range",
        "tie_group",
        "delivered_cost_range",
        "matched_share_monthly",
        "contribution",
        "cost_by_component",
        "altitude",
        "scope2_location",
    ]
    seen = visit(draw(sites=sites.drop_vars(optional)))
    seen.page.click("#list tbody tr:nth-child(1)")
    assert "Supply mix" in seen.text("#card")
    assert seen.complaints == []
