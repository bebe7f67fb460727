import json

import pytest

from spikefa.runs import TornLine, mend, read
from tests.synthetic import ENVIRONMENT, epoch, run, start, write

DONE = {"kind": "done", "key": "k", "epochs": 1}


def torn(folder, text=b'{"kind": "epoch", "ke'):
    file = write(folder, *run("fa", 0))
    with file.open("ab") as stream:
        stream.write(text)
    return file


def test_a_run_is_read_as_it_was_written(tmp_path):
    lines = run("fbp:period=100", 2)
    (read_run,) = read(write(tmp_path, *lines))
    assert (read_run.rule, read_run.seed, read_run.state) == ("fbp:period=100", 2, "done")
    assert list(read_run.epochs) == lines[1:-1]
    before = {"credit": "bptt", "precision": "float32", "optimizer": "adamw"}  # what all runs had
    assert read_run.experiment == lines[0]["experiment"] | before
    assert read_run.environment == ENVIRONMENT
    assert read_run.data == lines[0]["data"]
    assert not {"rule", "seed"} & set(read_run.setting)


def test_the_folder_and_the_file_are_the_same(tmp_path):
    assert read(write(tmp_path, *run("fa", 0))) == read(tmp_path)


def test_failed_and_incomplete_runs_are_told_apart(tmp_path):
    ends = [*run("bp", 0), *run("fa", 0, end="failed"), *run("kp", 0, end="incomplete")]
    runs = read(write(tmp_path, *ends))
    assert [run.state for run in runs] == ["done", "failed", "incomplete"]
    assert [run.error for run in runs] == ["", "Diverged: loss is nan at epoch 3, batch 17", ""]


def test_the_last_start_of_a_key_counts_with_everything_after_it(tmp_path):
    killed = [start("k", "fa", 0), epoch("k", 0, 0.1, 0.1), epoch("k", 1, 0.9, 0.9)]
    again = [start("k", "fa", 0), epoch("k", 0, 0.2, 0.2), DONE]
    first, second = read(write(tmp_path, *killed, *run("bp", 0), *again))
    assert [first.key, second.rule] == ["k", "bp"]
    assert [line["accuracy"]["test"] for line in first.epochs] == [0.2]
    assert first.state == "done"


def test_a_failure_is_forgotten_when_the_run_starts_again(tmp_path):
    failed = {"kind": "failed", "key": "k", "epoch": 1, "error": "Diverged"}
    (again,) = read(write(tmp_path, start("k", "fa", 0), failed, start("k", "fa", 0)))
    assert (again.state, again.error) == ("incomplete", "")


def test_interleaved_runs_are_told_apart(tmp_path):
    pairs = zip(run("bp", 0), run("fa", 0), strict=True)
    alone = read(write(tmp_path / "alone", *run("bp", 0), *run("fa", 0)))
    assert read(write(tmp_path / "mixed", *(line for pair in pairs for line in pair))) == alone


def test_unknown_fields_are_ignored_and_null_is_kept(tmp_path):
    line = epoch("k", 0, 0.1, 0.1, gradient={"angle": None}, colour="blue")
    (read_run,) = read(write(tmp_path, start("k", "fa", 0), line))
    assert read_run.epochs[0]["gradient"]["angle"] is None


@pytest.mark.parametrize(
    "text", [b'{"kind": "epoch", "ke', b'{"kind": "done", "key": "k"}', b"\xc3", b'{"kind\n', b"7\n"]
)
def test_a_torn_last_line_is_named_and_mended(tmp_path, text):
    file = torn(tmp_path, text)
    count = len(file.read_bytes().splitlines())
    with pytest.raises(TornLine, match=rf"runs\.jsonl, line {count}: .*`spikefa compare` again.*--mend"):
        read(tmp_path)
    assert mend(tmp_path) == len(text)
    assert mend(tmp_path) == 0
    assert read(tmp_path) == read(write(tmp_path / "whole", *run("fa", 0)))


def test_a_broken_middle_line_is_named_and_never_mended(tmp_path):
    file = write(tmp_path, *run("fa", 0))
    lines = file.read_bytes().splitlines(keepends=True)
    broken = b"".join([*lines[:2], b'{"kind": "epo\n', *lines[2:]])
    file.write_bytes(broken + b'{"torn')
    for reader in (read, mend):
        with pytest.raises(ValueError, match=r"line 3: not a JSON object"):
            reader(tmp_path)
    assert file.read_bytes() == broken + b'{"torn'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"kind": "checkpoint"}, "line 2: unknown kind 'checkpoint', known are environment, start"),
        ({"kind": "epoch", "key": "k"}, "line 2: a line of kind 'epoch' lacks epoch, accuracy"),
        (DONE, "line 2: no start before it has the key 'k'"),
        (start("k", "fa", 0) | {"environment": "e2"}, "line 2: no line before it describes the environment 'e2'"),
        (start("k", "fa", 0) | {"experiment": {"rule": "fa"}}, "line 2: the experiment 'k' lacks its rule or its seed"),
    ],
)
def test_a_line_that_is_not_ours_is_named(tmp_path, line, message):
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path, line))


@pytest.mark.parametrize("reader", [read, mend])
def test_a_missing_file_is_named_with_the_way_out(tmp_path, reader):
    with pytest.raises(FileNotFoundError, match=r"nowhere.runs\.jsonl.*spikefa compare --out"):
        reader(tmp_path / "nowhere")


def test_the_data_note_may_stand_in_the_environment(tmp_path):
    bare = {name: value for name, value in start("k", "fa", 0).items() if name != "data"}
    text = "".join(json.dumps(line) + "\n" for line in (ENVIRONMENT | {"data": "digits, seed 0"}, bare))
    (tmp_path / "runs.jsonl").write_text(text, encoding="utf-8")
    assert read(tmp_path)[0].data == "digits, seed 0"
