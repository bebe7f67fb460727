"""The scan on a CPU, compiled by numba: forward and backward over a range of columns, without the interpreter's lock.

Arrays are ``[T, M]``: a column is one neuron in one sample. Columns are taken in blocks whose states and settings stay
in the first-level cache (``w``) while the block's rows are streamed in order of time. All arithmetic is in the array's
own precision, in snnTorch's order and without fused multiply-adds, so that spikes are snnTorch's to the last one.
An array without rows stands for one that is absent; a column is ``[4, M]`` in ``sums``. All that is compiled is in this
file, as numba's cache notices the changes of one file only.
"""

from __future__ import annotations

import math

import numpy as np

from spikefa.scan.compiled import compiled
from spikefa.scan.surrogates import ATAN, ESCAPE, FAST, HEAVISIDE, SIGMOID, SPARSE, STRAIGHT, TRIANGULAR

BLOCK = 1024
"""Columns of a block."""
MEM, SYN, ALPHA, BETA, THR, DROP, GRADED, FLOOR, PSI, DRIVE, D_ALPHA, D_BETA, D_THR, D_GRADED, D_MEM, D_SYN = (
    row * BLOCK for row in range(16)
)
"""Where each row begins in ``w``: states, settings, pseudo-derivative, the errors carried to the step before."""
ROWS, SUBTRACT, ZERO, SYNAPTIC, INSTANT = 16, 1, 2, 4, 8
"""Rows of ``w``; bits of ``kind``: the reset, the equation, whether the reset comes within the step."""


@compiled
def fill(w, row, values, start, n):
    """Put the settings of columns ``start, start+1, ...`` into a row: one value for all, or one for every neuron."""
    size = values.shape[0]
    at = start % size
    for i in range(n):
        w[row + i] = values[at]
        at = at + 1 if at + 1 < size else 0


@compiled
def settle(w, settings, start, n, kind):
    """Begin a block: at rest, without errors, with the settings of its neurons.

    Denormal numbers would slow arithmetic down. States below ``FLOOR`` count as zero, unless the threshold is so small
    that this could be seen in the spikes.
    """
    alpha, beta, thr, graded = settings
    fill(w, ALPHA, alpha, start, n)
    fill(w, BETA, beta, start, n)
    fill(w, THR, thr, start, n)
    fill(w, GRADED, graded, start, n)
    nil = w.dtype.type(0)
    tiny, eps = np.finfo(w.dtype).tiny, np.finfo(w.dtype).eps
    for i in range(n):
        w[FLOOR + i] = tiny if abs(w[THR + i]) > tiny / (eps * eps) else nil
        w[DROP + i] = w[THR + i] if kind & SUBTRACT else nil
    for row in (MEM, SYN, D_MEM, D_SYN, D_ALPHA, D_BETA, D_THR, D_GRADED):
        w[row : row + n] = nil


@compiled
def integrate_leaky(w, cur, mem, zero):
    """mem = β·keep·mem + cur − r·drop, r the reset for the last membrane; keep = 1 − r if that is set to zero."""
    one, nil = w.dtype.type(1), w.dtype.type(0)
    for i in range(cur.shape[0]):
        last = w[MEM + i]
        r = one if last > w[THR + i] else nil
        now = (w[BETA + i] * ((one - r * zero) * last) + cur[i]) - r * w[DROP + i]
        now = now if abs(now) >= w[FLOOR + i] or now != now else nil
        w[MEM + i] = now
        mem[i] = now


@compiled
def integrate_synaptic(w, cur, mem, zero):
    """syn = α·syn + cur; mem = β·mem + syn − r·drop, or all of it gone if a reset is to zero."""
    one, nil = w.dtype.type(1), w.dtype.type(0)
    for i in range(cur.shape[0]):
        last = w[MEM + i]
        syn = w[ALPHA + i] * w[SYN + i] + cur[i]
        syn = syn if abs(syn) >= w[FLOOR + i] or syn != syn else nil
        r = one if last > w[THR + i] else nil
        base = w[BETA + i] * last + syn
        now = base - r * (base if zero else w[DROP + i])
        now = now if abs(now) >= w[FLOOR + i] or now != now else nil
        w[SYN + i] = syn
        w[MEM + i] = now
        mem[i] = now


@compiled
def fire(w, spk, mem):
    """spk = graded where mem > threshold."""
    nil = w.dtype.type(0)
    for i in range(spk.shape[0]):
        spk[i] = w[GRADED + i] if mem[i] > w[THR + i] else nil


@compiled
def reset_now(w, mem, zero):
    """The reset within the step, for a spike of this step, less the one already made for the last membrane (in PSI)."""
    one, nil = w.dtype.type(1), w.dtype.type(0)
    for i in range(mem.shape[0]):
        due = (one if mem[i] > w[THR + i] else nil) - w[PSI + i]
        now = mem[i] - due * (mem[i] if zero else w[DROP + i])
        w[MEM + i] = now
        mem[i] = now


@compiled
def forward(cur, settings, kind, spk, mem, pre, syn, start, stop):
    """Spikes and membranes of columns ``start`` to ``stop``: ``spk``, ``mem``, ``pre`` and ``syn`` are written.

    ``settings`` are alpha, beta, threshold and graded, each of one number or one for every neuron; ``pre`` is the
    membrane before a reset within the step.
    """
    w = np.empty(ROWS * BLOCK, cur.dtype)
    one, nil = w.dtype.type(1), w.dtype.type(0)
    zero = one if kind & ZERO else nil
    for c in range(start, stop, BLOCK):
        n = min(BLOCK, stop - c)
        settle(w, settings, c, n, kind)
        for t in range(cur.shape[0]):
            row = mem[t, c : c + n]
            if kind & INSTANT:
                for i in range(n):
                    w[PSI + i] = one if w[MEM + i] > w[THR + i] else nil
            if kind & SYNAPTIC:
                integrate_synaptic(w, cur[t, c : c + n], row, zero)
            else:
                integrate_leaky(w, cur[t, c : c + n], row, zero)
            if spk.shape[0]:
                fire(w, spk[t, c : c + n], row)
            if pre.shape[0]:
                pre[t, c : c + n] = row
            if kind & INSTANT:
                reset_now(w, row, zero)
            if syn.shape[0]:
                syn[t, c : c + n] = w[SYN : SYN + n]


@compiled
def slope(w, at, code, a, b):
    """The pseudo-derivative ψ of the spikes at membranes ``at``; the formulae are in :mod:`spikefa.scan.surrogates`."""
    one, nil, n = w.dtype.type(1), w.dtype.type(0), at.shape[0]
    if code == ATAN:
        for i in range(n):
            u = b * (at[i] - w[THR + i])
            w[PSI + i] = a / (one + u * u)
    elif code in (FAST, SPARSE):
        low = b if code == SPARSE else w.dtype.type(-math.inf)
        for i in range(n):
            u = at[i] - w[THR + i]
            v = a * abs(u) + one
            w[PSI + i] = one / (v * v) if u > low else nil
    elif code == SIGMOID:
        for i in range(n):
            e = np.exp(-abs(a * (at[i] - w[THR + i])))
            w[PSI + i] = a * e / ((one + e) * (one + e))
    elif code == ESCAPE:
        for i in range(n):
            w[PSI + i] = a * np.exp(-b * abs(at[i] - w[THR + i] - one))
    elif code == TRIANGULAR:
        for i in range(n):
            w[PSI + i] = a if at[i] - w[THR + i] < nil else -a
    else:
        for i in range(n):
            w[PSI + i] = one if code == STRAIGHT or (code == HEAVISIDE and at[i] > w[THR + i]) else nil


@compiled
def through_reset(w, at, last, zero):
    """Carry the error back through the reset within the step, in which the spike is part of the graph."""
    one, nil = w.dtype.type(1), w.dtype.type(0)
    for i in range(at.shape[0]):
        due = (one if at[i] > w[THR + i] else nil) - (one if last[i] > w[THR + i] else nil)
        felt, error = (at[i] if zero else w[THR + i]) * w[PSI + i], w[D_MEM + i]
        w[D_THR + i] += error * (felt - (nil if zero else due))
        w[D_MEM + i] = error * (one - felt - (due if zero else nil))


@compiled
def learn(w, at, last, gspk, kind):
    """Gradients of threshold, graded and beta at one step, from the errors of spikes and of the membrane."""
    one, nil = w.dtype.type(1), w.dtype.type(0)
    for i in range(gspk.shape[0]):
        w[D_THR + i] -= w[DRIVE + i] * w[PSI + i]
        w[D_GRADED + i] += gspk[i] if at[i] > w[THR + i] else nil
    for i in range(last.shape[0]):
        r = one if last[i] > w[THR + i] else nil
        w[D_BETA + i] += w[D_MEM + i] * (nil if kind & ZERO and r > nil else last[i])
        w[D_THR + i] -= w[D_MEM + i] * (r if kind & SUBTRACT else nil)


@compiled
def carry(w, gcur, last, zero, synaptic, least):
    """Hand the error of the membrane to the current, by way of the synaptic one if any, and to the step before."""
    one, nil = w.dtype.type(1), w.dtype.type(0)
    for i in range(gcur.shape[0]):
        kept = one - (zero if last[i] > w[THR + i] else nil)
        error = w[D_MEM + i]
        before = w[BETA + i] * (kept * error)
        w[D_MEM + i] = before if abs(before) >= least or before != before else nil
        if synaptic:
            error = kept * error + w[D_SYN + i]
            before = w[ALPHA + i] * error
            w[D_SYN + i] = before if abs(before) >= least or before != before else nil
        gcur[i] = error


@compiled
def gather(w, gspk, gmem):
    """Take up the errors that come to this step: of the membrane, and of the spike, which waits for its ψ."""
    for i in range(gmem.shape[0]):
        w[D_MEM + i] += gmem[i]
    for i in range(gspk.shape[0]):
        w[DRIVE + i] = gspk[i] * w[GRADED + i]


@compiled
def backward(gspk, gmem, mem, pre, syn, settings, slopes, code, kind, gcur, sums, start, stop):
    """Errors of the currents of columns ``start`` to ``stop``, and the gradients of their settings: ``gcur``, ``sums``.

    ``gspk`` and ``gmem`` are the errors that came, ``mem``, ``pre`` and ``syn`` what :func:`forward` gave; ``slopes``
    are the two numbers of the surrogate ``code``.
    """
    w, rest = np.empty(ROWS * BLOCK, mem.dtype), np.zeros(BLOCK, mem.dtype)
    zero, least = w.dtype.type(1 if kind & ZERO else 0), w.dtype.type(np.finfo(w.dtype).tiny)
    for c in range(start, stop, BLOCK):
        n = min(BLOCK, stop - c)
        settle(w, settings, c, n, kind)
        for t in range(mem.shape[0] - 1, -1, -1):
            at = pre[t, c : c + n] if kind & INSTANT else mem[t, c : c + n]
            last = mem[t - 1, c : c + n] if t else rest[:n]
            spiked = gspk[t, c : c + n] if gspk.shape[0] else rest[:0]
            gather(w, spiked, gmem[t, c : c + n] if gmem.shape[0] else rest[:0])
            if kind & INSTANT or gspk.shape[0]:
                slope(w, at, code, slopes[0], slopes[1])
            if kind & INSTANT:
                through_reset(w, at, last, zero)
            for i in range(spiked.shape[0]):
                w[D_MEM + i] += w[DRIVE + i] * w[PSI + i]
            if sums.shape[0]:
                learn(w, at, last, spiked, kind)
            carry(w, gcur[t, c : c + n], last, zero, kind & SYNAPTIC, least)
            if syn.shape[0] and t:
                for i in range(n):
                    w[D_ALPHA + i] += gcur[t, c + i] * syn[t - 1, c + i]
        if sums.shape[0]:
            for row in range(4):
                sums[row, c : c + n] = w[D_ALPHA + row * BLOCK : D_ALPHA + row * BLOCK + n]
