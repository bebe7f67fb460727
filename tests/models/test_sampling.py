"""The reference of a sampling network does what its equations say, by itself."""

import doctest
from dataclasses import replace

import numpy as np
import pytest

b2 = pytest.importorskip("brian2.only", reason="the reference models need Brian2")

from models import sampling  # noqa: E402
from models.trace import Trace, difference  # noqa: E402

pytestmark = pytest.mark.usefixtures("numpy_target")

N, STEPS, CYCLES, LENGTH = 4, 150, 3, 6


def given(**override) -> sampling.Sampler:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(N, N)) * (1 - np.eye(N))
    amplitudes = 1 + 0.3 * rng.normal(size=(2, N, N))
    sampler = sampling.Sampler(
        weight,
        rng.normal(size=N),
        rng.random((N, N)) / 3,
        amplitudes,
        rng.random((CYCLES * STEPS, N)),
        CYCLES,
        STEPS,
        LENGTH,
        eta=0.4,
        eta_s=0.6,
        decay=0.1,
        bound=0.3,
    )
    return replace(sampler, **override)


@pytest.mark.parametrize("both", [False, True])
def test_cycle_by_cycle_it_fires_counts_pairs_of_spikes_and_learns_as_a_plain_loop_does(both):
    sampler = given(both=both)
    trace, w, b = sampling.run(sampler), sampler.weight, sampler.bias
    (a, a_order), off = sampler.amplitudes, 1 - np.eye(N)
    wake = a if both else 1
    for cycle in range(CYCLES):
        last, order, count = np.full(N, -np.inf), np.zeros((N, N)), np.zeros(N)
        for t, noise in enumerate(sampler.noise[cycle * STEPS : (cycle + 1) * STEPS]):
            z = t - last <= LENGTH
            now = (noise < 1 / (1 + LENGTH * np.exp(-b - w @ z))) & ~z
            near = np.maximum(0, 1 - (t - last) / LENGTH)
            order += now[:, None] * near * off
            count, last = count + now, np.where(now, t, last)
        order, count = order * LENGTH / STEPS, count * LENGTH / STEPS
        change = 0.4 * (wake * sampler.together - a * (order + order.T)) + 0.6 * a_order * (order.T - order) - 0.1 * w
        w, b = ((w + change) * off).clip(-0.3, 0.3), (b + 0.4 * (sampler.together.diagonal() - count)).clip(-0.3, 0.3)
        for name, expected in (("order", order), ("count", count), ("w", w), ("bias", b)):
            np.testing.assert_allclose(trace["units", name][cycle], expected, atol=1e-12, err_msg=name)
    assert (np.abs(w) == 0.3).any(), "no weight comes to the bound: not all is tried"


def test_the_time_step_does_not_matter():
    coarse, fine = sampling.run(given()), sampling.run(given(), dt=0.1 * b2.ms)
    assert difference(coarse, Trace(fine.arrays, fine.units, coarse.dt, fine.every), 1e-9) is None


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shapes \(\(4, 4\), \(2, 4, 4\), \(600, 4\)\), got"):
        given(cycles=4)


def test_examples():
    assert doctest.testmod(sampling).failed == 0
