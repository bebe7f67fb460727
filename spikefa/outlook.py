"""One sitting of ``spikefa plan`` at the terminal: a study's cost by rule, and how long so many jobs take for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from spikefa.asked import Asked, asked, path_of
from spikefa.comparison import grid, load
from spikefa.experiment import Experiment
from spikefa.machine import count, usable, use_threads
from spikefa.plan import Cost, costs, makespan, memory

console = Console(highlight=False)


def sit(study: Path, jobs: Sequence[str], given: Mapping[str, Any]) -> int:
    """Time a few updates of each of a study's experiments and print what all of them will take.

    Args:
        study: the file that ``spikefa compare`` would be given.
        jobs: numbers of runs side by side, as they were typed.
        given: ``data``, ``device`` and ``threads`` that were typed; the study's count else.

    Raises:
        ValueError: an option of the study, or a number of jobs, that cannot be.
    """
    numbers = [count("jobs", number) for number in jobs]
    wanted = asked(study, given)
    place, experiments = wanted.place, planned(wanted)
    use_threads(place["threads"])
    data = None if place["data"] is None else path_of("data", place["data"])
    loaded = {name: load(name, data) for name in dict.fromkeys(e.dataset for e in experiments)}
    with console.status(f"timing {len(experiments)} runs"):
        found = costs(experiments, loaded, usable(place["device"]))
    console.print(_by_rule(found))
    console.print(_by_jobs([one.seconds for one in found.values()], numbers))
    console.print(
        f"Times are of this machine now, {torch.get_num_threads()} threads a run; each job holds up to "
        f"{memory():,.0f} MB, its data included.",
        soft_wrap=True,
    )
    return 0


def planned(wanted: Asked) -> tuple[Experiment, ...]:
    """The experiments that are asked for; with ``tune`` its trials, and the runs with the first value of each field.

    Example:
        >>> len(planned(asked(None, {"rule": ["bp", "fa"], "seed": [0, 1], "lr": [0.1, 0.2], "tune": "lr"})))
        8
    """
    if wanted.tuning is None:
        return wanted.own.experiments
    several = {name: wanted.options.get(name) for name in wanted.tuning.fields}
    chosen = {name: value[0] for name, value in several.items() if isinstance(value, list)}
    return (*wanted.tuning.trials(wanted.options), *grid(wanted.options | chosen))


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _by_rule(found: Mapping[Experiment, Cost]) -> Table:
    table = _table("rule", "runs", "update, ms", "updates", "an epoch's rest, s", "a run", "all runs")
    for rule in dict.fromkeys(experiment.rule for experiment in found):
        own = [one for experiment, one in found.items() if experiment.rule == rule]
        total = sum(one.seconds for one in own)
        update, epoch = (sum(getattr(one, part) for one in own) / len(own) for part in ("update", "epoch"))
        updates = sum(one.updates * one.epochs for one in own)
        cells = (f"{1e3 * update:.1f}", f"{updates:,}", f"{epoch:.2f}", span(total / len(own)), span(total))
        table.add_row(rule, str(len(own)), *cells)
    return table


def _by_jobs(seconds: Sequence[float], jobs: Sequence[int]) -> Table:
    table = _table("jobs", "time", "busy", "limited by")
    for number in jobs:
        wall = makespan(seconds, number)
        busy = sum(seconds) / (number * wall)
        longest = wall < 1.1 * max(seconds)
        table.add_row(
            str(number), span(wall), f"{100 * busy:.0f} %", "the longest run" if longest else "the number of jobs"
        )
    return table


def span(seconds: float) -> str:
    """A time in the unit that suits it.

    Example:
        >>> span(7.25), span(150), span(9000)
        ('7.2 s', '2.5 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:,.1f} h"
