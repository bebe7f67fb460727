"""The loop over time of a sampling network, compiled; between two events it does no more than draw."""

from __future__ import annotations

import math

import numpy as np

from spikefa.scan.compiled import compiled

NEVER = -(1 << 40)
"""The step of the last spike of a neuron that has not spiked."""


@compiled
def chances(weight, bias, length):
    """The probability that each neuron spikes in a step, in every state of the network, ``[2^N, N]``."""
    count = len(bias)
    found = np.zeros((2**count, count))
    for state in range(2**count):
        for n in range(count):
            if not state >> n & 1:
                drive = bias[n]
                for m in range(count):
                    if state >> m & 1:
                        drive += weight[n, m]
                found[state, n] = 1.0 / (1.0 + length * math.exp(-drive))
    return found


@compiled
def sleep(drawn, begin, table, length, last, spikes, order, same, occupied):
    """Steps of :func:`spikefa.sampling.network.sleep`; the last five arguments are moved on.

    Args:
        drawn: uniform numbers ``[t, N]``; ``begin``: the number of the first of these steps.
        table: of :func:`chances`; ``length``: T_ref.
        last: step of each neuron's last spike, ``[N]``.
        spikes: how many, ``[N]``; ``order``: the window, and ``same``: pairs in the same step, ``[N, N]``;
            ``occupied``: steps in every state, ``[2^N]``.
    """
    count, end = len(last), begin + len(drawn)
    t, state, change = begin, 0, begin
    while t < end:
        state, change = 0, end
        for n in range(count):
            if t - last[n] <= length:
                state |= 1 << n
                change = min(change, last[n] + length + 1)
        since, hit = t, False
        while t < change and not hit:
            for n in range(count):
                hit |= drawn[t - begin, n] < table[state, n]
            t += 1
        occupied[state] += t - since
        if hit:
            for n in range(count):
                if drawn[t - 1 - begin, n] < table[state, n]:
                    _follow(n, t - 1, length, last, order, same)
                    last[n] = t - 1
                    spikes[n] += 1


@compiled
def _follow(n, t, length, last, order, same):
    """What the window makes of a spike of neuron ``n`` at step ``t`` and the last ones of the others."""
    for m in range(len(last)):
        age = t - last[m]
        if m != n and age == 0:
            same[n, m] += 1.0
            same[m, n] += 1.0
        elif m != n and age < length:
            order[n, m] += 1.0 - age / length
