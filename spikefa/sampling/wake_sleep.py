"""Wake–sleep learning of a distribution by a sampling network whose synapses differ, and three ways to live with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.options import flag, positive, whole, within
from spikefa.sampling.boltzmann import Boltzmann, divergence
from spikefa.sampling.network import Slept, sleep
from spikefa.streams import stream

Array = NDArray[np.float64]

RULES = ("none", "sal", "kp")
"""What keeps the two synapses of a pair equal: nothing, their spikes' order, or the decay of both (Kolen–Pollack)."""


class Amplitudes(NamedTuple):
    """How strongly each synapse reacts to pairs of spikes, ``[N, N]``: to their coincidence, and to their order."""

    coincidence: Array
    order: Array

    @classmethod
    def drawn(cls, units: int, scatter: float, generator: torch.Generator) -> Amplitudes:
        """1 + scatter · N(0, 1), the normal numbers cut at ±1.5."""
        noise = torch.empty(2, units, units, dtype=torch.float64)
        torch.nn.init.trunc_normal_(noise, 0.0, 1.0, -1.5, 1.5, generator=generator)
        coincidence, order = (1 + scatter * noise).numpy()
        return cls(coincidence, order)


@dataclass(frozen=True)
class Course:
    """What became of a network, at each time of testing.

    Args:
        cycles: how many had passed.
        divergence: of what it samples from the target, nats.
        asymmetry: variance over the pairs of W_ij − W_ji.
        weight: W at the end, ``[N, N]``; ``bias``: b.
    """

    cycles: tuple[int, ...]
    divergence: tuple[float, ...]
    asymmetry: tuple[float, ...]
    weight: Array
    bias: Array


@final
@dataclass(frozen=True)
class WakeSleep:
    """Wake–sleep learning with the order of spikes, or the decay of weights, to keep W symmetric.

    A cycle is a sleep (:func:`~spikefa.sampling.network.sleep`), of which the windows of all synapses are taken, and a
    change of all weights; what the target would have given in the wake phase is known exactly:

    ΔW_ij = η (⟨z_i z_j⟩* − a_ij C_ij) + η_s a'_ij (o_ji − o_ij) − λ W_ij
    Δb_i = η (⟨z_i⟩* − ⟨z_i⟩),  and all are kept within ±bound

    o_ij is how much spikes of i followed spikes of j, and C_ij = o_ij + o_ji. a and a' are the amplitudes of a
    synapse's windows, 1 if there is no scatter; where they act on ``both`` phases, ⟨z_i z_j⟩* is multiplied by a too.
    ``none`` has η_s = λ = 0, ``sal`` λ = 0, ``kp`` η_s = 0.

    Spikes of the same step are left out of C unless ``simultaneous``, as in the authors' code. So C falls short of
    ⟨z_i z_j⟩ by T_ref times the rate of such pairs, of the order of 1/(4 T_ref): learning settles beside the target.

    W starts symmetric, N(0, 0.2²), plus ``asymmetry`` times a standard normal number for each synapse; b at N(0, 0.2²).

    **Uses:** the spikes of the two ends of a synapse, and the target's moments, which stand for a wake phase: local.
    For ``kp`` the two synapses of a pair get the same change because the window of coincidence is the same for both.

    Reference:
        Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike timing for robust local gradients",
        Nature Communications 17, 8699, 2026. https://arxiv.org/abs/2503.02642

    Args:
        rule: ``none``, ``sal`` or ``kp``.
        units: N; ``refractory``: T_ref, steps.
        cycles: how many; ``duration``: of a sleep, in T_ref.
        rate: η, of weights and biases; ``aligning``: η_s of SAL; ``decay``: λ of Kolen–Pollack, per cycle.
        asymmetry: σ of the synaptic noise at the start; ``scatter``: σ of the amplitudes (:class:`Amplitudes`).
        both: whether the amplitudes act on the wake phase too.
        simultaneous: whether spikes of the same step count as coincident.
        bound: of weights and biases.
        tests: how often the divergence is measured after the start; ``sample``: how long the network then runs, T_ref.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> course = WakeSleep("sal", units=3, refractory=10, cycles=50, rate=0.1, sample=5000).run(seed=0)
        >>> course.cycles[-1], course.divergence[-1] < course.divergence[0]
        (50, True)
    """

    rule: str
    units: int = 7
    refractory: int = 50
    cycles: int = 20_001
    duration: int = 1000
    rate: float = 0.01
    aligning: float = 0.01
    decay: float = 2e-4
    asymmetry: float = 0.0
    scatter: float = 0.0
    both: bool = False
    simultaneous: bool = False
    bound: float = 2.0
    tests: int = 5
    sample: int = 1_000_000

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule must be {' or '.join(RULES)}, not {self.rule!r}")
        names = ("units", "refractory", "cycles", "duration", "tests", "sample")
        whole(**{name: getattr(self, name) for name in names})
        positive(rate=self.rate, bound=self.bound)
        flag(both=self.both, simultaneous=self.simultaneous)
        within(0, 1, aligning=self.aligning, decay=self.decay, scatter=self.scatter)

    def run(self, seed: int) -> Course:
        """Learn a target drawn from the seed, from weights drawn from the seed; all rules from the same ones."""
        target = Boltzmann.drawn(self.units, stream(seed, "target"))
        weight, bias = self.start(stream(seed, "start"))
        amplitudes = Amplitudes.drawn(self.units, self.scatter, stream(seed, "amplitudes"))
        noise, found = stream(seed, "sleep"), []
        times = np.linspace(0, self.cycles, self.tests + 1).round().astype(int)
        for cycle in range(self.cycles + 1):
            if cycle in times:
                found.append(self.test(target, weight, bias, stream(seed, "test")))
            if cycle < self.cycles:
                slept = self.slept(weight, bias, self.duration, noise)
                weight, bias = self.learned(weight, bias, target.together, slept, amplitudes)
        distances, asymmetries = zip(*found, strict=True)
        return Course(tuple(times.tolist()), distances, asymmetries, weight, bias)

    def start(self, generator: torch.Generator) -> tuple[Array, Array]:
        """W ``[N, N]`` and b ``[N]`` before learning."""
        shape = self.units, self.units
        even = torch.randn(*shape, generator=generator, dtype=torch.float64).mul(0.2).triu(1)
        own = torch.randn(*shape, generator=generator, dtype=torch.float64).mul(self.asymmetry)
        bias = torch.randn(self.units, generator=generator, dtype=torch.float64).mul(0.2)
        weight = (even + even.T + own).fill_diagonal_(0).clamp(-self.bound, self.bound)
        return weight.numpy(), bias.numpy()

    def slept(
        self,
        weight: Array,
        bias: Array,
        duration: int,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
    ) -> Slept:
        """A sleep of a length in T_ref."""
        steps = duration * self.refractory
        return sleep(weight, bias, refractory=self.refractory, steps=steps, generator=generator, dtype=dtype)

    def learned(
        self, weight: Array, bias: Array, together: Array, slept: Slept, amplitudes: Amplitudes
    ) -> tuple[Array, Array]:
        """W and b after one cycle.

        Args:
            weight: W ``[N, N]``; ``bias``: b ``[N]``; ``together``: ⟨z_i z_j⟩* of the target.
            slept: what the network did; ``amplitudes``: of the windows.
        """
        found = slept.together if self.simultaneous else slept.order + slept.order.T
        change = self.rate * (self.wake(together, amplitudes) - amplitudes.coincidence * found)
        if self.rule == "sal":
            change += self.aligning * amplitudes.order * (slept.order.T - slept.order)
        if self.rule == "kp":
            change -= self.decay * weight
        np.fill_diagonal(change, 0.0)
        moved = bias + self.rate * (together.diagonal() - slept.rates)
        return (weight + change).clip(-self.bound, self.bound), moved.clip(-self.bound, self.bound)

    def wake(self, together: Array, amplitudes: Amplitudes) -> Array:
        """What each synapse's window of coincidence gives in a wake phase, ``[N, N]``."""
        return amplitudes.coincidence * together if self.both else together

    def test(self, target: Boltzmann, weight: Array, bias: Array, generator: torch.Generator) -> tuple[float, float]:
        """The divergence of what the network samples, and its asymmetry."""
        slept = self.slept(weight, bias, self.sample, generator)
        return divergence(target.probability, slept.occupied), asymmetry(weight)


def asymmetry(weight: Array) -> float:
    """Variance over the pairs i < j of W_ij − W_ji.

    Example:
        >>> asymmetry(np.array([[0, 1.0, 2.0], [1.0, 0, 3.0], [2.0, 3.0, 0]]))
        0.0
    """
    return float((weight - weight.T)[np.triu_indices(len(weight), 1)].var())
