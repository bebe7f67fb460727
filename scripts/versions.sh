#!/usr/bin/env bash
# The tests that depend on snnTorch and torch, on the ends of the ranges that pyproject.toml admits.
#
#     scripts/versions.sh [SNNTORCH:TORCH ...]     default: 0.9.4:2.6.0 0.9.4:2.13.0 1.0.0:2.6.0 1.0.0:2.15.0
#
# Each pair gets an environment of its own in .versions, which stays there. SPIKEFA_PYTHON names the interpreter. On
# Linux, PyPI's builds of torch bring several GB of CUDA along: set PIP_INDEX_URL to an index of CPU builds, if you have one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || set -- 0.9.4:2.6.0 0.9.4:2.13.0 1.0.0:2.6.0 1.0.0:2.15.0
tests=(
    tests/test_{sequence,neurons,unrolling,recurrent_layers,batch_norm}.py tests/scan
    tests/test_{routing,attachment}.py tests/testing/test_rules.py
    tests/test_{encoding,readout,snntorch_users,experiment,training,local}.py tests/nir
)
export OMP_NUM_THREADS=1
failed=()
for pair in "$@"; do
    place=.versions/snntorch-${pair%:*}-torch-${pair#*:}
    [ -x "$place/bin/python" ] || "${SPIKEFA_PYTHON:-python3}" -m venv "$place"
    echo "== snnTorch ${pair%:*}, torch ${pair#*:}"
    "$place/bin/python" -m pip install --quiet --disable-pip-version-check \
        "snntorch==${pair%:*}" "torch==${pair#*:}" --editable '.[brian2,nir]' nirtorch pytest hypothesis
    "$place/bin/python" -m pytest -q -p no:cacheprovider "${tests[@]}" || failed+=("$pair")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
