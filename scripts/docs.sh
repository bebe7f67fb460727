#!/usr/bin/env bash
# Builds the documentation's site into docs/_build; a warning is an error. Sets up .venv. Further options go to sphinx.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh" "[docs,metrics]"
python -m sphinx --builder html --fail-on-warning --keep-going --quiet "$@" docs docs/_build
echo "site: docs/_build/index.html"
