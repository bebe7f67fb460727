"""One sitting of ``spikefa validate`` at the terminal: the cases one by one, and the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table

from spikefa.validation import VALIDATIONS, Agreement, Consistency, cases
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
        ImportError: there is no Brian2.
    """
    planned = [case for name in names or VALIDATIONS for case in cases(name)]
    found = []
    for case in planned:
        with target(code), console.status(f"{case.name}: {case.compared}"):
            result = case.run()
        found.append(result)
        console.print(line(result), markup=False, soft_wrap=True)
        if figures is not None and isinstance(result, Agreement):
            from spikefa.validation.figure import draw

            console.print(f"  figure: {draw(result, figures)}", markup=False, soft_wrap=True)
    console.print(tables(found))
    return 0 if all(result.agrees for result in found) else 1


def line(result: Agreement | Consistency) -> str:
    """What one case came to, in a line."""
    verdict = "agrees" if result.agrees else "DIFFERS"
    took = "Brian2 {:.1f} s, torch {:.1f} s".format(*result.seconds)
    told = f"{result.case}: {verdict} ({result.compared}; {took})"
    if isinstance(result, Agreement) and result.parted is not None:
        return f"{told}\n  first: {result.parted}"
    return told


def tables(found: Sequence[Agreement | Consistency]) -> Group:
    """The tables: cases that share their random numbers, and cases that do not."""
    agreements = [result for result in found if isinstance(result, Agreement)]
    consistencies = [result for result in found if isinstance(result, Consistency)]
    shown = [
        _table("Same random numbers", EXACT, map(_exact, agreements)) if agreements else "",
        _table("Random numbers of their own", STATISTICAL, _statistical(consistencies)) if consistencies else "",
    ]
    return Group(*(part for part in shown if part))


EXACT = ("case", "spikes", "mismatched", "states off by", "weights off by", "tolerance", "verdict")
STATISTICAL = ("case", "statistic", "Brian2", "torch", "difference", "noticed with power", "verdict")


def _exact(result: Agreement) -> tuple[str, ...]:
    off = ("–" if value is None else f"{value:.1e}" for value in (result.states, result.weights))
    verdict = "agrees" if result.agrees else "differs"
    return (result.case, f"{result.spikes:,}", str(result.mismatched), *off, f"{result.tolerance:.0e}", verdict)


def _statistical(results: Sequence[Consistency]) -> Iterator[tuple[str, ...]]:
    for result in results:
        for name, found in result.twin.items():
            wrong = result.mistaken[name]
            yield (
                f"{result.case} ({result.seeds} seeds)",
                name,
                f"{found.reference:.4g}",
                f"{found.twin:.4g}",
                f"[{found.low:+.2g}, {found.high:+.2g}]",
                f"{wrong.power:.3f}: {result.wrong}",
                "differs" if found.differs else "agrees",
            )


def _table(title: str, headers: Sequence[str], rows: Iterator[tuple[str, ...]] | map[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False)
    for number, header in enumerate(headers):
        table.add_column(header, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table
