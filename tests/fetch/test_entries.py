"""Entries of what can be fetched: validated, listed, extended by the user's own, and none shadows another."""

import pytest
from faults.conftest import assert_clear

from siting import catalog
from siting.catalog import remote
from siting.cli import app
from siting.study import read_study
from siting.vocabulary import CatalogError, ResourceError, StudyError

SHIPPED = {
    "arco_era5", "copernicus_dem_30", "copernicus_dem_90", "esa_worldcover", "global_solar_atlas", "global_wind_atlas", "nasa_power_points",
    "nasa_power_regions", "pvgis_points",
}  # fmt: skip


@pytest.fixture
def own(tmp_path):
    """Folder with an entry of the user's."""
    text = (catalog.root() / "remote" / "global_wind_atlas.yaml").read_text(encoding="utf-8")
    (tmp_path / "my_wind.yaml").write_text(text.replace("id: global_wind_atlas", "id: my_wind"), encoding="utf-8")
    return tmp_path


def test_all_entries_stand():
    assert set(catalog.remote_entries()) == SHIPPED


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_entry_says_what_it_must(name):
    entry = catalog.remote_entry(name)
    assert entry.licence
    assert entry.citation
    assert entry.known_weaknesses
    assert entry.base.startswith("https://")


def test_classes_are_those_of_the_legend():
    from siting.landcover import legend

    entry = catalog.remote_entry("esa_worldcover")
    assert {int(number) for number in entry.classes} == {each.value for each in legend(entry.legend).classes}
    assert entry.nodata == legend(entry.legend).nodata


def test_words_for_people_fetch_nothing_anew():
    entry = catalog.remote_entry("global_wind_atlas")
    assert entry.model_copy(update={"title": "other"}).fingerprint == entry.fingerprint
    assert entry.model_copy(update={"version": "5"}).fingerprint != entry.fingerprint
    assert entry.model_copy(update={"nodata": 0.0}).fingerprint != entry.fingerprint


def test_own_folder_adds_entries(own, capsys):
    assert set(catalog.remote_entries(own)) == SHIPPED | {"my_wind"}
    app(["catalog", "list", "--catalog", str(own)], standalone_mode=False)
    assert "my_wind" in capsys.readouterr().out


@pytest.fixture(autouse=True)
def no_folders(monkeypatch):
    monkeypatch.setenv(remote.CATALOG_FOLDERS, "")


def test_check_counts_both_kinds(own, capsys):
    app(["catalog", "check", "--catalog", str(own)], standalone_mode=False)
    assert "10 that can be fetched" in capsys.readouterr().out


@pytest.mark.parametrize("taken", ["global_wind_atlas", "altitude"])
def test_own_entry_may_not_shadow_a_shipped_one(taken, own):
    text = (own / "my_wind.yaml").read_text(encoding="utf-8")
    (own / f"{taken}.yaml").write_text(text.replace("id: my_wind", f"id: {taken}"), encoding="utf-8")
    with pytest.raises(CatalogError, match="taken; fix: rename the entry"):
        catalog.remote_entries(own)


FAULTY = {
    "no stamps": ("stamps: none, ", "", "stamps"),
    "stamps of a raster": ("stamps: none", "stamps: start", "none for rasters"),
    "unknown adapter": ("adapter: cog_window", "adapter: cog", "adapter"),
    "key in the address": ("base: https://", "base: https://me:secret@", "keep keys out of the catalog"),
    "file as address": ("base: https://globalwindatlas.info", "base: file:///etc", "begin the address"),
    "no host": ("base: https://globalwindatlas.info", "base: https://", "begin the address"),
    "no licence": ("licence: CC-BY-4.0", "", "licence"),
    "no citation": ("citation:", "citatio:", "did you mean 'citation'"),
    "swapped coverage": ("[72.9, 14.9, 136.1, 55.1]", "[136.1, 14.9, 72.9, 55.1]", "west, south, east, north"),
    "no weaknesses": ("known_weaknesses:", "known_weakness:", "did you mean"),
    "no size": ("bytes_per_piece: 400000000", "bytes_per_piece: 0", "bytes_per_piece"),
    "a tag": ("version: ", "version: !!python/name:os.system ", "found the tag"),
    "legend without classes": ("adapter: ", "legend: esa_worldcover_2021\nadapter: ", "classes and legend"),
    "another id": ("id: my_wind", "id: other", "name file and id alike"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_entry_is_refused(name, own, tally):
    before, after, words = FAULTY[name]
    path = own / "my_wind.yaml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    remote._read.cache_clear()
    path.write_text(text.replace(before, after), encoding="utf-8")
    error = tally.refusal(f"remote entry: {name}", lambda: catalog.remote_entries(own))
    assert isinstance(error, CatalogError)
    assert words in str(error)


def test_unknown_dataset_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(CatalogError, match="did you mean 'esa_worldcover'"):
        catalog.remote_entry("esa_worldcovr")


STUDIES = {
    "raster as weather": ("weather: {source: store, dataset: global_wind_atlas, year: 2019}", "found rasters"),
    "weather as raster": ("layers: {altitude: {dataset: arco_era5}}", "hourly weather"),
    "wrong variable": ("layers: {altitude: {dataset: global_wind_atlas}}", "wind_speed_100m_mean"),
    "path and dataset": ("weather: {source: store, path: x, dataset: arco_era5, year: 2019}", "found both"),
    "synthetic with dataset": ("weather: {source: synthetic, dataset: arco_era5}", "expected no dataset"),
    "weather as land cover": ("land: {land_cover: {dataset: arco_era5}}", "hourly weather"),
    "terrain as land cover": ("land: {land_cover: {dataset: copernicus_dem_90}}", "with altitude, slope"),
    "land cover as slope": ("land: {slope: {dataset: esa_worldcover}}", "expected slope of one of the datasets"),
    "slope and its file": ("land: {slope: {dataset: copernicus_dem_90, path: a.tif}}", "found both"),
    "misspelt slope": ("land: {slope: {dataset: copernicus_dem_99}}", "did you mean 'copernicus_dem_90'"),
    "file and dataset": ("layers: {altitude: {dataset: copernicus_dem_90, path: a.tif}}", "found both"),
}


@pytest.mark.parametrize("name", STUDIES)
def test_study_with_the_wrong_dataset_is_refused(name, tmp_path):
    text, words = STUDIES[name]
    path = tmp_path / "study.yaml"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(StudyError) as refusal:
        read_study(path)
    assert words in str(refusal.value)
    assert_clear(str(refusal.value))


def test_year_that_a_dataset_lacks_is_refused(tmp_path):
    from siting.fetch import plan

    path = tmp_path / "study.yaml"
    path.write_text("weather: {source: store, dataset: pvgis_points, year: 1999}\n", encoding="utf-8")
    with pytest.raises(StudyError, match="Expected a year of 2005 to 2023"):
        plan(read_study(path))


def test_rasters_beyond_all_memory_are_refused_before_anything_is_fetched():
    from siting.catalog.rasters import check_mosaic

    assert check_mosaic((72.5, 14.5, 136.5, 55.5), 1 / 300) == (12_300, 19_200)
    with pytest.raises(ResourceError, match="choose a smaller region"):
        check_mosaic((-180.0, -60.0, 180.0, 84.0), 1 / 300)


def test_real_study_can_be_planned():
    from siting.fetch import plan

    items = plan(read_study("northwest_real"))
    tiles = {item.job.entry.id: len(item.missing) for item in items if item.job.entry.tiled}
    # of 1242 and 152 within the bounds, those that touch the provinces
    assert tiles["copernicus_dem_90"] < 750
    assert tiles["esa_worldcover"] < 110
    assert {item.job.entry.id for item in items} == {
        "copernicus_dem_90", "esa_worldcover", "global_solar_atlas", "global_wind_atlas", "nasa_power_regions",
    }  # fmt: skip
