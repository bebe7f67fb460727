"""What the study draws: accuracy, the three angles, similarity to backpropagation, signs, and the error's norms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefa.palette import INK, Stroke
from spikefa.panels import WIDTH, panels
from spikefa.studies.legend import with_legend
from spikefa.studies.moskovitz2018.arms import ARMS, HIDDEN, KINDS, LAYERS
from spikefa.studies.moskovitz2018.start import RULES
from spikefa.studies.rows import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHED, DOTTED = (4.0, 1.6), (1.2, 1.2)
STROKES: Mapping[str, Stroke] = {
    "bp": Stroke(INK),
    "bp, other start": Stroke(INK, DOTTED, "D"),
    "fa": Stroke("#0072b2"),
    "fa, norm limit": Stroke("#0072b2", DOTTED, "D"),
    "fa, dense": Stroke("#56b4e9", DASHED, "s"),
    "usf_sn": Stroke("#009e73"),
    "frsf": Stroke("#d55e00"),
    "frsf, norm limit": Stroke("#d55e00", DOTTED, "D"),
    "usf": Stroke("#cc79a7"),
    "usf, unscaled": Stroke("#cc79a7", DASHED, "s"),
}
"""Of each arm."""
ANGLES = {"weight_angle": "weights", "local_angle": "errors, local", "end_to_end_angle": "gradient, end to end"}
"""The three that must not be confused, and what each compares."""
SHOWN = ("fa, dense", "fa", "frsf", "usf_sn")
"""The arms whose angles are drawn."""


def figures(results: Results) -> dict[str, Figure]:
    """Every figure of what was measured."""
    kinds = [kind for kind in KINDS if results.of(f"{kind}: bp")]
    drawn = {f"angles_{kind}": angles(results, kind) for kind in kinds}
    if kinds:
        drawn |= {"accuracy": accuracy(results, kinds), "similarity": similarity(results, kinds)}
        drawn["error_ratios"] = error_ratios(results, kinds)
        drawn["signs"] = signs(results, kinds)
    if results.of("depth, rate"):
        drawn["depth"] = depth(results)
    return drawn


def accuracy(results: Results, kinds: Sequence[str]) -> Figure:
    """Test accuracy of every arm: means over seeds, bars from the smallest to the largest; a panel a kind."""
    figure, grid = panels(len(kinds), height=2.7, shared=False)
    for axes, kind in zip(grid, kinds, strict=True):
        arms = [arm for arm in ARMS if results.of(f"{kind}: {arm}")][::-1]
        for at, arm in enumerate(arms):
            tests, stroke = np.array(results.values(f"{kind}: {arm}", "test")), STROKES[arm]
            ends = [[tests.mean() - tests.min()], [tests.max() - tests.mean()]]
            axes.errorbar([tests.mean()], [at], xerr=ends, color=stroke.color, marker=stroke.marker, ms=5, capsize=3)
        axes.set_yticks(range(len(arms)), arms)
        axes.axvline(10, color="#bbbbbb", linewidth=0.8, zorder=0)
        axes.set(title=kind, xlabel="test accuracy, % (chance: 10)", xlim=(0, None))
    return figure


def angles(results: Results, kind: str) -> Figure:
    """The three angles over the epochs, a row each, a column a hidden layer; conv1, without a pathway, has the last."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(0.9 * WIDTH, 4.2), layout="constrained")
    grid = figure.subplots(len(ANGLES), len(HIDDEN), sharex=True, sharey=True)
    for row, (measure, name) in zip(grid, ANGLES.items(), strict=True):
        for axes, layer in zip(row, HIDDEN, strict=True):
            if layer == HIDDEN[0] and measure != "end_to_end_angle":
                axes.axis("off")
                continue
            axes.grid(visible=False)
            axes.axhline(90, color="#bbbbbb", linewidth=0.8)
            for arm in SHOWN:
                case = results.of(f"{kind}: {arm}")
                if case and layer in case[0].values[measure]:
                    _band(axes, results, f"{kind}: {arm}", (measure, layer), arm)
            axes.set_title(f"{layer}: {name}", fontsize=8)
            axes.tick_params(labelleft=layer == HIDDEN[0] or (layer == HIDDEN[1] and measure != "end_to_end_angle"))
        row[1 if measure != "end_to_end_angle" else 0].set_ylabel("degrees")
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    figure.suptitle(kind, fontsize=9)
    return with_legend(figure)


def similarity(results: Results, kinds: Sequence[str]) -> Figure:
    """Unbiased CKA of each hidden layer to backpropagation of the same start; bp of another start is a yardstick."""
    figure, grid = panels(len(kinds), height=2.7)
    for axes, kind in zip(grid, kinds, strict=True):
        for arm in ARMS:
            rows = results.of(f"{kind}: {arm}") if arm != "bp" else []
            if rows:
                values = np.array([[row.values["cka"][layer] for layer in HIDDEN] for row in rows], dtype=float)
                _line(axes, range(len(HIDDEN)), values, arm, marker=True)
        axes.set(title=kind)
        axes.set_xticks(range(len(HIDDEN)), HIDDEN)
    grid[0].set_ylabel("CKA to bp")
    return with_legend(figure)


def error_ratios(results: Results, kinds: Sequence[str]) -> Figure:
    """How many times as large as the true one the error is at each layer's output, after the last epoch."""
    figure, grid = panels(len(kinds), height=2.7)
    down = LAYERS[::-1]
    for axes, kind in zip(grid, kinds, strict=True):
        for arm in ARMS:
            rows = results.of(f"{kind}: {arm}") if not arm.startswith("bp") else []
            if rows:
                ratios = np.array(
                    [[row.values["error_ratio"][layer][-1] for layer in down] for row in rows], dtype=float
                )
                _line(axes, range(len(down)), ratios, arm, marker=True)
        axes.axhline(1, color="#bbbbbb", linewidth=0.8, zorder=0)
        axes.set(title=kind)
        _logarithmic(axes)
        axes.set_xticks(range(len(down)), down)
    grid[0].set_ylabel("error, over bp's")
    return with_legend(figure)


def signs(results: Results, kinds: Sequence[str]) -> Figure:
    """Fraction of signs that B and W share under fa, by layer over the epochs."""
    figure, grid = panels(len(kinds), height=2.4)
    hues = ("#0072b2", "#56b4e9", "#009e73", "#d55e00")
    for axes, kind in zip(grid, kinds, strict=True):
        axes.axhspan(0.48, 0.52, color="#eeeeee", zorder=0, label="published range")
        for layer, color in zip(LAYERS[1:], hues, strict=True):
            over = results.array(f"{kind}: fa", "sign_agreement", layer)
            if len(over):
                _draw(axes, range(over.shape[1]), over, layer, Stroke(color))
        axes.set(title=f"{kind}: fa", xlabel="epoch")
    grid[0].set_ylabel("signs that B and W share")
    return with_legend(figure)


def depth(results: Results) -> Figure:
    """The error's norm in an untrained network of eight equal layers, from the top down, and the line of theory."""
    kinds = [kind for kind in KINDS if results.of(f"depth, {kind}")]
    figure, grid = panels(len(kinds), height=2.5)
    for axes, kind in zip(grid, kinds, strict=True):
        for rule in RULES:
            norms = results.array(f"depth, {kind}", "norms", rule)
            _line(axes, range(norms.shape[1], 0, -1), norms / norms[:, :1], rule, marker=True)
        for number, line in enumerate(axes.lines):  # most lie on one another
            line.set(markersize=3 + 2 * (len(axes.lines) - number), markerfacecolor="none")
        axes.set(title=f"depth, {kind}", xlabel="hidden layer")
        _logarithmic(axes)
        axes.invert_xaxis()
    grid[0].set_ylabel("error, over layer 8's")
    return with_legend(figure)


def _band(axes: Axes, results: Results, case: str, way: tuple[str, ...], arm: str, factor: float = 1) -> None:
    over = factor * results.array(case, *way)
    if len(over):
        _line(axes, range(over.shape[1]), over, arm)


def _line(axes: Axes, at: Any, values: Any, arm: str, marker: bool = False) -> None:
    _draw(axes, at, values, arm, STROKES[arm], marker)


def _draw(axes: Axes, at: Any, values: Any, name: str, stroke: Stroke, marker: bool = False) -> None:
    """A mean over seeds, and a band, or with markers bars, from the smallest to the largest."""
    dash: Any = (0, stroke.dash) if stroke.dash else "-"
    shape = stroke.marker if marker else None
    mean, low, high = values.mean(0), values.min(0), values.max(0)
    axes.plot(at, mean, color=stroke.color, linestyle=dash, lw=1.4, marker=shape, ms=4, label=name)
    if marker:
        axes.vlines(at, low, high, color=stroke.color, lw=1)
    else:
        axes.fill_between(at, low, high, color=stroke.color, alpha=0.1, linewidth=0)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic axis whose numbers are written out, since the style knows no formulas."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.minorticks_off()
