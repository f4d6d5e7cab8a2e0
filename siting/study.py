"""A study: every assumption of a run in one frozen object, read from YAML with the line of each mistake."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

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

    from pydantic_core import ErrorDetails


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
    data, lines = catalog.read_yaml(file)
    if not isinstance(data, dict):
        raise StudyError(f"{file.name}:1: expected keys such as title and region, found {type(data).__name__}; fix: start from a shipped study.")
    try:
        return Study.model_validate(data, context={"folder": file.parent})
    except ValidationError as error:
        raise StudyError(_explain(error.errors(), lines, file.name)) from None


def shipped_studies() -> dict[str, Path]:
    """Studies that come with the package, by name."""
    return {file.stem: file for file in sorted((catalog.root() / "studies").glob("*.yaml"))}


def _explain(errors: Sequence[ErrorDetails], lines: Mapping[tuple[str | int, ...], int], file: str) -> str:
    first, *others = errors
    location = first["loc"]
    line = next((lines[location[:n]] for n in range(len(location), 0, -1) if location[:n] in lines), 1)
    more = f" ({len(others)} more: {', '.join('.'.join(map(str, other['loc'])) for other in others)})" if others else ""
    return f"{file}:{line}: {_sentence(first)}{more}"


def _sentence(error: ErrorDetails) -> str:
    where, found = ".".join(map(str, error["loc"])), error["input"]
    if error["type"] == "extra_forbidden":
        return _unknown_key(error["loc"])
    if error["type"] == "value_error":
        return f"{where + ': ' if where else ''}{error['ctx']['error']}"
    description = _description(error["loc"])
    fix = f"; it is the {description}" if description else ""
    return f"{where}: expected {_expected(error)}, found {_short(found)}{fix}"


def _expected(error: ErrorDetails) -> str:
    message = error["msg"]
    for opening in ("Input should be ", "Value should be ", "String should "):
        message = message.removeprefix(opening)
    return message[0].lower() + message[1:]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _unknown_key(location: Sequence[str | int]) -> str:
    from difflib import get_close_matches

    *parents, key = location
    model = _model_at(parents)
    names = list(model.model_fields) if model else []
    near = get_close_matches(str(key), names, n=1)
    where = ".".join(map(str, parents)) or "the study"
    fix = f"did you mean {near[0]!r}?" if near else f"remove {key!r}"
    return f"expected one of the keys of {where} ({', '.join(names)}), found {str(key)!r}; {fix}"


def _model_at(location: Sequence[str | int]) -> type[BaseModel] | None:
    """Model at the end of a path of keys; indices of sequences are skipped."""
    model: type[BaseModel] | None = Study
    for key in location:
        if isinstance(key, int):
            continue
        if model is None:
            return None
        if key in model.model_fields:
            model = _first_model(model.model_fields[key].annotation)
    return model


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _first_model(part))), None)


def _description(location: Sequence[str | int]) -> str:
    names = [key for key in location if isinstance(key, str)]
    model = _model_at(names[:-1])
    field = model.model_fields.get(names[-1]) if model and names else None
    return (field.description or "") if field else ""
