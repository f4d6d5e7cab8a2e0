#!/usr/bin/env bash
# Sets up a virtual environment and ranks China's land on the embedded data: results/demo/map.html.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
install ""
exec "$venv/bin/siting" demo --out "${1:-results/demo}"
