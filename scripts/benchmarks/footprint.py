"""The memory of one step, measured in a process of its own, because the peak of a process only rises.

Two small steps come first, so that libraries, threads, compiled code, gradients and the optimiser's state count as what
was there before.
"""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from .contenders import CONTENDERS, step
from .workloads import Case

SCRIPTS = Path(__file__).parents[1]
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
CHILD = "import sys; from benchmarks.footprint import grown; print(grown(*sys.argv[1:]))"


def footprint(case: Case, contender: str, device: str) -> float:
    """MiB that a step takes on top of what was there before, at its peak."""
    return float(fresh(CHILD, case.text(), contender, device, str(torch.get_num_threads())).splitlines()[-1])


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


def grown(text: str, contender: str, device: str, threads: str) -> float:
    """The growth of this process in MiB over one step of a case."""
    torch.set_num_threads(int(threads))
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
