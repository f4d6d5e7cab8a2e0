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
