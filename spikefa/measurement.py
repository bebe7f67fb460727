"""What is measured of a network between two epochs of training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import snntorch as snn
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa.alignment import gradient_angle, weight_alignment
from spikefa.attachment import exact, routed
from spikefa.datasets import Dataset, Split
from spikefa.experiment import Experiment
from spikefa.sequence import walk
from spikefa.streams import stream

PROBE = 256
"""Images of the fixed batch on which gradients and firing rates are measured."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave; epoch 0 is the state before training.

    Attributes:
        epoch: 0 to ``epochs``.
        accuracy: on ``train`` (as many fixed images as validation has), ``validation`` and ``test``.
        alignment: for each routed layer the cosine, norm ratio and sign agreement of B and W, and its rule's measures.
        gradient: ``angle``, and by layer ``layers``, of the routed to the true gradient in degrees on a fixed batch.
        rates: spikes per neuron and step by layer, on the fixed batch.
        bits: bits of weights moved to the feedback side so far.
        moved: the same, relative to backpropagation over as many updates.
        loss: mean training loss over the epoch's batches; nan for epoch 0.
        seconds: time for the epoch's updates, the measurements left out.
    """

    epoch: int
    accuracy: dict[str, float]
    alignment: dict[str, dict[str, float]]
    gradient: dict[str, Any]
    rates: dict[str, float]
    bits: int
    moved: float
    loss: float = math.nan
    seconds: float = 0.0


def measure(experiment: Experiment, net: nn.Module, data: Dataset, epoch: int, updates: int) -> Epoch:
    """Measure a network as it stands, on its device; nothing in it changes.

    Args:
        experiment: the experiment that ``net`` belongs to: encoding, read-out, seed.
        net: the network, with its pathways.
        data: its data set.
        epoch: the epoch's number; ``updates``: of the weights so far.
    """
    device = next(net.parameters()).device
    x, y = data.train.x[:PROBE].to(device), data.train.y[:PROBE].to(device)
    size = len(data.validation)
    splits = {
        "train": Split(data.train.x[:size], data.train.y[:size]),
        "validation": data.validation,
        "test": data.test,
    }
    bits = sum(int(layer.feedback.bits) for layer in routed(net).values())
    whole = updates * sum(layer.weight.numel() * layer.weight.element_size() * 8 for layer in routed(net).values())
    return Epoch(
        epoch=epoch,
        accuracy={name: accuracy(experiment, net, split) for name, split in splits.items()},
        alignment=weight_alignment(net),
        gradient=_gradient(experiment, net, x, y),
        rates=firing_rates(net, experiment.encode(x, stream(experiment.seed, "probe"))),
        bits=bits,
        moved=bits / whole if whole else 0.0,
    )


@torch.no_grad()
def accuracy(experiment: Experiment, net: nn.Module, split: Split) -> float:
    """Fraction of a split's examples whose highest score is their label's; the same encoding noise at every call."""
    noise, right = stream(experiment.seed, "evaluation"), 0
    device = next(net.parameters()).device
    for x, y in split.batches(512):
        right += int((experiment.scores(net, x.to(device), noise).argmax(1).cpu() == y).sum())
    return right / len(split)


@torch.no_grad()
def firing_rates(net: nn.Module, x: Tensor) -> dict[str, float]:
    """Spikes per neuron and step of each layer of neurons that can fire, for an input ``[T, B, ...]``.

    Example:
        >>> net = nn.Sequential(nn.Identity(), snn.Leaky(beta=0.9, reset_mechanism="zero"))
        >>> firing_rates(net, torch.full((4, 1, 1), 0.6))  # silent, fires, silent, fires
        {'1': 0.5}
    """
    return {
        name: float(spk.mean())
        for name, module, (spk, _) in walk(net, x)
        if isinstance(module, snn.SpikingNeuron) and module.reset_mechanism != "none"
    }


def _gradient(experiment: Experiment, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Any]:
    def loss() -> Tensor:
        return F.cross_entropy(experiment.scores(net, x, stream(experiment.seed, "probe")), y)

    with exact(net):
        true_loss = loss()
    angle, layers = gradient_angle(net, loss(), true_loss)
    return {"angle": angle, "layers": layers}
