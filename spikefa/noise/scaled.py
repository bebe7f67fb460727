"""Feedback that spikes tell up to a scale only, used at the scale that it had at the start."""

from __future__ import annotations

from abc import ABC

import torch
from torch import Tensor

from spikefa.noise.phase import NoisePhase
from spikefa.options import flag


class UpToScale(NoisePhase, ABC):
    """A noise phase that finds W up to an unknown positive factor.

    What is learned stays in ``weight``, in the units of the rule. What carries errors is that times ‖B₀‖ / ‖B‖, so
    that they keep the size that they had at the start. This is one number a layer, made of B alone: no transport of W,
    but not local to the synapse either.

    Args:
        weight, generator, every, per: as :class:`~spikefa.noise.phase.NoisePhase` takes them.
        rescale: whether errors travel through the rescaled B, or through B as it was learned.
    """

    size: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator, *, every: int, per: str, rescale: bool) -> None:
        super().__init__(weight, generator, every=every, per=per)
        flag(rescale=rescale)
        self.rescale = rescale
        self.register_buffer("size", torch.linalg.vector_norm(self.weight))

    def forward(self, weight: Tensor) -> Tensor:
        """B as learned so far, with the norm of B₀."""
        if not self.rescale:
            return self.weight
        norm = torch.linalg.vector_norm(self.weight).clamp(min=torch.finfo(self.weight.dtype).tiny)
        scaled: Tensor = self.weight * (self.size / norm)
        return scaled
