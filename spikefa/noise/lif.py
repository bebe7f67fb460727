"""Leaky integrate-and-fire neurons with a reset value and a refractory period, for noise phases."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spikefa.noise.choice import compiles, plain
from spikefa.threads import share


def lif(
    cur: Tensor,
    *,
    decay: float,
    gain: float = 1.0,
    threshold: float = 1.0,
    reset: float = 0.0,
    refractory: int = 0,
    start: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Spikes and membranes for a sequence of currents.

    v[t] = decay·v[t−1] + gain·cur[t]; a spike if v[t] > threshold, after which v is ``reset`` at the end of the step
    and stays there for ``refractory`` more steps.

    Args:
        cur: currents, ``[T, B, N]``.
        decay: of the membrane per step; ``gain``: of the current.
        threshold, reset: of the membrane, in its unit.
        refractory: steps after a spike without integration.
        start: v[−1], ``[B, N]``, of neurons that are not refractory; at rest, 0, if absent.

    Returns:
        ``spk, v``, both ``[T, B, N]``; v as it was compared with the threshold.

    Example:
        >>> spk, v = lif(torch.full((5, 1, 1), 0.6), decay=1.0, reset=-1.0, refractory=1)
        >>> spk.flatten().tolist(), [round(x, 1) for x in v.flatten().tolist()]
        ([0.0, 1.0, 0.0, 0.0, 0.0], [0.6, 1.2, -1.0, -0.4, 0.2])
    """
    v = torch.zeros_like(cur[0]) if start is None else start.expand_as(cur[0])
    if compiles(cur, v):
        return _compiled(cur, v, (decay, gain, threshold, reset), refractory)
    left, spks, vs = torch.zeros_like(v), torch.empty_like(cur), torch.empty_like(cur)
    for now, spk, seen in zip(cur, spks, vs, strict=True):
        v = torch.where(left > 0, v, decay * v + gain * now)
        left = (left - 1).clamp_(min=0)
        seen.copy_(v)
        spk.copy_(v > threshold)
        v = torch.where(v > threshold, reset, v)
        left = torch.where(spk > 0, refractory, left)
    return spks, vs


def _compiled(cur: Tensor, start: Tensor, settings: tuple[float, ...], refractory: int) -> tuple[Tensor, Tensor]:
    """The same, bit for bit, with all time steps of some neurons in one go."""
    from spikefa.noise import kernels

    now, v = plain(cur.flatten(1)), plain(start.flatten())
    spks, vs = np.empty_like(now), np.empty_like(now)
    share(kernels.lif, len(v), now.size, now, v, np.array(settings, now.dtype), refractory, spks, vs)
    return torch.from_numpy(spks).view(cur.shape), torch.from_numpy(vs).view(cur.shape)
