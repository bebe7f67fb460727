"""A small tuning budget, the same for every rule: a trial for each value, the best on validation data is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spikefa.comparison import grid
from spikefa.experiment import Experiment
from spikefa.names import nearest
from spikefa.runs import Run
from spikefa.summary import best_epoch

Tried = tuple[Experiment, Run | None]

TUNABLE = ("lr", "weight_decay", "batch_size")
"""How the optimiser is driven. All else defines the task (data set, network, encoding, read-out, steps) or the method:
a remedy makes another algorithm of a rule, so its values are compared in tables of their own, never chosen silently."""


@dataclass(frozen=True)
class Tuning:
    """Which fields each rule chooses for itself, and what it may spend on it.

    Every combination of the values that these fields are given is tried once, by each rule in each setting. Only
    validation accuracy is looked at, and the tuning seed should not be among those of the comparison.

    Args:
        fields: some of ``lr``, ``weight_decay``, ``batch_size``; the task and the rule are not a rule's to choose.
        seed: of the trials; ``epochs``: length of each.

    Raises:
        ValueError: a field that cannot be tuned.

    Example:
        >>> tuning = Tuning(("lr",), seed=100, epochs=1)
        >>> [(trial.lr, trial.seed) for trial in tuning.trials({"rule": "fa", "lr": [0.1, 0.01], "seed": [0, 1, 2]})]
        [(0.1, 100), (0.01, 100)]
    """

    fields: tuple[str, ...]
    seed: int = 100
    epochs: int = 1

    def __post_init__(self) -> None:
        for name in self.fields:
            if name not in TUNABLE:
                there = ", ".join(TUNABLE)
                raise ValueError(f"tune={name!r} is nothing to tune{nearest(str(name), TUNABLE)}: there are {there}")

    def trials(self, options: Mapping[str, Any]) -> tuple[Experiment, ...]:
        """What is tried: the grid of ``options`` with the trials' seed and length."""
        self._check(options)
        return grid({**options, "seed": self.seed, "epochs": self.epochs})

    def chosen(self, options: Mapping[str, Any], runs: Iterable[Run]) -> tuple[Experiment, ...]:
        """The grid of ``options`` with each rule's best values, from the trials' runs.

        The trial of the highest validation accuracy counts, the earliest if tied. A rule is left out where none of its
        trials ended well: see `lost`.
        """
        best = {case: _best(tried) for case, tried in self._cases(options, runs).items()}
        pairs = ((experiment, best[self._case(experiment)]) for experiment in grid(options))
        return tuple(dict.fromkeys(self._with(experiment, trial) for experiment, trial in pairs if trial is not None))

    def remarks(self, options: Mapping[str, Any], runs: Iterable[Run]) -> dict[str, str]:
        """How many trials of a rule failed, if any did, by the keys of what it chose."""
        listed = list(runs)
        cases = self._cases(options, listed)
        lacking = {case: _lacking(tried) for case, tried in cases.items()}
        chosen = ((experiment.key, lacking[self._case(experiment)]) for experiment in self.chosen(options, listed))
        return {key: said for key, said in chosen if said}

    def lost(self, options: Mapping[str, Any], runs: Iterable[Run]) -> dict[str, str]:
        """The rules none of whose trials ended well, named with their setting if there are several, and the way out."""
        apart = {*self.fields, "rule", "seed", "epochs"}
        varied = [name for name, value in options.items() if name not in apart and _several(value)]
        said = {}
        for tried in self._cases(options, runs).values():
            if _best(tried) is None:
                trial, run = tried[-1]
                name = ", ".join([trial.rule, *(f"{name}={getattr(trial, name)}" for name in varied)])
                reason = run.error if run is not None and run.error else "no end"
                way_out = f"give {' or '.join(self.fields)} other values, or leave it out"
                said[name] = f"{_lacking(tried)}, the last with {reason}: {way_out}"
        return said

    def words(self, options: Mapping[str, Any]) -> str:
        """What was chosen from what and how, for the report; comparisons of other candidates stand in other tables.

        Example:
            >>> Tuning(("lr",)).words({"lr": [0.1, 0.01]})
            'lr of 0.1, 0.01 by validation accuracy within 1 epoch, seed 100'
        """
        tried = self.trials(options)
        values = {name: dict.fromkeys(str(getattr(trial, name)) for trial in tried) for name in self.fields}
        choice = " and ".join(f"{name} of {', '.join(found)}" for name, found in values.items())
        epochs = f"{self.epochs} epoch" + "s" * (self.epochs > 1)
        return f"{choice} by validation accuracy within {epochs}, seed {self.seed}"

    def _check(self, options: Mapping[str, Any]) -> None:
        seeds = options.get("seed", Experiment().seed)
        if str(self.seed) in map(str, seeds if isinstance(seeds, list | tuple) else [seeds]):
            raise ValueError(f"the tuning seed {self.seed} is one of the comparison's: choose another --tune-seed")
        for name in self.fields:
            if not _several(options.get(name)):
                raise ValueError(f"tune={name!r} has nothing to choose from: give {name} several values")

    def _cases(self, options: Mapping[str, Any], runs: Iterable[Run]) -> dict[str, list[Tried]]:
        """The trials of each case in their order, with how they went."""
        ended = {run.key: run for run in runs if not run.tuning}
        cases: dict[str, list[Tried]] = {}
        for trial in self.trials(options):
            cases.setdefault(self._case(trial), []).append((trial, ended.get(trial.key)))
        return cases

    def _case(self, experiment: Experiment) -> str:
        """What is tuned together: all fields but those that are tuned, the seed and the length."""
        return experiment.model_dump_json(exclude={*self.fields, "seed", "epochs"})

    def _with(self, experiment: Experiment, trial: Experiment) -> Experiment:
        return experiment.model_copy(update={name: getattr(trial, name) for name in self.fields})


def _best(tried: list[Tried]) -> Experiment | None:
    done = [(trial, run) for trial, run in tried if run is not None and run.state == "done"]
    scored = [(trial, float(best_epoch(run)["accuracy"]["validation"])) for trial, run in done]
    return max(scored, key=lambda pair: pair[1])[0] if scored else None


def _lacking(tried: list[Tried]) -> str:
    failed = sum(run is None or run.state != "done" for _, run in tried)
    return f"{failed} of {len(tried)} trials failed" if failed else ""


def _several(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 1
