"""The IDX format of MNIST and its relatives: magic number, big-endian sizes, then bytes; four files make a set."""

import struct
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spikefa.datasets.dataset import Dataset, Split, hold_out, limit
from spikefa.datasets.integrity import DataError
from spikefa.datasets.source import Source, read

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
UNSIGNED_BYTE = 0x08


def parse(data: bytes, dimensions: int, name: str) -> Tensor:
    """Return the array of an IDX file of bytes.

    Args:
        data: the decompressed file.
        dimensions: number of dimensions it must have, 3 for images [N, H, W], 1 for labels [N].
        name: what an error message calls the file.

    Raises:
        DataError: when magic number or size are wrong.

    Example:
        >>> parse(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), dimensions=1, name="labels")
        tensor([7, 8, 9], dtype=torch.uint8)
    """
    header, magic = 4 + 4 * dimensions, bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if data[:4] != magic or len(data) < header:
        expected = f"an IDX file of bytes in {dimensions} dimensions (magic {magic.hex()})"
        raise DataError(f"{name}: expected {expected}, found magic {data[:4].hex()}; replace the file")
    sizes = struct.unpack(f">{dimensions}I", data[4:header])
    expected_bytes = prod(sizes)
    if len(data) - header != expected_bytes or not expected_bytes:
        found = f"{len(data) - header:,}"
        raise DataError(f"{name}: expected {expected_bytes:,} bytes for {sizes}, found {found}; replace the file")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=header).reshape(sizes).copy())


def load_images(
    name: str, title: str, source: Source, folder: Path | None, train: int | None, validation: int, test: int | None
) -> Dataset:
    """Read the four files of an MNIST-like set; validation images are held out of the training file.

    Args:
        name: its name in `DATASETS`.
        title: its name in the note.
        source: its files.
        folder: where to look instead of SPIKEFA_DATA and the cache.
        train: limit on the training images that remain; None keeps all.
        validation: number of validation images.
        test: limit on the test images; None keeps all.

    Raises:
        DataError: when a file is missing or damaged.
        TypeError: when a number is no integer.
        ValueError: when a number is too small for one image per class, or too large.
    """

    def images(file: str) -> Tensor:
        return parse(read(source, file, folder), 3, file).unsqueeze(1)

    def labels(file: str) -> Tensor:
        return parse(read(source, file, folder), 1, file).long()

    kept, chosen = hold_out(images(TRAIN_IMAGES), labels(TRAIN_LABELS), validation)
    kept = limit(kept, train, "train")
    held = limit(Split(images(TEST_IMAGES).float().div_(255), labels(TEST_LABELS)), test, "test")
    sizes = f"{len(kept):,}/{len(chosen):,}/{len(held):,}"
    note = f"{title}, {sizes}, validation held out of the training images, stratified, seed 0"
    return Dataset(name, kept, chosen, held, classes=10, note=note)
