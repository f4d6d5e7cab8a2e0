"""Wind: the toolkit's kernels, windpowerlib, atlite and PySAM on the same turbine and weather."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.measure import Contender, Output, in_blocks
from benchmarks.weather import Weather
from siting.yields import wind

_NO_LOSS = {"wake_loss": 0.0, "availability_loss": 0.0, "electrical_loss": 0.0, "performance_loss": 0.0, "cold_shutdown": None}
SHEAR = 1 / 7
#: Density corrections as they are told.
SAID = {"iec": "IEC speed normalisation", "svenningsen": "windpowerlib's semantics", "none": "no density"}


def farm(correction: str) -> wind.WindFarm:
    """The default turbine without losses."""
    return wind.WindFarm.model_validate({"density_correction": correction, **_NO_LOSS})


def ours(weather: Weather, threads: int) -> Iterator[Contender]:
    """All corrections on all threads, and on one."""
    sites, keep = len(weather.latitude), np.empty_like(weather.wind_speed_100m)
    for correction, said in SAID.items():
        for count in sorted({threads, 1}, reverse=True):
            run = in_blocks(_kernel(weather, correction), keep, count)
            yield Contender(f"siting, {said}, {count} thread{'s' * (count > 1)}", "wind", sites, run, said, threads=count)
    few = min(sites, 100)
    exact = _kernel(weather.rows(slice(few))._replace(wind_speed_100m=weather.wind_speed_100m[:few].astype(float)), "svenningsen")
    run = in_blocks(exact, np.empty((few, len(weather.times))), 1)
    yield Contender("siting in float64, windpowerlib's semantics, 1 thread", "wind", few, run, SAID["svenningsen"])


def _kernel(weather: Weather, correction: str) -> Callable[[slice, Output], object]:
    turbines = farm(correction)
    return lambda part, out: wind.capacity_factor(
        weather.wind_speed_100m[part], weather.temp_air[part], weather.altitude[part], wind=turbines, out=out
    )


def windpowerlib(weather: Weather) -> Iterator[Contender]:
    """ModelChain site by site, with and without density correction."""
    import pandas as pd
    from pvlib.atmosphere import alt2pres
    from windpowerlib import ModelChain, WindTurbine

    curve = farm("none").curves[0]
    speeds, powers = (np.array(values) for values in curve.until_cut_out())
    points = pd.DataFrame({"wind_speed": speeds, "value": powers * 1e3})
    turbine = WindTurbine(hub_height=curve.hub_height, nominal_power=curve.nominal_power * 1e3, power_curve=points)
    index, tables = pd.DatetimeIndex(weather.times), []
    for site, altitude in enumerate(weather.altitude):
        table = pd.DataFrame(
            {
                ("wind_speed", 100): weather.wind_speed_100m[site].astype(float),
                ("temperature", 2): weather.temp_air[site].astype(float) + 273.15,
                ("pressure", 0): alt2pres(altitude),
                ("roughness_length", 0): 0.1,
            },
            index=index,
        )
        table.columns.names = ["variable_name", "height"]
        tables.append(table)

    def run(corrected: bool) -> Output:
        chain = {"wind_speed_model": "hellman", "hellman_exp": SHEAR, "temperature_model": "linear_gradient", "density_model": "barometric"}
        models = (ModelChain(turbine, density_correction=corrected, **chain).run_model(table) for table in tables)
        return np.stack([model.power_output.to_numpy() for model in models]) / (curve.nominal_power * 1e3)

    for corrected, said, like in ((True, "density-corrected", "svenningsen"), (False, "no density", "none")):
        yield Contender(f"windpowerlib ModelChain, {said}", "wind", len(tables), lambda way=corrected: run(way), SAID[like])


def atlite(weather: Weather, threads: int) -> Iterator[Contender]:
    """convert_wind at the best of several chunk sizes; it knows no density."""
    import dask
    import xarray as xr
    from atlite.convert import convert_wind

    from benchmarks.atlite_grid import best_chunk, gridded

    curve = farm("none").curves[0]
    turbine = {
        "V": np.array(curve.wind_speed), "POW": np.array(curve.power) / 1e3, "P": curve.nominal_power / 1e3, "hub_height": curve.hub_height,
    }  # fmt: skip
    cube = gridded({"wnd100m": weather.wind_speed_100m}, weather)
    cube["wnd_shear_exp"] = xr.full_like(cube["wnd100m"], SHEAR)

    def run(chunk: int) -> Output:
        with dask.config.set(scheduler="threads", num_workers=threads):
            found = convert_wind(cube.chunk(time=chunk), turbine, "power").compute()
        return found.to_numpy().reshape(len(weather.times), -1).T

    chunk = best_chunk(run)
    name = f"atlite, no density, chunks of {chunk} h, {threads} threads"
    yield Contender(name, "wind", len(weather.latitude), lambda: run(chunk), SAID["none"], "no cut-out of its own", threads)
