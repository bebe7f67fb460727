"""The summary as a table to read: in the terminal, in Markdown, in HTML."""

import math
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from spikefa.palette import Stroke
from spikefa.summary import REFERENCE

if TYPE_CHECKING:
    from pandas import DataFrame

HEADERS = (
    "rule",
    "seeds",
    "test accuracy %",
    "minus bp, points",
    "cos(W,\N{NO-BREAK SPACE}B)",
    "angle\N{NO-BREAK SPACE}°",
    "bits moved, ×\N{NO-BREAK SPACE}bp",
    "synaptic operations",
    "time, ×\N{NO-BREAK SPACE}bp",
)
NARROW = (
    "rule",
    "seeds",
    "test\naccuracy %",
    "minus bp,\npoints",
    "cos\n(W, B)",
    "angle\n°",
    "bits\n× bp",
    "syn.\nops",
    "time\n× bp",
)
NOTE = (
    "Mean [95 % bootstrap interval over the seeds]; test accuracy at the epoch of the best validation accuracy, minus "
    "bp of the same seed; bits of weights moved relative to bp; synaptic operations of spikes per image; time per "
    "update relative to bp."
)


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of `summarise` in words, a text for each of `HEADERS`.

    Args:
        row: with the columns of `summarise`.

    Example:
        >>> nan = float("nan")
        >>> row = dict(rule="fa", seeds=3, failed=1, incomplete=0, alignment=0.25, angle=60.0, moved=0.0)
        >>> row |= dict(accuracy=0.9, accuracy_low=0.88, accuracy_high=0.91, accumulates=51234.5, cost=1.25)
        >>> row |= dict(points=-5.0, points_low=nan, points_high=nan)
        >>> cells(row)
        ('fa', '3 (1 failed)', '90.0 [88.0, 91.0]', '−5.0', '0.25', '60.0', '0', '51.2k', '1.2')
    """
    accuracy = [100 * row[name] for name in ("accuracy", "accuracy_low", "accuracy_high")]
    points = [row[name] for name in ("points", "points_low", "points_high")]
    is_reference = row["rule"] == REFERENCE and row["seeds"] > 0
    return (
        str(row["rule"]),
        _seeds(row),
        _interval(accuracy, ".1f"),
        "reference" if is_reference else _interval(points, "+z.1f"),
        _number(row["alignment"], "z.2f"),
        _number(row["angle"], ".1f"),
        _number(row["moved"], ".3g"),
        count(row["accumulates"]),
        "1" if is_reference else _number(row["cost"], ".1f" if row["cost"] < 10 else ".0f"),
    )


def table(frame: "DataFrame") -> Table:
    """The summary for the terminal, one table below the other where there are several settings.

    Args:
        frame: from `summarise`.

    Example:
        >>> from spikefa.summary import summarise
        >>> table(summarise([])).row_count
        1
    """
    grid = Table.grid()
    for label, rows in by_label(frame):
        grid.add_row(_terminal(label, rows))
        if note := tuning_note(rows):
            grid.add_row(Text(f"\n{note}", style="dim"))
    grid.add_row(Text(NOTE, style="dim"))
    return grid


def markdown(frame: "DataFrame") -> str:
    """The summary as Markdown, to paste into a README.

    Args:
        frame: from `summarise`.

    Example:
        >>> from spikefa.summary import summarise
        >>> markdown(summarise([])).startswith("Mean [95 %")
        True
    """
    parts = []
    for label, rows in by_label(frame):
        lines = [HEADERS, ("---", *["---:"] * (len(HEADERS) - 1)), *map(cells, rows)]
        parts += [
            f"**{label}**",
            "\n".join(f"| {' | '.join(_unpiped(line))} |" for line in lines),
            *filter(None, [tuning_note(rows)]),
        ]
    return "\n\n".join([*parts, NOTE]) + "\n"


def html(rows: list[dict[str, Any]], strokes: Mapping[str, Stroke], seeds: Mapping[str, str] | None = None) -> str:
    """The rows of one setting as an HTML table, every rule with its line as the figures draw it.

    Args:
        rows: of one setting, as `by_label` gives them.
        strokes: from `palette.strokes`.
        seeds: for each rule, HTML to stand below the number of its seeds.

    Example:
        >>> html([], {}).startswith("<table><thead><tr><th>rule</th>")
        True
    """
    head = "".join(f"<th>{escape(header)}</th>" for header in HEADERS)
    body = ""
    for row in rows:
        rule, *numbers = map(escape, cells(row))
        numbers[0] += (seeds or {}).get(row["rule"], "")
        rule = re.sub("([:,])", r"\1<wbr>", rule)
        named = f'<span class="rule">{_line(strokes[row["rule"]])}<span>{rule}</span></span>'
        body += f"<tr><th>{named}</th>{''.join(f'<td>{n}</td>' for n in numbers)}</tr>\n"
    note = f"<p>{escape(tuning_note(rows))}</p>" if tuning_note(rows) else ""
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>{note}"


def tuning_note(rows: list[dict[str, Any]]) -> str:
    """What each rule chose for itself, in a sentence; empty if nothing was tuned.

    Example:
        >>> tuning_note([{"rule": "fa", "tuned": "lr=0.1", "tuning": "lr by validation accuracy"}])
        'Chosen for each rule, lr by validation accuracy: fa lr=0.1.'
    """
    chosen = [f"{row['rule']} {row['tuned']}" for row in rows if row["tuned"]]
    how = next((row["tuning"] for row in rows if row["tuned"]), "")
    return f"Chosen for each rule, {how}: {'; '.join(chosen)}." if chosen else ""


def by_label(frame: "DataFrame") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of every setting.

    Example:
        >>> from spikefa.summary import summarise
        >>> list(by_label(summarise([])))
        []
    """
    for label, rows in frame.groupby("setting", sort=False):
        yield str(label), [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _terminal(label: str, rows: list[dict[str, Any]]) -> Table:
    """Narrow enough for 80 columns: headers and intervals in two lines; only a long rule name folds."""
    title = Text(f"\n{label}")
    terminal = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 1, 0, 0))
    terminal.title_style = "bold"
    for at, header in enumerate(NARROW):
        terminal.add_column(header, justify="right" if at else "left", overflow="fold", no_wrap=at > 0)
    for row in rows:
        terminal.add_row(*(Text(re.sub(r" (?=[\[(])", "\n", cell)) for cell in cells(row)))
    return terminal


def _line(stroke: Stroke) -> str:
    dash = " ".join(f"{2 * length:g}" for length in stroke.dash)
    line = f'<line x1="3" y1="7" x2="31" y2="7" stroke="{stroke.color}" stroke-width="2.4" stroke-dasharray="{dash}"/>'
    return f'<svg class="stroke" width="34" height="14" aria-hidden="true">{line}</svg>'


def _seeds(row: Mapping[str, Any]) -> str:
    lost = ", ".join(f"{row[state]} {state}" for state in ("failed", "incomplete") if row[state])
    return f"{row['seeds']} ({lost})" if lost else str(row["seeds"])


def _interval(values: list[float], form: str) -> str:
    mean, low, high = (_number(value, form) for value in values)
    return mean if math.isnan(values[1]) else f"{mean} [{low}, {high}]"


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form).replace("-", "−")


def count(value: float) -> str:
    """Three digits, in thousands, millions or billions where there are more.

    Example:
        >>> count(310_400), count(0.0015)
        ('310k', '0.0015')
    """
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * unit:
            return f"{float(f'{value / unit:.3g}'):g}{letter}"
    return _number(value, ".3g")


def _unpiped(line: tuple[str, ...]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in line]
