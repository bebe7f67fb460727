"""A case that trains: one experiment, as ``spikefa compare`` would, and what its epochs gave, for claims and curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.measurement import Epoch
from spikefa.training import train


def trained(seed: int, device: str = "cpu", **fields: Any) -> dict[str, Any]:
    """Train an experiment and keep its numbers. Of one seed, experiments that differ in rule alone are paired.

    The data set is looked for as ``spikefa compare`` does without ``--data``: in ``SPIKEFA_DATA``, in the cache, and is
    downloaded else.

    Args:
        seed: the experiment's; ``fields``: the others, of :class:`~spikefa.experiment.Experiment`.
        device: where to train.

    Returns:
        ``test`` and ``validation``: accuracy at the epoch of the best validation accuracy, in percent; ``loss``,
        ``moved`` (bits relative to bp), ``words``, ``bits`` and ``rates`` by layer after the last epoch, ``seconds`` of
        all; and as lists over the epochs, from 0: ``curves`` (``loss``, ``train``, ``validation``, ``test``,
        ``angle``), ``alignment`` and ``learning`` by layer and measure, as in :class:`~spikefa.measurement.Epoch`.

    Example:
        >>> found = trained(0, rule="fa", epochs=1, steps=3, network="mlp:depth=1,width=20")
        >>> found["test"] == 100 * found["curves"]["test"][1], len(found["learning"]["out"]["error_angle"])
        (True, 2)
    """
    return told(epochs(seed, device, **fields))


def epochs(seed: int, device: str = "cpu", **fields: Any) -> list[Epoch]:
    """The same, as the epochs' records themselves, with the last one's representations.

    Example:
        >>> len(epochs(0, epochs=1, steps=3, network="mlp:depth=1,width=20"))
        2
    """
    experiment = Experiment(seed=seed, **fields)
    return list(train(experiment, load(experiment.dataset), device))


def told(epochs: Sequence[Epoch]) -> dict[str, Any]:
    """What is kept of the epochs of a training, as :func:`trained` gives it."""
    best = max(epochs[1:], key=lambda epoch: epoch.accuracy["validation"])
    last = epochs[-1]
    return {
        "test": 100 * best.accuracy["test"],
        "validation": 100 * best.accuracy["validation"],
        **{name: getattr(last, name) for name in ("loss", "moved", "words", "bits", "rates")},
        "seconds": sum(epoch.seconds for epoch in epochs),
        "curves": _over([_numbers(epoch) for epoch in epochs]),
        "alignment": _over([epoch.alignment for epoch in epochs]),
        "learning": _over([epoch.learning for epoch in epochs]),
    }


def _numbers(epoch: Epoch) -> dict[str, Any]:
    return {"loss": epoch.loss, **epoch.accuracy, "angle": epoch.gradient["angle"]}


def _over(epochs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A list over the epochs in place of each number of nested dicts; nan where an epoch lacks it."""

    def gathered(name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return _over([epoch.get(name, {}) for epoch in epochs])
        return [epoch.get(name, math.nan) for epoch in epochs]

    return {name: gathered(name, value) for name, value in epochs[-1].items()}
