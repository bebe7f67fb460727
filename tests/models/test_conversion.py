"""Which snnTorch networks Brian2 can match, and what is said of the others."""

import pytest
import snntorch as snn
import torch
from snntorch.functional import quant
from torch import nn

pytest.importorskip("brian2", reason="the reference models need Brian2")

from spikefa import attach
from spikefa.validation.conversion import layers
from spikefa.validation.network import Network
from spikefa.validation.target import target

X = torch.randn(20, 3, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def net(*modules):
    return nn.Sequential(*modules).double()


def strong(linear):
    """Weights with which a layer fires."""
    linear.weight.data *= 4
    return linear


CONVERTED = {
    "no leak": lambda: net(strong(nn.Linear(6, 5)), snn.Leaky(beta=1.0)),
    "no leak of the current": lambda: net(strong(nn.Linear(6, 5)), snn.Synaptic(alpha=1.0, beta=0.8)),
    "no bias": lambda: net(strong(nn.Linear(6, 5, bias=False)), snn.Leaky(beta=0.8)),
    "nested": lambda: net(nn.Sequential(nn.Flatten(), strong(nn.Linear(6, 5))), snn.Leaky(beta=0.8)),
    "pathways": lambda: attach(
        net(strong(nn.Linear(6, 5)), snn.Leaky(beta=0.8), nn.Linear(5, 4), snn.Leaky(0.8)), "fa"
    ),
    "each feeds itself": lambda: net(strong(nn.Linear(6, 5)), snn.RLeaky(beta=0.8, all_to_all=False, V=0.5)),
    "own factors": lambda: net(strong(nn.Linear(6, 5)), snn.RLeaky(0.8, all_to_all=False, V=torch.rand(5))),
    "parametrized": lambda: net(nn.utils.parametrizations.weight_norm(strong(nn.Linear(6, 5))), snn.Leaky(beta=0.8)),
    "learned beta": lambda: net(strong(nn.Linear(6, 5)), snn.Leaky(beta=torch.full((5,), 0.7), learn_beta=True)),
}


@pytest.mark.parametrize("make", CONVERTED.values(), ids=CONVERTED)
def test_these_spike_the_same(make):
    with target("numpy"):
        found = Network(make(), X).run()
    assert found.agrees, found.parted
    assert found.spikes > 20


def test_a_float32_network_is_compared_in_its_own_precision():
    with target("numpy"):
        found = Network(CONVERTED["no bias"]().float(), X.float()).run()
    assert not found.agrees
    assert found.parted.variable == "v"
    assert found.states < 1e-5


def broken():
    """A Linear of which the weights into one neuron diverged."""
    linear = nn.Linear(6, 5)
    linear.weight.data[2] = torch.nan
    return linear


class Doubled(nn.Linear):
    """Not what its name says."""

    def forward(self, x):
        return 2 * super().forward(x)


class Loud(nn.Identity):
    """Nor this one."""

    def forward(self, x):
        return 2 * x


def patched():
    """A Linear whose forward pass was replaced."""
    linear = nn.Linear(6, 5)
    linear.forward = lambda x: 2 * nn.functional.linear(x, linear.weight, linear.bias)
    return linear


def hooked(module, pre=False):
    """A module with a hook that doubles what it gives, or takes."""
    if pre:
        module.register_forward_pre_hook(lambda _, x: (2 * x[0],))
    else:
        module.register_forward_hook(lambda _, x, y: 2 * y)
    return module


REFUSED = {
    "0 is a Doubled with a forward of its own": lambda: (net(Doubled(6, 5), snn.Leaky(beta=0.8)), X),
    "0 is a Linear with a forward of its own.*plain Linear": lambda: (net(patched(), snn.Leaky(beta=0.8)), X),
    "1 is a Loud with a forward of its own": lambda: (net(nn.Linear(6, 5), Loud(), snn.Leaky(beta=0.8)), X),
    "0 is a Linear with a forward hook.*remove": lambda: (net(hooked(nn.Linear(6, 5)), snn.Leaky(beta=0.8)), X),
    "0 is a Flatten with a forward hook": lambda: (
        net(hooked(nn.Flatten(), pre=True), nn.Linear(6, 5), snn.Leaky(0.8)),
        X,
    ),
    "1 is a Leaky with a forward hook": lambda: (net(nn.Linear(6, 5), hooked(snn.Leaky(beta=0.8), pre=True)), X),
    "the network is a Sequential with a forward hook": lambda: (hooked(net(nn.Linear(6, 5), snn.Leaky(0.8))), X),
    "a Conv2d": lambda: (net(nn.Conv2d(1, 1, 3), snn.Leaky(beta=0.8)), X.view(20, 3, 1, 1, 6).expand(20, 3, 1, 6, 6)),
    "a Tanh": lambda: (net(nn.Linear(6, 5), nn.Tanh(), snn.Leaky(beta=0.8)), X),
    "a Alpha": lambda: (net(nn.Linear(6, 5), snn.Alpha(alpha=0.9, beta=0.8)), X),
    "1 is a Linear": lambda: (net(nn.Linear(6, 5), nn.Linear(5, 5), snn.Leaky(beta=0.8)), X),
    "0 is a Linear without": lambda: (net(nn.Linear(6, 5)), X),
    "0 is a Leaky": lambda: (net(snn.Leaky(beta=0.8)), X),
    "inhibition": lambda: (net(nn.Linear(6, 5), snn.Leaky(beta=0.8, inhibition=True)), X),
    "state_quant": lambda: (net(nn.Linear(6, 5), snn.Leaky(beta=0.8, state_quant=quant.state_quant(num_bits=4))), X),
    "graded_spikes_factor": lambda: (net(nn.Linear(6, 5), snn.Leaky(beta=0.8, graded_spikes_factor=2.0)), X),
    "0 and 1 cannot be matched: reset_delay": lambda: (net(nn.Linear(6, 5), snn.Leaky(0.8, reset_delay=False)), X),
    r"0 and 1 cannot be matched: weight must be finite, got nan at \(2, 0\), 6 such in all": lambda: (
        net(broken(), snn.Leaky(0.9)),
        X,
    ),
    "0 and 1 cannot be matched: beta": lambda: (net(nn.Linear(6, 5), snn.Leaky(beta=0.0)), X),
    "0 and 1 cannot be matched: threshold": lambda: (net(nn.Linear(6, 5), snn.Leaky(0.9, threshold=-1.0)), X),
}


@pytest.mark.parametrize(("message", "make"), REFUSED.items(), ids=REFUSED)
def test_these_are_refused_by_name(message, make):
    with pytest.raises((TypeError, ValueError), match=message):
        layers(*make())
