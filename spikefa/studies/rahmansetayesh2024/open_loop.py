"""Open loop, 20-100-20: inputs and errors are imposed, nothing is learned; which correlations align W₁ with B₁?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import Any

import snntorch as snn
import torch
from snntorch import surrogate
from torch import Tensor, nn

from spikefa.agreement import alignment, degrees
from spikefa.alignment_terms import by_lag, lag_matrix, term
from spikefa.attachment import attach
from spikefa.networks.start import start
from spikefa.open_loop import Pair, autoregressive, impose, turning
from spikefa.sequence import run
from spikefa.streams import stream
from spikefa.studies.study import Case, Size

SIZE, HIDDEN, BATCH, RATE, STEPS = 20, 100, 100, 0.002, 20
"""Inputs and outputs, hidden neurons, batch, η on summed gradients, and T of LIF neurons."""
TURN = 100
"""Updates in which the error turns once."""
CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    "a, both held": {"x": 1.0, "error": 1.0},
    "b, redrawn, error = input": {"x": 0.0, "error": None},
    "c, held, error = input": {"x": 1.0, "error": None},
    "d, both redrawn": {"x": 0.0, "error": 0.0},
    "AR 0.9, both": {"x": 0.9, "error": 0.9},
    "AR 0.99, both": {"x": 0.99, "error": 0.99},
    "AR 0.9, error alone": {"x": 0.0, "error": 0.9},
    "AR 0.99, error alone": {"x": 0.0, "error": 0.99},
    "input held, error turns": {"x": 1.0, "error": "turns"},
}
"""What is imposed: the correlation of each signal with that of the update before; an error of None is the input."""
UNITS = ("linear", "relu", "lif")
MARKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
"""Updates after which the angle is measured, and lags of the gradient's autocorrelation."""


def cases(size: Size) -> list[Case]:
    """Every condition with every unit; LIF networks take fewer updates at quick size."""
    updates = {"linear": 2000, "relu": 2000, "lif": 300 if size == "quick" else 2000}
    return [
        Case(name(unit, condition), measure, {"unit": unit, **signals, "updates": updates[unit]})
        for unit in UNITS
        for condition, signals in CONDITIONS.items()
    ]


def name(unit: str, condition: str) -> str:
    """Of a case."""
    return f"open loop, {unit}: {condition}"


def network(unit: str, draw: torch.Generator, seed: int, sizes: tuple[int, int, int] = (SIZE, HIDDEN, SIZE)) -> Any:
    """Two affine layers around the units, W ~ N(0, 1 / fan-in), with feedback alignment of the upper one."""
    hidden: Mapping[str, nn.Module] = {"linear": nn.Identity(), "relu": nn.ReLU(), "lif": lif()}
    ends = (start(nn.Linear, n, m, gain=1.0, generator=draw) for n, m in pairwise(sizes))
    return attach(nn.Sequential(next(ends), hidden[unit], next(ends)), "fa", seed=seed)


def lif() -> snn.Leaky:
    """The LIF neurons of all networks here: beta 0.9, threshold 1, reset by subtraction, arctan surrogate."""
    return snn.Leaky(beta=0.9, spike_grad=surrogate.atan(2.0))


def over_time(net: Any, x: Tensor) -> Tensor:
    """The mean output of a spiking network whose input is a constant current for T steps, ``[B, out]``."""
    cur = net[0](x)
    spk: Any = run(net[1:], cur.expand(STEPS, *cur.shape))
    return spk.mean(0)  # type: ignore[no-any-return]


def imposed(x: float, error: float | str | None, draw: torch.Generator) -> Iterator[Pair]:
    """The inputs and errors of a condition, ``[B, 20]`` each."""
    shape = (BATCH, SIZE)
    inputs = autoregressive(shape, x, draw)
    if error is None:
        return ((now, now) for now in inputs)
    errors = turning(shape, TURN, draw) if isinstance(error, str) else autoregressive(shape, error, draw)
    return zip(inputs, errors, strict=False)


def measure(seed: int, unit: str, x: float, error: float | str | None, updates: int) -> dict[str, Any]:
    """Impose a condition on a network and follow the angle of W₁ and B₁, and what it is made of.

    Returns:
        ``angle`` in the end, and at ``marks`` ``angles``; ``grown``: norms of W₀ and W₁ relative to their start;
        ``terms``: ``total`` = ⟨ΔW₁, B₁⟩, of which the ``start`` of W₀ and the ``lags`` account for; ``explained``: the
        share of both; ``autocorrelation`` of the gradient of W₀ at the lags in ``marks``; ``linear``: of M, the sum of
        all M_o, the norms of its ``symmetric`` and ``skew`` parts, and what they add to ⟨ΔW₁, B₁⟩ of a linear network.
    """
    draw = stream(seed, f"open loop {x} {error}")
    net = network(unit, draw, seed)
    begun = [net[0].weight.detach().clone(), net[2].weight.detach().clone()]
    feedback, past, m = net[2].feedback.weight, torch.zeros(SIZE, SIZE), torch.zeros(SIZE, SIZE)
    angles, below = {}, []

    def seen() -> Iterator[Pair]:
        nonlocal past, m
        for now, err in islice(imposed(x, error, draw), updates):
            m, past = m + lag_matrix(err, now, past), past + now.T @ err
            yield now, err

    forward = over_time if unit == "lif" else nn.Module.__call__
    for update, gradients in enumerate(impose(net, seen(), RATE, forward), start=1):
        below.append(gradients["0.weight"])
        if update in MARKS or update == updates:
            angles[update] = degrees(alignment(feedback, net[2].weight))
    grown = [float(net[at].weight.detach().norm() / w.norm()) for at, w in zip((0, 2), begun, strict=True)]
    values = _terms(torch.stack(below), begun[0], net[2].weight.detach() - begun[1], feedback)
    curve = {"marks": list(angles), "angles": list(angles.values())}
    return {"angle": angles[updates], "grown": grown, **curve, **values, "linear": _parts(m * RATE**2, feedback)}


def _terms(below: Tensor, w: Tensor, change: Tensor, feedback: Tensor) -> dict[str, Any]:
    """⟨ΔW₁, B₁⟩ and what it is made of, from the gradients of W₀ at every update and W₀ at the start."""
    products, updates = by_lag(below), len(below)
    found = {
        "total": float((change.double() * feedback).sum()),
        "start": -RATE * float((below.double().sum(0) * w).sum()),
        "lags": RATE**2 * float(products[1:].sum()),
    }
    autocorrelation = {lag: float(products[lag] / products[0]) * updates / (updates - lag) for lag in _lags(updates)}
    explained = (found["start"] + found["lags"]) / found["total"]
    return {
        "terms": found,
        "explained": explained,
        "lags": list(autocorrelation),
        "autocorrelation": list(autocorrelation.values()),
    }


def _lags(updates: int) -> list[int]:
    return [mark for mark in MARKS if mark <= updates // 2]


def _parts(m: Tensor, feedback: Tensor) -> dict[str, float]:
    symmetric, skew = (m + m.T) / 2, (m - m.T) / 2
    return {
        "symmetric": float(symmetric.norm()),
        "skew": float(skew.norm()),
        "by_symmetric": term(symmetric, feedback),
        "by_skew": term(skew, feedback),
        "angle": degrees(alignment(feedback, m @ feedback)),
    }
