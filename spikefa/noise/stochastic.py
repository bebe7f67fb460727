"""The stochastic neuron: it fires by chance, more likely the more it is driven."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from spikefa.noise.draw import fill
from spikefa.noise.pair import Loop, Neuron


@final
class StochasticNeuron(Neuron):
    """A neuron that spikes by chance at every step in which it is not refractory, and forgets everything else.

    P(spike | not refractory) = 1 / (1 + T_ref exp(−(b + u)))

    Without a drive it fires once in 2 T_ref + 1 steps on average.

    Reference:
        Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike timing for robust local gradients",
        Nature Communications 17, 8699, 2026. https://arxiv.org/abs/2503.02642

    Args:
        refractory: T_ref in steps.

    Example:
        >>> from spikefa.noise.pair import pair
        >>> weight, noise = torch.zeros(3, 2), torch.Generator().manual_seed(0)
        >>> phase = pair(weight, weight, noise, StochasticNeuron(10), steps=2000, replicas=64)
        >>> rate = sum(float(lower.sum()) for lower, upper in phase) / (2000 * 64 * 2)
        >>> round(rate * 10, 1)  # about one half per refractory time
        0.5
    """

    def draw(self, noise: Tensor, bias: Tensor, generator: torch.Generator) -> None:
        """Leave the drives above which neurons fire: u > log T_ref − b + logit(U) with the probability above."""
        fill(noise, generator).logit_().sub_(bias - math.log(self.refractory))

    def fire(self, drive: Tensor, noise: Tensor, silent: Tensor) -> None:
        """Spike where the drive exceeds what was drawn, unless silent."""
        drive.gt_(noise).addcmul_(drive, silent, value=-1)

    def loop(self, bias: Tensor, replicas: int, generator: torch.Generator) -> Loop:
        """Uniform numbers, which the loop compares with the odds."""
        level = bias - math.log(self.refractory)
        return Loop((), level, lambda noise: fill(noise, generator), bias.new_empty(replicas, 0))
