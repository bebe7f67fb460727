"""One experiment trained in this process or another one: what is asked, and what comes of it, event by event."""

from __future__ import annotations

import platform
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from spikefa.datasets import DATASETS, DataError, Dataset
from spikefa.environment import environment
from spikefa.experiment import Experiment
from spikefa.journal import WriteError
from spikefa.machine import use_threads
from spikefa.measurement import Epoch
from spikefa.names import resolve
from spikefa.resumption import kept
from spikefa.training import train


@dataclass(frozen=True)
class Job:
    """An experiment, and all that a process needs to train it. It goes to other processes and machines as it is.

    Args:
        experiment: what to train.
        data_folder: where to look for data sets first, on the machine that trains.
        device: where to compute; ``probe``: as :func:`~spikefa.training.train` has it.
        checkpoints: the folder in which to keep the last and the best epoch, if any; of the machine that trains.
        weights: whether epochs hold histograms of W and B.
        threads: of the CPU; as they are if absent.
        command: what the user typed; ``seeds``: of all the runs: both for the record.
    """

    experiment: Experiment
    data_folder: Path | None = None
    device: str = "cpu"
    probe: int | None = None
    checkpoints: Path | None = None
    weights: bool = False
    threads: int | None = None
    command: str = ""
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Begun:
    """The experiment is begun in this ``environment``; or is handed over, with that of the process that does so."""

    environment: Mapping[str, Any]


@dataclass(frozen=True)
class Failed:
    """An experiment that raised; the others go on. ``error`` is what it said.

    Args:
        error: the kind of error, and its message.
        epoch: in which it was; ``traceback``: where.
    """

    error: str
    epoch: int = 0
    traceback: str = ""


@dataclass(frozen=True)
class Done:
    """The experiment ended well after so many ``epochs``."""

    epochs: int


Event = Begun | Epoch | Failed | Done


def attempt(job: Job) -> Iterator[Event]:
    """Train one experiment; whatever it raises is an event too, but for a checkpoint that cannot be written.

    Raises:
        WriteError: the disk is full, say.

    Example:
        >>> tiny = Experiment(rule="fa", epochs=1, steps=2, network="mlp:depth=1,width=8")
        >>> [type(event).__name__ for event in attempt(Job(tiny))]
        ['Begun', 'Epoch', 'Epoch', 'Done']
    """
    use_threads(job.threads)
    epoch = -1
    try:
        yield Begun(setting(job))
        for record in _records(job):
            epoch = record.epoch
            yield record
    except WriteError:  # of a checkpoint, which is no fault of the experiment's
        raise
    except Exception as error:
        yield Failed(f"{type(error).__name__}: {error}", epoch + 1, traceback.format_exc())
    else:
        yield Done(epoch)


def setting(job: Job) -> Mapping[str, Any]:
    """The environment that a job has, or would have, in this process."""
    return _environment(job.device, job.command, job.seeds, job.threads)


def load(name: str, folder: Path | None = None) -> Dataset:
    """The data set that ``name`` stands for, such as ``"mnist:train=1000"``.

    Raises:
        ValueError: no such name or option, or files that are missing or not what they should be.
    """
    loader = resolve(name, DATASETS, "data set")
    data: Dataset = loader(folder)
    return data


loaded = lru_cache(maxsize=4)(load)
"""The same, kept for the next experiment of this process."""


def _records(job: Job) -> Iterator[Epoch]:
    asked = job.experiment, _here(job), job.device, job.probe, job.weights
    return kept(*asked, job.checkpoints, setting(job)) if job.checkpoints else train(*asked)


def _here(job: Job) -> Dataset:
    try:
        return loaded(job.experiment.dataset, job.data_folder)
    except DataError as error:
        raise DataError(f"{error} [on the machine {platform.node()}]") from error


_environment = lru_cache(maxsize=8)(environment)
