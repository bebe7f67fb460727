"""The figures of the sampling networks, in the manner of the paper's figures 4 and 5."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from spikefa.palette import strokes
from spikefa.studies.rows import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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
NOISES = {
    "synaptic noise": "synaptic noise σ",
    "plasticity noise": "plasticity noise σ, in sleep",
    "plasticity noise in both phases": "plasticity noise σ, in both phases",
}
"""The kinds of noise, of which there are levels, and what their axis is called."""


def figures(results: Results) -> Mapping[str, Figure]:
    """Divergence and asymmetry over the cycles, and at the end against the noise."""
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
        axes[1, column].set_xlabel("wake–sleep cycles, thousands")
    for row, what in enumerate(LABELS):
        axes[row, 0].set_ylabel(LABELS[what])
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def against_noise(results: Results) -> Figure | None:
    """Divergence and asymmetry at the end, by level of each kind of noise; medians over seeds, and their range."""
    levels = {kind: found for kind in NOISES if len(found := _levels(results, kind)) > 1}
    if not levels:
        return None
    from matplotlib.figure import Figure

    figure = Figure((2.9 * len(levels) + 0.6, 4.6), layout="constrained")
    axes = figure.subplots(2, len(levels), sharex="col", sharey="row", squeeze=False)
    for column, (kind, cases) in enumerate(levels.items()):
        for row, what in enumerate(LABELS):
            for side, rule in zip((-1, 0, 1), SHOWN, strict=True):
                _ends(axes[row, column], results, cases, what, rule, side * 0.015 * max(cases))
            _logarithmic(axes[row, column])
        axes[1, column].set_xlabel(NOISES[kind])
    for row, what in enumerate(LABELS):
        axes[row, 0].set_ylabel(LABELS[what])
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _levels(results: Results, kind: str) -> dict[float, str]:
    """The cases that were measured of a kind of noise, less their rules, by level; without noise a kind is another."""
    named = {row.case.rpartition(", ")[0] for row in results.rows}
    found = {float(name.removeprefix(kind)): name for name in named if re.fullmatch(kind + r" [\d.]+", name)}
    none = " ".join([*kind.split()[:2], "0"])
    return dict(sorted((found | ({0.0: none} if none in named else {})).items()))


def _ends(axes: Axes, results: Results, cases: Mapping[float, str], what: str, rule: str, shift: float) -> None:
    """A rule at each level."""
    given = [(level, results.values(f"{name}, {rule}", what)) for level, name in cases.items()]
    points = [(level, np.maximum(values, FLOOR)) for level, values in given if values]
    if points:
        x, middle, low, high = np.array([(a, np.median(v), v.min(), v.max()) for a, v in points]).T
        bars = np.stack([middle - low, high - middle])
        axes.errorbar(x + shift, middle, bars, color=_color(rule), label=SHOWN[rule], marker="o", ms=4, capsize=3, lw=1)


def _logarithmic(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(
        LogLocator(subs=(1.0,) if axes.get_ylim()[1] > 1e3 * axes.get_ylim()[0] else (1, 2, 5))
    )
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _course(axes: Axes, results: Results, case: str, what: str, color: str, label: str) -> None:
    rows = results.of(case)
    if rows:
        values = np.maximum([row.values["curves"][what] for row in rows], FLOOR)
        cycles = np.array(rows[0].values["curves"]["cycles"]) / 1000
        axes.plot(cycles, np.median(values, 0), color=color, label=label, marker="o", ms=3)
        axes.fill_between(cycles, values.min(0), values.max(0), color=color, alpha=0.2, lw=0)


def _color(rule: str) -> str:
    return strokes(["fa", "sal", "kp"])["fa" if rule == "none" else rule].color
