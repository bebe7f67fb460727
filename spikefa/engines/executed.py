"""Engines over the standard executor interface: jobs side by side, those that a process took with it done again."""

from __future__ import annotations

import pickle
import warnings
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import replace
from threading import Lock

from spikefa.attempt import Begun, Event, Failed, Job, attempt, setting
from spikefa.engines.engine import Engine
from spikefa.journal import WriteError

DEATHS = 2
"""Processes that may die under a job before it counts as failed."""

_ONE = Lock()
"""Jobs of one process, of which Dask may start several, follow one another: they share torch's threads."""


def whole(job: Job) -> bytes:
    """All events of a job, and its warnings, from beginning to end: what a worker process runs.

    As bytes, so that tensors come as numbers and not as handles of a process that may end before they are read.
    """
    with _ONE, warnings.catch_warnings(record=True) as caught:
        events = list(attempt(job))
    return pickle.dumps((events, [(str(warning.message), warning.category) for warning in caught]))


class Executed(Engine, ABC):
    """An engine whose jobs go to a `concurrent.futures.Executor`.

    The order in which jobs are handed over is the order given; a job of which only its process's death is known is
    handed over again, and counts as failed when as many as `DEATHS` have died under it.

    Attributes:
        room: jobs that are handed over at once.
        threads: of each job; as its process has them if absent.
    """

    room: float
    threads: int | None

    @abstractmethod
    def submit(self, job: Job) -> Future[bytes]:
        """Hand `whole(job)` to the executor."""

    @abstractmethod
    def recover(self) -> None:
        """Get a new executor in place of one that has lost what it was given.

        Raises:
            ConnectionError: there is none to be had.
        """

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Sequence[Event]]]:
        """Train as many at once as there is room for; the events of each job come in one piece, at its end."""
        waiting = deque(replace(job, threads=self.threads) for job in jobs)
        flying, deaths = dict[Future[bytes], Job](), Counter[Job]()
        try:
            while waiting or flying:
                while waiting and len(flying) < self.room:
                    job = waiting.popleft()
                    flying[self.submit(job)] = job
                    yield job, [Begun(setting(job))]
                ended = wait(flying, return_when=FIRST_COMPLETED).done
                lost = [future for future in ended if future.cancelled()]
                for future in ended.difference(lost):
                    job = flying.pop(future)
                    if (events := _outcome(future, job, deaths)) is None:
                        waiting.appendleft(job)
                    else:
                        yield job, events
                if lost:  # with the executor, and so are all others
                    waiting.extendleft(reversed(flying.values()))
                    flying.clear()
                    self.recover()
        finally:
            if flying:  # left in the middle
                self.close()


def _outcome(future: Future[bytes], job: Job, deaths: Counter[Job]) -> Sequence[Event] | None:
    """What became of a job; None if it is to be done again."""
    try:
        events, caught = pickle.loads(future.result())
    except BrokenExecutor:
        deaths[job] += 1
        if deaths[job] < DEATHS:
            return None
        said = "its process ended without a word, which is what running out of memory or a crash in a library does"
        return [Failed(f"ProcessDied: {said}; tried {DEATHS} times")]
    except CancelledError:
        return None
    except WriteError:
        raise
    except (Exception, SystemExit) as error:
        return [Failed(f"{type(error).__name__}: {error}")]
    for message, category in caught:
        warnings.warn(message, category, stacklevel=2)
    found: Sequence[Event] = events
    return found
