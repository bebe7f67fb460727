"""Ways of credit assignment: how the gradients of a batch come about, given the network and its pathways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spikefa.agreement import cosine
from spikefa.datasets.dataset import UNLABELLED
from spikefa.local import ThreeFactor, learn
from spikefa.readout import Readout
from spikefa.sequence import run


@dataclass(frozen=True)
class Credit:
    """A way of credit assignment.

    Attributes:
        backward: takes the network, its input ``[T, B, ...]``, labels ``[B]`` or ``[B, T]``, and the read-out; adds to
            ``.grad`` and gives the loss.
        check: raises ValueError or TypeError for a network that it is not for.
        stepwise: whether it needs an error at every step.
    """

    backward: Callable[[nn.Module, Tensor, Tensor, Readout], Tensor]
    check: Callable[[nn.Module], object]
    stepwise: bool


def bptt(net: nn.Module, x: Tensor, y: Tensor, readout: Readout) -> Tensor:
    """Backpropagation through time, through the pathways: the graph of the whole sequence is kept.

    Reference:
        Neftci, Mostafa, Zenke, "Surrogate gradient learning in spiking neural networks", IEEE Signal Processing
        Magazine 36, 2019. https://arxiv.org/abs/1901.09948
    """
    loss = readout.loss(readout(*run(net, x)), y)
    with torch.autocast(x.device.type, enabled=False):  # it is for forward passes
        loss.backward()
    return loss.detach()


def local(net: nn.Module, x: Tensor, y: Tensor, readout: Readout) -> Tensor:
    """The three-factor local form, forward in time: eligibility traces and the error of each step, no graph is kept.

    Reference:
        Bellec et al., "A solution to the learning dilemma for recurrent networks of spiking neurons", Nature
        Communications 11, 3625, 2020. https://doi.org/10.1038/s41467-020-17236-y
    """
    losses: list[Tensor] = []
    labels = [(y, float(len(x)))] * len(x) if y.dim() == 1 else _by_step(y)

    def error(spk: Tensor, mem: Tensor) -> Tensor:
        label, parts = labels[len(losses)]
        with torch.enable_grad():
            here = mem.detach().requires_grad_()
            loss = readout.loss(readout(spk[None], here[None]), label) / parts
            losses.append(loss.detach())
            return torch.autograd.grad(loss, here)[0]

    learn(net, x, error)
    return torch.stack(losses).sum()


def _by_step(y: Tensor) -> list[tuple[Tensor, float]]:
    """The labels ``[B, 1]`` of each step, and how many such steps there would be if all had as many labels."""
    counts = (y != UNLABELLED).sum(0).clamp(min=1).tolist()
    total = max(int((y != UNLABELLED).sum()), 1)
    return [(label, total / count) for label, count in zip(y.split(1, dim=1), counts, strict=True)]


def same_direction(
    net: nn.Module, found: Callable[[], object], true: Callable[[], object]
) -> tuple[float, dict[str, float]]:
    """Cosine of the gradients that two ways of computing them add to ``.grad``: of all that learns, and by parameter.

    Args:
        net: the network, whose ``.grad`` are put back.
        found, true: each adds a batch's gradients to ``.grad`` of the network's parameters.

    Example:
        >>> net, x = nn.Linear(2, 1), torch.ones(1, 2)
        >>> total, named = same_direction(net, lambda: net(x).sum().backward(), lambda: (-net(x)).sum().backward())
        >>> round(total, 3), list(named)
        (-1.0, ['weight', 'bias'])
    """
    parameters = {name: p for name, p in net.named_parameters() if p.requires_grad}
    before, sides = {name: p.grad for name, p in parameters.items()}, []
    for way in (found, true):
        net.zero_grad()
        way()
        sides.append([torch.zeros_like(p) if p.grad is None else p.grad for p in parameters.values()])
    for name, p in parameters.items():
        p.grad = before[name]
    pairs = dict(zip(parameters, zip(*sides, strict=True), strict=True))
    return cosine(pairs.values()), {name: cosine([pair]) for name, pair in pairs.items()}


CREDITS: dict[str, Credit] = {
    "bptt": Credit(bptt, check=lambda net: None, stepwise=False),
    "local": Credit(local, check=ThreeFactor, stepwise=True),
}
