"""The figures of a comparison. Every rule has one stroke everywhere; lines are means, bands the range over the seeds.

A figure is drawn from the runs of one setting and is None where no finished run has anything to show in it.

Example:
    >>> epochs = tuple({"epoch": n, "loss": 1 / n} for n in (1, 2, 3))
    >>> run = Run("3f", {"rule": "fa", "seed": 0}, {}, epochs=epochs, state="done")
    >>> figure = FIGURES["loss"]([run])
    >>> figure.axes[0].lines[0].get_label(), FIGURES["alignment"]([run])
    ('fa', None)
"""

import functools
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from spikefa.curves import angles, curves, value
from spikefa.palette import Stroke, darker
from spikefa.palette import strokes as by_rule
from spikefa.panels import heat_map, lines, moved_axis, name_points, panels, spread_zeros, with_legend, zoom_in
from spikefa.representations import similarities
from spikefa.runs import Run
from spikefa.settings import finished
from spikefa.summary import REFERENCE, best_epoch, interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "lines.linewidth": 1.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "text.parse_math": False,  # a rule's name may hold a $
    "svg.hashsalt": "spikefa",
    "savefig.dpi": 150,
}
METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


class Drawing(Protocol):
    """What `FIGURES` holds."""

    def __call__(self, runs: Sequence[Run], strokes: Mapping[str, Stroke] | None = None) -> "Figure | None":
        """Draw the finished ones of these runs; strokes by the rules' order of appearance unless given."""


def _styled(draw: Callable[[Sequence[Run], Mapping[str, Stroke]], "Figure | None"]) -> Drawing:
    @functools.wraps(draw)
    def styled(runs: Sequence[Run], strokes: Mapping[str, Stroke] | None = None) -> "Figure | None":
        import matplotlib.style

        with matplotlib.style.context(["default", STYLE]):
            return draw(runs, strokes or by_rule(run.rule for run in runs))

    return styled


@_styled
def accuracy(runs: Sequence[Run], strokes: Mapping[str, Stroke]) -> "Figure | None":
    """Training and test accuracy over the epochs."""
    if not finished(runs):
        return None
    from matplotlib.ticker import PercentFormatter

    tested = curves(runs, "accuracy", "test")
    splits = ("train", "test", "test, close up")[: 3 if tested["epoch"].max() >= 4 else 2]
    figure, grid = panels(len(splits), height=3.0, shared=False)
    for axes, split in zip(grid, splits, strict=True):
        lines(axes, curves(runs, "accuracy", split.removesuffix(", close up")), strokes)
        axes.set_title(split)
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    grid[1].sharey(grid[0])
    grid[0].set_ylabel("accuracy")
    for axes in grid[2:]:
        zoom_in(axes, tested)
    return with_legend(figure)


@_styled
def loss(runs: Sequence[Run], strokes: Mapping[str, Stroke]) -> "Figure | None":
    """Training loss over the epochs; logarithmic where it spans more than a factor of ten."""
    if (losses := curves(runs, "loss")).empty:
        return None
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, (axes,) = panels(1, height=3.2)
    lines(axes, curves(runs, "loss"), strokes)
    axes.set(ylabel="training loss", xlim=(0, 1.02 * losses["epoch"].max()))
    if 0 < 10 * losses["value"].min() < losses["value"].max():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    return with_legend(figure)


@_styled
def alignment(runs: Sequence[Run], strokes: Mapping[str, Stroke]) -> "Figure | None":
    """Cosine of the forward and feedback weights over the epochs, one panel for each layer."""
    layers = dict.fromkeys(
        layer for run in finished(runs) for epoch in run.epochs for layer in epoch.get("alignment") or ()
    )
    shown = [layer for layer in layers if not curves(runs, "alignment", layer, "cosine").empty]
    if not shown:
        return None
    figure, grid = panels(len(shown), height=2.3 if len(shown) > 1 else 3.2)
    for axes, layer in zip(grid, shown, strict=True):
        lines(axes, curves(runs, "alignment", layer, "cosine"), strokes)
        axes.set_title(textwrap.shorten(layer, 32, placeholder="…"))
    low = min(axes.dataLim.y0 for axes in grid)
    grid[0].set_ylim(min(-0.05, 1.05 * low), 1.05)
    figure.supylabel("cosine of W and B", fontsize=9)
    return with_legend(figure)


@_styled
def gradient_angle(runs: Sequence[Run], strokes: Mapping[str, Stroke]) -> "Figure | None":
    """Angle between the gradient through the feedback and true backpropagation through time, over the epochs."""
    if (found := angles(runs)).empty:
        return None
    figure, (axes,) = panels(1, height=3.2)
    axes.axhline(90, color="#999999", linewidth=0.8)
    lines(axes, found, strokes)
    most = found["value"].max()
    axes.set_ylim(-2, max(95.0, most + 4))
    axes.set_yticks(range(0, 181 if most > 95 else 91, 15))
    axes.yaxis.set_major_formatter("{x:.0f}°")
    axes.set_ylabel("angle to the true gradient")
    return with_legend(figure)


@_styled
def credit(runs: Sequence[Run], strokes: Mapping[str, Stroke]) -> "Figure | None":
    """Cosine of the local form's gradient to the one through time, where training took the local one."""
    if curves(runs, "credit", "cosine").empty:
        return None
    figure, (axes,) = panels(1, height=3.2)
    lines(axes, curves(runs, "credit", "cosine"), strokes)
    axes.set_ylim(min(-0.05, 1.05 * axes.dataLim.y0), 1.05)
    axes.set_ylabel("cosine to the gradient through time")
    return with_legend(figure)


@_styled
def accuracy_against_moved(runs: Sequence[Run], strokes: Mapping[str, Stroke]) -> "Figure | None":
    """Test accuracy at the best epoch against the weights that had to be moved for it."""
    from matplotlib.ticker import PercentFormatter

    figure, (axes,) = panels(1, height=4.4)
    measured = {}
    for rule in dict.fromkeys(run.rule for run in finished(runs)):
        done = [run for run in finished(runs) if run.rule == rule]
        moved = interval(value(run.epochs[-1], "moved") for run in done).mean
        if not math.isnan(moved):
            measured[rule] = moved, interval(float(best_epoch(run)["accuracy"]["test"]) for run in done)
    if not measured:
        return None
    points = {}
    for rule, x in zip(measured, spread_zeros([moved for moved, _ in measured.values()]), strict=True):
        test, stroke = measured[rule][1], strokes[rule]
        low, high = (0.0 if math.isnan(bound) else abs(bound - test.mean) for bound in test[1:])
        bar: dict[str, Any] = {"color": stroke.color, "marker": stroke.marker, "capsize": 2.5, "zorder": 3}
        axes.errorbar(x, test.mean, [[low], [high]], **bar)
        points[rule] = (x, test.mean, test.mean - low, test.mean + high)
    moved_axis(axes, [moved for moved, _ in measured.values()])
    axes.set(xlabel="bits of weights moved, relative to bp", ylabel="test accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    figure.draw_without_rendering()
    name_points(axes, points, {rule: darker(stroke.color, 0.25) for rule, stroke in strokes.items()})
    return figure


@_styled
def similarity(runs: Sequence[Run], strokes: Mapping[str, Stroke]) -> "Figure | None":
    """CKA of every rule's hidden layers with those of bp of the same seed; of bp, with those of its other seeds."""
    found = similarities(runs)
    if not found:
        return None
    rules = sorted(found, key=list(strokes).index)
    layers = dict.fromkeys(layer for rule in rules for layer in found[rule])
    figure, (axes,) = panels(1, height=0.8 + 0.26 * len(rules))
    heat_map(axes, {"bp, other seeds" if rule == REFERENCE else rule: found[rule] for rule in rules}, list(layers))
    for rule, label in zip(rules, axes.get_yticklabels(), strict=True):
        label.set_color(darker(strokes[rule].color, 0.25))
    axes.set_xlabel("layer of hidden neurons")
    return figure


def save(figure: "Figure", folder: Path, name: str) -> Path:
    """Write a figure as SVG and as PNG (150 dpi); the same figure gives the same bytes.

    Args:
        figure: one of `FIGURES`.
        folder: made if missing.
        name: of the files, without a suffix.

    Returns:
        The path of the SVG.

    Example:
        >>> import tempfile
        >>> from matplotlib.figure import Figure
        >>> save(Figure(), Path(tempfile.mkdtemp()), "empty").name
        'empty.svg'
    """
    import matplotlib.style

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with matplotlib.style.context(["default", STYLE]):
        figure.savefig(path.with_name(f"{name}.png"), metadata={"Software": None})
        figure.savefig(path.with_name(f"{name}.svg"), metadata=METADATA)
    return path.with_name(f"{name}.svg")


FIGURES: dict[str, Drawing] = {
    "accuracy": accuracy,
    "accuracy_against_moved": accuracy_against_moved,
    "alignment": alignment,
    "credit": credit,
    "gradient_angle": gradient_angle,
    "loss": loss,
    "similarity": similarity,
}
