import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from siting.demand import Load, archetypes, hourly_load
from siting.vocabulary import AlignmentError


def year(number=2013):
    return pd.date_range(f"{number}-01-01", f"{number + 1}-01-01", freq="h", inclusive="left")


@given(
    st.sampled_from(sorted(archetypes())),
    st.sampled_from(["Asia/Shanghai", "UTC", "Asia/Kathmandu", "America/New_York"]),
    st.sampled_from([2013, 2016]),
)
def test_annual_mean_is_the_stated_mean(profile, timezone, number):
    series = hourly_load(Load(mean_mw=250, profile=profile, timezone=timezone), year(number))
    assert series.mean() == pytest.approx(250, rel=1e-12)
    assert series.min() >= 0


def test_flat_load_is_constant():
    assert set(hourly_load(Load(), year())) == {100.0}


def test_two_shifts_run_from_8_to_24_chinese_time():
    """08-24 h at 1, night at 0.25, weekend at 0.3; 08 h in China is 00 h UTC."""
    series = pd.Series(hourly_load(Load(profile="two_shift"), year()), year())
    monday = series["2013-06-03 00:00":"2013-06-03 15:00"]
    night = series["2013-06-03 16:00":"2013-06-03 23:00"]
    assert np.ptp(monday) == np.ptp(night) == 0
    assert night.iloc[0] / monday.iloc[0] == pytest.approx(0.25)
    saturday = series["2013-06-07 16:00":"2013-06-08 15:00"]
    assert (saturday / monday.iloc[0]).to_numpy() == pytest.approx(np.full(24, 0.3))


def test_three_shifts_rest_at_the_weekend():
    series = pd.Series(hourly_load(Load(profile="three_shift"), year()), year())
    assert series["2013-06-08 10:00"] / series["2013-06-05 20:00"] == pytest.approx(0.6)
    assert np.ptp(series["2013-06-03":"2013-06-06"]) == 0


def test_half_hour_zones_split_the_hour_of_a_shift_change():
    series = pd.Series(hourly_load(Load(profile="two_shift", timezone="Asia/Kolkata"), year()), year())
    work, change, night = (series[f"2013-06-04 {hour}:00"] for hour in ("05", "02", "01"))
    assert change == pytest.approx((work + night) / 2)


def test_part_of_a_year_has_the_values_of_the_year():
    load = Load(profile="two_shift")
    np.testing.assert_array_equal(hourly_load(load, year()[1000:1100]), hourly_load(load, year())[1000:1100])


def test_empty_or_broken_axis_is_refused():
    for axis in (year()[:0], pd.DatetimeIndex(["2013-01-01", None])):
        with pytest.raises(AlignmentError, match="UTC start of each hour"):
            hourly_load(Load(), axis)


@pytest.mark.parametrize("values", [{"mean_mw": 0}, {"mean_mw": 1e6}, {"profile": "four_shift"}, {"mean_mw": float("nan")}, {"power": 3}])
def test_values_out_of_bounds_are_refused(values):
    with pytest.raises(ValidationError):
        Load(**values)


def test_unknown_zone_is_refused_by_name():
    with pytest.raises(ValidationError, match="IANA time zone such as Asia/Shanghai, found 'China'"):
        Load(timezone="China")
