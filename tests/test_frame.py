"""The records as a DataFrame are those of the file, one row for each epoch."""

import pytest

import spikefa
from spikefa.frame import flat
from spikefa.runs import read
from tests.synthetic import run, start, write


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, *run("bp", 0), *run("fa", 1), *run("sal", 7, end="failed"), start("k", "kp", 3))
    return tmp_path


def test_a_row_for_each_epoch_of_each_run_with_its_settings_and_state(folder):
    frame = spikefa.results(folder)
    assert len(frame) == 11 + 11 + 4 + 1
    last = frame[(frame["rule"] == "fa") & (frame["epoch"] == 10)].iloc[0]
    (fa,) = (run for run in read(folder) if run.rule == "fa")
    for name, value in (fa.experiment | flat(fa.epochs[-1])).items():
        assert name in ("kind", "angles") or last[name] == value, name
    assert frame.groupby("rule", sort=False)["state"].first().to_list() == ["done", "done", "failed", "incomplete"]
    assert "Diverged" in frame[frame["rule"] == "sal"]["error"].iloc[0]
    assert set(frame["device"]) == {"cpu"}


def test_what_was_not_measured_is_nan_and_a_run_without_epochs_is_kept(folder):
    frame = spikefa.results(str(folder / "runs.jsonl"))
    assert frame[frame["epoch"] == 0]["loss"].isna().all()
    (kp,) = frame[frame["rule"] == "kp"].to_dict("records")
    assert kp["seed"] == 3
    assert frame["epoch"].isna().sum() == 1
    assert frame["accuracy.test"].dtype == frame["alignment.fc2.cosine"].dtype == float


def test_a_table_of_it_is_one_line(folder):
    frame = spikefa.results(folder)
    best = frame[frame["epoch"] == 10].pivot(index="rule", columns="seed", values="accuracy.test")
    assert best.loc["fa", 1] == frame[(frame["rule"] == "fa")]["accuracy.test"].iloc[-1]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no .*runs\.jsonl"):
        spikefa.results(tmp_path)
