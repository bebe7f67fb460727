"""Batchwise random signs: the weights' signs after any update, and new magnitudes that a seed and a count decide."""

import itertools

import pytest
import torch
from torch import nn

from spikefa import adapt, attach, routed, weight_alignment
from spikefa.rules import BatchwiseRandomSignFeedback
from tests.rules.oracle import OPTIMIZERS, generator, training


def drawn(updates, weight, seed=1):
    """The magnitudes after each of ``updates`` updates, those of the start first."""
    pathway = BatchwiseRandomSignFeedback(weight, generator(seed))
    found = [pathway.magnitude.clone()]
    for _ in range(updates):
        pathway.step(weight)
        found.append(pathway.magnitude.clone())
    return found


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.func.__name__)
def test_signs_follow_the_weights_after_every_update_and_magnitudes_are_new(optimizer):
    seen = {}
    for net in itertools.islice(training("brsf", torch.float64, optimizer), 10):
        for name, layer in routed(net).items():
            b = layer.feedback(layer.weight.detach())
            assert weight_alignment(net)[name]["sign_agreement"] == 1
            assert all((b.abs() != before).all() for before in seen.setdefault(name, []))
            seen[name].append(b.abs())


def test_magnitudes_are_those_of_random_feedback_with_the_spread_of_the_start():
    weight = torch.randn(60, 50, generator=generator(0), dtype=torch.float64)
    std = weight.std(correction=0).item()
    pathway = BatchwiseRandomSignFeedback(weight, generator(1))
    found = [pathway(weight).abs()]
    for _ in range(99):
        pathway.step(100 * weight)
        found.append(pathway(weight).abs())
    values = torch.stack(found)
    assert values.max() <= 3**0.5 * std
    shares = torch.histc(values, bins=10, min=0, max=3**0.5 * std) / values.numel()
    assert (shares - 0.1).abs().max() < 5 * (0.1 * 0.9 / values.numel()) ** 0.5
    correlation = torch.corrcoef(values.flatten(1)) - torch.eye(100)
    assert correlation.abs().max() < 5.5 / weight.numel() ** 0.5, "one draw tells nothing of another"


def test_b_is_the_same_at_all_time_steps_of_an_update():
    layer = attach(nn.Linear(4, 3), "brsf", first=True)
    used = [layer.feedback(layer.weight.detach()) for _ in range(3) if layer(torch.ones(4)) is not None]
    adapt(layer)
    assert used[0].equal(used[1])
    assert used[0].equal(used[2])
    assert not used[0].equal(layer.feedback(layer.weight.detach()))


def test_magnitudes_depend_on_the_seed_and_the_number_of_updates_alone():
    weight = torch.randn(5, 4, generator=generator(0))
    once, again, other = drawn(5, weight), drawn(5, weight.sign() * weight.abs()), drawn(5, weight, seed=2)
    assert all(a.equal(b) for a, b in zip(once, again, strict=True))
    assert not any(a.equal(b) for a, b in itertools.product(once, other))
    late = BatchwiseRandomSignFeedback(weight, generator(3))
    early = BatchwiseRandomSignFeedback(weight, generator(1))
    for _ in range(3):
        early.step(weight)
    late.load_state_dict(early.state_dict())
    late.step(-weight)
    assert late.magnitude.equal(once[4])


def test_one_bit_a_weight_is_moved_at_every_update():
    for updates, net in enumerate(itertools.islice(training("brsf"), 4), start=1):
        assert [int(layer.feedback.bits) for layer in routed(net).values()] == [updates * 120, updates * 30]


def test_a_weight_of_zero_carries_no_error():
    weight = torch.tensor([[1.0, 0.0, -1.0]])
    assert BatchwiseRandomSignFeedback(weight, generator(0))(weight).sign().equal(weight)
