"""What a comparison wrote: the lines of `runs.jsonl`, read into runs.

`comparison` appends one JSON object a line: an environment, the start of a run, its epochs, its end (done or failed).
A run may be written more than once (a killed one is trained again); its last start counts, with everything after it.
One experiment may stand in it both untuned and tuned: these are two runs of one key. Of a rule that chose anew in the
same setting, from the same candidates, its last choice counts for each seed.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

FILE = "runs.jsonl"
FIELDS: dict[str, tuple[str, ...]] = {
    "environment": ("id",),
    "start": ("key", "environment", "experiment"),
    "epoch": ("key", "epoch", "accuracy"),
    "done": ("key",),
    "failed": ("key", "error"),
}
"""What a line of each kind must hold. Fields beyond these are ignored."""

ADDED: dict[str, Any] = {"credit": "bptt", "precision": "float32", "optimizer": "adamw"}
"""Fields of experiments that came after files had been written, each with the value that all runs had before."""


class TornLine(ValueError):
    """The last line is not whole: the process was killed while it wrote. `mend` drops it."""


@dataclass(frozen=True)
class Run:
    """One experiment as it went: what was asked, what every epoch gave, and how it ended.

    Args:
        key: the short hash of the experiment's fields.
        experiment: the fields themselves, `rule` and `seed` among them.
        environment: versions, device and command of the process that trained it.
        data: the data set and its split, in words.
        tuning: the fields whose values were chosen for this rule, and how, in words; empty where none were.
        epochs: one object an epoch; the first is the state before training.
        state: "done", "failed", or "incomplete" if neither was written (killed, or still running).
        error: why it failed, else empty; ``traceback``: where.
        remark: what the rule's own tuning lacked, such as 1 of 2 trials failed; empty if nothing.
        folder: where the file lies that it was read from, and its representations with it.

    Example:
        >>> Run("3f", {"rule": "fa", "seed": 0, "lr": 0.1}, {}).setting
        {'lr': 0.1}
    """

    key: str
    experiment: Mapping[str, Any]
    environment: Mapping[str, Any]
    data: str = ""
    tuning: Mapping[str, str] = field(default_factory=dict)
    epochs: tuple[Mapping[str, Any], ...] = ()
    state: Literal["done", "failed", "incomplete"] = "incomplete"
    error: str = ""
    traceback: str = ""
    remark: str = ""
    folder: Path | None = field(default=None, compare=False)

    @property
    def rule(self) -> str:
        """The feedback rule, as it was named: `fbp:period=100`."""
        return str(self.experiment["rule"])

    @property
    def seed(self) -> int:
        """The seed of the start and of the batches; all rules of a seed share both."""
        return int(self.experiment["seed"])

    @property
    def setting(self) -> dict[str, Any]:
        """Every other field: runs of one setting differ only in rule, seed and what each rule chose for itself.

        What it could choose from is part of the setting, as `tuning`, in words.
        """
        own = {"rule", "seed", *self.tuning}
        common = {name: value for name, value in self.experiment.items() if name not in own}
        return common | ({"tuning": "; ".join(dict.fromkeys(self.tuning.values()))} if self.tuning else {})

    @property
    def tuned(self) -> dict[str, Any]:
        """The fields that were chosen for this rule on validation data, with their values."""
        return {name: self.experiment[name] for name in self.tuning}


def read(path: Path) -> tuple[Run, ...]:
    """All runs of a file, in the order in which each first started.

    Args:
        path: `runs.jsonl`, or the folder it lies in.

    Raises:
        FileNotFoundError: there is no such file.
        TornLine: the last line is not whole.
        ValueError: any other line is not one of ours; the message holds its number.

    Example:
        >>> read(Path("nowhere"))
        Traceback (most recent call last):
        FileNotFoundError: no nowhere/runs.jsonl: give the folder that `spikefa compare --out FOLDER` wrote
    """
    file = _file(path)
    found = _Found()
    lines, torn = _lines(file)
    if torn:
        raise TornLine(
            f"{file}, line {len(lines) + 1}: the last line is torn, the process was killed while it wrote. "
            "Run the same `spikefa compare` again: it drops the torn line and retrains that run; or `spikefa report "
            "RUNS --mend`"
        )
    for number, line in enumerate(lines, start=1):
        try:
            _take(line, found)
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from error
    return tuple(replace(run, folder=file.parent) for run in found.runs.values())


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
    file = _file(path)
    _, torn = _lines(file)
    if torn:
        os.truncate(file, file.stat().st_size - torn)
    return torn


def _file(path: Path) -> Path:
    file = path if path.suffix == ".jsonl" else path / FILE
    if not file.is_file():
        raise FileNotFoundError(f"no {file}: give the folder that `spikefa compare --out FOLDER` wrote")
    return file


def _lines(file: Path) -> tuple[list[dict[str, Any]], int]:
    """The whole lines, decoded, and the size in bytes of a torn last one."""
    raw = file.read_bytes().splitlines(keepends=True)
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(raw, start=1):
        line = _decoded(text)
        if line is not None:
            lines.append(line)
        elif number == len(raw):
            return lines, len(text)
        else:
            raise ValueError(f"{file}, line {number}: not a JSON object, {text[:60]!r}: mend it by hand or delete it")
    return lines, 0


def _decoded(text: bytes) -> dict[str, Any] | None:
    """A line without its newline counts as torn even where it decodes: the next one would be glued to it."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and text.endswith(b"\n") else None


@dataclass
class _Found:
    """The runs so far by what they are, the environments, and which run each key was last started as."""

    runs: dict[str, Run] = field(default_factory=dict)
    environments: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)


def _identity(run: Run) -> str:
    """An untuned run is its key; a tuned one its rule, seed and setting, so that no seed stands twice in a row."""
    return json.dumps([run.rule, run.seed, run.setting], sort_keys=True) if run.tuning else run.key


def _take(line: dict[str, Any], found: _Found) -> None:
    """Enter one line into the runs so far."""
    kind = line.get("kind")
    if kind not in FIELDS:
        raise ValueError(f"unknown kind {kind!r}, known are {', '.join(FIELDS)}: was it written by a newer spikefa?")
    if missing := [name for name in FIELDS[kind] if name not in line]:
        raise ValueError(f"a line of kind {kind!r} lacks {', '.join(missing)}")
    match kind:
        case "environment":
            found.environments[line["id"]] = line
        case "start":
            run = _started(line, found.environments)
            found.last[run.key] = _identity(run)
            found.runs[_identity(run)] = run
        case _:
            at = found.last.get(line["key"], "")
            found.runs[at] = _continued(line, found.runs.get(at))


def _started(line: dict[str, Any], environments: dict[str, Mapping[str, Any]]) -> Run:
    experiment, environment = line["experiment"], line["environment"]
    if not {"rule", "seed"} <= set(experiment):
        raise ValueError(f"the experiment {line['key']!r} lacks its rule or its seed")
    if environment not in environments:
        raise ValueError(f"no line before it describes the environment {environment!r}")
    known = environments[environment]
    data, tuning = line.get("data") or known.get("data") or "", line.get("tuning") or {}
    if unknown := set(tuning) - set(experiment):
        raise ValueError(f"the experiment {line['key']!r} was tuned on {', '.join(unknown)}, which it does not have")
    return Run(line["key"], ADDED | experiment, known, data, tuning, remark=str(line.get("remark") or ""))


def _continued(line: dict[str, Any], run: Run | None) -> Run:
    if run is None or run.key != line["key"]:
        raise ValueError(f"no start before it has the key {line['key']!r}")
    match line["kind"]:
        case "epoch":
            return replace(run, epochs=(*run.epochs, line))
        case "failed":
            return replace(run, state="failed", error=str(line["error"]), traceback=str(line.get("traceback") or ""))
        case _:
            return replace(run, state="done")
