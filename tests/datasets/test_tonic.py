"""tonic as a source: a small SHD that tonic itself reads, and data sets of tonic's kind; its absence is named."""

import sys

import numpy as np
import pytest
import torch

from spikefa.datasets import DATASETS, DataError

from .event_files import shd_file

TYPE = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])


def test_without_tonic_the_way_to_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tonic", None)
    with pytest.raises(ImportError, match=r"pip install 'spikefa\[tonic\]'"):
        DATASETS["tonic"](tmp_path)


@pytest.fixture
def tonic():
    return pytest.importorskip("tonic", reason="needs spikefa[tonic]")


def test_shd_as_tonic_reads_it_has_the_events_of_the_file(tmp_path, tonic):
    columns = {}
    (tmp_path / "SHD").mkdir()
    for part, speakers in (("train", (0, 3, 7)), ("test", (4,))):
        data, columns[part] = shd_file(speakers)
        (tmp_path / "SHD" / f"shd_{part}.h5").write_bytes(data)
        (tmp_path / "SHD" / f"shd_{part}.h5.zip").write_bytes(b"")  # of which tonic asks only whether it is there
    data = DATASETS["tonic"](tmp_path, name="SHD", window=1.4, validation=40)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [80, 40, 40]
    assert (data.name, data.shape, data.classes) == ("tonic", (700,), 20)
    assert data.note.startswith("SHD by tonic, 80/40/40, 1.4 s; ")
    found = {
        (*split.x.binned(1)[0, number].tolist(), int(split.y[number]))
        for split in (data.train, data.validation)
        for number in range(len(split))
    }
    units, labels = columns["train"]["spikes/units"], columns["train"]["labels"]
    assert found == {(*np.bincount(one, minlength=700).tolist(), int(y)) for one, y in zip(units, labels, strict=True)}
    bins = data.test.x.binned(14).sum((1, 2)).tolist()
    times = np.concatenate(columns["test"]["spikes/times"]).astype(float) * 1e6
    assert bins == np.bincount((times.astype(int) * 14 // 1_400_000), minlength=14).tolist()


def test_what_tonic_cannot_read_is_said(tmp_path, tonic):
    (tmp_path / "SHD").mkdir()
    for name in ("shd_train.h5", "shd_train.h5.zip"):
        (tmp_path / "SHD" / name).write_bytes(b"no HDF5")
    with pytest.raises(DataError, match=r"tonic cannot have SHD in .*\(OSError: .*put good files there"):
        DATASETS["tonic"](tmp_path, name="SHD", window=1.4)


def recorded(tonic, monkeypatch, event=(3, 1, 500, 1), labels=None):
    """A data set of 20 recordings: one event each, at the same place, and one at the recording's number."""

    class Made:
        sensor_size = (5, 4, 2)

        def __init__(self, save_to, train=True):
            self.targets = [number % 2 for number in range(20)] if labels is None else labels

        def __len__(self):
            return 20

        def __getitem__(self, number):
            return np.array([(number % 5, number // 5, 9000, 0), event], TYPE), self.targets[number]

    monkeypatch.setattr(tonic.datasets, "Made", Made, raising=False)


def test_places_and_polarities_are_where_they_belong(tmp_path, monkeypatch, tonic):
    recorded(tonic, monkeypatch)
    data = DATASETS["tonic"](tmp_path, name="Made", window=0.01, validation=4, train=8)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [8, 4, 20]
    assert (data.shape, data.classes) == ((2, 4, 5), 2)
    binned = data.test.x.binned(10)
    assert binned[0, :, 1, 1, 3].eq(1).all()
    assert binned[9, :, 0].flatten(1).argmax(1).sort().values.tolist() == list(range(20))
    assert (binned[9, :, 0].flatten(1).argmax(1) % 2).equal(data.test.y)
    assert binned.sum() == 40


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ((5, 1, 1, 0), "inputs from 0 to 39, found"),
        ((1, 4, 1, 0), "inputs from 0 to 39, found"),
        ((1, 1, 1, 2), "inputs from 0 to 39, found"),
        ((-1, 1, 1, 0), "inputs from 0 to 39, found"),
        ((1, 1, -1, 0), "times of 0 or later, found -1"),
        ((1, 1, 10_000, 0), "an event at 10000 is not before .*, 10000; .*tonic:name=Made,window=0.02"),
    ],
)
def test_events_off_the_sensor_or_the_window_are_refused(tmp_path, monkeypatch, tonic, event, message):
    recorded(tonic, monkeypatch, event)
    with pytest.raises(DataError, match=rf"^Made: recording 0: .*{message}"):
        DATASETS["tonic"](tmp_path, name="Made", window=0.01, validation=4)


def test_sets_that_do_not_fit_are_refused(tmp_path, monkeypatch, tonic):
    for name in ("Nothing", "EBSSA", "dvsgesture"):
        with pytest.raises(ValueError, match=rf"no data set '{name}' with two parts.*it has .*NMNIST.*SHD"):
            DATASETS["tonic"](tmp_path, name=name)
    recorded(tonic, monkeypatch, labels=["a"] * 20)
    with pytest.raises(ValueError, match="Made has labels that are no numbers of classes"):
        DATASETS["tonic"](tmp_path, name="Made")


def test_global_generators_are_left_alone(tmp_path, monkeypatch, tonic):
    recorded(tonic, monkeypatch)
    state = torch.get_rng_state()
    DATASETS["tonic"](tmp_path, name="Made")
    assert torch.get_rng_state().equal(state)
