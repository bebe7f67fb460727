"""Peak memory of a training step: of every contender, and against T."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .contenders import CONTENDERS
from .footprint import footprints
from .table import Table
from .timing import Setting, exponent, number
from .workloads import CASES, TINY, Case

COMPARED = ("limit", "spikefa, bp", "snnTorch")
NOTE = (
    "MiB at the peak of a step, on top of what the process held after two small steps: libraries and input. "
    "Weights' gradients and the optimiser's state of the measured network are in it. The C library gives blocks of "
    "8 KiB and more back at once, so that what counts is what is alive"
)


def tables(setting: Setting) -> Iterator[Table]:
    """Every case under every contender; mid with T doubled three times."""
    cases = [case for case in (TINY if setting.tiny else CASES) if setting.wants(case.name)]
    names = list(COMPARED) if setting.tiny else [name for name, one in CONTENDERS.items() if one.installed]
    if cases:
        yield contenders(cases, names, setting)
    if setting.wants("T"):
        yield steps(replace(next(iter(TINY if setting.tiny else CASES[1:])), name="mid"), setting)


def contenders(cases: list[Case], names: list[str], setting: Setting) -> Table:
    """A row for each case."""
    made = Table("memory of a step, MiB", ("case", *names, "spikefa / snnTorch"), notes=[NOTE])
    found = iter(footprints([(case, name) for case in cases for name in names], setting.device))
    for case in cases:
        mebibytes = {name: next(found) for name in names}
        share = mebibytes["spikefa, bp"] / mebibytes["snnTorch"] if mebibytes["snnTorch"] else float("nan")
        made.rows.append((case.title, *map(number, mebibytes.values()), number(share)))
    return made


def steps(case: Case, setting: Setting) -> Table:
    """Memory against T."""
    lengths = [2, 4] if setting.tiny else [25, 50, 100, 200]
    made = Table(f"memory against T, {case.title}, MiB", ("contender", *(f"T {T}" for T in lengths), "exponent"))
    found = iter(footprints([(replace(case, steps=T), name) for name in COMPARED for T in lengths], setting.device))
    for name in COMPARED:
        mebibytes = [next(found) for _ in lengths]
        power = number(exponent(lengths, mebibytes)) if min(mebibytes) > 0 else "–"
        made.rows.append((name, *map(number, mebibytes), power))
    return made
