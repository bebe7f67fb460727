"""Frozen backpropagation: feedback weights that are copied from the forward ones now and then."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from spikefa.feedback import Feedback


@final
class FrozenBackprop(Feedback):
    """Frozen backpropagation: B stands still for ``period`` updates, then becomes a copy of W.

    B₀ = W₀, and B ← W after every ``period``-th update. ``period=1`` is backpropagation, bit for bit. Weights moved:
    n at each copy, so ``period`` times fewer than backpropagation moves.

    **Uses:** W, once every ``period`` updates. Not local; the transport is what it saves.

    Reference:
        Goupy, Tirilly, Bilasco, "Frozen backpropagation: relaxing weight symmetry in temporally-coded deep spiking
        neural networks", 2025. https://arxiv.org/abs/2505.13741

    Args:
        weight: W₀, ``[out, in, ...]``.
        generator: not drawn from; every rule is given one.
        period: updates from one copy to the next, Φ.

    Raises:
        ValueError: ``period`` is not a positive whole number.

    Example:
        >>> pathway = FrozenBackprop(torch.zeros(1, 2), torch.Generator(), period=2)
        >>> for update in (1.0, 2.0, 3.0):
        ...     pathway.step(torch.full((1, 2), update))
        >>> pathway.weight, int(pathway.bits)
        (tensor([[2., 2.]]), 64)
    """

    weight: Tensor
    updates: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator, *, period: int = 100) -> None:
        super().__init__()
        if not isinstance(period, int) or isinstance(period, bool) or period < 1:
            raise ValueError(f"period must be a whole number of updates, at least 1, not {period!r}")
        self.period = period
        self.register_buffer("weight", weight.detach().clone())
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, weight: Tensor) -> Tensor:
        """The last copy."""
        return self.weight

    def step(self, weight: Tensor) -> None:
        """Count the update; copy W if it is a ``period``-th one."""
        self.updates += 1
        if self.updates % self.period == 0:
            self.weight.copy_(weight)
            self.bits += weight.numel() * weight.element_size() * 8

    def extra_repr(self) -> str:
        """The option, for printing."""
        return f"period={self.period}"
