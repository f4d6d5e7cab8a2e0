import hashlib
import shutil

import numpy as np
import pytest
import yaml

from siting import catalog
from siting.vocabulary import CatalogError, IntegrityError

IDS = {
    "places", "daily_ghi", "climate", "linke_turbidity", "altitude", "provinces", "province_areas", "cities", "land", "water", "clusters",
    "national_parks", "turbines", "archetypes", "power_mix", "load_shapes", "fleet_profiles", "country_grids",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Copy of a small entry, to be spoiled."""
    (tmp_path / "files").mkdir()
    shutil.copy(catalog.root() / "clusters.yaml", tmp_path)
    shutil.copy(catalog.root() / "files" / "clusters.csv", tmp_path / "files")
    return tmp_path


def spoil(folder, **changes):
    path = folder / "clusters.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content = {key: value for key, value in (content | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def test_all_entries_stand():
    assert set(catalog.entries()) == IDS


def test_whole_catalog_is_small():
    assert sum(file.stat().st_size for file in catalog.root().rglob("*") if file.is_file()) <= 6_000_000


def test_every_data_file_belongs_to_an_entry():
    files = {f"files/{file.name}" for file in (catalog.root() / "files").iterdir()}
    assert files == {entry.file for entry in catalog.entries().values()}


@pytest.mark.parametrize("name", sorted(IDS))
def test_entry_opens_as_declared(name):
    entry = catalog.entry(name)
    assert hashlib.sha256((catalog.root() / entry.file).read_bytes()).hexdigest() == entry.sha256
    opened = catalog.open_entry(name)
    assert set(entry.variables) <= {*map(str, getattr(opened, "data_vars", opened)), getattr(getattr(opened, "index", None), "name", None)}
    assert len(opened) > 0


def test_recalled_outlines_are_declared_as_such():
    parks = catalog.entry("national_parks")
    assert (parks.kind, parks.confidence) == ("recalled", "low")


def test_source_states_what_a_product_must_say():
    source = catalog.entry("places").source(("annual_ghi",))
    assert source["licence"] == "CC-BY-4.0"
    assert source["variables"] == ["annual_ghi"]
    assert {"id", "title", "kind", "citation", "sha256", "note"} <= set(source)


def test_callers_cannot_change_the_catalog():
    catalog.entries().clear()
    catalog.open_entry("climate").temp_air_monthly[:] = 0.0
    assert catalog.open_entry("climate").temp_air_monthly.min() < -20
    assert set(catalog.entries()) == IDS


def test_unspoiled_copy_opens(folder):
    assert len(catalog.open_entry("clusters", folder)) == 29


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"licenze": "CC0"}, "did you mean 'licence'"),
        ({"licence": None}, "expected the key 'licence'"),
        ({"licence": " "}, "'licence'"),
        ({"citation": None}, "expected the key 'citation'"),
        ({"period": None}, "expected the key 'period'"),
        ({"time_convention": None}, "expected the key 'time_convention'"),
        ({"id": "other"}, "expected the id 'clusters'"),
        ({"kind": "true"}, "'kind'"),
        ({"sha256": "abc"}, "'sha256'"),
        ({"known_weaknesses": []}, "'known_weaknesses'"),
        ({"variables": {"name": {"description": "no unit"}}}, "expected the key 'variables.name.unit'"),
        ({"variables": {"name": {"unit": "", "description": "some columns only"}}}, "fix: declare each column"),
        ({"file": "../clusters.csv"}, "inside the catalog folder"),
        ({"file": "files/../../clusters.csv"}, "inside the catalog folder"),
        ({"file": "."}, "inside the catalog folder"),
        ({"file": "/etc/passwd"}, "inside the catalog folder"),
        ({"file": "~/clusters.csv"}, "inside the catalog folder"),
        ({"file": "https://example.org/clusters.csv"}, "inside the catalog folder"),
        ({"file": "..\\clusters.csv"}, "inside the catalog folder"),
        ({"file": "/vsicurl/clusters.csv"}, "inside the catalog folder"),
        ({"file": "files/none.csv"}, "found none"),
        ({"file": "files"}, "found none"),
    ],
)
def test_malformed_entry_is_refused_in_one_line(folder, changes, words):
    spoil(folder, **changes)
    with pytest.raises(CatalogError) as error:
        catalog.open_entry("clusters", folder)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert "fix: " in str(error.value)


@pytest.mark.parametrize("extra", ["id: clusters\n", "x: !!python/object/apply:os.getcwd []\n", "x: &a [*a]\n"])
def test_dangerous_yaml_is_refused(folder, extra):
    with (folder / "clusters.yaml").open("a", encoding="utf-8") as file:
        file.write(extra)
    with pytest.raises(CatalogError, match=r"^clusters\.yaml:\d+: "):
        catalog.entry("clusters", folder)


@pytest.mark.parametrize("change", [lambda b: b + b"\n", lambda b: b[:-1], lambda b: b[:50] + bytes([b[50] ^ 1]) + b[51:], lambda b: b""])
def test_changed_bytes_are_refused(folder, change):
    file = folder / "files" / "clusters.csv"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(IntegrityError, match=r"Expected sha256 \w{12}\.\.\. of files/clusters\.csv, found \w{12}\.\.\.; fix: ") as error:
        catalog.open_entry("clusters", folder)
    assert "\n" not in str(error.value)


def test_link_out_of_the_catalog_is_refused(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "clusters.csv"
    shutil.move(folder / "files" / "clusters.csv", outside)
    (folder / "files" / "clusters.csv").symlink_to(outside)
    with pytest.raises(CatalogError, match="link out of it"):
        catalog.open_entry("clusters", folder)


def test_unknown_entry_names_the_nearest():
    with pytest.raises(CatalogError, match="did you mean 'provinces'"):
        catalog.entry("province")


def test_path_as_id_is_refused():
    with pytest.raises(CatalogError, match="Expected the id of a catalog entry"):
        catalog.open_entry("../pyproject")


def test_unknown_stays_unknown():
    provinces = catalog.open_entry("provinces")
    assert np.isnan(provinces.grid_emission_factor_2022["CN-XZ"])
    assert np.isnan(provinces.coal_benchmark_price["CN-XZ"])
    assert provinces.official_renewable_share_2021.notna().sum() == 1
    assert (provinces.filter(like="emission") != 0).all(axis=None)
