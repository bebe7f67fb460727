"""The networks that are timed: affine layers, and marks where neurons go."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from spikefa.networks.start import start

BETA = 0.9


@final
class Neurons(nn.Identity):
    """Where a layer of LIF neurons goes."""


@final
class Integrator(nn.Identity):
    """Where the read-out's leaky integrators go."""


@dataclass(frozen=True)
class Case:
    """A network and the batch that it is trained on.

    Args:
        name: in the table.
        sizes: neurons of each layer from the input on; of a convolutional network the side of the images, the channels
            of each convolution, the neurons of the dense layer, the classes.
        steps: T; ``batch``: B.
        convolutional: whether it is one.
        rate: part of the input that is ones; ``gain``: of the initial weights, which sets the rates of the layers.
    """

    name: str
    sizes: tuple[int, ...]
    steps: int
    batch: int
    convolutional: bool = False
    rate: float = 0.2
    gain: float = 2.0

    @property
    def title(self) -> str:
        """The name and the sizes."""
        kind = "conv " if self.convolutional else ""
        return f"{self.name}: {kind}{'-'.join(map(str, self.sizes))}, T {self.steps}, B {self.batch}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""
        return (1, self.sizes[0], self.sizes[0]) if self.convolutional else self.sizes[:1]

    def network(self) -> nn.Sequential:
        """The affine layers, the same weights at each call, with marks where neurons go."""
        generator = torch.Generator().manual_seed(0)
        return nn.Sequential(*(_convolutions if self.convolutional else _dense)(self.sizes, self.gain, generator))

    def data(self, device: str = "cpu") -> tuple[Tensor, Tensor]:
        """Spikes ``[T, B, *shape]`` of which ``rate`` are ones, and labels ``[B]``."""
        generator = torch.Generator().manual_seed(1)
        x = torch.rand(self.steps, self.batch, *self.shape, generator=generator) < self.rate
        return x.float().to(device), torch.randint(self.sizes[-1], (self.batch,), generator=generator).to(device)

    def text(self) -> str:
        """As text, for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Case:
        """From such a text."""
        values = json.loads(text)
        return cls(**{**values, "sizes": tuple(values["sizes"])})


def fill(net: nn.Sequential, neurons: Callable[[], nn.Module], integrator: Callable[[], nn.Module]) -> nn.Sequential:
    """Put neurons in the place of the marks, in place."""
    for name, module in net.named_children():
        if isinstance(module, Neurons | Integrator):
            setattr(net, name, neurons() if isinstance(module, Neurons) else integrator())
    return net


def _dense(sizes: tuple[int, ...], gain: float, generator: torch.Generator) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        last = len(layers) == 2 * (len(sizes) - 2)
        weights = start(nn.Linear, fan_in, fan_out, gain=1.0 if last else gain, generator=generator)
        layers += [weights, Integrator() if last else Neurons()]
    return layers


def _convolutions(sizes: tuple[int, ...], gain: float, generator: torch.Generator) -> list[nn.Module]:
    """(Convolution, pooling, neurons) for each number of channels, then dense layers; as spikefa's convnet."""
    side, *channels, width, classes = sizes
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise([1, *channels]):
        convolution = start(nn.Conv2d, fan_in, fan_out, 3, padding=1, gain=gain, generator=generator)
        layers += [convolution, nn.MaxPool2d(2), Neurons()]
        side //= 2
    return [*layers, nn.Flatten(), *_dense((channels[-1] * side**2, width, classes), gain, generator)]


CASES = (
    Case("small", (64, 128, 128, 10), 25, 64),
    Case("mid", (784, 400, 400, 10), 25, 128),
    Case("wide", (784, 1000, 1000, 10), 25, 128),
    Case("long", (100, 256, 256, 10), 100, 64),
    Case("deep", (784, *[200] * 6, 10), 10, 128),
    Case("conv", (28, 16, 32, 128, 10), 8, 64, convolutional=True),
)
TINY = (Case("mid", (12, 9, 8, 4), 3, 2), Case("conv", (8, 2, 3, 6, 4), 3, 2, convolutional=True))
