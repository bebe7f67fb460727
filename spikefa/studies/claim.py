"""A claim of a paper: what was published, what was measured over seeds, and whether it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import final

import numpy as np

from spikefa.summary import Interval

CONFIDENCE = 0.95
"""Of the interval of a mean over seeds, by which a claim is judged."""


@final
class Verdict(StrEnum):
    """Whether a claim holds."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "not decidable at this size"
    ABSENT = "not measured"


@dataclass(frozen=True)
class Claim:
    """A claim as a range in which a number must lie, and the number as measured, once for each seed.

    It holds where the 95 % interval of the mean over seeds (Student's t) lies within ``low`` to ``high``, does not hold
    where the interval lies outside, and is open where it reaches over an end, or there is one seed alone. The
    range is to be stated in the code before anything is measured: it comes from the published spread, from theory, is
    the sign that the claim asserts, or is ours, which ``why`` then says. A range with one end does not contain it: what
    is equal is not above.

    Args:
        says: the claim, in words; short, and unique in its study.
        published: the published figure with its source: ``[P]`` the paper's text, ``[A]`` the authors' results or code,
            ``[R]`` a replication, ``[D]`` a derivation; ``"–"`` if there is none.
        values: what was measured, a number for each seed.
        low, high: the range in which the mean must lie.
        why: where the range comes from.
        form: how its numbers are written.
        law: it is an identity that the code must obey, whatever the paper found: counted apart from the claims.

    Example:
        >>> claim = Claim("alignment is high", ".867 (.019) [A]", [0.86, 0.87, 0.85], 0.83, 0.90, "two published sd")
        >>> str(claim.verdict), claim.measured
        ('holds', '0.86 [0.835, 0.885], 3 seeds')
    """

    says: str
    published: str
    values: Sequence[float]
    low: float
    high: float
    why: str
    form: str = ".3g"
    law: bool = False

    @property
    def interval(self) -> Interval:
        """Mean over the seeds and its 95 % interval; bounds are nan for fewer than two seeds, all for none or a nan."""
        return interval(self.values)

    @property
    def verdict(self) -> Verdict:
        """Whether it holds."""
        if not len(self.values):
            return Verdict.ABSENT
        found = self.interval
        if self._within(found):
            return Verdict.HOLDS
        if found.high < self.low or found.low > self.high:
            return Verdict.FAILS
        return Verdict.OPEN

    def _within(self, found: Interval) -> bool:
        """Of a range with one end, such as a sign, that end is no part: what is equal is not above."""
        if math.isinf(self.low) or math.isinf(self.high):
            return self.low < found.low and found.high < self.high
        return self.low <= found.low and found.high <= self.high

    @property
    def measured(self) -> str:
        """The mean, its interval and the number of seeds, in words."""
        mean, low, high = (format(number, self.form).replace("-", "−") for number in self.interval)
        seeds = f"{len(self.values)} seed{'s' * (len(self.values) != 1)}"
        if math.isnan(self.interval.mean):
            return f"–, {seeds}"
        return f"{mean}, {seeds}" if math.isnan(self.interval.low) else f"{mean} [{low}, {high}], {seeds}"

    @property
    def range(self) -> str:
        """Where the interval must lie for the claim to hold, in words."""
        low, high = (format(number, self.form).replace("-", "−") for number in (self.low, self.high))
        if math.isinf(self.low):
            return f"below {high}"
        return f"above {low}" if math.isinf(self.high) else f"{low} to {high}"


def interval(values: Sequence[float]) -> Interval:
    """Mean and its 95 % interval by Student's t, which for three seeds is honest: 4.3 standard errors on either side.

    Args:
        values: one a seed.

    Example:
        >>> interval([1.0, 2.0, 3.0]).high
        4.484...
    """
    from scipy.stats import t

    sample = np.asarray(values, dtype=float)
    if not len(sample) or np.isnan(sample).any():
        return Interval(math.nan, math.nan, math.nan)
    if len(sample) == 1:
        return Interval(float(sample[0]), math.nan, math.nan)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(sample) - 1) * sample.std(ddof=1) / math.sqrt(len(sample)))
    mean = float(sample.mean())
    return Interval(mean, mean - half, mean + half)
