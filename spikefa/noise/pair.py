"""Two populations of noisy neurons that drive each other through W and B, whatever kind of neurons they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikefa.noise.choice import compiles, plain
from spikefa.noise.transmission import transmitted
from spikefa.threads import share

CHUNK = 40
"""Steps simulated at a time: so few that what is drawn and recorded for them stays in the cache."""


class Loop(NamedTuple):
    """What the compiled loop needs of a kind of neuron.

    Attributes:
        membrane: decay, gain and threshold of LIF neurons; empty if they are stochastic.
        level: of stochastic neurons, what comes on top of the drive in the odds of a spike, ``[N]``.
        draw: overwrites its argument, ``[t, B, N]``, with what chance brings.
        v: membranes, ``[B, N]``, which the loop moves on.
    """

    membrane: tuple[float, ...]
    level: Tensor
    draw: Callable[[Tensor], object]
    v: Tensor


class Neuron(ABC):
    """A kind of neuron: how chance moves it, and when it fires.

    Args:
        refractory: T_ref, the steps after a spike without another one, and the length of a post-synaptic potential.
    """

    def __init__(self, refractory: int) -> None:
        self.refractory = refractory

    @abstractmethod
    def draw(self, noise: Tensor, bias: Tensor, generator: torch.Generator) -> None:
        """Overwrite ``noise``, ``[t, B, N]``, with all that :meth:`fire` needs at each step besides the drive.

        Args:
            noise: to be overwritten; ``bias``: constant drives, ``[N]``.
            generator: the source of the noise.
        """

    @abstractmethod
    def fire(self, drive: Tensor, noise: Tensor, silent: Tensor) -> None:
        """Overwrite ``drive`` with the spikes of one step, 1 or 0.

        Args:
            drive: sum of the potentials at each neuron, ``[B, N]``.
            noise: what :meth:`draw` left for this step; ``silent``: 1 where a neuron is refractory, 0 elsewhere.
        """

    def loop(self, bias: Tensor, replicas: int, generator: torch.Generator) -> Loop | None:
        """What the compiled loop needs to do as :meth:`draw` and :meth:`fire` do; none if it cannot."""
        return None


def pair(
    weight: Tensor,
    feedback: Tensor,
    generator: torch.Generator,
    neuron: Neuron,
    *,
    steps: int,
    replicas: int,
    bias: tuple[float | Tensor, float | Tensor] = (0.0, 0.0),
) -> Iterator[tuple[Tensor, Tensor]]:
    """Spikes of two populations that drive each other through W and B, and are otherwise left to their noise.

    u_k = Σ_l B_lk z_l,  u_l = Σ_k W_lk z_k

    z is 1 for T_ref steps after a spike (a rectangular, renewing potential), while the neuron itself is refractory.
    The first steps are as the later ones: about half of the neurons start anywhere in their refractory time.

    Args:
        weight: W, ``[L, K]``; ``feedback``: B, ``[L, K]``.
        generator: the source of the noise, on the weights' device.
        neuron: of both populations; it may keep a state, so that each phase needs one of its own.
        steps: T; ``replicas``: batch B.
        bias: constant drives b_k and b_l, scalars or ``[K]`` and ``[L]``.

    Yields:
        Spikes ``[t, B, K]`` of the lower and ``[t, B, L]`` of the upper population, bool, at most :data:`CHUNK` steps
        each.
    """
    (upper, lower), length = weight.shape, neuron.refractory
    level = torch.cat([torch.as_tensor(b).to(weight).expand(n) for b, n in zip(bias, (lower, upper), strict=True)])
    left = torch.randint(-length, length + 1, (replicas, lower + upper), generator=generator, device=weight.device)
    loop = neuron.loop(level, replicas, generator) if compiles(weight, feedback, level) else None
    if loop is not None:
        yield from _compiled(weight, feedback, loop, left, length, steps)
        return
    up, down = weight.T.contiguous(), feedback.contiguous()
    past = deque((left == step).to(weight) for step in range(1, length + 1))  # in the order in which they end
    z, drive = (left > 0).to(weight), weight.new_empty(left.shape)
    noise = weight.new_empty(min(CHUNK, steps), *left.shape)
    for start in range(0, steps, CHUNK):
        now = noise[: steps - start]
        neuron.draw(now, level, generator)
        spks = torch.empty_like(now, dtype=torch.bool)
        for chance, spk in zip(now, spks, strict=True):
            torch.mm(z[:, lower:], down, out=drive[:, :lower])
            torch.mm(z[:, :lower], up, out=drive[:, lower:])
            neuron.fire(drive, chance, z)
            spk.copy_(drive)
            z.add_(drive).sub_(past[0])
            past[0].copy_(drive)
            past.rotate(-1)
        yield spks[..., :lower], spks[..., lower:]


def _compiled(
    weight: Tensor, feedback: Tensor, loop: Loop, left: Tensor, length: int, steps: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The same; drives are added up at spikes, in another order."""
    from spikefa.noise import kernels_pair

    (upper, lower), dtype = weight.shape, plain(weight).dtype
    ending = torch.stack([left == step for step in range(1, length + 1)], 1).to(weight)
    parts = transmitted(ending[..., lower:], feedback.T), transmitted(ending[..., :lower], weight)
    ends, waiting = plain(torch.cat(parts, -1)), plain(left.clamp(min=0).int())
    fixed = plain(loop.level), np.array(loop.membrane or [0, 0, 0], dtype), plain(weight.T), plain(feedback)
    noise = weight.new_empty(min(CHUNK, steps), *left.shape)
    for start in range(0, steps, CHUNK):
        now = noise[: steps - start]
        loop.draw(now)
        spks = [torch.empty(*now.shape[:2], count, dtype=torch.bool) for count in (lower, upper)]
        state = start % length, plain(loop.v), waiting, ends, *(plain(spk.view(torch.uint8)) for spk in spks)
        share(kernels_pair.pair, len(left), now.numel(), bool(loop.membrane), plain(now), *fixed, *state)
        yield spks[0], spks[1]
