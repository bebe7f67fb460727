"""Exponential filters of spike trains: synaptic currents and plasticity traces, all time steps at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from spikefa.noise.choice import compiles, plain
from spikefa.threads import share

CHUNK = 100
"""Steps filtered by one matrix product: its cost per step grows with them, the number of products shrinks."""


@final
@dataclass(frozen=True)
class Exponentials:
    """A sum of exponential filters, of the spikes that lie strictly in the past.

    y(t) = Σₙ aₙ xₙ(t),  xₙ(t) = Σ_{s < t} exp(−(t − s)/τₙ) S(s)

    Args:
        amplitudes: aₙ; ``taus``: τₙ, in steps.

    Example:
        >>> import math
        >>> halving = Exponentials((1.0,), (1 / math.log(2),))
        >>> y, end = halving(torch.tensor([1.0, 0.0, 1.0]).reshape(3, 1, 1))
        >>> y.flatten(), end.flatten()
        (tensor([0.0000, 0.5000, 0.2500]), tensor([0.6250]))
    """

    amplitudes: tuple[float, ...]
    taus: tuple[float, ...]

    def __call__(self, spk: Tensor, start: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Filter a piece of spike trains.

        Args:
            spk: spikes, or any input, ``[T, B, N]``; booleans are filtered in the precision of ``start``,
                or in float32.
            start: xₙ(0), ``[n, B, N]`` or a shape that broadcasts to it, left by the piece before; zero if absent.

        Returns:
            y(0) … y(T−1), ``[T, B, N]``, and xₙ(T), ``[n, B, N]``, to start the next piece with.
        """
        precision = torch.float32 if spk.dtype == torch.bool else spk.dtype
        state = spk.new_zeros(len(self.taus), *spk.shape[1:], dtype=precision) if start is None else start
        if compiles(state) if spk.dtype == torch.bool else compiles(spk, state):
            return self._compiled(spk, state.expand(-1, *spk.shape[1:]))
        pieces = []
        for piece in spk.to(state.dtype).split(CHUNK):
            y, state = self._filtered(piece, state)
            pieces.append(y)
        return torch.cat(pieces), state

    def mean(self, rate: float, like: Tensor) -> Tensor:
        """xₙ of input that has been ``rate`` per step for ever, ``[n, 1, 1]``, of the dtype and device of ``like``."""
        return rate / torch.expm1(1 / like.new_tensor(self.taus)).view(-1, 1, 1)

    def _filtered(self, spk: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        steps = torch.arange(len(spk) + 1, dtype=spk.dtype, device=spk.device)
        rates = -1 / steps.new_tensor(self.taus)
        amplitudes = steps.new_tensor(self.amplitudes)
        age = steps[:, None] - steps[None, :-1]
        kernels = torch.where(age > 0, torch.exp(rates.view(-1, 1, 1) * age), 0)
        left = torch.exp(rates[:, None] * steps)
        x = torch.tensordot(amplitudes, kernels[:, :-1], 1) @ spk.flatten(1)
        y = x.view_as(spk) + torch.einsum("n,nt,nbk->tbk", amplitudes, left[:, :-1], start.expand(-1, *spk.shape[1:]))
        end = (kernels[:, -1] @ spk.flatten(1)).view(-1, *spk.shape[1:])
        return y, end + left[:, -1].view(-1, 1, 1) * start

    def _compiled(self, spk: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """The same by recursion, xₙ(t + 1) = exp(−1/τₙ) (xₙ(t) + S(t)), in another order of summation."""
        from spikefa.noise import kernels

        given, state = plain(spk.flatten(1)), plain(start.flatten(1)).astype(np.float64)
        constants = np.array(self.amplitudes), np.exp(-1 / np.array(self.taus))
        y = np.empty(given.shape, plain(start).dtype)
        share(kernels.filtered, given.shape[1], y.size, given, state, *constants, y)
        return torch.from_numpy(y).view(spk.shape), torch.from_numpy(state).to(start.dtype).view(start.shape)


def synapse(fall: float, rise: float, dt: float = 1.0) -> Exponentials:
    """The current that a spike leaves at a synapse: a difference of exponentials, whose integral is 1.

    κ(t) = (e^(−t/τ_fall) − e^(−t/τ_rise)) / (τ_fall − τ_rise)

    Args:
        fall, rise: the time constants, of which ``fall`` is the longer one.
        dt: length of a step, in their unit.

    Example:
        >>> spk = torch.zeros(200, 1, 1)
        >>> spk[0] = 1
        >>> x, _ = synapse(fall=10, rise=3)(spk)
        >>> x[0].item(), x.argmax().item(), round(x.sum().item(), 2)
        (0.0, 5, 1.0)
    """
    amplitude = 1 / (fall - rise)
    return Exponentials((amplitude, -amplitude), (fall / dt, rise / dt))
