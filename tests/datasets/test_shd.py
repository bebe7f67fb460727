"""SHD on small HDF5 files: every event in its bin, speakers apart, damage named."""

import gzip
import io

import h5py
import numpy as np
import pytest
import torch

from spikefa.datasets import DataError, shd

from .conftest import put, use
from .event_files import shd_file


def naive(data, steps, channels=700):
    """Recordings [T, C] and labels, by a loop over the file."""
    with h5py.File(io.BytesIO(data)) as file:
        for times, units, label in zip(file["spikes/times"], file["spikes/units"], file["labels"], strict=True):
            binned = np.zeros((steps, channels), np.float32)
            for t, unit in zip(times.tolist(), units.tolist(), strict=True):
                binned[int(t * steps / 1.4), unit * channels // 700] += 1
            yield binned.tobytes(), int(label)


def bag(split, steps):
    return {(x.numpy().tobytes(), int(y)) for x, y in zip(split.x.binned(steps).unbind(1), split.y, strict=True)}


@pytest.mark.parametrize(("steps", "channels"), [(10, 700), (33, 140)])
def test_every_recording_is_there_once_binned_as_by_a_loop(tmp_path, shd_files, steps, channels):
    data = shd.load(put(tmp_path / "shd", shd_files), channels=channels)
    assert (len(data.train), len(data.validation), len(data.test)) == (80, 40, 40)
    assert (data.name, data.shape, data.classes) == ("shd", (channels,), 20)
    train, validation, test = (bag(split, steps) for split in (data.train, data.validation, data.test))
    assert train | validation == set(naive(shd_files[shd.TRAIN], steps, channels))
    assert test == set(naive(shd_files[shd.TEST], steps, channels))
    assert not train & validation
    assert not test & (train | validation)


@pytest.mark.parametrize(("speakers", "held", "count"), [(1, "7", 40), (2, "3, 7", 80)])
def test_validation_is_whole_speakers_of_whom_none_is_trained_on(tmp_path, shd_files, speakers, held, count):
    data = shd.load(put(tmp_path, shd_files), speakers=speakers)
    recordings = list(naive(shd_files[shd.TRAIN], 20))
    assert bag(data.validation, 20) == set(recordings[-count:])
    assert bag(data.train, 20) == set(recordings[:-count])
    assert f"validation is all of speaker {held}" in data.note


def test_limits_are_stratified_and_the_same_at_every_call(tmp_path, shd_files):
    folder = put(tmp_path, shd_files)
    small, again = (shd.load(folder, train=40, validation=20, test=20) for _ in range(2))
    for split, one in ((small.train, 2), (small.validation, 1), (small.test, 1)):
        assert split.y.bincount().tolist() == [one] * 20
    assert small.train.x.binned(5).equal(again.train.x.binned(5))
    assert bag(small.train, 5) < bag(shd.load(folder).train, 5)
    assert small.note.startswith("SHD, 40/20/20 recordings, 700 channels, 1.4 s; ")


def test_training_recordings_are_shuffled(tmp_path, shd_files):
    """For the first ones are those on which gradients are measured."""
    assert len(set(shd.load(put(tmp_path, shd_files)).train.y[:40].tolist())) > 12
    y = shd.load(put(tmp_path, shd_files)).train.y
    assert not y.equal(y.sort().values)
    assert y[:20].tolist() != list(range(20))


@pytest.mark.parametrize("packed", [True, False])
def test_files_are_found_packed_and_unpacked(tmp_path, shd_files, packed):
    for name, data in shd_files.items():
        path = tmp_path / (name if packed else name.removesuffix(".gz"))
        path.write_bytes(gzip.compress(data) if packed else data)
    assert len(shd.load(tmp_path).test) == 40


def test_it_is_downloaded_once(monkeypatch, server, shd_files, cache):
    server.files.update({name: gzip.compress(data) for name, data in shd_files.items()})
    use(monkeypatch, shd, shd_files, addresses=(server.address,))
    assert len(shd.load().train) == len(shd.load().train) == 80
    assert sorted(server.asked) == sorted(shd_files)
    assert sorted(path.name for path in (cache / "shd").iterdir()) == sorted(shd_files)


def spoil(tmp_path, monkeypatch, **columns):
    """A training file with columns as given, whose md5 is right."""
    files = {shd.TRAIN: shd_file((0, 3), **columns)[0], shd.TEST: shd_file((4,))[0]}
    use(monkeypatch, shd, files)
    return put(tmp_path, files)


def lists(at, wrong, fine, dtype, count=80):
    """Two events for each recording, one of recording `at` being wrong."""
    return [np.array([fine, wrong if number == at else fine], dtype) for number in range(count)]


ONE = {"spikes_times": lists(-1, 0, 0.1, np.float16), "spikes_units": lists(-1, 0, 3, np.int32)}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (ONE | {"spikes_units": lists(9, 700, 3, np.int32)}, "inputs from 0 to 699, found 700"),
        (ONE | {"spikes_units": lists(9, -1, 3, np.int32)}, "inputs from 0 to 699, found -1"),
        (ONE | {"spikes_times": lists(9, -0.5, 0.1, np.float16)}, "times of 0 or later, found -0.5"),
        (ONE | {"spikes_times": lists(9, np.nan, 0.1, np.float16)}, "times of 0 or later, found nan"),
        (
            ONE | {"spikes_times": lists(9, 1.5, 0.1, np.float16)},
            "an event at 1.5 is not before .* 1.4; .* shd:window=2.8",
        ),
        (ONE | {"spikes_units": [np.zeros(1, np.int32)] * 80}, r"of one length, found \(2,\) and \(1,\)"),
        ({"spikes_units": None}, "cannot be read as HDF5 with SHD's parts"),
        ({"extra_speaker": None}, "cannot be read as HDF5 with SHD's parts"),
        ({"labels": None}, "cannot be read as HDF5 with SHD's parts"),
        ({"labels": np.full(80, 20)}, "labels from 0 to 19, found 20 at recording 0"),
        ({"labels": np.full(80, -3)}, "labels from 0 to 19, found -3 at recording 0"),
        ({"labels": np.full(79, 3)}, r"80 whole numbers in labels, .* found int64 of \(79,\)"),
        ({"labels": np.full(80, 0.5)}, r"80 whole numbers in labels, .* found float64 of \(80,\)"),
        ({"extra_speaker": np.full((80, 2), 1)}, r"80 whole numbers in extra/speaker, .* of \(80, 2\)"),
    ],
)
def test_wrong_parts_are_named(tmp_path, monkeypatch, columns, message):
    with pytest.raises(DataError, match=rf"^shd_train.h5.gz: .*{message}"):
        shd.load(spoil(tmp_path, monkeypatch, **columns))


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_file_that_was_cut_is_never_read_in_silence(tmp_path, monkeypatch, shd_files, kept):
    whole = shd_files[shd.TRAIN]
    cut = whole[: kept if isinstance(kept, int) else int(kept * len(whole))]
    folder = put(tmp_path, shd_files | {shd.TRAIN: cut})
    with pytest.raises(DataError, match=r"shd_train.h5.gz: expected data of md5 .* Delete this file"):
        shd.load(folder)
    use(monkeypatch, shd, shd_files | {shd.TRAIN: cut})  # and were the sum right
    with pytest.raises(DataError, match=r"shd_train.h5.gz: cannot be read as HDF5"):
        shd.load(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 300}, "channels=300 do not divide the 700"),
        ({"channels": 0}, "channels must be a whole number"),
        ({"speakers": 3}, "speakers=3 of 3 are held out; choose at most 2"),
        ({"speakers": 0}, "speakers must be"),
        ({"window": -1}, "window must be a positive number"),
        ({"train": 81}, "train=81 of 80 examples in 20 classes"),
        ({"validation": 3}, "validation=3 of 40 examples"),
    ],
)
def test_impossible_options_are_refused(tmp_path, shd_files, options, message):
    with pytest.raises(ValueError, match=message):
        shd.load(put(tmp_path, shd_files), **options)


def test_without_h5py_the_way_to_it_is_named(tmp_path, monkeypatch, shd_files):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'spikefa\[events\]'"):
        shd.load(put(tmp_path, shd_files))


def test_global_generators_are_left_alone(tmp_path, shd_files):
    state = torch.get_rng_state()
    shd.load(put(tmp_path, shd_files), train=40)
    assert torch.get_rng_state().equal(state)
