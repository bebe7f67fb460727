"""What the study of frozen backpropagation draws: accuracy and drift against what is left of the transport."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spikefa.palette import INK, strokes
from spikefa.panels import panels
from spikefa.studies.goupy2025 import copies
from spikefa.studies.goupy2025.arms import REDUCTIONS, REFERENCES, SETTINGS, transports
from spikefa.studies.legend import with_legend
from spikefa.studies.ranges import Points, ranges
from spikefa.studies.rows import Results, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"full": INK, "cyclic": "#56b4e9", "random": "#009e73", "threshold": "#e69f00", "topk": "#d55e00"}
MARKERS = {"full": "o", "cyclic": "s", "random": "^", "threshold": "D", "topk": "v"}
DASHES = {"10×": ":", "100×": "--", "1,000×": "-"}
DRIFTS = (0.01, 0.03, 0.1, 0.3)
"""What the axis of :func:`at_every_copy` names."""
FEW = 5
"""Copies that are drawn as points, too."""
BANDS = {"bp": (INK, "-"), "never copied": ("#d55e00", ":")} | {
    rule: (strokes([rule])[rule].color, "--") for rule in ("usf", "frsf", "fa")
}
BEYOND = 2 * REDUCTIONS[-1]
"""The end of the axes."""
Unit = Literal["words", "bits"]


def hidden(row: Row) -> Iterator[tuple[str, list[float]]]:
    """Drift over the epochs of each layer but the read-out, which has another scale and few weights."""
    return ((layer, over) for layer, over in row.values["drift"].items() if layer != "out")


def mean_drift(row: Row) -> float:
    """The drift before the last copy, averaged over the hidden layers.

    Example:
        >>> mean_drift(Row("c", {}, 3, {"drift": {"fc2": [0, 0.1], "fc3": [0, 0.3], "out": [0, 9]}}))
        0.2
    """
    return float(np.mean([over[-1] for _, over in hidden(row)]))


def reductions(results: Results, setting: str, case: str, unit: Unit) -> list[float]:
    """How many times less than backpropagation a case moved, for each seed that has both; inf if it moved nothing."""
    if unit == "bits":
        return [1 / moved if moved else np.inf for moved in results.values(case, "moved")]
    whole = {row.seed: row.values["words"] for row in results.of(f"{setting}: bp")}
    own = {row.seed: row.values["words"] for row in results.of(case)}
    return [whole[seed] / words if words else np.inf for seed, words in own.items() if seed in whole]


def accuracy_against(results: Results, unit: Unit) -> Figure:
    """Test accuracy against the reduction of transport: a panel a setting, a line a scheme, bands for the references.

    Points are means over seeds, bars and bands the range of these. In bits, rules that read signs are points: they move
    one bit of 32. What moves nothing, or all, is a band.
    """
    figure, grid = _panels(results, f"reduction of transport, in {unit}")
    for setting, axes in grid.items():
        for name in REFERENCES:
            if tests := results.values(f"{setting}: {name}", "test"):
                color, dash = BANDS[name]
                by = float(np.mean(reductions(results, setting, f"{setting}: {name}", unit) or [np.inf]))
                if 1 < by < np.inf:
                    ranges(axes, name, [(by, tests)], color, "*", ms=7, ls="")
                    continue
                axes.axhspan(min(tests), max(tests), color=color, alpha=0.1, linewidth=0)
                axes.axhline(float(np.mean(tests)), color=color, linestyle=dash, linewidth=1.1, label=name)
        for scheme in COLORS:
            points = _points(results, setting, scheme, unit)
            _line(axes, scheme, [(at, results.values(case, "test")) for at, case in points])
    next(iter(grid.values())).set_ylabel("test accuracy, %")
    return with_legend(figure)


def drift(results: Results) -> Figure:
    """‖W − B‖ / ‖W‖ just before the last copy, mean over hidden layers, against the reduction in words."""
    figure, grid = _panels(results, "reduction of transport, in words")
    for setting, axes in grid.items():
        for scheme in COLORS:
            points = _points(results, setting, scheme, "words")
            _line(axes, scheme, [(at, [mean_drift(row) for row in results.of(case)]) for at, case in points])
    next(iter(grid.values())).set_ylabel("drift  ‖W − B‖ / ‖W‖")
    return with_legend(figure)


def at_every_copy(results: Results) -> Figure:
    """‖W − B‖ / ‖W‖ just before each copy, over the updates of a training: mean over seeds, in the band of these."""
    settings = [s for s in _settings(results) if any(results.of(copies.case(s, arm)) for arm in copies.FOLLOWED)]
    figure, grid = panels(len(settings), height=3.0, shared=False)
    for axes, setting in zip(grid, settings, strict=True):
        axes.set(title=setting, xlabel="updates", yscale="log", ylim=(DRIFTS[0] / 2, 2 * DRIFTS[-1]))
        axes.set_yticks(DRIFTS, [f"{drift:g}" for drift in DRIFTS])
        axes.set_yticks([], minor=True)
        axes.locator_params(axis="x", nbins=4)
        for arm in copies.FOLLOWED:
            at, drifts = copies.over_updates(results, setting, arm)
            if drifts:
                scheme, by = arm.split(", ", 1)
                how: dict[str, Any] = {"color": COLORS[scheme], "linestyle": DASHES[by]}
                axes.plot(at, np.mean(drifts, 0), **how, lw=1.2, label=arm, marker="." if len(at) < FEW else "")
                axes.fill_between(at, np.min(drifts, 0), np.max(drifts, 0), color=COLORS[scheme], alpha=0.15, lw=0)
    grid[0].set_ylabel("drift  ‖W − B‖ / ‖W‖")
    return with_legend(figure)


def _points(results: Results, setting: str, scheme: str, unit: Unit) -> list[tuple[float, str]]:
    """The scheme's cases that were measured, by the mean of their reductions."""
    cases = [f"{setting}: {name}" for name in transports() if name.startswith(scheme + ",")]
    found = [(float(np.mean(reductions(results, setting, c, unit) or [np.inf])), c) for c in cases if results.of(c)]
    return sorted(point for point in found if np.isfinite(point[0]))


def _line(axes: Axes, scheme: str, points: Points) -> None:
    if within := [point for point in points if point[0] < BEYOND]:
        ranges(axes, scheme, within, COLORS[scheme], MARKERS[scheme], ms=4.5, lw=1.4)


def _panels(results: Results, along: str) -> tuple[Figure, dict[str, Axes]]:
    """A panel a setting. A threshold of 1, which moves next to nothing, lies beyond their ends and is not drawn."""
    settings = _settings(results)
    figure, grid = panels(len(settings), height=3.4, shared=False)
    for axes, setting in zip(grid, settings, strict=True):
        axes.set_title(setting)
        axes.set(xscale="log", xlim=(6, BEYOND), xlabel=along)
        axes.set_xticks(REDUCTIONS, [f"{by:,}" for by in REDUCTIONS])
        axes.set_xticks([], minor=True)
    return figure, dict(zip(settings, grid, strict=True))


def _settings(results: Results) -> list[str]:
    """Those of the rows, in the order of :data:`~spikefa.studies.goupy2025.arms.SETTINGS`."""
    found = {row.case.partition(": ")[0] for row in results.rows}
    return [setting for setting in SETTINGS["paper"] if setting in found]
