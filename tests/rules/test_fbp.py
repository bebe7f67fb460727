"""Frozen backpropagation: backpropagation at period 1, copies on time, and what they cost."""

import itertools

import pytest
import torch
from torch import nn

from spikefa import adapt, attach, routed, weight_alignment
from spikefa.rules import FrozenBackprop
from tests.rules.oracle import generator, training

UPDATES = 60
DTYPES = [torch.float32, torch.float64]


def same_weights(a, b):
    return all(p.equal(q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_period_one_is_backpropagation_bit_for_bit(dtype):
    nets = zip(training("bp", dtype), training("fbp:period=1", dtype), strict=True)
    assert all(same_weights(bp, fbp) for bp, fbp in itertools.islice(nets, UPDATES))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("rule", "early"), [("fbp:period=2", False), ("fbp:period=1", True)], ids=["period 2", "early"]
)
def test_a_longer_period_or_a_copy_before_the_update_is_not_backpropagation(rule, early, dtype):
    """The first update is the same, as B₀ = W₀; what is sent back from the second one on is not."""
    nets = zip(training("bp", dtype), training(rule, dtype, early=early), strict=True)
    same = [same_weights(bp, fbp) for bp, fbp in itertools.islice(nets, 3)]
    assert same == [True, False, False]


@pytest.mark.parametrize("period", [1, 3, 7])
def test_b_is_bit_constant_between_copies_and_equals_the_weight_after_each(period):
    b = {}
    for updates, net in enumerate(itertools.islice(training(f"fbp:period={period}"), 3 * period), start=1):
        for name, layer in routed(net).items():
            used = layer.feedback(layer.weight.detach())
            if updates % period == 0:
                b[name] = layer.weight.detach().clone()
            assert used.equal(b.setdefault(name, used.clone()))
            assert used.equal(layer.weight) == (updates % period == 0)


def test_b_starts_as_a_copy_of_the_weight_and_not_as_the_weight_itself():
    weight = torch.randn(3, 2, generator=generator(0))
    pathway, start = FrozenBackprop(weight, generator(0)), weight.clone()
    weight.mul_(2)
    assert pathway(weight).equal(start)


@pytest.mark.parametrize("period", [1, 4, 100])
@pytest.mark.parametrize("updates", [3, 4, 11])
def test_bits_are_those_of_the_copies_made(period, updates):
    weight = torch.zeros(5, 3)
    pathway = FrozenBackprop(weight, generator(0), period=period)
    for _ in range(updates):
        pathway.step(weight)
    assert pathway.bits == updates // period * 15 * 32


@pytest.mark.parametrize("period", [0, -3, 2.5, "10", None])
def test_a_period_that_is_no_positive_whole_number_is_refused(period):
    with pytest.raises(ValueError, match="period must be a whole number"):
        FrozenBackprop(torch.zeros(1, 1), generator(0), period=period)


def test_drift_is_the_relative_distance_just_before_the_last_copy():
    weight = torch.randn(4, 3, dtype=torch.float64, generator=generator(0))
    net = attach(nn.Sequential(nn.Linear(3, 4, bias=False)).double(), "fbp:period=2", first=True)
    net[0].weight.data.copy_(weight)
    net[0].feedback.weight.copy_(weight)
    drifts = []
    for scale in (2.0, 4.0, 5.0, 8.0):
        net[0].weight.data.copy_(scale * weight)
        adapt(net)
        drifts.append(weight_alignment(net)["0"]["drift"])
    assert drifts == pytest.approx([0, 3 / 4, 3 / 4, 4 / 8], rel=1e-12)


@pytest.mark.parametrize("late", [-1, 0.5, "x", True])
def test_a_delay_that_is_no_whole_number_is_refused(late):
    with pytest.raises(ValueError, match=f"late must be a whole number, at least 0, not {late!r}"):
        FrozenBackprop(torch.ones(1, 2), generator(0), late=late)


def test_drift_of_a_late_copy_is_that_before_its_arrival():
    weight = torch.ones(1, 2)
    pathway = FrozenBackprop(weight, generator(0), period=2, late=1)
    drifts = []
    for scale in (2.0, 4.0, 5.0, 8.0, 10.0):
        pathway.step(scale * weight)
        drifts.append(pathway.measures(scale * weight)["drift"])
    assert drifts == pytest.approx([0, 0, 4 / 5, 4 / 5, 6 / 10]), "what was sent at 4 arrived at 5, and at 8 at 10"
