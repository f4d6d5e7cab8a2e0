"""Rasters of datasets that were fetched: how a study names them, and where they are found again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, field_validator, model_validator

from siting.catalog import RemoteEntry, remote_entry
from siting.catalog.cache import Area, cache_root, checksum, fetched_file
from siting.vocabulary import CatalogError, Parameters, StudyError


class FetchedRaster(Parameters):
    """A raster of a dataset of the catalog, as `siting fetch` has put it into the cache."""

    dataset: str = Field(min_length=1, description="Id of a dataset that can be fetched, see `siting catalog list`.")
    _name: str = PrivateAttr(default="")
    _area: Area = PrivateAttr(default=Area((0.0, 0.0, 0.0, 0.0), (), 0.0))
    _cache: Path = PrivateAttr(default=Path())

    @field_validator("dataset")
    @classmethod
    def _known(cls, dataset: str) -> str:
        entry = named_entry(dataset)
        if entry.hourly:
            raise StudyError(f"expected a dataset of rasters, found the hourly weather {dataset!r}; name it as weather.dataset")
        return dataset

    @model_validator(mode="before")
    @classmethod
    def _no_path(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "path" in data:
            raise ValueError("expected a path or a dataset, found both; remove one of them")
        return data

    def placed(self, name: str, area: Area) -> FetchedRaster:
        """The variable of a name in a region."""
        entry = remote_entry(self.dataset)
        if name not in entry.variables:
            raise StudyError(f"expected {name} of one of the datasets that have it, found {self.dataset} with {', '.join(entry.variables)}")
        copy = self.model_copy()
        copy._name, copy._area, copy._cache = name, area, cache_root()
        return copy

    @property
    def path(self) -> str:
        """How the raster is called in messages."""
        return f"{self.dataset}/{self._name}"

    @property
    def file(self) -> Path:
        """The raster in the cache, verified."""
        return fetched_file(remote_entry(self.dataset), self._area, f"{self._name}.tif", self._cache)

    @property
    def unit(self) -> str:
        """Unit of the raster."""
        return remote_entry(self.dataset).variables[self._name].unit

    @property
    def legend(self) -> str:
        """Name of the legend of classes; none for numbers."""
        return remote_entry(self.dataset).legend or ""

    @property
    def band(self) -> int:
        """Band of the raster."""
        return 1

    @property
    def layer(self) -> str | None:
        """The raster is a GeoTIFF."""
        return None

    @property
    def nodata(self) -> float | None:
        """The raster declares its own."""
        return None

    def source(self, *names: str) -> dict[str, Any]:
        """State what the variables come from."""
        return remote_entry(self.dataset).source(names, checksum(self.file))


def named_entry(dataset: str) -> RemoteEntry:
    """Dataset that a study names.

    Raises
    ------
    StudyError
        If there is none of that id; the text names the nearest one.
    """
    try:
        return remote_entry(dataset)
    except CatalogError as error:
        text = str(error)
    raise StudyError(f"{text[:1].lower()}{text[1:]}")


def form_of_raster(value: Any) -> str:
    """Tag of a raster in a study: a file, or a dataset that was fetched."""
    given = value if isinstance(value, Mapping) else {"dataset"} if isinstance(value, FetchedRaster) else {}
    return "<dataset>" if "dataset" in given else "<file>"
