"""The reference of the microcircuit obeys its laws, by itself."""

import doctest
from dataclasses import replace

import numpy as np
import pytest

b2 = pytest.importorskip("brian2.only", reason="the reference models need Brian2")

from models import microcircuit  # noqa: E402
from models.trace import Trace, difference  # noqa: E402

pytestmark = pytest.mark.usefixtures("numpy_target")


def lesson(**override):
    """One pattern of 400 steps, learned."""
    given = {
        "noise": np.random.default_rng(0).random((400, 4)),
        "drive": np.ones(1),
        "target": np.ones(1),
        "aligning": np.zeros(1, bool),
        "taught": np.ones(1, bool),
        "weights": (1.5, -1.0, 0.7),
        "window": 30,
        "lag": 50,
        "apical": 0.3,
        "eta": (0.9, 0.4, 0.2),
    }
    return microcircuit.Lesson(**{**given, **override})


def phi(u):
    return 1 / (1 + 10 * np.exp(-u))


def mean(values, window=30):
    """Over the steps before each, zeros before the first."""
    padded = np.concatenate([np.zeros(window), values])
    return np.array([padded[t : t + window].mean() for t in range(len(values))])


def z(spk):
    return np.array([spk[max(0, t - 10) : t].any() for t in range(len(spk))])


def test_w_learns_at_spikes_from_below_by_how_far_the_soma_is_from_the_dendrite():
    trace = microcircuit.run(lesson())
    spk = {name: trace[name, "spk"].ravel() for name in microcircuit.NAMES}
    late = np.arange(400) >= 50
    for pre, post, eta, start in (("input", "hidden", 0.9, 1.5), ("hidden", "output", 0.4, -1.0)):
        w, u = trace[post, "w"].ravel(), trace[post, "v"].ravel()
        before = np.concatenate([[start], w[:-1]])
        basal = before * z(spk[pre])
        change = eta * (phi(mean(u)) - phi(mean(basal) - 1)) * (spk[pre] & late)
        np.testing.assert_allclose(w - before, change, atol=1e-12)
        assert (change != 0).sum() > 5


def test_the_interneuron_takes_off_what_the_output_sends_back():
    trace = microcircuit.run(lesson(taught=np.zeros(1, bool)))
    spk = {name: trace[name, "spk"].ravel() for name in microcircuit.NAMES}
    wanted = -1 + 1.5 * z(spk["input"]) + 0.3 * 0.7 * (1.0 * z(spk["output"]) - z(spk["inter"]))
    np.testing.assert_allclose(trace["hidden", "v"].ravel(), wanted, atol=1e-12)
    assert (trace["hidden", "w"] == 1.5).all()


def test_b_learns_in_aligning_alone_by_all_pairs_of_spikes_and_w_rests():
    trace = microcircuit.run(lesson(aligning=np.ones(1, bool)))
    lower, upper = (np.flatnonzero(trace[name, "spk"]) for name in ("hidden", "output"))
    pairs = sum(np.sign(t - s) * np.exp(-abs(t - s) / 10) for s in lower for t in upper)
    assert trace["hidden", "b"][-1].item() == pytest.approx(0.7 + 0.2 * pairs)
    assert (trace["output", "w"] == -1).all()
    assert (microcircuit.run(lesson())["hidden", "b"] == 0.7).all()


def test_the_time_step_does_not_matter():
    coarse, fine = (microcircuit.run(lesson(), dt=dt * b2.ms) for dt in (1, 0.1))
    assert difference(coarse, Trace(fine.arrays, fine.units, coarse.dt), 1e-9) is None


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"noise must be \[T, 4\]"):
        replace(lesson(), drive=np.ones(3))


def test_examples():
    assert doctest.testmod(microcircuit).failed == 0
