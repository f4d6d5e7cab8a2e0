"""Documents in YAML: what is shipped, and what is refused in one line."""

from __future__ import annotations

import shutil

import pytest
import yaml

from siting import catalog
from siting.policy import read_rules
from siting.policy.rules import in_force
from siting.vocabulary import CatalogError

SHIPPED = sorted(file.stem for file in (catalog.root() / "rules").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path):
    shutil.copy(catalog.root() / "rules" / "cn_650_2025.yaml", tmp_path)
    return tmp_path


def spoil(folder, *, rule=None, threshold=None, **document):
    path = folder / "cn_650_2025.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | document
    content["rules"] = content["rules"][:1]
    content["rules"][0]["thresholds"][0].update(threshold or {})
    content["rules"][0].update(rule or {})
    path.write_text(yaml.safe_dump(content, allow_unicode=True, default_style=None).replace("'", '"'), encoding="utf-8")


def test_documents_of_the_rules_are_shipped():
    assert {"cn_650_2025", "cn_1192_2025", "cn_688_2026", "cn_910_2025", "cn_669_2025", "cn_569_2023", "cn_13_2026"} <= set(SHIPPED)
    for binding in read_rules():
        assert binding.document.source
        assert binding.rule.article
        assert binding.rule.valid_from >= min(binding.document.issued, binding.rule.valid_from)


def test_one_version_of_each_rule_is_chosen():
    rules = read_rules()
    for year in range(2018, 2040):
        names = [(each.document.jurisdiction, each.rule.id) for each in in_force(rules, year, "CN-NM")]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(("until", "clash"), [("2026-06-30", False), ("2026-07-01", True), ("2027-01-01", True), (None, True)])
def test_versions_that_overlap_are_refused(folder, until, clash):
    former = yaml.safe_load((folder / "cn_650_2025.yaml").read_text(encoding="utf-8"))
    former["rules"] = former["rules"][:1]
    latter = {**former, "id": "later", "number": "1号"}
    latter["rules"] = [{**former["rules"][0], "valid_from": "2026-07-01"}]
    former["rules"][0]["valid_until"] = until
    for content in (former, latter):
        (folder / f"{content['id']}.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    if not clash:
        assert len(read_rules(folder)) == 2
        return
    with pytest.raises(CatalogError, match=r"one version of direct_connection_self_use in CN .* and 1号 .* to overlap; fix: ") as error:
        read_rules(folder)
    assert "\n" not in str(error.value)


def test_rules_of_another_country_are_a_file_away(folder):
    spoil(folder, jurisdiction="AU", rule={"thresholds": [{"value": 0.4, "valid_from": "2025-01-01"}]})
    (binding,) = in_force(read_rules(folder), 2026, "AU")
    assert binding.rule.thresholds[0].value == 0.4
    assert in_force(read_rules(folder), 2026, "CN") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "other"}, "expected the id 'cn_650_2025', found 'other'"),
        ({"jurisdiction": "China"}, "jurisdiction"),
        ({"licence": "x"}, "expected a known key, found 'licence'"),
        ({"rule": {"measure": "self_use"}}, "expected a measure among self_use_share"),
        ({"rule": {"comparison": "above"}}, "comparison"),
        ({"rule": {"valid_from": "soon"}}, "valid_from"),
        ({"rule": {"valid_until": "2020-01-01"}}, "expected valid_until on or after 2025-05-21, found 2020-01-01"),
        ({"rule": {"applies_when": {"weather": "fine"}}}, "found 'weather'"),
        ({"rule": {"confidence": "sure"}}, "confidence"),
        ({"rule": {"thresholds": []}}, "thresholds"),
        ({"threshold": {"value": "60 %"}}, "value"),
        ({"threshold": {"column": "consumption_weight_total_2023"}}, "expected a value or a column, found both"),
        ({"threshold": {"when": {"load": {"least": 1}}}}, "found 'load'"),
    ],
)
def test_faulty_documents_are_refused_in_one_line(folder, change, words):
    spoil(folder, **change)
    with pytest.raises(CatalogError, match=r"cn_650_2025\.yaml:\d+: ") as error:
        read_rules(folder)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_documents_is_refused(tmp_path):
    with pytest.raises(CatalogError, match="Expected documents in YAML"):
        read_rules(tmp_path)


def test_columns_of_the_shipped_rules_exist():
    table = catalog.open_entry("provinces")
    columns = {threshold.column for binding in read_rules() for threshold in binding.rule.thresholds if threshold.column}
    assert columns <= set(table.columns)
