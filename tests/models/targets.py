"""The exact cases in Brian2's compiled targets do what they do in its numpy target."""

import shutil

import pytest

from spikefa.models import trace
from spikefa.validation import cases
from spikefa.validation.target import target
from tests.validation.conftest import GOLDEN

compiler = pytest.mark.skipif(
    shutil.which("c++") is None, reason="Brian2 compiles with a C++ compiler, and none is here"
)
COMPILED = [pytest.param(name, marks=[pytest.mark.slow, compiler]) for name in ("cython", "cpp_standalone")]


def check(name, where):
    """The reference of a case, compiled, is the golden one."""
    (case,) = (case for case in cases(name.partition("-")[0]) if case.name == name)
    with target(where):
        found = case.reference()
    assert trace.difference(trace.Trace.load(GOLDEN / f"{name}.npz"), found, 1e-10, relative=True) is None
