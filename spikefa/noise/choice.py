"""Which implementation a noise phase runs by: compiled loops, or torch, the reference that these must agree with."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from spikefa.scan.choice import asked

AT_SPIKE = 10
"""Numbers to do for each step of a neuron, about, where a spike moves a whole row of synapses."""


def compiles(*tensors: Tensor) -> bool:
    """Whether compiled loops take these tensors: of one type, float32 or float64, on a CPU, without a gradient.

    Everything else, and all that ``torch.compile`` traces, is left to torch; and so is all where
    :func:`spikefa.scan.using`, or the variable ``SPIKEFA_SCAN``, names another implementation than ``cpu``.

    Example:
        >>> compiles(torch.ones(2)), compiles(torch.ones(2).half()), compiles(torch.ones(2, requires_grad=True))
        (True, False, False)
    """
    if torch.compiler.is_compiling() or asked() not in (None, "cpu") or not _installed():
        return False
    graph = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    dtypes = {tensor.dtype for tensor in tensors}
    cpu = all(tensor.device.type == "cpu" for tensor in tensors)
    return cpu and not graph and len(dtypes) == 1 and dtypes <= {torch.float32, torch.float64}


def plain(tensor: Tensor) -> Any:
    """The tensor as a NumPy array in C order, over the same memory where it is in that order already."""
    return tensor.detach().contiguous().numpy()


@functools.cache
def _installed() -> bool:
    return find_spec("numba") is not None
