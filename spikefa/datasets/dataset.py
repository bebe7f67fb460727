"""What a data set is: three splits of examples and labels, and a sentence that says how they were made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikefa.datasets.events import Examples

UNLABELLED = -1
"""In the place of a label: a time step that has none, which neither learns nor counts."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples and their labels.

    Args:
        x: examples, shape ``[N, ...]``, float32 in [0, 1]; or recordings that are spikes already.
        y: labels, shape [N], int64; or a label at each time step, shape [N, T], some of which may be `UNLABELLED`.

    Raises:
        TypeError: when images are not float32 or `y` is not int64.
        ValueError: when `x` and `y` differ in length, or images hold nan or infinity.

    Example:
        >>> Split(torch.zeros(3, 1, 8, 8), torch.tensor([0, 1, 2]))
        Split(3 examples of shape (1, 8, 8))
    """

    x: Examples
    y: Tensor

    def __post_init__(self) -> None:
        of = self.x.dtype if isinstance(self.x, Tensor) else torch.float32
        if (of, self.y.dtype) != (torch.float32, torch.int64):
            raise TypeError(f"x is {of} and y {self.y.dtype}; use x.float() in [0, 1] and y.long()")
        if self.y.dim() not in (1, 2) or len(self.y) != len(self.x):
            raise ValueError(f"{len(self.x)} examples and labels of shape {tuple(self.y.shape)}; give one label each")
        if isinstance(self.x, Tensor) and len(self) and not all(torch.isfinite(end) for end in self.x.aminmax()):
            at = (~self.x.isfinite()).nonzero()[0].tolist()
            raise ValueError(f"x holds {self.x[tuple(at)].item()} at {at}: every number must be finite")

    def __len__(self) -> int:
        return len(self.y)

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[tuple[Any, Tensor]]:
        """Batches `(x, y)` of `size` examples, the last one shorter; in a new random order if given a generator.

        Example:
            >>> split = Split(torch.zeros(3, 4), torch.tensor([0, 1, 2]))
            >>> [y.tolist() for x, y in split.batches(2)]
            [[0, 1], [2]]
        """
        order = torch.arange(len(self)) if generator is None else torch.randperm(len(self), generator=generator)
        for chosen in order.split(size):
            yield self.x[chosen], self.y[chosen]

    def __repr__(self) -> str:
        return f"Split({len(self)} examples of shape {tuple(self.x.shape[1:])})"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in three splits: learn on train, choose on validation, report on test.

    Args:
        name: its name in `DATASETS`.
        train: examples to learn from.
        validation: examples to choose by, disjoint from `train`.
        test: examples to report on, touched by no choice.
        classes: number of classes C; labels are 0 … C−1.
        note: the split in words, for reports.

    Raises:
        ValueError: when a split is empty, or a label is none of the classes.

    Example:
        >>> split = Split(torch.zeros(3, 4), torch.tensor([0, 1, 0]))
        >>> Dataset("zeros", split, split, split, classes=2, note="three zeros").shape
        (4,)
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    note: str

    def __post_init__(self) -> None:
        for name, split in (("train", self.train), ("validation", self.validation), ("test", self.test)):
            if not len(split):
                raise ValueError(f"{name} has no examples: give each split one at least")
            for label in (int(end) for end in split.y.aminmax()):
                if not (0 <= label < self.classes or (split.y.dim() == 2 and label == UNLABELLED)):
                    known = f"{self.classes} classes: labels are 0 to {self.classes - 1}"
                    raise ValueError(f"label {label} of {name}, but {known}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return tuple(self.train.x.shape[1:])


class Task(NamedTuple):
    """What a network must know of a data set: the shape of an example, and the number of classes.

    Example:
        >>> Task((1, 8, 8), 10).classes
        10
    """

    shape: tuple[int, ...]
    classes: int


Loader = Callable[..., Dataset]
"""``load(folder: Path | None = None, **options) -> Dataset``, the type of every entry of `DATASETS`."""


def hold_out(x: Tensor, y: Tensor, validation: int, seed: int = 0) -> tuple[Split, Split]:
    """Split images in two, each class in proportion, the same way at every call.

    Args:
        x: examples, shape ``[N, ...]``, float32 in [0, 1], or bytes, which are divided by 255.
        y: labels, shape [N], int64.
        validation: number of examples held out, at least one per class on both sides.
        seed: of the shuffle; the global generators are not touched.

    Returns:
        The N − validation examples that stay and the `validation` that are held out.

    Raises:
        TypeError: when `validation` is no integer (a share such as 0.2 is not meant).
        ValueError: when `validation` leaves a side with fewer examples than classes.

    Example:
        >>> train, validation = hold_out(torch.rand(10, 4), torch.arange(10) % 2, validation=4)
        >>> len(train), len(validation), validation.y.bincount().tolist()
        (6, 4, [2, 2])
    """
    stay, held = stratified(y, validation, "validation", seed)
    return Split(_unit(x[stay]), y[stay]), Split(_unit(x[held]), y[held])


def limit(split: Split, count: int | None, option: str, seed: int = 0) -> Split:
    """Keep `count` examples of a split, each class in proportion, the same ones at every call.

    Args:
        split: N examples.
        count: how many to keep; None or N keeps all.
        option: what an error message calls `count`.
        seed: of the shuffle.

    Raises:
        TypeError: when `count` is no integer.
        ValueError: when `count` is negative, too small for one example per class, or too large.

    Example:
        >>> split = Split(torch.rand(10, 4), torch.arange(10) % 2)
        >>> limit(split, 4, option="train")
        Split(4 examples of shape (4,))
    """
    if count is None or count == len(split):
        return split
    _, kept = stratified(split.y, count, option, seed)
    return Split(split.x[kept], split.y[kept])


def chosen(y: Tensor, count: int | None, option: str, seed: int = 0) -> Tensor:
    """The numbers of `count` examples, each class in proportion, shuffled, the same ones at every call.

    Args:
        y: labels, shape [N], int64.
        count: how many to choose; None or N chooses all.
        option: what an error message calls `count`.
        seed: of the shuffle; the global generators are not touched.

    Raises:
        TypeError: when `count` is no integer.
        ValueError: when `count` is too small for one example per class, or too large.

    Example:
        >>> chosen(torch.tensor([0, 0, 1, 1]), None, "train").sort().values
        tensor([0, 1, 2, 3])
    """
    if count is None or count == len(y):
        return torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    return stratified(y, count, option, seed)[1]


def stratified(y: Tensor, count: int, option: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Choose `count` examples, each class in proportion, the same ones at every call.

    Args:
        y: labels, shape [N], int64.
        count: how many to choose, at least one per class chosen and not chosen.
        option: what an error message calls `count`.
        seed: of the shuffle; the global generators are not touched.

    Returns:
        The indices of those that were not chosen and of those that were, both shuffled.

    Raises:
        TypeError: when `count` is no integer (a share such as 0.2 is not meant).
        ValueError: when `count` leaves a side with fewer examples than classes.
    """
    from sklearn.model_selection import train_test_split

    _require_count(count, option, int((y.bincount() > 0).sum()), len(y))
    rest, chosen = train_test_split(np.arange(len(y)), test_size=count, random_state=seed, stratify=y.numpy())
    return torch.from_numpy(rest), torch.from_numpy(chosen)


def _require_count(count: int, option: str, classes: int, total: int) -> None:
    if not isinstance(count, int):
        raise TypeError(f"{option}={count!r} is no integer; give a number of examples, e.g. {option}={total // 5}")
    if not classes <= count <= total - classes:
        bounds = f"from {classes} to {total - classes} (one example per class on both sides)"
        raise ValueError(f"{option}={count} of {total} examples in {classes} classes; choose {bounds}")


def _unit(x: Tensor) -> Tensor:
    return x.float().div_(255) if x.dtype == torch.uint8 else x
