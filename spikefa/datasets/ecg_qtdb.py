"""ECG of the QT database, coded as spikes where the signal crosses levels, with a label at each time step."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.datasets.dataset import UNLABELLED, Dataset, Split, chosen
from spikefa.datasets.events import Events
from spikefa.datasets.integrity import DataError
from spikefa.datasets.source import Source, read

TRAIN, TEST = "QTDB_train.mat", "QTDB_test.mat"
SOURCE = Source(
    folders=("ecg-qtdb", "ecg_qtdb", "ECG"),
    files={TRAIN: "39790ebc28587c94a2245fae7475e6f2", TEST: "4deb6d02f9dae171ad99f2b372926cc0"},
    addresses=(
        "https://raw.githubusercontent.com/byin-cwi/Efficient-spiking-networks/bfd47cff62d26b0812bb2cc24c5f220245443a32/data/",
    ),
)
STEPS, CHANNELS, CLASSES = 1301, 4, 6
UNLABELLED_ARE = {"ignored": UNLABELLED, "first": 0}


def load(
    folder: Path | None = None,
    *,
    unlabelled: str = "ignored",
    train: int | None = None,
    validation: int = 100,
    test: int | None = None,
) -> Dataset:
    """ECG-QTDB: 618 + 141 pieces of ECG as spikes of 4 channels over 1,301 steps, one of 6 labels at each step.

    The classes are the parts of a heartbeat, P, PQ, QR, RS, ST and TP. The channels are the rises and falls of two
    derived signals. Records that follow each other in the training file come from the same patients, so the last ones
    are held out for validation, in one piece: with records drawn at random, patients would be on both sides.

    Args:
        folder: where the files lie; else SPIKEFA_DATA, else the cache, else a download.
        unlabelled: the 8 % of steps without a label: `ignored`, they neither learn nor count; or `first`, they are of
            class 0, as in the published code, whose accuracies are so.
        train: limit on the training records that remain after validation is held out; None keeps all.
        validation: number of validation records, the last of the 618.
        test: limit on the test records; None keeps all 141.

    Raises:
        DataError: when a file is missing or damaged.
        TypeError: when a number is no integer.
        ValueError: when a number is too small or too large, or `unlabelled` is another word.

    Reference:
        Accurate and efficient time-domain classification with adaptive spiking recurrent neural networks, B. Yin,
        F. Corradi and S. M. Bohté, 2021, https://doi.org/10.1038/s42256-021-00397-w, whose data these are, made of
        A database for evaluation of algorithms for measurement of QT and other waveform intervals in the ECG,
        P. Laguna, R. G. Mark, A. Goldberg and G. B. Moody, 1997, https://doi.org/10.1109/CIC.1997.648140
    """
    if unlabelled not in UNLABELLED_ARE:
        raise ValueError(f"unlabelled={unlabelled!r}; choose from {', '.join(UNLABELLED_ARE)}")
    every = parse(read(SOURCE, TRAIN, folder), TRAIN, UNLABELLED_ARE[unlabelled])
    tested = parse(read(SOURCE, TEST, folder), TEST, UNLABELLED_ARE[unlabelled])
    _require(validation, len(every))
    kept = _some(Split(every.x[:-validation], every.y[:-validation]), train, "train")
    valid = Split(every.x[-validation:], every.y[-validation:])
    tested = _some(tested, test, "test")
    sizes = f"{len(kept):,}/{len(valid):,}/{len(tested):,}"
    note = f"ECG-QTDB, {sizes}; validation is the end of the training file; steps without a label: {unlabelled}"
    return Dataset("ecg_qtdb", kept, valid, tested, classes=CLASSES, note=note)


def parse(data: bytes, name: str, unlabelled: int = UNLABELLED) -> Split:
    """Return the records of a MATLAB file (version 5): `x` [N, T, 4] in {−1, 0, 1} and `y` [N, T, 6] in {0, 1}.

    Args:
        data: the file, whose md5 is right: scipy's reader may take the process down with it over a damaged one.
        name: what an error message calls it.
        unlabelled: label of steps that have none.

    Raises:
        DataError: when the file is cut short, or holds something else.
    """
    from scipy.io import loadmat

    try:
        parts = loadmat(io.BytesIO(data), variable_names=["x", "y"])
    except Exception as error:  # scipy's reader raises whatever the damage leads it to
        raise DataError(f"{name}: cannot be read as a MATLAB file ({error}); replace the file") from error
    x, y = (np.asarray(parts.get(part, 0)) for part in "xy")
    if x.ndim != 3 or x.shape[2] != CHANNELS or y.shape != (*x.shape[:2], CLASSES):
        found = f"{x.shape} and {y.shape}"
        raise DataError(f"{name}: expected x [N, T, 4] and y [N, T, 6], found {found}; replace the file")
    _check(x, np.isin(x, (-1, 0, 1)), f"{name}: expected spikes −1, 0 or 1 in x")
    _check(y, np.isin(y, (0, 1)), f"{name}: expected 0 or 1 in y")
    _check(y.sum(2), y.sum(2) <= 1, f"{name}: expected one label at a step")
    labels = np.where(y.any(2), y.argmax(2), unlabelled).astype(np.int64)
    for number in np.flatnonzero(~(labels >= 0).any(1))[:1]:
        raise DataError(f"{name}: expected labels, record {number} has none; replace the file")
    recordings = ((*np.nonzero(record), record[np.nonzero(record)].astype(np.int8)) for record in x)
    return Split(Events.of(recordings, (CHANNELS,), x.shape[1], name), torch.from_numpy(labels))


def _check(values: NDArray[Any], fine: NDArray[Any], message: str) -> None:
    if not fine.all():
        place = np.unravel_index(int(fine.argmin()), fine.shape)
        record, step, *_ = (int(number) for number in place)
        raise DataError(f"{message}, found {values[place]} in record {record} at step {step}; replace the file")


def _some(split: Split, count: int | None, option: str) -> Split:
    """Records drawn at random: each has all classes, so there are none to keep in proportion."""
    numbers = chosen(torch.zeros(len(split), dtype=torch.int64), count, option)
    return Split(split.x[numbers], split.y[numbers])


def _require(validation: int, total: int) -> None:
    if not isinstance(validation, int):
        raise TypeError(f"validation={validation!r} is no integer; give a number of records, e.g. validation=100")
    if not 1 <= validation < total:
        raise ValueError(f"validation={validation} of {total} records; choose from 1 to {total - 1}")
