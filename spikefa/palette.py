"""One colour, dash and marker for every rule, the same in every figure and table."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spikefa.rules import RULES

INK = "#222222"
"""Backpropagation, the reference."""
HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255", "#999933")
"""Okabe and Ito's palette without black and yellow, and two of Tol's: told apart with any colour vision."""
DASHES: tuple[tuple[float, ...], ...] = ((), (4.0, 1.6), (1.2, 1.2), (6.0, 1.4, 1.2, 1.4))
DARKER = (0.0, 0.4, 0.2, 0.6)
MARKERS = "os^D"


@dataclass(frozen=True)
class Stroke:
    """How a rule is drawn.

    Args:
        color: `#rrggbb`.
        dash: lengths of dash and gap in line widths; empty for a solid line.
        marker: matplotlib's name of the marker.
    """

    color: str
    dash: tuple[float, ...] = ()
    marker: str = "o"


def strokes(rules: Iterable[str]) -> dict[str, Stroke]:
    """A stroke for every rule.

    bp is dark grey, and every rule of ours has its own hue whatever stands beside it; others follow by the order of
    appearance. A family of rules (`fbp:period=10`, `fbp:period=100`) shares its hue; within a hue, shade, dash and
    marker differ.

    Args:
        rules: names of rules, repeats allowed.

    Example:
        >>> drawn = strokes(["bp", "fa", "fbp:period=10", "fbp:period=100"])
        >>> drawn["bp"].color, drawn["fa"].color, drawn["fbp:period=100"].dash
        ('#222222', '#0072b2', (4.0, 1.6))
    """
    names = list(dict.fromkeys(rules))
    families = [name for name in dict.fromkeys([*RULES, *map(family, names)]) if name != "bp"]
    hues = {name: HUES[order % len(HUES)] for order, name in enumerate(families)} | {"bp": INK}
    used = dict.fromkeys(hues.values(), 0)
    drawn = {}
    for name in sorted(names, key=lambda name: family(name) not in RULES):  # ours take the plain stroke of a hue
        hue = hues[family(name)]
        drawn[name] = _stroke(hue, used[hue])
        used[hue] += 1
    return {name: drawn[name] for name in names}


def family(rule: str) -> str:
    """A rule's name without its parameters.

    Example:
        >>> family("fbp:period=100,part=0.5"), family("package.module:Class:gain=2")
        ('fbp', 'package.module:Class')
    """
    return re.split(r":(?=[^:]*=)", rule, maxsplit=1)[0]


def _stroke(hue: str, use: int) -> Stroke:
    turn = use % len(DASHES)
    return Stroke(darker(hue, DARKER[turn]), DASHES[turn], MARKERS[turn])


def darker(color: str, amount: float) -> str:
    """A color moved towards black, by 0 to 1.

    Example:
        >>> darker("#ff8000", 0.5)
        '#804000'
    """
    channels = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(channel * (1 - amount)):02x}" for channel in channels)
