"""The trials of a search: which come, how they go, and where they are kept, an Optuna study a rule in one database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import torch

from spikefa.datasets import Dataset, Split
from spikefa.experiment import Experiment
from spikefa.lock import alone
from spikefa.options import Range, whole
from spikefa.search.space import defaults, named_with, space
from spikefa.streams import stream
from spikefa.training import train

try:
    import optuna
    from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
    from optuna.samplers import BaseSampler, TPESampler
    from optuna.trial import FrozenTrial, Trial, TrialState
except ImportError as error:
    raise ImportError("tuning needs Optuna: pip install 'spikefa[tune]'") from error

if TYPE_CHECKING:
    from optuna.study import Study

DATABASE = "tuning.db"
STARTUP = 5
"""Trials of a rule before the sampler learns from those that there are; all but the first are drawn at random."""


@dataclass(frozen=True)
class Plan:
    """What is searched, and how much of it.

    Args:
        fields: of the experiments; ``lr`` and ``rule`` are the trials' own.
        rules: names; each gets its own search.
        budget: trials of each rule.
        seed: of the trials, none of the comparison's.

    Raises:
        ValueError: no budget, or fields that the experiment refuses.

    Example:
        >>> Plan({"epochs": 2}, ("fa",), budget=20).first("fa").lr
        0.001
    """

    fields: Mapping[str, Any]
    rules: tuple[str, ...]
    budget: int
    seed: int = 100

    def __post_init__(self) -> None:
        whole(budget=self.budget)
        for rule in self.rules:
            self.first(rule)
            space(rule)

    def first(self, rule: str) -> Experiment:
        """The experiment from which a rule's search begins: what is said, and defaults for the rest."""
        return Experiment(**{**self.fields, "rule": rule, "seed": self.seed})

    def experiment(self, rule: str, values: Mapping[str, float]) -> Experiment:
        """That of a trial."""
        written, fields = named_with(rule, values)
        return Experiment(**{**self.fields, **fields, "rule": written, "seed": self.seed})

    def space(self, rule: str) -> dict[str, Range]:
        """What is searched for a rule: what stands in the plan's fields is fixed, but for the learning rate."""
        return {name: values for name, values in space(rule).items() if name == "lr" or name not in self.fields}

    def start(self, rule: str) -> dict[str, float]:
        """The values of the first trial, within their ranges."""
        first = self.first(rule)
        values = {name: getattr(first, name) for name in space(rule) if name in Experiment.model_fields}
        return values | defaults(rule)


@final
class Repeatable(BaseSampler):
    """The tree-structured Parzen estimator, drawing for each trial and name from a seed of their own.

    So a search that was interrupted goes on with the values that it would have tried. The first trial has the values
    that stand in the study or are the rule's defaults; where there is none, and in the next trials, they are random.

    Args:
        plan: of the search; ``rule``: which it is for.

    Reference:
        Bergstra, Bardenet, Bengio, Kégl, "Algorithms for hyper-parameter optimization", NeurIPS 2011.
        https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization
    """

    def __init__(self, plan: Plan, rule: str) -> None:
        self.plan, self.rule = plan, rule

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is drawn jointly."""
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        """Nothing is drawn jointly."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value for one name of a trial."""
        values, start = self.plan.space(self.rule)[param_name], self.plan.start(self.rule).get(param_name)
        if trial.number == 0 and start is not None and values.low <= start <= values.high:
            return start
        own = stream(self.plan.seed, f"{self.rule}:{trial.number}:{param_name}")
        sampler = TPESampler(seed=int(torch.randint(2**31, (), generator=own)), n_startup_trials=STARTUP)
        return values.rounded(sampler.sample_independent(study, trial, param_name, param_distribution))


def search(plan: Plan, data: Dataset, folder: Path, device: str = "cpu") -> Iterator[tuple[str, FrozenTrial]]:
    """Run the trials that the folder's database lacks, rule after rule, and yield each with its rule as it ends.

    The score of a trial is its best validation accuracy over the epochs. The test split is not looked at: it is taken
    away before. A trial that was interrupted is done again with the same values; one that fails counts.

    Args:
        plan: what to search.
        data: the data set of the plan's experiments.
        folder: where ``tuning.db`` lies or will lie; made if it is not there.
        device: where to compute.

    Raises:
        ValueError: the database holds other trials, or another process writes to it.
    """
    with alone(folder / DATABASE):
        studies = {rule: _study(plan, rule, folder) for rule in plan.rules}
        for rule, study in studies.items():
            while trial := _next(study, plan, rule):
                yield rule, _try(study, trial, plan, rule, _without_test(data), device)


def ended(plan: Plan, folder: Path) -> dict[str, list[FrozenTrial]]:
    """The trials of each rule that have ended, in their order, as far as the budget goes."""
    return {rule: _ended(_study(plan, rule, folder))[: plan.budget] for rule in plan.rules}


def best(trials: list[FrozenTrial]) -> FrozenTrial | None:
    """The trial of the highest score, the earliest if tied; None if all failed."""
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return max(done, key=lambda trial: float(trial.value or 0.0), default=None)


def _study(plan: Plan, rule: str, folder: Path) -> Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / DATABASE}",
        study_name=rule,
        sampler=Repeatable(plan, rule),
        direction="maximize",
        load_if_exists=True,
    )
    ranges = {name: str(values) for name, values in plan.space(rule).items()}
    wanted = {"experiment": plan.first(rule).model_dump(mode="json"), "space": ranges}
    found = study.user_attrs.get("search")
    if found is None:
        study.set_user_attr("search", wanted)
    elif json.loads(json.dumps(wanted)) != found:
        other = ", ".join(_differing(wanted["experiment"] | wanted["space"], found["experiment"] | found["space"]))
        raise ValueError(f"{folder / DATABASE} has trials of {rule!r} with other {other}: choose another --out")
    return study


def _differing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]


def _ended(study: Study) -> list[FrozenTrial]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def _next(study: Study, plan: Plan, rule: str) -> Trial | None:
    """The trial that was interrupted, or a new one; None if the budget is spent."""
    trials = study.get_trials(deepcopy=False)
    for trial in trials[: plan.budget]:
        if not trial.state.is_finished():
            return Trial(study, trial._trial_id)
    return study.ask() if len(trials) < plan.budget else None


def _try(study: Study, trial: Trial, plan: Plan, rule: str, data: Dataset, device: str) -> FrozenTrial:
    values = {name: trial._suggest(name, _distribution(found)) for name, found in plan.space(rule).items()}
    course: list[float] = []
    try:
        for epoch in train(plan.experiment(rule, values), data, device):
            course.append(epoch.accuracy["validation"])
    except Exception as error:
        trial.set_user_attr("error", f"{type(error).__name__}: {error}")
        return study.tell(trial, state=TrialState.FAIL)
    trial.set_user_attr("validation", course)
    return study.tell(trial, max(course[1:]))


def _distribution(values: Range) -> BaseDistribution:
    if values.whole:
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)


def _without_test(data: Dataset) -> Dataset:
    """The same with one validation example in place of the test split, which is not even read."""
    return replace(data, test=Split(data.validation.x[:1], data.validation.y[:1]))
