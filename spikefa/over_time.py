"""Data that are spikes over time already: what an experiment with them is like, and what does not go with them."""

from __future__ import annotations

from typing import Any

from spikefa.datasets import DATASETS, Dataset
from spikefa.datasets.ecg_qtdb import STEPS
from spikefa.encoding import ENCODINGS
from spikefa.readout import Readout

NATURES: dict[str, dict[str, Any]] = {
    "shd": {"encoding": "events", "steps": 100},
    "nmnist": {"encoding": "events", "steps": 30},
    "ecg_qtdb": {"encoding": "events", "steps": STEPS, "readout": "framewise"},
    "tonic": {"encoding": "events", "steps": 30},
}
"""Of data sets that are spikes over time: the fields of an experiment that they have where none are given."""


def nature(dataset: str) -> dict[str, Any]:
    """The fields of an experiment that go with a data set, such as ``"shd:channels=140"``; none for images.

    Example:
        >>> nature("shd:channels=140"), nature("digits")
        ({'encoding': 'events', 'steps': 100}, {})
    """
    return NATURES.get(_name(dataset), {})


def check_encoding(dataset: str, encoding: str) -> None:
    """Refuse images as events, and spikes as currents; those of a third party are seen when they meet.

    Raises:
        ValueError: with the way out.

    Example:
        >>> check_encoding("shd", "events")
    """
    spikes = _name(dataset) in NATURES
    if _name(dataset) in DATASETS and encoding in ENCODINGS and spikes != (encoding == "events"):
        found, way_out = ("spikes over time", "events") if spikes else ("images", "current, for example")
        raise ValueError(
            f"{dataset!r} has {found}, which the encoding {encoding!r} is not for: leave it out, or give {way_out}"
        )


def check_labels(data: Dataset, readout: Readout, name: str, steps: int) -> None:
    """Refuse a read-out that is for other labels than the data have, and labels of other steps than the input's.

    Args:
        data: with one label for each example, or one at each time step.
        readout: what reads classes; ``name``: what it is called.
        steps: time steps T.

    Raises:
        ValueError: with the way out.
    """
    labels = data.train.y
    if readout.framewise != (labels.dim() == 2):
        found, way_out = ("one label each", "membrane") if readout.framewise else ("a label at each step", "framewise")
        raise ValueError(f"examples of {data.name!r} have {found}: give readout {way_out} in the place of {name}")
    if readout.framewise and labels.shape[1] != steps:
        raise ValueError(f"{data.name!r} has labels at {labels.shape[1]} steps: give as many in the place of {steps}")


def _name(dataset: str) -> str:
    return dataset.partition(":")[0].strip()
