"""Which implementation a noise phase runs by, torch or compiled loops, and how those share out their work."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

WORK = 1 << 17
"""Numbers that a thread must have to do for it to be worth waking."""

AT_SPIKE = 10
"""Numbers to do for each step of a neuron, about, where a spike moves a whole row of synapses."""

_torch_alone: ContextVar[bool] = ContextVar("torch_alone", default=False)


@contextmanager
def by_torch() -> Iterator[None]:
    """Within, noise phases are simulated by torch alone: the reference that the compiled loops must agree with.

    Example:
        >>> with by_torch():
        ...     compiles(torch.ones(2))
        False
    """
    token = _torch_alone.set(True)
    try:
        yield
    finally:
        _torch_alone.reset(token)


def compiles(*tensors: Tensor) -> bool:
    """Whether compiled loops take these tensors: of one type, float32 or float64, on a CPU, without a gradient.

    Everything else, and all that ``torch.compile`` traces, is left to torch.

    Example:
        >>> compiles(torch.ones(2)), compiles(torch.ones(2).half()), compiles(torch.ones(2, requires_grad=True))
        (True, False, False)
    """
    if torch.compiler.is_compiling() or _torch_alone.get() or not _installed():
        return False
    graph = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    dtypes = {tensor.dtype for tensor in tensors}
    cpu = all(tensor.device.type == "cpu" for tensor in tensors)
    return cpu and not graph and len(dtypes) == 1 and dtypes <= {torch.float32, torch.float64}


def share(kernel: Callable[..., None], extent: int, work: int, *arguments: Any) -> None:
    """Run ``kernel(*arguments, first, last)`` on all of ``range(extent)``, by as many threads as torch uses.

    The parts must not depend on one another: then the number of threads changes nothing.

    Args:
        kernel: releases Python's lock.
        extent: of the axis to be divided; ``work``: numbers to do in all.
        arguments: of the kernel, before the bounds of its part.
    """
    threads = max(1, min(torch.get_num_threads(), work // WORK, extent))
    bounds = [extent * n // threads for n in range(threads + 1)]
    waiting = [aside(kernel, *arguments, bounds[n], bounds[n + 1]) for n in range(1, threads)]
    kernel(*arguments, 0, bounds[1])
    for other in waiting:
        other.result()


def aside(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Begin a call on another thread."""
    return _pool(max(1, torch.get_num_threads() - 1), os.getpid()).submit(function, *arguments)


def plain(tensor: Tensor) -> Any:
    """The tensor as a NumPy array in C order, over the same memory where it is in that order already."""
    return tensor.detach().contiguous().numpy()


@functools.cache
def _installed() -> bool:
    return find_spec("numba") is not None


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: none survive a fork."""
    return ThreadPoolExecutor(threads, "noise")
