#!/usr/bin/env bash
# All checks: lint, types, tests with doctests and the Brian2 models. Sets up .venv. Further options go to pytest.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh" "[dev,brian2]"
ruff check .
ruff format --check .
mypy
# One thread a worker: the layers of the tests are too small to share among threads.
export OMP_NUM_THREADS=1
exec pytest --numprocesses auto --dist worksteal --quiet "$@"
