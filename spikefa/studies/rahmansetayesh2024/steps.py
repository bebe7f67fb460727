"""The extension to time: T steps of one sample are autocorrelated, so updates at each step should align faster.

The prediction, ours: where samples are independent (open loop, condition d), updates after whole samples cannot align,
for the inner product of W₁ and B₁ is a martingale. Updates at each of the T steps of a sample, 1 / T as large, see the
same input and error T times running, and so align. In a linear network with inputs and errors of n numbers

    cos(W₁, B₁) → 1 / √(1 + 2 T² / (T − 1)²),        54.7° for T → ∞, 56.1° for T = 20,

for M = Σ_k A_k (½ (1 − 1/T) A_kᵀ + Σ_{j<k} A_jᵀ), A_k = δ[k]ᵀ x[k]: the first term, of the steps of one sample, is
positive and has the Frobenius norm ½ (1 − 1/T) N n^1.5 σ²; the second, of different samples, has mean 0 and the norm
N n^1.5 σ² / √2, for N samples and entries of A of variance σ². Where samples are correlated among themselves, and in
closed loop, their N² / 2 pairs outnumber the N / 2 within samples, and little should change.
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

import snntorch as snn
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa.agreement import alignment, degrees
from spikefa.attachment import adapt, attach
from spikefa.local import ThreeFactor
from spikefa.networks.start import start
from spikefa.open_loop import descend, impose, impose_online, repeated
from spikefa.streams import stream
from spikefa.studies.rahmansetayesh2024 import closed_loop, open_loop
from spikefa.studies.study import Case, Size

STEPS = 20
"""T."""
MARKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
"""Samples (open loop: batches of them) after which the angle is measured."""
UPDATES = {"step": 1, "sample": STEPS}
"""Time steps between updates."""
RATES = {"linear": 0.02, "relu": 0.02, "lif": 0.002}
"""η of each unit. Without leak the angle has its limit at large η √N: the first two take a large η, to need few."""
INDEPENDENT, HELD, LEARNED = "d, both redrawn", "a, both held", "MNIST"
"""Whether samples are independent, the same, or images to learn."""


def cases(size: Size) -> list[Case]:
    """Both kinds of update: imposed signals for each unit, and MNIST for LIF neurons."""
    samples = {"linear": 200, "relu": 200, "lif": 200} if size == "quick" else dict.fromkeys(RATES, 2000)
    batches = 50 if size == "quick" else 1000
    imposed = [
        Case(
            name(unit, condition, per),
            measure,
            {"unit": unit, **open_loop.CONDITIONS[condition], "every": every, "samples": samples[unit], "rate": rate},
        )
        for unit, rate in RATES.items()
        for condition in (INDEPENDENT, HELD)
        for per, every in UPDATES.items()
    ]
    learned = [
        Case(name("lif", LEARNED, per), learn, {"every": every, "batches": batches}) for per, every in UPDATES.items()
    ]
    return imposed + learned


def name(unit: str, condition: str, per: str) -> str:
    """Of a case."""
    return f"time, {unit}: {condition}, an update a {per}"


def spiking(draw: torch.Generator, seed: int, sizes: tuple[int, int, int]) -> nn.Sequential:
    """The spiking network of the open loop, with a read-out without leak, as the local form of learning takes it."""
    ends = (start(nn.Linear, n, m, gain=1.0, generator=draw) for n, m in pairwise(sizes))
    own = snn.Leaky(beta=0.0, reset_mechanism="none")
    return attach(nn.Sequential(next(ends), open_loop.lif(), next(ends), own), "fa", seed=seed)


def measure(seed: int, unit: str, x: float, error: float, every: int, samples: int, rate: float) -> dict[str, Any]:
    """Impose samples of T steps, and follow the angle of W₁ and B₁.

    Returns:
        ``angle`` in the end, and at ``marks`` ``angles``.
    """
    draw = stream(seed, f"steps {x} {error}")
    sizes = (open_loop.SIZE, open_loop.HIDDEN, open_loop.SIZE)
    net: Any = spiking(draw, seed, sizes) if unit == "lif" else open_loop.network(unit, draw, seed)
    pairs, each = islice(open_loop.imposed(x, error, draw), samples), 1
    if unit == "lif":
        updates: Any = impose_online(net, pairs, rate, STEPS, every)
    else:
        each = STEPS // every
        updates = impose(net, repeated(pairs, each), rate / each)
    angles = {}
    for update, _ in enumerate(updates, start=1):
        sample = update // each
        if update % each == 0 and (sample in MARKS or sample == samples):
            angles[sample] = degrees(alignment(net[2].feedback.weight, net[2].weight))
    return {"angle": angles[samples], "marks": list(angles), "angles": list(angles.values())}


def learn(seed: int, every: int, batches: int, batch: int = 100, rate: float = closed_loop.RATE) -> dict[str, Any]:
    """Learn MNIST 15×15 online, 225-100-10, by the three-factor form, exact here, with an update every so often.

    The error of a step is (y[t] − one-hot label) / T, y[t] the current of the read-out at that step.

    Returns:
        ``angle`` in the end, at ``marks`` ``angles``; ``cosine``: their mean; ``test``: accuracy in percent.
    """
    draw = stream(seed, "steps MNIST")
    net = spiking(draw, seed, (closed_loop.SIDE**2, 100, closed_loop.CLASSES))
    learner, angles = ThreeFactor(net), {}
    for number, (x, y) in zip(range(1, batches + 1), closed_loop.batches("train", "true", seed, batch), strict=False):
        learner.reset()
        for step in range(1, STEPS + 1):
            _, mem = learner.step(x)
            learner.learn((mem - F.one_hot(y, closed_loop.CLASSES)) / STEPS)
            if step % every == 0:
                descend(net.parameters(), rate)
                adapt(net)
        if number in MARKS or number == batches:
            angles[number] = degrees(alignment(net[2].feedback.weight, net[2].weight))  # type: ignore[union-attr, arg-type]
    cosine = float(torch.tensor(list(angles.values())).deg2rad().cos().mean())
    curve = {"marks": list(angles), "angles": list(angles.values())}
    return {"angle": angles[batches], "cosine": cosine, "test": accuracy(net, seed), **curve}


@torch.no_grad()
def accuracy(net: nn.Sequential, seed: int) -> float:
    """Of the test images, in percent, by the mean current of the read-out."""
    x, y = closed_loop.images("test", "true", seed)
    right = 0
    for some, own in zip(x.split(1000), y.split(1000), strict=True):
        scores: Tensor = open_loop.over_time(net[:3], some)
        right += int((scores.argmax(1) == own).sum())
    return 100 * right / len(y)
