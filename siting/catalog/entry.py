"""Catalog entries: what a dataset is, where it comes from, how far to trust it, and the checksum of its file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from siting.catalog.yamlfile import read_model
from siting.vocabulary import CatalogError, IntegrityError, Parameters

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Kind = Literal["real", "interpolated", "synthetic", "recalled", "user"]
Confidence = Literal["high", "medium", "low"]


class Origin(Parameters):
    """Package or publication that a file was built from."""

    package: Text = Field(description="package or publication")
    version: Text = Field(description="version or date")


class Quantity(Parameters):
    """One variable of an entry."""

    unit: str = Field(description="unit after opening, empty for text")
    description: Text = Field(description="meaning and conventions")
    stored: Text | None = Field(default=None, description="name in the file, if it differs")
    stored_unit: str | None = Field(default=None, description="unit in the file, if it differs")
    source: Text | None = Field(default=None, description="source of this variable, if it differs from the entry's")
    confidence: Confidence | None = Field(default=None, description="trust in this variable, if it differs from the entry's")


class Entry(Parameters):
    """One dataset of the catalog."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] = Field(description="name of the entry and of its YAML file")
    title: Text = Field(description="title for people")
    provider: Text = Field(description="who made the data")
    kind: Kind = Field(description="how the values came about")
    licence: Text = Field(description="licence of the data")
    citation: Text = Field(description="how to cite the data")
    url: Text | None = Field(default=None, description="home of the data")
    origin: tuple[Origin, ...] = Field(min_length=1, description="what the file was built from")
    file: Text = Field(description="path of the data file, relative to the catalog")
    format: Literal["csv", "geojson", "netcdf.gz"] = Field(description="format of the data file")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(description="checksum of the data file")
    native_resolution: Text = Field(description="resolution of the source and of the file")
    period: Text = Field(description="years that the values stand for")
    time_convention: Text = Field(description="what a time label means")
    crs: Text = Field(description="coordinate system, or none")
    variables: dict[str, Quantity] = Field(min_length=1, description="variables by name")
    known_weaknesses: tuple[Text, ...] = Field(min_length=1, description="what the data are not")
    confidence: Confidence = Field(description="trust in the values")

    @field_validator("file")
    @classmethod
    def _inside_the_catalog(cls, file: str) -> str:
        parts = Path(file).parts
        if (
            not parts
            or "\\" in file
            or ":" in file
            or "\0" in file
            or Path(file).is_absolute()
            or ".." in parts
            or parts[0].startswith("~")
        ):
            raise ValueError("name a file inside the catalog folder, such as files/places.csv")
        return file

    def source(self, variables: tuple[str, ...] = ()) -> dict[str, object]:
        """State what a product that uses this entry must say about it."""
        return {
            "id": self.id,
            "title": self.title,
            "kind": self.kind,
            "licence": self.licence,
            "citation": self.citation,
            "sha256": self.sha256,
            "note": " ".join(self.known_weaknesses),
            "variables": list(variables or self.variables),
        }


def read_entry(path: Path) -> Entry:
    """Read and validate the entry of one YAML file.

    Raises
    ------
    CatalogError
        In one line with file, line and key: syntax, unknown key, missing key, value out of bounds, other id than the file name.
    """
    entry, lines = read_model(path, Entry, CatalogError)
    if entry.id != path.stem:
        raise CatalogError(f"{path.name}:{lines[('id',)]}: expected the id {path.stem!r}, found {entry.id!r}; fix: name file and id alike.")
    return entry


def verified_bytes(entry: Entry, folder: Path) -> bytes:
    """Content of an entry's file, after its checksum was compared.

    Raises
    ------
    CatalogError
        If the file is missing or lies outside the catalog.
    IntegrityError
        If its bytes differ from the recorded checksum.
    """
    path = (folder / entry.file).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise CatalogError(f"Expected the file of {entry.id} inside the catalog, found a link out of it; fix: copy the file.")
    if not path.is_file():
        raise CatalogError(f"Expected the file of {entry.id} at {entry.file}, found none; fix: reinstall, or run scripts/build_catalog.")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise IntegrityError(
            f"Expected sha256 {entry.sha256[:12]}... of {entry.file}, found {found[:12]}...; fix: reinstall, or run scripts/build_catalog."
        )
    return content
