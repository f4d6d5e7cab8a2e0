"""PySAM in a process of its own per model: both models in one process fail.

Run as a script with a model and a file of weather, it answers each line on its input with the seconds of one run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.measure import Contender
    from benchmarks.weather import Weather


def contenders(weather: Weather) -> Iterator[Contender]:
    """Pvwattsv8 and Windpower, site by site."""
    import PySAM  # noqa: F401  (absent: the caller names it and goes on)

    from benchmarks.measure import Contender
    from benchmarks.pv_rivals import AZIMUTH, SIMPLE, TILT, plant
    from benchmarks.wind_rivals import SAID, SHEAR, farm

    system, curve = plant(), farm("none").curves[0]
    folder = Path(tempfile.mkdtemp(prefix="siting-benchmark-"))
    np.savez(
        folder / "weather.npz", **weather._asdict(), speeds=curve.wind_speed, powers=curve.power, hub_height=curve.hub_height, shear=SHEAR,
        plant=[TILT, AZIMUTH, system.dc_ac_ratio, 100 * system.inverter_efficiency, 100 * system.losses, system.albedo],
    )  # fmt: skip
    for model, kind, like in (("Pvwattsv8", "pv", SIMPLE), ("Windpower", "wind", SAID["iec"])):
        worker = _Worker(model, folder)
        yield Contender(f"PySAM {model}", kind, len(weather.latitude), worker.run, like, "other physics", clock=worker.clock)


class _Worker:
    """A process that runs one model when it is asked to."""

    def __init__(self, model: str, folder: Path) -> None:
        self.found, self.seconds = folder / f"{model}.npy", 0.0
        command = [sys.executable, __file__, model, str(folder / "weather.npz"), str(self.found)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self) -> np.ndarray:
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("no pipes to the worker")
        print("run", file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.found.stem} ended with exit code {self.process.wait()}")
        self.seconds = float(answer)
        found: np.ndarray = np.load(self.found)
        return found

    def clock(self) -> float:
        """Seconds of the last run, in the worker."""
        return self.seconds


def _pv_sites(data: dict[str, np.ndarray]) -> Callable[[int], np.ndarray]:
    import PySAM.Pvwattsv8 as Pvwatts

    tilt, azimuth, dc_ac_ratio, efficiency, losses, albedo = data["plant"]
    times = data["times"].astype("datetime64[h]")
    days = times.astype("datetime64[D]")
    months = times.astype("datetime64[M]")
    calendar = {
        "year": (times.astype("datetime64[Y]").astype(int) + 1970).tolist(),
        "month": (months.astype(int) % 12 + 1).tolist(),
        "day": ((days - months).astype(int) + 1).tolist(),
        "hour": ((times - days).astype(int)).tolist(),
        "minute": [30] * len(times),
    }

    def one(site: int) -> np.ndarray:
        model = Pvwatts.default("PVWattsNone")
        model.SystemDesign.assign(
            {"array_type": 0, "azimuth": azimuth, "tilt": tilt, "dc_ac_ratio": dc_ac_ratio, "inv_eff": efficiency, "losses": losses,
             "system_capacity": 1.0}
        )  # fmt: skip
        hourly = {name: data[key][site].tolist() for name, key in (("dn", "dni"), ("df", "dhi"), ("tdry", "temp_air"))}
        place = {
            "lat": float(data["latitude"][site]),
            "lon": float(data["longitude"][site]),
            "tz": 0,
            "elev": float(data["altitude"][site]),
        }
        wind = (data["wind_speed_100m"][site] * 0.02 ** (1 / 7)).tolist()
        alb = [float(albedo)] * len(times)
        model.SolarResource.solar_resource_data = place | calendar | hourly | {"wspd": wind, "alb": alb}
        model.execute(0)
        return np.maximum(np.array(model.Outputs.ac) / 1000.0, 0.0)

    return one


def _wind_sites(data: dict[str, np.ndarray]) -> Callable[[int], np.ndarray]:
    import PySAM.Windpower as Windpower

    hub, nominal = float(data["hub_height"]), float(data["powers"].max())

    def one(site: int) -> np.ndarray:
        model = Windpower.default("WindPowerNone")
        model.Losses.assign(dict.fromkeys(model.Losses.export(), 0.0))
        model.Farm.assign({"system_capacity": nominal, "wind_farm_xCoordinates": [0.0], "wind_farm_yCoordinates": [0.0]})
        model.Turbine.assign(
            {"wind_turbine_hub_ht": hub, "wind_turbine_powercurve_windspeeds": data["speeds"].tolist(),
             "wind_turbine_powercurve_powerout": data["powers"].tolist()}
        )  # fmt: skip
        # the library's own hub-height rule wants data within 35 m, so that the wind is brought there before
        speed = data["wind_speed_100m"][site].astype(float) * (hub / 100.0) ** float(data["shear"])
        warmth = data["temp_air"][site].astype(float) - 0.0065 * (hub - 2.0)
        pressure = (1.0 - 2.25577e-5 * float(data["altitude"][site])) ** 5.25588 - hub / 8.0 / 1013.25
        rows = np.stack([warmth, np.full(speed.size, pressure), speed, np.zeros(speed.size)], axis=1).tolist()
        model.Resource.assign(
            {"wind_resource_model_choice": 0, "wind_resource_data": {"heights": [hub] * 4, "fields": [1, 2, 3, 4], "data": rows}}
        )
        model.execute(0)
        return np.array(model.Outputs.gen) / nominal

    return one


def _serve(model: str, weather: str, found: str) -> None:
    with np.load(weather) as file:
        data = {name: file[name] for name in file.files}
    one = {"Pvwattsv8": _pv_sites, "Windpower": _wind_sites}[model](data)
    for _ in sys.stdin:
        begin = time.perf_counter()
        output = np.stack([one(site) for site in range(len(data["latitude"]))])
        seconds = time.perf_counter() - begin
        np.save(found, output)
        print(seconds, flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
