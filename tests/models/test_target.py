"""Where Brian2's code runs is as it was before, whatever happened meanwhile."""

import pytest

b2 = pytest.importorskip("brian2.only", reason="the reference models need Brian2")

from spikefa.validation.target import TARGETS, target  # noqa: E402


def state() -> tuple[str, str]:
    return type(b2.get_device()).__name__, b2.prefs.codegen.target


@pytest.mark.parametrize("name", TARGETS)
def test_settings_come_back(name):
    before = state()
    with target(name):
        within = state()
    assert within != before or name == before[1]
    assert state() == before
    with pytest.raises(ZeroDivisionError), target(name):
        1 / 0  # noqa: B018
    assert state() == before


def test_a_target_must_exist():
    with pytest.raises(ValueError, match="no target is called 'numpi'"), target("numpi"):
        pass
