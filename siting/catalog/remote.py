"""Entries of datasets that are fetched: where they are, in which units and hours, and what they are not."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from siting.catalog.entry import Confidence, Kind, Text
from siting.catalog.yamlfile import read_model
from siting.vocabulary import CatalogError, Parameters

#: Environment variable with folders of the user's own entries, separated like PATH.
CATALOG_FOLDERS = "SITING_CATALOG"
#: Environment variable, followed by the id in capitals, with another base in place of an entry's own.
BASE_VARIABLE = "SITING_URL_"

_WHAT_IT_SAYS = {
    "title",
    "provider",
    "licence",
    "citation",
    "home",
    "native_resolution",
    "known_weaknesses",
    "confidence",
    "redirects",
    "legend",
}


class Fetched(Parameters):
    """One variable of a remote dataset."""

    stored: tuple[Text, ...] = Field(min_length=1, max_length=2, description="name at the source; two are the components of a wind")
    unit: Text = Field(description="unit at the source")
    stamps: Literal["start", "middle", "end", "instant", "none"] = Field(description="what a time label means at the source")
    description: Text = Field(description="meaning and conventions")


class RemoteEntry(Parameters):
    """One dataset that is fetched."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] = Field(description="name of the entry and of its YAML file")
    title: Text = Field(description="title for people")
    provider: Text = Field(description="who makes the data")
    kind: Kind = Field(description="how the values came about")
    version: Text = Field(description="version of the data and of this entry; another one is fetched anew")
    licence: Text = Field(description="licence of the data")
    citation: Text = Field(description="how to cite the data")
    home: Text = Field(description="page of the data, for people")
    adapter: Literal["power_points", "zarr_region", "cog_window", "zip_raster", "dem_tiles", "class_tiles", "pvgis_points", "epw_file"] = (
        Field(description="how the data are fetched")
    )
    base: Text = Field(description="first part of all addresses; the environment may name another")
    url: Text = Field(description="rest of the address, with fields in braces such as {latitude}")
    variables: dict[str, Fetched] = Field(min_length=1, description="variables by the toolkit's name")
    crs: Text = Field(description="coordinate system at the source")
    nodata: float | None = Field(default=None, description="stored value that means no data, where the source doesn't declare it")
    native_resolution: Text = Field(description="resolution, for people")
    step: tuple[float, float] | None = Field(default=None, description="distance of points in latitude and longitude [degree]")
    tile_degrees: int = Field(default=1, ge=1, le=30, description="edge of a tile [degree]")
    years: tuple[int, int] | None = Field(default=None, description="first and last year")
    coverage: tuple[float, float, float, float] = Field(description="west, south, east, north [degree]")
    member: Text | None = Field(default=None, description="name of the raster inside a zip")
    classes: dict[str, Text] = Field(default={}, description="class numbers and their names")
    legend: Text | None = Field(default=None, description="legend that says what the classes are to the rules of land")
    missing_tiles: Literal["refuse", "sea"] = Field(default="refuse", description="what a tile that the server lacks means")
    missing_chunks: Literal["refuse", "empty"] = Field(default="refuse", description="what a Zarr chunk that the server lacks means")
    hold_last: bool = Field(default=False, description="whether the last hour may be held where the next year is missing")
    etag: Literal["opaque", "md5"] = Field(default="opaque", description="whether the server's ETag is the MD5 of the file")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(default=None, description="checksum of the file")
    redirects: tuple[Text, ...] = Field(default=(), description="other hosts that the server may point to")
    key_variable: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = Field(
        default=None, description="environment variable that holds the user's key"
    )
    key_header: Text = Field(default="Authorization", description="header that carries the key")
    bytes_per_piece: int = Field(gt=0, description="typical size of one download, for the plan")
    known_weaknesses: tuple[Text, ...] = Field(min_length=1, description="what the data are not")
    confidence: Confidence = Field(description="trust in the values")

    @field_validator("base")
    @classmethod
    def _plain_address(cls, base: str) -> str:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https", "s3") or not parts.netloc:
            raise ValueError("begin the address with https://, http:// or s3:// and a host")
        if parts.username or parts.password or parts.query:
            raise ValueError("keep keys out of the catalog; name their environment variable as key_variable")
        return base.rstrip("/")

    @field_validator("coverage")
    @classmethod
    def _ordered(cls, bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        west, south, east, north = bounds
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise ValueError("give west, south, east, north in degrees")
        return bounds

    @model_validator(mode="after")
    def _hours_have_stamps(self) -> RemoteEntry:
        for name, variable in self.variables.items():
            if (variable.stamps == "none") == self.hourly:
                raise ValueError(f"state the stamps of {name}: start, middle, end or instant for hours, none for rasters")
        if not (self.adapter == "class_tiles") == bool(self.classes) == (self.legend is not None):
            raise ValueError("state classes and legend of a dataset of classes, and of no other")
        if self.adapter in ("power_points", "pvgis_points") and self.step is None:
            raise ValueError("state the step of the points in degrees")
        return self

    @property
    def hourly(self) -> bool:
        """Whether the dataset is hourly weather; else it is rasters."""
        return self.adapter in ("power_points", "zarr_region", "pvgis_points", "epw_file")

    @property
    def tiled(self) -> bool:
        """Whether it comes in tiles, which are put together."""
        return self.adapter in ("dem_tiles", "class_tiles")

    @property
    def fingerprint(self) -> str:
        """Hash of all that the fetched bytes depend on."""
        content = self.model_dump(mode="json", exclude=_WHAT_IT_SAYS)
        for variable in content["variables"].values():
            del variable["description"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def address(self, template: str | None = None, **fields: object) -> str:
        """Whole address, on the base that the environment names, if any."""
        base = os.environ.get(f"{BASE_VARIABLE}{self.id.upper()}", self.base).rstrip("/")
        return f"{base}/{(template or self.url).format(**fields)}"

    def source(self, variables: tuple[str, ...], sha256: str) -> dict[str, object]:
        """State what a product that uses this dataset must say about it."""
        return {
            "id": self.id,
            "title": f"{self.title} ({self.version})",
            "kind": self.kind,
            "licence": self.licence,
            "citation": self.citation,
            "sha256": sha256,
            "note": " ".join(self.known_weaknesses),
            "variables": list(variables),
        }


def remote_entries(root: Path, extra: Path | None = None) -> dict[str, RemoteEntry]:
    """All remote entries by id: the shipped ones and those of the user's folders.

    Parameters
    ----------
    root : Path
        Folder of the shipped catalog.
    extra : Path, optional
        Another folder of the user's, beside those of `SITING_CATALOG`.

    Raises
    ------
    CatalogError
        If an entry is malformed, a folder is missing, or a user's entry has the id of another one.
    """
    found: dict[str, Path] = {}
    shipped = {path.stem for path in root.glob("*.yaml")}
    for folder in (root / "remote", *user_folders(extra)):
        if not folder.is_dir():
            raise CatalogError(f"Expected a folder of catalog entries at {str(folder)!r}, found none; fix: check the path.")
        for path in sorted(folder.glob("*.yaml")):
            if path.stem in found or path.stem in shipped:
                raise CatalogError(f"Expected an id of its own for {str(path)!r}, found {path.stem!r} taken; fix: rename the entry.")
            found[path.stem] = path
    return {name: _read(path) for name, path in sorted(found.items())}


def user_folders(extra: Path | None = None) -> list[Path]:
    """Folders of the user's own entries."""
    named = [Path(item) for item in os.environ.get(CATALOG_FOLDERS, "").split(os.pathsep) if item]
    return [*named, *([extra] if extra is not None and extra not in named else [])]


def remote_entry(name: str, root: Path, extra: Path | None = None) -> RemoteEntry:
    """One remote entry.

    Raises
    ------
    CatalogError
        If the id is unknown, the text names the nearest one; or if an entry is malformed.
    """
    known = remote_entries(root, extra)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
    raise CatalogError(f"Expected the id of a dataset that can be fetched, found {name!r}; fix: {fix}")


@cache
def _read(path: Path) -> RemoteEntry:
    entry, lines = read_model(path, RemoteEntry, CatalogError)
    if entry.id != path.stem:
        raise CatalogError(f"{path.name}:{lines[('id',)]}: expected the id {path.stem!r}, found {entry.id!r}; fix: name file and id alike.")
    return entry
