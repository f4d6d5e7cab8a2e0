"""Groups of hours: look-ups in registers and in memory agree, and an hour's output depends on nothing beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from pvlib.atmosphere import alt2pres
from reference.weather import make_weather

from siting.vocabulary import AlignmentError, UnitsError
from siting.yields import machine
from siting.yields.bins import cut_into_bins, lines_in_registers
from siting.yields.curves import JIT
from siting.yields.registers import ENTRIES, HOURS, follow_lines, holds_tables
from siting.yields.wind import WindFarm, capacity_factor

WAYS = ("none", "iec", "svenningsen")
SITES = make_weather(2013, 3)
SPEED, WARMTH = (SITES[name].values.astype(np.float32) for name in ("wind_speed_100m", "temp_air"))
ALTITUDE = SITES["altitude"].values
registers = pytest.mark.skipif(not holds_tables(), reason="the processor holds no tables in registers")


def farm(way: str) -> WindFarm:
    return WindFarm(density_correction=way)


def output_of(way: str, part: slice = slice(None), surface_pressure: np.ndarray | None = None) -> np.ndarray:
    speed, warmth = SPEED[:, part].copy(), WARMTH[:, part].copy()
    return capacity_factor(speed, warmth, ALTITUDE, wind=farm(way), surface_pressure=surface_pressure)


@njit(**JIT)
def follow(offsets, slopes, number, speed, output, first):
    follow_lines(offsets, slopes, number, speed, output, first)


@registers
@given(st.integers(0, 2**32 - 1), st.integers(0, 70))
def test_registers_give_the_numbers_of_the_table(seed, first):
    random = np.random.default_rng(seed)
    offsets, slopes = random.normal(size=(2, ENTRIES)).astype(np.float32)
    number, speed = random.integers(0, ENTRIES, HOURS).astype(np.uint32), random.uniform(0, 30, HOURS).astype(np.float32)
    speed[random.integers(0, HOURS)] = np.nan
    output = np.full(2 * HOURS + 6, -1, np.float32)
    follow(offsets, slopes, number, speed, output, first)
    exact = offsets[number].astype(float) + slopes[number].astype(float) * speed
    np.testing.assert_array_equal(output[first : first + HOURS], np.maximum(exact, 0).astype(np.float32))
    assert (np.delete(output, np.arange(first, first + HOURS)) == -1).all()


@registers
@pytest.mark.parametrize("way", WAYS)
def test_curves_too_long_for_registers_are_read_the_same_way(way, monkeypatch):
    speed, warmth = SPEED[:, :1000].copy(), WARMTH[:, :1000].copy()
    speed[0, 7] = warmth[1, 990] = np.nan
    short = capacity_factor(speed, warmth, ALTITUDE, wind=farm(way))
    monkeypatch.setattr(machine, "lines_in_registers", lambda bins: None)
    long = capacity_factor(speed, warmth, ALTITUDE, wind=farm(way))
    assert short.tobytes() == long.tobytes()
    assert np.isnan(short).sum() == 2


@registers
def test_a_table_is_held_where_it_fits():
    def short(points: int, dtype=np.float32):
        return lines_in_registers(cut_into_bins(np.arange(points) * 0.5, np.linspace(0, 1, points), np.dtype(dtype)))

    assert short(ENTRIES - 1) is not None
    assert short(ENTRIES) is None
    assert short(20, np.float64) is None


@given(st.integers(0, 3 * HOURS + 1), st.integers(0, 8000), st.sampled_from(WAYS), st.booleans())
def test_an_hour_s_output_does_not_depend_on_how_many_there_are(hours, first, way, pressed):
    pressure = alt2pres(ALTITUDE)[:, None] * np.linspace(0.97, 1.03, SPEED.shape[1]) if pressed else None
    part = slice(first, first + hours)
    alone = output_of(way, part, surface_pressure=pressure if pressure is None else pressure[:, part])
    assert alone.tobytes() == output_of(way, surface_pressure=pressure)[:, part].copy().tobytes()


@pytest.mark.parametrize("hour", [0, 63, 64, 8703, 8704, 8759])
@pytest.mark.parametrize(("name", "value"), [("wind_speed_100m", 61.0), ("wind_speed_100m", -1.0), ("temp_air", -91.0), ("temp_air", 71.0)])
def test_implausible_hours_are_found_wherever_they_are(hour, name, value):
    arrays = {"wind_speed_100m": SPEED.copy(), "temp_air": WARMTH.copy()}
    arrays[name][1, hour] = value
    with pytest.raises(UnitsError, match=f"{name} of .* found {value:g}"):
        capacity_factor(arrays["wind_speed_100m"], arrays["temp_air"], ALTITUDE, wind=farm("iec"))


def test_bitter_cold_is_no_mistake():
    speed, cold = np.full((1, 200), 9.0, np.float32), np.full((1, 200), -85.0, np.float32)
    assert (capacity_factor(speed, cold, np.zeros(1), wind=WindFarm(cold_shutdown=None)) > 0).all()


@registers
@pytest.mark.parametrize(
    "plain", [{"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}, {"NUMBA_ENABLE_AVX": "0"}], ids=["named", "told"]
)
def test_processors_without_the_instruction_come_to_the_same(plain, tmp_path: Path):
    """The kernels are compiled without it, in a process of its own."""
    np.savez(tmp_path / "weather.npz", speed=SPEED[:, :300], warmth=WARMTH[:, :300], altitude=ALTITUDE)
    code = f"""
import numpy as np
from siting.yields.registers import holds_tables
from siting.yields.wind import WindFarm, capacity_factor
assert not holds_tables()
given = np.load({str(tmp_path / "weather.npz")!r})
output = capacity_factor(given["speed"], given["warmth"], given["altitude"], wind=WindFarm(density_correction="iec"))
np.save({str(tmp_path / "output.npy")!r}, output)
"""
    subprocess.run([sys.executable, "-c", code], env=os.environ | plain | {"NUMBA_CACHE_DIR": str(tmp_path)}, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "output.npy"), output_of("iec", slice(300)), rtol=0, atol=2e-6)


def test_weather_that_can_t_be_written_to_is_copied_and_room_with_gaps_refused():
    speed, warmth = SPEED[:, :100].copy(), WARMTH[:, :100].copy()
    usual = capacity_factor(speed, warmth, ALTITUDE, wind=farm("iec"))
    speed.flags.writeable = warmth.flags.writeable = False
    assert capacity_factor(speed, warmth, ALTITUDE, wind=farm("iec")).tobytes() == usual.tobytes()
    with pytest.raises(AlignmentError, match=r"Expected out as contiguous float32 .* found strided"):
        capacity_factor(speed, warmth, ALTITUDE, wind=farm("iec"), out=np.empty((3, 200), np.float32)[:, ::2])
