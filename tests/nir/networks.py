"""Networks that NIR can hold, one of each kind, with weights that make them fire."""

from itertools import pairwise

import snntorch as snn
import torch
from torch import nn

T, B = 40, 6


def leaky(**options):
    return snn.Leaky(**{"beta": 0.9, "reset_mechanism": "zero", "init_hidden": True} | options)


def synaptic(**options):
    options = {"alpha": 0.7, "beta": 0.8, "reset_mechanism": "zero", "reset_delay": False} | options
    return snn.Synaptic(init_hidden=True, **options)


def recurrent(kind=snn.RLeaky, **options):
    options = {"beta": 0.8, "reset_mechanism": "zero", "reset_delay": False, "linear_features": 12} | options
    return kind(init_hidden=True, **options)


def dense(*neurons, bias=True):
    """Vectors of 8 through layers of 12."""
    sizes = [8, *[12] * len(neurons)]
    layers = [nn.Linear(a, b, bias=bias) for a, b in pairwise(sizes)]
    return nn.Sequential(*(module for pair in zip(layers, neurons, strict=True) for module in pair))


def images(*layers):
    """Images of 2 × 6 × 6 through layers of one's own, and a dense one."""
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.LazyLinear(12), leaky())


PER_NEURON = {"beta": torch.linspace(0.1, 0.95, 12), "threshold": torch.linspace(0.3, 1.2, 12)}
NETWORKS = {
    "leaky": lambda: dense(leaky(), leaky(threshold=0.6, reset_delay=False), leaky(learn_beta=True)),
    "no-bias": lambda: dense(leaky(), leaky(), bias=False),
    "per-neuron": lambda: dense(leaky(**PER_NEURON), leaky(**PER_NEURON)),
    "beta-per-neuron": lambda: dense(leaky(beta=PER_NEURON["beta"]), leaky()),
    "beta-1": lambda: dense(leaky(beta=1.0), leaky(beta=2.0)),
    "hidden-without-reset": lambda: dense(leaky(reset_mechanism="none"), leaky()),
    "read-out-without-reset": lambda: dense(leaky(), leaky(reset_mechanism="none", output=True)),
    "integrators": lambda: dense(leaky(beta=1.0, reset_mechanism="none"), leaky(reset_mechanism="none", output=True)),
    "recurrent": lambda: dense(recurrent(), leaky()),
    "recurrent-no-bias": lambda: dense(recurrent(), leaky(), bias=False),
    "to-itself": lambda: dense(recurrent(all_to_all=False, V=torch.linspace(-1, 1, 12), linear_features=None), leaky()),
    "recurrent-without-reset": lambda: dense(recurrent(reset_mechanism="none", output=True)),
    "images": lambda: images(nn.Conv2d(2, 4, 3, padding=1), leaky(), nn.AvgPool2d(2)),
    "strides": lambda: images(nn.Conv2d(2, 4, 3, stride=2, dilation=2, padding=3, bias=False), leaky()),
    "same": lambda: images(nn.Conv2d(2, 4, 3, padding="same"), leaky(), nn.AvgPool2d(3, 2, padding=1)),
    "recurrent-images": lambda: images(
        nn.Conv2d(2, 4, 3, padding=1),
        recurrent(linear_features=None, conv2d_channels=4, kernel_size=3),
    ),
    "nested": lambda: nn.Sequential(dense(leaky()), nn.Sequential(nn.Identity(), nn.Linear(12, 4), leaky())),
    "neuron": lambda: leaky(threshold=0.5),
}
"""Exact in both meanings of beta."""

CURRENT_BASED = {
    "synaptic-all-alike": lambda: dense(synaptic(), synaptic(threshold=2.0)),
    "synaptic": lambda: dense(synaptic(), synaptic(alpha=torch.linspace(0, 0.9, 12), threshold=2.0)),
    "rsynaptic": lambda: dense(recurrent(snn.RSynaptic, alpha=0.7, reset_mechanism="none", reset_delay=True), leaky()),
    "cuba-li": lambda: dense(leaky(), synaptic(reset_mechanism="none")),
}
"""Exact with beta=euler."""


def case(name, dtype=torch.float64):
    """A network, the shape of its input, and an input ``[T, B, ...]``."""
    torch.manual_seed(3)
    net = (NETWORKS | CURRENT_BASED)[name]()
    shape = (2, 6, 6) if "images" in name or name in ("strides", "same") else (8,)
    net(torch.zeros(1, *shape)) if any(isinstance(m, nn.LazyLinear) for m in net.modules()) else None
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(3 if parameter.dim() > 1 else 1)
    return net.to(dtype).eval(), shape, (torch.rand(T, B, *shape) < 0.4).to(dtype)
