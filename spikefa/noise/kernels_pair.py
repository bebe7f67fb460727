"""Two populations that drive each other, and the window of their spikes, compiled: work is done at spikes alone."""

from __future__ import annotations

import math

import numpy as np

from spikefa.noise.kernels import add_rows, trains
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
def pair(leaky, drawn, level, settings, up, down, turn, v, left, ends, spk, first, last):
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
        spk: spikes to be written, ``[t, B, N]``.
    """
    lower, (steps, _, count), length = len(up), drawn.shape, ends.shape[1]
    one, u, active = drawn.dtype.type(1), np.empty(count, drawn.dtype), np.empty(count, np.int64)
    bits, fires = np.empty(count, np.int32), np.zeros((count + 7) // 8 * 8, np.uint8)
    odds, words = bits.view(np.float32), fires.view(np.uint64)
    for r in range(first, last):
        u[:] = 0
        for n in range(length):
            u += ends[r, n]
        for t in range(steps):
            if leaky:
                _by_threshold(u, v[r], drawn[t, r], left[r], settings, fires)
            else:
                _by_chance(u, level, drawn[t, r], left[r], bits, odds, fires)
            spiked, below = 0, 0
            for word in range(len(words)):
                if words[word] != 0:
                    for n in range(8 * word, 8 * word + 8):
                        if fires[n]:
                            if leaky or _surely(u[n], level[n], drawn[t, r, n], one, odds[n]):
                                below += n < lower
                                active[spiked] = n if n < lower else n - lower
                                spiked += 1
                            else:
                                fires[n] = 0
            spks, wait, change = spk[t, r], left[r], ends[r, (turn + t) % length]
            for n in range(count):
                spks[n] = fires[n]
                wait[n] = length if fires[n] else max(wait[n] - 1, 0)
                u[n] -= change[n]
                change[n] = 0
            add_rows(change[lower:], up, active, 0, below)
            add_rows(change[:lower], down, active, below, spiked)
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
def moved(spk, past, decay, first, last):
    """Columns of traces ``past``, ``[C]``, moved on over spikes ``[t, C]``."""
    for t in range(len(spk)):
        spks = spk[t]
        for c in range(first, last):
            past[c] = decay * (past[c] + spks[c])


@compiled
def at_spikes(spk, values, past, ahead, share, total, first, last):
    """Rows of ``total += share (spkᵀ @ values − pastᵀ @ ahead)``, for spikes ``[n, L]``, added up at the spikes.

    Args:
        spk: ``[n, L]``; ``values``: what a spike sees, ``[n, K]``.
        past, ahead: traces that meet at the border of two pieces, ``[B, L]`` and ``[B, K]``.
        share: of a replica in the mean.
        total: ``[L, K]``.
    """
    when, count = trains(spk, first, last)
    row = np.empty(values.shape[1], values.dtype)
    for i in range(first, last):
        row[:] = 0
        for r in range(len(past)):
            weight, other = past[r, i], ahead[r]
            for k in range(len(row)):
                row[k] -= weight * other[k]
        add_rows(row, values, when[i - first], 0, count[i - first])
        for k in range(len(row)):
            total[i, k] += share * row[k]
