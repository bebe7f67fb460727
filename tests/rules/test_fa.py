"""Feedback alignment: what is drawn at the start stays, and nothing is transported."""

import itertools

import pytest
import torch

from spikefa import attach, routed
from spikefa.rules import FeedbackAlignment
from tests.rules.oracle import generator, spiking, training


def test_b_never_changes_and_moves_nothing_while_the_weights_learn():
    start = attach(spiking(), "fa")
    for net in itertools.islice(training("fa"), 20):
        for layer, before in zip(routed(net).values(), routed(start).values(), strict=True):
            assert layer.feedback(layer.weight.detach()).equal(before.feedback(before.weight))
            assert layer.feedback.bits == 0
            assert not layer.weight.equal(before.weight)


@pytest.mark.parametrize("offset", [0, 3], ids=["centred", "shifted"])
def test_b_is_uniform_with_the_standard_deviation_of_the_weight(offset):
    weight = offset + 0.2 * torch.randn(100, 100, 3, 3, generator=generator(0))
    b = FeedbackAlignment(weight, generator(1))(weight)
    limit = 3**0.5 * weight.std().item()
    assert b.abs().max() <= limit
    shares = torch.histc(b, bins=10, min=-limit, max=limit) / b.numel()
    assert (shares - 0.1).abs().max() < 5 * (0.1 * 0.9 / b.numel()) ** 0.5
    assert b.std().item() == pytest.approx(weight.std().item(), rel=5 * (0.8 / b.numel()) ** 0.5 / 2)


@pytest.mark.parametrize("value", [0.0, 0.5, float("nan")])
def test_a_weight_without_a_scale_is_refused(value):
    with pytest.raises(ValueError, match=r"standard deviation of this W \(2, 3\) is"):
        FeedbackAlignment(torch.full((2, 3), value), generator(0))
