"""What a command is asked for: defaults, overridden by a study file, overridden by what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikefa.experiment import Experiment
from spikefa.own import Settled, settled
from spikefa.study import read_study
from spikefa.tuning import Tuning

PLACES: dict[str, Any] = {
    "out": "runs",
    "data": None,
    "device": "cpu",
    "threads": None,
    "probe": None,
    "jobs": None,
    "engine": "processes",
    "scheduler": None,
    "checkpoints": False,
    "tensorboard": False,
}
TUNING: dict[str, Any] = {"tune": None, "tune_seed": 100, "tune_epochs": 1}
DEFAULTS: dict[str, Any] = {"rule": ["bp", "fa", "fbp:period=20", "sal"], "seed": [0, 1, 2]}


@dataclass(frozen=True)
class Asked:
    """A comparison that is asked for.

    Args:
        options: fields of the experiments, each with a value or a list of values.
        place: where and how to run, by the names of ``PLACES``.
        tuning: what each rule chooses for itself, if anything.
        own: the experiments of ``options`` without tuning.
    """

    options: dict[str, Any]
    place: dict[str, Any]
    tuning: Tuning | None
    own: Settled


def asked(study: Path | None, given: Mapping[str, Any]) -> Asked:
    """What a study file and the options typed beside it ask for together.

    Args:
        study: a TOML file, if there is one.
        given: what was typed, by the names that a study file has.

    Raises:
        ValueError: an option that cannot be, or that the file's own settings of rules exclude.

    Example:
        >>> found = asked(None, {"rule": "fa", "epochs": 2, "out": "here"})
        >>> [(e.rule, e.seed, e.epochs) for e in found.own.experiments], found.place["out"]
        ([('fa', 0, 2), ('fa', 1, 2), ('fa', 2, 2)], 'here')
    """
    written = read_study(study, {*Experiment.model_fields, *PLACES, *TUNING, "tuned"}) if study else {}
    named = written | dict(given)
    options = PLACES | TUNING | DEFAULTS | named
    how = str(options.pop("tuned", ""))
    place = {name: options.pop(name) for name in PLACES}
    tuning = _tuning(**{name: options.pop(name) for name in TUNING})
    if not tuning and (lone := [name for name in ("tune_seed", "tune_epochs") if name in named]):
        way_out = f"give tune too, for example --tune lr, or leave {lone[0]} out"
        raise ValueError(f"{lone[0]}={named[lone[0]]!r} would do nothing without tune: {way_out}")
    own = settled(options, "" if "rule" in given else how)  # rules that are typed are not those of the tables
    if idle := [name for name in given if name in own.tuning] or ["tune"] * bool(tuning and own.tuning):
        raise ValueError(f"{study} has settings for each rule: leave {idle[0]} out, or give --rule too")
    return Asked(options, place, tuning, own)


def path_of(option: str, value: Any) -> Path:
    """A path as it was typed, or as a study file has it.

    Raises:
        ValueError: it is none; the message names the option.
    """
    if not isinstance(value, str | Path):
        raise ValueError(f"{option} must be a path, not {value!r}")
    return Path(value)


def _tuning(tune: Any, tune_seed: Any, tune_epochs: Any) -> Tuning | None:
    if tune is None:
        return None
    fields = (tune,) if isinstance(tune, str) else tune
    if not isinstance(fields, list | tuple) or not fields:
        raise ValueError(f"tune must be lr, weight_decay or batch_size, or several of these, not {tune!r}")
    trial = Experiment(seed=tune_seed, epochs=tune_epochs)  # which refuses what is no seed and no length
    return Tuning(tuple(fields), trial.seed, trial.epochs)
