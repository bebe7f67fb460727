"""The report as one HTML page that needs no other file, and no network."""

import base64
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from spikefa.captions import CAPTIONS
from spikefa.report.embedded import as_json
from spikefa.report.entries import Entry
from spikefa.report.lists import every, unfinished
from spikefa.runs import Run
from spikefa.settings import finished, varying

TITLE = "Feedback rules compared"
SCRIPTS = ("chart.js", "report.js")
ALWAYS = ("similarity",)
"""Figures that the script does not draw anew."""


def page(entries: Sequence[Entry], sections: Mapping[str, str], data: Mapping[str, Any]) -> str:
    """The whole page.

    The browser is told to load nothing, and to run no script but ours, so that nothing in a runs file can.

    Args:
        entries: all runs of the file, the unfinished ones too.
        sections: from `section`, by the label of the setting.
        data: from `embedded`.

    Example:
        >>> run = Run("3f", {"rule": "fa", "seed": 0}, {}, "digits")
        >>> page([Entry("run-3f", "all runs", run)], {}, {}).startswith("<!DOCTYPE html>")
        True
    """
    runs = [entry.run for entry in entries]
    script = "\n".join(_source(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environments = _distinct(run.environment for run in runs)
    return Template(_source("template.html")).substitute(
        title=TITLE,
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        style=_source("style.css"),
        script=script,
        json=as_json(data),
        subtitle=_subtitle(runs, sections),
        sections="\n".join(f"<h2>{escape(label)}</h2>\n{body}" for label, body in sections.items()),
        unfinished=unfinished(entries),
        runs=every(entries),
        settings=_settings(runs),
        data="".join(f"<p>{escape(note)}</p>" for note in dict.fromkeys(run.data for run in runs) if note),
        environments="".join(_environment(environment, runs) for environment in environments),
    )


def section(table: str, figures: Mapping[str, str], number: int) -> str:
    """One setting: its table, room for the charts that the script draws, and its figures, which these replace.

    Args:
        table: HTML.
        figures: SVG as matplotlib writes it, or the path of such a file, by the name of the figure.
        number: of the section; keeps the ids of its figures apart from those of others.

    Example:
        >>> section("<table></table>", {"loss": '<?xml?><svg width="9pt"><g id="a"/></svg>'}, 1).splitlines()[2][:60]
        '<figure class="static"><svg role="img" aria-label="Training '
    """
    parts = [f'<div class="scroll numbers">{table}</div>', f'<div class="charts" data-setting="{number - 1}"></div>']
    for name, figure in figures.items():
        caption, drawn = escape(CAPTIONS[name]), "" if name in ALWAYS else ' class="static"'
        if figure.endswith(".svg"):
            parts.append(f'<p{drawn}><a href="{escape(figure)}">{escape(name.replace("_", " "))}</a>: {caption}</p>')
        else:
            drawing = _inline(figure, f"s{number}-{name}-", CAPTIONS[name])
            parts.append(f"<figure{drawn}>{drawing}<figcaption>{caption}</figcaption></figure>")
    return "\n".join(parts)


def _source(name: str) -> str:
    return files("spikefa.report").joinpath(name).read_text(encoding="utf-8")


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
