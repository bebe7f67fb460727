"""The reference models in Brian2 do what tests/golden has of them."""

import signal
from functools import partial

import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

import brian2.only as b2

from spikefa.models import trace
from spikefa.validation import VALIDATIONS, Exact, cases
from spikefa.validation.target import target
from tests.validation.conftest import golden  # noqa: F401
from tests.validation.test_golden import EXACT, STATISTICAL, mutants, name


@pytest.mark.parametrize("case", [*EXACT, *STATISTICAL], ids=name)
def test_the_reference_is_golden(case, golden):  # noqa: F811
    with target("numpy"):
        if isinstance(case, Exact):
            assert trace.difference(golden(case), case.reference(), 1e-10, relative=True) is None
        else:
            assert case.reference(0) == pytest.approx({each: values[0] for each, values in golden(case).items()})


@pytest.mark.parametrize(("rule", "mistake"), [("sampling", "wake"), ("dale", "wires")])
def test_a_mistake_before_the_first_step_is_not_handed_to_the_reference_too(rule, mistake, monkeypatch):
    wanted, break_it = mutants(rule)[mistake]
    case = next(case for case in cases(rule) if case.name == wanted)
    break_it(monkeypatch)
    assert not case.run(partial(target, "numpy")).agrees


@pytest.mark.parametrize("rule", VALIDATIONS)
def test_ctrl_c_ends_a_script_and_not_half_of_its_simulation(rule, monkeypatch, numpy_target):
    run, prefs = b2.Network.run, b2.prefs.core

    def interrupted(network, *args, **options):
        network.add(b2.NetworkOperation(lambda: signal.raise_signal(signal.SIGINT)))
        return run(network, *args, **options)

    monkeypatch.setattr(b2.Network, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cases(rule)[0].reference()
    assert prefs.stop_on_keyboard_interrupt is True, "a script's own choice"
