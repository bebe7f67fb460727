"""Splits: disjoint, in proportion, the same at every call, and no business of the global generators."""

import numpy as np
import pytest
import torch

from spikefa.datasets import DATASETS, Dataset, Split, digits, hold_out
from spikefa.datasets.dataset import limit


def numbered(count=100, classes=5):
    """Examples whose value is their number, so that they can be told apart."""
    return torch.arange(count).float().view(-1, 1), torch.arange(count) % classes


def test_hold_out_takes_each_example_once_with_its_label():
    x, y = numbered()
    train, validation = hold_out(x, y, 20)
    both = torch.cat([train.x, validation.x]).flatten()
    assert both.sort().values.equal(x.flatten())
    for split in (train, validation):
        assert (split.x.flatten().long() % 5).equal(split.y)


def test_hold_out_is_stratified():
    x, _ = numbered(100)
    y = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)
    train, validation = hold_out(x, y, 10)
    assert validation.y.bincount().tolist() == [5, 3, 2]
    assert train.y.bincount().tolist() == [45, 27, 18]


def test_hold_out_depends_on_its_seed_alone():
    x, y = numbered()
    first = hold_out(x, y, 20)[1].x
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 – the global generator is what is tested
    assert hold_out(x, y, 20)[1].x.equal(first)
    assert not hold_out(x, y, 20, seed=1)[1].x.equal(first)


def test_hold_out_divides_bytes_by_255():
    x = torch.tensor([0, 51, 255, 102], dtype=torch.uint8).view(-1, 1)
    train, validation = hold_out(x, torch.tensor([0, 1, 0, 1]), 2)
    values = torch.cat([train.x, validation.x]).flatten().sort().values
    assert values.equal(torch.tensor([0, 51, 102, 255]) / 255)


@pytest.mark.parametrize("count", [-1, 0, 4, 96, 100, 101])
def test_impossible_sizes_are_refused(count):
    with pytest.raises(ValueError, match=rf"validation={count} of 100 examples in 5 classes; choose from 5 to 95"):
        hold_out(*numbered(), count)


@pytest.mark.parametrize("share", [0.2, "20", 20.0])
def test_shares_are_refused(share):
    with pytest.raises(TypeError, match=r"validation=.* is no integer; give a number of examples, e.g. validation=20"):
        hold_out(*numbered(), share)


def test_limit_keeps_a_stratified_part():
    split = Split(*numbered())
    part = limit(split, 10, "train")
    assert part.y.bincount().tolist() == [2] * 5
    assert (part.x.flatten().long() % 5).equal(part.y)
    assert limit(split, 10, "train").x.equal(part.x)
    assert limit(split, None, "train") is split
    assert limit(split, 100, "train") is split
    with pytest.raises(ValueError, match="train=101"):
        limit(split, 101, "train")


def test_batches_give_each_example_once_with_its_label():
    split = Split(*numbered(10))
    plain = list(split.batches(4))
    assert [len(y) for _, y in plain] == [4, 4, 2]
    assert torch.cat([x for x, _ in plain]).equal(split.x)
    shuffled, again = (list(split.batches(4, torch.Generator().manual_seed(1))) for _ in range(2))
    x, y = torch.cat([x for x, _ in shuffled]), torch.cat([y for _, y in shuffled])
    assert not x.equal(split.x)
    assert x.flatten().sort().values.equal(split.x.flatten())
    assert (x.flatten().long() % 5).equal(y)
    assert x.equal(torch.cat([x for x, _ in again]))


def test_split_refuses_what_is_no_split():
    x, y = numbered()
    with pytest.raises(TypeError, match=r"x is torch.float64 .* use x.float"):
        Split(x.double(), y)
    with pytest.raises(TypeError, match=r"y torch.int32; use .* y.long"):
        Split(x, y.int())
    with pytest.raises(ValueError, match=r"100 examples and labels of shape \(99,\)"):
        Split(x, y[1:])


def test_digits_are_scikit_learns_in_the_stated_splits():
    from sklearn.datasets import load_digits

    dataset = digits.load()
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split) for split in splits] == [1197, 300, 300]
    assert dataset.note == "UCI digits 8×8, stratified 1,197/300/300, seed 0"
    images, labels = load_digits(return_X_y=True)
    ours = {(*x, y) for s in splits for x, y in zip((s.x * 16).flatten(1).tolist(), s.y.tolist(), strict=True)}
    assert ours == {(*x, y) for x, y in zip(images.tolist(), labels.tolist(), strict=True)}
    share = np.bincount(labels) / len(labels)
    for split in splits:
        assert (abs(split.y.bincount().numpy() - share * len(split)) <= 1).all()


def test_digits_test_set_is_the_same_whatever_the_options():
    whole, small = digits.load(), digits.load(train=50, validation=700, test=100)
    assert digits.load(train=50, validation=700).test.x.equal(whole.test.x)
    assert (len(small.train), len(small.validation), len(small.test)) == (50, 700, 100)
    assert small.note == "UCI digits 8×8, stratified 50/700/100, seed 0"


def test_digits_split_does_not_drift():
    """A change here, say by a new scikit-learn, would make old results incomparable."""
    dataset = digits.load()
    assert dataset.train.y[:10].tolist() == [7, 6, 6, 1, 9, 7, 9, 2, 2, 0]
    assert dataset.validation.y[:10].tolist() == [1, 0, 4, 7, 2, 7, 3, 7, 6, 7]
    assert dataset.test.y[:10].tolist() == [4, 0, 7, 8, 7, 2, 3, 6, 1, 5]


@pytest.mark.parametrize("name", ["digits", "yin_yang"])
def test_global_generators_are_left_alone(name):
    numpy_state, torch_state = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 – the global generator
    DATASETS[name]()
    assert str(np.random.get_state()) == str(numpy_state)  # noqa: NPY002
    assert torch.get_rng_state().equal(torch_state)


@pytest.mark.parametrize("name", ["digits", "yin_yang"])
def test_embedded_sets_are_as_declared_and_deterministic(name):
    dataset, again = DATASETS[name](), DATASETS[name]()
    assert isinstance(dataset, Dataset)
    assert dataset.name == name
    for split, other in ((dataset.train, again.train), (dataset.validation, again.validation)):
        assert split.x.shape[1:] == dataset.shape
        assert split.x.min() >= 0
        assert split.x.max() <= 1
        assert sorted(split.y.unique().tolist()) == list(range(dataset.classes))
        assert split.x.equal(other.x)
        assert split.y.equal(other.y)


@pytest.mark.parametrize("options", [{"train": -1}, {"validation": 0}, {"test": 301}, {"train": 5}, {"train": 9999}])
def test_digits_refuse_impossible_options(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}={options[name]}"):
        digits.load(**options)
