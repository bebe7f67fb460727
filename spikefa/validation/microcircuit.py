"""The cortical microcircuit: the loop that trains it beside ``models/microcircuit.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from spikefa.microcircuit import Circuit, Microcircuit
from spikefa.microcircuit.loop import NEURONS
from spikefa.streams import stream
from spikefa.validation.exact import Exact

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
        from spikefa.models import microcircuit

        lesson = microcircuit.Lesson(
            self._noise()[:, 0],
            DRIVE,
            TARGET,
            ALIGNING,
            TAUGHT,
            WEIGHTS,
            refractory=CIRCUIT.refractory,
            window=CIRCUIT.window,
            lag=CIRCUIT.lag,
            apical=CIRCUIT.apical,
            nudging=CIRCUIT.nudging,
            eta=CIRCUIT.eta,
            bias=CIRCUIT.bias,
            copied=self.arm == "copy",
        )
        trace: Trace = microcircuit.run(lesson)
        return trace

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


def cases() -> Sequence[Exact]:
    """Feedback that learns from spikes, and feedback that is copied."""
    return [Lesson("", "sal"), Lesson("-copy", "copy")]
