"""Files of the user's that a study names by address: fetched once, verified, and found again by every run.

Keys stay out of studies: an address names environment variables in braces, such as ``https://host/roads.gpkg?token={TOKEN}``.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from siting.catalog.cache import Piece, piece_record
from siting.vocabulary import CatalogError, FetchError, IntegrityError

if TYPE_CHECKING:
    from siting.catalog.transport import Body, Transport

#: Ending of a file -> how its bytes may begin.
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    ".tif": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ".nc": (b"\x89HDF\r\n\x1a\n", b"CDF"),
    ".gpkg": (b"SQLite format 3\0",),
    ".geojson": (b"{",),
    ".parquet": (b"PAR1",),
}
_SAME = {".tiff": ".tif", ".json": ".geojson", ".geoparquet": ".parquet"}
_NAMED = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
_SECRET = re.compile(r"(?i)key|token|sig|secret|password|credential")


def is_address(path: str) -> bool:
    """Whether a path of a study is an address on the web."""
    return path.lower().startswith(("http://", "https://"))


def check_address(address: str) -> None:
    """Refuse an address that no file can come from, or that holds a key.

    Raises
    ------
    CatalogError
        The text shows no key.
    """
    parts = urlsplit(_NAMED.sub("", address))
    shown = f"{parts.hostname}{parts.path}"
    if parts.hostname is None or re.search(r"[\s\\]", address):
        raise CatalogError("Expected an address such as https://host/roads.gpkg, found one without a host; fix: check it.")
    literal = [name for name, value in parse_qsl(urlsplit(address).query) if _SECRET.search(name) and not _NAMED.fullmatch(value)]
    if parts.username is not None or parts.password is not None or literal:
        fix = "write {NAME} in its place, and set the environment variable NAME"
        raise CatalogError(f"Expected an address without keys, found one in that of {shown!r}; fix: {fix}.")
    if _is_link_local(parts.hostname):
        raise CatalogError(f"Expected a server of data, found {parts.hostname}, an address of this machine's network; fix: check it.")
    if _ending(parts.path) not in _BEGINNINGS:
        raise CatalogError(
            f"Expected the address of one file ending in {', '.join([*_BEGINNINGS, *_SAME])}, found {shown!r}; "
            "fix: download it, unpack it, and name its path."
        )


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def _ending(path: str) -> str:
    suffix = Path(path).suffix.lower()
    return _SAME.get(suffix, suffix)


@dataclass(frozen=True)
class AddressedFile:
    """A file at an address, and where the cache keeps it."""

    address: str
    cache: Path

    @property
    def name(self) -> str:
        """Name of the file, as the address ends."""
        return re.sub(r"[^\w.-]", "_", Path(urlsplit(_NAMED.sub("", self.address)).path).name)[-80:]

    @property
    def folder(self) -> Path:
        """Folder of the file, a function of its address as the study has it."""
        return self.cache / "files" / hashlib.sha256(self.address.encode()).hexdigest()[:16]

    def piece(self, transport: Transport) -> Piece:
        """The download, which goes on where an earlier one was broken off."""
        return Piece(self.name, self.address, 0, lambda: self._load(transport))

    def _load(self, transport: Transport) -> Body:
        from siting.catalog.redaction import silence_keys

        keys = {name: key_of_environment(name) for name in _NAMED.findall(self.address)}
        silence_keys(tuple(keys.values()))
        path = self.folder / self.name
        body = transport.download(_NAMED.sub(lambda match: keys[match[1]], self.address), path)
        with path.open("rb") as stream:
            start = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start.startswith(_BEGINNINGS[_ending(self.name)]):
            path.unlink()
            raise FetchError(
                f"Expected a file like its ending {Path(self.name).suffix} at {self.address}, found other bytes; fix: check it."
            )
        return body

    @property
    def file(self) -> Path:
        """The file, unchanged since it was fetched.

        Raises
        ------
        CatalogError
            If it wasn't fetched.
        IntegrityError
            If it was changed.
        """
        there = self.folder / self.name
        if piece_record(self.folder, self.name) is not None:
            return there
        if there.is_file():
            raise IntegrityError(f"Expected {self.name} of {self.address} as it was fetched, found it changed; fix: run `siting fetch`.")
        raise CatalogError(f"Expected {self.address} in the cache, found none; fix: run `siting fetch` on the study.")


def key_of_environment(name: str) -> str:
    """Key that an environment variable holds, fit for an address or a header.

    Raises
    ------
    FetchError
        If there is none, or it holds what neither may; the text doesn't show it.
    """
    key = os.environ.get(name, "")
    if not key:
        raise FetchError(f"Expected a key in the environment variable {name}, found none; fix: set it.")
    if not all("\x20" <= character <= "\x7e" for character in key):
        raise FetchError(f"Expected a key of plain printable characters in {name}, found others; fix: copy it again, without line ends.")
    return key
