"""PV output of one site, step by step with pvlib on a DatetimeIndex: slow, plain, and what the kernels are held to."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import pandas as pd
import pvlib

from siting.yields.pv import PVSystem

#: Upper edges of the clearness bins of the Perez model.
CLEARNESS = (1.065, 1.23, 1.5, 1.95, 2.8, 4.5, 6.2)


class Light(NamedTuple):
    """What comes of the horizontal irradiance: in the plane, of which beam, beyond the glass; and the split where it was made."""

    plane: np.ndarray
    beam: np.ndarray
    effective: np.ndarray
    sun: pd.DataFrame
    dni: np.ndarray
    dhi: np.ndarray


def capacity_factor(weather: pd.DataFrame, latitude: float, longitude: float, altitude: float, pv: PVSystem, tilt: float) -> np.ndarray:
    """Net AC output per DC nameplate; ``weather`` is indexed by the starts of hours in UTC and may lack dni and dhi."""
    return net_output(plane_light(weather, latitude, longitude, altitude, pv, tilt), weather, pv)


def net_output(light: Light, weather: pd.DataFrame, pv: PVSystem) -> np.ndarray:
    """Net AC output per DC nameplate from the light in the plane."""
    middles = pd.DatetimeIndex(weather.index) + pd.Timedelta(minutes=30)
    height = pv.module_height if pv.temperature == "faiman" else 10.0
    wind = weather["wind_speed_100m"].to_numpy() * (height / 100.0) ** pv.shear_exponent
    air = weather["temp_air"].to_numpy()
    if pv.temperature == "faiman":
        cell = pvlib.temperature.faiman(light.plane, air, wind, u0=pv.faiman_u0, u1=pv.faiman_u1)
    else:
        cell = pvlib.temperature.sapm_cell(light.plane, air, wind, pv.sapm_a, pv.sapm_b, pv.sapm_delta_t)
    dc = pvlib.pvsystem.pvwatts_dc(light.effective, cell, pdc0=1.0, gamma_pdc=pv.gamma_pdc) * (1.0 - pv.losses)
    for loss in (pv.soiling, pv.snow):
        dc = dc * (1.0 - np.array([loss[month - 1] if isinstance(loss, tuple) else loss for month in middles.month]))
    return pvlib.inverter.pvwatts(dc, pdc0=1.0 / pv.dc_ac_ratio / pv.inverter_efficiency, eta_inv_nom=pv.inverter_efficiency)


@functools.lru_cache(maxsize=256)
def _sun(seconds: bytes, latitude: float, longitude: float, altitude: float) -> pd.DataFrame:
    """Sun angles, remembered because every chain asks for the same."""
    moments = pd.DatetimeIndex(np.frombuffer(seconds, dtype="datetime64[s]")).tz_localize("UTC")
    return pvlib.solarposition.get_solarposition(moments, latitude, longitude, altitude=altitude)


def plane_light(weather: pd.DataFrame, latitude: float, longitude: float, altitude: float, pv: PVSystem, tilt: float) -> Light:
    """Irradiance in the plane of the modules [W m-2]; no beam while the sun is below the horizon at mid-hour."""
    middles = (pd.DatetimeIndex(weather.index) + pd.Timedelta(minutes=30)).tz_localize("UTC")
    sun = _sun(middles.as_unit("s").asi8.tobytes(), latitude, longitude, altitude)
    zenith, azimuth, ghi = sun["apparent_zenith"].to_numpy(), sun["azimuth"].to_numpy(), weather["ghi"].to_numpy()
    if "dni" in weather:
        dni, dhi = weather["dni"].to_numpy(), weather["dhi"].to_numpy()
    else:
        parts = pvlib.irradiance.erbs(ghi, sun["zenith"].to_numpy(), np.asarray(middles.dayofyear))
        dni, dhi = parts["dni"], parts["dhi"]
    surface = orientation(zenith, azimuth, pv, tilt, latitude)
    total = pvlib.irradiance.get_total_irradiance(
        *surface,
        zenith,
        azimuth,
        dni=np.where(zenith < 90.0, dni, 0.0),
        ghi=ghi,
        dhi=dhi,
        dni_extra=pvlib.irradiance.get_extra_radiation(middles).to_numpy(),
        albedo=pv.albedo,
        model=pv.transposition,
    )
    # without any light pvlib's model of Perez divides zero by zero
    plane = np.where((dni == 0) & (dhi == 0), pvlib.irradiance.get_ground_diffuse(surface[0], ghi, pv.albedo), total["poa_global"])
    beam = np.asarray(total["poa_direct"])
    plane = plane + pv.bifaciality * (1.0 - pv.rear_loss) * rear_light(ghi, dhi, surface[0], pv.albedo)
    angle = pvlib.irradiance.aoi(*surface, zenith, azimuth)
    kept = pvlib.iam.physical(angle) if pv.reflection == "physical" else 1.0
    return Light(plane, beam, plane - beam * (1.0 - kept), sun, dni, dhi)


def orientation(zenith: np.ndarray, azimuth: np.ndarray, pv: PVSystem, tilt: float, latitude: float) -> tuple[np.ndarray, np.ndarray]:
    """Tilt and azimuth of the modules; trackers lie flat while the sun is down."""
    if pv.mount == "fixed":
        facing = (0.0 if latitude < 0 else 180.0) if pv.surface_azimuth == "equator" else pv.surface_azimuth
        return np.full(len(zenith), tilt), np.full(len(zenith), facing)
    turned = pvlib.tracking.singleaxis(zenith, azimuth, max_angle=pv.max_angle, backtrack=pv.backtracking, gcr=pv.gcr)
    return np.nan_to_num(turned["surface_tilt"]), np.nan_to_num(turned["surface_azimuth"], nan=90.0)


def rear_light(ghi: np.ndarray, dhi: np.ndarray, tilt: np.ndarray, albedo: float) -> np.ndarray:
    """Light on the back of an isolated row: that of a plane which is turned over, without its beam."""
    return pvlib.irradiance.isotropic(180.0 - tilt, dhi) + pvlib.irradiance.get_ground_diffuse(180.0 - tilt, ghi, albedo)


def branch_hours(light: Light, weather: pd.DataFrame, pv: PVSystem, margin: float = 1e-4) -> np.ndarray:
    """Hours that lie within a relative ``margin`` of an edge at which a model of the chain jumps."""
    zenith, true = light.sun["apparent_zenith"].to_numpy(), light.sun["zenith"].to_numpy()
    ghi = weather["ghi"].to_numpy()
    edge = np.abs(zenith - 90.0) < 90.0 * margin
    middles = (pd.DatetimeIndex(weather.index) + pd.Timedelta(minutes=30)).tz_localize("UTC")
    extra = pvlib.irradiance.get_extra_radiation(middles).to_numpy()
    if "dni" not in weather:
        clearness = ghi / (extra * np.maximum(np.cos(np.radians(true)), 0.065))
        edge |= np.abs(true - 87.0) < 87.0 * margin
        edge |= (np.abs(clearness - 0.22) < margin) | (np.abs(clearness - 0.8) < margin)
    if pv.transposition == "perez":
        bend = 1.041 * np.radians(zenith) ** 3
        with np.errstate(divide="ignore", invalid="ignore"):
            clear = ((light.dhi + light.dni) / light.dhi + bend) / (1.0 + bend)
        for bound in CLEARNESS:
            edge |= np.abs(clear / bound - 1.0) < margin
    return edge
