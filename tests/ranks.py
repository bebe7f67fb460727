"""One of two processes that train together: ``python tests/ranks.py FOLDER``, with torchrun's variables set."""

import json
import math
import os
import signal
import sys
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import torch

from spikefa.datasets import DATASETS, Dataset, Events, Split
from spikefa.experiment import Experiment
from spikefa.following import joined
from spikefa.networks import NETWORKS
from spikefa.rules.fa import FeedbackAlignment
from spikefa.training import train

DATA = {"train": 100, "validation": 30, "test": 40}
"""100 images: batches of 33 end with one image, of which one process has none."""


def own(weight, generator):
    """A rule that is another one in each process."""
    pathway = FeedbackAlignment(weight, generator)
    pathway.step = lambda w: pathway.weight.mul_(1 + int(os.environ["RANK"]) * 1e-7)
    return pathway


def dying(weight, generator):
    """A rule of which the second process dies in its third update."""
    pathway, steps = FeedbackAlignment(weight, generator), []
    pathway.step = lambda w: os._exit(9) if len(steps) > 1 and os.environ["RANK"] == "1" else steps.append(1)
    return pathway


def stopping(weight, generator):
    """A rule of which the second process stops in its third update, and stays."""
    pathway, steps = FeedbackAlignment(weight, generator), []
    pathway.step = lambda w: (
        os.kill(os.getpid(), signal.SIGSTOP) if len(steps) > 1 and os.environ["RANK"] == "1" else steps.append(1)
    )
    return pathway


def normed(shape, classes, readout, generator):
    """A network in which an example's output depends on the others of its batch."""
    net = NETWORKS["mlp"](shape, classes, readout, generator, depth=1, width=4)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(math.prod(shape)), net)


def recordings():
    """A data set of 7 recordings of events at 3 inputs."""
    chance = torch.Generator().manual_seed(0)
    times, units = torch.rand(7, 20, generator=chance), torch.randint(3, (7, 20), generator=chance)
    split = Split(Events.of(zip(times, units, strict=True), place=(3,), window=1.0), torch.arange(7) % 2)
    return Dataset("shd", split, split, split, classes=2, note="events")


def trained(fields, data):
    """Every number of a training but its seconds, as JSON; or why it failed."""
    data = recordings() if fields.get("dataset") == "shd" else data
    try:
        records = [replace(r, seconds=0, work=0) for r in train(Experiment(**fields), data, probe=3)]
    except Exception as error:  # as a comparison does, which then goes on
        return f"{type(error).__name__}: {error}"
    return [
        {**asdict(r), "representations": {n: g.sum().item() for n, g in r.representations.items()}} for r in records
    ]


def main():
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    with joined(timedelta(seconds=int(os.environ.get("PATIENCE", "60")))) as leads:
        if leads:
            data = DATASETS["digits"](**DATA)
            found = [trained(fields, data) for fields in json.loads((folder / "fields").read_text())]
            (folder / "found").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
