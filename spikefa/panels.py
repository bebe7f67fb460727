"""What the figures are made of: panels, lines with bands, a legend, names beside points."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from spikefa.palette import Stroke

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox
    from pandas import DataFrame

WIDTH = 8.4
"""Of every figure, in inches."""


def panels(number: int, height: float, shared: bool = True) -> "tuple[Figure, list[Axes]]":
    """A figure of panels, with epochs along the x-axis.

    Args:
        number: of panels, at most three in a row.
        height: of one row, in inches.
        shared: whether both axes are the same in all panels.

    Example:
        >>> figure, axes = panels(4, height=2.0)
        >>> len(axes), figure.get_size_inches().tolist()
        (4, [8.4, 4.0])
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    columns = {1: 1, 2: 2, 4: 2}.get(number, 3)
    rows = math.ceil(number / columns)
    figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=shared, sharey=shared, squeeze=False).ravel().tolist()
    for spare in grid[number:]:
        spare.remove()
    for axes in grid[max(0, number - columns) : number]:
        axes.tick_params(labelbottom=True)
    for axes in grid[:number]:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return figure, grid[:number]


def lines(axes: "Axes", frame: "DataFrame", strokes: Mapping[str, Stroke]) -> None:
    """A curve over the epochs: for every rule the mean over seeds, in a band from the smallest to the largest.

    Args:
        axes: to draw into.
        frame: from `curves`: rule, seed, epoch, value.
        strokes: of the rules.

    Example:
        >>> import pandas
        >>> _, (axes,) = panels(1, height=2.0)
        >>> frame = pandas.DataFrame({"rule": ["fa", "fa"], "seed": [0, 1], "epoch": [1, 1], "value": [1.0, 3.0]})
        >>> lines(axes, frame, {"fa": Stroke("#0072b2")})
        >>> axes.lines[0].get_ydata().tolist()
        [2.0]
    """
    for rule, group in frame.groupby("rule", sort=False):
        stroke = strokes[str(rule)]
        seeds = group.groupby("epoch")["value"].agg(["mean", "min", "max"])
        dash = (0, stroke.dash) if stroke.dash else "-"
        marker = stroke.marker if len(seeds) < 3 else ""
        axes.plot(seeds.index, seeds["mean"], color=stroke.color, linestyle=dash, marker=marker, ms=4, label=str(rule))
        axes.fill_between(seeds.index, seeds["min"], seeds["max"], color=stroke.color, alpha=0.15, linewidth=0)


def with_legend(figure: "Figure") -> "Figure":
    """Name the rules drawn, once, to the right of all panels, and the epochs below.

    Args:
        figure: with labelled lines.

    Example:
        >>> figure, (left, right) = panels(2, height=2.0)
        >>> for axes in (left, right):
        ...     _ = axes.plot([0, 1], label="fa")
        >>> [text.get_text() for text in with_legend(figure).legends[0].get_texts()]
        ['fa']
    """
    handles: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(str(label), handle)
    names = [textwrap.fill(label, 26) for label in handles]
    figure.supxlabel("epoch", fontsize=9)
    figure.legend(list(handles.values()), names, loc="outside right upper")
    figure.set_figheight(max(figure.get_figheight(), 0.19 * "\n".join(names).count("\n") + 0.6))
    return figure


def zoom_in(axes: "Axes", frame: "DataFrame") -> None:
    """Show the second half of training alone.

    Args:
        axes: one that shares its axes with no other.
        frame: from `curves`, what it shows.

    Example:
        >>> import pandas
        >>> _, (axes,) = panels(1, height=2.0)
        >>> zoom_in(axes, pandas.DataFrame({"epoch": [0, 5, 10], "value": [0.1, 0.9, 1.0]}))
        >>> [round(float(end), 3) for end in axes.get_ylim()]
        [0.894, 1.006]
    """
    last = frame["epoch"].max()
    late = frame[frame["epoch"] >= last / 2]["value"]
    room = 0.06 * (late.max() - late.min()) or 0.01
    axes.set_xlim(0.49 * last, 1.01 * last)
    axes.set_ylim(late.min() - room, late.max() + room)


def heat_map(axes: "Axes", values: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> None:
    """Numbers from 0 to 1 as shades, written out as well: a row for each rule, a column for each layer.

    Args:
        axes: to draw into.
        values: by rule and layer; what is missing or nan stays white, with a dash.
        columns: the layers, in their order.

    Example:
        >>> _, (axes,) = panels(1, height=2.0)
        >>> heat_map(axes, {"fa": {"lif1": 0.5}}, ["lif1", "lif2"])
        >>> [text.get_text() for text in axes.texts]
        ['0.50', '–']
    """
    table = [[values[row].get(column, math.nan) for column in columns] for row in values]
    axes.pcolormesh(
        table, cmap="Greys", vmin=0, vmax=1.25, edgecolor="white", linewidth=1.5
    )  # black would hide nothing
    for y, row in enumerate(table):
        for x, value in enumerate(row):
            said = "–" if math.isnan(value) else f"{value:.2f}".replace("-", "−")
            axes.text(x + 0.5, y + 0.5, said, ha="center", va="center", color="white" if value > 0.7 else "#222222")
    axes.set(xlim=(0, len(columns)), ylim=(len(table), 0))
    axes.set_xticks(
        [at + 0.5 for at in range(len(columns))], [textwrap.shorten(c, 20, placeholder="…") for c in columns]
    )
    axes.set_yticks([at + 0.5 for at in range(len(table))], [textwrap.fill(row, 30) for row in values])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)


def moved_axis(axes: "Axes", moved: Sequence[float]) -> None:
    """Make x logarithmic, but with an honest 0 at its left end, behind a break.

    Args:
        axes: to change.
        moved: the values it must show, 0 or above.

    Example:
        >>> _, (axes,) = panels(1, height=2.0)
        >>> moved_axis(axes, [0.0, 0.05, 1.0])
        >>> [label.get_text() for label in axes.get_xticklabels()]
        ['0', '0.01', '0.1', '1']
    """
    first = _first_decade(moved)
    last = max(0, math.ceil(math.log10(max([1.0, *moved]))))
    axes.set_xscale("symlog", linthresh=10.0**first, linscale=1.2)
    axes.set_xlim(-0.45 * 10.0**first, 2 * 10.0**last)
    ticks = [0.0, *(10.0**power for power in range(first, last + 1))]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    if 0 in moved:
        axes.axvspan(-0.36 * 10.0**first, 0.36 * 10.0**first, color="#f2f2f2", linewidth=0, zorder=0)
    mark = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    axes.text(10.0**first * 0.7, 0, "//", transform=axes.get_xaxis_transform(), ha="center", va="center", bbox=mark)


def spread_zeros(moved: Sequence[float]) -> list[float]:
    """Where to draw the values on a `moved_axis`: those at 0 side by side around it, left of the break.

    Args:
        moved: the values, 0 or above.

    Example:
        >>> spread_zeros([0.0, 1.0, 0.0, 0.0])
        [-0.008, 1.0, 0.0, 0.008]
        >>> spread_zeros([0.0, 1.0])
        [0.0, 1.0]
    """
    zeros = sum(value == 0 for value in moved)
    step = min(0.08, 0.6 / max(1, zeros - 1)) * 10.0 ** _first_decade(moved)
    places = iter((at - (zeros - 1) / 2) * step for at in range(zeros))
    return [value or next(places) for value in moved]


def _first_decade(moved: Sequence[float]) -> int:
    """The power of ten below the smallest positive value."""
    smallest = min((value for value in moved if value > 0), default=1.0)
    return math.ceil(math.log10(smallest)) - 1


def name_points(
    axes: "Axes", points: Mapping[str, tuple[float, float, float, float]], colors: Mapping[str, str]
) -> None:
    """Write every name, in lines of 42 letters, beside its point, until it covers no other name, point or bar.

    Args:
        axes: of a figure drawn before, so that its layout is final.
        points: x, y and the ends of the bar, by name.
        colors: by name.

    Example:
        >>> figure, (axes,) = panels(1, height=2.0)
        >>> figure.draw_without_rendering()
        >>> name_points(axes, {"fa": (0.5, 0.5, 0.4, 0.6)}, {"fa": "#0072b2"})
        >>> axes.texts[0].get_text()
        'fa'
    """
    from matplotlib.transforms import Bbox

    pixel = axes.transData.transform
    taken = [Bbox([pixel((x, low)) - 6, pixel((x, high)) + 6]) for x, _, low, high in points.values()]
    for name, (x, y, *_) in sorted(points.items(), key=lambda item: -item[1][1]):
        said = textwrap.fill(name, 42)
        text = axes.annotate(said, (x, y), (0, 0), textcoords="offset points", color=colors[name], fontsize=8.5)
        text.set_in_layout(False)
        right, up = _settle(text, axes.get_window_extent(), taken)
        if up:
            leader = {"arrowstyle": "-", "color": colors[name], "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", (x, y), (right, up), textcoords="offset points", arrowprops=leader)


def _settle(text: "Annotation", frame: "Bbox", taken: "list[Bbox]") -> tuple[int, int]:
    """Move a text to the first free place in the frame, and take that; the place in points from what it names."""
    text.set_verticalalignment("center_baseline")
    for up in (0, *range(-3, -120, -3), *range(3, 240, 3)):
        for right in (16, -16) if up else (9, -9):
            text.set_horizontalalignment("left" if right > 0 else "right")
            text.set_position((right, up))
            place = text.get_window_extent()
            inside = frame.x0 <= place.x0 and place.x1 <= frame.x1 and frame.y0 <= place.y0 and place.y1 <= frame.y1 + 8
            if inside and not place.count_overlaps(taken):
                taken.append(place)
                return right, up
    return 0, 0
