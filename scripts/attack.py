"""Kill a comparison with SIGKILL at random moments, start it again each time, and see what is lost or stands twice.

    python scripts/attack.py --kills 100

A tiny study on the digits is widened by five seeds whenever it is finished, until it has been killed often enough. What
it then holds must equal, bit for bit, what a comparison gives that nobody disturbed; but for times. Status 1 if not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a process with threads cannot be forked safely

import torch

from spikefa.comparison import compare, grid, load
from spikefa.representations import FOLDER
from spikefa.runs import FILE, VARYING, Run, read

STUDY = {"network": "mlp:depth=1,width=8", "steps": 2, "epochs": 3, "batch_size": 30}
STUDY |= {"dataset": "digits:train=120,validation=60,test=60", "rule": ["bp", "fbp:period=3"]}
RULES, SEEDS = 2, 5


def warm() -> None:
    """Have here what each start would import anew; but no backward pass, after which torch does not let us fork."""
    load(str(STUDY["dataset"]))
    first = grid(STUDY)[0]
    first.updates(torch.nn.Linear(1, 1))
    first.scores(first.build(load(first.dataset)), torch.zeros(1, 1, 8, 8), torch.Generator())


def start(seeds: int, folder: Path) -> int:
    """A comparison in a process of its own; its number."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        for _ in compare(grid(STUDY | {"seed": [*range(seeds)]}), folder):
            pass
        status = 0
    finally:
        os._exit(status)


def ended(process: int) -> None:
    """Wait for a comparison that nobody disturbs.

    Raises:
        RuntimeError: it did not end well.
    """
    if status := os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
        raise RuntimeError(f"a comparison ended with status {status}")


def killed(process: int, after: float) -> bool:
    """Kill a process after so many seconds; whether it was there still."""
    time.sleep(after)
    if os.waitpid(process, os.WNOHANG)[0]:
        return False
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return True


def left(file: Path) -> str:
    """What a kill left, in words."""
    data = file.read_bytes() if file.exists() else b""
    if not data.endswith(b"\n"):
        return "in a line" if data else "before the first line"
    kind = json.loads(data[data[:-1].rfind(b"\n") + 1 :])["kind"]
    return "in a run" if kind in ("start", "epoch") else "between two runs"


def attack(folder: Path, kills: int, seed: int) -> tuple[int, Counter[str]]:
    """Kill and start again; the number of seeds in the end, and what the kills left."""
    warm()
    chance, moments, seeds = random.Random(seed), Counter[str](), SEEDS
    began = time.perf_counter()
    ended(start(1, folder / "timed"))
    pace = (time.perf_counter() - began) * 1.5
    while moments.total() < kills:
        if killed(start(seeds, folder), chance.uniform(0, pace)):
            moments[left(folder / FILE)] += 1
        else:
            seeds += SEEDS
    ended(start(seeds, folder))
    return seeds, moments


def numbers(run: Run, folder: Path) -> list[Any]:
    """All that a run gave, but for times."""
    file = folder / FOLDER / f"{run.key}.safetensors"
    epochs = [{name: value for name, value in e.items() if name not in VARYING} for e in run.epochs]
    return [run.state, epochs, file.read_bytes()]


def verdict(attacked: Path, undisturbed: Path, wanted: int) -> tuple[int, int, int]:
    """Runs that are lost, that stand twice, and that have other numbers."""
    found, true = ({run.key: run for run in read(folder)} for folder in (attacked, undisturbed))
    lines = map(json.loads, (attacked / FILE).read_text(encoding="utf-8").splitlines())
    ends = Counter(line["key"] for line in lines if line["kind"] == "done")
    lost = max(wanted, len(true)) - sum(key in found and found[key].state == "done" for key in true)
    twice = sum(count > 1 for count in ends.values())
    other = sum(numbers(found[key], attacked) != numbers(true[key], undisturbed) for key in true if key in found)
    return lost, twice, other


def main() -> int:
    """Attack and judge; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        attacked, undisturbed = Path(place) / "attacked", Path(place) / "undisturbed"
        seeds, moments = attack(attacked, options.kills, options.seed)
        ended(start(seeds, undisturbed))
        lost, twice, other = verdict(attacked, undisturbed, RULES * seeds)
        print(", ".join(f"{count} {moment}" for moment, count in moments.most_common()))
    print(f"{moments.total()} kills, {RULES * seeds} runs, {lost} lost, {twice} twice, {other} with other numbers")
    return 1 if lost or twice or other else 0


if __name__ == "__main__":
    sys.exit(main())
