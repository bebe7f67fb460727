"""Files are found where they should be, and a wrong one is never used in silence."""

import gzip

import pytest

from spikefa.datasets import DATASETS, DataError, mnist
from spikefa.datasets.idx import TEST_LABELS, TRAIN_IMAGES
from spikefa.datasets.source import VARIABLE, find, read

from .conftest import idx_files, put, use


@pytest.mark.parametrize("inner", ["mnist", "."])
def test_given_folder_serves_files_with_and_without_the_folder_of_the_set(tmp_path, mnist_files, inner):
    put(tmp_path / inner, mnist_files)
    for name, data in mnist_files.items():
        assert read(mnist.SOURCE, name, tmp_path) == data


def test_order_is_given_folder_then_variable_then_cache(tmp_path, monkeypatch, mnist_files, cache):
    in_cache = put(cache / "mnist", mnist_files)
    assert find(mnist.SOURCE, TEST_LABELS) == in_cache / TEST_LABELS
    named = put(tmp_path / "named", mnist_files)
    monkeypatch.setenv(VARIABLE, str(named))
    assert find(mnist.SOURCE, TEST_LABELS) == named / TEST_LABELS
    given = put(tmp_path / "given", mnist_files)
    assert find(mnist.SOURCE, TEST_LABELS, given) == given / TEST_LABELS


def test_gzip_header_does_not_matter(tmp_path, mnist_files):
    data = mnist_files[TEST_LABELS]
    for packed in (gzip.compress(data, 1, mtime=1), gzip.compress(data, 9, mtime=2), data):
        (tmp_path / TEST_LABELS).write_bytes(packed)
        assert read(mnist.SOURCE, TEST_LABELS, tmp_path) == data


@pytest.mark.parametrize("by_variable", [True, False])
def test_missing_folder_is_named(tmp_path, monkeypatch, mnist_files, by_variable):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere") if by_variable else str(tmp_path))
    with pytest.raises(DataError, match=r"nowhere.*is not a folder; correct it") as error:
        mnist.load(None if by_variable else tmp_path / "nowhere")
    assert (VARIABLE in str(error.value)) == by_variable


@pytest.mark.parametrize("by_variable", [True, False])
def test_missing_file_in_a_named_folder_is_no_reason_to_download(
    tmp_path, monkeypatch, server, mnist_files, by_variable
):
    use(monkeypatch, mnist, mnist_files, addresses=(server.address,))
    put(tmp_path / "mnist", mnist_files)
    (tmp_path / "mnist" / TRAIN_IMAGES).unlink()
    monkeypatch.setenv(VARIABLE, str(tmp_path) if by_variable else "")
    with pytest.raises(DataError) as error:
        mnist.load(None if by_variable else tmp_path)
    looked_for = f"{TRAIN_IMAGES} is neither {tmp_path / 'mnist' / TRAIN_IMAGES} nor {tmp_path / TRAIN_IMAGES}"
    assert str(error.value).startswith(looked_for)
    assert f"put it there, or name no folder and unset {VARIABLE}" in str(error.value)
    assert server.asked == []


def damage(packed: bytes, kind: str) -> bytes:
    middle = len(packed) // 2
    damaged = {
        "cut short": packed[:middle],
        "one byte changed": packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :],
        "another file": gzip.compress(idx_files(shift=1)[TRAIN_IMAGES]),
        "empty": b"",
        "a web page": b"<html>moved</html>",
    }
    return damaged[kind]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("cut short", "one that stops too early, at"),
        ("one byte changed", "(a damaged one of|bytes of md5)"),
        ("another file", "found 2,016 bytes of md5"),
        ("empty", "found 0 bytes of md5"),
        ("a web page", "found 18 bytes of md5"),
    ],
)
@pytest.mark.parametrize("place", ["given", "cache"])
def test_a_bad_file_is_named_and_not_used(tmp_path, server, monkeypatch, mnist_files, cache, kind, found, place):
    use(monkeypatch, mnist, mnist_files, addresses=(server.address,))
    folder = put(tmp_path / "given" if place == "given" else cache / "mnist", mnist_files)
    path = folder / TRAIN_IMAGES
    path.write_bytes(damage(path.read_bytes(), kind))
    with pytest.raises(DataError, match=found) as error:
        mnist.load(folder if place == "given" else None, validation=20)
    assert str(error.value).startswith(f"{path}: expected ")
    assert mnist.SOURCE.files[TRAIN_IMAGES] in str(error.value)
    assert "Delete this file and put a good copy in its place" in str(error.value)
    assert server.asked == []


# Bytes 4 to 9 of a gzip file hold time and system, which do not matter.
@pytest.mark.parametrize("position", [0, 1, 2, 3, *range(10, 200, 7)])
def test_every_changed_byte_is_one_clear_error(tmp_path, mnist_files, position):
    packed = bytearray(gzip.compress(mnist_files[TRAIN_IMAGES]))
    packed[position] ^= 0x55
    (tmp_path / TRAIN_IMAGES).write_bytes(packed)
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}: expected .*, found .*Delete this file"):
        read(mnist.SOURCE, TRAIN_IMAGES, tmp_path)


def test_data_errors_are_value_errors():
    assert issubclass(DataError, ValueError)


@pytest.mark.parametrize("name", DATASETS)
def test_each_loader_says_in_one_line_what_it_is_and_where_it_is_from(name):
    lines = (DATASETS[name].__doc__ or "").splitlines()
    assert lines[0].endswith(".")
    assert "Reference:" in (line.strip() for line in lines)
    assert any("https://" in line for line in lines)
