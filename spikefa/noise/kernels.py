"""Loops over time, compiled by numba: each does the columns, rows or replicas from ``first`` to ``last``.

All numbers of a call are of one type, float32 or float64, and operations are rounded to it, as torch's are, except in
:func:`filtered`.
"""

from __future__ import annotations

import numpy as np

from spikefa.scan.compiled import compiled

BLOCK = 512
"""Columns that go through all time together: what is kept of them stays in the first cache."""


@compiled
def lif(cur, start, settings, refractory, spk, seen, first, last):
    """Columns of :func:`spikefa.noise.lif.lif`; ``settings`` are decay, gain, threshold and reset."""
    decay, gain, threshold, reset = settings
    one, zero = cur.dtype.type(1), cur.dtype.type(0)
    for low in range(first, last, BLOCK):
        high = min(low + BLOCK, last)
        v, left = start[low:high].copy(), np.zeros(high - low, np.int32)
        for t in range(len(cur)):
            now, spks, vs = cur[t, low:high], spk[t, low:high], seen[t, low:high]
            for c in range(high - low):
                value = v[c] if left[c] > 0 else decay * v[c] + gain * now[c]
                fires = value > threshold
                vs[c] = value
                spks[c] = one if fires else zero
                v[c] = reset if fires else value
                left[c] = refractory if fires else max(left[c] - 1, 0)


@compiled
def filtered(given, state, amplitudes, decays, out, first, last):
    """Columns of :class:`spikefa.noise.exponential.Exponentials`, as recursions; ``state`` is moved on.

    States and constants are float64: rounded to float32, a slow trace would drift by 1e-5 of itself.
    """
    for low in range(first, last, BLOCK):
        high = min(low + BLOCK, last)
        for t in range(len(given)):
            now, y = given[t, low:high], out[t, low:high]
            for n in range(0, len(decays), 2):  # two at a time: nearly all filters have two
                m = min(n + 1, len(decays) - 1)
                x, other = state[n, low:high], (state[m, low:high] if m > n else np.zeros(high - low))
                a, b, fall, rise = amplitudes[n], amplitudes[m], decays[n], decays[m]
                for c in range(high - low):
                    before = 0.0 if n == 0 else y[c]
                    y[c] = before + (a * x[c] + b * other[c])
                    x[c] = fall * (x[c] + now[c])
                    other[c] = rise * (other[c] + now[c])


@compiled
def transmitted(spk, rows, base, out, first, last):
    """Rows of ``base + spk @ rows``, for spikes: what each row of ``rows`` adds is added where there is one."""
    active = np.empty(spk.shape[1], np.int64)
    for r in range(first, last):
        count = 0
        for k in range(spk.shape[1]):
            active[count] = k
            count += spk[r, k] != 0
        total = out[r]
        total[:] = base
        for n in range(count // 4):
            a, b, c, d = rows[active[4 * n]], rows[active[4 * n + 1]], rows[active[4 * n + 2]], rows[active[4 * n + 3]]
            for i in range(len(total)):
                total[i] += (a[i] + b[i]) + (c[i] + d[i])
        for n in range(4 * (count // 4), count):
            a = rows[active[n]]
            for i in range(len(total)):
                total[i] += a[i]


@compiled
def inferred(feedback, spk, x, eta, keep, first, last):
    """Rows of B moved by each of their spikes, in its turn: B_i ← keep B_i + η x."""
    for r in range(len(spk)):
        trace = x[r]
        for i in range(first, last):
            if spk[r, i] != 0:
                row = feedback[i]
                for k in range(len(row)):
                    row[k] = keep * row[k] + eta * trace[k]


@compiled
def chosen(draws, driven, hold, rate, first, last):
    """Columns of uniform numbers, replaced by the spikes of those that are driven, 0 or 1."""
    for t in range(len(draws)):
        row, group = draws[t], driven[t // hold]
        for c in range(first, last):
            row[c] = np.float32(1) if group[c] & (row[c] < rate) else np.float32(0)


@compiled
def ranked(drawn, size, driven, tied, first, last):
    """Rows of ``argsort(drawn) < size``: the ranks of the first ``size`` numbers, by counting those below each.

    ``tied`` are rows in which one of them equals one of the others: how torch sorts these, is its own affair.
    """
    rank, equal = np.empty(size, np.int32), np.empty(size, np.int32)
    for r in range(first, last):
        row, found = drawn[r], driven[r]
        rank[:], equal[:], found[:] = 0, 0, False
        for i in range(size):
            for j in range(i + 1, size):
                rank[j] += row[i] == row[j]
        for i in range(len(row)):
            value = row[i]
            for j in range(size):
                rank[j] += value < row[j]
                equal[j] += (value == row[j]) & (i >= size)
        for j in range(size):
            found[rank[j]] = True
        tied[r] = equal.any()


@compiled
def windows(v, cur, spk, settings, length, step, peak, spiked, counts, first, last):
    """Columns of :func:`spikefa.noise.crossing.windows`; of each, ``counts`` windows in the order of their steps."""
    alpha, threshold, decay, gain = settings
    for low in range(first, last, BLOCK):
        high = min(low + BLOCK, last)
        drive, age = np.zeros(high - low, v.dtype), np.full(high - low, length)
        for t in range(1, len(v)):
            now, vs, spks = cur[t, low:high], v[t, low:high], spk[t, low:high]
            for c in range(high - low):
                n = counts[low + c]
                if age[c] < length:
                    age[c] += 1
                    drive[c] = decay * drive[c] + gain * now[c]
                    peak[low + c, n - 1] = max(peak[low + c, n - 1], drive[c])
                    spiked[low + c, n - 1] |= spks[c] > 0
                elif abs(threshold - vs[c]) <= alpha and t <= len(v) - length:
                    age[c], drive[c] = 1, vs[c]
                    step[low + c, n], peak[low + c, n], spiked[low + c, n] = t, vs[c], spks[c] > 0
                    counts[low + c] = n + 1
