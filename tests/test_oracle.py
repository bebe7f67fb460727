"""Backward through time in NumPy, against routed gradients and against the kit's own oracle: who checks the checker."""

import pytest
import torch
from torch import nn

from spikefa import attach, routed
from spikefa.sequence import reset, run
from spikefa.testing import oracle as kit
from spikefa.testing.networks import SURROGATES
from tests.oracle import DERIVATIVES, Lif, gradients

T, B, N = 11, 4, 5


class TimeLoop(nn.Module):
    """A user's network: explicit (spk, mem), a loop over time."""

    def __init__(self, parts):
        super().__init__()
        for name, module in parts.items():
            self.add_module(name, module)

    def forward(self, x):
        mem1, mem2, mem3 = self.lif1.reset_mem(), self.lif2.reset_mem(), self.readout.reset_mem()
        mems = []
        for now in x:
            spk1, mem1 = self.lif1(self.fc1(now), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            _, mem3 = self.readout(self.out(spk2), mem3)
            mems.append(mem3)
        return torch.stack(mems)


def kept_states(net, x):
    """A user's loop over a network that keeps its states, which an earlier batch has left."""
    net(x[0])
    reset(net)
    return torch.stack([net(now)[1] for now in x])


STYLES = {
    "sequence": (nn.Sequential, True, lambda net, x: run(net, x)[1]),
    "time-loop": (TimeLoop, False, lambda net, x: net(x)),
    "init-hidden": (nn.Sequential, True, kept_states),
}
"""How to build a network of parts, whether its neurons keep their states, and how to get the read-out's membrane."""


def by_hand(net, x, derivative, direct=""):
    layers = []
    for layer, neuron in ((net.fc1, net.lif1), (net.fc2, net.lif2), (net.out, net.readout)):
        lif = Lif(float(neuron.beta), float(neuron.threshold), neuron.reset_mechanism, derivative)
        feedback = layer.feedback(layer.weight.detach())
        layers.append((*(tensor.detach().numpy() for tensor in (layer.weight, layer.bias, feedback)), lif))
    return gradients(x.detach().numpy(), layers, direct)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
@pytest.mark.parametrize("surrogate_name", SURROGATES)
@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_routed_gradients_equal_backward_through_time_by_hand(snn_parts, rule, surrogate_name, mechanism, style):
    build, keeps, membrane = STYLES[style]
    parts = snn_parts(keeps, spike_grad=SURROGATES[surrogate_name], reset_mechanism=mechanism)
    net = attach(build(parts), rule, first=True)
    for layer in routed(net).values():
        layer.weight.data += 0.3 * torch.randn_like(layer.weight)
    x = (2 * torch.randn(T, B, N, dtype=torch.float64)).requires_grad_()
    parameters = [p for name in ("fc1", "fc2", "out") for p in (parts[name].weight, parts[name].bias)]
    found = torch.autograd.grad(membrane(net, x).square().sum() / 2, [*parameters, x])
    expected, error = by_hand(net, x, DERIVATIVES[surrogate_name], "step" if rule == "dfa" else "")
    for one, other in zip(found, [*expected, error], strict=True):
        other = torch.from_numpy(other)
        assert other.count_nonzero() > other.numel() / 2
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10 * float(other.abs().max()))


@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
@pytest.mark.parametrize("surrogate_name", SURROGATES)
def test_the_kits_oracle_says_the_same(snn_parts, surrogate_name, mechanism):
    net = attach(TimeLoop(snn_parts(False, reset_mechanism=mechanism)), "fa", first=True)
    x, stages = 2 * torch.randn(T, B, N, dtype=torch.float64), []
    for layer, neuron in ((net.fc1, net.lif1), (net.fc2, net.lif2), (net.out, net.readout)):
        settings = float(neuron.beta), float(neuron.threshold), neuron.reset_mechanism
        weight, bias, b = layer.weight.detach(), layer.bias.detach(), layer.feedback(layer.weight).detach()
        stages.append(kit.Stage(weight, bias, b, *settings, kit.DERIVATIVES[surrogate_name]))
    found, error = kit.backward(x, stages)
    expected, expected_error = by_hand(net, x, DERIVATIVES[surrogate_name])
    for one, other in zip(
        [part for pair in found for part in pair] + [error], [*expected, expected_error], strict=True
    ):
        torch.testing.assert_close(one, torch.from_numpy(other), rtol=1e-12, atol=1e-12)
