"""The neurons: snnTorch's LIF networks beside ``models/lif.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, final

import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa.single_spike import SingleSpike
from spikefa.validation.exact import Exact
from spikefa.validation.network import Network

if TYPE_CHECKING:
    from models.trace import Trace

SIZES = (12, 8, 4)


def _range(low: float, high: float) -> Callable[[int], Tensor]:
    """A setting of each neuron's own."""
    return lambda size: torch.linspace(low, high, size, dtype=torch.float64)


KINDS: dict[str, Callable[[int], Any]] = {
    "lif": lambda n: snn.Leaky(beta=0.9),
    "lif-zero": lambda n: snn.Leaky(beta=0.9, reset_mechanism="zero"),
    "lif-tie": lambda n: snn.Leaky(beta=0.5, reset_mechanism="zero"),
    "lif-none": lambda n: snn.Leaky(beta=0.9, reset_mechanism="none"),
    "lif-heterogeneous": lambda n: snn.Leaky(beta=_range(0.6, 0.95)(n), threshold=_range(0.5, 1.5)(n)),
    "lif-synaptic": lambda n: snn.Synaptic(alpha=_range(0.5, 0.8)(n), beta=0.9),
    "lif-synaptic-zero": lambda n: snn.Synaptic(alpha=0.7, beta=0.9, reset_mechanism="zero"),
    "lif-single": lambda n: SingleSpike(beta=_range(0.6, 1.0)(n)),
    "lif-recurrent": lambda n: snn.RLeaky(beta=0.9, linear_features=n),
    "lif-recurrent-zero": lambda n: snn.RLeaky(beta=0.9, linear_features=n, reset_mechanism="zero"),
    "lif-recurrent-synaptic": lambda n: snn.RSynaptic(alpha=0.7, beta=0.9, linear_features=n),
}
"""Each case's neurons, for a layer of n."""

QUARTERS = ("lif-tie",)
"""The cases whose currents and weights are whole quarters, so that membranes meet the threshold without passing it."""


@final
@dataclass(frozen=True)
class Lif(Exact):
    """A network of two layers, driven by random currents.

    Args:
        kind: a name of :data:`KINDS`.
    """

    kind: str

    @property
    def name(self) -> str:
        """The kind."""
        return self.kind

    @property
    def compared(self) -> str:
        """What is simulated."""
        drive = "random quarters" if self.kind in QUARTERS else "random currents"
        return f"{type(KINDS[self.kind](1)).__name__}, {self._network().compared}, {drive}"

    def reference(self) -> Trace:
        """Brian2's network with the weights of the torch one."""
        return self._network().reference()

    def twin(self) -> Trace:
        """The network over the whole sequence."""
        return self._network().twin()

    def _network(self) -> Network:
        noise, modules = torch.Generator().manual_seed(0), []
        for fan_in, fan_out in pairwise(SIZES):
            modules += [nn.Linear(fan_in, fan_out), KINDS[self.kind](fan_out)]
        net = nn.Sequential(*modules).double()
        for name, values in net.named_parameters():
            size = 1.5 if "recurrent" in name else 2.0
            values.data = (
                torch.randn(values.shape, generator=noise, dtype=torch.float64) * size / values.shape[-1] ** 0.5
            )
        x = torch.randn(50, 4, SIZES[0], generator=noise, dtype=torch.float64)
        for whole in [x, *(weight.data for weight in net.parameters())] if self.kind in QUARTERS else []:
            whole.mul_(4).round_().div_(4)
        return Network(net, x)


def cases() -> Sequence[Exact]:
    """One case for each kind of neuron."""
    return [Lif(kind) for kind in KINDS]
