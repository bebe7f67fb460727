"""Training steps: spikefa against the matrix products alone, snnTorch's loop and its peers."""

from __future__ import annotations

from collections.abc import Iterator

from .contenders import CONTENDERS, step
from .table import Table
from .timing import Setting, Spread, interleaved, ratio
from .workloads import CASES, TINY, Case


def tables(setting: Setting) -> Iterator[Table]:
    """A table for each network."""
    for case in TINY if setting.tiny else CASES:
        if setting.wants(case.name):
            yield table(case, setting)


def table(case: Case, setting: Setting) -> Table:
    """Milliseconds of a step of each contender, as multiples of the products', and snnTorch's as multiples of it."""
    present = {name: contender for name, contender in CONTENDERS.items() if contender.installed}
    seconds = interleaved({name: step(case, one.build, setting.device) for name, one in present.items()}, setting)
    made = Table(f"step, {case.title}", ("contender", "ms", "× limit", "snnTorch is × slower"))
    for name in present:
        against = ratio(seconds[name], seconds["limit"]), ratio(seconds["snnTorch"], seconds[name])
        made.rows.append((name, Spread.of(seconds[name], 1000), *against))
    made.notes += [f"{name}: {one.neuron}" for name, one in CONTENDERS.items() if one.installed]
    made.notes += [f"{name} is left out: not installed" for name in CONTENDERS if name not in present]
    return made
