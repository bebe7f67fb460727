"""Settings of a rule's own in a study file: ``[[rule]]`` tables, as ``spikefa tune`` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spikefa.comparison import grid
from spikefa.experiment import Experiment
from spikefa.names import nearest
from spikefa.tuning import TUNABLE

SAID = "name", "remark"
"""What a table holds beside fields of the experiment: the rule's name, and what its tuning lacked."""


@dataclass(frozen=True)
class Settled:
    """The experiments of a study whose rules may have settings of their own.

    Args:
        experiments: the rules of a seed side by side.
        tuning: the fields that rules have of their own, and how they were chosen.
        remarks: what the tuning of some experiments lacked, by their keys.
    """

    experiments: tuple[Experiment, ...]
    tuning: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


def settled(options: Mapping[str, Any], how: str = "") -> Settled:
    """The grid of ``options``, in which a rule may be a table: ``{name = "fa", lr = 0.01}``, or a name as ever.

    Fields that are a rule's own are not compared: they count as chosen for it, and all rules stand in one table.

    Args:
        options: as :func:`~spikefa.comparison.grid` takes them.
        how: how the rules' own settings were chosen, in words.

    Raises:
        ValueError: a table without a name, with what is no field to choose, or with several values.

    Example:
        >>> found = settled({"rule": ["bp", {"name": "fa", "lr": 0.01}], "seed": [0, 1]}, "lr by hand")
        >>> [(e.seed, e.rule, e.lr) for e in found.experiments], found.tuning
        ([(0, 'bp', 0.001), (0, 'fa', 0.01), (1, 'bp', 0.001), (1, 'fa', 0.01)], {'lr': 'lr by hand'})
    """
    rules = options.get("rule")
    if not isinstance(rules, list | tuple) or not any(isinstance(rule, Mapping) for rule in rules):
        if how:
            raise ValueError("tuned says how [[rule]] tables were chosen, and there is none: leave it out")
        return Settled(grid(options))
    tables = [_checked(rule) if isinstance(rule, Mapping) else {"name": rule} for rule in rules]
    fields = dict.fromkeys(name for table in tables for name in table if name not in SAID)
    if varied := [name for name in fields if isinstance(options.get(name), list | tuple)]:
        raise ValueError(f"{varied[0]} has several values, and rules have their own: give {varied[0]} one value")
    columns = [grid({**options, **_fields(table), "rule": table["name"]}) for table in tables]
    if len({column[0].rule for column in columns}) < len(columns):
        raise ValueError("a rule has two tables: give each rule one, and compare settings by lists of values")
    remarks = {e.key: t["remark"] for t, column in zip(tables, columns, strict=True) for e in column if "remark" in t}
    experiments = tuple(experiment for row in zip(*columns, strict=True) for experiment in row)
    return Settled(experiments, dict.fromkeys(fields, how or "as the study file says"), remarks)


def _fields(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name not in SAID}


def _checked(table: Mapping[str, Any]) -> Mapping[str, Any]:
    known = [*SAID, *TUNABLE]
    for name, value in table.items():
        if name not in known:
            raise ValueError(f"a [[rule]] table sets {name!r}{nearest(name, known)}: it may have {', '.join(known)}")
        if isinstance(value, list | dict):
            raise ValueError(f"a [[rule]] table gives {name} several values, {value!r}: give one")
    if not isinstance(table.get("name"), str):
        raise ValueError(f"a [[rule]] table has no name: write name = 'fa' beside {dict(table)!r}")
    return table
