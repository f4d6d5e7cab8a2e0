#!/usr/bin/env bash
# Sets up a virtual environment and runs every check: format, types, imports, tests. Arguments go to pytest; "-n 0" runs the tests
# in one process, for a debugger.
# SITING_EXTRAS=data also installs what the embedded data are rebuilt from, so that the tests rebuild them.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
install "test,lint${SITING_EXTRAS:+,$SITING_EXTRAS}"
bin=$venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
"$bin/lint-imports"
exec "$bin/python" -m pytest -n 2 --dist loadfile "$@"
