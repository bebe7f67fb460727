"""What a line of `runs.jsonl` must hold, and the versions of that: older ones are migrated, newer ones are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCHEMA = 2
"""The version that is written; another one wherever a line comes to mean something that this reader would misread.

1 had no number and no checksums, and its data note could stand in the environment.
"""

FIELDS: dict[str, dict[str, type]] = {
    "environment": {"id": str},
    "start": {"key": str, "environment": str, "experiment": dict},
    "epoch": {"key": str, "epoch": int, "accuracy": dict},
    "done": {"key": str},
    "failed": {"key": str, "error": str},
}
"""What a line of each kind must hold. Fields beyond these are ignored."""

EXPERIMENT: dict[str, type] = {"rule": str, "seed": int, "epochs": int}
"""What an experiment must hold."""

ADDED: dict[str, Any] = {"credit": "bptt", "precision": "float32", "optimizer": "adamw"}
"""Fields of experiments that came after files had been written, each with the value that all runs had before."""

SPLITS = ("validation", "test")
"""Of which an epoch must give the accuracy: to choose by, and to report."""

WORDS: dict[type, str] = {str: "text", int: "a whole number", float: "a number", dict: "an object"}


def check(line: Mapping[str, Any]) -> str:
    """The kind of a line that holds what it must.

    Raises:
        ValueError: an unknown kind, a field that is missing or of another type, an accuracy that is none.

    Example:
        >>> check({"kind": "done", "key": "3f"})
        'done'
    """
    kind = line.get("kind")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise ValueError(f"unknown kind {kind!r}, known are {', '.join(FIELDS)}: was it written by a newer spikefa?")
    _hold(line, FIELDS[kind], f"a line of kind {kind!r}")
    if kind == "start":
        _hold(line["experiment"], EXPERIMENT, f"the experiment {line['key']!r}")
    if kind == "epoch":
        _hold(line["accuracy"], dict.fromkeys(SPLITS, float), "the accuracy")
        for split, value in line["accuracy"].items():
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"accuracy {split}={value!r}: it must lie between 0 and 1")
    return kind


def schema(environment: Mapping[str, Any]) -> int:
    """The version of the lines that follow an environment, 1 if it names none.

    Raises:
        ValueError: a version that this spikefa does not know.

    Example:
        >>> schema({"kind": "environment", "id": "e1"})
        1
    """
    found = environment.get("schema", 1)
    if not _is(found, int) or found < 1:
        raise ValueError(f"schema={found!r} is no version of this file: they are whole numbers, from 1 to {SCHEMA}")
    if found > SCHEMA:
        versions = environment.get("versions")
        by = versions.get("spikefa") if isinstance(versions, Mapping) else None
        raise ValueError(
            f"written in version {found} of this format by spikefa {by or 'of a later version'}, but this one reads "
            f"versions 1 to {SCHEMA}: upgrade spikefa, or choose another folder"
        )
    return int(found)


def _hold(fields: Mapping[str, Any], wanted: Mapping[str, type], what: str) -> None:
    if missing := [name for name in wanted if name not in fields]:
        raise ValueError(f"{what} lacks {', '.join(missing)}")
    for name, kind in wanted.items():
        if not _is(fields[name], kind):
            raise ValueError(f"{what} has {name}={fields[name]!r:.60}, which is not {WORDS[kind]}")


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
