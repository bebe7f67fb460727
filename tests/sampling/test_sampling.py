"""Sampling networks: their states are the target's, their windows those of their spikes, and learning makes both so."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from spikefa.noise.draw import uniform
from spikefa.sampling import Amplitudes, Boltzmann, Slept, WakeSleep, asymmetry, divergence, network, sleep
from spikefa.streams import stream

WEIGHT = np.array([[0, 1.5, -0.6], [-0.4, 0, 0.9], [0.3, -1.0, 0]])
BIAS = np.array([-0.4, 0.2, 0.6])


def plain(weight, bias, length, drawn):
    """Step by step: spikes ``[t, N]`` and states ``[t, N]``."""
    last, spikes, states = np.full(len(bias), -(10**6)), [], []
    for t, chance in enumerate(drawn):
        z = t - last <= length
        now = (chance < 1 / (1 + length * np.exp(-bias - weight @ z))) & ~z
        last = np.where(now, t, last)
        spikes.append(now)
        states.append(z)
    return np.array(spikes), np.array(states)


@pytest.mark.parametrize("length", [1, 5])
def test_a_sleep_is_what_a_plain_loop_and_all_pairs_of_last_spikes_give(length, monkeypatch):
    monkeypatch.setattr(network, "CHUNK", 97)
    steps, options = 1000, {"generator": stream(0, "a"), "dtype": torch.float64}
    found = sleep(WEIGHT, BIAS, refractory=length, steps=steps, **options)
    noise = stream(0, "a")
    drawn = torch.cat(
        [uniform(min(97, steps - t), 3, generator=noise, dtype=torch.float64) for t in range(0, steps, 97)]
    )
    spikes, states = plain(WEIGHT, BIAS, length, drawn.numpy())
    order = np.zeros((3, 3))
    for t, i in np.argwhere(spikes):
        for j in range(3):
            past = np.flatnonzero(spikes[:t, j])
            if j != i:
                order[i, j] += max(0, 1 - (t - past[-1]) / length) if len(past) else 0
    assert (spikes.sum(1) > 1).any(), "no spikes coincide: not all is tried"
    np.testing.assert_allclose(found.order, order * length / steps, atol=1e-12)
    same = spikes.T.astype(float) @ spikes * (1 - np.eye(3))
    np.testing.assert_allclose(found.same, same * length / steps)
    np.testing.assert_allclose(found.rates, spikes.sum(0) * length / steps)
    assert (found.occupied == np.bincount(states @ [1, 2, 4], minlength=8)).all()


def test_both_orders_together_are_the_time_that_two_neurons_are_on_together():
    """But for what the end cuts off, at most one potential of each neuron."""
    steps, length = 20_000, 20
    found = sleep(WEIGHT, BIAS, refractory=length, steps=steps, generator=stream(0, "a"))
    states = np.arange(8)[:, None] >> np.arange(3) & 1
    on = states.T @ (found.occupied[:, None] * states)
    assert (found.together * steps - on >= -1e-9).all()
    assert (found.together * steps - on <= length).all()


def test_a_symmetric_network_samples_the_boltzmann_distribution():
    target = Boltzmann.drawn(4, stream(0, "target"))
    options = {"refractory": 50, "steps": 4_000_000, "generator": stream(0, "a")}
    found = sleep(target.weight, target.bias, **options)
    assert divergence(target.probability, found.occupied) < 0.003
    assert divergence(target.probability, sleep(0 * target.weight, target.bias, **options).occupied) > 0.02
    np.testing.assert_allclose(found.together, target.together, atol=0.02)


def test_spikes_follow_in_the_direction_of_the_larger_weight():
    weight = np.array([[0, 1.5], [0.2, 0]])
    order = sleep(weight, np.zeros(2), refractory=10, steps=400_000, generator=stream(0, "a")).order
    even = sleep(
        (weight + weight.T) / 2, np.array([-1.0, 1]), refractory=10, steps=400_000, generator=stream(0, "a")
    ).order
    assert order[0, 1] - order[1, 0] > 0.02
    assert abs(even[0, 1] - even[1, 0]) < 0.004


def test_moments_are_those_of_all_states():
    target = Boltzmann(np.array([[0, 0.7], [0.7, 0]]), np.array([0.3, -1.0]))
    odds = np.exp([0, 0.3, -1.0, 0.3 - 1.0 + 0.7])
    np.testing.assert_allclose(target.probability, odds / odds.sum())
    np.testing.assert_allclose(
        target.together, np.array([[odds[1] + odds[3], odds[3]], [odds[3], odds[2] + odds[3]]]) / odds.sum()
    )


def test_the_divergence_is_that_of_frequencies():
    p = np.array([0.5, 0.3, 0.2])
    assert divergence(p, (p * 1e9).astype(int)) == pytest.approx(0, abs=1e-8)
    assert divergence(p, np.array([3, 3, 3]) * 10**8) == pytest.approx((p * np.log(3 * p)).sum(), rel=1e-6)
    assert np.isfinite(divergence(p, np.array([5, 5, 0])))


SMALL = WakeSleep(
    "none", units=3, refractory=10, cycles=300, duration=200, rate=0.1, aligning=0.1, sample=5000, tests=1
)


def test_only_sal_and_kolen_pollack_lose_the_asymmetry():
    left = {}
    for rule in ("none", "sal", "kp"):
        course = replace(SMALL, rule=rule, asymmetry=0.5, decay=0.01, bound=9.0).run(seed=1)
        left[rule] = course.asymmetry[-1] / course.asymmetry[0]
        assert course.divergence[-1] < 0.2 * course.divergence[0]
    assert left["none"] == pytest.approx(1)
    assert left["kp"] == pytest.approx((1 - 0.01) ** 600)
    assert left["sal"] < 0.2


def given(**options):
    made = replace(SMALL, **options)
    target = Boltzmann.drawn(3, stream(0, "target"))
    return made, target.together, Amplitudes.drawn(3, made.scatter, stream(0, "amplitudes"))


def asleep(order, rates, same=0.0):
    return Slept(rates, order * (1 - np.eye(3)), same * (1 - np.eye(3)), np.zeros(8, int))


@pytest.mark.parametrize("both", [False, True])
def test_a_network_that_sleeps_as_it_wakes_stays_as_it_is_only_if_amplitudes_act_on_both_phases(both):
    made, together, amplitudes = given(rule="sal", scatter=0.3, both=both)
    slept = asleep(together / 2, together.diagonal())
    weight, bias = made.learned(WEIGHT, BIAS, together, slept, amplitudes)
    np.testing.assert_allclose(bias, BIAS)
    assert np.allclose(weight, WEIGHT) == both


def test_spikes_of_the_same_step_count_only_if_they_should():
    for simultaneous in (False, True):
        made, together, amplitudes = given(simultaneous=simultaneous)
        slept = asleep(together / 2 - 0.05, together.diagonal(), same=0.1)
        weight, _ = made.learned(WEIGHT, BIAS, together, slept, amplitudes)
        np.testing.assert_allclose(weight - WEIGHT, 0.0 if simultaneous else 0.01 * (1 - np.eye(3)), atol=1e-15)


def test_amplitudes_multiply_what_each_synapse_learns_by_its_windows():
    order = np.array([[0, 0.3, 0.1], [0.2, 0, 0.4], [0.3, 0.2, 0]])
    made, together, amplitudes = given(rule="sal", scatter=0.3, bound=9.0, aligning=0.2)
    weight, bias = made.learned(WEIGHT, BIAS, together, asleep(order, np.array([0.5, 0.4, 0.3])), amplitudes)
    a, b = amplitudes
    expected = 0.1 * (together - a * (order + order.T)) + 0.2 * b * (order.T - order)
    np.testing.assert_allclose(weight - WEIGHT, expected * (1 - np.eye(3)), atol=1e-12)
    np.testing.assert_allclose(bias - BIAS, 0.1 * (together.diagonal() - [0.5, 0.4, 0.3]))


def test_bounds_keep_weights_and_biases():
    made, together, amplitudes = given(bound=0.5)
    weight, bias = made.learned(WEIGHT, BIAS, together, asleep(0.0, np.zeros(3)), amplitudes)
    assert np.abs(weight).max() == 0.5 == np.abs(bias).max()
    assert not weight.diagonal().any()


def test_amplitudes_scatter_about_one_and_are_cut():
    one, other = Amplitudes.drawn(16, 0.4, stream(0, "amplitudes"))
    assert np.abs(np.stack([one, other]) - 1).max() <= 0.6
    assert 0.24 < one.std() < 0.34  # of a normal number cut at 1.5: 0.74
    assert one.mean() == pytest.approx(1, abs=0.06)
    assert (one != other).all()


def test_rules_and_noises_start_from_the_same_and_runs_repeat():
    starts = [replace(SMALL, rule=rule).start(stream(3, "start")) for rule in ("none", "sal")]
    assert (starts[0][0] == starts[1][0]).all()
    assert asymmetry(starts[0][0]) == 0
    one, twin, other = (replace(SMALL, cycles=3).run(seed) for seed in (0, 0, 1))
    assert (one.weight == twin.weight).all()
    assert (one.weight != other.weight).any()
    still = [replace(SMALL, cycles=1, rate=1e-9).run(seed).weight for seed in (0, 1)]
    assert np.abs(still[0] - still[1]).max() > 0.05, "seeds start from the same weights"


@pytest.mark.parametrize(
    "option",
    [
        {"rule": "hebb"},
        {"cycles": 0},
        {"rate": -1.0},
        {"scatter": 2.0},
        {"both": 1},
        {"simultaneous": "no"},
        {"decay": -0.1},
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(option):
    name, value = next(iter(option.items()))
    with pytest.raises(ValueError, match=f"{name} must be .* not {value!r}"):
        replace(SMALL, **option)


@pytest.mark.parametrize("weight", [np.ones((2, 2)), np.array([[0, 1.0], [2.0, 0]]), np.zeros((3, 3))])
def test_what_is_no_boltzmann_machine_is_refused(weight):
    with pytest.raises(ValueError, match="weight must be"):
        Boltzmann(weight, np.zeros(2))
