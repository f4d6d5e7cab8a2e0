"""Keys in the environment or in addresses, through all that can fail: in no line, no traceback, no repr."""

import os
import subprocess
import sys

import pytest
from faults.conftest import assert_clear

from siting.cli import app
from siting.fetch import plan
from siting.study import read_study

KEY = "canary-4b7e"
STUDY = """
region: {bbox: [100, 36, 101, 37]}
layers: {altitude: {path: "@/dem.tif?sig={DEM_KEY}", unit: m}}
"""

#: Way of failing -> patch of the toolkit or the libraries before the command runs, exit code (None: a traceback).
WAYS = {
    "refusal": ("", 6),
    "a host that is none": ("os.environ['HOST'] = 'http://none.invalid'", 6),
    "an error of the library that quotes the address": (
        "import requests\ndef get(url, **rest): raise requests.exceptions.ConnectionError(url, rest)\nrequests.get = get", 6,
    ),
    "an error below the library": (
        "import urllib3\ndef get(self, method, url, **rest): raise urllib3.exceptions.LocationParseError(url)\n"
        "urllib3.HTTPConnectionPool.urlopen = get", 6,
    ),
    "an error of ours": (
        "from siting.catalog import transport\ndef fail(self, response, url): raise RuntimeError('planted')\n"
        "transport.Transport._check_status = fail", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_no_key_in_what_a_failing_command_says(name, server, quick, tmp_path):
    patch, code = WAYS[name]
    server.files["/dem.tif"] = b"II*\0"
    server.faults["/dem.tif"] = ["403!"] if name == "refusal" else []
    path = tmp_path / "study.yaml"
    script = (
        "import os, pathlib, sys, logging\nlogging.basicConfig(level=logging.DEBUG)\n"
        f"{patch}\n"
        f"path = pathlib.Path(sys.argv[-1])\npath.write_text(path.read_text().replace('@', os.environ['HOST']))\n"
        "from siting.cli import main\nmain()"
    )
    path.write_text(STUDY, encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-c", script, "fetch", str(path)],
        env=os.environ | {"HOST": server.url, "DEM_KEY": KEY, "SITING_TIMEOUT": "0.1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    text = told.stdout + told.stderr
    assert KEY not in text
    if code is None:
        assert "Traceback" in text
    else:
        assert told.returncode == code
        assert "Traceback" not in text
        assert_clear(told.stderr.splitlines()[-1])
    assert not [each for each in quick.rglob("*") if each.is_file() and KEY.encode() in each.read_bytes()]


def test_no_key_in_the_repr_of_a_plan(server, quick, tmp_path, monkeypatch):
    monkeypatch.setenv("DEM_KEY", KEY)
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.replace("@", server.url), encoding="utf-8")
    study = read_study(path)
    assert KEY not in repr(plan(study)) + repr(study) + study.model_dump_json()


@pytest.mark.parametrize("fault", ["base: https://me:canary-4b7e@globalwindatlas.info", "base: https://h?key=canary-4b7e"])
def test_no_key_in_the_refusal_of_an_entry(fault, tmp_path, monkeypatch):
    from siting import catalog
    from siting.catalog import remote
    from siting.vocabulary import CatalogError

    text = (catalog.root() / "remote" / "global_wind_atlas.yaml").read_text(encoding="utf-8")
    text = text.replace("id: global_wind_atlas", "id: my_wind").replace("base: https://globalwindatlas.info", fault)
    (tmp_path / "my_wind.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv(remote.CATALOG_FOLDERS, "")
    with pytest.raises(CatalogError, match="keep keys out") as refusal:
        catalog.remote_entries(tmp_path)
    assert KEY not in str(refusal.value)


def test_no_key_in_the_refusal_of_a_study(tmp_path, capsys):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.replace("@", "https://example.org").replace("{DEM_KEY}", KEY), encoding="utf-8")
    with pytest.raises(Exception, match=r"write \{NAME\} in its place") as refusal:
        app(["validate", str(path)], standalone_mode=False)
    assert KEY not in str(refusal.value) + "".join(capsys.readouterr())
