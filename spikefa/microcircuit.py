"""The cortical microcircuit: a spiking network whose dendrites hold the errors that it learns from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.names import nearest
from spikefa.noise.choice import compiles, share
from spikefa.noise.circuit import advance, compiled_advance
from spikefa.noise.draw import uniform
from spikefa.options import positive, whole
from spikefa.streams import stream

Array = NDArray[np.float64]

TEACHER = (2.0, 2.0)
"""W₁₀ and W₂₁ of the paper's teacher."""
TRAINED = (-3.0, -2.5, -2.0, -0.8, 0.8, 2.0, 2.5, 3.0)
"""Drives of the input neuron in training."""
TESTED = (-2.7, -1.8, -0.5, 0.5, 1.8, 2.7)
"""Drives of the input neuron in validation."""
SPREAD = 3.0
"""A student's weights start anywhere between −3 and 3."""
PIECE = 2000
"""Steps that are drawn for at a time."""
WORK = 40
"""Numbers to do for a step of one circuit, about."""
ARMS = ("sal", "copy", "fa")
"""Where B₁₂ comes from: from spike times, from W₂₁ at every step, or from chance, for good."""


@final
@dataclass(frozen=True)
class Circuit:
    """The constants of the paper's microcircuit of one input, one hidden and one output neuron.

    All are stochastic neurons: P(spike) = φ(u) = 1 / (1 + T_ref e^(−u)) per step while not refractory, potentials z of 1
    for T_ref steps after a spike. An interneuron gets what the output neuron gets from below and takes it off what the
    output neuron sends back, so that the apical dendrite of the hidden neuron is left with the effect of the nudging:

        u₁ = b + v₁ + λ B₁₂ (z₂ − z_I),   v₁ = W₁₀ z₀,   u_I = b + v₂
        u₂ = b + v₂ + nudging (target − b − ⟨v₂⟩),   v₂ = W₂₁ z₁

    ⟨·⟩ is the mean over the last ``window`` steps. In learning, at the spikes of the lower neuron,

        ΔW₁₀ = η₁ [φ(⟨u₁⟩) − φ(b + ⟨v₁⟩)],   ΔW₂₁ = η₂ [φ(⟨u₂⟩) − φ(b + ⟨v₂⟩)]

    In aligning W rests, λ = 1, the interneuron is cut off, and B₁₂ learns by SAL, at spikes: those of the output neuron
    add η times the trace of the hidden one, those of the hidden one take off that of the output neuron; traces decay
    with T_ref. Here every earlier spike leaves its trace, as in :class:`~spikefa.rules.SpikeAlignment`. In the
    authors' code only the last one does, of which no detailed balance holds where the two ends fire at different rates.

    **Uses:** spikes, potentials and averages of the two neurons that a synapse connects: local. That the interneuron's
    weights are W₂₁ and −B₁₂ is set, as in the paper, and is not.

    Reference:
        Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike timing for robust local gradients",
        Nature Communications 17, 8699, 2026. https://arxiv.org/abs/2503.02642. The circuit: Sacramento, Costa, Bengio,
        Senn, "Dendritic cortical microcircuits approximate the backpropagation algorithm", NeurIPS 2018.
        https://arxiv.org/abs/1810.11393

    Args:
        refractory: T_ref in steps; ``bias``: b of the hidden and of the output neuron.
        apical: λ; ``nudging``: how far the output is taken to its target.
        eta: η₁, η₂ of the forward weights, and η of B₁₂.
        window: steps of the averages; ``steps``: of a pattern; ``lag``: of these, before anything is learned of W.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> Circuit().steps
        20000
    """

    refractory: int = 10
    bias: tuple[float, float] = (-1.0, -1.0)
    apical: float = 0.02
    nudging: float = 0.6
    eta: tuple[float, float, float] = (0.2, 0.003, 0.001)
    window: int = 2000
    steps: int = 20_000
    lag: int = 2000

    def __post_init__(self) -> None:
        """Check the options."""
        whole(refractory=self.refractory, window=self.window, steps=self.steps)
        positive(apical=self.apical)
        if not 0 <= self.lag < self.steps:
            raise ValueError(f"lag must be from 0 to below steps={self.steps}, not {self.lag!r}")


@final
class Microcircuit:
    """S microcircuits side by side, which share nothing.

    Args:
        circuit: their constants.
        weights: W₁₀, W₂₁, B₁₂ at the start, ``[S, 3]``; ``weights`` is what they are now.
        arm: where B₁₂ comes from, one of :data:`ARMS`.

    Raises:
        ValueError: no such arm, or weights of another shape.

    Example:
        >>> net = Microcircuit(Circuit(steps=3000), np.full((1, 3), 2.0), "fa")
        >>> noise = stream(0, "noise")
        >>> low, high = (net.present(np.array([drive]), noise)[0] for drive in (-3.0, 3.0))
        >>> low < high
        True
    """

    def __init__(self, circuit: Circuit, weights: Array, arm: str) -> None:
        if arm not in ARMS:
            raise ValueError(f"no arm is called {arm!r}{nearest(arm, ARMS)}: there are {', '.join(ARMS)}")
        if weights.ndim != 2 or weights.shape[1] != 3:
            raise ValueError(f"weights must be [S, 3], W₁₀, W₂₁ and B₁₂ of each circuit, not {weights.shape}")
        count = len(weights)
        self.circuit, self.arm, self.weights = circuit, arm, weights.astype(np.float64)
        self.left, self.x, self.clock = np.zeros((count, 4), np.int64), np.zeros((count, 2)), 0
        self.kept, self.total = np.zeros((count, circuit.window, 4)), np.zeros((count, 4))

    def present(
        self, drive: Array, noise: torch.Generator, target: Array | None = None, *, aligning: bool = False
    ) -> Array:
        """Show a pattern; W learns if there is a target, B₁₂ instead in ``aligning`` if that is the arm's.

        Args:
            drive: of the input neurons, ``[S]``; ``noise``: the source of all chance.
            target: of the output neurons' drive, ``[S]``, to which they are nudged.
            aligning: whether this is a pattern for the feedback.

        Returns:
            The mean drive of the output neurons after the lag, ``[S]``.
        """
        begins, parts = self.circuit.lag, []
        for start, stop in ((0, begins), (begins, self.circuit.steps)):
            summed = np.zeros(len(self.weights))
            for at in range(start, stop, PIECE):
                drawn = uniform(min(PIECE, stop - at), len(self.weights), 4, generator=noise)
                learns = target is not None and not aligning and start == begins
                self.move(drawn.numpy(), drive, target, learns=learns, aligning=aligning, summed=summed)
            parts.append(summed)
        mean: Array = parts[-1] / (self.circuit.steps - begins)
        return mean

    def move(
        self,
        drawn: NDArray[Any],
        drive: Array,
        target: Array | None,
        *,
        learns: bool = False,
        aligning: bool = False,
        summed: Array | None = None,
    ) -> NDArray[np.bool_]:
        """Some steps, for which the uniform numbers are given, ``[t, S, 4]``.

        Returns:
            Spikes of input, hidden, inter and output neuron, ``[t, S, 4]``.
        """
        circuit, count = self.circuit, len(self.weights)
        given = np.stack([drive, np.zeros(count) if target is None else target], 1).astype(np.float64)
        eta, eta_above, eta_back = circuit.eta
        constants = (
            float(circuit.refractory),
            math.exp(-1 / circuit.refractory),
            *circuit.bias,
            *((1.0, 0.0) if aligning else (circuit.apical, circuit.apical)),
            0.0 if target is None else circuit.nudging,
            *((eta, eta_above) if learns else (0.0, 0.0)),
            eta_back if aligning and self.arm == "sal" else 0.0,
            float(self.arm == "copy"),
        )
        spk = np.zeros(drawn.shape, np.bool_)
        state = self.weights, self.left, self.x, self.kept, self.total, self.clock
        kernel = compiled_advance() if compiles(torch.empty(0)) else advance
        out = np.zeros(count) if summed is None else summed
        share(kernel, count, drawn.size * WORK // 4, drawn, given, *state, constants, spk, out)
        self.clock += len(drawn)
        return spk


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
