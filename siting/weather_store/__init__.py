"""The weather store: years of hourly weather on coarse cells, packed, checked, and published whole or not at all.

A store is a folder with one Zarr group per year. A group holds the hours of its cells, ``(cell, time)`` with whole years in a
chunk, packed to 16 bits with a declared scale, offset and error; the cells' latitude, longitude and altitude; the source,
its kind and licence; and a record with the sha256 of every file, without which no reader opens it.
"""

from __future__ import annotations

from siting.weather_store.packing import PACKING, Packing
from siting.weather_store.reading import StoredYear, open_store, open_year, store_years, verify_store
from siting.weather_store.writing import WeatherSource, write_store

__all__ = ["PACKING", "Packing", "StoredYear", "WeatherSource", "open_store", "open_year", "store_years", "verify_store", "write_store"]
