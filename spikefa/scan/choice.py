"""Which implementation of the scan runs, why, and how to force one."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Final, NamedTuple, cast

import snntorch as snn
import torch
from torch import Tensor

from spikefa.scan import fused, reference
from spikefa.scan.hindrance import hindrance

IMPLEMENTATIONS: Final = {"reference": "torch", "cpu": "numba", "cuda": "triton"}
"""The implementations, each with the package that it needs."""
VARIABLE: Final = "SPIKEFA_SCAN"
"""Environment variable that names the implementation to use, as :func:`using` does within a program."""
HALF: Final = (torch.bfloat16, torch.float16)
"""Precisions in which autocast multiplies matrices; neurons add up over time, which it leaves to float32."""

_forced: ContextVar[str | None] = ContextVar("scan", default=None)


class Choice(NamedTuple):
    """An implementation, and why it is this one."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@contextmanager
def using(name: str) -> Iterator[None]:
    """Within, scans run by this implementation where it can run them, and by the reference where not.

    Noise phases have compiled loops for the CPU: any other name leaves them to torch.

    Args:
        name: ``reference``, ``cpu`` or ``cuda``.

    Raises:
        ValueError: there is no such implementation.
        ImportError: what it needs is not installed.

    Example:
        >>> with using("reference"):
        ...     print(implementation(snn.Leaky(beta=0.9), torch.ones(3, 1, 1)))
        reference: asked for
    """
    _check(name)
    if find_spec(IMPLEMENTATIONS[name]) is None:
        raise ImportError(f"the {name} scan needs {IMPLEMENTATIONS[name]}: pip install {IMPLEMENTATIONS[name]}")
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)


def implementation(neuron: snn.SpikingNeuron, cur: Tensor) -> Choice:
    """Which implementation :func:`spikefa.neurons.scan` would use for these currents, and why.

    Args:
        neuron: a spiking neuron.
        cur: currents, ``[T, B, ...]``.

    Example:
        >>> with using("cpu"):
        ...     print(implementation(snn.Leaky(beta=0.9), torch.ones(3, 1, 1)))
        cpu: the kernel for cpu
        >>> print(implementation(snn.Leaky(beta=0.9), torch.ones(3, 1, 1, dtype=torch.half)))
        reference: currents in torch.float16; the kernels have float32 and float64
    """
    if wrong := hindrance(neuron, cur):
        return Choice("reference", wrong)
    wanted = asked()
    if wanted == "reference":
        return Choice("reference", "asked for")
    if wanted in (None, cur.device.type):
        return Choice(cur.device.type, f"the kernel for {cur.device.type}")
    if wanted == "cuda" and os.environ.get("TRITON_INTERPRET") == "1":
        return Choice("cuda", "asked for, by Triton's interpreter")
    return Choice("reference", f"{wanted} was asked for, but the currents are on {cur.device.type}")


def scan(neuron: snn.SpikingNeuron, cur: Tensor) -> tuple[Tensor, Tensor]:
    """See :func:`spikefa.neurons.scan`."""
    if cur.dtype in HALF and torch.is_autocast_enabled(cur.device.type):
        cur = cur.float()
    if torch.compiler.is_compiling():
        return reference.scan(neuron, cur)
    name = implementation(neuron, cur).name
    if name == "reference":
        return reference.scan(neuron, cur)
    return fused.scan(neuron, cur, cast(fused.Kernel, importlib.import_module(f"spikefa.scan.{name}")))


def asked() -> str | None:
    """The implementation that :func:`using` or the variable asks for; None if neither does.

    Raises:
        ValueError: there is no implementation of the variable's name.
    """
    name = _forced.get() or os.environ.get(VARIABLE) or None
    if name is not None:
        _check(name)
    return name


def _check(name: str) -> None:
    if name not in IMPLEMENTATIONS:
        raise ValueError(f"there is no scan called {name!r}: choose from {', '.join(IMPLEMENTATIONS)}")
