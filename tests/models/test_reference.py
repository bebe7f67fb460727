"""The reference models in Brian2 do what tests/golden has of them."""

import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

from spikefa.models import trace
from spikefa.validation import Exact
from spikefa.validation.target import target
from tests.validation.conftest import golden  # noqa: F401
from tests.validation.test_golden import EXACT, STATISTICAL, name


@pytest.mark.parametrize("case", [*EXACT, *STATISTICAL], ids=name)
def test_the_reference_is_golden(case, golden):  # noqa: F811
    with target("numpy"):
        if isinstance(case, Exact):
            assert trace.difference(golden(case), case.reference(), 1e-10, relative=True) is None
        else:
            assert case.reference(0) == pytest.approx({each: values[0] for each, values in golden(case).items()})
