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
def add_rows(total, rows, active, first, last):
    """``total += rows[active[n]]`` for n from ``first`` to ``last``, four rows at a time."""
    width, end = len(total), first + 4 * ((last - first) // 4)
    for n in range(first, end, 4):
        a, b, c, d = rows[active[n]], rows[active[n + 1]], rows[active[n + 2]], rows[active[n + 3]]
        for i in range(width):
            total[i] += (a[i] + b[i]) + (c[i] + d[i])
    for n in range(end, last):
        a = rows[active[n]]
        for i in range(width):
            total[i] += a[i]


@compiled
def transmitted(spk, rows, base, out, first, last):
    """Rows of ``base + spk @ rows``, for spikes: what each row of ``rows`` adds is added where there is one."""
    active, flags = np.empty(spk.shape[1] + 1, np.int32), np.empty(spk.shape[1], np.uint8)
    for r in range(first, last):
        for k in range(len(flags)):
            flags[k] = spk[r, k] != 0
        count = positions(flags, active)
        out[r] = base
        add_rows(out[r], rows, active, 0, count)


@compiled
def positions(flags, active):
    """Write where ``flags``, bytes of 0 or 1, are 1, to ``active``, which has one place more; returns how many.

    No branch depends on the flags, which chance has made; no sign, so that no index is looked at for one.
    """
    count = np.uint64(0)
    for n in range(len(flags)):
        active[count] = n
        count += np.uint64(flags[n])
    return np.int64(count)


@compiled
def trains(spk, first, last):
    """When the neurons from ``first`` to ``last`` spike: of each the rows of ``spk``, ``[n, L]``, and how many."""
    when, count = np.empty((last - first, len(spk)), np.int32), np.zeros(last - first, np.int64)
    active = np.empty(last - first + 1, np.int32)
    for n in range(len(spk)):
        for j in range(positions(spk[n, first:last], active)):
            i = active[j]
            when[i, count[i]] = n
            count[i] += 1
    return when, count


@compiled
def inferred(feedback, spk, x, eta, keep, first, last):
    """Rows of B moved by each of their spikes, in its turn: B_i ← keep B_i + η x; four spikes at a time."""
    when, count = trains(spk, first, last)
    twice = keep * keep
    for i in range(first, last):
        row, times, end = feedback[i], when[i - first], 4 * (count[i - first] // 4)
        for n in range(0, end, 4):
            a, b, c, d = x[times[n]], x[times[n + 1]], x[times[n + 2]], x[times[n + 3]]
            for k in range(len(row)):
                row[k] = twice * (twice * row[k] + eta * (keep * a[k] + b[k])) + eta * (keep * c[k] + d[k])
        for n in range(end, count[i - first]):
            a = x[times[n]]
            for k in range(len(row)):
                row[k] = keep * row[k] + eta * a[k]


@compiled
def driven(chance, rate, groups, rows, base, settings, currents, v, lower, upper, seen, first, last):
    """Replicas of :meth:`spikefa.noise.driven.Drive.populations`, for the time of one group.

    Args:
        chance: uniform numbers, ``[t, B, n]``; ``groups``: whose they are, ``[B, n]``; ``rate``: below which they fire.
        rows: of weights from a lower neuron to all upper ones, ``[K, L]``; ``base``: what arrives each step, ``[L]``.
        settings: amplitude and both decays of the synaptic current, decay, threshold and reset of the membrane.
        currents: both parts of the synaptic current, ``[2, B, L]``; ``v``: membranes, ``[B, L]``; both are moved on.
        lower, upper: spikes to be written, ``[t, B, N]``, of which those below are zero; ``seen``: membranes, if any.
    """
    amplitude, fall, rise, decay, threshold, reset = settings
    active, flags = np.empty(groups.shape[1] + 1, np.int32), np.empty(groups.shape[1], np.uint8)
    arriving = np.empty_like(base)
    for r in range(first, last):
        x, y, mem, group = currents[0, r], currents[1, r], v[r], groups[r]
        for t in range(len(chance)):
            spks, drawn = upper[t, r], chance[t, r]
            for i in range(len(mem)):
                mem[i] = decay * mem[i] + amplitude * (x[i] - y[i])
            if len(seen):
                seen[t, r] = mem
            for i in range(len(mem)):
                fires = mem[i] > threshold
                spks[i] = fires
                mem[i] = reset if fires else mem[i]
            for n in range(len(group)):
                flags[n] = drawn[n] < rate
            count = positions(flags, active)
            for n in range(count):
                active[n] = group[active[n]]
                lower[t, r, active[n]] = 1
            arriving[:] = base
            add_rows(arriving, rows, active, 0, count)
            for i in range(len(mem)):
                x[i], y[i] = fall * (x[i] + arriving[i]), rise * (y[i] + arriving[i])


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
