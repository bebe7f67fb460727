"""A rule that kills the process that trains with it, as running out of memory does; and how recorded runs compare."""

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import final

from spikefa import Feedback
from spikefa.representations import load
from spikefa.runs import FILE, read


@final
class Deadly(Feedback):
    """B = W₀; the first `deaths` processes that come to an update are killed, `folder` remembers how many were."""

    def __init__(self, weight, generator, *, folder, deaths=1):
        super().__init__()
        self.folder, self.deaths = Path(folder), deaths
        self.register_buffer("weight", weight.detach().clone())

    def forward(self, weight):
        return self.weight

    def step(self, weight):
        for death in range(self.deaths):
            try:
                (self.folder / f"death{death}").touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)


def deadly(folder, deaths=1):
    """Its name, with options."""
    folder.mkdir()
    return f"tests.engines.deadly:Deadly:folder={folder},deaths={deaths}"


def numbers(folder):
    """All that was measured in the runs of a folder, in their order, without times and machines."""
    found = []
    for run in read(folder):
        epochs = [{name: e[name] for name in e if name not in ("seconds", "work")} for e in run.epochs]
        grams = {name: gram.tolist() for name, gram in load(folder, run.key).items()}
        found.append((run.key, run.state, run.error, run.data, epochs, grams))
    return found


def ends(folder):
    """How often each run is recorded as ended."""
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    return Counter(line["key"] for line in lines if line["kind"] in ("done", "failed"))
