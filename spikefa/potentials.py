"""Post-synaptic potentials that renew with each spike, and the states that a neuron with one passes through."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rectangular(length: int) -> Array:
    """A potential of 1 for some steps: with the refractory time as its length, the one that SAL is exact for."""
    return np.ones(length)


def exponential(refractory: int, tau: float) -> Array:
    """A potential that decays, cut at 6 τ, with the area of the rectangular one.

    Args:
        refractory: T_ref, the area; ``tau``: its time constant; both in steps.

    Example:
        >>> round(float(exponential(10, 5.0).sum()), 9)
        10.0
    """
    return _scaled(np.exp(-np.arange(1, math.ceil(6 * tau) + 1) / tau), refractory)


def alpha(refractory: int, tau: float) -> Array:
    """A potential that rises as t and decays, t exp(−t/τ), cut at 8 τ; else as :func:`exponential`."""
    time = np.arange(1, math.ceil(8 * tau) + 1)
    return _scaled(time * np.exp(-time / tau), refractory)


def _scaled(shape: Array, area: float) -> Array:
    scaled: Array = shape * (area / shape.sum())
    return scaled


class Ages(NamedTuple):
    """The states of a neuron: how long ago it last spiked, and how long ago a spike of its last arrived.

    Attributes:
        waits: 1 where it may spike, 0 where it is refractory, ``[n]``.
        potential: what the other neuron feels of it, ``[n]``.
        after: the state that follows if it does not spike, and if it does, ``[n]`` each.
    """

    waits: Array
    potential: Array
    after: tuple[NDArray[np.int64], NDArray[np.int64]]


def states(refractory: int, potential: Array, delay: int) -> Ages:
    """All states that a neuron comes to; ages beyond which nothing changes count as one.

    Args:
        refractory: T_ref; ``potential``: κ at 1, 2, … steps after an arrival; ``delay``: from a spike to its arrival.
    """
    oldest = max(refractory, delay + len(potential)) + 1

    def next_states(age: int, effect: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Without and with a spike; the effect is that of the last spike that has arrived, by its age."""
        older, later = min(age + 1, oldest), min(effect + 1, oldest)
        return (older, older if older > delay else later), (1, 1 if delay == 0 else later)

    known = {(oldest, oldest): 0}
    after: tuple[list[int], list[int]] = [], []
    queue = list(known)
    for state in queue:  # which grows
        quiet, spike = next_states(*state)
        for way, found in enumerate((quiet, spike if state[0] > refractory else quiet)):
            if found not in known:
                known[found] = len(queue)
                queue.append(found)
            after[way].append(known[found])
    felt = np.concatenate([np.zeros(delay + 1), potential, np.zeros(oldest - delay - len(potential))])
    ages, effects = np.array(queue).T
    return Ages((ages > refractory).astype(float), felt[effects], (np.array(after[0]), np.array(after[1])))
