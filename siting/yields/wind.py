"""Wind farms: from wind at 100 m and air temperature to net output per nominal power.

The physics are windpowerlib's (power law or logarithmic law, barometric density, density-corrected power curve) or those of
IEC 61400-12-1, in one pass over sites and hours, and with a turbine that stops at its cut-out speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from siting.vocabulary import CatalogError, Parameters, StudyError, UnitsError, check, step
from siting.yields.gates import look_closely, plausible
from siting.yields.hub_wind import fitted_exponent
from siting.yields.machine import WIND_HEIGHT, Air, Machine, best_machine
from siting.yields.power_curve import PowerCurve, load_power_curve
from siting.yields.rows import room_for, rows_of

if TYPE_CHECKING:
    from typing import Any, Self

    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_Name = Annotated[str, Field(min_length=1)]
#: Share by which the hourly pressure may differ from that of the standard atmosphere.
_WEATHER_PRESSURE = 0.12
#: Variables that the step takes if the sites have them.
_OPTIONAL = ("surface_pressure", "wind_speed_10m", "roughness_length")
_LOSSES = ("wake_loss", "availability_loss", "electrical_loss", "performance_loss")


class WindFarm(Parameters):
    """A wind farm of one turbine type, or of the best of several at each site.

    The default losses leave 81 % of what the power curve promises; thin air is not among them, since it is computed.
    The power curves are read when the farm is validated, and travel with it: an unknown turbine is refused when the study is
    read, and no step opens a file. Relative paths of a user's curve start at the folder of the study.
    """

    turbine: _Name | Annotated[tuple[_Name, ...], Field(min_length=1)] = Field(
        "NREL_6MW_196",
        description="turbine of the catalog, 'windpowerlib:' and a name of its library, or path of a .csv power curve; "
        "of a list every site takes the one with the highest annual output per nominal power",
    )
    hub_height: float | None = Field(None, ge=20, le=250, description="height of the hub in m, the turbine's own if not given")
    cut_out: float | None = Field(
        None, gt=5, le=40, description="wind speed at the hub in m s-1 above which turbines stop; else the curve's"
    )
    cold_shutdown: float | None = Field(-30.0, ge=-60, le=0, description="air temperature at the hub in degC below which turbines stop")
    density_correction: Literal["svenningsen", "iec", "none"] = Field(
        "svenningsen",
        description="how thin air lowers the output: 'svenningsen' stretches the curve as windpowerlib does, 'iec' normalises the speed",
    )
    extrapolation: Literal["power_law", "log_law", "two_heights"] = Field(
        "power_law",
        description="how wind at 100 m is brought to the hub: by shear_exponent, by the roughness length, or by the exponent that the mean "
        "winds at 10 and 100 m have",
    )
    shear_exponent: float = Field(1 / 7, ge=0, le=0.6, description="exponent of the power law that brings the wind from 100 m to the hub")
    roughness_length: float | None = Field(
        None, gt=0, le=5, description="roughness length of the ground in m for the log_law, the layer of this name if not given"
    )
    wake_loss: float = Field(0.08, ge=0, lt=1, description="share of the output lost to wakes inside the farm")
    availability_loss: float = Field(0.05, ge=0, lt=1, description="share of the output lost to standstill")
    electrical_loss: float = Field(0.03, ge=0, lt=1, description="share of the output lost in cables and transformers of the farm")
    performance_loss: float = Field(
        0.05, ge=0, lt=1, description="share of the output lost to soiled or iced blades, turbulence and control"
    )
    relative_cost: tuple[Annotated[float, Field(gt=0, le=10)], ...] = Field(
        (), description="cost per kW of each turbine of a list over that of the first: sites then take the highest output per cost"
    )
    design_wind_speed: tuple[Annotated[float, Field(gt=5, le=15)], ...] = Field(
        (),
        description="highest mean wind at the hub in m s-1, in air of 1.225 kg m-3, that each turbine of a list is built for (IEC classes "
        "I to III: 10, 8.5, 7.5); where none is, the one for the highest stands",
    )
    precision: Literal["float64", "float32"] = Field(
        "float32",
        description="float32, within 2e-5 of nominal power in any hour, or float64 with exact functions: a twentieth of the speed with "
        "'svenningsen', a third with 'iec'",
    )

    _curves: tuple[PowerCurve, ...] = PrivateAttr()

    @model_validator(mode="after")
    def _resolve_the_curves(self, info: ValidationInfo) -> Self:
        folder = info.context.get("folder") if info.context else None
        try:
            self._curves = tuple(load_power_curve(turbine, folder) for turbine in self.turbines)
        except CatalogError as error:
            raise ValueError(str(error)) from None
        for curve in self._curves:
            if self.hub_height is None and curve.hub_height is None:
                raise ValueError(f"expected hub_height for the power curve {curve.turbine}, which names none; give it in m")
            if self.cut_out is not None and self.cut_out > curve.cut_out:
                raise ValueError(
                    f"expected cut_out within the power curve, which ends at {curve.cut_out:g} m s-1, found {self.cut_out:g}; lower it"
                )
        for name in ("relative_cost", "design_wind_speed"):
            given = len(getattr(self, name))
            if given not in (0, len(self.turbines)):
                raise ValueError(f"expected {name} for each of {len(self.turbines)} turbines, found {given}; list one a turbine")
        if len(set(self.turbines)) < len(self.turbines):
            raise ValueError(f"expected turbines that differ, found {', '.join(self.turbines)}; list each once")
        return self

    @property
    def turbines(self) -> tuple[str, ...]:
        """Names of all turbines."""
        return (self.turbine,) if isinstance(self.turbine, str) else self.turbine

    @property
    def curves(self) -> tuple[PowerCurve, ...]:
        """Power curves of the turbines."""
        found = tuple(curve.turbine for curve in self._curves)
        if found != self.turbines:
            raise StudyError(
                f"Expected the curve of {', '.join(self.turbines)}, found that of {', '.join(found)}; make a new WindFarm, not a copy."
            )
        return self._curves

    @property
    def net_share(self) -> float:
        """Share of the output that is left after all losses."""
        return float(np.prod([1.0 - getattr(self, loss) for loss in _LOSSES]))

    def machines(self) -> tuple[Machine, ...]:
        """Give the turbines as the kernels take them."""
        return tuple(self._machine(number, curve) for number, curve in enumerate(self.curves))

    def _machine(self, number: int, curve: PowerCurve) -> Machine:
        speeds, powers = (np.asarray(values, dtype=np.float64) for values in curve.until_cut_out())
        hub_height = self.hub_height if self.hub_height is not None else curve.hub_height
        if hub_height is None:
            raise StudyError(f"Expected hub_height for the power curve {curve.turbine}, found none; give it in m.")
        return Machine(
            wind_speed=speeds,
            output=powers / curve.nominal_power * self.net_share,
            hub_height=hub_height,
            cut_out=self.cut_out if self.cut_out is not None else curve.cut_out,
            relative_cost=self.relative_cost[number] if self.relative_cost else 1.0,
            design_wind_speed=self.design_wind_speed[number] if self.design_wind_speed else np.inf,
        )


@step(needs=["altitude", "temp_air", "wind_speed_100m"], adds=["wind_capacity_factor", "turbine"])
def add_wind_yield(sites: xr.Dataset, wind: WindFarm) -> xr.Dataset:
    """Hourly net output of a wind farm per nominal power, and the turbine that stands at each site.

    If the sites have ``surface_pressure``, it takes the place of the pressure that the altitude implies.
    """
    import xarray as xr

    if wind.extrapolation == "two_heights":
        check(sites, ["wind_speed_10m"], "add_wind_yield with extrapolation 'two_heights'")
    if wind.extrapolation == "log_law" and wind.roughness_length is None:
        check(sites, ["roughness_length"], "add_wind_yield with extrapolation 'log_law' and no roughness_length")
    extra = [name for name in _taken(wind) if name in sites]
    given = [sites[name] for name in ("wind_speed_100m", "temp_air", "altitude", *extra)]
    output, turbine = xr.apply_ufunc(
        _yield_of,
        *given,
        kwargs={"wind": wind, "names": tuple(extra)},
        input_core_dims=[["time"] if "time" in item.dims else [] for item in given],
        output_core_dims=[["time"], []],
        dask="parallelized",
        output_dtypes=[np.dtype(wind.precision), np.dtype(f"<U{max(map(len, wind.turbines))}")],
        keep_attrs=False,
    )
    return sites.assign(wind_capacity_factor=output, turbine=turbine)


def _taken(wind: WindFarm) -> tuple[str, ...]:
    """Name the optional variables that the farm's settings look at."""
    wanted = {"surface_pressure": True, "wind_speed_10m": wind.extrapolation == "two_heights"}
    wanted["roughness_length"] = wind.extrapolation == "log_law" and wind.roughness_length is None
    return tuple(name for name in _OPTIONAL if wanted[name])


def _yield_of(
    wind_speed_100m: Floats, temp_air: Floats, altitude: Floats, *extra: Floats, wind: WindFarm, names: tuple[str, ...]
) -> tuple[NDArray[Any], NDArray[np.str_]]:
    speed, warmth = (np.asarray(values, dtype=wind.precision) for values in (wind_speed_100m, temp_air))
    output, chosen = site_yield(speed, warmth, altitude, wind=wind, **dict(zip(names, extra, strict=True)))
    return output, np.array([*wind.turbines, ""])[chosen]


def capacity_factor(
    wind_speed_100m: NDArray[Any],
    temp_air: NDArray[Any],
    altitude: Floats,
    *,
    wind: WindFarm,
    surface_pressure: NDArray[Any] | None = None,
    wind_speed_10m: NDArray[Any] | None = None,
    roughness_length: Floats | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
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
    surface_pressure : (n, time) array, optional
        Pressure at the ground [Pa], not reduced to sea level; that of the standard atmosphere if not given.
    wind_speed_10m : (n, time) array, optional
        Wind speed at 10 m [m s-1], for the extrapolation ``two_heights``.
    roughness_length : (n,) array, optional
        Roughness length [m], for the extrapolation ``log_law`` of a farm that has none.
    out : (n, time) array, optional
        Where to write the output, of its precision; saves the system from fetching memory anew.

    Returns
    -------
    (n, time) array
        Output [1]: 0 below the curve's first speed, above the cut-out speed and in extreme cold; NaN wherever an input is NaN.
        float32 if wind and temperature are, else float64.

    Raises
    ------
    UnitsError
        If an input lies beyond its physical limits.
    StudyError
        If the farm's extrapolation needs an array that is not given.
    AlignmentError
        If ``out`` does not fit.

    Notes
    -----
    The cut-out is a matter of control, so that it holds for the wind as it blows, whatever the density. In dense air the
    corrected curve ends below the cut-out; up to it the last power is held, where windpowerlib would give 0.

    In float32 the correction "svenningsen" is within 2e-5 of windpowerlib in any hour at up to 4,500 m and within 2e-6 over a year; in
    float64 it is windpowerlib's to the last digits, at a twentieth of the speed. "iec" is exact in both.
    """
    return site_yield(
        wind_speed_100m, temp_air, altitude, wind=wind, surface_pressure=surface_pressure, wind_speed_10m=wind_speed_10m,
        roughness_length=roughness_length, out=out,
    )[0]  # fmt: skip


def site_yield(
    wind_speed_100m: NDArray[Any],
    temp_air: NDArray[Any],
    altitude: Floats,
    *,
    wind: WindFarm,
    surface_pressure: NDArray[Any] | None = None,
    wind_speed_10m: NDArray[Any] | None = None,
    roughness_length: Floats | None = None,
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Net output per nominal power as :func:`capacity_factor`, and the number of the turbine of each site, -1 where no hour is known."""
    from pvlib.atmosphere import alt2pres

    dtype: type[np.floating[Any]] = np.float32 if np.result_type(wind_speed_100m, temp_air) == np.float32 else np.float64
    speed, warmth = (rows_of(values, dtype) for values in (wind_speed_100m, temp_air))
    out = room_for(out, speed)
    usual = np.asarray(alt2pres(plausible("altitude", altitude)), dtype=np.float64)
    exponent, roughness = np.full(len(usual), wind.shear_exponent), None
    if wind.extrapolation == "two_heights":
        low = plausible("wind_speed_10m", _given(wind_speed_10m, "wind_speed_10m", wind))
        exponent = fitted_exponent(low, np.asarray(speed, dtype=np.float64), 10.0, WIND_HEIGHT)
    if wind.extrapolation == "log_law":
        given = roughness_length if wind.roughness_length is None else np.full(len(usual), wind.roughness_length)
        roughness = np.asarray(_given(given, "roughness_length", wind), dtype=np.float64)
    air = Air(speed, warmth, usual, _checked_pressure(surface_pressure, usual), exponent, roughness)
    output, chosen, beyond = best_machine(wind.machines(), air, wind.density_correction, wind.cold_shutdown, out)
    if beyond:
        look_closely("wind_speed_100m", speed)
        look_closely("temp_air", warmth)
    return output, chosen


def _given(values: NDArray[Any] | None, name: str, wind: WindFarm) -> NDArray[Any]:
    if values is None:
        raise StudyError(f"Expected {name} for the extrapolation {wind.extrapolation!r}, found none; give it or choose another.")
    return values


def _checked_pressure(pressure: NDArray[Any] | None, usual: Floats) -> NDArray[Any] | None:
    """Pressure at the ground, refused if it is not near that of the standard atmosphere at the site's altitude."""
    if pressure is None:
        return None
    pressure = plausible("surface_pressure", pressure)
    ratio = pressure / usual[:, None]
    wrong = np.abs(ratio - 1.0) > _WEATHER_PRESSURE
    if wrong.any():
        site, hour = np.argwhere(wrong)[0]
        raise UnitsError(
            f"Expected surface_pressure within {_WEATHER_PRESSURE:.0%} of the {usual[site]:.0f} Pa of the site's altitude, found "
            f"{pressure[site, hour]:.0f} Pa; give the pressure at the ground, not that reduced to sea level."
        )
    return pressure
