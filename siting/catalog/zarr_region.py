"""Hours of a region out of a remote Zarr store, such as NASA POWER or ARCO-ERA5, month by month."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from fsspec.spec import AbstractFileSystem
from zarr.storage import FsspecStore, WrapperStore

from siting.catalog.cache import Bounds, Piece
from siting.catalog.redaction import redact
from siting.catalog.transport import MissingFileError
from siting.vocabulary import CatalogError, FetchError, SitingError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

    from siting.catalog.remote import RemoteEntry
    from siting.catalog.transport import Transport

_NAMES = {"latitude": ("latitude", "lat"), "longitude": ("longitude", "lon")}


class _Files(AbstractFileSystem):  # type: ignore[misc]
    """Files of a web server as fsspec sees them, through the one transport; whole files only, as Zarr chunks are."""

    protocol = ("http", "https")
    cachable = False

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._transport = transport

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """Content of a file."""
        try:
            return self._transport.get(path).content[start:end]
        except MissingFileError as error:
            raise FileNotFoundError(str(error)) from None


class _Strict(WrapperStore[Any]):
    """A store in which a chunk that the server lacks is a fault, and not a block of fill values."""

    def __init__(self, store: Any, title: str, allowed: bool = False) -> None:
        super().__init__(store)
        self._title, self._allowed = title, allowed

    def _with_store(self, store: Any) -> _Strict:
        return type(self)(store, self._title, self._allowed)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Content of a key; metadata may be missing."""
        content = await self._store.get(key, prototype, byte_range)
        name = key.rsplit("/", 1)[-1]
        if content is None and not name.startswith(".z") and name != "zarr.json" and not self._allowed:
            raise FetchError(f"Expected the chunk {key} of {self._title}, found none; fix: check the years, or say that it means no data.")
        return content  # type: ignore[no-any-return]


def open_remote(entry: RemoteEntry, transport: Transport, template: str | None = None) -> xr.Dataset:
    """Remote store as a lazy dataset with latitudes and longitudes.

    Raises
    ------
    FetchError
        If it can't be read.
    """
    import xarray as xr

    url = entry.address(template)
    title = redact(url)
    try:
        if url.startswith("s3://"):
            remote = FsspecStore.from_url(url, storage_options={"anon": entry.key_variable is None}, read_only=True)
        else:
            remote = FsspecStore(AsyncFileSystemWrapper(_Files(transport), asynchronous=True), read_only=True, path=url)
        grid: xr.Dataset = xr.open_zarr(_Strict(remote, title, entry.missing_chunks == "empty"), chunks=None)
    except (SitingError, MemoryError):
        raise
    except Exception as error:
        # a dozen libraries may fail here, each with its own errors
        kind = type(error).__name__
    else:
        renamed: xr.Dataset = grid.rename({name: axis for axis, names in _NAMES.items() for name in names[1:] if name in grid.dims})
        return renamed
    raise FetchError(f"Expected a Zarr store at {title}, found none that can be read ({kind}); fix: check the address.")


def pieces(entry: RemoteEntry, bounds: Bounds, years: tuple[int, ...], transport: Transport) -> list[Piece]:
    """One piece per month, and one for the first hour of the year after, which some stamps need."""
    opened = functools.cache(lambda template: open_remote(entry, transport, template))
    found = []
    for year in years:
        for month in np.arange(f"{year}-01", f"{year + 1}-02", dtype="datetime64[M]"):
            hours = [month.astype("datetime64[h]"), (month + 1).astype("datetime64[h]")]
            if month == np.datetime64(f"{year + 1}-01", "M"):
                hours[1] = hours[0] + 1
            name = f"{'_'.join(f'{edge:g}' for edge in bounds)}_{year}_{month}.npz"
            load = functools.partial(_load, entry, bounds, hours, opened)
            found.append(Piece(name, redact(entry.address()), entry.bytes_per_piece, load))
    return found


def _load(entry: RemoteEntry, bounds: Bounds, hours: list[np.datetime64], opened: Any) -> bytes:
    """Values of a month as a compressed file of arrays: float32, NaN for no data."""
    arrays: dict[str, np.ndarray] = {}
    names: dict[str, tuple[str | None, str]] = {}
    for variable in entry.variables.values():
        for stored in variable.stored:
            head, _, name = stored.rpartition("!")
            names[stored] = (head or None, name)
    for stored, (template, name) in names.items():
        part = _select(entry, opened(template), name, bounds, hours)
        for axis in ("time", "latitude", "longitude"):
            values = part[axis].values if axis != "time" else part[axis].values.astype("datetime64[s]").astype(np.int64)
            arrays.setdefault(f"{stored}/{axis}", values)
        try:
            values = part.transpose("time", "latitude", "longitude").values.astype(np.float32)
        except (SitingError, MemoryError):
            raise
        except Exception as error:
            kind = type(error).__name__
        else:
            arrays[stored] = np.where(values == entry.nodata, np.nan, values) if entry.nodata is not None else values
            continue
        raise FetchError(f"Expected {name} of {redact(entry.address(template))}, found a chunk that can't be read ({kind}); fetch again.")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _select(entry: RemoteEntry, grid: xr.Dataset, name: str, bounds: Bounds, hours: list[np.datetime64]) -> xr.DataArray:
    """Cells and hours of one variable; longitudes may be 0 to 360, latitudes may run either way."""
    if name not in grid:
        raise CatalogError(f"Expected {name} in {entry.id}, found {', '.join(map(str, grid.data_vars))}; fix: mend the entry.")
    east = (grid["longitude"].values.astype(np.float64) + 180.0) % 360.0 - 180.0
    north = grid["latitude"].values.astype(np.float64)
    cols = np.flatnonzero((east >= bounds[0]) & (east <= bounds[2]))
    rows = np.flatnonzero((north >= bounds[1]) & (north <= bounds[3]))
    times = grid["time"].values.astype("datetime64[s]")
    when = np.flatnonzero((times >= hours[0]) & (times < hours[1]))
    single = hours[1] - hours[0] == np.timedelta64(1, "h")
    if not rows.size or not cols.size or (not when.size and not single):
        raise CatalogError(
            f"Expected {entry.id} to cover {bounds} in {hours[0]}, found no such cells or hours; fix: choose another region."
        )
    part = grid[name].isel(dict(zip(("time", "latitude", "longitude"), map(_span, (when, rows, cols)), strict=True)))
    return part.assign_coords(longitude=east[cols], latitude=north[rows])


def _span(numbers: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Numbers as a slice, unless they have gaps, as those of longitudes on both sides of 0 among 0 to 360."""
    if numbers.size and (np.diff(numbers) != 1).any():
        return numbers
    return slice(int(numbers[0]), int(numbers[-1]) + 1) if numbers.size else slice(0, 0)


def join(paths: list[Any]) -> xr.Dataset:
    """Dataset of the pieces of a year, (time, latitude, longitude), every variable on the cells of the finest grid."""
    import xarray as xr

    months = []
    for path in paths:
        with np.load(path, allow_pickle=False) as arrays:
            months.append({name: arrays[name] for name in arrays.files})
    stored = [name for name in months[0] if "/" not in name.split("!")[-1] and f"{name}/time" in months[0]]
    variables = {}
    for name in stored:
        times = np.concatenate([month[f"{name}/time"] for month in months])
        axes = {axis: months[0][f"{name}/{axis}"] for axis in ("latitude", "longitude")}
        values = np.concatenate([month[name] for month in months])
        coords = {"time": times.astype("datetime64[s]").astype("datetime64[ns]"), **axes}
        variables[name] = xr.DataArray(values, dims=("time", "latitude", "longitude"), coords=coords)
    finest = max(variables.values(), key=lambda each: each.sizes["latitude"] * each.sizes["longitude"])
    cells = {axis: finest[axis].values for axis in ("latitude", "longitude")}
    return xr.Dataset({name.split("!")[-1]: each.reindex(cells, method="nearest") for name, each in variables.items()})
