"""A run is the ten lines of the README over blocks, and its numbers don't depend on how it is cut up or where it runs."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import xarray as xr

import siting
from siting.region import Region
from siting.resource import Weather
from siting.runner import Silent, evaluate, rate
from siting.study import Robustness, Study
from siting.supply.placement import Placement, full_load_hours, offer_places
from siting.vocabulary import StudyError

NINGXIA = Study(title="Ningxia", region=Region(provinces=("CN-NX",)), robustness=Robustness(seeds=3, leading_sites=10))
RANGES = ("delivered_cost_range", "storage_hours_range", "rank_range", "tie_group")


def digest(sites: xr.Dataset) -> str:
    """Hash of every byte of every variable."""
    sha = hashlib.sha256()
    for name in sorted(map(str, sites.variables)):
        values = np.ascontiguousarray(sites[name].to_numpy())
        sha.update(name.encode())
        sha.update(str(values.tolist()).encode() if values.dtype.kind in "OUT" else values.tobytes())
    return sha.hexdigest()


@pytest.fixture(scope="module")
def ningxia():
    return siting.run(NINGXIA)


def test_run_is_the_ten_lines(ningxia):
    study = NINGXIA
    layers = siting.open_layers(study)
    sites = siting.screen(layers, study.land)
    sites = siting.add_weather(sites, study.weather)
    sites = siting.add_pv_yield(sites, study.pv)
    sites = siting.add_wind_yield(sites, study.wind)
    sites = siting.add_feedin(sites, study.feedin)
    sites = siting.match_supply(sites, study.load, study.supply, study.finance).compute()
    sites = siting.add_costs(sites, study.finance).pipe(siting.add_emissions, study.accounting)
    sites = siting.score(sites, study.criteria)
    assert digest(sites) == digest(ningxia.sites.drop_vars([*RANGES, "bound"]))


@pytest.mark.parametrize(("scheduler", "block_sites"), [("threads", 7), ("synchronous", 1000), ("processes", 40)])
def test_numbers_do_not_depend_on_blocks_or_scheduler(ningxia, scheduler, block_sites):
    again = siting.run(NINGXIA, scheduler=scheduler, block_sites=block_sites)
    assert digest(again.sites) == digest(ningxia.sites)


@pytest.mark.slow
def test_numbers_are_the_same_on_a_cluster(ningxia):
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster, Client(cluster) as client:
        again = siting.run(NINGXIA, client=client, block_sites=30)
    assert digest(again.sites) == digest(ningxia.sites)


@pytest.mark.slow
def test_two_thousand_sites_are_bit_identical_for_all_blocks_threads_and_processes():
    study = Study(region=Region(provinces=("CN-QH", "CN-GS", "CN-NX")), robustness=Robustness(seeds=1))
    ways = [("threads", 100), ("threads", 1000), ("synchronous", 10_000), ("processes", 500)]
    runs = [siting.run(study, scheduler=scheduler, block_sites=block_sites).sites for scheduler, block_sites in ways]
    assert runs[0].sizes["site"] >= 1_500
    assert len({digest(sites) for sites in runs}) == 1


def test_a_site_has_the_same_numbers_in_any_extent(ningxia):
    wider = siting.run(Study(region=Region(provinces=("CN-NX", "CN-HI")), robustness=Robustness(seeds=1)))
    common = ningxia.sites["site"].to_numpy()
    names = ["delivered_cost", "pv_full_load_hours", "wind_full_load_hours", "battery_energy", "score", "scope2_location"]
    for name in names:
        np.testing.assert_array_equal(wider.sites[name].sel(site=common), ningxia.sites[name], err_msg=name)


def test_every_stage_is_told(ningxia):
    told = []

    class Listener(Silent):
        def stage(self, name, total):
            told.append((name, total))
            return super().stage(name, total)

    siting.run(NINGXIA, progress=Listener())
    names = [name for name, _ in told]
    assert names == ["Open layers", "Screen land", "Weather, yields, hourly matching", "Leading sites in other weather", "Delineate zones"]


def test_energy_closes_at_every_site(ningxia):
    sites = ningxia.sites
    served = sites["matched_share"] * sites["load_energy"]
    used = served + sites["curtailed_energy"] + sites["exported_energy"] + sites["storage_loss"]
    np.testing.assert_allclose(used, sites["generation"], rtol=1e-9)
    np.testing.assert_allclose(served + sites["import_energy"], sites["load_energy"] * xr.ones_like(served), rtol=1e-9)


def test_ranges_hold_the_numbers_they_belong_to(ningxia):
    sites = ningxia.sites
    leading = (sites["rank"] > 0) & (sites["rank"] <= 10)
    cost, bounds = sites["delivered_cost"].isel(target=-1), sites["delivered_cost_range"]
    assert bool((bounds.sel(bound="low") <= cost).where(leading, True).all())
    assert bool((bounds.sel(bound="high") >= cost).where(leading, True).all())
    assert not bool(bounds.where(~leading).notnull().any())


def test_report_shows_official_hours_beside_modelled_ones(ningxia):
    (province,) = ningxia.report["provinces"]
    assert province["iso_3166_2"] == "CN-NX"
    assert province["wind_hours_official"] == pytest.approx((2018 + 1887 + 2015) / 3)
    assert province["emission_factor_2022"] == 0.6423
    assert 1_200 < province["pv_hours"] < 2_200


def test_unknown_schedulers_are_refused():
    with pytest.raises(StudyError, match="among threads, processes, synchronous, found 'ray'"):
        siting.run(NINGXIA, scheduler="ray")


def test_blocks_of_nothing_are_refused():
    with pytest.raises(StudyError, match="block_sites of at least 1, found 0"):
        siting.run(NINGXIA, block_sites=0)


def test_a_run_reads_its_hours_from_a_store_and_tries_its_other_years(tmp_path):
    from siting.resource import add_weather
    from siting.weather_store import WeatherSource, write_store

    region = Region(provinces=("CN-NX",))
    sites = siting.screen(siting.open_layers(NINGXIA), NINGXIA.land).load().isel(site=slice(None, None, 3))
    source = WeatherSource(title="synthetic years", kind="synthetic", licence="BSD-3-Clause", citation="the tests")
    for year in (2013, 2014):
        hours = add_weather(sites, Weather(year=year))
        cells = sites[["altitude"]].rename(site="cell")
        write_store(tmp_path / "store", year, cells, hours.rename(site="cell"), source=source, reach_km=60)
    weather = Weather(source="store", path=str(tmp_path / "store"), year=2013, reach_km=60)
    study = Study(title="From a store", region=region, weather=weather, robustness=Robustness(seeds=5, leading_sites=10))
    run, again = siting.run(study), siting.run(study, block_sites=9)
    assert digest(run.sites) == digest(again.sites)
    assert bool((run.sites["weather_distance"] < 60).all())
    leading = run.sites["rank_range"].sel(bound="low").notnull()
    assert int(leading.sum()) == 10


def test_several_years_are_sized_together():
    """A site is the same in any block, its sums are by year, and its share is that of all years."""
    sites = siting.screen(siting.open_layers(NINGXIA), NINGXIA.land).load().isel(site=slice(0, 40, 10))
    weathers = [{"years": (2013, 2016)}, {"year": 2013}, {"year": 2016}]
    studies = [NINGXIA.model_copy(update={"weather": Weather.model_validate(fields)}) for fields in weathers]
    both, *each = (rate(evaluate(sites, study), study) for study in studies)
    alone = rate(evaluate(sites.isel(site=[2]), studies[0]), studies[0])
    assert float(alone["delivered_cost"][0, 0]) == float(both["delivered_cost"][2, 0])
    assert (both["load_energy"] == (each[0]["load_energy"] + each[1]["load_energy"]) / 2).all()
    costs = [table["delivered_cost"].to_numpy() for table in (both, *each)]
    np.testing.assert_allclose(costs[0], (costs[1] + costs[2]) / 2, rtol=0.1)
    assert (both["matched_share"] >= both["target"] - 1e-8).all()
    assert (both["matched_share_worst_year"] < both["matched_share"]).all()
    for name in ("pv_full_load_hours", "wind_full_load_hours"):
        np.testing.assert_allclose(both[name], (each[0][name] + each[1][name]) / 2, rtol=1e-12)
    np.testing.assert_allclose(both["feedin_emission_factor"], (each[0]["feedin_emission_factor"] + each[1]["feedin_emission_factor"]) / 2)


AWAY = Study(
    region=Region(bbox=(105.2, 37.4, 107.0, 39.4)),
    placement=Placement(where="radius", radius_km=80.0),
    robustness=Robustness(seeds=2, leading_sites=3),
)


def test_plants_elsewhere_are_the_same_from_all_cells_at_once_and_in_any_blocks():
    study = AWAY
    layers = siting.open_layers(study)
    cells = siting.screen(layers, study.land).load()
    cells = siting.add_weather(cells, study.weather)
    cells = siting.add_pv_yield(cells, study.pv)
    cells = siting.add_wind_yield(cells, study.wind)
    cells = siting.add_feedin(cells, study.feedin)
    places = offer_places(full_load_hours(cells, study.load), study.placement, study.supply)
    sites = cells.assign({name: places[name] for name in ("pv_place", "wind_place")})
    sites = rate(siting.match_supply(sites, study.load, study.supply, study.finance), study)
    again = siting.run(study, scheduler="threads", block_sites=9).sites
    assert digest(again.drop_vars([*RANGES, "bound"])) == digest(sites)
    away = (again["pv_plant_distance"] > 0) | (again["wind_plant_distance"] > 0)
    assert int(away.any("target").sum()) > 10
    assert float(again["wind_plant_distance"].max()) <= 80.0
    assert "Plants may stand up to 80 km from their park" in again.attrs["warnings"]
    leading = (again["rank"] > 0) & (again["rank"] <= 3)
    cost, bounds = again["delivered_cost"].isel(target=-1), again["delivered_cost_range"]
    assert bool((bounds.sel(bound="low") <= cost).where(leading, True).all())
    assert bool((bounds.sel(bound="high") >= cost).where(leading, True).all())
