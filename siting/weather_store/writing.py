"""Write a year of weather cells, block by block, and publish it whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from siting.catalog.cache import sync
from siting.vocabulary import (
    VARIABLES,
    AlignmentError,
    MissingVariableError,
    OutputError,
    Parameters,
    ResourceError,
    SitingError,
    StudyError,
    UnitsError,
)
from siting.weather_hours import HOURLY, INTERVAL_START, Fault, darken, find_faults, known_means, require_year, sunlight, year_hours
from siting.weather_store.packing import MISSING, PACKING, pack, unpack
from siting.weather_store.record import RECORD, file_checksums

if TYPE_CHECKING:
    import xarray as xr
    import zarr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Hours of some cells, by the slice of their positions.
HoursOf = Callable[[slice], "Mapping[str, NDArray[np.float64]] | xr.Dataset"]

_PLACE = ("latitude", "longitude", "altitude")
#: Share of the hours of a cell that must be known for its year to have a mean.
_KNOWN_SHARE = 0.9
_KM_PER_DEGREE = 111.195
#: A site between four cells is half a diagonal away from each; the ellipsoid needs some more.
_REACH_MARGIN = 1.02


class WeatherSource(Parameters):
    """What a store must say about where its hours come from."""

    title: str = Field(min_length=1, max_length=200, description="Name of the dataset, for people.")
    kind: Literal["real", "interpolated", "synthetic", "user"] = Field(description="How the values came about.")
    licence: str = Field(min_length=1, description="Licence of the data.")
    citation: str = Field(min_length=1, description="How to cite the data.")
    note: str = Field("", description="What the data are not, and what was done to them.")


class _Faulty(NamedTuple):
    position: int
    fault: Fault


def write_store(
    path: str | Path,
    year: int,
    cells: xr.Dataset,
    hours: xr.Dataset | HoursOf,
    *,
    source: WeatherSource,
    chunk_cells: int = 100,
    block_cells: int = 400,
    reach_km: float | None = None,
    quarantine: bool = False,
    replace: bool = False,
) -> Path:
    """Write one year of weather cells into a store, which may hold other years.

    Parameters
    ----------
    path : str or Path
        Folder of the store; it is made if it isn't there.
    year : int
        Calendar year.
    cells : Dataset
        The cells: ``latitude``, ``longitude`` [degree] and ``altitude`` [m] along one dimension.
    hours : Dataset or function
        The variables ``ghi``, ``dni``, ``dhi`` [W m-2], ``temp_air`` [degC], ``wind_speed_100m`` [m s-1], (cell, time), lazy or
        loaded, whose time coordinate has the attribute ``stamps: interval_start``; or a function from a slice of cells to such
        a dataset or to arrays. It is asked for ``block_cells`` cells at a time, each cell once and in order.
    source : WeatherSource
        Where the hours come from.
    chunk_cells, block_cells : int
        Cells per chunk of the store, and per call of ``hours``.
    reach_km : float, optional
        Farthest that a site may lie from its cell. Needed where cells don't stand on a grid of latitudes and longitudes; there
        half a diagonal is the default.
    quarantine : bool
        Whether an implausible cell is stored as NaN, with its reason in ``cell_status``, rather than refused.
    replace : bool
        Whether a year that is there is replaced.

    Returns
    -------
    Path
        Folder of the year.

    Raises
    ------
    AlignmentError
        If the time axis isn't the year, or its stamps aren't declared as starts of hours.
    UnitsError
        If a cell is implausible and not to be quarantined.
    OutputError, ResourceError
        If the year is there already, or can't be written; or if the disk is full.

    Notes
    -----
    A year is written and synced in a hidden folder beside it, gets its record of checksums, and is renamed. A reader sees the
    whole year or none; a kill leaves a hidden folder (``.2019-`` and some letters), which can be deleted.
    """
    target = _free_target(Path(path), year, replace)
    places = _places(cells)
    reach = np.full(len(places["latitude"]), reach_km) if reach_km is not None else half_diagonals(places["latitude"], places["longitude"])
    supply = _supplier(hours, year, len(reach))
    with _staged(target) as staging:
        writer = _Writer(staging, year, places, reach, chunk_cells, quarantine)
        writer.fill(supply, block_cells)
        writer.finish(source)
        _publish(staging, target)
    return target


@contextlib.contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """Path for a year in a hidden folder beside it, which is gone afterwards; errors of the disk in one line."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _describe_root(target.parent)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent, ignore_cleanup_errors=True) as hidden:
            yield Path(hidden) / "year"
    except SitingError:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ResourceError(f"Expected room for {str(target)!r}, found none ({error.strerror}); free some.") from error
        text = f"Expected to write {str(target.parent)!r}, found an error ({error.strerror or error}); no year was left half-written."
        raise OutputError(text) from error


def _free_target(store: Path, year: int, replace: bool) -> Path:
    """Folder of a year that isn't there, or may be replaced."""
    target = store / f"{year}"
    if (target / RECORD).exists() and not replace:
        raise OutputError(f"Expected no year {year} in {store.name}, found one; pass replace=True or choose another store.")
    return target


def _places(cells: xr.Dataset) -> dict[str, Floats]:
    """Coordinates of the cells, finite and plausible."""
    missing = [name for name in _PLACE if name not in cells.variables]
    if missing:
        raise MissingVariableError(f"Expected cells with {', '.join(_PLACE)}, found no {', '.join(missing)}; add it.")
    places = {name: np.atleast_1d(np.asarray(cells[name].values, dtype=np.float64)) for name in _PLACE}
    shapes = {values.shape for values in places.values()}
    if len(shapes) != 1 or places["latitude"].ndim != 1 or not places["latitude"].size:
        raise AlignmentError(f"Expected latitude, longitude and altitude of one shape (cell,), found {sorted(shapes)}; stack the grid.")
    for name, bound in (("latitude", 90.0), ("longitude", 180.0), ("altitude", 9000.0)):
        wrong = ~(np.abs(places[name]) <= bound)
        if wrong.any():
            raise UnitsError(f"Expected {name} of the cells within {bound:g}, found {places[name][wrong][0]:g}; use degrees, -180 to 180.")
    return places


def half_diagonals(latitude: Floats, longitude: Floats) -> Floats:
    """Half the diagonal [km] of cells that stand on a grid of latitudes and longitudes, with a small margin, (cell,).

    Raises
    ------
    AlignmentError
        If there is only one row or column, or the steps of the grid differ.
    """
    steps = [np.diff(np.unique(np.round(values, 6))) for values in (latitude, longitude)]
    if any(not step.size or not np.allclose(step / step.min(), np.rint(step / step.min()), atol=0.01) for step in steps):
        text = "Expected cells on a regular grid of latitudes and longitudes, found other places; pass reach_km, how far a cell is valid."
        raise AlignmentError(text)
    north, east = (_KM_PER_DEGREE * step.min() for step in steps)
    reach: Floats = 0.5 * _REACH_MARGIN * np.hypot(north, east * np.cos(np.radians(latitude)))
    return reach


def _supplier(hours: xr.Dataset | HoursOf, year: int, count: int) -> HoursOf:
    """Make a function that gives the hours of a slice of cells."""
    if callable(hours):
        return hours
    dataset = hours
    _require_variables(dataset)
    if "time" not in dataset.variables:
        raise AlignmentError("Expected hours with a time coordinate, found none; add the starts of the hours in UTC.")
    _require_stamps(dataset)
    require_year(dataset["time"].values, year)
    (dim,) = [name for name in dataset["ghi"].dims if name != "time"] or [""]
    if dataset.sizes.get(str(dim)) != count:
        raise AlignmentError(f"Expected hours of {count} cells, found {dataset.sizes.get(str(dim), 0)}; give cells and hours alike.")
    return lambda rows: dataset[list(HOURLY)].isel({dim: rows}).transpose(dim, "time").load()


def _require_stamps(dataset: xr.Dataset) -> None:
    found = dataset["time"].attrs.get("stamps")
    if found != INTERVAL_START:
        raise AlignmentError(
            f"Expected time with the attribute stamps: {INTERVAL_START}, found {found!r}; declare what the labels mean, or read the file "
            "with siting.weather_files, which shifts them."
        )


def _require_variables(block: Mapping[str, Floats] | xr.Dataset) -> None:
    missing = [name for name in HOURLY if name not in block]
    if missing:
        raise MissingVariableError(f"Expected hours of {', '.join(HOURLY)}, found no {', '.join(missing)}; add it.")


def _arrays(block: Mapping[str, Floats] | xr.Dataset) -> dict[str, Floats]:
    """Hours of a block as float64 arrays."""
    _require_variables(block)
    return {name: np.ascontiguousarray(np.asarray(block[name]), dtype=np.float64) for name in HOURLY}


class _Writer:
    """A year on its way into a hidden folder."""

    def __init__(self, folder: Path, year: int, places: dict[str, Floats], reach: Floats, chunk_cells: int, quarantine: bool) -> None:
        import zarr

        if chunk_cells < 1:
            raise StudyError(f"Expected chunk_cells of at least 1, found {chunk_cells}; 100 suits most stores.")
        self.folder, self.year, self.places, self.reach, self.quarantine = folder, year, places, reach, quarantine
        self.group = zarr.create_group(folder, zarr_format=3)
        self.chunk_cells, self.hours = min(chunk_cells, len(reach)), len(year_hours(year))
        self.means: dict[str, Floats] = {name: np.full(len(reach), np.nan) for name in ("ghi", "wind_speed_100m")}
        self.missing = np.zeros(len(reach), dtype=np.int64)
        self.night_share = np.zeros(len(reach))
        self.faulty: list[_Faulty] = []

    def fill(self, supply: HoursOf, block_cells: int) -> None:
        """Ask for the hours block by block, check and pack them."""
        import zarr

        arrays = {name: self._packed_array(name) for name in HOURLY}
        whole = max(block_cells // self.chunk_cells, 1) * self.chunk_cells
        # a chunk of nothing but NaN is written too: a missing file is damage, not NaN
        with zarr.config.set({"array.write_empty_chunks": True}):
            for start in range(0, len(self.reach), whole):
                rows = slice(start, min(start + whole, len(self.reach)))
                block = self._sound(_arrays(supply(rows)), rows)
                self.missing[rows] = np.add.reduce(np.any([np.isnan(block[name]) for name in HOURLY], axis=0), axis=1)
                for name in HOURLY:
                    packed = pack(name, block[name])
                    arrays[name][rows] = packed
                    if name in self.means:
                        self.means[name][rows] = self._mean(name, packed)

    def _packed_array(self, name: str) -> zarr.Array[Any]:
        from zarr.codecs import BloscCodec

        return self.group.create_array(
            name,
            shape=(len(self.reach), self.hours),
            chunks=(self.chunk_cells, self.hours),
            dtype="int16",
            fill_value=MISSING,
            compressors=BloscCodec(typesize=2, cname="lz4", clevel=5, shuffle="bitshuffle"),
            dimension_names=("cell", "time"),
            attributes=PACKING[name].attrs(name) | {"coordinates": "latitude longitude altitude"},
        )

    def _sound(self, block: dict[str, Floats], rows: slice) -> dict[str, Floats]:
        """Hours of a block without implausible cells, which are refused or become NaN."""
        light = sunlight(self.year, self.places["latitude"][rows], self.places["longitude"][rows])
        faults = find_faults(block, self.year, light)
        found = [_Faulty(rows.start + k, fault) for k, fault in enumerate(faults) if fault]
        if found and not self.quarantine:
            at, fault = found[0]
            where = f"{self.places['latitude'][at]:.3f} N, {self.places['longitude'][at]:.3f} E"
            raise fault.error(f"Weather cell {at} at {where}: {fault.text}. Or pass quarantine=True to store such cells as NaN.")
        self.faulty += found
        for cell in found:
            for name in HOURLY:
                block[name][cell.position - rows.start] = np.nan
        self.night_share[rows] = darken(block, light)
        return block

    def _mean(self, name: str, packed: NDArray[np.int16]) -> Floats:
        """Means of cells that are known for most of the year, as readers will see them."""
        every, values = np.arange(len(packed)), np.empty(packed.shape, np.float32)
        unpack(packed, every, *PACKING[name], every, values)
        mean, known = known_means(values.astype(np.float64))
        return np.where(known >= _KNOWN_SHARE * self.hours, mean, np.nan)

    def finish(self, source: WeatherSource) -> None:
        """Write what isn't hourly, the metadata, and the record of checksums."""
        for name, values, attrs in self._columns():
            array = self.group.create_array(
                name, data=values, chunks=values.shape, dimension_names=("time" if name == "time" else "cell",), compressors=None
            )
            array.attrs.update(attrs)
        self.group.attrs.update(self._metadata(source))
        record = {"year": self.year, "cells": len(self.reach), "files": file_checksums(self.folder)}
        (self.folder / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")

    def _columns(self) -> Iterator[tuple[str, NDArray[Any], dict[str, Any]]]:
        status = np.zeros(len(self.reach), dtype=np.int8)
        status[[cell.position for cell in self.faulty]] = 1
        yield "latitude", self.places["latitude"], {"units": "degrees_north", "standard_name": "latitude"}
        yield "longitude", self.places["longitude"], {"units": "degrees_east", "standard_name": "longitude"}
        yield "altitude", self.places["altitude"], VARIABLES["altitude"].attrs()
        yield "reach", self.reach, {"units": "km", "long_name": "farthest that a site may lie from the cell"}
        yield "ghi_year_mean", self.means["ghi"], {"units": "W m-2", "long_name": "mean irradiance of the year"}
        yield "wind_speed_100m_year_mean", self.means["wind_speed_100m"], {"units": "m s-1", "long_name": "mean wind of the year"}
        yield "missing_hours", self.missing, {"units": "h", "long_name": "hours in which a variable is unknown"}
        yield (
            "night_share",
            self.night_share,
            {"units": "1", "long_name": "share of the irradiation that was taken out of hours without sun"},
        )
        meanings = {"flag_values": [0, 1], "flag_meanings": "plausible quarantined", "long_name": "whether the cell passed the checks"}
        yield "cell_status", status, meanings
        stamps = {"units": f"hours since {self.year}-01-01 00:00:00", "calendar": "proleptic_gregorian", "standard_name": "time"}
        yield "time", np.arange(self.hours, dtype=np.int64), stamps | {"stamps": INTERVAL_START, "long_name": "start of the hour in UTC"}

    def _metadata(self, source: WeatherSource) -> dict[str, Any]:
        return {
            "Conventions": "CF-1.11",
            **source.model_dump(),
            "year": self.year,
            "time_convention": "UTC, labels are the starts of the hours, values are means over the hour",
            "quarantined": [{"cell": cell.position, "reason": cell.fault.text} for cell in self.faulty],
        }


def _describe_root(folder: Path) -> None:
    """Make the store a group of years, once."""
    if (folder / "zarr.json").exists():
        return
    text = json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {"title": "Weather store, one group per year"}})
    handle, name = tempfile.mkstemp(prefix=".zarr-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(folder / "zarr.json")


def _publish(staging: Path, target: Path) -> None:
    """Sync every file of a year, then give the folder its name."""
    for path in sorted(staging.rglob("*")):
        sync(path)
    sync(staging)
    if target.exists():
        target.replace(staging.with_name("replaced"))
    staging.replace(target)
    sync(target.parent)
