"""Time of an update under every rule in two checkouts of spikefa, in turn in one run: what has become faster.

python scripts/bench_versions.py OTHER [--study docs/all_rules/mlp.toml] [--images 5000] [--rounds 3] [--threads 1]

OTHER is the folder of another checkout (``git worktree add OTHER COMMIT``). A process for each checkout trains an epoch
of every rule of the study, in turn; what it measures between epochs is left out. Ratios are of one round; medians and
the smallest and largest. Data sets are looked for in SPIKEFA_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import final

WORKER = """
import json, sys, warnings
import torch
warnings.simplefilter("ignore")
from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.training import train
torch.set_num_threads(int(sys.argv[1]))
for line in sys.stdin:
    fields = json.loads(line)
    experiment = Experiment(**fields)
    data = load(experiment.dataset)
    *_, epoch = train(experiment, data)
    updates = -(-len(data.train) // experiment.batch_size)
    print(json.dumps([epoch.seconds / updates, epoch.work / updates, epoch.accuracy["validation"]]), flush=True)
"""


@final
class Checkout:
    """A process that trains with the code of a folder."""

    def __init__(self, folder: Path, threads: int) -> None:
        environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=folder,
            text=True,
        )

    def epoch(self, fields: dict[str, object]) -> list[float]:
        """Seconds and processor's seconds of an update, and the validation accuracy, of one epoch."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(fields) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the process of {self.process.args} ended: see above")
        found: list[float] = json.loads(answer)
        return found


def main(words: list[str]) -> None:
    """Train, and print a Markdown table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("other", type=Path, help="the folder of another checkout")
    parser.add_argument("--study", type=Path, default=Path("docs/all_rules/mlp.toml"))
    parser.add_argument("--images", type=int, default=5000, help="training images of the epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(words)
    study = tomllib.loads(given.study.read_text())
    here = Path(__file__).resolve().parents[1]
    before, after = Checkout(given.other.resolve(), given.threads), Checkout(here, given.threads)
    print("| rule | before, ms | after, ms | before / after | validation accuracy before, after, % |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for rule in study["rule"]:
        fields = {
            "rule": rule,
            "dataset": f"{study['dataset']}:train={given.images},validation=500,test=100",
            "network": study["network"],
            "batch_size": study["batch_size"],
            "steps": study["steps"],
            "epochs": 1,
        }
        rounds = [(before.epoch(fields), after.epoch(fields)) for _ in range(given.rounds)]
        ratios = [old[0] / new[0] for old, new in rounds]
        old, new = (statistics.median(pair[side][0] for pair in rounds) * 1e3 for side in (0, 1))
        scores = ", ".join(f"{100 * rounds[0][side][2]:.1f}" for side in (0, 1))
        spread = f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
        print(f"| {rule} | {old:.1f} | {new:.1f} | {spread} | {scores} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
