"""What an engine is: it takes jobs and gives their events, as they come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self, final

from spikefa.attempt import Event, Job, attempt
from spikefa.machine import use_threads


class Engine(ABC):
    """A place where experiments are trained, to be used in a ``with`` statement, at whose end nothing of it runs on."""

    @abstractmethod
    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Sequence[Event]]]:
        """Train; for each job its events, in one piece or several, jobs in the order in which they end."""

    @abstractmethod
    def close(self) -> None:
        """End whatever runs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@final
class Here(Engine):
    """This very process, one experiment after another; its events come as they happen.

    Args:
        threads: of the CPU; torch's own choice if absent.
    """

    def __init__(self, threads: int | None = None) -> None:
        use_threads(threads)

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Sequence[Event]]]:
        """Train each job in turn."""
        for job in jobs:
            for event in attempt(job):
                yield job, [event]

    def close(self) -> None:
        """Nothing to do: what runs here ends with whoever asks for its events."""
