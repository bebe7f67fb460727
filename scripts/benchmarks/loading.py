"""Loading: all batches of an epoch, against the time of the epoch."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from spikefa.comparison import load
from spikefa.datasets import DataError, Dataset
from spikefa.experiment import Experiment
from spikefa.training import train

from .table import Table
from .timing import Setting, Spread, interleaved, number, timed

DATASETS = {"fashion_mnist": ("fashion_mnist",), "cifar10": ("cifar10", "cifar10:train=20000")}
"""Each with what to take where not all of its files are there: the first of these that can be loaded."""


def tables(setting: Setting) -> Iterator[Table]:
    """A row for each data set, for the default network and batch size."""
    made = Table("loading", ("data set", "all batches, s", "epoch, s", "share, %", "reading the files, s"))
    for name, choices in {"digits": ("digits",)}.items() if setting.tiny else DATASETS.items():
        for choice in choices if setting.wants(name) else ():
            data: list[Dataset] = []
            try:
                reading = timed(lambda data=data, choice=choice: data.append(load(choice)), setting)
            except (DataError, OSError, ValueError) as error:
                made.notes.append(f"{choice} is left out: {type(error).__name__}, its files are not all to be had")
                continue
            made.rows.append(row(Experiment(dataset=choice, epochs=1), data[0], reading, setting))
            break
    made.notes.append(
        "an epoch: spikefa's own training with its default network, T and batch size; bp, measuring left out"
    )
    yield made


def row(experiment: Experiment, data: Dataset, reading: float, setting: Setting) -> tuple[object, ...]:
    """The batches in random order, moved to the device, and one epoch of training."""
    generator = torch.Generator().manual_seed(0)

    def batches() -> None:
        for x, y in data.train.batches(experiment.batch_size, generator):
            x.to(setting.device), y.to(setting.device)

    loading = Spread.of(interleaved({"batches": batches}, setting)["batches"])
    _, epoch = train(experiment, data, setting.device)
    seconds = epoch.work if setting.processor else epoch.seconds
    title = f"{experiment.dataset}, {len(data.train):,} of {data.shape}"
    return title, loading, number(seconds), number(100 * loading.median / seconds), number(reading)
