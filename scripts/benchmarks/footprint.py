"""The memory of one step, measured in a process of its own, because the peak of a process only rises.

Two small steps come first, so that libraries, threads, compiled code, gradients and the optimiser's state count as what
was there before.
"""

from __future__ import annotations

import ctypes
import gc
import json
import multiprocessing
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from .contenders import CONTENDERS, step
from .workloads import Case

SCRIPTS = Path(__file__).parents[1]
CLEAR = Path("/proc/self/clear_refs")
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "8192", "MALLOC_MMAP_MAX_": "60000"}
"""Makes glibc give back every block of 8 KiB when it is freed: without, the same step takes 60 MiB or 100 by chance."""
CHILD = "import sys; from benchmarks.footprint import answer; answer(*sys.argv[1:])"


def footprints(asked: Sequence[tuple[Case, str]], device: str) -> list[float]:
    """MiB that a step of each case and contender takes on top of what was there before, at its peak."""
    words = json.dumps([(case.text(), contender, device) for case, contender in asked])
    return json.loads(fresh(CHILD, words, str(torch.get_num_threads()), **ALLOCATOR).splitlines()[-1])


def answer(words: str, threads: str) -> None:
    """Print the growths that were asked for; each is measured in a fork of this process, which has not computed yet."""
    with multiprocessing.get_context("fork").Pool(
        1, torch.set_num_threads, (int(threads),), maxtasksperchild=1
    ) as pool:
        print(json.dumps(pool.starmap(grown, json.loads(words), chunksize=1)))


def fresh(code: str, *words: str, **environment: str) -> str:
    """What a new process prints that runs some code and finds spikefa and these scripts."""
    path = os.pathsep.join([str(SCRIPTS), str(SCRIPTS.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{sys.executable} -c {code!r} {' '.join(words)} failed:\n{done.stderr}")
    return done.stdout


def grown(text: str, contender: str, device: str) -> float:
    """The growth of this process in MiB over one step of a case."""
    case, build = Case.read(text), CONTENDERS[contender].build
    small = step(replace(case, steps=2, batch=2), build, device)
    small(), small()
    del small
    once = step(case, build, device)
    gc.collect()
    if device.startswith("cuda"):
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        once()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # else what the C library keeps of building the network is used again, unseen
    if CLEAR.exists():
        CLEAR.write_text("5")  # the peak is from now on
    held = peak()
    once()
    return peak() - held


def peak() -> float:
    """The most that this process has held, in MiB. Of a process that was not forked, Linux gives its parent's, too."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
