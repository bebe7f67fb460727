"""Normalised sign feedback: after any update both the signs and the norm are those of the weights."""

import itertools

import pytest
import torch

from spikefa import routed, weight_alignment
from spikefa.rules import NormalizedSignFeedback
from tests.rules.oracle import OPTIMIZERS, generator, training


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.func.__name__)
def test_signs_and_norm_are_those_of_the_weight_after_every_update_and_magnitudes_are_one(optimizer):
    norms = {}
    for net in itertools.islice(training("usf_sn", torch.float64, optimizer), 10):
        for name, layer in routed(net).items():
            b = layer.feedback(layer.weight.detach())
            norms.setdefault(name, set()).add(layer.weight.norm().item())
            assert weight_alignment(net)[name]["sign_agreement"] == 1
            assert weight_alignment(net)[name]["norm_ratio"] == pytest.approx(1, rel=1e-14)
            assert b.abs().unique().numel() == 1
    assert all(len(seen) == 10 for seen in norms.values())


@pytest.mark.parametrize("zeros", [1, 7, 59])
def test_weights_of_zero_carry_no_error_and_the_others_the_whole_norm(zeros):
    weight = torch.randn(6, 10, generator=generator(0), dtype=torch.float64)
    weight.view(-1)[:zeros] = 0
    b = NormalizedSignFeedback(weight, generator(0))(weight)
    assert b.sign().equal(weight.sign())
    assert b.norm().item() == pytest.approx(weight.norm().item(), rel=1e-14)


def test_without_any_weight_there_is_no_feedback():
    weight = torch.zeros(2, 3)
    assert NormalizedSignFeedback(weight, generator(0))(weight).equal(weight)


def test_b_scales_with_the_weight():
    weight = torch.randn(6, 10, generator=generator(0))
    pathway = NormalizedSignFeedback(weight, generator(0))
    assert pathway(-4 * weight).equal(-4 * pathway(weight))


@pytest.mark.parametrize(("dtype", "word"), [(torch.float32, 32), (torch.float64, 64)], ids=str)
def test_one_bit_a_weight_and_one_number_are_moved_at_every_update(dtype, word):
    for updates, net in enumerate(itertools.islice(training("usf_sn", dtype), 4), start=1):
        found = [int(layer.feedback.bits) for layer in routed(net).values()]
        assert found == [updates * (120 + word), updates * (30 + word)]
