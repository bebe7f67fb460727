"""The scan on a CPU: columns shared out among as many threads as torch uses, each with numba's kernel on its part."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikefa.scan import kernels
from spikefa.scan.dynamics import Dynamics
from spikefa.scan.fused import Kept

WORK = 1 << 17
"""Numbers that a thread must have to do for it to be worth waking."""


def forward(
    cur: Tensor, settings: tuple[Tensor, ...], equation: Dynamics, keep_pre: bool, keep_syn: bool
) -> tuple[Tensor | None, Kept]:
    """See :class:`spikefa.scan.fused.Kernel`."""
    spk = torch.empty_like(cur) if equation.surrogate else None
    pre = torch.empty_like(cur) if keep_pre else None
    kept = Kept(torch.empty_like(cur), pre, torch.empty_like(cur) if keep_syn else None)
    arrays = (_array(part, cur) for part in (spk, *kept))
    _share(kernels.forward, cur, _array(cur, cur), _rows(settings), _kind(equation), *arrays)
    return spk, kept


def backward(
    errors: tuple[Tensor | None, Tensor | None],
    kept: Kept,
    settings: tuple[Tensor, ...],
    equation: Dynamics,
    learns: bool,
) -> tuple[Tensor, Tensor | None]:
    """See :class:`spikefa.scan.fused.Kernel`."""
    mem, surrogate = kept.mem, equation.surrogate
    gcur = torch.empty_like(mem)
    sums = mem.new_empty(4, mem.shape[1]) if learns else None
    slopes = np.array([surrogate.a, surrogate.b] if surrogate else [0, 0], _array(mem, mem).dtype)
    given = (_array(part, mem) for part in (*errors, *kept))
    code, kind = surrogate.code if surrogate else 0, _kind(equation)
    taken = (_array(gcur, mem), _array(sums, mem))
    _share(kernels.backward, mem, *given, _rows(settings), slopes, code, kind, *taken)
    return gcur, sums


def _kind(equation: Dynamics) -> int:
    mechanism = {"subtract": kernels.SUBTRACT, "zero": kernels.ZERO, "none": 0}[equation.mechanism]
    return mechanism | kernels.SYNAPTIC * equation.synaptic | kernels.INSTANT * equation.instant


def _rows(settings: tuple[Tensor, ...]) -> tuple[Any, ...]:
    return tuple(setting.detach().contiguous().numpy() for setting in settings)


def _array(part: Tensor | None, like: Tensor) -> Any:
    return (part if part is not None else like.new_empty(0, 0)).detach().numpy()


def _share(kernel: Callable[..., None], like: Tensor, *arguments: Any) -> None:
    """Run a kernel on all columns, in parts of whole blocks; the caller's thread takes the first part."""
    steps, width = like.shape
    threads = max(1, min(torch.get_num_threads(), steps * width // WORK, -(-width // kernels.BLOCK)))
    part = -(-width // threads // kernels.BLOCK) * kernels.BLOCK
    starts = range(part, width, part) if threads > 1 else range(0)
    waiting = [_pool(threads - 1, os.getpid()).submit(kernel, *arguments, c, min(c + part, width)) for c in starts]
    kernel(*arguments, 0, part if threads > 1 else width)
    for other in waiting:
        other.result()


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: none survive a fork."""
    return ThreadPoolExecutor(threads, "scan")
