"""Files that the page is made of: Leaflet, checked against the manifest, and our own scripts and styles."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.resources import files

from siting.maps.raster import data_uri
from siting.vocabulary import IntegrityError

#: Scripts in the order in which the page runs them, Leaflet first.
SCRIPTS = ("leaflet.js", "words.js", "page.js", "charts.js", "cards.js", "tables.js", "map.js", "panel.js")

#: Style sheets in the order in which they apply.
STYLES = ("leaflet.css", "panel.css")

_URL = re.compile(r"url\(\s*['\"]?([^)'\"]*)['\"]?\s*\)")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


def read(name: str) -> bytes:
    """Content of an asset.

    Raises
    ------
    IntegrityError
        If a third-party file differs from its checksum in the manifest.
    """
    content = (files("siting.maps") / "assets" / name).read_bytes()
    expected = {str(row["file"]): str(row["sha256"]) for row in manifest()}.get(name)
    found = hashlib.sha256(content).hexdigest()
    if expected is not None and found != expected:
        raise IntegrityError(f"Expected the asset {name} with sha256 {expected[:12]}..., found {found[:12]}...; install siting again.")
    return content


def manifest() -> list[dict[str, str]]:
    """Third-party files: package and version, path in it, checksum, licence."""
    rows: list[dict[str, str]] = json.loads((files("siting.maps") / "assets" / "manifest.json").read_text(encoding="utf-8"))["assets"]
    return rows


def script(name: str) -> str:
    """Script without its source map, safe inside a ``script`` element."""
    text = _SOURCE_MAP.sub("", read(name).decode("utf-8")).replace("\r\n", "\n")
    return text.replace("</script", r"<\/script").replace("<!--", r"<\!--")


def style(name: str) -> str:
    """Style sheet whose pictures are part of it; those that don't ship are left out."""
    return _URL.sub(_inline, read(name).decode("utf-8")).replace("\r\n", "\n")


def icon(name: str) -> str:
    """Picture as a data URI."""
    return data_uri(read(name), "image/png")


def _inline(match: re.Match[str]) -> str:
    name = match.group(1).rsplit("/", 1)[-1]
    shipped = {row["file"] for row in manifest()}
    return f'url("{icon(name)}")' if name in shipped else "none"
