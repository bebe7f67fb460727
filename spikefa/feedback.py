"""The one abstraction: a pathway that carries the error of a layer back to its input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

Rule = Callable[[Tensor, torch.Generator], "Feedback"]
"""Makes a pathway for a layer from its initial weight W₀ and a generator of the pathway's own."""


class Feedback(nn.Module, ABC):
    """The pathway that carries the error of a layer back to its input, through B instead of Wᵀ.

    What comes with the error arrives by autograd: where B requires a gradient, it is given that of W. What comes from W
    or from spikes arrives by :meth:`step`.
    A subclass's constructor takes ``(weight, generator, **its own options)``: the layer's initial weight and a
    generator that belongs to this layer alone.

    Attributes:
        bits: bits of weights that went from the forward to the feedback side so far, a scalar int64 buffer.
    """

    bits: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bits", torch.zeros((), dtype=torch.int64))

    @abstractmethod
    def forward(self, weight: Tensor) -> Tensor:
        """B, given the current W (detached); both have W's shape ``[out, in, ...]``.

        torch keeps the W of a transposed convolution as ``[in, out, ...]``, and so is its B.
        """

    def step(self, weight: Tensor) -> None:
        """Adapt B after ``optimizer.step()``; nothing by default."""

    def measures(self) -> dict[str, float]:
        """What the rule itself has measured, by name, for the record; nothing by default."""
        return {}


def spread(weight: Tensor) -> Tensor:
    """Standard deviation of the entries of ``weight``: a float64 scalar on the CPU, the same on every device.

    Raises:
        ValueError: it is zero or not finite, so feedback of this scale would carry no error.

    Example:
        >>> spread(torch.tensor([[2.0, -2.0], [2.0, -2.0]]))
        tensor(2., dtype=torch.float64)
    """
    std = weight.detach().double().std(correction=0).cpu()
    if not (torch.isfinite(std) and std > 0):
        raise ValueError(
            f"feedback takes its scale from W, but the standard deviation of this W {tuple(weight.shape)} is "
            f"{std.item():g}: initialise the layer with different, finite weights before attach()"
        )
    return std


def random_like(weight: Tensor, generator: torch.Generator, std: Tensor | None = None) -> Tensor:
    """Uniform random numbers with the shape and the standard deviation of ``weight``.

    B ~ U(−a, a), a = √3 · std(W). Drawn in float64 on the CPU, so that a seed gives the same B on every device and
    in every dtype.

    Args:
        weight: W, ``[out, in, ...]``.
        generator: a CPU generator; the global one is never used.
        std: the standard deviation to draw with, in place of that of ``weight``.

    Raises:
        ValueError: the standard deviation of ``weight`` is zero or not finite, so B would carry no error.

    Example:
        >>> weight = torch.linspace(-1, 1, 2000).reshape(40, 50)
        >>> feedback = random_like(weight, torch.Generator().manual_seed(0))
        >>> feedback.shape, bool((feedback.std() / weight.std() - 1).abs() < 0.05)
        (torch.Size([40, 50]), True)
    """
    scale = spread(weight) if std is None else std.double().cpu()
    uniform = torch.rand(weight.shape, generator=generator, dtype=torch.float64) * 2 - 1
    return (uniform * (3**0.5 * scale)).to(weight)
