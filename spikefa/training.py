"""Training: one experiment, epoch by epoch. It writes nothing; it only yields what it measured."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import snntorch as snn
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spikefa.alignment import gradient_angle, weight_alignment
from spikefa.attachment import adapt, exact, routed
from spikefa.datasets import Dataset, Split
from spikefa.encoding import ENCODINGS
from spikefa.experiment import Experiment
from spikefa.readout import READOUTS
from spikefa.sequence import run, walk
from spikefa.streams import stream

PROBE = 256
"""Images of the fixed batch on which gradients and firing rates are measured."""


class Diverged(ArithmeticError):
    """The loss is not a finite number any more; the message says where."""


class SilentLayer(UserWarning):
    """A layer of spiking neurons does not fire at all, so that nothing passes it in either direction."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave; epoch 0 is the state before training.

    Attributes:
        epoch: 0 to ``epochs``.
        loss: mean training loss over the epoch's batches; nan for epoch 0.
        accuracy: on ``train`` (as many fixed images as validation has), ``validation`` and ``test``.
        alignment: for each routed layer the cosine, norm ratio and sign agreement of B and W.
        gradient: ``angle``, and by layer ``layers``, of the routed to the true gradient in degrees on a fixed batch.
        rates: spikes per neuron and step by layer, on the fixed batch.
        bits: bits of weights moved to the feedback side so far.
        moved: the same, relative to backpropagation over as many updates.
        seconds: time for the epoch's updates, the measurements left out.
    """

    epoch: int
    loss: float
    accuracy: dict[str, float]
    alignment: dict[str, dict[str, float]]
    gradient: dict[str, Any]
    rates: dict[str, float]
    bits: int
    moved: float
    seconds: float


def train(experiment: Experiment, data: Dataset, device: str | torch.device = "cpu") -> Iterator[Epoch]:
    """Train one experiment and yield a record for the start and for each epoch.

    Deterministic: the same experiment gives the same numbers again (but for ``seconds``). Torch's global generator is
    neither used nor moved.

    Args:
        experiment: what to train.
        data: its data set, as ``resolve(experiment.dataset, DATASETS, "data set")(folder)`` loads it.
        device: where to compute.

    Raises:
        Diverged: the loss became nan or infinite; the epochs before have been yielded.

    Example:
        >>> from spikefa.datasets import DATASETS
        >>> experiment = Experiment(rule="fa", epochs=1, steps=4, network="mlp:width=32")
        >>> start, first = train(experiment, DATASETS["digits"]())
        >>> first.epoch, first.accuracy["test"] > start.accuracy["test"], first.moved
        (1, True, 0.0)
    """
    net = experiment.build(data).to(device)
    _forget(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=experiment.lr)
    order, noise = stream(experiment.seed, "order"), stream(experiment.seed, "input")
    silent: set[str] = set()
    updates, loss, seconds = 0, math.nan, 0.0
    for epoch in range(experiment.epochs + 1):
        if epoch:
            start, losses = time.perf_counter(), []
            for x, y in _batches(data.train, experiment.batch_size, order):
                losses.append(_update(experiment, net, optimizer, x.to(device), y.to(device), noise))
                if not math.isfinite(losses[-1]):
                    raise Diverged(f"the loss is {losses[-1]} at epoch {epoch}, batch {len(losses)}: try a smaller lr")
            updates, loss, seconds = updates + len(losses), sum(losses) / len(losses), time.perf_counter() - start
        yield _measure(experiment, net, data, device, epoch, updates, loss, seconds, silent)


def loss_of(experiment: Experiment, net: nn.Module, x: Tensor, y: Tensor, noise: torch.Generator) -> Tensor:
    """Cross-entropy of a batch of images ``[B, ...]``, encoded over time, in the experiment's read-out."""
    return F.cross_entropy(_scores(experiment, net, x, noise), y)


def _scores(experiment: Experiment, net: nn.Module, x: Tensor, noise: torch.Generator) -> Tensor:
    spk, mem = run(net, ENCODINGS[experiment.encoding](x, experiment.steps, noise))
    return READOUTS[experiment.readout].scores(spk, mem)


def _update(
    experiment: Experiment,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    noise: torch.Generator,
) -> float:
    optimizer.zero_grad()
    loss = loss_of(experiment, net, x, y, noise)
    loss.backward()
    optimizer.step()
    adapt(net)
    return float(loss.detach())


def _batches(split: Split, size: int, generator: torch.Generator | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """The split's examples in batches, in a new random order if there is a generator."""
    order = torch.arange(len(split)) if generator is None else torch.randperm(len(split), generator=generator)
    for chosen in order.split(size):
        yield split.x[chosen], split.y[chosen]


def _measure(
    experiment: Experiment,
    net: nn.Module,
    data: Dataset,
    device: str | torch.device,
    epoch: int,
    updates: int,
    loss: float,
    seconds: float,
    silent: set[str],
) -> Epoch:
    size = len(data.validation)
    seen = {"train": Split(data.train.x[:size], data.train.y[:size]), "validation": data.validation, "test": data.test}
    x, y = data.train.x[:PROBE].to(device), data.train.y[:PROBE].to(device)
    bits = sum(int(layer.feedback.bits) for layer in routed(net).values())
    whole = updates * sum(layer.weight.numel() * layer.weight.element_size() * 8 for layer in routed(net).values())
    rates = _rates(experiment, net, x)
    for name in [name for name, rate in rates.items() if rate == 0 and name not in silent]:
        silent.add(name)
        warnings.warn(
            f"{experiment.rule}, seed {experiment.seed}: layer {name!r} is silent at epoch {epoch}", SilentLayer, 2
        )
    return Epoch(
        epoch=epoch,
        loss=loss,
        accuracy={name: _accuracy(experiment, net, split, device) for name, split in seen.items()},
        alignment=weight_alignment(net),
        gradient=_gradient(experiment, net, x, y),
        rates=rates,
        bits=bits,
        moved=bits / whole if whole else 0.0,
        seconds=seconds,
    )


@torch.no_grad()
def _accuracy(experiment: Experiment, net: nn.Module, split: Split, device: str | torch.device) -> float:
    noise, right = stream(experiment.seed, "evaluation"), 0
    for x, y in _batches(split, 512):
        right += int((_scores(experiment, net, x.to(device), noise).argmax(1).cpu() == y).sum())
    return right / len(split)


def _gradient(experiment: Experiment, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Any]:
    loss = loss_of(experiment, net, x, y, stream(experiment.seed, "probe"))
    with exact(net):
        true_loss = loss_of(experiment, net, x, y, stream(experiment.seed, "probe"))
    angle, layers = gradient_angle(net, loss, true_loss)
    return {"angle": angle, "layers": layers}


@torch.no_grad()
def _rates(experiment: Experiment, net: nn.Module, x: Tensor) -> dict[str, float]:
    """Spikes per neuron and step of each layer of neurons that can fire."""
    encoded = ENCODINGS[experiment.encoding](x, experiment.steps, stream(experiment.seed, "probe"))
    return {
        name: float(spk.mean())
        for name, module, (spk, _) in walk(net, encoded)
        if isinstance(module, snn.SpikingNeuron) and module.reset_mechanism != "none"
    }


def _forget(net: nn.Module) -> None:
    """Take the network's neurons out of snnTorch's class-wide list, which would keep them alive for ever."""
    own = {id(module) for module in net.modules()}
    snn.SpikingNeuron.instances[:] = [neuron for neuron in snn.SpikingNeuron.instances if id(neuron) not in own]
