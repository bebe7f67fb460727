"""A figure of two simulations of one case: their traces over each other, and the difference below."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from spikefa.validation.exact import Agreement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4
"""Variables side by side."""

LINES = 4
"""Neurons or weights shown of each variable: those that vary most."""


def draw(found: Agreement, folder: Path) -> Path:
    """Draw every real variable of a case: a column each, both simulators above, their difference below.

    Args:
        found: what :meth:`~spikefa.validation.Exact.run` returned.
        folder: made if it does not exist.

    Returns:
        The file, ``<folder>/<case>.png``.
    """
    keys = [key for key, values in found.traces[0].arrays.items() if values.dtype != bool]
    columns, rows = min(len(keys), COLUMNS), math.ceil(len(keys) / COLUMNS)
    figure, axes = plt.subplots(
        2 * rows,
        columns,
        figsize=(4 * columns, 4 * rows),
        squeeze=False,
        height_ratios=(3, 1) * rows,
        layout="constrained",
    )
    places = [(axes[2 * row, column], axes[2 * row + 1, column]) for row in range(rows) for column in range(columns)]
    for key, (above, below) in zip(keys, places, strict=False):
        _variable(above, below, found, key)
    for empty in places[len(keys) :]:
        for each in empty:
            each.set_axis_off()
    places[0][1].set_ylabel("largest\ndifference")
    places[0][0].legend(loc="best", fontsize="small")
    figure.suptitle(textwrap.fill(f"{found.case}: {found.compared}", 42 * columns), fontsize="medium")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.case}.png"
    figure.savefig(path, dpi=75)
    plt.close(figure)
    return path


def _variable(above: Axes, below: Axes, found: Agreement, key: tuple[str, str]) -> None:
    """A variable of both simulators, and the largest difference at each time."""
    reference, twin = found.traces
    population, variable = key
    time = np.array([reference.step(variable, record) for record in range(len(reference[key]))]) * reference.dt
    _both(above, time, reference[key], twin[key])
    unit = reference.units[variable]
    above.set(title=f"{population}: {variable}" + (f" ({unit})" if unit != "1" else ""))
    above.tick_params(labelbottom=False)
    below.sharex(above)
    below.plot(time, np.abs(twin[key] - reference[key]).reshape(len(time), -1).max(1), color="0.3", lw=1)
    below.set(xlabel="time (ms)")


def _both(axes: Axes, time: NDArray[Any], reference: NDArray[Any], twin: NDArray[Any]) -> None:
    """The liveliest lines of a variable, Brian2's broad and pale, torch's thin and dashed over it."""
    ours, theirs = (values.reshape(len(time), -1) for values in (reference, twin))
    for number, column in enumerate(np.argsort(-ours.var(0), kind="stable")[:LINES]):
        first = number == 0
        axes.plot(time, ours[:, column], color=f"C{number}", lw=4, alpha=0.35, label="Brian2" if first else None)
        axes.plot(time, theirs[:, column], color="k", lw=0.8, ls="--", label="torch" if first else None)
