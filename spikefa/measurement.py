"""What is measured of a network between two epochs of training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import snntorch as snn
import torch
from torch import Tensor, nn

from spikefa.alignment import weight_alignment
from spikefa.assignment import AFFINE, affine_layers, recurrent_weights
from spikefa.attachment import routed
from spikefa.credit import same_direction
from spikefa.datasets import Dataset, Split
from spikefa.datasets.dataset import UNLABELLED
from spikefa.datasets.events import Examples
from spikefa.error_norms import error_ratios
from spikefa.experiment import Experiment
from spikefa.gradients import learning_alignment
from spikefa.neurons import fires
from spikefa.operations import synaptic_operations
from spikefa.sequence import run, walk
from spikefa.similarity import gram
from spikefa.streams import stream
from spikefa.tensorboard import Histogram

PROBE = 256
"""Images of the fixed batch on which gradients and firing rates are measured."""
REPRESENTED = 128
"""Images whose representations are compared between rules; the first training images, the same for every rule."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave; epoch 0 is the state before training.

    Attributes:
        epoch: 0 to ``epochs``.
        accuracy: on ``train`` (as many fixed images as validation has), ``validation`` and ``test``.
        alignment: for each routed layer the cosine, Pearson's r, norm ratio and sign agreement of B and W where they
            can be compared, and its rule's measures.
        gradient: of the routed to the true gradient on a fixed batch: ``angle`` in degrees, and by layer ``layers``;
            ``sign_agreement``; ``snr``, the signal-to-noise ratio in decibels.
            With ``credit="local"`` too it is that through time; how far training is from it says ``credit``.
        credit: with ``credit="local"`` the cosine of the gradient that training takes to the routed one through time,
            on that batch: ``cosine`` over all parameters, and by weight or bias ``layers``; empty with ``bptt``.
        learning: on that batch by layer, of its gradient ``angle``, ``sign_agreement`` and ``snr``, and of a routed
            layer ``error_angle``, between Bᵀδ and Wᵀδ in degrees; ``error_ratio``: how many times as large the error at
            the layer's output is as the true one.
        operations: synaptic operations per image by layer, on that batch: ``accumulates`` of spikes, ``multiplies`` of
            analog inputs.
        rates: spikes per neuron and step by layer, on the fixed batch.
        words: numbers moved to the feedback side so far; ``bits``: the bits of these, of signs and of indices.
        moved: the bits, relative to backpropagation over as many updates.
        updates: of the weights so far.
        angles: of the routed to the true gradient on the fixed batch within the epoch, as ``(update, degrees)``, where
            these were asked for.
        loss: mean training loss over the epoch's batches; nan for epoch 0.
        seconds: time for the epoch's updates, the measurements left out; ``work``: the processors' time for them.
        histograms: of W and B by layer, where these were asked for.
        representations: after the last epoch, for each layer of hidden neurons the Gram matrix of its spike counts.
    """

    epoch: int
    accuracy: dict[str, float]
    alignment: dict[str, dict[str, float]]
    gradient: dict[str, Any]
    learning: dict[str, dict[str, float]]
    operations: dict[str, dict[str, float]]
    rates: dict[str, float]
    words: int
    bits: int
    moved: float
    updates: int = 0
    angles: tuple[tuple[int, float], ...] = ()
    credit: dict[str, Any] = field(default_factory=dict)
    loss: float = math.nan
    seconds: float = 0.0
    work: float = 0.0
    histograms: dict[str, Histogram] = field(default_factory=dict, repr=False, compare=False)
    representations: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)


def measure(experiment: Experiment, net: nn.Module, data: Dataset, epoch: int, updates: int) -> Epoch:
    """Measure a network as it stands, on its device; nothing in it changes.

    Args:
        experiment: the experiment that ``net`` belongs to: encoding, read-out, seed.
        net: the network, with its pathways.
        data: its data set.
        epoch: the epoch's number; ``updates``: of the weights so far.
    """
    device = next(net.parameters()).device
    x, y = _probe(data, device)
    size = len(data.validation)
    splits = {
        "train": Split(data.train.x[:size], data.train.y[:size]),
        "validation": data.validation,
        "test": data.test,
    }
    words, bits, moved = transport(net, updates)
    total, layers = learning(experiment, net, x, y)
    for name, ratio in error_ratios(net, lambda: probe_loss(experiment, net, x, y)).items():
        layers.setdefault(name, {})["error_ratio"] = ratio
    encoded = experiment.encode(x, stream(experiment.seed, "probe"))
    with experiment.multiplying(device):
        operations = synaptic_operations(net, lambda: run(net, encoded), len(x))
        rates = firing_rates(net, encoded)
    return Epoch(
        epoch=epoch,
        accuracy={name: accuracy(experiment, net, split) for name, split in splits.items()},
        alignment=weight_alignment(net),
        gradient=total | {"layers": {name: found["angle"] for name, found in layers.items() if "angle" in found}},
        learning=layers,
        operations={name: found._asdict() for name, found in operations.items()},
        rates=rates,
        words=words,
        bits=bits,
        moved=moved,
        updates=updates,
        credit=credit(experiment, net, x, y),
        representations=represent(experiment, net, data) if epoch == experiment.epochs else {},
    )


def angle(experiment: Experiment, net: nn.Module, data: Dataset) -> float:
    """Angle of the routed to the true gradient on the fixed batch, in degrees; nothing in the network changes."""
    return learning(experiment, net, *_probe(data, next(net.parameters()).device))[0]["angle"]


def _probe(data: Dataset, device: torch.device) -> tuple[Examples, Tensor]:
    return data.train.x[:PROBE].to(device), data.train.y[:PROBE].to(device)


def transport(net: nn.Module, updates: int) -> tuple[int, int, float]:
    """Words and bits moved to the feedback side so far, and the bits relative to backpropagation.

    A layer without a pathway, unless it is the first, sends its errors through W itself, and moves it at every update.
    So do recurrent weights V without one, whose error goes back a step through Vᵀ, unless each neuron feeds itself
    alone, where there is no transpose.

    Example:
        >>> from spikefa import attach
        >>> net = attach(nn.Sequential(*(nn.Linear(2, 2) for layer in range(3))), "2=fa")
        >>> transport(net, updates=10)
        (40, 1280, 0.5)
    """
    recurrent = {name: v for name, v in recurrent_weights(net).items() if isinstance(v, AFFINE)}
    layers: dict[str, Any] = dict(list(affine_layers(net).items())[1:]) | recurrent | routed(net)
    words = bits = whole = 0
    for name, layer in layers.items():
        all_words = updates * layer.weight.numel()
        all_bits = all_words * layer.weight.element_size() * 8
        sent = (layer.feedback.words, layer.feedback.bits) if name in routed(net) else (all_words, all_bits)
        words, bits, whole = words + int(sent[0]), bits + int(sent[1]), whole + all_bits
    return words, bits, bits / whole if whole else 0.0


@torch.no_grad()
def accuracy(experiment: Experiment, net: nn.Module, split: Split) -> float:
    """Fraction of a split's labels whose score is the highest; the same encoding noise at every call.

    A label is an example's, or that of one of its time steps.
    """
    noise, right = stream(experiment.seed, "evaluation"), 0
    device = next(net.parameters()).device
    for x, y in split.batches(512):
        right += int((experiment.scores(net, x.to(device), noise).argmax(1).cpu() == y).sum())
    return right / int((split.y != UNLABELLED).sum())


@torch.no_grad()
def firing_rates(net: nn.Module, x: Tensor) -> dict[str, float]:
    """Spikes per neuron and step of each layer of neurons that can fire, for an input ``[T, B, ...]``.

    Example:
        >>> net = nn.Sequential(nn.Identity(), snn.Leaky(beta=0.9, reset_mechanism="zero"))
        >>> firing_rates(net, torch.full((4, 1, 1), 0.6))  # silent, fires, silent, fires
        {'1': 0.5}
    """
    return {name: float(spk.mean()) for name, module, (spk, _) in walk(net, x) if fires(module)}


@torch.no_grad()
def represent(experiment: Experiment, net: nn.Module, data: Dataset) -> dict[str, Tensor]:
    """The Gram matrix ``[N, N]`` of each layer of hidden neurons, of spike counts or rates, over fixed training images.

    Of networks that differ in their rule alone, the images and their encoding are the same.
    """
    x = data.train.x[:REPRESENTED].to(next(net.parameters()).device)
    encoded = experiment.encode(x, stream(experiment.seed, "representations"))
    with experiment.multiplying(x.device):
        walked = list(walk(net, encoded))
    activity = {name: spk for name, neuron, (spk, _) in walked if isinstance(neuron, snn.SpikingNeuron | nn.ReLU)}
    return {name: gram(spk.sum(0)).cpu() for name, spk in list(activity.items())[:-1]}  # the last reads out


def learning(
    experiment: Experiment, net: nn.Module, x: Examples, y: Tensor
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Agreement of routed and true gradients and errors on images ``x`` with labels ``y``, in all and by layer."""
    return learning_alignment(net, lambda: probe_loss(experiment, net, x, y))


def probe_loss(experiment: Experiment, net: nn.Module, x: Examples, y: Tensor) -> Tensor:
    """The loss of images ``x`` with labels ``y``, the encoding's noise the same at every call."""
    return experiment.loss(net, x, y, stream(experiment.seed, "probe"))


def credit(experiment: Experiment, net: nn.Module, x: Examples, y: Tensor) -> dict[str, Any]:
    """Cosine of the gradient of the experiment's ``credit`` to that through time, in all and by parameter."""
    if experiment.credit == "bptt":
        return {}
    through_time = experiment.model_copy(update={"credit": "bptt"})
    ways = (lambda e=e: e.backward(net, x, y, stream(experiment.seed, "probe")) for e in (experiment, through_time))
    cosine, layers = same_direction(net, *ways)
    return {"cosine": cosine, "layers": layers}
