"""One training on several processes or GPUs: each takes its part of every batch, and all hold the same W and B.

The gradients are averaged by DistributedDataParallel, so every process makes the same update; what pathways learn from
(W, generators of their own, averaged gradients) is then the same everywhere, and so is B. Batches, their order and
random encodings are drawn for the whole batch in every process, of which each takes its rows: a training gives the
numbers of one process with the same batch, but for the rounding of sums.

:func:`spikefa.following.joined` makes a team of the processes that ``torchrun`` has started. Its first process leads:
it alone is called with something to train, measures and writes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar, final

import torch
from torch import Tensor, nn

from spikefa.datasets import Dataset
from spikefa.experiment import Experiment

Found = TypeVar("Found")
Device = str | torch.device
Backward = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""Takes images ``[B, ...]``, labels ``[B]`` and the input's noise; adds to ``.grad`` and gives the batch's loss."""


@final
class Parted(SystemExit):
    """A process of the team is gone, or failed alone: the others cannot go on, with this or any other training."""


@final
class Known(RuntimeError):
    """A training failed in a way that every process of the team knows of, so that all are ready for the next one."""


class Crew(ABC):
    """Who trains: a process alone, or several together.

    Attributes:
        size: how many.
    """

    size: int = 1

    @abstractmethod
    def leading(
        self, experiment: Experiment, data: Dataset, device: Device, **others: Any
    ) -> AbstractContextManager[None]:
        """Around a training, so that the others begin it too.

        Args:
            experiment, data, device, others: the training's arguments; ``others`` can be pickled.
        """

    @abstractmethod
    def backward(self, experiment: Experiment, net: nn.Module) -> Backward:
        """What gives a batch's loss and adds its gradients: the experiment's own, each process for a part.

        Raises:
            Known: the network has layers whose output for an example depends on the others of its batch.
        """

    @abstractmethod
    def once(self, measure: Callable[[], Found]) -> Found:
        """What ``measure`` gives, in one process; the others wait for it.

        Raises:
            Known: in the others: it failed there.
        """

    @abstractmethod
    def check(self, net: nn.Module) -> None:
        """All hold the same W and B, bit for bit.

        Raises:
            Known: they do not.
        """


@final
class Alone(Crew):
    """One process, which trains all by itself."""

    def leading(
        self, experiment: Experiment, data: Dataset, device: Device, **others: Any
    ) -> AbstractContextManager[None]:
        """There is nobody to lead."""
        return nullcontext()

    def backward(self, experiment: Experiment, net: nn.Module) -> Backward:
        """The experiment's own."""
        return partial(experiment.backward, net)

    def once(self, measure: Callable[[], Found]) -> Found:
        """What ``measure`` gives."""
        return measure()

    def check(self, net: nn.Module) -> None:
        """There is nobody to differ from."""


crew: ContextVar[Crew] = ContextVar("crew", default=Alone())  # noqa: B039
"""Who trains: this process alone, but within :func:`spikefa.following.joined`."""
