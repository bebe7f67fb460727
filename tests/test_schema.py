"""Versions of `runs.jsonl`, and lines that stand twice, are missing, or are not what was written."""

import json
import re
from pathlib import Path

import pytest

from spikefa.comparison import compare, grid, missing
from spikefa.runs import FILE, SCHEMA, TornLine, mend, read
from spikefa.studies import rows
from tests.synthetic import ENVIRONMENT, epoch, start, write

GOLDEN = Path(__file__).parent / "runs-1.jsonl"
TINY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 2, "dataset": "digits:train=120,validation=60,test=60"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A finished comparison of two rules, as it is written now."""
    folder = tmp_path_factory.mktemp("written")
    list(compare(grid(TINY | {"rule": ["bp", "fa"]}), folder))
    return (folder / FILE).read_bytes()


def put(folder, data):
    (folder / FILE).write_bytes(data)
    return folder


def lasting(run):
    return [{name: value for name, value in e.items() if name not in ("seconds", "work")} for e in run.epochs]


def course(*numbers, epochs=2, end=True):
    lines = [start("k", "fa", 0, epochs=epochs), *(epoch("k", n, n / 10, n / 10) for n in numbers)]
    return [*lines, {"kind": "done", "key": "k", "epochs": epochs}] if end else lines


def test_a_file_of_version_1_is_read_as_one_of_today(tmp_path, written):
    old, new = read(GOLDEN), read(put(tmp_path, written))
    assert [run.state for run in old] == ["done", "done", "failed", "failed"]
    assert [run.state for run in new] == ["done", "done"]
    for before, now in zip(old, new, strict=False):
        assert (before.key, before.experiment, before.data) == (now.key, now.experiment, now.data)
        assert [set(e) for e in lasting(before)] == [set(e) for e in lasting(now)]


def test_a_file_of_version_1_is_gone_on_with_in_the_version_of_today(tmp_path):
    put(tmp_path, GOLDEN.read_bytes())
    wider = grid(TINY | {"rule": "bp", "seed": [0, 1]})
    assert {e.seed for e, _ in compare(wider, tmp_path)} == {1}
    assert (tmp_path / FILE).read_bytes().startswith(GOLDEN.read_bytes()), "what is there is not touched"
    runs = read(tmp_path)
    assert [run.state for run in runs].count("done") == 3
    assert {run.environment.get("schema", 1) for run in runs} == {1, SCHEMA}


def test_a_newer_version_is_refused_with_both_named(tmp_path):
    newer = ENVIRONMENT | {"schema": SCHEMA + 1, "versions": {"spikefa": "9.8"}}
    (tmp_path / FILE).write_text(json.dumps(newer) + "\n")
    message = rf"line 1: written in version {SCHEMA + 1} .*by spikefa 9\.8, .*reads versions 1 to {SCHEMA}: upgrade"
    with pytest.raises(ValueError, match=message):
        read(tmp_path)
    with pytest.raises(ValueError, match=message):
        next(compare(grid(TINY), tmp_path))


@pytest.mark.parametrize("number", ["2", True, 0, -1, 1.5, None])
def test_a_version_that_is_none_is_refused(tmp_path, number):
    (tmp_path / FILE).write_text(json.dumps(ENVIRONMENT | {"schema": number}) + "\n")
    with pytest.raises(ValueError, match=r"line 1: schema=.* is no version"):
        read(tmp_path)


def test_any_line_that_stands_twice_counts_once_or_is_trained_again(tmp_path, written):
    """A repeated start begins anew, as that of a killed run does; every other line changes nothing."""
    whole = read(put(tmp_path, written))
    lines = written.splitlines(keepends=True)
    for at, line in enumerate(lines):
        twice = read(put(tmp_path, b"".join([*lines[: at + 1], *lines[at:]])))
        assert twice == whole, line[:40]
        later = read(put(tmp_path, written + line))
        assert len(later) == 2
        started = json.loads(line)["key"] if b'"start"' in line[:20] else ""
        assert [run.state for run in later] == ["incomplete" if run.key == started else "done" for run in whole]
        assert all(len(run.epochs) in (0, 3) for run in later)


def test_any_line_that_is_missing_is_refused_or_makes_its_run_incomplete(tmp_path, written):
    whole = read(put(tmp_path, written))
    lines = written.splitlines(keepends=True)
    for at, line in enumerate(lines):
        put(tmp_path, b"".join(lines[:at] + lines[at + 1 :]))
        told = json.loads(line)
        if told["kind"] in ("environment", "start"):
            with pytest.raises(ValueError, match=r"line \d+: no (line|start) before it"):
                read(tmp_path)
            continue
        for run, before in zip(read(tmp_path), whole, strict=True):
            assert run.state == ("incomplete" if run.key == told["key"] else "done")
            if told["kind"] == "epoch" and run.key == told["key"]:
                assert run.error == f"epoch {told['epoch']} is missing: its line is lost"
            if run.key != told["key"]:
                assert run == before


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (course(0, 2), "epoch 1 is missing: its line is lost"),
        (course(1, 2), "epoch 0 is missing: its line is lost"),
        (course(0, 1), "epoch 2 is missing: its line is lost"),
        ([*course(0, 1, end=False), *course(1, 2)[1:]], ""),
        ([*course(0, 1, end=False), epoch("k", 1, 0.5, 0.5), *course(2)[1:]], "epoch 1 stands twice, with different"),
        ([*course(0, 1, 2), epoch("k", 1, 0.5, 0.5)], ""),
        ([*course(0, 1, 2), {"kind": "failed", "key": "k", "error": "late"}], ""),
    ],
)
def test_a_run_counts_if_every_epoch_is_there_once(tmp_path, lines, error):
    for epochs in (True, False):
        (run,) = read(write(tmp_path, *lines), epochs=epochs)
        assert run.state == ("incomplete" if error else "done")
        assert run.error.startswith(error)
        assert bool(run.error) == bool(error)


def test_what_is_incomplete_is_trained_again_and_then_counts(tmp_path, written):
    lines = written.splitlines(keepends=True)
    whole = read(put(tmp_path, written))
    put(tmp_path, b"".join(lines[:2] + lines[3:]))
    experiments = grid(TINY | {"rule": ["bp", "fa"]})
    assert missing(experiments, tmp_path / FILE) == experiments[:1]
    list(compare(experiments, tmp_path))
    assert [lasting(run) for run in read(tmp_path)] == [lasting(run) for run in whole]


@pytest.mark.parametrize("at", range(7))
def test_a_changed_bit_anywhere_in_a_line_is_seen(tmp_path, written, at):
    """Every byte of one line in turn: the run is never read with other numbers."""
    lines = written.splitlines(keepends=True)
    whole = read(put(tmp_path, written))
    before, after = b"".join(lines[:at]), b"".join(lines[at + 1 :])
    for position in range(0, len(lines[at]), 3):
        line = bytearray(lines[at])
        line[position] ^= 1 << (position % 8)
        put(tmp_path, before + bytes(line) + after)
        with pytest.raises(ValueError, match=rf"{FILE}, line {at + 1}: "):
            read(tmp_path)
    assert read(put(tmp_path, written)) == whole


@pytest.mark.parametrize("part", [0.0, 0.3, 0.55, 0.999])
def test_a_file_that_is_cut_anywhere_is_read_up_to_there(tmp_path, written, part):
    cut = written[: int(part * len(written))]
    put(tmp_path, cut)
    whole = cut[: cut.rfind(b"\n") + 1]
    if cut != whole:
        with pytest.raises(TornLine):
            read(tmp_path)
    assert mend(tmp_path) == len(cut) - len(whole)
    assert (tmp_path / FILE).read_bytes() == whole
    assert len(read(tmp_path)) <= 2


def test_without_epochs_the_states_are_the_same(tmp_path, written):
    whole, light = (read(put(tmp_path, written), epochs=epochs) for epochs in (True, False))
    assert [(run.key, run.state, run.setting) for run in whole] == [(run.key, run.state, run.setting) for run in light]
    assert [len(run.epochs) for run in light] == [0, 0]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "[" * 100_000, "9" * 5000], ids=len)
def test_what_is_no_number_of_json_is_refused(tmp_path, number):
    path = write(tmp_path, *course(0, 1, 2))
    path.write_text(path.read_text().replace('"loss": null', f'"loss": {number}', 1))
    with pytest.raises(ValueError, match=r"line 3: not a JSON object"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"accuracy": {"validation": 0.5, "test": 1.5}}, "accuracy test=1.5: it must lie between 0 and 1"),
        ({"accuracy": {"validation": 0.5, "test": None}}, "the accuracy has test=None, which is not a number"),
        ({"accuracy": {"test": 0.5}}, "the accuracy lacks validation"),
        ({"accuracy": [0.5]}, r"has accuracy=\[0.5\], which is not an object"),
        ({"epoch": "1"}, "has epoch='1', which is not a whole number"),
        ({"epoch": True}, "has epoch=True"),
        ({"key": ["k"]}, r"has key=\['k'\], which is not text"),
        ({"kind": ["epoch"]}, r"unknown kind \['epoch'\]"),
    ],
)
def test_fields_of_other_types_are_named(tmp_path, changed, said):
    with pytest.raises(ValueError, match=rf"{FILE}, line 3: .*{said}"):
        read(write(tmp_path, start("k", "fa", 0), epoch("k", 0, 0.1, 0.1) | changed, epoch("k", 1, 0.1, 0.1)))


@pytest.mark.parametrize("changed", [{"seed": "1"}, {"values": []}, {"case": 3}, {"seconds": "1"}, {"seed": True}])
def test_fields_of_a_study_s_row_of_other_types_are_named(tmp_path, changed):
    row = {"case": "a", "parameters": {}, "seed": 0, "values": {}, "seconds": 1.0} | changed
    (tmp_path / "quick.jsonl").write_text(json.dumps({"kind": "row"} | row) + "\n")
    ((name, value),) = changed.items()
    with pytest.raises(ValueError, match=re.escape(f"quick.jsonl, line 1 is no row of a study ({name}={value!r})")):
        rows.read(tmp_path / "quick.jsonl")
