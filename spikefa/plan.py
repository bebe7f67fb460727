"""What a study will cost, before it runs: a few updates of each of its experiments are timed, and the rest is sums."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from torch import nn

from spikefa.attachment import adapt, routed
from spikefa.datasets import Dataset
from spikefa.experiment import Experiment
from spikefa.measurement import measure
from spikefa.stopwatch import Stopwatch
from spikefa.training import Training

UPDATES = 20
"""How many updates are timed at least."""


@final
@dataclass(frozen=True)
class Cost:
    """What one run costs, in seconds of the machine that it was measured on.

    Args:
        update: of one update, with the share of what its rule does every so many updates.
        epoch: of what comes once an epoch: the measurements, and the share of what the rule does every so many epochs.
        start: of building the network and measuring it before training.
        updates: in an epoch; ``epochs``: in a run.

    Example:
        >>> Cost(update=0.01, epoch=1.0, start=2.0, updates=300, epochs=10).seconds
        42.0
    """

    update: float
    epoch: float
    start: float
    updates: int
    epochs: int

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return self.start + self.epochs * (self.updates * self.update + self.epoch)


def cost(experiment: Experiment, data: Dataset, device: str = "cpu") -> Cost:
    """Time a run's parts: some updates, one epoch's end, its start.

    Args:
        experiment: what would be trained.
        data: its data set.
        device: where.

    Example:
        >>> from spikefa.datasets import DATASETS
        >>> found = cost(Experiment(rule="sal:every=30", steps=2), DATASETS["digits"]())
        >>> found.updates, found.epochs, found.seconds > found.epochs * found.updates * found.update > 0
        (19, 10, True)
    """
    watch = Stopwatch()
    training = Training(experiment, data, device)
    net = training.net
    measure(experiment, net, data, 0, 0)
    start = watch.read()[0]

    def update() -> None:
        training.update(*next(iter(data.train.batches(experiment.batch_size, training.order))))

    cycle = period(net, "update")
    count = cycle * math.ceil(UPDATES / cycle)
    update()
    watch = Stopwatch()
    for _ in range(count):
        update()
    each = watch.read()[0] / count
    ends = period(net, "epoch")
    watch = Stopwatch()
    for _ in range(ends):
        adapt(net, epoch=True)
    phases = watch.read()[0] / ends
    watch = Stopwatch()
    measure(experiment, net, data, 0, count)
    end = phases + watch.read()[0]
    return Cost(each, end, start, math.ceil(len(data.train) / experiment.batch_size), experiment.epochs)


def period(net: nn.Module, per: str) -> int:
    """How many updates, or epochs, are whole cycles of all pathways that count these, so that phases have their share.

    Args:
        net: the network, attached.
        per: ``update`` or ``epoch``.

    Example:
        >>> import spikefa
        >>> layers = (nn.Linear(3, 3) for _ in range(4))
        >>> net = spikefa.attach(nn.Sequential(*layers), "1=sal:every=15/2=sal:every=10/3=sal:every=2,per=epoch")
        >>> period(net, "update"), period(net, "epoch")
        (30, 2)
    """
    pathways = [layer.feedback for layer in routed(net).values()]
    return math.lcm(*(getattr(one, "every", 1) for one in pathways if getattr(one, "per", "update") == per))


def costs(
    experiments: Iterable[Experiment], data: Mapping[str, Dataset], device: str = "cpu"
) -> dict[Experiment, Cost]:
    """The cost of each; those that differ in their seed, lr or epochs alone are timed once.

    Args:
        experiments: the study.
        data: its data sets, by name.
        device: where.
    """
    timed: dict[Experiment, Cost] = {}
    found: dict[Experiment, Cost] = {}
    warm: set[str] = set()
    for experiment in experiments:
        like = experiment.model_copy(update={"seed": 0, "lr": 1e-3, "epochs": 1})
        if like.rule not in warm:  # the first run of a rule in a process pays for compiling, of its phases, too
            cost(like, data[like.dataset], device)
            warm.add(like.rule)
        if like not in timed:
            timed[like] = cost(like, data[like.dataset], device)
        one = timed[like]
        found[experiment] = Cost(one.update, one.epoch, one.start, one.updates, experiment.epochs)
    return found


def makespan(seconds: Sequence[float], workers: int) -> float:
    """When the last of some runs ends, if each of the workers takes the next one as soon as it is free.

    Reference:
        Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 17, 1969.
        https://doi.org/10.1137/0117039: at most 2 − 1/workers times as long as the best order.

    Example:
        >>> makespan([3.0, 1.0, 1.0, 1.0], workers=2)
        3.0
    """
    free = [0.0] * workers
    for duration in seconds:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def memory() -> float:
    """The most memory that this process has held so far, in MB: what each job needs, its data included."""
    import resource
    import sys

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)
