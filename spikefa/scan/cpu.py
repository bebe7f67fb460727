"""The scan on a CPU: columns shared out among as many threads as torch uses, each with numba's kernel on its part."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikefa.scan import kernels
from spikefa.scan.dynamics import Dynamics
from spikefa.scan.fused import Errors, Kept
from spikefa.scan.surrogates import NONE, Surrogate
from spikefa.threads import share

ABSENT = {dtype: torch.empty(0, 0, dtype=dtype).numpy() for dtype in (torch.float32, torch.float64)}
"""What the kernels take for an array that is not there."""
RESETS = {"subtract": kernels.SUBTRACT, "zero": kernels.ZERO, "none": 0}


def forward(cur: Tensor, settings: Tensor, equation: Dynamics, spk: Tensor | None, kept: Kept) -> None:
    """See :class:`spikefa.scan.fused.Kernel`."""
    absent = ABSENT[cur.dtype]
    outputs = [absent if part is None else _columns(part) for part in (spk, *kept)]
    arguments = _columns(cur), _numbers(settings), _kind(equation), *outputs
    share(kernels.forward, cur.numel() // cur.shape[0], cur.numel(), *arguments, unit=kernels.BLOCK)


def backward(
    errors: Errors, kept: Kept, settings: Tensor, equation: Dynamics, gcur: Tensor, sums: Tensor | None
) -> None:
    """See :class:`spikefa.scan.fused.Kernel`."""
    mem, surrogate = kept.mem, equation.surrogate or Surrogate(NONE)
    absent = ABSENT[mem.dtype]
    slopes = np.array([surrogate.a, surrogate.b], absent.dtype)
    inputs = [absent if part is None else _columns(part) for part in (*errors, *kept)]
    outputs = _columns(gcur), absent if sums is None else sums.numpy()
    arguments = *inputs, _numbers(settings), slopes, surrogate.code, _kind(equation), *outputs
    share(kernels.backward, mem.numel() // mem.shape[0], mem.numel(), *arguments, unit=kernels.BLOCK)


def _columns(tensor: Tensor) -> Any:
    """``[T, B, ...]`` as an array ``[T, M]`` over the same memory."""
    return tensor.detach().numpy().reshape(tensor.shape[0], -1)


def _numbers(settings: Tensor) -> Any:
    """``[4, 1]`` as four numbers, for which there is a faster kernel."""
    rows = settings.detach().numpy()
    return rows if rows.shape[1] > 1 else tuple(rows[:, 0])


def _kind(equation: Dynamics) -> int:
    return RESETS[equation.mechanism] | kernels.SYNAPTIC * equation.synaptic | kernels.INSTANT * equation.instant
