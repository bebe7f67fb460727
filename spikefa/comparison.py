"""A comparison: the same network from the same start on the same batches under several rules, kept in one file."""

from __future__ import annotations

import itertools
import json
import math
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from spikefa.datasets import DATASETS, Dataset
from spikefa.environment import environment
from spikefa.experiment import Experiment
from spikefa.measurement import Epoch
from spikefa.names import resolve
from spikefa.remedies import remedy
from spikefa.representations import save
from spikefa.runs import FILE, mend, read
from spikefa.training import train


@dataclass(frozen=True)
class Failed:
    """An experiment that raised; the others go on. ``error`` is what it said."""

    error: str


def grid(fields: Mapping[str, Any]) -> tuple[Experiment, ...]:
    """Every combination of the fields that are lists, once, rules innermost, so that a seed's rules follow each other.

    Raises:
        pydantic.ValidationError: (a ``ValueError``) a value that :class:`Experiment` refuses.

    Example:
        >>> [(e.seed, e.rule) for e in grid({"rule": ["bp", "fa"], "seed": [0, 1], "epochs": 5})]
        [(0, 'bp'), (0, 'fa'), (1, 'bp'), (1, 'fa')]
    """
    ordered = sorted(fields, key=lambda name: name == "rule")
    lists = [value if isinstance(value := fields[name], list | tuple) else [value] for name in ordered]
    for name, values in zip(ordered, lists, strict=True):
        if not values:
            raise ValueError(f"{name} has no value: give at least one, or leave it out")
    chosen = (Experiment(**dict(zip(ordered, values, strict=True))) for values in itertools.product(*lists))
    return tuple(dict.fromkeys(chosen))


def compare(
    experiments: Sequence[Experiment],
    folder: Path,
    *,
    data_folder: Path | None = None,
    device: str = "cpu",
    probe: int | None = None,
    weights: bool = False,
    command: str = "",
    tuning: Mapping[str, str] | None = None,
    remarks: Mapping[str, str] | None = None,
) -> Iterator[tuple[Experiment, Epoch | Failed]]:
    """Train the experiments that ``folder/runs.jsonl`` does not hold yet, and append what each epoch gives.

    Every line is on the disk before the next epoch starts. A run that was killed is trained again from its start: it
    is deterministic, so nothing of it is lost but time. An experiment that raises is recorded with its reason and the
    next one starts.

    Args:
        experiments: what is wanted.
        folder: where ``runs.jsonl`` lies or will lie; made if it is not there.
        data_folder: where to look for data sets first.
        device: where to compute.
        probe: updates from one measurement of the gradient's angle to the next, besides the one after each epoch.
        weights: whether the epochs that are yielded hold histograms of W and B; the file never does.
        command: what the user typed, for the record.
        tuning: the fields that were chosen for each rule, and how, for the record.
        remarks: what the tuning of some experiments lacked, by their keys, for the record.

    Yields:
        Each experiment with each of its epochs, or with the reason why it failed.

    Raises:
        ValueError: a data set or network that cannot be had as asked; nothing has been trained then.
        OSError: ``folder`` cannot be written.

    Example:
        >>> import tempfile
        >>> tiny = grid({"rule": ["bp", "fa"], "epochs": 1, "steps": 2, "network": "mlp:width=8,depth=1"})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first = list(compare(tiny, Path(folder)))
        ...     again = list(compare(tiny, Path(folder)))
        >>> len(first), len(again)
        (4, 0)
    """
    path = _writable(folder) / FILE
    todo = missing(experiments, path, tuning)
    data = {name: load(name, data_folder) for name in dict.fromkeys(e.dataset for e in todo)}
    for first in {(e.dataset, e.network, e.rule, e.remedy, e.credit, e.readout): e for e in todo}.values():
        _buildable(first, data[first.dataset])
    if todo:
        with _alone(path):
            yield from _train(todo, path, data, device, probe, weights, command, tuning or {}, remarks or {})


def _train(
    todo: Sequence[Experiment],
    path: Path,
    data: Mapping[str, Dataset],
    device: str,
    probe: int | None,
    weights: bool,
    command: str,
    tuning: Mapping[str, str],
    remarks: Mapping[str, str],
) -> Iterator[tuple[Experiment, Epoch | Failed]]:
    setting = environment(device, command, (e.seed for e in todo))
    _append(path, {"kind": "environment", **setting})
    for experiment in todo:
        note = data[experiment.dataset].note
        start = {"environment": setting["id"], "experiment": experiment.model_dump(), "data": note}
        start |= {"tuning": dict(tuning)} if tuning else {}
        start |= {"remark": remarks[experiment.key]} if experiment.key in remarks else {}
        _append(path, {"kind": "start", "key": experiment.key, **start})
        for event in _attempt(experiment, data[experiment.dataset], device, probe, weights, path):
            yield experiment, event


def load(name: str, folder: Path | None = None) -> Dataset:
    """The data set that ``name`` stands for, such as ``"mnist:train=1000"``.

    Raises:
        ValueError: no such name or option, or files that are missing or not what they should be.
    """
    loader = resolve(name, DATASETS, "data set")
    data: Dataset = loader(folder)
    return data


def missing(
    experiments: Iterable[Experiment], path: Path, tuning: Mapping[str, str] | None = None
) -> tuple[Experiment, ...]:
    """The experiments that the file at ``path`` does not hold whole; a torn last line of it is dropped.

    Runs that were tuned otherwise count as missing, for they stand in another table.
    """
    done: set[str] = set()
    if path.exists():
        mend(path)
        done = {run.key for run in read(path) if run.state == "done" and run.tuning == (tuning or {})}
    return tuple(experiment for experiment in dict.fromkeys(experiments) if experiment.key not in done)


def _attempt(
    experiment: Experiment, data: Dataset, device: str, probe: int | None, weights: bool, path: Path
) -> Iterator[Epoch | Failed]:
    epoch = -1
    try:
        for record in train(experiment, data, device, probe, weights):
            epoch = record.epoch
            numbers = asdict(replace(record, representations={}, histograms={}))
            del numbers["representations"], numbers["histograms"]
            if record.representations:
                save(record.representations, path.parent, experiment.key)
            _append(path, {"kind": "epoch", "key": experiment.key, **numbers})
            yield record
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        line = {"kind": "failed", "key": experiment.key, "epoch": epoch + 1, "error": said}
        _append(path, line | {"traceback": traceback.format_exc()})
        yield Failed(said)
    else:
        _append(path, {"kind": "done", "key": experiment.key, "epochs": epoch})


def _buildable(experiment: Experiment, data: Dataset) -> None:
    try:
        remedy(experiment.remedy)(experiment.build(data))
    except (RuntimeError, TypeError, ValueError) as error:
        said, named = " ".join(str(error).split()), experiment.rule
        named += f"' with '{experiment.remedy}" if experiment.remedy != "none" else ""
        raise ValueError(f"{experiment.network!r} under '{named}' cannot be built: {said}") from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing to the same file, whose lines would mix with ours; freed when we end or die."""
    try:
        held = FileLock(path.with_suffix(".lock")).acquire(timeout=0)
    except Timeout:
        raise ValueError(f"another spikefa writes to {path} now: wait for it, or choose another --out") from None
    with held:
        yield


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / FILE).open("a"):
            pass
    except OSError as error:
        raise OSError(f"cannot write to {folder} ({error.strerror}): choose another folder with --out") from error
    return folder


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """One line, on the disk when this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(_finite(line), ensure_ascii=False, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
