"""A Folium map that is written as one file: its assets inlined, its scripts allowed by hash, nothing fetched.

Text of the data never passes through Folium or Branca: Branca compiles what a layer renders as a Jinja template once
more, so that a name such as ``{{ 7 * 7 }}`` would run. It reaches the page as one JSON island instead.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import folium
from branca.element import Figure, Link
from folium.template import Template as MacroTemplate
from jinja2 import Template
from markupsafe import escape

from siting.maps import vendored
from siting.maps.gate import check_page, policy
from siting.vocabulary import OutputError, ResourceError

#: A page above this size is refused: it would neither pass as a mail nor open quickly [bytes].
SIZE_LIMIT = 10_000_000

#: Panes from bottom to top, with their z-index: the basemap must not hide the pictures, nor they the names.
PANES = {"land": 210, "pictures": 250, "graticule": 260, "zones": 420, "sites": 440, "clusters": 460, "names": 480}


class OfflineFigure(Figure):  # type: ignore[misc]
    """A page whose scripts, styles and data are all inside it.

    Parameters
    ----------
    island : str
        The payload as JSON, escaped (:func:`siting.maps.payload.to_island`).
    title : str
        Title of the page.
    language : str
        ``"en"`` or ``"zh"``.
    """

    _template = Template(
        '<!DOCTYPE html>\n<html lang="{{ this.language }}">\n<head>\n<meta charset="utf-8">\n{{ policy }}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
        "<title>{{ title }}</title>\n{% for text in styles %}<style>{{ text }}</style>\n{% endfor %}</head>\n<body>\n{{ body }}\n"
        '<script type="application/json" id="payload">{{ this.island }}</script>\n'
        "{% for text in scripts %}<script>{{ text }}</script>\n{% endfor %}</body>\n</html>\n"
    )

    def __init__(self, island: str, title: str, language: str) -> None:
        super().__init__(height="760px", title=title)
        self.island = island
        self.language = "zh-CN" if language == "zh" else "en"

    def render(self, **kwargs: Any) -> str:
        """Page as text.

        Raises
        ------
        OutputError
            If a layer brought something external.
        ResourceError
            If the page is too large.
        """
        for child in list(self._children.values()):
            child.render(**kwargs)
        self._refuse_links()
        drawn = "".join(child.render(**kwargs) for child in self.html._children.values())
        own = "".join(child.render(**kwargs) for child in self.script._children.values())
        scripts = [*map(vendored.script, vendored.SCRIPTS), own + "Siting.open(map_siting);\n"]
        styles = [vendored.style(name) for name in vendored.STYLES]
        body = vendored.read("page.html").decode("utf-8").replace("<!-- map -->", drawn)
        parts: dict[str, Any] = {"this": self, "title": escape(self.title or ""), "styles": styles, "scripts": scripts, "body": body}
        check_page(self._template.render(policy="", **parts), scripts, styles, own)
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(scripts, styles)}">'
        return _sized(self._template.render(policy=meta, **parts))

    def _refuse_links(self) -> None:
        """Refuse what a layer put into the head: links to assets, or scripts and styles of its own."""
        for name, child in self.header._children.items():
            if name != "meta_http":
                found = child.url if isinstance(child, Link) else name
                raise OutputError(f"Expected layers without assets of theirs, found {found}; remove the layer or plugin that brought it.")


class OfflineMap(folium.Map):  # type: ignore[misc]
    """A Folium map of one study: :meth:`save` writes one file that opens anywhere, with the network off.

    Folium layers that need no popups, tiles or plugins may be added to it as to any other map.

    Parameters
    ----------
    island : str
        The payload as JSON, escaped (:func:`siting.maps.payload.to_island`).
    title : str
        Title of the page.
    language : str
        ``"en"`` or ``"zh"``: the language at first sight.
    """

    # Lists of its own: Folium's are shared by all maps, and name servers.
    default_js: ClassVar[list[tuple[str, str]]] = []
    default_css: ClassVar[list[tuple[str, str]]] = []

    _template = MacroTemplate(
        """
        {% macro html(this, kwargs) %}<div class="folium-map" id="{{ this.get_name() }}"></div>{% endmacro %}
        {% macro script(this, kwargs) %}
            L.Icon.Default.imagePath = "";
            L.Icon.Default.mergeOptions({{ this.icons|tojavascript }});
            var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
                center: {{ this.location|tojson }},
                ...{{ this.options|tojavascript }}
            });
        {% endmacro %}
        """
    )

    def __init__(self, island: str, title: str, language: str) -> None:
        # The frame of the page: the panel's script fits the view to the study once it knows its size.
        super().__init__(
            location=(36, 104), zoom_start=4, tiles=None, zoom_control=False, attribution_control=False, min_zoom=2, max_zoom=12,
            zoom_snap=0.25, world_copy_jump=False,
        )  # fmt: skip
        OfflineFigure(island, title, language).add_child(self)
        self._id = "siting"  # Branca's random names would make each file of one study differ
        self.icons = {
            "iconUrl": vendored.icon("marker-icon.png"),
            "iconRetinaUrl": vendored.icon("marker-icon-2x.png"),
            "shadowUrl": vendored.icon("marker-shadow.png"),
        }
        for name, height in PANES.items():
            pane = folium.map.CustomPane(name, z_index=height, pointer_events=name in ("zones", "sites", "clusters"))
            pane._id = name
            self.add_child(pane)

    def save(self, outfile: Any, close_file: bool = True, **kwargs: Any) -> None:
        """Write the page.

        Parameters
        ----------
        outfile : str, Path or binary file
            A path is written beside itself and renamed, so that no half-written map is ever seen.
        close_file : bool
            Whether to close a file that was handed in.

        Raises
        ------
        OutputError
            If the path can't be written, or a layer brought something external.
        ResourceError
            If the page is too large.
        """
        page = self.get_root().render(**kwargs).encode("utf-8")
        if not isinstance(outfile, str | os.PathLike):
            outfile.write(page)
            if close_file:
                outfile.close()
            return
        try:
            _replace(Path(outfile), page)
        except OSError as error:
            name = Path(outfile).name
            raise OutputError(f"Expected a path that can be written, found {name}: {error.strerror}; choose another folder.") from None


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _sized(page: str) -> str:
    size = len(page.encode("utf-8"))
    if size > SIZE_LIMIT:
        raise ResourceError(f"Expected a map of at most {SIZE_LIMIT / 1e6:g} MB, found {size / 1e6:.1f} MB; show fewer sites or layers.")
    return page
