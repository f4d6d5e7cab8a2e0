"""A finished study for the map, and the way to it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def layers():
    from reference import finished_study

    return finished_study.layers(50_000.0)


@pytest.fixture(scope="session")
def sites(layers):
    from reference import finished_study

    return finished_study.sites(layers)


@pytest.fixture(scope="session")
def zones(sites):
    from reference import finished_study

    return finished_study.zones(sites)


@pytest.fixture
def catalog(monkeypatch):
    """Map that reads the stand-in's entries in place of the catalog's."""
    from reference import finished_study

    import siting.catalog

    monkeypatch.setattr(siting.catalog, "open_entry", finished_study.entry)
    return finished_study
