"""The cortical microcircuit: the loop that trains it beside ``models/microcircuit.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final
from unittest.mock import patch

import numpy as np
import torch

from spikefa.microcircuit import Circuit, Microcircuit
from spikefa.microcircuit.loop import HIDDEN, NEURONS, OUTPUT
from spikefa.streams import stream
from spikefa.threads import share
from spikefa.validation.exact import Exact
from spikefa.validation.statistical import Statistical

if TYPE_CHECKING:
    from models.trace import Trace

DRIVE, TARGET = np.array([2.0, -1.0, 1.0, 0.5, -2.0]), np.array([0.5, -0.5, 1.0, 0.0, 0.3])
ALIGNING = np.array([False, True, False, True, False])
TAUGHT = np.array([True, True, True, True, False])
"""Of five patterns: learned, aligned, learned, aligned, tested."""
ALIGNED = TAUGHT & (np.arange(5) > 0)
"""On average: learned, aligned, aligned, aligned, tested."""
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
        return _reference(self._noise()[:, 0], ALIGNING, self.arm)

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
    """The same patterns, but three of them aligned, and every simulator draws random numbers of its own."""

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
        return "the traces' time constant 20 % longer than T_ref"

    def reference(self, seed: int) -> dict[str, float]:
        """Of Brian2's circuit, with uniform numbers by numpy."""
        drawn = np.random.default_rng(seed).random((CIRCUIT.steps * len(DRIVE), 4))
        found = _reference(drawn, ALIGNED, "sal")
        kinds = ("hidden", "w"), ("output", "w"), ("hidden", "b"), ("hidden", "spk"), ("output", "spk")
        *weights, lower, upper = (found[kind].ravel() for kind in kinds)
        drive = found["output", "v"].reshape(len(DRIVE), CIRCUIT.steps)[:, CIRCUIT.lag :].mean(1)
        return statistics(drive, np.stack([lower, upper], 1), np.stack(weights, 1))

    def twin(self, seed: int) -> dict[str, float]:
        """Of the circuit as the studies train it, pattern by pattern, but looked at after every step."""
        net, noise = Microcircuit(CIRCUIT, np.array([WEIGHTS]), "sal"), stream(seed, "microcircuit")
        move, spk, weights, drive = net.move, [], [], []

        def watched(drawn: Any, *given: Any, **options: Any) -> None:
            for one in drawn[:, None]:
                spk.append(move(one, *given, **options)[0, 0])
                weights.append(net.weights[0].copy())

        with patch.object(net, "move", watched):
            for given, goal, taught, aligning in zip(DRIVE, TARGET, TAUGHT, ALIGNED, strict=True):
                target = np.array([goal]) if taught else None
                drive.append(net.present(np.array([given]), noise, target, aligning=bool(aligning)))
        return statistics(np.concatenate(drive), np.array(spk)[:, [HIDDEN, OUTPUT]], np.array(weights))

    def mistaken(self, seed: int) -> dict[str, float]:
        """The same, of neurons that leave longer traces, and fire and rest as they should."""

        def longer(kernel: Any, count: int, work: int, *given: Any) -> None:
            *before, (refractory, decay, *constants), spk, out = given
            share(kernel, count, work, *before, (refractory, decay ** (1 / 1.2), *constants), spk, out)

        with patch("spikefa.microcircuit.circuit.share", longer):
            return self.twin(seed)


def _reference(noise: Any, aligning: Any, arm: str) -> Trace:
    """Brian2's circuit, for uniform numbers ``[T, 4]``, and which patterns are aligned."""
    from spikefa.models import microcircuit

    names = ("refractory", "window", "lag", "apical", "nudging", "eta", "bias")
    shared = {name: getattr(CIRCUIT, name) for name in names}
    lesson = microcircuit.Lesson(noise, DRIVE, TARGET, aligning, TAUGHT, WEIGHTS, copied=arm == "copy", **shared)
    trace: Trace = microcircuit.run(lesson)
    return trace


def statistics(drive: Any, spk: Any, weights: Any) -> dict[str, float]:
    """What drives the output neuron, what is learned, and how B₁₂ moves.

    Args:
        drive: of the output neuron after the lag, mean of each pattern, ``[5]``.
        spk: of hidden and output neuron, ``[T, 2]``; ``weights``: W₁₀, W₂₁ and B₁₂ after each step, ``[T, 3]``.

    Returns:
        The drive in patterns that are learned, aligned and tested; the last W₁₀ and W₂₁; and the ``length of traces``,
        Σ |ΔB₁₂| / η, which is the sum of the traces that spikes meet in aligning, divided by what it would be if spikes
        within a pattern were independent and traces as long as T_ref.
    """
    found = {
        "drive, learned": drive[TAUGHT & ~ALIGNED],
        "drive, aligned": drive[ALIGNED],
        "drive, tested": drive[~TAUGHT],
    }
    spikes = spk.reshape(len(DRIVE), CIRCUIT.steps, 2)[ALIGNED].sum(1)
    chance = 2 * CIRCUIT.refractory * spikes.prod(1).sum() / CIRCUIT.steps
    length = np.abs(np.diff(weights[:, 2], prepend=WEIGHTS[2])).sum() / CIRCUIT.eta[2] / chance
    moved = {"W₁₀": float(weights[-1, 0]), "W₂₁": float(weights[-1, 1]), "length of traces": float(length)}
    return {name: float(values.mean()) for name, values in found.items()} | moved


def cases() -> Sequence[Exact | Statistical]:
    """Feedback that learns from spikes, and feedback that is copied, step by step; the former on average."""
    return [Lesson("", "sal"), Lesson("-copy", "copy"), LessonStatistics()]
