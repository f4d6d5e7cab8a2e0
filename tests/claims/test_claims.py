"""Claims: the verdicts that are known, the logic behind them, and what is refused."""

from __future__ import annotations

import copy

import pytest
import typer
import yaml
from hypothesis import given
from hypothesis import strategies as st

from siting import catalog
from siting.claims import Claim, check_claim, markdown_table, read_claims
from siting.claims.arithmetic import units
from siting.cli import app
from siting.vocabulary import CatalogError, SitingError, UnitsError

SHIPPED = {claim.id: check_claim(claim) for claim in read_claims()}

BASE = {
    "id": "half", "statement": "Half is renewable", "source": "someone", "quantity": "renewable share", "unit": "%", "scope": "generation",
    "place": "CN-QH", "year": 2021, "said": {"value": 50},
    "figures": {
        "part": {"about": "green", "value": 10, "unit": "TWh", "source": "a table", "confidence": "high"},
        "whole": {"about": "all", "value": 20, "unit": "TWh", "source": "a table", "confidence": "high"},
    },
    "calculation": {"kind": "ratio", "cases": [{"label": "as said", "over": [["part"]], "under": [["whole"]]}]},
}  # fmt: skip


def changed(**changes):
    content = copy.deepcopy(BASE)
    for path, value in changes.items():
        *keys, last = path.split("__")
        place = content
        for key in keys:
            place = place[key]
        place.pop(last) if value is None else place.update({last: value})
    return content


def write(folder, content):
    path = folder / "claim.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("qinghai_feed_in", "reproduced", "85.54 %"),
        ("national_renewables", "reproduced", "29.7 %"),
        ("qinghai_wind_capacity", "mis-attributed", "Qinghai's hydro power in all capacity in Qinghai"),
        ("qinghai_pv_capacity", "mis-attributed", "Qinghai's PV in all capacity in Qinghai"),
        ("pv_electricity", "boundary-dependent", "not for with silicon"),
        ("ordos_share", "boundary-dependent", "planned structure of supply"),
        ("initiative_totals", "plausible", "consistent with each other"),
        ("national_parks", "reproduced", "25.24 to 25.35 %"),
        ("kuqa_hydrogen", "refuted", "covers 56.18 to 59.42 % and makes 11.24 to 11.88 kt"),
        ("ordos_hydrogen", "plausible", "29.13 to 34.62 kt"),
        ("chifeng_ammonia", "plausible", "kt"),
        ("trina_demand", "reproduced", "14.61 TWh"),
        ("pv_neutralises", "boundary-dependent", "holds for with exports netted as an offset"),
    ],
)
def test_shipped_claims_get_the_verdict_that_is_known(name, verdict, words):
    assert SHIPPED[name].verdict == verdict
    assert words in SHIPPED[name].summary


def test_all_shipped_claims_are_judged_here():
    assert len(SHIPPED) == 13


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("initiative_totals", "= 2.069 kg/USD"),
        ("initiative_totals", "= 167 t/job"),
        ("initiative_totals", "= 80,741 USD/job"),
        ("qinghai_wind_capacity", "national wind capacity 328 GW = 2.899 % (as claimed)"),
        ("qinghai_feed_in", "without hydro: wind and solar in the generation 34.4 %"),
        ("pv_electricity", "= 84.02 %: disagrees"),
        ("pv_electricity", "= 60.56 %: disagrees"),
        ("chifeng_ammonia", "3,040 to 3,520 GWh"),
        ("kuqa_hydrogen", "= 1,040 to 1,100 GWh"),
        ("ordos_share", "= 84 %"),
        ("ordos_share", "reported as reached: green power reached 70 %: disagrees"),
    ],
)
def test_calculations_are_shown(name, step):
    assert any(step in line for line in SHIPPED[name].steps), SHIPPED[name].steps


def test_a_kilotonne_is_no_knot():
    assert units().Quantity(1.0, "kt").to("t").magnitude == pytest.approx(1000)
    assert units().Quantity(1.0, "Mt/TWh").to("kg/kWh").magnitude == pytest.approx(1)


def finding(**changes):
    return check_claim(Claim.model_validate(changed(**changes)))


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "reproduced"),
        ({"said__value": 51}, "reproduced"),
        ({"said__value": 52}, "refuted"),
        ({"said": {"value": 40, "relation": "above"}}, "reproduced"),
        ({"said": {"value": 60, "relation": "above"}}, "refuted"),
        ({"said": {"value": 60, "relation": "below"}}, "reproduced"),
        ({"said": {"value": 40, "relation": "below"}}, "refuted"),
        ({"figures__part__confidence": "low"}, "plausible"),
        ({"figures__part__unit": "GWh"}, "refuted"),
        ({"figures__part": {"about": "green", "low": 8, "high": 12, "unit": "TWh", "source": "a", "confidence": "high"}}, "reproduced"),
    ],
)
def test_ratio(changes, verdict):
    assert finding(**changes).verdict == verdict


def test_boundaries_decide():
    cases = [*BASE["calculation"]["cases"], {"label": "of nothing else", "role": "boundary", "over": [["part"]], "under": [["part"]]}]
    assert finding(calculation__cases=cases).verdict == "boundary-dependent"
    cases[1]["role"] = "context"
    assert finding(calculation__cases=cases).verdict == "reproduced"


@pytest.mark.parametrize(("said", "verdict"), [(50, "reproduced"), (25, "mis-attributed"), (10, "refuted")])
def test_attribution(said, verdict):
    figures = BASE["figures"] | {"other": {"about": "another", "value": 40, "unit": "TWh", "source": "a table", "confidence": "high"}}
    calculation = {"kind": "attribution", "part": "part", "whole": "whole", "parts": ["part"], "wholes": ["whole", "other"]}
    assert finding(figures=figures, calculation=calculation, said__value=said).verdict == verdict


@given(st.floats(1, 1e4), st.floats(1, 1e4), st.floats(0.1, 100))
def test_energy_balance_is_refuted_where_energy_is_short(supply, product, specific):
    said = {"value": product}
    made = lambda value, unit: {"about": "x", "value": value, "unit": unit, "source": "a", "confidence": "high"}  # noqa: E731
    found = finding(
        unit="kt",
        said=said,
        figures={"supply": made(supply, "GWh"), "specific": made(specific, "MWh/t")},
        calculation={"kind": "energy_balance", "supply": [["supply"]], "specific": "specific"},
    )
    short = supply < 0.98 * product * specific * (1 - 1e-9)
    assert found.verdict == ("refuted" if short else "plausible")


def test_intensity_out_of_range_is_refuted():
    case = BASE["calculation"]["cases"][0] | {"range": {"low": 60, "high": 90, "unit": "%", "source": "experience"}}
    assert finding(calculation={"kind": "intensity", "cases": [case]}).verdict == "refuted"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unit": None}, "expected the key 'unit', found none"),
        ({"year": None}, "expected the key 'year', found none"),
        ({"source": None}, "expected the key 'source', found none"),
        ({"said__value": 130}, "expected a share of 0 to 100 %, found 130"),
        ({"figures__part__source": None}, "expected value (or low and high), unit, source and confidence"),
        ({"figures__part__unit": None}, "expected value (or low and high), unit, source and confidence"),
        ({"figures__part__entry": "provinces"}, "complete one of the two"),
        ({"figures__said": BASE["figures"]["part"]}, "other than 'said'"),
        ({"calculation__kind": "guess"}, "calculation"),
        ({"calculation__cases": [{"label": "x", "over": [["green"]]}]}, "found 'green' in the calculation"),
        ({"verdict": "true"}, "expected a known key, found 'verdict'"),
    ],
)
def test_faulty_claims_are_refused_in_one_line(tmp_path, changes, words):
    with pytest.raises(CatalogError, match=r"^claim\.yaml:\d+: ") as error:
        read_claims(write(tmp_path, changed(**changes)))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


CELL = {"about": "x", "entry": "provinces", "row": "CN-XZ", "column": "grid_emission_factor_2022"}


@pytest.mark.parametrize(
    ("changes", "words", "kind"),
    [
        ({"unit": "knots"}, "found 'knots'", UnitsError),
        ({"figures__part__unit": "parsec"}, "found 'parsec'", UnitsError),
        ({"figures__part__unit": "kg"}, "Expected renewable share in %", UnitsError),
        ({"figures__part": CELL}, "found grid_emission_factor_2022 of CN-XZ to be empty", CatalogError),
        ({"figures__part": CELL | {"row": "CN-QQ"}}, "found row 'CN-QQ'", CatalogError),
        ({"figures__part": CELL | {"entry": "province"}}, "did you mean 'provinces'?", CatalogError),
        ({"calculation__cases": [{"label": "x", "over": [["part"], ["said"]]}]}, "Expected like quantities", UnitsError),
    ],
)
def test_figures_that_do_not_fit_are_refused_in_one_line(tmp_path, changes, words, kind):
    (claim,) = read_claims(write(tmp_path, changed(**changes)))
    with pytest.raises(kind) as error:
        check_claim(claim)
    assert isinstance(error.value, SitingError)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_table_is_whole():
    table = markdown_table(list(SHIPPED.values()))
    assert table.count("\n") == 1 + len(SHIPPED)
    assert all(line.count("|") == 6 for line in table.splitlines())


def test_page_of_claims_is_up_to_date():
    page = (catalog.root().parent / "notebooks" / "claims.md").read_text(encoding="utf-8")
    assert markdown_table(list(SHIPPED.values())) in page, "paste what `siting claims --markdown` prints into notebooks/claims.md"


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--json", "--markdown"], "found both"), (["--hours"], "expected a claim with the section dispatch for --hours, found none")],
)
def test_options_that_say_nothing_together_are_refused(options, words):
    file = str(catalog.root() / "claims" / "kuqa_hydrogen.yaml")
    with pytest.raises(typer.BadParameter, match=words):
        app(["claims", file, *options], standalone_mode=False)
