"""Change valid files at random and read them: every one must be read as what it was, or be refused in one sentence.

    python scripts/fuzz.py --inputs 10000 [reader ...]

A table with a line for each reader: inputs tried; accepted, and then they obeyed the reader's law; refused by a
ValueError or OSError that names the file; anything else. Status 1 if there was anything else. Each reader has 1 GiB of
memory beyond what it starts with; on Linux a header that asks for more is "anything else" too.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzzing.mutation import drawn, mutated
from fuzzing.readers import READERS
from fuzzing.trial import Reader, outcome

MEMORY = 1 << 30


def fuzz(reader: Reader, inputs: int, seed: int, folder: Path) -> Counter[str]:
    """Try so many inputs; how many came out how. What came out wrong is printed, and kept in the folder."""
    chance, counts = random.Random(seed), Counter[str]()
    for _ in range(inputs):
        edits = drawn(chance)
        data = mutated(chance.choice(reader.valid), edits)
        how, why = outcome(reader, data, folder)
        counts[how] += 1
        if how == "else" and counts[how] <= 5:
            print(f"  {reader.file}: {why} after {edits}", file=sys.stderr)
    return counts


def limit_memory() -> None:
    """Let an allocation fail that goes far beyond what this process has now."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))


def main() -> int:
    """Fuzz and print the table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("readers", nargs="*", help=f"some of {', '.join(READERS)} (default: all)")
    parser.add_argument("--inputs", type=int, default=1000, help="for each reader")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    wrong = 0
    print("| reader | inputs | accepted | refused | anything else |\n| --- | --- | --- | --- | --- |")
    with TemporaryDirectory() as folder:
        for name in options.readers or READERS:
            reader = READERS[name]()
            limit_memory()
            counts = fuzz(reader, options.inputs, options.seed, Path(folder))
            wrong += counts["else"]
            row = (name, counts.total(), counts["accepted"], counts["refused"], counts["else"])
            print("|", " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in row), "|", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
