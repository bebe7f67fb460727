"""Processes on this machine: an executor of one process for each job that runs side by side."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import final

import torch

from spikefa.attempt import Job
from spikefa.engines.executed import Executed, whole
from spikefa.worker import settle


@final
class Processes(Executed):
    """So many jobs side by side, each in a process of its own.

    Each process is a pool of its own: in a pool of several, one that dies breaks all, and nobody knows whose job it
    was. They are spawned, since a fork would copy the locks of torch's threads. They start at the first job, and are
    kept.

    Args:
        jobs: side by side.
        threads: of each; if absent, torch's own choice is divided among them, so that they do not fight over cores.
        device: of all; ``cuda`` gives each a device of its own, ``cuda:0`` lets them share one.

    Raises:
        ValueError: there are not as many devices.

    Example:
        >>> Processes(2, threads=1).room
        2
    """

    def __init__(self, jobs: int, threads: int | None = None, device: str = "cpu") -> None:
        self.threads = max(1, torch.get_num_threads() // jobs) if threads is None else threads
        self.room = jobs
        self._lanes = [_Lane(self.threads, name) for name in _devices(device, jobs)]

    def submit(self, job: Job) -> Future[bytes]:
        """Give it to a process that is idle."""
        return next(lane for lane in self._lanes if lane.idle).submit(job)

    def recover(self) -> None:
        """Nothing to do: a process that died is replaced at its next job."""

    def close(self) -> None:
        """End all processes, at once."""
        for lane in self._lanes:
            lane.close()


def _devices(device: str, jobs: int) -> list[str]:
    if device != "cuda":
        return [device] * jobs
    if jobs > (found := torch.cuda.device_count()):
        way_out = f"give --jobs {found}, or let them share one: --device cuda:0"
        raise ValueError(f"jobs={jobs} is more than the {found} devices, one for each job: {way_out}")
    return [f"cuda:{number}" for number in range(jobs)]


@final
class _Lane:
    """One process at a time, on one device."""

    def __init__(self, threads: int, device: str) -> None:
        self._threads, self._device = threads, device
        self._pool: ProcessPoolExecutor | None = None
        self._leash: Connection | None = None
        self._job: Future[bytes] | None = None

    @property
    def idle(self) -> bool:
        return self._job is None or self._job.done()

    def submit(self, job: Job) -> Future[bytes]:
        mine = replace(job, device=self._device)
        try:
            self._job = self._opened().submit(whole, mine)
        except BrokenExecutor:  # its process died with the last job
            self.close()
            self._job = self._opened().submit(whole, mine)
        return self._job

    def close(self) -> None:
        if self._pool is not None and self._leash is not None:
            self._leash.close()
            self._pool.shutdown(cancel_futures=True)
        self._pool = self._leash = self._job = None

    def _opened(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = get_context("spawn")
            theirs, self._leash = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(1, context, settle, (self._threads, theirs))
        return self._pool
