"""Gathered products: a linear layer whose input is spikes, by sums of rows in the place of matrix products.

For spikes x[r, k] ∈ {0, 1}, a row of y = x Wᵀ is the sum of the columns of W whose neurons spiked, and the gradient of
a column of W is the sum of the errors of the rows in which its neuron spiked. Both are torch's ``embedding_bag``, over
lists of the ones that :mod:`spikefa.spikes` makes. The error that goes on to the layer below is not sparse: its
product with W or B stays as it is.

:func:`spikefa.run` does this for every ``nn.Linear``, with a pathway or without, where it is faster:
:func:`implementation` says which way a product takes, and why; :func:`using` or ``SPIKEFA_PRODUCT`` asks for one. Both
give the same numbers, within the rounding of sums in another order. Weights or errors that are not finite go through
the dense product, so that 0 · NaN is NaN also where nothing spiked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from spikefa.noise.choice import plain
from spikefa.scan.choice import Choice
from spikefa.scan.hindrance import around
from spikefa.threads import share

PRODUCTS: Final = ("dense", "gathered")
"""The ways to multiply."""
VARIABLE: Final = "SPIKEFA_PRODUCT"
"""Environment variable that names the way, as :func:`using` does within a program."""
WORK: Final = 1 << 25
"""Multiplications of a dense product below which no choice is worth its time."""

_forced: ContextVar[str | None] = ContextVar("product", default=None)


@contextmanager
def using(name: str) -> Iterator[None]:
    """Within, products of :func:`spikefa.run` take this way; the dense one where they cannot take the other.

    Args:
        name: ``dense`` or ``gathered``.

    Raises:
        ValueError: there is no such way.

    Example:
        >>> with using("gathered"):
        ...     print(implementation(torch.ones(3, 2), torch.ones(4, 2)))
        gathered: asked for
    """
    _check(name)
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)


def limit(fan_out: int) -> float:
    """The part of ones in the input up to which gathered products are faster; below zero if they never are.

    Measured on two threads and on one, forward with backward: a layer is as fast both ways at 35 to 45 % of ones from
    100 neurons on, at 25 to 35 % with 64, at 10 to 15 % with 32, and below 10 % with 10, as reading the input costs the
    same whatever the number of neurons. This stays below all of these. Neither the number of inputs nor the number of
    threads moves them much: they act on both ways alike.

    Args:
        fan_out: neurons of the layer.

    Example:
        >>> [round(limit(fan_out), 2) for fan_out in (10, 32, 128, 1000)]
        [-0.45, 0.1, 0.29, 0.34]
    """
    return 0.35 - 8 / fan_out


def implementation(x: Tensor, weight: Tensor) -> Choice:
    """Which way :func:`spikefa.run` would multiply this input, ``[R, K]``, with these weights, ``[N, K]``, and why.

    Example:
        >>> spk = (torch.rand(2000, 200) < 0.1).float()
        >>> print(implementation(spk, torch.ones(10, 200)))
        dense: too few neurons (10) or too little work for anything else to be faster
        >>> print(implementation(spk + 1, torch.ones(100, 200)))
        dense: the input is not zeros and ones
        >>> print(implementation(spk, torch.ones(100, 200)).name)
        gathered
    """
    return _choose(x, weight)[0]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """:func:`torch.nn.functional.linear`, by the way that :func:`implementation` names."""
    _, starts = _choose(input, weight)
    if starts is None or (bias is not None and bias.dtype != weight.dtype):
        return F.linear(input, weight, bias)
    y: Tensor = _Gathered.apply(input, weight, starts)  # type: ignore[no-untyped-call]
    return y if bias is None else y.add_(bias)


def apply(module: nn.Module, x: Tensor) -> Tensor:
    """The module's output; that of an ``nn.Linear`` of any class, with its hooks, by :func:`linear`."""
    if not isinstance(module, nn.Linear):
        return module(x)  # type: ignore[no-any-return]
    with gathering():
        return module(x)  # type: ignore[no-any-return]


def gathering() -> AbstractContextManager[Any]:
    """Within, :func:`torch.nn.functional.linear` is :func:`linear`, wherever it is called; not where torch compiles."""
    return nullcontext() if torch.compiler.is_compiling() else _Gathering()


@final
class _Gathering(TorchFunctionMode):
    """Within, torch's ``linear`` is that of this file."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (linear if func is F.linear else func)(*args, **(kwargs or {}))


@final
class _Gathered(torch.autograd.Function):
    """x Wᵀ for spikes x ``[R, K]``, whose rows' ones are listed from ``starts[r]`` to ``starts[r + 1]``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, starts: Tensor) -> Tensor:
        from spikefa import spikes

        index = torch.empty(int(starts[-1]), dtype=torch.int32)
        share(spikes.by_row, len(x), x.numel(), plain(x), starts.numpy(), index.numpy())
        # Of these only what backward will read, so that the others may be changed in place, or freed.
        ctx.save_for_backward(
            x if ctx.needs_input_grad[1] else None, weight if ctx.needs_input_grad[0] else None, starts, index
        )
        return _sums(weight.t(), starts, index)

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight, starts, index = ctx.saved_tensors
        routed = error @ weight if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return routed, None, None
        to_be_differentiated = torch.is_grad_enabled()  # by create_graph=True
        if to_be_differentiated or around(error) or not error.sum().isfinite():
            return routed, error.mT @ x, None
        from spikefa import spikes

        ends, rows = torch.empty(x.shape[1] + 1, dtype=torch.int32), torch.empty_like(index)
        spikes.by_column(starts.numpy(), index.numpy(), ends.numpy(), rows.numpy())
        return routed, _sums(error, ends, rows).t().contiguous(), None


def _sums(rows: Tensor, starts: Tensor, index: Tensor) -> Tensor:
    """For each r the sum of the rows that are listed for it; quick where these are contiguous."""
    return F.embedding_bag(index, rows.contiguous(), starts, mode="sum", include_last_offset=True)


def _choose(x: Tensor, weight: Tensor) -> tuple[Choice, Tensor | None]:
    """The way and its reason, and for the gathered one where each row's ones begin in a list of all."""
    wanted = _forced.get() or os.environ.get(VARIABLE) or None
    if wanted is not None:
        _check(wanted)
    if wanted == "dense":
        return Choice("dense", "asked for"), None
    if wrong := _hindrance(x, weight, wanted is not None):
        return Choice("dense", wrong), None
    starts = _count(x)
    if starts is None:
        return Choice("dense", "the input is not zeros and ones"), None
    density, most = int(starts[-1]) / x.numel(), limit(len(weight))
    found = f"{density:.2%} of the input are ones, and gathered sums are faster up to {most:.0%}"
    if wanted is None and density > most:
        return Choice("dense", found), None
    if not weight.detach().sum().isfinite():
        return Choice("dense", "the weights are not finite"), None
    return Choice("gathered", found if wanted is None else "asked for"), starts


def _hindrance(x: Tensor, weight: Tensor, asked: bool) -> str:
    """Why it is not worth looking for spikes, or not possible; empty if it is."""
    if wrong := around(x) or around(weight):
        return wrong
    if x.device.type != "cpu" or weight.device.type != "cpu" or x.layout != torch.strided:
        return "gathered sums are for dense tensors on a CPU"
    if torch.is_autocast_enabled("cpu"):
        return "autocast chooses the precision of products"
    if x.dim() != 2 or weight.dim() != 2 or x.shape[1] != weight.shape[1] or not 0 < x.numel() < 1 << 31:
        return f"an input of shape {tuple(x.shape)} for weights of shape {tuple(weight.shape)}"
    if x.dtype != weight.dtype or x.dtype not in (torch.float32, torch.float64):
        return f"an input in {x.dtype} for weights in {weight.dtype}"
    if not asked and x.dtype != torch.float32:
        return "torch has fast sums of rows in float32 only"
    if not len(weight) or (not asked and (limit(len(weight)) <= 0 or x.numel() * len(weight) < WORK)):
        return f"too few neurons ({len(weight)}) or too little work for anything else to be faster"
    return "" if find_spec("numba") else "numba is not installed"


def _count(x: Tensor) -> Tensor | None:
    """Where each row's ones begin in a list of all, int32 ``[R + 1]``; None if there is anything but zeros and ones."""
    from spikefa import spikes  # numba is imported at the first product that may need it

    counts = torch.zeros(len(x) + 1, dtype=torch.int32)
    share(spikes.count, len(x), x.numel(), plain(x), counts.numpy()[1:])
    return None if counts.min() < 0 else counts.cumsum(0, dtype=torch.int32)


def _check(name: str) -> None:
    if name not in PRODUCTS:
        raise ValueError(f"there is no product called {name!r}: choose from {', '.join(PRODUCTS)}")
