"""PV: the toolkit's kernels, pvlib, atlite and PySAM on the same plant and weather."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measure import Contender, Output, in_blocks
from benchmarks.weather import Weather
from siting.yields import pv

if TYPE_CHECKING:
    import pandas as pd

TILT, AZIMUTH = 30.0, 180.0
_HALF_HOUR = np.timedelta64(30, "m")


#: ModelChain's own physics, with its parameters of an open rack of glass and polymer.
_FULL = {
    "transposition": "perez", "reflection": "physical", "temperature": "sapm", "sapm_a": -3.56, "sapm_b": -0.075, "sapm_delta_t": 3.0,
}  # fmt: skip
PLANTS: dict[str, dict[str, object]] = {
    "Hay-Davies, Faiman": {},
    "Perez, IAM, SAPM": _FULL,
    "trackers, Perez, IAM, SAPM": {"mount": "single_axis", **_FULL},
}
SIMPLE = next(iter(PLANTS))


def plant(physics: str = SIMPLE) -> pv.PVSystem:
    """A plant in the fast precision, everything that is not named at its default."""
    return pv.PVSystem.model_validate({"surface_tilt": TILT, "surface_azimuth": AZIMUTH, "precision": "float32", **PLANTS[physics]})


def ours(weather: Weather, threads: int) -> Iterator[Contender]:
    """The step's kernel for each plant, on all threads and on one."""
    keep = np.empty_like(weather.ghi)
    for physics in PLANTS:
        for count in sorted({threads, 1}, reverse=True):
            run = in_blocks(_kernel(weather, plant(physics)), keep, count)
            name = f"siting, {physics}, {count} thread{'s' * (count > 1)}"
            yield Contender(name, "pv", len(weather.latitude), run, physics, "computes the solar position", threads=count)


def _kernel(weather: Weather, system: pv.PVSystem) -> Callable[[slice, Output], object]:
    def write(part: slice, out: Output) -> None:
        pv.capacity_factor(
            weather.ghi[part], weather.dni[part], weather.dhi[part], weather.temp_air[part], weather.wind_speed_100m[part],
            weather.latitude[part], weather.longitude[part], weather.altitude[part], times=weather.times, pv=system, out=out,
        )  # fmt: skip

    return write


def _tables(weather: Weather, system: pv.PVSystem) -> list[pd.DataFrame]:
    """Weather of each site as ModelChain takes it, with the wind at the height that the temperature model is made for."""
    import pandas as pd

    index = pd.DatetimeIndex(weather.times + _HALF_HOUR, tz="UTC")
    height = system.module_height if system.temperature == "faiman" else 10.0
    slowed = (height / 100.0) ** system.shear_exponent
    tables = []
    for site in range(len(weather.latitude)):
        columns = {name: getattr(weather, name)[site].astype(float) for name in ("ghi", "dni", "dhi", "temp_air")}
        tables.append(pd.DataFrame(columns | {"wind_speed": weather.wind_speed_100m[site].astype(float) * slowed}, index=index))
    return tables


def pvlib(weather: Weather) -> Iterator[Contender]:
    """ModelChain.with_pvwatts of each plant, the one of the default physics as it comes, and the simple one called by hand."""
    for physics in PLANTS:
        yield Contender(f"pvlib ModelChain, {physics}", "pv", len(weather.latitude), _chains(weather, physics), physics)
    tables = _tables(weather, plant())
    yield Contender(f"pvlib by hand, {SIMPLE}", "pv", len(tables), lambda: _by_hand(weather, tables), SIMPLE)


def _chains(weather: Weather, physics: str) -> Callable[[], Output]:
    import pvlib as library

    system = plant(physics)
    tables = _tables(weather, system)
    options = {"transposition_model": "haydavies", "aoi_model": "no_loss", "spectral_model": "no_loss", "temperature_model": "faiman"}
    if physics != SIMPLE:
        options = {}
    mount = library.pvsystem.FixedMount(TILT, AZIMUTH)
    if system.mount == "single_axis":
        mount = library.pvsystem.SingleAxisTrackerMount(max_angle=system.max_angle, backtrack=system.backtracking, gcr=system.gcr)
    warmth = {"a": system.sapm_a, "b": system.sapm_b, "deltaT": system.sapm_delta_t}
    warmth = {"u0": system.faiman_u0, "u1": system.faiman_u1} if system.temperature == "faiman" else warmth
    array = library.pvsystem.Array(
        mount, albedo=system.albedo, module_parameters={"pdc0": 1.0, "gamma_pdc": system.gamma_pdc}, temperature_model_parameters=warmth
    )
    inverter = {"pdc0": 1.0 / system.dc_ac_ratio / system.inverter_efficiency, "eta_inv_nom": system.inverter_efficiency}
    others = ("shading", "snow", "mismatch", "wiring", "connections", "lid", "nameplate_rating", "age", "availability")
    losses = dict.fromkeys(others, 0) | {"soiling": 100 * system.losses}
    whole = library.pvsystem.PVSystem([array], inverter_parameters=inverter, losses_parameters=losses)

    def run() -> Output:
        rows = []
        for site, table in enumerate(tables):
            place = library.location.Location(weather.latitude[site], weather.longitude[site], altitude=weather.altitude[site])
            model = library.modelchain.ModelChain.with_pvwatts(whole, place, **options)
            rows.append(np.maximum(model.run_model(table).results.ac.to_numpy(), 0.0))
        return np.stack(rows)

    return run


def _by_hand(weather: Weather, tables: list[pd.DataFrame]) -> Output:
    import pvlib as library

    system, rows = plant(), []
    for site, table in enumerate(tables):
        place = (weather.latitude[site], weather.longitude[site], weather.altitude[site])
        sun = library.solarposition.get_solarposition(table.index, *place, pressure=library.atmosphere.alt2pres(place[2]))
        extra = library.irradiance.get_extra_radiation(table.index)
        plane = library.irradiance.get_total_irradiance(
            TILT, AZIMUTH, sun["apparent_zenith"], sun["azimuth"], table["dni"], table["ghi"], table["dhi"], dni_extra=extra,
            albedo=system.albedo, model="haydavies",
        )["poa_global"].fillna(0.0)  # fmt: skip
        cell = library.temperature.faiman(plane, table["temp_air"], table["wind_speed"], system.faiman_u0, system.faiman_u1)
        dc = library.pvsystem.pvwatts_dc(plane, cell, 1.0, system.gamma_pdc) * (1.0 - system.losses)
        limit = 1.0 / system.dc_ac_ratio / system.inverter_efficiency
        rows.append(np.maximum(library.inverter.pvwatts(dc, limit, system.inverter_efficiency).to_numpy(), 0.0))
    return np.stack(rows)


def atlite(weather: Weather, threads: int) -> Iterator[Contender]:
    """convert_pv with a Huld panel at the best of several chunk sizes; it reads the solar position."""
    import dask
    import xarray as xr
    from atlite.convert import convert_pv
    from atlite.pv.orientation import make_constant
    from atlite.resource import get_solarpanelconfig

    from benchmarks.atlite_grid import best_chunk, gridded
    from siting.solar_position import solar_position

    middles = weather.times + _HALF_HOUR
    sun = solar_position(middles, weather.latitude, weather.longitude, weather.altitude)
    height = np.radians(90.0 - np.asarray(sun.apparent_zenith, dtype=np.float32))
    above = np.maximum(np.sin(height), np.float32(0.0))
    names = {
        "influx_direct": weather.ghi - weather.dhi, "influx_diffuse": weather.dhi, "influx_toa": np.float32(1361.0) * above,
        "albedo": np.full_like(weather.ghi, plant().albedo), "temperature": weather.temp_air + np.float32(273.15),
        "solar_altitude": height, "solar_azimuth": np.radians(np.asarray(sun.azimuth, dtype=np.float32)),
    }  # fmt: skip
    cube: xr.Dataset = gridded({name: values.astype(np.float32) for name, values in names.items()}, weather)
    panel, orientation = get_solarpanelconfig("CSi"), make_constant(TILT, AZIMUTH)

    def run(chunk: int) -> Output:
        with dask.config.set(scheduler="threads", num_workers=threads):
            found = convert_pv(cube.chunk(time=chunk), panel, orientation, None).compute()
        return found.transpose("time", "y", "x").to_numpy().reshape(len(weather.times), -1).T

    chunk = best_chunk(run)
    note = "Huld panel, solar position read: not like for like"
    name = f"atlite, chunks of {chunk} h, {threads} threads"
    yield Contender(name, "pv", len(weather.latitude), lambda: run(chunk), SIMPLE, note, threads)
