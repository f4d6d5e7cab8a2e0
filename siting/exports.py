"""Outputs of a run: GeoPackage, CSV, GeoTIFF, the map and the record of the run, published whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from siting.catalog.cache import sync
from siting.scoring import explain_status
from siting.supply.distant import PLACED
from siting.vocabulary import VARIABLES, OutputError, ResourceError, SitingError, StudyError
from siting.zones import ZONE_COLUMNS, province_codes

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray
    from pydantic import BaseModel

#: Name of the record of a run: its study, figures, sources and the checksums of its other outputs. It is published last.
RECORD = "run.json"

#: What begins the name of the hidden folder in which outputs are made.
_STAGING = ".siting-staging-"

#: What GeoPackages give as the time of their last change, so that the same run makes the same bytes; the record has the true time.
_LAST_CHANGE = "2000-01-01T00:00:00.000Z"

#: Dimensions beside the site that become columns; monthly figures and the weather are left to the map.
_SPREAD = ("target", "criterion", "component", "bound", "exclusion", "rule", "land_cover")

#: What belongs to an option of a study, by the figure that is 0 everywhere if no site uses it.
_OPTIONS = {
    "line_cost": PLACED,
    "electrolyser_capacity": ("electrolyser_capacity", "hydrogen_tank"),
    "cut_energy": ("cut_energy", "cut_cost"),
    "grid_charged_energy": ("grid_charged_energy",),
}

#: Columns that come first in tables of sites.
_FIRST = ("rank", "score", "site", "longitude", "latitude", "province", "nearest_city")

#: First characters that make a spreadsheet take text for a formula, and the apostrophe that guards against it.
_FORMULA = tuple("=+-@＝＋－＠'")

#: Errors of a full disk, a used-up quota, a file beyond the limit.
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}

#: Free bytes under which a failure of GDAL, which does not say why, is put down to a full disk.
_ROOM = 1 << 20

_SOURCE_COLUMNS = ("id", "title", "kind", "licence", "citation", "sha256", "note")


class Saveable(Protocol):
    """A map that writes itself to one file."""

    def save(self, path: Path) -> object:
        """Write the map."""


class Run(Protocol):
    """What is read of a run."""

    @property
    def study(self) -> BaseModel:
        """All assumptions."""

    @property
    def layers(self) -> xr.Dataset:
        """Rasters on the analysis grid."""

    @property
    def sites(self) -> xr.Dataset:
        """The scored site table."""

    @property
    def zones(self) -> gpd.GeoDataFrame:
        """The table of zones."""

    @property
    def report(self) -> Mapping[str, Any]:
        """Figures, versions, sources and warnings."""

    def map(self) -> Saveable:
        """Make the interactive map."""


def check_folder(folder: str | Path, names: Iterable[str] | None = None) -> Path:
    """Make sure, before anything is computed, that outputs can be written to a folder; it is made if it is missing.

    Parameters
    ----------
    folder : str or Path
        Where the outputs shall stand.
    names : iterable of str, optional
        Their names; default: those of a run.

    Raises
    ------
    OutputError
        If the folder can't be made or written to, or if the name of an output is taken by a folder.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        taken = [name for name in (names or (*OUTPUTS, RECORD)) if (path / name).is_dir()]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"Expected a folder to write to, found {str(path)!r} ({reason}); choose another one with --out.") from None
    if taken:
        raise OutputError(
            f"Expected files or nothing at the names of the outputs, found a folder {taken[0]!r}; move it away or choose another --out."
        )
    return path


@contextlib.contextmanager
def output_folder(folder: str | Path) -> Iterator[Path]:
    """:func:`check_folder` for the time of a run; folders that it has made are removed again if the run leaves them empty."""
    path, made = Path(folder), []
    with contextlib.suppress(OSError):
        made = [each for each in (path, *path.parents) if not each.exists()]
    check_folder(path)
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            for each in made:
                each.rmdir()


def write_outputs(run: Run, folder: str | Path, files: Iterable[str] | None = None) -> dict[str, Path]:
    """Write the outputs of a run, each of them whole.

    Parameters
    ----------
    run : Run
        A finished run.
    folder : str or Path
        Where to; files of an earlier run are replaced.
    files : iterable of str, optional
        Some of :data:`OUTPUTS`; default: all. The record of the run is always written.

    Returns
    -------
    dict
        Path of each file by name.

    Raises
    ------
    StudyError
        If a file is not among the outputs.
    OutputError
        If the folder can't be written to.
    ResourceError
        If the disk is full.

    Notes
    -----
    As :func:`publish`; the record comes last, and its checksums tell the files of two runs apart. The same run makes the same bytes,
    the record apart.
    """
    names = _selection(files)
    writers: dict[str, Callable[[Path], None]] = {name: partial(OUTPUTS[name], run) for name in names}
    return publish(folder, {**writers, RECORD: lambda path: _write_record(run, path.parent, names)})


def publish(folder: str | Path, writers: Mapping[str, Callable[[Path], None]]) -> dict[str, Path]:
    """Write files into a folder, each of them whole.

    Parameters
    ----------
    folder : str or Path
        Where to; earlier files are replaced.
    writers : mapping of str to callable
        Name of each file, and what writes it to a path.

    Returns
    -------
    dict
        Path of each file by name.

    Raises
    ------
    OutputError
        If the folder can't be written to.
    ResourceError
        If the disk is full.

    Notes
    -----
    All files are written and synced in a hidden folder inside ``folder``, on the same disk, and then moved into place one by
    one, in their order. A failure before the first move leaves earlier outputs untouched; a kill between two moves leaves
    whole files of two runs. Only a kill leaves the hidden folder
    (``.siting-staging-`` and some letters) behind; the next run removes it.
    """
    target = check_folder(folder, writers)
    try:
        with _staging(target) as staging:
            for name, write in writers.items():
                write(staging / name)
                sync(staging / name)
            return _move(staging, target, writers)
    except SitingError:
        raise
    except OSError as error:
        raise _refusal(error, target) from error


def _selection(files: Iterable[str] | None) -> tuple[str, ...]:
    if files is None:
        return tuple(OUTPUTS)
    chosen = {files} if isinstance(files, str) else set(files)
    unknown = sorted(chosen - {*OUTPUTS, RECORD})
    if unknown:
        raise StudyError(f"Expected outputs among {', '.join((*OUTPUTS, RECORD))}, found {', '.join(unknown)}; choose some of these.")
    return tuple(name for name in OUTPUTS if name in chosen)


@contextlib.contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """Hidden folder for the time of writing, locked by this process; those that killed processes have left are removed."""
    for left in target.glob(f"{_STAGING}*"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError), _locked(left):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_STAGING, dir=target) as hidden, _locked(Path(hidden)):
        yield Path(hidden)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock on a folder, which ends with the process; BlockingIOError if another one holds it."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _move(staging: Path, target: Path, names: Iterable[str]) -> dict[str, Path]:
    placed = {}
    for name in names:
        placed[name] = target / name
        (staging / name).replace(placed[name])
    sync(target)
    return placed


def _refusal(error: OSError, folder: Path) -> SitingError:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return ResourceError(f"Expected room for the outputs in {str(folder)!r}, found none ({reason}); free some or choose another disk.")
    return OutputError(f"Expected to write to {str(folder)!r}, found an error ({reason}); nothing of this run was left half-written.")


# tables


def site_table(sites: xr.Dataset) -> pd.DataFrame:
    """Site table with one column per number: the best first, the unranked last by site number.

    Targets, criteria, components and bounds become suffixes, such as ``delivered_cost_90``; provinces are ISO 3166-2 codes;
    ``site_status_text`` spells the flags out. Monthly figures are left out, and those of options that no site uses: plants elsewhere,
    hydrogen, cut load, a battery charged by the grid.
    """
    import pandas as pd

    columns: dict[str, NDArray[Any]] = {"site": sites["site"].to_numpy()}
    columns |= {name: sites[name].to_numpy() for name in ("longitude", "latitude")}
    for name, _, values in _columns(sites):
        columns[name] = values
    if "site_status" in columns:
        columns["site_status_text"] = np.array(["; ".join(explain_status(int(flags))) for flags in columns["site_status"]], dtype=object)
    frame = pd.DataFrame(columns)
    frame = frame[[*(name for name in _FIRST if name in frame), *(name for name in frame if name not in _FIRST)]]
    ranks = frame["rank"].to_numpy()
    order = np.lexsort((frame["site"].to_numpy(), ranks, ranks == 0))
    return frame.iloc[order].reset_index(drop=True)


def _columns(sites: xr.Dataset) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Column name, variable and values, in the order of the vocabulary; names differ by more than case, as SQLite asks."""
    seen: set[str] = set()
    idle = {name for sign, names in _OPTIONS.items() if sign in sites and not (sites[sign].to_numpy() > 0).any() for name in names}
    for variable in VARIABLES:
        if (
            variable in idle
            or variable not in sites
            or sites[variable].dims[:1] != ("site",)
            or not set(sites[variable].dims[1:]) <= set(_SPREAD)
        ):
            continue
        array = sites[variable]
        extra = [str(dim) for dim in array.dims[1:]]
        for position in itertools.product(*(range(array.sizes[dim]) for dim in extra)):
            part = array.isel(dict(zip(extra, position, strict=True)))
            suffix = "".join(f"_{_suffix(part, dim, place)}" for dim, place in zip(extra, position, strict=True))
            name = _unused(variable + suffix, seen)
            yield name, variable, _province_names(sites) if variable == "province" else part.to_numpy()


def _suffix(part: xr.DataArray, dim: str, place: int) -> str:
    if dim not in part.coords:
        return str(place + 1)
    label = part.coords[dim].item()
    text = f"{100 * label:g}" if dim == "target" else str(label)
    return re.sub(r"\W+", "_", text).strip("_") or str(place + 1)


def _unused(name: str, seen: set[str]) -> str:
    candidates = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(2)))
    free = next(candidate for candidate in candidates if candidate.casefold() not in seen)
    seen.add(free.casefold())
    return free


def _province_names(sites: xr.Dataset) -> NDArray[Any]:
    codes = province_codes(sites)
    indices = sites["province"].to_numpy().astype(float)
    return np.array([codes[int(index)] if 0 <= index < len(codes) else "" for index in indices], dtype=object)


def variable_table(sites: xr.Dataset) -> pd.DataFrame:
    """Describe every column of the GeoPackage: layer, column, unit, and meaning in English and Chinese."""
    import pandas as pd

    rows = [
        ("sites", "site", "", "number of the cell in the analysis grid", "网格编号"),
        ("sites", "longitude", "degrees_east", "longitude of the cell's centre (WGS 84)", "经度"),
        ("sites", "latitude", "degrees_north", "latitude of the cell's centre (WGS 84)", "纬度"),
        *(("sites", name, VARIABLES[of].unit, _meaning(name, of), VARIABLES[of].zh) for name, of, _ in _columns(sites)),
        ("sites", "site_status_text", "", "site_status in words", "状态说明"),
        *(("zones", name, variable.unit, variable.en, variable.zh) for name, variable in ZONE_COLUMNS.items()),
    ]
    return pd.DataFrame(rows, columns=["layer", "column", "unit", "en", "zh"])


def _meaning(name: str, variable: str) -> str:
    if variable == "province":
        return "province (ISO 3166-2)"
    suffix = name.removeprefix(variable).removeprefix("_")
    return f"{VARIABLES[variable].en} ({suffix})" if suffix else VARIABLES[variable].en


def guard_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula; dropping one leading apostrophe gives it back.

    Examples
    --------
    >>> guard_cell("=1+1"), guard_cell("Xi'an")
    ("'=1+1", "Xi'an")
    """
    risky = text.lstrip().startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if risky else text


# writers


def _write_geopackage(run: Run, path: Path) -> None:
    import geopandas as gpd
    import pandas as pd
    from pyogrio import get_gdal_config_option, set_gdal_config_options, write_dataframe
    from pyogrio.errors import DataLayerError, DataSourceError

    sites = site_table(run.sites)
    points = gpd.GeoDataFrame(sites, geometry=gpd.points_from_xy(sites["longitude"], sites["latitude"]), crs="EPSG:4326")
    listed = [[str(source.get(name, "")) for name in _SOURCE_COLUMNS] for source in _attribute(run.sites, "sources")]
    sources = pd.DataFrame(listed, columns=list(_SOURCE_COLUMNS), dtype="str")
    warnings = pd.DataFrame({"warning": _attribute(run.sites, "warnings")}, dtype="str")
    tables = {"variables": variable_table(run.sites), "sources": sources, "warnings": warnings}
    clock = get_gdal_config_option("OGR_CURRENT_DATE")
    set_gdal_config_options({"OGR_CURRENT_DATE": _LAST_CHANGE})
    try:
        write_dataframe(points, path, layer="sites", driver="GPKG", geometry_type="Point")
        write_dataframe(run.zones, path, layer="zones", driver="GPKG", geometry_type="MultiPolygon", promote_to_multi=True)
        for name, table in tables.items():
            write_dataframe(table, path, layer=name, driver="GPKG")
    except (DataSourceError, DataLayerError) as error:
        code = errno.ENOSPC if shutil.disk_usage(path.parent).free < _ROOM else errno.EIO
        raise OSError(code, " ".join(str(error).split())) from error
    finally:
        set_gdal_config_options({"OGR_CURRENT_DATE": clock})


def _attribute(sites: xr.Dataset, name: str) -> list[Any]:
    found: list[Any] = json.loads(sites.attrs.get(name, "[]"))
    return found


def _write_csv(run: Run, path: Path) -> None:
    from pandas.api.types import is_numeric_dtype

    frame = site_table(run.sites)
    for name in frame:
        if not is_numeric_dtype(frame[name]):
            frame[name] = [guard_cell(str(cell)) for cell in frame[name].fillna("")]
    frame.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")


def _write_score(run: Run, path: Path) -> None:
    """Write the score of the ranked cells as a cloud-optimised GeoTIFF."""
    from rasterio.io import MemoryFile

    from siting.grid import to_raster

    ranked = run.sites.assign(score=run.sites["score"].where(run.sites["rank"] > 0))
    raster = to_raster(ranked, "score", run.layers)
    box, values = raster.odc.geobox, raster.to_numpy().astype(np.float64)
    shape = {"width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": "float64", "nodata": np.nan}
    options = {"compress": "deflate", "predictor": 3, "blocksize": 256, "overview_resampling": "average"}
    # GDAL hides a full disk from its callers: write to memory first, and the bytes from here.
    with MemoryFile() as memory:
        with memory.open(driver="COG", crs=box.crs.to_wkt(), transform=box.affine, **shape, **options) as file:
            file.write(values, 1)
            file.set_band_description(1, "score")
            file.units = (VARIABLES["score"].unit,)
            file.update_tags(1, long_name=VARIABLES["score"].en, long_name_zh=VARIABLES["score"].zh)
        path.write_bytes(memory.getbuffer())


def _write_map(run: Run, path: Path) -> None:
    run.map().save(path)


def _write_record(run: Run, staging: Path, names: Iterable[str]) -> None:
    record = {
        **run.report,
        "study": run.study.model_dump(mode="json"),
        "outputs": {name: _fingerprint(staging / name) for name in names},
    }
    text = json.dumps(plain(record), ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)
    (staging / RECORD).write_text(text + "\n", encoding="utf-8", newline="\n")


def _fingerprint(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def plain(value: Any) -> Any:
    """Value as JSON can say it, fit to be passed on: NaN is null, and absolute paths are cut to the file's name.

    Examples
    --------
    >>> plain({"cost": float("nan"), "file": "/rasters/slope.tif"})
    {'cost': None, 'file': 'slope.tif'}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | PurePath):
        return _without_folders(str(value))
    return value


def _without_folders(text: str) -> str:
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(text)
        if path.is_absolute() and path.name:
            return path.name
    return text


#: Outputs beside the record, and how each is written.
OUTPUTS: dict[str, Callable[[Run, Path], None]] = {
    "sites.gpkg": _write_geopackage,
    "sites.csv": _write_csv,
    "score.tif": _write_score,
    "map.html": _write_map,
}
