"""What is written is written whole or not at all: full disks, folders that must not be written, kills."""

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from spikefa import journal, representations
from spikefa.comparison import compare, grid
from spikefa.complaint import guarded
from spikefa.journal import WriteError, append, opened, sealed
from spikefa.runs import FILE, VARYING, mend, read
from spikefa.studies.rows import Row
from spikefa.studies.rows import append as append_row
from spikefa.studies.rows import read as read_rows
from tests.synthetic import write

ROOT = Path(__file__).parents[1]
TINY = grid(
    {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 2, "dataset": "digits:train=40,validation=20,test=20"}
    | {"rule": ["bp", "fa"]}
)


@contextmanager
def room(size):
    """No file may grow beyond so many bytes: the system then refuses to write, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def ordinary_user():
    """Rights bind root as little as they bind nobody's files: be somebody whom they bind."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def lasting(folder):
    runs = read(folder)
    return [
        (run.key, run.state, [{n: v for n, v in e.items() if n not in VARYING} for e in run.epochs]) for run in runs
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    list(compare(TINY, folder))
    return folder


def test_a_line_for_which_there_is_no_room_leaves_nothing(tmp_path):
    path = tmp_path / FILE
    append(path, sealed({"kind": "first"}))
    before = path.read_bytes()
    for size in (len(before), len(before) + 1, len(before) + 40):
        with room(size), pytest.raises(WriteError, match=rf"cannot write to .*{FILE} \(File too large\): make room"):
            append(path, sealed({"kind": "second", "text": "x" * 100}))
        assert path.read_bytes() == before
    append(path, sealed({"kind": "second"}))
    assert [line["kind"] for _, line, _ in opened(path)] == ["first", "second"]


def test_a_disk_that_fails_at_the_last_moment_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / FILE
    append(path, b"{}\n")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(journal.os, "fsync", full)
    with pytest.raises(WriteError, match="No space left on device"):
        append(path, b'{"kind": 1}\n')
    assert path.read_bytes() == b"{}\n"


@pytest.mark.skipif(os.name != "posix", reason="a folder cannot be opened")
def test_a_file_in_the_place_of_another_is_on_the_disk_with_its_name(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(journal.os, "fsync", lambda number: synced.append(stat.S_ISDIR(os.fstat(number).st_mode)))
    journal.write(tmp_path / "file", b"7")
    assert synced == [False, True], "first what it holds, then the folder that names it"


@pytest.mark.parametrize("size", [200, 1500, 2500, 3300, 4500, 5400])
def test_a_comparison_on_a_full_disk_says_so_and_goes_on_when_there_is_room(tmp_path, undisturbed, size, capsys):
    with room(size):
        status = guarded(lambda: list(compare(TINY, tmp_path)) and 0, ["compare"])
    said = capsys.readouterr().err
    assert status == 2
    assert "File too large" in said
    assert "make room there and run the same command again" in said
    assert "Traceback" not in said
    assert all(run.state != "failed" for run in read(tmp_path)), "the disk is no fault of the experiment's"
    list(compare(TINY, tmp_path))
    assert lasting(tmp_path) == lasting(undisturbed)


def test_representations_are_whole_or_not_there(tmp_path):
    grams = {"lif1": torch.eye(100)}
    with room(20_000), pytest.raises(WriteError, match=r"3f\.safetensors \(File too large\)"):
        representations.save(grams, tmp_path, "3f")
    assert list((tmp_path / "representations").iterdir()) == []
    representations.save(grams, tmp_path, "3f")
    assert representations.load(tmp_path, "3f")["lif1"].equal(torch.eye(100).double())
    with room(20_000), pytest.raises(WriteError):
        representations.save({"lif1": torch.ones(100, 100)}, tmp_path, "3f")
    assert representations.load(tmp_path, "3f")["lif1"].equal(torch.eye(100).double()), "what was there is there"


def test_rows_of_a_study_are_whole_or_not_there(tmp_path):
    path = tmp_path / "quick.jsonl"
    append_row(path, Row("a", {}, 0, {"x": 1}))
    with path.open("ab") as file:
        file.write(b'{"kind": "row", "ca')
    torn = path.read_bytes()
    with room(len(torn) + 5), pytest.raises(WriteError, match=r"quick\.jsonl"):
        append_row(path, Row("b", {}, 0, {"text": "x" * 100}))
    append_row(path, Row("b", {}, 0, {"x": 2}))
    assert [row.case for row in read_rows(path)] == ["a", "b"]


def test_other_files_for_which_there_is_no_room_are_named(tmp_path, capsys):
    def report():
        with room(10), (tmp_path / "table.csv").open("wb", buffering=0) as file:
            file.write(b"x" * 10)
            file.write(b"x")

    assert guarded(report, ["report"]) == 2
    assert "no room to write (File too large): make some" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("kept", ["folder", "file"])
def test_what_must_not_be_written_is_refused_before_anything_is_trained(kept):
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place) / "runs"
        folder.mkdir()
        if kept == "file":
            (folder / FILE).touch()
            (folder / FILE).chmod(0o444)
        folder.chmod(0o555)
        with ordinary_user(), pytest.raises(OSError, match=r"cannot write to .*runs \(Permission denied\): choose ano"):
            next(compare(TINY, folder))
        assert not (folder / FILE).exists() or (folder / FILE).read_bytes() == b""
        folder.chmod(0o755)


@pytest.mark.parametrize("folder", ["/proc/spikefa", "/dev/null/spikefa"])
def test_places_where_no_folder_can_be_are_refused(folder):
    with pytest.raises(OSError, match=rf"cannot write to {folder} \(.*\): choose another folder with --out"):
        next(compare(TINY, Path(folder)))


def test_a_torn_line_is_not_cut_off_while_another_process_may_be_writing_it(tmp_path):
    first = compare(TINY, tmp_path)
    next(first)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"kind": "epo')
    torn = (tmp_path / FILE).read_bytes()
    with pytest.raises(ValueError, match="another spikefa writes to"):
        next(compare(TINY, tmp_path))
    assert (tmp_path / FILE).read_bytes() == torn
    first.close()
    assert mend(tmp_path) == 13


def long(folder, runs, epochs):
    lines = []
    for at in range(runs):
        key, experiment = f"k{at}", {"rule": "fa", "seed": at, "epochs": epochs - 1}
        lines.append({"kind": "start", "key": key, "environment": "e1ab", "experiment": experiment})
        lines += [
            {"kind": "epoch", "key": key, "epoch": n, "accuracy": {"validation": 0.5, "test": 0.5}}
            for n in range(epochs)
        ]
        lines.append({"kind": "done", "key": key})
    return write(folder, *lines)


def peak(path, **options):
    tracemalloc.start()
    runs = read(path, **options)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return runs, found


def test_what_a_comparison_needs_to_go_on_is_read_in_memory_that_lines_do_not_fill(tmp_path):
    (short, few), (longer, many) = (peak(long(tmp_path / f"{n}", 10, n), epochs=False) for n in (20, 400))
    assert {run.state for run in (*short, *longer)} == {"done"}
    assert many < few + 400 * 1000, "one run's epochs at a time"
    assert peak(tmp_path / "400")[1] > 4 * many


def test_five_kills_lose_nothing():
    command = [sys.executable, ROOT / "scripts" / "attack.py", "--kills", "5", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills" in done.stdout
    assert "0 lost, 0 twice, 0 with other numbers" in done.stdout
