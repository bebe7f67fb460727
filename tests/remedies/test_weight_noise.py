"""Noise of the weights: a random walk of the size that is written, of layers with a pathway alone."""

import re

import pytest
import torch
from torch import nn

from spikefa import attach, remedy
from spikefa.remedies import WeightNoise


def test_weight_noise_adds_up_as_a_random_walk_and_spares_layers_without_a_pathway():
    net = attach(nn.Sequential(nn.Linear(50, 60), nn.Linear(60, 70)), "fa")
    start = [layer.weight.detach().clone() for layer in net]
    noise = WeightNoise(net, std=0.1)
    for _ in range(25):
        noise.step()
    assert net[0].weight.equal(start[0])
    assert ((net[1].weight - start[1]).norm() / start[1].norm()).item() == pytest.approx(0.5, rel=0.05)


def test_noise_is_the_same_again_and_another_for_another_seed():
    def walked(**options):
        torch.manual_seed(0)
        net = attach(nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 6)), "fa")
        noise = WeightNoise(net, **options)
        noise.step()
        return net[1].weight

    assert walked().equal(walked())
    assert not walked().equal(walked(seed=1))


def test_no_noise_is_refused():
    with pytest.raises(ValueError, match="std must be a positive number, not 0"):
        WeightNoise(attach(nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 6)), "fa"), std=0)


def test_noise_in_the_weights_is_that_of_the_seed():
    def noise(seed, name="weight_noise:std=0.1"):
        net = attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), "fa")
        with torch.no_grad():
            net[1].weight.fill_(1.0)
        remedy(name, seed)(net).step()
        return net[1].weight.detach()

    assert not noise(0).equal(noise(1))
    assert noise(1).equal(noise(1))
    assert noise(0, "weight_noise:std=0.1,seed=5").equal(noise(1, "weight_noise:std=0.1,seed=5"))


@pytest.mark.parametrize("name", ["weight_noise+weight_noise", "weight_noise:std=0.1+weight_norm+weight_noise"])
def test_noise_that_would_be_the_same_twice_is_refused(name):
    with pytest.raises(ValueError, match=rf"in '{re.escape(name)}' two would draw the same noise: .* as seed=1$"):
        remedy(name)


def test_noise_of_two_seeds_adds_up_as_independent_noise_does():
    net = attach(nn.Sequential(nn.Linear(4, 3), nn.Linear(300, 200)), "fa")
    start = net[1].weight.detach().clone()
    remedy("weight_noise:std=0.1+weight_noise:std=0.1,seed=1")(net).step()
    assert float((net[1].weight.detach() - start).norm() / start.norm()) == pytest.approx(0.1 * 2**0.5, rel=0.02)
