"""The exact distribution of the differences between the spike times of two neurons, and what a window makes of it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from spikefa.potentials import Ages, rectangular, states

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class TwoNeurons:
    """Two stochastic neurons that drive each other, as a Markov chain over the times since their last spikes.

    P(spike of n | not refractory) = 1 / (1 + T_ref exp(−(b_n + w_n κ(age of the other's last spike))))

    The potential κ renews with each spike. Nothing is simulated: the joint distribution of both ages is the stationary
    one of a sparse matrix, and differences of spike times follow from it lag by lag.

    With rectangular potentials of length T_ref, without delay, the chain of two equal weights is its own mirror image
    in time, whatever the biases: a course of spikes has the probability of the factors 1 − p at all steps at which a
    neuron waits, times the odds at the spikes; reversed in time, the same neurons wait while the other is on, and each
    pair of spikes at most T_ref apart gives one factor e^w either way. So every antisymmetric window averages to zero.

    Delays weaken SAL, and turn it round where they are longer than about 0.6 T_ref: of the drift at weights that differ
    by 0.1, about w = 1 and without biases, 0.75 is left at 0.2 T_ref, 0.35 at 0.4 T_ref, −0.02 at 0.6 T_ref (T_ref 10).

    Reference:
        Gierlich, Baumbach, Kungl, Max, Petrovici, "Weight transport through spike timing for robust local gradients",
        Nature Communications 17, 8699, 2026. https://arxiv.org/abs/2503.02642

    Args:
        weights: (w_1, w_2), w_n onto neuron n from the other.
        bias: (b_1, b_2).
        refractory: T_ref in steps.
        potential: κ at 1, 2, … steps after a spike has arrived, 0 afterwards; rectangular, T_ref long, if absent.
        delay: steps that a spike is under way, at most T_ref.

    Raises:
        ValueError: T_ref or the delay is out of its range.

    Example:
        >>> pair = TwoNeurons((1.0, 1.0), (-1.0, 0.5), refractory=5)
        >>> abs(pair.drift(tau=5.0)) < 1e-12, TwoNeurons((0.5, 1.0), (-1.0, 0.5), 5).drift(5.0) > 0
        (True, True)
    """

    weights: tuple[float, float]
    bias: tuple[float, float]
    refractory: int
    potential: Array | None = None
    delay: int = 0

    def __post_init__(self) -> None:
        if self.refractory < 1 or not 0 <= self.delay <= self.refractory:
            given = f"refractory={self.refractory!r}, delay={self.delay!r}"
            raise ValueError(f"refractory must be 1 or more, and delay from 0 to refractory, not {given}")

    @functools.cached_property
    def ages(self) -> Ages:
        """The states of either neuron."""
        shape = rectangular(self.refractory) if self.potential is None else self.potential
        return states(self.refractory, shape, self.delay)

    @functools.cached_property
    def chances(self) -> tuple[Array, Array]:
        """Probability that neuron 1, or 2, spikes at the next step, for each pair of their states, ``[n, n]``."""
        ages, (w, v), (b, c) = self.ages, self.weights, self.bias
        first, second = b + w * ages.potential[None, :], c + v * ages.potential[:, None]
        odds = (np.exp(drive) / self.refractory for drive in (first, second))
        one, other = (odd / (1 + odd) for odd in odds)
        return ages.waits[:, None] * one, ages.waits[None, :] * other

    @functools.cached_property
    def stationary(self) -> Array:
        """The joint distribution of both states, ``[n, n]``."""
        from scipy.sparse import identity
        from scipy.sparse.linalg import spsolve

        shape = self.chances[0].shape
        system = (identity(math.prod(shape)) - self._any).tolil()
        system[0] = 1.0  # one equation follows from the others: in its place, all probabilities add up to 1
        right = np.zeros(math.prod(shape))
        right[0] = 1.0
        found: Array = spsolve(system.tocsc(), right).reshape(shape)
        return found

    @property
    def rates(self) -> tuple[float, float]:
        """Spikes per step of both neurons."""
        one, other = (float((self.stationary * chance).sum()) for chance in self.chances)
        return one, other

    def differences(self, lags: int, nearest: bool = False) -> Array:
        """How often neuron 2 spikes a number of steps after neuron 1.

        Args:
            lags: the largest difference, D.
            nearest: of two spikes, count none between which either neuron spikes.

        Returns:
            Pairs of spikes per step, ``[2 D + 1]``, for t_2 − t_1 = −D … D.

        Example:
            >>> found = TwoNeurons((0.0, 0.0), (0.0, 0.0), refractory=4).differences(2)
            >>> bool(np.allclose(found, 1 / 9**2))  # independent: the product of both rates
            True
        """
        one, other = self.chances
        moves = self._outcome(False, False) if nearest else self._any
        counts = np.zeros(2 * lags + 1)
        counts[lags] = (self.stationary * one * other).sum()
        for first, later, sign in ((0, other, 1), (1, one, -1)):
            state = self._after(first)
            for lag in range(1, lags + 1):
                counts[lags + sign * lag] = state @ later.ravel()
                state = moves @ state
        return counts

    def drift(self, tau: float) -> float:
        """How fast SAL's exponential window over all pairs of spikes moves w_1: ⟨Δw_1⟩ = η drift per step, exactly.

        ⟨S_2 x_1 − S_1 x_2⟩: spikes of 2 that follow spikes of 1 tell of w_2, so that w_1 grows.

        Args:
            tau: time constant of the window, steps.
        """
        from scipy.sparse import identity
        from scipy.sparse.linalg import spsolve

        keep = math.exp(-1 / tau)
        system = (identity(self._any.shape[0]) - keep * self._any).tocsc()
        traces = spsolve(system, np.column_stack([self._after(0), self._after(1)]))  # mean trace, state by state
        one, other = self.chances
        return keep * float(traces[:, 0] @ other.ravel() - traces[:, 1] @ one.ravel())

    def balance(self, tau: float, reach: float = 6.0) -> float:
        """Where SAL moves w_1 from w_1 = w_2: the nearest point downstream at which the drift is zero.

        Args:
            tau: as of :meth:`drift`; ``reach``: how far to follow the drift; beyond, w_1 is said to run away to ±∞.

        Example:
            >>> round(TwoNeurons((0.0, 1.2), (-1.0, 1.0), refractory=4).balance(tau=4.0), 9)
            1.2
        """
        from scipy.optimize import brentq

        def drift(off: float) -> float:
            return replace(self, weights=(self.weights[1] + off, self.weights[1])).drift(tau)

        step = math.copysign(0.1, drift(0.0))
        for number in range(1, round(reach / abs(step)) + 1):
            if drift(number * step) * step <= 0:
                return self.weights[1] + float(brentq(drift, (number - 1) * step, number * step, xtol=1e-10))
        return math.copysign(math.inf, step)

    def _outcome(self, one: bool, other: bool) -> Any:
        """The part of the transition matrix, to and from, at which neuron 1 and 2 spike or do not, ``[n², n²]``."""
        from scipy.sparse import csc_matrix

        first, second = self.chances
        chance = (first if one else 1 - first) * (second if other else 1 - second)
        to = self.ages.after[int(one)][:, None] * len(chance) + self.ages.after[int(other)]
        return csc_matrix((chance.ravel(), (to.ravel(), np.arange(chance.size))), (chance.size, chance.size))

    @functools.cached_property
    def _any(self) -> Any:
        return sum(self._outcome(one, other) for one in (False, True) for other in (False, True))

    def _after(self, number: int) -> Array:
        """The states that follow spikes of neuron 1 (0) or 2 (1), times how often there is one, ``[n²]``."""
        alone, both = self._outcome(number == 0, number == 1), self._outcome(True, True)
        found: Array = (alone + both) @ self.stationary.ravel()
        return found
