"""Wind output of one site and year, step by step with windpowerlib: slow, plain, and what the kernels are held to.

windpowerlib wants one site's series (its density-corrected curve is wrong on two dimensions) and has no cut-out of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pvlib
from windpowerlib import density, power_output, temperature, wind_speed


def capacity_factor(
    weather: pd.DataFrame,
    altitude: float,
    curve: tuple[Sequence[float], Sequence[float]],
    nominal_power: float,
    *,
    hub_height: float,
    shear_exponent: float,
    density_correction: bool = True,
) -> np.ndarray:
    """Output per nominal power without losses; ``curve`` is speeds [m s-1] and powers [kW]."""
    hub_speed = wind_speed.hellman(weather["wind_speed_100m"], 100.0, hub_height, hellman_exponent=shear_exponent)
    air = hub_density(weather["temp_air"], altitude, hub_height)
    power = power_output.power_curve(hub_speed, np.asarray(curve[0]), np.asarray(curve[1]), air, density_correction)
    return np.asarray(power) / nominal_power


def hub_density(temp_air: pd.Series, altitude: float, hub_height: float) -> pd.Series:
    """Density of air at the hub [kg m-3] from temperature at 2 m [degC] and altitude [m]."""
    hub_temperature = temperature.linear_gradient(temp_air + 273.15, 2.0, hub_height)
    return density.barometric(pvlib.atmosphere.alt2pres(altitude), 0.0, hub_height, hub_temperature)


def chain_output(
    weather: pd.DataFrame, altitude: float, curve: tuple[Sequence[float], Sequence[float]], *, hub_height: float, shear_exponent: float
) -> np.ndarray:
    """Output [W] of windpowerlib's ModelChain with a density-corrected curve of speeds [m s-1] and powers [kW]."""
    from windpowerlib import ModelChain, WindTurbine

    table = pd.DataFrame(
        {
            ("wind_speed", 100): weather["wind_speed_100m"],
            ("temperature", 2): weather["temp_air"] + 273.15,
            ("pressure", 0): pvlib.atmosphere.alt2pres(altitude),
            ("roughness_length", 0): 0.1,
        }
    )
    table.columns.names = ["variable_name", "height"]
    points = pd.DataFrame({"wind_speed": curve[0], "value": np.asarray(curve[1]) * 1e3})
    turbine = WindTurbine(hub_height=hub_height, nominal_power=float(points["value"].max()), power_curve=points)
    chain = ModelChain(
        turbine, wind_speed_model="hellman", temperature_model="linear_gradient", density_model="barometric",
        power_output_model="power_curve", density_correction=True, hellman_exp=shear_exponent,
    )  # fmt: skip
    return chain.run_model(table).power_output.to_numpy()


def iec_capacity_factor(
    wind_speed_100m: np.ndarray, temp_air: np.ndarray, altitude: np.ndarray, speeds: Sequence[float], outputs: Sequence[float],
    *, hub_height: float, shear_exponent: float, cut_out: float,
) -> np.ndarray:  # fmt: skip
    """Output per nominal power with the speed normalised as in IEC 61400-12-1, in plain NumPy."""
    hub_speed = wind_speed_100m * (hub_height / 100.0) ** shear_exponent
    air = hub_density(temp_air, altitude[:, None], hub_height)
    output = np.interp(hub_speed * np.cbrt(air / 1.225), speeds, outputs, left=0.0)
    return np.where(np.isnan(hub_speed + air), np.nan, np.where(hub_speed > cut_out, 0.0, output))
