"""What is trained: architecture 1 as a network of rates and of spikes, with every kind of feedback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor

from spikefa.agreement import degrees
from spikefa.measurement import Epoch
from spikefa.similarity import cka
from spikefa.studies.study import Case, Size
from spikefa.studies.trained import epochs, told

KINDS: Mapping[str, tuple[str, int]] = {"rate": (",neuron=relu,gain=1.4142", 1), "spiking": ("", 4)}
"""What tells the networks of a kind from the other's, and their time steps."""
FIELDS: Mapping[Size, Mapping[str, Any]] = {
    "quick": {
        "dataset": "cifar10:train=4500,validation=500,test=1000,crop=24",
        "network": "convnet:channels=12,kernel=5,growth=1,width=64,dense=2",
        "epochs": 4,
        "batch_size": 32,
    },
    "long": {
        "dataset": "cifar10:train=20000,validation=2000,test=10000,crop=24",
        "network": "convnet:channels=12,kernel=5,growth=1,width=64,dense=2",
        "epochs": 4,
        "batch_size": 32,
    },
    "paper": {
        "dataset": "cifar10:validation=5000,crop=24",
        "network": "convnet:channels=64,kernel=5,growth=1,width=384,dense=2",
        "epochs": 50,
        "batch_size": 128,
    },
}
"""Of each size the experiments' fields.

Paper: conv5×5×64, pool, conv5×5×64, pool, 384, 192, 10, Adam, batches of 128 and 50 epochs as published, on the middle
24×24 of each image; the learning rate, the standardised images and 5,000 validation images are ours. Quick: 12 channels
and 64 and 32 neurons, 4,000 images, 500 updates in batches of 32. Long: that with 18,000 images and 2,252 updates.
"""
COMMON = {"encoding": "standardized", "lr": 1e-3}
ARMS: Mapping[str, Mapping[str, Any]] = {
    "bp": {"rule": "bp"},
    "fa": {"rule": "fa"},
    "fa, dense": {"rule": "fa:dense=true"},
    "usf_sn": {"rule": "usf_sn"},
    "frsf": {"rule": "frsf"},
    "usf": {"rule": "usf"},
    "usf, unscaled": {"rule": "usf:scale=1"},
    "fa, norm limit": {"rule": "fa", "remedy": "norm_limit"},
    "frsf, norm limit": {"rule": "frsf", "remedy": "norm_limit"},
    "bp, other start": {"rule": "bp", "shift": 1000},
}
"""The arms: ``frsf`` is the papers' uSF Init, ``usf_sn`` their uSF SN; bp from another start is a yardstick for CKA."""
LAYERS = ("conv1", "conv2", "fc1", "fc2", "out")
HIDDEN = LAYERS[:-1]


def cases(size: Size) -> list[Case]:
    """Every arm as a network of either kind; those of a kind start with the same weights and see the same batches."""
    made = []
    for kind, (neurons, steps) in KINDS.items():
        fields = {**FIELDS[size], **COMMON, "network": FIELDS[size]["network"] + neurons, "steps": steps}
        made += [Case(f"{kind}: {arm}", measured, {**fields, **own}) for arm, own in ARMS.items()]
    return made


def measured(seed: int, device: str = "cpu", shift: int = 0, **fields: Any) -> dict[str, Any]:
    """Train, and measure the feedback and what the network made of it.

    Args:
        seed: the experiment's, of backpropagation, too, whose representations are compared; ``fields``: its others.
        device: where to train.
        shift: how much larger this experiment's own seed is.

    Returns:
        ``test``, ``validation``, ``loss`` as :func:`~spikefa.studies.trained.trained` has them; ``angle``: of the
        gradient to the true one, in the end; ``curves`` over the epochs from 0: ``loss``, ``test``, ``angle``; ``cka``:
        unbiased, of each hidden layer's representations to backpropagation's. By layer, over the epochs:
        ``weight_angle`` of B and W, ``local_angle`` of Bᵀδ and Wᵀδ for the same δ, ``end_to_end_angle`` of the layer's
        gradient to the true one of the same batch and state, ``sign_agreement`` of B and W, ``error_ratio``: how many
        times as large the error at the layer's output is as the true one.
    """
    reference = _backpropagation(seed, device, tuple(sorted((fields | {"rule": "bp", "remedy": "none"}).items())))
    trains_it = fields["rule"] == "bp" and fields.get("remedy", "none") == "none" and not shift
    own = reference if trains_it else epochs(seed + shift, device, **fields)
    found = told(own)
    alignment, learning = found["alignment"], found["learning"]
    curves = {name: found["curves"][name] for name in ("loss", "test", "angle")}
    return {
        **{name: found[name] for name in ("test", "validation", "loss")},
        "angle": curves["angle"][-1],
        "cka": similarities(own[-1].representations, reference[-1].representations),
        "curves": curves,
        "weight_angle": {name: list(map(degrees, over)) for name, over in _of(alignment, "cosine").items()},
        "sign_agreement": _of(alignment, "sign_agreement"),
        "local_angle": _of(learning, "error_angle"),
        "end_to_end_angle": _of(learning, "angle"),
        "error_ratio": _of(learning, "error_ratio"),
    }


@lru_cache(maxsize=1)
def _backpropagation(seed: int, device: str, fields: tuple[tuple[str, Any], ...]) -> Sequence[Epoch]:
    """Backpropagation of a seed, trained once for all arms that follow each other."""
    return epochs(seed, device, **dict(fields))


def similarities(grams: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> dict[str, float]:
    """Unbiased linear CKA by hidden layer, and under ``mean`` their mean.

    Args:
        grams, others: Gram matrices of the hidden layers, in their order, whatever they are called.
    """
    pairs = zip(HIDDEN, grams.values(), others.values(), strict=True)
    found = {layer: cka(one, other, unbiased=True) for layer, one, other in pairs}
    return found | {"mean": float(np.mean(list(found.values())))}


def _of(layers: Mapping[str, Mapping[str, list[float]]], measure: str) -> dict[str, list[float]]:
    """One measure of those layers that have it."""
    return {name: over[measure] for name, over in layers.items() if measure in over}
