"""What each kind of NIR node does at a step, in numpy, from the equations of NIR's specification.

Reference:
    https://neuroir.org/docs/primitives.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from spikefa.nir.clock import Array, Clock

Step = Callable[[Any], Any]
"""Takes what enters, ``[B, ...]``, and gives what leaves; neurons keep v in between."""


def _same(node: Any, clock: Clock) -> Step:
    return lambda x: x


def _linear(node: Any, clock: Clock) -> Step:
    """y = W x + b."""
    bias = getattr(node, "bias", 0.0)
    return lambda x: x @ node.weight.T.astype(np.float64) + bias


def _flatten(node: Any, clock: Clock) -> Step:
    shape = tuple(int(size) for size in node.output_type["output"])
    return lambda x: x.reshape(len(x), *shape)


def _conv(node: Any, clock: Clock) -> Step:
    """y = W ∗ x + b, a cross-correlation as everywhere in the field."""
    n = node.weight.ndim - 2
    stride, dilation = (np.broadcast_to(value, n) for value in (node.stride, node.dilation))
    spans = dilation * (np.array(node.weight.shape[2:]) - 1) + 1
    bias = np.reshape(node.bias, (-1, *[1] * n))

    def step(x: Array) -> Any:
        windows = _windows(x, spans, stride, _pads(node.padding, spans))
        taps = windows[(..., *(slice(None, None, int(apart)) for apart in dilation))]
        axes = [1, *range(2 + n, 2 + 2 * n)]
        y: Any = np.tensordot(taps, node.weight.astype(np.float64), axes=(axes, [1, *range(2, 2 + n)]))
        return np.moveaxis(y, -1, 1) + bias

    return step


def _average(node: Any, clock: Clock) -> Step:
    size, stride = (np.broadcast_to(value, 2) for value in (node.kernel_size, node.stride))
    return lambda x: _windows(x, size, stride, _pads(node.padding, size)).mean(axis=(-2, -1))


def _pads(padding: Any, spans: Array) -> list[tuple[int, int]]:
    """Zeros before and after each axis."""
    if isinstance(padding, str | bytes):
        total = spans - 1 if padding in ("same", b"same") else 0 * spans
        return [(int(span // 2), int(span - span // 2)) for span in total]
    return [(int(size), int(size)) for size in np.broadcast_to(padding, len(spans))]


def _windows(x: Array, spans: Any, stride: Any, pads: list[tuple[int, int]]) -> Any:
    """What each place sees, ``[B, C, places ..., window ...]``."""
    padded = np.pad(x, [(0, 0), (0, 0), *pads])
    axes: Any = tuple(range(2, x.ndim))
    found: Any = sliding_window_view(padded, tuple(spans), axes)
    return found[(slice(None), slice(None), *(slice(None, None, int(apart)) for apart in stride))]


def _neuron(node: Any, clock: Clock) -> Step:
    """LIF, LI, CubaLIF, CubaLI: τ dv/dt = v_leak − v + R I; IF, I: dv/dt = R I; at v > v_threshold, v = v_reset."""
    tau = getattr(node, "tau", getattr(node, "tau_mem", None))
    keep = 1.0 if tau is None else clock.decay(tau)
    gain = clock.dt if tau is None else 1 - keep
    hold = clock.decay(node.tau_syn) if hasattr(node, "tau_syn") else 0.0
    take = (1 - hold) * node.w_in if hasattr(node, "tau_syn") else 1.0
    leak, fires = getattr(node, "v_leak", 0.0), hasattr(node, "v_threshold")
    v, current = np.zeros(node.r.shape), np.zeros(node.r.shape)

    def step(x: Array) -> Any:
        nonlocal v, current
        current = hold * current + take * x
        v = keep * v + gain * (leak + node.r * current)
        if not fires:
            return v
        spk = v > node.v_threshold
        v = np.where(spk, node.v_reset, v)
        return spk.astype(np.float64)

    return step


STEPS: dict[str, Callable[[Any, Clock], Step]] = {
    "Input": _same,
    "Output": _same,
    "Linear": _linear,
    "Affine": _linear,
    "Scale": lambda node, clock: lambda x: x * node.scale,
    "Conv1d": _conv,
    "Conv2d": _conv,
    "AvgPool2d": _average,
    "Flatten": _flatten,
    "Threshold": lambda node, clock: lambda x: (x > node.threshold).astype(np.float64),
    **dict.fromkeys(("LIF", "LI", "IF", "I", "CubaLIF", "CubaLI"), _neuron),
}
