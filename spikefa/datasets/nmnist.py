"""N-MNIST: MNIST's digits as a moving event camera saw them, a binary file of 40-bit events each, in zip archives."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefa.datasets.dataset import Dataset, Split, chosen, stratified
from spikefa.datasets.events import Events
from spikefa.datasets.integrity import DataError
from spikefa.datasets.source import Source, checked_file
from spikefa.options import positive

TRAIN, TEST = "Train.zip", "Test.zip"
FOLDERS = ("n-mnist", "nmnist", "N-MNIST", "NMNIST")
FILES = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"
SOURCES = {
    TRAIN: Source(
        folders=FOLDERS,
        files={TRAIN: "20959b8e626244a1b502305a9e6e2031"},
        addresses=(f"{FILES}39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",),
    ),
    TEST: Source(
        folders=FOLDERS,
        files={TEST: "69ca8762b2fe404d9b9bad1103e97832"},
        addresses=(f"{FILES}05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",),
    ),
}
SIDE, CLASSES = 34, 10
OVERFLOW, LATER = 240, 1 << 13
"""The y of an event that is none, but says that from here on times are so many microseconds later."""
LARGEST = 1 << 20
"""Bytes of a recording: 40 times what is usual."""
UNREADABLE = (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
"""What the reading of a damaged archive ends in."""


def load(
    folder: Path | None = None,
    *,
    window: float = 0.34,
    train: int | None = None,
    validation: int = 10_000,
    test: int | None = None,
) -> Dataset:
    """N-MNIST: 60,000 + 10,000 digits before an event camera, shape [2, 34, 34], 10 classes; 50,000/10,000/10,000.

    Channel 1 has the events that grew brighter, channel 0 those that grew darker. Read from the archives as they are;
    events are kept as lists, six bytes each (1.5 GB for all of the training archive, twice that while they are read),
    and are binned a batch at a time, to the experiment's steps.

    Args:
        folder: where the archives lie; else SPIKEFA_DATA, else the cache, else a download.
        window: time, in seconds, that the steps divide.
        train: limit on the training recordings that remain after validation is held out; None keeps all.
        validation: number of validation recordings, held out of the 60,000 of the training archive.
        test: limit on the test recordings; None keeps all 10,000.

    Raises:
        DataError: when an archive is missing or damaged, or an event is not within the window.
        TypeError: when a number is no integer.
        ValueError: when a number is too small for one recording per class, or too large.

    Reference:
        Converting static image datasets to spiking neuromorphic datasets using saccades, G. Orchard, A. Jayawant,
        G. K. Cohen and N. Thakor, 2015, https://doi.org/10.3389/fnins.2015.00437
    """
    positive(window=window)
    archive = checked_file(SOURCES[TRAIN], TRAIN, folder)
    names, y = _listed(archive)
    stay, held = stratified(y, validation, "validation")
    kept = _split(archive, names, y, stay[chosen(y[stay], train, "train")], window)
    valid = _split(archive, names, y, held, window)
    archive = checked_file(SOURCES[TEST], TEST, folder)
    names, y = _listed(archive)
    tested = _split(archive, names, y, chosen(y, test, "test"), window)
    sizes = f"{len(kept):,}/{len(valid):,}/{len(tested):,}"
    note = f"N-MNIST, {sizes}, {window:g} s; validation held out of the training recordings, stratified, seed 0"
    return Dataset("nmnist", kept, valid, tested, classes=CLASSES, note=note)


def decode(data: bytes, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Events of 40 bits: 8 of x, 8 of y, 1 of polarity, 23 of time in microseconds, the highest first.

    Args:
        data: the file.
        name: what an error message calls it.

    Returns:
        Times, in microseconds, and inputs (polarity · 34 + y) · 34 + x.

    Raises:
        DataError: when the bytes are no whole number of events, or a place is off the sensor.

    Example:
        >>> time, unit = decode(bytes([3, 1, 0x80, 0, 7]), "one")
        >>> time.tolist(), divmod(int(unit[0]), 34 * 34) == (1, 1 * 34 + 3)
        ([7], True)
    """
    if len(data) % 5:
        raise DataError(f"{name}: expected events of 5 bytes, found {len(data):,} bytes; replace the file")
    x, y, *rest = np.frombuffer(data, np.uint8).reshape(-1, 5).T.astype(np.int32)
    later, sensed = (y == OVERFLOW).cumsum() * LATER, y != OVERFLOW
    if (off := sensed & (np.maximum(x, y) >= SIDE)).any():
        at = int(off.argmax())
        raise DataError(f"{name}: event {at} is at x={x[at]}, y={y[at]}, off the sensor of 34×34; replace the file")
    time = ((rest[0] & 0x7F) << 16) + (rest[1] << 8) + rest[2] + later
    return time[sensed], (((rest[0] >> 7) * SIDE + y) * SIDE + x)[sensed]


def _listed(path: Path) -> tuple[list[str], Tensor]:
    """The names of an archive's recordings, in order, and their labels, which are the names of their folders."""
    try:
        with zipfile.ZipFile(path) as files:
            names = sorted(name for name in files.namelist() if name.endswith(".bin"))
    except UNREADABLE as error:
        raise DataError(f"{path}: cannot be read as a zip archive ({error}); replace it") from error
    labels = [PurePosixPath(name).parent.name for name in names]
    for name, label in zip(names, labels, strict=True):
        if label not in "0123456789" or len(label) != 1:
            raise DataError(f"{path}: {name} lies in a folder that is not named by a digit; replace the archive")
    return names, torch.tensor([int(label) for label in labels], dtype=torch.int64)


def _split(path: Path, names: list[str], y: Tensor, numbers: Tensor, window: float) -> Split:
    wanted = [names[number] for number in numbers.tolist()]
    way_out = f"replace the archive, or name a longer window: nmnist:window={2 * window:g}"
    events = Events.of(_decoded(path, wanted), (2, SIDE, SIDE), window * 1e6, path.name, way_out)
    return Split(events, y[numbers])


def _decoded(path: Path, names: list[str]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    with zipfile.ZipFile(path) as files:
        for name in names:
            if (size := files.getinfo(name).file_size) > LARGEST:
                raise DataError(f"{path}: {name} has {size:,} bytes, more than any recording; replace the archive")
            try:
                data = files.read(name)
            except UNREADABLE as error:
                raise DataError(f"{path}: {name} cannot be unpacked ({error}); replace the archive") from error
            yield decode(data, f"{path}: {name}")
