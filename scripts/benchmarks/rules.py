"""The cost of each rule at its default cadence, relative to bp's of the same update."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from torch import nn

from spikefa import adapt
from spikefa.attachment import routed
from spikefa.feedback import Feedback
from spikefa.noise.phase import NoisePhase
from spikefa.rules import RULES, FrozenBackprop

from .contenders import Scores, products, sequence, step
from .table import Table
from .timing import Setting, Spread, interleaved, number, ratio, timed
from .workloads import CASES, TINY, Case

EPOCH = 391
"""Updates an epoch: 50,000 images of Fashion-MNIST in batches of 128."""


def tables(setting: Setting) -> Iterator[Table]:
    """A table for mid and for deep."""
    for case in TINY if setting.tiny else CASES:
        if case.name in ("mid", "deep") and setting.wants(case.name):
            yield table(case, setting)


def table(case: Case, setting: Setting) -> Table:
    """An update of each rule, what its phase costs, and both together, spread over the updates between two phases."""
    nets: dict[str, nn.Module] = {}
    jobs = {"limit": step(case, products, setting.device), "stock": step(case, sequence, setting.device)}
    jobs |= {name: plain_update(case, name, nets, setting.device) for name in RULES}
    seconds = interleaved(jobs, setting)
    columns = ("rule", "ms, phases left out", "× bp", "phase, ms", "updates from phase to phase", "× bp, phases in it")
    made = Table(f"rules, {case.title}", columns)
    for name in jobs:
        phase, every = phases(nets[name], setting) if name in nets else ([0.0], 0)
        whole = median(seconds[name]) + (median(phase) / every if every else 0)
        apart = (Spread.of(phase, 1000), every) if every else ("–", "–")
        row = (name, Spread.of(seconds[name], 1000), ratio(seconds[name], seconds["bp"]), *apart)
        made.rows.append((*row, number(whole / median(seconds["bp"]))))
    made.notes.append(f"an epoch, of which rdd holds one phase, is {EPOCH} updates")
    made.notes.append("limit: the matrix products alone; stock: spikefa's run with nothing attached")
    return made


def plain_update(case: Case, rule: str, nets: dict[str, nn.Module], device: str) -> Callable[[], float]:
    """An update in which no phase falls due; the network is left in ``nets``."""

    def build(net: nn.Sequential) -> tuple[nn.Module, Scores]:
        nets[rule], scores = sequence(net, rule)
        return net, scores

    once = step(case, build, device)

    def update() -> float:
        count(nets[rule], before=None)
        return once()

    return update


def phases(net: nn.Module, setting: Setting) -> tuple[list[float], int]:
    """Seconds of an ``adapt`` that is due in every layer, and the updates from one to the next; 0 if there is none."""
    pathway = next(iter(routed(net).values())).feedback
    period, whole_epoch = cadence(pathway)
    seconds = []
    for _ in range(1 + max(1, setting.rounds // 5) if period else 0):
        count(net, before=1)
        seconds.append(timed(partial(adapt, net, epoch=whole_epoch), setting))
    return seconds[1:] or [0.0], period * (EPOCH if whole_epoch else 1)


def cadence(pathway: Feedback) -> tuple[int, bool]:
    """Updates, or epochs, from one phase to the next, 0 without phases; and whether it counts epochs."""
    if isinstance(pathway, NoisePhase):
        return pathway.every, pathway.per == "epoch"
    return (pathway.period, False) if isinstance(pathway, FrozenBackprop) else (0, False)


def count(net: nn.Module, before: int | None) -> None:
    """Set the counters so many updates before the next phase; to 0, just after one, for None."""
    for layer in routed(net).values():
        pathway = layer.feedback
        counter = {NoisePhase: "count", FrozenBackprop: "updates"}
        for kind, name in counter.items():
            if isinstance(pathway, kind):
                getattr(pathway, name).fill_(0 if before is None else cadence(pathway)[0] - before)
