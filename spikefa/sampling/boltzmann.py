"""The distribution that a sampling network is to learn, written out state by state."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST = 16
"""Units whose states are few enough to be written out."""


@final
@dataclass(frozen=True, eq=False)
class Boltzmann:
    """A Boltzmann machine over binary units: p(z) ∝ exp(½ zᵀ W z + bᵀ z).

    Args:
        weight: W ``[N, N]``, symmetric, with nothing on its diagonal.
        bias: b ``[N]``.

    Raises:
        ValueError: shapes do not fit, W is not symmetric, or there are too many units.

    Example:
        >>> one = Boltzmann(np.zeros((2, 2)), np.zeros(2))
        >>> one.probability.tolist(), one.together[0, 1].item()
        ([0.25, 0.25, 0.25, 0.25], 0.25)
    """

    weight: Array
    bias: Array

    def __post_init__(self) -> None:
        count = len(self.bias)
        if self.weight.shape != (count, count) or count > MOST:
            raise ValueError(
                f"weight must be [N, N] for bias [N], N ≤ {MOST}, not {self.weight.shape} for {self.bias.shape}"
            )
        if (self.weight != self.weight.T).any() or self.weight.diagonal().any():
            raise ValueError("weight must be symmetric, with zeros on its diagonal: that of a Boltzmann machine is")

    @classmethod
    def drawn(cls, units: int, generator: torch.Generator) -> Boltzmann:
        """One whose weights and biases are uniform in (−1, 1).

        Args:
            units: N; ``generator``: draws them.
        """
        weight = torch.rand(units, units, generator=generator, dtype=torch.float64).mul(2).sub(1).triu(1)
        bias = torch.rand(units, generator=generator, dtype=torch.float64).mul(2).sub(1)
        return cls((weight + weight.T).numpy(), bias.numpy())

    @functools.cached_property
    def states(self) -> Array:
        """All states ``[2^N, N]``; unit n is bit n of the row's number."""
        found: Array = (np.arange(2 ** len(self.bias))[:, None] >> np.arange(len(self.bias)) & 1).astype(float)
        return found

    @functools.cached_property
    def probability(self) -> Array:
        """p(z) of every state, ``[2^N]``."""
        energy = ((self.states @ self.weight) * self.states).sum(1) / 2 + self.states @ self.bias
        odds = np.exp(energy - energy.max())
        found: Array = odds / odds.sum()
        return found

    @functools.cached_property
    def together(self) -> Array:
        """⟨z_i z_j⟩, ``[N, N]``; on the diagonal ⟨z_i⟩."""
        found: Array = self.states.T @ (self.probability[:, None] * self.states)
        return found


def divergence(target: Array, counts: NDArray[np.integer]) -> float:
    """The Kullback–Leibler divergence of what was sampled from the target, Σ p log(p / q), in nats.

    Args:
        target: p, ``[S]``.
        counts: how often every state was seen, ``[S]``; half a time is added, so that states never seen count too.

    Example:
        >>> divergence(np.array([0.5, 0.5]), np.array([10, 10]))
        0.0
    """
    seen = counts + 0.5
    return float((target * np.log(target * seen.sum() / seen)).sum())
