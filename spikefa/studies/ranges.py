"""Points of a study's figure: means over seeds, with bars that reach over the range of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = Sequence[tuple[float, Sequence[float]]]
"""Where each point is along x, and what each seed has there."""


def ranges(axes: Axes, name: str, points: Points, color: str, marker: str, **how: Any) -> None:
    """Draw points, and the line through them unless ``ls=""``.

    Args:
        axes: to draw into; ``name``: in the legend; ``points``: one or more.
        color, marker, how: as matplotlib's ``errorbar`` has them.

    Example:
        >>> from matplotlib.figure import Figure
        >>> axes = Figure().subplots()
        >>> ranges(axes, "fa", [(1.0, [2.0, 4.0])], "#0072b2", "o")
        >>> axes.containers[0].lines[0].get_ydata().tolist()
        [3.0]
    """
    at, values = zip(*points, strict=True)
    mean = np.array([np.mean(seeds) for seeds in values])
    ends = np.array([[m - min(s), max(s) - m] for m, s in zip(mean, values, strict=True)]).T
    axes.errorbar(at, mean, ends, label=name, color=color, marker=marker, capsize=2, **how)
