"""PV: the toolkit's kernels, pvlib, atlite and PySAM on the same plant and weather."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.measure import Contender, Output, in_blocks
from benchmarks.weather import Weather
from siting.yields import pv

TILT, AZIMUTH = 30.0, 180.0
_HALF_HOUR = np.timedelta64(30, "m")


def plant() -> pv.PVSystem:
    """A plant of fixed tilt in the fast precision, everything else at its default."""
    fast = {"precision": "float32"} if "precision" in pv.PVSystem.model_fields else {}
    return pv.PVSystem.model_validate({"surface_tilt": TILT, "surface_azimuth": AZIMUTH, **fast})


def ours(weather: Weather, threads: int) -> Iterator[Contender]:
    """The step's kernel on all threads, and on one; fewer sites where it takes long."""
    for count in sorted({threads, 1}, reverse=True):
        run = in_blocks(_kernel(weather), np.empty_like(weather.ghi), count)
        name = f"siting, {count} thread{'s' * (count > 1)}, solar position included"
        yield Contender(name, "pv", len(weather.latitude), run, threads=count)


def _kernel(weather: Weather) -> Callable[[slice, Output], object]:
    system, takes_out = plant(), "out" in inspect.signature(pv.capacity_factor).parameters

    def write(part: slice, out: Output) -> None:
        found = pv.capacity_factor(
            weather.ghi[part], weather.dni[part], weather.dhi[part], weather.temp_air[part], weather.wind_speed_100m[part],
            weather.latitude[part], weather.longitude[part], weather.altitude[part], times=weather.times, pv=system,
            **({"out": out} if takes_out else {}),
        )  # fmt: skip
        if not takes_out:
            out[:] = found

    return write


def _module_wind(weather: Weather, site: int) -> np.ndarray:
    system = plant()
    return weather.wind_speed_100m[site].astype(float) * (system.module_height / 100.0) ** system.shear_exponent


def _tables(weather: Weather) -> Iterator[tuple[int, object]]:
    import pandas as pd

    index = pd.DatetimeIndex(weather.times + _HALF_HOUR, tz="UTC")
    for site in range(len(weather.latitude)):
        columns = {name: getattr(weather, name)[site].astype(float) for name in ("ghi", "dni", "dhi", "temp_air")}
        yield site, pd.DataFrame(columns | {"wind_speed": _module_wind(weather, site)}, index=index)


def pvlib(weather: Weather) -> Iterator[Contender]:
    """ModelChain with PVWatts as it comes and with the toolkit's physics, and the same physics called by hand."""
    import pvlib as library

    system = plant()
    mount = library.pvsystem.FixedMount(TILT, AZIMUTH)
    tables = list(_tables(weather))

    def chain(table: object, site: int, alike: bool) -> np.ndarray:
        array = library.pvsystem.Array(
            mount, albedo=system.albedo, module_parameters={"pdc0": 1.0, "gamma_pdc": system.gamma_pdc},
            temperature_model_parameters=(
                {"u0": system.faiman_u0, "u1": system.faiman_u1}
                if alike
                else library.temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["open_rack_glass_polymer"]
            ),
        )  # fmt: skip
        inverter = {"pdc0": 1.0 / system.dc_ac_ratio / system.inverter_efficiency, "eta_inv_nom": system.inverter_efficiency}
        whole = library.pvsystem.PVSystem(
            [array], inverter_parameters=inverter, losses_parameters=dict.fromkeys(
                ("shading", "snow", "mismatch", "wiring", "connections", "lid", "nameplate_rating", "age", "availability"), 0
            ) | {"soiling": 100 * system.losses},
        )  # fmt: skip
        place = library.location.Location(weather.latitude[site], weather.longitude[site], altitude=weather.altitude[site])
        options = {"transposition_model": "haydavies", "aoi_model": "no_loss", "spectral_model": "no_loss", "temperature_model": "faiman"}
        model = library.modelchain.ModelChain.with_pvwatts(whole, place, **(options if alike else {}))
        return np.maximum(model.run_model(table).results.ac.to_numpy(), 0.0)

    def loop(alike: bool) -> Output:
        return np.stack([chain(table, site, alike) for site, table in tables])

    yield Contender("pvlib ModelChain.with_pvwatts (Perez, physical IAM, SAPM)", "pv", len(tables), lambda: loop(False), "other physics")
    yield Contender("pvlib ModelChain, Hay-Davies, Faiman, no IAM", "pv", len(tables), lambda: loop(True))
    yield Contender("pvlib by hand, the same physics", "pv", len(tables), lambda: _by_hand(weather, tables))


def _by_hand(weather: Weather, tables: list[tuple[int, object]]) -> Output:
    import pvlib as library

    system, rows = plant(), []
    for site, table in tables:
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
    yield Contender(f"atlite, chunks of {chunk} h, {threads} threads", "pv", len(weather.latitude), lambda: run(chunk), note, threads)
