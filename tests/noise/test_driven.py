"""What drives the spiking phases: exponential filters in pieces, and LIF neurons above Poisson groups."""

import math
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch

from spikefa.noise.driven import Drive
from spikefa.noise.exponential import Exponentials
from spikefa.noise.lif import lif
from spikefa.scan import using
from tests.rules.oracle import generator

FILTER = Exponentials((0.7, -0.3), (3.0, 20.0))


def spikes(steps=230, probability=0.2, shape=(2, 4)):
    return (torch.rand(steps, *shape, generator=generator(0)) < probability).double()


def test_a_filter_is_the_sum_over_all_spikes_in_the_past():
    spk = spikes()
    naive = torch.zeros_like(spk)
    for t in range(len(spk)):
        for s in range(t):
            naive[t] += (0.7 * math.exp(-(t - s) / 3) - 0.3 * math.exp(-(t - s) / 20)) * spk[s]
    torch.testing.assert_close(FILTER(spk)[0], naive, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("way", [nullcontext, partial(using, "reference")], ids=["compiled", "torch"])
def test_spikes_may_be_booleans(way):
    spk, start = spikes(), torch.rand(2, 2, 4, generator=generator(1), dtype=torch.float64)
    with way():
        for given in (start, start[:, :1, :1]):
            for found, expected in zip(FILTER(spk.bool(), given), FILTER(spk, given), strict=True):
                assert found.equal(expected)
        for found, expected in zip(FILTER(spk.bool()), FILTER(spk.float()), strict=True):
            assert found.equal(expected)


@pytest.mark.parametrize("size", [1, 7, 100, 150])
def test_a_filter_does_not_care_how_the_time_is_split(size):
    spk, state, pieces = spikes(), None, []
    for piece in spk.split(size):
        y, state = FILTER(piece, state)
        pieces.append(y)
    whole, end = FILTER(spk)
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(state, end, rtol=1e-12, atol=1e-13)


def test_a_filter_stays_at_the_mean_of_constant_input():
    constant = torch.full((120, 1, 1), 0.3, dtype=torch.float64)
    start = FILTER.mean(0.3, constant)
    y, end = FILTER(constant, start)
    torch.testing.assert_close(end, start, rtol=1e-12, atol=0)
    torch.testing.assert_close(y, (0.7 * start[0] - 0.3 * start[1]).expand_as(y), rtol=1e-12, atol=0)


def test_lif_neurons_go_on_from_where_they_were():
    cur = torch.randn(60, 2, 5, generator=generator(0))
    options = {"decay": 0.9, "gain": 0.8, "reset": -1.0}
    spk, v = lif(cur, **options)
    assert 0 < spk[:30].mean() < 0.5
    start = torch.where(spk[29] > 0, -1.0, v[29])
    later, later_v = lif(cur[30:], start=start, **options)
    assert later.equal(spk[30:])
    assert later_v.equal(v[30:])


def plain(lower, weight, mean, dt):
    """Spikes above of one replica, by the equations of :class:`Drive`, spike by spike in NumPy."""
    weight = weight * 3 / np.sqrt((weight**2).sum(1).mean())
    fall, rise = np.zeros(len(weight)), np.zeros(len(weight))
    v, out = np.zeros(len(weight)), []
    for below in lower:
        v = np.exp(-dt / 20) * v + dt * (fall - rise) / 7
        out.append(v > 1)
        v = np.where(v > 1, -1, v)
        arriving = weight @ (below - mean)
        fall, rise = np.exp(-dt / 10) * (fall + arriving), np.exp(-dt / 3) * (rise + arriving)
    return np.array(out)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("dt", [1.0, 0.25])
def test_the_neurons_are_those_of_the_equations(centred, dt):
    weight = torch.randn(6, 15, generator=generator(0), dtype=torch.float64)
    drive = Drive(200, 50, dt, 3, centred)
    lower, upper = (torch.cat(side).numpy() for side in zip(*drive(weight, generator(1)), strict=True))
    mean = 0.2 * 0.2 * dt if centred else 0.0
    assert upper.sum() > 20
    for replica in range(3):
        assert (plain(lower[:, replica], weight.numpy(), mean, dt) == upper[:, replica]).all()


@pytest.mark.parametrize("fan_in", [5, 27, 784])
def test_neurons_fire_at_about_thirty_hertz_whatever_the_fan_in_and_the_scale(fan_in):
    weight = 0.01 * torch.randn(64, fan_in, generator=generator(0))
    upper = torch.cat([spk for _, spk in Drive(500, 25, 1.0, 16)(weight, generator(1))]).float()
    assert 1000 * upper.mean() == pytest.approx(30, abs=6)


def test_centring_makes_the_rate_independent_of_a_common_part_of_the_weights():
    weight = torch.randn(64, 100, generator=generator(0))
    rates = {}
    for centred in (True, False):
        drive = Drive(500, 25, 1.0, 16, centred)
        rates[centred] = [
            float(1000 * torch.cat([spk for _, spk in drive(weight + shift, generator(1))]).float().mean())
            for shift in (-0.3, 0.3)
        ]
    assert rates[True][0] == pytest.approx(rates[True][1], rel=0.2)
    assert rates[False][0] < rates[False][1] / 10


def test_the_mean_rate_is_that_of_the_groups_drawn():
    for count in (1, 3, 12, 50):
        lower = torch.cat([spk for spk, _ in Drive(2000, 20, 1.0, 32)(torch.ones(1, count), generator(0))]).float()
        assert lower.mean() == pytest.approx(Drive(2000, 20, 1.0, 32).rate(count), rel=0.05)


def test_weights_of_zero_leave_the_neurons_silent():
    assert not any(spk.any() for _, spk in Drive(50, 25, 1.0, 2)(torch.zeros(3, 4), generator(0)))


def test_the_membranes_are_those_that_meet_the_threshold():
    drive, weight = Drive(duration=100, hold=25, dt=1.0, replicas=3), torch.randn(7, 10)
    pieces = list(drive(weight, torch.Generator().manual_seed(0)))
    populations = list(drive.populations(weight, torch.Generator().manual_seed(0)))
    assert len(pieces) == len(populations) == 4
    for (lower, upper), (below, above, v) in zip(pieces, populations, strict=True):
        assert torch.equal(lower, below)
        assert torch.equal(upper, above)
        assert torch.equal(above > 0, v > 1)
