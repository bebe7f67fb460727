"""A team of processes: the first runs the command and writes; the others train along until it has nothing more."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed

from spikefa.distributed import Known, Parted, crew
from spikefa.divergence import Diverged
from spikefa.orphan import end_with_parent
from spikefa.team import Team, backend
from spikefa.training import train

PATIENCE = timedelta(minutes=10)
"""How long one process waits for the others within an update. One that dies is noticed at once."""
WAITING = timedelta(days=7)
"""How long the others wait for the first one while it loads, measures, writes."""


@contextmanager
def joined(patience: timedelta = PATIENCE) -> Iterator[bool]:
    """Join the processes that ``torchrun`` has started; within, what the first one trains is trained by all.

    Every :func:`~spikefa.training.train` of the first process, by whatever command, takes all processes, and gives the
    numbers that one process would give, to rounding. In the others, the body is entered when all is done, and has
    nothing left to do. The data set is sent to them, so that they need no files. A process alone leads nobody.

    Args:
        patience: how long to wait for another process within an update, or the first for the others at any time.

    Yields:
        Whether this is the first process.

    Raises:
        Parted: (a ``SystemExit``) another process is gone, or this one failed alone.

    Example:
        >>> with joined() as leads:  # torchrun --nproc-per-node 2 this_file.py
        ...     if leads:
        ...         print("train(experiment, data) here")
        train(experiment, data) here
    """
    if int(os.environ.get("WORLD_SIZE") or 1) < 2:
        yield True
        return
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun is the parent; if it is killed it cannot end its processes
        end_with_parent()
    members = _join(patience)
    entered = crew.set(members)
    try:
        if members.rank:
            _follow(members)
        yield members.rank == 0
        if members.rank == 0:
            members.dismiss()
    finally:
        crew.reset(entered)
        distributed.destroy_process_group()


def _join(patience: timedelta) -> Team:
    """The processes in the environment's words (``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR``, ``MASTER_PORT``)."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local < torch.cuda.device_count():
        torch.cuda.set_device(local)  # which "cuda" then means, in each process
    try:
        distributed.init_process_group(backend(), timeout=patience)
        rank, size = distributed.get_rank(), distributed.get_world_size()
        control = distributed.new_group(backend="gloo", timeout=WAITING if rank else patience)
    except (RuntimeError, ValueError) as error:
        raise Parted(f"spikefa: the processes cannot meet ({error}): start them by torchrun") from error
    return Team(rank, size, control)


def _follow(members: Team) -> None:
    """Train along until the leader has nothing more. What fails in all processes is for the leader to record."""
    warnings.simplefilter("ignore")  # the leader says it
    while (arguments := members.told()) is not None:
        try:
            for _ in train(**arguments):
                pass
        except (Diverged, Known):
            continue
