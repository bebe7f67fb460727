"""What one transport of weights moves from W to B: all of them or some, chosen by a scheme, and its cost in bits.

The paper of frozen backpropagation has three partial schemes of rising computational cost. Their exact definitions were
not available to us: those here are our own, after its idea.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, final

import torch
from torch import Tensor

from spikefa.names import nearest
from spikefa.options import flag
from spikefa.streams import stream


class Shared(NamedTuple):
    """What both sides know without any transport: the number of this copy, from 0, and the layer's seed."""

    number: int
    seed: int


def full(weight: Tensor, feedback: Tensor, shared: Shared) -> Tensor:
    """Every weight."""
    return torch.ones_like(weight, dtype=torch.bool)


def cyclic(weight: Tensor, feedback: Tensor, shared: Shared, *, fraction: float = 0.01) -> Tensor:
    """Consecutive blocks of k = ⌈p n⌉ weights, one a copy, every weight once in ⌈n / k⌉ copies.

    The last block of a cycle holds what is left, so it may be smaller.

    Example:
        >>> weight = torch.zeros(1, 5)
        >>> [cyclic(weight, weight, Shared(number, 0), fraction=0.4).int().tolist() for number in range(4)]
        [[[1, 1, 0, 0, 0]], [[0, 0, 1, 1, 0]], [[0, 0, 0, 0, 1]], [[1, 1, 0, 0, 0]]]
    """
    n, k = weight.numel(), quota(weight, fraction)
    block = torch.arange(n, device=weight.device).view(weight.shape) // k
    return block == shared.number % math.ceil(n / k)


def random(weight: Tensor, feedback: Tensor, shared: Shared, *, fraction: float = 0.01) -> Tensor:
    """⌈p n⌉ weights at random, drawn afresh at every copy from the layer's seed and the number of the copy."""
    order = torch.randperm(weight.numel(), generator=stream(shared.seed, f"copy {shared.number}"))
    return (order < quota(weight, fraction)).view(weight.shape).to(weight.device)


def threshold(weight: Tensor, feedback: Tensor, shared: Shared, *, threshold: float = 0.1) -> Tensor:
    """The weights that are off by more than θ times the layer's present root mean square weight.

    |W − B| > θ √⟨W²⟩, however many they are. In this unit no state is needed, the scale of W does not matter, and
    θ bounds the relative drift that a copy leaves: ‖W − B‖ ≤ θ ‖W‖.

    Example:
        >>> weight = torch.tensor([[4.0, -4.0, 4.0]])  # a quarter of the root mean square is 1
        >>> threshold(weight, torch.tensor([[4.0, -3.0, 2.99]]), Shared(0, 0), threshold=0.25)
        tensor([[False, False,  True]])
    """
    return (weight - feedback).abs() > threshold * weight.square().mean().sqrt()


def topk(weight: Tensor, feedback: Tensor, shared: Shared, *, fraction: float = 0.01) -> Tensor:
    """The ⌈p n⌉ weights of largest |W − B|; among equal ones, those that come first in W.

    Example:
        >>> topk(torch.tensor([[3.0, -2.0, 2.0]]), torch.zeros(1, 3), Shared(0, 0), fraction=0.5)
        tensor([[ True,  True, False]])
    """
    change, k = (weight - feedback).abs().flatten(), quota(weight, fraction)
    least = change.topk(k).values[-1]
    larger, equal = change > least, change == least
    return (larger | (equal & (equal.cumsum(0) <= k - larger.sum()))).view(weight.shape)


SCHEMES: dict[str, Callable[..., Tensor]] = {
    "full": full,
    "cyclic": cyclic,
    "random": random,
    "threshold": threshold,
    "topk": topk,
}
"""From W, B and what both sides know to the mask of the weights to move. Its keyword arguments are its options."""

ADDRESSED = {"threshold", "topk"}
"""The schemes whose choice depends on W, so that the feedback side must be told which weights they are."""


def quota(weight: Tensor, fraction: float) -> int:
    """⌈p n⌉, with the p that is written: 0.07 of 100 weights are 7, though 0.07 × 100 > 7 in floating point.

    Example:
        >>> quota(torch.zeros(10, 10), 0.07), quota(torch.zeros(1, 3), 0.01)
        (7, 1)
    """
    return math.ceil(Fraction(str(fraction)) * weight.numel())


def rescale(weight: Tensor, feedback: Tensor) -> None:
    """Scale every row ``B[i]`` to the norm of W's, in place; a row that is zero in either is left as it is.

    Rows are outputs, but inputs of transposed convolutions, whose W torch keeps as ``[in, out, ...]``.

    Example:
        >>> feedback = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
        >>> rescale(torch.tensor([[3.0, 4.0], [1.0, 1.0]]), feedback)
        >>> feedback
        tensor([[5., 0.],
                [0., 0.]])
    """
    target, norm = (rows.flatten(1).norm(dim=1) for rows in (weight, feedback))
    scale = torch.where((target > 0) & (norm > 0), target / norm, 1)
    feedback *= scale.view(-1, *[1] * (weight.dim() - 1))


@final
@dataclass(frozen=True)
class Transport:
    """A scheme with its option, as :class:`~spikefa.rules.FrozenBackprop` takes them.

    Args:
        scheme: a name of :data:`SCHEMES`.
        fraction: p, for the schemes that move a fixed number of weights; 0.01 if absent.
        threshold: θ, for ``threshold``; 0.1 if absent.
        rescale: whether :func:`rescale` follows each partial copy.

    Raises:
        ValueError: no such scheme, an option out of its range, or one that the scheme does not use.

    Example:
        >>> Transport("topk", fraction=0.5)(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2), Shared(0, 0))
        (tensor(1), tensor(1))
    """

    scheme: str = "full"
    fraction: float | None = None
    threshold: float | None = None
    rescale: bool = False

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            hint = nearest(str(self.scheme), SCHEMES)
            raise ValueError(f"no transport is called {self.scheme!r}{hint}: there are {', '.join(SCHEMES)}")
        takes = inspect.signature(SCHEMES[self.scheme]).parameters
        for name, most in {"fraction": 1, "threshold": math.inf}.items():
            value = getattr(self, name)
            if value is not None and name not in takes:
                raise ValueError(f"{name}={value!r} does nothing with transport={self.scheme}: leave it out")
            if value is not None and (type(value) not in (int, float) or not 0 < value <= most):
                raise ValueError(f"{name} must be a number above 0{', at most 1' * (most == 1)}, not {value!r}")
        flag(rescale=self.rescale)
        if self.rescale and self.scheme == "full":
            raise ValueError("rescale=True does nothing with transport=full, whose rows have W's norms: leave it out")

    @property
    def options(self) -> dict[str, float]:
        """The scheme's option, if it has one that was given."""
        given = {"fraction": self.fraction, "threshold": self.threshold}
        return {name: value for name, value in given.items() if value is not None}

    def __call__(self, weight: Tensor, feedback: Tensor, shared: Shared) -> tuple[Tensor, Tensor]:
        """Move weights from W to B, in place.

        Returns:
            Words moved, a scalar: one for each weight, and with ``rescale`` for each row's norm; and the bits beside
            them: ⌈log₂ n⌉ for the index of each weight where the scheme is one of :data:`ADDRESSED`.
        """
        mask = SCHEMES[self.scheme](weight, feedback, shared, **self.options)
        feedback.copy_(torch.where(mask, weight, feedback))
        index = (weight.numel() - 1).bit_length() if self.scheme in ADDRESSED else 0
        words = mask.sum()
        if self.rescale:
            rescale(weight, feedback)
        return words + len(weight) * self.rescale, words * index

    def __str__(self) -> str:
        """The options, as they are written on the command line."""
        parts = [f"transport={self.scheme}", *(f"{name}={value}" for name, value in self.options.items())]
        return ", ".join(parts + ["rescale=True"] * self.rescale)
