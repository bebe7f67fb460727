"""Dale's law: the loop of wired neurons beside ``models/dale.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from spikefa.dale import Pair
from spikefa.streams import stream
from spikefa.validation.exact import Exact

if TYPE_CHECKING:
    from models.trace import Trace

PAIR = Pair(onto=(4.2, 3.7), off=(-1.5, -0.5), inter=(-2.1, -1.8), refractory=8)
DIRECT, ETA, STEPS = (0.05, 1.2), 0.2, 1500


@final
@dataclass(frozen=True)
class Dale(Exact):
    """Two excitatory neurons and two interneurons, for which both simulators are given all random numbers."""

    @property
    def name(self) -> str:
        """``dale``."""
        return "dale"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"two excitatory neurons and their interneurons, {STEPS} steps, both direct synapses learn"

    def reference(self) -> Trace:
        """Brian2's neurons, wired by the reference itself."""
        from spikefa.models import dale

        bias = PAIR.bias, PAIR.bias, *PAIR.inter
        wired = dale.pair(DIRECT, PAIR.onto, PAIR.off, bias, self._noise(), ETA, PAIR.refractory)
        trace: Trace = dale.run(wired)
        return trace

    def twin(self) -> Trace:
        """The loop, a step at a time, so that weights can be looked at after each."""
        from spikefa.models import trace

        net = PAIR.wired(DIRECT)
        there = (net.weights != 0) | net.learns
        spk, weights = [], []
        for drawn in self._noise()[:, None]:
            spk.append(net.move(drawn, ETA))
            weights.append(net.weights[there])
        arrays = {("neurons", "spk"): np.array(spk), ("synapses", "w"): np.array(weights)[:, None]}
        recorded: Trace = trace.Trace(arrays, {"spk": "1", "w": "1"}, dt=1.0)
        return recorded

    def _noise(self) -> Any:
        return torch.rand(STEPS, 4, generator=stream(0, "dale"), dtype=torch.float64).numpy()


def cases() -> Sequence[Exact]:
    """The four neurons."""
    return [Dale()]
