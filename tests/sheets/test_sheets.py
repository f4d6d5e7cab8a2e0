"""Sheets of provinces, places and clusters: figures that are known, the same numbers as a run, and what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

import siting
from siting import catalog
from siting.demand import Load, hourly_load
from siting.place import OUTSIDE, OutsideError, place_study, rate_place
from siting.policy import Facts
from siting.sheets.acceptance import PROOFS, read_schemes
from siting.sheets.clusters import DIFFERENCES, clusters_sheet, rate_clusters
from siting.sheets.ledger import ledger
from siting.sheets.page import Section, Sheet
from siting.sheets.province import find_province, province_sheet
from siting.sheets.site import place_assumptions, read_load, site_sheet
from siting.study import Study
from siting.supply import Supply
from siting.vocabulary import OutputError, SitingError, StudyError

TABLE = catalog.open_entry("provinces")


@pytest.fixture(scope="module")
def xining():
    return site_sheet(101.72, 36.5, place_assumptions(Load()), 2030)


@pytest.mark.parametrize("code", list(TABLE.index))
def test_provinces_are_found_by_any_name(code):
    row = TABLE.loc[code]
    assert {find_province(each) for each in (code, code.lower(), row["province"], row["province"].upper(), row["province_zh"])} == {code}


@pytest.mark.parametrize(
    ("name", "code"),
    [("青海省", "CN-QH"), ("Qinghai Province", "CN-QH"), ("inner  mongolia", "CN-NM"), ("InnerMongolia", "CN-NM"), ("qh", "CN-QH")],
)
def test_provinces_are_found_by_other_spellings(name, code):
    assert find_province(name) == code


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Qinhai", "'Qinghai'"), ("Shanxxi", "'Sha"), ("CN-QQ", "'"), ("Bavaria", ""), ("", "write Qinghai"), ("青岛", "'Qinghai'")],
)
def test_unknown_provinces_are_refused_with_a_hint(name, hint):
    with pytest.raises(StudyError, match="fix: ") as error:
        find_province(name)
    assert hint in str(error.value)


def test_qinghai_is_told_by_method():
    data = province_sheet("Qinghai").data
    assert data["mix"][2021]["renewable_share"] == pytest.approx(0.845)
    assert data["official_renewable_share_2021"] == pytest.approx(0.855)
    assert data["factors"]["location_2022"] == 0.1567
    assert data["factors"]["identity_error"] == pytest.approx(-0.10, abs=0.005)
    assert not data["importer"]
    text = province_sheet("Qinghai").text()
    assert "within the band" in text


def test_regional_grid_is_told_beside_the_province():
    """North-west, 2022: 0.5857 kg/kWh (MEE)."""
    sheet = province_sheet("Qinghai")
    grid = sheet.data["regional_grid_2022"]
    assert grid["factor"] == 0.5857
    assert grid["factor_by_consumption"] == pytest.approx(0.5857, rel=0.04)
    text = " ".join(sheet.text(200).split())
    assert "REGIONAL GRID, 2022: NORTHWEST" in text
    assert "factor, published 0.5857 kg/kWh" in text
    assert "are left out" in province_sheet("Sichuan").text(200)


def test_exporters_keep_to_the_identity_and_importers_are_flagged():
    """Fossil share times fossil factor is within 14 % for all provinces that generate what they use."""
    sheets = {code: province_sheet(code) for code in TABLE.index}
    kept = [code for code, sheet in sheets.items() if not sheet.data["importer"] and code != "CN-XZ"]
    assert len(kept) == 15
    assert all(abs(sheets[code].data["factors"]["identity_error"]) <= 0.14 for code in kept)
    for code in ("CN-BJ", "CN-SH", "CN-GD", "CN-CQ"):
        assert sheets[code].data["factors"]["identity_error"] >= 0.20
        assert "A net importer" in sheets[code].text()


def test_tibet_has_no_factor():
    sheet = province_sheet("Tibet")
    assert math.isnan(sheet.data["factors"]["location_2022"])
    assert json.loads(sheet.json())["factors"]["location_2022"] is None
    assert "unknown, never 0" in sheet.text()


def test_hours_are_shown_and_drawn_by_month():
    """The carbon-free share of Gansu is higher by day, and its table averages to the year's share of the same hours."""
    sheet = province_sheet("Gansu")
    table = np.array(sheet.data["carbon_free_share_by_month_and_hour"])
    assert table.shape == (12, 24)
    assert ((table >= 0) & (table <= 1)).all()
    assert table[:, 12:15].mean() > table[:, 0:3].mean()
    assert sheet.html().count("<title>month") == 288
    assert 0.04 <= sheet.data["carbon_free_share_error"] < 0.15
    error = f"{100 * sheet.data['carbon_free_share_error']:.0f} points of standard error"
    assert f"modelled, not measured: {error} in the mean hour" in " ".join(sheet.text().split())


def test_place_has_the_numbers_of_a_run(xining):
    """The cell is rated as a run of a study that holds it among others."""
    study = place_assumptions(Load())
    region = Study.model_validate({"region": {"bbox": (101.2, 36.2, 102.2, 36.8)}}).region
    study = study.model_copy(update={"region": region, "robustness": study.robustness.model_copy(update={"seeds": 1})})
    sites = siting.run(study, scheduler="synchronous").sites
    _, alone = rate_place(101.72, 36.5, study)
    there = sites.sel(site=alone["site"])
    assert sites.sizes["site"] > 1
    for name in ("delivered_cost", "pv_capacity", "battery_energy", "matched_share", "scope2_location", "score", "wind_full_load_hours"):
        np.testing.assert_array_equal(there[name], alone[name])
    assert xining.data["targets"]["0.9"]["delivered_cost"] == float(alone["delivered_cost"].sel(target=0.9).item())


def test_place_stands_in_its_cell():
    for longitude, latitude in ((101.72, 36.5), (80.0, 40.0), (120.7, 31.3)):
        west, south, east, north = place_study(longitude, latitude, Study()).region.bbox
        assert abs((west + east) / 2 - longitude) < 0.25
        assert abs((south + north) / 2 - latitude) < 0.2


def test_place_is_held_to_the_rules_of_the_year(xining):
    rules = {rule["rule"]: rule for rule in xining.data["rules"]["0.9"]}
    assert rules["direct_connection_own_share"]["threshold"] == 0.35
    assert rules["direct_connection_own_share"]["result"] == "pass"
    assert rules["zero_carbon_park_carbon"]["result"] == "fail"
    assert rules["zero_carbon_park_carbon"]["value"] == pytest.approx(0.432, abs=2e-3)
    assert rules["zero_carbon_park_clean"]["result"] == "pass"
    assert "short of it" in xining.text()
    said = " ".join(xining.text().split())
    assert "Unknown: Renewable power in the consumption: " in said
    assert "the threshold is set every year, none is embedded after 2025-12-31" in said
    for target, mix in xining.data["targets"].items():
        own = next(rule for rule in xining.data["rules"][target] if rule["rule"] == "direct_connection_self_use")
        assert own["value"] == pytest.approx(mix["matched_share"] * xining.data["load_energy"] / mix["generation"], rel=1e-6)


def test_both_scope_2_figures_are_those_of_the_ledger(xining):
    """0.1567 of Qinghai, and the national average without traded carbon-free power of 2022."""
    figures = xining.data["ledger"]
    for target, mix in xining.data["targets"].items():
        drawn = mix["import_energy"] / xining.data["load_energy"]
        assert figures["scope2_location"]["values"][target] == pytest.approx(drawn * 0.1567)
        assert figures["scope2_market"]["values"][target] == pytest.approx(drawn * 0.5856)
        assert 0 < figures["scope2_location_hourly"]["values"][target] < drawn * 0.5
        assert mix["matched_share"] < figures["cfe_total"]["values"][target] < 1
    for figure in figures.values():
        assert {"method", "year", "factor", "unit"} <= figure.keys()
        assert figure["year"] == 2022
    assert figures["scope2_location"]["factor_kg_per_kwh"] == pytest.approx(0.1567)
    for words in ("here 0.1567 kg/kWh", "market-based, annual matching within country; 2022", "here 0.5856 kg/kWh"):
        assert words in " ".join(xining.text().split())
        assert words in xining.html()


def test_ledger_of_a_sheet_follows_the_accounting_of_the_study():
    """The average of the north-west in place of the residual mix."""
    study = Study(accounting={"unmatched": "average", "boundary": "regional_grid"}, supply={"targets": (0.9,)})
    _, site = rate_place(101.72, 36.5, study)
    market = ledger(site, study.accounting)["scope2_market"]
    assert market["factor_kg_per_kwh"] == pytest.approx(0.5857)
    drawn = (site["import_energy"] / site["load_energy"]).item()
    assert market["values"]["0.9"] == pytest.approx(drawn * 0.5857)
    assert market["factor"] == "average, of the regional grid"


def test_costs_rise_towards_the_last_hours(xining):
    costs = [mix["island_cost"] for mix in xining.data["targets"].values()]
    assert costs == sorted(costs)


def test_sheets_are_told_as_text_page_and_json(xining, tmp_path):
    assert "WHO ACCEPTS WHAT" in xining.text()
    figures = json.loads(xining.json())
    assert figures["province"] == "CN-QH"
    assert len(figures["acceptance"]) == 6
    xining.write_html(tmp_path / "sheet.html")
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert "发改能源〔2025〕650号" in page
    assert "http" not in page
    assert [file.name for file in tmp_path.iterdir()] == ["sheet.html"]


def test_hostile_words_stay_words():
    sheet = Sheet("<script>", (Section("[bold]x", ("[red]a",), (("<img src=x>",),), ("[/]",)),), {"x": math.inf})
    assert "<script>" not in sheet.html().split("<body>")[1]
    assert "<img" not in sheet.html()
    assert "[RED]A" in sheet.text().upper()
    assert json.loads(sheet.json()) == {"x": None}


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="fix: choose another one"):
        province_sheet("Qinghai").write_html(tmp_path / "taken")
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((4.05, 51.95), OUTSIDE),
        ((36.5, 101.7), "longitude comes first"),
        ((122.9, 32.0), "outside its provinces"),
        ((100.5, 48.0), OUTSIDE),
    ],
)
def test_places_without_data_are_refused(place, words):
    with pytest.raises(OutsideError, match="fix: ") as error:
        rate_place(*place, Study())
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_one_place_alone_is_no_study_of_distant_plants():
    with pytest.raises(StudyError, match=r"Expected placement\.where: own_land for one place alone, found radius; run the study"):
        rate_place(101.72, 36.5, Study(placement={"where": "radius"}))


def test_cost_without_a_price_is_unknown_and_not_out_of_reach():
    """Plants at Lhasa reach the target; Tibet has no published price or factor."""
    study = place_assumptions(Load()).model_copy(update={"supply": Supply(targets=(0.9,))})
    sheet = site_sheet(91.1, 29.65, study, 2026)
    text = " ".join(sheet.text(200).split())
    assert "90% unknown" in text
    assert "out of reach" not in text
    assert "no price of grid power is embedded for this province" in text
    assert math.isnan(sheet.data["ledger"]["scope2_location"]["values"]["0.9"])
    assert sheet.data["targets"]["0.9"]["pv_capacity"] > 0


def test_place_where_nothing_may_stand_says_why():
    with pytest.raises(StudyError, match=r"too high|lakes|national park"):
        site_sheet(88.0, 34.0, place_assumptions(Load()), 2026, Facts())


def test_load_is_read_from_a_file(tmp_path):
    (tmp_path / "load.yaml").write_text("mean_mw: 20\nprofile: two_shift\n", encoding="utf-8")
    assert read_load(tmp_path / "load.yaml").mean_mw == 20
    (tmp_path / "load.yaml").write_text("mean: 20\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"load\.yaml:1: expected a known key, found 'mean'; fix: did you mean 'mean_mw'"):
        read_load(tmp_path / "load.yaml")


def hours_file(folder, *, year=2023, change=None):
    """A year of hours in CSV, 40 MW by day and 20 MW by night."""
    stamps = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", inclusive="left")
    lines = [f"{stamp:%Y-%m-%d %H:%M},{40 if 8 <= stamp.hour < 20 else 20}" for stamp in stamps]
    change = change or (lambda lines: lines)
    (folder / "hours.csv").write_text("\n".join(["time,load", *change(lines)]) + "\n", encoding="utf-8")
    return folder / "hours.csv"


def test_hours_in_csv_are_a_load(tmp_path):
    load = read_load(hours_file(tmp_path), "MW")
    study = place_assumptions(load).model_copy(update={"supply": Supply(targets=(0.9,))})
    sheet = site_sheet(101.72, 36.5, study, 2030)
    assert sheet.data["load_energy"] == pytest.approx(30 * 8760)
    assert "263 GWh a year; measured hours of hours.csv (MW, stamps in Asia/Shanghai)" in " ".join(sheet.text(200).split())
    (tmp_path / "load.yaml").write_text("measured: {path: hours.csv, unit: kW, timezone: UTC}\n", encoding="utf-8")
    assert read_load(tmp_path / "load.yaml").measured.open().mean() == pytest.approx(0.03)


def test_hours_of_a_leap_year_are_taken_by_a_sheet(tmp_path):
    load = read_load(hours_file(tmp_path, year=2024), "MW")
    assert hourly_load(load, np.arange("2013-01-01", "2014-01-01", dtype="datetime64[h]")).mean() == pytest.approx(30)


@pytest.mark.parametrize(
    ("unit", "change", "words"),
    [
        (None, None, r"Expected the unit of the hours in hours\.csv, found none; fix: add --unit kW"),
        ("GW", None, "found GW; fix: add --unit kW or --unit MW"),
        ("MW", lambda lines: lines[:-1], r"8,760 hours of a calendar year in Asia/Shanghai, found 8,759"),
        ("MW", lambda lines: lines[:99] + lines[100:], r"hours\.csv:101: expected every hour once in order.*1 hours missing"),
        ("MW", lambda lines: [*lines[:5], "2023-01-01 05:00,-3", *lines[6:]], r"hours\.csv:7: expected a load of 0 or more, found -3"),
        ("MW", lambda lines: [*lines[:5], "2023-01-01 05:00,", *lines[6:]], r"hours\.csv:7: expected a load in every hour"),
        ("MW", lambda lines: [*lines[:5], "5 o'clock,3", *lines[6:]], r"hours\.csv:7: expected the start of an hour"),
        ("MW", lambda lines: [f"{line},x" for line in lines], r"hours\.csv:2: expected two columns, found 3"),
        ("MW", lambda lines: [line.replace(",", ",9") + "000" for line in lines], "fix: check the unit"),
    ],
)
def test_faulty_hours_are_refused_in_one_line(tmp_path, unit, change, words):
    with pytest.raises(SitingError, match=words) as error:
        read_load(hours_file(tmp_path, change=change), unit)
    assert "\n" not in str(error.value)


def test_units_and_zones_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(StudyError, match="Expected an IANA time zone such as Asia/Shanghai, found 'Beijing'; fix: "):
        read_load(hours_file(tmp_path), "MW", "Beijing")
    (tmp_path / "load.yaml").write_text("mean_mw: 20\n", encoding="utf-8")
    with pytest.raises(StudyError, match="leave out --unit"):
        read_load(tmp_path / "load.yaml", "MW")


def test_seventeen_members_and_six_more_stand_in_the_catalog():
    table = catalog.open_entry("clusters").set_index("id")
    members = table[table["membership"] != ""]
    names = {name.split(" - ")[0] for name in members["name"]}
    assert (members.loc[members["membership"] == "new", "name"].str.split(" - ").str[0].nunique(), len(names)) == (9, 17)
    assert {"teda", "sip_suzhou", "rotterdam", "trina_xining", "longi_jiaxing", "esquel"} <= set(table.index)
    assert (table["source"] != "").all()
    assert set(table["confidence"]) <= {"high", "medium", "low"}
    assert set(table["announced_kind"]) <= set(DIFFERENCES)


def test_named_clusters_in_china_are_evaluated_and_others_say_fetch():
    table = catalog.open_entry("clusters")
    study = Study()
    records = rate_clusters(study)
    for record in records:
        if record["country"] == "CN":
            assert record["status"] == "evaluated"
            assert record["modelled"]["targets"]["0.9"]["matched_share"] == pytest.approx(0.9, abs=1e-3)
            assert record["why_they_differ"]
        else:
            assert record["status"] == OUTSIDE
            assert "modelled" not in record
    assert len(records) == len(table)
    ordos = next(record for record in records if record["id"] == "ordos_envision")
    _, alone = rate_place(ordos["longitude"], ordos["latitude"], study)
    assert ordos["modelled"]["score"] == float(alone["score"].item())
    sheet = clusters_sheet(study, table[table["id"].isin(["trina_xining", "rotterdam"])])
    assert "85 % grid share" in sheet.text()
    assert "hydro power included" in " ".join(sheet.html().split())
    assert "no hour was measured" in " ".join(sheet.text().split())
    assert "…" not in sheet.text(150)
    assert json.loads(sheet.json())["clusters"][0]["announced_green_share"] == 0.85


def test_schemes_answer_for_every_proof():
    schemes = {scheme.id: scheme for scheme in read_schemes(2026)}
    assert set(schemes) == {"ghg_protocol_2015", "ghg_protocol_draft", "re100", "cbam", "eu_batteries", "zero_carbon_parks"}
    assert all(set(scheme.accepts) == set(PROOFS) for scheme in schemes.values())
    assert schemes["cbam"].accepts["certificate"].accepted == "no"
    assert schemes["re100"].accepts["certificate"].accepted == "yes"
    assert "cbam" not in {scheme.id for scheme in read_schemes(2025)}
