"""The seam of all rules that learn from spikes: when a phase is held, who is simulated, what is learned from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from spikefa.feedback import Feedback, Quantity, random_like
from spikefa.options import whole


class NoisePhase(Feedback, ABC):
    """A pathway that learns from spikes, in phases in which the layer's two populations are driven by noise.

    A phase follows every ``every``-th update, or epoch. In it a copy of the two populations is simulated apart from the
    network: :meth:`simulate` says who drives whom, by which neurons, for how long; it is the only part that is given
    W. :meth:`learn` makes the new B from the recordings, and sees nothing else. B starts random.

    A convolution takes part through the matrix of its receptive field, ``weight.flatten(1)``. torch keeps the W of a
    transposed convolution as ``[in, out, ...]``, so that its two populations change places.

    Args:
        weight: W₀, ``[out, in, ...]``.
        generator: draws B₀ and the seed of the noise.
        every: updates, or epochs, from one phase to the next.
        per: what ``every`` counts, ``update`` or ``epoch``.

    Raises:
        ValueError: an option is out of its range.
    """

    reads: ClassVar[frozenset[Quantity]] = frozenset({Quantity.PRE, Quantity.POST})
    weight: Tensor
    count: Tensor
    seed: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator, *, every: int, per: str) -> None:
        super().__init__()
        whole(every=every)
        if per not in ("update", "epoch"):
            raise ValueError(f"per must be update or epoch, not {per!r}")
        self.every, self.per = every, per
        self.register_buffer("weight", random_like(weight, generator))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("seed", torch.randint(2**31, (), generator=generator))

    @abstractmethod
    def simulate(self, weight: Tensor, feedback: Tensor, noise: torch.Generator) -> Iterator[Any]:
        """One phase, in pieces of a recording, for :meth:`learn`.

        Args:
            weight: W, ``[L, K]``, in float32 or, where the network is, float64: K neurons below, L above.
            feedback: B, ``[L, K]``; a phase without a way back leaves it alone.
            noise: the phase's own generator, on the weights' device.
        """

    @abstractmethod
    def learn(self, feedback: Tensor, recording: Iterator[Any]) -> Tensor:
        """The new B, ``[L, K]``, from the one before and what :meth:`simulate` recorded."""

    def forward(self, weight: Tensor) -> Tensor:
        """B as learned so far."""
        return self.weight

    def step(self, weight: Tensor) -> None:
        """Count the update; hold a phase if it is time for one."""
        if self.per == "update":
            self._pass(weight)

    def epoch(self, weight: Tensor) -> None:
        """Count the epoch; hold a phase if it is time for one."""
        if self.per == "epoch":
            self._pass(weight)

    def phase(self, weight: Tensor) -> Tensor:
        """B after one noise phase with the present W and B, in W's shape; the same until ``count`` changes."""
        noise = torch.Generator(weight.device).manual_seed(int(self.seed) + int(self.count))
        precision = torch.promote_types(weight.dtype, torch.float32)
        up, down = weight.flatten(1).to(precision), self.weight.flatten(1).to(precision)
        return self.learn(down, self.simulate(up, down, noise)).reshape(weight.shape).to(self.weight)

    def extra_repr(self) -> str:
        """When phases are held, for printing."""
        return f"every={self.every}, per={self.per}"

    def _pass(self, weight: Tensor) -> None:
        self.count += 1
        if self.count % self.every == 0:
            self.weight.copy_(self.phase(weight))
