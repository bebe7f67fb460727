"""Uniform sign feedback: after any update the signs are those of the weights, the magnitude the one of the start."""

import itertools

import pytest
import torch

from spikefa import routed, weight_alignment
from spikefa.rules import UniformSignFeedback
from tests.rules.oracle import OPTIMIZERS, generator, spiking, training


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.func.__name__)
def test_b_is_the_sign_of_the_weight_times_the_spread_of_its_start_after_every_update(optimizer):
    start = spiking(torch.float64)
    for net in itertools.islice(training("usf", torch.float64, optimizer), 10):
        for name, layer in routed(net).items():
            scale = start.get_submodule(name).weight.std(correction=0)
            assert layer.feedback(layer.weight.detach()).equal(layer.weight.sign() * scale)
            assert weight_alignment(net)[name]["sign_agreement"] == 1
    for name, layer in routed(net).items():
        assert not layer.weight.sign().equal(start.get_submodule(name).weight.sign())


@pytest.mark.parametrize("factor", [1e-3, 1.0, 50.0])
def test_the_cosine_to_the_weight_is_that_of_its_distribution(factor):
    """cos(sign(W), W) = E|W| / √E W²: √(2/π) for a normal W, √3/2 for a uniform one."""
    normal, uniform = torch.randn(400, 300, generator=generator(0)), torch.rand(400, 300, generator=generator(0)) - 0.5
    for weight, expected in ((normal, (2 / torch.pi) ** 0.5), (uniform, 3**0.5 / 2)):
        b = UniformSignFeedback(factor * weight, generator(0))(factor * weight)
        assert torch.cosine_similarity(b.ravel(), weight.ravel(), dim=0).item() == pytest.approx(expected, rel=3e-3)


def test_one_bit_a_weight_is_moved_at_every_update():
    for updates, net in enumerate(itertools.islice(training("usf"), 4), start=1):
        assert [int(layer.feedback.bits) for layer in routed(net).values()] == [updates * 120, updates * 30]


def test_a_weight_of_zero_carries_no_error():
    weight = torch.tensor([[1.0, 0.0, -1.0]])
    assert UniformSignFeedback(weight, generator(0))(weight).sign().equal(weight)


@pytest.mark.parametrize("scale", [1, 0.3])
def test_a_scale_of_ones_own_takes_the_place_of_the_spread(scale):
    weight = torch.tensor([[5.0, 5.0, -5.0]])
    assert UniformSignFeedback(weight, generator(0), scale=scale)(-weight).equal(-weight.sign() * scale)
    assert UniformSignFeedback(torch.ones(1, 2), generator(0), scale=scale).scale == pytest.approx(scale)


@pytest.mark.parametrize("scale", [0, -1, "large", True])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match=rf"scale must be a positive number, not {scale!r}"):
        UniformSignFeedback(torch.randn(2, 3), generator(0), scale=scale)


@pytest.mark.parametrize("value", [0.0, 0.5, float("nan")])
def test_a_weight_without_a_scale_is_refused(value):
    with pytest.raises(ValueError, match=r"standard deviation of this W \(2, 3\) is"):
        UniformSignFeedback(torch.full((2, 3), value), generator(0))
