"""The cache of fetched data: verified pieces, products made from them, and where a study finds these again.

Nothing has its name before it was verified: bytes go to a temporary file, are synced and renamed, and a piece counts only with
its record of the sha256 beside it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from siting.vocabulary import CatalogError, IntegrityError, OutputError, ResourceError, SitingError

if TYPE_CHECKING:
    from siting.catalog.remote import RemoteEntry
    from siting.catalog.transport import Body

#: Environment variable with the folder of the cache.
CACHE = "SITING_CACHE"
MANIFEST = "manifest.json"

Bounds = tuple[float, float, float, float]


class Area(NamedTuple):
    """What is fetched for a region: bounds [degree], and of tiles those of its provinces, with a margin around them [degree]."""

    bounds: Bounds
    provinces: tuple[str, ...]
    margin: float


@dataclass(frozen=True)
class Piece:
    """One download: the name of its file, its address (as shown, without keys), its likely size, and how it is loaded.

    Loading gives the bytes, or says what it has put in the place of the file itself.
    """

    name: str
    url: str
    estimate: int
    load: Callable[[], bytes | Body] = field(repr=False)


def cache_root() -> Path:
    """Folder of the cache: `SITING_CACHE`, else ``siting`` in the user's cache folder."""
    named = os.environ.get(CACHE)
    if named:
        return Path(named).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "siting"


def product_folder(entry: RemoteEntry, area: Area, root: Path | None = None) -> Path:
    """Folder of what was made of a dataset for a region; a function of both, so that a run finds what a fetch wrote."""
    tiles = [area.provinces, round(area.margin, 4)] if entry.tiled else []
    text = json.dumps([entry.fingerprint, [float(edge) for edge in area.bounds], *tiles])
    return (root or cache_root()) / entry.id / hashlib.sha256(text.encode()).hexdigest()[:16]


def pieces_folder(entry: RemoteEntry, root: Path | None = None) -> Path:
    """Folder of the pieces of a dataset, which all regions share."""
    return (root or cache_root()) / entry.id / f"pieces-{entry.fingerprint[:16]}"


def publish(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    ResourceError, OutputError
        If the disk is full, or the folder can't be written.
    """
    with writing(path) as temporary:
        temporary.write_bytes(content)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Temporary file beside ``path``, which gets that name, synced, if all goes well."""
    with disk_errors(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            put(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def put(temporary: Path, path: Path) -> None:
    """Give a file that is whole its name, on the disk too."""
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Errors of the disk as errors that say what to do.

    Raises
    ------
    ResourceError, OutputError
        If the disk is full, or the folder can't be written.
    """
    try:
        yield
    except SitingError:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ResourceError(f"Expected room in the cache {str(folder)!r}, found none; fix: free some, or set {CACHE}.") from None
        raise OutputError(f"Expected to write {str(folder)!r}, found {error.strerror or error}; fix: set {CACHE}.") from None


@contextlib.contextmanager
def sole_writer(root: Path) -> Iterator[None]:
    """Hold a cache, so that no other process writes into it; the hold ends with the process, however that ends.

    Raises
    ------
    OutputError
        If another process holds it; the text says which.
    """
    import fcntl

    with disk_errors(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (root / ".lock").open("a+", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                holder = stream.read().strip() or "another process"
                fix = "wait until it ends, or name another cache with --cache"
                raise OutputError(f"Expected the cache {str(root)!r} to be free, found {holder} writing into it; fix: {fix}.") from None
            stream.truncate(0)
            stream.write(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC).isoformat(timespec='seconds')}")
            stream.flush()
            yield


def sync(path: Path) -> None:
    """Bring a file or folder to the disk."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checksum(path: Path) -> str:
    """Sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def piece_record(folder: Path, name: str) -> dict[str, Any] | None:
    """Record of a piece that is there whole and unchanged; None if it must be loaded."""
    try:
        record: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        return record if checksum(folder / name) == record["sha256"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_piece(folder: Path, piece: Piece) -> dict[str, Any]:
    """Load a piece and keep it, its record last."""
    loaded = piece.load()
    if isinstance(loaded, bytes):
        publish(folder / piece.name, loaded)
        sha256, size = hashlib.sha256(loaded).hexdigest(), len(loaded)
    else:
        sha256, size = loaded.sha256, loaded.total
    record = {
        "piece": piece.name,
        "url": piece.url,
        "sha256": sha256,
        "bytes": size,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    publish(folder / f"{piece.name}.json", json.dumps(record, indent=1).encode())
    return record


def write_manifest(folder: Path, entry: RemoteEntry, bounds: Bounds, files: dict[str, str], sources: list[dict[str, Any]]) -> None:
    """Say what a product is made of; written last, so that a product without it is none."""
    manifest = {
        "entry": entry.id,
        "version": entry.version,
        "fingerprint": entry.fingerprint,
        "title": entry.title,
        "licence": entry.licence,
        "citation": entry.citation,
        "bounds": list(bounds),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": files,
        "sources": sources,
    }
    publish(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Manifest of a product; None if there is none.

    Raises
    ------
    IntegrityError
        If it can't be read.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        if not isinstance(manifest["files"], dict) or not isinstance(manifest["sources"], list):
            raise TypeError
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise IntegrityError(f"Expected a manifest in {folder.parent.name}/{folder.name}, found other bytes; fix: fetch again.") from None
    return manifest


def fetched_file(entry: RemoteEntry, area: Area, name: str, root: Path | None = None) -> Path:
    """File of a fetched product, unchanged since it was made.

    Raises
    ------
    CatalogError
        If it wasn't fetched.
    IntegrityError
        If it was changed.
    """
    folder = product_folder(entry, area, root)
    manifest = read_manifest(folder)
    if manifest is None or name not in manifest["files"]:
        raise CatalogError(f"Expected {entry.id} ({name}) for this region in the cache, found none; fix: run `siting fetch` on the study.")
    path = folder / name
    if not path.is_file() or checksum(path) != manifest["files"][name]:
        raise IntegrityError(f"Expected {entry.id}/{folder.name}/{name} as it was made, found it changed or gone; fix: fetch again.")
    return path
