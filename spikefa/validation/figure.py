"""A figure of two simulations of one case: their traces over each other, and the difference below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from spikefa.validation.exact import Agreement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    reference, twin = found.traces
    keys = [key for key, values in reference.arrays.items() if values.dtype != bool]
    figure, axes = plt.subplots(
        2,
        len(keys),
        figsize=(4.2 * len(keys), 5),
        sharex="col",
        squeeze=False,
        height_ratios=(3, 1),
        layout="constrained",
    )
    for key, (above, below) in zip(keys, axes.T, strict=True):
        population, variable = key
        after = (np.arange(len(reference[key])) + 1) * reference.steps(variable)
        time = (after - 1) * reference.dt  # of the step after which it was recorded
        _both(above, time, reference[key], twin[key])
        unit = reference.units[variable]
        above.set(title=f"{population}: {variable}" + (f" ({unit})" if unit != "1" else ""))
        off = np.abs(twin[key] - reference[key]).reshape(len(time), -1).max(1)
        below.plot(time, off, color="0.3", lw=1)
        below.set(xlabel="time (ms)")
    axes[1, 0].set_ylabel("largest difference")
    axes[0, 0].legend(loc="best", fontsize="small")
    figure.suptitle(f"{found.case}: {found.compared}", fontsize="medium")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.case}.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _both(axes: Axes, time: NDArray[Any], reference: NDArray[Any], twin: NDArray[Any]) -> None:
    """The liveliest lines of a variable, Brian2's broad and pale, torch's thin and dashed over it."""
    ours, theirs = (values.reshape(len(time), -1) for values in (reference, twin))
    for number, column in enumerate(np.argsort(-ours.var(0), kind="stable")[:LINES]):
        first = number == 0
        axes.plot(time, ours[:, column], color=f"C{number}", lw=4, alpha=0.35, label="Brian2" if first else None)
        axes.plot(time, theirs[:, column], color="k", lw=0.8, ls="--", label="torch" if first else None)
