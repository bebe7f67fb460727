"""SAL beside the other rules that find weights from spikes, for as long as a pair of layers is simulated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from spikefa.agreement import alignment, degrees, pearson, sign_agreement
from spikefa.noise.phase import NoisePhase
from spikefa.rules import rule as named
from spikefa.streams import stream
from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNT = 50
"""Neurons below, and above."""
SECONDS = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
"""At which B is looked at; a phase is a second."""
SHOWN = 250
"""Synapses of which W and B are kept, for the figure."""
RULES = {
    "sal": "sal:every=1,eta=0.05,steps=1250,replicas=8,centred=false",
    "rdd": "rdd:every=1,per=update,steps=1000,replicas=1,scale=10",
    "stdwi": (
        "stdwi:every=1,duration=1000,replicas=1,hold=100,dt=0.25,eta=0.02,decay=0.1,tau_fast=10,centred=false,"
        "rescale=false"
    ),
    "sal, T_ref 10 ms": "sal:every=1,eta=0.05,steps=125,replicas=8,centred=false",
    "stdwi, ours": "stdwi:every=1,duration=1000,replicas=1,rescale=false",
}
"""Each with its own neurons and drive. The first three have the options of the authors' comparison, SAL among them with
a T_ref of 10 steps of 0.1 ms; the fourth has steps of 1 ms, and the last what spikefa takes as stdwi's defaults."""
COLORS = {
    "sal": "#cc79a7",
    "rdd": "#882255",
    "stdwi": "#56b4e9",
    "sal, T_ref 10 ms": "#cc79a7",
    "stdwi, ours": "#56b4e9",
}


def measure(seed: int, rule: str, seconds: Sequence[int] = SECONDS) -> Mapping[str, Any]:
    """Simulate a pair of layers under a rule, with W uniform of variance 1/50.

    Returns:
        ``angle`` of B and W in degrees, Pearson's ``r``, ``signs``: the part that agree, and ``slope`` of B over W, in
        the end; ``curves`` of the first three over ``seconds``; ``weights`` and ``feedback`` of some synapses.
    """
    bound = math.sqrt(3 / COUNT)
    weight = bound * (2 * torch.rand(COUNT, COUNT, generator=stream(seed, "weights")) - 1)
    pathway = named(rule)(weight, stream(seed, "feedback"))
    if not isinstance(pathway, NoisePhase):
        raise TypeError(f"{rule} learns nothing from spikes: name a rule that does")
    curves: dict[str, list[float]] = {"angle": [], "r": [], "signs": []}
    for second in range(max(seconds) + 1):
        if second:
            pathway.step(weight)
        if second in seconds:
            feedback = pathway(weight)
            for name, value in _agreement(feedback, weight).items():
                curves[name].append(value)
    slope = float((feedback * weight).sum() / weight.square().sum())
    last = {name: values[-1] for name, values in curves.items()}
    shown = {"weights": weight, "feedback": feedback}
    return {**last, "slope": slope, "curves": curves, **{n: v.flatten()[:SHOWN].tolist() for n, v in shown.items()}}


def _agreement(feedback: torch.Tensor, weight: torch.Tensor) -> dict[str, float]:
    angle = degrees(alignment(feedback, weight))
    return {"angle": angle, "r": pearson(feedback, weight), "signs": sign_agreement(feedback, weight)}


def cases(size: Size) -> Sequence[Case]:
    """The same at both sizes: 100 s."""
    return [Case(f"spike rules, {name}", measure, {"rule": rule}) for name, rule in RULES.items()]


def claims(results: Results) -> Sequence[Claim]:
    """What stands in the paper's figure of this comparison, of which no figures are published."""
    sal, rdd, stdwi = (f"spike rules, {name}" for name in ("sal", "rdd", "stdwi"))
    closer, beside = "SAL's angle less that of", "after 100 s, degrees"
    found: list[tuple[str, str, Sequence[float], float, float, str]] = [
        (f"{closer} RDD {beside}", "–", results.differences(sal, rdd, "angle"), -math.inf, 0, "its sign"),
        (f"{closer} STDWI {beside}", "–", results.differences(sal, stdwi, "angle"), -math.inf, 0, "its sign"),
        (
            "slope of B over W, SAL",
            "1 [D]",
            results.values(sal, "slope"),
            0.9,
            1.1,
            "ours: its fixed point, B = W, to a tenth",
        ),
        ("sign agreement of SAL less RDD's", "–", results.differences(sal, rdd, "signs"), 0, math.inf, "its sign"),
        ("sign agreement of SAL less STDWI's", "–", results.differences(sal, stdwi, "signs"), 0, math.inf, "its sign"),
    ]
    return [Claim(f"50 → 50: {claim[0]}", *claim[1:]) for claim in found]


def figures(results: Results) -> Mapping[str, Figure]:
    """B over W in the end, for each rule, and what becomes of the angle, r and the signs."""
    measured = [name for name in RULES if results.of(f"spike rules, {name}")]
    if not measured:
        return {}
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 5.4), layout="constrained")
    grid = figure.subplots(2, 3)
    for axes, name in zip(grid[0], [name for name in measured if name in ("sal", "rdd", "stdwi")], strict=False):
        row = results.of(f"spike rules, {name}")[0].values
        axes.plot(row["weights"], row["feedback"], ".", color=COLORS[name], markersize=3)
        axes.set(xlabel="W", ylabel="B", title=name)
    told = {"angle": "angle of B and W, degrees", "r": "Pearson's r", "signs": "signs that agree"}
    for axes, (field, label) in zip(grid[1], told.items(), strict=True):
        for name in measured:
            curve = results.array(f"spike rules, {name}", "curves", field).mean(0)
            dash = "--" if "," in name else "-"
            axes.plot(SECONDS, curve, dash, color=COLORS[name], label=name)
        axes.set(xscale="symlog", xlim=(0, SECONDS[-1]), xlabel="simulated time, s", ylabel=label)
        axes.set_xticks([0, 1, 10, 100], labels=["0", "1", "10", "100"])
    figure.legend(*grid[1][0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return {"spike_rules": figure}
