"""Feedback alignment: the error travels through fixed random weights."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from spikefa.feedback import Adjoint, Feedback, random_like, spread
from spikefa.matrix import RandomMatrix, route_flat
from spikefa.options import flag


@final
class FeedbackAlignment(Feedback):
    """Feedback alignment: B is random and never changes; W may come to align with it.

    B ~ U(−a, a) with the standard deviation of W₀.

    A convolution's B is a random kernel, whose weights are shared as W's are. ``dense=True`` gives it a random matrix
    between all of its outputs and all of its inputs instead, with the Frobenius norm that the convolution with W₀ has
    as a matrix (on average), so that errors are as large. Most of its entries join neurons that no kernel joins, and
    the others share nothing, so that W cannot come to align with it. It is drawn at the first pass, and takes outputs ×
    inputs numbers: in float32 79 MB from 16 × 14 × 14 to 32 × 14 × 14, and 17 GB from 64 × 32 × 32 to as many.
    Checkpoints hold its seed only. For a linear layer ``dense`` makes no difference.

    **Uses:** nothing of W after the start. Local.

    Reference:
        Lillicrap, Cownden, Tweed, Akerman, "Random synaptic feedback weights support error backpropagation for deep
        learning", Nature Communications 7, 13276, 2016. https://doi.org/10.1038/ncomms13276

    Args:
        weight: W₀, ``[out, in, ...]``; only its shape and standard deviation are used.
        generator: draws B.
        dense: whether a convolution's B is a matrix between its flattened output and input.

    Raises:
        ValueError: the standard deviation of W₀ is zero or not finite, or ``dense`` is neither true nor false.

    Example:
        >>> weight = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
        >>> pathway = FeedbackAlignment(weight, torch.Generator().manual_seed(1))
        >>> bool((pathway(weight) == pathway(2 * weight)).all())
        True
        >>> from spikefa import attach
        >>> layer = attach(torch.nn.Conv2d(2, 3, 3), "fa:dense=true", first=True)
        >>> _ = layer(torch.ones(5, 2, 8, 8, requires_grad=True))
        >>> layer.feedback(layer.weight).shape  # from 3 × 6 × 6 to 2 × 8 × 8
        torch.Size([108, 128])
    """

    reads = frozenset()
    weight: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator, *, dense: bool = False) -> None:
        super().__init__()
        flag(dense=dense)
        self.dense, self.kernel = dense, weight.shape
        self.matrix: RandomMatrix | None = None
        if dense and weight.dim() > 2:
            self.matrix = RandomMatrix(generator, spread(weight).to(weight))
        else:
            self.register_buffer("weight", random_like(weight, generator))

    def forward(self, weight: Tensor) -> Tensor:
        """B, whatever W is; of a convolution with ``dense``, ``[outputs, inputs]``, empty before its first pass."""
        return self.weight if self.matrix is None else self.matrix.weight

    @property
    def comparable(self) -> bool:
        """Not as a matrix between all outputs and inputs."""
        return self.matrix is None

    def carry(self, x: Tensor, y: Tensor, weight: Tensor, adjoint: Adjoint) -> Tensor:
        """y, whose error reaches x through B."""
        if self.matrix is None:
            return super().carry(x, y, weight, adjoint)
        rows, device, inner = y.shape, y.device, len(self.kernel) - 1
        outputs, inputs = y.shape[-inner:].numel(), x.shape[-inner:].numel()

        def gain() -> float:
            """√(outputs that an input reaches, on average), counted by a convolution of ones."""
            reached = adjoint(torch.ones(rows, device=device), torch.ones(self.kernel, device=device))
            return math.sqrt(reached.mean())

        return route_flat(x, y, self.matrix(outputs, inputs, gain))

    def sent(self, error: Tensor, x: Tensor, weight: Tensor, adjoint: Adjoint) -> Tensor | None:
        """Bᵀ δ."""
        if self.matrix is None:
            return super().sent(error, x, weight, adjoint)
        return (error.reshape(-1, len(weight)) @ weight).reshape(x.shape)

    def extra_repr(self) -> str:
        """The options, for printing."""
        return "dense=True" if self.dense else ""
