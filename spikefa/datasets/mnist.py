"""MNIST: the handwritten digits that nearly every paper of the field reports."""

from pathlib import Path

from spikefa.datasets.dataset import Dataset
from spikefa.datasets.idx import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, load_images
from spikefa.datasets.source import Source

SOURCE = Source(
    folders=("mnist",),
    files={
        TRAIN_IMAGES: "6bbc9ace898e44ae57da46a324031adb",
        TRAIN_LABELS: "a25bea736e30d166cdddb491f175f624",
        TEST_IMAGES: "2646ac647ad5339dbf082846283269ea",
        TEST_LABELS: "27ae3e4e09519cfbb04c329615203637",
    },
    addresses=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)


def load(
    folder: Path | None = None, *, train: int | None = None, validation: int = 10_000, test: int | None = None
) -> Dataset:
    """MNIST: 60,000 + 10,000 handwritten digits, shape [1, 28, 28], 10 classes; 50,000/10,000/10,000 unless told.

    Args:
        folder: where the files lie; else SPIKEFA_DATA, else the cache, else a download.
        train: limit on the training images that remain after validation is held out; None keeps all.
        validation: number of validation images, held out of the 60,000 training images.
        test: limit on the test images; None keeps all 10,000.

    Raises:
        DataError: when a file is missing or damaged.
        TypeError: when a number is no integer.
        ValueError: when a number is too small for one image per class, or too large.

    Reference:
        Gradient-based learning applied to document recognition, Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, 1998,
        https://doi.org/10.1109/5.726791
    """
    return load_images("mnist", "MNIST", SOURCE, folder, train, validation, test)
