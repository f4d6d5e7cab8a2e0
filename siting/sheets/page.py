"""A sheet: sections of text and tables, shown on a console, as one HTML page, or as JSON."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import siting
from siting.exports import plain
from siting.vocabulary import OutputError


@dataclass(frozen=True)
class Section:
    """A heading with a table, sentences, or a picture.

    Parameters
    ----------
    title : str
        Heading.
    columns : tuple of str
        Heads of the columns.
    rows : tuple of tuple of str
        Cells, as they are shown.
    notes : tuple of str
        Sentences under the table.
    picture : str
        SVG, for the page only.
    """

    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    picture: str = ""


@dataclass(frozen=True)
class Sheet:
    """What is shown of a place, and the same as plain values.

    Parameters
    ----------
    title : str
        Title.
    sections : tuple of Section
        In order.
    data : mapping
        All figures, ready for JSON.
    """

    title: str
    sections: tuple[Section, ...]
    data: Mapping[str, Any] = field(default_factory=dict)

    def text(self, width: int = 140) -> str:
        """Sheet for a console."""
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
        from rich.text import Text

        console = Console(width=width, force_terminal=False, no_color=True, highlight=False)
        with console.capture() as capture:
            console.print(Text(self.title))
            for section in self.sections:
                console.print()
                console.print(Text(section.title.upper()))
                if section.rows:
                    table = Table(box=None, pad_edge=False)
                    for head in section.columns:
                        table.add_column(escape(head), overflow="fold")
                    for row in section.rows:
                        table.add_row(*(Text(cell) for cell in row))
                    console.print(table)
                for note in section.notes:
                    console.print(Text(note))
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    def html(self) -> str:
        """Sheet as one page that needs no other file."""
        from jinja2 import Environment

        template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE)
        return template.render(sheet=self, version=siting.__version__)

    def json(self) -> str:
        """Figures of the sheet as JSON; what is unknown is null."""
        return json.dumps(plain(self.data), ensure_ascii=False, indent=2, allow_nan=False)

    def write_html(self, path: Path) -> None:
        """Write the page, whole or not at all.

        Raises
        ------
        OutputError
            If it can't be written there.
        """
        try:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(self.html())
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise OutputError(f"Expected a file to write to, found {str(path)!r} ({error.strerror}); fix: choose another one.") from None


def number(value: float | None, digits: int, unit: str = "") -> str:
    """Number as it is shown; empty where it is unknown."""
    return "" if value is None or value != value else f"{value:,.{digits}f}{unit}"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ sheet.title }}</title>
<style>
body { font: 15px/1.45 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2733; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #dde3e9; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } p { margin: .3rem 0; }
svg { max-width: 100%; height: auto; }
</style></head><body>
<h1>{{ sheet.title }}</h1>
{% for section in sheet.sections %}
<h2>{{ section.title }}</h2>
{{ section.picture | safe }}
{% if section.rows %}
<table><thead><tr>{% for head in section.columns %}<th scope="col">{{ head }}</th>{% endfor %}</tr></thead><tbody>
{% for row in section.rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table>
{% endif %}
{% for note in section.notes %}
<p>{{ note }}</p>
{% endfor %}
{% endfor %}
<p><small>siting {{ version }}</small></p>
</body></html>
"""
