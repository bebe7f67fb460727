"""The figures of the sampling networks, in the manner of the paper's figures 4 and 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefa.palette import strokes
from spikefa.studies.rows import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = {"none": "without SAL", "sal": "SAL", "kp": "Kolen–Pollack"}
COURSES = {
    "synaptic noise 0.8": "synaptic noise 0",
    "plasticity noise 0.05": "plasticity noise 0",
    "plasticity noise in both phases 0.8": "plasticity noise 0",
}
"""Cases that are drawn over time, and the ones without noise beside them, both without their rule."""
LABELS = {"dkl": "DKL (nats)", "asymmetry": "Var(W_ij − W_ji), or 1e-5"}
FLOOR = 1e-5
"""Of what is drawn on a logarithmic axis: a symmetric network has no asymmetry at all."""


def figures(results: Results) -> Mapping[str, Figure]:
    """Divergence and asymmetry over the cycles, and at the end against the synaptic noise."""
    found = {"sampling_courses": courses(results), "sampling_noise": against_noise(results)}
    return {name: figure for name, figure in found.items() if figure is not None}


def courses(results: Results) -> Figure | None:
    """A column for each kind of noise; medians over seeds, and their range."""
    kinds = [kind for kind in COURSES if results.of(f"{kind}, none")]
    if not kinds:
        return None
    from matplotlib.figure import Figure

    figure = Figure((2.9 * len(kinds) + 0.6, 4.6), layout="constrained")
    axes = figure.subplots(2, len(kinds), sharex="col", sharey="row", squeeze=False)
    for column, kind in enumerate(kinds):
        for row, what in enumerate(LABELS):
            _course(axes[row, column], results, f"{COURSES[kind]}, none", what, "#222222", "no noise")
            for rule, label in SHOWN.items():
                _course(axes[row, column], results, f"{kind}, {rule}", what, _color(rule), label)
            _logarithmic(axes[row, column])
        axes[0, column].set_title(kind)
        axes[1, column].set_xlabel("wake–sleep cycles")
    for row, what in enumerate(LABELS):
        axes[row, 0].set_ylabel(LABELS[what])
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def against_noise(results: Results) -> Figure | None:
    """Divergence and asymmetry at the end, for each level of synaptic noise."""
    levels = sorted(
        {float(row.case.split()[2].rstrip(",")) for row in results.rows if row.case.startswith("synaptic noise")}
    )
    if len(levels) < 2:
        return None
    from matplotlib.figure import Figure

    figure = Figure((7.0, 3.1), layout="constrained")
    for axes, what in zip(figure.subplots(1, 2), LABELS, strict=True):
        for shift, (rule, label) in zip((-0.01, 0.0, 0.01), SHOWN.items(), strict=True):
            given = [(level, results.values(f"synaptic noise {level:g}, {rule}", what)) for level in levels]
            points = [(level, np.maximum(values, FLOOR)) for level, values in given if values]
            if not points:
                continue
            x, middle, low, high = np.array([(a, np.median(v), v.min(), v.max()) for a, v in points]).T
            bars = np.stack([middle - low, high - middle])
            axes.errorbar(x + shift, middle, bars, color=_color(rule), label=label, marker="o", ms=4, capsize=3, lw=1)
        axes.set(xlabel="synaptic noise σ", ylabel=LABELS[what])
        _logarithmic(axes)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _logarithmic(axes: Any) -> None:
    from matplotlib.ticker import NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _course(axes: Any, results: Results, case: str, what: str, color: str, label: str) -> None:
    rows = results.of(case)
    if rows:
        values = np.maximum([row.values["curves"][what] for row in rows], FLOOR)
        cycles = rows[0].values["curves"]["cycles"]
        axes.plot(cycles, np.median(values, 0), color=color, label=label, marker="o", ms=3)
        axes.fill_between(cycles, values.min(0), values.max(0), color=color, alpha=0.2, lw=0)


def _color(rule: str) -> str:
    return strokes(["fa", "sal", "kp"])["fa" if rule == "none" else rule].color
