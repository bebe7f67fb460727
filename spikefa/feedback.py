"""The one abstraction: a pathway that carries the error of a layer back to its input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from spikefa.options import Range

Rule = Callable[[Tensor, torch.Generator], "Feedback"]
"""Makes a pathway for a layer from its initial weight W₀ and a generator of the pathway's own."""


Adjoint = Callable[[Tensor, Tensor], Tensor]
"""Takes the error at a layer's output and a weight to the error at the layer's input."""


@final
class _Route(torch.autograd.Function):
    """Forward: y. Backward: the error as it is to y, and through the adjoint with ``weight`` to x."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor, weight: Tensor, adjoint: Adjoint) -> Tensor:
        return y.view_as(y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, _, weight, ctx.adjoint = inputs
        ctx.save_for_backward(weight)

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        routed = ctx.adjoint(error, weight.to(error.dtype)) if ctx.needs_input_grad[0] else None
        return routed, error, None, None


def route(x: Tensor, y: Tensor, weight: Tensor, adjoint: Adjoint) -> Tensor:
    """Return y; send y's error to x through ``weight``, and to y's own graph unchanged.

    For y = f(x.detach()), the gradients of f's parameters stay autograd's, and only the error to x is replaced.

    Args:
        x: the layer's input; its gradient will be ``adjoint(error, weight)``.
        y: the layer's output, computed from ``x.detach()``.
        weight: B, in the layout of the layer's own weight.
        adjoint: takes (error of y's shape, B) to a tensor of x's shape.

    Example:
        >>> x = torch.ones(2, requires_grad=True)
        >>> route(x, 3 * x.detach(), torch.tensor(5.0), lambda error, weight: weight * error).sum().backward()
        >>> x.grad
        tensor([5., 5.])
    """
    result: Tensor = _Route.apply(x, y, weight, adjoint)  # type: ignore[no-untyped-call]
    return result


@final
class Quantity(StrEnum):
    """What a rule may read to make or to change B."""

    WEIGHT = "W"
    SIGN = "sign W"
    NORM = "norm of W"
    ERROR = "error"
    INPUT = "input"
    PRE = "spikes below"
    POST = "spikes above"


class Feedback(nn.Module, ABC):
    """The pathway that carries the error of a layer back to its input, through B instead of Wᵀ.

    What comes with the error arrives by autograd: where B requires a gradient, it is given that of W. What comes from W
    or from spikes arrives by :meth:`step`, or by :meth:`epoch`.
    What it remembers is in its ``state_dict``: buffers, or what ``get_extra_state`` gives, of tensors and what JSON
    holds.
    A subclass's constructor takes ``(weight, generator, **its own options)``: the layer's initial weight and a
    generator that belongs to this layer alone.

    Attributes:
        reads: what B is made from after the start; a subclass declares it.
        search: what ``spikefa tune`` may try: its own options, or ``weight_decay`` where the rule is made of it, and
            for each a range. Not what it may read, how much it moves or how long its phases are: that is the method,
            and its cost, for the user to choose.
        words: numbers of a weight's size that went from the forward to the feedback side so far; ``bits``: the bits of
            these, and of signs and indices that went. Scalar int64 buffers; a rule that reads W tells of it by
            :meth:`send`.
    """

    reads: ClassVar[frozenset[Quantity]]
    search: ClassVar[Mapping[str, Range]] = {}
    words: Tensor
    bits: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("words", torch.zeros((), dtype=torch.int64))
        self.register_buffer("bits", torch.zeros((), dtype=torch.int64))

    @abstractmethod
    def forward(self, weight: Tensor) -> Tensor:
        """B, given the current W (detached); both have W's shape ``[out, in, ...]``.

        torch keeps the W of a transposed convolution as ``[in, out, ...]``, and so is its B.
        """

    def carry(self, x: Tensor, y: Tensor, weight: Tensor, adjoint: Adjoint) -> Tensor:
        """y, whose error reaches x through B; override it where the error takes another way.

        Args:
            x: the layer's input; ``y``: its output, from ``x.detach()``.
            weight: B, as ``forward`` gave it.
            adjoint: the layer's own: takes (error of y's shape, B in W's layout) to a tensor of x's shape.
        """
        return route(x, y, weight, adjoint)

    def sent(self, error: Tensor, x: Tensor, weight: Tensor, adjoint: Adjoint) -> Tensor | None:
        """The error that x gets for the layer's own error; None where it is not made of that.

        Args:
            error: at the layer's output.
            x, weight, adjoint: as :meth:`carry` takes them.
        """
        return adjoint(error, weight) if self.comparable else None

    def step(self, weight: Tensor) -> None:
        """Adapt B after ``optimizer.step()``; nothing by default."""

    def epoch(self, weight: Tensor) -> None:
        """Adapt B after an epoch; nothing by default."""

    @property
    def comparable(self) -> bool:
        """Whether B takes the place of W number by number, so that the two can be compared."""
        return True

    def connect(self, pathways: Mapping[str, Feedback | None]) -> None:
        """Meet the pathways attached in the same call, by layer; nothing by default.

        Args:
            pathways: of all affine layers of the network, in their order; None for those that got none in this call.
        """

    def begin(self, steps: int) -> None:
        """A sequence begins; layers see ``steps`` time steps at once, 1 in a loop over time. Nothing by default."""

    def send(self, weight: Tensor, words: int | Tensor = 0, bits: int | Tensor = 0) -> None:
        """Count what went over: ``words`` numbers of the size of those in ``weight``, and ``bits`` beside them."""
        self.words += words
        self.bits += words * weight.element_size() * 8 + bits

    def measures(self, weight: Tensor) -> dict[str, float]:
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
