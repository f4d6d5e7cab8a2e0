"""Readers of real weather files: to the toolkit's names, units and hours, checked against the sun and refused where they don't fit.

A file of one place becomes a dataset that the yields read as it is; a grid becomes cells for a weather store.
"""

from __future__ import annotations

from siting.weather_files.grids import ERA5, GridColumn, read_grid
from siting.weather_files.place import Place, Series, place_year
from siting.weather_files.points import MULTI_HEIGHT, read_epw, read_nasa_power, read_pvgis, read_table

__all__ = [
    "ERA5",
    "MULTI_HEIGHT",
    "GridColumn",
    "Place",
    "Series",
    "place_year",
    "read_epw",
    "read_grid",
    "read_nasa_power",
    "read_pvgis",
    "read_table",
]
