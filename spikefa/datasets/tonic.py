"""Event data sets of tonic's, another library, which reads and fetches them: an optional source, only ever imported."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikefa.datasets.dataset import Dataset, Split, chosen, stratified
from spikefa.datasets.events import Events
from spikefa.datasets.integrity import DataError
from spikefa.datasets.source import named_folder
from spikefa.options import positive


def load(
    folder: Path | None = None,
    *,
    name: str = "NMNIST",
    window: float = 0.34,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
) -> Dataset:
    """A data set of tonic's by its name there, such as `tonic:name=SHD,window=1.4`; needs extra `tonic`.

    For sets that have a part for training and one for testing. tonic looks for the files in a folder of the set's name
    in `folder`, fetches what is missing into it, and checks what it fetches, but not what lies there. Events are kept
    as lists and are binned a batch at a time, to the experiment's steps. Validation is drawn at random, whoever was
    recorded; `shd` holds out speakers.

    Args:
        folder: where tonic keeps its files; else SPIKEFA_DATA, else a folder `tonic` in the cache.
        name: of the class in `tonic.datasets`.
        window: time, in seconds, that the steps divide.
        train: limit on the training recordings that remain after validation is held out; None keeps all.
        validation: number of validation recordings, held out of the training part; None means a sixth.
        test: limit on the test recordings; None keeps all.

    Raises:
        DataError: when an event is off the sensor or not within the window.
        ImportError: when tonic is not installed.
        TypeError: when a number is no integer.
        ValueError: when tonic has no such set, or one without two parts, or labels that are no classes; when a number
            is too small for one recording per class, or too large.

    Reference:
        Tonic: event-based datasets and transformations, G. Lenz et al., 2021, https://doi.org/10.5281/zenodo.5079802
    """
    positive(window=window)
    recorded, held_out = (_part(name, folder, training) for training in (True, False))
    y, held_y = _labels(recorded, name), _labels(held_out, name)
    stay, held = stratified(y, len(y) // 6 if validation is None else validation, "validation")
    kept = _split(recorded, y, stay[chosen(y[stay], train, "train")], name, window)
    valid = _split(recorded, y, held, name, window)
    tested = _split(held_out, held_y, chosen(held_y, test, "test"), name, window)
    sizes = f"{len(kept):,}/{len(valid):,}/{len(tested):,}"
    note = f"{name} by tonic, {sizes}, {window:g} s; validation held out of the training part, stratified, seed 0"
    return Dataset("tonic", kept, valid, tested, classes=1 + int(torch.cat([y, held_y]).max()), note=note)


def _part(name: str, folder: Path | None, training: bool) -> Any:
    try:
        import tonic
    except ImportError as error:
        raise ImportError("the data sets of tonic need it: pip install 'spikefa[tonic]'") from error
    kind: Any = getattr(tonic.datasets, name, None)
    has_both = inspect.isclass(kind) and "train" in inspect.signature(kind).parameters
    if not has_both:
        known = [one for one in vars(tonic.datasets).values() if inspect.isclass(one)]
        fit = ", ".join(sorted({one.__name__ for one in known if "train" in inspect.signature(one).parameters}))
        raise ValueError(f"tonic has no data set {name!r} with two parts, one to train and one to test; it has {fit}")
    place = named_folder(folder) or _cache()
    try:
        return kind(save_to=str(place), train=training)
    except Exception as error:  # tonic's readers raise whatever the damage, or the missing network, leads them to
        said = f"{type(error).__name__}: {error}"
        raise DataError(
            f"tonic cannot have {name} in {place} ({said}); put good files there, or take them away"
        ) from error


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("spikefa")) / "tonic"


def _labels(recorded: Any, name: str) -> Tensor:
    labels = np.asarray(recorded.targets or [recorded[number][1] for number in range(len(recorded))])
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or (labels < 0).any():
        found = f"{labels.dtype} of {labels.shape}"
        raise ValueError(f"{name} has labels that are no numbers of classes, {found}: take another data set")
    return torch.from_numpy(labels.astype(np.int64))


def _split(recorded: Any, y: Tensor, numbers: Tensor, name: str, window: float) -> Split:
    """tonic gives a sensor's size as (x, y, polarities), and times in microseconds."""
    place = tuple(size for size in reversed(recorded.sensor_size) if size > 1)
    way_out = f"if these are the right files, name a longer window: tonic:name={name},window={2 * window:g}"
    events = Events.of(_recordings(recorded, numbers), place, window * 1e6, name, way_out)
    return Split(events, y[numbers])


def _recordings(recorded: Any, numbers: Tensor) -> Iterator[tuple[Any, Any]]:
    sizes = dict(zip("xyp", recorded.sensor_size, strict=True))
    for number in numbers.tolist():
        events = recorded[number][0]
        unit = np.zeros(len(events), np.int64)
        for axis in "pyx":
            if sizes[axis] > 1:  # of one polarity tonic says that it is number 1
                at = np.asarray(events[axis], dtype=np.int64)
                unit = np.where((at < 0) | (at >= sizes[axis]), prod(sizes.values()), unit * sizes[axis] + at)
        yield np.asarray(events["t"]), unit
