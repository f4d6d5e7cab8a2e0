"""Gridded weather, such as ERA5, from NetCDF or Zarr: to cells with a year of hours each, lazily."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from siting.catalog.files import local_file, local_folder
from siting.vocabulary import VARIABLES, AlignmentError, CatalogError, MissingVariableError, Parameters
from siting.weather_files.irradiance import split_ghi
from siting.weather_files.place import Stamps, to_unit
from siting.weather_files.points import unit_of
from siting.weather_hours import HOURLY, INTERVAL_START, require_hours, year_hours

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Times = NDArray[np.datetime64]


class GridColumn(Parameters):
    """One variable of a grid: how it is called there, in which unit, and what its time labels mean."""

    names: tuple[str, ...] = Field(min_length=1, max_length=2, description="Name in the file; two are the components of a wind.")
    unit: str = Field(min_length=1, description="Unit in the file; energy is that of the hour before or after the label.")
    stamps: Stamps = Field(description="What a time label means: start, middle or end of an hour, or an instant.")


#: ERA5 on single levels: energy of the hour before the label, states at the label.
ERA5: dict[str, GridColumn] = {
    "ghi": GridColumn(names=("ssrd",), unit="J m-2", stamps="end"),
    "temp_air": GridColumn(names=("t2m",), unit="K", stamps="instant"),
    "wind_speed_100m": GridColumn(names=("u100", "v100"), unit="m s-1", stamps="instant"),
}
_AXES = {"time": ("time", "valid_time"), "latitude": ("latitude", "lat", "y"), "longitude": ("longitude", "lon", "x")}
_HOUR = np.timedelta64(3600, "s")


def read_grid(
    source: str | Path | xr.Dataset,
    columns: Mapping[str, GridColumn] = ERA5,
    *,
    year: int,
    altitude: str | float | xr.DataArray,
    altitude_unit: str = "m",
    bbox: tuple[float, float, float, float] | None = None,
    hold_last: bool = False,
) -> xr.Dataset:
    """Cells of a grid with the hours of one year, ready for :func:`siting.weather_store.write_store`.

    Parameters
    ----------
    source : str, Path or Dataset
        NetCDF file (.nc), Zarr folder, or an open dataset with dimensions of time, latitude and longitude. Latitudes may run either way,
        longitudes may be 0 to 360.
    columns : mapping of str to GridColumn
        Where each variable is found: ``ghi``, ``temp_air``, ``wind_speed_100m``, and ``dni`` with ``dhi`` if there are any.
    year : int
        Calendar year in UTC.
    altitude : str, float or DataArray
        Altitude of the cells: a variable of the source, a number, or an array over latitude and longitude.
    altitude_unit : str
        Its unit: m, or m2 s-2 for a geopotential.
    bbox : tuple, optional
        West, south, east, north [degree, -180 to 180]: keep the cells inside.
    hold_last : bool
        Whether the year's last hour may be taken from the values before where the first label of the next year is missing.

    Returns
    -------
    Dataset
        Lazy where the source is: hours (cell, time) with starts of hours in UTC; latitude, longitude and altitude (cell). Means over
        hours between instants are the means of both ends.

    Raises
    ------
    CatalogError, MissingVariableError
        If the file, a variable or an axis is missing.
    AlignmentError
        If hours are missing, repeated or out of order, or no cell is inside the box.
    UnitsError
        If a unit is unknown. Values are checked when they are written to a store.
    """
    import xarray as xr

    grid = _canonical_axes(source if isinstance(source, xr.Dataset) else _open(source))
    times = require_hours(grid["time"].values, "the grid")
    rows, cols = _inside(grid, bbox)
    cells = grid.isel(latitude=rows, longitude=cols)
    place = {
        "latitude": ("cell", cells["latitude"].values.astype(np.float64)),
        "longitude": ("cell", cells["longitude"].values.astype(np.float64)),
        "altitude": ("cell", _altitude(grid, altitude, altitude_unit, rows, cols)),
    }
    hours = {name: _on_hours(_quantity(cells, name, column), times, column.stamps, year, hold_last) for name, column in columns.items()}
    _require(hours)
    dataset = xr.Dataset(hours, coords={**place, "time": ("time", year_hours(year), {"stamps": INTERVAL_START})})
    if not {"dni", "dhi"} <= hours.keys():
        dataset = dataset.assign(_split(dataset, year))
    return stamp_hours(dataset[list(HOURLY)].reset_coords("altitude"))


def stamp_hours(dataset: xr.Dataset) -> xr.Dataset:
    """Give the hours of cells their units and names."""
    for name in HOURLY:
        dataset[name].attrs.update(VARIABLES[name].attrs())
    dataset["time"].attrs["stamps"] = INTERVAL_START
    return dataset


def _open(source: str | Path) -> xr.Dataset:
    import xarray as xr

    path = Path(source)
    if path.suffix.lower() in (".nc", ".nc4"):
        grid: xr.Dataset = xr.open_dataset(local_file(path, (".nc", ".nc4")), chunks={})
    else:
        grid = xr.open_zarr(local_folder(path), chunks={}, consolidated=None)
    return grid


def _canonical_axes(grid: xr.Dataset) -> xr.Dataset:
    """Grid with axes named time, latitude (ascending) and longitude (-180 to 180, ascending)."""
    for axis, names in _AXES.items():
        found = [name for name in names if name in grid.dims]
        if not found:
            raise CatalogError(f"Expected a dimension of {axis} ({', '.join(names)}), found {', '.join(map(str, grid.dims))}; rename it.")
        grid = grid.rename({found[0]: axis}) if found[0] != axis else grid
    east = grid["longitude"].values.astype(np.float64)
    longitude = np.where(east > 180.0, east - 360.0, east)
    grid = grid.assign_coords(longitude=longitude, latitude=grid["latitude"].values.astype(np.float64))
    for axis in ("latitude", "longitude"):
        values = grid[axis].values
        if len(np.unique(values)) != len(values):
            raise AlignmentError(f"Expected each {axis} of the grid once, found one twice; drop the repeated one (0 and 360 are the same).")
    return grid.isel(latitude=np.argsort(grid["latitude"].values), longitude=np.argsort(grid["longitude"].values))


def _inside(grid: xr.Dataset, bbox: tuple[float, float, float, float] | None) -> tuple[xr.DataArray, xr.DataArray]:
    """Rows and columns of the cells inside a box, (cell,)."""
    import xarray as xr

    west, south, east, north = bbox or (-180.0, -90.0, 180.0, 90.0)
    latitude, longitude = grid["latitude"].values, grid["longitude"].values
    rows, cols = np.flatnonzero((latitude >= south) & (latitude <= north)), np.flatnonzero((longitude >= west) & (longitude <= east))
    if not rows.size or not cols.size:
        raise AlignmentError(f"Expected cells inside {bbox}, found none; the order is west, south, east, north in degrees.")
    every = np.meshgrid(rows, cols, indexing="ij")
    row, col = (xr.DataArray(each.ravel(), dims="cell") for each in every)
    return row, col


def _altitude(grid: xr.Dataset, altitude: Any, unit: str, rows: xr.DataArray, cols: xr.DataArray) -> Floats:
    if isinstance(altitude, str):
        if altitude not in grid:
            raise MissingVariableError(f"Expected {altitude} in the grid, found {', '.join(map(str, grid.data_vars))}; name the altitude.")
        altitude = grid[altitude]
        altitude = altitude.isel(time=0) if "time" in altitude.dims else altitude
    if isinstance(altitude, int | float):
        return np.full(rows.size, float(altitude))
    if set(altitude.dims) != {"latitude", "longitude"}:
        raise AlignmentError(f"Expected an altitude over latitude and longitude, found {', '.join(map(str, altitude.dims))}; rename them.")
    at = altitude.reindex(latitude=grid["latitude"], longitude=grid["longitude"]) if "latitude" in altitude.coords else altitude
    return to_unit(at.isel(latitude=rows, longitude=cols).values, unit, "m", "the altitude")


def _quantity(cells: xr.Dataset, name: str, column: GridColumn) -> xr.DataArray:
    """Variable in the unit of the toolkit, (cell, time)."""
    import xarray as xr

    missing = [each for each in column.names if each not in cells]
    if missing:
        raise MissingVariableError(f"Expected {', '.join(missing)} in the grid, found {', '.join(map(str, cells.data_vars))}; map {name}.")
    parts = [cells[each].transpose("cell", "time").reset_coords(drop=True).astype(np.float64) for each in column.names]
    values = parts[0] if len(parts) == 1 else (parts[0] ** 2 + parts[1] ** 2) ** 0.5
    converted: xr.DataArray = xr.apply_ufunc(
        to_unit,
        values,
        kwargs={"unit": column.unit, "to": unit_of(name), "what": column.names[0]},
        dask="parallelized",
        output_dtypes=[np.float64],
        keep_attrs=False,
    )
    return converted


def _on_hours(values: xr.DataArray, times: Times, stamps: Stamps, year: int, hold_last: bool) -> xr.DataArray:
    """Means over the hours of a year."""
    wanted = year_hours(year).astype("datetime64[s]")
    on_the_hour = (times[0] - times[0].astype("datetime64[h]")).astype(int) == 0
    if (stamps == "middle") == on_the_hour:
        where = "half past" if stamps == "middle" else "on"
        raise AlignmentError(f"Expected labels {where} the hour for stamps {stamps!r}, found {times[0]}; declare others.")
    lead = {"start": 0, "middle": 1800, "end": 3600, "instant": 0}[stamps]
    first = _label(values, times, np.add(wanted, np.timedelta64(lead, "s")), hold_last)
    if stamps != "instant":
        return first
    second = _label(values, times, np.add(wanted, _HOUR), hold_last)
    mean: xr.DataArray = 0.5 * (first + second)
    return mean


def _label(values: xr.DataArray, times: Times, labels: Times, hold_last: bool) -> xr.DataArray:
    """Values at labels; the last one may be held."""
    at = ((labels - times[0]) / _HOUR).astype(np.int64)
    lacking = np.flatnonzero((at < 0) | (at >= len(times)))
    if lacking.size and not (hold_last and lacking.size == 1 and at[lacking[0]] == len(times)):
        raise AlignmentError(
            f"Expected a label at {labels[lacking[0]]} UTC, found {times[0]} to {times[-1]} ({lacking.size} missing); add these hours"
            f"{', or pass hold_last=True to hold the last one' if lacking.size == 1 else ''}."
        )
    # without labels of their own: values of two labels would be matched by them
    return values.isel(time=np.minimum(at, len(times) - 1)).drop_vars("time")


def _require(hours: Mapping[str, Any]) -> None:
    missing = [name for name in ("ghi", "temp_air", "wind_speed_100m") if name not in hours]
    if missing:
        raise MissingVariableError(f"Expected columns for {', '.join(missing)}, found only {', '.join(hours)}; map them.")


def _split(dataset: xr.Dataset, year: int) -> dict[str, xr.DataArray]:
    import xarray as xr

    ghi = dataset["ghi"].chunk(time=-1) if dataset["ghi"].chunks else dataset["ghi"]
    places = [dataset[name] for name in ("latitude", "longitude", "altitude")]
    places = [each.chunk(cell=ghi.chunksizes["cell"]) for each in places] if ghi.chunks else places
    dni, dhi = xr.apply_ufunc(
        lambda *given: split_ghi(given[0], year, *given[1:]),
        ghi,
        *places,
        input_core_dims=[["time"], [], [], []],
        output_core_dims=[["time"], ["time"]],
        output_dtypes=[np.float64] * 2,
        dask="parallelized",
        keep_attrs=False,
    )
    return {"dni": dni, "dhi": dhi}
