"""Training: one experiment, epoch by epoch. It writes nothing; it only yields what it measured."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import replace

import snntorch as snn
import torch
from torch import nn

from spikefa.attachment import adapt
from spikefa.datasets import Dataset
from spikefa.experiment import Experiment
from spikefa.measurement import Epoch, angle, measure
from spikefa.options import whole
from spikefa.remedies import Remedy, remedy
from spikefa.rules.kp import check_decay
from spikefa.stopwatch import Stopwatch
from spikefa.streams import stream
from spikefa.tensorboard import histograms


class Diverged(ArithmeticError):
    """The loss is not a finite number any more; the message says where."""


class SilentLayer(UserWarning):
    """A layer of spiking neurons does not fire at all, so that nothing passes it in either direction."""


def train(
    experiment: Experiment,
    data: Dataset,
    device: str | torch.device = "cpu",
    probe: int | None = None,
    weights: bool = False,
) -> Iterator[Epoch]:
    """Train one experiment and yield a record for the start and for each epoch.

    The experiment's optimiser on the read-out's loss, a cross-entropy, with gradients as its ``credit`` has them;
    ``adamw`` without weight decay is Adam bit for bit. After every update the remedy, and then ``adapt``.
    Deterministic: the same experiment gives the same numbers again (but for ``seconds`` and ``work``). Torch's global
    generator is neither used nor moved.

    Args:
        experiment: what to train.
        data: its data set, loaded.
        device: where to compute.
        probe: updates from one measurement of the gradient's angle to the next, besides the one after each epoch; the
            time that these take counts for none of the epoch's. None for no such measurement.
        weights: whether each record holds histograms of W and B.

    Raises:
        ValueError: ``probe`` is no whole number, at least 1.
        Diverged: the loss became nan or infinite; the epochs before have been yielded.

    Warns:
        SilentLayer: a layer does not fire, once for each such layer.
        NoDecay: the rule is ``kp``, and there is no weight decay.
        Undone: of two remedies, one undoes the other.

    Example:
        >>> from spikefa.datasets import DATASETS
        >>> experiment = Experiment(rule="fa", epochs=1, steps=4, lr=0.01)
        >>> start, first = train(experiment, DATASETS["digits"]())
        >>> first.epoch, first.accuracy["test"] > start.accuracy["test"], first.moved
        (1, True, 0.0)
    """
    if probe is not None:
        whole(probe=probe)
    net = experiment.build(data).to(device)
    _forget(net)
    optimizer = experiment.updates(net)
    check_decay(net, optimizer)
    after = remedy(experiment.remedy, experiment.seed)(net)
    order, noise = stream(experiment.seed, "order"), stream(experiment.seed, "input")
    silent: set[str] = set()
    updates = 0
    for epoch in range(experiment.epochs + 1):
        losses: list[float] = []
        angles: list[tuple[int, float]] = []
        watch = Stopwatch()
        for loss in _updates(experiment, net, optimizer, after, data, order, noise, epoch) if epoch else ():
            losses.append(loss)
            if probe is not None and (updates + len(losses)) % probe == 0:
                with watch.paused():
                    angles.append((updates + len(losses), angle(experiment, net, data)))
        seconds, work = watch.read() if epoch else (0.0, 0.0)
        updates += len(losses)
        record = measure(experiment, net, data, epoch, updates)
        _warn(experiment, record, silent)
        loss = sum(losses) / len(losses) if losses else math.nan
        seen = histograms(net) if weights else {}
        yield replace(record, loss=loss, angles=tuple(angles), seconds=seconds, work=work, histograms=seen)


def _updates(
    experiment: Experiment,
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    after: Remedy,
    data: Dataset,
    order: torch.Generator,
    noise: torch.Generator,
    epoch: int,
) -> Iterator[float]:
    """One pass over the training split: an update a batch, and its loss."""
    device = next(net.parameters()).device
    for batch, (x, y) in enumerate(data.train.batches(experiment.batch_size, order), start=1):
        optimizer.zero_grad()
        loss = experiment.backward(net, x.to(device), y.to(device), noise)
        if not torch.isfinite(loss):
            raise Diverged(f"the loss is {loss.item()} at epoch {epoch}, batch {batch}: try a smaller lr")
        optimizer.step()
        after.step()
        adapt(net)
        yield loss.item()
    adapt(net, epoch=True)
    if not all(torch.isfinite(p).all() for p in net.parameters()):
        raise Diverged(f"the weights are not finite after epoch {epoch}: try a smaller lr")


def _warn(experiment: Experiment, record: Epoch, silent: set[str]) -> None:
    for name, rate in record.rates.items():
        if rate == 0 and name not in silent:
            silent.add(name)
            message = f"layer {name!r} is silent at epoch {record.epoch} ({experiment.rule}, seed {experiment.seed})"
            warnings.warn(f"{message}: nothing passes it; raise the network's gain or its input", SilentLayer, 3)


def _forget(net: nn.Module) -> None:
    """Take the network's neurons out of snnTorch's class-wide list, which would keep them alive for ever."""
    own = {id(module) for module in net.modules()}
    snn.SpikingNeuron.instances[:] = [neuron for neuron in snn.SpikingNeuron.instances if id(neuron) not in own]
