"""Poisson noise into a group of neurons at a time, as the papers of STDWI and RDD drive their layers."""

from __future__ import annotations

import torch
from torch import Tensor

from spikefa.noise.draw import uniform


def poisson_groups(
    count: int, generator: torch.Generator, *, steps: int, replicas: int, hold: int, rate: float, fraction: float = 0.2
) -> Tensor:
    """Poisson spikes of a random group of neurons, and after ``hold`` steps of another one; the others are silent.

    Reference:
        Ahmad, Ambrogioni, van Gerven, "Overcoming the weight transport problem via spike-timing-dependent weight
        inference", 2020. https://arxiv.org/abs/2003.03988

    Args:
        count: neurons, N.
        generator: draws groups and spikes; on its device.
        steps: T; ``replicas``: independent copies, B; ``hold``: steps that a group is driven.
        rate: probability of a spike per step of a neuron that is driven.
        fraction: of the neurons in a group, to the nearest whole number, at least one.

    Returns:
        Spikes ``[T, B, N]``, bool.

    Example:
        >>> spk = poisson_groups(10, torch.Generator().manual_seed(0), steps=40, replicas=3, hold=20, rate=1.0)
        >>> spk.sum(2).unique()  # two of ten at every step
        tensor([2])
    """
    driven = groups(count, generator, replicas=replicas, number=-(-steps // hold), fraction=fraction)
    chance = uniform(steps, replicas, driven.shape[2], generator=generator)
    return scattered(driven.repeat_interleave(hold, 0)[:steps], chance < rate, count)


def groups(count: int, generator: torch.Generator, *, replicas: int, number: int, fraction: float) -> Tensor:
    """Random groups, one after the other, of a fraction of ``count`` neurons: ``[number, B, n]``, int64.

    Example:
        >>> groups(10, torch.Generator().manual_seed(0), replicas=3, number=7, fraction=0.2).shape
        torch.Size([7, 3, 2])
    """
    drawn = uniform(number, replicas, count, generator=generator)
    return drawn.topk(max(1, round(fraction * count)), sorted=False).indices


def scattered(driven: Tensor, spk: Tensor, count: int) -> Tensor:
    """Spikes of all neurons, ``[T, B, count]``, from those of the neurons ``driven``, both ``[T, B, n]``.

    Example:
        >>> scattered(torch.tensor([[[2]], [[0]]]), torch.tensor([[[True]], [[True]]]), 3).int().squeeze(1)
        tensor([[0, 0, 1],
                [1, 0, 0]], dtype=torch.int32)
    """
    return torch.zeros(*spk.shape[:2], count, dtype=torch.bool, device=spk.device).scatter_(2, driven, spk)
