"""Fashion-MNIST: clothes in the format of MNIST, and harder."""

from pathlib import Path

from spikefa.datasets.dataset import Dataset
from spikefa.datasets.idx import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, load_images
from spikefa.datasets.source import Source

SOURCE = Source(
    folders=("fashion-mnist",),
    files={
        TRAIN_IMAGES: "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        TRAIN_LABELS: "9018921c3c673c538a1fc5bad174d6f9",
        TEST_IMAGES: "8181f5470baa50b63fa0f6fddb340f0a",
        TEST_LABELS: "15d484375f8d13e6eb1aabb0c3f46965",
    },
    addresses=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
)


def load(
    folder: Path | None = None, *, train: int | None = None, validation: int = 10_000, test: int | None = None
) -> Dataset:
    """Fashion-MNIST: 60,000 + 10,000 clothes, shape [1, 28, 28], 10 classes; 50,000/10,000/10,000 unless told.

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
        Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms, H. Xiao, K. Rasul and
        R. Vollgraf, 2017, https://arxiv.org/abs/1708.07747
    """
    return load_images("fashion_mnist", "Fashion-MNIST", SOURCE, folder, train, validation, test)
