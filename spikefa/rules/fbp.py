"""Frozen backpropagation: feedback weights that are copied from the forward ones now and then, all or some."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from spikefa.feedback import Feedback, Quantity
from spikefa.options import whole
from spikefa.transport import Shared, Transport


@final
class FrozenBackprop(Feedback):
    """Frozen backpropagation: B stands still for ``period`` updates, then becomes a copy of W, in whole or in part.

    B₀ = W₀, and B ← W after every ``period``-th update, for the weights that ``transport`` chooses:

    - ``full``: all n of them. ``period=1`` is then backpropagation, bit for bit.
    - ``cyclic``: consecutive blocks of ⌈p n⌉ weights in turn; ``random``: ⌈p n⌉ at random. Both sides can derive which.
    - ``threshold``: those with |W − B| > θ √⟨W²⟩, however many they are.
    - ``topk``: the ⌈p n⌉ of largest |W − B|.

    Bits moved at a copy: a word (32 in float32) for each weight, and ⌈log₂ n⌉ for its index with ``threshold`` and
    ``topk``. The paper moves parts by three schemes, whose exact definitions were not available: these are ours. So is
    ``rescale``: after a partial copy every output row of B gets the norm of W's row, for one word a row.

    **Uses:** W, or a part of it, once every ``period`` updates. Not local; the transport is what it saves.

    Reference:
        Goupy, Tirilly, Bilasco, "Frozen backpropagation: relaxing weight symmetry in temporally-coded deep spiking
        neural networks", 2025. https://arxiv.org/abs/2505.13741

    Args:
        weight: W₀, ``[out, in, ...]``.
        generator: draws the seed from which ``random`` chooses.
        period: updates from one copy to the next, Φ.
        transport: a name of :data:`~spikefa.transport.SCHEMES`.
        fraction: p, in (0, 1], for ``cyclic``, ``random`` and ``topk``; 0.01 if absent.
        threshold: θ, above 0, for ``threshold``; 0.1 if absent.
        rescale: whether rows get W's norms after a copy; a row that is zero in W or B is left as it is.

    Raises:
        ValueError: an option is out of its range, or ``transport`` does not use it.

    Example:
        >>> pathway = FrozenBackprop(torch.zeros(1, 2), torch.Generator(), period=2)
        >>> for update in (1.0, 2.0, 3.0):
        ...     pathway.step(torch.full((1, 2), update))
        >>> pathway.weight, int(pathway.bits)
        (tensor([[2., 2.]]), 64)

        A quarter of four weights, each with two bits of index, at every update:

        >>> pathway = FrozenBackprop(torch.zeros(2, 2), torch.Generator(), period=1, transport="topk", fraction=0.25)
        >>> for update in range(2):
        ...     pathway.step(torch.tensor([[1.0, -3.0], [0.0, 2.0]]))
        >>> pathway.weight.tolist(), int(pathway.bits)
        ([[0.0, -3.0], [0.0, 2.0]], 68)
    """

    reads = frozenset({Quantity.WEIGHT})
    weight: Tensor
    updates: Tensor
    seed: Tensor
    drift: Tensor

    def __init__(
        self,
        weight: Tensor,
        generator: torch.Generator,
        *,
        period: int = 100,
        transport: str = "full",
        fraction: float | None = None,
        threshold: float | None = None,
        rescale: bool = False,
    ) -> None:
        super().__init__()
        whole(period=period)
        self.period, self.transport = period, Transport(transport, fraction, threshold, rescale)
        self.register_buffer("weight", weight.detach().clone())
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.register_buffer("drift", torch.zeros((), dtype=torch.float64))
        self.register_buffer("seed", torch.randint(2**31, (), generator=generator))

    def forward(self, weight: Tensor) -> Tensor:
        """B as the last copy left it."""
        return self.weight

    def step(self, weight: Tensor) -> None:
        """Count the update; copy W, or a part of it, if it is a ``period``-th one."""
        self.updates += 1
        if self.updates % self.period == 0:
            self.drift.copy_(((weight - self.weight).norm() / weight.norm()).nan_to_num(0.0, posinf=torch.inf))
            shared = Shared(int(self.updates) // self.period - 1, int(self.seed))
            self.send(weight, *self.transport(weight, self.weight, shared))

    def measures(self, weight: Tensor) -> dict[str, float]:
        """``drift``: ‖W − B‖ / ‖W‖ just before the last copy, the furthest that B was from W; 0 before the first."""
        return {"drift": float(self.drift)}

    def extra_repr(self) -> str:
        """The options, for printing."""
        return f"period={self.period}" + (f", {self.transport}" if self.transport != Transport() else "")
