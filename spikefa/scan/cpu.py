"""The scan on a CPU: columns shared out among as many threads as torch uses, each with numba's kernel on its part."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikefa.scan import kernels
from spikefa.scan.dynamics import Dynamics
from spikefa.scan.fused import Kept
from spikefa.threads import share

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
    arguments = cur.detach().numpy(), _rows(settings), _kind(equation), *outputs
    share(kernels.forward, cur.shape[1], cur.numel(), *arguments, unit=kernels.BLOCK)
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
    arguments = *inputs, _rows(settings), slopes, code, kind, *outputs
    share(kernels.backward, mem.shape[1], mem.numel(), *arguments, unit=kernels.BLOCK)
    return gcur, sums


def _kind(equation: Dynamics) -> int:
    return RESETS[equation.mechanism] | kernels.SYNAPTIC * equation.synaptic | kernels.INSTANT * equation.instant


def _rows(settings: tuple[Tensor, ...]) -> tuple[Any, ...]:
    return tuple(setting.detach().numpy() for setting in settings)
