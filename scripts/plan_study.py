"""What studies cost, by rule, network, images and machines: the figure and the table of docs/plan.md.

    SPIKEFA_DATA=path/to/data python scripts/plan_study.py docs/plan

Timings are kept in FOLDER/costs.json; delete it to measure again.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from matplotlib.figure import Figure

from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.outlook import span
from spikefa.palette import strokes
from spikefa.plan import Cost, costs, makespan

RULES = ("bp", "fa", "fbp:period=100", "kp", "sal:every=40", "stdwi:every=40", "rdd:per=epoch")
WIDTHS = (50, 100, 200, 400)
IMAGES = (1_000, 5_000, 20_000, 50_000)
EPOCHS, SEEDS = 10, 36
COMMON = {"dataset": "fashion_mnist", "steps": 6, "batch_size": 128, "epochs": EPOCHS}
MACHINES = {"one core": 1, "one node of 16 cores": 16, "ten nodes": 160, "a hundred nodes": 1600}


def measured() -> dict[tuple[str, int], Cost]:
    """The cost of a run of each rule and width, on one thread."""
    torch.set_num_threads(1)
    wanted = {
        (rule, width): Experiment(rule=rule, network=f"mlp:depth=6,width={width}", **COMMON)
        for rule in RULES
        for width in WIDTHS
    }
    found = costs(wanted.values(), {"fashion_mnist": load("fashion_mnist")})
    return {key: found[experiment] for key, experiment in wanted.items()}


def kept(folder: Path) -> dict[tuple[str, int], Cost]:
    """The same, from the file if it is there."""
    path = folder / "costs.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([[*key, asdict(cost)] for key, cost in measured().items()], indent=1) + "\n")
    return {(rule, width): Cost(**cost) for rule, width, cost in json.loads(path.read_text())}


def drawn(found: dict[tuple[str, int], Cost], runs: list[float]) -> Figure:
    """Three panels: a run by width and by images, the whole study by jobs."""
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    by_width, by_images, by_jobs = figure.subplots(1, 3)
    for rule, stroke in strokes(RULES).items():
        line = {"color": stroke.color, "dashes": stroke.dash or (1, 0), "marker": stroke.marker, "markersize": 3}
        by_width.plot(WIDTHS, [found[rule, width].seconds for width in WIDTHS], **line, label=rule)
        one = found[rule, 200]
        runs_of = [one.start + EPOCHS * (math.ceil(n / 128) * one.update + one.epoch) for n in IMAGES]
        by_images.plot(IMAGES, runs_of, **line)
    jobs = [2**power for power in range(12)]
    by_jobs.plot(jobs, [makespan(runs, number) / 3600 for number in jobs], color="#222222")
    by_jobs.plot(jobs, [sum(runs) / number / 3600 for number in jobs], ":", color="#999999", label="total / jobs")
    for axes, label in ((by_width, "width of six layers"), (by_images, "training images")):
        axes.set(xlabel=label, ylabel="one run of 10 epochs, s", xscale="log", yscale="log")
    by_jobs.set(xlabel="jobs side by side", ylabel=f"{len(runs):,} runs", xscale="log", yscale="log")
    by_width.set_xticks(WIDTHS, [str(width) for width in WIDTHS])
    by_width.set_yticks((50, 100, 200, 400), ("50", "100", "200", "400"))
    by_images.set_xticks(IMAGES, [f"{images:,}" for images in IMAGES])
    by_images.set_yticks((20, 50, 100, 150), ("20", "50", "100", "150"))
    by_jobs.set_xticks(list(MACHINES.values()), list(MACHINES), rotation=20, ha="right", fontsize=7)
    by_jobs.set_yticks((24, 6, 1, 0.25, 1 / 60), ("a day", "6 h", "1 h", "15 min", "1 min"))
    for axes in (by_width, by_images, by_jobs):
        axes.minorticks_off()
    by_width.legend(fontsize=7)
    by_jobs.legend(fontsize=7)
    return figure


def main() -> None:
    """Measure what is missing, draw, print the tables."""
    folder = Path(sys.argv[1])
    found = kept(folder)
    runs = [cost.seconds for cost in found.values() for _ in range(SEEDS)]
    drawn(found, runs).savefig(folder / "plan.png", dpi=100, metadata={"Software": None})
    print("| rule | update, ms | an epoch's rest, s | a run of 10 epochs | of this, measuring and starting |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for rule in RULES:
        one = found[rule, 200]
        rest = (one.start + EPOCHS * one.epoch) / one.seconds
        print(f"| `{rule}` | {1e3 * one.update:.1f} | {one.epoch:.1f} | {span(one.seconds)} | {100 * rest:.0f} % |")
    print(f"\n{len(runs):,} runs, {span(sum(runs))} of one core\n\n| | jobs | time | busy | limited by |")
    print("| --- | ---: | ---: | ---: | --- |")
    for name, number in MACHINES.items():
        wall = makespan(runs, number)
        limit = "the longest run" if wall < 1.1 * max(runs) else "cores"
        print(f"| {name} | {number:,} | {span(wall)} | {100 * sum(runs) / number / wall:.0f} % | {limit} |")


if __name__ == "__main__":
    main()
