"""Poisson noise into a group of neurons at a time, as the papers of STDWI and RDD drive their layers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spikefa.noise.choice import compiles, plain
from spikefa.noise.draw import uniform
from spikefa.threads import share


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
        Spikes ``[T, B, N]``, float32.

    Example:
        >>> spk = poisson_groups(10, torch.Generator().manual_seed(0), steps=40, replicas=3, hold=20, rate=1.0)
        >>> spk.sum(2).unique()  # two of ten at every step
        tensor([2.])
    """
    groups = -(-steps // hold)
    size = max(1, round(fraction * count))
    chosen = uniform(groups, replicas, count, generator=generator)
    draws = uniform(steps, replicas, count, generator=generator)
    if compiles(draws):
        return _compiled(draws, chosen, size, hold, rate)
    driven = chosen.argsort(-1) < size
    return (driven.repeat_interleave(hold, 0)[:steps] & (draws < rate)).float()


def _compiled(draws: Tensor, chosen: Tensor, size: int, hold: int, rate: float) -> Tensor:
    """The spikes, in the place of what was drawn for them."""
    from spikefa.noise import kernels

    rows, columns = plain(chosen.flatten(0, 1)), plain(draws.flatten(1))
    driven, tied = np.empty(rows.shape, np.bool_), np.empty(len(rows), np.bool_)
    share(kernels.ranked, len(rows), rows.size * size, rows, size, driven, tied)
    driven[tied] = plain(torch.from_numpy(rows[tied]).argsort(-1) < size)
    driven = driven.reshape(len(chosen), -1)
    share(kernels.chosen, columns.shape[1], columns.size, columns, driven, hold, np.float32(rate))
    return torch.from_numpy(columns).view(draws.shape)
