"""One sitting of ``spikefa tune`` at the terminal: from a study file to the trials, the table and ``tuned.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from spikefa.asked import DEFAULTS, PLACES, path_of
from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.machine import count, usable, use_threads
from spikefa.search import tuned
from spikefa.search.trials import Plan, best, ended, search
from spikefa.sitting import console
from spikefa.study import read_study

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def sit(path: Path, budget: Any, out: Path, seed: Any, place: Mapping[str, Any], command: str) -> int:
    """Search for the settings of every rule of a study.

    Args:
        path: the study file.
        budget: trials of each rule; ``seed``: of the trials.
        out: where the database and ``tuned.toml`` go.
        place: ``data``, ``device``, ``threads`` and ``epochs`` where these are given, else None.
        command: what the user typed.

    Returns:
        The exit status: 0, or 1 if no trial of some rule ended well.

    Raises:
        ValueError: an option that cannot be; nothing has been trained then.
    """
    study = read_study(path, {*Experiment.model_fields, *PLACES})
    given = {name: value for name, value in place.items() if value is not None}
    asked: dict[str, Any] = {**{name: PLACES[name] for name in ("data", "device", "threads")}, **study, **given}
    use_threads(asked["threads"])
    plan = _plan(DEFAULTS | study, budget, seed, given.get("epochs"))
    data = load(plan.first(plan.rules[0]).dataset, None if asked["data"] is None else path_of("data", asked["data"]))
    _announce(plan)
    for rule, trial in search(plan, data, out, usable(asked["device"])):
        console.print(f"{rule}, trial {trial.number + 1} of {budget}: {_outcome(trial)}", markup=False, soft_wrap=True)
    trials = ended(plan, out)
    console.print(_table(plan, trials))
    lost = [rule for rule, tried in trials.items() if best(tried) is None]
    for rule in lost:
        why = trials[rule][-1].user_attrs.get("error", "")
        console.print(f"left out: {rule}: all trials failed, the last with {why}", style="red", markup=False)
    if len(lost) < len(trials):
        written = tuned.write(plan, DEFAULTS | study, trials, out, command)
        console.print(f"to compare: spikefa compare {written}", soft_wrap=True)
    return 1 if lost else 0


def _plan(study: Mapping[str, Any], budget: Any, seed: Any, epochs: Any) -> Plan:
    """What the study asks for, in one setting, with a seed of the trials that is none of its own."""
    fields = {name: value for name, value in study.items() if name in Experiment.model_fields}
    rules, seeds = (_listed(fields.pop(name)) for name in ("rule", "seed"))
    fields = {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in fields.items()
    }
    if not rules or not all(isinstance(rule, str) for rule in rules):
        raise ValueError("rule must be one name or several, such as ['bp', 'fa']: tuning writes their tables itself")
    for name, value in fields.items():
        if isinstance(value, list):
            raise ValueError(f"{name} has {'several values' if value else 'no value'}, {value!r}: {_way_out(name)}")
    fields |= {} if epochs is None else {"epochs": count("epochs", epochs)}
    if str(seed) in map(str, seeds):
        raise ValueError(f"the trials' seed {seed} is one of the study's, {seeds!r}: choose another --seed")
    for each in seeds:
        Experiment(seed=each)  # which refuses what is no seed
    return Plan(fields, tuple(dict.fromkeys(rules)), count("budget", budget), Experiment(seed=seed).seed)


def _way_out(name: str) -> str:
    if name == "lr":
        return "give it one, at which every rule's search begins, or leave it out"
    return "tune one setting at a time, and give it one value"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _announce(plan: Plan) -> None:
    console.print(f"{plan.budget} trials for each of {len(plan.rules)} rules, seed {plan.seed}")
    for rule in plan.rules:
        found = ", ".join(f"{name} {values}" for name, values in plan.space(rule).items())
        console.print(f"  {rule}: {found}", markup=False, soft_wrap=True)


def _outcome(trial: FrozenTrial) -> str:
    chosen = ", ".join(f"{name}={value:g}" for name, value in trial.params.items())
    if "error" in trial.user_attrs:
        return f"{chosen}  failed: {trial.user_attrs['error']}"
    return f"{chosen}  validation {100 * float(trial.value or 0):.1f} %"


def _table(plan: Plan, trials: Mapping[str, list[FrozenTrial]]) -> Table:
    table = Table(title="the best trial of each rule", box=None)
    for column in ("rule", "trials", "failed", "validation accuracy %", "chosen"):
        table.add_column(column, overflow="fold")
    for rule, tried in trials.items():
        failed = sum("error" in trial.user_attrs for trial in tried)
        found = best(tried)
        score = "–" if found is None else f"{100 * float(found.value or 0):.1f}"
        chosen = "" if found is None else ", ".join(f"{name}={value:g}" for name, value in found.params.items())
        table.add_row(rule, str(len(tried)), str(failed), score, chosen)
    return table
