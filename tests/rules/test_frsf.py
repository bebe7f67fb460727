"""Sign-concordant feedback: the signs are those of the weights after any update, the magnitudes stay."""

import itertools

import pytest
import torch

from spikefa import routed, weight_alignment
from spikefa.rules import FixedRandomSignFeedback
from tests.rules.oracle import OPTIMIZERS, generator, training


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.func.__name__)
def test_signs_follow_the_weights_after_every_update_and_magnitudes_stay(optimizer):
    signs, magnitudes = {}, {}
    for net in itertools.islice(training("frsf", optimizer=optimizer), 10):
        for name, layer in routed(net).items():
            b = layer.feedback(layer.weight.detach())
            signs.setdefault(name, []).append(b.sign())
            assert weight_alignment(net)[name]["sign_agreement"] == 1
            assert b.abs().equal(magnitudes.setdefault(name, b.abs()))
    assert all((found[0] != found[-1]).any() for found in signs.values())


def test_one_bit_a_weight_is_moved_at_every_update():
    for updates, net in enumerate(itertools.islice(training("frsf"), 4), start=1):
        assert [int(layer.feedback.bits) for layer in routed(net).values()] == [updates * 120, updates * 30]


def test_magnitudes_are_those_of_random_feedback():
    weight = torch.randn(200, 100, generator=generator(0))
    magnitude = FixedRandomSignFeedback(weight, generator(1))(weight).abs()
    assert magnitude.square().mean().sqrt().item() == pytest.approx(weight.std().item(), rel=0.02)
    assert magnitude.mean().item() == pytest.approx(3**0.5 / 2 * weight.std().item(), rel=0.02)


def test_a_weight_of_zero_carries_no_error():
    weight = torch.tensor([[1.0, 0.0, -1.0]])
    assert FixedRandomSignFeedback(weight, generator(0))(weight).sign().equal(weight)
