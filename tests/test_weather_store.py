"""The weather store: what goes in comes out within the declared error, whole or not at all, and each cell is read once."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError
from reference.cells import make_cells, make_grid, make_sites

from siting.resource import Weather, add_weather, other_years, weather_blocks
from siting.vocabulary import (
    AlignmentError,
    CatalogError,
    IntegrityError,
    MissingVariableError,
    OutputError,
    ResourceError,
    UnitsError,
)
from siting.weather_hours import HOURLY
from siting.weather_store import PACKING, WeatherSource, open_store, open_year, reading, store_years, verify_store, write_store, writing
from siting.weather_store.packing import MISSING, pack
from siting.weather_store.record import RECORD, VerifiedStore

SOURCE = WeatherSource(title="Made up", kind="user", licence="CC0-1.0", citation="the tests", note="no place has this weather")
GRID = make_grid(3, 4)
FACTORS = ("weather_distance", "ghi_level_factor", "wind_level_factor")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weather") / "store"
    write_store(path, 2013, GRID, GRID, source=SOURCE, chunk_cells=5, block_cells=5)
    return path


def weather(store: Path, **fields: object) -> Weather:
    return Weather.model_validate({"source": "store", "path": str(store), "year": 2013, **fields})


def digest(dataset: xr.Dataset) -> str:
    return hashlib.sha256(b"".join(dataset[name].to_numpy().tobytes() for name in (*HOURLY, *FACTORS))).hexdigest()


# packing


@pytest.mark.parametrize("name", HOURLY)
def test_hours_come_back_within_the_declared_error(store: Path, name: str) -> None:
    found = open_store(store, 2013)[name]
    assert found.attrs["packing_error"] == PACKING[name].error
    assert found.attrs["units"] == {"temp_air": "degC", "wind_speed_100m": "m s-1"}.get(name, "W m-2")
    error = np.abs(found.to_numpy() - GRID[name].to_numpy()).max()
    assert 0 < error <= PACKING[name].error * (1 + 1e-9)


def test_errors_of_packing_are_small_against_the_instruments() -> None:
    assert PACKING["ghi"].error <= 0.025
    assert PACKING["temp_air"].error <= 0.00125
    assert PACKING["wind_speed_100m"].error <= 0.001


@settings(deadline=None, max_examples=50)
@given(arrays(np.float64, (2, 24), elements=st.one_of(st.floats(-90, 70), st.just(np.nan))))
def test_any_temperature_is_packed_within_the_error_and_nan_as_nan(values: np.ndarray) -> None:
    packed = pack("temp_air", values)
    assert np.array_equal(packed == MISSING, np.isnan(values))
    back = packed * PACKING["temp_air"].scale + PACKING["temp_air"].offset
    assert np.nanmax(np.abs(back - values), initial=0.0) <= PACKING["temp_air"].error * (1 + 1e-9)


def test_darkness_and_calm_are_exactly_zero() -> None:
    for name in ("ghi", "dni", "dhi", "wind_speed_100m"):
        assert pack(name, np.zeros((1, 3))).tolist() == [[0, 0, 0]]
        assert PACKING[name].offset == 0.0


def test_what_cannot_be_packed_is_refused() -> None:
    with pytest.raises(UnitsError, match=r"Expected temp_air of .*, found 290"):
        pack("temp_air", np.array([[290.0]]))


def test_a_missing_hour_stays_missing(tmp_path: Path) -> None:
    cells = make_grid(2, 2)
    cells["wind_speed_100m"][1, 17] = np.nan
    cells["ghi"][2, 4000:4010] = np.nan
    write_store(tmp_path / "s", 2013, cells, cells, source=SOURCE)
    found = open_store(tmp_path / "s")
    for name in HOURLY:
        assert np.array_equal(np.isnan(found[name].to_numpy()), np.isnan(cells[name].to_numpy())), name
    assert found["missing_hours"].to_numpy().tolist() == [0, 1, 10, 0]
    sites = add_weather(make_sites([36.0], [95.25]), weather(tmp_path / "s"))
    assert np.flatnonzero(np.isnan(sites["wind_speed_100m"][0].to_numpy())).tolist() == [17]


def test_the_lazy_dataset_and_the_reader_agree_bit_for_bit(store: Path) -> None:
    lazy, hours = open_store(store), open_year(store, 2013).hours(np.arange(12))
    assert lazy["ghi"].chunks == ((5, 5, 2), (8760,))
    for name in HOURLY:
        # the reader gives float32, which holds every packed value but for its seventh digit
        assert np.array_equal(lazy[name].to_numpy().astype(np.float32), hours[name]), name


# years


def test_two_years_stand_side_by_side_and_leap_years_are_whole(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_store(path, 2013, GRID, GRID, source=SOURCE)
    before = verify_store(path, 2013)
    leap = make_grid(3, 4, 2012)
    write_store(path, 2012, leap, leap, source=SOURCE)
    assert store_years(path) == (2012, 2013)
    assert verify_store(path, 2013) == before
    hours = open_store(path, 2012)
    assert hours.sizes["time"] == 8784
    assert "2012-02-29T00" in hours["time"].to_numpy().astype("datetime64[h]").astype(str)
    with pytest.raises(CatalogError, match=r"a year to be named among those of the store 's' \(2012, 2013\)"):
        open_store(path)
    with pytest.raises(CatalogError, match=r"Expected year 2014 among those of the store"):
        add_weather(make_sites([36.0], [95.0]), weather(path, year=2014))
    assert [each.year for each in other_years(weather(path), 5)] == [2012]


def test_a_year_that_is_there_is_replaced_only_on_demand(tmp_path: Path) -> None:
    write_store(tmp_path, 2013, GRID, GRID, source=SOURCE)
    with pytest.raises(OutputError, match="found one; pass replace=True"):
        write_store(tmp_path, 2013, GRID, GRID, source=SOURCE)
    other = make_cells(list(GRID["latitude"].values), list(GRID["longitude"].values), seed=9)
    write_store(tmp_path, 2013, other, other, source=SOURCE, replace=True)
    read = open_year(tmp_path, 2013).hours(np.array([4]))["temp_air"]
    assert np.abs(read[0] - other["temp_air"][4].to_numpy()).max() < 0.002
    assert sorted(each.name for each in tmp_path.iterdir()) == ["2013", "zarr.json"]


def test_any_source_is_written_block_by_block(store: Path, tmp_path: Path) -> None:
    asked: list[slice] = []

    def hours(rows: slice) -> xr.Dataset:
        asked.append(rows)
        return GRID.isel(cell=rows)

    write_store(tmp_path / "a", 2013, GRID, hours, source=SOURCE, chunk_cells=5, block_cells=5)
    assert asked == [slice(0, 5), slice(5, 10), slice(10, 12)]
    write_store(tmp_path / "b", 2013, GRID, GRID.chunk(cell=2), source=SOURCE, chunk_cells=5, block_cells=10)
    assert verify_store(tmp_path / "a") == verify_store(tmp_path / "b") == verify_store(store)


def test_the_source_is_declared(store: Path) -> None:
    attrs = open_store(store).attrs
    assert (attrs["title"], attrs["kind"], attrs["licence"]) == ("Made up", "user", "CC0-1.0")
    assert "starts of the hours" in attrs["time_convention"]
    sites = add_weather(make_sites([36.0], [95.0]), weather(store))
    (source,) = json.loads(sites.attrs["sources"])
    assert source["kind"] == "user"
    assert source["sha256"] == hashlib.sha256((store / "2013" / RECORD).read_bytes()).hexdigest()
    assert json.loads(sites.attrs["warnings"]) == []


# integrity


KILLED = """
import os, signal, sys
from reference.cells import make_grid
from siting.weather_store import WeatherSource, write_store
grid = make_grid(3, 4)
def hours(rows):
    if rows.start:
        os.kill(os.getpid(), signal.SIGKILL)
    return grid.isel(cell=rows)
source = WeatherSource(title="t", kind="user", licence="l", citation="c")
write_store(sys.argv[1], 2013, grid, hours, source=source, chunk_cells=5, block_cells=5)
"""


def test_a_writer_that_is_killed_leaves_no_year_and_another_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "s"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=Path(__file__).parent, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [each.name[:6] for each in path.iterdir() if each.is_dir()] == [".2013-"]
    assert store_years(path) == ()
    with pytest.raises(CatalogError, match=r"Expected year 2013 among those of the store 's' \(none\)"):
        add_weather(make_sites([36.0], [95.0]), weather(path))
    write_store(path, 2013, GRID, GRID, source=SOURCE)
    assert add_weather(make_sites([36.0], [95.0]), weather(path))["ghi"].notnull().all()


@pytest.mark.parametrize("stop", ["pack", "file_checksums", "sync", "_publish"])
def test_a_writer_that_fails_leaves_the_old_year_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str) -> None:
    write_store(tmp_path, 2013, GRID, GRID, source=SOURCE)
    before = verify_store(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, stop, fail)
    with pytest.raises(ResourceError, match="No space left on device"):
        write_store(tmp_path, 2013, GRID, GRID, source=SOURCE, replace=True)
    assert verify_store(tmp_path) == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["2013", "zarr.json"]


def damage(folder: Path, how: str) -> None:
    chunk = folder / "wind_speed_100m" / "c" / "1" / "0"
    content = bytearray(chunk.read_bytes())
    if how == "flip":
        content[len(content) // 2] ^= 1
        chunk.write_bytes(bytes(content))
    elif how == "cut":
        chunk.write_bytes(bytes(content[:-7]))
    elif how == "swap":
        chunk.write_bytes((chunk.parents[1] / "0" / "0").read_bytes())
    elif how == "chunk":
        chunk.unlink()
    elif how == "record":
        (folder / RECORD).unlink()
    elif how == "unlisted":
        record = json.loads((folder / RECORD).read_text())
        del record["files"]["wind_speed_100m/c/1/0"]
        (folder / RECORD).write_text(json.dumps(record))
    elif how == "scale":
        metadata = folder / "wind_speed_100m" / "zarr.json"
        metadata.write_text(metadata.read_text().replace("0.002", "0.003"))


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("flip", "Expected sha256"),
        ("cut", "Expected sha256"),
        ("swap", "Expected sha256"),
        ("chunk", "Expected the file wind_speed_100m/c/1/0"),
        ("record", "the year is incomplete"),
        ("unlisted", "in the record"),
        ("scale", "Expected sha256"),
    ],
)
def test_damage_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, text: str) -> None:
    # what is remembered is known by its checksum: a copy of the same year needs no reading
    monkeypatch.setattr(reading, "_MEMORY", reading._Memory(0))
    write_store(tmp_path / "s", 2013, GRID, GRID, source=SOURCE, chunk_cells=5)
    damage(tmp_path / "s" / "2013", how)
    site = make_sites([float(GRID["latitude"][7])], [float(GRID["longitude"][7])])
    for read in (
        lambda: add_weather(site, weather(tmp_path / "s")),
        lambda: open_store(tmp_path / "s", 2013)["wind_speed_100m"].load(),
        lambda: verify_store(tmp_path / "s", 2013),
    ):
        with pytest.raises(IntegrityError) as caught:
            read()
        assert "\n" not in str(caught.value)
    with pytest.raises(IntegrityError, match=text):
        add_weather(site, weather(tmp_path / "s"))


def test_damage_elsewhere_does_not_stop_a_site(tmp_path: Path) -> None:
    write_store(tmp_path / "s", 2013, GRID, GRID, source=SOURCE, chunk_cells=5)
    damage(tmp_path / "s" / "2013", "flip")
    assert add_weather(make_sites([36.0], [95.0]), weather(tmp_path / "s"))["ghi"].notnull().all()
    with pytest.raises(IntegrityError, match="found wind_speed_100m/c/1/0 different"):
        verify_store(tmp_path / "s")


# sites


def test_a_site_takes_its_nearest_cell_and_its_own_altitude(store: Path) -> None:
    sites = make_sites([36.02, 36.49], [95.24, 95.51], altitude=3000.0)
    hours = add_weather(sites, weather(store))
    stored = open_store(store)
    for row, cell in enumerate((1, 10)):
        for name in ("ghi", "dni", "dhi", "wind_speed_100m"):
            assert np.array_equal(hours[name][row].to_numpy(), stored[name][cell].to_numpy().astype(np.float32))
        climb = 3000.0 - float(stored["altitude"][cell])
        cooler = stored["temp_air"][cell].to_numpy() - hours["temp_air"][row].to_numpy()
        # float32 keeps temperatures of up to 64 degC to 2e-6 K
        assert cooler == pytest.approx(0.0065 * climb, abs=4e-6)
    # 2 minutes of arc of latitude are 2 nautical miles less what the ellipsoid takes
    assert hours["weather_distance"].to_numpy() == pytest.approx([2.40, 1.43], abs=0.02)
    assert hours["time"].attrs["stamps"] == "interval_start"
    still = add_weather(sites, weather(store, lapse_rate_k_per_km=0))
    assert np.array_equal(still["temp_air"][0].to_numpy(), stored["temp_air"][1].to_numpy().astype(np.float32))


def test_an_unknown_altitude_gives_an_unknown_temperature_only(store: Path) -> None:
    hours = add_weather(make_sites([36.0], [95.0], altitude=np.nan), weather(store))
    assert hours["temp_air"].isnull().all()
    assert hours["ghi"].notnull().all()


def test_a_site_beyond_the_reach_of_the_cells_is_refused_with_its_distance(store: Path) -> None:
    corner = make_sites([35.876], [94.876])
    assert float(add_weather(corner, weather(store))["weather_distance"][0]) == pytest.approx(17.7, abs=0.1)
    with pytest.raises(AlignmentError, match=r"within 18\.\d km of every site, found the nearest 21\.\d km from 35\.850 N"):
        add_weather(make_sites([35.85], [94.85]), weather(store))
    assert add_weather(make_sites([35.85], [94.85]), weather(store, reach_km=25))["ghi"].notnull().all()
    with pytest.raises(AlignmentError, match="found NaN at 1"):
        add_weather(make_sites([np.nan], [95.0]), weather(store))


def test_cells_off_a_grid_declare_their_reach(tmp_path: Path) -> None:
    station = make_cells([36.4], [94.9])
    with pytest.raises(AlignmentError, match="pass reach_km"):
        write_store(tmp_path / "s", 2013, station, station, source=SOURCE)
    write_store(tmp_path / "s", 2013, station, station, source=SOURCE, reach_km=50)
    assert float(add_weather(make_sites([36.7], [94.9]), weather(tmp_path / "s"))["weather_distance"][0]) == pytest.approx(33.3, abs=0.1)
    with pytest.raises(AlignmentError, match=r"within 50.0 km"):
        add_weather(make_sites([36.9], [94.9]), weather(tmp_path / "s"))


def test_lazy_blocks_and_threads_give_the_same_bits(store: Path) -> None:
    draw = np.random.default_rng(1)
    sites = make_sites(list(draw.uniform(35.9, 36.6, 30)), list(draw.uniform(94.9, 95.8, 30)))
    whole = add_weather(sites, weather(store, scale_to_levels=True))
    for chunk in (1, 7, 30):
        lazy = add_weather(sites.chunk(site=chunk), weather(store, scale_to_levels=True))
        assert lazy["ghi"].chunks is not None
        assert digest(lazy.compute(scheduler="threads", num_workers=2)) == digest(whole)
    alone = add_weather(sites.isel(site=[17]), weather(store, scale_to_levels=True))
    assert digest(alone) == digest(whole.isel(site=[17]))
    assert add_weather(sites.isel(site=slice(0)), weather(store))["ghi"].shape == (0, 8760)


def test_blocks_hold_whole_cells_and_each_chunk_is_read_once(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(2)
    sites = make_sites(list(draw.uniform(35.9, 36.6, 200)), list(draw.uniform(94.9, 95.8, 200)))
    blocks = weather_blocks(sites, weather(store), 40)
    assert np.array_equal(np.sort(np.concatenate(blocks)), np.arange(200))
    assert max(map(len, blocks)) <= 40
    cell, _ = open_year(store, 2013).locate(sites["latitude"], sites["longitude"])
    assert all(not set(cell[one]) & set(cell[other]) for n, one in enumerate(blocks) for other in blocks[n + 1 :])
    read: list[str] = []
    get = VerifiedStore.get

    async def counted(self: VerifiedStore, key: str, *args: object, **kwargs: object) -> object:
        read.append(key)
        return await get(self, key, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(VerifiedStore, "get", counted)
    monkeypatch.setattr(reading, "_MEMORY", reading._Memory(64 << 20))
    parts = [add_weather(sites.isel(site=block), weather(store)) for block in blocks]
    chunks = [key for key in read if "/c/" in key and key.split("/")[0] in HOURLY]
    assert sorted(chunks) == sorted(f"{name}/c/{chunk}/0" for name in HOURLY for chunk in range(3))
    joined = xr.concat(parts, dim="site").isel(site=np.argsort(np.concatenate(blocks)))
    assert digest(joined) == digest(add_weather(sites, weather(store)))


def test_a_cell_with_many_sites_is_cut_and_synthetic_weather_goes_in_order(store: Path) -> None:
    sites = make_sites([36.01] * 25, list(np.linspace(95.0, 95.02, 25)))
    assert [len(block) for block in weather_blocks(sites, weather(store), 10)] == [10, 10, 5]
    assert [block[0] for block in weather_blocks(sites, Weather(), 10)] == [0, 10, 20]
    assert weather_blocks(sites.isel(site=slice(0)), weather(store)) == []


def test_memory_of_chunks_is_bounded() -> None:
    memory, read = reading._Memory(250), []

    def chunk(number: int) -> dict[str, np.ndarray]:
        def load() -> dict[str, np.ndarray]:
            read.append(number)
            return {"ghi": np.zeros((1, 50), dtype=np.int16)}

        return memory.get(("record", number), load)

    for number in (1, 2, 1, 3, 2, 1, 1):
        chunk(number)
    assert read == [1, 2, 3, 2, 1]


# levels


def test_hours_are_not_scaled_by_default_and_the_factors_say_so(store: Path) -> None:
    hours = add_weather(make_sites([36.0], [95.0]), weather(store))
    assert hours["ghi_level_factor"].to_numpy().tolist() == hours["wind_level_factor"].to_numpy().tolist() == [1.0]
    assert hours["ghi_level_factor"].dims == ("site",)


def test_scaled_hours_meet_the_levels_and_still_close(store: Path) -> None:
    sites = make_sites([36.0, 36.5], [95.0, 95.5])
    plain, scaled = add_weather(sites, weather(store)), add_weather(sites, weather(store, scale_to_levels=True))
    # hours in float32, whose rounding is 6e-8 of a value
    assert scaled["wind_speed_100m"].astype(float).mean("time").to_numpy() == pytest.approx(7.0, rel=6e-8)
    # long-run years have 365.25 days
    assert scaled["ghi"].astype(float).mean("time").to_numpy() * 8.766 == pytest.approx(1700.0, rel=6e-8)
    factor = scaled["ghi_level_factor"]
    assert np.all(np.abs(factor - 1) > 0.01)
    for name in ("ghi", "dni", "dhi"):
        assert np.array_equal(scaled[name].to_numpy(), (plain[name] * factor).to_numpy().astype(np.float32)), name
    assert "scaled to the long-run levels" in json.loads(scaled.attrs["warnings"])[0]
    sites["wind_speed_100m_mean"][0] = np.nan
    unknown = add_weather(sites, weather(store, scale_to_levels=True))["wind_speed_100m"].isnull().all("time")
    assert unknown.to_numpy().tolist() == [True, False]


def test_absurd_factors_are_refused(store: Path) -> None:
    sites = make_sites([36.0], [95.0])
    sites["wind_speed_100m_mean"][:] = 25.2
    with pytest.raises(AlignmentError, match=r"Expected factors of 0\.4 to 2\.5 from the hours of wind_speed_100m .* found 4\.\d"):
        add_weather(sites, weather(store, scale_to_levels=True))
    wide = add_weather(
        sites.assign(wind_speed_100m_mean=sites["wind_speed_100m_mean"] / 1.5), weather(store, scale_to_levels=True, level_factor_max=3)
    )
    assert 2.5 < float(wide["wind_level_factor"][0]) < 3
    with pytest.raises(MissingVariableError, match="annual_ghi"):
        add_weather(sites.drop_vars("annual_ghi"), weather(store, scale_to_levels=True))


def test_levels_of_several_years_leave_the_difference_between_them(tmp_path: Path) -> None:
    windy = GRID.assign(wind_speed_100m=GRID["wind_speed_100m"] * 1.2)
    write_store(tmp_path, 2013, GRID, GRID, source=SOURCE)
    times = xr.DataArray(np.arange("2014-01-01", "2015-01-01", dtype="datetime64[h]"), dims="time", attrs=GRID["time"].attrs)
    write_store(tmp_path, 2014, windy, windy.assign_coords(time=times), source=SOURCE)
    sites, both = make_sites([36.0], [95.0]), {"scale_to_levels": True, "level_years": (2013, 2014)}
    means = [float(add_weather(sites, weather(tmp_path, year=year, **both))["wind_speed_100m"].mean()) for year in (2013, 2014)]
    assert np.mean(means) == pytest.approx(7.0, rel=1e-9)
    assert means[1] / means[0] == pytest.approx(1.2, rel=1e-3)
    years = weather(tmp_path, years=(2013, 2014), scale_to_levels=True)
    together = add_weather(sites, years)
    assert float(together["wind_speed_100m"].mean()) == pytest.approx(7.0, rel=1e-9)
    assert float(together["wind_speed_100m"][:, 8760:].mean()) == means[1]
    assert [source["id"] for source in json.loads(together.attrs["sources"])] == ["weather_store_2013", "weather_store_2014"]
    assert len(json.loads(together.attrs["warnings"])) == 1
    assert other_years(years, 5) == []
    assert [block.tolist() for block in weather_blocks(sites, years, 10)] == [[0]]


# parameters and paths


def test_paths_are_relative_to_the_study_and_survive_another_folder(store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pickle

    fields = {"source": "store", "path": store.name, "year": 2013}
    named = Weather.model_validate(fields, context={"folder": store.parent})
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(pickle.dumps(named.model_copy(update={"seed": 4})))
    assert add_weather(make_sites([36.0], [95.0]), again)["ghi"].notnull().all()
    for path, text in (("https://x.org/store", "local file"), ("../elsewhere", "inside the folder"), ("none", "Expected a folder")):
        with pytest.raises(CatalogError, match=text):
            add_weather(make_sites([36.0], [95.0]), Weather.model_validate(fields | {"path": path}, context={"folder": store.parent}))
    (store.parent / "empty").mkdir(exist_ok=True)
    with pytest.raises(CatalogError, match="Expected a weather store"):
        add_weather(make_sites([36.0], [95.0]), Weather.model_validate(fields | {"path": "empty"}, context={"folder": store.parent}))


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "store"},
        {"source": "synthetic", "path": "store"},
        {"source": "synthetic", "year": 2023},
        {"source": "store", "path": "s", "level_factor_min": 1.5},
        {"source": "store", "path": "s", "lapse_rate_k_per_km": -6.5},
    ],
)
def test_contradictions_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Weather.model_validate(fields)


def test_real_years_beyond_the_synthetic_ones_are_welcome() -> None:
    assert Weather.model_validate({"source": "store", "path": "s", "year": 2023}).year == 2023
    assert [each.seed for each in other_years(Weather(seed=5), 2)] == [6, 7]


# what is refused at the door


def refused(tmp_path: Path, cells: xr.Dataset, error: type[Exception], match: str, **options: object) -> None:
    with pytest.raises(error, match=match):
        write_store(tmp_path / "s", 2013, cells, cells, source=SOURCE, **options)  # type: ignore[arg-type]
    assert not (tmp_path / "s" / "2013").exists()


def test_undeclared_stamps_other_years_and_wrong_shapes_are_refused(tmp_path: Path) -> None:
    bare = GRID.assign_coords(time=GRID["time"].drop_attrs())
    refused(tmp_path, bare, AlignmentError, "attribute stamps: interval_start, found None")
    refused(tmp_path, GRID.isel(time=slice(8736)), AlignmentError, "Expected the 8760 hours of 2013 .* found 8736")
    refused(tmp_path, make_grid(3, 4, 2012), AlignmentError, "found 8784 from 2012-01-01")
    refused(tmp_path, GRID.drop_vars("altitude"), MissingVariableError, "no altitude")
    refused(tmp_path, GRID.drop_vars("dhi"), MissingVariableError, "found no dhi")
    with pytest.raises(AlignmentError, match="Expected hours of 4 cells, found 12"):
        write_store(tmp_path / "s", 2013, GRID.isel(cell=slice(4)), GRID, source=SOURCE, reach_km=20)
    east = GRID.assign_coords(longitude=GRID["longitude"] + 200)
    refused(tmp_path, east, UnitsError, "Expected longitude of the cells within 180")


def test_an_implausible_cell_is_refused_or_kept_apart_with_its_reason(tmp_path: Path) -> None:
    kelvin = GRID.copy(deep=True)
    kelvin["temp_air"][6] += 273.15
    refused(
        tmp_path,
        kelvin,
        UnitsError,
        r"Weather cell 6 at 36\.250 N, 95\.500 E: expected temp_air of -90 to 70, found 3\d\d.*quarantine=True",
    )
    write_store(tmp_path / "s", 2013, kelvin, kelvin, source=SOURCE, quarantine=True)
    found = open_store(tmp_path / "s")
    assert np.flatnonzero(found["cell_status"].to_numpy()).tolist() == [6]
    (entry,) = found.attrs["quarantined"]
    assert entry["cell"] == 6
    assert "kelvin" in entry["reason"]
    assert found["ghi"].isnull().all("time").to_numpy().tolist() == [cell == 6 for cell in range(12)]
    sites = add_weather(make_sites([36.25, 36.25], [95.5, 95.75]), weather(tmp_path / "s"))
    assert sites["temp_air"].isnull().all("time").to_numpy().tolist() == [True, False]


def test_the_synthetic_field_can_be_stored(tmp_path: Path) -> None:
    from test_resource import make_sites as make_synthetic

    sites = make_synthetic([36.0, 36.5, 36.0, 36.5], [95.0, 95.0, 95.5, 95.5])
    drawn = add_weather(sites, Weather())
    write_store(tmp_path, 2013, sites, drawn, source=SOURCE.model_copy(update={"kind": "synthetic"}))
    again = add_weather(sites.drop_dims(["month", "quantile"]), weather(tmp_path))
    for name in HOURLY:
        rounding = float(np.spacing(np.float32(np.abs(drawn[name]).max()))) / 2
        assert np.abs(again[name] - drawn[name]).max() <= PACKING[name].error * (1 + 1e-6) + rounding
    assert "synthetic" in json.loads(again.attrs["warnings"])[0]


@pytest.mark.slow
def test_memory_is_flat_and_time_linear_in_the_number_of_sites(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "scripts" / "measure_weather_store"
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=True)
    rows = [line.replace(",", "").split() for line in done.stdout.splitlines()[1:]]
    sites, seconds, peak = (np.array([float(row[at]) for row in rows]) for at in (0, 2, -2))
    assert sites.tolist() == [2000, 6000, 20000]
    assert peak.max() < 1.15 * peak[0]
    # seconds of processor, as others may use the machine too
    assert seconds[-1] / seconds[0] < 1.5 * sites[-1] / sites[0]
