"""A network of stochastic neurons whose states are samples and whose spike times tell of its weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.noise.draw import uniform

Array = NDArray[np.float64]

CHUNK = 10_000
"""Steps for which random numbers are drawn at a time: so few that they stay in the cache."""


class Slept(NamedTuple):
    """What a network did while it slept.

    Attributes:
        rates: spikes per T_ref, ``[N]``: the part of the time at which z is 1.
        order: by the triangular window, how much spikes of i followed spikes of j, per T_ref, ``[N, N]`` at i, j.
        same: how often i and j spiked in the same step, per T_ref, ``[N, N]``.
        occupied: steps in every state, ``[2^N]``; neuron n is bit n.
    """

    rates: Array
    order: Array
    same: Array
    occupied: NDArray[np.int64]

    @property
    def together(self) -> Array:
        """⟨z_i z_j⟩ by the symmetric window and coincidences, ``[N, N]``; on the diagonal the rates."""
        return self.order + self.order.T + self.same + np.diag(self.rates)


def sleep(
    weight: Array,
    bias: Array,
    *,
    refractory: int,
    steps: int,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Slept:
    """Run a network by itself, from silence.

    P(spike of i | z_i = 0) = 1 / (1 + T_ref exp(−(b_i + Σ_j W_ij z_j))),  z is 1 for T_ref steps after a spike

    With a symmetric W the states z are samples of the Boltzmann distribution of W and b, up to terms of order 1/T_ref.
    A spike of i with the last one of j, d steps before, adds 1 − d / T_ref to the window of their order, if that is
    above 0. z_i and z_j then overlap for T_ref − d steps: both orders, and the spikes of the same step with T_ref steps
    each, are together ⟨z_i z_j⟩.

    Reference:
        Buesing, Bill, Nessler, Maass, "Neural dynamics as sampling", PLoS Computational Biology 7, e1002211, 2011.
        https://doi.org/10.1371/journal.pcbi.1002211

    Args:
        weight: W ``[N, N]``, onto i from j, with nothing on its diagonal.
        bias: b ``[N]``.
        refractory: T_ref, refractory time, length of potentials and of the window, steps.
        steps: how long.
        generator: draws a uniform number for each neuron and step; ``dtype``: in which precision.

    Example:
        >>> found = sleep(np.zeros((2, 2)), np.zeros(2), refractory=10, steps=21_000, generator=torch.Generator())
        >>> [round(float(rate), 1) for rate in found.rates]
        [0.5, 0.5]
    """
    from spikefa.sampling import kernels

    count = len(bias)
    last, spikes = np.full(count, kernels.NEVER), np.zeros(count, np.int64)
    order, same, occupied = np.zeros((count, count)), np.zeros((count, count)), np.zeros(2**count, np.int64)
    table = kernels.chances(np.asarray(weight, float), np.asarray(bias, float), refractory)
    for begin in range(0, steps, CHUNK):
        drawn = uniform(min(CHUNK, steps - begin), count, generator=generator, dtype=dtype)
        kernels.sleep(drawn.numpy(), begin, table, refractory, last, spikes, order, same, occupied)
    per_time = refractory / steps
    return Slept((spikes * per_time).astype(float), order * per_time, same * per_time, occupied)
