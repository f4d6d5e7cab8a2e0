"""Hourly series of the user's by grid zone: CSV or NetCDF in, arrays on (grid_zone, time) out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from siting.catalog.files import local_file
from siting.vocabulary import CatalogError, UnitsError

if TYPE_CHECKING:
    import xarray as xr

#: Variable of a series -> its largest value and the usual slip; the first is required.
SERIES: dict[str, tuple[float, str]] = {
    "carbon_free_share": (1.0, "per cent is divided by 100"),
    "renewable_share": (1.0, "per cent is divided by 100"),
    "emission_factor": (2.0, "kg/kWh is meant: g/kWh is divided by 1000, kg/MWh too"),
}


def open_series(path: str | Path, folder: Path | None = None) -> xr.Dataset:
    """Hourly shares and factors of the public grid.

    Parameters
    ----------
    path : str or Path
        CSV with the columns ``time`` (start of the hour, UTC), ``grid_zone`` (province code), ``carbon_free_share`` and, if known,
        ``renewable_share`` and ``emission_factor`` [kg/kWh]; or NetCDF with these variables on (grid_zone, time).
    folder : Path, optional
        Folder of the study; relative paths start there.

    Returns
    -------
    Dataset
        The variables that the file has, (grid_zone, time), NaN where it has no value.

    Raises
    ------
    CatalogError
        If the file is missing, can't be read or lacks a column, or an hour of a zone is repeated.
    UnitsError
        If a share lies outside 0 to 1, a factor outside 0 to 2, or renewables exceed the carbon-free share.
    """
    file = local_file(path, (".csv", ".nc"), folder)
    series = _from_csv(file) if file.suffix.lower() == ".csv" else _from_netcdf(file)
    for name in series.data_vars:
        _check(series[str(name)], file.name)
    if "renewable_share" in series and bool((series["renewable_share"] > series["carbon_free_share"] + 1e-9).any()):
        raise UnitsError(f"Expected renewable_share of at most carbon_free_share in {file.name}, found more; swap the columns.")
    return series


def _from_csv(file: Path) -> xr.Dataset:
    import pandas as pd

    try:
        table = pd.read_csv(file, encoding="utf-8")
        _require(table.columns, ("time", "grid_zone", "carbon_free_share"), file)
        table["time"] = pd.to_datetime(table["time"], format="ISO8601", utc=True).dt.tz_localize(None).astype("datetime64[ns]")
        names = [name for name in SERIES if name in table.columns]
        table[names] = table[names].apply(pd.to_numeric)
    except (ValueError, TypeError) as error:
        raise CatalogError(
            f"Expected a CSV of hours in {file.name}, found what can't be read ({str(error).splitlines()[0]}); fix: compare the columns."
        ) from None
    twice = table.duplicated(["grid_zone", "time"])
    if twice.any():
        first = table[twice].iloc[0]
        raise CatalogError(f"Expected each hour once in {file.name}, found {first.time} of {first.grid_zone} again; fix: drop duplicates.")
    return table.set_index(["grid_zone", "time"])[names].to_xarray()


def _from_netcdf(file: Path) -> xr.Dataset:
    import xarray as xr

    try:
        with xr.open_dataset(file) as opened:
            _require([str(name) for name in opened.variables], ("time", "grid_zone", "carbon_free_share"), file)
            series = opened[[name for name in SERIES if name in opened]].load()
    except (OSError, ValueError) as error:
        raise CatalogError(f"Expected NetCDF in {file.name}, found what can't be read ({error}); fix: write it anew.") from None
    if any(set(series[name].dims) != {"grid_zone", "time"} for name in series.data_vars):
        raise CatalogError(f"Expected variables on (grid_zone, time) in {file.name}, found other dimensions; fix: rename them.")
    return series.transpose("grid_zone", "time").assign_coords(grid_zone=series["grid_zone"].astype(str))


def _require(found: object, names: tuple[str, ...], file: Path) -> None:
    listed = list(found)  # type: ignore[call-overload]
    missing = [name for name in names if name not in listed]
    if missing:
        raise CatalogError(f"Expected {', '.join(names)} in {file.name}, found no {', '.join(missing)}; fix: name them so.")


def _check(values: xr.DataArray, file: str) -> None:
    highest, slip = SERIES[str(values.name)]
    array = values.to_numpy()
    low, high = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
    if low < 0.0 or high > highest:
        raise UnitsError(f"Expected {values.name} of 0 to {highest:g} in {file}, found {low:g} to {high:g}; {slip}.")
