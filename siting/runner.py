"""A run: the road from layers to the ranked map, over blocks of sites, on Dask threads, processes or a cluster.

:func:`evaluate` is pure and is all that is mapped; the rest of :func:`run` is the ten lines of the README.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from siting import economics, emissions, feedin, land, layers, policy, report, resource, scoring, supply, zones
from siting.study import Study
from siting.supply import placement
from siting.vocabulary import StudyError
from siting.weather_hours import HOURLY
from siting.yields import pv, wind

if TYPE_CHECKING:
    import distributed
    import geopandas
    import xarray as xr

    from siting.maps.offline import OfflineMap

Scheduler = Literal["threads", "processes", "synchronous"]
Tick = Callable[[], None]
Task = Callable[..., "xr.Dataset"]


class Progress(Protocol):
    """What a run tells about its stages."""

    def stage(self, name: str, total: int) -> AbstractContextManager[Tick]:
        """Open a stage of ``total`` parts; the returned function is called when one part is done."""


class Silent:
    """A progress that shows nothing."""

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Tick]:  # noqa: ARG002
        """Open a stage without showing it."""
        yield lambda: None


@dataclass(frozen=True)
class Run:
    """What a run leaves: tables per site and zone, the layers they came from, and how it was done."""

    study: Study
    layers: xr.Dataset
    sites: xr.Dataset
    zones: geopandas.GeoDataFrame
    report: dict[str, Any]

    def map(self) -> OfflineMap:
        """The interactive map of the run."""
        from siting.maps import map_zones

        return map_zones(self.zones, self.sites, self.layers, title=self.study.title)


def evaluate(block: xr.Dataset, study: Study, cells: xr.Dataset | None = None) -> xr.Dataset:
    """Weather to hourly matching for a block of sites: pure, and the same for any block a site is in.

    Parameters
    ----------
    block : xr.Dataset
        Rows of the site table that :func:`siting.screen` returns.
    study : Study
        All assumptions.
    cells : xr.Dataset, optional
        Rows of the site table in which plants of the block may stand, its own among them.

    Returns
    -------
    xr.Dataset
        The block's site table with the supply variables, without a time dimension.
    """
    if cells is None:
        return _match(hourly_yields(block, study), study)
    hours = hourly_yields(cells, study).drop_vars(HOURLY)
    return _match(hours.isel(site=placement.rows_of(hours, block["site"].to_numpy())), study, hours)


def _match(sites: xr.Dataset, study: Study, cells: xr.Dataset | None = None) -> xr.Dataset:
    """Supply of sites, each within the limits of the rules of its province."""
    import numpy as np
    import xarray as xr

    index = sites["province"].to_numpy().astype(int)
    codes = dict(enumerate(str(sites["province"].attrs.get("iso_3166_2", "")).split()))
    groups: dict[supply.Supply, list[int]] = {}
    for number in np.unique(index):
        groups.setdefault(study.bounded_supply(codes.get(int(number))), []).append(number)
    if len(groups) == 1:
        return supply.match_supply(sites, study.load, next(iter(groups)), study.finance, cells)
    rows = [np.flatnonzero(np.isin(index, numbers)) for numbers in groups.values()]
    parts = [
        supply.match_supply(sites.isel(site=some), study.load, bounded, study.finance, cells)
        for bounded, some in zip(groups, rows, strict=True)
    ]
    joined = xr.concat(parts, "site", data_vars="minimal", coords="minimal", compat="override", combine_attrs="override")
    return joined.isel(site=np.argsort(np.concatenate(rows)))


def first_pass(block: xr.Dataset, study: Study) -> xr.Dataset:
    """Full-load hours of the cells of a block, by which places for plants are offered."""
    return placement.full_load_hours(hourly_yields(block, study), study.load)


def offer_places(cells: xr.Dataset, passed: xr.Dataset, study: Study) -> xr.Dataset:
    """Cells of the first pass with the places that each is offered, and without its scalars."""
    names = ["pv_full_load_hours", "wind_full_load_hours", "load_energy"]
    known = cells.assign({name: passed[name] for name in names})
    return placement.offer_places(known, study.placement, study.supply).drop_vars(names)


def hourly_yields(block: xr.Dataset, study: Study) -> xr.Dataset:
    """Hours of weather, yields and the grid's feed-in at a block of sites."""
    hours = resource.add_weather(block, study.weather)
    hours = pv.add_pv_yield(hours, study.pv)
    hours = wind.add_wind_yield(hours, study.wind)
    return feedin.add_feedin(hours, study.feedin)


def rate(sites: xr.Dataset, study: Study) -> xr.Dataset:
    """Costs, emissions, verdicts of the rules that the study names, and scores of evaluated sites; no hour is touched."""
    sites = economics.add_costs(sites, study.finance)
    sites = emissions.add_emissions(sites, study.accounting)
    if study.policy is not None:
        sites = policy.add_policy(sites, study.policy)
    return scoring.score(sites, study.criteria)


def run(
    study: Study,
    *,
    client: distributed.Client | None = None,
    scheduler: Scheduler = "threads",
    block_sites: int = 250,
    progress: Progress | None = None,
) -> Run:
    """Rank the sites of a study.

    Parameters
    ----------
    study : Study
        All assumptions.
    client : distributed.Client, optional
        A Dask cluster to work on, in place of ``scheduler``.
    scheduler : {"threads", "processes", "synchronous"}
        Local Dask scheduler.
    block_sites : int
        Sites per block; the results don't depend on it, memory does (about 1.2 MB a site and worker).
    progress : Progress, optional
        Is told of every stage.

    Raises
    ------
    StudyError
        If no cell is left after the screen.
    """
    if block_sites < 1:
        raise StudyError(f"Expected block_sites of at least 1, found {block_sites}; 250 suits most machines.")
    if scheduler not in get_args(Scheduler):
        raise StudyError(f"Expected a scheduler among {', '.join(get_args(Scheduler))}, found {scheduler!r}; a cluster is given as client.")
    progress = progress or Silent()
    execute = _Execution(client, scheduler, block_sites, progress)
    with progress.stage("Open layers", 1) as tick:
        rasters = land.explain(layers.open_layers(study), study.land)
        tick()
    with progress.stage("Screen land", 1) as tick:
        candidates = land.screen(rasters, study.land).load()
        tick()
    if study.placement.elsewhere:
        (passed,) = execute("Yields of all cells", candidates, [study], task=first_pass)
        candidates = offer_places(candidates, passed, study)
    (table,) = execute("Weather, yields, hourly matching", candidates, [study], cells=candidates)
    sites = _try_other_years(rate(table, study), candidates, study, execute)
    with progress.stage("Delineate zones", 1) as tick:
        zoned = zones.delineate_zones(sites, study.zoning, study.supply)
        tick()
    return Run(study, rasters, sites, zoned, _report(study, rasters, sites))


@dataclass(frozen=True)
class _Execution:
    """Maps :func:`evaluate`, or the first pass, over blocks on the chosen Dask scheduler, in the order of the blocks."""

    client: distributed.Client | None
    scheduler: Scheduler
    block_sites: int
    progress: Progress

    def __call__(
        self, stage: str, sites: xr.Dataset, studies: Sequence[Study], *, task: Task = evaluate, cells: xr.Dataset | None = None
    ) -> list[xr.Dataset]:
        """Site tables in the order of the sites, one per study; all studies read the same weather cells."""
        import numpy as np
        import xarray as xr

        places = resource.weather_blocks(sites, studies[0].weather, self.block_sites)
        if "pv_place" in sites:
            places = [part for place in places for part in placement.split_by_cells(sites, place, self.block_sites)]
        blocks = [sites.isel(site=place) for place in places]
        around = [_cells_of(block, cells) for block in blocks]
        jobs = [(task, block, study, *more) for study in studies for block, more in zip(blocks, around, strict=True)]
        with self.progress.stage(stage, len(jobs)) as tick:
            done = self._on_client(self.client, jobs, tick) if self.client else self._locally(jobs, tick)
        rows = [done[n : n + len(blocks)] for n in range(0, len(done), len(blocks))]
        back = np.argsort(np.concatenate(places))
        return [
            xr.concat(row, dim="site", data_vars="minimal", coords="minimal", compat="override", join="exact").isel(site=back)
            for row in rows
        ]

    def _locally(self, jobs: Sequence[tuple[Any, ...]], tick: Tick) -> list[xr.Dataset]:
        import dask
        from dask.callbacks import Callback

        tasks = [dask.delayed(task, pure=False)(*arguments) for task, *arguments in jobs]
        keys = {task.key for task in tasks}
        with Callback(posttask=lambda key, *_: tick() if key in keys else None):
            return list(dask.compute(*tasks, scheduler=self.scheduler))

    def _on_client(self, client: distributed.Client, jobs: Sequence[tuple[Any, ...]], tick: Tick) -> list[xr.Dataset]:
        from distributed import as_completed

        futures = [client.submit(*job, pure=False) for job in jobs]
        for _ in as_completed(futures):
            tick()
        return list(client.gather(futures))


def _cells_of(block: xr.Dataset, cells: xr.Dataset | None) -> tuple[xr.Dataset, ...]:
    """Cells in which plants of a block may stand, if they may stand elsewhere."""
    if cells is None or "pv_place" not in block:
        return ()
    return (cells.isel(site=placement.rows_of(cells, placement.cells_needed(block))),)


def _try_other_years(sites: xr.Dataset, candidates: xr.Dataset, study: Study, execute: _Execution) -> xr.Dataset:
    """Ranges of the leading sites over other seeds of the synthetic weather, or over the other years of a store."""
    import numpy as np

    ranks = sites["rank"].to_numpy()
    chosen = np.flatnonzero((ranks > 0) & (ranks <= study.robustness.leading_sites))
    if study.robustness.seeds < 2 or chosen.size == 0:
        return sites
    years = resource.other_years(study.weather, study.robustness.seeds - 1)
    if not years:
        return sites
    others = [study.model_copy(update={"weather": weather}) for weather in years]
    leading = candidates.isel(site=chosen)
    tables = execute("Leading sites in other weather", leading, others, cells=candidates)
    return scoring.add_seed_ranges(sites, [rate(table, other) for table, other in zip(tables, others, strict=True)])


def _report(study: Study, rasters: xr.Dataset, sites: xr.Dataset) -> dict[str, Any]:
    return {
        "title": study.title,
        "study_sha256": study.sha256,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        **report.summarise(rasters, sites),
        **({} if study.policy is None else {"policy": report.policy_summary(sites, study.policy)}),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape the numbers."""
    names = [
        "siting",
        "numpy",
        "scipy",
        "numba",
        "pandas",
        "xarray",
        "dask",
        "pvlib",
        "windpowerlib",
        "rasterio",
        "pyproj",
        "geopandas",
        "folium",
    ]
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
