"""snnTorch's surrogates, recognised from the function that a neuron holds, with the numbers that their slopes need."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, NamedTuple

import snntorch as snn
from snntorch import surrogate

NONE, STRAIGHT, HEAVISIDE, TRIANGULAR, ATAN, FAST, SIGMOID, ESCAPE, SPARSE = range(9)
"""Codes of the slopes in the kernels; :func:`recognise` says which function has which."""


class Surrogate(NamedTuple):
    """A pseudo-derivative ψ(u) of the spike, u = mem − threshold, as the kernels know it.

    Args:
        code: which formula.
        a: its first number.
        b: its second number.
    """

    code: int
    a: float = 0.0
    b: float = 0.0


SLOPES: Final[dict[Any, Callable[..., Surrogate]]] = {
    # ψ = 1
    surrogate.straight_through_estimator().__code__: lambda: Surrogate(STRAIGHT),
    # ψ = 1 where u > 0, else 0
    surrogate.heaviside().__code__: lambda: Surrogate(HEAVISIDE),
    # ψ = a where u < 0, else −a
    surrogate.triangular().__code__: lambda threshold: Surrogate(TRIANGULAR, threshold),
    # ψ = a / (1 + (b u)²)
    surrogate.atan().__code__: lambda alpha: Surrogate(ATAN, alpha / 2, math.pi / 2 * alpha),
    # ψ = 1 / (a |u| + 1)²
    surrogate.fast_sigmoid().__code__: lambda slope: Surrogate(FAST, slope),
    # ψ = a e / (1 + e)² with e = exp(−a |u|), which, unlike snnTorch's exp(−a u), does not overflow
    surrogate.sigmoid().__code__: lambda slope: Surrogate(SIGMOID, slope),
    # ψ = a exp(−b |u − 1|)
    surrogate.spike_rate_escape().__code__: lambda beta, slope: Surrogate(ESCAPE, slope, beta),
    # ψ = 1 / (a |u| + 1)² where u > b, else 0
    surrogate.SFS().__code__: lambda B, slope: Surrogate(SPARSE, slope, B),
}
"""snnTorch's surrogates by the code that all functions from one maker share; each takes the maker's arguments."""


def recognise(spike_grad: Callable[..., Any]) -> Surrogate | None:
    """The surrogate behind a neuron's ``spike_grad``; None for one of the user's own, a random one or a wrapped one.

    Example:
        >>> recognise(surrogate.fast_sigmoid(slope=10))
        Surrogate(code=5, a=10.0, b=0.0)
        >>> recognise(lambda mem: (mem > 0).float())
    """
    if spike_grad is snn.SpikingNeuron._surrogate_bypass:
        return Surrogate(NONE)
    if not isinstance(spike_grad, FunctionType) or spike_grad.__code__ not in SLOPES:
        return None
    values = [cell.cell_contents for cell in spike_grad.__closure__ or ()]
    if any(type(value) not in (int, float) for value in values):  # a tensor, perhaps one that learns
        return None
    names = spike_grad.__code__.co_freevars
    return SLOPES[spike_grad.__code__](**dict(zip(names, map(float, values), strict=True)))
