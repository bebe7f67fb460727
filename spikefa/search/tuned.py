"""What a search found, written as a study file that ``spikefa compare`` runs as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikefa import journal
from spikefa.search.space import LR, named_with
from spikefa.search.trials import DATABASE, Plan, best

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

TUNED = "tuned.toml"


def write(
    plan: Plan, study: Mapping[str, Any], trials: Mapping[str, list[FrozenTrial]], folder: Path, told: str
) -> Path:
    """Write the study with each rule's settings of its best trial; a rule none of whose trials ended well is left out.

    Args:
        plan: what was searched.
        study: the study as it was, with its seeds.
        trials: of each rule, all that have ended.
        folder: where ``tuned.toml`` goes.
        told: the command that searched.
    """
    path = folder / TUNED
    kept = {name: value for name, value in study.items() if name not in ("rule", "lr")}
    lines = [
        f"# Written by: {told}",
        f"# For each rule the settings of the best validation accuracy: {how(plan)}.",
        f"# No test image was looked at. Every trial is in {DATABASE}. To compare: spikefa compare {path}",
        *(f"{name} = {_toml(value)}" for name, value in kept.items()),
        f"tuned = {_toml(how(plan))}",
    ]
    lines += [line for rule, tried in trials.items() for line in _table(rule, tried)]
    journal.write(path, ("\n".join(lines) + "\n").encode())
    return path


def how(plan: Plan) -> str:
    """What was chosen from what and how, the same words for every rule.

    Example:
        >>> how(Plan({"epochs": 5}, ("fa",), budget=20))
        "lr of 0.0001 … 0.1 and each rule's own options by validation accuracy, 20 trials of 5 epochs a rule, seed 100"
    """
    epochs = plan.first(plan.rules[0]).epochs
    length = f"{epochs} epoch" + "s" * (epochs > 1)
    return (
        f"lr of {LR} and each rule's own options by validation accuracy, {plan.budget} trials of {length} a rule, "
        f"seed {plan.seed}"
    )


def lacking(trials: list[FrozenTrial]) -> str:
    """How many trials failed, in words; empty if none."""
    failed = sum("error" in trial.user_attrs for trial in trials)
    return f"{failed} of {len(trials)} trials failed" if failed else ""


def _table(rule: str, trials: list[FrozenTrial]) -> list[str]:
    if (found := best(trials)) is None:
        return ["", f"# {rule} is left out: {lacking(trials)}"]
    name, fields = named_with(rule, found.params)
    reached = (
        f"# validation accuracy {100 * float(found.value or 0):.1f} %, in trial {found.number + 1} of {len(trials)}"
    )
    table = {"name": name, **fields} | ({"remark": lacking(trials)} if lacking(trials) else {})
    return ["", "[[rule]]", reached, *(f"{key} = {_toml(value)}" for key, value in table.items())]


def _toml(value: Any) -> str:
    """A value of a study file: text, number, truth, or a list of these, which TOML writes as JSON does."""
    return json.dumps(value, ensure_ascii=False)
