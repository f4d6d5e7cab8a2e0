"""Power curves of wind turbines: from the catalog or from the user's table, checked before anything is computed."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from siting import catalog
from siting.catalog.files import local_file
from siting.vocabulary import CatalogError, UnitsError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_FEWEST_POINTS = 5
#: Shares of the nominal power: overshoot of a measured curve, and output at the first speed, above which its start is missing.
_OVERSHOOT, _FIRST_SHARE = 1.03, 0.05
#: What begins the names of windpowerlib's turbines.
_LIBRARY = "windpowerlib:"
_COLUMNS = ("wind_speed", "power")


@dataclass(frozen=True)
class PowerCurve:
    """Power of one turbine against wind speed at hub height, in air of 1.225 kg m-3.

    Parameters
    ----------
    turbine : str
        Name in the catalog, or the path as the study writes it.
    wind_speed : tuple of float
        Ascending speeds [m s-1].
    power : tuple of float
        Power at these speeds [kW].
    nominal_power : float
        Rated power [kW].
    hub_height : float or None
        Height of the hub [m], if the source gives one.

    Raises
    ------
    UnitsError
        If the table is no power curve.
    """

    turbine: str
    wind_speed: tuple[float, ...]
    power: tuple[float, ...]
    nominal_power: float
    hub_height: float | None = None

    def __post_init__(self) -> None:
        flaw = _flaw(np.asarray(self.wind_speed), np.asarray(self.power), self.nominal_power)
        if flaw:
            raise UnitsError(f"Power curve {self.turbine}: expected {flaw}; mend the table of wind_speed [m s-1] and power [kW].")

    @property
    def cut_out(self) -> float:
        """Highest speed with output [m s-1]."""
        return max(speed for speed, power in zip(self.wind_speed, self.power, strict=True) if power > 0)

    def until_cut_out(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Speeds and powers without the zeros above the cut-out."""
        last = self.wind_speed.index(self.cut_out) + 1
        return self.wind_speed[:last], self.power[:last]


def load_power_curve(turbine: str, folder: Path | None = None) -> PowerCurve:
    """Power curve by its name in the catalog, or from the user's CSV file.

    Parameters
    ----------
    turbine : str
        Name in the catalog entry ``turbines``; or ``windpowerlib:`` and a name of its library, such as
        ``windpowerlib:E-126/4200``; or the path of a CSV file with the columns wind_speed [m s-1] and power [kW],
        and optionally nominal_power [kW] and hub_height [m], the same in every row.
    folder : Path, optional
        Folder of the study: relative paths start there, and none may leave it. The current folder by default.

    Raises
    ------
    CatalogError
        If the catalog has no such turbine, where the text names the nearest one, or the path names no file to be read.
    UnitsError
        If the file holds no power curve.
    """
    if turbine.lower().endswith(".csv"):
        return _read_table(turbine, local_file(turbine, (".csv",), folder))
    if turbine.startswith(_LIBRARY):
        return _library_curve(turbine)
    return _catalog_curve(turbine)


def turbine_names() -> tuple[str, ...]:
    """Names of all turbines in the catalog."""
    return tuple(_catalog_tables())


def library_names() -> tuple[str, ...]:
    """Names of all turbines of windpowerlib that have a power curve."""
    curves, turbines = _library_tables()
    return tuple(_LIBRARY + name for name in curves.index if name in turbines.index)


@functools.lru_cache(maxsize=1)
def _library_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Power curves [W] by turbine and speed, and data of turbines."""
    from importlib.resources import as_file, files

    import pandas as pd

    with as_file(files("windpowerlib") / "oedb") as folder:
        curves = pd.read_csv(folder / "power_curves.csv", index_col="turbine_type")
        return curves, pd.read_csv(folder / "turbine_data.csv", index_col="turbine_type")


@functools.cache
def _library_curve(turbine: str) -> PowerCurve:
    names = library_names()
    if turbine not in names:
        from difflib import get_close_matches

        near = get_close_matches(turbine, names, n=1, cutoff=0.0)[0]
        raise CatalogError(f"Expected a turbine of windpowerlib's library, found {turbine!r}; did you mean {near!r}?")
    curves, turbines = _library_tables()
    name = turbine.removeprefix(_LIBRARY)
    points = sorted((float(str(speed)), float(watts) / 1e3) for speed, watts in curves.loc[name].dropna().to_dict().items())
    speeds, powers = zip(*points, strict=True)
    nominal = float(turbines["nominal_power"][name])
    return PowerCurve(turbine, speeds, powers, nominal / 1e3)


@functools.lru_cache(maxsize=1)
def _catalog_tables() -> dict[str, pd.DataFrame]:
    return {str(name): table for name, table in catalog.open_entry("turbines").groupby("turbine", sort=True)}


@functools.cache
def _catalog_curve(turbine: str) -> PowerCurve:
    tables = _catalog_tables()
    if turbine not in tables:
        from difflib import get_close_matches

        near = get_close_matches(turbine, tables, n=1, cutoff=0.0)[0]
        raise CatalogError(f"Expected a turbine of the catalog or a .csv file, found {turbine!r}; did you mean {near!r}?")
    return _curve(turbine, tables[turbine])


def _read_table(turbine: str, path: Path) -> PowerCurve:
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=np.float64)
    except (OSError, ValueError) as error:
        raise UnitsError(
            f"Power curve {turbine}: expected a CSV table of numbers, found {str(error).splitlines()[0]}; mend the file."
        ) from None
    missing = [name for name in _COLUMNS if name not in table]
    if missing:
        raise UnitsError(
            f"Power curve {turbine}: expected columns {' and '.join(_COLUMNS)}, found {', '.join(map(str, table.columns))}; rename them."
        )
    return _curve(turbine, table)


def _curve(turbine: str, table: pd.DataFrame) -> PowerCurve:
    once: dict[str, float | None] = {"nominal_power": None, "hub_height": None}
    for name in once:
        values: list[float] = table[name].dropna().unique().tolist() if name in table else []
        if len(values) > 1:
            raise UnitsError(f"Power curve {turbine}: expected one {name} in all rows, found {len(values)}; keep one.")
        once[name] = float(values[0]) if values else None
    speeds, powers = (tuple(float(value) for value in table[name]) for name in _COLUMNS)
    nominal = once["nominal_power"]
    return PowerCurve(turbine, speeds, powers, max(powers, default=0.0) if nominal is None else nominal, once["hub_height"])


def _flaw(speeds: np.ndarray, powers: np.ndarray, nominal: float) -> str:
    """Say what a sound curve would have, and what this one has; empty if it is sound."""
    if len(speeds) != len(powers) or len(speeds) < _FEWEST_POINTS:
        return f"at least {_FEWEST_POINTS} points, found {len(speeds)} speeds and {len(powers)} powers"
    if not (np.isfinite(speeds).all() and np.isfinite(powers).all()):
        return f"finite numbers, found a gap in point {int(np.argmin(np.isfinite(speeds + powers))) + 1}"
    if not (np.diff(speeds) > 0).all() or speeds[0] < 0:
        return f"speeds that ascend from 0 or more, found {speeds[int(np.argmin(np.diff(speeds))) + 1]:g} m s-1 out of order"
    if not nominal > 0 or powers.min() < 0 or powers.max() > _OVERSHOOT * nominal:
        return f"powers from 0 to {_OVERSHOOT:g} times the nominal {nominal:g} kW, found {powers.min():g} to {powers.max():g} kW"
    if powers.max() < 0.5 * nominal:
        return f"powers that come near the nominal {nominal:g} kW, found at most {powers.max():g} kW"
    if powers[0] > _FIRST_SHARE * nominal or (speeds[0] == 0 and powers[0] > 0):
        return f"a curve that starts at or below the cut-in speed, found {powers[0]:g} kW at its first speed {speeds[0]:g} m s-1"
    return ""
