"""Fixed-tilt PV plants: from irradiance, air temperature and wind to net AC output per DC nameplate.

The physics are pvlib's: Hay-Davies transposition, Faiman module temperature, PVWatts DC power and inverter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from siting.solar_position import solar_position
from siting.vocabulary import AlignmentError, Parameters, UnitsError, step
from siting.yields.gates import plausible

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Irradiance [W m-2] that an hour can't have while the sun stands lower than this zenith [degree] at its middle: half an
#: hour moves the sun by 7.5 degrees at most, and refraction lifts it by less than one.
_DARK_ZENITH, _DARK_GHI = 98.5, 20.0
#: A year of hours whose brightest one stays below this [W m-2] is not in W m-2.
_BRIGHTEST_HOUR = 200.0
_HOUR = np.timedelta64(3600, "s")


class PVSystem(Parameters):
    """A PV plant with fixed tilt.

    The default losses are a product: soiling 3 %, mismatch 2 %, wiring 2 %, connections 0.5 %, first-year degradation 1.5 %,
    reflection 2.5 %, availability 2 % and shading 1 % leave 86 %. Reflection is among them because the transposed irradiance
    is not corrected for the angle of incidence.
    """

    surface_tilt: Annotated[float, Field(ge=0, le=90)] | Literal["latitude"] = Field(
        "latitude", description="tilt of the modules from the horizontal in degrees, or 'latitude' for the site's own"
    )
    surface_azimuth: float = Field(180.0, ge=0, le=360, description="direction that the modules face, in degrees clockwise from north")
    albedo: float = Field(0.2, ge=0, le=0.9, description="share of the irradiance that the ground reflects")
    dc_ac_ratio: float = Field(1.2, ge=0.5, le=2.5, description="DC nameplate of the modules per AC rating of the inverters")
    gamma_pdc: float = Field(-0.0035, ge=-0.01, le=0, description="change of DC power per kelvin of module temperature")
    faiman_u0: float = Field(25.0, gt=0, le=100, description="heat loss of the modules in still air in W m-2 K-1 (Faiman)")
    faiman_u1: float = Field(6.84, ge=0, le=50, description="heat loss of the modules per wind speed in W s m-3 K-1 (Faiman)")
    inverter_efficiency: float = Field(0.96, gt=0.5, lt=1, description="nominal efficiency of the inverters (PVWatts)")
    losses: float = Field(0.14, ge=0, lt=1, description="share of the DC power lost before the inverter")
    module_height: float = Field(2.0, gt=0, le=20, description="height above ground in m of the wind that cools the modules")
    shear_exponent: float = Field(
        1 / 7, ge=0, le=0.6, description="exponent of the power law from the wind at 100 m to that at the modules"
    )


class Irradiance(NamedTuple):
    """Irradiance on the horizontal and towards the sun [W m-2], arrays of one shape."""

    ghi: Floats
    dni: Floats
    dhi: Floats


class Sun(NamedTuple):
    """The sun's refracted zenith and its azimuth [degree], and the irradiance above the atmosphere [W m-2]."""

    apparent_zenith: Floats
    azimuth: Floats
    extra: Floats


@step(needs=["latitude", "longitude", "altitude", "ghi", "dni", "dhi", "temp_air", "wind_speed_100m"], adds=["pv_capacity_factor"])
def add_pv_yield(sites: xr.Dataset, pv: PVSystem) -> xr.Dataset:
    """Hourly net AC output of a PV plant per DC nameplate."""
    import xarray as xr

    hourly = [sites[name] for name in ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")]
    places = [sites[name] for name in ("latitude", "longitude", "altitude")]
    output = xr.apply_ufunc(
        capacity_factor,
        *hourly,
        *places,
        kwargs={"times": sites["time"].values, "pv": pv},
        input_core_dims=[["time"]] * len(hourly) + [[]] * len(places),
        output_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=[np.float64],
        keep_attrs=False,
    )
    return sites.assign(pv_capacity_factor=output)


def capacity_factor(
    ghi: Floats,
    dni: Floats,
    dhi: Floats,
    temp_air: Floats,
    wind_speed_100m: Floats,
    latitude: Floats,
    longitude: Floats,
    altitude: Floats,
    *,
    times: NDArray[np.datetime64],
    pv: PVSystem,
) -> Floats:
    """Net AC output per DC nameplate.

    Parameters
    ----------
    ghi, dni, dhi : (n, time) array
        Hourly mean irradiance: global horizontal, direct normal, diffuse horizontal [W m-2].
    temp_air : (n, time) array
        Air temperature at 2 m [degC].
    wind_speed_100m : (n, time) array
        Wind speed at 100 m [m s-1].
    latitude, longitude, altitude : (n,) array
        Places [degree, degree, m].
    times : (time,) array of datetime64
        Starts of the hours in UTC; the sun is taken at mid-hour.
    pv : PVSystem
        The plant.

    Returns
    -------
    (n, time) array
        Output [1], never negative: what the inverters draw at night is left out. NaN wherever an input is NaN.

    Raises
    ------
    UnitsError
        If an input lies beyond its physical limits.
    AlignmentError
        If times are not regular hours, or there is irradiance while the sun is well below the horizon: wrong stamps, time
        zone or longitude.

    Notes
    -----
    Hours without irradiance are skipped, since pvlib gives exactly 0 there. All arithmetic is elementwise within one site, so
    that the result doesn't depend on how sites are cut into blocks.
    """
    from pvlib.irradiance import get_extra_radiation

    light = Irradiance(plausible("ghi", ghi), plausible("dni", dni), plausible("dhi", dhi))
    air = plausible("temp_air", temp_air), plausible("wind_speed_100m", wind_speed_100m)
    altitude = plausible("altitude", altitude)
    middles = mid_hours(times)
    sun = solar_position(middles, latitude, longitude, altitude)
    extra = np.asarray(get_extra_radiation(day_of_year(middles)), dtype=np.float64)
    output = np.zeros(light.ghi.shape)
    for site, place in enumerate(zip(latitude, longitude, altitude, strict=True)):
        # a missing value at night must stay missing: zero times NaN is NaN, which differs from 0
        known = sum(row[site] for row in light) + 0.0 * (air[0][site] + air[1][site] + sum(place))
        lit = np.flatnonzero(known != 0.0)
        rows = Irradiance(*(row[site][lit] for row in light))
        position = Sun(sun.apparent_zenith[site][lit], sun.azimuth[site][lit], extra[lit])
        _require_daylight(rows.ghi, position.apparent_zenith, middles[lit], len(middles))
        plane = plane_irradiance(rows, position, tilt_at(place[0], pv), pv)
        output[site, lit] = net_output(plane, air[0][site][lit], air[1][site][lit], pv)
    return output


def mid_hours(times: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Middles of regular hours, from their starts; AlignmentError if the hours are not regular."""
    starts = np.asarray(times).astype("datetime64[s]")
    gaps = np.flatnonzero(np.diff(starts) != _HOUR)
    if gaps.size or np.isnat(starts).any():
        where = f"{np.diff(starts)[gaps[0]]} after {starts[gaps[0]]}" if gaps.size else "a missing time"
        raise AlignmentError(f"Expected hourly times without gaps, found {where}; sort and complete the time axis.")
    middles: NDArray[np.datetime64] = np.add(starts, np.timedelta64(1800, "s"))
    return middles


def day_of_year(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Day of the year, 1 to 366, in UTC."""
    days = times.astype("datetime64[D]")
    since_new_year: NDArray[np.int64] = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return since_new_year + 1


def tilt_at(latitude: float, pv: PVSystem) -> float:
    """Tilt [degree] of the plant's modules at a latitude [degree]."""
    return abs(float(latitude)) if pv.surface_tilt == "latitude" else float(pv.surface_tilt)


def plane_irradiance(light: Irradiance, sun: Sun, surface_tilt: float, pv: PVSystem) -> Floats:
    """Global irradiance in the plane of the modules [W m-2], by the model of Hay and Davies.

    Parameters
    ----------
    light : Irradiance
        Irradiance, arrays of one shape [W m-2].
    sun : Sun
        Sun angles [degree] and extraterrestrial irradiance [W m-2], arrays of the same shape.
    surface_tilt : float
        Tilt of the modules [degree].
    pv : PVSystem
        The plant; its azimuth and albedo are used.

    Notes
    -----
    While the sun's middle is below the horizon at mid-hour its direction says nothing about the beam, so that beam and
    circumsolar light count only while it is above.

    References
    ----------
    P. G. Loutzenhiser et al., "Empirical validation of models to compute solar irradiance on inclined surfaces for building
    energy simulation", Solar Energy 81, 254-267, 2007, doi:10.1016/j.solener.2006.03.009.
    """
    from pvlib.irradiance import aoi_projection, get_ground_diffuse, haydavies
    from pvlib.tools import cosd

    beam = np.where(sun.apparent_zenith < 90.0, light.dni, 0.0 * light.dni)
    facing = np.maximum(aoi_projection(surface_tilt, pv.surface_azimuth, sun.apparent_zenith, sun.azimuth), 0.0)
    # pvlib bounds the ratio where the sun is lower than one degree
    ratio = facing / np.maximum(cosd(sun.apparent_zenith), 0.01745)
    sky = haydavies(surface_tilt, pv.surface_azimuth, light.dhi, beam, sun.extra, projection_ratio=ratio)
    ground = get_ground_diffuse(surface_tilt, light.ghi, pv.albedo)
    plane: Floats = beam * facing + (sky + ground)
    return plane


def net_output(plane: Floats, temp_air: Floats, wind_speed_100m: Floats, pv: PVSystem) -> Floats:
    """Net AC output per DC nameplate from the irradiance in the plane of the modules.

    Parameters
    ----------
    plane : array
        Irradiance in the plane of the modules [W m-2].
    temp_air : array
        Air temperature [degC].
    wind_speed_100m : array
        Wind speed at 100 m [m s-1].
    pv : PVSystem
        The plant.

    References
    ----------
    D. Faiman, "Assessing the outdoor operating temperature of photovoltaic modules", Progress in Photovoltaics 16, 307-315,
    2008, doi:10.1002/pip.813.
    A. P. Dobos, "PVWatts version 5 manual", NREL/TP-6A20-62641, 2014, doi:10.2172/1158421.
    """
    from pvlib.inverter import pvwatts
    from pvlib.pvsystem import pvwatts_dc
    from pvlib.temperature import faiman

    wind_speed = wind_speed_100m * (pv.module_height / 100.0) ** pv.shear_exponent
    module = faiman(plane, temp_air, wind_speed, pv.faiman_u0, pv.faiman_u1)
    direct_current = pvwatts_dc(plane, module, 1.0, pv.gamma_pdc) * (1.0 - pv.losses)
    inverter_input = 1.0 / (pv.dc_ac_ratio * pv.inverter_efficiency)
    output: Floats = pvwatts(direct_current, inverter_input, pv.inverter_efficiency)
    return output


def _require_daylight(ghi: Floats, zenith: Floats, middles: NDArray[np.datetime64], hours: int) -> None:
    """Refuse irradiance at night, and a year that is never bright."""
    dark = np.flatnonzero((zenith > _DARK_ZENITH) & (ghi > _DARK_GHI))
    if dark.size:
        raise AlignmentError(
            f"Expected darkness at {middles[dark[0]]} UTC with the sun {zenith[dark[0]] - 90:.0f} degrees below the horizon, found ghi of "
            f"{ghi[dark[0]]:.0f} W m-2; fix the time zone (UTC), the stamps (starts of the hours) or the longitude."
        )
    if hours >= 8760 and ghi.size and np.fmax.reduce(ghi) < _BRIGHTEST_HOUR:
        raise UnitsError(
            f"Expected ghi in W m-2 to pass {_BRIGHTEST_HOUR:g} in some hour of a year, found at most {np.fmax.reduce(ghi):g}; "
            "fix the unit: kWh m-2 per hour times 1000."
        )
