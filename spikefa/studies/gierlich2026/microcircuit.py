"""A teacher and students, which are cortical microcircuits: what becomes of them by where their feedback comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefa.microcircuit import ARMS, TEACHER, course
from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEAR = 0.5
"""A student has recovered the teacher if both forward weights are as near: a quarter of the teacher's. Ours."""
COLORS = {"sal": "#cc79a7", "copy": "#222222", "fa": "#0072b2"}
WORDS = {"sal": "SAL", "copy": "weight copy", "fa": "FA"}
WEIGHTS = ("W₁₀", "W₂₁", "B₁₂")


def measure(seed: int, arm: str, students: int = 20, epochs: int = 150) -> Mapping[str, Any]:
    """Students of one seed, by the paper's protocol.

    Returns:
        ``loss``: the median of the students' last validation losses, ``log_loss`` its logarithm to base 10;
        ``recovered``: the part of the students that did; ``ratio``: the median of B₁₂ / W₂₁; ``curve``: the median
        loss, and ``student`` the weights of the first student, over the epochs; ``end``: all students' weights.
    """
    found = course(seed, arm, students=students, epochs=epochs)
    last, loss = found.weights[-1], np.median(found.loss, 1)
    near = np.abs(last[:, :2] - TEACHER) < NEAR
    return {
        "loss": float(loss[-1]),
        "log_loss": math.log10(loss[-1]),
        "recovered": float(near.all(1).mean()),
        "ratio": float(np.median(last[:, 2] / last[:, 1])),
        "curve": loss.tolist(),
        "student": found.weights[:, 0].tolist(),
        "end": last.tolist(),
    }


def cases(size: Size) -> Sequence[Case]:
    """Three arms; at quick size with a third of the epochs and a quarter of the students."""
    given: dict[str, Any] = {"students": 5, "epochs": 50} if size == "quick" else {"students": 20, "epochs": 150}
    return [Case(f"microcircuit, {arm}", measure, {"arm": arm, **given}) for arm in ARMS]


def claims(results: Results) -> Sequence[Claim]:
    """What the paper's figure of the microcircuits shows; its numbers are in no text or file."""
    sal, copy, fa = (f"microcircuit, {arm}" for arm in ARMS)
    loss = results.differences(sal, copy, "log_loss"), results.differences(fa, sal, "log_loss")
    recovered = results.differences(sal, copy, "recovered"), results.values(fa, "recovered")
    as_far = "SAL brings the loss down as far as weight copy, log₁₀ of their ratio"
    beside = "students that recover the teacher with SAL, less those with weight copy"
    above = "loss of FA above that of SAL, log₁₀ of their ratio"
    found: list[tuple[str, str, Sequence[float], float, float, str]] = [
        (as_far, "boxes overlap [P]", loss[0], -math.inf, 0.3, "ours: a factor of two"),
        (beside, "all do with both [P]", recovered[0], -0.15, math.inf, "ours: three of twenty students"),
        ("students that recover it with FA", "mostly not [P]", recovered[1], -math.inf, 0.5, "ours: less than half"),
        (above, "above [P]", loss[1], 0, math.inf, "its sign"),
        (
            "B₁₂ / W₂₁ in the end, SAL",
            "both near 2 [P]",
            results.values(sal, "ratio"),
            0.9,
            1.1,
            "ours: equal, to a tenth",
        ),
    ]
    return [Claim(f"microcircuit: {claim[0]}", *claim[1:]) for claim in found]


def figures(results: Results) -> Mapping[str, Figure]:
    """Loss over epochs, the weights of a student with SAL, and where all students end."""
    measured = [arm for arm in ARMS if results.of(f"microcircuit, {arm}")]
    if not measured:
        return {}
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for arm in measured:
        curves = results.array(f"microcircuit, {arm}", "curve")
        epochs = np.arange(1, curves.shape[1] + 1)
        left.plot(epochs, np.median(curves, 0), color=COLORS[arm], label=WORDS[arm])
        left.fill_between(epochs, curves.min(0), curves.max(0), color=COLORS[arm], alpha=0.15, linewidth=0)
    left.set(yscale="log", xlabel="epoch", ylabel="validation loss", title="median student, range of seeds")
    left.yaxis.set_major_formatter(lambda loss, _: f"{loss:g}")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    if "sal" in measured:
        for name, weights, dash in zip(
            WEIGHTS, results.array("microcircuit, sal", "student")[0].T, ("-", "--", ":"), strict=True
        ):
            middle.plot(weights, dash, color=COLORS["sal"], label=name)
    middle.axhline(TEACHER[0], color="#999999", linewidth=0.8)
    middle.set(xlabel="epoch", ylabel="weight", title="a student with SAL")
    middle.legend()
    _ends(right, results, measured)
    return {"microcircuit": figure}


def _ends(axes: Axes, results: Results, arms: Sequence[str]) -> None:
    """The weights of all students in the end."""
    for shift, arm in enumerate(arms):
        ends = np.concatenate(results.array(f"microcircuit, {arm}", "end"))
        for n, values in enumerate(ends.T):
            place = n + 0.25 * (shift - 1) + np.linspace(-0.08, 0.08, len(values))
            axes.plot(place, values, ".", color=COLORS[arm], markersize=4)
    axes.axhline(TEACHER[0], color="#999999", linewidth=0.8)
    axes.set(xticks=range(3), xticklabels=WEIGHTS, ylabel="weight in the end", title="all students")
