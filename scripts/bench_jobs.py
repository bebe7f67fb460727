"""How long N jobs on N cores take, in units of one: whether experiments side by side fight over cores.

    python scripts/bench_jobs.py [jobs] [rounds]

The same experiment, with another seed for each job; processes are started, and have trained once, before the clock
runs. Interleaved, medians over the rounds: one job alone on its share of the threads; N jobs, each on its share, as
`--jobs N` has it; N jobs, each with as many threads as one job would take for itself; and N experiments one after
another with all threads. "work" is the processors' time of a job's updates, which other programs disturb less.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from statistics import median

import torch

from spikefa.attempt import Failed, Job
from spikefa.engines import Engine, Processes
from spikefa.experiment import Experiment
from spikefa.measurement import Epoch

FIELDS = {"rule": "fbp:period=20", "network": "mlp:depth=3,width=200", "epochs": 2, "steps": 10}


def timed(engine: Engine, *turns: Sequence[Job]) -> tuple[float, float]:
    """From handing over the first jobs to the end of the last, and the processors' time for a job's updates."""
    start, work = time.perf_counter(), []
    for jobs in turns:
        for _, events in engine.run(jobs):
            if failed := [event for event in events if isinstance(event, Failed)]:
                raise RuntimeError(failed[0].error)
            work += [event.work for event in events if isinstance(event, Epoch)]
    return time.perf_counter() - start, sum(work) / sum(map(len, turns))


def main(jobs: int = 2, rounds: int = 5) -> None:
    """Print a line for each way."""
    cores = torch.get_num_threads()
    share = max(1, cores // jobs)
    work = [Job(Experiment(seed=seed, **FIELDS)) for seed in range(jobs)]
    with Processes(jobs) as shared, Processes(jobs, threads=cores) as greedy:
        ways = {
            f"1 job of {share} threads": (shared, work[:1]),
            f"{jobs} jobs of {share} threads, --jobs {jobs}": (shared, work),
            f"{jobs} jobs of {cores} threads": (greedy, work),
            f"{jobs} jobs in turn, {cores} threads": (greedy, *([job] for job in work)),
        }
        for engine in (shared, greedy):
            timed(engine, work)
        taken = [[timed(*case) for case in ways.values()] for _ in range(rounds)]
    print(f"torch {torch.__version__}, {cores} threads, {rounds} rounds")
    alone = None
    for number, way in enumerate(ways):
        found = [median(values) for values in zip(*(measured[number] for measured in taken), strict=True)]
        alone = alone or found
        ratios = [one / of_one for one, of_one in zip(found, alone, strict=True)]
        print(f"{way:32} {found[0]:7.2f} s {ratios[0]:6.2f}     work {found[1]:7.2f} s {ratios[1]:6.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
