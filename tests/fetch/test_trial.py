"""The real atlas rasters, served on loopback and fetched, where the folder is at hand."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from fetch import copies
from fetch.test_end_to_end import STUDY

from siting.fetch import fetch, plan
from siting.study import read_study

FOLDER = Path(os.environ.get("SITING_TRIAL_DATA", ""))

pytestmark = [pytest.mark.trial, pytest.mark.skipif("SITING_TRIAL_DATA" not in os.environ, reason="SITING_TRIAL_DATA is not set")]


def test_real_atlases_are_fetched_as_they_are(server, quick, monkeypatch, tmp_path):
    monkeypatch.setenv("SITING_TIMEOUT", "5")
    copies.publish(server)
    copies.aim(monkeypatch, server)
    wind, sun = FOLDER / "atlas" / "gwa3_wind_speed_100m.tif", FOLDER / "atlas" / "gsa2_ghi.tif"
    server.files["/tifs/CHN.tif"] = wind.read_bytes()
    name = "World_GHI_GISdata_LTAy_AvgDailyTotals_GlobalSolarAtlas-v2_GEOTIFF.zip"
    server.files[f"/download/World/{name}"] = copies.zipped("GHI.tif", sun.read_bytes())
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.split("weather:")[0], encoding="utf-8")
    folders = fetch(plan(read_study(path)))
    for original, made in ((wind, folders[0] / "wind_speed_100m_mean.tif"), (sun, folders[1] / "annual_ghi.tif")):
        with rasterio.open(original) as source, rasterio.open(made) as target:
            for x, y in ((100.1, 36.1), (100.9, 36.9), (99.6, 37.4)):
                here = target.read(1)[target.index(x, y)]
                assert np.isclose(
                    here, np.float32(source.read(1)[source.index(x, y)] * source.scales[0] + source.offsets[0]), equal_nan=True
                )
