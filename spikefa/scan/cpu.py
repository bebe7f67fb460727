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
ABSENT = {dtype: torch.empty(0, 0, dtype=dtype).numpy() for dtype in (torch.float32, torch.float64)}
"""What the kernels take for an array that is not there."""
RESETS = {"subtract": kernels.SUBTRACT, "zero": kernels.ZERO, "none": 0}


def forward(
    cur: Tensor, settings: tuple[Tensor, ...], equation: Dynamics, keep_pre: bool, keep_syn: bool
) -> tuple[Tensor | None, Kept]:
    """See :class:`spikefa.scan.fused.Kernel`."""
    spk = torch.empty_like(cur) if equation.surrogate else None
    pre = torch.empty_like(cur) if keep_pre else None
    kept = Kept(torch.empty_like(cur), pre, torch.empty_like(cur) if keep_syn else None)
    absent = ABSENT[cur.dtype]
    outputs = (absent if part is None else part.numpy() for part in (spk, *kept))
    _share(kernels.forward, cur, cur.detach().numpy(), _rows(settings), _kind(equation), *outputs)
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
    absent = ABSENT[mem.dtype]
    slopes = np.array([surrogate.a, surrogate.b] if surrogate else [0, 0], absent.dtype)
    inputs = (absent if part is None else part.detach().numpy() for part in (*errors, *kept))
    outputs = (gcur.numpy(), absent if sums is None else sums.numpy())
    code, kind = surrogate.code if surrogate else 0, _kind(equation)
    _share(kernels.backward, mem, *inputs, _rows(settings), slopes, code, kind, *outputs)
    return gcur, sums


def _kind(equation: Dynamics) -> int:
    return RESETS[equation.mechanism] | kernels.SYNAPTIC * equation.synaptic | kernels.INSTANT * equation.instant


def _rows(settings: tuple[Tensor, ...]) -> tuple[Any, ...]:
    return tuple(setting.detach().numpy() for setting in settings)


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
