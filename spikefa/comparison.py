"""A comparison: the same network from the same start on the same batches under several rules, kept in one file."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from spikefa.attempt import Begun, Done, Event, Failed, Job, load, loaded
from spikefa.datasets import Dataset
from spikefa.engines import Engine, Here
from spikefa.experiment import Experiment
from spikefa.journal import append, sealed
from spikefa.lock import alone
from spikefa.measurement import Epoch
from spikefa.remedies import remedy
from spikefa.representations import save
from spikefa.runs import FILE, SCHEMA, mend, read

__all__ = ["Failed", "compare", "grid", "load", "missing", "remaining"]

MOST = 1_000_000
"""Experiments that one comparison may have."""


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
    if (count := math.prod(map(len, lists))) > MOST:
        raise ValueError(f"{count:,} combinations, more than {MOST:,}: give fewer values, or compare them one by one")
    chosen = (Experiment(**dict(zip(ordered, values, strict=True))) for values in itertools.product(*lists))
    return tuple(dict.fromkeys(chosen))


def compare(
    experiments: Sequence[Experiment],
    folder: Path,
    *,
    data_folder: Path | None = None,
    device: str = "cpu",
    probe: int | None = None,
    checkpoints: bool = False,
    weights: bool = False,
    command: str = "",
    tuning: Mapping[str, str] | None = None,
    remarks: Mapping[str, str] | None = None,
    engine: Engine | None = None,
) -> Iterator[tuple[Experiment, Epoch | Failed]]:
    """Train the experiments that ``folder/runs.jsonl`` does not hold yet, and append what each epoch gives.

    Every line is on the disk before the next epoch starts. A run that was killed goes on from its last checkpoint, or
    from its start: it is deterministic, so nothing of it is lost but time. An experiment that raises is recorded with
    its reason and the next one starts. This process alone writes ``runs.jsonl``, whatever the engine; of runs side by
    side all epochs come at the end.

    Args:
        experiments: what is wanted.
        folder: where ``runs.jsonl`` lies or will lie; made if it is not there.
        data_folder: where to look for data sets first.
        device: where to compute.
        probe: updates from one measurement of the gradient's angle to the next, besides the one after each epoch.
        checkpoints: whether to keep the last and the best epoch of each run, see :func:`~spikefa.resumption.kept`.
        weights: whether the epochs that are yielded hold histograms of W and B; the file never does.
        command: what the user typed, for the record.
        tuning: the fields that were chosen for each rule, and how, for the record.
        remarks: what the tuning of some experiments lacked, by their keys, for the record.
        engine: where to train; this process, one experiment after another, if absent. One with processes of its own
            needs ``if __name__ == "__main__":`` around what a script does, as ``multiprocessing`` says.

    Yields:
        Each experiment with each of its epochs, or with the reason why it failed.

    Raises:
        ValueError: a data set or network that cannot be had as asked, or another process that writes to ``folder``;
            nothing has been trained then.
        ConnectionError: the engine lost its cluster.
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
    with alone(path):
        todo = missing(experiments, path, tuning)
        _check(todo, data_folder)
        seeds = tuple(sorted({experiment.seed for experiment in todo}))
        keep = path.parent.resolve() if checkpoints else None
        asked = data_folder, device, probe, keep, weights, None, command, seeds
        jobs = [Job(experiment, *asked) for experiment in todo]
        record = _Record(path, data_folder, tuning or {}, remarks or {})
        for job, events in (engine or Here()).run(jobs) if jobs else ():
            record.add(job, events)
            yield from ((job.experiment, event) for event in events if isinstance(event, Epoch | Failed))


@dataclass(frozen=True)
class _Record:
    """What is written of a comparison: events as lines of ``path``, representations beside it."""

    path: Path
    data_folder: Path | None
    tuning: Mapping[str, str]
    remarks: Mapping[str, str]
    settings: dict[str, str] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)

    def add(self, job: Job, events: Sequence[Event]) -> None:
        """All lines of some events at once, so that of a run that comes in one piece all is kept, or nothing."""
        lines = [line for event in events for line in self._lines(job, event)]
        if lines:
            append(self.path, b"".join(map(sealed, lines)))

    def _lines(self, job: Job, event: Event) -> list[dict[str, Any]]:
        key = job.experiment.key
        match event:
            case Begun():
                return self._begun(job, event.environment)
            case Epoch():
                if event.representations:
                    save(event.representations, self.path.parent, key)
                numbers = asdict(replace(event, representations={}, histograms={}))
                del numbers["representations"], numbers["histograms"]
                return [{"kind": "epoch", "key": key, **numbers}]
            case Failed():
                return [{"kind": "failed", "key": key, **asdict(event)}]
            case Done():
                return [{"kind": "done", "key": key, **asdict(event)}]

    def _begun(self, job: Job, setting: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Its environment, if it is a new one, and its start, unless that stands there already."""
        alike = json.dumps({name: value for name, value in setting.items() if name not in ("id", "time")})
        lines = [] if alike in self.settings else [{"kind": "environment", "schema": SCHEMA, **setting}]
        experiment, known = job.experiment, self.settings.setdefault(alike, setting["id"])
        if self.begun.get(experiment.key) == known:
            return lines
        self.begun[experiment.key] = known
        note = loaded(experiment.dataset, self.data_folder).note
        start = {"environment": known, "experiment": experiment.model_dump(), "data": note}
        start |= {"tuning": dict(self.tuning)} if self.tuning else {}
        start |= {"remark": self.remarks[experiment.key]} if experiment.key in self.remarks else {}
        return [*lines, {"kind": "start", "key": experiment.key, **start}]


def _check(todo: Sequence[Experiment], data_folder: Path | None) -> None:
    """Have each data set, and build a network of each kind."""
    loaded.cache_clear()  # the files may be others since
    alike = {"seed": 0, "epochs": 1, "batch_size": 1, "lr": 1e-3, "weight_decay": 0.0}
    for kind in dict.fromkeys(experiment.model_copy(update=alike) for experiment in todo):
        _buildable(kind, loaded(kind.dataset, data_folder))


def remaining(
    experiments: Iterable[Experiment], folder: Path, tuning: Mapping[str, str] | None = None
) -> tuple[Experiment, ...]:
    """The experiments that `compare` would train in this folder.

    Raises:
        ValueError: another process writes there now, or the file is not one of ours.
        OSError: ``folder`` cannot be written.
    """
    path = _writable(folder) / FILE
    with alone(path):
        return missing(experiments, path, tuning)


def missing(
    experiments: Iterable[Experiment], path: Path, tuning: Mapping[str, str] | None = None
) -> tuple[Experiment, ...]:
    """The experiments that the file at ``path`` does not hold whole; a torn last line of it is dropped.

    Runs that were tuned otherwise count as missing, for they stand in another table.
    """
    done: set[str] = set()
    if path.exists():
        mend(path)
        done = {run.key for run in read(path, epochs=False) if run.state == "done" and run.tuning == (tuning or {})}
    return tuple(experiment for experiment in dict.fromkeys(experiments) if experiment.key not in done)


def _buildable(experiment: Experiment, data: Dataset) -> None:
    try:
        remedy(experiment.remedy)(experiment.build(data))
    except (RuntimeError, TypeError, ValueError) as error:
        said, named = " ".join(str(error).split()), experiment.rule
        named += f"' with '{experiment.remedy}" if experiment.remedy != "none" else ""
        raise ValueError(f"{experiment.network!r} under '{named}' cannot be built: {said}") from error


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / FILE).open("a"):
            pass
    except OSError as error:
        raise OSError(f"cannot write to {folder} ({error.strerror}): choose another folder with --out") from error
    return folder
