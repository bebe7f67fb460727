"""The reference of wired neurons obeys its laws, by itself."""

import doctest

import numpy as np
import pytest

b2 = pytest.importorskip("brian2.only", reason="the reference models need Brian2")

from models import dale  # noqa: E402
from models.trace import Trace, difference  # noqa: E402

pytestmark = pytest.mark.usefixtures("numpy_target")

WEIGHTS = np.array([[0.0, 1.0, -2.0], [0.9, 0.0, 0.0], [3.0, 0.0, 0.0]])
LEARNS = np.array([[False, True, False], [True, False, False], [False] * 3])


def run(dt=1, **override):
    given = {"bias": np.array([0.5, 0.0, -1.0]), "eta": 0.02, "refractory": 6}
    noise = np.random.default_rng(0).random((500, 3))
    return dale.run(dale.Wired(WEIGHTS, learns=LEARNS, noise=noise, **{**given, **override}), dt * b2.ms)


def test_neurons_fire_by_the_probability_of_their_drive_and_rest_after_a_spike():
    spk, noise = run(eta=0.0)["neurons", "spk"][:, 0], np.random.default_rng(0).random((500, 3))
    for t in range(500):
        z = spk[max(0, t - 6) : t].any(0)
        u = np.array([0.5, 0.0, -1.0]) + WEIGHTS @ z
        assert (spk[t] == ((noise[t] < 1 / (1 + 6 * np.exp(-u))) & ~z)).all()
    assert spk.sum() > 50


def test_both_excitatory_synapses_move_by_all_pairs_of_spikes_the_opposite_way():
    trace = run(eta=0.02)
    spk, w = trace["neurons", "spk"][:, 0], trace["synapses", "w"][:, 0]
    first, second = np.flatnonzero(spk[:, 0]), np.flatnonzero(spk[:, 1])
    pairs = sum(np.sign(t - s) * np.exp(-abs(t - s) / 6) for s in first for t in second)
    assert w.min(0)[0] > 0
    assert w[-1, [0, 2]] == pytest.approx([1.0 + 0.02 * pairs, 0.9 - 0.02 * pairs])
    assert (w[:, [1, 3]] == [-2.0, 3.0]).all()


def test_excitatory_synapses_stay_so():
    w = run(eta=2.0)["synapses", "w"][:, 0]
    assert w[:, [0, 2]].min() == 0
    assert w[:, [0, 2]].max() > 2


def test_the_time_step_does_not_matter():
    coarse, fine = run(), run(dt=0.1)
    assert difference(coarse, Trace(fine.arrays, fine.units, coarse.dt), 1e-9) is None


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"weights and learns must be \[N, N\]"):
        run(bias=np.zeros(2))


def test_examples():
    assert doctest.testmod(dale).failed == 0
