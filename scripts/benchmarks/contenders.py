"""Who trains a network: spikefa, the matrix products alone, snnTorch's loop, and the peers where installed.

Each is given the same affine layers and puts its own neurons in; all read the classes from the mean over time of leaky
integrators, m[t] = 0.9 m[t−1] + cur[t], and take the same optimiser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import snntorch as snn
import torch
from snntorch import surrogate
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa import adapt, attach, run

from . import peers
from .workloads import BETA, Case, fill

Scores = Callable[[Tensor], Tensor]
"""Input ``[T, B, ...]`` to scores ``[B, classes]``."""


@dataclass(frozen=True)
class Contender:
    """A way to run a network.

    Args:
        neuron: its equation in words.
        build: puts its neurons into the network and returns what has the parameters, and the forward pass.
        package: that it needs.
    """

    neuron: str
    build: Callable[[nn.Sequential], tuple[nn.Module, Scores]]
    package: str = "spikefa"

    @property
    def installed(self) -> bool:
        """Whether its package can be found."""
        return find_spec(self.package) is not None


def lif(**options: bool) -> snn.Leaky:
    """snnTorch's neuron."""
    return snn.Leaky(beta=BETA, spike_grad=surrogate.atan(2.0), **options)


def integrator(**options: bool) -> snn.Leaky:
    """snnTorch's neuron without spikes."""
    return snn.Leaky(beta=BETA, reset_mechanism="none", **options)


def sequence(net: nn.Sequential, rule: str | None = None) -> tuple[nn.Module, Scores]:
    """spikefa's run, with a rule attached or without."""
    fill(net, lambda: lif(init_hidden=True), lambda: integrator(init_hidden=True, output=True))
    if rule is not None:
        attach(net, rule)
    return net, lambda x: run(net, x)[1].mean(0)


def products(net: nn.Sequential) -> tuple[nn.Module, Scores]:
    """The matrix products alone, on [T·B, ...]; the integrators' mean is a sum over time with fixed weights."""

    def scores(x: Tensor) -> Tensor:
        left = torch.arange(len(x), 0, -1, device=x.device)
        return torch.tensordot(
            (1 - BETA**left) / (1 - BETA) / len(x), net(x.flatten(0, 1)).unflatten(0, x.shape[:2]), 1
        )

    return net, scores


def loop(net: nn.Sequential) -> tuple[nn.Module, Scores]:
    """A loop over time as in snnTorch's tutorials."""
    fill(net, lif, integrator)

    def scores(x: Tensor) -> Tensor:
        mems = {layer: layer.init_leaky() for layer in net if isinstance(layer, snn.Leaky)}
        recorded = []
        for now in x:
            for layer in net:
                if layer in mems:
                    now, mems[layer] = layer(now, mems[layer])
                else:
                    now = layer(now)
            recorded.append(mems[layer])
        return torch.stack(recorded).mean(0)

    return net, scores


CONTENDERS: Mapping[str, Contender] = {
    "limit": Contender("none: the matrix products alone", products),
    "spikefa": Contender("m[t] = 0.9 m[t−1] + cur − S[t−1], S = m > 1; atan; reset outside the graph", sequence),
    "spikefa, bp": Contender("the same, bp attached", lambda net: sequence(net, "bp")),
    "snnTorch": Contender("the same", loop, "snntorch"),
    "SpikingJelly": Contender(
        "the reset is subtracted before the leak (0.9 (m − S)), S = m ≥ 1; atan; reset outside the graph",
        peers.spikingjelly,
        "spikingjelly",
    ),
    "Norse": Contender(
        "current and threshold times 0.1, reset before the leak and inside the graph; SuperSpike", peers.norse, "norse"
    ),
}


def step(
    case: Case, build: Callable[[nn.Sequential], tuple[nn.Module, Scores]], device: str = "cpu"
) -> Callable[[], float]:
    """One update of a network: forward pass, backward pass, Adam, and adapt where something is attached."""
    net, scores = build(case.network())
    net.to(device)
    x, y = case.data(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)
    routed = any(hasattr(module, "feedback") for module in net.modules())

    def once() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(scores(x), y)
        loss.backward()
        optimizer.step()
        if routed:
            adapt(net)
        return loss.item()

    return once
