"""Closed loop: MNIST 15×15, four hidden layers of 50, learned by FA with and without weight normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa.agreement import cosine, degrees
from spikefa.alignment import weight_alignment
from spikefa.attachment import adapt, attach, routed
from spikefa.datasets import DATASETS
from spikefa.gradients import gradients
from spikefa.networks.start import start
from spikefa.remedies import remedy
from spikefa.sequence import run
from spikefa.streams import stream
from spikefa.studies.rahmansetayesh2024.open_loop import lif
from spikefa.studies.study import Case, Size

SIDE, WIDTH, DEPTH, CLASSES, STEPS = 15, 50, 4, 10, 20
"""Pixels a side, neurons a hidden layer, hidden layers, classes, and T of LIF neurons."""
RATE, BATCH, UPDATES = 5e-4, 1000, 6000
"""η on gradients summed over the batch, images a batch, updates: the published ones."""
LIF = {"batch": 200, "rate": 1e-4}
"""Ours, for LIF networks: fewer images, and an η at which no read-out falls silent for good, as some do otherwise."""
MARKS = (10, 20, 50, 100, 200, 300, 500, 1000, 2000, 3000, 4000, 5000, 6000)
"""Updates after which the angles are measured."""
ARMS: dict[str, dict[str, Any]] = {
    "bp": {"rule": "bp"},
    "FA": {},
    "FA, normalised": {"normalised": True},
    "FA, labels shuffled": {"labels": "shuffled"},
    "FA, labels reshuffled": {"labels": "reshuffled"},
}


@final
class SaturatingReLU(nn.Module):
    """tanh(ReLU(z)), the published unit: like a firing rate, from 0 to 1."""

    def forward(self, z: Tensor) -> Tensor:
        """The activity, of z's shape."""
        return torch.tanh(torch.relu(z))


def cases(size: Size) -> list[Case]:
    """The arms as rate networks at the published size, and as LIF networks at a smaller one that is ours."""
    quick = size == "quick"
    own: dict[str, dict[str, Any]] = {
        "rate": {"updates": 300 if quick else UPDATES, "batch": BATCH},
        "lif": {"updates": 300 if quick else 2000, **LIF},
    }
    return [
        Case(name(unit, arm), measure, {"unit": unit, **settings, **arms})
        for unit, settings in own.items()
        for arm, arms in ARMS.items()
    ]


def name(unit: str, arm: str) -> str:
    """Of a case."""
    return f"closed loop, {unit}: {arm}"


@cache
def images(split: str, labels: str, seed: int) -> tuple[Tensor, Tensor]:
    """Images ``[N, 225]`` by averaging pixels, and labels, in an order that the seed gives; shuffled if asked for."""
    data = getattr(DATASETS["mnist"](), split)
    order = torch.randperm(len(data), generator=stream(seed, f"order of {split}"))
    x, y = F.adaptive_avg_pool2d(data.x[order], SIDE).flatten(1), data.y[order]
    return x, y[torch.randperm(len(y), generator=stream(seed, "labels"))] if labels == "shuffled" else y


def network(unit: str, rule: str, seed: int) -> nn.Sequential:
    """The network, each row of W and of B of norm 1, and the read-out of the same units as the hidden layers."""
    draw, net = stream(seed, "weights"), nn.Sequential()
    sizes = (SIDE**2, *(WIDTH,) * DEPTH, CLASSES)
    for at, (n, m) in enumerate(pairwise(sizes)):
        net.add_module(f"w{at}", start(nn.Linear, n, m, gain=1.0, generator=draw))
        _normalise(net[-1].weight.data)
        net.add_module(f"unit{at}", SaturatingReLU() if unit == "rate" else lif())
    attach(net, rule, first=True, seed=seed)
    for layer in routed(net).values():
        if rule == "fa":
            _normalise(layer.feedback.weight)
    return net


def _normalise(weight: Any) -> None:
    weight /= weight.norm(dim=1, keepdim=True)


def output(net: nn.Sequential, x: Tensor) -> Tensor:
    """Activity of the read-out, ``[B, classes]``: of spiking neurons their rate, for a constant current from x."""
    if isinstance(net[1], SaturatingReLU):
        return net(x)  # type: ignore[no-any-return]
    cur = net[0](x)
    spk: Any = run(net[1:], cur.expand(STEPS, *cur.shape))
    return (spk[0] if isinstance(spk, tuple) else spk).mean(0)  # type: ignore[no-any-return]


def error(net: nn.Sequential, x: Tensor, y: Tensor) -> Tensor:
    """½ Σ (output − one-hot label)² over the batch."""
    return (output(net, x) - F.one_hot(y, CLASSES)).square().sum() / 2


def batches(split: str, labels: str, seed: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end in an order that never changes; ``labels="reshuffled"`` within the batch, each time anew."""
    x, y = images(split, labels, seed)
    draw = stream(seed, "reshuffling")
    while True:
        for begin in range(0, len(x) - size + 1, size):
            own = y[begin : begin + size]
            yield x[begin : begin + size], own[torch.randperm(size, generator=draw)] if labels == "reshuffled" else own


def measure(
    seed: int,
    unit: str,
    updates: int,
    batch: int,
    rule: str = "fa",
    normalised: bool = False,
    labels: str = "true",
    rate: float = RATE,
) -> dict[str, Any]:
    """Train a network and follow its angles.

    Returns:
        ``test``: accuracy in percent; ``angles``: of W_l and B_l for l = 1 … 4, at ``marks``; ``cosine``: their mean
        over all marks and layers; ``last``: the angles in the end; ``gradient``: angles of the FA gradient to the true
        one of the same state, for l = 0 … 3, averaged over the last half of the marks; ``grown``: norms of W_l,
        l = 0 … 4, relative to their start; ``loss`` of an image at the marks.
    """
    net = network(unit, rule, seed)
    after = remedy("weight_norm" if normalised else "none")(net)
    layers = list(routed(net).values())
    weights = [layer.weight for layer in layers]
    begun = [float(w.detach().norm()) for w in weights]
    seen: dict[str, list[Any]] = {"marks": [], "angles": [], "gradient": [], "loss": []}
    for update, (x, y) in zip(range(1, updates + 1), batches("train", labels, seed, batch), strict=False):
        loss = error(net, x, y)
        found = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, found, strict=True):
                weight -= rate * gradient
        after.step()
        adapt(net)
        if update in MARKS or update == updates:
            _note(seen, net, update, float(loss.detach()) / batch, x, y)
    late = torch.tensor(seen["gradient"][len(seen["gradient"]) // 2 :])
    return {
        "test": accuracy(net, seed),
        "cosine": float(torch.tensor(seen["angles"]).deg2rad().cos().mean()),
        "last": _by_layer(seen["angles"][-1], 1),
        "gradient": _by_layer(late.mean(0).tolist(), 0),
        "grown": _by_layer([float(w.detach().norm()) / norm for w, norm in zip(weights, begun, strict=True)], 0),
        **{name: seen[name] for name in ("marks", "angles", "loss")},
    }


def _by_layer(values: list[float], first: int) -> dict[str, float]:
    return {str(layer): value for layer, value in enumerate(values, first)}


def _note(seen: dict[str, list[Any]], net: nn.Sequential, update: int, loss: float, x: Tensor, y: Tensor) -> None:
    pairs = gradients(net, lambda: error(net, x, y)).values()
    seen["marks"].append(update)
    seen["loss"].append(loss)
    seen["angles"].append([degrees(found["cosine"]) for found in list(weight_alignment(net).values())[1:]])
    seen["gradient"].append([degrees(cosine([pair])) for pair in pairs])


@torch.no_grad()
def accuracy(net: nn.Sequential, seed: int) -> float:
    """Of the test images, in percent."""
    x, y = images("test", "true", seed)
    right = sum(
        int((output(net, some).argmax(1) == own).sum()) for some, own in zip(x.split(1000), y.split(1000), strict=True)
    )
    return 100 * right / len(y)
