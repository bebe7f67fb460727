"""The weight mirror: :class:`~spikefa.rules.WeightMirror` beside ``models/mirror.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefa.noise import driven
from spikefa.recording import array
from spikefa.rules import WeightMirror
from spikefa.rules.mirror import STIMULUS
from spikefa.validation.exact import Exact
from spikefa.validation.phases import layer, noises, recorded, spikes, statistics
from spikefa.validation.statistical import Statistical

if TYPE_CHECKING:
    from models.trace import Trace


@final
@dataclass(frozen=True)
class Mirror(Exact):
    """Phases of stimuli to spiking neurons, whose Poisson spikes torch draws and Brian2 is given.

    Args:
        size: neurons below, and above.
        stimuli: in a phase; ``phases``: how many, one after another.
    """

    size: int = 8
    stimuli: int = 4
    phases: int = 2

    @property
    def name(self) -> str:
        """Of the case."""
        return "mirror"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return (
            f"{self.size} → {self.size} neurons, lif, {self.phases} phases of {self.stimuli} stimuli of {STIMULUS} ms"
        )

    def reference(self) -> Trace:
        """Brian2's network with the rule's weights and Poisson spikes."""
        from spikefa.models import mirror

        rule, weight = self._made()
        given = np.concatenate([spikes(rule.drive, self.size, noise) for noise in noises(rule, self.phases)])
        options = {"stimuli": self.stimuli, "eta": rule.eta, "decay": rule.decay}
        trace: Trace = mirror.run(array(weight), array(rule.weight), given, **options)
        return trace

    def twin(self) -> Trace:
        """The rule, a phase an update, and the neurons that it counts the spikes of."""
        from spikefa.models import trace

        rule, weight = self._made()
        lower, upper, v = _spikes(rule, weight, self.phases)
        below, above, b = _phases(rule, weight, self.phases)
        arrays = {
            ("lower", "spk"): lower > 0,
            ("upper", "v"): v,
            ("upper", "spk"): upper > 0,
            ("lower", "n"): below,
            ("upper", "n"): above,
            ("synapses", "b"): b,
        }
        every = {"n": STIMULUS, "b": self.stimuli * STIMULUS}
        told: Trace = trace.Trace(arrays, {"v": "1", "spk": "1", "n": "1", "b": "1"}, 1.0, every)
        return told

    def _made(self) -> tuple[WeightMirror, Tensor]:
        return _made(self.size, neuron="lif", stimuli=self.stimuli)


@final
@dataclass(frozen=True)
class Linear(Exact):
    """Phases of stimuli to linear neurons, which torch draws and Brian2 is given.

    Args:
        size: neurons below, and above.
        stimuli: in a phase; ``phases``: how many, one after another.
    """

    size: int = 12
    stimuli: int = 5
    phases: int = 6

    @property
    def name(self) -> str:
        """Of the case."""
        return "mirror-linear"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"{self.size} → {self.size} neurons, linear, {self.phases} phases of {self.stimuli} stimuli"

    def reference(self) -> Trace:
        """Brian2's network with the rule's weights and stimuli."""
        from spikefa.models import mirror

        rule, weight = _made(self.size, stimuli=self.stimuli)
        drawn = [
            torch.randn(1, self.size, generator=noise, dtype=weight.dtype)
            for noise in noises(rule, self.phases)
            for _ in range(self.stimuli)
        ]
        options = {"stimuli": self.stimuli, "eta": rule.eta, "decay": rule.decay}
        trace: Trace = mirror.run_linear(array(weight), array(rule.weight), array(torch.cat(drawn)), **options)
        return trace

    def twin(self) -> Trace:
        """The rule, a phase an update."""
        from spikefa.models import trace

        x, y, b = _phases(*_made(self.size, stimuli=self.stimuli), self.phases)
        arrays = {("lower", "x"): x, ("upper", "y"): y, ("synapses", "b"): b}
        told: Trace = trace.Trace(arrays, {"x": "1", "y": "1", "b": "1"}, float(STIMULUS), {"b": self.stimuli})
        return told


@final
class MirrorStatistics(Statistical):
    """A phase of Poisson spikes that either side draws for itself, of the same layer, from B = 0.

    Counts of spikes tell little of time constants: of a membrane or a synapse that is 20 % slower they change by 1 or
    2 %, and B by as little, less than by chance. So the spikes below that lead to one above are compared too.
    """

    seeds = 10
    size = 100
    stimuli = 20

    @property
    def name(self) -> str:
        """Of the case."""
        return "mirror-statistics"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"{self.size} → {self.size} neurons, lif, one phase of {self.stimuli} stimuli of {STIMULUS} ms"

    @property
    def wrong(self) -> str:
        """The mistake."""
        return "synapses fall 20 % more slowly"

    def reference(self, seed: int) -> dict[str, float]:
        """Brian2's network with Brian2's Poisson spikes."""
        import brian2.only as b2

        from spikefa.models import mirror, noise

        weight = array(layer(self.size))
        drive = noise.groups(self.size, self.stimuli, np.random.default_rng(seed))
        b2.seed(seed)
        trace = mirror.run(weight, np.zeros_like(weight), drive, held=STIMULUS, stimuli=self.stimuli)
        return _told(trace["lower", "spk"], trace["upper", "spk"], trace["synapses", "b"][-1], weight)

    def twin(self, seed: int) -> dict[str, float]:
        """The rule with its own."""
        rule, weight = _made(self.size, 100 + seed, neuron="lif", stimuli=self.stimuli)
        rule.weight.zero_()
        lower, upper, _ = _spikes(rule, weight, phases=1)
        return _told(lower, upper, _phases(rule, weight, phases=1)[-1][-1], array(weight))

    def mistaken(self, seed: int) -> dict[str, float]:
        """The rule with slower synapses."""
        with patch.object(driven, "FALL", 1.2 * driven.FALL):
            return self.twin(seed)


def lead(lower: NDArray[Any], upper: NDArray[Any], weight: NDArray[Any], within: int = 8) -> float:
    """What the spikes of the last few ms before a spike above weigh more than those of the whole stimulus, on average.

    Args:
        lower: spikes below, ``[T, 1, K]``, of whole stimuli; ``upper``: above, ``[T, 1, L]``.
        weight: W, ``[L, K]``.
        within: the last few ms.

    Example:
        >>> lower, upper = np.zeros((2, 100, 1, 1))
        >>> lower[48], upper[50] = True, True
        >>> round(lead(lower, upper, np.ones((1, 1))), 9)  # of eight ms one has a spike, of all 100 one as well
        0.92
    """
    below, above = (spk.reshape(-1, STIMULUS, spk.shape[-1]).astype(float) for spk in (lower, upper))
    drive = (below - below.mean(1, keepdims=True)) @ weight.T
    led = sum((above[:, ago:] * drive[:, :-ago]).sum() for ago in range(1, within + 1))
    return float(led / above.sum())


def _told(lower: NDArray[Any], upper: NDArray[Any], feedback: NDArray[Any], weight: NDArray[Any]) -> dict[str, float]:
    return statistics(lower, upper, 1.0, feedback, weight) | {"lead of spikes below": lead(lower, upper, weight)}


def _made(size: int, seed: int = 1, **options: Any) -> tuple[WeightMirror, Tensor]:
    """A rule that holds a phase of one replica an update, and W."""
    weight, chance = layer(size), torch.Generator().manual_seed(seed)
    return WeightMirror(weight, chance, every=1, replicas=1, **options), weight


def _spikes(rule: WeightMirror, weight: Tensor, phases: int) -> list[NDArray[Any]]:
    """Spikes below and above, and membranes above, ``[T, 1, N]``, of the next phases, before they are held."""
    pieces = [piece for noise in noises(rule, phases) for piece in rule.drive.populations(weight, noise)]
    return [array(torch.cat(part)) for part in zip(*pieces, strict=True)]


def _phases(rule: WeightMirror, weight: Tensor, phases: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Activities below and above, ``[stimuli, 1, N]``, and B after each phase, ``[phases, L, K]``."""
    held = list(recorded(rule, weight, phases))
    below, above = zip(*(piece for pieces, _ in held for piece in pieces), strict=True)
    return array(torch.stack(below)), array(torch.stack(above)), array(torch.stack([b for _, b in held]))


def cases() -> Sequence[Exact | Statistical]:
    """The exact cases and the statistical one."""
    return [Mirror(), Linear(), MirrorStatistics()]
