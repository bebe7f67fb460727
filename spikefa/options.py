"""What options may be: refusals that name the option, its value and what is wanted."""

from __future__ import annotations

from typing import Any


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
