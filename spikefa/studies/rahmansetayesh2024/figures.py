"""The figures of the weight-alignment study: means over seeds in bands from the smallest to the largest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefa.studies.rahmansetayesh2024 import closed_loop, open_loop, steps
from spikefa.studies.rows import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.6
"""Of every figure, in inches."""
HUES = ("#0072b2", "#d55e00", "#009e73", "#222222", "#56b4e9", "#cc79a7", "#e69f00", "#882255", "#999933")
DASHES = ("-", "--", ":", "-.")
TITLES = {"linear": "linear", "relu": "ReLU", "lif": "LIF, T = 20"}


def alignment_in_open_loop(results: Results) -> Figure | None:
    """The angle of W₁ and B₁ over the updates, a line for each condition, a panel for each unit."""
    units = [unit for unit in open_loop.UNITS if any(_open(results, unit, c) for c in open_loop.CONDITIONS)]
    if not units:
        return None
    figure, panels = _panels(len(units), 2.9)
    for axes, unit in zip(panels, units, strict=True):
        for turn, condition in enumerate(open_loop.CONDITIONS):
            curve(axes, results, open_loop.name(unit, condition), "angles", HUES[turn], condition)
        _angles(axes, "update")
        axes.set_title(TITLES[unit])
    return _legend(figure, panels)


def terms_by_lag(results: Results) -> Figure | None:
    """The autocorrelation of the gradient of W₀, which is the alignment term of each lag; AR(1): as derived, grey."""
    shown = [c for c, signals in open_loop.CONDITIONS.items() if signals["x"] < 1]
    units = [unit for unit in open_loop.UNITS if any(_open(results, unit, c) for c in shown)]
    if not units:
        return None
    figure, panels = _panels(len(units), 2.8)
    lags = np.geomspace(1, 1000, 60)
    for axes, unit in zip(panels, units, strict=True):
        for turn, condition in enumerate(open_loop.CONDITIONS):
            if condition in shown:
                curve(axes, results, open_loop.name(unit, condition), "autocorrelation", HUES[turn], condition, "lags")
        for rho in (0.9, 0.99):
            axes.plot(lags, rho ** (2 * lags), color="#999999", linewidth=4, alpha=0.4, zorder=0)
        axes.set_title(TITLES[unit])
        _logarithmic(axes, "lag o, updates")
    panels[0].set_ylabel("⟨G[k], G[k−o]⟩ / ⟨G[k], G[k]⟩")
    panels[0].plot([], [], color="#999999", linewidth=4, alpha=0.4, label="ρ^(2o), linear, derived")
    return _legend(figure, panels)


def alignment_in_closed_loop(results: Results) -> Figure | None:
    """The angles of each layer over the updates, with and without normalisation; below, norms without it in the end."""
    shown = [unit for unit in ("rate", "lif") if results.of(closed_loop.name(unit, "FA"))]
    if not shown:
        return None
    figure, panels = _panels(2 * len(shown), 2.4, len(shown))
    for unit, above, below in zip(shown, panels, panels[len(shown) :], strict=False):
        for more, dash in (("", "-"), (", normalised", "--")):
            for layer in range(closed_loop.DEPTH):
                name = closed_loop.name(unit, f"FA{more}")
                curve(above, results, name, "angles", HUES[layer], f"W{layer + 1}{more}", dash=dash, at=layer)
        _angles(above, "update")
        above.set_title(f"{unit.replace('lif', 'LIF')} network")
        _norms(below, results, closed_loop.name(unit, "FA"))
    panels[len(shown)].set_ylabel("‖W‖ relative to its start")
    return _legend(figure, panels)


def labels_in_closed_loop(results: Results) -> Figure | None:
    """The cosine of W and B, mean of the layers, with true, shuffled and reshuffled labels."""
    units = [unit for unit in ("rate", "lif") if results.of(closed_loop.name(unit, "FA, labels shuffled"))]
    if not units:
        return None
    figure, panels = _panels(len(units), 2.6)
    for axes, unit in zip(panels, units, strict=True):
        for turn, arm in enumerate(("FA", "FA, labels shuffled", "FA, labels reshuffled")):
            label = arm.partition(", labels ")[2] or "true"
            curve(
                axes, results, closed_loop.name(unit, arm), "angles", HUES[turn], label, dash=DASHES[turn], cosine=True
            )
        axes.axhline(0, color="#999999", linewidth=0.8)
        axes.set_title(f"{unit.replace('lif', 'LIF')} network")
        _logarithmic(axes, "update")
    panels[0].set_ylabel("mean cosine of W and B")
    return _legend(figure, panels, "labels")


def updates_at_each_step(results: Results) -> Figure | None:
    """The angle over the samples where weights change at each of a sample's T steps, and where they do after it."""
    conditions = [("linear", steps.INDEPENDENT), ("relu", steps.INDEPENDENT), ("lif", steps.INDEPENDENT)]
    conditions += [("lif", steps.HELD), ("lif", steps.LEARNED)]
    shown = [(unit, c) for unit, c in conditions if all(results.of(steps.name(unit, c, per)) for per in steps.UPDATES)]
    if not shown:
        return None
    figure, panels = _panels(len(shown), 2.3)
    for axes, (unit, condition) in zip(panels, shown, strict=True):
        for turn, per in enumerate(steps.UPDATES):
            curve(
                axes,
                results,
                steps.name(unit, condition, per),
                "angles",
                HUES[turn],
                f"update a {per}",
                dash=DASHES[turn],
            )
        _angles(axes, "batch of samples")
        axes.set_title(f"{TITLES[unit].partition(',')[0]}: {condition}")
    return _legend(figure, panels)


def curve(
    axes: Axes,
    results: Results,
    case: str,
    measure: str,
    color: str,
    label: str,
    marks: str = "marks",
    dash: str = "-",
    at: int | None = None,
    cosine: bool = False,
) -> None:
    """A measure of a case over its marks; ``at`` one layer, ``cosine`` the mean of all layers' cosines."""
    rows = results.of(case)
    if not rows:
        return
    values = np.array([row.values[measure] for row in rows], dtype=float)
    if at is not None:
        values = values[:, :, at]
    if cosine:
        values = np.cos(np.radians(values)).mean(2)
    x = rows[0].values[marks]
    axes.plot(x, values.mean(0), dash, color=color, label=label)
    axes.fill_between(x, values.min(0), values.max(0), color=color, alpha=0.15, linewidth=0)


def _open(results: Results, unit: str, condition: str) -> Sequence[Any]:
    return results.of(open_loop.name(unit, condition))


def _angles(axes: Axes, marks: str) -> None:
    axes.axhline(90, color="#999999", linewidth=0.8)
    _logarithmic(axes, marks)
    low = int(15 * (axes.dataLim.y0 // 15))
    axes.set(ylim=(low, 100), yticks=range(low, 91, 15))
    axes.yaxis.set_major_formatter("{x:.0f}°")
    if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
        axes.set_ylabel("angle of W and B")


def _logarithmic(axes: Axes, label: str) -> None:
    from matplotlib.ticker import NullLocator

    axes.set(xscale="log", xlabel=label)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_locator(NullLocator())


def _norms(axes: Axes, results: Results, case: str) -> None:
    grown = np.array([list(row.values["grown"].values()) for row in results.of(case)], dtype=float)
    layers = range(grown.shape[1])
    axes.bar(layers, grown.mean(0), color="#bbbbbb")
    for own in grown:
        axes.plot(layers, own, ".", color="#222222", markersize=4)
    axes.axhline(1, color="#999999", linewidth=0.8)
    axes.set_xticks(list(layers), [f"W{layer}" for layer in layers])


def _panels(number: int, height: float, columns: int = 3) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    columns = min(number, columns)
    rows = -(-number // columns)
    figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for spare in grid[number:]:
        spare.remove()
    return figure, grid[:number]


def _legend(figure: Figure, panels: Sequence[Axes], title: str = "") -> Figure:
    named = {
        str(label): handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    columns = min(len(named), 3 if len(named) == 9 else 4)
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=columns, title=title or None)
    return figure


FIGURES: tuple[Callable[[Results], Figure | None], ...] = (
    alignment_in_open_loop,
    terms_by_lag,
    alignment_in_closed_loop,
    labels_in_closed_loop,
    updates_at_each_step,
)
"""All of them; each gives None where there is nothing to show."""
