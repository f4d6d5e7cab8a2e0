"""The record that makes a year of a weather store complete, and a store that believes no byte without it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zarr.storage import LocalStore

from siting.vocabulary import IntegrityError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype
    from zarr.core.common import BytesLike

#: Name of the record inside the folder of a year; it is written last.
RECORD = "complete.json"


def file_checksums(folder: Path) -> dict[str, str]:
    """Sha256 of every file of a year's folder by its path inside, but for the record."""
    return {name: _checksum((folder / name).read_bytes()) for name in _names(folder)}


def _names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != RECORD:
            yield name


def _checksum(content: BytesLike) -> str:
    return hashlib.sha256(content).hexdigest()


def read_record(folder: Path) -> tuple[dict[str, Any], str]:
    """Record of a year's folder, and the record's own sha256.

    Raises
    ------
    IntegrityError
        If there is none: the year was not written to its end; or if it can't be read.
    """
    try:
        content = (folder / RECORD).read_bytes()
    except FileNotFoundError:
        text = f"Expected {RECORD} in {folder.parent.name}/{folder.name}, found none: the year is incomplete; write it again."
        raise IntegrityError(text) from None
    try:
        record = json.loads(content)
        files = record["files"]
    except (ValueError, KeyError, TypeError):
        text = f"Expected a record of checksums in {folder.parent.name}/{folder.name}/{RECORD}, found other bytes; write the year again."
        raise IntegrityError(text) from None
    if not isinstance(files, dict):
        raise IntegrityError(f"Expected checksums by file in {folder.name}/{RECORD}, found {type(files).__name__}; write the year again.")
    return record, _checksum(content)


class VerifiedStore(LocalStore):
    """A read-only store of one year whose bytes are compared with the record, file by file, as they are read."""

    def __init__(self, root: Path | str, *, read_only: bool = True) -> None:
        super().__init__(root, read_only=read_only)
        record, self.record_sha256 = read_record(self.root)
        self.files: dict[str, str] = record["files"]

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:  # fmt: skip
        """Content of a file, verified; what the record doesn't list isn't there."""
        if self._unlisted(key):
            return None
        return self._verified(key, await super().get(key, prototype, None), byte_range)

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:  # fmt: skip
        """As :meth:`get`, without an event loop."""
        if self._unlisted(key):
            return None
        return self._verified(key, super().get_sync(key, prototype=prototype), byte_range)

    async def exists(self, key: str) -> bool:
        """Whether the record lists a file."""
        return key in self.files

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names in a folder of the year, but for the record."""
        async for name in super().list_dir(prefix):
            if name != RECORD:
                yield name

    def _unlisted(self, key: str) -> bool:
        # zarr would read NaN for a chunk that is missing; here every chunk is written
        unlisted = key not in self.files
        if unlisted and "/c/" in key:
            raise IntegrityError(f"Expected {key} in the record of {self._title}, found none; write the year again.")
        return unlisted

    def _verified(self, key: str, content: Buffer | None, byte_range: ByteRequest | None) -> Buffer:
        if content is None:
            raise IntegrityError(f"Expected the file {key} in {self._title}, found none; copy or write the year again.")
        if byte_range is not None:
            raise IntegrityError(f"Expected to read {key} of {self._title} whole, found a request for a part; the store isn't sharded.")
        expected, found = self.files[key], _checksum(content.as_buffer_like())
        if found != expected:
            raise IntegrityError(
                f"Expected sha256 {expected[:12]}... of {key} in {self._title}, found {found[:12]}...; copy or write the year again."
            )
        return content

    @property
    def _title(self) -> str:
        return f"{self.root.parent.name}/{self.root.name}"
