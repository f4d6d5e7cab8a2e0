"""Downloads that break off go on; two fetches never write one cache at a time."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from faults.conftest import assert_clear
from fetch import copies

from siting.catalog.cache import sole_writer
from siting.catalog.transport import _CHUNK, Transport
from siting.fetch import fetch, plan
from siting.study import read_study
from siting.vocabulary import FetchError, IntegrityError, OutputError

CONTENT = np.random.default_rng(0).bytes(400_000)
COMMAND = [sys.executable, "-c", "from siting.cli import main; main()", "fetch"]
ZIP = "/download/World/World_{}_GISdata_LTAy_AvgDailyTotals_GlobalSolarAtlas-v2_GEOTIFF.zip"
STUDY = """
region: {bbox: [100, 36, 101, 37]}
layers: {annual_ghi: {dataset: global_solar_atlas}, annual_dni: {dataset: global_solar_atlas}}
"""


@pytest.fixture
def broken(server, quick, tmp_path):
    """A download of which half has come, and nothing is left of the server's patience."""
    server.files["/data"] = CONTENT
    server.faults["/data"] = ["half", "404!"]
    path = tmp_path / "data.bin"
    with pytest.raises(FetchError, match="HTTP 404"):
        Transport(md5_etags=True).download(f"{server.url}/data", path)
    assert not path.exists()
    return path


def test_broken_download_goes_on(broken, server):
    server.faults["/data"] = []
    body = Transport(md5_etags=True).download(f"{server.url}/data", broken)
    assert broken.read_bytes() == CONTENT
    assert body.total == len(CONTENT)
    assert server.sent["/data"] <= len(CONTENT) + _CHUNK
    first, last = map(int, server.seen_headers[-1]["Range"].removeprefix("bytes=").split("-"))
    assert 0 <= len(CONTENT) // 2 - first < _CHUNK
    assert last == len(CONTENT) - 1
    assert sorted(path.name for path in broken.parent.iterdir()) == ["data.bin"]


def test_download_goes_on_within_one_call(server, quick, tmp_path):
    server.files["/data"] = CONTENT
    server.faults["/data"] = ["half", "half", "503"]
    Transport(md5_etags=True).download(f"{server.url}/data", tmp_path / "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert server.sent["/data"] <= len(CONTENT) + 2 * _CHUNK


def test_other_content_is_fetched_anew(broken, server):
    server.faults["/data"] = []
    server.files["/data"] = CONTENT[::-1]
    Transport(md5_etags=True).download(f"{server.url}/data", broken)
    assert broken.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("fault", ["norange", "wrongrange", "416", "flip"])
def test_rest_that_is_none_is_fetched_anew(fault, broken, server):
    first = server.counts["/data"]
    server.faults["/data"] = ["ok"] * first + [fault]
    Transport(md5_etags=True).download(f"{server.url}/data", broken)
    assert broken.read_bytes() == CONTENT
    assert server.counts["/data"] == first + 2


@pytest.mark.parametrize(
    ("tag", "goes_on"),
    [({}, False), ({"ETag": 'W/"weak"'}, False), ({"ETag": '"strong"'}, True), ({"Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}, True)],
)
def test_only_the_same_bytes_go_on(tag, goes_on, server, quick, tmp_path):
    server.files["/data"] = CONTENT
    server.faults["/data"], server.tag = ["half"], tag
    Transport().download(f"{server.url}/data", tmp_path / "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert any("Range" in headers for headers in server.seen_headers) == goes_on


def test_checksum_of_the_entry_is_that_of_the_whole_file(broken, server):
    server.faults["/data"] = []
    with pytest.raises(IntegrityError, match="renew the entry"):
        Transport().download(f"{server.url}/data", broken, sha256="0" * 64)
    assert list(broken.parent.iterdir()) == []


@pytest.fixture
def study(server, quick, monkeypatch, tmp_path):
    monkeypatch.setenv("SITING_TIMEOUT", "20")
    noise = np.random.default_rng(1).uniform(4.0, 5.0, (300, 300)).astype(np.float32)
    for name in ("GHI", "DNI"):
        server.files[ZIP.format(name)] = copies.zipped(f"{name}.tif", copies.geotiff(noise, 98.0, 39.0, (0.015, 0.015), np.nan))
    copies.aim(monkeypatch, server)
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def wait_for(fact):
    deadline = time.monotonic() + 30
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fact()


def test_zip_of_a_killed_fetch_goes_on(server, study, quick):
    path = ZIP.format("GHI")
    server.faults[path] = ["stall"]
    with subprocess.Popen([*COMMAND, str(study)], env=os.environ, stdout=subprocess.DEVNULL) as process:
        part = quick / "global_solar_atlas"
        wait_for(lambda: any(each.stat().st_size > len(server.files[path]) // 2 - _CHUNK for each in part.rglob(".annual_ghi.zip.part")))
        process.send_signal(signal.SIGKILL)
    server.gate.set()
    (folder,) = fetch(plan(read_study(study)))
    assert server.sent[path] <= len(server.files[path]) + _CHUNK
    assert server.counts[path] == 2
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["files"]) == 2
    assert not list(quick.rglob("*.part*"))


def test_second_fetch_into_one_cache_is_refused_until_the_first_ends(server, study, quick):
    server.faults[ZIP.format("GHI")] = ["wait"]
    with subprocess.Popen([*COMMAND, str(study)], env=os.environ, stdout=subprocess.DEVNULL) as first:
        wait_for(lambda: server.log)
        second = subprocess.run([*COMMAND, str(study)], env=os.environ, capture_output=True, text=True, check=False)
        server.gate.set()
        assert first.wait(60) == 0
    assert second.returncode == OutputError.exit_code
    (line,) = second.stderr.splitlines()
    assert_clear(line)
    assert f"process {first.pid} on " in line
    third = subprocess.run([*COMMAND, str(study)], env=os.environ, capture_output=True, text=True, check=True)
    assert "there already" in third.stdout


def test_hold_ends_with_its_process_and_other_caches_are_free(tmp_path):
    code = "import os, sys, pathlib; from siting.catalog.cache import sole_writer\nwith sole_writer(pathlib.Path(sys.argv[1])): os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    with sole_writer(tmp_path), sole_writer(tmp_path / "other"), pytest.raises(OutputError, match="--cache"), sole_writer(tmp_path):
        pass
