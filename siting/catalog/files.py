"""Paths of users' files: local files only, beside the study that names them or in a folder that the user declared."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr

from siting.catalog.addresses import AddressedFile, check_address, is_address
from siting.catalog.cache import cache_root
from siting.vocabulary import CatalogError, Parameters

#: Environment variable with further folders that studies may read from, separated like PATH.
DATA_FOLDERS = "SITING_DATA"

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+._-]*:")


class FileParameters(Parameters):
    """A user's file; a relative path is relative to the study's file, and one at an address is fetched first."""

    path: str = Field(min_length=1, description="File, relative to the study, or its address, which `siting fetch` fetches.")
    _folder: Path = PrivateAttr(default=Path())
    _cache: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember the folder of the study, which the reader passes as context, and the cache, which may be another one later."""
        self._cache = cache_root()
        if isinstance(context, Mapping) and "folder" in context:
            self._folder = Path(context["folder"])

    @property
    def file(self) -> Path:
        """The file's whole path; that in the cache, verified, if it comes from an address."""
        return AddressedFile(self.path, self._cache).file if is_address(self.path) else self._folder / self.path

    def statement(self, title: str, variables: tuple[str, ...]) -> dict[str, object]:
        """State what a product that uses the file must say about it."""
        told = file_source(self.file, title, variables)
        return told | {"citation": self.path, "note": "supplied by the user, fetched from the address"} if is_address(self.path) else told


def local_file(path: str | Path, suffixes: tuple[str, ...], folder: Path | None = None) -> Path:
    """Resolve the path of a user's file.

    Parameters
    ----------
    path : str or Path
        As the user wrote it. A study (with `folder`) may only name files inside its folder and the folders of `SITING_DATA`.
    suffixes : tuple of str
        Accepted endings, in lower case.
    folder : Path, optional
        Folder of the study file; relative paths start there.

    Raises
    ------
    CatalogError
        If the path is a URL, a virtual file system or a database, leaves the folder, has another ending or is no file.
    """
    text, resolved = str(path), _resolved(path, folder)
    if resolved.suffix.lower() not in suffixes:
        raise CatalogError(f"Expected a file ending in {', '.join(suffixes)}, found {text!r}; fix: convert the file.")
    try:
        there = resolved.is_file()
    except OSError as error:
        raise CatalogError(f"Expected the path of a file, found {text[:60]!r} ({error.strerror}); fix: check the path.") from None
    if not there:
        raise CatalogError(f"Expected a file at {text!r}, found none; fix: check the path.")
    return resolved


def local_folder(path: str | Path, folder: Path | None = None) -> Path:
    """Resolve the path of a user's folder, such as a weather store, by the rules of :func:`local_file`.

    Parameters
    ----------
    path : str or Path
        As the user wrote it.
    folder : Path, optional
        Folder of the study file; relative paths start there.

    Raises
    ------
    CatalogError
        If the path is a URL, a virtual file system or a database, leaves the folder of the study, or is no folder.
    """
    resolved = _resolved(path, folder)
    try:
        there = resolved.is_dir()
    except OSError as error:
        raise CatalogError(f"Expected the path of a folder, found {str(path)[:60]!r} ({error.strerror}); fix: check the path.") from None
    if not there:
        raise CatalogError(f"Expected a folder at {str(path)!r}, found none; fix: check the path.")
    return resolved


def check_path(path: str, folder: Path) -> None:
    """Refuse the path of a study's file, Zarr folder or address that can't be read; what is in it is checked when it is opened.

    Raises
    ------
    CatalogError
        As :func:`local_file`, or if an address is none of a file, or holds a key.
    """
    suffix = Path(path).suffix.lower()
    if is_address(path):
        check_address(path)
    elif suffix == ".zarr":
        local_folder(path, folder)
    else:
        local_file(path, (suffix,), folder)


def _resolved(path: str | Path, folder: Path | None) -> Path:
    """Absolute path of something local that the study may read."""
    text = str(path)
    if _SCHEME.match(text) or text.startswith(("/vsi", "\\\\", "//", "~")) or "\0" in text or "\n" in text:
        raise CatalogError(f"Expected the path of a local file, found {text!r}; fix: name its path, or an address of one file in a study.")
    resolved = (folder / path if folder else Path(path)).resolve()
    if folder and not any(resolved.is_relative_to(allowed) for allowed in _allowed(folder)):
        fix = f"put the file beside the study, or its folder into {DATA_FOLDERS}"
        raise CatalogError(f"Expected a path inside the folder of the study, found {text!r}; fix: {fix}.")
    return resolved


def _allowed(folder: Path) -> list[Path]:
    """Folders that a study may read from."""
    return [folder.resolve(), *(Path(item).resolve() for item in os.environ.get(DATA_FOLDERS, "").split(os.pathsep) if item)]


def file_source(path: Path, title: str, variables: tuple[str, ...]) -> dict[str, object]:
    """State what a product that uses a user's file must say about it."""
    return {
        "id": path.name,
        "title": title or path.name,
        "kind": "user",
        "licence": "as supplied by the user",
        "citation": path.name,
        "sha256": _checksum(path),
        "note": "supplied by the user",
        "variables": list(variables),
    }


def _checksum(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of its files' names and checksums."""
    if not path.is_dir():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    listed = "\n".join(f"{file.relative_to(path).as_posix()} {_checksum(file)}" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()
