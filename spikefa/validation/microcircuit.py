"""The cortical microcircuit: the loop that trains it beside ``models/microcircuit.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
import torch

from spikefa.microcircuit import Circuit, Microcircuit
from spikefa.microcircuit.loop import NEURONS
from spikefa.streams import stream
from spikefa.validation.exact import Exact
from spikefa.validation.statistical import Statistical

if TYPE_CHECKING:
    from models.trace import Trace

DRIVE, TARGET = np.array([2.0, -1.0, 1.0, 0.5, -2.0]), np.array([0.5, -0.5, 1.0, 0.0, 0.3])
ALIGNING = np.array([False, True, False, True, False])
TAUGHT = np.array([True, True, True, True, False])
"""Of five patterns: learned, aligned, learned, aligned, tested."""
CIRCUIT = Circuit(window=60, steps=300, lag=60, apical=0.3, eta=(0.9, 0.4, 0.2), bias=(-0.5, -0.3))
WEIGHTS = (1.5, -1.0, 0.7)


@final
@dataclass(frozen=True)
class Lesson(Exact):
    """Five patterns of which both simulators are given all random numbers.

    Args:
        label: what the name has after ``microcircuit``; ``arm``: where B₁₂ comes from.
    """

    label: str
    arm: str

    @property
    def name(self) -> str:
        """``microcircuit`` and the label."""
        return "microcircuit" + self.label

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"input, hidden, inter and output neuron, arm {self.arm}, 5 patterns of {CIRCUIT.steps} steps"

    def reference(self) -> Trace:
        """Brian2's circuit."""
        return _reference(CIRCUIT, self._noise()[:, 0], self.arm)

    def twin(self) -> Trace:
        """The loop that trains, a step at a time, so that all can be looked at after each."""
        from spikefa.models import trace

        net, spk, u, weights = Microcircuit(CIRCUIT, np.array([WEIGHTS]), self.arm), [], [], []
        for step, drawn in enumerate(self._noise()[:, None]):
            pattern, at = divmod(step, CIRCUIT.steps)
            learns = bool(TAUGHT[pattern] and not ALIGNING[pattern] and at >= CIRCUIT.lag)
            given = DRIVE[[pattern]], TARGET[[pattern]] if TAUGHT[pattern] else None
            spk.append(net.move(drawn, *given, learns=learns, aligning=bool(ALIGNING[pattern])))
            u.append(net.kept[0, step % CIRCUIT.window, ::2].copy())
            weights.append(net.weights[0].copy())
        spks, drives, moved = np.concatenate(spk), np.array(u), np.array(weights)
        arrays: dict[tuple[str, str], Any] = {(name, "spk"): spks[:, :, [n]] for n, name in enumerate(NEURONS)}
        for n, name in enumerate(("hidden", "output")):
            arrays[name, "v"], arrays[name, "w"] = drives[:, [[n]]], moved[:, [[n]]]
        arrays["hidden", "b"] = moved[:, [[2]]]
        recorded: Trace = trace.Trace(arrays, dict.fromkeys(("spk", "v", "w", "b"), "1"), dt=1.0)
        return recorded

    def _noise(self) -> Any:
        total = CIRCUIT.steps * len(DRIVE)
        return torch.rand(total, 1, 4, generator=stream(0, "microcircuit"), dtype=torch.float64).numpy()


@final
@dataclass(frozen=True)
class LessonStatistics(Statistical):
    """The same patterns, for which every simulator draws random numbers of its own, and feedback that learns."""

    seeds: ClassVar[int] = 8

    @property
    def name(self) -> str:
        """``microcircuit-statistics``."""
        return "microcircuit-statistics"

    @property
    def compared(self) -> str:
        """What is simulated."""
        return f"input, hidden, inter and output neuron, arm sal, 5 patterns of {CIRCUIT.steps} steps"

    @property
    def wrong(self) -> str:
        """The mistake that must be noticed."""
        return "T_ref 20 % longer"

    def reference(self, seed: int) -> dict[str, float]:
        """Of Brian2's circuit, with uniform numbers by numpy."""
        drawn = np.random.default_rng(seed).random((CIRCUIT.steps * len(DRIVE), 4))
        found = _reference(CIRCUIT, drawn, "sal")
        drive = found["output", "v"].ravel().reshape(len(DRIVE), CIRCUIT.steps)[:, CIRCUIT.lag :].mean(1)
        last = [found[name, kind].ravel()[-1] for name, kind in (("hidden", "w"), ("output", "w"), ("hidden", "b"))]
        return statistics(drive, np.array(last))

    def twin(self, seed: int, circuit: Circuit = CIRCUIT) -> dict[str, float]:
        """Of the circuit as the studies train it, pattern by pattern."""
        net, noise, drive = Microcircuit(circuit, np.array([WEIGHTS]), "sal"), stream(seed, "microcircuit"), []
        for pattern, given in enumerate(DRIVE):
            target = TARGET[[pattern]] if TAUGHT[pattern] else None
            drive.append(net.present(np.array([given]), noise, target, aligning=bool(ALIGNING[pattern])))
        return statistics(np.concatenate(drive), net.weights[0])

    def mistaken(self, seed: int) -> dict[str, float]:
        """The same, with another T_ref, and patterns, means and lag of as many steps as before."""
        return self.twin(seed, replace(CIRCUIT, refractory=round(1.2 * CIRCUIT.refractory)))


def _reference(circuit: Circuit, noise: Any, arm: str) -> Trace:
    """Brian2's circuit, for uniform numbers ``[T, 4]``."""
    from spikefa.models import microcircuit

    shared = {
        name: getattr(circuit, name) for name in ("refractory", "window", "lag", "apical", "nudging", "eta", "bias")
    }
    lesson = microcircuit.Lesson(noise, DRIVE, TARGET, ALIGNING, TAUGHT, WEIGHTS, copied=arm == "copy", **shared)
    trace: Trace = microcircuit.run(lesson)
    return trace


def statistics(drive: Any, weights: Any) -> dict[str, float]:
    """The output neuron's mean drive after the lag in patterns that are learned, aligned and tested; the last weights.

    Args:
        drive: of the five patterns, ``[5]``; ``weights``: W₁₀, W₂₁ and B₁₂, ``[3]``.
    """
    found = {
        "drive, learned": drive[TAUGHT & ~ALIGNING],
        "drive, aligned": drive[ALIGNING],
        "drive, tested": drive[~TAUGHT],
    }
    moved = dict(zip(("W₁₀", "W₂₁", "B₁₂"), map(float, weights), strict=True))
    return {name: float(values.mean()) for name, values in found.items()} | moved


def cases() -> Sequence[Exact | Statistical]:
    """Feedback that learns from spikes, and feedback that is copied, step by step; the former on average."""
    return [Lesson("", "sal"), Lesson("-copy", "copy"), LessonStatistics()]
