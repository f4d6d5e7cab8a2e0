"""Downloads that aren't whole yet: what has come so far, and which state of the file it belongs to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


class State(NamedTuple):
    """State of a file at its server, and how many of its bytes have come."""

    etag: str
    total: int
    size: int


class Part:
    """The bytes that have come of a file, kept beside the place that the whole file gets."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f".{path.name}.part")
        self._note = path.with_name(f".{path.name}.part.json")

    def state(self) -> State | None:
        """What there is to go on from; None without a tag of the server's, since the file may be another by now."""
        try:
            note, size = json.loads(self._note.read_text(encoding="utf-8")), self.path.stat().st_size
            state = State(str(note["etag"]), int(note["total"]), size)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return state if state.etag and 0 < size < state.total else None

    def begin(self, etag: str, total: int) -> None:
        """Start anew."""
        self.path.unlink(missing_ok=True)
        self._note.write_text(json.dumps({"etag": etag, "total": total}), encoding="utf-8")

    def drop(self) -> None:
        """Take away what is left."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
