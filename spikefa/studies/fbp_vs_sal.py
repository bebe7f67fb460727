"""fBP or SAL? Accuracy against cost, and what each bears: noise, mismatch, transports that fail."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from spikefa.comparison import load
from spikefa.experiment import Experiment
from spikefa.noise.cost import phases_cost
from spikefa.palette import strokes
from spikefa.panels import panels
from spikefa.studies.claim import Claim
from spikefa.studies.rows import Results
from spikefa.studies.study import Case, Size, Study
from spikefa.studies.trained import trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIELDS: Mapping[Size, Mapping[str, Any]] = {
    "quick": {
        "dataset": "fashion_mnist:train=6000,validation=1000,test=4000",
        "network": "mlp:depth=6,width=100",
        "steps": 6,
        "epochs": 2,
        "batch_size": 16,
        "lr": 1e-3,
    },
    "long": {
        "dataset": "fashion_mnist",
        "network": "mlp:depth=6,width=200",
        "steps": 6,
        "epochs": 10,
        "batch_size": 128,
        "lr": 1e-3,
    },
}
"""The experiments' fields. Quick is the rate-coded network of goupy2025."""
FBP = "fbp:period=10,transport=topk,fraction=0.01"
SAL = "sal:every=40"
RULES: Mapping[str, str] = {
    "bp": "bp",
    "fa": "fa",
    "never copied": "fbp:period=1000000000",
    "fbp, full, 100×": "fbp:period=100",
    "fbp, topk, 1,000×": FBP,
    "sal every 40": SAL,
    "sal every 150": "sal:every=150",
    "sal every 40, 500 steps": "sal:every=40,steps=500",
}
"""The rules by name: the ceiling, two floors, and of each contender some that cost more and less."""
HARMS: Mapping[str, Mapping[str, str]] = {
    "weight noise 0.003": {"bp": "bp", "fa": "fa", "never copied": RULES["never copied"], "fbp": FBP, "sal": SAL},
    "mismatch 0.2": {"bp": "bp", "fa": "fa", "fbp": FBP, "sal": SAL + ",mismatch=1.0"},
    "half lost": {"fbp": FBP + ",lost=0.5", "fbp, full, 100×": "fbp:period=100,lost=0.5"},
    "late": {"fbp": FBP + ",late=9", "fbp, full, 100×": "fbp:period=100,late=99"},
}
"""What goes wrong, and which rules are put to it.

Noise comes after each update, relative to the rms of W₀, so that it adds up to 0.08 of that over 750 updates. A
mismatch of 0.2 is of thresholds and time constants of every neuron of the network; the neurons of SAL's phases have
thresholds that are off by a standard deviation of 1, in the unit of the drive.
"""
POINT = "less than a point, the scatter of seeds in docs/all_rules"
UNHARMED = {"fbp": "fbp, topk, 1,000×", "sal": "sal every 40"}
"""The unharmed case of a rule that is put to harm, where it is called otherwise."""


def measured(seed: int, device: str = "cpu", **fields: Any) -> dict[str, Any]:
    """Train, and count what it cost: ``words`` and ``moved`` of W, ``spikes``, ``events`` and ``steps`` of the phases.

    Events are those of a phase at the start times the number of phases.
    """
    found, experiment = trained(seed, device, **fields), Experiment(seed=seed, **fields)
    data = load(experiment.dataset)
    updates = experiment.epochs * math.ceil(len(data.train) / experiment.batch_size)
    layers = found["alignment"].values()
    return {
        **{name: found[name] for name in ("test", "validation", "loss", "words", "moved", "seconds")},
        **phases_cost(experiment.build(data), updates)._asdict(),
        "cosine": float(np.mean([over["cosine"][-1] for over in layers if "cosine" in over])),
        "angle": found["curves"]["angle"][-1],
    }


@final
class FbpVsSal(Study):
    """fBP or SAL: what each costs, how well B follows W, and what happens when something goes wrong.

    The same deep LIF network, images and batches for all; fBP pays in weights and bits sent, SAL in spikes, synaptic
    events and time. Then noise in the weights, neurons that are not alike, and transports that are lost or late.

    Reference:
        Ours, of the rules of Goupy et al. 2025, https://arxiv.org/abs/2505.13741, and Gierlich et al. 2026,
        https://arxiv.org/abs/2503.02642
    """

    seeds: ClassVar[Mapping[Size, int]] = {"quick": 3, "long": 3}

    def cases(self, size: Size) -> list[Case]:
        """Every rule unharmed, and of each harm those that it concerns."""
        fields = FIELDS[size]
        harmed = {"weight noise 0.003": {"remedy": "weight_noise:std=0.003"}}
        harmed["mismatch 0.2"] = {"network": f"{fields['network']},mismatch=0.2"}
        cases = [Case(name, measured, {**fields, "rule": rule}) for name, rule in RULES.items()]
        return cases + [
            Case(f"{harm}: {name}", measured, {**fields, **harmed.get(harm, {}), "rule": rule})
            for harm, rules in HARMS.items()
            for name, rule in rules.items()
        ]

    def claims(self, results: Results) -> Sequence[Claim]:
        """Which is better, by the sign of paired differences in points; what harm costs against the rule unharmed."""
        return [*_between(results), *_harmed(results)] if results.rows else []

    def figures(self, results: Results) -> Mapping[str, Figure]:
        """Accuracy by cost, and by harm."""
        return {"cost": cost(results), "harm": harm(results)} if results.rows else {}


def _between(results: Results) -> Iterator[Claim]:
    for says, case, other in (
        ("fBP at 1,000× is above fa", "fbp, topk, 1,000×", "fa"),
        ("SAL is above fa", "sal every 40", "fa"),
        ("fBP at 1,000× is above SAL", "fbp, topk, 1,000×", "sal every 40"),
        ("fBP at 1,000× is above a copy never renewed", "fbp, topk, 1,000×", "never copied"),
        ("SAL is above a copy never renewed", "sal every 40", "never copied"),
        ("more phases are better: every 40, minus every 150", "sal every 40", "sal every 150"),
        ("with weight noise SAL is above fBP", "weight noise 0.003: sal", "weight noise 0.003: fbp"),
    ):
        yield Claim(says, "–", results.differences(case, other, "test"), 0.0, math.inf, "its sign", ".2f")
    for name, rule in (("fBP at 1,000×", "fbp"), ("SAL", "sal")):
        values = results.differences(UNHARMED[rule], "bp", "test")
        yield Claim(f"{name} is as good as bp, points", "–", values, -1.0, math.inf, POINT, ".2f")


def _harmed(results: Results) -> Iterator[Claim]:
    for harm, rules in HARMS.items():
        for name in rules:
            if name in ("fbp", "sal", "fbp, full, 100×"):
                whole = UNHARMED.get(name, name)
                values = results.differences(f"{harm}: {name}", whole, "test")
                yield Claim(f"{name} bears {harm}", "–", values, -1.0, math.inf, POINT, ".2f")


def cost(results: Results) -> Figure:
    """Test accuracy against bits moved, for fBP, and against synaptic events of phases, for SAL; floors as lines."""
    figure, (left, right) = panels(2, height=3.2, shared=False)
    for axes, unit, family in ((left, "moved", "fbp"), (right, "events", "sal")):
        for name in ("bp", "fa", "never copied"):
            if tests := results.values(name, "test"):
                rule = RULES[name]
                axes.axhline(
                    float(np.mean(tests)), color=strokes([rule])[rule].color, linestyle="--", lw=1.1, label=name
                )
        for name in RULES:
            if name.startswith(family) and (tests := results.values(name, "test")):
                at, mean = float(np.mean(results.values(name, unit))), float(np.mean(tests))
                bar = [[mean - min(tests)], [max(tests) - mean]]
                axes.errorbar([at], [mean], bar, marker="o", ms=4.5, capsize=2, label=name)
        axes.set_xscale("log")
        axes.legend(fontsize=7)
    left.set(xlabel="bits moved, relative to bp", ylabel="test accuracy, %", title="fBP", xlim=(7e-4, 0.02))
    left.set_xticks([0.001, 0.01], ["0.001", "0.01"])
    right.set(xlabel="synaptic events in phases, billions", title="SAL")
    right.set_xticks([1e9, 2e9, 5e9, 1e10], ["1", "2", "5", "10"])
    for axes in (left, right):
        axes.set_xticks([], minor=True)
    return figure


def harm(results: Results) -> Figure:
    """Test accuracy with each harm, by rule: bars of means, lines of ranges, and unharmed beside them."""
    kinds = [kind for kind in HARMS if any(row.case.startswith(f"{kind}: ") for row in results.rows)]
    figure, grid = panels(max(1, len(kinds)), height=2.6, shared=False)
    for axes, kind in zip(grid, kinds, strict=False):
        shown = [name for name in HARMS[kind] if results.of(f"{kind}: {name}")]
        for at, name in enumerate(shown):
            whole = UNHARMED.get(name, name)
            for shift, case, color in ((-0.2, whole, "#bbbbbb"), (0.2, f"{kind}: {name}", "#d55e00")):
                if tests := results.values(case, "test"):
                    axes.plot([at + shift] * len(tests), tests, "o", color=color, ms=4)
        axes.set_xticks(range(len(shown)), shown, rotation=20, ha="right")
        axes.set(title=f"{kind} (orange), unharmed (grey)")
    grid[0].set_ylabel("test accuracy, %")
    return figure
