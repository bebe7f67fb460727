"""What the reference models did, as scripts/golden.py recorded it: needs no Brian2."""

import json
from pathlib import Path

import pytest

from spikefa.models import trace
from spikefa.validation import Exact

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def golden():
    """`golden(case)`: the trace, or the statistics, of the reference of a case."""

    def load(case):
        if isinstance(case, Exact):
            return trace.Trace.load(GOLDEN / f"{case.name}.npz")
        return json.loads((GOLDEN / f"{case.name}.json").read_text(encoding="utf-8"))

    return load
