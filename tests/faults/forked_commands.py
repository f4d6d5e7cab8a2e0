"""Runs commands one after the other, each in a fork of one process that has loaded siting: real exit codes for one import.

Reads a JSON list of ``{"arguments": [...], "catalog": folder or null}`` and prints a list of ``{"code", "stdout", "stderr",
"changed"}``; the last are the files of the current folder that are new or others after the command.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn


def run(arguments: list[str], catalog_folder: str | None) -> dict[str, Any]:
    """Outcome of one command."""
    before = _files()
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            _become(arguments, catalog_folder, stdout.fileno(), stderr.fileno())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        changed = sorted(path for path, _ in _files() ^ before)
        return {"code": code, "stdout": _text(stdout), "stderr": _text(stderr), "changed": changed}


def _files() -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_mtime_ns) for path in Path().rglob("*") if path.is_file()}


def _text(stream: Any) -> str:
    stream.seek(0)
    return str(stream.read().decode())


def _become(arguments: list[str], catalog_folder: str | None, stdout: int, stderr: int) -> NoReturn:
    from siting import catalog, cli

    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    sys.argv = ["siting", *arguments]
    if catalog_folder:
        catalog.root = lambda: Path(catalog_folder)
    code: Any = 1
    try:
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    import siting.exports
    import siting.runner  # noqa: F401  so that no fork imports it again

    json.dump([run(each["arguments"], each.get("catalog")) for each in json.load(sys.stdin)], sys.stdout)
