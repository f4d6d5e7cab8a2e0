"""The north and the east screened on real elevation, slope and land cover: what each rule takes per province."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from siting.grid import Grid
from siting.ground_inputs import LandCoverLayer, SlopeLayer
from siting.land import Land, explain, screen
from siting.layers import open_layers
from siting.region import PROVINCES, Region
from siting.study import Study
from siting.vocabulary import AlignmentError

FOLDER = Path(os.environ.get("SITING_TRIAL_DATA", "")) / "samples"
pytestmark = [
    pytest.mark.trial,
    pytest.mark.skipif("SITING_TRIAL_DATA" not in os.environ, reason="SITING_TRIAL_DATA names no folder"),
]


def study(provinces: tuple[str, ...], **ground: object) -> Study:
    return Study(region=Region(provinces=provinces), grid=Grid(resolution_km=25), land=Land(fine_m=1000.0, **ground))


def told(layers, capsys) -> None:
    index = layers["province"].values
    with capsys.disabled():
        for number in np.unique(index[index >= 0]):
            here = index == number
            total = layers["land_fraction"].values[here].sum()
            shares = {str(name): layers["ground_taken"].sel(rule=name).values[here].sum() / total for name in layers["rule"].values}
            print(f"\n{list(PROVINCES.values())[number]}: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()), end="")


def test_slope_takes_the_mountains_and_not_the_steppe(capsys):
    given = study(("CN-SX", "CN-SN"), slope=SlopeLayer(path=str(FOLDER / "gebco_2025_CN_slope.nc"), unit="degree"))
    layers = open_layers(given)
    told(layers, capsys)
    sites = screen(explain(layers, given.land), given.land)
    steep = sites["slope"] > 15.0
    assert float(sites["pv_land_fraction"].where(steep).mean()) < float(sites["pv_land_fraction"].where(~steep).mean())


def test_slope_from_the_real_elevation_of_the_north_west(capsys):
    given = study(("CN-QH", "CN-GS", "CN-NX", "CN-NM"), slope=SlopeLayer(path=str(FOLDER / "gebco_2025_CN.tif"), unit="m"))
    layers = open_layers(given)
    told(layers, capsys)
    # pixels of 10 km flatten everything: the mean slope of Qinghai must still exceed that of Inner Mongolia
    mean = {code: float(layers["slope"].where(layers["province"] == list(PROVINCES).index(code)).mean()) for code in ("CN-QH", "CN-NM")}
    assert mean["CN-QH"] > mean["CN-NM"]
    assert any("10" in text and "Slopes were computed" in text for text in [layers.attrs["warnings"]])


def test_a_raster_of_cover_shares_under_the_name_of_classes_is_refused():
    # the sample holds shares of bare ground as decimals, whatever it is called
    cover = LandCoverLayer(path=str(FOLDER / "Copernicus_LC100_discrete_classification_2019.tif"), legend="copernicus_lc100_2019")
    with pytest.raises(AlignmentError, match=r"Expected classes of copernicus_lc100_2019, found [0-9.]+ in"):
        open_layers(study(("CN-JS", "CN-AH"), land_cover=cover))
