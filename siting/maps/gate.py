"""The last look at a page before it is written: nothing external, no code but ours, and a policy that says so."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from siting.vocabulary import OutputError

if TYPE_CHECKING:
    from collections.abc import Collection

#: Attributes that make a browser fetch or run something.
_FETCHING = frozenset(
    "src href xlink:href data action formaction poster srcset background ping manifest srcdoc codebase".split()  # noqa: SIM905
)

#: Elements that fetch, navigate or change how addresses are read.
_REFUSED = frozenset("iframe frame object embed applet link base form portal audio video source track".split())  # noqa: SIM905

_CSS_FETCH = re.compile(r"@import|url\(\s*(?!\"data:image/png;)", re.IGNORECASE)
_ADDRESS = re.compile(r"""['"`](?:https?:|wss?:|ftp:)?//\w""", re.IGNORECASE)

#: What layers of Folium call when they need a library that doesn't ship: popups, and icons of letters.
_LIBRARIES = {"$(": "jQuery", "L.AwesomeMarkers": "Leaflet.awesome-markers"}


class _Reader(HTMLParser):
    """Collects scripts and styles, and everything that the gate refuses."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.faults: list[str] = []
        self._open: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag in _REFUSED:
            self.faults.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in names:
            self.faults.append("<meta http-equiv>")
        self.faults += [fault for name, value in attrs if (fault := _attribute_fault(tag, name, value or ""))]
        if tag == "script" and names.get("type") != "application/json":
            self._open = self.scripts
            self.scripts.append("")
        elif tag == "style":
            self._open = self.styles
            self.styles.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open[-1] += data


def check_page(page: str, scripts: Collection[str], styles: Collection[str], own: str) -> None:
    """Refuse a page that would reach out or run code that isn't ours.

    Parameters
    ----------
    page : str
        The page, without its policy.
    scripts, styles : collection of str
        The only contents that ``script`` and ``style`` elements may have.
    own : str
        The script that drives the map; no address may stand in it.

    Raises
    ------
    OutputError
        If anything external, inline handlers or styles, unknown scripts, or an address in ``own`` is found.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    faults = reader.faults
    faults += [f"an unknown script ({text.strip()[:40]!r})" for text in reader.scripts if text not in scripts]
    faults += [f"an unknown style ({text.strip()[:40]!r})" for text in reader.styles if text not in styles]
    faults += [f"a style that fetches ({match.group()!r})" for text in reader.styles if (match := _CSS_FETCH.search(text))]
    if address := _ADDRESS.search(own):
        faults.append(f"the address {own[address.start() + 1 : address.end() + 40].splitlines()[0]!r} in the script of a layer")
    faults += [f"a layer that needs {library}" for mark, library in _LIBRARIES.items() if mark in own]
    if faults:
        found = "; ".join(faults[:3])
        raise OutputError(f"Expected a map that needs nothing but its file, found {found}; remove the layer or plugin that brought it.")


def policy(scripts: Collection[str], styles: Collection[str]) -> str:
    """Content security policy that allows these scripts and styles by hash, embedded pictures, and nothing else."""
    script_hashes, style_hashes = (" ".join(sorted(map(_hash, texts))) for texts in (scripts, styles))
    return f"default-src 'none'; script-src {script_hashes}; style-src {style_hashes}; img-src data:; base-uri 'none'; form-action 'none'"


def _attribute_fault(tag: str, name: str, value: str) -> str | None:
    if name.startswith("on") or name == "style":
        return f"the attribute {name} of <{tag}>"
    embedded = value.startswith(("data:image/png;", "#"))
    return f"{name}={value[:60]!r} of <{tag}>" if name in _FETCHING and not embedded else None


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
