"""Data sets: one file each, one line in `DATASETS` each; nothing is downloaded before a loader is called."""

from spikefa.datasets import cifar10, digits, fashion_mnist, mnist, yin_yang
from spikefa.datasets.dataset import Dataset, Loader, Split, Task, hold_out
from spikefa.datasets.integrity import DataError

DATASETS: dict[str, Loader] = {
    "digits": digits.load,
    "yin_yang": yin_yang.load,
    "mnist": mnist.load,
    "fashion_mnist": fashion_mnist.load,
    "cifar10": cifar10.load,
}

__all__ = ["DATASETS", "DataError", "Dataset", "Loader", "Split", "Task", "hold_out"]
