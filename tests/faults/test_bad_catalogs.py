"""A copy of the catalog with one fault each is refused; the copy without a fault opens."""

from __future__ import annotations

import shutil

import pytest

from siting import catalog, layers
from siting.study import Study
from siting.vocabulary import CatalogError, IntegrityError

YAML, CSV = "clusters.yaml", "files/clusters.csv"


@pytest.fixture
def small(tmp_path):
    (tmp_path / "files").mkdir()
    for name in (YAML, CSV):
        shutil.copy(catalog.root() / name, tmp_path / name)
    return tmp_path


def replaced(old, new):
    """Change of a file's text."""

    def change(content):
        text = content.decode()
        assert old in text
        return text.replace(old, new, 1).encode()

    return change


def without(key):
    """Change that drops a line and what is folded under it."""
    return lambda content: b"\n".join(line for line in content.split(b"\n") if not line.startswith(key.encode() + b":"))


FAULTS = {
    "unknown key": (YAML, replaced("licence:", "license:"), CatalogError, "found 'license'; fix: did you mean 'licence'?"),
    "no citation": (YAML, without("citation"), CatalogError, "expected the key 'citation', found none"),
    "no provider": (YAML, without("provider"), CatalogError, "who made the data"),
    "unknown kind": (YAML, replaced("kind: ", "kind: un"), CatalogError, "expected 'kind' to be 'real', 'interpolated'"),
    "short checksum": (YAML, replaced("sha256: ", "sha256: f"), CatalogError, "expected 'sha256' to match pattern"),
    "other checksum": (YAML, lambda b: replaced(checksum(b), "0" * 64)(b), IntegrityError, "Expected sha256 000000000000..."),
    "other format": (
        YAML,
        replaced("format: csv", "format: xlsx"),
        CatalogError,
        "expected 'format' to be 'csv', 'geojson' or 'netcdf.gz'",
    ),
    "other id": (YAML, replaced("id: clusters", "id: parks"), CatalogError, "expected the id 'clusters', found 'parks'"),
    "file elsewhere": (YAML, replaced(CSV, "../clusters.csv"), CatalogError, "name a file inside the catalog folder"),
    "file on the network": (YAML, replaced(CSV, "https://example.org/clusters.csv"), CatalogError, "name a file inside the catalog folder"),
    "missing file": (YAML, replaced(CSV, "files/cluster.csv"), CatalogError, "found none; fix: reinstall"),
    "undeclared column": (YAML, replaced("  latitude:", "  breadth:"), CatalogError, "found a difference in breadth, latitude"),
    "malformed": (YAML, lambda b: b + b"\n[\n", CatalogError, "found a mistake"),
    "tab": (YAML, lambda b: b + b"\tperiod: 2020\n", CatalogError, "found a mistake"),
    "key twice": (YAML, lambda b: b + b"\nid: clusters\n", CatalogError, "found 'id' again (first on line"),
    "alias": (YAML, lambda b: b + b"\nextra: &a [*a]\n", CatalogError, "found an anchor or alias"),
    "tag": (YAML, lambda b: b + b"\nextra: !!python/name:os.system\n", CatalogError, "found the tag"),
    "empty entry": (YAML, lambda b: b"", CatalogError, "expected a mapping"),
    "bytes added": (CSV, lambda b: b + b"\n", IntegrityError, "Expected sha256"),
    "byte flipped": (CSV, lambda b: b[:99] + bytes([b[99] ^ 1]) + b[100:], IntegrityError, "of files/clusters.csv, found"),
    "file cut": (CSV, lambda b: b[: len(b) // 2], IntegrityError, "fix: reinstall, or run scripts/build_catalog"),
}


def checksum(content):
    return next(line.split()[1] for line in content.decode().splitlines() if line.startswith("sha256:"))


@pytest.mark.parametrize("name", FAULTS)
def test_faulty_entry_is_refused_and_its_twin_opens(small, tally, name):
    path, change, kind, words = FAULTS[name]
    assert len(catalog.open_entry("clusters", small)) > 20
    content = (small / path).read_bytes()
    (small / path).write_bytes(change(content))
    # entries are read once in a session; another folder is another entry
    other = small.rename(small.with_name(small.name + "_changed"))
    error = tally.refusal(f"entry: {name}", lambda: catalog.open_entry("clusters", other))
    assert isinstance(error, kind)
    assert error.exit_code == 3
    assert words in str(error)


@pytest.mark.parametrize(
    ("name", "words"), [("province", "did you mean 'provinces'?"), ("xyzzy", "known are altitude, "), ("../x", "found '../x'")]
)
def test_unknown_entry_is_refused(tally, name, words):
    error = tally.refusal(f"entry {name!r}", lambda: catalog.open_entry(name))
    assert isinstance(error, CatalogError)
    assert words in str(error)
    assert len(catalog.open_entry("provinces")) == 31


def test_study_on_a_changed_catalog_is_refused(tmp_path, tally, monkeypatch):
    folder = shutil.copytree(catalog.root(), tmp_path / "data_catalog")
    monkeypatch.setattr(catalog, "root", lambda: folder)
    assert len(catalog.open_entry("province_areas")) == 31
    file = folder / catalog.entry("province_areas").file
    file.write_bytes(file.read_bytes() + b" ")
    error = tally.refusal("study on a changed catalog", lambda: layers.open_layers(Study()))
    assert isinstance(error, IntegrityError)
    assert catalog.entry("province_areas").file in str(error)


def test_missing_catalog_is_refused(tally, monkeypatch, tmp_path):
    monkeypatch.setattr(catalog, "__file__", str(tmp_path / "siting" / "catalog" / "__init__.py"))
    error = tally.refusal("no catalog", catalog.root)
    assert "found none; fix: reinstall siting" in str(error)
