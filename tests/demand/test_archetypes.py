import numpy as np
import pandas as pd
import pytest

from siting import catalog
from siting.demand import Load, Tenant, archetypes, hourly_load
from siting.demand.archetypes import lunar_new_year
from siting.vocabulary import StudyError


def year(number=2013):
    return pd.date_range(f"{number}-01-01", f"{number + 1}-01-01", freq="h", inclusive="left")


def local_series(profile, number=2013):
    return pd.Series(hourly_load(Load(profile=profile), year(number)), year(number).tz_localize("UTC").tz_convert("Asia/Shanghai"))


def test_the_catalog_is_complete_and_in_order():
    table = catalog.open_entry("archetypes")
    levels = table[["day_level", "night_level", "weekend_level", "maintenance_level", "new_year_dip", "minimum_load", "shiftable_share"]]
    assert levels.min().min() >= 0
    assert levels.max().max() <= 1
    known = table.dropna(subset="electricity")
    assert len(known) >= 25
    assert (known["electricity_low"] <= known["electricity"]).all()
    assert (known["electricity"] <= known["electricity_high"]).all()
    assert set(table["shape_confidence"]) <= {"high", "medium", "low"}
    assert set(known["electricity_confidence"]) <= {"high", "medium", "low"}
    assert (table["source"].str.len() > 0).all()


@pytest.mark.parametrize(
    ("profile", "low", "high"),
    [("aluminium", 13_300, 13_600), ("steel_h2", 3_400, 3_800), ("electrolysis", 52, 55), ("ammonia", 9_500, 11_000), ("ingot", 20, 26)],
)
def test_specific_electricity_of_the_literature(profile, low, high):
    assert low <= archetypes()[profile].electricity <= high


def test_a_data_centre_has_a_load_factor_of_80_to_90_per_cent():
    series = local_series("data_centre")
    assert 0.8 <= series.mean() / series.max() <= 0.9


def test_a_smelter_never_stops():
    assert np.ptp(local_series("aluminium")) == 0


def test_maintenance_is_a_span_of_civil_days():
    series = local_series("polysilicon")
    stop = series["2013-06-01":"2013-06-10"]
    assert stop.size == 240
    np.testing.assert_allclose(stop / series["2013-05-31"].iloc[0], 0.2)
    assert series["2013-06-11"].iloc[0] == series["2013-05-31"].iloc[-1]


def test_light_industry_rests_around_the_lunar_new_year():
    """10 February 2013: ten days from the 7th at 40 % less; a Thursday beside the Thursday before."""
    series = local_series("module")
    np.testing.assert_allclose(series["2013-02-07"].to_numpy() / series["2013-01-31"].to_numpy(), 0.6)
    assert series["2013-02-06"].iloc[0] == series["2013-01-30"].iloc[0]
    assert series["2013-02-18"].iloc[0] == series["2013-01-28"].iloc[0]


@pytest.mark.parametrize("date", ["1985-02-20", "2000-02-05", "2013-02-10", "2020-01-25", "2024-02-10", "2025-01-29", "2033-01-31"])
def test_lunar_new_years_of_the_calendar(date):
    assert lunar_new_year(int(date[:4])) == np.datetime64(date)


def test_every_lunar_new_year_is_a_new_moon():
    """Mean new moon of 6 January 2000, 14:20 UTC plus the largest term: true dates depart from it by less than a day and a half."""
    for each in range(1940, 2061):
        date = lunar_new_year(each)
        days = (date - np.datetime64("2000-01-06T22:20")) / np.timedelta64(1, "D") + 0.5
        assert abs((days / 29.530588861 + 0.5) % 1 - 0.5) * 29.53 < 1.5
        assert np.datetime64(f"{each}-01-21") <= date <= np.datetime64(f"{each}-02-21")


def test_a_year_without_a_known_lunar_new_year_is_refused():
    with pytest.raises(StudyError, match=r"1940 to 2060 .* found 2070"):
        hourly_load(Load(profile="module"), year(2070))


def test_heats_of_an_arc_furnace_burn_35_of_50_minutes():
    series = local_series("eaf")["2013-03-04":"2013-03-08"]
    shares = series / series.mean() * 0.7
    assert series.nunique() > 2
    assert shares.max() == pytest.approx(45 / 60, rel=1e-9)
    assert shares.min() == pytest.approx(35 / 60, rel=1e-9)


@pytest.mark.parametrize("profile", sorted(archetypes()))
def test_part_of_a_year_has_the_values_of_the_year(profile):
    load, part = Load(profile=profile, timezone="Asia/Kathmandu"), slice(700, 1400)
    np.testing.assert_array_equal(hourly_load(load, year()[part]), hourly_load(load, year())[part])


def test_several_years_are_each_brought_to_the_mean():
    both = year(2015).append(year(2016))
    np.testing.assert_array_equal(hourly_load(Load(profile="textile"), both)[8760:], hourly_load(Load(profile="textile"), year(2016)))


def test_tenants_add_up():
    park = Load(tenants=(Tenant(name="smelter", mean_mw=300, profile="aluminium"), Tenant(name="plant", mean_mw=50, profile="module")))
    apart = hourly_load(Load(mean_mw=300, profile="aluminium"), year()) + hourly_load(Load(mean_mw=50, profile="module"), year())
    np.testing.assert_allclose(hourly_load(park, year()), apart, rtol=1e-15)
    assert hourly_load(park, year()).mean() == pytest.approx(350)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"profile": "aluminum"}, "did you mean 'aluminium'"),
        ({"tenants": [{"name": "a"}]}, "mean_mw or measured of tenant 'a', found neither"),
        ({"tenants": [{"mean_mw": 5}], "mean_mw": 5}, "expected tenants alone, found mean_mw"),
        ({"tenants": [{"mean_mw": 5, "measured": {"path": "a.csv", "unit": "MW", "timezone": "UTC"}}]}, "expected measured alone"),
        ({"measured": {"path": "a.csv", "unit": "GW", "timezone": "UTC"}}, "'kW' or 'MW'"),
        ({"measured": {"path": "a.csv", "unit": "MW", "timezone": "Beijing"}}, "IANA time zone"),
    ],
)
def test_loads_that_contradict_themselves_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Load(**values)
