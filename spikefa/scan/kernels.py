"""The scan on a CPU, compiled by numba: forward and backward over a range of columns, without the interpreter's lock.

Arrays are ``[T, M]``: a column is one neuron in one sample. Columns are taken in blocks that stay in the cache while
their rows are streamed in order of time. All arithmetic is in the array's own precision, in snnTorch's order, without
fused multiply-adds, so that spikes are snnTorch's to the last one.

``settings`` are alpha, beta, threshold and graded: four numbers, or ``[4, N]`` with one for every neuron, of which
column c takes number c modulo N. Four numbers stay in registers, which halves the time.
An array without rows stands for one that is absent; a column is ``[4, M]`` in ``sums``. All that is compiled is in this
file, as numba's cache notices the changes of one file only.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numba.extending import overload

from spikefa.scan.compiled import compiled
from spikefa.scan.surrogates import ATAN, ESCAPE, FAST, HEAVISIDE, SIGMOID, SPARSE, STRAIGHT, TRIANGULAR

BLOCK = 4096
"""Columns of a block."""
SUBTRACT, ZERO, SYNAPTIC, INSTANT = 1, 2, 4, 8
"""Bits of ``kind``: the reset, the equation, whether the reset comes within the step."""


def at(setting, i):
    """A setting of the block's column ``i``."""
    return setting[i]


@overload(at, inline="always")
def _at(setting, i):
    return at if isinstance(setting, types.Array) else lambda setting, i: setting


def spread(settings, start, n):
    """The settings of columns ``start`` to ``start + n``: four numbers, or four rows."""
    rows = np.empty((4, n), settings.dtype)
    size = settings.shape[1]
    first, done = start % size, 0
    while done < n:
        part = min(size - first, n - done)
        rows[:, done : done + part] = settings[:, first : first + part]
        first, done = 0, done + part
    return rows[0], rows[1], rows[2], rows[3]


@overload(spread)
def _spread(settings, start, n):
    return spread if isinstance(settings, types.Array) else lambda settings, start, n: settings


@compiled
def floor(like):
    """States below the first number are denormal, slow, and count as zero; not if thresholds are below the second."""
    tiny, eps = np.finfo(like.dtype).tiny, np.finfo(like.dtype).eps
    return like.dtype.type(tiny), like.dtype.type(tiny / (eps * eps))


@compiled
def integrate_leaky(cur, last, mem, settings, kind):
    """mem = β·keep·last + cur − r·drop, r the reset for the last membrane; keep = 1 − r if that is set to zero."""
    _, beta, thr, _ = settings
    one, nil = mem.dtype.type(1), mem.dtype.type(0)
    zero, (tiny, low) = one if kind & ZERO else nil, floor(mem)
    for i in range(cur.shape[0]):
        r = one if last[i] > at(thr, i) else nil
        drop = at(thr, i) if kind & SUBTRACT else nil
        now = (at(beta, i) * ((one - r * zero) * last[i]) + cur[i]) - r * drop
        mem[i] = now if abs(now) >= (tiny if abs(at(thr, i)) > low else nil) or now != now else nil


@compiled
def integrate_synaptic(cur, last, syn, mem, settings, kind):
    """syn = α·syn + cur; mem = β·last + syn − r·drop, or all of it gone if a reset is to zero."""
    alpha, beta, thr, _ = settings
    one, nil = mem.dtype.type(1), mem.dtype.type(0)
    tiny, low = floor(mem)
    for i in range(cur.shape[0]):
        least = tiny if abs(at(thr, i)) > low else nil
        now = at(alpha, i) * syn[i] + cur[i]
        now = now if abs(now) >= least or now != now else nil
        syn[i] = now
        r = one if last[i] > at(thr, i) else nil
        base = at(beta, i) * last[i] + now
        now = base - r * (base if kind & ZERO else (at(thr, i) if kind & SUBTRACT else nil))
        mem[i] = now if abs(now) >= least or now != now else nil


@compiled
def fire(spk, mem, settings):
    """spk = graded where mem > threshold."""
    _, _, thr, graded = settings
    nil = mem.dtype.type(0)
    for i in range(spk.shape[0]):
        spk[i] = at(graded, i) if mem[i] > at(thr, i) else nil


@compiled
def reset_now(mem, last, settings, kind):
    """The reset within the step, for a spike of this step, less the one already made for the last membrane."""
    _, _, thr, _ = settings
    one, nil = mem.dtype.type(1), mem.dtype.type(0)
    for i in range(mem.shape[0]):
        due = (one if mem[i] > at(thr, i) else nil) - (one if last[i] > at(thr, i) else nil)
        mem[i] -= due * (mem[i] if kind & ZERO else at(thr, i))


@compiled
def forward(cur, settings, kind, spk, mem, pre, syn, start, stop):
    """Spikes and membranes of columns ``start`` to ``stop``: ``spk``, ``mem``, ``pre`` and ``syn`` are written.

    ``pre`` is the membrane before a reset within the step.
    """
    rest, current = np.zeros(BLOCK, cur.dtype), np.empty(BLOCK if kind & SYNAPTIC else 0, cur.dtype)
    for c in range(start, stop, BLOCK):
        n = min(BLOCK, stop - c)
        own, last = spread(settings, c, n), rest[:n]
        current[:] = 0
        for t in range(cur.shape[0]):
            row = mem[t, c : c + n]
            if kind & SYNAPTIC:
                integrate_synaptic(cur[t, c : c + n], last, current, row, own, kind)
            else:
                integrate_leaky(cur[t, c : c + n], last, row, own, kind)
            if spk.shape[0]:
                fire(spk[t, c : c + n], row, own)
            if pre.shape[0]:
                pre[t, c : c + n] = row
            if kind & INSTANT:
                reset_now(row, last, own, kind)
            if syn.shape[0]:
                syn[t, c : c + n] = current[:n]
            last = row


@compiled
def slope(psi, mem, settings, code, a, b):
    """The pseudo-derivative ψ of the spikes at membranes; the formulae are in :mod:`spikefa.scan.surrogates`."""
    _, _, thr, _ = settings
    one, nil, n = mem.dtype.type(1), mem.dtype.type(0), mem.shape[0]
    if code == ATAN:
        for i in range(n):
            u = b * (mem[i] - at(thr, i))
            psi[i] = a / (one + u * u)
    elif code in (FAST, SPARSE):
        low = b if code == SPARSE else mem.dtype.type(-math.inf)
        for i in range(n):
            u = mem[i] - at(thr, i)
            v = a * abs(u) + one
            psi[i] = one / (v * v) if u > low else nil
    elif code == SIGMOID:
        for i in range(n):
            e = np.exp(-abs(a * (mem[i] - at(thr, i))))
            psi[i] = a * e / ((one + e) * (one + e))
    elif code == ESCAPE:
        for i in range(n):
            psi[i] = a * np.exp(-b * abs(mem[i] - at(thr, i) - one))
    elif code == TRIANGULAR:
        for i in range(n):
            psi[i] = a if mem[i] - at(thr, i) < nil else -a
    else:
        for i in range(n):
            psi[i] = one if code == STRAIGHT or (code == HEAVISIDE and mem[i] > at(thr, i)) else nil


@compiled
def through_reset(d_mem, d_settings, psi, mem, last, settings, kind):
    """Carry the error back through the reset within the step, in which the spike is part of the graph."""
    _, _, thr, _ = settings
    one, nil = mem.dtype.type(1), mem.dtype.type(0)
    for i in range(mem.shape[0]):
        due = (one if mem[i] > at(thr, i) else nil) - (one if last[i] > at(thr, i) else nil)
        felt, error = (mem[i] if kind & ZERO else at(thr, i)) * psi[i], d_mem[i]
        d_settings[2, i] += error * (felt - (nil if kind & ZERO else due))
        d_mem[i] = error * (one - felt - (due if kind & ZERO else nil))


@compiled
def learn(d_settings, d_mem, psi, gspk, mem, last, settings, kind):
    """Gradients of threshold, graded and beta at one step, from the errors of spikes and of the membrane."""
    _, _, thr, graded = settings
    one, nil = mem.dtype.type(1), mem.dtype.type(0)
    for i in range(gspk.shape[0]):
        d_settings[2, i] -= gspk[i] * at(graded, i) * psi[i]
        d_settings[3, i] += gspk[i] if mem[i] > at(thr, i) else nil
    for i in range(last.shape[0]):
        r = one if last[i] > at(thr, i) else nil
        d_settings[1, i] += d_mem[i] * (nil if kind & ZERO and r > nil else last[i])
        d_settings[2, i] -= d_mem[i] * (r if kind & SUBTRACT else nil)


@compiled
def carry(d_mem, d_syn, gcur, last, settings, kind):
    """Hand the error of the membrane to the current, by way of the synaptic one if any, and to the step before."""
    alpha, beta, thr, _ = settings
    one, nil = last.dtype.type(1), last.dtype.type(0)
    zero, (least, _) = one if kind & ZERO else nil, floor(last)
    for i in range(gcur.shape[0]):
        kept, error = one - (zero if last[i] > at(thr, i) else nil), d_mem[i]
        before = at(beta, i) * (kept * error)
        d_mem[i] = before if abs(before) >= least or before != before else nil
        gcur[i] = kept * error if kind & SYNAPTIC else error
    for i in range(d_syn.shape[0]):
        error = gcur[i] + d_syn[i]
        before = at(alpha, i) * error
        d_syn[i] = before if abs(before) >= least or before != before else nil
        gcur[i] = error


@compiled
def backward(gspk, gmem, mem, pre, syn, settings, slopes, code, kind, gcur, sums, start, stop):
    """Errors of the currents of columns ``start`` to ``stop``, and the gradients of their settings: ``gcur``, ``sums``.

    ``gspk`` and ``gmem`` are the errors that came, ``mem``, ``pre`` and ``syn`` what :func:`forward` gave; ``slopes``
    are the two numbers of the surrogate ``code``.
    """
    rest, psi, d_mem = np.zeros(BLOCK, mem.dtype), np.empty(BLOCK, mem.dtype), np.empty(BLOCK, mem.dtype)
    d_syn = np.empty(BLOCK if kind & SYNAPTIC else 0, mem.dtype)
    d_settings = np.empty((4, BLOCK if sums.shape[0] or kind & INSTANT else 0), mem.dtype)
    for c in range(start, stop, BLOCK):
        n = min(BLOCK, stop - c)
        own = spread(settings, c, n)
        d_mem[:], d_syn[:], d_settings[:] = 0, 0, 0
        for t in range(mem.shape[0] - 1, -1, -1):
            now = pre[t, c : c + n] if kind & INSTANT else mem[t, c : c + n]
            last = mem[t - 1, c : c + n] if t else rest[:n]
            spiked = gspk[t, c : c + n] if gspk.shape[0] else rest[:0]
            for i in range(n if gmem.shape[0] else 0):
                d_mem[i] += gmem[t, c + i]
            if kind & INSTANT or gspk.shape[0]:
                slope(psi, now, own, code, slopes[0], slopes[1])
            if kind & INSTANT:
                through_reset(d_mem, d_settings, psi, now, last, own, kind)
            for i in range(spiked.shape[0]):
                d_mem[i] += spiked[i] * at(own[3], i) * psi[i]
            if sums.shape[0]:
                learn(d_settings, d_mem, psi, spiked, now, last, own, kind)
            carry(d_mem, d_syn[:n], gcur[t, c : c + n], last, own, kind)
            for i in range(n if syn.shape[0] and t else 0):
                d_settings[0, i] += gcur[t, c + i] * syn[t - 1, c + i]
        if sums.shape[0]:
            sums[:, c : c + n] = d_settings[:, :n]
