"""Two populations that drive each other, and the window of their spikes, compiled: work is done at spikes alone.

What numba keeps of this file is thrown away when this file changes, not when what it imports does: whoever changes
:mod:`spikefa.noise.kernels` touches this file too.
"""

from __future__ import annotations

import math

import numpy as np

from spikefa.noise.kernels import add_rows, positions, trains
from spikefa.scan.compiled import compiled

_SCALE, _ONE = np.float32(2**23 / math.log(2)), np.float32(127 * 2**23)
"""A float32 with bits ``_SCALE x + _ONE`` is e^x at the powers of two, and lies on the chord above it in between."""
_FAR, _MARGIN, _CHORD = np.float32(80), np.float32(1.001), np.float32(0.94)
"""The largest |x|; what rounding may come to; of the chord, what e^x is at least, with a margin: its top is 1.0615."""


@compiled
def _by_chance(u, level, chance, left, bits, odds, fires):
    """Which stochastic neurons may fire, by a bound on e^(u + level) that needs no exponential: few do."""
    for n in range(len(u)):
        x = np.float32(u[n] + level[n])
        bits[n] = np.int32(min(max(x, -_FAR), _FAR) * _SCALE + _ONE)
    for n in range(len(u)):
        e, drawn = odds[n], np.float32(chance[n])
        fires[n] = (drawn * (np.float32(1) + e) <= _MARGIN * e) & (left[n] == 0)


@compiled
def _surely(u, level, drawn, one, bound):
    """Whether a neuron that may fire does: u + level > logit U, looked at exactly where the bound leaves it open."""
    least = bound * _CHORD
    return (
        np.float32(drawn) * (np.float32(1) + least) < least or drawn == 0 or u > math.log(drawn / (one - drawn)) - level
    )


@compiled
def _by_threshold(u, v, noise, left, settings, fires):
    """Whether each LIF neuron fires, and its membrane ``v``, which is 0 while it is refractory."""
    decay, gain, threshold = settings
    for n in range(len(u)):
        value = decay * v[n] + gain * u[n] + noise[n]
        v[n] = 0 if left[n] > 0 else value
        fires[n] = (left[n] == 0) & (value > threshold)


@compiled
def pair(leaky, drawn, level, settings, up, down, turn, v, left, ends, lower, upper, first, last):
    """Replicas of :func:`spikefa.noise.pair.pair`, a few steps on.

    What the spikes of a step bring is kept in ``ends`` until their potentials end, and then taken away at once.

    Args:
        leaky: whether neurons are LIF neurons, or stochastic.
        drawn: what chance brings, ``[t, B, N]``; ``level``: constant drives of stochastic neurons, ``[N]``.
        settings: of LIF neurons, decay, gain and threshold.
        up, down: rows of weights from a lower neuron to all upper ones, ``[K, L]``, and back, ``[L, K]``.
        turn: index into ``ends`` of the first step.
        v: membranes, ``[B, N]``; ``left``: steps of the refractory time that are left, ``[B, N]``.
        ends: what ends with each of the next T_ref steps, ``[B, T_ref, N]``.
        lower, upper: spikes to be written, ``[t, B, K]`` and ``[t, B, L]``.
    """
    middle, (steps, _, count), length = len(up), drawn.shape, ends.shape[1]
    one, u, active = drawn.dtype.type(1), np.empty(count, drawn.dtype), np.empty(count + 1, np.int32)
    bits, fires = np.empty(count, np.int32), np.empty(count, np.uint8)
    odds = bits.view(np.float32)
    for r in range(first, last):
        u[:] = 0
        for n in range(length):
            u += ends[r, n]
        for t in range(steps):
            if leaky:
                _by_threshold(u, v[r], drawn[t, r], left[r], settings, fires)
                spiked = positions(fires, active)
            else:
                _by_chance(u, level, drawn[t, r], left[r], bits, odds, fires)
                spiked, found = 0, positions(fires, active)
                for j in range(found):
                    n = active[j]
                    fires[n] = _surely(u[n], level[n], drawn[t, r, n], one, odds[n])
                    active[spiked] = n
                    spiked += fires[n]
            below, wait, change = 0, left[r], ends[r, (turn + t) % length]
            for n in range(count):
                wait[n] = length if fires[n] else max(wait[n] - 1, 0)
                u[n] -= change[n]
                change[n] = 0
            low, high = lower[t, r], upper[t, r]
            for n in range(middle):
                low[n] = fires[n]
            for n in range(len(high)):
                high[n] = fires[middle + n]
            while below < spiked and active[below] < middle:
                below += 1
            for j in range(below, spiked):
                active[j] -= middle
            add_rows(change[middle:], up, active, 0, below)
            add_rows(change[:middle], down, active, below, spiked)
            for n in range(count):
                u[n] += change[n]


@compiled
def seen(spk, past, decay, out, ahead, first, last):
    """Replicas of what a spike at each step would see: traces of earlier spikes less those of later ones.

    Args:
        spk: ``[t, B, K]``; ``past``: the trace that is left from before, ``[B, K]``, which is moved to the end.
        decay: of a trace per step.
        out: ``[t, B, K]``; ``ahead``: the trace of later spikes at the first step, this one's included, ``[B, K]``.
    """
    later = np.empty(spk.shape[2], past.dtype)
    for r in range(first, last):
        before = past[r]
        for t in range(len(spk)):
            spks, row = spk[t, r], out[t, r]
            for k in range(len(later)):
                row[k] = before[k]
                before[k] = decay * (before[k] + spks[k])
        later[:] = 0
        for t in range(len(spk) - 1, -1, -1):
            spks, row = spk[t, r], out[t, r]
            for k in range(len(later)):
                row[k] -= later[k]
                later[k] = later[k] + spks[k]
                if t > 0:
                    later[k] *= decay
        ahead[r] = later


@compiled
def at_spikes(spk, values, decays, past, ahead, share, total, first, last):
    """Rows of ``total += share (spkᵀ @ values − pastᵀ @ ahead)``, for spikes ``[n, L]``, added up at the spikes.

    Args:
        spk: ``[n, L]``; ``values``: what a spike sees, ``[n, K]``.
        decays: of a trace in 1 … t steps, for n = t · B.
        past, ahead: traces that meet at the border of two pieces, ``[B, L]``, which is moved on, and ``[B, K]``.
        share: of a replica in the mean.
        total: ``[L, K]``.
    """
    when, count = trains(spk, first, last)
    row, replicas, steps = np.empty(values.shape[1], values.dtype), len(past), len(decays)
    for i in range(first, last):
        row[:], times = 0, when[i - first, : count[i - first]]
        for r in range(replicas):
            weight, other = past[r, i], ahead[r]
            for k in range(len(row)):
                row[k] -= weight * other[k]
            past[r, i] *= decays[-1]
        for n in times:
            past[n % replicas, i] += decays[steps - 1 - n // replicas]
        add_rows(row, values, times, 0, len(times))
        for k in range(len(row)):
            total[i, k] += share * row[k]
