"""Engines: where experiments are trained. One file each, one line in `ENGINES` each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spikefa.engines.dask import Dask
from spikefa.engines.engine import Engine, Here
from spikefa.engines.processes import Processes
from spikefa.machine import count
from spikefa.names import nearest

ENGINES: dict[str, Callable[..., Engine]] = {"processes": Processes, "dask": Dask}

__all__ = ["ENGINES", "Dask", "Engine", "Here", "Processes", "choose"]


def choose(
    engine: Any = "processes", jobs: Any = None, scheduler: Any = None, threads: Any = None, device: str = "cpu"
) -> Engine:
    """The engine that these options ask for; nothing is started on this machine yet.

    Args:
        engine: of :data:`ENGINES`.
        jobs: experiments side by side; of ``processes`` 1 if absent, trained in this very process, of ``dask`` as many
            as the cluster takes.
        scheduler: address of Dask's scheduler, or the path of its ``.json`` file.
        threads: of the CPU, for each job; if absent, torch's own choice is divided among the jobs.
        device: where to compute. ``cuda`` alone gives each job a device of its own.

    Raises:
        ValueError: an option that cannot be.
        ConnectionError: no scheduler answers.

    Example:
        >>> type(choose()).__name__, type(choose(jobs=2)).__name__
        ('Here', 'Processes')
    """
    if engine not in ENGINES:
        raise ValueError(f"no engine is called {engine!r}{nearest(str(engine), ENGINES)}: {', '.join(ENGINES)}")
    jobs = None if jobs is None else count("jobs", jobs)
    threads = None if threads is None else count("threads", threads)
    if engine == "dask":
        return Dask(scheduler, jobs, threads)
    if scheduler is not None:
        raise ValueError(f"scheduler={scheduler!r} would do nothing here: give --engine dask too, or leave it out")
    return Processes(jobs, threads, device) if jobs and jobs > 1 else Here(threads)
