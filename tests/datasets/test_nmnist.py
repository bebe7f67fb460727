"""N-MNIST on small archives: its 40-bit events bit by bit, and what is wrong in an archive named."""

import io
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikefa.datasets import DataError, nmnist
from spikefa.datasets.nmnist import SIDE, decode

from .conftest import expect_archives, put
from .event_files import encode, nmnist_archive, zipped

EVENT = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.integers(0, 1), st.integers(0, 2**23 - 1))
OVERFLOW = st.tuples(st.integers(0, 255), st.just(240), st.integers(0, 1), st.integers(0, 2**23 - 1))


def bit_by_bit(data):
    """What the 40 bits of each event say, read as a string of zeros and ones."""
    later, events = 0, []
    for at in range(0, len(data), 5):
        bits = "".join(f"{byte:08b}" for byte in data[at : at + 5])
        x, y, p, t = (int(bits[a:b], 2) for a, b in ((0, 8), (8, 16), (16, 17), (17, 40)))
        later += 8192 if y == 240 else 0
        if y != 240:
            events.append((t + later, (p * SIDE + y) * SIDE + x))
    return events


@given(st.lists(EVENT | OVERFLOW, max_size=40))
@settings(max_examples=200, deadline=None)
def test_events_are_what_their_bits_say_also_after_overflows(events):
    time, unit = decode(encode(events), "one")
    assert list(zip(time.tolist(), unit.tolist(), strict=True)) == bit_by_bit(encode(events))


def test_known_bytes():
    data = bytes([0x21, 0x00, 0x80, 0x00, 0x00, 0, 240, 0, 0, 0, 0x05, 0x1E, 0x04, 0xA1, 0x20])
    time, unit = decode(data, "one")
    assert time.tolist() == [0, 0x04A120 + 8192]
    assert unit.tolist() == [SIDE * SIDE + 33, 30 * SIDE + 5]


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_events_on_the_sensor_or_refused(data):
    pairs = [(data[at], data[at + 1]) for at in range(0, len(data) - 4, 5)]
    if len(data) % 5 or any(y != 240 and max(x, y) >= SIDE for x, y in pairs):
        with pytest.raises(DataError, match=r"^noise: .*replace the file"):
            decode(data, "noise")
        return
    time, unit = decode(data, "noise")
    assert list(zip(time.tolist(), unit.tolist(), strict=True)) == bit_by_bit(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bytes(7), "events of 5 bytes, found 7 bytes"),
        (encode([(1, 1, 0, 1), (34, 5, 0, 2)]), "event 1 is at x=34, y=5, off the sensor"),
        (encode([(5, 255, 1, 2)]), "event 0 is at x=5, y=255, off the sensor"),
    ],
)
def test_wrong_bytes_are_named(data, message):
    with pytest.raises(DataError, match=rf"^one: .*{message}.*; replace the file"):
        decode(data, "one")


def bag(split, steps):
    return {(x.numpy().tobytes(), int(y)) for x, y in zip(split.x.binned(steps).unbind(1), split.y, strict=True)}


def naive(recordings, steps):
    for name, events in recordings.items():
        binned = np.zeros((steps, 2, SIDE, SIDE), np.float32)
        for x, y, p, t in events:
            binned[t * steps // 340_000, p, y, x] += 1
        yield binned.tobytes(), int(name.split("/")[1])


def test_every_recording_is_there_once_with_its_label(tmp_path, nmnist_files):
    data = nmnist.load(put(tmp_path / "n-mnist", nmnist_files), validation=20)
    assert (len(data.train), len(data.validation), len(data.test)) == (40, 20, 20)
    assert (data.name, data.shape, data.classes) == ("nmnist", (2, SIDE, SIDE), 10)
    train, validation, test = (bag(split, 7) for split in (data.train, data.validation, data.test))
    assert train | validation == set(naive(nmnist_archive("Train", 60)[1], 7))
    assert test == set(naive(nmnist_archive("Test", 20, seed=1)[1], 7))
    assert not train & validation
    assert not test & (train | validation)
    assert data.validation.y.bincount().tolist() == [2] * 10


def test_limits_and_window(tmp_path, nmnist_files):
    folder = put(tmp_path, nmnist_files)
    small = nmnist.load(folder, train=20, validation=20, test=10, window=0.6)
    assert [len(split) for split in (small.train, small.validation, small.test)] == [20, 20, 10]
    assert bag(small.train, 1) < bag(nmnist.load(folder, validation=20).train, 1)
    assert small.train.x.binned(6)[3:].sum() == 0  # nothing after 0.3 s
    assert small.note.startswith("N-MNIST, 20/20/10, 0.6 s; ")
    with pytest.raises(DataError, match=r"not before the end of the window, 200000; .*nmnist:window=0.4"):
        nmnist.load(folder, validation=20, window=0.2)
    with pytest.raises(ValueError, match="validation=51 of 60 examples in 10 classes"):
        nmnist.load(folder, validation=51)


def test_archives_are_downloaded_once_from_addresses_of_their_own(monkeypatch, server, nmnist_files, cache):
    for name, data in nmnist_files.items():
        server.files[f"{name}/file_downloaded"] = data
        expect_archives(monkeypatch, {name: data}, addresses=(f"{server.address}{name}/file_downloaded",))
    assert len(nmnist.load(validation=20).train) == len(nmnist.load(validation=20).train) == 40
    assert len(server.asked) == 2
    assert sorted(path.name for path in (cache / "n-mnist").iterdir()) == sorted(nmnist_files)


def changed(files, name, data):
    return zipped({one: data if one == name else known for one, known in files.items()})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda archive: archive[: len(archive) // 2], "cannot be read as a zip archive"),
        (lambda archive: b"", "cannot be read as a zip archive"),
        (lambda archive: zipped({"Train/x/1.bin": b""}), "Train/x/1.bin lies in a folder that is not named by a digit"),
        (lambda archive: zipped({"Train/0/1.bin": bytes(6)} | many()), "0/1.bin: expected events of 5 bytes, found 6"),
        (lambda archive: zipped({"Train/0/1.bin": bytes([40, 1, 0, 0, 0])} | many()), "0/1.bin: event 0 is at x=40"),
        (lambda archive: zipped({"Train/0/1.bin": bytes(2 << 20)} | many()), "0/1.bin has 2,097,152 bytes, more than"),
    ],
)
def test_wrong_archives_are_named(tmp_path, monkeypatch, nmnist_files, spoil, message):
    files = nmnist_files | {nmnist.TRAIN: spoil(nmnist_files[nmnist.TRAIN])}
    with pytest.raises(DataError, match=r"Train.zip: expected data of md5 .* Delete this file"):
        nmnist.load(put(tmp_path, files))
    expect_archives(monkeypatch, files)
    with pytest.raises(DataError, match=f"Train.zip: .*{message}"):
        nmnist.load(put(tmp_path, files), validation=10)


def many():
    """Enough good recordings for each class."""
    return {f"Train/{number % 10}/{number}.bin": bytes(5) for number in range(100, 160)}


def test_a_byte_that_flipped_within_an_archive_is_noticed(tmp_path, monkeypatch, nmnist_files):
    archive = bytearray(nmnist_files[nmnist.TRAIN])
    with zipfile.ZipFile(io.BytesIO(bytes(archive))) as files:
        start = files.infolist()[7].header_offset
    archive[start + 80] ^= 0xFF
    files = nmnist_files | {nmnist.TRAIN: bytes(archive)}
    expect_archives(monkeypatch, files)
    with pytest.raises(DataError, match=r"Train.zip: Train/7/00007.bin cannot be unpacked .*; replace the archive"):
        nmnist.load(put(tmp_path, files), validation=20)


def test_global_generators_are_left_alone(tmp_path, nmnist_files):
    state = torch.get_rng_state()
    nmnist.load(put(tmp_path, nmnist_files), validation=20)
    assert torch.get_rng_state().equal(state)
