"""Networks in open loop: inputs and read-out errors are imposed from outside, so that there is nothing to learn.

Whether forward weights come to align with B all the same depends on the correlations of what is imposed alone; which
ones count says :mod:`spikefa.alignment_terms`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from spikefa.attachment import adapt
from spikefa.local import ThreeFactor

Pair = tuple[Tensor, Tensor]
"""An input ``[B, in]`` and an error at the read-out ``[B, out]``, which an update is made from."""


def autoregressive(shape: tuple[int, ...], rho: float, generator: torch.Generator) -> Iterator[Tensor]:
    """Noise with a memory, an AR(1) process in each entry: s[k] = ρ s[k−1] + √(1−ρ²) n[k], each s[k] ~ N(0, 1).

    Args:
        shape: of one s[k].
        rho: correlation with the one before; 0 draws anew each time, 1 draws once and holds.
        generator: draws n.

    Raises:
        ValueError: ρ is not within −1 to 1.

    Example:
        >>> held = autoregressive((2, 3), 1.0, torch.Generator().manual_seed(0))
        >>> next(held).equal(next(held))
        True
    """
    if not -1 <= rho <= 1:
        raise ValueError(f"rho={rho} is no correlation: give -1 to 1")
    innovation = math.sqrt(1 - rho**2)
    now = torch.randn(shape, generator=generator)
    while True:
        yield now
        now = rho * now + innovation * torch.randn(shape, generator=generator) if innovation else rho * now


def turning(shape: tuple[int, int], period: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Normal numbers that turn: each pair of neighbouring columns by 2π / ``period`` from step to step.

    Strongly correlated over time; over a whole turn, by a skew-symmetric matrix between steps a quarter turn apart.

    Args:
        shape: ``[B, N]``, N even.
        period: steps of a whole turn.
        generator: draws the first.

    Raises:
        ValueError: N is odd, or the period is no positive number of steps.

    Example:
        >>> signal = turning((1, 2), 4, torch.Generator().manual_seed(0))
        >>> first, second, third = (next(signal) for _ in range(3))
        >>> bool((first @ second.T).abs() < 1e-6), torch.allclose(third, -first)
        (True, True)
    """
    if shape[1] % 2 or period < 1:
        raise ValueError(f"{shape[1]} columns, period {period}: pairs of columns turn in a period of 1 step or more")
    start = torch.randn(shape, generator=generator)
    quarter = torch.stack((-start[:, 1::2], start[:, ::2]), 2).flatten(1)
    step = 0
    while True:
        angle = 2 * math.pi * (step % period) / period
        yield math.cos(angle) * start + math.sin(angle) * quarter
        step += 1


def repeated(pairs: Iterable[Pair], times: int) -> Iterator[Pair]:
    """Each pair several times running, as the steps of one sample are.

    Example:
        >>> [int(x) for x, _ in repeated([(torch.tensor(n), torch.zeros(())) for n in (1, 2)], 2)]
        [1, 1, 2, 2]
    """
    return (pair for pair in pairs for _ in range(times))


def impose(
    net: nn.Module,
    pairs: Iterable[Pair],
    rate: float,
    forward: Callable[[nn.Module, Tensor], Tensor] = nn.Module.__call__,
) -> Iterator[dict[str, Tensor]]:
    """Update a network as if the imposed errors were those of its own output: W ← W − rate · ∂(y · error)/∂W.

    Gradients are summed over the batch, and go through the pathways. ``adapt`` follows each update.

    Args:
        net: the network, attached; its parameters change.
        pairs: inputs and errors, one pair an update.
        rate: η.
        forward: takes the network and an input to y, of the error's shape.

    Yields:
        After each update the gradients that it was made with, by parameter.

    Example:
        >>> from spikefa import attach
        >>> net = attach(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), "fa")
        >>> draw = torch.Generator().manual_seed(0)
        >>> x, error = autoregressive((5, 2), 0.0, draw), autoregressive((5, 1), 0.9, draw)
        >>> updates = impose(net, zip(x, error), rate=0.1)
        >>> sorted(next(updates))
        ['0.bias', '0.weight', '2.bias', '2.weight']
    """
    names = {name: p for name, p in net.named_parameters() if p.requires_grad}
    for x, error in pairs:
        gradients = torch.autograd.grad(forward(net, x), list(names.values()), error)
        with torch.no_grad():
            for parameter, gradient in zip(names.values(), gradients, strict=True):
                parameter.sub_(rate * gradient)
        adapt(net)
        yield dict(zip(names, gradients, strict=True))


def impose_online(net: nn.Module, pairs: Iterable[Pair], rate: float, steps: int, every: int) -> Iterator[None]:
    """Impose inputs and errors on a spiking network that learns forward in time, by :class:`~spikefa.ThreeFactor`.

    Each sample is held for ``steps`` time steps, its error shared out evenly among them. An update after each of them
    (``every=1``) or after the sample (``every=steps``) makes the same total step but for what W changes in between.

    Args:
        net: as :class:`~spikefa.ThreeFactor` takes it; its parameters change.
        pairs: inputs and errors, one pair a sample.
        rate: η; ``steps``: T; ``every``: time steps between updates, which divide T.

    Yields:
        None, after each sample.

    Raises:
        ValueError: ``every`` does not divide ``steps``.
    """
    if every < 1 or steps % every:
        raise ValueError(f"updates every {every} of {steps} steps do not end with the sample: choose a divisor")
    learner, parameters = ThreeFactor(net), list(net.parameters())
    for x, error in pairs:
        learner.reset()
        for step in range(1, steps + 1):
            learner.step(x)
            learner.learn(error / steps)
            if step % every == 0:
                descend(parameters, rate)
                adapt(net)
        yield


@torch.no_grad()
def descend(parameters: Iterable[Tensor], rate: float) -> None:
    """One plain gradient step, W ← W − rate · ``.grad``, which is then empty.

    Example:
        >>> weight = torch.ones(1, requires_grad=True)
        >>> weight.sum().backward()
        >>> descend([weight], 0.25); weight
        tensor([0.7500], requires_grad=True)
    """
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.sub_(rate * parameter.grad)
            parameter.grad = None
