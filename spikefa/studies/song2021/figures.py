"""The paper's figures: alignment against width, loss over training, and the cut-off schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from spikefa.panels import WIDTH, panels
from spikefa.studies.rows import Results
from spikefa.studies.song2021 import cases as c
from spikefa.studies.song2021.claims import MNIST_PUBLISHED, PUBLISHED
from spikefa.studies.study import Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#222222", "#56b4e9", "#0072b2", "#d55e00")
"""From no decay to the most."""
MARKERS: Mapping[Size, str] = {"quick": "s", "paper": "o"}
LABELS: Mapping[Size, str] = {"quick": "measured, 4000 updates", "paper": "measured, 300 epochs"}
MEASURED = ("test accuracy on MNIST", "cosine of hidden errors with bp's")
TITLES = {"linear": "linear", "relu": "ReLU", "lif": "LIF, surrogate gradient (ours)"}


def figures(results: Results) -> Mapping[str, Figure]:
    """Those of which something was measured."""
    draw = {"alignment": _alignment, "loss": _loss, "schedule": _schedule, "mnist": _mnist}
    drawn = {name: figure(results) for name, figure in draw.items()}
    return {name: figure for name, figure in drawn.items() if any(axes.lines for axes in figure.axes)}


def _panels(rows: int) -> tuple[Figure, list[list[Axes]]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 2.9 * rows), layout="constrained")
    grid = figure.subplots(rows, len(TITLES), squeeze=False, sharey="row").tolist()
    for axes, title in zip(grid[0], TITLES.values(), strict=True):
        axes.set_title(title)
    return figure, grid


def _alignment(results: Results) -> Figure:
    figure, ((*axes,),) = _panels(1)
    for panel, psi in zip(axes, TITLES, strict=True):
        for decay, colour in ((0.0, COLOURS[0]), (c.DECAY[psi], COLOURS[3])):
            found = {p: results.values(c.trained(psi, p, decay), "cosine") for p in c.widths(psi, "paper")}
            found = {p: values for p, values in found.items() if values}
            if (psi, decay) in PUBLISHED:
                mean, sd = np.array(PUBLISHED[psi, decay]).T
                label = "published, mean and sd of 50" if decay else None
                panel.fill_between(c.WIDTHS, mean - sd, mean + sd, color=colour, alpha=0.15, lw=0, label=label)
            if found:
                mean, sd = np.array([(np.mean(v), np.std(v, ddof=min(1, len(v) - 1))) for v in found.values()]).T
                panel.errorbar([*found], mean, sd, color=colour, marker="o", ms=4, capsize=2, label=f"λ {decay:g}")
        widths = c.widths(psi, "paper")
        panel.set(xscale="log", xlabel="width p", ylim=(-0.05, 1), xlim=(0.8 * widths[0], 1.25 * widths[-1]))
        panel.minorticks_off()
        panel.set_xticks(widths, [str(p) for p in widths])
        _legend(panel, "center right")
    axes[0].set_ylabel("cos(b, β) at the end, mean and sd")
    return figure


def _loss(results: Results) -> Figure:
    figure, ((*axes,),) = _panels(1)
    for panel, psi in zip(axes, TITLES, strict=True):
        for decay, colour in zip(c.DECAYS[psi], COLOURS, strict=True):
            _curves(panel, results, c.trained(psi, c.MIDDLE[psi], decay), "loss", colour, f"λ {decay:g}")
        _losses(panel, psi)
        _legend(panel, "best")
    axes[0].set_ylabel("mean squared error, a line a seed")
    return figure


def _schedule(results: Results) -> Figure:
    figure, grid = _panels(2)
    for column, psi in enumerate(TITLES):
        for row, quantity in enumerate(("cosine", "loss")):
            panel = grid[row][column]
            for (when, units), colour in zip(c.UNITS.items(), (COLOURS[3], COLOURS[1]), strict=True):
                label = f"λ cut at η λ T = {units:g}"
                _curves(panel, results, c.scheduled(psi, when), quantity, colour, label)
        grid[0][column].set(ylim=(-0.1, 1))
        _losses(grid[1][column], psi)
    _legend(grid[0][0], "upper left")
    grid[0][0].set_ylabel("cos(b, β), a line a seed")
    grid[1][0].set_ylabel("mean squared error")
    return figure


def _mnist(results: Results) -> Figure:
    """Accuracy and mean cosine of hidden errors in the end, by λ: a dot a seed, beside the published run."""
    figure, axes = panels(2, height=2.6, shared=False)
    for column, (panel, value, label) in enumerate(zip(axes, ("accuracy", "errors"), MEASURED, strict=True)):
        for size, marker in MARKERS.items():
            found = [
                (at, v) for at, d in enumerate(c.MNIST_DECAYS) for v in results.values(c.classified(size, d), value)
            ]
            if found:
                panel.plot(*zip(*found, strict=True), marker, color=COLOURS[2], ms=4, alpha=0.8, label=LABELS[size])
        if panel.lines:
            published = [MNIST_PUBLISHED[decay][column] for decay in c.MNIST_DECAYS]
            panel.plot(range(len(published)), published, "_", color=COLOURS[3], ms=26, label="published, 300 epochs")
        panel.set_xticks(range(len(c.MNIST_DECAYS)), [f"{decay:g}" for decay in c.MNIST_DECAYS])
        panel.set(xlabel="λ", ylabel=label, xlim=(-0.6, 2.6))
    _legend(axes[0], "best")
    return figure


def _curves(axes: Axes, results: Results, case: str, quantity: str, colour: str, label: str) -> None:
    """A line a seed, and a dotted one where λ is cut."""
    for number, row in enumerate(row for row in results.of(case) if "curve" in row.values):
        curve = row.values["curve"]
        axes.plot(curve["step"], curve[quantity], color=colour, lw=1.0, alpha=0.8, label=None if number else label)
        if not number and "cut" in row.parameters:
            axes.axvline(row.parameters["cut"], color=colour, lw=0.8, ls=":")


def _losses(axes: Axes, psi: str) -> None:
    axes.set(yscale="log", xlabel=f"steps, width {c.MIDDLE[psi]}", ylim=(1e-10, 1e3))
    axes.yaxis.set_major_formatter(lambda loss, _: f"{loss:.0e}")


def _legend(axes: Axes, place: Literal["best", "center right", "upper left"]) -> None:
    """Of what was drawn, if anything was."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=place)
