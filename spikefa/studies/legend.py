"""The legend of a study's figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def with_legend(figure: Figure) -> Figure:
    """The figure, with every name that its panels have once, below them.

    Example:
        >>> from matplotlib.figure import Figure
        >>> figure = Figure(layout="constrained")
        >>> for axes in figure.subplots(1, 2):
        ...     _ = axes.plot([0, 1], label="fa")
        >>> [text.get_text() for text in with_legend(figure).legends[0].get_texts()]
        ['fa']
    """
    named: dict[str, Any] = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=5)
    return figure
