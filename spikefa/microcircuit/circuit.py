"""Microcircuits: their constants, their state, and how they move on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.microcircuit.loop import advance, compiled_advance
from spikefa.names import nearest
from spikefa.noise.choice import compiles
from spikefa.noise.draw import uniform
from spikefa.options import positive, whole
from spikefa.threads import share

Array = NDArray[np.float64]

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

    Stochastic neurons: P(spike) = φ(u) = 1 / (1 + T_ref e^(−u)) per step while not refractory, potentials z of 1 for
    T_ref steps after a spike. An interneuron hears what the output neuron hears, and takes it off what that one
    sends back, so that the apical dendrite of the hidden neuron is left with the effect of the nudging:

        u₁ = b + v₁ + λ B₁₂ (z₂ − z_I),   v₁ = W₁₀ z₀,   u_I = b + v₂
        u₂ = b + v₂ + nudging (target − b − ⟨v₂⟩),   v₂ = W₂₁ z₁

    ⟨·⟩ is the mean over the last ``window`` steps. In learning, at the spikes of the lower neuron,

        ΔW₁₀ = η₁ [φ(⟨u₁⟩) − φ(b + ⟨v₁⟩)],   ΔW₂₁ = η₂ [φ(⟨u₂⟩) − φ(b + ⟨v₂⟩)]

    In aligning W rests, λ = 1, the interneuron is cut off, and B₁₂ learns by SAL, at spikes: those of the output neuron
    add η times the trace of the hidden one, those of the hidden one take off that of the output neuron; traces decay
    with T_ref. Here every earlier spike leaves its trace, as in :class:`~spikefa.rules.SpikeAlignment`; in the authors'
    code only the last one does.

    B₁₂ settles at W₂₁ exactly if the input neuron does not reach the hidden one. Its spikes, to which nothing goes
    back, break the detailed balance on which SAL rests. Measured with W₂₁ = 2 and a drive of 0, means of 64 circuits
    over 16 patterns with η = 0.01 (standard error at most 0.01):

    ===  ====  ====  ====  ====
    W₁₀  0     1.5   3     −3
    B₁₂  2.00  2.30  2.87  2.23
    ===  ====  ====  ====  ====

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
        >>> from spikefa.streams import stream
        >>> net = Microcircuit(Circuit(steps=3000), np.full((1, 3), 2.0), "fa")
        >>> noise = stream(0, "noise")
        >>> low, high = (net.present(np.array([drive]), noise)[0] for drive in (-3.0, 3.0))
        >>> bool(low < high)
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
