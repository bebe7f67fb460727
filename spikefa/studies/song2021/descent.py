"""Training the synthetic networks by the paper's protocol, and what is kept of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikefa.studies.song2021.synthetic import NETWORKS, Linear, Vector, draw

CHECK = 1000
"""Steps between two looks at the loss, by which training ends."""
CHANGE = 1e-3
"""Of the loss between two looks: less ends training."""
POINTS = 40
"""Points of a curve that is kept."""


def shortest(p: int) -> int:
    """Steps that a network of this width is trained at least: 5000 √p/14, rounded down.

    Example:
        >>> shortest(200), shortest(12800)
        (5050, 40406)
    """
    return int(5000 * math.sqrt(p) / 14)


def measure(
    seed: int,
    psi: str,
    p: int,
    decay: float,
    lr: float,
    steps: int | None = None,
    cut: int | None = None,
    curve: bool = False,
) -> Mapping[str, Any]:
    """Train a network of a seed, by the paper's protocol unless told otherwise.

    Args:
        seed: of data and network; ``psi``: ``linear`` or ``relu``; ``p``: its width.
        decay: λ, relative to the mean squared error; ``lr``: η.
        steps: at least so many; the published number if absent. Training ends when the loss changes by less than
            :data:`CHANGE` in :data:`CHECK` steps.
        cut: the step at which λ becomes 0; never if absent.
        curve: whether to keep the course.

    Returns:
        ``cosine`` of b and β after the last step, before the first (``start``) and at the cut (``at_cut``), the number
        of ``steps``, mean squared errors before the first (``first``) and the last (``loss``), how straight
        three decades of log-loss are (``straight``); of a linear network also the coefficient of b in β over the
        derived one (``coefficient``); and with ``curve`` that: lists ``step``, ``loss`` and ``cosine``.
    """
    drawn = draw(seed, psi, p)
    net, y = NETWORKS[psi](drawn), drawn.y.numpy()
    least = shortest(p) if steps is None else steps
    every, losses, cosines, t = max(1, least // POINTS), np.empty(0), {0: net.cosine()}, 0
    while t < least or (t - least) % CHECK or t <= CHECK or abs(losses[-1] - losses[-1 - CHECK]) >= CHANGE:
        marks = (t // every + 1) * every, max(least, t + CHECK - (t - least) % CHECK), cut or 0
        ahead = min(mark for mark in marks if mark > t) - t
        losses = np.append(losses, net.descend(y, lr, decay if cut is None or t < cut else 0.0, ahead))
        t += ahead
        cosines[t] = net.cosine()
    found: dict[str, Any] = {"cosine": cosines[t], "start": cosines[0], "steps": t}
    found |= {"first": float(losses[0]), "loss": float(losses[-1])}
    found |= {"straight": straight(losses)} if decay == 0 else {}
    found |= {"at_cut": cosines[cut]} if cut is not None else {}
    found |= {"coefficient": net.coefficient} if isinstance(net, Linear) and decay == 0 else {}
    found |= {"curve": course(losses, cosines)} if curve else {}
    return found


def course(losses: Sequence[float] | Vector, cosines: Mapping[int, float]) -> dict[str, list[float]]:
    """The curve that a row keeps: the cosine where it was measured, and the loss, of which the last may be missing."""
    seen = [float(losses[min(t, len(losses) - 1)]) for t in cosines]
    return {"step": [*cosines], "loss": seen, "cosine": [*cosines.values()]}


def straight(losses: Sequence[float] | Vector, above: float = 1e-3, below: float = 1e-6) -> float:
    """How much of the variance of the log-loss a straight line in time explains, over the loss's fall between two
    shares of its start: R², 1 for an exponential fall, .87 for one by t⁻²; nan if the loss did not fall so far.

    Example:
        >>> round(straight([0.99**t for t in range(2000)]), 9)
        1.0
    """
    share = np.asarray(losses) / losses[0]
    inside = np.flatnonzero((share <= above) & (share >= below))
    if share.min() > below or len(inside) < 3:
        return math.nan
    return float(np.corrcoef(inside, np.log(share[inside]))[0, 1] ** 2)
