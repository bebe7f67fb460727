"""Stochastic neurons wired in any way, of which some synapses learn by SAL while all of them fire."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.noise.choice import compiles
from spikefa.noise.draw import uniform
from spikefa.options import whole

Array = NDArray[np.float64]

PIECE = 10_000
"""Steps that are drawn for at a time."""


class Heard(NamedTuple):
    """What neurons did.

    Attributes:
        rates: spikes per T_ref, ``[N]``.
        order: the sum over the spikes of n of the trace of m, per T_ref, ``[N, N]`` at n, m: how n follows m.
    """

    rates: Array
    order: Array


@final
class Wired:
    """N stochastic neurons that drive each other through W, ``[N, N]``, onto a row's neuron from a column's.

    P(spike of n | not refractory) = 1 / (1 + T_ref exp(−(b_n + Σ_m W_nm z_m))),  z is 1 for T_ref steps after a spike

    Every spike leaves a trace, which decays with T_ref and is seen from the next step on. A synapse that learns gains
    η times the trace of the neuron that it leads to at a spike of the neuron that it comes from, and loses η times the
    trace of that one at a spike of the other: SAL. It stays at zero or above, as one of an excitatory neuron must.

    Reference:
        Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike timing for robust local gradients",
        Nature Communications 17, 8699, 2026. https://arxiv.org/abs/2503.02642

    Args:
        weights: W at the start; ``weights`` is what it is now.
        bias: b, ``[N]``; ``refractory``: T_ref in steps; ``decay`` is what a trace keeps of itself in one.
        learns: which synapses do, ``[N, N]``; none if absent.

    Raises:
        ValueError: shapes do not fit.

    Example:
        >>> pair = Wired(np.array([[0.0, 0.0], [3.0, 0.0]]), np.zeros(2), refractory=10)
        >>> heard = pair.run(20_000, torch.Generator().manual_seed(0))
        >>> bool(heard.order[1, 0] > heard.order[0, 1])  # the second follows the first
        True
    """

    def __init__(
        self, weights: Array, bias: Array, *, refractory: int, learns: NDArray[np.bool_] | None = None
    ) -> None:
        whole(refractory=refractory)
        count = len(bias)
        if weights.shape != (count, count) or (learns is not None and learns.shape != weights.shape):
            raise ValueError(f"weights must be [N, N] for bias [N], and learns as they, not {weights.shape}, N={count}")
        self.weights, self.bias, self.refractory = weights.astype(float), bias.astype(float), refractory
        self.decay = math.exp(-1 / refractory)
        self.learns = np.zeros(weights.shape, np.bool_) if learns is None else learns
        self.left, self.x, self.order = np.zeros(count, np.int64), np.zeros(count), np.zeros((count, count))

    def run(self, steps: int, noise: torch.Generator, eta: float = 0.0) -> Heard:
        """Let them fire for some steps; ``eta`` is η."""
        self.order[:], spikes = 0, np.zeros(len(self.bias))
        for begin in range(0, steps, PIECE):
            drawn = uniform(min(PIECE, steps - begin), len(self.bias), generator=noise)
            spikes += self.move(drawn.numpy(), eta).sum(0)
        scale = self.refractory / steps
        return Heard(scale * spikes, scale * self.order)

    def move(self, drawn: NDArray[Any], eta: float = 0.0) -> NDArray[np.bool_]:
        """Some steps, for which the uniform numbers are given, ``[t, N]``; the spikes, likewise."""
        spk = np.zeros(drawn.shape, np.bool_)
        kernel = compiled_advance() if compiles(torch.empty(0)) else advance
        state = self.left, self.x, self.order, self.weights
        kernel(drawn, self.bias, self.refractory, self.decay, eta, self.learns, *state, spk)
        return spk


def advance(
    drawn: Any,
    bias: Any,
    length: int,
    decay: float,
    eta: float,
    learns: Any,
    left: Any,
    x: Any,
    order: Any,
    weights: Any,
    spk: Any,
) -> None:
    """Some steps of :class:`Wired`; plain Python, which numba compiles where it can.

    Args:
        drawn: uniform numbers, ``[t, N]``; ``bias``, ``length``: b and T_ref; ``decay``: of a trace.
        eta: η; ``learns``: of which synapses.
        left: steps of each potential that are left; ``x``: traces; ``order``: their sums at spikes; ``weights``: W.
        spk: spikes to be written, ``[t, N]``.
    """
    count = len(bias)
    for t in range(len(drawn)):
        for n in range(count):
            if left[n] == 0:
                u = bias[n]
                for m in range(count):
                    if left[m] > 0:
                        u += weights[n, m]
                spk[t, n] = drawn[t, n] < 1 / (1 + length * math.exp(-u))
        for n in range(count):
            if spk[t, n]:
                for m in range(count):
                    order[n, m] += x[m]
                    if eta > 0 and learns[n, m]:
                        weights[n, m] = max(0.0, weights[n, m] - eta * x[m])
        for n in range(count):
            if spk[t, n]:
                for m in range(count):
                    if learns[m, n]:
                        weights[m, n] += eta * x[m]
        for n in range(count):
            left[n] = length if spk[t, n] else max(left[n] - 1, 0)
            x[n] = decay * (x[n] + spk[t, n])


@functools.cache
def compiled_advance() -> Callable[..., None]:
    """The same by numba."""
    from spikefa.scan.compiled import compiled

    made: Callable[..., None] = compiled(advance)
    return made
