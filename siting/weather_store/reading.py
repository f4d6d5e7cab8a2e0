"""Read weather cells from a store: lazily for people, whole chunks at a time for the steps."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from siting.grid import nearest, sphere_tree
from siting.vocabulary import AlignmentError, CatalogError, IntegrityError
from siting.weather_hours import HOURLY, year_hours
from siting.weather_store.packing import unpack
from siting.weather_store.record import RECORD, VerifiedStore, file_checksums, read_record

if TYPE_CHECKING:
    import xarray as xr
    import zarr
    from numpy.typing import ArrayLike, NDArray
    from scipy.spatial import KDTree

    Floats = NDArray[np.float64]
    Hours = NDArray[np.float32]
    Indices = NDArray[np.int64]
    Packed = NDArray[np.int16]

#: Packed bytes that a process remembers: a few chunks of all variables, for blocks that share one.
_REMEMBERED = 64 << 20


def store_years(path: str | Path) -> tuple[int, ...]:
    """Complete years of a store, in order.

    Raises
    ------
    CatalogError
        If there is no store.
    """
    folder = Path(path)
    if not (folder / "zarr.json").is_file():
        raise CatalogError(f"Expected a weather store at {str(path)!r}, found none; fix: check the path, or write it with write_store.")
    return tuple(sorted(int(each.name) for each in folder.iterdir() if each.name.isdecimal() and (each / RECORD).is_file()))


def open_store(path: str | Path, year: int | None = None) -> xr.Dataset:
    """One year of a store as a lazy dataset: hours (cell, time) in their units, places, what is known of the source.

    Parameters
    ----------
    path : str or Path
        Folder of the store.
    year : int, optional
        The year; may be left out where the store has only one.

    Raises
    ------
    CatalogError
        If there is no store or no such year.
    IntegrityError
        If the year is incomplete, or, when values are loaded, if bytes differ from their checksum.
    """
    import xarray as xr

    folder = _year_folder(path, year)
    dataset: xr.Dataset = xr.open_zarr(VerifiedStore(folder), chunks={}, consolidated=False, zarr_format=3)
    return dataset


def verify_store(path: str | Path, year: int | None = None) -> dict[str, str]:
    """Compare every file of a year with its record; gives the checksums by file.

    Raises
    ------
    CatalogError
        If there is no store or no such year.
    IntegrityError
        If a file differs, is missing, or is there without being listed.
    """
    folder = _year_folder(path, year)
    record, _ = read_record(folder)
    expected, found = record["files"], file_checksums(folder)
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        state = "missing" if wrong[0] not in found else "not listed" if wrong[0] not in expected else "different"
        text = f"Expected {len(expected)} files of {Path(path).name}/{folder.name} as recorded, found {wrong[0]} {state}"
        raise IntegrityError(f"{text}; copy or write the year again.")
    return found


def _year_folder(path: str | Path, year: int | None) -> Path:
    years = store_years(path)
    folder = Path(path) / f"{year}"
    if year is not None and folder.is_dir():
        return folder
    if year is None and len(years) == 1:
        return Path(path) / f"{years[0]}"
    known = ", ".join(map(str, years)) or "none"
    asked = f"year {year}" if year is not None else "a year to be named"
    raise CatalogError(f"Expected {asked} among those of the store {Path(path).name!r} ({known}), found no such year; name one of them.")


class StoredYear:
    """One year of a store, open for reading rows of cells.

    Raises
    ------
    IntegrityError
        If the year is incomplete, or bytes differ from their checksum.
    """

    def __init__(self, folder: Path) -> None:
        import zarr

        store = VerifiedStore(folder)
        group = zarr.open_group(store, mode="r", zarr_format=3)
        self.year, self.record_sha256, self.attrs = int(folder.name), store.record_sha256, dict(group.attrs)
        self._arrays = {name: _array(group, name) for name in HOURLY}
        columns = ("latitude", "longitude", "altitude", "reach", "ghi_year_mean", "wind_speed_100m_year_mean")
        self.columns: dict[str, Floats] = {name: np.asarray(_array(group, name)[:], dtype=np.float64) for name in columns}
        self.chunk_cells = int(self._arrays["ghi"].chunks[0])
        self._check_shapes()

    def _check_shapes(self) -> None:
        shape = (len(self.columns["latitude"]), len(year_hours(self.year)))
        for name, array in self._arrays.items():
            if array.shape != shape or array.chunks != (self.chunk_cells, shape[1]) or array.dtype != np.int16:
                raise IntegrityError(
                    f"Expected {name} of {self.year} as {shape} packed hours, found {array.shape} {array.dtype}; write it again."
                )

    @functools.cached_property
    def _tree(self) -> KDTree:
        return sphere_tree(self.columns["latitude"], self.columns["longitude"])

    def locate(self, latitude: ArrayLike, longitude: ArrayLike, reach_km: float | None = None) -> tuple[Indices, Floats]:
        """Nearest cell of each place and the geodesic distance to it [km], (n,).

        Parameters
        ----------
        latitude, longitude : (n,) array
            Places [degree].
        reach_km : float, optional
            Farthest accepted distance, in place of the store's own.

        Raises
        ------
        AlignmentError
            If a coordinate is NaN, or a place is farther from its cell than the cell reaches.
        """
        north, east = (np.asarray(values, dtype=np.float64) for values in (latitude, longitude))
        cell, distance = nearest(north, east, self.columns["latitude"], self.columns["longitude"], self._tree)
        if (cell < 0).any():
            raise AlignmentError(f"Expected coordinates of all sites, found NaN at {int((cell < 0).sum())}; remove these sites.")
        reach = self.columns["reach"][cell] if reach_km is None else np.full(len(cell), reach_km)
        far = np.flatnonzero(distance > reach)
        if far.size:
            worst = far[distance[far].argmax()]
            raise AlignmentError(
                f"Expected a weather cell within {reach[worst]:.1f} km of every site, found the nearest {distance[worst]:.1f} km from "
                f"{north[worst]:.3f} N, {east[worst]:.3f} E ({far.size} sites in all); cut the region, or add cells to the store."
            )
        return cell, distance

    def hours(self, cell: Indices) -> dict[str, Hours]:
        """Hours of the variables at cells, (n, time) each; a cell may be named often and is unpacked from one read of its chunk."""
        out = {name: np.empty((len(cell), len(year_hours(self.year))), np.float32) for name in HOURLY}
        chunk_of = cell // self.chunk_cells
        for chunk in np.unique(chunk_of):
            places = np.flatnonzero(chunk_of == chunk)
            rows = cell[places] - chunk * self.chunk_cells
            for name, packed in self._chunk(int(chunk)).items():
                attrs = self._arrays[name].attrs
                unpack(packed, rows, float(attrs["scale_factor"]), float(attrs["add_offset"]), places, out[name])
        return out

    def _chunk(self, chunk: int) -> dict[str, Packed]:
        start = chunk * self.chunk_cells

        def read() -> dict[str, Packed]:
            return {name: np.asarray(array[start : start + self.chunk_cells]) for name, array in self._arrays.items()}

        return _MEMORY.get((self.record_sha256, chunk), read)


def _array(group: zarr.Group, name: str) -> Any:
    try:
        return group[name]
    except KeyError:
        raise IntegrityError(f"Expected {name} in the store, found none; write the year again.") from None


class _Memory:
    """The chunks that were read last, up to a number of bytes; safe for threads."""

    def __init__(self, room: int) -> None:
        self._room, self._lock = room, threading.Lock()
        self._kept: OrderedDict[tuple[str, int], dict[str, Packed]] = OrderedDict()

    def get(self, key: tuple[str, int], read: Any) -> dict[str, Packed]:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        fresh: dict[str, Packed] = read()
        with self._lock:
            self._kept[key] = fresh
            while len(self._kept) > 1 and sum(_bytes(each) for each in self._kept.values()) > self._room:
                self._kept.popitem(last=False)
        return fresh


def _bytes(chunk: dict[str, Packed]) -> int:
    return sum(values.nbytes for values in chunk.values())


_MEMORY = _Memory(_REMEMBERED)


def open_year(path: str | Path, year: int) -> StoredYear:
    """One year of a store, open for reading; remembered for as long as its record stays the same.

    Raises
    ------
    CatalogError
        If there is no store or no such year.
    IntegrityError
        If the year is incomplete or damaged.
    """
    folder = _year_folder(path, year).resolve()
    _, sha256 = read_record(folder)
    return _open_year(folder, sha256)


@functools.lru_cache(maxsize=8)
def _open_year(folder: Path, record_sha256: str) -> StoredYear:  # noqa: ARG001 - part of the key
    return StoredYear(folder)
