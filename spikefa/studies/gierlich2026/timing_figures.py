"""The figures of the spike-timing theory, in the manner of the paper's figures 2 and 7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from spikefa.studies.rows import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figures(results: Results) -> Mapping[str, Figure]:
    """Spike-timing differences and phase plane; shifts of the fixed point against the biases."""
    found = {"spike_timing": spike_timing(results), "fixed_points": fixed_points(results)}
    return {name: figure for name, figure in found.items() if figure is not None}


def spike_timing(results: Results) -> Figure | None:
    """What the spikes do, and where the weights go."""
    if not (results.of("theory and spikes") and results.of("phase plane")):
        return None
    from matplotlib.figure import Figure

    figure = Figure((7.8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _differences(left, results)
    _plane(right, results)
    return figure


def _differences(axes: Axes, results: Results) -> None:
    row = results.of("theory and spikes")[0]
    lags = np.arange(len(row.values["theory"])) - len(row.values["theory"]) // 2
    time = lags / row.parameters["refractory"]
    w, v = row.parameters["weights"]
    axes.plot(time, row.values["found"], ".", color="#56b4e9", ms=3, label="simulated spikes")
    axes.plot(time, row.values["theory"], color="#0072b2", lw=1.2, label=f"theory, w₁ = {w:g}, w₂ = {v:g}")
    axes.plot(time, row.values["mean"], color="#222222", lw=1, ls="--", label="theory, both their mean")
    axes.plot(time, row.values["nearest"], color="#d55e00", lw=1, label="theory, nearest spikes alone")
    axes.set(xlabel="t₂ − t₁ (T_ref)", ylabel="pairs of spikes per T_ref²", title="Spike-timing differences")
    axes.set_ylim(0, 1.7 * max(row.values["theory"]))
    axes.legend(loc="upper center", fontsize=7.5)


def _plane(axes: Axes, results: Results) -> None:
    values = results.of("phase plane")[0].values
    grid, drift = np.array(values["grid"]), np.array(values["drift"])
    most = np.abs(drift).max()
    image = axes.pcolormesh(grid, grid, drift, cmap="RdBu_r", vmin=-most, vmax=most, shading="nearest")
    axes.quiver(grid[::2], grid[::2], drift[::2, ::2], -drift[::2, ::2], color="#222222", width=0.004)
    axes.plot(grid, grid, color="#222222", lw=1, ls="--")
    axes.set(xlabel="w₁", ylabel="w₂", title="Drift of w₁ per T_ref; arrows: both plastic", aspect="equal")
    axes.figure.colorbar(image, ax=axes, shrink=0.85)


def fixed_points(results: Results) -> Figure | None:
    """Where SAL moves a weight beside W, for every potential; the more the biases differ."""
    names = [
        name
        for name in dict.fromkeys(row.case for row in results.rows if not row.error)
        if name.startswith("fixed point, ") and "off" in results.of(name)[0].values
    ]
    if not names:
        return None
    from matplotlib.figure import Figure

    figure = Figure((2.0 * len(names) + 0.6, 2.8), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names), sharey=True)), names, strict=True):
        for row in results.of(name):
            bias = np.array(row.values["bias"])
            off = [np.nan if value is None else value for value in row.values["off"]]
            axes.plot(bias[:, 1] - bias[:, 0], off, ".", color="#0072b2", ms=4)
        axes.set(title=name.removeprefix("fixed point, ").replace(", ", ",\n"), xlabel="b₂ − b₁", ylim=(-3, 3))
    figure.axes[0].set_ylabel("fixed point − W")
    return figure
