"""What a study may bring about the ground inside the cells: slope, land cover, features, and limits for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import Discriminator, Field, Tag, field_validator

from siting.catalog.fetched import FetchedRaster, form_of_raster
from siting.catalog.files import FileParameters
from siting.landcover import Technology, legend

TECHNOLOGIES: tuple[Technology, ...] = ("park", "pv", "wind")


class SlopeLayer(FileParameters):
    """A raster of slope, or of elevation from which it is computed."""

    unit: Literal["degree", "%", "m"] = Field(description="degree or % for slope, m for elevation.")
    band: int = Field(default=1, ge=1, description="Band of a GeoTIFF.")
    layer: str | None = Field(default=None, description="Variable of a NetCDF file or a Zarr store with several.")
    nodata: float | None = Field(default=None, description="Value that means no data, where the file doesn't declare it.")

    def source(self, name: str) -> dict[str, Any]:
        """State what the slopes come from."""
        return self.statement(name, (name,))


class LandCoverLayer(FileParameters):
    """A raster of classes."""

    legend: str = Field(description="Meaning of the classes, such as esa_worldcover_2021.")
    band: int = Field(default=1, ge=1, description="Band of a GeoTIFF.")
    layer: str | None = Field(default=None, description="Variable of a NetCDF file or a Zarr store with several.")
    nodata: float | None = Field(default=None, description="Value that means no data, in place of that of the legend.")

    @field_validator("legend")
    @classmethod
    def _known(cls, name: str) -> str:
        return legend(name).id

    def source(self, *names: str) -> dict[str, Any]:
        """State what the classes come from; their licence is that of the product."""
        meaning = legend(self.legend)
        return self.statement(meaning.title, names) | {"licence": meaning.licence}


#: Slope of the ground: the user's raster, or a dataset that was fetched.
AnySlope = Annotated[Annotated[SlopeLayer, Tag("<file>")] | Annotated[FetchedRaster, Tag("<dataset>")], Discriminator(form_of_raster)]

#: Classes of land cover: the user's raster, or a dataset that was fetched.
AnyLandCover = Annotated[
    Annotated[LandCoverLayer, Tag("<file>")] | Annotated[FetchedRaster, Tag("<dataset>")], Discriminator(form_of_raster)
]


class Features(FileParameters):
    """Features of the user's, such as roads or reserves: the ground around them is closed, and the distance to them is known."""

    name: str = Field(pattern=r"^[^|\n]{1,60}$", description="Name of the features, for the map.")
    kind: Literal["protected", "road", "rail", "line", "substation", "port", "settlement", "other"] = Field(description="What they are.")
    layer: str | None = Field(default=None, description="Layer of a file with several.")
    buffer_m: float = Field(default=0.0, ge=0.0, le=100_000.0, description="Ground within this distance is closed too [m].")
    closed_to: tuple[Technology, ...] = Field(default=TECHNOLOGIES, description="What may not stand there; an empty list closes nothing.")


class GroundRules(Protocol):
    """What of the limits of land the ground depends on."""

    @property
    def slope(self) -> SlopeLayer | FetchedRaster | None:
        """Slope or elevation."""

    @property
    def land_cover(self) -> LandCoverLayer | FetchedRaster | None:
        """Classes."""

    @property
    def features(self) -> Sequence[Features]:
        """Roads, reserves and the like."""

    @property
    def rules(self) -> Sequence[str]:
        """Names of rule sets."""

    @property
    def fine_m(self) -> float:
        """Cells of the fine grid [m]."""

    @property
    def slope_max_degree(self) -> Mapping[Technology, float]:
        """Limits in place of those of the rules."""

    @property
    def patch_min_km2(self) -> Mapping[Technology, float]:
        """Limits in place of those of the rules."""
