"""Named clusters abroad on hours that were fetched from a served copy of NASA POWER's point service."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fetch import copies
from fetch.server import Server

from siting import catalog
from siting.cli import app
from siting.place import OUTSIDE
from siting.sheets.abroad import Hours, country_grid, point_item, rate_abroad
from siting.sheets.clusters import chosen_clusters, clusters_sheet, rate_clusters
from siting.study import Study
from siting.supply import Supply
from siting.vocabulary import CatalogError, StudyError

ROTTERDAM, PALOS = (4.05, 51.95), (-6.9, 37.19)
HOURS = Hours(year=copies.YEAR)
STUDY = Study(supply=Supply(targets=(0.8, 0.9)))


def served_json(query, *, whole=True):
    """Answer of the point service at the height of a harbour; the copy lacks one hour, which is given back here."""
    answer = json.loads(copies.power_json(query))
    answer["geometry"]["coordinates"][2] = 5.0
    warmth = answer["properties"]["parameter"]["T2M"]
    lacking = [hour for hour, value in warmth.items() if value == -999.0]
    if whole:
        warmth |= dict.fromkeys(lacking, 10.0)
    return json.dumps(answer).encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Cache with the hours of Rotterdam and Palos, fetched once from loopback."""
    server, patch = Server(), pytest.MonkeyPatch()
    patch.setenv("SITING_CACHE", str(tmp_path_factory.mktemp("cache")))
    # the first answer compiles the path of the sun: an impatient client would ask again
    patch.setenv("SITING_TIMEOUT", "300")
    copies.aim(patch, server)
    server.make = lambda path, query: served_json(query) if path == "/api/temporal/hourly/point" else None
    app(["clusters", "--fetch", "--only", "rotterdam", "--only", "palos", "--json"], standalone_mode=False)
    yield server
    patch.undo()
    server.close()


@pytest.fixture(scope="module")
def records(served):
    return {record["id"]: record for record in rate_clusters(STUDY, chosen_clusters(("rotterdam", "palos", "hynet")), HOURS)}


def test_one_request_for_each_cluster(served):
    assert len(served.log) == 2
    asked = [line.split("?")[1] for line in served.log]
    assert any("latitude=52&longitude=3.75&start=20190101" in line for line in asked)


def test_clusters_abroad_are_evaluated_on_what_was_fetched(records):
    for name in ("rotterdam", "palos"):
        found = records[name]["modelled"]
        assert records[name]["status"] == "evaluated on fetched data: nasa_power_points, 2019"
        assert found["targets"]["0.9"]["matched_share"] == pytest.approx(0.9, abs=1e-3)
        assert found["targets"]["0.9"]["island_cost"] > found["targets"]["0.8"]["island_cost"] > 0
    sun = copies.hours(52.0, 3.75)["ghi"].round(2).sum() / 1e3
    assert records["rotterdam"]["modelled"]["annual_ghi"] == pytest.approx(sun, rel=1e-3)
    assert records["palos"]["modelled"]["pv_full_load_hours"] > records["rotterdam"]["modelled"]["pv_full_load_hours"]
    assert records["hynet"]["status"] == OUTSIDE


def test_hours_are_those_of_the_road(served, records):
    """The same hours through the yields alone."""
    from siting.runner import hourly_yields
    from siting.sheets import abroad

    weather = STUDY.weather.model_validate({"source": "store", "dataset": HOURS.dataset, "year": HOURS.year})
    local = STUDY.model_copy(update={"weather": weather.placed(abroad._area(*ROTTERDAM, HOURS))})
    site = abroad._site(*ROTTERDAM, local, country_grid("NL"))
    hours = hourly_yields(site, local)
    assert float(hours["wind_capacity_factor"].sum()) == pytest.approx(records["rotterdam"]["modelled"]["wind_full_load_hours"])


def test_factor_of_the_grid_is_cited_or_unknown_and_never_zero(records):
    location = {name: records[name]["modelled"]["ledger"]["scope2_location"] for name in ("rotterdam", "palos")}
    assert np.isnan(location["rotterdam"]["values"]["0.9"])
    assert "unknown, never 0" in location["rotterdam"]["factor"]
    assert location["palos"]["values"]["0.9"] == pytest.approx(0.1 * 0.17, rel=2e-3)
    assert "REE and MITECO" in location["palos"]["factor"]
    for name in location:
        others = records[name]["modelled"]["ledger"]
        assert all(np.isnan(others[figure]["values"]["0.9"]) for figure in ("scope2_market", "scope2_location_hourly", "cfe_total"))
        assert np.isnan(records[name]["modelled"]["targets"]["0.9"]["delivered_cost"])
        assert np.isnan(records[name]["modelled"]["score"])


def test_every_factor_of_a_country_has_its_source():
    table = catalog.open_entry("country_grids")
    assert (table["source"] != "").all()
    assert table["grid_emission_factor"].between(0.05, 1.0).all()
    assert set(table["confidence"]) <= {"high", "medium", "low"}
    assert set(table.index) < set(catalog.open_entry("clusters")["country"])


def test_sheet_says_what_the_figures_rest_on(served):
    text = " ".join(clusters_sheet(STUDY, chosen_clusters(["rotterdam"]), HOURS).text(200).split())
    for words in ("ON FETCHED DATA", "NASA POWER hourly weather, point service, 2019", "Land is not screened", "never 0", "unknown"):
        assert words in text
    assert "which is Chinese" in text
    assert "not screened" in text
    assert "Hours of the public grid (2022)" not in text


def test_place_without_fetched_hours_says_to_fetch(served):
    assert not point_item(0.0, 53.5, HOURS).complete
    with pytest.raises(CatalogError, match="siting fetch"):
        rate_abroad(0.0, 53.5, STUDY, HOURS, country_grid("UK"))


def test_missing_hours_are_told(served, monkeypatch, tmp_path):
    monkeypatch.setenv("SITING_CACHE", str(tmp_path))
    monkeypatch.setattr(served, "make", lambda _, query: served_json(query, whole=False))
    from siting.sheets.clusters import fetch_clusters

    table = chosen_clusters(["rotterdam"])
    fetch_clusters(table, HOURS)
    (record,) = rate_clusters(STUDY, table, HOURS)
    assert record["status"] == "hours are missing in nasa_power_points of 2019"
    assert "modelled" not in record


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: chosen_clusters(["roterdam"]), "did you mean 'rotterdam'"),
        (lambda: point_item(*ROTTERDAM, Hours("global_wind_atlas")), "take nasa_power_points"),
        (lambda: point_item(*ROTTERDAM, Hours(year=1990)), "Expected a year of 2001 to 2025"),
    ],
)
def test_what_cannot_be_fetched_is_refused(call, words):
    with pytest.raises(StudyError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
