"""Fetch what a study needs: plan it, download in parallel what is missing, and make weather stores and rasters of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from siting import catalog
from siting.catalog.addresses import AddressedFile, is_address, key_of_environment
from siting.catalog.cache import (
    Area,
    Bounds,
    Piece,
    cache_root,
    checksum,
    keep_piece,
    piece_record,
    pieces_folder,
    product_folder,
    publish,
    read_manifest,
    sole_writer,
    write_manifest,
    writing,
)
from siting.catalog.fetched import FetchedRaster
from siting.catalog.files import FileParameters
from siting.catalog.rasters import check_mosaic
from siting.catalog.remote import RemoteEntry
from siting.catalog.tiles import PER_DEGREE
from siting.catalog.transport import Transport
from siting.region import fetched_area, outline
from siting.study import Study
from siting.vocabulary import IntegrityError, SitingError, StudyError

if TYPE_CHECKING:
    from siting.runner import Progress

#: Downloads at a time.
WORKERS = 8


@dataclass(frozen=True)
class Job:
    """One dataset for one region."""

    entry: RemoteEntry
    area: Area
    years: tuple[int, ...]
    cache: Path
    transport: Transport = field(repr=False)

    @property
    def id(self) -> str:
        """Id of the dataset."""
        return self.entry.id

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north [degree]."""
        return self.area.bounds

    @property
    def about(self) -> tuple[str, str]:
        """Licence, and what it is."""
        return self.entry.licence, f"{self.entry.title} ({self.entry.version}): {self.entry.citation}"

    @property
    def folder(self) -> Path:
        """Where the product is put."""
        return product_folder(self.entry, self.area, self.cache)

    @property
    def pieces(self) -> list[Piece]:
        """All downloads of the job, whether they are there or not."""
        from siting.catalog import cog_window, points, tiles, zarr_region, zip_raster

        given = (self.entry, self.bounds, self.years, self.transport)
        match self.entry.adapter:
            case "zarr_region":
                return zarr_region.pieces(*given)
            case "cog_window":
                return cog_window.pieces(*given)
            case "dem_tiles" | "class_tiles":
                return tiles.pieces(self.entry, self.bounds, outline(self.area), self.store_of_pieces, self.transport)
            case "zip_raster":
                return zip_raster.pieces(self.entry, self.bounds, self.store_of_pieces, self.transport)
            case _:
                return points.pieces(*given)

    @property
    def store_of_pieces(self) -> Path:
        """Where the downloads are kept."""
        return pieces_folder(self.entry, self.cache)

    def is_complete(self) -> bool:
        """Whether the product is there, with all years and unchanged."""
        manifest = read_manifest(self.folder)
        wanted = {f"store/{year}/complete.json" for year in self.years} or {f"{name}.tif" for name in self.entry.variables}
        if manifest is None or not wanted <= manifest["files"].keys():
            return False
        return all((self.folder / name).is_file() and checksum(self.folder / name) == manifest["files"][name] for name in wanted)

    def make(self) -> None:
        """Make the product of the pieces, each verified once more, and its manifest."""
        records = []
        for piece in self.pieces:
            record = piece_record(self.store_of_pieces, piece.name)
            if record is None:
                raise IntegrityError(f"Expected {piece.name} of {self.id} as it was fetched, found it changed or gone; fix: fetch again.")
            records.append(record)
        files = _make_store(self) if self.entry.hourly else _make_rasters(self)
        before = read_manifest(self.folder)
        if before is not None:
            files = before["files"] | files
            records = [each for each in before["sources"] if each["piece"] not in {record["piece"] for record in records}] + records
        write_manifest(self.folder, self.entry, self.bounds, files, records)


@dataclass(frozen=True)
class FileJob:
    """One file of the user's at an address."""

    source: AddressedFile
    transport: Transport = field(repr=False)

    @property
    def id(self) -> str:
        """Name of the file."""
        return self.source.name

    @property
    def about(self) -> tuple[str, str]:
        """Licence, and what it is."""
        return "as supplied by the user", self.source.address

    @property
    def years(self) -> tuple[int, ...]:
        """A file has no years."""
        return ()

    @property
    def cache(self) -> Path:
        """Folder of the cache."""
        return self.source.cache

    @property
    def folder(self) -> Path:
        """Where the file is put."""
        return self.source.folder

    @property
    def store_of_pieces(self) -> Path:
        """Where the file is kept: it is its only piece."""
        return self.source.folder

    @property
    def pieces(self) -> list[Piece]:
        """The only download."""
        return [self.source.piece(self.transport)]

    def is_complete(self) -> bool:
        """Whether the file is there, unchanged."""
        return piece_record(self.source.folder, self.source.name) is not None

    def make(self) -> None:
        """Leave the file as it is."""


@dataclass(frozen=True)
class Item:
    """A line of the plan: the job, what is missing of it, and how much that is."""

    job: Job | FileJob
    missing: tuple[Piece, ...]
    complete: bool

    @property
    def estimate(self) -> int:
        """Bytes to download, roughly."""
        return sum(piece.estimate for piece in self.missing)


def plan(study: Study, cache: Path | None = None) -> list[Item]:
    """What a study needs of the datasets that can be fetched; nothing is asked of any server.

    Parameters
    ----------
    study : Study
        Study whose weather, layers or land name datasets.
    cache : Path, optional
        Folder of the cache.

    Raises
    ------
    StudyError
        If it names none, or a year or a region that a dataset doesn't have.
    """
    area = fetched_area(study.region, study.grid)
    rasters = [*study.layers.values(), study.land.slope, study.land.land_cover]
    wanted: dict[str, tuple[int, ...]] = {each.dataset: () for each in rasters if isinstance(each, FetchedRaster)}
    if study.weather.dataset is not None:
        wanted[study.weather.dataset] = tuple(sorted({*study.weather.calendar_years, *study.weather.level_years}))
    cache = cache or cache_root()
    items = [plan_dataset(name, years, area, cache) for name, years in wanted.items()]
    items += [_item(FileJob(AddressedFile(address, cache), Transport())) for address in _addresses(study)]
    if not items:
        raise StudyError(
            f"Expected datasets or addresses in weather, layers or land of {study.title!r}, found none; fix: name one, see "
            "`siting catalog list`."
        )
    return items


def plan_dataset(name: str, years: tuple[int, ...], area: Area, cache: Path | None = None) -> Item:
    """What one dataset lacks of some years within an area.

    Raises
    ------
    CatalogError
        If there is no such dataset.
    StudyError
        If it has no such year, or doesn't reach so far.
    """
    entry = catalog.remote_entry(name)
    _check_extent(entry, area.bounds, years)
    return _item(Job(entry, area, years, cache or cache_root(), _transport(entry)))


def _item(job: Job | FileJob) -> Item:
    complete = job.is_complete()
    missing = () if complete else tuple(piece for piece in job.pieces if piece_record(job.store_of_pieces, piece.name) is None)
    return Item(job, missing, complete)


def _addresses(study: Study) -> list[str]:
    """Addresses of the user's files, each once."""
    given = [*study.layers.values(), study.land.slope, study.land.land_cover, *study.land.features, *study.land.exclusions]
    return list(dict.fromkeys(each.path for each in given if isinstance(each, FileParameters) and is_address(each.path)))


def _check_extent(entry: RemoteEntry, bounds: Bounds, years: Sequence[int]) -> None:
    for year in years:
        if entry.years is not None and not entry.years[0] <= year <= entry.years[1]:
            raise StudyError(f"Expected a year of {entry.years[0]} to {entry.years[1]} for {entry.id}, found {year}; fix: choose another.")
    west, south, east, north = entry.coverage
    if bounds[0] < west or bounds[1] < south or bounds[2] > east or bounds[3] > north:
        raise StudyError(
            f"Expected a region within {list(entry.coverage)} for {entry.id}, found {list(bounds)}; fix: choose another dataset."
        )
    if entry.tiled:
        check_mosaic(bounds, 1.0 / PER_DEGREE)


def _transport(entry: RemoteEntry) -> Transport:
    headers = {}
    if entry.key_variable is not None and os.environ.get(entry.key_variable):
        headers[entry.key_header] = key_of_environment(entry.key_variable)
    return Transport(entry.redirects, md5_etags=entry.etag == "md5", headers=headers)


def fetch(items: Sequence[Item], progress: Progress | None = None, workers: int = WORKERS) -> list[Path]:
    """Download what is missing and make the products.

    Parameters
    ----------
    items : sequence of Item
        What :func:`plan` found.
    progress : Progress, optional
        Is told of every dataset.
    workers : int
        Downloads at a time.

    Returns
    -------
    list of Path
        Folders of the products, each with its manifest.

    Raises
    ------
    FetchError, IntegrityError
        If a server refuses, keeps failing, or gives other content than it should; what was downloaded before stays.
    """
    missing = [item for item in items if not item.complete]
    with sole_writer(missing[0].job.cache) if missing else contextlib.nullcontext():
        for item in missing:
            _download(item, progress, workers)
            item.job.make()
    return [item.job.folder for item in items]


def _download(item: Item, progress: Progress | None, workers: int) -> None:
    stage: contextlib.AbstractContextManager[Callable[[], None]]
    stage = progress.stage(item.job.id, len(item.missing)) if progress else contextlib.nullcontext(lambda: None)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="fetch")
    try:
        with stage as tick:
            for done in as_completed([pool.submit(keep_piece, item.job.store_of_pieces, piece) for piece in item.missing]):
                done.result()
                tick()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _make_rasters(job: Job) -> dict[str, str]:
    from siting.catalog.rasters import mosaic

    names, paths = list(job.entry.variables), [job.store_of_pieces / piece.name for piece in job.pieces]
    for number, name in enumerate(names):
        if job.entry.tiled:
            with writing(job.folder / f"{name}.tif") as temporary:
                mosaic(paths, job.bounds, (number, len(names)), temporary)
        else:
            publish(job.folder / f"{name}.tif", paths[number].read_bytes())
    return {f"{name}.tif": checksum(job.folder / f"{name}.tif") for name in names}


def _make_store(job: Job) -> dict[str, str]:
    from siting.weather_store import WeatherSource, write_store

    note = " ".join(job.entry.known_weaknesses)
    kind: Any = job.entry.kind if job.entry.kind != "recalled" else "user"
    source = WeatherSource(title=job.entry.title, kind=kind, licence=job.entry.licence, citation=job.entry.citation, note=note)
    files = {}
    for year in job.years:
        cells, reach_km = _grid_cells(job, year) if job.entry.adapter == "zarr_region" else _point_cells(job, year)
        try:
            folder = write_store(job.folder / "store", year, cells, cells, source=source, reach_km=reach_km, replace=True)
        except SitingError as error:
            raise type(error)(f"{job.entry.id}: {error}") from None
        files[f"store/{year}/complete.json"] = checksum(folder / "complete.json")
    return files


def _paths(job: Job, year: int) -> list[Path]:
    return [job.store_of_pieces / piece.name for piece in replace(job, years=(year,)).pieces]


def _grid_cells(job: Job, year: int) -> tuple[Any, None]:
    from siting.catalog.zarr_region import join
    from siting.weather_files import GridColumn, read_grid

    grid, variables = join(_paths(job, year)), job.entry.variables
    columns = {
        name: GridColumn(names=tuple(each.rpartition("!")[2] for each in variable.stored), unit=variable.unit, stamps=variable.stamps)
        for name, variable in variables.items()
        if not name.startswith("wind_speed_") or name == "wind_speed_100m"
    }
    if "wind_speed_100m" not in columns:
        low, high = (columns_of(variables, f"wind_speed_{height}m") for height in (10, 50))
        grid["wind_speed_100m"] = _extrapolated(grid[low.names[0]], grid[high.names[0]])
        columns["wind_speed_100m"] = GridColumn(names=("wind_speed_100m",), unit=high.unit, stamps=high.stamps)
    return read_grid(grid, columns, year=year, altitude=_altitude(grid), hold_last=job.entry.hold_last), None


def columns_of(variables: Any, name: str) -> Any:
    """Where a grid has a variable."""
    from siting.weather_files import GridColumn

    if name not in variables:
        raise StudyError(f"Expected {name} or wind_speed_100m of the dataset, found {', '.join(variables)}; fix: mend the entry.")
    each = variables[name]
    return GridColumn(names=tuple(stored.rpartition("!")[2] for stored in each.stored), unit=each.unit, stamps=each.stamps)


def _extrapolated(low: Any, high: Any) -> Any:
    """Wind at 100 m from those at 10 and 50 m: a power law with the exponent of each cell's means, held to 0 to 0.6."""
    import numpy as np

    exponent = np.log(high.mean("time") / low.mean("time")) / np.log(50.0 / 10.0)
    return high * (100.0 / 50.0) ** exponent.clip(0.0, 0.6)


def _altitude(grid: Any) -> Any:
    """Mean altitude of the cells of a grid, the sea counted as 0."""
    altitude = catalog.open_entry("altitude")["altitude"].fillna(0.0)
    east = (grid["longitude"] + 180.0) % 360.0 - 180.0
    return altitude.interp(latitude=grid["latitude"], longitude=east.drop_vars("longitude")).assign_coords(
        longitude=grid["longitude"].values
    )


def _point_cells(job: Job, year: int) -> tuple[Any, float]:
    import numpy as np
    import xarray as xr

    from siting.weather_files import read_epw, read_nasa_power, read_pvgis

    read = {"power_points": read_nasa_power, "pvgis_points": read_pvgis, "epw_file": read_epw}[job.entry.adapter]
    places = [read(path, year) for path in _paths(job, year)]
    cells = xr.concat(places, dim="site", data_vars="minimal", coords="minimal", compat="override", join="exact").rename(site="cell")
    north, east = job.entry.step or (0.5, 0.5)
    reach = 0.5 * 1.02 * 111.195 * float(np.hypot(north, east * np.cos(np.radians(min(abs(job.bounds[1]), abs(job.bounds[3]))))))
    return cells.reset_coords("altitude", drop=False) if "altitude" in cells.coords else cells, reach
