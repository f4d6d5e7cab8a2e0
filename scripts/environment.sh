# Sourced by demo.sh and test.sh: a virtual environment in .venv with the pinned packages.
# PYTHON names another interpreter, SITING_VENV another folder.

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "expected Python 3.11 or newer, found $("$python" --version 2>&1); fix: PYTHON=/path/to/python3.11 $0" >&2
  exit 2
}
venv=${SITING_VENV:-.venv}

# install EXTRAS: reinstalls only when the project's requirements or the pins have changed
install() {
  local stamp="$venv/.installed-${1:-core}"
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  if [ ! -e "$stamp" ] || [ pyproject.toml -nt "$stamp" ] || [ scripts/constraints.txt -nt "$stamp" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      --constraint scripts/constraints.txt --editable ".${1:+[$1]}"
    touch "$stamp"
  fi
}
