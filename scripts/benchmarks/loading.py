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

DATASETS = ("fashion_mnist", "cifar10")


def tables(setting: Setting) -> Iterator[Table]:
    """A row for each data set, for the default network and batch size."""
    made = Table("loading", ("data set", "all batches, s", "epoch, s", "share, %", "reading the files, s"))
    for name in ("digits",) if setting.tiny else DATASETS:
        if not setting.wants(name):
            continue
        try:
            data: list[Dataset] = []
            reading = timed(lambda: data.append(load(name)), setting)  # noqa: B023 - called here
        except (DataError, OSError, ValueError) as error:
            made.notes.append(f"{name} is left out: {str(error).splitlines()[0]}")
            continue
        made.rows.append(row(Experiment(dataset=name, epochs=1), data[0], reading, setting))
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
