"""Weather of the benchmarks: a few sites of the synthetic field, repeated with other levels until there are enough."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import siting
from siting.study import Study

_BASE_SITES = 60
_HOURLY = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")


class Weather(NamedTuple):
    """Hours by (site, time) in float32, the places, and the starts of the hours in UTC."""

    ghi: NDArray[np.float32]
    dni: NDArray[np.float32]
    dhi: NDArray[np.float32]
    temp_air: NDArray[np.float32]
    wind_speed_100m: NDArray[np.float32]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    altitude: NDArray[np.float64]
    times: NDArray[np.datetime64]

    def rows(self, part: slice | NDArray[np.int64]) -> Weather:
        """The same weather at some of the sites."""
        return Weather(*(values[part] for values in self[:-1]), self.times)


def make_base(count: int = _BASE_SITES) -> Weather:
    """A synthetic year at sites spread over China."""
    study = Study()
    sites = siting.screen(siting.open_layers(study), study.land)
    sites = sites.isel(site=np.linspace(0, sites.sizes["site"] - 1, count).astype(int)).load()
    hours = siting.add_weather(sites, study.weather)
    hourly = (hours[name].to_numpy().astype(np.float32) for name in _HOURLY)
    places = (hours[name].to_numpy() for name in ("latitude", "longitude", "altitude"))
    return Weather(*hourly, *places, hours["time"].to_numpy())


def repeat(base: Weather, start: int, count: int) -> Weather:
    """Sites number ``start`` and following: the base again and again, each time with 0.7 to 1.2 of its sun and wind."""
    number = np.arange(start, start + count)
    weather = base.rows(number % len(base.latitude))
    level = (0.7 + 0.5 * ((number * 0.6180339887) % 1.0)).astype(np.float32)[:, None]
    sun = np.minimum(level, np.float32(1.0))
    return weather._replace(
        ghi=weather.ghi * sun, dni=weather.dni * sun, dhi=weather.dhi * sun, wind_speed_100m=weather.wind_speed_100m * level
    )
