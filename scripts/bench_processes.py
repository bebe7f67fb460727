"""Time of an update in one process, or in several under torchrun, on random images.

python scripts/bench_processes.py mlp:depth=2,width=400 --batch 128
torchrun --nproc-per-node 2 scripts/bench_processes.py mlp:depth=2,width=400 --batch 128
"""

from __future__ import annotations

import argparse
import os
import statistics

import torch

from spikefa.datasets import Dataset, Split
from spikefa.experiment import Experiment
from spikefa.following import joined
from spikefa.training import train

UPDATES, ROUNDS = 4, 5
"""Updates in a round, an epoch; rounds that count, after one that does not."""


def images(count: int) -> Dataset:
    """Random images of 28 × 28 with random labels; few of them to measure by, which takes no part in the times."""
    noise = torch.Generator().manual_seed(0)
    x, y = torch.rand(count, 1, 28, 28, generator=noise), torch.randint(10, (count,), generator=noise)
    few = Split(x[:16], y[:16])
    return Dataset("random", Split(x, y), few, few, 10, "random")


def main() -> None:
    """Train, and print milliseconds per update: medians of the rounds, and the least."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=10)
    chosen = parser.parse_args()
    fields = {"network": chosen.network, "batch_size": chosen.batch, "steps": chosen.steps, "encoding": "poisson"}
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    with joined() as leads:
        if leads:
            epochs = list(train(Experiment(epochs=ROUNDS + 1, **fields), images(UPDATES * chosen.batch)))[2:]
            for name in ("seconds", "work"):
                taken = [1000 * getattr(epoch, name) / UPDATES for epoch in epochs]
                print(f"{name:8} median {statistics.median(taken):7.1f} ms, least {min(taken):7.1f} ms")


if __name__ == "__main__":
    main()
