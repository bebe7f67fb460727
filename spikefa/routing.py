"""Routing: layers whose forward pass is the stock one and whose error travels through a feedback pathway."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn import grad as conv_adjoint

from spikefa.feedback import Feedback

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


class Routed(nn.Module, ABC):
    """A stock affine layer with a pathway: ``feedback`` is its :class:`~spikefa.feedback.Feedback`."""

    feedback: Feedback
    weight: Tensor
    _exact: bool = False

    @abstractmethod
    def affine(self, x: Tensor, weight: Tensor) -> Tensor:
        """The stock layer's output, with ``weight`` for W."""

    @abstractmethod
    def adjoint(self, error: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        """The error at an input of ``shape``, from the one at the output, through ``weight``."""

    def forward(self, x: Tensor) -> Tensor:
        """The stock layer's output; its error will reach x through the pathway, and W's gradient a B that wants one."""
        if self._exact:
            return self.affine(x, self.weight)
        shape, weight, feedback = x.shape, self.weight, self.feedback(self.weight.detach())
        if feedback.requires_grad and weight.requires_grad:
            weight = route(feedback, weight, feedback.detach(), lambda gradient, _: gradient)
        y = self.affine(x.detach(), weight)
        return route(x, y, feedback.detach(), lambda error, through: self.adjoint(error, through, shape))


@final
class Linear(Routed, nn.Linear):
    """:class:`torch.nn.Linear` with a pathway; input ``[..., in]``."""

    def affine(self, x: Tensor, weight: Tensor) -> Tensor:
        """W x + b."""
        return F.linear(x, weight, self.bias)

    def adjoint(self, error: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        """Bᵀ δ."""
        return error @ weight


class _Conv(Routed, nn.modules.conv._ConvNd, ABC):
    """What convolutions share: any number of leading dimensions, and the padding as numbers."""

    dims: int

    @abstractmethod
    def transpose(self, error: Tensor, weight: Tensor, shape: list[int], padding: list[int]) -> Tensor:
        """Its adjoint, for an input of ``shape``."""

    def affine(self, x: Tensor, weight: Tensor) -> Tensor:
        """W ∗ x + b for ``[..., C, ...]``: leading dimensions are folded into one batch."""
        if x.dim() == self.dims + 2:
            return self._conv_forward(x, weight, self.bias)
        lead = x.shape[: -self.dims - 1]
        y = self._conv_forward(x.reshape(-1, *x.shape[len(lead) :]), weight, self.bias)
        return y.view(*lead, *y.shape[1:])

    def adjoint(self, error: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        """The transposed convolution of δ with B."""
        before, after = self._padding()
        one_sided = [late - early for early, late in zip(before, after, strict=True)]
        padded = [size + extra for size, extra in zip(shape[-self.dims :], one_sided, strict=True)]
        image = [*shape[-self.dims - 1 : -self.dims], *padded]
        folded = error.reshape(-1, *error.shape[-self.dims - 1 :])
        routed = self.transpose(folded, weight, [len(folded), *image], before)
        for axis, size in enumerate(shape[-self.dims :], start=2):
            routed = routed.narrow(axis, 0, size)
        return routed.contiguous().view(shape)

    def _padding(self) -> tuple[list[int], list[int]]:
        """Zeros before and after each axis; "same" with an even kernel pads one more after than before."""
        if not isinstance(self.padding, str):
            return list(self.padding), list(self.padding)
        spans = zip(self.dilation, self.kernel_size, strict=True)
        total = [step * (size - 1) if self.padding == "same" else 0 for step, size in spans]
        return [span // 2 for span in total], [span - span // 2 for span in total]


@final
class Conv1d(_Conv, nn.Conv1d):
    """:class:`torch.nn.Conv1d` with a pathway; input ``[..., C, L]``."""

    dims = 1

    def transpose(self, error: Tensor, weight: Tensor, shape: list[int], padding: list[int]) -> Tensor:
        """Its adjoint."""
        routed: Tensor = conv_adjoint.conv1d_input(
            shape, weight, error, self.stride, padding, self.dilation, self.groups
        )
        return routed


@final
class Conv2d(_Conv, nn.Conv2d):
    """:class:`torch.nn.Conv2d` with a pathway; input ``[..., C, H, W]``."""

    dims = 2

    def transpose(self, error: Tensor, weight: Tensor, shape: list[int], padding: list[int]) -> Tensor:
        """Its adjoint."""
        routed: Tensor = conv_adjoint.conv2d_input(
            shape, weight, error, self.stride, padding, self.dilation, self.groups
        )
        return routed


ROUTED: dict[type[nn.Module], type[Routed]] = {nn.Linear: Linear, nn.Conv1d: Conv1d, nn.Conv2d: Conv2d}
"""The stock layers that can have a pathway, and their routed classes."""
