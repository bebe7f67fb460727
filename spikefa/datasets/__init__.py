"""Data sets: one file each, one line in `DATASETS` each; nothing is downloaded before a loader is called."""

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

__all__ = ["DATASETS", "DataError", "Dataset", "Events", "Loader", "Split", "hold_out"]
