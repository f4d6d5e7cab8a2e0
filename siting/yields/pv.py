"""PV plants: from irradiance, air temperature and wind to net AC output per DC nameplate.

The physics are pvlib's, fused into one pass over sites and hours: sun, decomposition where only the global irradiance is known,
transposition, reflection, cell temperature, DC power and inverter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from siting.vocabulary import AlignmentError, MissingVariableError, Parameters, step
from siting.weather_hours import calendar_years

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[Any]

_HOUR = 3600
_SHARE = Annotated[float, Field(ge=0, lt=1)]
#: A share for the whole year, or one for each month from January on.
Shares = _SHARE | Annotated[tuple[_SHARE, ...], Field(min_length=12, max_length=12)]


class PVSystem(Parameters):
    """A PV plant, with fixed tilt or on horizontal trackers.

    The default losses are a product: soiling 3 %, mismatch 2 %, wiring 2 %, connections 0.5 %, first-year degradation 1.5 %,
    reflection 2.5 %, availability 2 % and shading 1 % leave 86 %. Reflection is among them because the default chain does not
    look at the angle of incidence: with ``reflection="physical"`` give 0.118, and less the 3 % if ``soiling`` is given too.
    """

    mount: Literal["fixed", "single_axis"] = Field(
        "fixed", description="fixed planes, or trackers about a horizontal axis from north to south"
    )
    surface_tilt: Annotated[float, Field(ge=0, le=90)] | Literal["latitude", "optimal"] = Field(
        "latitude", description="tilt of fixed modules in degrees, 'latitude' for the site's own, or 'optimal' for the most light in a year"
    )
    surface_azimuth: Annotated[float, Field(ge=0, le=360)] | Literal["equator"] = Field(
        180.0, description="direction that fixed modules face, in degrees clockwise from north, or 'equator'"
    )
    gcr: float = Field(2 / 7, gt=0, le=1, description="width of a row of trackers per distance of the rows")
    backtracking: bool = Field(True, description="whether trackers turn back where rows would shade each other")
    max_angle: float = Field(60.0, gt=0, le=90, description="largest rotation of trackers from the horizontal in degrees")
    transposition: Literal["isotropic", "haydavies", "perez"] = Field(
        "haydavies", description="model of the diffuse light on a tilted plane"
    )
    reflection: Literal["none", "physical"] = Field(
        "none", description="whether glass turns away beam that comes in at an angle (pvlib's physical)"
    )
    albedo: float = Field(0.2, ge=0, le=0.9, description="share of the irradiance that the ground reflects")
    bifaciality: float = Field(
        0.0, ge=0, le=1, description="output per light behind the modules over that in front, 0 for one-sided modules"
    )
    rear_loss: float = Field(0.35, ge=0, lt=1, description="share of the light behind an isolated row that shade of rows and racks takes")
    temperature: Literal["faiman", "sapm"] = Field("faiman", description="model of the cell temperature")
    faiman_u0: float = Field(25.0, gt=0, le=100, description="heat loss of the modules in still air in W m-2 K-1 (Faiman)")
    faiman_u1: float = Field(6.84, ge=0, le=50, description="heat loss of the modules per wind speed in W s m-3 K-1 (Faiman)")
    sapm_a: float = Field(-3.47, ge=-6, le=-1, description="logarithm of the module's temperature rise in still air per W m-2 (Sandia)")
    sapm_b: float = Field(-0.0594, ge=-0.08, le=0, description="change of that logarithm per wind speed in m s-1 (Sandia)")
    sapm_delta_t: float = Field(3.0, ge=0, le=10, description="rise from module to cell in kelvin at 1000 W m-2 (Sandia)")
    gamma_pdc: float = Field(-0.0035, ge=-0.01, le=0, description="change of DC power per kelvin of cell temperature")
    dc_ac_ratio: float = Field(1.2, ge=0.5, le=2.5, description="DC nameplate of the modules per AC rating of the inverters")
    inverter_efficiency: float = Field(0.96, gt=0.5, lt=1, description="nominal efficiency of the inverters (PVWatts)")
    losses: float = Field(0.14, ge=0, lt=1, description="share of the DC power lost before the inverter")
    soiling: Shares = Field(0.0, description="share of the DC power lost to dirt beside the losses, for the year or by month (UTC)")
    snow: Shares = Field(0.0, description="share of the DC power lost to snow beside the losses, for the year or by month (UTC)")
    module_height: float = Field(2.0, gt=0, le=20, description="height above ground in m of the wind that cools the modules (Faiman)")
    shear_exponent: float = Field(
        1 / 7, ge=0, le=0.6, description="exponent of the power law from the wind at 100 m to that at the modules"
    )
    precision: Literal["float64", "float32"] = Field(
        "float32", description="float32 with polynomials, within 1e-6 of nameplate, or float64 with exact functions: a tenth of the speed"
    )


class Site(NamedTuple):
    """Coordinates [degree] and altitude [m] of the sites, each (n,)."""

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    altitude: NDArray[np.float64]


@step(needs=["latitude", "longitude", "altitude", "ghi", "temp_air", "wind_speed_100m"], adds=["pv_capacity_factor"])
def add_pv_yield(sites: xr.Dataset, pv: PVSystem) -> xr.Dataset:
    """Hourly net AC output of a PV plant per DC nameplate; dni and dhi are read if they are there, else estimated from ghi."""
    import xarray as xr

    beams = [name for name in ("dni", "dhi") if name in sites]
    if len(beams) == 1:
        other = "dhi" if beams == ["dni"] else "dni"
        raise MissingVariableError(f"add_pv_yield needs {other} beside {beams[0]}; add it, or drop both to have them estimated from ghi.")
    names = ["ghi", *beams, "temp_air", "wind_speed_100m", "latitude", "longitude", "altitude"]
    output = xr.apply_ufunc(
        _by_name,
        *(sites[name] for name in names),
        kwargs={"names": names, "times": sites["time"].values, "pv": pv},
        input_core_dims=[["time"]] * (len(names) - 3) + [[]] * 3,
        output_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=[np.dtype(pv.precision)],
        keep_attrs=False,
    )
    return sites.assign(pv_capacity_factor=output)


def _by_name(*arrays: Floats, names: list[str], times: NDArray[np.datetime64], pv: PVSystem) -> Floats:
    """:func:`capacity_factor` of named arrays."""
    given = dict(zip(names, arrays, strict=True))
    order = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m", "latitude", "longitude", "altitude")
    return capacity_factor(*(given.get(name) for name in order), times=times, pv=pv)  # type: ignore[arg-type]


def capacity_factor(
    ghi: Floats,
    dni: Floats | None,
    dhi: Floats | None,
    temp_air: Floats,
    wind_speed_100m: Floats,
    latitude: ArrayLike,
    longitude: ArrayLike,
    altitude: ArrayLike,
    *,
    times: NDArray[np.datetime64],
    pv: PVSystem,
    out: Floats | None = None,
) -> Floats:
    """Net AC output per DC nameplate.

    Parameters
    ----------
    ghi, dni, dhi : (n, time) array
        Hourly mean irradiance: global horizontal, direct normal, diffuse horizontal [W m-2]. Without ``dni`` and ``dhi``
        (both None) they are estimated by Erbs et al.
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
    out : (n, time) array, optional
        Contiguous array of ``pv.precision`` to write to; memory that is already in use is faster than new one.

    Returns
    -------
    (n, time) array of pv.precision
        Output [1], never negative: what the inverters draw at night is left out. NaN wherever an input is NaN.

    Raises
    ------
    UnitsError
        If an input lies beyond its physical limits.
    AlignmentError
        If times are not regular hours, arrays differ in shape, or there is irradiance while the sun is below the horizon:
        wrong stamps, time zone or longitude.

    Notes
    -----
    As in pvlib's ModelChain the incidence angle modifier acts on the beam only, temperature follows from the light before
    reflection, and the model of Perez sees no sky while the sun is below the horizon. Unlike there, beam counts only while the
    sun is above the horizon at mid-hour, trackers lie flat while it is not, and an hour without any light yields 0.
    """
    from siting.yields import pv_run

    block = pv_run.Block(ghi, dni, dhi, temp_air, wind_speed_100m)
    return pv_run.hourly(block, Site(*map(_numbers, (latitude, longitude, altitude))), mid_hours(times), pv, out)


def full_load_hours(
    ghi: Floats, dni: Floats | None, dhi: Floats | None, temp_air: Floats, wind_speed_100m: Floats,
    latitude: ArrayLike, longitude: ArrayLike, altitude: ArrayLike, *, times: NDArray[np.datetime64], pv: PVSystem,
) -> NDArray[np.float64]:  # fmt: skip
    """Sum over time of :func:`capacity_factor` [h], shape (n,), without storing an hour; takes and raises the same."""
    from siting.yields import pv_run

    block = pv_run.Block(ghi, dni, dhi, temp_air, wind_speed_100m)
    return pv_run.summed(block, Site(*map(_numbers, (latitude, longitude, altitude))), mid_hours(times), pv)


def plane_irradiance(
    ghi: Floats, dni: Floats | None, dhi: Floats | None, latitude: ArrayLike, longitude: ArrayLike, altitude: ArrayLike,
    *, times: NDArray[np.datetime64], pv: PVSystem,
) -> Floats:  # fmt: skip
    """Global irradiance in the plane of the modules [W m-2], (n, time), the counted light behind them included.

    Takes and raises the same as :func:`capacity_factor`.
    """
    from siting.yields import pv_run

    still = np.zeros(np.shape(ghi), dtype=pv.precision)
    block = pv_run.Block(ghi, dni, dhi, still, still)
    return pv_run.hourly(block, Site(*map(_numbers, (latitude, longitude, altitude))), mid_hours(times), pv, None, stop_at_plane=True)


def optimal_tilt(
    ghi: Floats, dni: Floats | None, dhi: Floats | None, latitude: ArrayLike, longitude: ArrayLike, altitude: ArrayLike,
    *, times: NDArray[np.datetime64], pv: PVSystem,
) -> NDArray[np.float64]:  # fmt: skip
    """Tilt [degree] of fixed modules with the most light in the plane over all hours, (n,), to 0.1 degree.

    Takes and raises the same as :func:`capacity_factor`; NaN where the light is.
    """
    from siting.yields import pv_run

    still = np.zeros(np.shape(ghi), dtype=pv.precision)
    block = pv_run.Block(ghi, dni, dhi, still, still)
    return pv_run.best_tilt(block, Site(*map(_numbers, (latitude, longitude, altitude))), mid_hours(times), pv)


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    """One-dimensional float64 array."""
    return np.atleast_1d(np.asarray(values, dtype=np.float64))


def mid_hours(times: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Middles of hours, from their starts; AlignmentError if the hours are neither regular nor those of whole years."""
    starts = np.asarray(times).astype("datetime64[s]")
    seconds = starts.view(np.int64)
    gaps = np.flatnonzero(seconds[1:] - seconds[:-1] != _HOUR)
    if (gaps.size and not calendar_years(starts)) or np.isnat(starts).any():
        where = f"{np.diff(starts)[gaps[0]]} after {starts[gaps[0]]}" if gaps.size else "a missing time"
        raise AlignmentError(f"Expected hourly times without gaps, found {where}; sort and complete the time axis.")
    middles: NDArray[np.datetime64] = (seconds + _HOUR // 2).view("datetime64[s]")
    return middles


def day_of_year(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Day of the year, 1 to 366, in UTC."""
    days = times.astype("datetime64[D]")
    since_new_year: NDArray[np.int64] = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return since_new_year + 1
