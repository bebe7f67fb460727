"""Small files in the formats of the event data sets, and what is in them."""

import io
import zipfile

import h5py
import numpy as np
from scipy.io import savemat

from spikefa.datasets import nmnist, shd


def shd_file(speakers, each=2, seed=0, **spoilt):
    """SHD's HDF5: `each` recordings of every speaker and class; columns may be spoilt by name."""
    random = np.random.default_rng(seed)
    count = len(speakers) * shd.CLASSES * each
    events = [int(random.integers(3, 30)) for _ in range(count)]
    columns = {
        "spikes/times": [np.sort(random.random(n) * 1.39).astype(np.float16) for n in events],
        "spikes/units": [random.integers(0, shd.UNITS, n).astype(np.uint16) for n in events],
        "labels": (np.arange(count) % shd.CLASSES).astype(np.uint16),
        "extra/keys": np.array([f"class {number}" for number in range(shd.CLASSES)], "S"),
        "extra/speaker": np.repeat(speakers, shd.CLASSES * each).astype(np.uint16),
    } | {name.replace("_", "/", 1): column for name, column in spoilt.items()}
    return write_hdf5({name: column for name, column in columns.items() if column is not None}), columns


def write_hdf5(columns):
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        for name, column in columns.items():
            if isinstance(column, list):
                part = file.create_dataset(name, (len(column),), dtype=h5py.vlen_dtype(column[0].dtype))
                for number, one in enumerate(column):
                    part[number] = one
            else:
                file[name] = column
    return made.getvalue()


def encode(events):
    """N-MNIST's 40 bits of each (x, y, polarity, microseconds)."""
    return b"".join((x << 32 | y << 24 | p << 23 | t).to_bytes(5, "big") for x, y, p, t in events)


def nmnist_archive(folder, count, seed=0):
    """A zip of `count` recordings, label i % 10, and their events by name."""
    random = np.random.default_rng(seed)
    recordings = {}
    for number in range(count):
        times = np.sort(random.integers(0, 300_000, 20)).tolist()
        places = random.integers(0, nmnist.SIDE, (20, 2)).tolist()
        events = [(x, y, int(random.integers(2)), t) for (x, y), t in zip(places, times, strict=True)]
        recordings[f"{folder}/{number % 10}/{number:05}.bin"] = events
    return zipped({name: encode(events) for name, events in recordings.items()}), recordings


def zipped(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def ecg_file(count, steps=30, seed=0, **spoilt):
    """MATLAB's file of `count` records, of which every seventh step has no label."""
    random = np.random.default_rng(seed)
    x = (random.random((count, steps, 4)) < 0.2).astype(np.int16)
    x[:, -1, 0] = -1  # as in the real files
    labels = (np.arange(steps) // 3 + np.arange(count)[:, None]) % 6
    y = np.eye(6, dtype=np.uint8)[labels]
    y[:, ::7] = 0
    parts = {"x": x, "y": y, "max_i": np.full((count, 1), steps)} | spoilt
    made = io.BytesIO()
    savemat(made, {name: part for name, part in parts.items() if part is not None})
    return made.getvalue(), parts
