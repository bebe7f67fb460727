"""RDD: :class:`~spikefa.rules.RegressionDiscontinuity` beside ``models/rdd.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikefa.agreement import alignment
from spikefa.noise.exponential import synapse
from spikefa.noise.poisson import poisson_groups
from spikefa.recording import array
from spikefa.rules import RegressionDiscontinuity
from spikefa.rules import rdd as rule_module
from spikefa.validation.exact import Exact
from spikefa.validation.phases import layer, noises, recorded
from spikefa.validation.statistical import Statistical

if TYPE_CHECKING:
    from models.trace import Trace

HOLD, RATE = 100, 0.2
"""Steps that a group is driven, and its spikes per step."""

THINNED = {"cur": 5, "v": 5, "x": 5}
"""Steps from one comparison of a state to the next; spikes, windows and lines depend on all of them."""


@final
@dataclass(frozen=True)
class Rdd(Exact):
    """Phases of Poisson spikes that torch draws and Brian2 is given.

    Args:
        size: neurons below, and above.
        steps: of a phase; ``phases``: how many, one after another, of which two end while a neuron is refractory.
    """

    size: int = 8
    steps: int = 500
    phases: int = 6

    @property
    def name(self) -> str:
        """Of the case."""
        return "rdd"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"{self.size} → {self.size} neurons, {self.phases} phases of {self.steps} ms, online"

    def reference(self) -> Trace:
        """Brian2's network with the rule's weights and Poisson spikes."""
        from spikefa.models import rdd

        rule, weight = _made(self.size, steps=self.steps)
        options: Any = {"steps": self.steps, "replicas": 1, "hold": HOLD, "rate": RATE}
        drawn = [poisson_groups(self.size, noise, **options)[:, 0] for noise in noises(rule, self.phases)]
        given = array(torch.cat(drawn))
        return thinned(rdd.run(array(weight), array(rule.weight), given, phase=self.steps, eta=rule.eta))

    def twin(self) -> Trace:
        """The rule, a phase an update."""
        from spikefa.models import trace

        rule, weight = _made(self.size, steps=self.steps)
        pieces, after = [], []
        for (piece,), feedback in recorded(rule, weight, self.phases):
            pieces.append(piece)
            without, with_spike = rule.lines.clone().chunk(2)
            lines = [line.T for line in (with_spike[:, 1], without[:, 1], with_spike[:, 0], without[:, 0])]
            after.append([rule.windows.view(2, -1).clone(), *lines, feedback])
        v, cur, spk, x = (array(torch.cat(part)) for part in zip(*pieces, strict=True))
        windows, c0, c1, c2, c3, b = (array(torch.stack(part)) for part in zip(*after, strict=True))
        arrays = {("lower", "cur"): cur, ("lower", "v"): v, ("lower", "spk"): spk > 0, ("upper", "x"): x}
        arrays["lower", "windows"] = windows
        arrays |= {("lines", name): line for name, line in (("c0", c0), ("c1", c1), ("c2", c2), ("c3", c3))}
        arrays["synapses", "b"] = b
        every = dict.fromkeys(("windows", "c0", "c1", "c2", "c3", "b"), self.steps)
        return thinned(trace.Trace(arrays, dict.fromkeys((variable for _, variable in arrays), "1"), 1.0, every))


def thinned(trace: Trace) -> Trace:
    """A trace with its states once in a few steps, so that it is short."""
    arrays = {key: values[THINNED.get(key[1], 1) - 1 :: THINNED.get(key[1], 1)] for key, values in trace.arrays.items()}
    return replace(trace, arrays=arrays, every=THINNED | dict(trace.every))


@final
class RddStatistics(Statistical):
    """A phase of Poisson spikes that either side draws for itself, of the same layer."""

    seeds = 8
    size = 50
    steps = 1500

    @property
    def name(self) -> str:
        """Of the case."""
        return "rdd-statistics"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"{self.size} → {self.size} neurons, one phase of {self.steps} ms, online"

    @property
    def wrong(self) -> str:
        """The mistake."""
        return "synapses fall 20 % more slowly"

    def reference(self, seed: int) -> dict[str, float]:
        """Brian2's network with Brian2's Poisson spikes."""
        import brian2.only as b2

        from spikefa.models import noise, rdd

        weight = array(layer(self.size))
        drive = noise.groups(self.size, self.steps // HOLD, np.random.default_rng(seed))
        b2.seed(seed)
        found = rdd.simulate(rdd.build(weight, drive, held=HOLD, phase=self.steps), self.steps)
        windows, beta = found["lower", "windows"][-1], rdd.effects(found)[-1]
        return _told(found["lower", "spk"], found["upper", "x"], windows, beta, weight)

    def twin(self, seed: int) -> dict[str, float]:
        """The rule with its own."""
        rule, weight = _made(self.size, 100 + seed, steps=self.steps)
        (((piece,), _),) = recorded(rule, weight, phases=1)
        windows = array(rule.windows.view(2, -1))
        return _told(array(piece.spk) > 0, array(piece.x), windows, array(rule.effects()), array(weight))

    def mistaken(self, seed: int) -> dict[str, float]:
        """The rule with slower synapses."""
        with patch.object(rule_module, "SYNAPSE", synapse(fall=12.0, rise=3.0)):
            return self.twin(seed)


def _made(size: int, seed: int = 1, **options: Any) -> tuple[RegressionDiscontinuity, Tensor]:
    """A rule that holds a phase of one replica an update, and W."""
    weight, chance = layer(size), torch.Generator().manual_seed(seed)
    return RegressionDiscontinuity(weight, chance, every=1, per="update", replicas=1, **options), weight


def _told(
    spk: NDArray[Any], x: NDArray[Any], windows: NDArray[Any], beta: NDArray[Any], weight: NDArray[Any]
) -> dict[str, float]:
    """Rates in Hz, windows of each neuron and those of them with a spike, the size of β and its cosine to W."""
    return {
        "rate below": 1000 * float(spk.mean()),
        "rate above": 1000 * float(x.mean()),
        "windows": float(windows.sum(0).mean()),
        "with a spike": float(windows[1].mean()),
        "size of β": float(np.linalg.norm(beta)),
        "cosine of β and W": alignment(torch.as_tensor(beta), torch.as_tensor(weight)),
    }


def cases() -> Sequence[Exact | Statistical]:
    """The exact case and the statistical one."""
    return [Rdd(), RddStatistics()]
