"""Sampling networks that learn: compiled cycles beside ``models/sampling.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from spikefa.noise.draw import uniform
from spikefa.sampling import Amplitudes, Boltzmann, WakeSleep
from spikefa.streams import stream
from spikefa.validation.exact import Exact

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


def cases() -> Sequence[Exact]:
    """The three rules, in a network whose synapses all differ."""
    return [Sampling("", "sal"), Sampling("-none", "none", both=True), Sampling("-kp", "kp")]
