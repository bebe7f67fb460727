"""Wired neurons and Dale's law: traces, drift and fixed points, and that neither pieces nor numba change anything."""

import numpy as np
import pytest
import torch

from spikefa.dale import E1, E2, Pair
from spikefa.noise.stdp import mirrored_window
from spikefa.noise.wired import Wired
from spikefa.scan import using
from spikefa.streams import stream

WEIGHTS = np.array([[0.0, 1.0, -2.0], [0.5, 0.0, 0.0], [3.0, 0.0, 0.0]])
LEARNS = np.array([[False, True, False], [True, False, False], [False] * 3])


def drawn(steps=600, count=3):
    return torch.rand(steps, count, generator=stream(0, "drawn"), dtype=torch.float64).numpy()


def wired():
    return Wired(WEIGHTS, np.array([0.5, 0.0, -1.0]), refractory=5, learns=LEARNS)


def test_neurons_fire_by_the_probability_of_their_drive_and_rest_after_a_spike():
    net, noise, left = wired(), drawn(), np.zeros(3)
    for chance, spk in zip(noise, net.move(noise), strict=True):
        u = net.bias + WEIGHTS @ (left > 0)
        now = (chance < 1 / (1 + 5 * np.exp(-u))) & (left == 0)
        assert (spk == now).all()
        left = np.where(now, 5, np.maximum(left - 1, 0))


def test_what_does_not_learn_rests_whatever_its_sign():
    net = Wired(-WEIGHTS, np.zeros(3), refractory=5, learns=LEARNS)
    net.move(drawn())
    assert (net.weights == -WEIGHTS).all()


def test_a_negative_weight_lowers_the_rate():
    low, high = (Pair(off=(0.0, 0.0)).rests((w, 0.0), 100_000, stream(0, "noise"))[1].rates[E2] for w in (-1.0, 0.0))
    assert low < high - 0.05


def test_the_order_is_the_mirrored_window():
    net = wired()
    spk = torch.from_numpy(net.move(drawn())).double()[:, None]
    window = mirrored_window([(spk[..., :1], spk[..., 1:2])], tau=5)
    assert net.order[1, 0] - net.order[0, 1] == pytest.approx(window.item(), rel=1e-12)


def test_learning_is_eta_times_that_window_and_keeps_the_sum_and_what_rests():
    net = wired()
    net.move(drawn(60), eta=1e-9)
    change = net.weights - WEIGHTS
    window = net.order[1, 0] - net.order[0, 1]
    assert abs(window) > 0.1
    assert change[0, 1] == pytest.approx(1e-9 * window, rel=1e-6)
    assert change[1, 0] == pytest.approx(-1e-9 * window, rel=1e-6)
    assert (net.weights[~LEARNS] == WEIGHTS[~LEARNS]).all()


def test_excitatory_synapses_stay_so():
    net = wired()
    net.move(drawn(), eta=1.0)
    assert net.weights[LEARNS].min() >= 0
    assert np.abs(net.weights - WEIGHTS).max() > 0.5


def test_pieces_and_numba_change_nothing():
    whole = wired()
    spk = whole.move(drawn(), 0.05)
    with using("reference"):
        plain = wired()
        pieces = [plain.move(piece, 0.05) for piece in np.split(drawn(), 6)]
    assert spk.sum() > 50
    assert (np.concatenate(pieces) == spk).all()
    np.testing.assert_allclose(plain.weights, whole.weights, rtol=1e-12)


def test_without_drive_the_rate_is_one_in_two_refractory_times_and_one_step():
    found = Wired(np.zeros((2, 2)), np.zeros(2), refractory=10).run(200_000, stream(0, "noise"))
    assert found.rates == pytest.approx([10 / 21] * 2, rel=0.02)


def test_the_effective_weight_is_that_of_both_paths():
    pair = Pair(onto=(4.0, 2.0), off=(-1.0, -0.4), inter=(-2.0, -1.0))
    assert pair.effective((1.0, 0.7)) == pytest.approx((1.0 - 1.0, 0.7 - 0.4))


def test_equal_paths_and_weights_are_at_rest_and_unequal_weights_approach():
    drifts = [Pair().rests(direct, 500_000, stream(0, "noise"))[0] for direct in ((1.0, 1.0), (1.5, 0.5), (0.5, 1.5))]
    print(drifts)
    assert abs(drifts[0]) < 0.01  # standard error 0.002
    assert drifts[1] < -0.05
    assert drifts[2] > 0.05


def test_without_interneurons_the_weights_meet_at_their_mean():
    course = Pair(off=(0.0, 0.0)).align((0.4, 1.6), eta=0.002, records=60, steps=50_000, generator=stream(0, "noise"))
    late = course[30:].mean(0)
    print(late)
    assert late == pytest.approx([1.0, 1.0], abs=0.06)  # standard error 0.02
    assert course.sum(1) == pytest.approx(np.full(61, 2.0))


def test_unequal_paths_are_made_up_for_in_part():
    pair = Pair(off=(-1.5, -0.5))  # effective weights are equal where the direct ones differ by 1
    course = pair.align((1.0, 1.0), eta=0.002, records=60, steps=50_000, generator=stream(0, "noise"))
    late = course[30:].mean(0)
    assert 0.2 < late[0] - late[1] < 0.5


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="onto must be ≥ 0 and off ≤ 0"):
        Pair(off=(1.0, -1.0))
    with pytest.raises(ValueError, match=r"weights must be \[N, N\]"):
        Wired(np.zeros((2, 3)), np.zeros(2), refractory=5)
    with pytest.raises(ValueError, match="refractory must be a whole number"):
        Pair(refractory=0).wired((1.0, 1.0))
    assert (E1, E2) == (0, 1)
