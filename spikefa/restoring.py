"""Saved state put back into a module or an optimiser, exactly or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spikefa.checkpoint import Checkpoint, is_checkpoint
from spikefa.datasets import Task
from spikefa.experiment import Experiment
from spikefa.names import trusting


def load(path: str | Path, trust: tuple[str, ...] = ()) -> tuple[nn.Sequential, Experiment]:
    """A trained network with its pathways, and the experiment that trained it.

    Nothing that the file holds is unpickled, and no module that it names is imported unless you trust it.

    Args:
        path: of a checkpoint, ``OUT/checkpoints/KEY/best.safetensors``.
        trust: names like ``"my.rules:Best"`` that the experiment may have and that may be imported; those that are in
            spikefa's own tables always may.

    Returns:
        The network, on the CPU, as it was; and the experiment, for ``experiment.scores(net, x, generator)``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no whole, unchanged checkpoint; its network is another than it was; a name is not trusted.

    Example:
        >>> import tempfile
        >>> from spikefa.datasets import DATASETS
        >>> from spikefa.training import Training
        >>> path = Path(tempfile.mkdtemp()) / "net.safetensors"
        >>> training = Training(Experiment(rule="fa", epochs=1, steps=2), DATASETS["digits"]())
        >>> _ = list(training.epochs())
        >>> training.checkpoint().save(path)
        >>> net, experiment = load(path)
        >>> net.fc2.feedback.weight.equal(training.net.fc2.feedback.weight), experiment.rule
        (True, 'fa')
    """
    path = Path(path)
    checkpoint = Checkpoint.read(path)
    try:
        experiment = experiment_of(checkpoint, trust)
        net = experiment.build(Task(checkpoint.shape, checkpoint.classes))
        restore(net, checkpoint.state["network"], "network")
    except Exception as error:  # whatever a network or a rule makes of fields or state that are not its own
        raise ValueError(f"{path} cannot be made a network again: {' '.join(str(error).split())}") from error
    return net, experiment


def experiment_of(checkpoint: Checkpoint, trust: tuple[str, ...] = ()) -> Experiment:
    """The experiment of a checkpoint; what is not in spikefa's tables is imported only if it is trusted.

    Raises:
        ValueError: it is no experiment, or names what is not trusted.
    """
    with trusting(trust):
        return Experiment(**checkpoint.experiment)


def told(path: Path, given: Mapping[str, Any]) -> Experiment:
    """The experiment of a file of weights: as its checkpoint has it, if it is one, but for the fields that are given.

    Raises:
        ValueError: a checkpoint is damaged, or names what is not given and would have to be imported.

    Example:
        >>> told(Path("state_dict.pt"), {"network": "convnet"}).network
        'convnet'
    """
    if not is_checkpoint(path):
        return Experiment(**given)
    with trusting([word for word in given.values() if isinstance(word, str)]):
        return Experiment(**{**Checkpoint.read(path).experiment, **given})


def restore(module: nn.Module, state: Mapping[str, Any], place: str) -> None:
    """Load a ``state_dict`` whose keys, shapes and types are exactly those of the module.

    Raises:
        ValueError: they are not; with the place of the first that differs.
    """
    here = module.state_dict()
    if wrong := sorted(here.keys() ^ state.keys()):
        raise ValueError(f"{place}: {', '.join(wrong[:4])} in one of the two only")
    for name, value in here.items():
        if _kind(value) != _kind(state[name]):
            raise ValueError(f"{place}/{name} is {_kind(state[name])}, and should be {_kind(value)}")
    module.load_state_dict(state)


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load an optimiser's ``state_dict``: moments, counters and groups.

    Raises:
        ValueError: it is of another optimiser, or of other weights.
    """
    groups, parameters = (
        optimizer.state_dict()["param_groups"],
        [p for g in optimizer.param_groups for p in g["params"]],
    )
    found = state["param_groups"]
    if [(g.keys(), g["params"]) for g in found] != [(g.keys(), g["params"]) for g in groups]:
        raise ValueError("optimizer/param_groups: it is another optimiser, or has other weights")
    for number, moments in state["state"].items():
        if number not in range(len(parameters)):
            raise ValueError(f"optimizer/state/{number}: there are {len(parameters)} weights")
        shape = parameters[number].shape
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.dim() == len(shape) and value.shape != shape:
                raise ValueError(f"optimizer/state/{number}/{name} is {_kind(value)}, of a weight {tuple(shape)}")
    optimizer.load_state_dict(state)


def _kind(value: object) -> str:
    """What must be the same for a value to be put in the place of another."""
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else "no tensor"
