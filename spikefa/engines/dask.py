"""A Dask cluster: workers on other machines, found through their scheduler's address."""

from __future__ import annotations

import math
import warnings
from concurrent.futures import Future
from pathlib import Path
from typing import Any, final

from spikefa.attempt import Job
from spikefa.engines.executed import Executed, whole

ANSWER = 10.0
"""Seconds within which a scheduler must answer."""
RETURN = 60.0
"""Seconds that are waited for a scheduler that was there to come back."""


class Hindered(UserWarning):
    """A cluster that is not as it should be: nobody to work, or several jobs to a process, or no scheduler for now."""


@final
class Dask(Executed):
    """A cluster, through its scheduler. What a worker that dies had begun, Dask gives to another one.

    After as many deaths as the scheduler's setting ``allowed-failures`` (3) and one more the run counts as failed. A
    scheduler that goes away is waited for, and gets again what is not done.

    Args:
        scheduler: its address, such as ``tcp://10.0.0.1:8786``, or the path of its ``.json`` file.
        jobs: that it is given at once; all if absent.
        threads: of each job; as the worker has them if absent, and that is 1 of ``dask worker``.

    Raises:
        ValueError: no address, or none that can be read.
        ConnectionError: no scheduler answers there.
        ImportError: Dask is not installed.
    """

    def __init__(self, scheduler: Any, jobs: int | None = None, threads: int | None = None) -> None:
        if not isinstance(scheduler, str) or not scheduler:
            raise ValueError("the engine dask needs its scheduler's address: --scheduler tcp://10.0.0.1:8786")
        self.room = math.inf if jobs is None else jobs
        self.threads, self._address = threads, scheduler
        self._open(ANSWER)

    def submit(self, job: Job) -> Future[bytes]:
        """Give it to the scheduler."""
        future: Future[bytes] = self._executor.submit(whole, job)
        return future

    def recover(self) -> None:
        """Connect again, once the scheduler is back."""
        self.close()
        warnings.warn(
            f"lost the scheduler at {self._address}: waiting {RETURN:.0f} s for its return", Hindered, stacklevel=2
        )
        self._open(RETURN)

    def close(self) -> None:
        """Take back what is not done, and leave the cluster as it is."""
        self._client.close()

    def _open(self, seconds: float) -> None:
        self._client = _client(self._address, seconds)
        self._executor = self._client.get_executor(pure=False)
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        if not workers:
            warnings.warn(f"{self._address} has no workers yet: waiting for the first", Hindered, stacklevel=2)
        if crowded := [worker["id"] for worker in workers if worker["nthreads"] > 1]:
            way_out = "the jobs of a process follow one another, start workers with --nthreads 1"
            warnings.warn(f"{len(crowded)} workers have several threads: {way_out}", Hindered, stacklevel=2)


def _client(address: str, seconds: float) -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ImportError("the engine dask needs Dask: pip install 'spikefa[dask]'") from error
    client: Any = distributed.Client
    if (file := address.endswith(".json")) and not Path(address).is_file():
        raise ValueError(f"scheduler={address!r} is not there: give the --scheduler-file of dask scheduler")
    try:
        return client(**{"scheduler_file" if file else "address": address}, timeout=seconds, set_as_default=False)
    except OSError as error:
        way_out = "start one with dask scheduler, or correct --scheduler"
        raise ConnectionError(f"no scheduler answers at {address} within {seconds:.0f} s: {way_out}") from error
    except (ValueError, KeyError) as error:
        raise ValueError(f"scheduler={address!r} is no address ({error}): it is like tcp://10.0.0.1:8786") from error
