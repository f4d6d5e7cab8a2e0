"""Hourly series that lie about their hours, their units or their place; each beside the twin that tells the truth and is believed."""

from __future__ import annotations

import functools
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fetch.copies import power_json
from reference.cells import make_cells

from siting.catalog.series import open_series
from siting.demand import Load, LoadFile, hourly_load
from siting.vocabulary import AlignmentError, CatalogError, MissingVariableError, UnitsError
from siting.weather_files import ERA5, GridColumn, Place, read_grid, read_nasa_power, read_table
from siting.weather_hours import HOURLY, find_faults, sunlight
from siting.weather_store import WeatherSource, write_store

GOLMUD = Place(36.4, 94.9, 2798.0)
PLAIN = {"ghi": ("ghi", "W m-2"), "temp_air": ("temp_air", "degC"), "wind_speed_100m": ("wind", "m s-1")}


@functools.cache
def year(number: int = 2013) -> xr.Dataset:
    return make_cells([GOLMUD.latitude], [GOLMUD.longitude], number).isel(cell=0)


def table(number: int = 2013) -> pd.DataFrame:
    """Rows of a station's file: starts of hours in UTC."""
    hours = year(number)
    columns = {"ghi": hours["ghi"], "temp_air": hours["temp_air"], "wind": hours["wind_speed_100m"]}
    return pd.DataFrame({"time": hours["time"].to_index()} | {name: values.to_numpy().round(3) for name, values in columns.items()})


def moved(**span: float):
    return lambda frame: frame.assign(time=frame["time"] + pd.Timedelta(**span))


def scaled(name: str, factor: float, offset: float = 0.0):
    return lambda frame: frame.assign(**{name: frame[name] * factor + offset})


def put(name: str, value: float, rows: slice = slice(4000, 4001)):
    def spoil(frame):
        frame.loc[frame.index[rows], name] = value
        return frame

    return spoil


def without(rows: slice):
    return lambda frame: frame.drop(frame.index[rows])


def told(name: str, unit: str):
    return {"columns": PLAIN | {name: (PLAIN[name][0], unit)}}


#: Fault -> what is done to the file, how it is declared, how its twin is: options of the reader for the same file, or None for the file
#: as it was; the error.
TABLES = {
    # what labels mean
    "stamps half an hour late": (moved(minutes=30), {}, {"stamps": "middle"}, AlignmentError),
    "ends called starts": (moved(hours=1), {}, {"stamps": "end"}, AlignmentError),
    "starts called ends": (None, {"stamps": "end"}, {"stamps": "start"}, AlignmentError),
    "starts called middles": (None, {"stamps": "middle"}, {"stamps": "start"}, AlignmentError),
    "starts called instants": (None, {"stamps": "instant"}, {"stamps": "start"}, AlignmentError),
    "China time called UTC": (moved(hours=8), {"fill": "nan"}, None, AlignmentError),
    "solar time called UTC": (moved(hours=6, minutes=20), {"fill": "nan"}, None, AlignmentError),
    "an hour of summer time": (moved(hours=1), {"fill": "nan"}, None, AlignmentError),
    # where
    "longitude of the other half": (None, {"place": Place(36.4, -94.9, 2798.0)}, {}, AlignmentError),
    "longitude two zones off": (None, {"place": Place(36.4, 124.9, 2798.0)}, {}, AlignmentError),
    "latitude and longitude swapped": (None, {"place": Place(94.9, 36.4, 2798.0)}, {}, UnitsError),
    "south for north": (None, {"place": Place(-64.0, 94.9, 0.0)}, {}, AlignmentError),
    # units
    "joules called watts": (scaled("ghi", 3600.0), {}, told("ghi", "J m-2"), UnitsError),
    "kilojoules called watts": (scaled("ghi", 3.6), {}, told("ghi", "kJ m-2"), UnitsError),
    "watts called kilojoules": (None, told("ghi", "kJ m-2"), {}, UnitsError),
    "watts called joules": (None, told("ghi", "J m-2"), {}, UnitsError),
    "megajoules called watts": (scaled("ghi", 0.0036), {}, told("ghi", "MJ m-2"), UnitsError),
    "kilowatt hours called watts": (scaled("ghi", 0.001), {}, told("ghi", "kWh m-2"), UnitsError),
    "watts called kilowatt hours": (None, told("ghi", "kWh m-2"), {}, UnitsError),
    "kelvin called degrees": (scaled("temp_air", 1.0, 273.15), {}, told("temp_air", "K"), UnitsError),
    "degrees called kelvin": (None, told("temp_air", "K"), {}, UnitsError),
    "Fahrenheit called degrees": (scaled("temp_air", 1.8, 32.0), {}, told("temp_air", "degF"), UnitsError),
    "km/h called m/s": (scaled("wind", 3.6), {}, told("wind_speed_100m", "km h-1"), UnitsError),
    "m/s called furlongs": (None, told("wind_speed_100m", "furlong"), {}, UnitsError),
    "no unit": (None, told("ghi", ""), {}, UnitsError),
    # hours
    "8,759 hours, without the last": (without(slice(8759, 8760)), {}, {"fill": "day_before"}, AlignmentError),
    "8,759 hours, without the first": (without(slice(0, 1)), {}, {"fill": "day_before"}, AlignmentError),
    "8,759 hours, without one in June": (without(slice(4000, 4001)), {}, None, AlignmentError),
    "a day left out": (without(slice(2000, 2024)), {}, None, AlignmentError),
    "half a year": (without(slice(4380, 8760)), {}, {"fill": "nan", "year": 2013}, AlignmentError),
    "an hour twice": (lambda frame: pd.concat([frame[:4000], frame[3999:]]), {}, None, AlignmentError),
    "a day twice": (lambda frame: pd.concat([frame[:2400], frame[2376:]]), {}, None, AlignmentError),
    "hours in reverse": (lambda frame: frame[::-1], {}, None, AlignmentError),
    "two hours exchanged": (lambda frame: frame.iloc[[*range(4000), 4001, 4000, *range(4002, 8760)]], {}, None, AlignmentError),
    "every third hour": (lambda frame: frame[::3], {}, None, AlignmentError),
    "no rows": (lambda frame: frame[:0], {}, None, AlignmentError),
    "labels that are no times": (lambda frame: frame.assign(time=[f"hour {n}" for n in range(len(frame))]), {}, None, AlignmentError),
    "a missing label": (lambda frame: frame.assign(time=frame["time"].where(frame.index != 77)), {}, None, AlignmentError),
    "another year": (None, {"year": 2015}, {"year": 2013}, AlignmentError),
    "summer time kept": (
        lambda frame: frame.assign(time=frame["time"] + pd.to_timedelta(np.where((frame.index > 2000) & (frame.index < 7000), 1, 0), "h")),
        {}, None, AlignmentError,
    ),
    # values
    "fill of -9999 in the sun": (put("ghi", -9999.0), {}, {"missing": -9999.0}, UnitsError),
    "fill of -999 in the warmth": (put("temp_air", -999.0), {}, {"missing": -999.0}, UnitsError),
    "fill of 9999 in the wind": (put("wind", 9999.0), {}, {"missing": 9999.0}, UnitsError),
    "fill of 1e20": (put("ghi", 1e20), {}, {"missing": 1e20}, UnitsError),
    "an infinite wind": (put("wind", np.inf), {}, {"missing": np.inf}, UnitsError),
    "negative sun": (put("ghi", -5.0), {}, None, UnitsError),
    "negative wind": (put("wind", -1.0), {}, None, UnitsError),
    "a storm beyond all": (put("wind", 75.0), {}, None, UnitsError),
    "sun at midnight": (put("ghi", 500.0, slice(16, 24)), {}, None, AlignmentError),
    "a constant sun": (put("ghi", 190.0, slice(0, 8760)), {}, None, AlignmentError),
    "no sun all year": (put("ghi", 0.0, slice(0, 8760)), {}, None, UnitsError),
    "no wind all year": (put("wind", 0.0, slice(0, 8760)), {}, None, UnitsError),
    "brighter than the sun": (put("ghi", 1900.0, slice(4010, 4011)), {}, None, UnitsError),
    "columns exchanged": (lambda frame: frame.rename(columns={"temp_air": "wind", "wind": "temp_air"}), {}, None, UnitsError),
    "no column of wind": (lambda frame: frame.drop(columns="wind"), {}, None, CatalogError),
    "no column declared": (None, {"columns": {name: PLAIN[name] for name in ("ghi", "temp_air")}}, {}, MissingVariableError),
}  # fmt: skip


def read(path, frame, options):
    given = {"columns": PLAIN, "place": GOLMUD, "stamps": "start", "time": "time"} | options
    frame.to_csv(path, index=False)
    columns = given.pop("columns")
    return read_table(path, columns, **given)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Twin of all files that aren't believed however they are declared."""
    return read(tmp_path_factory.mktemp("sound") / "station.csv", table(), {})


@pytest.mark.parametrize("name", TABLES)
def test_faulty_table_is_refused_and_its_twin_is_believed(tmp_path, tally, sound, name):
    spoil, wrong, right, kind = TABLES[name]
    frame = spoil(table()) if spoil else table()
    error = tally.refusal(f"hours: {name}", lambda: read(tmp_path / "station.csv", frame, wrong))
    assert isinstance(error, kind)
    twin = read(tmp_path / "twin.csv", frame, right) if right is not None and (spoil is not None or right) else sound
    for each in ("ghi", "temp_air", "wind_speed_100m"):
        here, there = twin[each].to_numpy()[0], sound[each].to_numpy()[0]
        known = np.isfinite(here)
        assert known.mean() > 0.49
        close = np.isclose(here[known], there[known], rtol=1e-4, atol=0.02)
        # a filled hour repeats the day beside it
        assert (~close).sum() <= (1 if right == {"fill": "day_before"} else 0)


@pytest.mark.parametrize("rows", [slice(4000, 4001), slice(4000, 4024), slice(0, 800)])
def test_unknown_hours_stay_unknown_and_are_no_zeros(tmp_path, rows):
    frame = table()
    for column in ("ghi", "temp_air", "wind"):
        frame = put(column, np.nan, rows)(frame)
    found = read(tmp_path / "station.csv", frame, {})
    for name in ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m"):
        unknown = np.isnan(found[name].to_numpy()[0])
        assert unknown[rows].all()
        assert unknown.sum() == rows.stop - rows.start


def test_leap_day_that_was_dropped_is_refused(tmp_path, tally):
    frame, day = table(2016), slice(59 * 24, 60 * 24)
    tally.refusal("hours: 29 February dropped", lambda: read(tmp_path / "station.csv", frame.drop(frame.index[day]), {}))
    assert read(tmp_path / "twin.csv", frame, {}).sizes["time"] == 8784


# grids in the way of ERA5


def grid(**changes):
    """A cell of ERA5: energy of the hour before the label, states at the label, one hour beyond the year."""
    hours, options = year(), {"shift": 0, "energy": 3600.0, "kelvin": 273.15, "wind": 1.0} | changes
    labels = np.append(hours["time"].values, hours["time"].values[-1] + np.timedelta64(1, "h"))
    ghi = np.append(0.0, hours["ghi"].values)
    states = {name: np.append(hours[name].values, hours[name].values[-1]) for name in ("temp_air", "wind_speed_100m")}
    values = {"ssrd": ghi * options["energy"], "t2m": states["temp_air"] + options["kelvin"]}
    values |= {"u100": states["wind_speed_100m"] * 0.6 * options["wind"], "v100": -states["wind_speed_100m"] * 0.8 * options["wind"]}
    axes = {"time": labels + np.timedelta64(options["shift"], "m"), "latitude": [36.5, 36.25], "longitude": [94.75, 95.0]}
    dims, shape = ("time", "latitude", "longitude"), (len(labels), 2, 2)
    cells = {name: (dims, np.broadcast_to(each[:, None, None], shape).copy()) for name, each in values.items()}
    return xr.Dataset(cells, axes)


def swapped():
    dataset = grid()
    return dataset.rename(latitude="longitude", longitude="latitude")


def beyond_the_circle():
    ends = [grid().assign_coords(longitude=each) for each in ([0.0, 0.25], [359.75, 360.0])]
    return xr.concat(ends, "longitude")


def column(name, **changes):
    return ERA5 | {name: ERA5[name].model_copy(update=changes)}


#: Fault -> dataset, columns, error. The twin of all is the plain one.
GRIDS = {
    "labels half an hour late": (lambda: grid(shift=30), ERA5, AlignmentError),
    "labels an hour late": (lambda: grid(shift=60), ERA5, AlignmentError),
    "ends of energy called starts": (grid, column("ghi", stamps="start"), AlignmentError),
    "ends of energy called instants": (grid, column("ghi", stamps="instant"), AlignmentError),
    "watts called joules": (lambda: grid(energy=1.0), ERA5, UnitsError),
    "energy of a day": (lambda: grid(energy=24 * 3600.0), ERA5, UnitsError),
    "joules called watts": (grid, column("ghi", unit="W m-2"), UnitsError),
    "degrees called kelvin": (lambda: grid(kelvin=0.0), ERA5, UnitsError),
    "Fahrenheit": (grid, column("temp_air", unit="degF"), UnitsError),
    "km/h called m/s": (lambda: grid(wind=3.6), ERA5, UnitsError),
    "one component of the wind only": (lambda: grid().drop_vars("v100"), ERA5, MissingVariableError),
    "no sun": (grid, {name: ERA5[name] for name in ("temp_air", "wind_speed_100m")}, MissingVariableError),
    "a stack of final and early hours": (lambda: xr.concat([grid(), grid().isel(time=slice(8000, None))], "time"), ERA5, AlignmentError),
    "a month missing": (lambda: grid().isel(time=np.r_[0:3000, 3744:8761]), ERA5, AlignmentError),
    "without the label of new year": (lambda: grid().isel(time=slice(0, 8760)), ERA5, AlignmentError),
    "longitudes of 0 and 360": (beyond_the_circle, ERA5, AlignmentError),
    "a latitude twice": (lambda: grid().assign_coords(latitude=[36.5, 36.5]), ERA5, AlignmentError),
    "another name of time": (lambda: grid().rename(time="when"), ERA5, CatalogError),
    "latitudes and longitudes exchanged": (swapped, ERA5, AlignmentError),
    "an undeclared fill": (lambda: grid().where(grid()["t2m"].longitude < 95.0, -32767.0), ERA5, UnitsError),
}  # fmt: skip


def stored(folder, dataset, columns):
    cells = read_grid(dataset, columns, year=2013, altitude=2800.0)
    light = sunlight(2013, cells["latitude"].values, cells["longitude"].values)
    if not any(find_faults({name: cells[name].values for name in HOURLY}, 2013, light)):
        return cells
    source = WeatherSource(title="ERA5", kind="real", licence="Copernicus", citation="ERA5", note="")
    return write_store(folder / "store", 2013, cells, cells, source=source)


@pytest.mark.filterwarnings("ignore:.*default value for.*:FutureWarning")
@pytest.mark.parametrize("name", GRIDS)
def test_faulty_grid_is_refused(tmp_path, tally, name):
    dataset, columns, kind = GRIDS[name]
    error = tally.refusal(f"grid hours: {name}", lambda: stored(tmp_path, dataset(), columns))
    assert isinstance(error, kind)
    assert not (tmp_path / "store" / "2013" / "complete.json").exists()


def test_sound_grid_is_believed(tmp_path):
    cells = stored(tmp_path, grid(), ERA5)
    np.testing.assert_allclose(cells["ghi"].values[0], year()["ghi"].values, atol=0.01)
    packed = grid(energy=1.0)
    np.testing.assert_allclose(
        stored(tmp_path, packed, ERA5 | {"ghi": GridColumn(names=("ssrd",), unit="W m-2", stamps="end")})["ghi"], cells["ghi"], atol=0.01
    )


# points of NASA POWER


@functools.cache
def sound_answer():
    return power_json({"latitude": ["36.5"], "longitude": ["100.625"]})


def power(change=None):
    content = json.loads(sound_answer())
    if change:
        change(content)
    return json.dumps(content)


def columns_of(content):
    return content["properties"]["parameter"]


def warm(content):
    values = columns_of(content)["T2M"]
    values.update({key: 273.15 + n % 20 for n, key in enumerate(values)})


def strange_fill(content):
    values = columns_of(content)["T2M"]
    values[next(iter(values))] = -9999.0


def exchange_winds(content):
    columns = columns_of(content)
    columns["WS10M"], columns["WS50M"] = columns["WS50M"], columns["WS10M"]


def cut(content):
    for values in columns_of(content).values():
        for _ in range(4380):
            values.popitem()


def drop(*names):
    return lambda content: [columns_of(content).pop(name) for name in names]


#: Fault -> change of the answer, error.
POWERS = {
    "local solar time": (lambda content: content["header"].update(time_standard="LST"), AlignmentError),
    "another unit": (lambda content: content["parameters"]["T2M"].update(units="furlong"), UnitsError),
    "kelvin under C": (warm, UnitsError),
    "the sun in MJ/hr": (lambda content: content["parameters"]["ALLSKY_SFC_SW_DWN"].update(units="MJ/hr"), UnitsError),
    "another fill value": (strange_fill, UnitsError),
    "no wind": (drop("WS10M", "WS50M"), MissingVariableError),
    "no sun": (drop("ALLSKY_SFC_SW_DWN"), MissingVariableError),
    "winds exchanged": (exchange_winds, UnitsError),
    "half of the hours": (cut, AlignmentError),
    "no header": (lambda content: content.pop("header"), CatalogError),
    "no place": (lambda content: content["geometry"].update(coordinates=[None, None, None]), UnitsError),
    "place of the other half": (lambda content: content["geometry"].update(coordinates=[-100.625, 36.5, 2500.0]), AlignmentError),
    "an error in place of data": (lambda content: [content.clear(), content.update(messages=["too many requests"])], CatalogError),
}  # fmt: skip


@pytest.mark.parametrize("name", POWERS)
def test_faulty_answer_of_nasa_power_is_refused(tmp_path, tally, name):
    change, kind = POWERS[name]
    (tmp_path / "point.json").write_text(power(change), encoding="utf-8")
    error = tally.refusal(f"NASA POWER: {name}", lambda: read_nasa_power(tmp_path / "point.json", 2019))
    assert isinstance(error, kind)


def test_sound_answer_of_nasa_power_is_believed(tmp_path):
    (tmp_path / "point.json").write_text(power(), encoding="utf-8")
    assert np.isnan(read_nasa_power(tmp_path / "point.json", 2019)["temp_air"].to_numpy()).sum() == 1


# the load, and hours of the public grid

STAMPS = list(pd.date_range("2013-01-01", "2014-01-01", freq="h", inclusive="left").strftime("%Y-%m-%d %H:%M"))
UTC = pd.date_range("2013-01-01", "2014-01-01", freq="h", inclusive="left")

#: Fault -> stamps, values, zone.
LOADS = {
    "8,759 hours": (STAMPS[:-1], ["5"] * 8759, "Asia/Shanghai"),
    "8,761 hours": ([*STAMPS, "2014-01-01 00:00"], ["5"] * 8761, "Asia/Shanghai"),
    "stamps at half past": ([stamp.replace(":00", ":30") for stamp in STAMPS], ["5"] * 8760, "Asia/Shanghai"),
    "an hour twice": ([*STAMPS[:50], *STAMPS[49:]], ["5"] * 8761, "Asia/Shanghai"),
    "a gap": ([*STAMPS[:50], *STAMPS[51:]], ["5"] * 8759, "Asia/Shanghai"),
    "a run of nothing": (STAMPS, ["5"] * 4000 + [""] * 24 + ["5"] * 4736, "Asia/Shanghai"),
    "a run of nan": (STAMPS, ["5"] * 4000 + ["nan"] * 24 + ["5"] * 4736, "Asia/Shanghai"),
    "negative hours": (STAMPS, ["-5", *["5"] * 8759], "Asia/Shanghai"),
    "watts called megawatts": (STAMPS, ["5000000"] * 8760, "Asia/Shanghai"),
    "civil hours that don't exist": (STAMPS, ["5"] * 8760, "America/New_York"),
    "decimal commas": (STAMPS, ["5,5"] * 8760, "Asia/Shanghai"),
    "quarter hours": ([f"2013-01-01 {n // 4 % 24:02d}:{n % 4 * 15:02d}" for n in range(96)], ["5"] * 96, "Asia/Shanghai"),
}  # fmt: skip


def load(path, stamps, values, zone):
    path.write_text("\n".join(["time,load", *(f"{when},{value}" for when, value in zip(stamps, values, strict=True))]), encoding="utf-8")
    return hourly_load(Load(measured=LoadFile(path=str(path), unit="MW", timezone=zone)), UTC)


@pytest.mark.parametrize("name", LOADS)
def test_faulty_load_is_refused(tmp_path, tally, name):
    tally.refusal(f"load: {name}", lambda: load(tmp_path / "load.csv", *LOADS[name]))


def test_sound_load_is_believed(tmp_path):
    assert hourly_sum(load(tmp_path / "load.csv", STAMPS, ["5"] * 8760, "Asia/Shanghai")) == 5 * 8760


def hourly_sum(series) -> float:
    return float(np.sum(series))


SHARES = "time,grid_zone,carbon_free_share\n2013-01-01T00:00Z,CN-QH,0.8\n2013-01-01T01:00Z,CN-QH,0.7\n"


def more(name, first, second):
    """The hours with another column."""
    head, one, two = SHARES.splitlines()
    return f"{head},{name}\n{one},{first}\n{two},{second}\n"


SERIES = {
    "an hour twice": SHARES + "2013-01-01T01:00Z,CN-QH,0.6\n",
    "per cent": SHARES.replace("0.8", "80"),
    "a negative share": SHARES.replace("0.8", "-0.1"),
    "grams per kWh": more("emission_factor", 560, 480),
    "text for a share": SHARES.replace("0.8", "high"),
    "no zone": SHARES.replace("grid_zone", "zone"),
    "times that are none": SHARES.replace("2013-01-01T00:00Z", "new year"),
    "more renewable than carbon-free": more("renewable_share", 0.9, 0.6),
    "not UTF-8": None,
}  # fmt: skip


@pytest.mark.parametrize("name", SERIES)
def test_faulty_hours_of_the_grid_are_refused(tmp_path, tally, name):
    text = SERIES[name]
    (tmp_path / "hours.csv").write_bytes(text.encode() if text else "time,grid_zone,carbon_free_share\n中文".encode("utf-16"))
    tally.refusal(f"hours of the grid: {name}", lambda: open_series(tmp_path / "hours.csv"))


def test_sound_hours_of_the_grid_are_believed(tmp_path):
    (tmp_path / "hours.csv").write_text(SHARES, encoding="utf-8")
    assert open_series(tmp_path / "hours.csv")["carbon_free_share"].values.tolist() == [[0.8, 0.7]]
