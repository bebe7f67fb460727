"""Readers of files against what hypothesis makes of valid ones; `scripts/fuzz.py` tries many more."""

import gzip
import struct
import subprocess
import sys
import tracemalloc
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.fuzzing.mutation import EDITS, mutated
from scripts.fuzzing.readers import READERS
from scripts.fuzzing.trial import outcome
from spikefa.comparison import grid
from spikefa.datasets import DataError, idx, integrity
from spikefa.journal import opened, sealed
from spikefa.runs import FILE, read
from spikefa.study import read_study

ROOT = Path(__file__).parents[1]
CHANGES = st.tuples(st.sampled_from(list(EDITS)), st.floats(0, 1, exclude_max=True), st.integers(0, 2**32 - 1))
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
MANY = settings(FEW, max_examples=1000)
made = cache(lambda name: READERS[name]())


def obeys(name, folder, edits, which):
    reader = made(name)
    how, why = outcome(reader, mutated(reader.valid[which % len(reader.valid)], edits), folder)
    assert how != "else", why


@pytest.mark.parametrize("name", READERS)
def test_what_is_valid_is_accepted(tmp_path, name):
    reader = made(name)
    assert outcome(reader, reader.valid[0], tmp_path) == ("accepted", "")


@pytest.mark.parametrize("name", READERS)
@FEW
@given(edits=st.lists(CHANGES, min_size=1, max_size=4), which=st.integers(0, 9))
def test_a_changed_file_is_read_by_the_law_or_refused_by_name(tmp_path_factory, name, edits, which):
    obeys(name, tmp_path_factory.getbasetemp(), edits, which)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
@MANY
@given(edits=st.lists(CHANGES, min_size=1, max_size=4), which=st.integers(0, 9))
def test_a_thousand_changed_files(tmp_path_factory, name, edits, which):
    obeys(name, tmp_path_factory.getbasetemp(), edits, which)


@pytest.mark.parametrize("name", ["IDX, images", "CIFAR-10", "TOML study", FILE, "rows of a study", "representations"])
@FEW
@given(data=st.binary(max_size=400))
def test_any_bytes_at_all(tmp_path_factory, name, data):
    how, why = outcome(made(name), data, tmp_path_factory.getbasetemp())
    assert how != "else", why


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@FEW
@given(line=st.dictionaries(st.text().filter(lambda name: name != "crc"), JSON, min_size=1, max_size=4))
def test_every_line_is_read_as_it_was_sealed(tmp_path_factory, line):
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    try:
        path.write_bytes(2 * sealed(line))
    except UnicodeEncodeError:  # half of a surrogate pair, which no file can hold
        return
    assert list(opened(path)) == [(1, line, True), (2, line, True)]


@FEW
@given(sizes=st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=3), content=st.binary(max_size=64))
def test_no_header_makes_idx_ask_for_memory(sizes, content):
    """Nor do sizes whose product is that of the content by overflow alone, such as 2^32 · 2^31 · 2."""
    data = bytes([0, 0, 8, 3]) + struct.pack(">3I", *sizes) + content
    tracemalloc.start()
    try:
        idx.parse(data, 3, "images")
    except DataError:
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("sizes", "bytes_there"),
    [((2**31, 2**31, 4), 0), ((1904390284, 1937286094, 5), 1864), ((0, 28, 28), 0), ((5, 0, 28), 0)],
)
def test_sizes_that_overflow_or_are_zero_are_refused(sizes, bytes_there):
    """The second product is 2^64 + 1864."""
    data = bytes([0, 0, 8, 3]) + struct.pack(">3I", *sizes) + bytes(bytes_there)
    with pytest.raises(DataError, match=rf"images: expected .* bytes for .*, found {bytes_there:,}; replace the file"):
        idx.parse(data, 3, "images")


def test_a_gzip_file_that_unpacks_to_too_much_is_refused_in_bounded_memory(monkeypatch):
    bomb = gzip.compress(bytes(40_000_000))
    monkeypatch.setattr(integrity, "LARGEST", 2_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="found one of more than 2,000,000 bytes unpacked"):
        integrity.decompressed(bomb, "0" * 32)
    assert tracemalloc.get_traced_memory()[1] < 12_000_000
    tracemalloc.stop()


def test_a_grid_that_nobody_can_train_is_refused():
    with pytest.raises(ValueError, match="1,000,000,000 combinations, more than 1,000,000"):
        grid({"seed": [*range(1000)], "lr": [1e-3 * n for n in range(1, 1001)], "epochs": [*range(1, 1001)]})


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "seed = " + "9" * 5000, "seed = \x00", "x" * 2**21])
def test_awkward_study_files_are_refused_by_name(tmp_path, text):
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(ValueError, match=r"study\.toml is not TOML"):
        read_study(tmp_path / "study.toml", {"seed"})


def test_a_file_without_line_ends_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("spikefa.journal.LONGEST", 10_000)
    (tmp_path / FILE).write_bytes(b'{"kind": "' + b"a" * 2_000_000)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"line 1: not a JSON object"):
        read(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 500_000
    tracemalloc.stop()


@pytest.mark.slow
def test_the_script_prints_a_table():
    command = [sys.executable, ROOT / "scripts" / "fuzz.py", "--inputs", "50", "IDX, labels", "CIFAR-10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(" | ")[-1] for line in done.stdout.splitlines()[2:]] == ["0 |", "0 |"]
