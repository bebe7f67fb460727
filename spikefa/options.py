"""What options may be: refusals that name the option, its value and what is wanted; and what tuning may try for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """The values of an option that a search tries: whole numbers if both ends are, else any, of three digits.

    Args:
        low: the least; ``high``: the largest.
        log: whether factors count rather than differences, as for rates.

    Raises:
        ValueError: the ends are no finite numbers in their order, or not above 0 where factors count.

    Example:
        >>> Range(1e-4, 0.1, log=True).rounded(0.00123456), Range(1, 20).rounded(7)
        (0.00123, 7)
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (_number(self.low) and _number(self.high)) or not -float("inf") < self.low < self.high < float("inf"):
            raise ValueError(f"a range goes from a number to a larger one, not from {self.low!r} to {self.high!r}")
        if self.log and self.low <= 0:
            raise ValueError(f"a range in which factors count begins above 0, not at {self.low!r}")

    def rounded(self, value: float) -> float:
        """The nearest value within, of three digits."""
        near = value if self.whole else float(f"{value:.3g}")
        return min(max(near, self.low), self.high)

    @property
    def whole(self) -> bool:
        """Whether it has whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def __str__(self) -> str:
        return f"{self.low:g} … {self.high:g}"


def whole(**values: Any) -> None:
    """Refuse options that are no whole numbers of at least 1.

    Raises:
        ValueError: with the first such option.

    Example:
        >>> whole(every=10, steps=2000)
    """
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a whole number, at least 1, not {value!r}")


def positive(**values: Any) -> None:
    """Refuse options that are no positive, finite numbers.

    Raises:
        ValueError: with the first such option.

    Example:
        >>> positive(eta=0.1)
    """
    for name, value in values.items():
        if not _number(value) or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a positive number, not {value!r}")


def within(least: float, most: float, **values: Any) -> None:
    """Refuse options that are no numbers from ``least`` to ``most``.

    Raises:
        ValueError: with the first such option.

    Example:
        >>> within(0, 1, beta=0.9)
    """
    for name, value in values.items():
        if not _number(value) or not least <= value <= most:
            raise ValueError(f"{name} must be a number from {least:g} to {most:g}, not {value!r}")


def flag(**values: Any) -> None:
    """Refuse options that are neither true nor false.

    Raises:
        ValueError: with the first such option.

    Example:
        >>> flag(centred=True)
    """
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
