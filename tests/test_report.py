"""The figures of the report are those of cells where a park may stand, beside the official ones."""

import numpy as np
import pytest
import xarray as xr

from siting import report
from siting.region import PROVINCES


@pytest.fixture
def sites():
    """Four cells of Qinghai, of which the cheapest takes no park, and one of Tibet without a cost."""
    codes = list(PROVINCES)
    cost = np.array([0.20, 0.30, 0.34, 0.50, np.nan])
    mixed = ("delivered_cost", "pv_capacity", "wind_capacity", "battery_power", "battery_energy", "matched_share", "scope2_location",
             "carbon_free_share")  # fmt: skip
    flat = {
        "rank": np.array([0, 1, 2, 3, 0]),
        "score": 1.0 - cost,
        "nearest_city": np.array(["Golmud"] * 5),
        "altitude": np.full(5, 2800.0),
        "pv_full_load_hours": np.array([1600.0, 1700.0, 1800.0, 1900.0, 2000.0]),
        "wind_full_load_hours": np.array([2000.0, 2100.0, 2200.0, 2300.0, 2400.0]),
        "latitude": np.full(5, 36.0),
        "longitude": np.full(5, 95.0),
    }
    table = xr.Dataset(
        {name: ("site", values) for name, values in flat.items()}
        | {name: (("site", "target"), np.column_stack([cost - 0.1, cost])) for name in mixed},
        coords={"site": np.arange(5), "target": [0.8, 0.9]},
    )
    index = [codes.index("CN-QH")] * 4 + [codes.index("CN-XZ")]
    return table.assign(province=("site", np.array(index), {"iso_3166_2": " ".join(codes)}))


def test_costs_of_a_province_are_those_of_its_ranked_cells(sites):
    table = report.provincial_summary(sites).set_index("iso_3166_2")
    assert table.loc["CN-QH", ["candidates", "ranked", "best_rank"]].tolist() == [4, 3, 1]
    assert table.loc["CN-QH", ["best_cost", "median_cost"]].tolist() == [0.30, 0.34]
    assert table.loc["CN-XZ", ["candidates", "ranked", "best_rank"]].tolist() == [1, 0, 0]
    assert np.isnan(table.loc["CN-XZ", "best_cost"])


def test_modelled_hours_stand_beside_the_official_ones(sites):
    """Qinghai's PV fleet ran 1 376 to 1 487 h, and its generation of 2021 was about 85 % carbon-free."""
    qinghai = report.provincial_summary(sites).set_index("iso_3166_2").loc["CN-QH"]
    assert qinghai["pv_hours"] == 1750.0
    assert qinghai["pv_hours_best_tenth"] == pytest.approx(1885.0)
    assert 1376 <= qinghai["pv_hours_official"] <= 1487
    assert qinghai["carbon_free_generation_2021"] == pytest.approx(0.85, abs=0.02)
    assert qinghai["emission_factor_2022"] == pytest.approx(0.1567)


def test_leading_sites_come_in_the_order_of_their_rank(sites):
    table = report.leading_table(sites, 2)
    assert table["rank"].tolist() == [1, 2]
    assert table["delivered_cost"].tolist() == [0.30, 0.34]
    assert table["province_code"].tolist() == ["CN-QH", "CN-QH"]
