"""Yin-Yang, made by its formula: points of a disc in three classes that a shallow network cannot tell apart."""

from math import hypot
from pathlib import Path

import numpy as np
import torch

from spikefa.datasets.dataset import Dataset, Split

R_BIG, R_SMALL = 0.5, 0.1
YIN, YANG, DOT = 0, 1, 2
SEEDS = {"train": 42, "validation": 41, "test": 40}


def load(folder: Path | None = None, *, train: int = 5000, validation: int = 1000, test: int = 1000) -> Dataset:
    """Yin-Yang: points (x, y, 1−x, 1−y) of a disc in the classes yin, yang and dot, by formula; no download.

    Each split has its own seed and is drawn point by point, so a smaller split is the beginning of a larger one; the
    default sizes give the published points.

    Args:
        folder: not used; the data are computed.
        train: number of training points.
        validation: number of validation points.
        test: number of test points.

    Raises:
        TypeError: when a number is no integer.
        ValueError: when a number is below 1.

    Reference:
        The Yin-Yang dataset, L. Kriener, J. Göltz and M. A. Petrovici, 2022, https://doi.org/10.1145/3517343.3517380

    Example:
        >>> load(train=2, validation=1, test=1).train.y
        tensor([2, 1])
    """
    sizes = {"train": train, "validation": validation, "test": test}
    splits = {name: sample(size, SEEDS[name], name) for name, size in sizes.items()}
    note = f"Yin-Yang, {train:,}/{validation:,}/{test:,} points drawn by the formula, seeds 42/41/40"
    return Dataset("yin_yang", **splits, classes=3, note=note)


def sample(size: int, seed: int, option: str = "size") -> Split:
    """Draw points, the classes being equally likely, in the order of the published generator.

    Args:
        size: number of points, at least 1.
        seed: of numpy's RandomState.
        option: what an error message calls `size`.

    Raises:
        TypeError: when `size` is no integer.
        ValueError: when `size` is below 1.
    """
    if not isinstance(size, int):
        raise TypeError(f"{option}={size!r} is no integer; give a number of points, e.g. {option}=1000")
    if size < 1:
        raise ValueError(f"{option}={size} points; give at least 1")
    random = np.random.RandomState(seed)  # the old generator, since the published points come from it
    points = [_draw(random) for _ in range(size)]
    xy, labels = np.array([point[:2] for point in points]), [point[2] for point in points]
    return Split(torch.from_numpy(np.hstack([xy, 1 - xy])).float(), torch.tensor(labels))


def classify(x: float, y: float) -> int:
    """Return the class of a point of the disc: 0 yin, 1 yang, 2 dot.

    Numbered as in the published data, where the region that holds the left dot (without the dot) and the upper half
    outside the right lobe has label 1.

    Example:
        >>> classify(0.25, 0.5), classify(0.5, 0.9), classify(0.5, 0.1)
        (2, 1, 0)
    """
    right, left = hypot(x - 1.5 * R_BIG, y - R_BIG), hypot(x - 0.5 * R_BIG, y - R_BIG)
    if min(right, left) < R_SMALL:
        return DOT
    in_left_lobe, in_upper_half = left <= R_BIG / 2, y > R_BIG and right > R_BIG / 2
    return YANG if in_left_lobe or in_upper_half else YIN


def _draw(random: np.random.RandomState) -> tuple[float, float, int]:
    wanted = random.randint(3)
    while True:
        x, y = random.rand(2) * 2 * R_BIG
        if hypot(x - R_BIG, y - R_BIG) <= R_BIG and classify(x, y) == wanted:
            return x, y, wanted
