"""Networks for the tests of dfa, and what its gradients are, by plain layers cut into pieces."""

from itertools import pairwise

import snntorch as snn
import torch
from torch import nn

from spikefa.sequence import reset, run
from spikefa.testing.networks import SURROGATES

T, B = 7, 3


def leaky(init_hidden: bool = True, **options: object) -> snn.Leaky:
    return snn.Leaky(beta=0.8, threshold=0.4, init_hidden=init_hidden, spike_grad=SURROGATES["atan"], **options)


def readout() -> snn.Leaky:
    return leaky(reset_mechanism="none", output=True)


def convnet(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """Two convolutions and a dense layer below the read-out, for images of 6 × 6."""
    convolutions = nn.Conv2d(1, 3, 3), leaky(), nn.Conv2d(3, 2, 2), nn.MaxPool2d(2, 1), leaky(), nn.Flatten()
    net = nn.Sequential(*convolutions, nn.Linear(8, 5), leaky(), nn.Linear(5, 4), readout())
    for layer in net:
        if hasattr(layer, "weight"):
            nn.init.normal_(layer.weight, std=2 / layer.weight[0].numel() ** 0.5)
    return net.to(dtype)


def images(dtype: torch.dtype = torch.float64, seed: int = 5) -> torch.Tensor:
    return torch.rand(T, B, 1, 6, 6, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def loop(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The read-out's membrane in a loop over time."""
    reset(net)
    return torch.stack([net(now)[1] for now in x])


def sequence(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The same in sequence mode."""
    return run(net, x)[1]


def gradients(net: nn.Module, mem: torch.Tensor) -> list[torch.Tensor]:
    return torch.autograd.grad(mem.square().sum() / 2, list(net.parameters()))


def in_pieces(net: nn.Sequential, x: torch.Tensor, direct: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The gradients of :func:`gradients`, by plain layers in pieces that are cut at the inputs of those in ``direct``.

    Sequence by sequence; the piece below a cut gets the read-out's error through D, and no other.
    """
    cuts = [*map(int, direct), len(net)]
    pieces, mem = [], None
    for start, end in pairwise([0, *cuts]):
        part = x.detach().requires_grad_() if start else x
        cur = None
        for module in net[start:end]:
            if isinstance(module, snn.Leaky):
                part, mem = zip(*module_steps(module, part), strict=True)
                part, mem = torch.stack(part), torch.stack(mem)
            else:
                part = module(part.flatten(0, 1)).unflatten(0, x.shape[:2])
                cur = part
        pieces.append((net[start:end], part, cur))
        x = part
    (delta,) = torch.autograd.grad(mem.square().sum() / 2, pieces[-1][2], retain_graph=True)
    found = []
    for (piece, part, _), d in zip(pieces[:-1], direct.values(), strict=True):
        error = (delta.flatten(0, 1) @ d).view_as(part)
        found += torch.autograd.grad(part, list(piece.parameters()), error)
    return [*found, *torch.autograd.grad(mem.square().sum() / 2, list(pieces[-1][0].parameters()))]


def module_steps(neuron: snn.Leaky, cur: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    neuron.reset_mem()
    steps = []
    for now in cur:
        spk = neuron(now)
        steps.append((spk[0] if isinstance(spk, tuple) else spk, neuron.mem))
    return steps
