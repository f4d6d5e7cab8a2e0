"""The commands that answer without a study file: province, site, clusters, claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from siting.sheets.page import Sheet

AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
PageFile = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML page as well.")]
RulesYear = Annotated[int, typer.Option("--year", min=2000, max=2100, help="Year of the rules.")]
SpotMarket = Annotated[bool | None, typer.Option(help="The province's spot market runs continuously; unknown by default.")]
LoadFile = Annotated[Path | None, typer.Option("--load", metavar="FILE", help="Load in YAML, with the keys of a study's load.")]


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
    load: LoadFile = None, year: RulesYear = 2026, spot_market: SpotMarket = None, json: AsJson = False, html: PageFile = None,
) -> None:  # fmt: skip
    """Rate one place without a study: cost curve, mix, rules with margins, Scope 2 both ways, who accepts what."""
    from siting.demand import Load
    from siting.policy import Facts
    from siting.sheets.site import place_assumptions, read_load, site_sheet

    chosen = Load() if load is None else read_load(load)
    facts = Facts(zero_carbon_park=True, spot_market=spot_market)
    _show(site_sheet(longitude, latitude, place_assumptions(chosen), year, facts), json, html)


def clusters(load: LoadFile = None, json: AsJson = False, html: PageFile = None) -> None:
    """Rate the named clusters like any candidate, beside what was announced."""
    from siting.sheets.clusters import clusters_sheet
    from siting.sheets.site import read_load
    from siting.study import Study

    study = Study() if load is None else Study(load=read_load(load))
    _show(clusters_sheet(study), json, html)


def claims(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A claim in YAML; without it, the shipped ones.")] = None,
    json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print one table in Markdown.")] = False,
) -> None:
    """Check public claims against data and arithmetic, with the calculation."""
    import json as encoder

    from siting.claims import check_claim, markdown_table, read_claims

    findings = [check_claim(claim) for claim in read_claims(file)]
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


def _show(sheet: Sheet, as_json: bool, page: Path | None) -> None:
    import shutil

    if page is not None:
        sheet.write_html(page)
    typer.echo(sheet.json() if as_json else sheet.text(max(100, shutil.get_terminal_size((140, 40)).columns)))
