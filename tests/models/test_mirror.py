"""The reference model of the weight mirror obeys the rule's own laws."""

import doctest

import numpy as np
import pytest

pytest.importorskip("brian2", reason="the reference models need Brian2")

from models import mirror, noise
from tests.models.targets import COMPILED, check

pytestmark = pytest.mark.usefixtures("numpy_target")


@pytest.fixture
def made():
    """W, B₀ and known spikes of 6 → 4 neurons over six stimuli."""
    rng = np.random.default_rng(0)
    spikes = rng.random((600, 6)) < np.repeat(noise.groups(6, 6, rng), 100, 0)
    return rng.normal(size=(4, 6)), rng.normal(size=(4, 6)), spikes.astype(float)


def test_counts_are_those_of_the_spikes(made):
    trace = mirror.run(*made, stimuli=3)
    for population in ("lower", "upper"):
        spk = trace[population, "spk"]
        np.testing.assert_array_equal(trace[population, "n"], spk.reshape(6, 100, 1, -1).sum(1))
    np.testing.assert_array_equal(trace["lower", "spk"][:, 0], made[2])
    assert trace["upper", "n"].sum() > 20


def test_b_moves_towards_the_covariance_of_the_counts_once_a_phase(made):
    weight, b, spikes = made
    trace = mirror.run(weight, b, spikes, stimuli=3, eta=0.2, decay=0.5)
    for phase in range(2):
        below, above = (trace[name, "n"][3 * phase : 3 * phase + 3, 0] for name in ("lower", "upper"))
        joint = np.cov(above.T, below.T, ddof=0)[:4, 4:]
        b = b + 0.2 * (joint - 0.5 * b)
        np.testing.assert_allclose(trace["synapses", "b"][phase], b, rtol=1e-12)


def test_silence_leaves_only_decay(made):
    weight, feedback, spikes = made
    trace = mirror.run(weight, feedback, 0 * spikes[:300], stimuli=3, eta=0.2, decay=0.5)
    np.testing.assert_allclose(trace["synapses", "b"][0], 0.9 * feedback)


def test_phases_in_one_run_are_runs_of_their_own(made):
    weight, feedback, spikes = made
    whole = mirror.run(weight, feedback, spikes, stimuli=3)
    first = mirror.run(weight, feedback, spikes[:300], stimuli=3)
    second = mirror.run(weight, first["synapses", "b"][-1], spikes[300:], stimuli=3)
    for variable in (("upper", "v"), ("upper", "n"), ("synapses", "b")):
        np.testing.assert_array_equal(whole[variable], np.concatenate([first[variable], second[variable]]))


def test_linear_b_goes_to_w_over_the_decay():
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=(3, 4)), rng.normal(size=(4000, 4))
    trace = mirror.run_linear(weight, np.zeros((3, 4)), x, stimuli=100, eta=0.2, decay=0.5)
    np.testing.assert_allclose(trace["synapses", "b"][20:].mean(0), weight / 0.5, atol=0.3)


def test_linear_b_is_what_the_formula_says():
    rng = np.random.default_rng(0)
    weight, b, x = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=(6, 4))
    trace = mirror.run_linear(weight, b, x, stimuli=2, eta=0.2, decay=0.5)
    np.testing.assert_array_equal(trace["lower", "x"][:, 0], x)
    np.testing.assert_allclose(trace["upper", "y"][:, 0], x @ weight.T)
    for phase in range(3):
        now = x[2 * phase : 2 * phase + 2]
        b = b + 0.2 * (weight @ now.T @ now / 2 - 0.5 * b)
        np.testing.assert_allclose(trace["synapses", "b"][phase], b)


def test_what_does_not_fit_is_refused(made):
    weight, feedback, spikes = made
    with pytest.raises(ValueError, match="whole number of phases of 400 steps"):
        mirror.run(weight, feedback, spikes, stimuli=4)
    with pytest.raises(ValueError, match="both be"):
        mirror.run_linear(weight, feedback.T, spikes[:4], stimuli=2)


def test_examples():
    assert doctest.testmod(mirror).failed == 0


@pytest.mark.parametrize("where", COMPILED)
def test_compiled_it_does_the_same(where):
    check("mirror", where)
