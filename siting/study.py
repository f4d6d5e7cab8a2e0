"""A study: every assumption of a run in one frozen object, read from YAML with the line of each mistake."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from siting import catalog
from siting.catalog.fetched import FetchedRaster
from siting.catalog.files import FileParameters, check_path, local_file, local_folder
from siting.demand import Load
from siting.emissions import Accounting
from siting.feedin import Feedin
from siting.finance import Finance, fitting_steps
from siting.grid import Grid
from siting.land import Land
from siting.layers import REPLACEABLE, AnyLayer, UserLayer
from siting.policy import Policy
from siting.region import Region, check_provinces, fetched_area
from siting.resource import Weather
from siting.scoring import DEFAULT_CRITERIA, Criterion, check_criteria
from siting.supply import Supply
from siting.supply.placement import Placement
from siting.vocabulary import CatalogError, Parameters, StudyError
from siting.yields.pv import PVSystem
from siting.yields.wind import WindFarm
from siting.zones import Zoning


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
    layers: Mapping[str, AnyLayer] = Field({}, description="the user's own rasters, or fetched ones, by layer name")
    land: Land = Land()
    weather: Weather = Weather()
    pv: PVSystem = PVSystem()
    wind: WindFarm = WindFarm()
    feedin: Feedin = Feedin()
    load: Load = Load()
    supply: Supply = Supply()
    finance: Finance = Finance()
    placement: Placement = Placement()
    accounting: Accounting = Accounting()
    policy: Policy | None = Field(None, description="rules that the sites are held to; without it, none is checked")
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, validate_default=True)] = DEFAULT_CRITERIA
    zoning: Zoning = Zoning()
    robustness: Robustness = Robustness()

    @field_validator("layers")
    @classmethod
    def _replaceable(cls, layers: Mapping[str, AnyLayer], info: ValidationInfo) -> Mapping[str, AnyLayer]:
        for name in layers:
            if name not in REPLACEABLE:
                near = get_close_matches(name, REPLACEABLE, n=1)
                fix = f"did you mean {near[0]!r}?" if near else "choose one of them"
                raise ValueError(f"expected layers among {', '.join(REPLACEABLE)}, found {name!r}; {fix}")
        if not {"region", "grid"} <= info.data.keys() or not any(isinstance(layer, FetchedRaster) for layer in layers.values()):
            return layers
        area = fetched_area(info.data["region"], info.data["grid"])
        return {name: layer.placed(name, area) if isinstance(layer, FetchedRaster) else layer for name, layer in layers.items()}

    @field_validator("land")
    @classmethod
    def _land_placed(cls, land: Land, info: ValidationInfo) -> Land:
        if not {"region", "grid"} <= info.data.keys() or not any(isinstance(each, FetchedRaster) for each in (land.slope, land.land_cover)):
            return land
        return land.placed(fetched_area(info.data["region"], info.data["grid"]))

    @field_validator("weather")
    @classmethod
    def _placed(cls, weather: Weather, info: ValidationInfo) -> Weather:
        if weather.dataset is None or not {"region", "grid"} <= info.data.keys():
            return weather
        return weather.placed(fetched_area(info.data["region"], info.data["grid"]))

    @field_validator("finance")
    @classmethod
    def _known_provinces(cls, finance: Finance) -> Finance:
        check_provinces(tuple(finance.tariff.import_prices_cny_per_kwh))
        return finance

    @field_validator("placement")
    @classmethod
    def _within_reach(cls, placement: Placement, info: ValidationInfo) -> Placement:
        if placement.elsewhere and "finance" in info.data:
            fitting_steps(placement.radius_km, info.data["finance"].line)
        return placement

    @field_validator("criteria")
    @classmethod
    def _criteria_fit(cls, criteria: tuple[Criterion, ...], info: ValidationInfo) -> tuple[Criterion, ...]:
        check_criteria(criteria)
        for criterion in criteria:
            if criterion.variable.startswith("policy_") and info.data.get("policy") is None:
                raise ValueError(
                    f"expected the section policy for criterion {criterion.variable!r}, found none; add policy: {{year: 2026}}"
                )
            _check_target(criterion.target, f"the target of criterion {criterion.variable!r}", info)
        return criteria

    @field_validator("zoning")
    @classmethod
    def _zoning_fits(cls, zoning: Zoning, info: ValidationInfo) -> Zoning:
        _check_target(zoning.target, "zoning.target", info)
        return zoning

    def bounded_supply(self, province: str | None = None) -> Supply:
        """The supply with the stricter of its own limits and of those of the rules there, if the policy constrains it."""
        if self.policy is None or not self.policy.constrain:
            return self.supply
        return self.supply.model_copy(update={"limits": self.supply.limits.stricter(self.policy.limits(province))})

    @property
    def sha256(self) -> str:
        """Hash of all assumptions, the same on every machine."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _check_target(target: float | None, what: str, info: ValidationInfo) -> None:
    """Refuse a target that the search of the supply doesn't try."""
    supply = info.data.get("supply")
    if target is None or supply is None or target in supply.targets:
        return
    known = ", ".join(f"{each:g}" for each in supply.targets)
    raise ValueError(f"expected {what} among supply.targets ({known}), found {target:g}; add it there or change it here")


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
        If the file is missing, isn't YAML, holds an unknown key or a value out of bounds, or names a file that is missing or
        lies outside its folder: one line with the file, the line in it, what was expected, what was found and the fix.
    """
    shipped = shipped_studies()
    if path not in shipped and re.fullmatch(r"[\w-]{1,60}", str(path)) and not Path(path).is_file():
        near = get_close_matches(str(path), shipped, n=1)
        fix = f"did you mean {near[0]!r}?" if near else "check the path."
        raise StudyError(f"Expected a YAML file or a shipped study ({', '.join(shipped)}), found {str(path)!r}; fix: {fix}")
    file = shipped.get(str(path), Path(path))
    study, lines = catalog.read_model(file, Study, StudyError, context={"folder": file.parent})
    _check_files(study, lines, file)
    return study


def _check_files(study: Study, lines: catalog.Lines, file: Path) -> None:
    """Refuse files that the study can't read; what is in them is checked when they are opened."""
    paths: dict[tuple[str | int, ...], str] = {
        ("layers", name, "path"): layer.path for name, layer in study.layers.items() if isinstance(layer, UserLayer)
    }
    paths |= {("land", "exclusions", number, "path"): item.path for number, item in enumerate(study.land.exclusions)}
    if study.load.measured is not None:
        paths["load", "measured", "path"] = study.load.measured.path
    for number, tenant in enumerate(study.load.tenants):
        if tenant.measured is not None:
            paths["load", "tenants", number, "measured", "path"] = tenant.measured.path
    paths |= {("land", "features", number, "path"): item.path for number, item in enumerate(study.land.features)}
    paths |= {
        ("land", key, "path"): item.path
        for key, item in (("slope", study.land.slope), ("land_cover", study.land.land_cover))
        if isinstance(item, FileParameters)
    }
    checks: dict[tuple[str | int, ...], Callable[[], object]] = {
        keys: partial(check_path, path, file.parent) for keys, path in paths.items()
    }
    if study.feedin.path is not None:
        checks["feedin", "path"] = partial(local_file, study.feedin.path, (".csv", ".nc"), file.parent)
    if study.weather.path is not None:
        checks["weather", "path"] = partial(local_folder, study.weather.path, file.parent)
    for keys, check in checks.items():
        try:
            check()
        except CatalogError as error:
            text = str(error)
            raise StudyError(f"{file.name}:{lines[keys]}: {text[:1].lower()}{text[1:]}") from None
        except OSError as error:
            raise StudyError(f"{file.name}:{lines[keys]}: expected a readable file, found {error.strerror}; fix: check the path.") from None


def shipped_studies() -> dict[str, Path]:
    """Studies that come with the package, by name."""
    return {file.stem: file for file in sorted((catalog.root() / "studies").glob("*.yaml"))}
