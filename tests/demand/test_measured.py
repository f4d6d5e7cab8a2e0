import numpy as np
import pandas as pd
import pytest

from siting.demand import Load, LoadFile, flexible_parts, hourly_load
from siting.study import read_study
from siting.vocabulary import AlignmentError, CatalogError, SitingError, UnitsError


def year(number=2013):
    return pd.date_range(f"{number}-01-01", f"{number + 1}-01-01", freq="h", inclusive="left")


def stamps(number=2013, timezone="Asia/Shanghai"):
    """Civil stamps of every hour of a civil year, doubled and skipped hours as they are."""
    return pd.date_range(f"{number}-01-01", f"{number + 1}-01-01", freq="h", inclusive="left", tz=timezone).strftime("%Y-%m-%d %H:%M")


def write(folder, times, values, header="time,load"):
    file = folder / "load.csv"
    file.write_text("\n".join([header, *(f"{t},{v}" for t, v in zip(times, values, strict=True))]), encoding="utf-8")
    return str(file)


def load(path, timezone="Asia/Shanghai", unit="MW", **more):
    return Load(measured=LoadFile(path=path, unit=unit, timezone=timezone, **more))


def test_hours_of_civil_time_land_eight_hours_earlier(tmp_path):
    values = np.arange(8760) % 1000
    series = hourly_load(load(write(tmp_path, stamps(), values)), year())
    assert series[:3].tolist() == values[8:11].tolist()
    assert series[-8:].tolist() == values[:8].tolist()
    np.testing.assert_array_equal(np.sort(series), np.sort(values))


def test_utc_and_kilowatts(tmp_path):
    values = np.arange(8760) + 1.0
    np.testing.assert_array_equal(hourly_load(load(write(tmp_path, stamps(), values), "UTC", "kW"), year()), values / 1e3)


def test_daylight_saving_days_of_23_and_25_hours(tmp_path):
    values = np.arange(8760.0) + 1
    path = write(tmp_path, stamps(2013, "America/New_York"), values)
    series = hourly_load(load(path, "America/New_York"), year())
    np.testing.assert_array_equal(series[5:], values[:-5])


def test_part_of_a_year_has_the_values_of_the_year(tmp_path):
    park = load(write(tmp_path, stamps(), np.arange(8760) % 77))
    np.testing.assert_array_equal(hourly_load(park, year()[1000:3000]), hourly_load(park, year())[1000:3000])


def test_flexibility_follows_the_file(tmp_path):
    park = Load(
        measured=LoadFile(path=write(tmp_path, stamps(), [3.0] * 8760), unit="MW", timezone="UTC"), flexibility={"shiftable_share": 0.5}
    )
    parts = flexible_parts(park, year())
    assert (parts.firm[0], parts.shift_max_up[0]) == (3, 1.5)


def test_leap_days_are_refused_or_adapted(tmp_path):
    values = np.arange(8760.0) + 1
    path = write(tmp_path, stamps(2013), values)
    with pytest.raises(
        AlignmentError, match=r"expected 8,784 hours as in the weather of 2016, found 8,760 of 2013; fix: .*leap_day: adapt"
    ):
        hourly_load(load(path, "UTC"), year(2016))
    adapted = hourly_load(load(path, "UTC", leap_day="adapt"), year(2016))
    np.testing.assert_array_equal(adapted, np.r_[values[: 59 * 24], values[58 * 24 :]])
    values = np.arange(8784.0) + 1
    path = write(tmp_path, stamps(2016), values)
    with pytest.raises(AlignmentError, match="expected 8,760 hours as in the weather of 2013, found 8,784 of 2016"):
        hourly_load(load(path, "UTC"), year())
    adapted = hourly_load(load(path, "UTC", leap_day="adapt"), year())
    np.testing.assert_array_equal(adapted, np.r_[values[: 59 * 24], values[60 * 24 :]])


def test_another_year_with_daylight_saving_is_refused(tmp_path):
    path = write(tmp_path, stamps(2013, "America/New_York"), [1] * 8760)
    with pytest.raises(AlignmentError, match=r"expected the load of 2014, .* saves daylight, found 2013"):
        hourly_load(load(path, "America/New_York"), year(2014))
    assert hourly_load(load(write(tmp_path, stamps(2013), [1] * 8760)), year(2014)).sum() == 8760


def broken(place, **changes):
    """Stamps and values of a year, with one row changed, left out or doubled."""
    times, values = list(stamps()), ["5"] * 8760
    if "time" in changes:
        times[place] = changes["time"]
    if "value" in changes:
        values[place] = changes["value"]
    if changes.get("twice"):
        times.insert(place, times[place])
        values.insert(place, "5")
    if changes.get("without"):
        del times[place], values[place]
    return times, values


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (broken(10, without=True), AlignmentError, r"load.csv:12: expected every hour once in order, .* 1 hours missing; fix: fill"),
        (broken(10, twice=True), AlignmentError, "load.csv:13: .* found 2013-01-01 10:00 twice; fix: sort"),
        (broken(10, time="2013-01-01 08:00"), AlignmentError, "found 2013-01-01 08:00 after 2013-01-01 09:00; fix: sort"),
        (broken(10, time="1 January"), AlignmentError, "load.csv:12: expected the start of an hour .* found '1 January'"),
        (broken(10, time="2013-01-01 10:30"), AlignmentError, "load.csv:12: expected the start of an hour"),
        (broken(10, time="2013-01-01T10:00+08:00"), AlignmentError, "fix: write stamps without offset"),
        (broken(8759, without=True), AlignmentError, "expected the 8,760 hours of a calendar year in Asia/Shanghai, found 8,759 from"),
        (broken(10, value=""), UnitsError, "load.csv:12: expected a load in every hour, found nothing at 2013-01-01 10:00"),
        (broken(10, value="nan"), UnitsError, "load.csv:12: .* found 'nan'"),
        (broken(10, value="inf"), UnitsError, "load.csv:12: .* found 'inf'"),
        (broken(10, value="-4"), UnitsError, "load.csv:12: expected a load of 0 or more, found -4"),
        (broken(10, value="five"), UnitsError, "load.csv:12: expected a number, found 'five'"),
        ((list(stamps()), ["0"] * 8760), UnitsError, "above 0 in some hour, found 0 in all 8,760"),
        ((list(stamps()), ["50000"] * 8760), UnitsError, "mean of at most 20,000 MW, found 50,000; fix: check the unit"),
        (([], []), CatalogError, "expected the hours of one year, found none"),
    ],
)  # fmt: skip
def test_a_broken_file_is_one_line(tmp_path, rows, error, message):
    with pytest.raises(error, match=message) as caught:
        hourly_load(load(write(tmp_path, *rows)), year())
    assert "\n" not in str(caught.value)


def test_skipped_and_single_hours_of_daylight_saving_are_named(tmp_path):
    plain = year().strftime("%Y-%m-%d %H:%M")
    with pytest.raises(AlignmentError, match=r"2013-03-10 02:00, which daylight saving skips \(a day of 23 hours\)"):
        hourly_load(load(write(tmp_path, plain, [1] * 8760), "America/New_York"), year())
    without = [stamp for stamp in plain if stamp != "2013-03-10 02:00"]
    with pytest.raises(AlignmentError, match="expected 2013-11-03 01:00 twice, as the day has 25 hours in America/New_York, found it once"):
        hourly_load(load(write(tmp_path, without, [1] * 8759), "America/New_York"), year())


def test_zones_off_the_hour_need_utc(tmp_path):
    with pytest.raises(AlignmentError, match="whole hours away from UTC, found Asia/Kolkata"):
        hourly_load(load(write(tmp_path, stamps(), [1] * 8760), "Asia/Kolkata"), year())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hour,load\n", "expected the columns time,load, found 'hour,load'"),
        (b"time,load\n2013-01-01 00:00,1,2\n", "load.csv:2: expected two columns, found 3"),
        (b"time,load\n\xff\xfe,1\n", "expected CSV in UTF-8"),
        (b"", "expected the columns time,load, found ''"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "load.csv").write_bytes(content)
    with pytest.raises(CatalogError, match=message):
        hourly_load(load(str(tmp_path / "load.csv")), year())


def test_a_study_names_its_file_beside_itself(tmp_path, monkeypatch):
    write(tmp_path, stamps(), [7] * 8760)
    (tmp_path / "study.yaml").write_text("load: {measured: {path: load.csv, unit: MW, timezone: Asia/Shanghai}}\n")
    study = read_study(tmp_path / "study.yaml")
    monkeypatch.chdir("/")
    assert set(hourly_load(study.load, year())) == {7.0}


def test_a_study_without_its_file_is_refused_by_line(tmp_path):
    (tmp_path / "study.yaml").write_text("title: a\nload:\n  tenants:\n  - measured: {path: lost.csv, unit: MW, timezone: UTC}\n")
    with pytest.raises(SitingError, match=r"study.yaml:4: expected a file at 'lost.csv', found none"):
        read_study(tmp_path / "study.yaml")
