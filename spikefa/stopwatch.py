"""Time that is spent on training, and not on looking at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final


@final
class Stopwatch:
    """Runs from its making on, but while it is paused.

    Example:
        >>> watch = Stopwatch()
        >>> with watch.paused():
        ...     time.sleep(0.05)
        >>> watch.read()[0] < 0.05
        True
    """

    def __init__(self) -> None:
        self._begun = _now()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within, it stands still."""
        stopped = _now()
        try:
            yield
        finally:
            lost = [now - then for now, then in zip(_now(), stopped, strict=True)]
            self._begun = (self._begun[0] + lost[0], self._begun[1] + lost[1])

    def read(self) -> tuple[float, float]:
        """Seconds so far: by the clock on the wall, and of the processors."""
        seconds, work = (now - then for now, then in zip(_now(), self._begun, strict=True))
        return seconds, work


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
