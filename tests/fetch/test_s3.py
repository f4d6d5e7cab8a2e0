"""Zarr stores on an S3-compatible server on loopback."""

import time
import warnings

import numpy as np
import pytest
from fetch import copies

from siting import catalog
from siting.fetch import fetch, plan
from siting.study import read_study
from siting.vocabulary import FetchError


@pytest.fixture(scope="module")
def s3():
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    for _ in range(200):
        if server._server is not None:
            break
        time.sleep(0.02)
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch):
    import boto3

    for name, value in {"ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "canary-secret-1", "ENDPOINT_URL": s3}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("SITING_URL_NASA_POWER_REGIONS", "s3://nasa-power")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = boto3.client("s3", endpoint_url=s3)
    client.create_bucket(Bucket="nasa-power", ACL="public-read")
    for path, content in copies.zarr_files(2).items():
        client.put_object(Bucket="nasa-power", Key=path.lstrip("/"), Body=content, ACL="public-read")
    return client


@pytest.fixture
def weather(tmp_path, quick):
    path = tmp_path / "study.yaml"
    path.write_text(
        "region: {bbox: [100, 36, 101, 37]}\nweather: {source: store, dataset: nasa_power_regions, year: 2019}\n", encoding="utf-8"
    )
    return read_study(path)


def test_store_on_s3_gives_the_served_hours(bucket, weather):
    from siting.weather_store import open_store

    (folder,) = fetch(plan(weather))
    cells = open_store(folder / "store")
    cell = int(np.argmin(np.abs(cells.latitude.values - 36.5) + np.abs(cells.longitude.values - 100.625)))
    assert np.abs(cells["temp_air"].isel(cell=cell).values - copies.hours(36.5, 100.625)["temp"]).max() < 0.002
    assert "canary-secret-1" not in (folder / "manifest.json").read_text(encoding="utf-8")


def test_chunk_that_s3_lacks_is_refused(bucket, weather):
    bucket.delete_object(Bucket="nasa-power", Key=f"{copies.WEATHER}/WS10M/2.0.0")
    with pytest.raises(FetchError, match=r"Expected the chunk WS10M/2\.0\.0"):
        fetch(plan(weather))


def test_bucket_that_is_missing_is_refused(bucket, weather, monkeypatch):
    monkeypatch.setenv("SITING_URL_NASA_POWER_REGIONS", "s3://no-such-bucket")
    with pytest.raises(FetchError, match="Expected a Zarr store at s3://no-such-bucket"):
        fetch(plan(weather))
    assert catalog.remote_entry("nasa_power_regions").base.startswith("https://")
