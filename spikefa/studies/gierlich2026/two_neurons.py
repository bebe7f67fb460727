"""Two neurons whose weights meet: at their mean if both learn, at the other one if one is frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spikefa.noise.pair import pair
from spikefa.noise.stdp import mirrored_window
from spikefa.noise.stochastic import StochasticNeuron
from spikefa.streams import stream
from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size
from spikefa.timing import TwoNeurons

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BOTH, ONE = "two neurons, both plastic", "two neurons, one frozen"
PROTOCOL: Mapping[str, Any] = {
    "weights": [1.5, 0.5],
    "bias": [-0.5, -0.2],
    "refractory": 25,
    "epochs": 1500,
    "steps": 1500,
    "eta": 0.03,
}
"""As published, with the authors' epochs: a phase from new, after which both weights change once."""
KEPT = 50
"""Points of a course that are kept."""


def meet(
    seed: int,
    plastic: Sequence[bool],
    weights: Sequence[float],
    bias: Sequence[float],
    refractory: int,
    epochs: int,
    steps: int,
    eta: float,
) -> dict[str, Any]:
    """The course of w_1 and w_2 under SAL, beside what the exact theory expects.

    Args:
        seed: of the spikes; ``plastic``: which of both weights learn.
        weights: onto neuron 1 and onto neuron 2; ``bias``: of both.
        refractory: T_ref; ``epochs``, ``steps`` in each; ``eta``: per T_ref of the window.

    Returns:
        ``gap``, w_1 − w_2 over the last third; ``shift``, by how much (w_1 + w_2)/2 is then off that of the start, a
        difference since rows keep six digits; ``pace``, by how much less than at the start the gap was on average over
        the epochs, relative to the theory; and the courses.
    """
    noise, neuron = stream(seed, "two neurons"), StochasticNeuron(refractory)
    w, learns, scale = np.array(weights, float), np.array(plastic, float), eta * refractory / steps
    course = [w]
    for _ in range(epochs):
        down, up = (torch.full((1, 1), float(value), dtype=torch.float64) for value in w)
        spikes = pair(up, down, noise, neuron, steps=steps, replicas=1, bias=(bias[0], bias[1]))
        window = mirrored_window(((a.double(), b.double()) for a, b in spikes), refractory).item()
        w = w + scale * learns * np.array([window, -window])
        course.append(w)
    found, theory = np.array(course), expected(plastic, weights, bias, refractory, epochs, eta)
    last, gap, foreseen = found[-(epochs // 3) :], found[:, 0] - found[:, 1], theory[:, 0] - theory[:, 1]
    kept = np.linspace(0, epochs, KEPT + 1).round().astype(int)
    return {
        "gap": float((last[:, 0] - last[:, 1]).mean()),
        "shift": float(last.mean() - found[0].mean()),
        "pace": float((gap[0] - gap.mean()) / (foreseen[0] - foreseen.mean())),
        "epochs": kept,
        "weights": found[kept].T,
        "theory": theory[kept].T,
    }


def expected(
    plastic: Sequence[bool],
    weights: Sequence[float],
    bias: Sequence[float],
    refractory: int,
    epochs: int,
    eta: float,
    stride: int = 25,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The course by the exact drift alone, ``[epochs + 1, 2]``; the drift is found anew once in ``stride`` epochs."""
    w, course, drift = np.array(weights, float), [], 0.0
    for epoch in range(epochs + 1):
        course.append(w)
        if epoch % stride == 0:
            drift = TwoNeurons((w[0], w[1]), (bias[0], bias[1]), refractory).drift(refractory)
        w = w + eta * refractory * drift * np.array([plastic[0], -plastic[1]], float)
    return np.array(course)


def cases(size: Size) -> Sequence[Case]:
    """Both ways, as published at either size: it takes seconds."""
    return [
        Case(name, meet, {"plastic": plastic, **PROTOCOL})
        for name, plastic in ((BOTH, [True, True]), (ONE, [False, True]))
    ]


def claims(results: Results) -> Sequence[Claim]:
    """Where the weights go, and how fast."""
    tenth = "ours: a tenth of the gap of 1 at the start"
    theory = "the drift of the exact theory, and a scatter of the order of a tenth in one run, which is ours"
    return [
        Claim("two neurons: both weights meet", "0 [P]", results.values(BOTH, "gap"), -0.1, 0.1, tenth),
        Claim(
            "two neurons: they meet at their common mean",
            "0 off [P]",
            results.values(BOTH, "shift"),
            -1e-6,
            1e-6,
            "what one gains the other loses, spike by spike",
            ".1g",
            law=True,
        ),
        Claim("two neurons: a plastic one meets a frozen one", "0 [P]", results.values(ONE, "gap"), -0.1, 0.1, tenth),
        *(
            Claim(f"{name}: pace, relative to theory", "1 [D]", results.values(name, "pace"), 0.85, 1.15, theory)
            for name in (BOTH, ONE)
        ),
    ]


def figures(results: Results) -> Mapping[str, Figure]:
    """Both weights over time, as in the paper's figure 2d, and the theory."""
    rows = {name: results.of(name) for name in (BOTH, ONE)}
    if not all(rows.values()):
        return {}
    from matplotlib.figure import Figure

    figure = Figure((7.5, 2.9), layout="constrained")
    for axes, (name, found) in zip(figure.subplots(1, 2, sharey=True), rows.items(), strict=True):
        for number, (color, label) in enumerate((("#0072b2", "w₁"), ("#d55e00", "w₂"))):
            for row in found:
                time = np.array(row.values["epochs"]) * row.parameters["steps"] / row.parameters["refractory"] / 1000
                measured = label if row is found[0] else None
                axes.plot(time, row.values["weights"][number], color=color, lw=0.8, alpha=0.8, label=measured)
            axes.plot(time, row.values["theory"][number], color="#222222", lw=1.2, ls="--")
        axes.set(title=name, xlabel="time (1000 T_ref)")
    axes.plot([], [], color="#222222", lw=1.2, ls="--", label="exact drift")
    figure.axes[0].set_ylabel("weight")
    axes.legend()
    return {"two_neurons": figure}
