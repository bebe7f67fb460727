"""Dale's law: two excitatory neurons, which inhibit each other through interneurons of their own, and SAL."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from spikefa.noise.wired import Heard, Wired

Array = NDArray[np.float64]
E1, E2, I1, I2 = range(4)


@final
@dataclass(frozen=True)
class Pair:
    """Two excitatory neurons E₁ and E₂, each of which excites the other, and its own interneuron, which inhibits it.

    E₁ → E₂ and E₁ → I₁ ⊣ E₂, and the same from E₂ to E₁; all are stochastic neurons
    (:class:`~spikefa.noise.wired.Wired`). As synapses keep their signs, what one neuron does to the other is told by
    the effective weight, that of the direct synapse and of what comes through the interneuron at a mean rate:

        W_eff = W + W_off σ(W_onto r + b_I) / r,   r = σ(b_E)

    SAL on the direct synapses is to make these equal, and not the direct weights. It keeps the sum of these.

    **Uses:** the spikes of E₁ and E₂ alone: local to the synapse.

    Reference:
        Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike timing for robust local gradients",
        Nature Communications 17, 8699, 2026. https://arxiv.org/abs/2503.02642

    Args:
        onto: weights E₁ → I₁ and E₂ → I₂; ``off``: I₁ → E₂ and I₂ → E₁; ``inter``: biases of I₁ and I₂.
        bias: of both excitatory neurons; ``refractory``: T_ref in steps.

    Raises:
        ValueError: a sign breaks Dale's law.

    Example:
        >>> [round(weight, 2) for weight in Pair().effective((1.0, 1.5))]
        [0.0, 0.5]
    """

    onto: tuple[float, float] = (4.0, 4.0)
    off: tuple[float, float] = (-1.0, -1.0)
    inter: tuple[float, float] = (-2.0, -2.0)
    bias: float = 0.0
    refractory: int = 25

    def __post_init__(self) -> None:
        """Check the options."""
        if min(self.onto) < 0 or max(self.off) > 0:
            raise ValueError(f"onto must be ≥ 0 and off ≤ 0, not {self.onto} and {self.off}: a neuron has one sign")

    def weights(self, direct: tuple[float, float]) -> Array:
        """All weights, onto a row's neuron from a column's, of E₁, E₂, I₁ and I₂, ``[4, 4]``.

        Args:
            direct: E₁ → E₂ and E₂ → E₁.
        """
        made = np.zeros((4, 4))
        made[E2, E1], made[E1, E2] = direct
        made[I1, E1], made[I2, E2] = self.onto
        made[E2, I1], made[E1, I2] = self.off
        return made

    def effective(self, direct: tuple[float, float]) -> tuple[float, float]:
        """W_eff from E₁ to E₂, and from E₂ to E₁, for ``direct`` weights."""
        rate = _sigmoid(self.bias)
        first, second = (
            weight + off * _sigmoid(onto * rate + inter) / rate
            for weight, onto, off, inter in zip(direct, self.onto, self.off, self.inter, strict=True)
        )
        return first, second

    def wired(self, direct: tuple[float, float]) -> Wired:
        """The four neurons, in which the ``direct`` synapses learn."""
        learns = np.zeros((4, 4), np.bool_)
        learns[E2, E1] = learns[E1, E2] = True
        biases = np.array([self.bias, self.bias, *self.inter])
        return Wired(self.weights(direct), biases, refractory=self.refractory, learns=learns)

    def rests(self, direct: tuple[float, float], steps: int, generator: torch.Generator) -> tuple[float, Heard]:
        """How SAL would move the weight E₁ → E₂, per T_ref and unit of η, and the other one the opposite way.

        Args:
            direct: E₁ → E₂ and E₂ → E₁, which rest; ``steps``: how long; ``generator``: the source of chance.

        Returns:
            The drift, and what was heard of all four.
        """
        heard = self.wired(direct).run(steps, generator)
        return float(heard.order[E1, E2] - heard.order[E2, E1]), heard

    def align(
        self, direct: tuple[float, float], *, eta: float, records: int, steps: int, generator: torch.Generator
    ) -> Array:
        """SAL on both direct weights, recorded after every ``steps``.

        Returns:
            The direct weights from the start, ``[records + 1, 2]``.

        Example:
            >>> course = Pair().align((2.0, 0.5), eta=0.01, records=3, steps=500, generator=torch.Generator())
            >>> course.shape, bool(abs(course.sum(1) - 2.5).max() < 1e-12)
            ((4, 2), True)
        """
        net, course = self.wired(direct), [direct]
        for _ in range(records):
            net.run(steps, generator, eta)
            course.append((net.weights[E2, E1], net.weights[E1, E2]))
        return np.array(course)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))
