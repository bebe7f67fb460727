"""One sitting of ``spikefa validate`` at the terminal: the cases one by one, and the tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table

from spikefa.experiment import Experiment
from spikefa.validation import VALIDATIONS, Agreement, Consistency, Exact, Statistical, cases
from spikefa.validation.network import predictions, trained
from spikefa.validation.target import target

console = Console(highlight=False)


def sit(names: Sequence[str], code: str, figures: Path | None = None) -> int:
    """Validate rules and print the tables; draw a figure of each case that is compared number by number.

    Args:
        names: of :data:`~spikefa.validation.VALIDATIONS`, or ``package.module:function``; all if there is none.
        code: a name of :data:`~spikefa.validation.target.TARGETS`.
        figures: a folder for the figures; none if absent.

    Returns:
        The exit status: 0, or 1 if a case does not agree.

    Raises:
        ValueError: no such rule or target.
        TypeError: what is named has no cases.
        OSError: no figure can be written.
        ImportError: there is no Brian2.
    """
    _prepare(figures)
    planned = [case for name in names or VALIDATIONS for case in cases(name)]
    found = [_simulated(case, code, figures) for case in planned]
    console.print(tables(found))
    return 0 if all(result.agrees for result in found) else 1


def check(
    checkpoint: Path, experiment: Experiment, images: int, data: Path | None, code: str, figures: Path | None = None
) -> int:
    """Run a trained network in both simulators on test images; print how far they agree and what they predict.

    Args:
        checkpoint, experiment, images, data: as :func:`~spikefa.validation.network.trained` takes them.
        code, figures: as :func:`sit` takes them.

    Returns:
        The exit status: 0, or 1 if spikes, membranes or predictions differ.
    """
    _prepare(figures)
    case, labels = trained(checkpoint, experiment, images, data)
    result = _simulated(case, code, figures)
    console.print(tables([result]))
    theirs, ours = (predictions(trace, experiment) for trace in result.traces)
    right = int((ours == labels.numpy()).sum())
    same = int((theirs == ours).sum())
    console.print(f"predictions: {same} of {labels.numel()} are the same; {right} are right")
    return 0 if result.agrees and same == labels.numel() else 1


def _prepare(figures: Path | None) -> None:
    """Find out that no figure can be written before anything is simulated."""
    if figures is None:
        return
    figures.mkdir(parents=True, exist_ok=True)
    if not os.access(figures, os.W_OK):
        raise PermissionError(f"no figure can be written to {figures}: name another folder")


def _simulated(case: Exact | Statistical, code: str, figures: Path | None) -> Any:
    with console.status(f"{case.name}: {case.compared}"):
        result = case.run(partial(target, code))
    console.print(line(result), markup=False, soft_wrap=True)
    if figures is not None and isinstance(result, Agreement):
        from spikefa.validation.figure import draw

        console.print(f"  figure: {draw(result, figures)}", markup=False, soft_wrap=True)
    return result


def line(result: Agreement | Consistency) -> str:
    """What one case came to, in a line."""
    verdict = "agrees" if result.agrees else "DIFFERS"
    took = "Brian2 {:.1f} s, torch {:.1f} s".format(*result.seconds)
    told = f"{result.case}: {verdict} ({result.compared}; {took})"
    if isinstance(result, Agreement) and result.parted is not None:
        return f"{told}\n  first: {result.parted}"
    return told


def tables(found: Sequence[Agreement | Consistency]) -> Group:
    """The tables: one of all cases that share their random numbers, and one for each case that does not."""
    agreements = [result for result in found if isinstance(result, Agreement)]
    shown = [_table("Same random numbers on both sides", EXACT, map(_exact, agreements))] if agreements else []
    for result in found:
        if isinstance(result, Consistency):
            title = f"{result.case}: random numbers of their own, {result.seeds} seeds. The mistake: {result.wrong}"
            shown.append(_table(title, STATISTICAL, _statistical(result)))
    return Group(*shown)


EXACT = ("case", "spikes", "mis-\nmatched", "states\noff by", "weights\noff by", "tol-\nerance", "verdict")
STATISTICAL = ("statistic", "Brian2", "torch", "difference,\n99 % for all", "power to see\nthe mistake", "verdict")


def _exact(result: Agreement) -> tuple[str, ...]:
    off = ("–" if value is None else f"{value:.1e}" for value in (result.states, result.weights))
    verdict = "agrees" if result.agrees else "differs"
    return (result.case, f"{result.spikes:,}", str(result.mismatched), *off, f"{result.tolerance:.0e}", verdict)


def _statistical(result: Consistency) -> Iterator[tuple[str, ...]]:
    for name, found in result.twin.items():
        yield (
            name,
            f"{found.reference:.4g}",
            f"{found.twin:.4g}",
            f"[{found.low:+.2g}, {found.high:+.2g}]",
            f"{result.mistaken[name].power:.3f}",
            "differs" if found.differs else "agrees",
        )


def _table(title: str, headers: Sequence[str], rows: Iterator[tuple[str, ...]] | map[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, collapse_padding=True)
    for number, header in enumerate(headers):
        table.add_column(header, justify="left" if number == 0 else "right", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table
