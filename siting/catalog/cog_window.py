"""Windows of cloud-optimised GeoTIFFs, such as the Global Wind Atlas, read over HTTP in ranges."""

from __future__ import annotations

import functools
import io
from collections import OrderedDict
from typing import TYPE_CHECKING

from siting.catalog.cache import Bounds, Piece
from siting.catalog.rasters import crop
from siting.catalog.redaction import redact
from siting.vocabulary import FetchError, SitingError

if TYPE_CHECKING:
    from siting.catalog.remote import RemoteEntry
    from siting.catalog.transport import Body, Transport

_BLOCK = 1 << 18
_KEPT = 64


class RangeFile(io.RawIOBase):
    """A remote file that is read in blocks of 256 KiB, all of them of the same state of the file."""

    def __init__(self, transport: Transport, url: str) -> None:
        super().__init__()
        self._transport, self._url, self._at = transport, url, 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._first: Body | None = None
        self.failure: SitingError | None = None
        self._block(0)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            body = self._transport.get(self._url, (number * _BLOCK, (number + 1) * _BLOCK), self._first)
            self._first = self._first or body
            self._blocks[number] = body.content
            while len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    @property
    def size(self) -> int:
        """Length of the file."""
        return self._first.total if self._first else 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        """Position."""
        return self._at

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it has positions."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Bytes from the position on."""
        end = self.size if size < 0 else min(self._at + size, self.size)
        parts = []
        try:
            while self._at < end:
                start = self._at % _BLOCK
                part = self._block(self._at // _BLOCK)[start : start + end - self._at]
                self._at += len(part)
                parts.append(part)
        except SitingError as error:
            # GDAL would tell of a damaged file
            self.failure = error
            raise
        return b"".join(parts)


def pieces(entry: RemoteEntry, bounds: Bounds, years: tuple[int, ...], transport: Transport) -> list[Piece]:  # noqa: ARG001
    """One window per variable."""
    found = []
    for name, variable in entry.variables.items():
        url = entry.address(variable=variable.stored[0])
        edges = "_".join(f"{edge:g}" for edge in bounds)
        load = functools.partial(_load, entry, url, bounds, transport)
        found.append(Piece(f"{name}_{edges}.tif", redact(url), entry.bytes_per_piece, load))
    return found


def _load(entry: RemoteEntry, url: str, bounds: Bounds, transport: Transport) -> bytes:
    import rasterio

    file = RangeFile(transport, url)
    if file.read(4)[:2] not in (b"II", b"MM"):
        raise FetchError(f"Expected a GeoTIFF at {redact(url)}, found another format; fix: check the address.")
    file.seek(0)
    try:
        with rasterio.open(file, driver="GTiff") as source:
            return crop(source, bounds, entry.nodata, redact(url))
    except rasterio.errors.RasterioError:
        failure = file.failure
    if failure is not None:
        raise failure
    raise FetchError(f"Expected a readable GeoTIFF at {redact(url)}, found a damaged one; fix: fetch again later.")
