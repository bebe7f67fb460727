"""Dale's law: whether SAL on the synapses between two excitatory neurons equalises all that they do to each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spikefa.dale import E2, Pair
from spikefa.streams import stream
from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRID = tuple(round(0.25 * n, 2) for n in range(9))
"""Direct weights from 0 to 2."""
START = (0.4, 1.6)
"""Of the direct weights that learn."""
UNEQUAL = Pair(off=(-1.5, -0.5))
"""One interneuron inhibits three times as much: ours, for a difference that cannot be overlooked."""


def spread(seed: int) -> Pair:
    """Paths with the paper's spread: W_onto ~ N(4, 0.2), W_off ~ N(−1, 0.1), b_I ~ N(−2, 0.2)."""
    drawn = torch.randn(3, 2, generator=stream(seed, "paths"), dtype=torch.float64).tolist()
    (a, b), (c, d), (e, f) = drawn
    return Pair((4 + 0.2 * a, 4 + 0.2 * b), (-1 + 0.1 * c, -1 + 0.1 * d), (-2 + 0.2 * e, -2 + 0.2 * f))


def paths(seed: int, steps: int = 2_000_000) -> Mapping[str, Any]:
    """What E₁ does to E₂ by both paths, with none back, and what a synapse of the effective weight alone would do.

    Returns:
        ``rates`` of E₂ over the direct weights, ``single`` ones likewise, ``off``: the largest difference.
    """
    noise, found = stream(seed, "paths' noise"), spread(seed)
    forward = Pair(found.onto, (found.off[0], 0.0), found.inter)
    alone = Pair(found.onto, (0.0, 0.0), found.inter)
    rates = [forward.rests((direct, 0.0), steps, noise)[1].rates[E2] for direct in GRID]
    weights = [forward.effective((direct, 0.0))[0] for direct in GRID]
    single = [alone.rests((weight, 0.0), steps, noise)[1].rates[E2] for weight in weights]
    return {"rates": rates, "single": single, "off": float(np.abs(np.subtract(rates, single)).max())}


def plane(seed: int, steps: int = 2_000_000) -> Mapping[str, Any]:
    """The drift of the weight E₁ → E₂ under SAL on a grid of both direct weights, ``[E₁ → E₂, E₂ → E₁]``."""
    noise, pair = stream(seed, "plane"), spread(seed)
    drift = [[pair.rests((one, other), steps, noise)[0] for other in GRID] for one in GRID]
    shift = np.subtract(*pair.effective((0.0, 0.0)))
    return {"drift": drift, "shift": float(shift)}


def learned(
    seed: int, unequal: bool, records: int = 200, steps: int = 100_000, eta: float = 0.002
) -> Mapping[str, Any]:
    """SAL on both direct weights.

    Returns:
        ``effective``: the distance of the effective weights, in the mean over the second half; ``made_up``: by how much
        the direct weights differ, as a part of what would make the effective ones equal; ``courses`` of the differences
        of the direct and of the effective weights.
    """
    pair = UNEQUAL if unequal else spread(seed)
    course = pair.align(START, eta=eta, records=records, steps=steps, generator=stream(seed, "aligning"))
    direct, shift = course[:, 0] - course[:, 1], float(np.subtract(*pair.effective((0.0, 0.0))))
    late = float(direct[len(direct) // 2 :].mean())
    courses = {"direct": direct.tolist(), "effective": (direct + shift).tolist()}
    return {"effective": abs(late + shift), "made_up": -late / shift, "shift": shift, "courses": courses}


def cases(size: Size) -> Sequence[Case]:
    """Rates, drift, and learning with the paper's spread of paths and with one path three times the other."""
    short: dict[str, Any] = {"steps": 400_000} if size == "quick" else {}
    return [
        Case("dale, paths", paths, short),
        Case("dale, plane", plane, {"steps": 100_000} if size == "quick" else {}),
        Case("dale, learned", learned, {"unequal": False}),
        Case("dale, learned, unequal paths", learned, {"unequal": True}),
    ]


def claims(results: Results) -> Sequence[Claim]:
    """The paper's two: that effective weights tell of rates, and that SAL equalises them."""
    unequal = results.values("dale, learned, unequal paths", "made_up")
    off = results.values("dale, paths", "off")
    close = results.values("dale, learned", "effective")
    rates = "rate of E₂ by both paths and by one of the effective weight, largest difference, per T_ref"
    made_up = "direct weights that learn, paths of 3 : 1: part of the difference of paths that is made up for"
    found: list[tuple[str, str, Sequence[float], float, float, str]] = [
        (rates, "points coincide [P]", off, -math.inf, 0.02, "the size of a point of 0.36 to 0.64"),
        ("effective weights after SAL, distance", "equal [P]", close, -math.inf, 0.1, "the grid of the paper's plane"),
        (f"{made_up}, all", "1 [P]", unequal, 0.8, 1.2, "ours: equal effective weights, to a fifth"),
    ]
    return [Claim(f"Dale's law: {claim[0]}", *claim[1:]) for claim in found]


def figures(results: Results) -> Mapping[str, Figure]:
    """Rates by both paths and by one, the drift over both weights, and the weights that learn."""
    names = ("dale, paths", "dale, plane", "dale, learned, unequal paths")
    if not all(results.of(name) for name in names):
        return {}
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.plot(
        GRID, results.array(names[0], "rates").mean(0), "o", color="#cc79a7", fillstyle="none", label="both paths"
    )
    left.plot(GRID, results.array(names[0], "single").mean(0), "x", color="#222222", label="effective weight")
    left.set(xlabel="W, E₁ → E₂", ylabel="rate of E₂, per T_ref")
    left.legend()
    rest = results.of(names[1])[0].values
    drift, shift = np.array(rest["drift"]), rest["shift"]
    shown = middle.contourf(GRID, GRID, drift, 15, cmap="PuOr")
    figure.colorbar(shown, ax=middle, label="drift of W, E₁ → E₂")
    middle.contour(GRID, GRID, drift, [0.0], colors="#d55e00")
    middle.plot(GRID, np.subtract(GRID, shift), "--", color="#222222")
    middle.set(xlabel="W, E₂ → E₁", ylabel="W, E₁ → E₂", xlim=(0, 2), ylim=(0, 2), title="rest; dashed: equal effect")
    for name, dash in (("direct", "-"), ("effective", "--")):
        curve = results.array(names[2], "courses", name)[0]
        right.plot(np.arange(len(curve)) / 10, curve, dash, color="#cc79a7", label=f"{name} weights")
    right.axhline(0, color="#999999", linewidth=0.8)
    right.set(xlabel="steps, millions", ylabel="difference", title="paths of 3 : 1")
    right.legend()
    return {"dale": figure}
