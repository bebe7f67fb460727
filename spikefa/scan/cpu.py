"""The scan on a CPU: columns shared out among as many threads as torch uses, each with numba's kernel on its part."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikefa.scan import kernels
from spikefa.scan.dynamics import Dynamics
from spikefa.scan.fused import Kept
from spikefa.scan.surrogates import NONE, Surrogate
from spikefa.threads import share

ABSENT = {dtype: torch.empty(0, 0, dtype=dtype).numpy() for dtype in (torch.float32, torch.float64)}
"""What the kernels take for an array that is not there."""
RESETS = {"subtract": kernels.SUBTRACT, "zero": kernels.ZERO, "none": 0}


def forward(
    cur: Tensor, settings: Tensor, equation: Dynamics, keep_pre: bool, keep_syn: bool
) -> tuple[Tensor | None, Kept]:
    """See :class:`spikefa.scan.fused.Kernel`."""
    spk = torch.empty_like(cur) if equation.surrogate else None
    pre = torch.empty_like(cur) if keep_pre else None
    kept = Kept(torch.empty_like(cur), pre, torch.empty_like(cur) if keep_syn else None)
    absent = ABSENT[cur.dtype]
    outputs = [absent if part is None else _columns(part) for part in (spk, *kept)]
    arguments = _columns(cur), _numbers(settings), _kind(equation), *outputs
    share(kernels.forward, cur.numel() // cur.shape[0], cur.numel(), *arguments, unit=kernels.BLOCK)
    return spk, kept


def backward(
    errors: tuple[Tensor | None, Tensor | None], kept: Kept, settings: Tensor, equation: Dynamics, learns: bool
) -> tuple[Tensor, Tensor | None]:
    """See :class:`spikefa.scan.fused.Kernel`."""
    mem, surrogate = kept.mem, equation.surrogate or Surrogate(NONE)
    gcur, width = torch.empty_like(mem), mem.numel() // mem.shape[0]
    sums = mem.new_empty(4, width) if learns else None
    absent = ABSENT[mem.dtype]
    slopes = np.array([surrogate.a, surrogate.b], absent.dtype)
    inputs = [absent if part is None else _columns(part) for part in (*errors, *kept)]
    outputs = _columns(gcur), absent if sums is None else sums.numpy()
    arguments = *inputs, _numbers(settings), slopes, surrogate.code, _kind(equation), *outputs
    share(kernels.backward, width, mem.numel(), *arguments, unit=kernels.BLOCK)
    return gcur, sums


def _columns(tensor: Tensor) -> Any:
    """``[T, B, ...]`` as an array ``[T, M]`` over the same memory."""
    return tensor.detach().numpy().reshape(tensor.shape[0], -1)


def _numbers(settings: Tensor) -> Any:
    """``[4, 1]`` as four numbers, for which there is a faster kernel."""
    rows = settings.detach().numpy()
    return rows if rows.shape[1] > 1 else tuple(rows[:, 0])


def _kind(equation: Dynamics) -> int:
    return RESETS[equation.mechanism] | kernels.SYNAPTIC * equation.synaptic | kernels.INSTANT * equation.instant
