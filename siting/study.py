"""A study: every assumption of a run in one frozen object, read from YAML with the line of each mistake."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationError, model_validator

from siting import catalog
from siting.demand import Load
from siting.emissions import Accounting
from siting.finance import Finance
from siting.grid import Grid
from siting.land import Land
from siting.layers import Region, UserLayer
from siting.resource import Weather
from siting.scoring import DEFAULT_CRITERIA, Criterion, check_criteria
from siting.supply import Supply
from siting.vocabulary import Parameters, StudyError
from siting.yields.pv import PVSystem
from siting.yields.wind import WindFarm
from siting.zones import Zoning

if TYPE_CHECKING:
    from typing import Self

class Robustness(Parameters):
    """How the numbers of the leading sites are tried on other synthetic years."""

    seeds: int = Field(10, ge=1, le=100, description="weather seeds in all, the study's own among them; 1 tries no other")
    leading_sites: int = Field(200, ge=1, le=2000, description="how many of the best-ranked sites are tried")


class Study(Parameters):
    """All assumptions of one run.

    Every field has a default, so that an empty study ranks all of mainland China at 25 km. Its YAML form has the same
    keys; unknown ones are refused.
    """

    title: str = Field("All China at 25 km", min_length=1, max_length=120, description="title of the map and the report")
    region: Region = Region()
    grid: Grid = Grid()
    layers: Mapping[str, UserLayer] = Field({}, description="the user's own rasters by layer name")
    land: Land = Land()
    weather: Weather = Weather()
    pv: PVSystem = PVSystem()
    wind: WindFarm = WindFarm()
    load: Load = Load()
    supply: Supply = Supply()
    finance: Finance = Finance()
    accounting: Accounting = Accounting()
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)] = DEFAULT_CRITERIA
    zoning: Zoning = Zoning()
    robustness: Robustness = Robustness()

    @model_validator(mode="after")
    def _criteria_fit_the_targets(self) -> Self:
        check_criteria(self.criteria)
        for criterion in self.criteria:
            if criterion.target is not None and criterion.target not in self.supply.targets:
                targets = ", ".join(f"{target:g}" for target in self.supply.targets)
                raise ValueError(
                    f"expected the target of criterion {criterion.variable!r} among supply.targets ({targets}), "
                    f"found {criterion.target:g}; add it to supply.targets or change the criterion"
                )
        return self

    @property
    def sha256(self) -> str:
        """Hash of all assumptions, the same on every machine."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def read_study(path: str | Path) -> Study:
    """Read a study from a YAML file.

    Relative paths in the study are relative to its file.

    Parameters
    ----------
    path : str or Path
        A YAML file, or the name of a shipped study (see :func:`shipped_studies`).

    Raises
    ------
    StudyError
        If the file is missing, isn't YAML, or holds an unknown key or a value out of bounds: one line with the file, the
        line in it, what was expected, what was found and the fix.
    """
    file = shipped_studies().get(str(path), Path(path))
    data, lines = catalog.read_yaml(file, error=StudyError)
    try:
        return Study.model_validate(data, context={"folder": file.parent})
    except ValidationError as error:
        raise StudyError(catalog.explain_invalid(error, Study, lines, file.name)) from None


def shipped_studies() -> dict[str, Path]:
    """Studies that come with the package, by name."""
    return {file.stem: file for file in sorted((catalog.root() / "studies").glob("*.yaml"))}
