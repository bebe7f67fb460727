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
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
CHILD = "import sys; from benchmarks.footprint import answer; answer(*sys.argv[1:])"


def footprints(asked: Sequence[tuple[Case, str]], device: str) -> list[float]:
    """MiB that a step of each case and contender takes on top of what was there before, at its peak."""
    words = json.dumps([(case.text(), contender, device) for case, contender in asked])
    return json.loads(fresh(CHILD, words, str(torch.get_num_threads())).splitlines()[-1])


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
    before = resident("VmHWM")
    once()
    return (resident("VmHWM") - before) / 2**10


def resident(which: str) -> float:
    """A line of this process's status in KiB; the peak is also known where there is no /proc.

    ``ru_maxrss`` alone will not do on Linux: a child begins with that of the process that started it.
    """
    if STATUS.exists():
        return float(next(line.split()[1] for line in STATUS.read_text().splitlines() if line.startswith(which)))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
