"""What is trained: a network on a data set by size, under every rule, unharmed and harmed; and what is kept of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.noise.cost import phases_cost
from spikefa.studies.study import Size
from spikefa.studies.trained import trained

FIELDS: Mapping[Size, Mapping[str, Any]] = {
    "quick": {
        "dataset": "fashion_mnist:train=6000,validation=1000,test=4000",
        "network": "mlp:depth=6,width=100",
        "steps": 6,
        "epochs": 2,
        "batch_size": 16,
        "lr": 1e-3,
    },
    "long": {
        "dataset": "fashion_mnist",
        "network": "mlp:depth=6,width=200",
        "steps": 6,
        "epochs": 10,
        "batch_size": 128,
        "lr": 1e-3,
    },
}
"""The experiments' fields. Quick is the rate-coded network of goupy2025."""
FBP = "fbp:period=10,transport=topk,fraction=0.01"
SAL = "sal:every=40"
RULES: Mapping[str, str] = {
    "bp": "bp",
    "fa": "fa",
    "never copied": "fbp:period=1000000000",
    "fbp, full, 100×": "fbp:period=100",
    "fbp, topk, 1,000×": FBP,
    "sal every 40": SAL,
    "sal every 150": "sal:every=150",
    "sal every 40, 500 steps": "sal:every=40,steps=500",
}
"""The rules by name: the ceiling, two floors, and of each contender some that cost more and less."""
HARMS: Mapping[str, Mapping[str, str]] = {
    "weight noise 0.003": {"bp": "bp", "fa": "fa", "never copied": RULES["never copied"], "fbp": FBP, "sal": SAL},
    "mismatch 0.2": {"bp": "bp", "fa": "fa", "fbp": FBP, "sal": SAL + ",mismatch=1.0"},
    "half lost": {"fbp": FBP + ",lost=0.5", "fbp, full, 100×": "fbp:period=100,lost=0.5"},
    "late": {"fbp": FBP + ",late=9", "fbp, full, 100×": "fbp:period=100,late=99"},
}
"""What goes wrong, and which rules are put to it.

Noise comes after each update, relative to the rms of W₀, so that it adds up to 0.08 of that over 750 updates. A
mismatch of 0.2 is of thresholds and time constants of every neuron of the network; the neurons of SAL's phases have
thresholds that are off by a standard deviation of 1, in the unit of the drive.
"""
UNHARMED = {"fbp": "fbp, topk, 1,000×", "sal": "sal every 40"}
"""The unharmed case of a rule that is put to harm, where it is called otherwise."""


def measured(seed: int, device: str = "cpu", **fields: Any) -> dict[str, Any]:
    """Train, and count what it cost: ``words`` and ``moved`` of W, ``spikes``, ``events`` and ``steps`` of the phases.

    Events are those of a phase at the start times the number of phases. ``cosine`` of B and W, mean over the layers,
    and ``angle`` of the gradient with bp's are taken after the last update, whenever B was renewed last: right after
    topk's transport, 30 updates after SAL's phase of every 40, 0 (quick) or 10 (long) after that of every 150.
    """
    found, experiment = trained(seed, device, **fields), Experiment(seed=seed, **fields)
    data = load(experiment.dataset)
    updates = experiment.epochs * math.ceil(len(data.train) / experiment.batch_size)
    layers = found["alignment"].values()
    return {
        **{name: found[name] for name in ("test", "validation", "loss", "words", "moved", "seconds")},
        **phases_cost(experiment.build(data), updates)._asdict(),
        "cosine": float(np.mean([over["cosine"][-1] for over in layers if "cosine" in over])),
        "angle": found["curves"]["angle"][-1],
    }
