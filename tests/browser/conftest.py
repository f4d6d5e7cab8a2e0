"""Headless Chromium with the network off, and pages of a finished study."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")


@dataclass
class Visit:
    """A page that was opened, and what the browser saw on the way."""

    page: object
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def evaluate(self, script, argument=None):
        return self.page.evaluate(script, argument)

    def text(self, selector):
        return self.page.locator(selector).inner_text()


@pytest.fixture(scope="session")
def chromium():
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open a file with the network off; complaints are console errors, policy violations, dialogs and uncaught errors."""
    contexts = []

    def open_file(path: Path, width: int = 1400, height: int = 900) -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": height}, accept_downloads=True, reduced_motion="reduce")
        contexts.append(context)
        context.set_offline(True)
        seen = Visit(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("console", lambda message: seen.complaints.append(message.text) if message.type in ("error", "warning") else None)
        seen.page.on("dialog", lambda dialog: (seen.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        seen.page.add_init_script("document.addEventListener('securitypolicyviolation', e => console.error('policy', e.violatedDirective))")
        seen.page.goto(path.as_uri())
        return seen

    yield open_file
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def study():
    """Layers, sites and zones of the stand-in, at 50 km so that the tests are quick."""
    from reference import finished_study

    layers = finished_study.layers(50_000.0)
    sites = finished_study.sites(layers)
    return layers, sites, finished_study.zones(sites)


@pytest.fixture(scope="session")
def draw(study, tmp_path_factory):
    """Write a map with entries of the stand-in in place of the catalog's; keywords replace parts of it."""
    from reference import finished_study

    import siting.catalog
    from siting.maps import map_zones

    def write(*, layers=None, sites=None, zones=None, entries=None, **options) -> Path:
        path = tmp_path_factory.mktemp("map") / "map.html"
        own = entries or {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(siting.catalog, "open_entry", lambda name: own[name] if name in own else finished_study.entry(name))
            parts = [mine if mine is not None else given for mine, given in zip((zones, sites, layers), study[::-1], strict=True)]
            map_zones(*parts, **{"title": "Stand-in", **options}).save(path)
        return path

    return write


@pytest.fixture(scope="session")
def page_file(draw):
    return draw()
