"""A process that ends when its parent is gone: nobody could stop it any more, and it would hold what it locks."""

from __future__ import annotations

import os
import sys
import threading
import time


def end_with_parent(every: float = 1.0) -> None:
    """From now on, end this process, with status 1 and a line on stderr, if its parent has ended.

    Args:
        every: seconds from one look to the next.

    Example:
        >>> end_with_parent()
    """
    threading.Thread(target=_watch, args=(os.getppid(), every), daemon=True).start()


def _watch(parent: int, every: float) -> None:
    while os.getppid() == parent:
        time.sleep(every)
    print(f"spikefa: process {parent}, which started this one, is gone: it ends, too", file=sys.stderr, flush=True)
    os._exit(1)
