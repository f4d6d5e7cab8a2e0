import pytest
from faults.conftest import tally
from fetch.server import Server


@pytest.fixture
def server():
    state = Server()
    yield state
    state.close()


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Short patience, and a cache of the test's own."""
    monkeypatch.setenv("SITING_TIMEOUT", "0.4")
    monkeypatch.setenv("SITING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


__all__ = ["quick", "server", "tally"]
