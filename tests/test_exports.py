import csv
import errno
import hashlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.xr import xr_coords
from pydantic import BaseModel

from siting import exports
from siting.exports import OUTPUTS, RECORD, check_folder, guard_cell, output_folder, plain, site_table, variable_table, write_outputs
from siting.grid import Grid, cell_numbers, centres, geobox, to_raster
from siting.scoring import add_seed_ranges, score
from siting.supply.distant import PLACED
from siting.vocabulary import VARIABLES, OutputError, ResourceError, StudyError
from siting.zones import ZONE_COLUMNS, Zoning, delineate_zones

# odc-geo still multiplies transforms the way that affine 3.1 announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")

NAMES = ["Golmud", "格尔木", 'O\'Brien "北" 😀', '=HYPERLINK("http://x")', "+1", "-2", "@SUM(A1)", "\tTab", "a,b;c\nd", "'quoted", "  =1"]


class Assumptions(BaseModel):
    title: str = "西北 <b>study</b>"
    raster: Path = Path("/home/somebody/slope.tif")


@dataclass
class Page:
    text: str = "<html>map</html>"

    def save(self, path):
        Path(path).write_text(self.text, encoding="utf-8")


def make_layers():
    box = geobox(Grid(resolution_km=50), (95.0, 35.0, 101.0, 39.0))
    latitude, longitude = centres(box)
    sources = [
        {
            "id": "places",
            "title": "Atlas figures",
            "kind": "interpolated",
            "licence": "CC BY 4.0",
            "sha256": "ab" * 32,
            "variables": ["annual_ghi"],
        }
    ]
    return xr.Dataset(
        {"altitude": (("y", "x"), 1500 + 100 * (latitude - 35))},
        coords={**xr_coords(box), "latitude": (("y", "x"), latitude), "longitude": (("y", "x"), longitude)},
        attrs={"sources": json.dumps(sources), "warnings": json.dumps(["Hours are synthetic."])},
    ), cell_numbers(box)


def make_sites(layers, numbers, seed=0):
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random(numbers.shape) < 0.7)
    count = rows.size
    flat = {name: layers[name].to_numpy()[rows, columns] for name in ("altitude",)} | {
        "province": np.where(np.arange(count) % 9 == 8, -1, np.arange(count) % 2),
        "nearest_city": np.array([NAMES[n % len(NAMES)] for n in range(count)], dtype=object),
        "cell_area": np.full(count, 2500.0),
        "load_allowed": rng.random(count) < 0.8,
        "distance_to_city": rng.uniform(0, 150, count),
        "distance_to_place": rng.uniform(0, 150, count),
        "pv_land_fraction": rng.uniform(0.1, 1, count),
        "wind_land_fraction": rng.uniform(0.1, 1, count),
        "import_price": np.full(count, 0.365),
        "grid_emission_factor": np.where(rng.random(count) < 0.1, np.nan, 0.5),
        "pv_full_load_hours": rng.uniform(1400, 1800, count),
        "wind_full_load_hours": rng.uniform(2000, 3000, count),
        "load_energy": np.full(count, 876_000.0),
    }
    cost = rng.uniform(0.25, 0.5, (count, 2))
    cost[rng.random(count) < 0.1] = np.nan
    mixed = {
        "delivered_cost": cost,
        "scope2_location": 0.1 * cost,
        "battery_energy": 1000 * cost,
        "matched_share": np.tile([0.8, 0.9], (count, 1)),
    }
    table = xr.Dataset(
        {name: ("site", column) for name, column in flat.items()}
        | {name: (("site", "target"), column) for name, column in mixed.items()}
        | {
            "cost_by_component": (("site", "target", "component"), cost[..., None] * [0.6, 0.4]),
            "pv_capacity_factor_monthly": (("site", "month"), np.full((count, 12), 0.2)),
        },
        coords={
            "site": numbers[rows, columns],
            "x": ("site", layers["x"].to_numpy()[columns]),
            "y": ("site", layers["y"].to_numpy()[rows]),
            "latitude": ("site", layers["latitude"].to_numpy()[rows, columns]),
            "longitude": ("site", layers["longitude"].to_numpy()[rows, columns]),
            "target": [0.8, 0.9],
            "component": ["pv", "grid energy"],
            "month": np.arange(1, 13),
            "spatial_ref": layers["spatial_ref"],
        },
        attrs={**layers.attrs, "hours": 8760},
    )
    table["province"].attrs["iso_3166_2"] = "CN-QH CN-GS"
    return table


def make_run(seed=0, **changes):
    layers, numbers = make_layers()
    sites = score(make_sites(layers, numbers, seed))
    sites = add_seed_ranges(sites, [sites.isel(site=np.flatnonzero(sites["rank"] > 0)[:5])])
    fields = {
        "study": Assumptions(),
        "layers": layers,
        "sites": sites,
        "zones": delineate_zones(sites, Zoning(top_share=0.5)),
        "report": {
            "title": "t",
            "versions": {"siting": "0.1.0"},
            "counts": {"cells": np.int64(3)},
            "warnings": [],
            "nothing": float("nan"),
        },
        "map": Page,
    }
    return SimpleNamespace(**(fields | changes))


@pytest.fixture(scope="module")
def run():
    return make_run()


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    write_outputs(run, folder)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# tables


def test_site_table_has_the_best_first_and_a_column_per_number(run):
    frame = site_table(run.sites)
    ranks = frame["rank"].tolist()
    ranked = max(ranks)
    assert 0 < ranked < len(ranks)
    assert ranks == [*range(1, ranked + 1), *[0] * (len(ranks) - ranked)]
    assert frame["site"][ranked:].is_monotonic_increasing
    columns = {
        "delivered_cost_80",
        "delivered_cost_90",
        "cost_by_component_90_grid_energy",
        "contribution_scope2_location_90",
        "rank_range_low",
    }
    assert columns <= set(frame.columns)
    assert not any("monthly" in name for name in frame)
    best = run.sites.isel(site=int((run.sites["rank"] == 1).argmax("site")))
    assert frame.loc[0, "delivered_cost_90"] == best["delivered_cost"].sel(target=0.9).item()
    assert frame.loc[0, "cost_by_component_80_pv"] == best["cost_by_component"].sel(target=0.8, component="pv").item()


def test_site_table_spells_out_provinces_and_flags(run):
    frame = site_table(run.sites)
    assert set(frame["province"]) == {"CN-QH", "CN-GS", ""}
    assert (frame["site_status_text"] != "").eq(frame["site_status"] != 0).all()
    assert frame.loc[frame["site_status"] == 64, "site_status_text"].iloc[0] == "over 100 km from the nearest place with figures"


def test_columns_with_alike_labels_stay_apart(run):
    labels = ["Kosten!", "kosten?", "成本", "***"]
    frame = site_table(run.sites.assign_coords(criterion=labels))
    names = [name for name in frame if name.startswith("contribution")]
    assert names == ["contribution_Kosten", "contribution_kosten_2", "contribution_成本", "contribution_4"]
    assert frame["contribution_kosten_2"].sum() == pytest.approx(float(run.sites["contribution"][:, 1].sum()))


def test_targets_of_a_fraction_of_a_per_cent_make_column_names(run):
    assert "delivered_cost_99_5" in site_table(run.sites.assign_coords(target=[0.8, 0.995]))


def test_variable_table_describes_every_column(run):
    described = variable_table(run.sites)
    by_layer = described.groupby("layer")["column"].apply(set)
    assert by_layer["sites"] == set(site_table(run.sites).columns)
    assert by_layer["zones"] == set(ZONE_COLUMNS)
    row = described.set_index("column").loc["delivered_cost_90"]
    assert (row["unit"], row["zh"]) == ("CNY kWh-1", VARIABLES["delivered_cost"].zh)
    assert row["en"].endswith("(90)")
    assert (described["zh"] != "").all()


# files


def test_geopackage_round_trip(run, folder):
    path = folder / "sites.gpkg"
    assert set(pyogrio.list_layers(path)[:, 0]) == {"sites", "zones", "variables", "sources", "warnings"}
    frame, found = site_table(run.sites), gpd.read_file(path, layer="sites")
    assert found.crs.to_epsg() == 4326
    assert found["nearest_city"].tolist() == frame["nearest_city"].tolist()
    for name in ("site", "rank", "score", "delivered_cost_90", "load_allowed"):
        np.testing.assert_array_equal(found[name], frame[name])
    np.testing.assert_array_equal(found.geometry.x, frame["longitude"])
    zones = gpd.read_file(path, layer="zones")
    assert zones["name"].tolist() == run.zones["name"].tolist()
    assert zones.geometry.geom_equals(run.zones.geometry.reset_index(drop=True)).all()
    assert pyogrio.read_dataframe(path, layer="sources")["licence"].tolist() == ["CC BY 4.0"]
    assert pyogrio.read_dataframe(path, layer="warnings")["warning"].tolist() == ["Hours are synthetic."]
    assert pyogrio.read_dataframe(path, layer="variables")["zh"].str.len().min() > 0


def test_csv_round_trip_without_formulas(run, folder):
    content = (folder / "sites.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    frame, rows = site_table(run.sites), list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert list(rows[0]) == list(frame.columns)
    assert [row["nearest_city"].removeprefix("'") for row in rows] == frame["nearest_city"].tolist()
    assert [float(row["score"] or "nan") for row in rows] == pytest.approx(frame["score"].tolist(), abs=0, rel=0, nan_ok=True)
    texts = ("nearest_city", "province", "site_status_text")
    assert not [row[name] for row in rows for name in texts if row[name].lstrip().startswith(("=", "+", "-", "@"))]


@given(st.text())
def test_guarded_text_is_no_formula_and_comes_back(text):
    guarded = guard_cell(text)
    assert not guarded.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert guarded[:1] not in ("\t", "\r", "\n")
    assert guarded.removeprefix("'") == text


def test_negative_numbers_stay_numbers(run, tmp_path):
    west = make_run(sites=run.sites.assign_coords(longitude=-run.sites["longitude"]))
    write_outputs(west, tmp_path, ["sites.csv"])
    row = next(csv.DictReader((tmp_path / "sites.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert float(row["longitude"]) < 0


def test_score_is_a_valid_cog_of_the_ranked_cells(run, folder):
    from rio_cogeo import cog_validate

    path = folder / "score.tif"
    assert cog_validate(path, strict=True)[:2] == (True, [])
    ranked = run.sites["rank"].to_numpy() > 0
    with rasterio.open(path) as file:
        values = file.read(1)
        assert (file.descriptions, file.units, file.profile["tiled"]) == (("score",), ("1",), True)
        assert np.isnan(file.nodata)
        assert file.crs.to_dict()["proj"] == "aea"
        assert np.isfinite(values).sum() == ranked.sum()
        for x, y, expected in zip(*(run.sites[name].to_numpy()[ranked] for name in ("x", "y", "score")), strict=True):
            assert values[file.index(x, y)] == expected
    masked = run.sites.assign(score=run.sites["score"].where(run.sites["rank"] > 0))
    np.testing.assert_array_equal(values, to_raster(masked, "score", run.layers))


def test_record_holds_study_figures_and_checksums(run, folder):
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    assert record["study"]["title"] == "西北 <b>study</b>"
    assert record["counts"] == {"cells": 3}
    assert record["nothing"] is None
    assert set(record["outputs"]) == set(OUTPUTS)
    for name, stated in record["outputs"].items():
        content = (folder / name).read_bytes()
        assert stated == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_record_tells_nothing_of_the_computer(run, folder):
    assert "somebody" not in (folder / RECORD).read_text(encoding="utf-8")
    assert str(folder) not in (folder / RECORD).read_text(encoding="utf-8")
    assert plain([r"C:\Users\somebody\a.tif", "/", "+proj=aea", "CN-QH", "a/b.tif"]) == ["a.tif", "/", "+proj=aea", "CN-QH", "a/b.tif"]


def test_outputs_of_the_same_run_are_the_same_bytes(folder, tmp_path):
    write_outputs(make_run(), tmp_path)
    first, second = contents(folder), contents(tmp_path)
    for name in OUTPUTS:
        assert first[name] == second[name], name


def test_the_fixed_time_of_geopackages_is_not_left_to_others(run, tmp_path):
    write_outputs(run, tmp_path, "sites.gpkg")
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_a_run_without_any_ranked_site_is_written(tmp_path):
    layers, numbers = make_layers()
    sites = make_sites(layers, numbers)
    sites = score(sites.assign(load_allowed=sites["load_allowed"] & False))
    empty = make_run(sites=sites, zones=delineate_zones(sites, Zoning()))
    write_outputs(empty, tmp_path)
    assert len(gpd.read_file(tmp_path / "sites.gpkg", layer="zones")) == 0
    with rasterio.open(tmp_path / "score.tif") as file:
        assert np.isnan(file.read(1)).all()


def test_a_run_without_any_site_is_written(tmp_path):
    full = make_run()
    sites = full.sites.isel(site=slice(0, 0))
    write_outputs(make_run(sites=sites, zones=delineate_zones(sites, Zoning())), tmp_path)
    assert len(gpd.read_file(tmp_path / "sites.gpkg", layer="sites")) == 0
    assert len((tmp_path / "sites.csv").read_text(encoding="utf-8-sig").splitlines()) == 1


def test_outputs_can_be_chosen(run, tmp_path):
    assert set(write_outputs(run, tmp_path, ["sites.csv"])) == {"sites.csv", RECORD}
    assert set(contents(tmp_path)) == {"sites.csv", RECORD}
    with pytest.raises(StudyError, match=r"found report\.pdf"):
        write_outputs(run, tmp_path, ["report.pdf"])


# nothing half-written


def broken_writer(run, path):
    path.write_text("half")
    raise RuntimeError("power cut")


@pytest.mark.parametrize("name", list(OUTPUTS))
def test_a_failure_in_any_writer_leaves_the_earlier_run(run, tmp_path, monkeypatch, name):
    write_outputs(run, tmp_path)
    before = contents(tmp_path)
    monkeypatch.setitem(OUTPUTS, name, broken_writer)
    with pytest.raises(RuntimeError, match="power cut"):
        write_outputs(make_run(seed=1), tmp_path)
    assert contents(tmp_path) == before


def test_a_failure_in_a_new_folder_leaves_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setitem(OUTPUTS, "map.html", broken_writer)
    with pytest.raises(RuntimeError):
        write_outputs(run, tmp_path / "new")
    assert contents(tmp_path / "new") == {}


def test_an_interrupt_leaves_the_earlier_run(run, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    write_outputs(run, tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(exports, "_write_record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_outputs(make_run(seed=1), tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("moves", range(5))
def test_a_failure_between_moves_leaves_whole_files_that_the_record_tells_apart(run, tmp_path, monkeypatch, moves):
    first, second = tmp_path / "first", tmp_path / "second"
    other = make_run(seed=1, map=lambda: Page("another map"))
    write_outputs(run, first)
    write_outputs(other, second, OUTPUTS)
    before, done, replace = contents(first), [], Path.replace

    def failing(self, target):
        if len(done) == moves:
            raise OSError(errno.EIO, "input/output error")
        done.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OutputError, match="input/output error"):
        write_outputs(other, first)
    after = contents(first)
    assert set(after) == set(before)
    stated = json.loads(after[RECORD])["outputs"]
    strangers = [name for name in OUTPUTS if hashlib.sha256(after[name]).hexdigest() != stated[name]["sha256"]]
    assert strangers == done
    assert all(after[name] == before[name] for name in before if name not in done)


def test_a_full_disk_is_said_in_one_line(run, tmp_path, monkeypatch):
    def full(run, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(OUTPUTS, "score.tif", full)
    with pytest.raises(ResourceError, match="No space left on device") as caught:
        write_outputs(run, tmp_path)
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == {}


@pytest.mark.slow
def test_a_kill_in_the_middle_of_writing_leaves_the_earlier_run(run, tmp_path):
    """The child is killed for good half-way through each writer in turn; the folder stays usable."""
    write_outputs(run, tmp_path)
    before = contents(tmp_path)
    script = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import test_exports as trial
def die(run, path):
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
run = trial.make_run(seed=1)
for name in list(trial.OUTPUTS):
    if os.fork() == 0:
        trial.OUTPUTS[name] = die
        trial.write_outputs(run, sys.argv[2])
    print(os.wait()[1])
"""
    arguments = [sys.executable, "-W", "ignore", "-c", script, str(Path(__file__).parent), str(tmp_path)]
    child = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True)
    assert child.stdout.split() == ["9"] * len(OUTPUTS)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    strangers = [path for path in tmp_path.iterdir() if path.name not in before]
    assert all(path.is_dir() and path.name.startswith(".siting-staging-") for path in strangers)
    assert len(strangers) == 1
    assert set(write_outputs(run, tmp_path)) == set(before)
    assert {path.name for path in tmp_path.iterdir()} == set(before)


def test_a_folder_that_another_process_writes_in_is_left_alone(run, tmp_path):
    script = (
        "import sys\nfrom siting.exports import _staging\nfrom pathlib import Path\nwith _staging(Path(sys.argv[1])):\n print(); input()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        write_outputs(run, tmp_path, "sites.csv")
        (theirs,) = tmp_path.glob(".siting-staging-*")
        assert theirs.is_dir()
        other.communicate("\n", timeout=30)
    assert other.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [RECORD, "sites.csv"]


# folders


def test_folder_is_made_before_anything_is_computed(tmp_path):
    assert check_folder(tmp_path / "a" / "b").is_dir()
    assert contents(tmp_path / "a" / "b") == {}


def test_folders_that_a_run_has_made_and_left_empty_are_removed(tmp_path):
    with output_folder(tmp_path / "a" / "b") as folder:
        assert folder.is_dir()
    assert contents(tmp_path) == {}
    with output_folder(tmp_path / "a") as folder:
        (folder / "map.html").write_text("map")
    assert set(contents(tmp_path / "a")) == {"map.html"}
    (tmp_path / "mine").mkdir()
    with output_folder(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine").is_dir()


@pytest.mark.parametrize("name", ["file", "file/below", "nul\0"])
def test_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "file").write_text("here first")
    with pytest.raises(OutputError, match="choose another one with --out") as caught:
        check_folder(tmp_path / name)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_folder_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    def refused(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(exports.tempfile, "TemporaryFile", refused)
    with pytest.raises(OutputError, match="Permission denied"):
        check_folder(tmp_path)


def test_folder_in_the_place_of_an_output_is_refused(tmp_path):
    (tmp_path / "sites.csv").mkdir()
    with pytest.raises(OutputError, match=r"a folder 'sites\.csv'"):
        check_folder(tmp_path)


def test_tables_leave_out_options_that_no_site_uses(run):
    """Plants elsewhere, hydrogen, cut load and a battery on the grid are columns only where there are any."""
    nothing = xr.zeros_like(run.sites["delivered_cost"])
    idle = (*PLACED, "electrolyser_capacity", "hydrogen_tank", "cut_energy", "cut_cost", "grid_charged_energy")
    sites = run.sites.assign(dict.fromkeys(idle, nothing)).assign(pv_plant_site=nothing + 7, wind_plant_site=nothing + 7)
    plain_table = set(site_table(sites))
    assert plain_table == set(site_table(run.sites.drop_vars(idle, errors="ignore")))
    added = set(site_table(sites.assign(line_cost=nothing + 1.0))) - plain_table
    assert {name.rsplit("_", 1)[0] for name in added} == set(PLACED)
    assert set(variable_table(sites)["column"]).isdisjoint(added)
