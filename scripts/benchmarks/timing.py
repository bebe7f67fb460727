"""Timing: jobs in turn, round after round, so that whatever else the machine does meets them all alike."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Setting:
    """How to measure.

    Args:
        rounds: how often each job is timed.
        device: where networks compute.
        tiny: sizes for a test of the script, of which no time means anything.
        only: parts of names of the cases to measure; all if empty.
        processor: count the processor's time, of all threads and ended children, and not the wall's: for one thread on
            a machine that others use.
    """

    rounds: int = 11
    device: str = "cpu"
    tiny: bool = False
    only: tuple[str, ...] = ()
    processor: bool = False

    def wants(self, name: str) -> bool:
        """Whether a case is to be measured."""
        return not self.only or any(part in name for part in self.only)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float], scale: float = 1.0) -> Spread:
        """The spread of some values times a factor.

        Example:
            >>> print(Spread.of([1, 2, 3, 4, 5]))
            3.00 [2.00, 4.00]
        """
        low, median, high = np.percentile(values, (25, 50, 75)) * scale
        return cls(float(median), float(low), float(high))

    def __str__(self) -> str:
        return f"{number(self.median)} [{number(self.low)}, {number(self.high)}]"


def number(value: float) -> str:
    """Two or three digits, never an exponent.

    Example:
        >>> number(1234.5), number(12.34), number(0.0123)
        ('1,234', '12.3', '0.012')
    """
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.1 or size < 5e-5 else f"{value:.2g}"


def interleaved(jobs: Mapping[str, Callable[[], object]], setting: Setting, warm: int = 2) -> dict[str, list[float]]:
    """Seconds of each job in each round; a round begins with another job each time.

    Args:
        jobs: what to time, by name.
        setting: the rounds, and the device to wait for.
        warm: rounds before that are not counted.
    """
    names, seconds = list(jobs), {name: [] for name in jobs}
    for turn in range(-warm, setting.rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            taken = timed(jobs[name], setting)
            if turn >= 0:
                seconds[name].append(taken)
    return seconds


def timed(job: Callable[[], object], setting: Setting) -> float:
    """Seconds of one call, until the device has finished."""
    now = _worked if setting.processor else time.perf_counter
    start = now()
    job()
    if setting.device.startswith("cuda"):
        torch.cuda.synchronize(setting.device)
    return now() - start


def _worked() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def ratio(seconds: Sequence[float], reference: Sequence[float]) -> Spread:
    """The spread of the ratios to a reference that was timed in the same rounds."""
    return Spread.of([one / other for one, other in zip(seconds, reference, strict=True)])


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power of the size with which a cost grows, by least squares on logarithms.

    Example:
        >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
        2.0
    """
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
