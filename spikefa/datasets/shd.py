"""Spiking Heidelberg Digits: spoken digits as the spikes of a model of the inner ear, in HDF5."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.datasets.dataset import Dataset, Split, chosen
from spikefa.datasets.events import Events
from spikefa.datasets.integrity import DataError
from spikefa.datasets.source import Source, read
from spikefa.options import positive, whole

TRAIN, TEST = "shd_train.h5.gz", "shd_test.h5.gz"
SOURCE = Source(
    folders=("shd", "SHD", "hsd"),
    # Of the unpacked files, as two public loaders have them, beside the publisher's sums of the packed ones.
    files={TRAIN: "8e9877c85f29a28dd353ea6a54402667", TEST: "207ad1295a0ab611e22d1734989c254e"},
    addresses=("https://zenkelab.org/datasets/", "https://compneuro.net/datasets/"),
)
UNITS, CLASSES = 700, 20


def load(
    folder: Path | None = None,
    *,
    channels: int = UNITS,
    window: float = 1.4,
    speakers: int = 1,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
) -> Dataset:
    """SHD: 8,156 + 2,264 spoken digits, German and English, as spikes of 700 channels, 20 classes; extra `events`.

    Validation is by speaker: the last speakers of the training file, of whom nothing is trained on. Two of the test
    file's twelve speakers are in no other file, so this is nearer to the test than recordings drawn at random are.
    Events are kept as lists, four bytes each, and are binned a batch at a time, to the experiment's steps.

    Args:
        folder: where the files lie, packed or not; else SPIKEFA_DATA, else the cache, else a download.
        channels: inputs, each the sum of as many neighbouring ones of the 700.
        window: time, in seconds, that the steps divide; all recordings are shorter than 1.4.
        speakers: how many speakers are held out for validation, those with the highest numbers.
        train: limit on the training recordings; None keeps all of the other speakers.
        validation: limit on the validation recordings; None keeps all.
        test: limit on the test recordings; None keeps all 2,264.

    Raises:
        DataError: when a file is missing or damaged, or an event is not within the window.
        ImportError: when h5py is not installed.
        TypeError: when a limit is no integer.
        ValueError: when a number is too small for one recording per class, or too large.

    Reference:
        The Heidelberg spiking data sets for the systematic evaluation of spiking neural networks, B. Cramer,
        Y. Stradmann, J. Schemmel and F. Zenke, 2020, https://doi.org/10.1109/TNNLS.2020.3044364
    """
    whole(channels=channels, speakers=speakers)
    positive(window=window)
    if UNITS % channels:
        raise ValueError(f"channels={channels} do not divide the 700 evenly; give 350, 140 or 70, for example")
    spiking = partial(_split, channels=channels, window=window)
    with _open(read(SOURCE, TRAIN, folder), TRAIN) as file:
        stay, held, names = _by_speaker(_numbers(file, "extra/speaker", TRAIN), speakers)
        kept = spiking(file, TRAIN, stay, train, "train")
        valid = spiking(file, TRAIN, held, validation, "validation")
    with _open(read(SOURCE, TEST, folder), TEST) as file:
        tested = spiking(file, TEST, slice(None), test, "test")
    sizes = f"{len(kept):,}/{len(valid):,}/{len(tested):,}"
    note = f"SHD, {sizes} recordings, {channels} channels, {window:g} s; validation is all of speaker {names}"
    return Dataset("shd", kept, valid, tested, classes=CLASSES, note=note)


def _open(data: bytes, name: str) -> Any:
    """The file, whose md5 is right: damaged ones may keep the library of HDF5 busy for ever."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError("SHD is in HDF5, for which h5py is not installed: pip install 'spikefa[events]'") from error
    with _naming(name):
        return h5py.File(io.BytesIO(data), "r")


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Say in an error of HDF5 which file it is about."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{name}: cannot be read as HDF5 with SHD's parts ({error}); replace the file") from error


def _numbers(file: Any, part: str, name: str) -> NDArray[Any]:
    """A column of whole numbers, one for each recording."""
    with _naming(name):
        found, count = np.asarray(file[part][:]), len(file["spikes/times"])
    if found.shape != (count,) or found.dtype.kind not in "iu":
        expected = f"{count:,} whole numbers in {part}, one for each recording"
        raise DataError(f"{name}: expected {expected}, found {found.dtype} of {found.shape}; replace the file")
    return found.astype(np.int64)


def _by_speaker(speaker: NDArray[Any], count: int) -> tuple[NDArray[Any], NDArray[Any], str]:
    """The numbers of the recordings of other speakers, those of the last speakers, and who these are."""
    known = np.unique(speaker)
    if count >= len(known):
        raise ValueError(f"speakers={count} of {len(known)} are held out; choose at most {len(known) - 1}")
    held = np.isin(speaker, known[-count:])
    return np.flatnonzero(~held), np.flatnonzero(held), ", ".join(str(one) for one in known[-count:])


def _split(file: Any, name: str, among: Any, count: int | None, option: str, *, channels: int, window: float) -> Split:
    labels = _numbers(file, "labels", name)
    for number in np.flatnonzero((labels < 0) | (labels >= CLASSES))[:1]:
        found = f"{labels[number]} at recording {number}"
        raise DataError(f"{name}: expected labels from 0 to {CLASSES - 1}, found {found}; replace the file")
    numbers = np.arange(len(labels))[among]
    y = torch.from_numpy(labels[numbers])
    kept = chosen(y, count, option)
    recordings = (_recording(file, name, number) for number in numbers[kept.numpy()])
    way_out = f"replace the file, or name a longer window: shd:window={2 * window:g}"
    events = Events.of(recordings, (UNITS,), window, name, way_out)
    pooled = events.unit // (UNITS // channels)
    return Split(replace(events, unit=pooled, place=(channels,)), y[kept])


def _recording(file: Any, name: str, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """When, in seconds, and at which of the 700 units."""
    with _naming(name):
        return np.asarray(file["spikes/times"][number]), np.asarray(file["spikes/units"][number])
