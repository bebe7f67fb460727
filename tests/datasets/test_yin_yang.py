"""Yin-Yang: the published points, and the symmetry of its figure."""

from math import dist

import pytest
import torch

from spikefa.datasets import yin_yang
from spikefa.datasets.yin_yang import DOT, YANG, YIN, classify

# The first two points, the first ten labels and the class counts of the authors' published files.
PUBLISHED = {
    "train": ([0.68030754, 0.45049925, 0.09767211, 0.68423303], [2, 1, 2, 1, 1, 1, 0, 2, 2, 0], [1681, 1702, 1617]),
    "validation": ([0.68057273, 0.32097339, 0.66851572, 0.91744785], [0, 1, 0, 0, 2, 1, 1, 1, 1, 2], [316, 336, 348]),
    "test": ([0.23409665, 0.40172498, 0.75132902, 0.46824252], [2, 2, 1, 1, 1, 2, 2, 0, 2, 2], [350, 316, 334]),
}


def grid(steps=100):
    """Points of the disc, none of them on the line between the classes."""
    axis = [(step + 0.5) / steps for step in range(steps)]
    return [(x, y) for x in axis for y in axis if dist((x, y), (0.5, 0.5)) < 0.5]


@pytest.mark.parametrize("name", PUBLISHED)
def test_points_are_the_published_ones(name):
    split = getattr(yin_yang.load(), name)
    points, labels, counts = PUBLISHED[name]
    assert torch.allclose(split.x[:2, :2].flatten(), torch.tensor(points), atol=1e-7)
    assert split.y[:10].tolist() == labels
    assert split.y.bincount().tolist() == counts


def test_inputs_are_mirrored_and_labelled_by_the_formula():
    dataset = yin_yang.load()
    for split in (dataset.train, dataset.validation, dataset.test):
        assert torch.allclose(split.x[:, :2] + split.x[:, 2:], torch.ones(1), atol=1e-7)
        assert [classify(x, y) for x, y in split.x[:, :2].tolist()] == split.y.tolist()
        assert ((split.x[:, :2] - 0.5).norm(dim=1) <= 0.5).all()


def test_half_a_turn_swaps_yin_and_yang_and_keeps_the_dots():
    turned = {YIN: YANG, YANG: YIN, DOT: DOT}
    for x, y in grid():
        assert classify(1 - x, 1 - y) == turned[classify(x, y)]


@pytest.mark.parametrize(
    ("point", "label"),
    [
        ((0.25, 0.5), DOT),
        ((0.75, 0.5), DOT),
        ((0.345, 0.5), DOT),
        ((0.355, 0.5), YANG),  # the lobe around the left dot
        ((0.25, 0.3), YANG),  # of which the lower half as well
        ((0.25, 0.7), YANG),
        ((0.5, 0.9), YANG),
        ((0.75, 0.7), YIN),  # the lobe around the right dot
        ((0.645, 0.5), YIN),
        ((0.5, 0.1), YIN),
    ],
)
def test_regions(point, label):
    assert classify(*point) == label


def test_smaller_splits_are_beginnings_of_larger_ones():
    large, small = yin_yang.load(train=50), yin_yang.load(train=20, validation=3, test=4)
    assert small.train.x.equal(large.train.x[:20])
    assert [len(split) for split in (small.train, small.validation, small.test)] == [20, 3, 4]
    assert small.note == "Yin-Yang, 20/3/4 points drawn by the formula, seeds 42/41/40"


@pytest.mark.parametrize("option", ["train", "validation", "test"])
def test_sizes_are_checked(option):
    with pytest.raises(ValueError, match=rf"{option}=0 points; give at least 1"):
        yin_yang.load(**{option: 0})
    with pytest.raises(TypeError, match=rf"{option}=0.5 is no integer; give a number of points"):
        yin_yang.load(**{option: 0.5})
