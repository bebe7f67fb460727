"""The real data, where SPIKEFA_DATA points to them: sizes, known statistics, and which files were used."""

import os
from pathlib import Path

import pytest
import torch

from spikefa.datasets import DATASETS, DataError

DATA = os.environ.get("SPIKEFA_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="needs the real data: set SPIKEFA_DATA to a folder that holds them")


def load(name, **options):
    return DATASETS[name](Path(DATA or ""), **options)


# Mean and standard deviation of the 60,000 training images, as the field's examples state them.
@pytest.mark.parametrize(("name", "mean", "std"), [("mnist", 0.1307, 0.3081), ("fashion_mnist", 0.2860, 0.3530)])
def test_idx_sets_have_the_known_statistics(name, mean, std):
    dataset = load(name)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (50_000, 10_000, 10_000)
    assert dataset.shape == (1, 28, 28)
    x = torch.cat([dataset.train.x, dataset.validation.x])
    assert x.mean().item() == pytest.approx(mean, abs=1e-4)
    assert x.std().item() == pytest.approx(std, abs=1e-4)
    y = torch.cat([dataset.train.y, dataset.validation.y]).bincount()
    assert (dataset.validation.y.bincount() - y / 6).abs().max() <= 1


def test_first_test_labels_are_the_known_ones():
    assert load("mnist").test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert load("fashion_mnist").test.y[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]


def test_cifar10_says_which_batches_it_used():
    dataset = load("cifar10", train=20_000)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (16_000, 4_000, 10_000)
    assert "20,000 of the 20,000 images in training batches 1, 2" in dataset.note
    assert dataset.test.y.bincount().tolist() == [1000] * 10
    # Channel means as the field's examples state them, for all 50,000 images; red above green above blue.
    assert torch.allclose(dataset.train.x.mean((0, 2, 3)), torch.tensor([0.4914, 0.4822, 0.4465]), atol=0.005)


def test_cifar10_asks_for_batches_that_are_missing():
    present = [name for name in range(1, 6) if list(Path(DATA or "").glob(f"**/data_batch_{name}.bin"))]
    if present == [1, 2, 3, 4, 5]:
        pytest.skip("all five training batches are there")
    with pytest.raises(DataError, match="lacks data_batch_"):
        load("cifar10")
