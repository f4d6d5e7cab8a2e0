"""PV output of one site and year, step by step with pvlib on a DatetimeIndex: slow, plain, and what the kernels are held to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pvlib


def capacity_factor(weather: pd.DataFrame, latitude: float, longitude: float, altitude: float, **plant: float) -> np.ndarray:
    """Net AC output per DC nameplate; ``weather`` is indexed by the starts of the hours in UTC."""
    poa = plane_irradiance(weather, latitude, longitude, altitude, plant["surface_tilt"], plant["surface_azimuth"], plant["albedo"])
    wind = weather["wind_speed_100m"] * (plant["module_height"] / 100.0) ** plant["shear_exponent"]
    module = pvlib.temperature.faiman(poa, weather["temp_air"].to_numpy(), wind.to_numpy(), u0=plant["faiman_u0"], u1=plant["faiman_u1"])
    dc = pvlib.pvsystem.pvwatts_dc(poa, module, pdc0=1.0, gamma_pdc=plant["gamma_pdc"]) * (1.0 - plant["losses"])
    ac_rating = 1.0 / plant["dc_ac_ratio"]
    efficiency = plant["inverter_efficiency"]
    return pvlib.inverter.pvwatts(dc, pdc0=ac_rating / efficiency, eta_inv_nom=efficiency)


def plane_irradiance(
    weather: pd.DataFrame, latitude: float, longitude: float, altitude: float, tilt: float, azimuth: float, albedo: float
) -> np.ndarray:
    """Global irradiance in the plane of the modules [W m-2]; no beam while the sun is below the horizon at mid-hour."""
    middles = pd.DatetimeIndex(weather.index) + pd.Timedelta(minutes=30)
    sun = pvlib.solarposition.get_solarposition(middles.tz_localize("UTC"), latitude, longitude, altitude=altitude)
    zenith = sun["apparent_zenith"].to_numpy()
    total = pvlib.irradiance.get_total_irradiance(
        tilt,
        azimuth,
        zenith,
        sun["azimuth"].to_numpy(),
        dni=np.where(zenith < 90.0, weather["dni"], 0.0),
        ghi=weather["ghi"].to_numpy(),
        dhi=weather["dhi"].to_numpy(),
        dni_extra=pvlib.irradiance.get_extra_radiation(middles.tz_localize("UTC")).to_numpy(),
        albedo=albedo,
        model="haydavies",
    )
    return np.asarray(total["poa_global"])
