"""The step over a table of sites: the same verdicts as for single projects."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from siting.policy import Facts, Policy, ProjectFigures, add_policy, all_electric, check
from siting.policy.verdicts import RESULTS
from siting.vocabulary import AlignmentError

CODES = "CN-QH CN-NM CN-FJ"


def sites(**changes):
    mix = ("site", "target")
    values = {
        "province": ("site", np.array([0, 1, 2, 1], dtype=np.int16), {"iso_3166_2": CODES}),
        "load_energy": ("site", np.array([200.0, 200.0, 200.0, np.nan])),
        "matched_share": (mix, np.array([[0.31, 0.9]] * 4)),
        "import_energy": (mix, np.array([[138.0, 20.0]] * 4)),
        "exported_energy": (mix, np.array([[20.0, 0.0]] * 4)),
        "curtailed_energy": (mix, np.array([[18.0, 40.0]] * 4)),
        "storage_loss": (mix, np.zeros((4, 2))),
        "pv_capacity": (mix, np.array([[100.0, 200.0]] * 4)),
        "wind_capacity": (mix, np.array([[100.0, 200.0]] * 4)),
        "battery_power": (mix, np.array([[30.0, 80.0]] * 4)),
        "battery_energy": (mix, np.array([[90.0, 320.0]] * 4)),
    }
    return xr.Dataset({**values, **changes}, coords={"site": np.arange(4), "target": [0.3, 0.9]})


def test_sites_get_the_verdicts_of_single_projects():
    policy = Policy(year=2030, zero_carbon_park=True, spot_market=True)
    table = add_policy(sites(), policy)
    for n, code in enumerate(CODES.split()):
        for k, (own, bought, exported, curtailed, size) in enumerate([(62, 138, 20, 18, 1), (180, 20, 0, 40, 2)]):
            figures = ProjectFigures(
                self_use_energy=own, direct_green_energy=own, renewable_energy=own, nonhydro_renewable_energy=own, load_energy=200,
                exported_energy=exported, curtailed_energy=curtailed, storage_loss=0, pv_capacity=100 * size, wind_capacity=100 * size,
                battery_power=(30, 80)[k], battery_energy=(90, 320)[k], **(all_electric(200, 200 - bought)),
            )  # fmt: skip
            facts = Facts(province=code, zero_carbon_park=True, spot_market=True)
            for single in check(figures, facts, 2030, code):
                found = table.isel(site=n, target=k).sel(policy_rule=single.rule)
                assert RESULTS[int(found["rule_verdict"])] == single.result, single.rule
                expected = np.nan if single.margin is None else single.margin
                np.testing.assert_allclose(found["rule_margin"], expected, atol=1e-12)


def test_rules_of_a_province_do_not_apply_elsewhere():
    storage = add_policy(sites(), Policy())["rule_verdict"].sel(policy_rule="nm_storage_hours")
    assert [[RESULTS[code] for code in row] for row in storage.to_numpy()] == [
        ["not applicable"] * 2, ["fail", "pass"], ["not applicable"] * 2, ["fail", "pass"],
    ]  # fmt: skip


def test_unknown_load_is_unknown():
    table = add_policy(sites(), Policy()).sel(policy_rule="direct_connection_own_share")
    assert RESULTS[int(table["rule_verdict"][3, 0])] == "unknown"
    assert np.isnan(table["rule_margin"][3, 0])


def test_verdicts_are_flags_and_inputs_stay():
    before = sites()
    table = add_policy(before, Policy())
    assert table["rule_verdict"].attrs["flag_meanings"] == "unknown|pass|fail|not applicable"
    assert table["rule_verdict"].dtype == np.int8
    xr.testing.assert_identical(before, sites())
    xr.testing.assert_identical(table, add_policy(sites().chunk(site=2), Policy()).compute())


def test_provinces_without_codes_are_refused():
    with pytest.raises(AlignmentError, match="iso_3166_2"):
        add_policy(sites(province=("site", np.zeros(4, dtype=np.int16))), Policy())


def test_policy_gives_the_limits_of_its_year():
    assert Policy(year=2030, spot_market=True).limits().own_share_min == 0.35
    assert Policy(year=2026).limits().export_share_max == 0.0
    assert Policy(zero_carbon_park=True).limits().own_share_min == 0.5
