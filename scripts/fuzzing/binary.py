"""The readers of checkpoints and of events: further entries of `READERS`."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

from spikefa.checkpoint import Checkpoint
from spikefa.datasets import DATASETS, nmnist
from spikefa.datasets.source import Source
from spikefa.datasets.source import read as read_source
from spikefa.experiment import Experiment
from spikefa.training import Training

from .trial import Reader


def checkpoint() -> Reader:
    """A checkpoint, whose sum is in it: all of it is as it was written."""
    fields = {"network": "mlp:depth=1,width=4", "steps": 1, "epochs": 1, "rule": "fbp:period=3"}
    training = Training(Experiment(**fields), DATASETS["digits"](train=40, validation=20, test=20))
    for _ in training.epochs():
        pass
    with TemporaryDirectory() as folder:
        path = Path(folder) / "last.safetensors"
        training.checkpoint().save(path)
        valid, true = path.read_bytes(), told(Checkpoint.read(path))

    return Reader("last.safetensors", (valid,), Checkpoint.read, lambda found, _: told(found) == true)


def told(found: Checkpoint) -> str:
    """All that a checkpoint holds, as text; tensors by their numbers."""
    state = {name: str(value) for name, value in found.state.items()}
    return repr((found.experiment, found.origin, found.shape, found.classes, found.history, state))


def events_of_40_bits() -> Reader:
    """A recording of N-MNIST, which has no sum of its own: each event is on the sensor, and none is lost."""
    random = np.random.default_rng(0)
    events = [(*random.integers(0, 34, 2).tolist(), p % 2, int(t)) for p, t in enumerate(random.integers(0, 9**5, 200))]
    valid = b"".join((x << 32 | y << 24 | p << 23 | t).to_bytes(5, "big") for x, y, p, t in events)

    def law(found: tuple[Any, Any], data: bytes) -> bool:
        time, unit = found
        sensed = sum(y != nmnist.OVERFLOW for y in data[1::5])
        inside = len(unit) == 0 or 0 <= int(unit.min()) <= int(unit.max()) < 2 * 34 * 34
        return len(time) == len(unit) == sensed and inside and (time >= 0).all()

    return Reader("00001.bin", (valid,), lambda path: nmnist.decode(path.read_bytes(), path.name), law)


def hdf5() -> Reader:
    """A file of HDF5 whose md5 is known, as SHD's are: what is not that file is refused before HDF5 looks at it."""
    made, times = io.BytesIO(), [np.arange(n, dtype=np.float16) / 10 for n in (3, 5, 0, 9)]
    with h5py.File(made, "w") as file:
        part = file.create_dataset("spikes/times", (len(times),), dtype=h5py.vlen_dtype(np.float16))
        for number, one in enumerate(times):
            part[number] = one
    valid = made.getvalue()
    source = Source(("",), {"shd.h5": hashlib.md5(valid).hexdigest()}, ())

    def spikes(path: Path) -> list[list[float]]:
        with h5py.File(io.BytesIO(read_source(source, path.name, path.parent)), "r") as file:
            return [one.tolist() for one in file["spikes/times"]]

    return Reader("shd.h5", (valid,), spikes, lambda found, _: found == [one.tolist() for one in times])


BINARY = {"checkpoints": checkpoint, "N-MNIST events": events_of_40_bits, "HDF5 spikes, with md5": hdf5}
