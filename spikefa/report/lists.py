"""The runs of a report one by one: as links, as a table of all, and those that ended badly with their reasons."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from spikefa.report.entries import Entry
from spikefa.runs import Run
from spikefa.settings import varying
from spikefa.summary import best_epoch


def seeds(entries: Iterable[Entry]) -> dict[str, str]:
    """For each rule of one setting, links to its runs, named by their seeds.

    Example:
        >>> seeds([Entry("run-3f", "digits", Run("3f", {"rule": "fa", "seed": 7}, {}))])["fa"]
        '<span class="seeds"><a href="#run-3f" title="fa, seed 7">7</a></span>'
    """
    links: dict[str, list[str]] = {}
    for anchor, _, run in entries:
        title = escape(f"{run.rule}, seed {run.seed}")
        links.setdefault(run.rule, []).append(f'<a href="#{anchor}" title="{title}">{run.seed}</a>')
    return {rule: f'<span class="seeds">{" ".join(found)}</span>' for rule, found in links.items()}


def every(entries: Sequence[Entry]) -> str:
    """A table of all runs: what is particular to each, how it ended, and its accuracy at the selected epoch.

    Example:
        >>> "<td>fa</td>" in every([Entry("run-3f", "digits", Run("3f", {"rule": "fa", "seed": 7}, {}))])
        True
    """
    telling = varying(entry.run.experiment for entry in entries)
    names = [*dict.fromkeys(("rule", "seed", *telling))]
    body = ""
    for anchor, _, run in entries:
        words = [_cell(run.experiment.get(name)) for name in names]
        link = f'<td><a href="#{anchor}">{escape(run.key)}</a></td>'
        ended = "".join(_cell(word) for word in (run.state, *_scores(run)))
        body += f'<tr id="{anchor}">{link}{"".join(words)}{ended}</tr>\n'
    return _table(("run", *names, "state", "epochs", "validation %", "test %"), body)


def unfinished(entries: Sequence[Entry]) -> str:
    """The runs that failed or never ended, each with its reason; empty if there are none.

    Example:
        >>> unfinished([])
        ''
    """
    telling = varying(entry.run.experiment for entry in entries)
    body = ""
    for anchor, _, run in entries:
        if run.state != "done":
            fields = "".join(_cell(run.experiment.get(name)) for name in telling)
            body += f'<tr>{fields}<td><a href="#{anchor}">{run.state}</a></td><td>{_reason(run)}</td></tr>\n'
    note = '<p class="note">These runs are left out of every number above.</p>'
    table = _table((*telling, "state", "reason"), body)
    return f"<h2>Failed and incomplete runs</h2>\n{note}{table}" if body else ""


def _reason(run: Run) -> str:
    if not run.traceback:
        return escape(run.error or _stopped(run))
    return f"{escape(run.error)}<details><summary>traceback</summary><pre>{escape(run.traceback)}</pre></details>"


def _stopped(run: Run) -> str:
    return f"stopped after epoch {run.epochs[-1]['epoch']}" if run.epochs else "stopped before epoch 0"


def _scores(run: Run) -> tuple[str, ...]:
    """Its epochs, and the accuracies at the selected one."""
    if not run.epochs:
        return "–", "–", "–"
    best: Mapping[str, Any] = best_epoch(run)["accuracy"]
    return (str(run.epochs[-1]["epoch"]), *(f"{100 * best[split]:.1f}" for split in ("validation", "test")))


def _cell(value: Any) -> str:
    return f"<td>{escape('–' if value in (None, '') else str(value))}</td>"


def _table(names: Iterable[str], body: str) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'
