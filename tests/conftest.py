"""What all tests share: compiled kernels that belong to the sources at hand."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _sources() -> str:
    sha = hashlib.sha256()
    for path in sorted((ROOT / "siting").rglob("*.py")):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


# numba doesn't see that a kernel in another file has changed, so a cache serves one state of the sources only.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".numba_cache" / _sources()))
