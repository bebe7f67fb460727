"""The reference model of STDWI obeys the rule's own laws."""

import doctest

import numpy as np
import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

from models import noise, stdwi
from tests.models.targets import COMPILED, check

pytestmark = pytest.mark.usefixtures("numpy_target")


@pytest.fixture
def made():
    """W, B₀ and known spikes of 6 → 4 neurons over 300 steps."""
    rng = np.random.default_rng(0)
    spikes = rng.random((300, 6)) < np.repeat(noise.groups(6, 12, rng), 25, 0)
    return rng.normal(size=(4, 6)), rng.normal(size=(4, 6)), spikes.astype(float)


def learned(trace, feedback, steps, eta=stdwi.ETA, decay=stdwi.DECAY):
    """B by a loop over all pairs of spikes, for traces that begin at zero difference."""
    lower, upper, b = trace["lower", "spk"][:, 0], trace["upper", "spk"][:, 0], feedback.copy()
    a_slow = np.expm1(1 / 200) / np.expm1(1 / 20)
    start = noise.mean_rate(lower.shape[1], 1 * stdwi.DT) / np.expm1(1 / 20)
    for t in range(steps):
        for i in np.flatnonzero(upper[t]):
            x = np.full(lower.shape[1], start * (np.exp(-t / 20) - np.exp(-t / 200)))
            for s in range(t):
                x += lower[s] * (np.exp(-(t - s) / 20) - a_slow * np.exp(-(t - s) / 200))
            b[i] += eta * (x - decay * b[i])
    return b


def test_b_is_what_the_pairs_of_spikes_say(made):
    weight, feedback, spikes = made
    trace = stdwi.run(weight, feedback, spikes, phase=300)
    assert trace["upper", "spk"].sum() > 10
    np.testing.assert_allclose(trace["synapses", "b"][0], learned(trace, feedback, 300), rtol=1e-10)


def test_given_spikes_are_the_spikes(made):
    weight, feedback, spikes = made
    trace = stdwi.run(weight, feedback, spikes, phase=300)
    np.testing.assert_array_equal(trace["lower", "spk"][:, 0], spikes)


def test_the_traces_of_a_spike_have_equal_areas():
    spikes = np.zeros((4000, 2))
    spikes[10, 0] = 1
    x = stdwi.run(np.zeros((1, 2)) + 1e-9, np.zeros((1, 2)), spikes, phase=4000)["lower", "x"][:, 0]
    response = x[:, 0] - x[:, 1]  # both neurons' traces begin at their means
    assert (response[:11] == 0).all(), "a spike is seen from the next step on"
    assert response[11] > 0.8
    assert abs(response.sum()) < 1e-6


def test_silence_teaches_nothing(made):
    weight, feedback, spikes = made
    trace = stdwi.run(weight, feedback, 0 * spikes, phase=100, centred=False)
    assert not trace["upper", "spk"].any()
    assert (trace["synapses", "b"] == feedback).all()


def test_phases_in_one_run_are_runs_of_their_own(made):
    weight, feedback, spikes = made
    whole = stdwi.run(weight, feedback, spikes, phase=100)
    b = feedback
    for number in range(3):
        part = stdwi.run(weight, b, spikes[100 * number : 100 * (number + 1)], phase=100)
        b = part["synapses", "b"][-1]
        np.testing.assert_array_equal(whole["upper", "v"][100 * number : 100 * (number + 1)], part["upper", "v"])
        np.testing.assert_array_equal(whole["synapses", "b"][number], b)


def test_neurons_fire_beyond_the_threshold_and_are_reset(made):
    weight, feedback, spikes = made
    trace = stdwi.run(weight, feedback, spikes, phase=300)
    v, spk = trace["upper", "v"], trace["upper", "spk"]
    np.testing.assert_array_equal(spk, v > 1)
    assert (v[1:][spk[:-1]] < 0).all()


def test_rates_are_the_drives():
    stdwi.b2.seed(0)
    drive = noise.groups(20, 20, np.random.default_rng(0))
    trace = stdwi.run(np.ones((1, 20)), np.zeros((1, 20)), drive, held=25, phase=500)
    rates = trace["lower", "spk"].reshape(20, 25, 20).mean(1)
    assert (rates[drive == 0] == 0).all()
    assert rates[drive > 0].mean() == pytest.approx(0.2, abs=0.03)  # 2,000 draws: 3.4 standard errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feedback": np.zeros((6, 4))}, "both be"),
        ({"drive": np.full((300, 6), 1.5)}, "probabilities"),
        ({"drive": np.zeros((300, 5))}, r"\[n, 6\]"),
        ({"phase": 70}, "whole number of phases of 70 steps"),
    ],
)
def test_what_does_not_fit_is_refused(made, change, message):
    given = dict(zip(("weight", "feedback", "drive"), made, strict=True)) | {"phase": 300} | change
    with pytest.raises(ValueError, match=message):
        stdwi.run(**given)


@pytest.mark.parametrize("module", [stdwi, noise])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("where", COMPILED)
def test_compiled_it_does_the_same(where):
    check("stdwi", where)
