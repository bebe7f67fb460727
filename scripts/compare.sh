#!/usr/bin/env bash
# The main job on the embedded data: sets up .venv, trains under four rules with three seeds, prints table and report.
# Further options go to `spikefa compare`.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh" ""
exec spikefa compare --rule bp fa fbp:period=20 sal --dataset digits --seed 0 1 2 --out runs/digits "$@"
