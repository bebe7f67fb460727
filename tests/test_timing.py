"""The exact distribution of spike-time differences, against spikes and against what symmetry demands."""

import numpy as np
import pytest

from spikefa.potentials import alpha, exponential
from spikefa.timing import TwoNeurons

CASES = {
    "rectangular": (None, 0),
    "delayed": (None, 3),
    "alpha": (alpha(6, 2.0), 0),
    "exponential, delayed": (exponential(6, 2.0), 2),
}


def networks(count=5, seed=0):
    """Random weight pairs and bias pairs."""
    return zip(*np.random.default_rng(seed).uniform(-2, 2, (2, count, 2)), strict=True)


def simulated(pair, steps, replicas, lags, seed=0):
    """A plain loop over time: how often 2 spikes so many steps after 1, of every replica ``[replicas, 2 lags + 1]``."""
    rng, length = np.random.default_rng(seed), pair.refractory
    potential = np.ones(length) if pair.potential is None else pair.potential
    felt = np.concatenate([np.zeros(pair.delay + 1), potential, [0.0]])
    spikes = np.zeros((steps, 2, replicas), bool)
    age, arrived = (np.full((2, replicas), 10**6) for _ in range(2))
    for t in range(steps):
        arrived = np.where(age > pair.delay, age, arrived)
        kappa = felt[np.minimum(arrived, len(felt) - 1)]
        drive = np.array(pair.bias)[:, None] + np.array(pair.weights)[:, None] * kappa[::-1]
        spikes[t] = (rng.random((2, replicas)) < 1 / (1 + length * np.exp(-drive))) & (age > length)
        age, arrived = np.where(spikes[t], 1, age + 1), arrived + 1
    late = spikes[20 * length :]
    kept, count = late[lags:-lags], len(late) - 2 * lags
    return np.stack([(kept[:, 0] & late[lags + d : lags + d + count, 1]).mean(0) for d in range(-lags, lags + 1)], 1)


@pytest.mark.parametrize("name", CASES)
def test_the_differences_are_those_of_simulated_spikes(name):
    """Within 4.5 standard errors at every lag, and of the size of one on average."""
    potential, delay = CASES[name]
    pair = TwoNeurons((1.5, -0.7), (-0.5, 0.8), 6, potential, delay)
    found = simulated(pair, steps=6000, replicas=150, lags=12)
    z = (found.mean(0) - pair.differences(12)) / (found.std(0, ddof=1) / 150**0.5)
    assert np.abs(z).max() < 4.5
    assert 0.4 < (z**2).mean() < 2


@pytest.mark.parametrize("refractory", [1, 4, 9])
def test_equal_weights_have_no_drift_and_symmetric_differences_for_any_biases(refractory):
    for (w, v), bias in networks():
        even, odd = (TwoNeurons((x, w), tuple(bias), refractory) for x in (w, v))
        assert abs(even.drift(refractory)) < 1e-12
        assert abs(odd.drift(refractory)) > 1e-6
        for nearest in (False, True):
            found = even.differences(3 * refractory, nearest)
            np.testing.assert_allclose(found, found[::-1], rtol=1e-9)


@pytest.mark.parametrize(("potential", "delay"), [(None, 1), (alpha(6, 2.0), 0), (exponential(6, 2.0), 0)])
def test_with_other_potentials_and_delays_biases_shift_the_fixed_point_but_equal_ones_do_not(potential, delay):
    equal, other = (TwoNeurons((0.0, 0.5), bias, 6, potential, delay) for bias in ((0.7, 0.7), (-0.5, 0.5)))
    assert equal.balance(6.0) == pytest.approx(0.5, abs=1e-8)
    assert abs(other.balance(6.0) - 0.5) > 0.02


def test_delays_weaken_sal_and_turn_it_round():
    """By the parts that the class's docstring gives."""
    drift = [TwoNeurons((1.05, 0.95), (0.0, 0.0), 10, delay=delay).drift(10.0) for delay in (0, 2, 4, 6)]
    assert drift[0] < 0
    assert [round(each / drift[0], 2) for each in drift[1:]] == [0.75, 0.35, -0.02]


@pytest.mark.parametrize("name", CASES)
def test_the_drift_is_the_window_summed_over_all_differences(name):
    potential, delay = CASES[name]
    lag = np.arange(-150, 151)
    for weights, bias in networks(3):
        pair = TwoNeurons(tuple(weights), tuple(bias), 6, potential, delay)
        window = np.sign(lag) * np.exp(-np.abs(lag) / 6)
        assert pair.drift(6.0) == pytest.approx(window @ pair.differences(150), rel=1e-8)


def test_exchanging_the_neurons_turns_the_differences_and_the_drift():
    for weights, bias in networks(3):
        one, other = TwoNeurons(tuple(weights), tuple(bias), 5), TwoNeurons(tuple(weights[::-1]), tuple(bias[::-1]), 5)
        np.testing.assert_allclose(one.differences(20), other.differences(20)[::-1])
        assert one.drift(5.0) == pytest.approx(-other.drift(5.0))
        assert one.rates == pytest.approx(other.rates[::-1])


def test_the_larger_weight_shrinks():
    assert (
        TwoNeurons((1.5, 0.5), (-0.5, -0.2), 10).drift(10.0) < 0 < TwoNeurons((0.5, 1.5), (-0.5, -0.2), 10).drift(10.0)
    )


def test_without_weights_the_rate_is_that_of_a_renewal_process():
    bias = np.array([-0.5, 1.0])
    pair = TwoNeurons((0.0, 0.0), tuple(bias), 7)
    assert pair.rates == pytest.approx(1 / (7 + 1 + 7 * np.exp(-bias)))
    np.testing.assert_allclose(pair.differences(9), np.prod(pair.rates))


def test_nearest_spikes_are_all_spikes_up_to_the_refractory_time_and_fewer_beyond():
    pair = TwoNeurons((1.0, 0.5), (0.0, 0.3), 6)
    every, nearest = pair.differences(30), pair.differences(30, nearest=True)
    near = np.abs(np.arange(-30, 31)) <= 7
    np.testing.assert_allclose(every[near], nearest[near])
    assert (nearest[~near] < every[~near]).all()


def test_a_weight_that_finds_no_fixed_point_is_said_to_run_away():
    pair = TwoNeurons((0.0, 1.0), (1.0, 0.0), 10, exponential(10, 5.0))
    assert pair.balance(10.0) == np.inf


@pytest.mark.parametrize(("refractory", "delay"), [(0, 0), (5, -1), (5, 6)])
def test_impossible_times_are_refused(refractory, delay):
    with pytest.raises(ValueError, match=f"not refractory={refractory}, delay={delay}"):
        TwoNeurons((1.0, 1.0), (0.0, 0.0), refractory, delay=delay)


@pytest.mark.parametrize(("shape", "tau", "top"), [(exponential, 5.0, 1), (alpha, 5.0, 5), (alpha, 3.0, 3)])
def test_potentials_have_the_area_of_the_rectangular_one_and_their_top_where_they_should(shape, tau, top):
    found = shape(10, tau)
    assert found.sum() == pytest.approx(10)
    assert np.argmax(found) + 1 == top
    later = found[20:] / found[20]
    time = np.arange(21, len(found) + 1)
    np.testing.assert_allclose(later, (time / 21) ** (shape is alpha) * np.exp(-(time - 21) / tau))
