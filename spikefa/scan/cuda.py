"""The scan on a GPU, in Triton: one program a block of columns, its states in registers, over all steps.

The equations and their order are those of :mod:`spikefa.scan.kernels`, which says what the arguments are. Multiply-add
fusion is off, as it would round otherwise than snnTorch does. Denormal numbers cost a GPU nothing and are left alone.
With ``TRITON_INTERPRET=1`` in the environment Triton runs the same code on a CPU, slowly, for tests.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from spikefa.scan import surrogates
from spikefa.scan.dynamics import Dynamics
from spikefa.scan.fused import Errors, Kept

BLOCK = 128
"""Columns of a program."""
STRAIGHT, HEAVISIDE, TRIANGULAR = (
    tl.constexpr(code) for code in (surrogates.STRAIGHT, surrogates.HEAVISIDE, surrogates.TRIANGULAR)
)
ATAN, FAST, SPARSE = (tl.constexpr(code) for code in (surrogates.ATAN, surrogates.FAST, surrogates.SPARSE))
SIGMOID, ESCAPE = (tl.constexpr(code) for code in (surrogates.SIGMOID, surrogates.ESCAPE))


@triton.jit
def _settings(at, neurons):
    """Alpha, beta, threshold and graded."""
    return tl.load(at), tl.load(at + neurons), tl.load(at + 2 * neurons), tl.load(at + 3 * neurons)


@triton.jit
def _forward(
    cur, settings, spk, mem, pre, syn, steps, width, neurons,
    SUBTRACT: tl.constexpr, ZERO: tl.constexpr, SYNAPTIC: tl.constexpr, INSTANT: tl.constexpr,
    FIRES: tl.constexpr, PRE: tl.constexpr, SYN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = at < width
    a, b, thr, g = _settings(settings + at % neurons, neurons)
    one = tl.full([BLOCK], 1.0, cur.dtype.element_ty)
    nil = tl.zeros([BLOCK], cur.dtype.element_ty)
    last, current = nil, nil
    for _ in range(steps):
        x = tl.load(cur + at, mask=inside, other=0.0)
        r = tl.where(last > thr, one, nil)
        if SYNAPTIC:
            current = a * current + x
            now = b * last + current
            now = now - r * now if ZERO else (now - r * thr if SUBTRACT else now)
        else:
            now = b * ((one - r) * last if ZERO else last) + x
            now = now - r * thr if SUBTRACT else now
        fired = tl.where(now > thr, one, nil)
        if FIRES:
            tl.store(spk + at, tl.where(now > thr, g, nil), mask=inside)
        if PRE:
            tl.store(pre + at, now, mask=inside)
        if SYN:
            tl.store(syn + at, current, mask=inside)
        if INSTANT:
            now = now - (fired - r) * (now if ZERO else thr)
        tl.store(mem + at, now, mask=inside)
        last = now
        at += width


@triton.jit
def _slope(u, a, b, one, nil, CODE: tl.constexpr):
    if CODE == ATAN:
        return a / (one + (b * u) * (b * u))
    if CODE == FAST:
        return one / ((a * tl.abs(u) + one) * (a * tl.abs(u) + one))
    if CODE == SPARSE:
        return tl.where(u > b, one / ((a * tl.abs(u) + one) * (a * tl.abs(u) + one)), nil)
    if CODE == SIGMOID:
        e = tl.exp(-tl.abs(a * u))
        return a * e / ((one + e) * (one + e))
    if CODE == ESCAPE:
        return a * tl.exp(-b * tl.abs(u - one))
    if CODE == TRIANGULAR:
        return tl.where(u < nil, a, -a)
    if CODE == HEAVISIDE:
        return tl.where(u > nil, one, nil)
    if CODE == STRAIGHT:
        return one
    return nil


@triton.jit
def _store(sums, width, inside, d_alpha, d_beta, d_thr, d_graded):
    tl.store(sums, d_alpha, mask=inside)
    tl.store(sums + width, d_beta, mask=inside)
    tl.store(sums + 2 * width, d_thr, mask=inside)
    tl.store(sums + 3 * width, d_graded, mask=inside)


@triton.jit
def _backward(
    gspk, gmem, mem, pre, syn, settings, slopes, gcur, sums, final, steps, width, neurons,
    SUBTRACT: tl.constexpr, ZERO: tl.constexpr, SYNAPTIC: tl.constexpr, INSTANT: tl.constexpr, CODE: tl.constexpr,
    SPIKES: tl.constexpr, MEMBRANES: tl.constexpr, LEARNS: tl.constexpr, SYN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    column = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = column < width
    a, b, thr, g = _settings(settings + column % neurons, neurons)
    one = tl.full([BLOCK], 1.0, mem.dtype.element_ty)
    nil = tl.zeros([BLOCK], mem.dtype.element_ty)
    d_mem, d_syn, d_alpha, d_beta, d_thr, d_graded = nil, nil, nil, nil, nil, nil
    at = column + final
    now = tl.load(mem + at, mask=inside, other=0.0)
    for _ in range(steps):
        earlier = inside & (at >= width)
        last = tl.load(mem + at - width, mask=earlier, other=0.0)
        due = tl.load(pre + at, mask=inside, other=0.0) if INSTANT else now
        r = tl.where(last > thr, one, nil)
        fired = tl.where(due > thr, one, nil)
        psi = _slope(due - thr, tl.load(slopes), tl.load(slopes + 1), one, nil, CODE)
        if MEMBRANES:
            d_mem += tl.load(gmem + at, mask=inside, other=0.0)
        if INSTANT:
            felt = (due if ZERO else thr) * psi
            d_thr += d_mem * (felt if ZERO else felt - (fired - r))
            d_mem = d_mem * (one - felt - (fired - r) if ZERO else one - felt)
        if SPIKES:
            error = tl.load(gspk + at, mask=inside, other=0.0)
            d_thr -= error * g * psi
            d_graded += error * fired
            d_mem += error * g * psi
        kept = one - r if ZERO else one
        d_beta += d_mem * (kept * last)
        d_thr -= d_mem * r if SUBTRACT else nil
        error = kept * d_mem + d_syn if SYNAPTIC else d_mem
        d_syn = a * error
        d_mem = b * (kept * d_mem)
        if SYN:
            d_alpha += error * tl.load(syn + at - width, mask=earlier, other=0.0)
        tl.store(gcur + at, error, mask=inside)
        now = last
        at -= width
    if LEARNS:
        _store(sums + column, width, inside, d_alpha, d_beta, d_thr, d_graded)


def forward(cur: Tensor, settings: Tensor, equation: Dynamics, spk: Tensor | None, kept: Kept) -> None:
    """See :class:`spikefa.scan.fused.Kernel`."""
    outputs = (cur if part is None else part for part in (spk, *kept))
    flags: dict[str, Any] = {"FIRES": spk is not None, "PRE": kept.pre is not None, "SYN": kept.syn is not None}
    _launch(_forward, cur, settings, equation, flags, cur, settings, *outputs)


def backward(
    errors: Errors, kept: Kept, settings: Tensor, equation: Dynamics, gcur: Tensor, sums: Tensor | None
) -> None:
    """See :class:`spikefa.scan.fused.Kernel`."""
    mem, surrogate = kept.mem, equation.surrogate or surrogates.Surrogate(surrogates.NONE)
    final = mem.numel() - mem[0].numel()  # may be more than 32 bits hold, which Triton sees in an argument only
    slopes = mem.new_tensor([surrogate.a, surrogate.b])
    gspk, gmem = errors
    flags: dict[str, Any] = {"CODE": surrogate.code, "SPIKES": gspk is not None, "MEMBRANES": gmem is not None}
    flags |= {"LEARNS": sums is not None, "SYN": kept.syn is not None}
    inputs = (mem if part is None else part for part in (*errors, *kept))
    outputs = (gcur, mem if sums is None else sums)
    _launch(_backward, mem, settings, equation, flags, *inputs, settings, slopes, *outputs, final)


def _launch(
    kernel: Any, like: Tensor, settings: Tensor, equation: Dynamics, flags: dict[str, Any], *arguments: Any
) -> None:
    flags |= {"SUBTRACT": equation.mechanism == "subtract", "ZERO": equation.mechanism == "zero"}
    flags |= {"SYNAPTIC": equation.synaptic, "INSTANT": equation.instant, "BLOCK": BLOCK}
    sizes = len(like), like[0].numel(), settings.shape[1]
    with torch.cuda.device(like.device) if like.is_cuda else nullcontext():
        kernel[(math.ceil(sizes[1] / BLOCK),)](*arguments, *sizes, **flags, enable_fp_fusion=False)
