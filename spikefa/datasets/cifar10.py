"""CIFAR-10, binary version: records of one label byte and 3,072 pixel bytes (red, green, blue planes)."""

from itertools import takewhile
from math import ceil, prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spikefa.datasets.dataset import Dataset, Split, hold_out, limit, stratified
from spikefa.datasets.integrity import DataError
from spikefa.datasets.source import Source, find, named_folder, read

PER_BATCH = 10_000
SHAPE = (3, 32, 32)
TEST = "test_batch.bin"
SOURCE = Source(
    folders=("cifar-10", "cifar-10-batches-bin"),
    files={
        "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
        "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
        "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
        "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
        "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
        TEST: "803d5f7f4d78ea53de84dbe85f74fb6d",
    },
    addresses=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    archive="c32a1d4ab5d03f1284b67883e8d87530",
)


def load(
    folder: Path | None = None,
    *,
    train: int = 50_000,
    validation: int | None = None,
    test: int | None = None,
    crop: int | None = None,
) -> Dataset:
    """CIFAR-10: 50,000 + 10,000 colour photographs, shape [3, 32, 32], 10 classes; 40,000/10,000/10,000 unless told.

    Reads the first training batches, as many as `train` needs: the same number means the same images everywhere.

    Args:
        folder: where the files lie; else SPIKEFA_DATA, else the cache, else a download.
        train: number of training and validation images together, at most 50,000.
        validation: how many of them are for validation; None means a fifth.
        test: limit on the test images; None keeps all 10,000.
        crop: height and width of the part from the middle of each image that is kept; None keeps all.

    Raises:
        DataError: when a file is missing or damaged.
        TypeError: when a number is no integer.
        ValueError: when a number is too small for one image per class, or too large.

    Reference:
        Learning multiple layers of features from tiny images, A. Krizhevsky, 2009,
        https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf
    """
    batches = _batches(train, folder)
    x, y = map(torch.cat, zip(*(parse(read(SOURCE, name, folder), name) for name in batches), strict=True))
    if train < len(y):
        _, wanted = stratified(y, train, "train")
        x, y = x[wanted], y[wanted]
    kept, chosen = hold_out(middle(x, crop), y, train // 5 if validation is None else validation)
    images, labels = parse(read(SOURCE, TEST, folder), TEST)
    held = limit(Split(middle(images, crop).float().div_(255), labels), test, "test")
    sizes = f"{len(kept):,}/{len(chosen):,}/{len(held):,}"
    numbers = ", ".join(str(number + 1) for number in range(len(batches)))
    used = f"{train:,} of the {len(batches) * PER_BATCH:,} images in training batches {numbers}"
    cut = f", the middle {crop}×{crop}" if crop else ""
    note = f"CIFAR-10{cut}, {sizes}, training and validation from {used}, stratified, seed 0"
    return Dataset("cifar10", kept, chosen, held, classes=10, note=note)


def parse(data: bytes, name: str) -> tuple[Tensor, Tensor]:
    """Return the images [N, 3, 32, 32] and labels [N] of a batch file, as bytes and int64.

    Raises:
        DataError: when the data are no whole number of records, or a label is above 9.

    Example:
        >>> images, labels = parse(bytes([7]) + bytes(3072), name="batch")
        >>> images.shape, labels
        (torch.Size([1, 3, 32, 32]), tensor([7]))
    """
    record = 1 + prod(SHAPE)
    if not data or len(data) % record:
        found = f"{len(data):,} bytes"
        raise DataError(f"{name}: expected records of {record:,} bytes, found {found}; replace the file")
    records = torch.from_numpy(np.frombuffer(data, np.uint8).reshape(-1, record).copy())
    if (highest := int(records[:, 0].max())) > 9:
        raise DataError(f"{name}: expected labels from 0 to 9, found {highest}; replace the file")
    return records[:, 1:].reshape(-1, *SHAPE), records[:, 0].long()


def middle(images: Tensor, size: int | None) -> Tensor:
    """The middle ``size`` × ``size`` of images ``[..., height, width]``; an odd pixel too many goes from the end.

    Raises:
        ValueError: ``size`` is no whole number from 1 to the images' sides.

    Example:
        >>> middle(torch.arange(16).reshape(1, 4, 4), 2).tolist()
        [[[5, 6], [9, 10]]]
    """
    if size is None:
        return images
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= min(images.shape[-2:]):
        raise ValueError(
            f"crop={size!r} of images of {tuple(images.shape[-2:])}: give a number of pixels, e.g. crop=24"
        )
    top, left = ((side - size) // 2 for side in images.shape[-2:])
    return images[..., top : top + size, left : left + size]


def _batches(train: int, folder: Path | None) -> list[str]:
    """Name the first batches that hold `train` images, all of which must be there if a folder was named."""
    names = [name for name in SOURCE.files if name != TEST]
    if not isinstance(train, int):
        raise TypeError(f"train={train!r} is no integer; give a number of images, e.g. train=20000")
    if not 0 < train <= PER_BATCH * len(names):
        raise ValueError(f"train={train} images; CIFAR-10 has 1 to {PER_BATCH * len(names)}")
    wanted = names[: ceil(train / PER_BATCH)]
    if root := named_folder(folder):
        there = [name for name in names if find(SOURCE, name, folder)]
        if missing := [name for name in wanted if name not in there]:
            raise DataError(_missing(missing, there, names, root))
    return wanted


def _missing(missing: list[str], there: list[str], names: list[str], root: Path) -> str:
    first = len(list(takewhile(there.__contains__, names)))
    smaller = f", or use those that are there: cifar10:train={first * PER_BATCH}" if first else ""
    return f"{root} lacks {', '.join(missing)}; there are: {', '.join(there) or 'none'}. Add them{smaller}"
