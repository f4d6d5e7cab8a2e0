"""Names that try to be code: in every place from which text reaches the page, none runs and all are shown as they are."""

from __future__ import annotations

import csv
import io
import json

import geopandas as gpd
import numpy as np
import pytest

pytestmark = pytest.mark.browser

CANARY = "document.title='PWNED';document.body.dataset.pwned=1;alert(1)"

PAYLOADS = [
    f"<script>{CANARY}</script>",
    f"</script><script>{CANARY}</script>",
    f"</title><script>{CANARY}</script>",
    f"</textarea><script>{CANARY}</script>",
    f"</style><script>{CANARY}</script>",
    f"--><script>{CANARY}</script>",
    f"<!--<script>{CANARY}</script>",
    f"]]><script>{CANARY}</script>",
    f"<img src=x onerror={CANARY}>",
    f'"><img src=x onerror="{CANARY}">',
    f"'><img src=x onerror='{CANARY}'>",
    f"<svg/onload={CANARY}>",
    f"<svg><animate onbegin={CANARY} attributeName=x>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={CANARY}>",
    f"<details open ontoggle={CANARY}>",
    f"<body onload={CANARY}>",
    f"<iframe srcdoc='<script>parent.{CANARY}</script>'>",
    f"<a href=javascript:{CANARY}>x</a>",
    f"javascript:{CANARY}",
    f"data:text/html,<script>{CANARY}</script>",
    "${" + CANARY + "}",
    "`${" + CANARY + "}`",
    "`+(" + CANARY + ")+`",
    "\\`${" + CANARY + "}",
    "';" + CANARY + ";//",
    '";' + CANARY + ";//",
    "\\';" + CANARY + ";//",
    '\\";' + CANARY + ";//",
    "\u2028" + CANARY + "\u2029",
    "{{ ''.__class__.__mro__ }}",
    "{% raw %}{{ 7 * 7 }}{% endraw %}",
    "{{constructor.constructor('" + CANARY + "')()}}",
    "x;background:url(javascript:" + CANARY + ")",
    "</style><style>*{display:none}</style>",
    "<base href=https://example.invalid/>",
    "<meta http-equiv=refresh content='0;url=https://example.invalid'>",
    "<link rel=stylesheet href=https://example.invalid/x.css>",
    "<form><button formaction=javascript:" + CANARY + ">x",
    "&lt;script&gt;" + CANARY + "&lt;/script&gt;",
    "&#60;img src=x onerror=" + CANARY + "&#62;",
    "\\u003cscript\\u003e" + CANARY,
    "%3Cscript%3E" + CANARY,
    "C:\\path\\2019",
    "O'Brien & \"Söhne\" <GmbH>",
    "__proto__",
    "constructor",
    "toString",
    f"<video><source onerror={CANARY}>",
    f"<input autofocus onfocus={CANARY}>",
    f"<marquee onstart={CANARY}>",
    f"<object data='javascript:{CANARY}'>",
    f"<embed src='javascript:{CANARY}'>",
    f"<noscript><p title='</noscript><img src=x onerror={CANARY}>'>",
    f"<template><script>{CANARY}</script></template>",
    f"\x00<script>{CANARY}</script>",
    f"<ScRiPt >{CANARY}</sCrIpT >",
    f"' onmouseover='{CANARY}",
    "\u202edrawkcab",
    "=HYPERLINK(\"https://example.invalid\",\"x\")",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "name, with \"quotes\"\nand a line end",
]  # fmt: skip


@pytest.fixture(scope="module")
def hostile_file(draw, study):
    """A map in which every text is hostile: each payload is a cluster, a city, a zone and more."""
    from reference import finished_study

    layers, sites, zones = study
    count = len(PAYLOADS)
    clusters = finished_study.clusters()
    clusters = clusters.loc[[1] * count].reset_index(drop=True)
    clusters["id"] = PAYLOADS
    for column in ("name", "coordinate_confidence", "industry", "announced_features", "article"):
        clusters[column] = PAYLOADS
    clusters["latitude"] = np.linspace(35.0, 37.5, count)

    cycle = [PAYLOADS[index % count] for index in range(sites.sizes["site"])]
    order = np.argsort(sites["rank"].values)
    names = np.empty(sites.sizes["site"], dtype=object)
    names[order] = cycle
    provinces = finished_study.provinces()
    provinces["province"] = PAYLOADS[: len(provinces)]
    provinces["province_zh"] = PAYLOADS[-len(provinces) :]
    cities = finished_study.cities()
    cities["name"] = cities["name_zh"] = PAYLOADS[: len(cities)]
    texts = {
        "sources": json.dumps(
            [{"id": text, "title": text, "kind": text, "licence": text, "citation": text, "note": text} for text in PAYLOADS]
        ),
        "warnings": json.dumps(PAYLOADS),
        "region": PAYLOADS[1],
    }
    meanings = "|".join(text.replace("|", "") for text in PAYLOADS[:5])
    reason = layers["load_reason"].assign_attrs(flag_meanings=meanings, flag_meanings_zh=meanings)
    hostile_zones = gpd.GeoDataFrame(
        {"zone": range(count), "name": PAYLOADS, PAYLOADS[0]: PAYLOADS}, geometry=[zones.geometry.iloc[0]] * count, crs=zones.crs
    )
    hostile_sites = (
        sites.assign_attrs(texts)
        .assign(nearest_city=("site", names))
        .assign_coords(criterion=[PAYLOADS[0], PAYLOADS[8], PAYLOADS[-9]], component=PAYLOADS[3:8])
    )
    return draw(
        layers=layers.assign(load_reason=reason),
        sites=hostile_sites,
        zones=hostile_zones,
        entries={"provinces": provinces, "cities": cities},
        clusters=clusters,
        title=PAYLOADS[2],
        footer=PAYLOADS[8],
        top=200,
    )


@pytest.fixture
def hostile(visit, hostile_file):
    return visit(hostile_file)


def unharmed(seen):
    assert seen.complaints == []
    assert seen.evaluate("document.body.dataset.pwned") is None
    assert seen.page.title() == PAYLOADS[2]
    assert seen.evaluate("document.querySelectorAll('iframe, base, link, form, img:not(.picture), script[src]').length") == 0
    assert (
        seen.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames().filter(n => n.startsWith('on'))).length") == 0
    )
    assert not [url for url in seen.requests if not url.startswith(("file:", "data:image/png", "blob:"))]


def plain_texts(seen, selector):
    return seen.evaluate("selector => [...document.querySelectorAll(selector)].map(node => node.textContent)", selector)


def test_there_are_payloads_enough():
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tables_show_the_names_as_they_are(hostile, language):
    if language == "zh":
        hostile.page.click("#language")
    assert plain_texts(hostile, "#title") == [PAYLOADS[2]]
    assert plain_texts(hostile, "#footer") == [PAYLOADS[8]]
    hostile.page.click("#tab-clusters")
    assert set(plain_texts(hostile, "#list .name")) == set(PAYLOADS)
    hostile.page.click("#tab-zones")
    assert set(plain_texts(hostile, "#list .name")) == set(PAYLOADS)
    hostile.page.click("#tab-about")
    assert set(PAYLOADS) <= set(plain_texts(hostile, "#list li")) | set(plain_texts(hostile, "#list b"))
    hostile.page.click("#tab-ranking")
    shown = "\n".join(plain_texts(hostile, "#list .name"))
    assert all(text in shown for text in PAYLOADS[:40] if language == "en")
    hostile.page.click("#tab-provinces")
    hostile.page.click("#banner button")
    unharmed(hostile)


def test_cards_show_the_names_as_they_are(hostile):
    hostile.page.click("#tab-clusters")
    for index, text in enumerate(PAYLOADS):
        hostile.evaluate("text => Siting.select({kind: 'cluster', id: text})", text)
        assert plain_texts(hostile, "#card h2") == [text]
        hostile.evaluate("index => Siting.select({kind: 'zone', id: index})", index)
        assert plain_texts(hostile, "#card h2") == [text]
    hostile.page.click("#tab-ranking")
    hostile.page.click("#list tbody tr:nth-child(1)")
    assert PAYLOADS[8] in "".join(plain_texts(hostile, "#card"))
    hostile.page.click("#tab-provinces")
    for row in range(1, 10):
        hostile.page.locator(f"#list tbody tr:nth-child({row})").dispatch_event("click")
    unharmed(hostile)


def test_map_shows_the_names_as_they_are(hostile):
    hostile.evaluate("map_siting.setView([36.4, 95.1], 8, {animate: false})")
    for selector in (".diamond", ".pin", ".spot", ".zone"):
        for number in range(min(hostile.page.locator(selector).count(), 12)):
            hostile.page.locator(selector).nth(number).dispatch_event("mouseover")
    hostile.evaluate("document.querySelectorAll('.diamond').forEach(e => e.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))")
    hostile.page.check("input[value=load_reason]")
    assert any(text.startswith(PAYLOADS[0]) for text in plain_texts(hostile, "#legend li"))
    unharmed(hostile)


def test_csv_has_no_formula(hostile):
    hostile.page.click("#tab-clusters")
    with hostile.page.expect_download() as download:
        hostile.page.click("#csv")
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_bytes().decode("utf-8-sig"), newline="")))
    assert len(rows) == len(PAYLOADS)
    for row, text in zip(rows, PAYLOADS, strict=True):
        assert row["name"] == (f"'{text}" if text[0] in "=+-@\t\r" else text)
        assert float(row["latitude"]) > 30
    unharmed(hostile)
