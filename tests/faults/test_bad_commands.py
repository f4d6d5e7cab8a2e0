"""Faulty commands end with their exit code, one line on standard error, nothing on standard output, and no file written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults.conftest import assert_clear

from siting import catalog
from siting.vocabulary import StudyError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")

MAIN = [sys.executable, "-c", "from siting.cli import main; main()"]
TINY = "region: {bbox: [100, 36, 101, 37]}\nrobustness: {seeds: 1}\n"
STUDIES = {
    "tiny.yaml": TINY,
    "rate.yaml": "finance: {discount_rate: 6}\n",
    "typo.yaml": "title: a\nwether: {year: 2013}\n",
    "high.yaml": TINY + "land: {park_altitude_max_m: 0, plant_altitude_full_m: 0, plant_altitude_max_m: 0}\n",
    "text.yaml": TINY + "layers: {altitude: {path: text.tif, unit: m}}\n",
    "text.tif": "ncols 12\n",
    "load.yaml": "mean_mw: 0\n",
    "claim.yaml": "id: half\nstatement: half\nsource: me\nquantity: share\nscope: all\nplace: CN\nyear: 2021\nsaid: {value: 50}\n"
    "figures: {a: {about: a, value: 1, unit: TWh, source: me, confidence: low}}\n"
    "calculation: {kind: ratio, cases: [{label: x, over: [[a]]}]}\n",
    "a_file": "",
}

#: Name -> arguments, exit code, words. Every folder is relative to one that holds the studies above.
REFUSED = {
    "rate in per cent": (["validate", "rate.yaml"], 2, "rate.yaml:1: expected 'finance.discount_rate'"),
    "rate in per cent, run": (["run", "rate.yaml", "--out", "new"], 2, "6 % is 0.06"),
    "unknown key": (["run", "typo.yaml", "--out", "new"], 2, "typo.yaml:2: expected a known key, found 'wether'"),
    "missing study": (["validate", "none.yaml"], 2, "found none at 'none.yaml'"),
    "misspelt study": (["run", "chian", "--out", "new"], 2, "did you mean 'china'?"),
    "study of two lines in its name": (["validate", "no\nne.yaml"], 2, "found none"),
    "study without its rasters": (["run", "northwest_10km", "--out", "new"], 2, "found none; fix: check the path"),
    "empty candidate set": (["run", "high.yaml", "--out", "new"], 2, "found none: too high"),
    "a file as folder": (["run", "tiny.yaml", "--out", "a_file"], 2, "Expected a folder to write to, found 'a_file'"),
    "a file above the folder": (["run", "tiny.yaml", "--out", "a_file/new"], 2, "found 'a_file/new' (Not a directory)"),
    "a folder where none can be": (["run", "tiny.yaml", "--out", "/proc/new"], 2, "found '/proc/new'"),
    "a folder of another kind": (["run", "tiny.yaml", "--out", "/proc/self"], 2, "choose another one with --out"),
    "a name too long": (["run", "tiny.yaml", "--out", "n" * 300], 2, "File name too long"),
    "an output taken": (["run", "tiny.yaml", "--out", "taken"], 2, "found a folder 'map.html'"),
    "unknown entry": (["catalog", "show", "province"], 3, "did you mean 'provinces'?"),
    "no such site": (["supply", "tiny.yaml", "--site", "5", "--out", "new"], 2, "found site 5, which is no cell of the study"),
    "a target not tried": (["supply", "tiny.yaml", "--site", "5", "--target", "9", "--out", "new"], 2, "found 9; add it to the study"),
    "changed catalog": (["run", "tiny.yaml", "--out", "new"], 3, "Expected sha256"),
    "text for a raster, over earlier outputs": (["run", "text.yaml", "--out", "done"], 3, "found another format in text.tif"),
    "misspelt province": (["province", "Qinhai"], 2, "did you mean 'Qinghai'?"),
    "place abroad": (["site", "4.05", "51.95"], 2, "outside the embedded data: fetch"),
    "place at sea": (["site", "122.9", "32.0"], 2, "outside its provinces"),
    "load of nothing": (["site", "101.7", "36.5", "--load", "load.yaml"], 2, "load.yaml:1: expected 'mean_mw'"),
    "claim without a unit": (["claims", "claim.yaml"], 3, "expected the key 'unit', found none"),
    "claim that is missing": (["claims", "none.yaml"], 3, "found none at 'none.yaml'"),
    "page in no folder": (["province", "Qinghai", "--html", "none/page.html"], 2, "found 'none/page.html'"),
    "a cluster without a port": (["run", "tiny.yaml", "--out", "new", "--client", "nowhere"], 5, "missing port number"),
}  # fmt: skip

#: Usage is explained by the parser of the command line, in its words.
USAGE = {
    "no folder": (["run", "tiny.yaml"], "Missing option '--out'"),
    "no study": (["run", "--out", "new"], "Missing argument 'STUDY'"),
    "unknown command": (["rnu"], "No such command 'rnu'. Did you mean 'run'"),
    "unknown command of the catalog": (["catalog", "lits"], "Did you mean 'list'"),
    "no command of the catalog": (["catalog"], "see `siting catalog --help`"),
    "unknown option": (["run", "tiny.yaml", "--out", "new", "--sheduler", "threads"], "--scheduler"),
    "unknown scheduler": (["run", "tiny.yaml", "--out", "new", "--scheduler", "ray"], "'ray' is not one of"),
    "blocks of nothing": (["run", "tiny.yaml", "--out", "new", "--block-sites", "0"], "greater than or equal to 1"),
    "blocks of many": (["run", "tiny.yaml", "--out", "new", "--block-sites", "many"], "--block-sites"),
    "place with its coordinates swapped": (["site", "36.5", "101.7"], "for 'LAT'"),
    "two studies": (["validate", "tiny.yaml", "rate.yaml"], "rate.yaml"),
}  # fmt: skip

ACCEPTED = {
    "sound run": (["run", "tiny.yaml", "--out", "done"], "map: done/map.html"),
    "help": ([], "Commands"),
    "sound study": (["validate", "tiny.yaml"], "a valid study"),
    "shipped study": (["validate", "northwest"], "a valid study"),
    "studies": (["studies"], "northwest_10km"),
    "known entry": (["catalog", "show", "provinces"], "id: provinces"),
    "province": (["province", "青海", "--html", "page.html"], "location-based, 2022"),
    "claims": (["claims"], "MIS-ATTRIBUTED"),
    "entries": (["catalog", "list"], "turbines"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    for name, text in STUDIES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "taken" / "map.html").mkdir(parents=True)
    shutil.copytree(catalog.root(), folder / "catalog")
    with (folder / "catalog" / catalog.entry("altitude").file).open("ab") as file:
        file.write(b"\0")
    return folder


@pytest.fixture(scope="module")
def outcomes(folder):
    """Outcome of every command; the sound ones go first, and one waits for a cluster while the others are done."""
    cases = {name: each[0] for name, each in (ACCEPTED | REFUSED | USAGE).items()}
    jobs = [{"arguments": each, "catalog": str(folder / "catalog") if name == "changed catalog" else None} for name, each in cases.items()]
    command = [*MAIN, "run", "tiny.yaml", "--out", "cluster", "--client", "tcp://127.0.0.1:1"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        script = Path(__file__).with_name("forked_commands.py")
        done = subprocess.run(
            [sys.executable, script], input=json.dumps(jobs), cwd=folder, capture_output=True, text=True, check=True, timeout=300
        )
        stdout, stderr = waiting.communicate(timeout=20)
    cluster = {"code": waiting.returncode, "stdout": stdout, "stderr": stderr}
    return dict(zip(cases, json.loads(done.stdout), strict=True)) | {"unreachable cluster": cluster}


def check_refusal(tally, name, outcome, code):
    """One line on standard error, the right code, no output."""
    tally.tried.append(f"command: {name}")
    if "Traceback" in outcome["stderr"]:
        tally.tracebacks.append(f"command: {name}")
        pytest.fail(outcome["stderr"])
    assert outcome["code"] == code, outcome
    assert outcome["stdout"] == ""
    assert outcome["stderr"].startswith("siting: ")
    assert outcome["stderr"].count("\n") == 1
    tally.refused.append(f"command: {name}")


@pytest.mark.parametrize("name", REFUSED)
def test_faulty_command_is_refused(outcomes, tally, name):
    _, code, words = REFUSED[name]
    check_refusal(tally, name, outcomes[name], code)
    assert words in outcomes[name]["stderr"]
    assert_clear(outcomes[name]["stderr"].removeprefix("siting: ").rstrip("\n"))


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_is_refused(outcomes, tally, name):
    _, words = USAGE[name]
    check_refusal(tally, name, outcomes[name], StudyError.exit_code)
    assert words in outcomes[name]["stderr"]
    assert "; fix: see `siting " in outcomes[name]["stderr"]


@pytest.mark.parametrize("name", ACCEPTED)
def test_sound_command_is_done(outcomes, name):
    _, words = ACCEPTED[name]
    assert outcomes[name]["code"] == 0
    assert words in outcomes[name]["stdout"]
    assert outcomes[name]["stderr"] == ""


def test_no_refusal_writes_or_changes_a_file(outcomes):
    for name in REFUSED | USAGE:
        assert not outcomes[name]["changed"], name


def test_unreachable_cluster_is_refused(outcomes, folder, tally):
    check_refusal(tally, "unreachable cluster", outcomes["unreachable cluster"], 5)
    assert "Expected a Dask scheduler at tcp://127.0.0.1:1, found none" in outcomes["unreachable cluster"]["stderr"]
    assert not (folder / "cluster").exists()


def test_sound_run_writes_all_files(outcomes):
    assert [Path(name).name for name in outcomes["sound run"]["changed"]] == [
        "map.html",
        "run.json",
        "score.tif",
        "sites.csv",
        "sites.gpkg",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_under_standard_output_is_refused(folder, tally):
    with open("/dev/full", "w") as full:  # noqa: PTH123  a device, not a file
        done = subprocess.run([*MAIN, "catalog", "list"], cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    check_refusal(tally, "full disk", {"code": done.returncode, "stdout": "", "stderr": done.stderr}, 5)
