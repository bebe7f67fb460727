"""A run that is kept after every epoch, and goes on where it was when its process died."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from spikefa.checkpoint import Checkpoint
from spikefa.datasets import Dataset
from spikefa.distributed import crew
from spikefa.experiment import Experiment
from spikefa.measurement import Epoch
from spikefa.training import Training

FOLDER = "checkpoints"
LAST, BEST = "last.safetensors", "best.safetensors"


class Restarted(UserWarning):
    """A run that cannot go on from its checkpoint, and is trained from its start; it is deterministic."""


def kept(
    experiment: Experiment,
    data: Dataset,
    device: str,
    probe: int | None,
    weights: bool,
    folder: Path,
    environment: Mapping[str, Any],
) -> Iterator[Epoch]:
    """As :func:`~spikefa.training.train`, with a checkpoint of the last and of the best epoch, by validation accuracy.

    From the last one it goes on, if it is there and was written where the numbers come out the same; epochs that are in
    it are yielded first, as they were. An epoch is kept when the next one is asked for, so that who writes records down
    has done so.

    Args:
        experiment, data, device, probe, weights: as ``train`` takes them.
        folder: where ``checkpoints/KEY/`` lies or will lie.
        environment: as :func:`~spikefa.environment.environment` gives it.

    Raises:
        OSError: a checkpoint cannot be written.
        Diverged: as from ``train``.

    Warns:
        Restarted: there is a checkpoint that cannot be gone on from; it is trained from its start.

    Example:
        >>> import tempfile
        >>> from spikefa.datasets import DATASETS
        >>> run = Experiment(rule="fa", epochs=2, steps=2), DATASETS["digits"](), "cpu", None, False
        >>> place = Path(tempfile.mkdtemp()), {}
        >>> killed = kept(*run, *place)
        >>> before = [next(killed) for _ in range(3)][1]
        >>> again = list(kept(*run, *place))  # epoch 1 is kept, epoch 2 was not yet
        >>> [record.epoch for record in again], again[1].seconds == before.seconds
        ([0, 1, 2], True)
    """
    place = folder / FOLDER / experiment.key
    place.mkdir(parents=True, exist_ok=True)
    origin = _origin(environment, data) | {"probe": probe}
    fresh = partial(Training, experiment, data, device, probe, weights)
    training = _begun(fresh, place / LAST, origin)
    yield from list(training.history)
    for record in training.epochs():
        yield record
        if record.epoch:
            checkpoint = training.checkpoint(origin)
            checkpoint.save(*[place / BEST] * checkpoint.is_best, place / LAST)  # a kill between must not lose the best


def _begun(fresh: Callable[[], Training], path: Path, origin: Mapping[str, Any]) -> Training:
    """The training, as its last checkpoint has it, or at its start."""
    if path.exists():
        training = fresh()
        experiment = training.experiment
        try:
            checkpoint = Checkpoint.read(path)
            if other := [name for name in origin if checkpoint.origin.get(name) != origin[name]]:
                raise ValueError(f"{', '.join(other)} were others then, and numbers may come out otherwise")
            training.restore(checkpoint)
        except ValueError as error:
            said = " ".join(str(error).split())
            warnings.warn(f"{experiment.rule}, seed {experiment.seed}: {path}: {said}; trained anew", Restarted, 3)
        else:
            return training
    return fresh()


def _origin(environment: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
    """What the last bits of a run depend on besides its experiment."""
    named = {name: environment[name] for name in ("versions", "commit", "device", "threads") if name in environment}
    processor, processes = torch.backends.cpu.get_cpu_capability(), crew.get().size
    return {**named, "processor": processor, "processes": processes, "data": data.note}
