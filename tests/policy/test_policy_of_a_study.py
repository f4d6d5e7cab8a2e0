"""Rules on the road: few columns when a study asks for them, limits with their origin, verdicts in the record."""

from __future__ import annotations

import json

import numpy as np
import pytest

import siting
from siting import exports
from siting.cli import app
from siting.policy import Policy, site_verdicts
from siting.policy.verdicts import RESULTS
from siting.scoring import Criterion
from siting.site_supply import supply_site, write_site
from siting.study import Study, read_study
from siting.supply.limits import Limits
from siting.vocabulary import StudyError

#: The cell of Xining.
BOX = {"bbox": (101.6, 36.4, 101.85, 36.6)}
#: Grid power so cheap that no more is built than is asked for.
CHEAP_GRID = {"tariff": {"import_prices_cny_per_kwh": {"CN-QH": 0.05}}}
COLUMNS = ("policy_failed", "policy_unknown", "policy_binding", "policy_margin")
SELF_USE = ("direct_connection_self_use", "nearby_consumption_self_use")


def study(**changes):
    given = {"title": "Xining", "region": BOX, "robustness": {"seeds": 1}, "supply": {"targets": (0.33, 0.9, 0.99)}, "finance": CHEAP_GRID}
    return Study(**given | changes)


@pytest.fixture(scope="module")
def plain():
    return siting.run(study())


@pytest.fixture(scope="module")
def held():
    return siting.run(study(policy={"year": 2030, "zero_carbon_park": True}))


@pytest.fixture(scope="module")
def bounded():
    return siting.run(study(policy={"year": 2030, "constrain": True}))


def test_rules_are_off_unless_the_study_asks(plain):
    assert not [name for name in plain.sites if "policy" in str(name) or "rule" in str(name)]
    assert "policy" not in plain.report


def test_rules_add_four_columns_a_target_and_change_no_other(plain, held):
    before, after = exports.site_table(plain.sites), exports.site_table(held.sites)
    added = [name for name in after if name not in before]
    assert added == [f"{name}_{target}" for name in COLUMNS for target in (33, 90, 99)]
    for name in before:
        assert before[name].equals(after[name]), name


def test_columns_are_those_of_the_verdicts(held):
    for n in range(held.sites.sizes["site"]):
        for target in (0.33, 0.9, 0.99):
            site = held.sites.isel(site=[n])
            verdicts = site_verdicts(site, target, held.study.policy)
            row = site.sel(target=target)
            for name, result in (("policy_failed", "fail"), ("policy_unknown", "unknown")):
                assert float(row[name].item()) == sum(each.result == result for each in verdicts)
            binding = next(each for each in verdicts if each.rule == str(row["policy_binding"].item()))
            assert float(row["policy_margin"].item()) == pytest.approx(binding.margin / binding.threshold)
            judged = [each for each in verdicts if each.result in ("pass", "fail") and each.threshold > 0]
            assert binding.margin / binding.threshold == min(each.margin / each.threshold for each in judged)


def test_park_of_ninety_per_cent_fails_its_carbon_and_says_so(held):
    """0.1 x 0.5306 / 0.1229 = 0.432 t/tce in place of 0.2."""
    row = held.sites.sel(target=0.9)
    assert (row["policy_binding"] == "zero_carbon_park_carbon").all()
    np.testing.assert_allclose(row["policy_margin"], (0.2 - 0.432) / 0.2, atol=0.01)
    leading = {each["rule"]: each for each in held.report["policy"]["leading"]}
    assert leading["zero_carbon_park_carbon"]["result"] == "fail"
    assert leading["zero_carbon_park_clean"]["result"] == "pass"
    assert "short of it" in leading["zero_carbon_park_carbon"]["why"]


def test_record_counts_the_verdicts(held):
    rules = {rule["id"]: rule for rule in held.report["policy"]["rules"]}
    assert rules["direct_connection_own_share"]["sites"]["0.33"] == {"unknown": 0, "pass": 0, "fail": 1, "not applicable": 0}
    assert rules["direct_connection_own_share"]["sites"]["0.9"]["pass"] == 1
    assert set(rules["zero_carbon_park_carbon"]) >= {"title", "number", "article", "since", "confidence", "unit"}
    codes = held.sites["rule_verdict"].sel(policy_rule="zero_carbon_park_carbon", target=0.9)
    assert (codes == RESULTS.index("fail")).all()
    assert held.report["policy"]["limits"] == []
    json.dumps(exports.plain(held.report), allow_nan=False)


def test_constraints_change_what_is_built_and_pass(held, bounded):
    """Self-use of 60 % binds at 99 %, 35 % of the load in 2030 at 33 %; every rule on shares is kept."""
    free, kept = held.sites, bounded.sites
    at_free, at_kept = ((run["matched_share"] * run["load_energy"] / run["generation"]).sel(target=0.99) for run in (free, kept))
    assert (at_free < 0.6).all()
    np.testing.assert_allclose(at_kept, 0.6, atol=1e-3)
    tolerance = bounded.study.supply.tolerance
    assert (kept["delivered_cost"] >= free["delivered_cost"] * (1 - tolerance)).all()
    assert (kept["delivered_cost"].sel(target=0.33) > free["delivered_cost"].sel(target=0.33) * 1.01).all()
    assert (kept["supply_limits"].sel(target=0.99).astype(int) & 16 == 16).all()
    np.testing.assert_allclose(free["matched_share"].sel(target=0.33), 0.33, atol=2e-3)
    np.testing.assert_allclose(kept["matched_share"].sel(target=0.33), 0.35, atol=2e-3)
    for rule in (*SELF_USE, "direct_connection_own_share", "nearby_consumption_own_share", "direct_connection_export"):
        assert (kept["rule_verdict"].sel(policy_rule=rule) == RESULTS.index("pass")).all(), rule
        assert not (free["rule_verdict"].sel(policy_rule=rule) == RESULTS.index("pass")).all() or rule.endswith("export"), rule


def test_stakeholders_see_which_rule_sets_which_limit_and_since_when(bounded):
    limits = {(each["rule"], each["limit"]): each for each in bounded.report["policy"]["limits"]}
    own = limits["direct_connection_own_share", "own_share_min"]
    assert (own["value"], own["since"], own["number"]) == (0.35, "2030-01-01", "发改能源〔2025〕650号")
    assert limits["direct_connection_self_use", "self_use_share_min"]["since"] == "2025-05-21"
    said = " ".join(bounded.report["warnings"])
    assert "The supply keeps own share: at least 35 % by 发改能源〔2025〕650号" in said
    assert "since 2030-01-01" in said


def test_stakeholders_see_what_no_size_is_bound_by(bounded):
    """A park of 90 % fails its carbon although the supply keeps all shares."""
    rules = {"year": 2030, "zero_carbon_park": True, "constrain": True}
    said = siting.run(study(supply={"targets": (0.9,)}, policy=rules)).report["warnings"]
    loose = next(each for each in said if each.startswith("Judged, but no bound of the sizes"))
    assert "CO2 per unit of energy" in loose
    assert "Self-use" not in loose
    assert not [each for each in bounded.report["warnings"] if each.startswith("Judged")]


@pytest.mark.parametrize(("year", "own", "since"), [(2026, 0.3, "2025-05-21"), (2029, 0.3, "2025-05-21"), (2030, 0.35, "2030-01-01")])
def test_bounds_follow_the_date(year, own, since):
    policy = Policy(year=year, constrain=True, spot_market=True)
    found = {bound.rule: bound for bound in policy.bounds()}
    assert (found["direct_connection_own_share"].value, found["direct_connection_own_share"].since) == (own, since)
    assert found["direct_connection_export"].value == 0.2
    assert policy.limits() == Limits(self_use_share_min=0.6, own_share_min=own, export_share_max=0.2)


def test_limits_are_shown_before_anything_runs(tmp_path, capsys):
    file = tmp_path / "study.yaml"
    file.write_text("policy: {year: 2030, constrain: true}\n", encoding="utf-8")
    app(["validate", str(file)], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "limit of the supply: own share: at least 35 % by 发改能源〔2025〕650号" in shown
    assert "export share: at most 0 %" in shown
    assert "the strictest, as it is not given: spot market" in shown
    file.write_text("policy: {year: 2030}\n", encoding="utf-8")
    app(["validate", str(file)], standalone_mode=False)
    assert "limit" not in capsys.readouterr().out


def test_the_stricter_of_two_limits_counts():
    own = study(supply={"targets": (0.9,), "limits": {"self_use_share_min": 0.7}}, policy={"constrain": True})
    assert own.bounded_supply().limits == Limits(self_use_share_min=0.7, own_share_min=0.3, export_share_max=0.0)
    assert study(policy={}).bounded_supply() is not None
    assert study(policy={}).bounded_supply().limits == Limits()
    assert Policy(scheme=None, constrain=True).limits().self_use_share_min == 0.6


def test_one_site_is_supplied_within_the_limits_and_tells_all_verdicts(bounded, tmp_path):
    number = int(bounded.sites["site"][0])
    one = supply_site(bounded.study, number, 0.9)
    for name in ("pv_capacity", "battery_energy"):
        np.testing.assert_array_equal(one.site[name], bounded.sites[name].sel(site=number))
    record = json.loads(write_site(one, tmp_path)["supply.json"].read_text(encoding="utf-8"))
    verdicts = {each["rule"]: each for each in record["rules"]}
    assert verdicts["direct_connection_self_use"]["result"] == "pass"
    told = {"value", "threshold", "margin", "document", "article", "in_force", "confidence", "why"}
    assert told <= set(verdicts["direct_connection_self_use"])


def test_policy_is_read_from_a_study_and_mistakes_are_one_line(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("policy: {year: 2030, constrain: true}\n", encoding="utf-8")
    assert read_study(file).policy == Policy(year=2030, constrain=True)
    file.write_text("policy:\n  year: 2030\n  constrains: true\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"study\.yaml:3: expected a known key, found 'policy\.constrains'; fix: did you mean 'constrain'"):
        read_study(file)
    criterion = Criterion(variable="policy_failed", target=0.9, weight=1.0, best=0, worst=5)
    with pytest.raises(ValueError, match="expected the section policy"):
        study(criteria=(criterion,))
    assert study(criteria=(criterion,), policy={}).criteria == (criterion,)


#: Two rows of cells on both sides of the border of Inner Mongolia and Ningxia.
BORDER = {"bbox": (106.0, 38.9, 106.9, 39.5)}


def test_rules_of_a_province_bound_its_own_sites_only():
    """Inner Mongolia asks integration projects to use 90 % themselves; its neighbours don't."""
    rules = {"year": 2026, "scheme": "source_grid_load_storage"}
    supply = {"targets": (0.9,), "max_overbuild": 10.0}
    free, kept = (
        siting.run(study(region=BORDER, supply=supply, policy=rules | {"constrain": constrain}), scheduler="synchronous")
        for constrain in (False, True)
    )
    codes = np.array(free.sites["province"].attrs["iso_3166_2"].split())[free.sites["province"].to_numpy()]
    there = codes == "CN-NM"
    assert 0 < there.sum() < codes.size
    np.testing.assert_array_equal(kept.sites["site"], free.sites["site"])
    used = (kept.sites["matched_share"] * kept.sites["load_energy"] / kept.sites["generation"]).sel(target=0.9)
    before = (free.sites["matched_share"] * free.sites["load_energy"] / free.sites["generation"]).sel(target=0.9)
    assert (before[there] < 0.9).all()
    assert (used[there] >= 0.9 * (1 - 1e-6)).all()
    assert (kept.sites["rule_verdict"].sel(policy_rule="nm_local_use")[there] == RESULTS.index("pass")).all()
    assert (used[~there] < 0.9).all()
    np.testing.assert_allclose(kept.sites["delivered_cost"][~there], free.sites["delivered_cost"][~there], rtol=2 * 1e-3)
    assert any("self use share in CN-NM: at least 90 %" in said for said in kept.report["warnings"]), kept.report["warnings"]
    assert {each["jurisdiction"] for each in kept.report["policy"]["limits"]} == {"CN", "CN-NM"}
    one = int(kept.sites["site"][there][0])
    np.testing.assert_array_equal(supply_site(kept.study, one, 0.9).site["pv_capacity"], kept.sites["pv_capacity"].sel(site=one))


def test_certificates_that_are_retired_count_for_parks_and_weights_but_not_as_direct_supply(held):
    """With certificates for the tenth that is drawn, a park of 90 % keeps 0.2 t/tce; direct supply stays at 90 %."""
    kind = {"technology": "wind", "province": "CN-QH", "generated": "2022-06", "retired": "2022-12"}
    bought = {"certificates": ({"serial": "A", "energy_mwh": 1e6, **kind},)}
    covered = siting.run(study(policy={"year": 2030, "zero_carbon_park": True}, accounting=bought)).sites.sel(target=0.9)
    alone = held.sites.sel(target=0.9)
    for rule, before in (("zero_carbon_park_carbon", "fail"), ("zero_carbon_park_clean", "pass")):
        assert (alone["rule_verdict"].sel(policy_rule=rule) == RESULTS.index(before)).all()
        assert (covered["rule_verdict"].sel(policy_rule=rule) == RESULTS.index("pass")).all()
    np.testing.assert_allclose(covered["rule_margin"].sel(policy_rule="zero_carbon_park_carbon"), 0.2, atol=1e-9)
    for rule in ("direct_connection_own_share", "direct_connection_self_use"):
        np.testing.assert_array_equal(covered["rule_margin"].sel(policy_rule=rule), alone["rule_margin"].sel(policy_rule=rule))
