"""Time and memory of growing work: width, depth, T and batch, each doubled four times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .contenders import CONTENDERS, step
from .footprint import footprints
from .table import Table
from .timing import Setting, Spread, exponent, interleaved, number, ratio
from .workloads import Case

BASE = Case("base", (784, 200, 200, 10), 10, 64)
TINY = Case("base", (6, 4, 4, 3), 2, 2)


def tables(setting: Setting) -> Iterator[Table]:
    """A table for each of the four."""
    for what in ("width", "depth", "T", "batch"):
        if setting.wants(what):
            yield table(what, setting)


def table(what: str, setting: Setting) -> Table:
    """A row for each size, and the exponents of all and of the last doubling."""
    sizes, cases = series(what, setting.tiny)
    names = ("spikefa, bp", "limit")
    jobs = {
        f"{name} {size}": (case, CONTENDERS[name].build)
        for name in names
        for size, case in zip(sizes, cases, strict=True)
    }
    seconds = interleaved({key: step(*of, setting.device) for key, of in jobs.items()}, setting)
    memory = footprints([(case, names[0]) for case in cases], setting.device)
    made = Table(f"growth with {what}", (what, "ms", "× limit", "MiB"))
    for size, mebibytes in zip(sizes, memory, strict=True):
        own, limit = (seconds[f"{name} {size}"] for name in names)
        made.rows.append((size, Spread.of(own, 1000), ratio(own, limit), number(mebibytes)))
    times = [Spread.of(seconds[f"{names[0]} {size}"]).median for size in sizes]
    made.rows.append(("exponent", _exponents(sizes, times), "–", _exponents(sizes, memory)))
    made.notes.append(
        f"the network is {cases[0].title}; exponent: least squares over all sizes (over the last doubling)"
    )
    return made


def series(what: str, tiny: bool) -> tuple[list[int], list[Case]]:
    """The sizes and the cases."""
    base, doublings = (TINY, 2) if tiny else (BASE, 4)
    sizes = base.sizes
    first = {"width": sizes[1] // 2, "depth": 1, "T": base.steps // 2, "batch": base.batch // 4 or 1}[what]
    counts = [max(first, 1) * 2**k for k in range(doublings + 1)]
    make = {
        "width": lambda n: replace(base, sizes=(sizes[0], n, n, sizes[-1])),
        "depth": lambda n: replace(base, sizes=(sizes[0], *[sizes[1]] * n, sizes[-1])),
        "T": lambda n: replace(base, steps=n),
        "batch": lambda n: replace(base, batch=n),
    }[what]
    return counts, [make(n) for n in counts]


def _exponents(sizes: list[int], costs: list[float]) -> str:
    if min(costs) <= 0:
        return "–"
    return f"{number(exponent(sizes, costs))} ({number(exponent(sizes[-2:], costs[-2:]))})"
