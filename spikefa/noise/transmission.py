"""What spikes bring to the neurons that they are sent to."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spikefa.noise.choice import compiles, plain
from spikefa.threads import share


def transmitted(spk: Tensor, weight: Tensor, mean: float = 0.0) -> Tensor:
    """The input that arrives through W: Σ_j W_ij (s_j − s̄).

    The compiled form adds up columns of W at the spikes, which are few; torch's is a matrix product.

    Args:
        spk: spikes, 0 or 1, ``[T, B, K]``.
        weight: W, ``[L, K]``.
        mean: s̄, taken off every spike train.

    Returns:
        ``[T, B, L]``.

    Example:
        >>> transmitted(torch.tensor([[[1.0, 0.0, 1.0]]]), torch.tensor([[1.0, 2.0, 4.0]]), mean=0.5)
        tensor([[[1.5000]]])
    """
    if not compiles(spk, weight):
        return (spk - mean) @ weight.T
    from spikefa.noise import kernels

    given, rows = plain(spk.flatten(0, 1)), plain(weight.T)
    base = (-mean * weight.detach().sum(1)).numpy()
    out = np.empty((len(given), len(weight)), given.dtype)
    share(kernels.transmitted, len(given), given.size, given, rows, base, out)
    return torch.from_numpy(out).view(*spk.shape[:-1], len(weight))
