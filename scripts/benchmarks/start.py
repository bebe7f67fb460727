"""Start-up: of the command, of the import, and of the first scan, its compiled code cached or not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial

from .footprint import fresh
from .table import Table
from .timing import Setting, Spread, interleaved

LINES = {
    "python, nothing else": "pass",
    "spikefa --help": "import sys; sys.argv[1:] = ['--help']; from spikefa.cli import main; main()",
    "import spikefa": "import spikefa",
    "import torch": "import torch",
    "import spikefa, and use run and attach": "import spikefa; spikefa.run, spikefa.attach",
}
SCAN = """
import sys, time, torch
from benchmarks.contenders import sequence
from benchmarks.workloads import Case
now = getattr(time, sys.argv[1])
case = Case("first", (8, 8, 4), 4, 2)
_, scores = sequence(case.network())
for _ in range(2):
    start = now()
    scores(case.data()[0]).sum().backward()
    print(now() - start)
"""
CACHES = ("NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")


def tables(setting: Setting) -> Iterator[Table]:
    """Seconds of whole processes, and of a first scan inside one."""
    seconds = interleaved({name: partial(fresh, code) for name, code in LINES.items()}, setting, warm=1)
    made = Table("start-up, s", ("what", "s"), [(name, Spread.of(found)) for name, found in seconds.items()])
    for name, found in zip(("cold cache", "cached", "second in a process"), scans(setting), strict=True):
        made.rows.append((f"first scan, forward and backward, {name}", Spread.of(found)))
    made.notes.append("scans: a network of 8-8-4 neurons, after the imports; the first lines are whole processes")
    yield made


def scans(setting: Setting) -> tuple[list[float], list[float], list[float]]:
    """Seconds of a process's first scan with an empty cache, with the cache of another process, and of its second."""
    cold, cached, second = [], [], []
    clock = "process_time" if setting.processor else "perf_counter"
    for _ in range(max(1, setting.rounds // 3)):
        with tempfile.TemporaryDirectory() as folder:
            one, two = (
                [float(line) for line in fresh(SCAN, clock, **dict.fromkeys(CACHES, folder)).split()] for _ in range(2)
            )
        cold.append(one[0]), cached.append(two[0]), second.append(two[1])
    return cold, cached, second
