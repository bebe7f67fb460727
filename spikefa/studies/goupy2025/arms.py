"""What is trained: networks and data sets by size, and the ways to give a network its feedback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikefa.attachment import routed
from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.studies.study import Size
from spikefa.studies.trained import trained

RATE = {"encoding": "current", "readout": "membrane"}
"""Each pixel a constant current, and neurons that fire as often as they will."""
FIRST = {"encoding": "latency", "readout": "first_spike"}
"""Each pixel one spike, the earlier the brighter, and the class whose neuron fires first."""
SINGLE = "neuron=single,beta=1,gain=1.5"
"""With :data:`FIRST`, the hidden neurons: they do not leak, and fire once at most."""

_DEEP = {"network": "mlp:depth=6,width=100", "steps": 6, "epochs": 2, "batch_size": 16, "lr": 1e-3}
_FASHION = {"dataset": "fashion_mnist:train=6000,validation=1000,test=4000"}
_CIFAR = {
    "dataset": "cifar10:train=7000,validation=1000,test=2000",
    "network": "convnet:blocks=3,channels=8,width=64",
    "steps": 4,
    "epochs": 1,
    "batch_size": 16,
    "lr": 1e-3,
}
_LONGER = {**_DEEP, "dataset": "fashion_mnist", "epochs": 5, "batch_size": 64}
_CIFAR_LONGER = {
    **_CIFAR,
    "dataset": "cifar10:train=20000,validation=2000,test=10000",
    "encoding": "standardized",
    "readout": "membrane",
    "epochs": 4,
    "batch_size": 32,
}
_FIRES_ONCE = {**FIRST, "network": f"mlp:depth=6,width=100,{SINGLE}"}
_PAPER = {"network": "vgg", "steps": 6, "epochs": 100, "batch_size": 256, "lr": 1e-4}
_PAPER_FIRST = {**FIRST, "network": f"vgg:{SINGLE}"}

SETTINGS: Mapping[Size, Mapping[str, Mapping[str, Any]]] = {
    "quick": {
        "Fashion-MNIST, rate": {**_FASHION, **_DEEP, **RATE},
        "Fashion-MNIST, first spike": {**_FASHION, **_DEEP, **_FIRES_ONCE},
        "CIFAR-10, rate": {**_CIFAR, **RATE},
    },
    "long": {
        "Fashion-MNIST, rate": {**_LONGER, **RATE},
        "Fashion-MNIST, first spike": {**_LONGER, **_FIRES_ONCE},
        "CIFAR-10, rate": _CIFAR_LONGER,
    },
    "paper": {
        "Fashion-MNIST, rate": {"dataset": "fashion_mnist", **_PAPER, **RATE},
        "Fashion-MNIST, first spike": {"dataset": "fashion_mnist", **_PAPER, **_PAPER_FIRST},
        "CIFAR-10, rate": {"dataset": "cifar10", **_PAPER, **RATE},
        "CIFAR-10, first spike": {"dataset": "cifar10", **_PAPER, **_PAPER_FIRST},
    },
}
"""Of each size the experiments' fields, all but rule and seed.

Quick: six hidden layers of 100 neurons and 750 updates; of CIFAR-10 three convolutional layers and a dense one, and 375
updates. Long: the same networks, 50,000 images of Fashion-MNIST and 3,910 updates, 18,000 of CIFAR-10, standardised,
and 2,252 updates; chosen, as are decay and gain of the neurons that fire once, by the validation accuracy of
backpropagation, and by what two cores do in two hours. Paper: VGG7, Adam with 1e-4 and batches of 256 as published;
epochs and time steps are ours, and there is no augmentation (published: crop, flip, AutoAugment, Cutout).
"""

REDUCTIONS = (10, 100, 1_000, 10_000)
"""Weights that backpropagation moves for each one that frozen backpropagation moves."""
PARTS = ("cyclic", "random", "topk")
THRESHOLDS = (0.03, 0.1, 0.3, 1.0)
"""θ, of which none says how much is moved: that is measured."""
REFERENCES = {"bp": "bp", "fa": "fa", "usf": "usf", "frsf": "frsf", "never copied": "fbp:period=1000000000"}
"""The ceiling, and the floors."""
LATE: Mapping[Size, set[str]] = {"quick": {"full, 1,000×", "full, 10,000×"}, "long": {"full, 10,000×"}, "paper": set()}
"""Full copies that come too late for the number of updates."""
SOME = (
    "full, 10×",
    "full, 100×",
    "full, 1,000×",
    "cyclic, 1,000×",
    "topk, 100×",
    "topk, 1,000×",
    "topk, 10,000×",
    "threshold, θ 0.3",
)
"""What is trained of the transports in a setting that is not of :data:`WHOLE`."""
WHOLE: Mapping[Size, set[str]] = {
    "quick": {"Fashion-MNIST, rate"},
    "long": set(SETTINGS["long"]),
    "paper": set(SETTINGS["paper"]),
}
"""The settings in which every scheme is trained at every reduction."""


def transports() -> dict[str, str]:
    """Every scheme at every reduction, as a rule by its name.

    A part is moved every ten updates, or at a reduction of 10 at every one.

    Example:
        >>> transports()["topk, 1,000×"]
        'fbp:period=10,transport=topk,fraction=0.01'
    """
    rules = {f"full, {by:,}×": f"fbp:period={by}" for by in REDUCTIONS}
    for scheme in PARTS:
        for by in REDUCTIONS:
            period = 1 if by == 10 else 10
            rules[f"{scheme}, {by:,}×"] = f"fbp:period={period},transport={scheme},fraction={period / by:g}"
    for theta in THRESHOLDS:
        rules[f"threshold, θ {theta:g}"] = f"fbp:period=10,transport=threshold,threshold={theta:g}"
    return rules


def arms(size: Size, setting: str) -> dict[str, str]:
    """The rules trained in a setting, by name; of the transports all but :data:`LATE`, or :data:`SOME`."""
    every = setting in WHOLE[size]
    kept = [name for name in transports() if name not in LATE[size] and (every or name in SOME)]
    return REFERENCES | {name: transports()[name] for name in kept}


def transported(seed: int, device: str = "cpu", **fields: Any) -> dict[str, Any]:
    """Train an experiment; its accuracy, what it moved, and how far B was from W.

    Returns:
        Of :func:`~spikefa.studies.trained.trained` ``test``, ``validation``, ``loss``, ``words``, ``moved``,
        ``seconds`` and of ``curves`` some; and by layer, as lists over the epochs, ``drift``: ‖W − B‖ / ‖W‖ just before
        the last copy so far, 0 before the first; ``cosine`` of B and W. ``rms``: of W₀ by layer.
    """
    found = trained(seed, device, **fields)
    kept = ("test", "validation", "loss", "words", "moved", "seconds")
    layers, experiment = found["alignment"], Experiment(seed=seed, **fields)
    start = routed(experiment.build(load(experiment.dataset)))
    return {
        **{name: found[name] for name in kept},
        "curves": {name: found["curves"][name] for name in ("loss", "test", "angle")},
        **{
            measure: {name: over[measure] for name, over in layers.items() if measure in over}
            for measure in ("drift", "cosine")
        },
        "rms": {name: float(layer.weight.detach().square().mean().sqrt()) for name, layer in start.items()},
    }
