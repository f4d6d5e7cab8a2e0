"""Weather of points from services that answer with a file a year: NASA POWER, PVGIS, and EPW files, read later by their readers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from siting.catalog.cache import Bounds, Piece
from siting.catalog.redaction import redact
from siting.vocabulary import FetchError

if TYPE_CHECKING:
    from siting.catalog.remote import RemoteEntry
    from siting.catalog.transport import Transport

_SUFFIX = {"power_points": "json", "pvgis_points": "json", "epw_file": "epw"}


def point_grid(entry: RemoteEntry, bounds: Bounds) -> list[tuple[float, float]]:
    """Latitude and longitude of the points inside bounds, on multiples of the entry's step."""
    if entry.step is None:
        return [(0.5 * (bounds[1] + bounds[3]), 0.5 * (bounds[0] + bounds[2]))]
    axes = []
    for low, high, step in ((bounds[1], bounds[3], entry.step[0]), (bounds[0], bounds[2], entry.step[1])):
        axes.append(np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1.0) * step)
    return [(round(float(north), 6), round(float(east), 6)) for north in axes[0] for east in axes[1]]


def pieces(entry: RemoteEntry, bounds: Bounds, years: tuple[int, ...], transport: Transport) -> list[Piece]:
    """One file per point and year."""
    found = []
    for year in years:
        for north, east in point_grid(entry, bounds):
            url = entry.address(latitude=f"{north:g}", longitude=f"{east:g}", year=year)
            name = f"{year}_{north:+08.4f}_{east:+09.4f}.{_SUFFIX[entry.adapter]}"

            def load(url: str = url) -> bytes:
                content = transport.get(url).content
                _check(entry, content, url)
                return content

            found.append(Piece(name, redact(url), entry.bytes_per_piece, load))
    return found


def _check(entry: RemoteEntry, content: bytes, url: str) -> None:
    """Refuse an answer that isn't the file it should be; its hours are checked by its reader."""
    if entry.adapter == "epw_file":
        if not content.startswith(b"LOCATION,"):
            raise FetchError(f"Expected an EPW file from {redact(url)}, found other content; fix: check the address.")
        return
    try:
        known = json.loads(content)
        there = known["properties"]["parameter"] if entry.adapter == "power_points" else known["outputs"]["hourly"][0]
        lacking = [each for variable in entry.variables.values() for each in variable.stored if each not in there]
    except (ValueError, KeyError, TypeError, IndexError):
        raise FetchError(f"Expected hourly data as JSON from {redact(url)}, found other content; fix: fetch again later.") from None
    if lacking:
        raise FetchError(f"Expected {', '.join(lacking)} from {redact(url)}, found none; fix: check the entry's variables.")
