"""Data sets: one file each, one line in `DATASETS` each; nothing is downloaded before a loader is called."""

from typing import Any

from spikefa.datasets import cifar10, digits, ecg_qtdb, fashion_mnist, mnist, nmnist, shd, tonic, yin_yang
from spikefa.datasets.dataset import Dataset, Loader, Split, hold_out
from spikefa.datasets.events import Events
from spikefa.datasets.integrity import DataError

DATASETS: dict[str, Loader] = {
    "digits": digits.load,
    "yin_yang": yin_yang.load,
    "mnist": mnist.load,
    "fashion_mnist": fashion_mnist.load,
    "cifar10": cifar10.load,
    "shd": shd.load,
    "nmnist": nmnist.load,
    "ecg_qtdb": ecg_qtdb.load,
    "tonic": tonic.load,
}

NATURES: dict[str, dict[str, Any]] = {
    "shd": {"encoding": "events", "steps": 100},
    "nmnist": {"encoding": "events", "steps": 30},
    "ecg_qtdb": {"encoding": "events", "steps": ecg_qtdb.STEPS, "readout": "framewise"},
    "tonic": {"encoding": "events", "steps": 30},
}
"""Of data sets that are spikes over time already: the fields of an experiment that go with them if none are given."""


def nature(name: str) -> dict[str, Any]:
    """The fields of an experiment that go with a data set, such as ``"shd:channels=140"``; none for images.

    Example:
        >>> nature("shd:channels=140"), nature("digits")
        ({'encoding': 'events', 'steps': 100}, {})
    """
    return NATURES.get(name.partition(":")[0].strip(), {})


__all__ = ["DATASETS", "NATURES", "DataError", "Dataset", "Events", "Loader", "Split", "hold_out", "nature"]
