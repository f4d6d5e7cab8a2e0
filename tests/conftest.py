"""What all tests share: compiled kernels that belong to the sources at hand, and how tests are spread over processes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import settings

# how long an example takes is a matter of the machine
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]


def _sources() -> str:
    sha = hashlib.sha256()
    for path in sorted((ROOT / "siting").rglob("*.py")):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


# numba doesn't see that a kernel in another file has changed, so a cache serves one state of the sources only.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".numba_cache" / _sources()))

#: Folders whose tests share what is dear to make, or count together: one process runs them all.
_TOGETHER = ("faults", "browser", "maps")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a file, or of a folder whose tests belong together, in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFileOrFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.split("::")[0]
            folder = Path(path).parent
            return folder.as_posix() if folder.name in _TOGETHER else path

    return ByFileOrFolder(config, log)


def pytest_terminal_summary(terminalreporter):
    """Print what tests have counted, whichever process they ran in."""
    for report in terminalreporter.stats.get("passed", []):
        for name, text in report.user_properties:
            terminalreporter.write_line(f"{name}: {text}")
