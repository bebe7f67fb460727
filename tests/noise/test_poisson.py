"""Poisson noise into groups of neurons: who is driven, and when they spike."""

import pytest
import torch

from spikefa.noise.driven import FRACTION, RATE, Drive
from spikefa.noise.poisson import groups, poisson_groups, scattered
from tests.rules.oracle import generator


@pytest.mark.parametrize(("count", "size"), [(1, 1), (3, 1), (12, 2), (50, 10), (784, 157)])
def test_a_group_is_a_fifth_of_the_neurons_and_none_is_in_it_twice(count, size):
    found = groups(count, generator(0), replicas=4, number=5, fraction=0.2)
    assert found.shape == (5, 4, size)
    assert found.min() >= 0
    assert found.max() < count
    assert all(len(set(group.tolist())) == size for group in found.flatten(0, 1))


def test_all_pairs_of_neurons_are_as_often_in_a_group_and_groups_are_independent():
    found = groups(10, generator(0), replicas=8, number=5000, fraction=0.3)
    driven = torch.zeros(5000, 8, 10).scatter_(2, found, 1.0)
    together = torch.einsum("tbi,tbj->ij", driven, driven) / 40_000
    expected = torch.full((10, 10), 3 * 2 / (10 * 9)).fill_diagonal_(0.3)
    torch.testing.assert_close(together, expected, rtol=0, atol=0.01)  # 4 standard errors
    off = driven - 0.3
    for one, two in ((off[1:], off[:-1]), (off[:, 1:], off[:, :-1])):  # the group before, and the next replica
        products = torch.einsum("tbi,tbj->ij", one, two) / (one.shape[0] * one.shape[1])
        assert products.abs().max() < 0.005


def test_spikes_are_scattered_to_those_whose_they_are():
    driven = groups(9, generator(0), replicas=3, number=20, fraction=0.4)
    spk = torch.rand(20, 3, 4, generator=generator(1)) < 0.5
    naive = torch.zeros(20, 3, 9, dtype=torch.bool)
    for t in range(20):
        for b in range(3):
            for n in range(4):
                naive[t, b, driven[t, b, n]] = spk[t, b, n]
    assert scattered(driven, spk, 9).equal(naive)


def test_a_group_is_driven_for_as_long_as_it_is_held_and_others_are_silent():
    spk = poisson_groups(10, generator(0), steps=47, replicas=6, hold=20, rate=1.0)
    for piece in spk.split(20):  # the last one is shorter
        assert piece.equal(piece[:1].expand_as(piece))
        assert (piece.sum(2) == 2).all()
    assert not spk[0].equal(spk[20])


def test_driven_neurons_spike_at_the_rate_each_for_itself():
    certain, spk = (poisson_groups(10, generator(0), steps=40_000, replicas=2, hold=100, rate=r) for r in (1.0, 0.2))
    assert not spk[~certain].any()
    assert spk[certain].float().mean() == pytest.approx(0.2, abs=0.005)  # 5 standard errors
    off = (spk.float() - 0.2)[certain].view(400, 100, 2, 2)  # hold, step, replica, neuron of the group
    for one, two in ((off[:, 1:], off[:, :-1]), (off[:, :, 1:], off[:, :, :-1]), (off[..., 1:], off[..., :-1])):
        assert (one * two).mean().abs() < 0.005


def test_a_drive_of_one_replica_spikes_as_poisson_groups_do():
    drive, options = Drive(200, 50, 0.5, 1), {"hold": 100, "rate": RATE * 0.5, "fraction": FRACTION}
    lower = torch.cat([lower for lower, _ in drive(torch.randn(4, 11), generator(1))])
    assert lower.equal(poisson_groups(11, generator(1), steps=400, replicas=1, **options))
    assert lower.any()
