"""Which runs may be compared: those of one setting, which differ only in rule and seed."""

from collections.abc import Iterable, Mapping
from typing import Any

from spikefa.runs import Run

NAMED = ("dataset", "network")
"""Fields whose values speak for themselves."""


def by_setting(runs: Iterable[Run]) -> dict[str, tuple[Run, ...]]:
    """The runs of every setting, under a label that tells the settings apart.

    Data set and network are always named, other fields only where settings differ in them; how they were tuned, too.

    Example:
        >>> experiment = {"rule": "fa", "seed": 0, "dataset": "digits"}
        >>> list(by_setting(Run(f"{lr}", experiment | {"lr": lr}, {}) for lr in (0.1, 1.0)))
        ['digits, lr=0.1', 'digits, lr=1.0']
    """
    listed = list(runs)
    telling = [name for name in varying(run.setting for run in listed) if name not in NAMED]
    groups: dict[str, list[Run]] = {}
    for run in listed:
        groups.setdefault(_label(run.setting, telling), []).append(run)
    return {label: tuple(group) for label, group in groups.items()}


def varying(settings: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The fields in which settings differ, each with its values in the order of appearance.

    Example:
        >>> varying([{"lr": 0.1, "steps": 25}, {"lr": 1.0, "steps": 25}])
        {'lr': [0.1, 1.0]}
    """
    listed = list(settings)
    names = dict.fromkeys(name for setting in listed for name in setting)
    values = {name: _distinct(setting.get(name) for setting in listed) for name in names}
    return {name: found for name, found in values.items() if len(found) > 1}


def choice(runs: Iterable[Run]) -> dict[str, str]:
    """What a rule chose for itself in one setting, with what its tuning lacked, and how; empty where nothing was tuned.

    Example:
        >>> choice([Run("3f", {"rule": "fa", "seed": 0, "lr": 0.1}, {}, tuning={"lr": "lr of 0.1, 0.2"})])
        {'tuned': 'lr=0.1', 'tuning': 'lr of 0.1, 0.2'}
    """
    listed = list(runs)
    tuned = dict.fromkeys(_chosen(run) for run in listed)
    return {"tuned": " or ".join(tuned), "tuning": next((how for run in listed for how in run.tuning.values()), "")}


def finished(runs: Iterable[Run]) -> list[Run]:
    """The runs that ended well.

    Example:
        >>> finished([Run("3f", {"rule": "fa", "seed": 0}, {}, state="failed")])
        []
    """
    return [run for run in runs if run.state == "done"]


def _chosen(run: Run) -> str:
    values = ", ".join(f"{name}={value}" for name, value in run.tuned.items())
    return f"{values} ({run.remark})" if run.remark else values


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []  # no set: a value may be a list
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _label(setting: Mapping[str, Any], telling: Iterable[str]) -> str:
    named = [str(setting[name]) for name in NAMED if name in setting]
    told = [_told(name, setting[name]) for name in telling if name in setting]
    return ", ".join([*named, *told]) or "all runs"


def _told(name: str, value: Any) -> str:
    return f"tuned {value}" if name == "tuning" else f"{name}={value}"
