"""Where Brian2's code runs is as it was before, whatever happened meanwhile."""

import signal

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


def test_an_interrupt_ends_a_simulation_and_leaves_no_half_of_one():
    interrupt = b2.NetworkOperation(lambda: signal.raise_signal(signal.SIGINT))
    network, graceful = b2.Network(interrupt), b2.prefs.core.stop_on_keyboard_interrupt
    with pytest.raises(KeyboardInterrupt), target("numpy"):
        network.run(10 * b2.ms, namespace={})
    assert b2.prefs.core.stop_on_keyboard_interrupt is graceful is True
