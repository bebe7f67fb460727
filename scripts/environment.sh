# Sourced by the other scripts: makes .venv beside the checkout's files once, installs spikefa into it, and enters it.
# SPIKEFA_PYTHON names the interpreter to use (3.11 to 3.13), python3 if unset.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${SPIKEFA_PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'; then
    echo "spikefa needs Python 3.11 to 3.13, but $python is $("$python" --version 2>&1): set SPIKEFA_PYTHON" >&2
    exit 2
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
# shellcheck disable=SC1091
. .venv/bin/activate
python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".$1"
