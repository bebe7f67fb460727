"""What is drawn: accuracy against what each method pays, how well B follows W, and accuracy with each harm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from spikefa.palette import Stroke, strokes
from spikefa.panels import panels
from spikefa.studies.fbp_vs_sal.arms import HARMS, RULES, UNHARMED
from spikefa.studies.legend import with_legend
from spikefa.studies.ranges import ranges
from spikefa.studies.rows import Results
from spikefa.tables import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSTS = {
    "words": ("fbp", "words of W moved"),
    "moved": ("fbp", "bits moved, relative to bp"),
    "spikes": ("sal", "spikes in phases"),
    "events": ("sal", "synaptic events in phases"),
    "steps": ("sal", "simulated time of phases, steps"),
}
"""What each method pays in, by the name of the value."""
REFERENCES = ("bp", "never copied", "fa")
STROKES: Mapping[str, Stroke] = dict(zip(RULES, strokes(RULES.values()).values(), strict=True))
"""Of every rule unharmed, by its name."""


def cost(results: Results) -> Figure:
    """Test accuracy against each kind of cost, mean and range over seeds; what costs nothing, and bp, as lines."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, grid = panels(len(COSTS), height=2.5, shared=False)
    for axes, (value, (family, label)) in zip(grid, COSTS.items(), strict=True):
        for name in REFERENCES:
            if tests := results.values(name, "test"):
                axes.axhline(float(np.mean(tests)), color=STROKES[name].color, ls=(0, (4, 2)), lw=1, label=name)
        for name in (name for name, rule in RULES.items() if rule.startswith(family) and name not in REFERENCES):
            if tests := results.values(name, "test"):
                at, stroke = float(np.mean(results.values(name, value))), STROKES[name]
                ranges(axes, name, [(at, tests)], stroke.color, stroke.marker, ms=5, ls="")
        axes.set(xscale="log", xlabel=label)
        axes.margins(x=0.25)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: count(at)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    for axes in grid[1:]:
        axes.sharey(grid[0])
    for axes in grid[::3]:
        axes.set_ylabel("test accuracy, %")
    return with_legend(figure)


def alignment(results: Results) -> Figure:
    """Cosine of B and W, and angle of the gradient with bp's, after the last update: a dot a seed, a line a case."""
    cases = [name for name in RULES if name != "bp"] + [f"{kind}: {name}" for kind in HARMS for name in HARMS[kind]]
    cases = [case for case in cases if results.of(case) and case.rpartition(": ")[2] != "bp"]
    figure, (left, right) = panels(2, height=0.6 + 0.22 * max(6, len(cases)), shared=False)
    for at, case in enumerate(cases):
        kind, _, name = case.rpartition(": ")
        for axes, value in ((left, "cosine"), (right, "angle")):
            found, color = results.values(case, value), STROKES[UNHARMED.get(name, name)].color
            face = "none" if kind else color
            axes.plot(found, [at] * len(found), "o", color=color, markerfacecolor=face, ms=5, alpha=0.8)
    for axes in (left, right):
        axes.set_ylim(len(cases) - 0.5, -0.5)
        axes.grid(axis="y", alpha=0.4)
    left.set_yticks(range(len(cases)), cases)
    right.set_yticks(range(len(cases)), [""] * len(cases))
    left.set(xlabel="cosine of B and W, mean over layers", xlim=(None, 1.03))
    right.set(xlabel="angle of the gradient with bp's, degrees", xlim=(0, None))
    return figure


def harm(results: Results) -> Figure:
    """Test accuracy with each harm, and unharmed beside it, by rule: a dot a seed."""
    kinds = [kind for kind in HARMS if any(row.case.startswith(f"{kind}: ") for row in results.rows)]
    figure, grid = panels(max(1, len(kinds)), height=2.6, shared=False)
    for axes, kind in zip(grid, kinds, strict=False):
        shown = [name for name in HARMS[kind] if results.of(f"{kind}: {name}")]
        for at, name in enumerate(shown):
            whole = UNHARMED.get(name, name)
            for shift, case, color in ((-0.2, whole, "#bbbbbb"), (0.2, f"{kind}: {name}", "#d55e00")):
                if tests := results.values(case, "test"):
                    axes.plot([at + shift] * len(tests), tests, "o", color=color, ms=4)
        axes.set_xticks(range(len(shown)), shown, rotation=20, ha="right")
        axes.set(title=f"{kind} (orange), unharmed (grey)")
    grid[0].set_ylabel("test accuracy, %")
    return figure
