"""Everything that a comparison recorded, as a pandas DataFrame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikefa.runs import Run, read

if TYPE_CHECKING:
    from pandas import DataFrame


def results(path: str | Path) -> DataFrame:
    """The records of a comparison, tidy: a row for each epoch of each run, its settings beside what was measured.

    | columns | what |
    | --- | --- |
    | `key`, `state`, `error` | which run; "done", "failed" or "incomplete"; why it failed |
    | `rule`, `seed`, `dataset`, `lr`, ... | the experiment's fields |
    | `tuning`, `data`, `device`, `time` | how it was tuned; the data and their split; where and when it was trained |
    | `epoch`, `loss`, `accuracy.test`, `alignment.fc2.cosine`, ... | what the epoch gave, with a dot for each level |

    What was not measured is nan. A run that ended before its first record has one row, without an epoch.

    Args:
        path: the folder that ``spikefa compare --out FOLDER`` wrote, or its ``runs.jsonl``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not one of ours; the message holds the line.

    Example:
        >>> import tempfile
        >>> from spikefa.comparison import compare, grid
        >>> tiny = grid({"rule": ["bp", "fa"], "epochs": 1, "steps": 2, "network": "mlp:width=8,depth=1"})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     trained = list(compare(tiny, Path(folder)))
        ...     frame = results(folder)
        >>> frame[["rule", "epoch", "alignment.out.sign_agreement"]].shape, "accuracy.test" in frame
        ((4, 3), True)
    """
    import pandas

    runs = read(Path(path))
    frame = pandas.DataFrame([_described(run) | row for run in runs for row in _rows(run)])
    return frame.astype({"epoch": "Int64"}) if runs else pandas.DataFrame(columns=["key", "state", "epoch"])


def flat(epoch: Mapping[str, Any], prefix: str = "", joint: str = ".") -> dict[str, Any]:
    """An epoch's record without levels: names joined, by dots unless told otherwise; null as nan.

    Example:
        >>> flat({"epoch": 1, "loss": None, "accuracy": {"test": 0.5}})
        {'epoch': 1, 'loss': nan, 'accuracy.test': 0.5}
    """
    found: dict[str, Any] = {}
    for name, value in epoch.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}{joint}", joint)
        else:
            found[prefix + name] = math.nan if value is None else value
    return found


def _rows(run: Run) -> Iterator[dict[str, Any]]:
    for epoch in run.epochs or ({"epoch": None},):
        row = {name: value for name, value in epoch.items() if name not in ("kind", "key")}
        yield flat(row) if run.epochs else row


def _described(run: Run) -> dict[str, Any]:
    where = {name: run.environment.get(name) for name in ("device", "time")}
    tuning = run.setting.get("tuning", "") if run.tuning else ""
    known = {"key": run.key, "state": run.state, "error": run.error}
    return known | dict(run.experiment) | {"tuning": tuning, "data": run.data, **where}
