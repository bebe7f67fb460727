"""What a worker process does before its first job. It imports nothing heavy: libraries read their threads on import."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing.connection import Connection

POOLS = ("OMP", "MKL", "OPENBLAS", "NUMBA")
"""Libraries with threads of their own, each of which has a variable ``…_NUM_THREADS``."""


def settle(threads: int, leash: Connection) -> None:
    """Use so many threads, leave Ctrl-C to the parent, and end with it.

    Args:
        threads: of each library.
        leash: the reading end of a pipe whose other end the parent holds. When that is closed, this process ends at
            once, whatever it does: where the parent wants it, or was killed itself, so that none is left behind.
    """
    for pool in POOLS:
        os.environ[f"{pool}_NUM_THREADS"] = str(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(leash,), daemon=True).start()


def _end_with(leash: Connection) -> None:
    leash.poll(None)  # nothing is ever sent: this returns at the end of the pipe
    os._exit(1)
