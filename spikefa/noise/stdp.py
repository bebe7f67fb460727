"""The mirrored window of spike-timing-dependent plasticity, on the spikes of two populations."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from spikefa.noise.choice import AT_SPIKE, compiles
from spikefa.threads import share


def mirrored_window(recording: Iterable[tuple[Tensor, Tensor]], tau: float) -> Tensor:
    """The mirrored STDP window, summed over time and averaged over replicas.

    dB_lk = Σ_t [ S_l(t) x_k(t) − S_k(t) x_l(t) ],  x_n(t) = Σ_{s < t} S_n(s) exp(−(t − s)/τ)

    A spike of the upper neuron adds the trace of the lower one, a spike of the lower subtracts the trace of the upper;
    coincident spikes do not see each other. Both sums run over pairs of spikes, so one pass over the upper ones does:

    dB_lk = Σ_t S_l(t) Σ_s S_k(s) sign(t − s) exp(−|t − s|/τ)

    Where a recording comes in pieces, the traces at their borders add the pairs that lie in two of them.

    Args:
        recording: pieces in time, of spikes ``[t, B, K]`` of the lower and ``[t, B, L]`` of the upper population.
        tau: time constant τ in steps.

    Returns:
        ``[L, K]``, the layout of W.

    Raises:
        ValueError: there is no piece.

    Example:
        >>> lower, upper = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).reshape(2, 2, 1, 1)
        >>> mirrored_window([(lower, upper)], tau=1.0), mirrored_window([(upper, lower)], tau=1.0)
        (tensor([[0.3679]]), tensor([[-0.3679]]))
    """
    total: Tensor | None = None
    for spks in recording:
        if total is None:
            precision = torch.promote_types(spks[0].dtype, torch.float32)
            x_lower, x_upper = (spk.new_zeros(spk.shape[1:], dtype=precision) for spk in spks)
            total = x_upper.T @ x_lower
        if compiles(total, x_lower):
            _compiled(spks, tau, total, x_lower, x_upper)
            continue
        lower, upper = (spk.to(precision) for spk in spks)
        time = torch.arange(len(lower) + 1).to(lower)
        age = time[:, None] - time[:-1]
        kernel, decay = age.sign() * torch.exp(-age.abs() / tau), torch.exp(-time / tau)
        # Of the lower spikes, those before each step minus those after it; at the last row all lie before it.
        seen, ahead = torch.tensordot(torch.cat([kernel, decay[None, :-1]]), lower, 1).tensor_split([-1])
        seen.addcmul_(decay.view(-1, 1, 1), x_lower)
        total += (_at_spikes(upper, seen[:-1]) - x_upper.T @ ahead[0]) / lower.shape[1]
        x_lower, x_upper = seen[-1], torch.tensordot(kernel[-1], upper, 1) + decay[-1] * x_upper
    if total is None:
        raise ValueError("a recording without a piece: simulate at least one step")
    return total


def _at_spikes(spk: Tensor, values: Tensor) -> Tensor:
    """Σ over t and B of S_l v_k, for spikes ``[t, B, L]`` and values ``[t, B, K]``: ``[L, K]``.

    Spikes are few: adding up the values at them is faster than a matrix product.
    """
    when = spk.flatten(0, 1).bool().T.contiguous().nonzero()[:, 1].contiguous()
    count = spk.sum((0, 1)).long()
    return F.embedding_bag(when, values.flatten(0, 1), count.cumsum(0) - count, mode="sum")


def _compiled(spks: tuple[Tensor, Tensor], tau: float, total: Tensor, x_lower: Tensor, x_upper: Tensor) -> None:
    """One piece; traces by recursion."""
    from spikefa.noise import kernels_pair

    lower, upper = (np.ascontiguousarray(spk.bool().view(torch.uint8).numpy()) for spk in spks)
    past_lower, past_upper = x_lower.numpy(), x_upper.numpy()
    number, replicas = past_lower.dtype.type, len(past_lower)
    decays = np.exp(-np.arange(1, len(lower) + 1) / tau).astype(number)
    values, ahead = np.empty(lower.shape, number), np.empty_like(past_lower)
    share(kernels_pair.seen, replicas, lower.size, lower, past_lower, decays[0], values, ahead)
    trains = upper.reshape(-1, upper.shape[2]), values.reshape(-1, lower.shape[2])
    arrays = *trains, decays, past_upper, ahead, number(1 / replicas), total.numpy()
    share(kernels_pair.at_spikes, len(total), upper.size * AT_SPIKE, *arrays)
