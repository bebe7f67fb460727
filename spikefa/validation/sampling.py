"""Sampling networks that learn: compiled cycles beside ``models/sampling.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final
from unittest.mock import patch

import numpy as np
import torch

from spikefa.noise.draw import uniform
from spikefa.sampling import Amplitudes, Boltzmann, WakeSleep, asymmetry
from spikefa.streams import stream
from spikefa.validation.exact import Exact
from spikefa.validation.statistical import Statistical

if TYPE_CHECKING:
    from models.trace import Trace


@final
@dataclass(frozen=True)
class Sampling(Exact):
    """A few cycles of which both simulators are given all random numbers.

    Args:
        label: what the name has after ``sampling``.
        rule: ``none``, ``sal`` or ``kp``; ``both``: whether amplitudes act on both phases.
        cycles: how many; ``duration``: of each, in T_ref.
    """

    label: str
    rule: str
    both: bool = False
    cycles: int = 5
    duration: int = 40

    @property
    def name(self) -> str:
        """``sampling`` and the label."""
        return "sampling" + self.label

    @property
    def compared(self) -> str:
        """What is simulated."""
        made = self._made()
        return f"{made.units} neurons and their windows, {self.rule}, {self.cycles} cycles of {self._steps} steps"

    def reference(self) -> Trace:
        """Brian2's network, with the weights, amplitudes and random numbers of the compiled one."""
        from spikefa.models import sampling

        made = self._made()
        target, weight, bias, amplitudes = self._given(made)
        noise = stream(0, "sleep")
        drawn = [uniform(self._steps, made.units, generator=noise, dtype=torch.float64) for _ in range(self.cycles)]
        sampler = sampling.Sampler(
            weight,
            bias,
            target.together,
            np.stack(amplitudes),
            torch.cat(drawn).numpy(),
            cycles=self.cycles,
            steps=self._steps,
            refractory=made.refractory,
            eta=made.rate,
            eta_s=made.aligning if self.rule == "sal" else 0.0,
            decay=made.decay if self.rule == "kp" else 0.0,
            bound=made.bound,
            both=self.both,
        )
        trace: Trace = sampling.run(sampler)
        return trace

    def twin(self) -> Trace:
        """The compiled network, cycle by cycle."""
        from spikefa.models import trace

        made = self._made()
        target, weight, bias, amplitudes = self._given(made)
        noise = stream(0, "sleep")
        found: dict[tuple[str, str], Any] = {("units", name): [] for name in ("order", "count", "w", "bias")}
        for _ in range(self.cycles):
            slept = made.slept(weight, bias, self.duration, noise, torch.float64)
            weight, bias = made.learned(weight, bias, target.together, slept, amplitudes)
            for values, recorded in zip((slept.order, slept.rates, weight, bias), found.values(), strict=True):
                recorded.append(values)
        arrays, names = {key: np.stack(values) for key, values in found.items()}, [key[1] for key in found]
        made_trace: Trace = trace.Trace(arrays, dict.fromkeys(names, "1"), 1.0, dict.fromkeys(names, self._steps))
        return made_trace

    def _made(self) -> WakeSleep:
        return WakeSleep(
            self.rule, 5, 10, rate=0.5, aligning=0.5, decay=0.05, asymmetry=0.8, scatter=0.2, both=self.both
        )

    @property
    def _steps(self) -> int:
        return self.duration * self._made().refractory

    def _given(self, made: WakeSleep) -> tuple[Any, ...]:
        """Target, W, b and amplitudes: as a run with seed 0 has them."""
        target = Boltzmann.drawn(made.units, stream(0, "target"))
        amplitudes = Amplitudes.drawn(made.units, made.scatter, stream(0, "amplitudes"))
        return target, *made.start(stream(0, "start")), amplitudes


@final
@dataclass(frozen=True)
class SamplingStatistics(Statistical):
    """Cycles in which every simulator draws random numbers of its own; W, b and the target are the same for all seeds.

    The twin is the compiled network of the studies, in their precision. In units of T_ref all statistics are the same
    for any number of steps in it, so that a T_ref that is wrong everywhere shows in none, and is no mistake. What tells
    of the windows' length is the coincidence.
    """

    seeds: ClassVar[int] = 8
    cycles: int = 4
    duration: int = 100

    @property
    def name(self) -> str:
        """``sampling-statistics``."""
        return "sampling-statistics"

    @property
    def compared(self) -> str:
        """What is simulated."""
        made = self._made()
        return f"{made.units} neurons, SAL, {self.cycles} cycles of {self.duration * made.refractory} steps"

    @property
    def wrong(self) -> str:
        """The mistake that must be noticed."""
        return "the windows 20 % longer than T_ref"

    def reference(self, seed: int) -> dict[str, float]:
        """Of Brian2's network, with uniform numbers by numpy."""
        from spikefa.models import sampling

        made, steps = self._made(), self.duration * self._made().refractory
        target, weight, bias = self._given()
        ones, drawn = np.ones((2, *weight.shape)), np.random.default_rng(seed).random((self.cycles * steps, made.units))
        rates = {"eta": made.rate, "eta_s": made.aligning, "bound": made.bound}
        given = weight, bias, target.together, ones, drawn
        found = sampling.run(
            sampling.Sampler(*given, cycles=self.cycles, steps=steps, refractory=made.refractory, **rates)
        )
        return statistics(weight, *(found["units", name] for name in ("order", "count", "w")))

    def twin(self, seed: int) -> dict[str, float]:
        """Of the compiled network, as :meth:`~spikefa.sampling.WakeSleep.run` has it."""
        made, (target, start, bias) = self._made(), self._given()
        weight, noise, amplitudes = start, stream(seed, "sleep"), Amplitudes.drawn(made.units, 0.0, stream(0, ""))
        found: list[tuple[Any, ...]] = []
        for _ in range(self.cycles):
            slept = made.slept(weight, bias, self.duration, noise)
            weight, bias = made.learned(weight, bias, target.together, slept, amplitudes)
            found.append((slept.order, slept.rates, weight))
        return statistics(start, *map(np.stack, zip(*found, strict=True)))

    def mistaken(self, seed: int) -> dict[str, float]:
        """The same, in plain Python, of synapses that remember for longer; neurons fire and rest as they should."""
        from spikefa.sampling import kernels

        follow = kernels._follow.py_func

        def longer(n: int, t: int, length: int, *rest: Any) -> None:
            follow(n, t, 1.2 * length, *rest)

        with patch.multiple(kernels, _follow=longer, sleep=kernels.sleep.py_func):
            return self.twin(seed)

    def _made(self) -> WakeSleep:
        return WakeSleep("sal", 5, 10, rate=0.3, aligning=0.5, asymmetry=0.8)

    def _given(self) -> tuple[Any, ...]:
        """Target, W and b."""
        made = self._made()
        return Boltzmann.drawn(made.units, stream(0, "target")), *made.start(stream(0, "start"))


def statistics(start: Any, order: Any, count: Any, weight: Any) -> dict[str, float]:
    """How often neurons fire, what order their spikes have, and what is learned of it.

    Args:
        start: W before the first cycle, ``[N, N]``.
        order, count, weight: of each cycle and after it, as the reference model records them.

    Returns:
        ``rate``, spikes in T_ref; ``coincidence``, the even part of the windows, of all cycles; ``lead``, their odd
        part along W − Wᵀ, of the first one; ``asymmetry`` of the last W, and the ``way`` to it from the first W.
    """
    odd, even = start - start.T, order + order.transpose(0, 2, 1)
    return {
        "rate": float(count.mean()),
        "coincidence": float(even[:, ~np.eye(len(start), dtype=bool)].mean()),
        "lead": float((order[0] * odd).sum() / (odd**2).sum()),
        "asymmetry": asymmetry(weight[-1]),
        "way": float(np.sqrt(((weight[-1] - start) ** 2).sum())),
    }


def cases() -> Sequence[Exact | Statistical]:
    """The three rules, in a network whose synapses all differ, and SAL on average."""
    exact = [Sampling("", "sal"), Sampling("-none", "none", both=True), Sampling("-kp", "kp")]
    return [*exact, SamplingStatistics()]
