"""Drift at every copy of a training: how far B had fallen behind W just before W, or a part of it, was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spikefa.attachment import routed
from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.rules.fbp import FrozenBackprop
from spikefa.studies.rows import Results, Row
from spikefa.training import Training

FOLLOWED = ("full, 10×", "full, 100×", "full, 1,000×", "cyclic, 1,000×", "random, 1,000×", "topk, 1,000×")
"""The transports of which every copy is recorded."""
EVERY = ", every copy"
"""How the names of their cases end."""


def case(setting: str, arm: str) -> str:
    """The name of the case that follows an arm's copies.

    Example:
        >>> case("CIFAR-10, rate", "full, 10×")
        'CIFAR-10, rate: full, 10×, every copy'
    """
    return f"{setting}: {arm}{EVERY}"


def is_case(name: str) -> bool:
    """Whether a case follows copies."""
    return name.endswith(EVERY)


def followed(seed: int, device: str = "cpu", **fields: Any) -> dict[str, Any]:
    """Make the updates of an experiment under ``fbp``, those that a comparison makes, and nothing else.

    Returns:
        ``period``: updates from one copy to the next. ``drift``: ‖W − B‖ / ‖W‖ just before each copy, the mean over the
        layers but the read-out; ``largest``: of all copies, and ``rms`` of W₀, by layer.

    Raises:
        ValueError: there is no layer that copies, or no copy.

    Example:
        >>> found = followed(0, rule="fbp:period=10", epochs=1, steps=2, network="mlp:width=20", batch_size=40)
        >>> found["period"], len(found["drift"]), list(found["largest"])
        (10, 3, ['fc2'])
    """
    experiment = Experiment(seed=seed, **fields)
    training = Training(experiment, load(experiment.dataset), device)
    layers = {name: layer for name, layer in routed(training.net).items() if name != "out"}
    pathways = {name: layer.feedback for name, layer in layers.items() if isinstance(layer.feedback, FrozenBackprop)}
    rms = {name: float(layers[name].weight.detach().square().mean().sqrt()) for name in pathways}
    if not pathways:
        raise ValueError(f"{experiment.rule} in {experiment.network} has no copies below the read-out: follow an fbp")
    period = next(iter(pathways.values())).period
    drifts = [
        [float(pathway.drift) for pathway in pathways.values()] for update in _updates(training) if update % period == 0
    ]
    if not drifts:
        raise ValueError(f"{experiment.rule} copies for the first time after this training: make it longer")
    return {
        "period": period,
        "drift": np.mean(drifts, 1).tolist(),
        "largest": dict(zip(pathways, np.max(drifts, 0).tolist(), strict=True)),
        "rms": rms,
    }


def _updates(training: Training) -> Iterator[int]:
    """All updates of a training, counted from 1."""
    experiment, number = training.experiment, 0
    for _ in range(experiment.epochs):
        for x, y in training.data.train.batches(experiment.batch_size, training.order):
            training.update(x, y)
            yield (number := number + 1)


def over_updates(results: Results, setting: str, arm: str) -> tuple[Sequence[int], Sequence[Sequence[float]]]:
    """The updates after which an arm copied, and the drifts ``[seeds, copies]`` there; two empty lists if not measured.

    Example:
        >>> row = Row("s: full, 10×, every copy", {}, 0, {"period": 10, "drift": [0.1, 0.2]})
        >>> over_updates(Results([row]), "s", "full, 10×")
        ([10, 20], [[0.1, 0.2]])
    """
    rows = results.of(case(setting, arm))
    drifts = [row.values["drift"] for row in rows]
    return [rows[0].values["period"] * (copy + 1) for copy in range(len(drifts[0]))] if rows else [], drifts


def mean_over_copies(row: Row) -> float:
    """The drift, averaged over all copies of a training."""
    return float(np.mean(row.values["drift"]))


def against_reach(drifts: Mapping[str, float], row: Row, updates: int) -> float:
    """The largest of the layers' drifts, in units of what so many updates of Adam may do to its W₀.

    Example:
        >>> against_reach({"fc2": 1.25}, Row("", {"lr": 0.25}, 0, {"rms": {"fc2": 0.5}}), updates=10)
        0.25
    """
    return max(drift * float(row.values["rms"][layer]) for layer, drift in drifts.items()) / (
        updates * float(row.parameters["lr"])
    )
