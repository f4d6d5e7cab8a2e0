"""The map of a study: one HTML file that opens from a mail, with the network off, in any modern browser.

The page holds Leaflet, the land, the coloured layers, the sites, zones and named clusters, and the tables. Nothing is
fetched, a content security policy with hashes sees to that, and text of the data is only ever shown as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from siting.vocabulary import StudyError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from siting.maps.offline import OfflineMap

_LANGUAGES = ("en", "zh")


def map_zones(
    zones: gpd.GeoDataFrame,
    sites: xr.Dataset,
    layers: xr.Dataset,
    *,
    clusters: pd.DataFrame | None = None,
    title: str | None = None,
    language: str = "en",
    top: int = 50,
    footer: str = "",
) -> OfflineMap:
    """Map of the zones and sites of a study, ready to be saved as one HTML file.

    Parameters
    ----------
    zones : GeoDataFrame
        Zones as :func:`siting.delineate_zones` draws them.
    sites : Dataset
        Scored sites, one per cell of ``layers``, with ``sources`` and ``warnings`` among the attributes.
    layers : Dataset
        Rasters on the analysis grid.
    clusters : DataFrame, optional
        Named clusters with the columns of the catalog's, which are taken if none are given.
    title : str, optional
        Title of the page; the region by default.
    language : {"en", "zh"}
        Language at first sight; the page can switch.
    top : int
        Number of best sites to show, 1 to 500.
    footer : str
        A line below the map, for the approval number of a map that is published in China or a disclaimer.

    Returns
    -------
    OfflineMap
        A ``folium.Map`` with ``save(path)``.

    Raises
    ------
    StudyError
        If the language is unknown or ``top`` out of bounds.
    MissingVariableError
        If a column that the map can't do without is missing.
    AlignmentError
        If the sites are not cells of the layers.
    """
    if language not in _LANGUAGES:
        raise StudyError(f"Expected the language of the map to be 'en' or 'zh', found {language!r}; choose one of them.")
    if not 1 <= top <= 500:
        raise StudyError(f"Expected 1 to 500 best sites on the map, found {top}; choose a number in between.")
    from siting import catalog
    from siting.maps.offline import OfflineMap
    from siting.maps.payload import build, to_island

    entries = {name: catalog.open_entry(name) for name in ("land", "provinces", "cities")}
    entries["clusters"] = catalog.open_entry("clusters") if clusters is None else clusters
    payload = build(zones, sites, layers, entries=entries, top=top)
    heading = title or payload["region"] or "siting"
    page = {**payload, "title": heading, "language": language, "footer": footer}
    return OfflineMap(to_island(page), heading, language)
