"""NetCDF and Zarr behind the one door: one variable over two evenly spaced axes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from siting.catalog.window import LARGEST_BLOCK, Source, refuse_sentinels
from siting.vocabulary import AlignmentError, CatalogError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from affine import Affine
    from numpy.typing import NDArray

    from siting.catalog.window import Window

_LATITUDES, _LONGITUDES = ("lat", "latitude", "y"), ("lon", "longitude", "x")
_ENGINES = {b"\x89HDF": "h5netcdf", b"CDF\x01": "scipy", b"CDF\x02": "scipy"}


@contextmanager
def open_array(file: Path, layer: str | None, nodata: float | None) -> Iterator[Source]:
    """Variable of a NetCDF file or of a Zarr folder.

    Raises
    ------
    CatalogError
        Another format, a damaged file, or a variable that isn't there.
    AlignmentError
        No CRS, swapped or uneven axes, or axes that contradict the bounds or the transform that the file declares.
    ResourceError
        Chunks that can't be read one by one.
    """
    from odc.geo.geobox import GeoBox

    with _dataset(file) as dataset:
        array = _variable(dataset, layer, file.name)
        y, x = _axes(array, file.name)
        if array.dtype.kind not in "iuf":
            raise CatalogError(f"Expected real numbers, found {array.dtype} in {file.name}; fix: export a numeric variable.")
        chunk = int(np.prod(array.encoding.get("chunksizes") or array.encoding.get("chunks") or (1,), dtype=np.float64))
        if chunk * array.dtype.itemsize > LARGEST_BLOCK:
            raise ResourceError(f"Expected chunks of at most {LARGEST_BLOCK:,} bytes, found larger ones in {file.name}; fix: rechunk it.")
        if file.is_dir():
            _check_chunks(file, array)
        transform = _transform(dataset, array, y, x, file.name)
        box = GeoBox((array.sizes[y], array.sizes[x]), transform, _crs(dataset, array, y, x, file.name))
        plain = array.transpose(y, x)
        yield Source(file.name, box, str(array.dtype), lambda window: _read(plain, file.name, nodata, window))


@contextmanager
def _dataset(file: Path) -> Iterator[xr.Dataset]:
    """Dataset as stored: nothing is scaled or masked yet, and no other engine is tried."""
    import xarray as xr

    engine = "zarr" if file.is_dir() else None
    if engine is None:
        with file.open("rb") as stream:
            engine = _ENGINES.get(stream.read(4))
    if engine is None:
        raise CatalogError(f"Expected NetCDF, found another format in {file.name}; fix: convert it with nccopy or export it again.")
    try:
        dataset = xr.open_dataset(file, engine=engine, mask_and_scale=False, decode_times=False, decode_coords=False, chunks=None)
    except MemoryError:
        raise
    except Exception:
        # a damaged file ends in one of a dozen errors of the libraries below
        kind = "Zarr store" if engine == "zarr" else "NetCDF file"
        raise CatalogError(f"Expected a readable {kind}, found a damaged one in {file.name}; fix: download or export it again.") from None
    with dataset:
        yield dataset


def _variable(dataset: xr.Dataset, layer: str | None, name: str) -> xr.DataArray:
    """The named variable, or the only one with two dimensions or more; a leading dimension of one is dropped."""
    bounds = {str(array.attrs.get("bounds", "")) for array in dataset.variables.values()}
    grids = {str(key) for key, array in dataset.data_vars.items() if sum(size > 1 for size in array.shape) >= 2}
    offered = sorted(grids - bounds)
    if layer is None and len(offered) != 1:
        raise CatalogError(f"Expected one variable on a grid, found {', '.join(offered) or 'none'} in {name}; fix: state the layer.")
    if layer is not None and layer not in offered:
        raise CatalogError(f"Expected a layer out of {', '.join(offered) or 'none'}, found {layer!r} for {name}; fix: choose one of them.")
    array = dataset[layer or offered[0]].squeeze(drop=True)
    if array.ndim != 2:
        raise CatalogError(f"Expected two dimensions, found {', '.join(map(str, array.dims))} in {name}; fix: select one plane of it.")
    return array


def _check_chunks(file: Path, array: xr.DataArray) -> None:
    """Refuse a store with absent chunks, which read as its fill value, unless that value says "no data"."""
    import zarr

    stored = zarr.open_group(file, mode="r")[str(array.name)]
    if "_FillValue" in array.attrs or not isinstance(stored, zarr.Array):
        return
    if stored.fill_value is not None and not np.isfinite(stored.fill_value):
        return
    if stored.nchunks_initialized < stored.nchunks:
        found = f"{stored.nchunks - stored.nchunks_initialized} absent of {stored.nchunks}"
        raise CatalogError(f"Expected all chunks of {file.name}, found {found}; fix: export it again, or declare its _FillValue.")


def _axes(array: xr.DataArray, name: str) -> tuple[str, str]:
    """Names of the dimensions of latitude or northing and of longitude or easting, by CF attribute or by name."""
    found: dict[str, str] = {}
    for dim in map(str, array.dims):
        attrs = array[dim].attrs if dim in array.coords else {}
        words = {str(attrs.get(key, "")).lower() for key in ("standard_name", "axis")} | {dim.lower()}
        unit = str(attrs.get("units", "")).lower()
        vertical = bool(words & {*_LATITUDES, "projection_y_coordinate"}) or unit.startswith("degrees_n")
        level = bool(words & {*_LONGITUDES, "projection_x_coordinate"}) or unit.startswith("degrees_e")
        if vertical and level:
            raise AlignmentError(
                f"Expected an axis to be one of latitude and longitude, found both for {dim} of {name}; fix: mend its attributes."
            )
        found |= {"y": dim} if vertical else {"x": dim} if level else {}
    if set(found) != {"x", "y"} or any(dim not in array.coords for dim in found.values()):
        dims = ", ".join(map(str, array.dims))
        raise AlignmentError(
            f"Expected axes with coordinates, latitude and longitude or y and x, found {dims} in {name}; fix: name them so."
        )
    return found["y"], found["x"]


def _transform(dataset: xr.Dataset, array: xr.DataArray, y: str, x: str, name: str) -> Affine:
    """Affine transform of the pixels' edges, out of their centres."""
    from affine import Affine

    steps, starts = [], []
    for dim in (x, y):
        centres = array[dim].values.astype(np.float64)
        if centres.size < 2 or not np.isfinite(centres).all():
            raise AlignmentError(
                f"Expected at least two finite coordinates, found {centres.size} along {dim} of {name}; fix: export it again."
            )
        step = float(centres[-1] - centres[0]) / (centres.size - 1)
        # float32 coordinates drift by 1e-7 of their size
        tolerance = 0.01 * abs(step) + 4 * np.finfo(np.float32).eps * float(np.abs(centres).max())
        if step == 0.0 or np.abs(centres - (centres[0] + step * np.arange(centres.size))).max() > tolerance:
            raise AlignmentError(f"Expected evenly spaced coordinates, found others along {dim} of {name}; fix: regrid it.")
        _check_centres(dataset, array, dim, centres, step, name)
        steps.append(step)
        starts.append(float(centres[0]) - step / 2)
    latitudes = array[y].values
    if _degrees(array, y, x) and float(np.abs(latitudes).max()) > 90.5:
        found = f"{float(latitudes.min()):g} to {float(latitudes.max()):g}"
        raise AlignmentError(f"Expected latitudes from -90 to 90, found {found} in {name}; fix: latitude and longitude may be swapped.")
    return Affine(steps[0], 0.0, starts[0], 0.0, steps[1], starts[1])


def _check_centres(dataset: xr.Dataset, array: xr.DataArray, dim: str, centres: NDArray[np.float64], step: float, name: str) -> None:
    """Refuse coordinates that aren't the centres of the pixels, by the bounds or the transform that the file declares."""
    fix = "export it with the centres of the pixels as coordinates"
    bounds = dataset.get(str(array[dim].attrs.get("bounds", "")))
    if bounds is not None and np.abs(bounds.values.mean(axis=-1) - centres).max() > 0.02 * abs(step):
        raise AlignmentError(f"Expected {dim} of {name} at the middle of its bounds, found them apart; fix: {fix}.")
    mapping = dataset.variables.get(str(array.attrs.get("grid_mapping", "")))
    text = str(mapping.attrs.get("GeoTransform", "")) if mapping is not None else ""
    try:
        numbers = [float(item) for item in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) == 6:
        start, pixel = (numbers[0], numbers[1]) if dim == array.dims[-1] else (numbers[3], numbers[5])
        ends = {start + pixel / 2, start + pixel * (centres.size - 0.5)}
        if min(abs(centres[0] - end) for end in ends) > 0.02 * abs(step):
            raise AlignmentError(f"Expected {dim} of {name} where its GeoTransform has them, found them apart; fix: {fix}.")


def _degrees(array: xr.DataArray, y: str, x: str) -> bool:
    """Whether both axes say that they are degrees."""
    named = {y.lower(), x.lower()} <= {"lat", "latitude", "lon", "longitude"}
    return named or all(str(array[dim].attrs.get("units", "")).lower().startswith("degree") for dim in (y, x))


def _crs(dataset: xr.Dataset, array: xr.DataArray, y: str, x: str, name: str) -> str:
    """Coordinate system of the grid mapping; longitude and latitude by CF are those of WGS 84."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    mapping = dataset.variables.get(str(array.attrs.get("grid_mapping", "")))
    attrs = dict(mapping.attrs) if mapping is not None else {}
    text = attrs.get("crs_wkt") or attrs.get("spatial_ref") or dataset.attrs.get("crs")
    try:
        if text:
            return str(CRS.from_user_input(str(text)).to_wkt())
        if attrs.get("grid_mapping_name"):
            return str(CRS.from_cf(attrs).to_wkt())
    except (CRSError, KeyError, ValueError):
        raise AlignmentError(f"Expected a known CRS, found another one in {name}; fix: write crs_wkt into its grid mapping.") from None
    if _degrees(array, y, x):
        return str(CRS.from_epsg(4326).to_wkt())
    raise AlignmentError(
        f"Expected a raster with a CRS, found none in {name}; fix: write a grid mapping, or units degrees_north and _east."
    )


def _read(array: xr.DataArray, name: str, nodata: float | None, window: Window) -> NDArray[np.float64]:
    """Values as float64 with NaN for no data; the packing of the file is undone here, once."""
    rows, columns = slice(window.top, window.top + window.height), slice(window.left, window.left + window.width)
    try:
        stored = array[rows, columns].values
    except MemoryError:
        raise
    except Exception:
        # a damaged chunk ends in one of a dozen errors of the libraries below
        raise CatalogError(f"Expected all of {name}, found damaged or absent parts; fix: download or export it again.") from None
    values: NDArray[np.float64] = stored.astype("float64")
    mask = ~np.isfinite(values)
    for value in (array.attrs.get("_FillValue"), array.attrs.get("missing_value"), nodata):
        for each in np.atleast_1d(value) if value is not None else ():
            mask |= values == float(stored.dtype.type(each)) if stored.dtype.kind == "f" else values == float(each)
    refuse_sentinels(values[~mask], stored.dtype, name)
    values = values * float(array.attrs.get("scale_factor", 1.0)) + float(array.attrs.get("add_offset", 0.0))
    values[mask] = np.nan
    return values
