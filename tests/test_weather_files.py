"""Readers of real files: names, units, hours in UTC, and what is refused rather than believed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from reference.cells import make_cells

from siting.resource import Weather, add_weather
from siting.solar_position import solar_position, sun_hours
from siting.vocabulary import AlignmentError, CatalogError, MissingVariableError, UnitsError
from siting.weather_files import (
    ERA5,
    MULTI_HEIGHT,
    GridColumn,
    Place,
    Series,
    place_year,
    read_epw,
    read_grid,
    read_nasa_power,
    read_pvgis,
    read_table,
)
from siting.weather_files.irradiance import hour_means_by_sun, split_ghi
from siting.weather_files.place import Stamps, to_unit
from siting.weather_hours import HOURLY, find_faults, normal_irradiance, require_hours, sun_heights, sunlight, year_hours
from siting.weather_store import WeatherSource, write_store
from siting.yields.pv import PVSystem, add_pv_yield
from siting.yields.wind import WindFarm, add_wind_yield

GOLMUD = Place(36.4, 94.9, 2798.0)
TABLE = {"ghi": ("ghi", "W m-2"), "temp_air": ("t", "degC"), "wind_speed_10m": ("ws10", "m s-1"), "wind_speed_50m": ("ws50", "m s-1")}
SAMPLES = os.environ.get("SITING_SAMPLE_PACKAGES")
needs_samples = pytest.mark.skipif(not SAMPLES, reason="SITING_SAMPLE_PACKAGES names no folder with unpacked helionyx and hydesign")


def one_year(place: Place = GOLMUD, year: int = 2013) -> xr.Dataset:
    return make_cells([place.latitude], [place.longitude], year).isel(cell=0)


def table(hours: xr.Dataset, shift_minutes: int = 0) -> pd.DataFrame:
    """Rows of a file whose labels stand ``shift_minutes`` after the starts of the hours."""
    labels = pd.DatetimeIndex(hours["time"].to_numpy()) + pd.Timedelta(minutes=shift_minutes)
    wind = hours["wind_speed_100m"].to_numpy()
    columns = {"ghi": hours["ghi"], "dni": hours["dni"], "dhi": hours["dhi"], "t": hours["temp_air"]}
    winds = {f"ws{height}": wind * (height / 100) ** 0.2 for height in (10, 50)} | {"WS_50": wind * 0.5**0.2, "WS_100": wind}
    frame = {name: values.to_numpy() for name, values in columns.items()} | winds | {"temp_air_1": hours["temp_air"].to_numpy() + 273.15}
    return pd.DataFrame({"time": labels.strftime("%Y-%m-%dT%H:%MZ")} | frame)


def read(tmp_path: Path, frame: pd.DataFrame, stamps: str = "start", place: Place = GOLMUD, **options: object) -> xr.Dataset:
    frame.to_csv(tmp_path / "station.csv", index=False)
    return read_table(tmp_path / "station.csv", TABLE, place=place, stamps=stamps, **options)  # type: ignore[arg-type]


# tables


def test_a_table_becomes_a_year_in_canonical_units(tmp_path: Path) -> None:
    hours = one_year()
    found = read(tmp_path, table(hours))
    assert found.sizes == {"site": 1, "time": 8760}
    assert found["time"].attrs["stamps"] == "interval_start"
    assert np.array_equal(found["time"].to_numpy(), year_hours(2013))
    assert found["ghi"].attrs["units"] == "W m-2"
    for name in ("ghi", "temp_air", "wind_speed_100m"):
        assert found[name][0].to_numpy() == pytest.approx(hours[name].to_numpy(), abs=1e-9), name
    assert "Erbs" in found.attrs["notes"][0]
    assert "exponent 0.200 (from the means at 10 and 50 m)" in found.attrs["notes"][1]


def test_tables_with_wind_at_100_m_take_it_as_it_is(tmp_path: Path) -> None:
    hours = one_year()
    table(hours).to_csv(tmp_path / "plant.csv")
    found = read_table(tmp_path / "plant.csv", MULTI_HEIGHT, place=GOLMUD, stamps="start", time="time")
    for name in HOURLY:
        assert found[name][0].to_numpy() == pytest.approx(hours[name].to_numpy(), abs=1e-9), name
    assert found.attrs["notes"] == []


@pytest.mark.parametrize(("stamps", "shift"), [("start", 0), ("end", 60), ("middle", 30)])
def test_declared_stamps_are_shifted_to_the_starts(tmp_path: Path, stamps: str, shift: int) -> None:
    hours = one_year()
    found = read(tmp_path, table(hours, shift), stamps)
    assert found["ghi"][0].to_numpy() == pytest.approx(hours["ghi"].to_numpy(), abs=1e-9)


def light_at(moments: np.ndarray, place: Place) -> np.ndarray:
    """Irradiance [W m-2] at moments, under a haze that comes and goes."""
    sun = sun_hours(moments)
    hours = (moments - moments[0]).astype("timedelta64[s]").astype(float) / 3600
    clearness = 0.6 + 0.1 * np.sin(2 * np.pi * hours / 7.3)
    light: np.ndarray = clearness * normal_irradiance(sun) * np.maximum(sun_heights(sun, [place.latitude], [place.longitude])[0], 0.0)
    return light


def test_hours_around_full_hours_are_shared_out_by_the_sun() -> None:
    """Means over half past to half past keep their energy, and none of it moves into the night."""
    moments = np.arange("2012-12-31T23:32:30", "2014-01-01T00:30:00", 300, dtype="datetime64[s]")
    light = light_at(moments, GOLMUD)
    light = light[: len(light) // 12 * 12]
    around = light.reshape(-1, 12).mean(axis=1)
    starts = np.datetime64("2012-12-31T23:30:00") + np.arange(len(around)) * np.timedelta64(3600, "s")
    found = hour_means_by_sun({"ghi": around}, starts, year_hours(2013).astype("datetime64[s]")[:-1], GOLMUD)["ghi"]
    true = light[6 : 6 + len(found) * 12].reshape(-1, 12).mean(axis=1)
    halves = 0.5 * (around[:-1] + around[1:])[: len(found)]
    assert found.sum() == pytest.approx(true.sum(), rel=1e-5)
    assert found[true == 0].max() < 1e-9 < 1.0 < halves[true == 0].max()
    assert np.abs(found - true).mean() < 0.6 * np.abs(halves - true).mean()


@pytest.mark.parametrize("minute", [0, 45])
def test_measurements_at_a_moment_become_means_over_hours(tmp_path: Path, minute: int) -> None:
    hours = one_year()
    frame = table(hours, minute)
    stamps = hours["time"].to_numpy().astype("datetime64[s]") + np.timedelta64(60 * minute, "s")
    frame["ghi"] = light_at(stamps, GOLMUD)
    found = read(tmp_path, frame, "instant", fill="day_before")
    warmth, share = hours["temp_air"].to_numpy(), abs(30 - minute) / 60
    beside = warmth[2:-1] if minute < 30 else warmth[:-3]
    assert found["temp_air"][0, 1:-2].to_numpy() == pytest.approx((1 - share) * warmth[1:-2] + share * beside, abs=1e-9)
    steps = np.arange("2013-01-01", "2014-01-01", 5, dtype="datetime64[m]").astype("datetime64[s]")
    true = light_at(np.add(steps, np.timedelta64(150, "s")), GOLMUD).reshape(-1, 12).mean(axis=1)
    assert float(found["ghi"].sum()) == pytest.approx(true.sum(), rel=5e-3)
    assert "minutes past the full hour" in " ".join(found.attrs["notes"])


def test_missing_values_stay_missing(tmp_path: Path) -> None:
    frame = table(one_year())
    frame.loc[[5, 4000], ["ws50", "ghi"]] = -999.0
    found = read(tmp_path, frame, missing=-999.0)
    for name in ("ghi", "dni", "dhi", "wind_speed_100m"):
        assert np.flatnonzero(np.isnan(found[name][0].to_numpy())).tolist() == [5, 4000], name
    assert bool(np.isfinite(found["temp_air"].to_numpy()).all())


# time axes


def test_a_year_without_its_last_day_is_refused_kept_unknown_or_filled_by_name(tmp_path: Path) -> None:
    frame = table(one_year(year=2012)).iloc[:-24]
    with pytest.raises(
        AlignmentError, match=r"Expected the 8784 hours of 2012 .* found 24 missing from 2012-12-31T00:00 UTC.*fill='day_before'"
    ):
        read(tmp_path, frame)
    unknown = read(tmp_path, frame, fill="nan")
    assert int(np.isnan(unknown["ghi"].to_numpy()).sum()) == 24
    filled = read(tmp_path, frame, fill="day_before")
    assert np.array_equal(filled["temp_air"][0, -24:], filled["temp_air"][0, -48:-24])
    assert "24 missing hours (0.27 %)" in filled.attrs["notes"][0]
    with pytest.raises(AlignmentError, match="48 at most can be filled"):
        read(tmp_path, frame.iloc[: -24 * 2], fill="day_before")


def test_the_first_hours_are_filled_from_the_day_after(tmp_path: Path) -> None:
    filled = read(tmp_path, table(one_year()).iloc[3:], fill="day_before")
    assert np.array_equal(filled["temp_air"][0, :3], filled["temp_air"][0, 24:27])


def test_leap_days_are_neither_dropped_nor_invented(tmp_path: Path) -> None:
    frame = table(one_year(year=2012))
    assert read(tmp_path, frame).sizes["time"] == 8784
    with pytest.raises(AlignmentError, match=r"a gap of 25 hours after 2012-02-28T23:00:00 UTC \(1 in all\)"):
        read(tmp_path, frame.drop(index=range(59 * 24, 60 * 24)))


def test_summer_time_duplicates_and_gaps_are_refused(tmp_path: Path) -> None:
    frame = table(one_year(Place(52.0, 13.0, 100.0)))
    utc = pd.DatetimeIndex(frame["time"])
    local = utc.tz_convert("Europe/Berlin").tz_localize(None).strftime("%Y-%m-%d %H:%M")
    with pytest.raises(AlignmentError, match=r"a gap of 2 hours after 2013-03-31T01:00:00 UTC.*summer time"):
        read(tmp_path, frame.assign(time=local))
    with pytest.raises(AlignmentError, match="the same hour again after 2013-01-05T03:00:00"):
        read(tmp_path, pd.concat([frame.iloc[:100], frame.iloc[99:]]))
    with pytest.raises(AlignmentError, match="an earlier hour"):
        read(tmp_path, pd.concat([frame.iloc[24:], frame.iloc[:24]]))
    with pytest.raises(AlignmentError, match="a step of 30 minutes"):
        require_hours(np.array(["2013-01-01T00:00", "2013-01-01T00:30"], dtype="datetime64[m]"))
    with pytest.raises(AlignmentError, match=r"Expected one whole year .* name the year"):
        read(tmp_path, frame.iloc[:5000])
    with pytest.raises(AlignmentError, match="Expected times in UTC"):
        read(tmp_path, frame.assign(time="yesterday"))


@pytest.mark.parametrize(
    ("place", "zone"), [(GOLMUD, 8), (Place(8.3, 77.5, 680.0), 5), (Place(52.0, 13.0, 100.0), 1), (Place(40.0, -105.0, 1650.0), -7)]
)
def test_local_time_that_is_called_utc_is_refused(tmp_path: Path, place: Place, zone: int) -> None:
    hours = one_year(place)
    rolled = hours.assign({name: ("time", np.roll(hours[name].to_numpy(), zone)) for name in HOURLY})
    assert read(tmp_path, table(hours), place=place).sizes["time"] == 8760
    with pytest.raises(AlignmentError, match=r"hours without sun, found|noon, found"):
        read(tmp_path, table(rolled), place=place)


@pytest.mark.parametrize("latitude", [-35.0, 8.0, 60.0])
@pytest.mark.parametrize(("made", "declared"), [(0, "middle"), (30, "start"), (30, "end"), (60, "start"), (60, "middle"), (0, "end")])
def test_stamps_that_are_half_an_hour_or_an_hour_off_are_refused(latitude: float, made: int, declared: Stamps) -> None:
    """At half an hour the year's sum on a plane facing south would not show it."""
    place = Place(latitude, 100.0, 500.0)
    hours = one_year(place)
    values = {name: hours[name].to_numpy() for name in ("ghi", "temp_air", "wind_speed_100m")}
    times = np.add(hours["time"].to_numpy().astype("datetime64[s]"), np.timedelta64(60 * made, "s"))
    right: Stamps = {0: "start", 30: "middle", 60: "end"}[made]  # type: ignore[assignment]
    assert place_year(Series(place, times, values, right, "here")).sizes["time"] == 8760
    with pytest.raises(AlignmentError, match=r"fix the time zone|fix the stamps"):
        place_year(Series(place, times, values, declared, "here"), 2013, "day_before")


def test_a_wrong_longitude_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlignmentError, match="the longitude"):
        read(tmp_path, table(one_year()), place=Place(36.4, -94.9, 2798.0))
    with pytest.raises(UnitsError, match=r"Expected degrees and metres|Expected latitude"):
        read_nasa_power(write_power_json(tmp_path, one_year(), coordinates=[36.4, 94.9e3, 0.0]))


# units


@pytest.mark.parametrize(
    ("column", "factor", "offset", "text"),
    [
        ("ghi", 3600.0, 0.0, "J m-2 is divided by 3600"),
        ("ghi", 3.6, 0.0, "fix the unit"),
        ("ghi", 0.001, 0.0, "kWh m-2 times 1000"),
        ("ghi", 2.0, 0.0, "fix the unit"),
        ("ghi", -1.0, 0.0, "expected ghi of 0 to 2000"),
        ("ghi", 1.0, -30.0, "expected ghi of 0 to 2000, found -30"),
        ("t", 1.0, 273.15, "kelvin less 273.15"),
        ("t", 1.8, 32.0, "Fahrenheit"),
        ("ws50", 3.6, 0.0, "km h-1|shear exponent"),
        ("ws50", 0.0, -999.0, "shear exponent|fill values|found -"),
    ],
)
def test_wrong_units_are_refused(tmp_path: Path, column: str, factor: float, offset: float, text: str) -> None:
    frame = table(one_year())
    frame[column] = frame[column] * factor + offset
    if column == "ws50" and factor:
        frame["ws10"] *= factor
    with np.errstate(invalid="ignore"), pytest.raises(UnitsError, match=text) as caught:
        read(tmp_path, frame)
    assert "\n" not in str(caught.value)


def test_declared_units_are_converted() -> None:
    assert to_unit([3.6e6], "J m-2", "W m-2", "ssrd").tolist() == [1000.0]
    assert to_unit([1.0], "MJ m-2", "W m-2", "x")[0] == pytest.approx(277.78, abs=0.01)
    assert to_unit([293.15, np.nan], "K", "degC", "t2m")[0] == pytest.approx(20.0)
    assert to_unit([212.0], "degF", "degC", "t")[0] == pytest.approx(100.0)
    assert to_unit([36.0], "km h-1", "m s-1", "w").tolist() == [10.0]
    # a rounding error of packed files, not a negative irradiance
    assert to_unit([-0.05, -5.0], "W m-2", "W m-2", "ghi").tolist() == [0.0, -5.0]
    with pytest.raises(UnitsError, match=r"Expected ssrd in one of: W m-2, .*found the unit 'W/m2'"):
        to_unit([1.0], "W/m2", "W m-2", "ssrd")


def test_wind_beyond_a_hurricane_is_refused(tmp_path: Path) -> None:
    hours = one_year()
    frame = table(hours.assign(wind_speed_100m=hours["wind_speed_100m"] * 4.0))
    with pytest.raises(UnitsError, match="expected wind_speed_100m of 0 to 60"):
        read(tmp_path, frame)


def test_faults_are_told_place_by_place() -> None:
    cells = make_cells([36.0, 36.0, 36.0], [95.0, 100.0, 105.0])
    hours = {name: cells[name].to_numpy().copy() for name in HOURLY}
    hours["temp_air"][1] += 273.15
    hours["ghi"][2] = np.roll(hours["ghi"][2], 1)
    first, second, third = find_faults(hours, 2013, sunlight(2013, cells["latitude"], cells["longitude"]))
    assert first is None
    assert second is not None
    assert (second.error, "kelvin" in second.text) == (UnitsError, True)
    assert third is not None
    assert third.error is AlignmentError
    with pytest.raises(MissingVariableError, match="found no dhi"):
        find_faults({name: hours[name] for name in HOURLY if name != "dhi"}, 2013, sunlight(2013, cells["latitude"], cells["longitude"]))


def test_the_extraterrestrial_year_is_the_textbook_one() -> None:
    """Duffie and Beckman, Solar Engineering of Thermal Processes, eq. 1.10.3, with Spencer's declination and distance."""
    from pvlib.irradiance import get_extra_radiation
    from pvlib.solarposition import declination_spencer71

    latitudes, day = np.array([40.0, 0.0, -33.0]), np.arange(1, 366)
    daily = sunlight(2013, latitudes, [0.0, 0.0, 0.0]).irradiance.reshape(3, 365, 24).sum(axis=2)
    phi, delta = np.radians(latitudes)[:, None], declination_spencer71(day)
    sunset = np.arccos(-np.tan(phi) * np.tan(delta))
    height = np.cos(phi) * np.cos(delta) * np.sin(sunset) + sunset * np.sin(phi) * np.sin(delta)
    textbook = 24 / np.pi * get_extra_radiation(day, solar_constant=1361.1) * height
    assert np.abs(daily / textbook - 1).max() < 0.015
    assert np.abs(daily.sum(axis=1) / textbook.sum(axis=1) - 1).max() < 0.003


def test_split_irradiance_is_that_of_erbs_and_closes() -> None:
    import pvlib

    cells = make_cells([36.4], [94.9])
    ghi = cells["ghi"].to_numpy().copy()
    ghi[0, 77] = np.nan
    dni, dhi = split_ghi(ghi, 2013, [36.4], [94.9], [2798.0])
    middles = pd.DatetimeIndex(year_hours(2013)).tz_localize("UTC") + pd.Timedelta(minutes=30)
    sun = pvlib.solarposition.get_solarposition(middles, 36.4, 94.9, 2798.0)
    expected = pvlib.irradiance.erbs(ghi[0], sun["zenith"].to_numpy(), middles.dayofyear.to_numpy())
    assert np.nanmax(np.abs(dni[0] - expected["dni"])) < 1e-3
    closed = dni[0] * np.cos(np.radians(sun["zenith"].to_numpy())) + dhi[0]
    assert np.nanmax(np.abs(closed - ghi[0])) < 1e-3
    assert np.isnan(dni[0, 77])
    assert np.isnan(dhi[0, 77])


# formats


def write_epw(path: Path, hours: xr.Dataset, zone: float = 8.0, years: tuple[int, ...] = (2013,)) -> Path:
    """An EnergyPlus file in local standard time, whose months may come from several years."""
    stamps = pd.date_range("2013-01-01", periods=8760, freq="h")
    lines = [
        f"LOCATION,Golmud,QH,CHN,test,528180,36.40,94.90,{zone},2798.0",
        *(f"{name}" for name in ("DESIGN CONDITIONS,0", "TYPICAL", "GROUND")),
    ]
    lines += ["HOLIDAYS,No,0,0,0", "COMMENTS 1,made up", "COMMENTS 2,made up", "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31"]
    values = {name: np.roll(hours[name].to_numpy(), round(zone)) for name in HOURLY}
    for k, at in enumerate(stamps):
        row = [
            years[at.month % len(years)],
            at.month,
            at.day,
            at.hour + 1,
            60,
            "?9?9",
            f"{values['temp_air'][k]:.6f}",
            0,
            50,
            73000,
            0,
            0,
            0,
        ]
        row += [f"{values[name][k]:.6f}" for name in ("ghi", "dni", "dhi")] + [0, 0, 0, 0, 270]
        row += [f"{values['wind_speed_100m'][k] * 0.1 ** (1 / 7):.6f}", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        lines.append(",".join(map(str, row)))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_epw_of_one_year_comes_back_in_utc(tmp_path: Path) -> None:
    hours = one_year()
    found = read_epw(write_epw(tmp_path / "a.epw", hours))
    for name in HOURLY:
        assert found[name][0].to_numpy() == pytest.approx(hours[name].to_numpy(), abs=2e-6), name
    assert (float(found["latitude"][0]), float(found["altitude"][0])) == (36.4, 2798.0)
    assert "assumed" in found.attrs["notes"][0]


def test_epw_whose_city_has_an_accent_in_latin_1_is_read(tmp_path: Path) -> None:
    path = write_epw(tmp_path / "a.epw", one_year())
    path.write_bytes(path.read_text().replace("Golmud", "Chapecó").encode("latin-1"))
    assert "Chapecó" in read_epw(path).attrs["title"]


def test_typical_epw_needs_a_year_of_365_days(tmp_path: Path) -> None:
    path = write_epw(tmp_path / "tmy.epw", one_year(), years=(2003, 2009))
    with pytest.raises(AlignmentError, match="its months come from 2 years; pass year="):
        read_epw(path)
    with pytest.raises(AlignmentError, match="Expected the 8784 hours of 2012"):
        read_epw(path, 2012)
    assert "typical year put on the calendar of 2014" in read_epw(path, 2014).attrs["notes"][0]


def test_epw_in_a_wrong_zone_is_refused(tmp_path: Path) -> None:
    path = write_epw(tmp_path / "a.epw", one_year())
    path.write_text(path.read_text().replace("94.90,8.0,", "94.90,7.0,"))
    with pytest.raises(AlignmentError, match=r"without sun|noon"):
        read_epw(path)
    (tmp_path / "b.epw").write_text("not a weather file\n")
    with pytest.raises(CatalogError, match=r"Expected an EnergyPlus weather file in b.epw"):
        read_epw(tmp_path / "b.epw")


def write_pvgis(folder: Path, hours: xr.Dataset, kind: str, minute: int = 30) -> Path:
    labels = (pd.DatetimeIndex(hours["time"].to_numpy()) + pd.Timedelta(minutes=minute)).strftime("%Y%m%d:%H%M")
    wind = hours["wind_speed_100m"].to_numpy() * 0.1 ** (1 / 7)
    ghi, dhi = hours["ghi"].to_numpy(), hours["dhi"].to_numpy()
    columns = {"Gb(i)": ghi - dhi, "Gd(i)": dhi, "Gr(i)": 0 * ghi, "H_sun": 0 * ghi, "T2m": hours["temp_air"].to_numpy(), "WS10m": wind}
    frame = pd.DataFrame({"time": labels} | columns | {"Int": 0.0})
    path = folder / f"pvgis.{kind}"
    if kind == "json":
        inputs = {"location": {"latitude": 36.4, "longitude": 94.9, "elevation": 2798.0}}
        path.write_text(json.dumps({"inputs": inputs, "outputs": {"hourly": frame.to_dict("records")}, "meta": {"inputs": {}}}))
    else:
        head = "Latitude (decimal degrees):\t36.400\nLongitude (decimal degrees):\t94.900\nElevation (m):\t2798\n"
        head += "Radiation database:\tPVGIS-ERA5\n\n\n"
        path.write_text(f"{head}Slope: 0 deg.\nAzimuth: 0 deg.\n{frame.to_csv(index=False)}\n\nT2m: 2-m air temperature (degree Celsius)\n")
    return path


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_pvgis_files_are_read_in_both_formats(tmp_path: Path, kind: str) -> None:
    hours = one_year()
    found = read_pvgis(write_pvgis(tmp_path, hours, kind))
    for name in ("ghi", "temp_air", "wind_speed_100m"):
        assert found[name][0].to_numpy() == pytest.approx(hours[name].to_numpy(), abs=1e-6), name
    height = np.sin(np.radians(90 - solar_position(year_hours(2013) + np.timedelta64(30, "m"), [36.4], [94.9], [2798.0]).zenith[0]))
    high = height > 0.2
    closed = found["dni"][0].to_numpy() * height + found["dhi"][0].to_numpy()
    assert np.abs(closed - hours["ghi"].to_numpy())[high].max() < 12


def test_pvgis_moments_of_satellites_are_moved_to_the_hours_by_the_sun(tmp_path: Path) -> None:
    hours = one_year()
    stamps = hours["time"].to_numpy().astype("datetime64[s]") + np.timedelta64(600, "s")
    light = light_at(stamps, GOLMUD)
    given = hours.assign(ghi=("time", light), dhi=("time", 0.3 * light))
    found = read_pvgis(write_pvgis(tmp_path, given, "csv", 10), fill="day_before")
    assert "40 minutes past" in found.attrs["notes"][0]
    assert float(found["ghi"].sum()) == pytest.approx(light.sum(), rel=5e-3)


def test_pvgis_on_a_tilted_plane_is_refused(tmp_path: Path) -> None:
    path = write_pvgis(tmp_path, one_year(), "json")
    path.write_text(path.read_text().replace('"Gr(i)": 0.0', '"Gr(i)": 3.0'))
    with pytest.raises(UnitsError, match="ask PVGIS for slope 0"):
        read_pvgis(path)
    path.write_text(path.read_text().replace("Gb(i)", "G(i)"))
    with pytest.raises(CatalogError, match="radiation components"):
        read_pvgis(path)


POWER = {"ghi": ("ALLSKY_SFC_SW_DWN", "Wh/m^2"), "temp_air": ("T2M", "C"), "ws10": ("WS10M", "m/s"), "ws50": ("WS50M", "m/s")}


def power_columns(hours: xr.Dataset) -> dict[str, np.ndarray]:
    wind = hours["wind_speed_100m"].to_numpy()
    series = {"ghi": hours["ghi"].to_numpy(), "temp_air": hours["temp_air"].to_numpy(), "ws10": wind * 0.1**0.2, "ws50": wind * 0.5**0.2}
    return {POWER[name][0]: values for name, values in series.items()}


def write_power_json(folder: Path, hours: xr.Dataset, coordinates: list[float] | None = None, standard: str = "UTC") -> Path:
    labels = pd.DatetimeIndex(hours["time"].to_numpy()).strftime("%Y%m%d%H")
    columns = {name: dict(zip(labels, values.tolist(), strict=True)) for name, values in power_columns(hours).items()}
    columns["WS50M"][labels[9]] = -999.0
    content = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": coordinates or [94.9, 36.4, 2798.0]},
        "properties": {"parameter": columns},
        "header": {"fill_value": -999.0, "time_standard": standard},
        "parameters": {name: {"units": unit, "longname": name} for name, unit in POWER.values()},
    }
    path = folder / "power.json"
    path.write_text(json.dumps(content))
    return path


def write_power_csv(folder: Path, hours: xr.Dataset) -> Path:
    at = pd.DatetimeIndex(hours["time"].to_numpy())
    frame = pd.DataFrame({"YEAR": at.year, "MO": at.month, "DY": at.day, "HR": at.hour} | power_columns(hours))
    frame.loc[9, "WS50M"] = -999.0
    lines = [
        "-BEGIN HEADER-",
        "NASA/POWER Source Native Resolution Hourly Data ",
        "Dates (month/day/year): 01/01/2013 through 12/31/2013 in UTC",
    ]
    lines += [
        "Location: latitude  36.4   longitude 94.9 ",
        "elevation from MERRA-2: Average for 0.5 x 0.625 degree lat/lon region = 2798.0 meters",
    ]
    lines += ["The value for missing source data that cannot be computed is: -999 ", "parameter(s): "]
    lines += [f"{name}     some longer words ({unit}) " for name, unit in POWER.values()]
    path = folder / "power.csv"
    path.write_text("\n".join([*lines, "-END HEADER-", frame.to_csv(index=False)]))
    return path


@pytest.mark.parametrize("write", [write_power_json, write_power_csv])
def test_nasa_power_files_are_read_and_their_gaps_stay(tmp_path: Path, write: object) -> None:
    hours = one_year()
    found = read_nasa_power(write(tmp_path, hours))  # type: ignore[operator]
    assert found["ghi"][0].to_numpy() == pytest.approx(hours["ghi"].to_numpy(), abs=1e-6)
    wind = found["wind_speed_100m"][0].to_numpy()
    assert np.flatnonzero(np.isnan(wind)).tolist() == [9]
    assert np.delete(wind, 9) == pytest.approx(np.delete(hours["wind_speed_100m"].to_numpy(), 9), rel=1e-3)
    assert (float(found["latitude"][0]), float(found["longitude"][0]), float(found["altitude"][0])) == (36.4, 94.9, 2798.0)


def test_nasa_power_in_local_solar_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlignmentError, match="time standard 'LST'"):
        read_nasa_power(write_power_json(tmp_path, one_year(), standard="LST"))
    path = write_power_csv(tmp_path, one_year())
    path.write_text(path.read_text().replace("in UTC", "in LST"))
    with pytest.raises(AlignmentError, match="time standard 'LST'"):
        read_nasa_power(path)
    path.write_text("YEAR,MO,DY,HR\n")
    with pytest.raises(CatalogError, match="download the file with its header"):
        read_nasa_power(path)


def test_files_are_local_and_columns_are_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="Expected the path of a local file"):
        read_epw("https://example.org/a.epw")
    frame = table(one_year()).drop(columns="ws10")
    with pytest.raises(CatalogError, match=r"Expected columns ws10 in station.csv"):
        read(tmp_path, frame)
    frame.to_csv(tmp_path / "x.csv")
    with pytest.raises(MissingVariableError, match="Expected a wind speed"):
        read_table(tmp_path / "x.csv", {"ghi": ("ghi", "W m-2"), "temp_air": ("t", "degC")}, place=GOLMUD, stamps="start", time="time")


# grids


def make_era5(year: int = 2013, extra: int = 1) -> tuple[xr.Dataset, xr.Dataset]:
    """A small ERA5 file and the cells that it was made from: J m-2 up to the label, 0 to 360, from north to south."""
    latitude, longitude = [40.0, 40.5], [-0.5, 0.0, 0.5]
    north, east = np.meshgrid(latitude, longitude, indexing="ij")
    cells = make_cells(list(north.ravel()), list(east.ravel()), year)
    times = np.arange(f"{year}-01-01", f"{year + 1}-01-01T02", dtype="datetime64[h]").astype("datetime64[ns]")[
        : cells.sizes["time"] + extra
    ]

    def cube(values: np.ndarray, lead: int) -> np.ndarray:
        series = np.zeros((len(times), 6))
        part = values.T[: len(times) - lead]
        series[lead : lead + len(part)] = part
        return series.reshape(len(times), 2, 3)

    instants = np.concatenate([cells["temp_air"].to_numpy(), cells["temp_air"].to_numpy()[:, :extra]], axis=1) + 273.15
    wind = np.concatenate([cells["wind_speed_100m"].to_numpy(), cells["wind_speed_100m"].to_numpy()[:, :extra]], axis=1)
    dims = ("valid_time", "latitude", "longitude")
    grid = xr.Dataset(
        {
            "ssrd": (dims, cube(cells["ghi"].to_numpy() * 3600, 1)),
            "t2m": (dims, cube(instants, 0)),
            "u100": (dims, cube(0.6 * wind, 0)),
            "v100": (dims, cube(-0.8 * wind, 0)),
            "z": (dims[1:], cells["altitude"].to_numpy().reshape(2, 3) * 9.80665),
        },
        coords={"valid_time": times, "latitude": latitude, "longitude": longitude},
    )
    rolled = grid.assign_coords(longitude=grid["longitude"] % 360)
    return rolled.sortby("longitude").isel(latitude=slice(None, None, -1)), cells


def test_era5_becomes_cells_with_starts_of_hours(tmp_path: Path) -> None:
    grid, cells = make_era5()
    grid.to_netcdf(tmp_path / "era5.nc")
    found = read_grid(tmp_path / "era5.nc", year=2013, altitude="z", altitude_unit="m2 s-2")
    assert found["latitude"].to_numpy().tolist() == cells["latitude"].to_numpy().tolist()
    assert found["longitude"].to_numpy().tolist() == cells["longitude"].to_numpy().tolist()
    assert found["altitude"].to_numpy() == pytest.approx(cells["altitude"].to_numpy())
    assert found["ghi"].chunks is not None
    assert found["ghi"].to_numpy() == pytest.approx(cells["ghi"].to_numpy(), abs=1e-6)
    warmth = cells["temp_air"].to_numpy()
    assert found["temp_air"].to_numpy()[:, :-1] == pytest.approx(0.5 * (warmth[:, :-1] + warmth[:, 1:]), abs=1e-6)
    assert found["ghi"].attrs["units"] == "W m-2"


def test_era5_goes_through_a_store_to_yields(tmp_path: Path) -> None:
    grid, _ = make_era5()
    found = read_grid(grid, year=2013, altitude="z", altitude_unit="m2 s-2")
    source = WeatherSource(title="ERA5 in miniature", kind="user", licence="x", citation="x")
    write_store(tmp_path / "store", 2013, found, found, source=source)
    sites = xr.Dataset({"altitude": ("site", [1500.0])}, coords={"site": [0], "latitude": ("site", [40.1]), "longitude": ("site", [0.1])})
    hours = add_weather(sites, Weather(source="store", path=str(tmp_path / "store"), year=2013))
    yields = add_wind_yield(add_pv_yield(hours, PVSystem()), WindFarm())
    assert 1000 < float(yields["pv_capacity_factor"].sum()) < 2500
    assert 1000 < float(yields["wind_capacity_factor"].sum()) < 5000


def test_grids_that_are_shifted_by_an_hour_are_refused_at_the_store(tmp_path: Path) -> None:
    grid, _ = make_era5(extra=2)
    columns = ERA5 | {"ghi": GridColumn(names=("ssrd",), unit="J m-2", stamps="start")}
    found = read_grid(grid, columns, year=2013, altitude=500.0)
    source = WeatherSource(title="shifted", kind="user", licence="x", citation="x")
    with pytest.raises(AlignmentError, match=r"Weather cell 0 at 40\.000 N, -0\.500 E: expected"):
        write_store(tmp_path / "store", 2013, found, found, source=source)


def test_grids_lack_nothing_or_are_refused() -> None:
    grid, cells = make_era5(extra=0)
    with pytest.raises(AlignmentError, match=r"Expected a label at 2014-01-01T00:00:00 UTC.*hold_last=True"):
        read_grid(grid, year=2013, altitude="z", altitude_unit="m2 s-2")
    held = read_grid(grid, year=2013, altitude="z", altitude_unit="m2 s-2", hold_last=True)
    assert held["temp_air"].to_numpy()[:, -1] == pytest.approx(cells["temp_air"].to_numpy()[:, -1])
    with pytest.raises(AlignmentError, match="Expected a label at 2012-01-01T01:00:00"):
        read_grid(grid, year=2012, altitude=0.0)
    with pytest.raises(MissingVariableError, match="Expected ssrd in the grid"):
        read_grid(grid.drop_vars("ssrd"), year=2013, altitude=0.0)
    with pytest.raises(MissingVariableError, match="Expected orog in the grid"):
        read_grid(grid, year=2013, altitude="orog", hold_last=True)
    with pytest.raises(AlignmentError, match="Expected cells inside"):
        read_grid(grid, year=2013, altitude=0.0, bbox=(80, 10, 90, 20))
    with pytest.raises(AlignmentError, match=r"on the hour|half past the hour"):
        read_grid(grid, ERA5 | {"ghi": GridColumn(names=("ssrd",), unit="J m-2", stamps="middle")}, year=2013, altitude=0.0, hold_last=True)
    with pytest.raises(CatalogError, match="Expected a dimension of latitude"):
        read_grid(grid.rename(latitude="phi"), year=2013, altitude=0.0)
    with pytest.raises(UnitsError, match="found the unit 'J'"):
        read_grid(grid.load(), ERA5 | {"ghi": GridColumn(names=("ssrd",), unit="J", stamps="end")}, year=2013, altitude=0.0, hold_last=True)


def test_a_box_keeps_both_sides_of_greenwich() -> None:
    grid, _ = make_era5()
    found = read_grid(grid, year=2013, altitude=0.0, bbox=(-0.6, 39.9, 0.1, 40.1))
    assert found["longitude"].to_numpy().tolist() == [-0.5, 0.0]
    assert found["latitude"].to_numpy().tolist() == [40.0, 40.0]


# real samples


@needs_samples
@pytest.mark.parametrize(
    ("name", "place", "irradiation", "wind"),
    [
        ("delft_island", Place(9.5167, 79.6833, 1.3), 1975, 7.34),
        ("hatton", Place(6.8916, 80.5955, 681.4), 1786, 5.83),
        ("negombo", Place(7.2083, 79.8358, 123.7), 2052, 6.16),
    ],
)
def test_nasa_power_samples_have_starts_of_hours(name: str, place: Place, irradiation: float, wind: float) -> None:
    path = Path(str(SAMPLES)) / "helionyx/packs/lk/samples" / f"nasa_power_{name}_2023.csv.gz"
    columns = {"ghi": ("ghi_w_m2", "W m-2"), "temp_air": ("temp_c", "degC")}
    columns |= {f"wind_speed_{height}m": (f"wind{height}_m_s", "m s-1") for height in (10, 50)}
    found = read_table(path, columns, place=place, stamps="start")
    assert float(found["ghi"].sum()) / 1000 == pytest.approx(irradiation, abs=1)
    assert float(found["wind_speed_100m"].mean()) == pytest.approx(wind, abs=0.01)
    assert 1300 < float(add_pv_yield(found, PVSystem())["pv_capacity_factor"].sum()) < 1700
    for wrong in ("middle", "end"):
        with pytest.raises(AlignmentError, match="fix the"):
            read_table(path, columns, place=place, stamps=wrong, fill="day_before")  # type: ignore[arg-type]


@needs_samples
@pytest.mark.parametrize(
    ("name", "place", "hours"),
    [
        ("good_wind", Place(8.334, 77.500, 680.0), 5209),
        ("good_solar", Place(23.542, 68.542, 30.0), 3174),
        ("bad_solar_bad_wind", Place(17.292, 77.917, 627.0), 2769),
    ],
)
def test_multi_height_samples_have_ends_of_hours_and_lack_a_day(name: str, place: Place, hours: float) -> None:
    path = Path(str(SAMPLES)) / "hydesign/examples/India/GWA3" / f"input_ts_Indian_site_{name}.csv"
    with pytest.raises(AlignmentError, match="found 25 missing from 2012-12-30T23:00"):
        read_table(path, MULTI_HEIGHT, place=place, stamps="end")
    found = read_table(path, MULTI_HEIGHT, place=place, stamps="end", fill="day_before")
    assert float(add_wind_yield(found, WindFarm())["wind_capacity_factor"].sum()) == pytest.approx(hours, rel=0.005)
    assert 1400 < float(add_pv_yield(found, PVSystem())["pv_capacity_factor"].sum()) < 1900
    for wrong in ("start", "middle"):
        with pytest.raises(AlignmentError, match="fix the"):
            read_table(path, MULTI_HEIGHT, place=place, stamps=wrong, fill="day_before")  # type: ignore[arg-type]
