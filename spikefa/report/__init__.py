"""A comparison's report: table, figures and one HTML page, from the runs alone. Nothing is trained here."""

import re
from collections.abc import Sequence
from pathlib import Path

from spikefa.figures import FIGURES, save
from spikefa.palette import Stroke, strokes
from spikefa.report.embedded import embedded
from spikefa.report.entries import entries
from spikefa.report.lists import seeds
from spikefa.report.page import page, section
from spikefa.runs import Run
from spikefa.settings import by_setting, finished
from spikefa.summary import summarise
from spikefa.tables import by_label, html, markdown, table

__all__ = ["markdown", "table", "write"]

INLINE = 4
"""Settings whose figures the page holds itself; those of further ones it links, so that it stays a few megabytes."""


def write(runs: Sequence[Run], folder: Path) -> Path:
    """Write `report.html`, `table.csv`, `table.md`, and every figure as SVG and PNG under `figures/`.

    The same runs give the same bytes. The figures of several settings get a folder each.

    Args:
        runs: from `runs.read`.
        folder: made if missing; files of an earlier report are overwritten.

    Returns:
        The path of `report.html`, which needs no other file.

    Raises:
        ValueError: there are no runs.

    Example:
        >>> import tempfile
        >>> run = Run("3f", {"rule": "fa", "seed": 0}, {}, state="failed", error="Diverged")
        >>> write([run], Path(tempfile.mkdtemp())).name
        'report.html'
    """
    if not runs:
        raise ValueError("there are no runs to report: train some with `spikefa compare`")
    folder.mkdir(parents=True, exist_ok=True)
    frame = summarise(runs)
    frame.to_csv(folder / "table.csv", index=False, lineterminator="\n")
    _text(folder / "table.md", markdown(frame))
    drawn_as = strokes(run.rule for run in runs)
    groups, rows = by_setting(runs), dict(by_label(frame))
    listed = entries(groups)
    sections = {}
    for number, (label, group) in enumerate(groups.items(), start=1):
        place = Path("figures", "" if len(groups) == 1 else _slug(f"{number} {label}"))
        figures = _figures(group, drawn_as, folder, place, inline=number <= INLINE)
        links = seeds(entry for entry in listed if entry.setting == label)
        sections[label] = section(html(rows[label], drawn_as, links), figures, number)
    return _text(folder / "report.html", page(listed, sections, embedded(listed, frame, drawn_as)))


def _figures(
    runs: Sequence[Run], drawn_as: dict[str, Stroke], folder: Path, place: Path, inline: bool
) -> dict[str, str]:
    """Save the figures that have something to show; their SVG, or its path from the folder, by name."""
    drawn = {name: draw(finished(runs), drawn_as) for name, draw in FIGURES.items()}
    saved = {name: save(figure, folder / place, name) for name, figure in drawn.items() if figure is not None}
    if not inline:
        return {name: path.relative_to(folder).as_posix() for name, path in saved.items()}
    return {name: path.read_text(encoding="utf-8") for name, path in saved.items()}


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:60]


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
