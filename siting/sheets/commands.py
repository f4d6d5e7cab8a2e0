"""The commands that answer without a study file: province, site, clusters, claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from siting.demand import Load
    from siting.sheets.page import Sheet

AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
PageFile = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML page as well.")]
RulesYear = Annotated[int, typer.Option("--year", min=2000, max=2100, help="Year of the rules.")]
SpotMarket = Annotated[bool | None, typer.Option(help="The province's spot market runs continuously; unknown by default.")]
LoadFile = Annotated[
    Path | None,
    typer.Option("--load", metavar="FILE", help="Load in YAML, with the keys of a study's load; or the hours of a year in CSV: time,load."),
]
LoadUnit = Annotated[str | None, typer.Option("--unit", metavar="kW|MW", help="Unit of the hours of a CSV load.")]
LoadZone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="IANA zone of the stamps of a CSV load.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (province, site, clusters, claims):
        app.command()(command)


def province(
    name: Annotated[str, typer.Argument(metavar="NAME")], year: RulesYear = 2026, json: AsJson = False, html: PageFile = None
) -> None:
    """Show a province: mix, factor by method, hours, curtailment, rules. NAME is English, Chinese or an ISO code."""
    from siting.sheets.province import province_sheet

    _show(province_sheet(name, year), json, html)


def site(
    longitude: Annotated[float, typer.Argument(metavar="LON", min=-180, max=180)],
    latitude: Annotated[float, typer.Argument(metavar="LAT", min=-90, max=90)],
    load: LoadFile = None, unit: LoadUnit = None, timezone: LoadZone = "Asia/Shanghai", year: RulesYear = 2026,
    spot_market: SpotMarket = None, json: AsJson = False, html: PageFile = None,
) -> None:  # fmt: skip
    """Rate one place without a study: cost curve, mix, rules with margins, Scope 2 both ways, who accepts what."""
    from siting.policy import Facts
    from siting.sheets.site import place_assumptions, site_sheet

    chosen = _load(load, unit, timezone)
    facts = Facts(zero_carbon_park=True, spot_market=spot_market)
    _show(site_sheet(longitude, latitude, place_assumptions(chosen), year, facts), json, html)


def clusters(
    only: Annotated[list[str] | None, typer.Option("--only", metavar="ID", help="Rate this cluster; may be repeated.")] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch the hours of the clusters that the embedded data don't cover.")] = False,
    dataset: Annotated[str, typer.Option(help="Dataset of hourly weather at points for them.")] = "nasa_power_points",
    weather_year: Annotated[int, typer.Option(min=1940, max=2100, help="Year of that weather.")] = 2019,
    load: LoadFile = None, unit: LoadUnit = None, timezone: LoadZone = "Asia/Shanghai", json: AsJson = False, html: PageFile = None,
) -> None:  # fmt: skip
    """Rate the named clusters like any candidate, beside what was announced; those abroad on fetched hours of weather."""
    from siting.sheets.abroad import Hours
    from siting.sheets.clusters import chosen_clusters, clusters_sheet, fetch_clusters
    from siting.study import Study

    study, table, hours = Study(load=_load(load, unit, timezone)), chosen_clusters(only or ()), Hours(dataset, weather_year)
    if fetch:
        fetch_clusters(table, hours)
    _show(clusters_sheet(study, table, hours), json, html)


def claims(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A claim in YAML; without it, the shipped ones.")] = None,
    json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print one table in Markdown.")] = False,
    by_the_hour: Annotated[
        bool, typer.Option("--hours", help="Try the claims that say how on synthetic hours, too; some half a minute a reading.")
    ] = False,
) -> None:
    """Check public claims against data and arithmetic, with the calculation."""
    import json as encoder

    from siting.claims import check_claim, markdown_table, read_claims, try_claim

    if json and markdown:
        raise typer.BadParameter("expected --json or --markdown, found both")
    findings = [check_claim(claim) for claim in read_claims(file)]
    if by_the_hour and all(each.claim.dispatch is None for each in findings):
        raise typer.BadParameter("expected a claim with the section dispatch for --hours, found none")
    if by_the_hour:
        findings = [try_claim(each) for each in findings]
    if json:
        records = [
            {**each.claim.model_dump(mode="json"), "verdict": each.verdict, "summary": each.summary, "steps": each.steps}
            for each in findings
        ]
        typer.echo(encoder.dumps(records, ensure_ascii=False, indent=2))
    elif markdown:
        typer.echo(markdown_table(findings))
    else:
        for each in findings:
            typer.echo(f"{each.verdict.upper()}: {each.claim.statement} ({each.claim.source}, {each.claim.year})")
            for line in (each.summary, *each.steps, *([each.claim.lesson] if each.claim.lesson else [])):
                typer.echo(f"    {line}")


def _load(path: Path | None, unit: str | None, timezone: str) -> Load:
    """Load of the options; the default one without a file."""
    from siting.demand import Load
    from siting.sheets.site import read_load

    if path is None and unit is not None:
        raise typer.BadParameter("expected --unit beside --load FILE.csv, found no file")
    return Load() if path is None else read_load(path, unit, timezone)


def _show(sheet: Sheet, as_json: bool, page: Path | None) -> None:
    import shutil

    if page is not None:
        sheet.write_html(page)
    typer.echo(sheet.json() if as_json else sheet.text(max(100, shutil.get_terminal_size((140, 40)).columns)))
