"""The leaky integrate-and-fire neuron in noise, for pairs of populations that drive each other."""

from __future__ import annotations

import math
from functools import partial
from typing import final

import torch
from torch import Tensor

from spikefa.noise.pair import Loop, Neuron

THRESHOLD = 0.372
"""With T_ref = 10 and no drive: once in 2 T_ref + 1 steps on average, as often as the stochastic neuron."""


@final
class LeakyNeuron(Neuron):
    """A leaky integrate-and-fire neuron in white noise, which gives its membrane a standard deviation of 1.

    v[t] = β v[t−1] + (1 − β) (b + u[t]) + √(1 − β²) ξ[t],  β = exp(−1/T_ref),  ξ ~ N(0, 1)

    A spike where v[t] > 0.372; v is then 0 for T_ref steps, without integrating. So it fires as often as the stochastic
    neuron if there is no drive and T_ref = 10 (from 0.78 to 1.13 times as often for T_ref from 2 to 40), and a constant
    drive changes its rate as much. The potential u is a rectangular current; the membrane smooths it, and remembers it
    after it has ended.

    Args:
        refractory: T_ref in steps, the time constant of the membrane too.

    Example:
        >>> from spikefa.noise.pair import pair
        >>> weight, noise = torch.zeros(3, 2), torch.Generator().manual_seed(0)
        >>> phase = pair(weight, weight, noise, LeakyNeuron(10), steps=2000, replicas=64)
        >>> rate = sum(float(lower.sum()) for lower, upper in phase) / (2000 * 64 * 2)
        >>> round(rate * 10, 1)  # about one half per refractory time
        0.5
    """

    def __init__(self, refractory: int) -> None:
        super().__init__(refractory)
        self.decay = math.exp(-1 / refractory)
        self.v: Tensor | None = None

    def draw(self, noise: Tensor, bias: Tensor, generator: torch.Generator) -> None:
        """Leave the current that comes from chance and bias."""
        scale = math.sqrt(1 - self.decay**2)
        noise.normal_(generator=generator).mul_(scale).add_((1 - self.decay) * bias)

    def fire(self, drive: Tensor, noise: Tensor, silent: Tensor) -> None:
        """Integrate where not silent, and spike above the threshold."""
        if self.v is None:
            self.v = torch.zeros_like(drive)
        self.v.mul_(self.decay).add_(drive, alpha=1 - self.decay).add_(noise)
        self.v.addcmul_(self.v, silent, value=-1)
        torch.gt(self.v, THRESHOLD, out=drive)

    def loop(self, bias: Tensor, replicas: int, generator: torch.Generator) -> Loop:
        """Membranes and their noise."""
        if self.v is None:
            self.v = bias.new_zeros(replicas, len(bias))
        draw = partial(self.draw, bias=bias, generator=generator)
        return Loop((self.decay, 1 - self.decay, THRESHOLD), bias, draw, self.v)
