"""One step after the other of the smallest cortical microcircuit: plain Python, which numba compiles where it can."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

INPUT, HIDDEN, INTER, OUTPUT = range(4)
"""The neurons, in the order of all arrays."""
NEURONS = ("input", "hidden", "inter", "output")


def advance(
    drawn: Any,
    given: Any,
    weights: Any,
    left: Any,
    x: Any,
    kept: Any,
    total: Any,
    start: int,
    constants: Any,
    spk: Any,
    summed: Any,
    first: int,
    last: int,
) -> None:
    """Circuits ``first`` to ``last``, a few steps on; all arrays but the first two and ``constants`` are moved.

    Args:
        drawn: uniform numbers, ``[t, S, 4]``; ``given``: drive of the input neuron and target, ``[S, 2]``.
        weights: W₁₀, W₂₁, B₁₂, ``[S, 3]``.
        left: steps for which each neuron's potential lasts, and it is refractory, ``[S, 4]``.
        x: traces of the hidden and of the output neuron, ``[S, 2]``.
        kept: the last drives and basal potentials of both, ``[S, window, 4]``; ``total``: their sums, ``[S, 4]``.
        start: number of the first step.
        constants: T_ref, decay of a trace, both biases, λ of the feedback, λ of the interneuron, nudging, η of W₁₀, W₂₁
            and B₁₂, and whether B₁₂ is a copy of W₂₁.
        spk: spikes to be written, ``[t, S, 4]``; ``summed``: the output's drive is added to it, ``[S]``.
    """
    refractory, decay, bias, bias_above, apical, lateral, nudging, eta, eta_above, eta_back, copied = constants
    window = kept.shape[1]
    for s in range(first, last):
        w, wait, before, sums = weights[s], left[s], x[s], total[s]
        for t in range(len(drawn)):
            if copied:
                w[2] = w[1]
            basal, above = w[0] * (wait[0] > 0), w[1] * (wait[1] > 0)
            u = bias + basal + w[2] * (apical * (wait[3] > 0) - lateral * (wait[2] > 0))
            u_above = bias_above + above + nudging * (given[s, 1] - sums[3] / window - bias_above)
            drives = (given[s, 0], u, bias_above + above, u_above)
            for n in range(4):
                fires = wait[n] == 0 and drawn[t, s, n] < 1 / (1 + refractory * math.exp(-drives[n]))
                wait[n] = refractory if fires else max(wait[n] - 1, 0)
                spk[t, s, n] = fires
            lower, upper = spk[t, s, 1], spk[t, s, 3]
            if eta > 0 and spk[t, s, 0]:
                change = 1 / (1 + refractory * math.exp(-sums[0] / window))
                w[0] += eta * (change - 1 / (1 + refractory * math.exp(-bias - sums[1] / window)))
            if eta_above > 0 and lower:
                change = 1 / (1 + refractory * math.exp(-sums[2] / window))
                w[1] += eta_above * (change - 1 / (1 + refractory * math.exp(-bias_above - sums[3] / window)))
            if eta_back > 0:
                w[2] += eta_back * (upper * before[0] - lower * before[1])
            before[0], before[1] = decay * (before[0] + lower), decay * (before[1] + upper)
            memory = kept[s, (start + t) % window]
            for n, value in enumerate((u, basal, u_above, above)):
                sums[n] += value - memory[n]
                memory[n] = value
            summed[s] += u_above


@functools.cache
def compiled_advance() -> Callable[..., None]:
    """The same by numba."""
    from spikefa.scan.compiled import compiled

    made: Callable[..., None] = compiled(advance)
    return made
