"""The report as one HTML page that needs no other file."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from spikefa.captions import CAPTIONS
from spikefa.results import Run
from spikefa.settings import finished, varying

TITLE = "Feedback rules compared"


def page(runs: Sequence[Run], sections: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        runs: all runs of the file, the unfinished ones too.
        sections: from `section`, by the label of the setting.

    Example:
        >>> page([Run("3f", {"rule": "fa", "seed": 0}, {}, "digits")], {}).startswith("<!DOCTYPE html>")
        True
    """
    template = files("spikefa").joinpath("report_template.html").read_text(encoding="utf-8")
    environments = _distinct(run.environment for run in runs)
    return Template(template).substitute(
        title=TITLE,
        subtitle=_subtitle(runs, sections),
        sections="\n".join(f"<h2>{escape(label)}</h2>\n{body}" for label, body in sections.items()) + _unfinished(runs),
        settings=_settings(runs),
        data="".join(f"<p>{escape(note)}</p>" for note in dict.fromkeys(run.data for run in runs) if note),
        environments="".join(_environment(environment, runs) for environment in environments),
    )


def section(table: str, figures: Mapping[str, str], number: int) -> str:
    """One setting: its table and its figures.

    Args:
        table: HTML.
        figures: SVG as matplotlib writes it, by the name of the figure.
        number: of the section; keeps the ids of its figures apart from those of others.

    Example:
        >>> section("<table></table>", {"loss": '<?xml?><svg width="9pt"><g id="a"/></svg>'}, 1).splitlines()[1][:45]
        '<figure><svg role="img" aria-label="Training '
    """
    parts = [f'<div class="scroll numbers">{table}</div>']
    for name, svg in figures.items():
        drawing = _inline(svg, f"s{number}-{name}-", CAPTIONS[name])
        parts.append(f"<figure>{drawing}<figcaption>{escape(CAPTIONS[name])}</figcaption></figure>")
    return "\n".join(parts)


def _inline(svg: str, prefix: str, label: str) -> str:
    """An SVG as part of a page: no XML header, as wide as its place, every id its own."""
    opening, body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", svg[svg.index("<svg") :]).split(">", 1)
    opening = re.sub(r' (?:width|height)="[^"]*"', "", opening)
    return f'<svg role="img" aria-label="{escape(label)}"{opening.removeprefix("<svg")}>{body}'


def _subtitle(runs: Sequence[Run], labels: Collection[str]) -> str:
    named = labels if len(labels) < 3 else [f"{len(labels)} settings"]
    rules, seeds = (len({getattr(run, name) for run in runs}) for name in ("rule", "seed"))
    counts = f"{rules} {'rule' if rules == 1 else 'rules'}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    return escape(" · ".join([*named, counts, f"{len(finished(runs))} of {len(runs)} runs finished"]))


def _unfinished(runs: Sequence[Run]) -> str:
    telling = varying(run.experiment for run in runs)
    lost = [run for run in runs if run.state != "done"]
    if not lost:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in (*telling, "state", "reason"))
    body = ""
    for run in lost:
        words = (*(run.experiment.get(name) for name in telling), run.state, run.error or _stopped(run))
        body += "<tr>" + "".join(f"<td>{_text(word)}</td>" for word in words) + "</tr>\n"
    note = '<p class="note">These runs are left out of every number above.</p>'
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    return f'\n<h2>Failed and incomplete runs</h2>\n{note}<div class="scroll">{table}</div>'


def _stopped(run: Run) -> str:
    return f"stopped after epoch {run.epochs[-1]['epoch']}" if run.epochs else "stopped before epoch 0"


def _settings(runs: Sequence[Run]) -> str:
    telling = varying(run.experiment for run in runs)
    common = {name: value for name, value in runs[0].experiment.items() if name not in telling}
    varied = {name: ", ".join(map(str, found)) for name, found in telling.items()}
    return f"<h3>Common to all runs</h3>{_fields(common)}" + (f"<h3>Varied</h3>{_fields(varied)}" if varied else "")


def _environment(environment: Mapping[str, Any], runs: Sequence[Run]) -> str:
    trained = [run for run in runs if run.environment == environment]
    shown = {name: value for name, value in environment.items() if name not in ("kind", "id", "data")}
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in trained}))
    return _fields({**shown, "seeds": seeds, "runs": len(trained)})


def _fields(fields: Mapping[str, Any]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{_text(value, name)}</td></tr>\n" for name, value in fields.items())
    return f'<div class="scroll fields"><table><tbody>{rows}</tbody></table></div>'


def _text(value: Any, name: str = "") -> str:
    if isinstance(value, Mapping):
        return escape(", ".join(f"{key} {inner}" for key, inner in value.items()))
    text = escape("–" if value in (None, "") else str(value))
    return f"<code>{text}</code>" if name in ("command", "commit") else text


def _distinct(environments: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for environment in environments:
        if environment not in found:
            found.append(environment)
    return found
