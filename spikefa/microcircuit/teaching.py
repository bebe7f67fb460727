"""Students that learn from a teacher, all of them microcircuits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
import torch

from spikefa.microcircuit.circuit import Array, Circuit, Microcircuit
from spikefa.options import whole
from spikefa.streams import stream

TEACHER = (2.0, 2.0)
"""W₁₀ and W₂₁ of the paper's teacher."""
TRAINED = (-3.0, -2.5, -2.0, -0.8, 0.8, 2.0, 2.5, 3.0)
"""Drives of the input neuron in training."""
TESTED = (-2.7, -1.8, -0.5, 0.5, 1.8, 2.7)
"""Drives of the input neuron in validation."""
SPREAD = 3.0
"""A student's weights start anywhere between −3 and 3."""


@final
@dataclass(frozen=True)
class Course:
    """What students did, epoch by epoch.

    Attributes:
        loss: mean square of the distance of the output's mean drive to the teacher's, over the tested drives, without
            nudging, ``[epochs, S]``; weights: W₁₀, W₂₁, B₁₂, ``[epochs + 1, S, 3]``, from the start.
    """

    loss: Array = field(repr=False)
    weights: Array = field(repr=False)


def teach(circuit: Circuit, drives: tuple[float, ...], noise: torch.Generator) -> Array:
    """Mean drives of the teacher's output neuron for drives of its input neuron, ``[len(drives)]``."""
    teacher = Microcircuit(circuit, np.tile([*TEACHER, TEACHER[1]], (len(drives), 1)), "fa")
    return teacher.present(np.array(drives), noise)


def course(
    seed: int,
    arm: str,
    *,
    students: int,
    epochs: int,
    patterns: int = 20,
    aligning: int = 5,
    circuit: Circuit | None = None,
) -> Course:
    """Students that learn from a teacher, as in the paper.

    In each epoch ``patterns − aligning`` of the training drives, chosen at random for each student, are learned, then
    ``aligning`` are shown for the feedback, then the tested ones. Of one seed, the students of all arms start from the
    same weights and are shown the same.

    Args:
        seed: of everything; ``arm``: of :data:`ARMS`; ``students``: S; ``epochs``; ``circuit``: the paper's if absent.

    Example:
        >>> found = course(0, "sal", students=2, epochs=1, circuit=Circuit(steps=50, lag=10))
        >>> found.loss.shape, found.weights.shape
        ((1, 2), (2, 2, 3))
    """
    whole(students=students, epochs=epochs, patterns=patterns)
    circuit = circuit or Circuit()
    shown, noise = stream(seed, "patterns"), stream(seed, f"microcircuit, {arm}")
    wanted = [teach(circuit, drives, stream(seed, "teacher")) for drives in (TRAINED, TESTED)]
    start = SPREAD * (2 * torch.rand(students, 3, generator=stream(seed, "weights"), dtype=torch.float64) - 1)
    net, drives = Microcircuit(circuit, start.numpy(), arm), np.array(TRAINED)
    losses, weights = [], [net.weights.copy()]
    for _ in range(epochs):
        chosen = torch.randint(len(TRAINED), (patterns, students), generator=shown).numpy()
        for number, which in enumerate(chosen):
            net.present(drives[which], noise, wanted[0][which], aligning=number >= patterns - aligning)
        found = [net.present(np.full(students, drive), noise) for drive in TESTED]
        losses.append(np.mean((np.array(found) - wanted[1][:, None]) ** 2, 0))
        weights.append(net.weights.copy())
    return Course(np.array(losses), np.array(weights))
