"""What the page's script draws from: the runs that the table and the figures are made of, as JSON."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from spikefa.curves import course
from spikefa.frame import flat
from spikefa.palette import HUES, Stroke
from spikefa.report.entries import Entry
from spikefa.runs import Run
from spikefa.settings import varying
from spikefa.summary import intervals

if TYPE_CHECKING:
    from pandas import DataFrame

KEPT = re.compile(r"loss|(accuracy|gradient\.layers|rates)\..+|gradient\.angle|alignment\..+\.cosine|credit\.cosine")
"""What is drawn of an epoch, by the names of `results`."""
CHARTS: tuple[dict[str, Any], ...] = (
    {"match": r"accuracy\.test", "title": "Test accuracy", "unit": "%"},
    {"match": r"accuracy\.train", "title": "Training accuracy", "unit": "%"},
    {"match": r"loss", "title": "Training loss"},
    {"match": r"gradient\.angle", "title": "Angle to the true gradient", "unit": "°", "within": [0, 90], "every": 30},
    {"match": r"alignment\.(.+)\.cosine", "title": "cos(W, B), {}", "within": [0, 1]},
    {"match": r"credit\.cosine", "title": "Cosine to the gradient through time", "within": [0, 1]},
)
"""The charts of a setting, one for every name that matches: a line for each rule."""
VIEWS: tuple[dict[str, Any], ...] = (
    {"match": r"accuracy\.(.+)", "title": "Accuracy", "unit": "%"},
    {"match": r"(loss)", "title": "Training loss"},
    {
        "match": r"gradient\.(angle)|gradient\.layers\.(.+)",
        "title": "Angle to the true gradient",
        "unit": "°",
        "every": 30,
    },
    {"match": r"alignment\.(.+)\.cosine", "title": "cos(W, B)"},
    {"match": r"rates\.(.+)", "title": "Spikes per neuron and step"},
    {"match": r"credit\.(cosine)", "title": "Cosine to the gradient through time"},
)
"""The charts of a run: a line for every name that matches, called what the brackets hold."""


@final
class Place(float):
    """Where a point stands on its axis: not rounded, for points of one place are merged."""


def embedded(entries: Sequence[Entry], frame: "DataFrame", strokes: Mapping[str, Stroke]) -> dict[str, Any]:
    """All that the script needs, with numbers of five digits but for the places of points.

    Args:
        entries: the runs, from `entries.entries`.
        frame: from `summarise`, of the same runs.
        strokes: of the rules.

    Example:
        >>> sorted(embedded([], __import__("spikefa.summary").summary.summarise([]), {}))
        ['common', 'data', 'environments', 'hues', 'rules', 'runs', 'settings', 'views']
    """
    telling = varying(entry.run.experiment for entry in entries)
    environments = _distinct(entry.run.environment for entry in entries)
    data = _distinct(entry.run.data for entry in entries)
    settings = list(dict.fromkeys(entry.setting for entry in entries))
    first = entries[0].run.experiment if entries else {}
    return {
        "rules": {rule: {"color": stroke.color, "dash": stroke.dash} for rule, stroke in strokes.items()},
        "hues": list(HUES),
        "views": VIEWS,
        "common": {name: value for name, value in first.items() if name not in telling},
        "environments": [{n: v for n, v in found.items() if n not in ("kind", "id")} for found in environments],
        "data": data,
        "settings": [
            _setting([entry for entry in entries if entry.setting == label], frame[frame["setting"] == label])
            for label in settings
        ],
        "runs": {
            entry.anchor: _run(entry.run, telling)
            | {"environment": environments.index(entry.run.environment), "data": data.index(entry.run.data)}
            for entry in entries
        },
    }


def as_json(value: Any) -> str:
    """JSON that may stand inside a `<script>`: no letter of it ends the element, and nan is null.

    Example:
        >>> as_json({"rule": "</script>", "loss": float("nan")})
        '{"rule":"\\\\u003c/script\\\\u003e","loss":null}'
    """
    text = json.dumps(_rounded(value), separators=(",", ":"), allow_nan=False)
    return text.translate({ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"})


def _run(run: Run, telling: Iterable[str]) -> dict[str, Any]:
    rows = [flat(epoch) for epoch in run.epochs]
    names = dict.fromkeys(name for row in rows for name in row if KEPT.fullmatch(name))
    curves: dict[str, Any] = {name: [row.get(name, math.nan) for row in rows] for name in names}
    if any(epoch.get("angles") for epoch in run.epochs):
        probed = course(run)
        curves["gradient.angle"] = {"x": [Place(at) for at, _ in probed], "y": [degrees for _, degrees in probed]}
    return {
        "rule": run.rule,
        "seed": run.seed,
        "key": run.key,
        "state": run.state,
        **{name: value for name in ("error", "traceback", "remark", "tuning") if (value := getattr(run, name, None))},
        "own": {name: run.experiment.get(name) for name in telling},
        "epochs": [row["epoch"] for row in rows],
        "curves": curves,
    }


def _setting(entries: Sequence[Entry], frame: "DataFrame") -> dict[str, Any]:
    done = [entry for entry in entries if entry.run.state == "done"]
    drawn = [_run(entry.run, ()) for entry in done]
    names = dict.fromkeys(name for run in drawn for name in run["curves"])
    charts = []
    for chart in CHARTS:
        for name in names:
            if (match := re.fullmatch(chart["match"], name)) and (bounds := _bounds(drawn, name)):
                titled = {"name": name, "title": chart["title"].format(*match.groups()), "bounds": bounds}
                charts.append({key: chart[key] for key in ("unit", "within", "every") if key in chart} | titled)
    shown = frame[frame["moved"].notna() & frame["accuracy"].notna()]
    columns = {"rule": "rule", "moved": "x", "accuracy": "mean", "seeds": "n"}
    columns |= {"accuracy_low": "low", "accuracy_high": "high"}
    points = shown[list(columns)].rename(columns=columns).to_dict("records")
    return {"runs": [entry.anchor for entry in done], "charts": charts, "moved": points}


def _bounds(runs: Sequence[Mapping[str, Any]], name: str) -> dict[str, list[Any]]:
    """Of each rule, where the mean over its seeds may lie: `[epoch, low, high]`, where it was measured."""
    values: dict[str, dict[float, list[float]]] = {}
    for run in runs:
        for at, value in _points(run, name):
            values.setdefault(run["rule"], {}).setdefault(at, []).append(value)
    return {
        rule: [[at, found.low, found.high] for at, found in zip(by_epoch, intervals(by_epoch.values()), strict=True)]
        for rule, by_epoch in values.items()
    }


def _points(run: Mapping[str, Any], name: str) -> list[tuple[float, float]]:
    curve = run["curves"].get(name, [])
    at, values = (curve["x"], curve["y"]) if isinstance(curve, dict) else (run["epochs"], curve)
    return [(x, y) for x, y in zip(at, values, strict=False) if math.isfinite(y)]


def _rounded(value: Any) -> Any:
    if isinstance(value, float) and not isinstance(value, Place):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
