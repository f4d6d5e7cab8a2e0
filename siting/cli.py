"""The ``siting`` command."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from siting.sheets import commands
from siting.vocabulary import ResourceError, SitingError

if TYPE_CHECKING:
    from siting.fetch import Item
    from siting.runner import Run
    from siting.study import Study

#: Base of the errors of usage; where it is defined differs between versions of Typer.
_UsageError: Any = typer.BadParameter.__base__
_INTERRUPTED = 130

app = typer.Typer(
    name="siting",
    help="Where should a 100 %-green industrial cluster stand, what does it need there, what does its power cost, and how green is it?",
    add_completion=False,
    pretty_exceptions_enable=False,
)
catalog_app = typer.Typer(help="The embedded data.")
app.add_typer(catalog_app, name="catalog")
commands.register(app)

StudyFile = Annotated[str, typer.Argument(metavar="STUDY", help="A study in YAML, or the name of a shipped one (see `siting studies`).")]
OutFolder = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the map, the tables and the record of the run.")]
ClientAddress = Annotated[str | None, typer.Option("--client", metavar="ADDRESS", help="An existing Dask scheduler, tcp://host:port.")]
BlockSites = Annotated[int, typer.Option("--block-sites", min=1, help="Sites per block: less takes less memory, the results are the same.")]
CacheFolder = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Folder of fetched data, else SITING_CACHE, else ~/.cache/siting.")
]
CatalogFolder = Annotated[
    Path | None, typer.Option("--catalog", metavar="DIR", help="Folder with entries of your own, beside SITING_CATALOG.")
]
SchedulerName = Annotated[Literal["threads", "processes", "synchronous"], typer.Option("--scheduler", help="Local Dask scheduler.")]


@app.command()
def demo(
    out: OutFolder = Path("results/demo"), client: ClientAddress = None, scheduler: SchedulerName = "threads", block_sites: BlockSites = 250
) -> None:
    """Rank all of mainland China at 25 km on the embedded data."""
    _run("china", out, client, scheduler, block_sites)


@app.command()
def run(
    study: StudyFile, out: OutFolder, client: ClientAddress = None, scheduler: SchedulerName = "threads", block_sites: BlockSites = 250,
    cache: CacheFolder = None, entries: CatalogFolder = None,
) -> None:  # fmt: skip
    """Rank the sites of a study."""
    _settle(cache, entries)
    _run(study, out, client, scheduler, block_sites)


@app.command()
def supply(
    study: StudyFile,
    site: Annotated[int, typer.Option("--site", metavar="ID", help="Cell number, the column site of sites.csv.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the hours, the costs and the pictures.")],
    target: Annotated[float | None, typer.Option("--target", metavar="X", help="Hourly matched share; default: that of the score.")] = None,
) -> None:
    """Write the hourly dispatch of one site, its worst week, its year and its costs."""
    from siting.site_supply import supply_site, write_site
    from siting.study import read_study

    result = supply_site(read_study(study), site, target, out)
    for file in write_site(result, out).values():
        typer.echo(str(file))


@app.command()
def fetch(
    study: StudyFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be fetched.")] = False,
    cache: CacheFolder = None,
    entries: CatalogFolder = None,
) -> None:
    """Fetch the weather and the rasters that a study names, with their licences, for all later runs."""
    _settle(cache, entries)
    from siting import fetch as fetching
    from siting.study import read_study

    items = fetching.plan(read_study(study))
    for item in items:
        _show(item)
    if dry_run:
        return
    try:
        fetching.fetch(items, Bars())
    except KeyboardInterrupt:
        _refuse("interrupted; what was fetched stays, the same command goes on from there", _INTERRUPTED)
    for item in items:
        typer.echo(f"{item.job.id:<22} {item.job.folder}")


def _show(item: Item) -> None:
    """Lines of the plan about one dataset."""
    (licence, about), count = item.job.about, len(item.missing)
    known = f"about {item.estimate / 1e6:,.0f} MB" if item.estimate else "of unknown size"
    size = "there already" if item.complete else f"{count} download{'s' * (count != 1)}, {known}"
    when = f", {', '.join(map(str, item.job.years))}" if item.job.years else ""
    typer.echo(f"{item.job.id:<22} {size}{when}; {licence}")
    typer.echo(f"{'':<22} {about}")


def _settle(cache: Path | None, entries: Path | None) -> None:
    """Name the folders of the command line to all that follows, workers too."""
    from siting.catalog import cache as caching
    from siting.catalog import remote

    if cache is not None:
        os.environ[caching.CACHE] = str(cache.resolve())
    if entries is not None:
        os.environ[remote.CATALOG_FOLDERS] = os.pathsep.join(map(str, remote.user_folders(entries.resolve())))


@app.command()
def validate(study: StudyFile) -> None:
    """Check a study without running it."""
    from siting.study import read_study
    from siting.supply import slow_parts

    checked = read_study(study)
    typer.echo(f"{checked.title}: a valid study, sha256 {checked.sha256[:12]}")
    for bound in checked.policy.bounds(checked.region.codes) if checked.policy and checked.policy.constrain else ():
        typer.echo(f"limit of the supply: {bound}")
    for sentence in slow_parts(checked.load, checked.supply, checked.finance, checked.weather.calendar_years):
        typer.echo(f"note: {sentence}.")


@app.command()
def studies() -> None:
    """List the shipped studies."""
    from siting import catalog
    from siting.study import shipped_studies

    for name, file in shipped_studies().items():
        typer.echo(f"{name:<20} {catalog.read_yaml(file)[0]['title']}")


@app.command()
def doctor() -> None:
    """Show versions, check the embedded data and say what is missing."""
    from siting import catalog
    from siting.runner import versions

    for name, number in versions().items():
        typer.echo(f"{name:<14} {number}")
    for entry_id in catalog.entries():
        catalog.open_entry(entry_id)
    typer.echo(f"catalog        {len(catalog.entries())} entries opened, checksums as recorded")
    browser = "found" if shutil.which("chromium") else "not found; only the tests of the map need it"
    typer.echo(f"chromium       {browser}")


@catalog_app.command("list")
def catalog_list(entries: CatalogFolder = None) -> None:
    """List the embedded data, then what can be fetched: id, kind, licence, title."""
    _settle(None, entries)
    from siting import catalog

    listed: list[catalog.Entry | catalog.RemoteEntry] = [*catalog.entries().values(), *catalog.remote_entries().values()]
    for entry in listed:
        typer.echo(f"{entry.id:<20} {entry.kind:<13} {entry.licence:<24} {entry.title}")


@catalog_app.command("show")
def catalog_show(entry_id: Annotated[str, typer.Argument(metavar="ID")], entries: CatalogFolder = None) -> None:
    """Show one entry: source, licence, citation, variables, known weaknesses."""
    _settle(None, entries)
    import yaml

    from siting import catalog

    known = catalog.remote_entries()
    entry = known[entry_id] if entry_id in known else catalog.entry(entry_id)
    typer.echo(yaml.safe_dump(entry.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True), nl=False)


@catalog_app.command("check")
def catalog_check(entries: CatalogFolder = None) -> None:
    """Check all entries, yours too, and the checksums of the embedded data."""
    _settle(None, entries)
    from siting import catalog

    for entry_id in catalog.entries():
        catalog.open_entry(entry_id)
    typer.echo(f"{len(catalog.entries())} embedded entries, checksums as recorded; {len(catalog.remote_entries())} that can be fetched")


def main() -> None:
    """Run the command line; errors that the user can mend are one line and an exit code."""
    try:
        code = app(args=sys.argv[1:] or ["--help"], standalone_mode=False)
    except _UsageError as error:
        command = error.ctx.command_path if error.ctx else "siting"
        _refuse(f"{error.format_message().replace('Value error, ', '').rstrip('.?')}; fix: see `{command} --help`.", 2)
    except SitingError as error:
        _refuse(str(error), error.exit_code)
    except OSError as error:
        _refuse(f"Expected to read and write files, found {error}; fix: free the disk or check permissions.", ResourceError.exit_code)
    if code == _INTERRUPTED:
        _refuse("interrupted; nothing was written", _INTERRUPTED)
    sys.exit(code)


def _refuse(message: str, code: int) -> NoReturn:
    typer.echo(f"siting: {' '.join(message.split())}", err=True)
    sys.exit(code)


def _run(name: str, out: Path, address: str | None, scheduler: SchedulerName, block_sites: int) -> None:
    from siting import exports
    from siting.runner import run as run_study
    from siting.study import read_study

    study = read_study(name)
    with exports.output_folder(out), _client(address) as client:
        result = run_study(study, client=client, scheduler=scheduler, block_sites=block_sites, progress=Bars())
        exports.write_outputs(result, out)
    _summary(result, study, out)


@contextlib.contextmanager
def _client(address: str | None) -> Iterator[object | None]:
    if address is None:
        yield None
        return
    from distributed import Client

    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise ResourceError(f"Expected a Dask scheduler at {address}, found none ({error}); start one with `dask scheduler`.") from None
    with client:
        yield client


class Bars:
    """A progress bar per stage, on standard error if that is a terminal."""

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Callable[[], None]]:
        """Show one stage."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
            task = bars.add_task(name, total=total)
            yield lambda: bars.advance(task)


def _summary(result: Run, study: Study, out: Path) -> None:
    from siting.report import headline

    for line in headline(result.sites, study.criteria):
        typer.echo(line)
    for warning in result.report["warnings"]:
        typer.echo(f"note: {warning}")
    typer.echo(f"map: {out / 'map.html'}")
