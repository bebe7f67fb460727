"""Frozen backpropagation: feedback weights that are copied from the forward ones now and then, all or some."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from spikefa.feedback import Feedback, Quantity
from spikefa.options import whole, within
from spikefa.streams import stream
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

    Transports fail where they are told to: ``lost`` of the weights sent do not arrive, each by chance, and all arrive
    ``late``. What is sent is counted whether it arrives or not.

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
        rescale: whether rows, ``weight[i]``, get W's norms after a copy; one that is zero in W or B is left as it is.
            Not with ``lost``.
        lost: probability that a weight that was sent does not arrive, from 0 to 1.
        late: updates from sending to arrival, below ``period``; meanwhile W moves on.

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
    under_way: Tensor

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
        lost: float = 0.0,
        late: int = 0,
    ) -> None:
        super().__init__()
        whole(period=period)
        if not isinstance(late, int) or isinstance(late, bool) or late < 0:
            raise ValueError(f"late must be a whole number, at least 0, not {late!r}")
        within(0, 1, lost=lost)
        if lost and rescale:
            raise ValueError(
                f"lost={lost} with rescale=True: rows would get norms of weights that did not arrive; leave one out"
            )
        if late >= period:
            raise ValueError(f"late={late} must be below period={period}, so that one transport is under way at a time")
        self.lost, self.late = lost, late
        self.period, self.transport = period, Transport(transport, fraction, threshold, rescale)
        self.register_buffer("weight", weight.detach().clone())
        if late:
            self.register_buffer("under_way", self.weight.clone())
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.register_buffer("drift", torch.zeros((), dtype=torch.float64))
        self.register_buffer("seed", torch.randint(2**31, (), generator=generator))

    def forward(self, weight: Tensor) -> Tensor:
        """B as the last copy left it."""
        return self.weight

    def step(self, weight: Tensor) -> None:
        """Count the update; copy W, or a part of it, if it is a ``period``-th one."""
        self.updates += 1
        if self.updates >= self.period and self.updates % self.period == self.late:
            self.drift.copy_(((weight - self.weight).norm() / weight.norm()).nan_to_num(0.0, posinf=torch.inf))
        if self.updates % self.period == 0:
            shared = Shared(int(self.updates) // self.period - 1, int(self.seed))
            sent = self.weight.clone()
            self.send(weight, *self.transport(weight, sent, shared))
            self.deliver(sent, shared)
        if self.late and self.updates % self.period == self.late:
            self.weight.copy_(self.under_way)

    def deliver(self, sent: Tensor, shared: Shared) -> None:
        """Let what was sent arrive, but for what gets lost: at once, or later."""
        if self.lost:
            chance = torch.rand(sent.shape, generator=stream(shared.seed, f"lost {shared.number}"))
            sent = torch.where(chance.to(sent.device) < self.lost, self.weight, sent)
        (self.under_way if self.late else self.weight).copy_(sent)

    def measures(self, weight: Tensor) -> dict[str, float]:
        """``drift``: ‖W − B‖ / ‖W‖ just before the last copy arrived, the furthest from W; 0 before the first."""
        return {"drift": float(self.drift)}

    def extra_repr(self) -> str:
        """The options, for printing."""
        faults = {name: value for name, value in {"lost": self.lost, "late": self.late}.items() if value}
        parts = [f"period={self.period}", *([str(self.transport)] if self.transport != Transport() else [])]
        return ", ".join(parts + [f"{name}={value}" for name, value in faults.items()])
