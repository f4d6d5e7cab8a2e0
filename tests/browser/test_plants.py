"""Plants that stand away from their park, on the card and on the map."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def placed(study):
    """The stand-in, where the wind of the best site stands on its own land at 80 % and in the fifth-best site's cell at 90 %."""
    sites = study[1].copy()
    count, targets = sites.sizes["site"], sites.sizes["target"]
    best, other = (int(np.flatnonzero(sites["rank"].values == rank)[0]) for rank in (1, 5))
    values = {name: np.zeros((count, targets)) for name in ("distance", "voltage", "loss_share")}
    own = np.repeat(sites["site"].values[:, None].astype(float), targets, axis=1)
    cells, cost = own.copy(), np.zeros((count, targets))
    cells[best, 1], values["distance"][best, 1], values["voltage"][best, 1] = own[other, 1], 87.4, 220
    values["loss_share"][best, 1], cost[best, 1] = 0.01, 31.4e6
    for plant, there in (("pv", own), ("wind", cells)):
        away = 1.0 if plant == "wind" else 0.0
        sites[f"{plant}_plant_site"] = (("site", "target"), there)
        sites[f"{plant}_plant_distance"] = (("site", "target"), away * values["distance"])
        sites[f"{plant}_line_voltage"] = (("site", "target"), away * values["voltage"])
        sites[f"{plant}_line_loss_share"] = (("site", "target"), away * values["loss_share"])
    return sites.assign(line_cost=(("site", "target"), cost)), best, other


@pytest.fixture(scope="module")
def file(draw, placed):
    return draw(sites=placed[0])


def test_a_site_shows_its_plants_and_its_line(visit, file, placed):
    sites, best, other = placed
    seen = visit(file)
    assert seen.page.locator(".way").count() == 0
    seen.page.click("#list tbody tr:nth-child(1)")
    seen.page.wait_for_selector("#card:not([hidden])")
    card = seen.text("#card")
    for part in ("Where the plants stand", "220 kV, 1.0 %", "87", "own cell", "31.4"):
        assert part in card
    assert seen.evaluate("(() => { const card = document.getElementById('card'); return card.scrollWidth <= card.clientWidth; })()")
    assert seen.page.locator("path.way.wind").count() == 1
    assert seen.page.locator("path.plant.wind").count() == 1
    assert seen.page.locator(".way.pv, .plant.pv").count() == 0, "PV stands on the site's own land"
    ends = seen.evaluate(
        "(() => { const found = []; map_siting.eachLayer((layer) => { if (layer.options.className === 'way wind')"
        " found.push(...layer.getLatLngs().map((one) => [one.lat, one.lng])); }); return found; })()"
    )
    expected = [[float(sites[name][row]) for name in ("latitude", "longitude")] for row in (other, best)]
    np.testing.assert_allclose(ends, expected, atol=1e-4)
    drawn = seen.page.locator("path.way.wind").bounding_box()
    assert drawn["width"] + drawn["height"] > 5
    assert seen.complaints == []


def test_the_line_goes_with_the_site(visit, file):
    seen = visit(file)
    seen.page.click("#list tbody tr:nth-child(1)")
    seen.page.click("#language")
    assert "电站位置" in seen.text("#card")
    assert seen.page.locator("path.way").count() == 1
    assert seen.page.locator(".plant-name").inner_text() == "风电"
    seen.page.click("#list tbody tr:nth-child(2)")
    assert seen.page.locator("path.way").count() == 0
    assert "电站位置" not in seen.text("#card")
    seen.page.click("#list tbody tr:nth-child(1)")
    seen.page.keyboard.press("Escape")
    assert seen.page.locator("path.way").count() == 0
    assert seen.complaints == []


def test_a_study_on_its_own_land_says_nothing_of_lines(visit, page_file):
    seen = visit(page_file)
    seen.page.click("#list tbody tr:nth-child(1)")
    assert "Where the plants stand" not in seen.text("#card")
    assert seen.complaints == []
