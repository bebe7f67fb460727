"""The reference network of Kolen-Pollack learning obeys the rule's law, without torch."""

import doctest
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

from spikefa.models import kp
from spikefa.validation.kp import Kp

pytestmark = pytest.mark.usefixtures("numpy_target")


def distances(trace, start, feedback):
    """‖W − B‖ before and after each update."""
    w = np.concatenate([start.readout.weight[None], trace["synapses_2", "w"]])
    b = np.concatenate([feedback[None], trace["feedback", "b"]])
    return np.linalg.norm(w - b, axis=(1, 2))


@pytest.mark.parametrize(("decay", "batch"), [(5.0, 1), (20.0, 1), (5.0, 4)])
def test_the_difference_shrinks_by_one_minus_eta_decay_at_every_update(decay, batch):
    start, samples, feedback = Kp(decay=decay, batch=batch).lesson()
    found = distances(kp.run(start, samples, feedback), start, feedback)
    print(f"measured {np.mean(found[1:] / found[:-1]):.9f}, theory {1 - start.eta * decay:.9f}")
    np.testing.assert_allclose(found[1:] / found[:-1], 1 - start.eta * decay, rtol=1e-9)
    assert len(found) == 32 / batch + 1


def test_what_is_equal_stays_equal():
    """With B = W this is backpropagation, and no update parts the two."""
    start, samples, _ = Kp(decay=5.0).lesson()
    trace = kp.run(start, samples, start.readout.weight)
    np.testing.assert_allclose(trace["feedback", "b"], trace["synapses_2", "w"], rtol=1e-9, atol=1e-12)
    assert np.abs(trace["feedback", "b"][-1] - start.readout.weight).max() > 0.1


def test_without_decay_it_is_refused():
    start, samples, feedback = Kp(decay=5.0).lesson()
    with pytest.raises(ValueError, match="needs decay above 0"):
        kp.run(replace(start, decay=0.0), samples, feedback)


def test_examples():
    assert doctest.testmod(kp) == (0, 7)
