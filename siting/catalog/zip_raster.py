"""Rasters inside a zip that can't be read in parts, such as the Global Solar Atlas: downloaded once, verified, cropped."""

from __future__ import annotations

import functools
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from siting.catalog.cache import Bounds, Piece, checksum, publish, writing
from siting.catalog.rasters import crop
from siting.catalog.redaction import redact
from siting.vocabulary import FetchError

if TYPE_CHECKING:
    from siting.catalog.remote import RemoteEntry
    from siting.catalog.transport import Transport

_LARGEST_RATIO = 200


def pieces(entry: RemoteEntry, bounds: Bounds, folder: Path, transport: Transport) -> list[Piece]:
    """One crop per variable; the zips are kept in ``folder``."""
    found = []
    for name, variable in entry.variables.items():
        url = entry.address(variable=variable.stored[0])
        edges = "_".join(f"{edge:g}" for edge in bounds)
        load = functools.partial(_load, entry, url, variable.stored[0], bounds, folder / f"{name}.zip", transport)
        found.append(Piece(f"{name}_{edges}.tif", redact(url), entry.bytes_per_piece, load))
    return found


def _load(entry: RemoteEntry, url: str, variable: str, bounds: Bounds, path: Path, transport: Transport) -> bytes:
    import rasterio

    _keep_zip(entry, url, path, transport)
    try:
        with zipfile.ZipFile(path) as archive:
            info = _member(archive, entry, variable, redact(url))
            # unpacked beside the zip, and verified by the archive's own checksum at its end
            with writing(path.with_suffix(".tif")) as unpacked:
                with archive.open(info) as packed, unpacked.open("wb") as target:
                    while block := packed.read(1 << 20):
                        target.write(block)
                with rasterio.open(unpacked, driver="GTiff") as source:
                    content = crop(source, bounds, entry.nodata, redact(url))
            path.with_suffix(".tif").unlink()
            return content
    except (zipfile.BadZipFile, rasterio.errors.RasterioError):
        path.unlink(missing_ok=True)
    raise FetchError(f"Expected a zip with a sound GeoTIFF at {redact(url)}, found a damaged one; fix: fetch again.")


def _keep_zip(entry: RemoteEntry, url: str, path: Path, transport: Transport) -> None:
    """Download the zip, unless it is there with the checksum that it came with; a broken download goes on."""
    record = path.with_suffix(".zip.sha256")
    if path.is_file() and record.is_file() and checksum(path) == record.read_text(encoding="ascii"):
        return
    record.unlink(missing_ok=True)
    body = transport.download(url, path, entry.sha256)
    publish(record, body.sha256.encode())


def _member(archive: zipfile.ZipFile, entry: RemoteEntry, variable: str, title: str) -> zipfile.ZipInfo:
    """The one member, if it is an honest one: only its bytes are read, its path never becomes one of ours."""
    wish = (entry.member or "{variable}.tif").format(variable=variable)
    found = [info for info in archive.infolist() if os.path.basename(info.filename) == wish]  # noqa: PTH119
    if len(found) != 1:
        raise FetchError(f"Expected one {wish} in {title}, found {len(found)}; fix: check the entry.")
    (info,) = found
    if info.flag_bits & 1 or info.file_size > _LARGEST_RATIO * max(info.compress_size, 1):
        raise FetchError(f"Expected a plain {wish} in {title}, found it encrypted or blown up; fix: check the address.")
    return info
