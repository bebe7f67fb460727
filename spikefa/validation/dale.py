"""Dale's law: the loop of wired neurons beside ``models/dale.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final
from unittest.mock import patch

import numpy as np
import torch

from spikefa.dale import E1, E2, Pair
from spikefa.streams import stream
from spikefa.validation.exact import Exact
from spikefa.validation.statistical import Statistical

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


@final
@dataclass(frozen=True)
class DaleStatistics(Statistical):
    """The same four neurons, of which every simulator draws random numbers of its own."""

    seeds: ClassVar[int] = 10
    steps: int = 3000
    eta: float = 0.02

    @property
    def name(self) -> str:
        """``dale-statistics``."""
        return "dale-statistics"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"two excitatory neurons and their interneurons, {self.steps} steps, both direct synapses learn"

    @property
    def wrong(self) -> str:
        """The mistake that must be noticed."""
        return "the traces' time constant 20 % longer than T_ref"

    def reference(self, seed: int) -> dict[str, float]:
        """Of Brian2's neurons, with uniform numbers by numpy."""
        from spikefa.models import dale

        bias, drawn = (PAIR.bias, PAIR.bias, *PAIR.inter), np.random.default_rng(seed).random((self.steps, 4))
        found = dale.run(dale.pair(DIRECT, PAIR.onto, PAIR.off, bias, drawn, self.eta, PAIR.refractory))
        there = np.argwhere(PAIR.weights(DIRECT))
        backward, forward = ([*map(tuple, there)].index(place) for place in ((0, 1), (1, 0)))
        rates = PAIR.refractory * found["neurons", "spk"].mean((0, 1))
        return statistics(rates, found["synapses", "w"][:, 0, [forward, backward]], self.eta)

    def twin(self, seed: int, longer: float = 1.0) -> dict[str, float]:
        """Of the loop that the studies run, a step at a time, so that weights can be looked at after each."""
        net = PAIR.wired(DIRECT)
        net.decay **= 1 / longer
        move, direct = net.move, []

        def watched(drawn: Any, eta: float) -> Any:
            spk = []
            for one in drawn[:, None]:
                spk.append(move(one, eta))
                direct.append((net.weights[E2, E1], net.weights[E1, E2]))
            return np.concatenate(spk)

        with patch.object(net, "move", watched):
            heard = net.run(self.steps, stream(seed, "dale"), self.eta)
        return statistics(heard.rates, np.array(direct), self.eta)

    def mistaken(self, seed: int) -> dict[str, float]:
        """The same, of neurons that leave longer traces, and fire and rest as they should."""
        return self.twin(seed, longer=1.2)


def statistics(rates: Any, direct: Any, eta: float) -> dict[str, float]:
    """How often the neurons fire, and how SAL moves the direct weights.

    Args:
        rates: spikes of E₁, E₂, I₁ and I₂ in T_ref, ``[4]``.
        direct: weights E₁ → E₂ and E₂ → E₁ after each step, ``[T, 2]``; ``eta``: η, by which they learn.

    Returns:
        The rates; the last ``difference of weights``; and the ``length of traces``, Σ |Δ(W₂₁ − W₁₂)| / 2η, which is the
        sum of the traces that spikes meet, divided by what it would be if spikes were independent and traces as long as
        T_ref. It grows with the traces, and not with the rates.
    """
    apart = np.append(DIRECT[0] - DIRECT[1], direct[:, 0] - direct[:, 1])
    met = PAIR.refractory / len(direct) * np.abs(np.diff(apart)).sum() / (2 * eta)
    names = ("rate of E₁", "rate of E₂", "rate of I₁", "rate of I₂")
    found = {"difference of weights": float(apart[-1]), "length of traces": float(met / (2 * rates[E1] * rates[E2]))}
    return dict(zip(names, map(float, rates), strict=True)) | found


def cases() -> Sequence[Exact | Statistical]:
    """The four neurons, step by step and on average."""
    return [Dale(), DaleStatistics()]
