"""ECG-QTDB on small MATLAB files, and on the real ones where these are: spikes and labels as they stand in the file."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from spikefa.datasets import DataError, ecg_qtdb
from spikefa.datasets.dataset import UNLABELLED

from .conftest import put, use
from .event_files import ecg_file

DATA = os.environ.get("SPIKEFA_DATA")


def dense(split):
    """[N, T, 4], as in the file."""
    return split.x.binned(split.y.shape[1]).transpose(0, 1).numpy()


def labels(parts):
    """[N, T], by a loop."""
    return np.array([[row.tolist().index(1) if row.any() else UNLABELLED for row in one] for one in parts["y"]])


def test_records_and_labels_are_those_of_the_file(tmp_path, ecg_files):
    data = ecg_qtdb.load(put(tmp_path / "ecg-qtdb", ecg_files), validation=6)
    assert (data.name, data.shape, data.classes) == ("ecg_qtdb", (4,), 6)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [24, 6, 8]
    parts = ecg_file(30)[1]
    assert (dense(data.validation) == parts["x"][24:]).all()
    assert (data.validation.y.numpy() == labels(parts)[24:]).all()
    train = {(x.tobytes(), y.tobytes()) for x, y in zip(dense(data.train), data.train.y.numpy(), strict=True)}
    wanted = zip(parts["x"][:24].astype(np.float32), labels(parts), strict=False)
    assert train == {(x.tobytes(), y.tobytes()) for x, y in wanted}
    assert (data.train.y == UNLABELLED).float().mean() == pytest.approx(1 / 6)


def test_steps_without_a_label_may_be_of_the_first_class_as_in_the_published_code(tmp_path, ecg_files):
    folder = put(tmp_path, ecg_files)
    ignored, first = (ecg_qtdb.load(folder, validation=6, unlabelled=word) for word in ("ignored", "first"))
    assert first.train.y.equal(ignored.train.y.clamp(min=0))
    assert (first.note[-5:], ignored.note[-7:]) == ("first", "ignored")


def test_limits_are_the_same_at_every_call(tmp_path, ecg_files):
    folder = put(tmp_path, ecg_files)
    small, again = (ecg_qtdb.load(folder, train=10, validation=6, test=5) for _ in range(2))
    assert [len(split) for split in (small.train, small.validation, small.test)] == [10, 6, 5]
    assert small.train.y.equal(again.train.y)
    assert small.note.startswith("ECG-QTDB, 10/6/5; ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unlabelled": "zero"}, "unlabelled='zero'; choose from ignored, first"),
        ({"validation": 0}, "validation=0 of 30 records; choose from 1 to 29"),
        ({"validation": 30}, "validation=30 of 30 records"),
        ({"validation": 6, "train": 25}, "train=25 of 24"),
    ],
)
def test_impossible_options_are_refused(tmp_path, ecg_files, options, message):
    with pytest.raises(ValueError, match=message):
        ecg_qtdb.load(put(tmp_path, ecg_files), **options)
    with pytest.raises(TypeError, match=r"validation=0.1 is no integer"):
        ecg_qtdb.load(tmp_path, validation=0.1)


def with_one(part, value, place):
    changed = ecg_file(30)[1][part].copy()
    changed[place] = value
    return {part: changed}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (with_one("x", 2, (3, 5, 1)), "spikes −1, 0 or 1 in x, found 2 in record 3 at step 5"),
        (with_one("y", 7, (3, 5, 1)), "0 or 1 in y, found 7 in record 3 at step 5"),
        (with_one("y", 1, (3, 5)), "one label at a step, found 6 in record 3 at step 5"),
        (with_one("y", 0, 3), "expected labels, record 3 has none"),
        ({"x": np.full((30, 30, 4), np.nan)}, "spikes −1, 0 or 1 in x, found nan in record 0 at step 0"),
        ({"x": None}, r"found \(\) and \(30, 30, 6\)"),
        ({"y": np.zeros((30, 29, 6))}, r"found \(30, 30, 4\) and \(30, 29, 6\)"),
        ({"x": np.zeros((30, 30, 3))}, r"found \(30, 30, 3\) and \(30, 30, 6\)"),
    ],
)
def test_wrong_parts_are_named(tmp_path, monkeypatch, ecg_files, parts, message):
    files = ecg_files | {ecg_qtdb.TRAIN: ecg_file(30, **parts)[0]}
    use(monkeypatch, ecg_qtdb, files)
    with pytest.raises(DataError, match=rf"^QTDB_train.mat: .*{message}; replace the file"):
        ecg_qtdb.load(put(tmp_path, files), validation=6)


@pytest.mark.parametrize("kept", [0, 60, 200, 0.5, 0.95])
def test_a_file_that_was_cut_is_never_read_in_silence(tmp_path, monkeypatch, ecg_files, kept):
    whole = ecg_files[ecg_qtdb.TRAIN]
    cut = whole[: kept if isinstance(kept, int) else int(kept * len(whole))]
    files = ecg_files | {ecg_qtdb.TRAIN: cut}
    with pytest.raises(DataError, match=r"QTDB_train.mat: expected data of md5"):
        ecg_qtdb.load(put(tmp_path, files))
    use(monkeypatch, ecg_qtdb, files)
    with pytest.raises(DataError, match=r"^QTDB_train.mat: "):
        ecg_qtdb.load(put(tmp_path, files))


@pytest.mark.skipif(not DATA, reason="needs the real data: set SPIKEFA_DATA to a folder that holds them")
def test_the_real_files_have_the_known_numbers():
    data = ecg_qtdb.load(Path(DATA or ""))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [518, 100, 141]
    y = torch.cat([data.train.y, data.validation.y])
    assert y[y >= 0].bincount().tolist() == [100_530, 49_485, 46_503, 35_776, 242_792, 263_147]
    assert int((y == UNLABELLED).sum()) == 65_785
    assert data.test.y[data.test.y >= 0].bincount().tolist() == [24_153, 10_145, 9_840, 9_065, 55_885, 55_297]
    x = data.train.x.binned(1301)
    assert x.shape == (1301, 518, 4)
    assert sorted(x.unique().tolist()) == [-1, 0, 1]
    assert (x == -1).nonzero()[:, 0].unique().tolist() == [1300]  # the one fall of a record is its last step
