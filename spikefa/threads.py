"""Threads for compiled loops: as many as torch uses, each on a part of an axis, without the interpreter's lock."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

WORK = 1 << 17
"""Numbers that a thread must have to do for it to be worth waking."""


def share(kernel: Callable[..., None], extent: int, work: int, *arguments: Any, unit: int = 1) -> None:
    """Run ``kernel(*arguments, first, last)`` on all of ``range(extent)``; the caller's thread takes the first part.

    The parts must not depend on one another: then the number of threads changes nothing.

    Args:
        kernel: releases Python's lock.
        extent: of the axis to be divided; ``work``: numbers to do in all.
        arguments: of the kernel, before the bounds of its part.
        unit: parts begin at multiples of this.
    """
    units = -(-extent // unit)
    threads = max(1, min(torch.get_num_threads(), work // WORK, units))
    bounds = [min(extent, units * n // threads * unit) for n in range(threads + 1)]
    waiting = [
        _pool(threads - 1, os.getpid()).submit(kernel, *arguments, bounds[n], bounds[n + 1]) for n in range(1, threads)
    ]
    kernel(*arguments, 0, bounds[1])
    for other in waiting:
        other.result()


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: none survive a fork."""
    return ThreadPoolExecutor(threads, "spikefa")
