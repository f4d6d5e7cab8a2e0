"""Wind farms: from wind at 100 m and air temperature to net output per nominal power.

The physics are windpowerlib's (power law, barometric density, density-corrected power curve), in one pass over sites and
hours, and with a turbine that stops at its cut-out speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from siting.vocabulary import CatalogError, Parameters, StudyError, step
from siting.yields.gates import plausible
from siting.yields.power_curve import PowerCurve, load_power_curve

if TYPE_CHECKING:
    from typing import Self

    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

#: Heights [m] at which the weather's wind and temperature hold.
_WIND_HEIGHT, _TEMPERATURE_HEIGHT = 100.0, 2.0
#: Step [m s-1] of the table that leads from a speed to its bracket of the power curve.
_BRACKET_STEP = 0.125


class WindFarm(Parameters):
    """A wind farm of one turbine type.

    The default losses leave 81 % of what the power curve promises; thin air is not among them, since it is computed.
    The power curve is read when the farm is validated, and travels with it: an unknown turbine is refused when the study is
    read, and no step opens a file. Relative paths of a user's curve start at the folder of the study.
    """

    turbine: str = Field("NREL_6MW_196", min_length=1, description="turbine of the catalog, or path of a .csv power curve")
    hub_height: float | None = Field(None, ge=20, le=250, description="height of the hub in m, the turbine's own if not given")
    cut_out: float | None = Field(
        None, gt=5, le=40, description="wind speed at the hub in m s-1 above which turbines stop; else the curve's"
    )
    cold_shutdown: float | None = Field(-30.0, ge=-60, le=0, description="air temperature at the hub in degC below which turbines stop")
    density_correction: bool = Field(True, description="whether thin air lowers the output")
    shear_exponent: float = Field(1 / 7, ge=0, le=0.6, description="exponent of the power law that brings the wind from 100 m to the hub")
    wake_loss: float = Field(0.08, ge=0, lt=1, description="share of the output lost to wakes inside the farm")
    availability_loss: float = Field(0.05, ge=0, lt=1, description="share of the output lost to standstill")
    electrical_loss: float = Field(0.03, ge=0, lt=1, description="share of the output lost in cables and transformers of the farm")
    performance_loss: float = Field(
        0.05, ge=0, lt=1, description="share of the output lost to soiled or iced blades, turbulence and control"
    )

    _curve: PowerCurve = PrivateAttr()

    @model_validator(mode="after")
    def _resolve_the_curve(self, info: ValidationInfo) -> Self:
        folder = info.context.get("folder") if info.context else None
        try:
            self._curve = load_power_curve(self.turbine, folder)
        except CatalogError as error:
            raise ValueError(str(error)) from None
        if self.hub_height is None and self._curve.hub_height is None:
            raise ValueError(f"expected hub_height for the power curve {self.turbine}, which names none; give it in m")
        if self.cut_out is not None and self.cut_out > self._curve.cut_out:
            raise ValueError(
                f"expected cut_out within the power curve, which ends at {self._curve.cut_out:g} m s-1, found {self.cut_out:g}; lower it"
            )
        return self

    @property
    def curve(self) -> PowerCurve:
        """Power curve of the turbine."""
        if self._curve.turbine != self.turbine:
            raise StudyError(f"Expected the curve of {self.turbine}, found that of {self._curve.turbine}; make a new WindFarm, not a copy.")
        return self._curve

    @property
    def net_share(self) -> float:
        """Share of the output that is left after all losses."""
        return (1.0 - self.wake_loss) * (1.0 - self.availability_loss) * (1.0 - self.electrical_loss) * (1.0 - self.performance_loss)


class Turbine(NamedTuple):
    """What the kernel needs of a farm: the curve as net output per nominal power, and settings in SI units."""

    wind_speed: Floats
    output: Floats
    exponent: Floats
    bracket: Indices
    density_correction: bool
    speed_factor: float
    hub_height: float
    cut_out: float
    cold_shutdown: float


@step(needs=["altitude", "temp_air", "wind_speed_100m"], adds=["wind_capacity_factor"])
def add_wind_yield(sites: xr.Dataset, wind: WindFarm) -> xr.Dataset:
    """Hourly net output of a wind farm per nominal power."""
    import xarray as xr

    output = xr.apply_ufunc(
        capacity_factor,
        sites["wind_speed_100m"],
        sites["temp_air"],
        sites["altitude"],
        kwargs={"wind": wind},
        input_core_dims=[["time"], ["time"], []],
        output_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=[np.float64],
        keep_attrs=False,
    )
    return sites.assign(wind_capacity_factor=output)


def capacity_factor(wind_speed_100m: Floats, temp_air: Floats, altitude: Floats, *, wind: WindFarm) -> Floats:
    """Net output per nominal power.

    Parameters
    ----------
    wind_speed_100m : (n, time) array
        Wind speed at 100 m [m s-1].
    temp_air : (n, time) array
        Air temperature at 2 m [degC].
    altitude : (n,) array
        Altitude of the ground [m].
    wind : WindFarm
        The farm.

    Returns
    -------
    (n, time) array
        Output [1]: 0 below the curve's first speed, above the cut-out speed and in extreme cold; NaN wherever an input is NaN.

    Raises
    ------
    UnitsError
        If an input lies beyond its physical limits.

    Notes
    -----
    The cut-out is a matter of control, so that it holds for the wind as it blows, whatever the density. In dense air the
    corrected curve ends below the cut-out; up to it the last power is held, where windpowerlib would give 0.
    """
    from pvlib.atmosphere import alt2pres

    speed = np.ascontiguousarray(plausible("wind_speed_100m", wind_speed_100m))
    temperature = np.ascontiguousarray(plausible("temp_air", temp_air))
    pressure = np.asarray(alt2pres(plausible("altitude", altitude)))
    output = np.empty(speed.shape)
    _fill_output(speed, temperature, pressure, _turbine(wind), output)
    return output


def correction_exponent(wind_speed: Floats) -> Floats:
    """Exponent of the density correction at speeds of the power curve [m s-1]: 1/3 up to 7.5, 2/3 from 12.5, linear between.

    References
    ----------
    L. Svenningsen, "Proposal of an improved power curve correction", EMD International, 2010.
    """
    return np.interp(wind_speed, [7.5, 12.5], [1 / 3, 2 / 3])


def air_density(pressure: Floats | float, temp_air: Floats | float, hub_height: float) -> Floats:
    """Density of air [kg m-3] at a height [m] above ground, from pressure at the ground [Pa] and temperature at 2 m [degC].

    Pressure falls by 1/8 hPa and temperature by 0.0065 K per metre, as in windpowerlib.

    References
    ----------
    E. Hau, "Windkraftanlagen", 4th ed., Springer, 2008, p. 560.

    Examples
    --------
    >>> round(float(air_density(101325.0, 15.0, 0.0)), 3)
    1.225
    """
    density: Floats = _density_kelvins(pressure, hub_height) / _hub_kelvin(temp_air, hub_height)
    return density


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def _hub_kelvin(temp_air: float, hub_height: float) -> float:
    return temp_air + 273.15 - 0.0065 * (hub_height - 2.0)


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def _density_kelvins(pressure: float, hub_height: float) -> float:
    """Density at the hub times its temperature [kg K m-3]: standard air, scaled to the pressure."""
    return (pressure / 100.0 - hub_height / 8.0) * 1.225 * 288.15 * 100.0 / 101330.0


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def _curve_output(speed: float, ratio: float, speeds: Floats, exponents: Floats, powers: Floats, brackets: Indices) -> Any:
    """Output at a wind speed [m s-1] from the curve with its speeds stretched for thin air.

    ``ratio`` is 1.225 kg m-3 over the density; a speed of the curve is stretched by the power of it that its exponent names.
    The bracket is looked for where a linear guess of the stretch puts it, so that few powers have to be taken.
    """
    last = len(speeds) - 1
    logarithm = np.log(ratio)
    root = np.exp(logarithm / 3.0)
    share = min(max((speed - 7.5) / 5.0, 0.0), 1.0)
    guess = speed / (root + share * (root * root - root))
    i = brackets[min(int(guess / _BRACKET_STEP), len(brackets) - 1)]
    low, high = speeds[i] * _stretch(logarithm, root, exponents[i]), speeds[i + 1] * _stretch(logarithm, root, exponents[i + 1])
    while low > speed and i > 0:
        i, high = i - 1, low
        low = speeds[i] * _stretch(logarithm, root, exponents[i])
    while high <= speed and i < last - 1:
        i, low = i + 1, high
        high = speeds[i + 1] * _stretch(logarithm, root, exponents[i + 1])
    if speed < low:
        return 0.0
    if speed >= high:
        return powers[last]
    return powers[i] + (powers[i + 1] - powers[i]) / (high - low) * (speed - low)


@njit(nogil=True, cache=True, forceinline=True)  # type: ignore[untyped-decorator]
def _stretch(logarithm: float, root: float, exponent: float) -> Any:
    """Power of the density ratio, from its logarithm; its cube root is given, because most exponents are 1/3 or 2/3."""
    if exponent <= 1.0 / 3.0:
        return root
    if exponent >= 2.0 / 3.0:
        return root * root
    return np.exp(exponent * logarithm)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill_output(wind_speed: Floats, temp_air: Floats, pressure: Floats, turbine: Turbine, output: Floats) -> None:
    """Output of all sites and hours, written into the last array."""
    # a tuple's arrays are counted references: taken out of it hour by hour they would double the time
    speeds, exponents, powers, brackets = turbine.wind_speed, turbine.exponent, turbine.output, turbine.bracket
    coldest = turbine.cold_shutdown + 273.15
    for site in range(wind_speed.shape[0]):
        ratio_per_kelvin = 1.225 / _density_kelvins(pressure[site], turbine.hub_height)
        for hour in range(wind_speed.shape[1]):
            speed, kelvin = wind_speed[site, hour] * turbine.speed_factor, _hub_kelvin(temp_air[site, hour], turbine.hub_height)
            if np.isnan(speed + kelvin + ratio_per_kelvin):
                output[site, hour] = np.nan
            elif speed > turbine.cut_out or kelvin < coldest:
                output[site, hour] = 0.0
            else:
                ratio = ratio_per_kelvin * kelvin if turbine.density_correction else 1.0
                output[site, hour] = _curve_output(speed, ratio, speeds, exponents, powers, brackets)


def _turbine(wind: WindFarm) -> Turbine:
    """Constants of the kernel."""
    speeds, powers = (np.asarray(values, dtype=np.float64) for values in wind.curve.until_cut_out())
    hub_height = wind.hub_height if wind.hub_height is not None else wind.curve.hub_height
    if hub_height is None:
        raise StudyError(f"Expected hub_height for the power curve {wind.turbine}, found none; give it in m.")
    starts = np.arange(0.0, speeds[-1], _BRACKET_STEP)
    return Turbine(
        wind_speed=speeds,
        output=powers / wind.curve.nominal_power * wind.net_share,
        exponent=correction_exponent(speeds),
        bracket=np.clip(np.searchsorted(speeds, starts, side="right") - 1, 0, len(speeds) - 2),
        density_correction=wind.density_correction,
        speed_factor=(hub_height / _WIND_HEIGHT) ** wind.shear_exponent,
        hub_height=hub_height,
        cut_out=wind.cut_out if wind.cut_out is not None else wind.curve.cut_out,
        cold_shutdown=wind.cold_shutdown if wind.cold_shutdown is not None else -np.inf,
    )
