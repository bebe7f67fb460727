"""Two simulations of one experiment that draw random numbers of their own, and must agree on average over seeds."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from scipy import stats

from spikefa.validation.case import Case, Simulator

LEVEL = 0.01
"""Probability that two sides that are the same are told apart, in a whole case."""


class Statistical(Case, ABC):
    """A rule in torch beside its Brian2 reference model, each with random numbers of its own.

    Attributes:
        seeds: how many there are on either side.
    """

    seeds: ClassVar[int] = 8

    @property
    @abstractmethod
    def wrong(self) -> str:
        """The mistake that must be noticed, in words, such as ``τ_f 20 % longer``."""

    @abstractmethod
    def reference(self, seed: int) -> dict[str, float]:
        """What the Brian2 model comes to with a seed: rates, weight drift, final alignment, by name."""

    @abstractmethod
    def twin(self, seed: int) -> dict[str, float]:
        """The same of torch, by the code that trains networks."""

    @abstractmethod
    def mistaken(self, seed: int) -> dict[str, float]:
        """The same of torch with the mistake ``wrong``, to say whether it would be noticed."""

    def run(self, simulator: Simulator = nullcontext) -> Consistency:
        """Simulate all seeds on both sides, and with the mistake, and compare them.

        Args:
            simulator: makes the context in which Brian2 runs, for each seed anew.
        """
        begun = time.perf_counter()
        reference = gathered([self._simulated(seed, simulator) for seed in range(self.seeds)])
        between = time.perf_counter()
        twin = gathered([self.twin(seed) for seed in range(self.seeds)])
        seconds = between - begun, time.perf_counter() - between
        mistaken = gathered([self.mistaken(seed) for seed in range(self.seeds)])
        return consistency(self, reference, twin, mistaken, seconds)

    def _simulated(self, seed: int, simulator: Simulator) -> dict[str, float]:
        with simulator():
            return self.reference(seed)


class Contrast(NamedTuple):
    """How a statistic differs between two sets of seeds.

    Attributes:
        reference, twin: means over the seeds.
        low, high: confidence interval of twin − reference, Welch's.
        power: probability that a difference as large as this one is told from none.
    """

    reference: float
    twin: float
    low: float
    high: float
    power: float

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out zero."""
        return not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Consistency:
    """How far the two sides of a case agree on average.

    Attributes:
        case: its name; ``compared``: what was simulated; ``wrong``: the mistake, in words.
        seeds: on either side.
        twin: the statistics of the twin against those of the reference; ``mistaken``: those of the mistaken twin.
        seconds: that Brian2 and torch took.
    """

    case: str
    compared: str
    wrong: str
    seeds: int
    twin: Mapping[str, Contrast]
    mistaken: Mapping[str, Contrast]
    seconds: tuple[float, float]

    @property
    def power(self) -> float:
        """Probability that the mistake is noticed, by the statistic that shows it best."""
        return max(contrast.power for contrast in self.mistaken.values())

    @property
    def agrees(self) -> bool:
        """Whether no statistic of the twin differs, and one of the mistaken twin does."""
        noticed = any(contrast.differs for contrast in self.mistaken.values())
        return noticed and not any(contrast.differs for contrast in self.twin.values())


def consistency(
    case: Statistical,
    reference: Mapping[str, Sequence[float]],
    twin: Mapping[str, Sequence[float]],
    mistaken: Mapping[str, Sequence[float]],
    seconds: tuple[float, float] = (0.0, 0.0),
) -> Consistency:
    """Compare the statistics of a case, each a value per seed; the level is divided among them."""
    level = LEVEL / len(reference)
    right, wrong = (
        {name: contrast(reference[name], side[name], level) for name in reference} for side in (twin, mistaken)
    )
    return Consistency(case.name, case.compared, case.wrong, case.seeds, right, wrong, seconds)


def contrast(reference: Sequence[float], twin: Sequence[float], level: float) -> Contrast:
    """Welch's interval of the difference of two means, and the power of his test at a difference of this size.

    Args:
        reference, twin: a value per seed, two or more each.
        level: 1 − the confidence.

    Example:
        >>> found = contrast([1.0, 2.0, 3.0, 2.0], [7.0, 8.0, 9.0, 8.0], level=0.01)
        >>> found.differs, found.twin - found.reference, found.power > 0.9
        (True, 6.0, True)
    """
    a, b = np.asarray(reference, float), np.asarray(twin, float)
    parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    error, off = float(np.sqrt(sum(parts))), float(b.mean() - a.mean())
    if error == 0:
        return Contrast(float(a.mean()), float(b.mean()), off, off, float(off != 0))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    most = float(stats.t.ppf(1 - level / 2, freedom))
    beyond = stats.nct(freedom, abs(off) / error)
    power = float(beyond.sf(most) + np.nan_to_num(beyond.cdf(-most)))  # scipy has NaN for some tails of next to nothing
    return Contrast(float(a.mean()), float(b.mean()), off - most * error, off + most * error, power)


def gathered(statistics: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Each statistic's values, seed by seed.

    Example:
        >>> gathered([{"rate": 1.0}, {"rate": 3.0}])
        {'rate': [1.0, 3.0]}
    """
    return {name: [found[name] for found in statistics] for name in statistics[0]}
