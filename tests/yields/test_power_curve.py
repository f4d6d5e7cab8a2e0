"""Power curves: what is read, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from siting.vocabulary import CatalogError, UnitsError
from siting.yields.power_curve import PowerCurve, load_power_curve, turbine_names

SPEEDS = (0.0, 3.0, 6.0, 9.0, 12.0, 25.0, 26.0)
POWERS = (0.0, 0.0, 800.0, 2500.0, 4000.0, 4000.0, 0.0)


def curve(speeds=SPEEDS, powers=POWERS, nominal=4000.0) -> PowerCurve:
    return PowerCurve("mine", tuple(speeds), tuple(powers), nominal)


def write(folder: Path, text: str) -> str:
    (folder / "mine.csv").write_text(text, encoding="utf-8")
    return "mine.csv"


def test_catalog_has_the_default_turbine_as_published():
    """NREL's bespoke 6 MW machine with 196 m rotor: 3680 kW at 7.5 m/s, output from 3.25 to 22 m/s."""
    found = load_power_curve("NREL_6MW_196")
    assert found.nominal_power == 6000
    assert found.power[found.wind_speed.index(7.5)] == pytest.approx(3680.342, abs=0.05)
    assert found.cut_out == 22.0
    assert found.hub_height is not None


@pytest.mark.parametrize("name", turbine_names())
def test_all_turbines_of_the_catalog_are_sound(name):
    found = load_power_curve(name)
    assert found.hub_height
    assert 15 <= found.cut_out <= 35
    assert max(found.power) == pytest.approx(found.nominal_power, rel=0.02)


def test_unknown_turbine_gets_the_nearest_name():
    with pytest.raises(CatalogError, match=r"found 'NREL_6MW_195'; did you mean 'NREL_6MW_19\d'\?"):
        load_power_curve("NREL_6MW_195")


def test_zeros_above_the_cut_out_are_dropped():
    found = curve()
    assert found.cut_out == 25.0
    assert found.until_cut_out() == (SPEEDS[:-1], POWERS[:-1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"speeds": SPEEDS[:4], "powers": POWERS[:4]}, "at least 5 points, found 4 speeds and 4 powers"),
        ({"powers": POWERS[:-1]}, "found 7 speeds and 6 powers"),
        ({"speeds": (0.0, 3.0, 3.0, 9.0, 12.0, 25.0, 26.0)}, "found 3 m s-1 out of order"),
        ({"speeds": (-1.0, *SPEEDS[1:])}, "ascend from 0 or more"),
        ({"speeds": (0.0, float("nan"), *SPEEDS[2:])}, "found a gap in point 2"),
        ({"powers": (0.0, -5.0, *POWERS[2:])}, "powers from 0 to 1.03 times the nominal 4000 kW, found -5 to 4000 kW"),
        ({"nominal": 3880.0}, "1.03 times the nominal 3880 kW, found 0 to 4000 kW"),
        ({"nominal": 4_000_000.0}, "come near the nominal 4e.06 kW, found at most 4000 kW"),
        ({"nominal": 0.0}, "times the nominal 0 kW"),
        ({"powers": (1.0, *POWERS[1:])}, "starts at or below the cut-in speed, found 1 kW at its first speed 0 m s-1"),
        ({"powers": (800.0, *POWERS[1:])}, "starts at or below the cut-in speed, found 800 kW at its first speed 0 m s-1"),
    ],
)
def test_tables_that_are_no_power_curve_are_refused_in_one_line(change, said):
    with pytest.raises(UnitsError, match=said) as caught:
        curve(**change)
    assert re.fullmatch(r"Power curve mine: expected .+; mend the table of wind_speed \[m s-1\] and power \[kW\]\.", str(caught.value))


def test_overshoot_of_a_measured_curve_is_accepted():
    assert curve(nominal=3950.0).nominal_power == 3950.0


def test_own_table_is_read_from_the_folder_of_the_study(tmp_path):
    rows = "\n".join(f"{speed},{power},4100,130" for speed, power in zip(SPEEDS, POWERS, strict=True))
    found = load_power_curve(write(tmp_path, f"wind_speed,power,nominal_power,hub_height\n{rows}\n"), tmp_path)
    assert found == PowerCurve("mine.csv", SPEEDS, POWERS, 4100.0, 130.0)


def test_own_table_without_extras_is_rated_at_its_highest_power(tmp_path):
    rows = "\n".join(f"{speed},{power}" for speed, power in zip(SPEEDS, POWERS, strict=True))
    found = load_power_curve(write(tmp_path, f"wind_speed,power\n{rows}\n"), tmp_path)
    assert (found.nominal_power, found.hub_height) == (4000.0, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("speed,power\n1,2\n", "expected columns wind_speed and power, found speed, power"),
        ("wind_speed,power\n3,zero\n", "expected a CSV table of numbers, found could not convert"),
        ("", "expected a CSV table of numbers, found No columns"),
        ("wind_speed,power\n", "at least 5 points, found 0 speeds"),
        ("wind_speed,power\n3,0\n4,\n5,100\n6,200\n7,300\n", "found a gap in point 2"),
        (
            "wind_speed,power,hub_height\n3,0,100\n4,5,120\n5,100,100\n6,200,100\n7,300,100\n",
            "expected one hub_height in all rows, found 2",
        ),
    ],
)
def test_own_tables_with_faults_are_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(UnitsError, match=said) as caught:
        load_power_curve(write(tmp_path, text), tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    "path", ["nowhere.csv", "https://example.org/curve.csv", "nul\0.csv", "folder.csv", "../outside.csv", "/etc/x.csv"]
)
def test_paths_without_a_table_beside_the_study_are_refused(tmp_path, path):
    study = tmp_path / "study"
    (study / "folder.csv").mkdir(parents=True)
    (tmp_path / "outside.csv").write_text("wind_speed,power\n", encoding="utf-8")
    with pytest.raises(CatalogError, match=r"^Expected .*; fix: "):
        load_power_curve(path, study)
