"""Peak memory of a training step: of every contender, and against T."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .contenders import CONTENDERS
from .footprint import footprint
from .table import Table
from .timing import Setting, exponent, number
from .workloads import CASES, TINY, Case

NOTE = (
    "MiB at the peak of a step, on top of what the process held after two small steps: libraries, input, and what the "
    "allocator keeps. Weights' gradients and the optimiser's state of the measured network are in it"
)


def tables(setting: Setting) -> Iterator[Table]:
    """Every case under every contender; mid with T doubled three times."""
    cases = [case for case in (TINY if setting.tiny else CASES) if setting.wants(case.name)]
    names = [name for name, contender in CONTENDERS.items() if contender.installed]
    if cases:
        yield contenders(cases, names, setting)
    if setting.wants("T"):
        yield steps(replace(next(iter(TINY if setting.tiny else CASES[1:])), name="mid"), setting)


def contenders(cases: list[Case], names: list[str], setting: Setting) -> Table:
    """A row for each case."""
    made = Table("memory of a step, MiB", ("case", *names, "spikefa / snnTorch"), notes=[NOTE])
    for case in cases:
        found = {name: footprint(case, name, setting.device) for name in names}
        share = found["spikefa, bp"] / found["snnTorch"] if found["snnTorch"] else float("nan")
        made.rows.append((case.title, *map(number, found.values()), number(share)))
    return made


def steps(case: Case, setting: Setting) -> Table:
    """Memory against T."""
    lengths = [2, 4] if setting.tiny else [25, 50, 100, 200]
    made = Table(f"memory against T, {case.title}, MiB", ("contender", *(f"T {T}" for T in lengths), "exponent"))
    for name in ("limit", "spikefa, bp", "snnTorch"):
        found = [footprint(replace(case, steps=T), name, setting.device) for T in lengths]
        power = number(exponent(lengths, found)) if min(found) > 0 else "–"
        made.rows.append((name, *map(number, found), power))
    return made
