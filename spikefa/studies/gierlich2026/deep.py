"""Deep networks: what each way to get the feedback of the dense layers is worth, and SAL on the convolutions, too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefa.palette import Stroke
from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size
from spikefa.studies.trained import trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPIKED = {
    "paper": ("eta=0.04,replicas=32,steps=2000,every=62", "steps=500,replicas=180"),
    "long": ("eta=0.2,replicas=16,steps=2000,every=45", "steps=500,replicas=60"),
    "quick": ("eta=0.2,replicas=16,steps=2000,every=7", "steps=500,replicas=60"),
}
"""Options of sal and of rdd: five phases of 200 T_ref and 32 replicas in the 313 updates of an epoch, of 40,000 images
since a fifth is held out for validation, and 90 s an epoch; at quick size five in 38 updates, with half of the
replicas and five times the rate, since there is a tenth of the epochs, and 30 s; at long size fifty such phases, too,
in 2,252 updates. sal is centred, as spikefa's default has it, which is ours and not the paper's."""
FIELDS: dict[Size, dict[str, Any]] = {
    "paper": {
        "dataset": "cifar10",
        "network": "convnet:channels=64,kernel=5,growth=1,padded=false,width=384,dense=2",
        "epochs": 100,
        "batch_size": 128,
        "steps": 10,
    },
    "long": {
        "dataset": "cifar10:train=20000,validation=2000,test=4000",
        "network": "convnet:channels=12,kernel=5,growth=1,padded=false,width=64,dense=2",
        "epochs": 4,
        "batch_size": 32,
        "steps": 5,
    },
    "quick": {
        "dataset": "digits",
        "network": "convnet:channels=8,kernel=5,growth=1,width=64,dense=2",
        "epochs": 10,
        "batch_size": 32,
        "steps": 5,
    },
}
"""The paper's network with LIF neurons for its rectifiers. Quick: digits of 8×8, and an eighth of its width. Long: a
fifth of it, and 2,252 updates on 18,000 images of CIFAR-10."""
DESCENT = {"lr": 0.01, "optimizer": "sgd:momentum=0.9"}
DECAY = 1e-3
"""Of kp alone."""
STROKES = {
    "bp": Stroke("#222222"),
    "bp above fa": Stroke("#222222", (1.2, 1.2)),
    "fa": Stroke("#0072b2"),
    "kp": Stroke("#e69f00"),
    "frsf": Stroke("#009e73"),
    "rdd": Stroke("#882255"),
    "sal": Stroke("#cc79a7"),
    "sal everywhere": Stroke("#cc79a7", (4.0, 1.6)),
}
"""Of each arm. ``bp above fa``: bp in the dense layers, fa in the convolutions, as the arms kp to sal have it there."""


def rules(size: Size) -> dict[str, str]:
    """The rule of each arm."""
    sal, rdd = SPIKED[size]
    dense = {"bp above fa": "bp", "kp": "kp", "frsf": "frsf", "rdd": f"rdd:{rdd}", "sal": f"sal:{sal}"}
    return {"bp": "bp", "fa": "fa", "sal everywhere": f"sal:{sal}"} | {
        arm: f"conv*=fa/*={rule}" for arm, rule in dense.items()
    }


def measure(seed: int, device: str = "cpu", **fields: Any) -> Mapping[str, Any]:
    """Train, as ``spikefa compare`` would.

    Returns:
        ``test``: accuracy in percent; ``cosine``: of W and B in the end, mean over the dense layers; ``curve`` and
        ``cosines``: both over the epochs; ``seconds`` of all updates.
    """
    found = trained(seed, device, **fields)
    cosines = np.mean([found["alignment"][name]["cosine"] for name in ("fc1", "fc2", "out")], 0)
    return {
        "test": found["test"],
        "cosine": float(cosines[-1]),
        "curve": [100 * value for value in found["curves"]["test"]],
        "cosines": cosines.tolist(),
        "seconds": found["seconds"],
    }


def cases(size: Size) -> Sequence[Case]:
    """All arms."""
    made = rules(size)
    decay = {arm: DECAY if arm == "kp" else 0.0 for arm in STROKES}
    return [
        Case(f"deep, {arm}", measure, {"rule": made[arm], "weight_decay": decay[arm], **DESCENT, **FIELDS[size]})
        for arm in STROKES
    ]


def claims(results: Results) -> Sequence[Claim]:
    """Rankings; the paper's accuracies are of a network of rectifiers, and in no text or file that we have."""

    def points(arm: str, other: str) -> Sequence[float]:
        return results.differences(f"deep, {arm}", f"deep, {other}", "test")

    aligned = results.differences("deep, sal", "deep, rdd", "cosine")
    found: list[tuple[str, str, Sequence[float], float]] = [
        ("SAL on the dense layers above FA, points", "above [P]", points("sal", "fa"), 0),
        ("SAL on the dense layers as good as bp there, points", "as good [P]", points("sal", "bp above fa"), -5),
        ("bp everywhere above SAL on the dense layers, points", "above [P]", points("bp", "sal"), 0),
        ("SAL everywhere above SAL on the dense layers, points", "–", points("sal everywhere", "sal"), 0),
        ("SAL on the dense layers as good as RDD, points", "–", points("sal", "rdd"), -5),
        ("SAL aligns the dense layers better than RDD, difference of cosines", "–", aligned, 0),
    ]
    why = {0: "its sign", -5: "ours: one image in twenty"}
    return [Claim(f"deep: {says}", told, values, low, math.inf, why[int(low)]) for says, told, values, low in found]


def figures(results: Results) -> Mapping[str, Figure]:
    """Test accuracy and alignment of the dense layers over the epochs."""
    arms = [arm for arm in STROKES if results.of(f"deep, {arm}")]
    if not arms:
        return {}
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, field in zip(panels, ("curve", "cosines"), strict=True):
        for arm in arms:
            curves, stroke = results.array(f"deep, {arm}", field), STROKES[arm]
            dash = (0, stroke.dash) if stroke.dash else "-"
            axes.plot(curves.mean(0), color=stroke.color, linestyle=dash, label=arm)
            low, high = curves.min(0), curves.max(0)
            axes.fill_between(range(curves.shape[1]), low, high, color=stroke.color, alpha=0.1, linewidth=0)
    panels[0].set(xlabel="epoch", ylabel="test accuracy, %")
    panels[1].set(xlabel="epoch", ylabel="cosine of W and B, dense layers")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
    return {"deep": figure}
