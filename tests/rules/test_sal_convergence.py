"""Spike-based alignment learning over many phases: where B goes, how fast, and how far it strays."""

import math

import pytest
import torch
from torch import nn

from spikefa import adapt, attach
from spikefa.alignment import alignment, norm_ratio
from spikefa.datasets import DATASETS
from spikefa.experiment import Experiment
from spikefa.networks.start import start
from spikefa.rules import SpikeAlignment
from spikefa.training import train
from tests.rules.oracle import generator, spikes

WEIGHT = torch.randn(8, 12, generator=generator(0)) * 2 / 12**0.5
STARTS = {"random": None, "zero": 0.0, "opposite": -1.0, "double": 2.0}


def phases(count, weight=WEIGHT, scale=None, **options):
    """The pathway after each of ``count`` noise phases, from ``scale`` times W, or random, on."""
    pathway = SpikeAlignment(weight, generator(1), every=1, **options)
    if scale is not None:
        pathway.weight.copy_(scale * weight)
    for _ in range(count):
        pathway.step(weight)
        yield pathway.weight


def last(iterator):
    *_, final = iterator
    return final


@pytest.mark.parametrize("scale", STARTS.values(), ids=STARTS)
def test_b_goes_to_w_from_any_start(scale):
    b = last(phases(20, scale=scale, eta=0.8, steps=1000, replicas=64))
    assert alignment(b, WEIGHT) > 0.99
    assert norm_ratio(b, WEIGHT) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("centred", [True, False])
def test_weights_that_all_excite_are_learned_if_the_drive_is_centred(centred):
    """With zero bias all neurons fire at the refractory limit here, where their spikes tell little."""
    b = last(phases(15, WEIGHT.abs(), eta=0.8, steps=1000, centred=centred))
    assert (alignment(b, WEIGHT.abs()) > 0.95) == centred


def test_centring_keeps_every_neuron_between_silence_and_the_refractory_limit():
    weight = start(nn.Linear, 128, 128, gain=4.0, generator=generator(0)).weight.detach()
    options = {"weight": weight, "feedback": weight, "bias": (-weight.sum(0) / 2, -weight.sum(1) / 2)}
    for population in spikes(1000, replicas=4, **options):
        rates = population.mean((0, 1)) * 11
        assert rates.min() > 0.35
        assert rates.max() < 0.75


CONVOLUTIONS = {
    "plain": nn.Conv2d(4, 6, 3),
    "3d": nn.Conv3d(3, 8, 2),
    "transposed": nn.ConvTranspose2d(4, 6, 3),
    "transposed-narrowing-groups": nn.ConvTranspose1d(16, 4, 5, groups=2),
}


@pytest.mark.parametrize("layer", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_convolution_is_learned_in_its_own_shape(layer):
    """W of a transposed one is [in, out, ...]: its ends change places in the phase, and B goes to W all the same."""
    nn.init.normal_(layer.weight, std=2 / layer.weight[0].numel() ** 0.5, generator=generator(0))
    net = attach(layer, "sal:every=1,eta=0.8,steps=1000", first=True)
    for _ in range(10):
        adapt(net)
    assert layer.feedback.weight.shape == layer.weight.shape
    assert alignment(layer.feedback.weight, layer.weight) > 0.98
    assert norm_ratio(layer.feedback.weight, layer.weight) == pytest.approx(1, abs=0.15)


def test_exchanging_the_ends_of_a_phase_changes_nothing_for_b():
    """What is left of W − B along W after four phases, whichever end drives the other through W."""
    left = []
    for weight in (WEIGHT, WEIGHT.T.contiguous()):
        b = last(phases(4, weight, scale=0.5, eta=0.4, steps=1000))
        left.append(float(1 - b.ravel() @ weight.ravel() / weight.square().sum()))
    assert left[0] == pytest.approx(left[1], abs=0.01)
    assert 0.15 < left[0] < 0.4


def test_the_defaults_align_a_layer_of_100_by_50_within_20_phases():
    weight = start(nn.Linear, 100, 50, gain=2.0, generator=generator(0)).weight.detach()
    assert alignment(SpikeAlignment(weight, generator(1)).weight, weight) < 0.1
    assert any(alignment(b, weight) > 0.95 for b in phases(20, weight))


def contraction(eta, count):
    """Rates at which B − W shrinks along its start, over the first and the second half of ``count`` phases."""
    start = -WEIGHT
    left = [float((b - WEIGHT).ravel() @ start.ravel()) for b in phases(count, scale=0.0, eta=eta, steps=500)]
    half = count // 2
    logs = [math.log(left[index] / start.square().sum()) for index in (half - 1, count - 1)]
    return -logs[0] / half, -(logs[1] - logs[0]) / half


def test_the_distance_to_w_shrinks_exponentially_at_a_rate_proportional_to_eta():
    slow, fast = contraction(0.4, 20), contraction(0.8, 10)
    for first, second in (slow, fast):
        assert second == pytest.approx(first, rel=0.2)
    assert sum(fast) / sum(slow) == pytest.approx(2, rel=0.15)


def scatter(eta, replicas):
    """Standard deviation of B around W once it has settled."""
    settled = list(phases(80, scale=1.0, eta=eta, replicas=replicas, steps=200))[30:]
    return torch.stack(settled).sub(WEIGHT).square().mean().sqrt().item()


def test_b_scatters_around_w_in_proportion_to_the_root_of_eta_over_replicas():
    """Within 15 %: 96 synapses, a few independent times, and a step of a quarter of the way for the largest eta."""
    plain = scatter(1.0, 16)
    assert scatter(4.0, 16) / plain == pytest.approx(2, rel=0.15)
    assert scatter(1.0, 64) / plain == pytest.approx(0.5, rel=0.15)


def cosines(**fields):
    """The cosine of each routed layer, epoch by epoch, of a network that learns the digits."""
    records = list(train(Experiment(rule="sal", **fields), DATASETS["digits"]()))
    return torch.tensor([[layer["cosine"] for layer in record.alignment.values()] for record in records])


def test_the_defaults_align_a_network_while_it_learns():
    found = cosines(network="mlp:width=32", batch_size=16, steps=4, epochs=3)
    assert (found[0].abs() < 0.2).all()
    assert (found.diff(dim=0) > 0).all()
    assert (found[-1] > 0.9).all()


@pytest.mark.slow
def test_the_defaults_hold_alignment_for_as_long_as_the_weights_train():
    found = cosines(epochs=60)
    assert (found[10:] > 0.95).all()
    assert (found[20:].max(0).values - found[-1] < 0.01).all()
