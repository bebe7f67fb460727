"""What spikefa costs, measured: prints Markdown tables of the named kinds, or of all.

    python scripts/bench.py [TABLE ...] [--only PART ...] [--rounds N] [--threads N] [--device NAME]
        [--processor] [--tiny]

Everything that is compared is timed in turn in one run. Data sets are looked for as spikefa does, in SPIKEFA_DATA.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import torch
from benchmarks import growth, loading, memory, precision, reference, rules, sparsity, start, step
from benchmarks.table import Table, header
from benchmarks.timing import Setting

TABLES: dict[str, Callable[[Setting], Iterator[Table]]] = {
    "step": step.tables,
    "rules": rules.tables,
    "precision": precision.tables,
    "memory": memory.tables,
    "growth": growth.tables,
    "start": start.tables,
    "loading": loading.tables,
    "brian2": reference.tables,
    "sparsity": sparsity.tables,
}


def main(words: Sequence[str]) -> None:
    """Measure and print what the words of the command line ask for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}; all by default")
    parser.add_argument("--only", nargs="+", default=(), metavar="PART", help="cases whose name has such a part")
    parser.add_argument("--rounds", type=int, default=11, help="how often each job is timed")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="sizes that test the script, not the machine")
    parser.add_argument("--processor", action="store_true", help="count the processor's time; use it with one thread")
    given = parser.parse_args(words)
    if unknown := set(given.tables) - set(TABLES):
        parser.error(f"no table is called {', '.join(sorted(unknown))}: there are {', '.join(TABLES)}")
    if given.rounds < 1 or (given.threads is not None and given.threads < 1):
        parser.error(f"rounds and threads are at least 1, not {given.rounds} and {given.threads}")
    if given.threads:
        torch.set_num_threads(given.threads)
        os.environ["OMP_NUM_THREADS"] = str(given.threads)  # of the processes that are started from here
    setting = Setting(given.rounds, given.device, given.tiny, tuple(given.only), given.processor)
    print(header(["python", "scripts/bench.py", *words], setting), flush=True)
    for name in given.tables or TABLES:
        for table in TABLES[name](setting):
            print("", table.markdown(), sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
