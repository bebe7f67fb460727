"""What a comparison wrote: the lines of `runs.jsonl`, read into runs.

`comparison` appends one JSON object a line: an environment, the start of a run, its epochs, its end (done or failed).
A run may be written more than once (a killed one is trained again); its last start counts, with what comes after it up
to its end. A line that stands twice counts once. A run of which an epoch is missing, or stands twice with different
numbers, is incomplete, and so is trained again.
One experiment may stand in it both untuned and tuned: these are two runs of one key. Of a rule that chose anew in the
same setting, from the same candidates, its last choice counts for each seed.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from spikefa.history import Run
from spikefa.journal import TornLine, opened
from spikefa.schema import ADDED, FIELDS, SCHEMA, check, schema

__all__ = ["ADDED", "FIELDS", "FILE", "SCHEMA", "Run", "TornLine", "mend", "read"]

FILE = "runs.jsonl"
VARYING = ("seconds", "work")
"""What an epoch gives differently each time that it is trained."""


def read(path: Path, *, epochs: bool = True) -> tuple[Run, ...]:
    """All runs of a file, in the order in which each first started. The file is read line by line.

    Args:
        path: `runs.jsonl`, or the folder it lies in.
        epochs: False leaves out what the epochs of finished runs gave, so that memory grows with the runs alone.

    Raises:
        FileNotFoundError: there is no such file.
        TornLine: the last line is not whole.
        ValueError: another line is not one of ours, not as written, or of a newer format; the message has its number.

    Example:
        >>> read(Path("nowhere"))
        Traceback (most recent call last):
        FileNotFoundError: no nowhere/runs.jsonl: give the folder that `spikefa compare --out FOLDER` wrote
    """
    file = located(path)
    found = _Found()
    try:
        for number, line, seal in opened(file):
            try:
                _take(line, seal, found, epochs)
            except ValueError as error:
                raise ValueError(f"{file}, line {number}: {error}") from error
    except TornLine as torn:
        way_out = "Run the same `spikefa compare` again: it drops the torn line and retrains that run"
        raise TornLine(f"{torn}. {way_out}; or `spikefa report RUNS --mend`", torn.at) from torn
    return tuple(course.run(file.parent) for course in found.courses.values())


def mend(path: Path) -> int:
    """Drop a torn last line, in place. A file still being written may look torn: stop the comparison first.

    Args:
        path: `runs.jsonl`, or the folder it lies in.

    Returns:
        How many bytes were dropped; 0 if the file was whole.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line before the last is broken, which no kill explains; nothing is dropped.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "runs.jsonl"
        >>> _ = file.write_text('{"kind": "done", "key": "3f"}\\n{"kind": "ep')
        >>> mend(file), mend(file)
        (12, 0)
    """
    file = located(path)
    try:
        for _ in opened(file):
            pass
    except TornLine as torn:
        dropped = file.stat().st_size - torn.at
        os.truncate(file, torn.at)
        return dropped
    return 0


def located(path: Path) -> Path:
    """The file itself, where ``path`` may be its folder.

    Raises:
        FileNotFoundError: there is none.
    """
    file = path if path.suffix == ".jsonl" else path / FILE
    if not file.is_file():
        raise FileNotFoundError(f"no {file}: give the folder that `spikefa compare --out FOLDER` wrote")
    return file


@dataclass
class _Course:
    """A run while it is read."""

    begun: Run
    epochs: list[Mapping[str, Any]] = field(default_factory=list)
    state: Literal["done", "failed", "incomplete"] = "incomplete"
    error: str = ""
    traceback: str = ""
    flaw: str = ""

    def run(self, folder: Path) -> Run:
        flawed = replace(self.begun, epochs=tuple(self.epochs), error=self.flaw, folder=folder)
        if self.flaw:
            return flawed
        return replace(flawed, state=self.state, error=self.error, traceback=self.traceback)

    def epoch(self, line: dict[str, Any]) -> None:
        """The next epoch, or one of those before once more: then it must be the same."""
        number, due = line["epoch"], len(self.epochs)
        if number == due:
            self.epochs.append(line)
        elif not 0 <= number < due:
            self.flaw = self.flaw or f"epoch {due} is missing: its line is lost"
        elif _lasting(line) != _lasting(self.epochs[number]):
            self.flaw = self.flaw or f"epoch {number} stands twice, with different numbers: two processes wrote it"

    def done(self, keep: bool) -> None:
        """The end: every epoch must have been there."""
        if (due := len(self.epochs)) <= self.begun.experiment["epochs"]:
            self.flaw = self.flaw or f"epoch {due} is missing: its line is lost"
        self.state, self.error = "done", ""
        if not (keep or self.flaw):
            self.epochs.clear()


@dataclass
class _Found:
    """The runs so far by what they are, which of them each key was last started as, environments, and the version."""

    courses: dict[str, _Course] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    environments: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    schema: int = 1


def _take(line: dict[str, Any], seal: bool, found: _Found, keep: bool) -> None:
    """Enter one line into the runs so far."""
    kind = check(line)
    if kind == "environment":
        found.environments[line["id"]], found.schema = line, schema(line)
    if found.schema > 1 and not seal:
        raise ValueError("it lacks its checksum, so it is not what was written: delete it")
    if kind == "start":
        run = _started(line, found.environments)
        found.last[run.key] = _identity(run)
        found.courses[_identity(run)] = _Course(run)
    elif kind != "environment":
        course = found.courses.get(found.last.get(line["key"], ""))
        if course is None or course.begun.key != line["key"]:
            raise ValueError(f"no start before it has the key {line['key']!r}: delete the lines of this key")
        if course.state != "done":  # what another process may have written after the end changes nothing
            _continued(line, course, keep)


def _started(line: dict[str, Any], environments: dict[str, Mapping[str, Any]]) -> Run:
    experiment, environment = line["experiment"], line["environment"]
    if environment not in environments:
        raise ValueError(f"no line before it describes the environment {environment!r}")
    known = environments[environment]
    data, tuning = line.get("data") or known.get("data") or "", line.get("tuning") or {}
    if not isinstance(tuning, dict) or (unknown := set(tuning) - set(experiment)):
        wrong = ", ".join(unknown) if isinstance(tuning, dict) else repr(tuning)
        raise ValueError(f"the experiment {line['key']!r} was tuned on {wrong}, which it does not have")
    return Run(line["key"], ADDED | experiment, known, str(data), tuning, remark=str(line.get("remark") or ""))


def _continued(line: dict[str, Any], course: _Course, keep: bool) -> None:
    match line["kind"]:
        case "epoch":
            course.epoch(line)
        case "failed":
            course.state, course.error = "failed", line["error"]
            course.traceback = str(line.get("traceback") or "")
        case "done":
            course.done(keep)


def _identity(run: Run) -> str:
    """An untuned run is its key; a tuned one its rule, seed and setting, so that no seed stands twice in a row."""
    return json.dumps([run.rule, run.seed, run.setting], sort_keys=True) if run.tuning else run.key


def _lasting(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in VARYING}
