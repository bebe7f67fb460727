"""A run as it went: what was asked, what every epoch gave, how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


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
        error: why it failed, or why it counts as incomplete where that is not the kill alone; ``traceback``: where.
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
