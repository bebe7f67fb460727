"""What a study measured: one JSON line for each case and seed, and how claims and figures read them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikefa.journal import TornLine, opened
from spikefa.journal import append as append_line

DIGITS = 6
"""Significant digits that are kept of a measured number, so that files stay small."""


KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("case", "environment", "error"), str),
    **dict.fromkeys(("parameters", "values"), dict),
    "seed": int,
    "seconds": (int, float),
}
"""The types of a row's fields as they are read."""


@dataclass(frozen=True)
class Row:
    """One case, measured with one seed.

    Args:
        case: its name; ``parameters``: what it was measured with; ``seed``.
        values: what was measured: numbers, lists of numbers, or dicts of these; empty if it failed.
        seconds: how long that took.
        environment: the id of the line that describes it.
        error: why it failed, else empty.
    """

    case: str
    parameters: Mapping[str, Any]
    seed: int
    values: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    environment: str = ""
    error: str = ""


@dataclass(frozen=True)
class Results:
    """The rows of a study at one size, by case and seed.

    Args:
        rows: of these, one that failed counts as nan, so that no claim holds by what it leaves out.

    Example:
        >>> results = Results([Row("linear", {"p": 200}, seed, {"cosine": 0.2 + seed}) for seed in (0, 1)])
        >>> results.values("linear", "cosine"), results.values("relu", "cosine")
        ([0.2, 1.2], [])
    """

    rows: Sequence[Row]

    def of(self, case: str) -> list[Row]:
        """The rows of a case that did not fail, by seed; none if it was not measured."""
        return [row for row in self._all(case) if not row.error]

    def _all(self, case: str) -> list[Row]:
        return sorted((row for row in self.rows if row.case == case), key=lambda row: row.seed)

    def tried(self, case: str) -> bool:
        """Whether a case was measured, if only in vain."""
        return bool(self._all(case))

    def by_seed(self, case: str, number: Callable[[Row], float]) -> dict[int, float]:
        """What ``number`` makes of the row of each seed; nan where it failed. What claims are made of.

        Example:
            >>> results = Results([Row("c", {}, 0, {"x": 2.0}), Row("c", {}, 1, error="Diverged")])
            >>> results.by_seed("c", lambda row: row.values["x"] ** 2)
            {0: 4.0, 1: nan}
        """
        return {row.seed: math.nan if row.error else float(number(row)) for row in self._all(case)}

    def each(self, case: str, number: Callable[[Row], float]) -> list[float]:
        """The same as a list."""
        return list(self.by_seed(case, number).values())

    def values(self, case: str, *way: str) -> list[float]:
        """One number of each seed of a case; ``way`` is where it lies, ``"layers", "fc2", "cosine"``."""
        return self.each(case, lambda row: at(row, *way))

    def array(self, case: str, *way: str) -> NDArray[np.float64]:
        """Lists of numbers of the seeds that did not fail, ``[seeds, ...]``, for figures; ``[0]`` if there is none."""
        return np.array([at(row, *way) for row in self.of(case)], dtype=np.float64)

    def differences(self, case: str, other: str, *way: str) -> list[float]:
        """A number of a case minus that of another, of each seed that both have."""
        one, theirs = (self.by_seed(name, lambda row: at(row, *way)) for name in (case, other))
        return minus(one, theirs)


def minus(one: Mapping[int, float], other: Mapping[int, float]) -> list[float]:
    """Differences of numbers by seed, of each seed that both have.

    Example:
        >>> minus({0: 1.0, 1: 5.0}, {1: 2.0, 2: 7.0})
        [3.0]
    """
    return [value - other[seed] for seed, value in one.items() if seed in other]


def at(row: Row, *way: str) -> Any:
    """What lies there in a row; nan for a number that was not finite.

    Raises:
        ValueError: nothing does.

    Example:
        >>> at(Row("linear", {}, 0, {"layers": {"fc1": 0.5}}), "layers", "fc1")
        0.5
    """
    values: Any = row.values
    for name in way:
        if not isinstance(values, Mapping) or name not in values:
            raise ValueError(
                f"the row of {row.case!r}, seed {row.seed}, has no {'.'.join(way)}: another version measured it, "
                f"delete its line, so that it is measured again"
            )
        values = values[name]
    return math.nan if values is None else values


def read(path: Path) -> list[Row]:
    """The rows of a file, the last one of each case and seed; none if there is no file.

    Raises:
        ValueError: a line is not one of ours; a torn last line is left out, for it is measured again.

    Example:
        >>> read(Path("nowhere.jsonl"))
        []
    """
    found: dict[tuple[str, int], Row] = {}
    with suppress(TornLine):
        for number, line, _ in opened(path) if path.exists() else ():
            try:
                if line.pop("kind") == "row":
                    row = _checked(Row(**line))
                    found[row.case, row.seed] = row
            except (ValueError, TypeError, KeyError) as error:
                said = f"{path}, line {number} is no row of a study ({error})"
                raise ValueError(f"{said}: delete it, or the file") from error
    return list(found.values())


def _checked(row: Row) -> Row:
    """The row, if its fields are of the types that they must be."""
    for name, kinds in KINDS.items():
        if not isinstance(value := getattr(row, name), kinds) or isinstance(value, bool):
            raise ValueError(f"{name}={value!r:.60}")
    return row


def append(path: Path, row: Row | Mapping[str, Any]) -> None:
    """Add a row, or an environment, on a line of its own, after whatever a killed process may have left."""
    line = {"kind": "row", **asdict(row)} if isinstance(row, Row) else {"kind": "environment", **row}
    text = json.dumps(plain(line), ensure_ascii=False, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop_torn(path)
    append_line(path, text.encode())


def _drop_torn(path: Path) -> None:
    """Cut off a last line without its end."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        if file.read() != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def plain(value: Any) -> Any:
    """The same as it is kept in JSON: arrays as lists, numbers rounded, null where they are not finite.

    Example:
        >>> plain({"third": 1 / 3, "all": (1, float("inf"))})
        {'third': 0.333333, 'all': [1, None]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
