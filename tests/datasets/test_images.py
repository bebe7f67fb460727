"""The image loaders on tiny files of the real formats."""

import numpy as np
import pytest
import torch

from spikefa.datasets import DataError, cifar10, fashion_mnist, mnist
from spikefa.datasets.idx import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, parse

from .conftest import idx_files, put, use, write_idx


def bytes_of(split):
    return (split.x * 255).round().to(torch.uint8)


def rows(x, y):
    """Examples with their labels, as a set."""
    return {(image.numpy().tobytes(), int(label)) for image, label in zip(x, y, strict=True)}


def test_mnist_holds_every_image_once_with_its_label(tmp_path, mnist_files):
    dataset = mnist.load(put(tmp_path, mnist_files), validation=20)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (80, 20, 40)
    assert (dataset.name, dataset.shape, dataset.classes) == ("mnist", (1, 4, 5), 10)
    images = torch.frombuffer(bytearray(mnist_files[TRAIN_IMAGES][16:]), dtype=torch.uint8).view(100, 1, 4, 5)
    split = [rows(bytes_of(part), part.y) for part in (dataset.train, dataset.validation)]
    assert split[0] | split[1] == rows(images, torch.arange(100) % 10)
    assert not split[0] & split[1]
    assert dataset.validation.y.bincount().tolist() == [2] * 10
    assert dataset.test.y.equal(torch.arange(40) % 10)
    assert bytes_of(dataset.test).flatten().tolist() == list(mnist_files[TEST_IMAGES][16:])
    assert dataset.train.x.max() <= 1


def test_mnist_and_fashion_mnist_lie_side_by_side(tmp_path, mnist_files, fashion_files):
    put(tmp_path / "mnist", mnist_files)
    put(tmp_path / "fashion-mnist", fashion_files)
    digits, clothes = mnist.load(tmp_path, validation=20), fashion_mnist.load(tmp_path, validation=20)
    assert not digits.test.x.equal(clothes.test.x)
    assert digits.note == "MNIST, 80/20/40, validation held out of the training images, stratified, seed 0"
    assert clothes.note.startswith("Fashion-MNIST, 80/20/40")
    assert clothes.name == "fashion_mnist"


def test_small_runs(tmp_path, mnist_files):
    folder = put(tmp_path, mnist_files)
    whole, small = mnist.load(folder, validation=20), mnist.load(folder, validation=20, train=30, test=10)
    assert (len(small.train), len(small.validation), len(small.test)) == (30, 20, 10)
    assert small.validation.x.equal(whole.validation.x)
    assert rows(small.train.x, small.train.y) < rows(whole.train.x, whole.train.y)
    assert small.train.y.bincount().tolist() == [3] * 10
    assert "30/20/10" in small.note
    again = mnist.load(folder, validation=20, train=30, test=10)
    assert again.train.x.equal(small.train.x)
    assert again.test.x.equal(small.test.x)


@pytest.mark.parametrize("options", [{"train": -1}, {"train": 81}, {"validation": 95}, {"test": 41}, {"test": 3}])
def test_impossible_options_are_refused(tmp_path, mnist_files, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}={options[name]} of"):
        mnist.load(put(tmp_path, mnist_files), **({"validation": 20} | options))


def test_idx_reads_in_the_right_order():
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert parse(write_idx(array), 3, "x").tolist() == array.tolist()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda data: b"\0\0\x0d" + data[3:],
            r"an IDX file of bytes in 1 dimensions \(magic 00000801\), found magic 00000d01",
        ),
        (lambda data: b"\0\0\x08\x03" + data[4:], r".*\(magic 00000801\), found magic 00000803"),
        (lambda data: data[:6], r".*found magic 00000801"),
        (lambda data: data[:-1], r"100 bytes for \(100,\), found 99"),
        (lambda data: data + b"\0", r"100 bytes for \(100,\), found 101"),
    ],
)
def test_wrong_idx_is_named(tmp_path, monkeypatch, spoil, message):
    files = idx_files()
    files[TRAIN_LABELS] = spoil(files[TRAIN_LABELS])
    use(monkeypatch, mnist, files)
    with pytest.raises(DataError, match=rf"^{TRAIN_LABELS}: expected {message}; replace the file"):
        mnist.load(put(tmp_path, files), validation=20)


def test_images_and_labels_that_do_not_match_are_refused(tmp_path, monkeypatch):
    files = idx_files()
    files[TEST_LABELS] = files[TRAIN_LABELS]
    use(monkeypatch, mnist, files)
    with pytest.raises(ValueError, match="40 examples and labels of shape"):
        mnist.load(put(tmp_path, files), validation=20)


@pytest.mark.parametrize("name", ["cifar-10", "cifar-10-batches-bin", "."])
def test_cifar10_reads_planes_and_labels(tmp_path, cifar_files, name):
    put(tmp_path / name, cifar_files)
    dataset = cifar10.load(tmp_path, train=500)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (400, 100, 100)
    assert dataset.shape == (3, 32, 32)
    assert dataset.test.y.equal(torch.arange(100) % 10)
    record = np.frombuffer(cifar_files["test_batch.bin"], np.uint8).reshape(100, 3073)[:, 1:]
    assert bytes_of(dataset.test).numpy().reshape(100, 3072).tolist() == record.tolist()
    assert len(rows(dataset.train.x, dataset.train.y) | rows(dataset.validation.x, dataset.validation.y)) == 500


@pytest.mark.parametrize(("train", "batches"), [(500, 5), (401, 5), (400, 4), (200, 2), (150, 2), (100, 1), (60, 1)])
def test_cifar10_reads_the_first_batches_it_needs(tmp_path, cifar_files, train, batches):
    names = [*list(cifar_files)[:batches], "test_batch.bin"]
    put(tmp_path, {name: cifar_files[name] for name in names})
    dataset = cifar10.load(tmp_path, train=train)
    assert (len(dataset.train), len(dataset.validation)) == (train - train // 5, train // 5)
    numbers = ", ".join(str(number + 1) for number in range(batches))
    assert f"from {train} of the {batches * 100} images in training batches {numbers}, stratified" in dataset.note


def test_cifar10_small_runs(tmp_path, cifar_files):
    folder = put(tmp_path, cifar_files)
    dataset = cifar10.load(folder, train=50, validation=30, test=20)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (20, 30, 20)
    assert dataset.validation.y.bincount().tolist() == [3] * 10
    assert cifar10.load(folder, train=50, validation=30, test=20).train.x.equal(dataset.train.x)
    # The first pixel tells the number of a record of batch 1: it is 31 times the number, mod 256.
    pixels = torch.cat([bytes_of(split)[:, 0, 0, 0] for split in (dataset.train, dataset.validation)]).long()
    numbers = pixels * pow(31, -1, 256) % 256
    assert (numbers % 10).equal(torch.cat([dataset.train.y, dataset.validation.y]))
    assert len(numbers.unique()) == 50
    assert numbers.max() >= 50  # chosen from the whole batch, not its beginning


@pytest.mark.parametrize("crop", [24, 31])
def test_cifar10_keeps_the_middle_of_images_and_chooses_the_same(tmp_path, cifar_files, crop):
    folder, before = put(tmp_path, cifar_files), (32 - crop) // 2
    whole, cut = cifar10.load(folder, train=500), cifar10.load(folder, train=500, crop=crop)
    assert cut.shape == (3, crop, crop)
    assert f"the middle {crop}×{crop}" in cut.note
    for name in ("train", "validation", "test"):
        images, parts = getattr(whole, name), getattr(cut, name)
        assert parts.y.equal(images.y)
        assert parts.x.equal(images.x[..., before : before + crop, before : before + crop])


@pytest.mark.parametrize("crop", [0, 33, 24.0, True])
def test_cifar10_refuses_a_middle_that_there_is_not(tmp_path, cifar_files, crop):
    with pytest.raises(ValueError, match=rf"crop={crop!r} of images of \(32, 32\).*crop=24"):
        cifar10.load(put(tmp_path, cifar_files), train=500, crop=crop)


def test_cifar10_says_which_batches_are_missing_and_what_would_do(tmp_path, cifar_files):
    names = ["data_batch_1.bin", "data_batch_2.bin", "data_batch_4.bin", "test_batch.bin"]
    folder = put(tmp_path, {name: cifar_files[name] for name in names})
    message = (
        r"lacks data_batch_3.bin, data_batch_5.bin; there are: data_batch_1.bin, data_batch_2.bin, data_batch_4.bin. "
        r"Add them, or use those that are there: cifar10:train=200$"
    )
    with pytest.raises(DataError, match=message):
        cifar10.load(folder, train=500)
    assert len(cifar10.load(folder, train=200).train) == 160
    with pytest.raises(DataError, match=r"there are: none. Add them$"):
        cifar10.load(put(tmp_path / "empty", {}), train=500)


@pytest.mark.parametrize("train", [0, -1, 50_001])
def test_cifar10_checks_its_number_of_images(train):
    with pytest.raises(ValueError, match=f"train={train} images; CIFAR-10 has 1 to 50000"):
        cifar10.load(train=train)
    with pytest.raises(TypeError, match=r"train=0.5 is no integer; give a number of images"):
        cifar10.load(train=0.5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[:-1], "expected records of 3,073 bytes, found 307,299 bytes"),
        (lambda data: b"", "expected records of 3,073 bytes, found 0 bytes"),
        (lambda data: b"\x0a" + data[1:], "expected labels from 0 to 9, found 10"),
    ],
)
def test_wrong_cifar10_is_named(tmp_path, monkeypatch, cifar_files, spoil, message):
    cifar_files["data_batch_1.bin"] = spoil(cifar_files["data_batch_1.bin"])
    use(monkeypatch, cifar10, cifar_files)
    with pytest.raises(DataError, match=f"^data_batch_1.bin: {message}; replace the file"):
        cifar10.load(put(tmp_path, cifar_files), train=100)
