import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from siting import land, layers, runner
from siting.demand import Flexibility, Load
from siting.maps.dispatch_charts import draw_costs, draw_worst_week, draw_year, worst_week
from siting.site_supply import OUTPUTS, supply_site, write_site
from siting.study import Robustness, Study
from siting.supply import Supply
from siting.supply.placement import Placement
from siting.supply.site import PROGRAMME
from siting.vocabulary import OutputError, StudyError

STUDY = Study(title="a box", region={"bbox": (94.5, 36, 96, 37)}, supply=Supply(targets=(0.8, 0.9)), load={"profile": "module"})
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def block():
    return land.screen(layers.open_layers(STUDY), STUDY.land).load()


@pytest.fixture(scope="module")
def one(block):
    allowed = block["site"].to_numpy()[block["load_allowed"].to_numpy()]
    return supply_site(STUDY, int(allowed[0]), 0.9)


def test_a_site_alone_has_the_figures_of_its_block(one, block):
    table = runner.evaluate(block.isel(site=slice(0, 8)), STUDY)
    assert one.number in table["site"]
    for name in ("pv_capacity", "wind_capacity", "battery_energy", "matched_share", "import_energy"):
        np.testing.assert_array_equal(one.site[name], table[name].sel(site=one.number))


def test_the_hours_are_those_of_the_table(one):
    hours, chosen = one.hours, one.chosen
    assert len(hours) == 8760
    sums = {"import": "import_energy", "curtailed": "curtailed_energy", "generation": "generation", "load": "load_energy"}
    for flow, name in sums.items():
        assert hours[flow].sum() == pytest.approx(float(chosen[name]), rel=1e-9)
    assert 1 - hours["import"].sum() / hours["load"].sum() == pytest.approx(float(chosen["matched_share"]), rel=1e-9)
    served = hours["direct"] + hours["discharge"] + hours["import"]
    used = hours["direct"] + hours["charge"] + hours["exported"] + hours["curtailed"]
    np.testing.assert_allclose(served, hours["load"], rtol=1e-9)
    np.testing.assert_allclose(used, hours["pv"] + hours["wind"], atol=1e-9 * hours["load"].max())


def test_hours_of_plants_elsewhere_are_those_of_their_cell_less_the_loss(block):
    """The same as in a run of all cells, and the balance closes."""
    study = STUDY.model_copy(update={"placement": Placement(where="radius", radius_km=60.0), "robustness": Robustness(seeds=1)})
    table = runner.run(study, scheduler="synchronous").sites
    away = (table["wind_plant_distance"].sel(target=0.9) > 0) & (table["rank"] > 0)
    number = int(table["site"][int(np.flatnonzero(away)[0])])
    one = supply_site(study, number, 0.9)
    for name in ("pv_capacity", "wind_capacity", "battery_energy", "matched_share", "wind_plant_site", "line_cost", "delivered_cost"):
        np.testing.assert_array_equal(one.site[name], table[name].sel(site=number))
    cell = block.isel(site=np.flatnonzero(block["site"].to_numpy() == int(one.chosen["wind_plant_site"])))
    wind = runner.hourly_yields(cell, study)["wind_capacity_factor"].to_numpy()[0].astype(float)
    wind *= 1 - float(one.chosen["wind_line_loss_share"])
    np.testing.assert_allclose(one.hours["wind"], wind * float(one.chosen["wind_capacity"]), rtol=1e-12)
    for flow, name in {"import": "import_energy", "generation": "generation"}.items():
        assert one.hours[flow].sum() == pytest.approx(float(one.chosen[name]), rel=1e-9)


def test_files_of_one_site(one, tmp_path):
    paths = write_site(one, tmp_path)
    assert tuple(paths) == OUTPUTS
    assert all(path.is_file() for path in paths.values())
    hours = pd.read_csv(paths["dispatch.csv"])
    assert hours.loc[0, ["time_utc", "time_local"]].tolist() == ["2013-01-01T00:00Z", "2013-01-01T08:00:00+08:00"]
    np.testing.assert_allclose(hours["import_mw"], one.hours["import"])
    assert {name.rsplit("_", 1)[1] for name in hours.columns[2:]} == {"mw", "mwh"}
    costs = pd.read_csv(paths["costs.csv"]).pivot_table(index="target", columns="component", values="cny_per_kwh")
    np.testing.assert_allclose(costs.drop(columns="total").sum(axis=1), costs["total"])
    np.testing.assert_allclose(costs["total"], one.site["delivered_cost"])
    record = json.loads(paths["supply.json"].read_text())
    assert (record["site"], record["target"], record["study_sha256"]) == (one.number, 0.9, STUDY.sha256)
    assert any("synthetic" in sentence for sentence in record["warnings"])
    for name in ("week.png", "year.png", "costs.png"):
        assert paths[name].read_bytes().startswith(PNG)


def test_the_worst_week_is_that_of_the_largest_import():
    imports = np.zeros(8760)
    imports[5000:5100] = 1
    rows = worst_week(pd.DataFrame({"import": imports}))
    assert rows.stop - rows.start == 168
    assert rows.start <= 5000
    assert rows.stop >= 5100


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Asia/Kathmandu"])
def test_pictures_in_zones_with_daylight_saving_and_odd_offsets(one, zone, tmp_path):
    local = one.hours.set_axis(one.hours.index.tz_localize("UTC").tz_convert(zone))
    for draw in (draw_worst_week, draw_year):
        draw(local, "caption", tmp_path / "picture.png")
        assert (tmp_path / "picture.png").read_bytes().startswith(PNG)


def test_costs_are_drawn_where_a_target_is_out_of_reach(tmp_path):
    coords = {"target": [0.8, 1.0], "component": ["pv", "export", "hydrogen"]}
    parts = xr.DataArray([[0.3, -0.1, 0.2], [np.nan] * 3], coords=coords, dims=("target", "component"))
    draw_costs(parts, parts.sum("component", skipna=False), "caption", tmp_path / "costs.png")
    assert (tmp_path / "costs.png").read_bytes().startswith(PNG)


def test_sites_and_targets_that_are_not_there_are_one_line(block, tmp_path):
    with pytest.raises(StudyError, match="found site 5, which is no cell of the study; take one"):
        supply_site(STUDY, 5)
    with pytest.raises(StudyError, match=r"among supply.targets \(0.8, 0.9\), found 0.7"):
        supply_site(STUDY, 5, 0.7)
    low = STUDY.model_copy(update={"land": land.Land(park_altitude_max_m=1)})
    with pytest.raises(StudyError, match=r"where no park may stand \(too high"):
        supply_site(low, int(block["site"][0]))
    small = STUDY.model_copy(update={"supply": Supply(targets=(0.9, 1.0), max_overbuild=0.5)})
    with pytest.raises(StudyError, match=r"can reach 100%, found site .* choose a lower target"):
        supply_site(small, int(block["site"].to_numpy()[block["load_allowed"].to_numpy()][0]), 1.0)
    (tmp_path / "week.png").mkdir()
    with pytest.raises(OutputError, match=r"found a folder 'week.png'"):
        supply_site(STUDY, int(block["site"].to_numpy()[block["load_allowed"].to_numpy()][0]), 0.9, tmp_path)


def test_hours_of_a_flexible_load_are_those_of_its_programme(one, tmp_path):
    """The hours add up to the row, and what moves is seen in them."""
    load = Load(mean_mw=100, flexibility=Flexibility(shiftable_share=0.2, interruptible_share=0.1))
    study = STUDY.model_copy(update={"load": load, "supply": Supply(targets=(0.9,))})
    supply = supply_site(study, one.number, 0.9)
    row, hours = supply.chosen, supply.hours
    assert float(row["supply_engine"]) == PROGRAMME
    assert hours["import"].sum() == pytest.approx(float(row["import_energy"]), rel=1e-9)
    assert hours["cut"].sum() == pytest.approx(float(row["cut_energy"]), rel=1e-9, abs=1e-6)
    assert np.ptp(hours["load"]) > 1.0
    served = hours["direct"] + hours["discharge"] + hours["import"] - hours["grid_charge"]
    np.testing.assert_allclose(served, hours["load"], atol=1e-6)
    write_site(supply, tmp_path)
    assert (tmp_path / "supply.json").exists()
