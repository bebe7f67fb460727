"""The neuron: snnTorch's LIF network beside ``models/lif.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa.recording import array, record
from spikefa.validation.exact import Exact

if TYPE_CHECKING:
    from models.trace import Trace


@final
@dataclass(frozen=True)
class Lif(Exact):
    """A network of two layers of LIF neurons, driven by random currents.

    Args:
        mechanism: the reset mechanism.
    """

    mechanism: str

    @property
    def name(self) -> str:
        """``lif``, and the reset mechanism if it is not snnTorch's default."""
        return "lif" if self.mechanism == "subtract" else f"lif-{self.mechanism}"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"12 → 8 → 4 neurons, reset by {self.mechanism}, random currents, 4 samples of 50 steps"

    def reference(self) -> Trace:
        """Brian2's network with the weights of the torch one."""
        from spikefa.models import lif

        net, x = self._made()
        pairs: Any = zip(list(net)[::2], list(net)[1::2], strict=True)
        layers = [
            lif.Layer(
                array(linear.weight),
                array(linear.bias),
                beta=float(leaky.beta),
                threshold=float(leaky.threshold),
                reset_mechanism=self.mechanism,
            )
            for linear, leaky in pairs
        ]
        trace: Trace = lif.run(layers, array(x))
        return trace

    def twin(self) -> Trace:
        """The network over the whole sequence."""
        return record(*self._made())

    def _made(self) -> tuple[nn.Sequential, Tensor]:
        noise, layers = torch.Generator().manual_seed(0), []
        for fan_in, fan_out in ((12, 8), (8, 4)):
            layers.append(nn.Linear(fan_in, fan_out).double())
            for values in layers[-1].parameters():
                values.data = torch.randn(values.shape, generator=noise, dtype=torch.float64) * 2 / fan_in**0.5
            layers.append(snn.Leaky(beta=0.9, reset_mechanism=self.mechanism).double())
        return nn.Sequential(*layers), torch.randn(50, 4, 12, generator=noise, dtype=torch.float64)


def cases() -> Sequence[Exact]:
    """One case per reset mechanism."""
    return [Lif(mechanism) for mechanism in ("subtract", "zero", "none")]
